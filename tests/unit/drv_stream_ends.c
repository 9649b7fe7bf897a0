/*
 * Unit tests of the driver (drv/stream.h): streams end in many ways, and nothing
 * that was said before is lost.
 */
#include "drv_echo.h"

static void a_reset_is_told_from_an_orderly_end(void **state)
{
	start("127.0.0.1:0", true);
	int fd = plain_connect();
	run_until_journal("o");
	reset(fd);
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
	reset(fd);
	say("to nobody");
	run_until_journal("ol");
	assert_memory_equal(echo->conn[0].buf + 9, "last words", 10);
}

static void all_that_came_before_a_reset_is_read_however_little_room_there_is(void **state)
{
	char said[40000];
	memset(said, 'x', sizeof said);
	start("127.0.0.1:0", true);
	int fd = plain_connect();
	run_until_journal("o");
	echo->held = true;
	echo->room_max = 100; /* many more reads than one wake-up has */
	assert_int_equal(send(fd, said, sizeof said, 0), sizeof said);
	reset(fd);
	lan_loop_run(loop, LAN_MS(20));
	lan_loop_run(loop, LAN_MS(20));
	assert_string_equal(echo->journal, "o"); /* it cannot be read now, so it is not over */
	echo->held = false;
	echo->conn[0].read = true;
	lan_sdrv_pump(echo->drv);
	run_until_journal("ol");
	assert_int_equal(echo->conn[0].in, sizeof said);
	assert_int_equal(echo->last_err, LAN_ERR_RESET);
}

static void what_was_sent_before_finishing_gets_through_although_the_peer_talks_on(void **state)
{
	char buf[64];
	start("127.0.0.1:0", true);
	int fd = plain_connect();
	run_until_journal("o");
	echo->held = true;
	assert_int_equal(send(fd, "nobody reads this", 17, 0), 17);
	say("farewell");
	echo->conn[0].finish = true;
	lan_sdrv_pump(echo->drv);
	assert_int_equal(run_and_read(fd, buf, sizeof buf), 8);
	assert_memory_equal(buf, "farewell", 8);
	assert_int_equal(recv(fd, buf, sizeof buf, 0), 0); /* an orderly end, no reset */
	close(fd);
}

static void what_did_not_reach_the_peer_is_told_when_the_stream_ends(void **state)
{
	char buf[ROOM];
	int small = 4096;
	start("127.0.0.1:0", true);
	int fd = plain_connect();
	run_until_journal("o");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	while (echo->conn[0].out == echo->conn[0].in) { /* until the peer's system takes no more */
		memset(echo->conn[0].buf, 'x', ROOM);
		echo->conn[0].out = 0;
		echo->conn[0].in = ROOM;
		echo->conn[0].send = true;
		lan_sdrv_pump(echo->drv);
	}
	uint64_t sent = echo->conn[0].sent;
	echo->conn[0].in = echo->conn[0].out; /* the core has room to read */
	ssize_t there = recv(fd, buf, sizeof buf, MSG_PEEK);
	reset(fd);
	run_until_journal("ol");
	assert_true(there > 0);
	assert_in_range(echo->unreached, 1, sent - (uint64_t)there); /* what it had, it had */
	fd = plain_connect();
	run_until_journal("olo");
	assert_int_equal(send(fd, "hello", 5, 0), 5);
	assert_int_equal(run_and_read(fd, buf, 5), 5);
	close(fd);
	run_until_journal("olol");
	assert_int_equal(echo->unreached, 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_reset_is_told_from_an_orderly_end),
		T(what_a_peer_said_before_it_vanished_is_still_read),
		T(all_that_came_before_a_reset_is_read_however_little_room_there_is),
		T(what_was_sent_before_finishing_gets_through_although_the_peer_talks_on),
		T(what_did_not_reach_the_peer_is_told_when_the_stream_ends),
		T(closing_writes_what_was_pending),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
