/*
 * drv_echo.c - see drv_echo.h.
 */
#include "drv_echo.h"

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
	c->sent += n;
}

static void echo_lost(void *core, lan_time now, uint32_t conn, enum lan_err why)
{
	struct echo *e = core;
	assert_true(e->conn[conn].used);
	e->conn[conn].used = false;
	e->last_err = why;
	note(e, 'l');
}

static void echo_unreached(void *core, uint32_t conn, uint64_t bytes)
{
	struct echo *e = core;
	assert_true(e->conn[conn].used); /* it is told before the end */
	e->unreached = bytes;
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
		if (take(&c->finish)) {
			c->used = false;
			w->kind = LAN_WANT_FINISH;
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

const struct lan_stream_ops echo_ops = {
	.name = "echo",
	.open = echo_open,
	.room = echo_room,
	.commit = echo_commit,
	.pending = echo_pending,
	.sent = echo_sent,
	.unreached = echo_unreached,
	.lost = echo_lost,
	.tick = echo_tick,
	.deadline = echo_deadline,
	.want = echo_want,
};

bool echo_ready(const void *core)
{
	return ((const struct echo *)core)->news;
}

struct lan_loop *loop;
struct echo *echo;

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

void start_with(const struct lan_stream_ops *ops, const char *address, bool listen)
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

void start(const char *address, bool listen)
{
	start_with(&echo_ops, address, listen);
}

int set_up(void **state)
{
	echo = calloc(1, sizeof *echo);
	echo->deadline = LAN_NEVER;
	return lan_loop_new(&loop) != LAN_OK;
}

int tear_down(void **state)
{
	lan_sdrv_close(echo->drv);
	lan_loop_free(loop);
	free(echo);
	return 0;
}

int plain_connect(void)
{
	struct lan_hostport h;
	union lan_sockaddr a;
	assert_int_equal(lan_hostport_parse(lan_sdrv_address(echo->drv), 0, &h), LAN_OK);
	assert_int_equal(lan_sockaddr_numeric(&h, &a), LAN_OK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, &a.any, sizeof a.v4), 0);
	return fd;
}

void run_until_journal(const char *want)
{
	lan_time end = lan_loop_now(loop) + LAN_SEC(5);
	while (strlen(echo->journal) < strlen(want) && lan_loop_now(loop) < end)
		lan_loop_run(loop, LAN_MS(100));
	assert_string_equal(echo->journal, want);
}

size_t run_and_read(int fd, char *buf, size_t n)
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

void say(const char *text)
{
	echo->conn[0].in = strlen(text);
	memcpy(echo->conn[0].buf, text, echo->conn[0].in);
	echo->conn[0].send = true;
	lan_sdrv_pump(echo->drv);
}

void reset(int fd)
{
	struct linger hard = {.l_onoff = 1};
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
	close(fd);
}
