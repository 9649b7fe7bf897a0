/*
 * Unit tests of batches of datagrams (io/udp_send.c) through real sockets: what the kernel cuts arrives as
 * if each had been sent alone, and an error is about one datagram.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include "io/udp_int.h"

static unsigned failures;
static enum lan_err last;

static void datagram(void *ctx, const union lan_sockaddr *from, const struct lan_udp_path *path, bool group,
	uint8_t *buf, size_t n)
{
	fail_msg("nobody sends here");
}

static void batch_done(void *ctx)
{
}

static void failed(void *ctx, const union lan_sockaddr *to, enum lan_err why)
{
	failures++;
	last = why;
}

struct bed {
	struct lan_loop *loop;
	struct lan_udp *udp;
	int peer[2]; /* plain sockets */
	union lan_sockaddr at[2];
};

static int plain(union lan_sockaddr *at)
{
	struct timeval tv = {.tv_sec = 2};
	socklen_t len = sizeof at->v4;
	memset(at, 0, sizeof *at);
	at->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &at->any, len), 0);
	assert_int_equal(getsockname(fd, &at->any, &len), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv), 0);
	return fd;
}

static void setup(struct bed *b)
{
	struct lan_udp_config cfg = {
		.address = "0.0.0.0:0", .datagram = datagram, .batch_done = batch_done, .failed = failed};
	const char *why = "";
	failures = 0;
	assert_int_equal(lan_loop_new(&b->loop), LAN_OK);
	assert_int_equal(lan_udp_open(b->loop, &cfg, &b->udp, &why), LAN_OK);
	for (int i = 0; i < 2; i++)
		b->peer[i] = plain(&b->at[i]);
}

static void teardown(struct bed *b)
{
	for (int i = 0; i < 2; i++)
		close(b->peer[i]);
	lan_udp_close(b->udp);
	lan_loop_free(b->loop);
}

static void add(
	struct bed *b, const union lan_sockaddr *to, const struct lan_udp_path *path, char c, size_t n)
{
	uint8_t *room = lan_udp_room(b->udp);
	assert_non_null(room);
	memset(room, c, n);
	assert_int_equal(lan_udp_add(b->udp, to, path, n), LAN_OK);
}

static void expect(int fd, char c, size_t n)
{
	char buf[4096], want[4096];
	memset(want, c, n);
	assert_int_equal(recv(fd, buf, sizeof buf, 0), n);
	assert_memory_equal(buf, want, n);
}

static void expect_none(int fd)
{
	char c;
	assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), -1);
}

static uint64_t sent(struct bed *b)
{
	struct lan_udp_stats s;
	lan_udp_stats(b->udp, &s);
	return s.tx_datagrams;
}

static void what_goes_to_one_peer_is_one_message_and_arrives_as_many(void **state)
{
	struct bed b;
	(void)state;
	setup(&b);
	for (char c = 'a'; c < 'k'; c++)
		add(&b, &b.at[0], NULL, c, 20);
	add(&b, &b.at[0], NULL, 'k', 7); /* a shorter one ends a message */
	assert_int_equal(b.udp->tx.end, 2);
	add(&b, &b.at[0], NULL, 'l', 7);
	add(&b, &b.at[1], NULL, 'm', 7);
	add(&b, &b.at[0], NULL, 'n', 8); /* a longer one is another */
	add(&b, &b.at[0], NULL, 'o', UDP_MERGED + 1);
	add(&b, &b.at[0], NULL, 'p', UDP_MERGED + 1); /* perhaps too long for the network */
	add(&b, &b.at[0], NULL, 'q', 0);              /* empty ones are datagrams, too */
	add(&b, &b.at[0], NULL, 'r', 0);
	assert_int_equal(b.udp->tx.end, 9);
	assert_int_equal(lan_udp_flush(b.udp), LAN_OK);
	for (char c = 'a'; c < 'k'; c++)
		expect(b.peer[0], c, 20);
	expect(b.peer[0], 'k', 7);
	expect(b.peer[0], 'l', 7);
	expect(b.peer[0], 'n', 8);
	expect(b.peer[0], 'o', UDP_MERGED + 1);
	expect(b.peer[0], 'p', UDP_MERGED + 1);
	expect(b.peer[0], 'q', 0);
	expect(b.peer[0], 'r', 0);
	expect(b.peer[1], 'm', 7);
	expect_none(b.peer[0]);
	expect_none(b.peer[1]);
	assert_int_equal(sent(&b), 18);
	assert_int_equal(failures, 0);
	teardown(&b);
}

static void a_message_has_as_many_as_every_kernel_takes(void **state)
{
	struct bed b;
	(void)state;
	setup(&b);
	for (int i = 0; i < 150; i++)
		add(&b, &b.at[0], NULL, (char)i, 30);
	assert_int_equal(b.udp->tx.end, 4);
	assert_int_equal(lan_udp_flush(b.udp), LAN_OK);
	for (int i = 0; i < 150; i++)
		expect(b.peer[0], (char)i, 30);
	teardown(&b);
}

static void a_way_that_is_no_more_is_left_out(void **state)
{
	struct bed b;
	struct lan_udp_path gone = {.ifindex = 0x7fffff00};
	(void)state;
	setup(&b);
	for (char c = 'a'; c < 'e'; c++)
		add(&b, &b.at[0], &gone, c, 20);
	assert_int_equal(b.udp->tx.end, 2);
	add(&b, &b.at[0], NULL, 'e', 20); /* another way: another message */
	assert_int_equal(b.udp->tx.end, 3);
	assert_int_equal(lan_udp_flush(b.udp), LAN_OK);
	for (char c = 'a'; c < 'f'; c++)
		expect(b.peer[0], c, 20);
	assert_int_equal(failures, 0);
	teardown(&b);
}

static void each_that_cannot_leave_is_told_and_the_next_leaves(void **state)
{
	struct bed b;
	union lan_sockaddr nowhere = {.v4 = {.sin_family = AF_INET, .sin_port = htons(9)}};
	(void)state;
	setup(&b);
	nowhere.v4.sin_addr.s_addr = htonl(INADDR_BROADCAST); /* without SO_BROADCAST: not permitted */
	add(&b, &b.at[0], NULL, 'a', 20);
	for (char c = 'b'; c < 'e'; c++)
		add(&b, &nowhere, NULL, c, 20);
	add(&b, &b.at[0], NULL, 'e', 20);
	assert_int_equal(b.udp->tx.end, 4);
	assert_int_equal(lan_udp_flush(b.udp), LAN_OK);
	expect(b.peer[0], 'a', 20);
	expect(b.peer[0], 'e', 20);
	assert_int_equal(failures, 3);
	assert_int_equal(last, LAN_ERR_PERM);
	assert_int_equal(sent(&b), 2);
	teardown(&b);
}

static void a_device_that_cannot_cut_is_not_asked_to(void **state)
{
	struct bed b;
	(void)state;
	setup(&b);
	add(&b, &b.at[0], NULL, 'a', 20);
	add(&b, &b.at[0], NULL, 'b', 20);
	b.udp->tx.single = true;
	add(&b, &b.at[0], NULL, 'c', 20);
	assert_int_equal(b.udp->tx.end, 3);
	assert_int_equal(lan_udp_flush(b.udp), LAN_OK);
	for (char c = 'a'; c < 'd'; c++)
		expect(b.peer[0], c, 20);
	teardown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_to_one_peer_is_one_message_and_arrives_as_many),
		cmocka_unit_test(a_message_has_as_many_as_every_kernel_takes),
		cmocka_unit_test(a_way_that_is_no_more_is_left_out),
		cmocka_unit_test(each_that_cannot_leave_is_told_and_the_next_leaves),
		cmocka_unit_test(a_device_that_cannot_cut_is_not_asked_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
