/*
 * Unit tests of the driver (drv/stream.h) with real sockets and an echoing core;
 * the rest of the contract is exercised by real protocols. How streams end is in
 * drv_stream_ends.c.
 */
#include "drv_echo.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_arrives_is_answered_in_the_same_turn),
		T(a_peer_that_does_not_read_blocks_only_itself_and_loses_nothing),
		T(reading_pauses_while_the_core_has_no_room),
		T(a_violation_ends_that_connection_only),
		T(a_stream_the_core_does_not_want_is_closed),
		T(news_made_between_turns_keep_the_loop_from_blocking),
		T(the_deadline_of_the_core_is_kept),
		T(it_dials_when_the_core_wants_and_says_when_that_fails),
		T(addresses_that_cannot_work_are_refused_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
