/*
 * Unit tests of the driver (drv/stream.h) with real sockets and the smallest
 * core there is: it sends back what it receives. The core keeps a journal of
 * what it was told, wants READ after the test has made room, and ends a
 * connection on demand; the rest of the contract is exercised by real protocols.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "drv/stream.h"
#include "io/addr.h"
#include "io/tcp.h"

#define CONNS 8
#define ROOM  65536

struct echo_conn {
	bool used, send, read, close;
	uint8_t buf[ROOM]; /* [out, in): waiting to be sent back */
	size_t out, in;
};

struct echo {
	struct echo_conn conn[CONNS];
	char journal[64]; /* o open, f failed, l lost, t tick */
	enum lan_err last_err;
	char peer[64];
	bool dial;
	bool held; /* pretend that the application does not read */
	bool answer;
	bool news; /* an event waits for the application */
	size_t room_max;
	lan_time deadline;
	unsigned commits, ready_calls;
	struct lan_sdrv *drv;
};

static void note(struct echo *e, char c)
{
	size_t n = strlen(e->journal);
	if (n + 1 < sizeof e->journal)
		e->journal[n] = c;
}

static enum lan_err echo_open(void *core, lan_time now, enum lan_err result, const char *peer, uint32_t *conn)
{
	struct echo *e = core;
	snprintf(e->peer, sizeof e->peer, "%s", peer);
	note(e, result ? 'f' : 'o');
	e->last_err = result;
	for (uint32_t i = 0; !result && i < CONNS; i++)
		if (!e->conn[i].used) {
			memset(&e->conn[i], 0, sizeof e->conn[i]);
			e->conn[i].used = true;
			*conn = i;
			return LAN_OK;
		}
	return LAN_ERR_LIMIT;
}

static uint8_t *echo_room(void *core, uint32_t conn, size_t *n)
{
	struct echo *e = core;
	struct echo_conn *c = &e->conn[conn];
	assert_true(c->used);
	if (c->out == c->in)
		c->out = c->in = 0;
	*n = e->held ? 0 : ROOM - c->in;
	if (e->room_max && *n > e->room_max)
		*n = e->room_max;
	return c->buf + c->in;
}

static enum lan_err echo_commit(void *core, lan_time now, uint32_t conn, size_t n)
{
	struct echo *e = core;
	struct echo_conn *c = &e->conn[conn];
	assert_true(c->used);
	e->commits++;
	c->in += n;
	c->send = true;
	if (memchr(c->buf, '!', c->in)) { /* the one thing this protocol forbids */
		c->close = true;
		return LAN_ERR_PROTO;
	}
	return LAN_OK;
}

static const uint8_t *echo_pending(void *core, uint32_t conn, size_t *n)
{
	struct echo_conn *c = &((struct echo *)core)->conn[conn];
	assert_true(c->used);
	*n = c->in - c->out;
	return c->buf + c->out;
}

static void echo_sent(void *core, lan_time now, uint32_t conn, size_t n)
{
	struct echo_conn *c = &((struct echo *)core)->conn[conn];
	assert_true(c->used);
	if (c->in == ROOM)
		c->read = true;
	c->out += n;
}

static void echo_lost(void *core, lan_time now, uint32_t conn, enum lan_err why)
{
	struct echo *e = core;
	assert_true(e->conn[conn].used);
	e->conn[conn].used = false;
	e->last_err = why;
	note(e, 'l');
}

static void echo_tick(void *core, lan_time now)
{
	struct echo *e = core;
	if (now < e->deadline)
		return;
	e->deadline = LAN_NEVER;
	note(e, 't');
}

static lan_time echo_deadline(const void *core)
{
	return ((const struct echo *)core)->deadline;
}

static bool take(bool *flag)
{
	bool was = *flag;
	*flag = false;
	return was;
}

static bool echo_want(void *core, struct lan_want *w)
{
	struct echo *e = core;
	for (uint32_t i = 0; i < CONNS; i++) {
		struct echo_conn *c = &e->conn[i];
		w->conn = i;
		if (!c->used)
			continue;
		if (take(&c->close)) {
			c->used = false;
			w->kind = LAN_WANT_CLOSE;
			return true;
		}
		w->kind = LAN_WANT_SEND;
		if (take(&c->send))
			return true;
		w->kind = LAN_WANT_READ;
		if (take(&c->read))
			return true;
	}
	w->kind = LAN_WANT_DIAL;
	return take(&e->dial);
}

static const struct lan_stream_ops echo_ops = {
	.name = "echo",
	.open = echo_open,
	.room = echo_room,
	.commit = echo_commit,
	.pending = echo_pending,
	.sent = echo_sent,
	.lost = echo_lost,
	.tick = echo_tick,
	.deadline = echo_deadline,
	.want = echo_want,
};

static bool echo_ready(const void *core)
{
	return ((const struct echo *)core)->news;
}

static struct lan_loop *loop;
static struct echo *echo;

static void on_ready(void *ctx)
{
	struct echo *e = ctx;
	e->ready_calls++;
	if (e->answer) { /* the application writes in answer to what it reads */
		e->answer = false;
		memcpy(e->conn[0].buf + e->conn[0].in, "answer", 6);
		e->conn[0].in += 6;
		e->conn[0].send = true;
	}
}

static void start_with(const struct lan_stream_ops *ops, const char *address, bool listen)
{
	struct lan_sdrv_config cfg = {.loop = loop,
		.ops = ops,
		.core = echo,
		.address = address,
		.dial_timeout = LAN_SEC(2),
		.ready = on_ready,
		.ctx = echo};
	assert_int_equal((listen ? lan_sdrv_listen : lan_sdrv_dial)(&cfg, &echo->drv), LAN_OK);
}

static void start(const char *address, bool listen)
{
	start_with(&echo_ops, address, listen);
}

static int set_up(void **state)
{
	echo = calloc(1, sizeof *echo);
	echo->deadline = LAN_NEVER;
	return lan_loop_new(&loop) != LAN_OK;
}

static int tear_down(void **state)
{
	lan_sdrv_close(echo->drv);
	lan_loop_free(loop);
	free(echo);
	return 0;
}

static int plain_connect(void)
{
	struct lan_hostport h;
	union lan_sockaddr a;
	assert_int_equal(lan_hostport_parse(lan_sdrv_address(echo->drv), 0, &h), LAN_OK);
	assert_int_equal(lan_sockaddr_numeric(&h, &a), LAN_OK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, &a.any, sizeof a.v4), 0);
	return fd;
}

/* Turn the loop until the journal is at least this long, at most 5 s. */
static void run_until_journal(const char *want)
{
	lan_time end = lan_loop_now(loop) + LAN_SEC(5);
	while (strlen(echo->journal) < strlen(want) && lan_loop_now(loop) < end)
		lan_loop_run(loop, LAN_MS(100));
	assert_string_equal(echo->journal, want);
}

/* Turn the loop until fd has n bytes (or its end), read them, at most 5 s. */
static size_t run_and_read(int fd, char *buf, size_t n)
{
	lan_time end = lan_loop_now(loop) + LAN_SEC(5);
	size_t got = 0;
	while (got < n && lan_loop_now(loop) < end) {
		ssize_t r = recv(fd, buf + got, n - got, MSG_DONTWAIT);
		if (r == 0)
			break;
		got += r > 0 ? (size_t)r : 0;
		if (r < 0)
			lan_loop_run(loop, LAN_MS(1));
	}
	return got;
}

static void what_arrives_is_answered_in_the_same_turn(void **state)
{
	start("127.0.0.1:0", true);
	int fd = plain_connect();
	run_until_journal("o");
	lan_loop_run(loop, 0);
	assert_int_equal(send(fd, "ping", 4, 0), 4);
	echo->answer = true;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	lan_loop_run(loop, LAN_SEC(1)); /* exactly one turn */
	assert_int_equal(poll(&p, 1, 0), 1);
	char buf[16];
	assert_int_equal(recv(fd, buf, sizeof buf, 0), 10);
	assert_memory_equal(buf, "pinganswer", 10);
	assert_true(echo->ready_calls >= 2); /* after the opening and after the bytes */
	close(fd);
	run_until_journal("ol");
	assert_int_equal(echo->last_err, LAN_ERR_CLOSED);
}

static void a_peer_that_does_not_read_blocks_only_itself_and_loses_nothing(void **state)
{
	enum { TOTAL = 64 << 20, CHUNK = 65536 };
	static char chunk[CHUNK], back[CHUNK];
	start("127.0.0.1:0", true);
	int slow = plain_connect(), quick = plain_connect();
	run_until_journal("oo");
	size_t sent = 0, got = 0;
	/* Stuff the slow one until neither side takes any more. */
	for (int idle = 0; idle < 50;) {
		for (size_t i = 0; i < CHUNK; i++)
			chunk[i] = (char)('a' + (sent + i) % 23);
		ssize_t n = sent < TOTAL ? send(slow, chunk, CHUNK, MSG_DONTWAIT) : -1;
		idle = n > 0 ? 0 : idle + 1;
		sent += n > 0 ? (size_t)n : 0;
		lan_loop_run(loop, LAN_MS(1));
	}
	assert_true(sent < TOTAL);
	assert_int_equal(send(quick, "hello", 5, 0), 5);
	assert_int_equal(run_and_read(quick, back, 5), 5);
	while (got < sent) {
		size_t n = run_and_read(slow, back, sent - got < CHUNK ? sent - got : CHUNK);
		assert_true(n > 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(back[i], (char)('a' + (got + i) % 23));
		got += n;
	}
	close(slow), close(quick);
	run_until_journal("ooll");
}

static void reading_pauses_while_the_core_has_no_room(void **state)
{
	start("127.0.0.1:0", true);
	int fd = plain_connect();
	run_until_journal("o");
	echo->held = true;
	assert_int_equal(send(fd, "x", 1, 0), 1);
	lan_time end = lan_loop_now(loop) + LAN_MS(30);
	int turns = 0;
	for (; lan_loop_now(loop) < end; turns++)
		lan_loop_run(loop, end - lan_loop_now(loop));
	assert_int_equal(echo->commits, 0);
	assert_true(turns < 10); /* it sleeps rather than asks again and again */
	echo->held = false;
	echo->conn[0].read = true;
	lan_sdrv_kick(echo->drv);
	char buf[1];
	assert_int_equal(run_and_read(fd, buf, 1), 1);
	close(fd);
	run_until_journal("ol");
}

static void a_violation_ends_that_connection_only(void **state)
{
	start("127.0.0.1:0", true);
	int bad = plain_connect(), good = plain_connect();
	char buf[4];
	run_until_journal("oo");
	assert_int_equal(send(bad, "!", 1, 0), 1);
	assert_int_equal(run_and_read(bad, buf, 1), 0);
	assert_int_equal(send(good, "fine", 4, 0), 4);
	assert_int_equal(run_and_read(good, buf, 4), 4);
	assert_string_equal(echo->journal, "oo"); /* closing was the core's own wish */
	close(bad), close(good);
	run_until_journal("ool");
}

static void a_reset_is_told_from_an_orderly_end(void **state)
{
	start("127.0.0.1:0", true);
	int fd = plain_connect();
	run_until_journal("o");
	struct linger hard = {.l_onoff = 1};
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
	close(fd);
	run_until_journal("ol");
	assert_int_equal(echo->last_err, LAN_ERR_RESET);
}

static void what_a_peer_said_before_it_vanished_is_still_read(void **state)
{
	start("127.0.0.1:0", true);
	int fd = plain_connect();
	run_until_journal("o");
	lan_loop_run(loop, 0);
	/* Bytes, then a reset; meanwhile the core wants to send. */
	assert_int_equal(send(fd, "last words", 10, 0), 10);
	struct linger hard = {.l_onoff = 1};
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
	close(fd);
	memcpy(echo->conn[0].buf, "to nobody", 9);
	echo->conn[0].in = 9;
	echo->conn[0].send = true;
	lan_sdrv_pump(echo->drv);
	run_until_journal("ol");
	assert_memory_equal(echo->conn[0].buf + 9, "last words", 10);
}

static void a_stream_the_core_does_not_want_is_closed(void **state)
{
	int fds[CONNS + 1];
	char buf[1];
	start("127.0.0.1:0", true);
	for (int i = 0; i <= CONNS; i++)
		fds[i] = plain_connect();
	run_until_journal("ooooooooo");
	assert_int_equal(run_and_read(fds[CONNS], buf, 1), 0);
	for (int i = 0; i <= CONNS; i++)
		close(fds[i]);
	run_until_journal("ooooooooollllllll");
}

static void news_made_between_turns_keep_the_loop_from_blocking(void **state)
{
	struct lan_stream_ops ops = echo_ops;
	ops.ready = echo_ready;
	start_with(&ops, "127.0.0.1:0", true);
	lan_loop_run(loop, 0);
	assert_int_equal(echo->ready_calls, 0); /* nothing to tell */
	echo->news = true;
	lan_sdrv_kick(echo->drv);
	lan_time t0 = lan_loop_now(loop);
	lan_loop_run(loop, LAN_SEC(5));
	assert_true(lan_loop_now(loop) - t0 < LAN_SEC(1));
	assert_int_equal(echo->ready_calls, 1);
	/* Told once: what the application leaves lying does not keep the loop awake. */
	for (int turns = 0; lan_loop_now(loop) < t0 + LAN_MS(30); turns++) {
		lan_loop_run(loop, t0 + LAN_MS(30) - lan_loop_now(loop));
		assert_true(turns < 10);
	}
	assert_int_equal(echo->ready_calls, 1);
}

static void the_deadline_of_the_core_is_kept(void **state)
{
	start("127.0.0.1:0", true);
	lan_time t0 = lan_loop_now(loop);
	echo->deadline = t0 + LAN_MS(20);
	lan_sdrv_kick(echo->drv);
	run_until_journal("t");
	assert_true(lan_loop_now(loop) - t0 >= LAN_MS(20));
	assert_true(lan_loop_now(loop) - t0 < LAN_MS(500));
}

static void on_peer_accept(void *ctx, int fd, const char *peer)
{
	*(int *)ctx = fd;
}

static void it_dials_when_the_core_wants_and_says_when_that_fails(void **state)
{
	struct lan_listener *s;
	struct lan_hostport h = {.host = "127.0.0.1"};
	int peer = -1;
	char buf[4], address[LAN_ADDR_TEXT_MAX];
	assert_int_equal(lan_listener_open(loop, &h, on_peer_accept, &peer, &s), LAN_OK);
	strcpy(address, lan_listener_address(s));
	echo->dial = true;
	start(address, false);
	assert_string_equal(lan_sdrv_address(echo->drv), address);
	run_until_journal("o");
	assert_string_equal(echo->peer, address);
	while (peer < 0)
		lan_loop_run(loop, LAN_SEC(1));
	assert_int_equal(send(peer, "ping", 4, 0), 4);
	assert_int_equal(run_and_read(peer, buf, 4), 4);
	close(peer);
	lan_listener_close(s);
	run_until_journal("ol");
	echo->dial = true;
	lan_sdrv_kick(echo->drv);
	run_until_journal("olf");
	assert_int_equal(echo->last_err, LAN_ERR_REFUSED);
}

static void closing_writes_what_was_pending(void **state)
{
	start("127.0.0.1:0", true);
	int fd = plain_connect();
	run_until_journal("o");
	assert_int_equal(send(fd, "unread", 6, 0), 6); /* would turn a careless close into a reset */
	memcpy(echo->conn[0].buf, "farewell", 8);
	echo->conn[0].in = 8;
	lan_sdrv_close(echo->drv);
	echo->drv = NULL;
	char buf[16];
	assert_int_equal(recv(fd, buf, sizeof buf, 0), 8);
	assert_memory_equal(buf, "farewell", 8);
	assert_int_equal(recv(fd, buf, sizeof buf, 0), 0);
	close(fd);
}

static void addresses_that_cannot_work_are_refused_at_once(void **state)
{
	struct lan_sdrv_config cfg = {.loop = loop, .ops = &echo_ops, .core = echo, .address = "nonsense"};
	assert_int_equal(lan_sdrv_listen(&cfg, &echo->drv), LAN_ERR_ADDR);
	assert_int_equal(lan_sdrv_dial(&cfg, &echo->drv), LAN_ERR_ADDR);
	cfg.address = ":80";
	assert_int_equal(lan_sdrv_dial(&cfg, &echo->drv), LAN_ERR_ADDR);
	cfg.address = "127.0.0.1:0";
	assert_int_equal(lan_sdrv_dial(&cfg, &echo->drv), LAN_ERR_ADDR);
	assert_null(echo->drv);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_arrives_is_answered_in_the_same_turn),
		T(a_peer_that_does_not_read_blocks_only_itself_and_loses_nothing),
		T(reading_pauses_while_the_core_has_no_room),
		T(a_violation_ends_that_connection_only),
		T(a_reset_is_told_from_an_orderly_end),
		T(what_a_peer_said_before_it_vanished_is_still_read),
		T(a_stream_the_core_does_not_want_is_closed),
		T(news_made_between_turns_keep_the_loop_from_blocking),
		T(the_deadline_of_the_core_is_kept),
		T(it_dials_when_the_core_wants_and_says_when_that_fails),
		T(closing_writes_what_was_pending),
		T(addresses_that_cannot_work_are_refused_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
