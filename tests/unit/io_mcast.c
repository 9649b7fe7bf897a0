/*
 * Unit tests of io/mcast.h: datagrams between members, over veth pairs in a
 * namespace of their own. What interfaces do is in io_mcast_ifaces.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include "io_mcast_end.h"

#define GROUP "239.1.2.3:5000"

static int set_up(void **state)
{
	(void)state;
	if (lan_loop_new(&loop))
		return -1;
	veth("mc0", "mc1", 9);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	lan_loop_free(loop);
	sh("ip link del mc0");
	return 0;
}

/* A socket as other programs open one: bound to `ip`:5000 with SO_REUSEADDR, joined on mc1. */
static int plain_socket(const char *ip, int port)
{
	int on = 1, fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct ip_mreqn req = {.imr_ifindex = (int)if_nametoindex("mc1")};
	inet_pton(AF_INET, ip, &a.sin_addr);
	inet_pton(AF_INET, "239.1.2.3", &req.imr_multiaddr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof on);
	setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &req, sizeof req);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &req, sizeof req), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

/* What comes next, or -1 after a while; the TTL it had. */
static ssize_t plain_recv(int fd, void *buf, size_t cap, int *ttl)
{
	char control[64];
	struct iovec iov = {buf, cap};
	struct msghdr h = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (poll(&p, 1, 300) != 1)
		return -1;
	ssize_t n = recvmsg(fd, &h, 0);
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	if (ttl && c)
		memcpy(ttl, CMSG_DATA(c), sizeof *ttl);
	return n;
}

static void all_members_hear_what_one_says(void **state)
{
	char text[LAN_ADDR_TEXT_MAX];
	struct end *a = end_open_on(GROUP, "mc0"), *b = end_open_on(GROUP, "mc0"),
		   *c = end_open_on(GROUP, "mc1");
	assert_string_equal(lan_mcast_address(a->m), GROUP);
	assert_string_equal(lan_mcast_own(a->m), "10.9.0.1:5000");
	assert_false(lan_mcast_is_v6(a->m));
	say(a, "good morning");
	WAIT(a->heard && b->heard && c->heard);
	assert_true(heard(a, "good morning") && heard(b, "good morning") && heard(c, "good morning"));
	assert_string_equal(lan_sockaddr_text(&c->from, text), "10.9.0.1:5000");
	assert_int_equal(a->ifindex, if_nametoindex("mc0"));
	assert_int_equal(c->ifindex, if_nametoindex("mc1"));
	assert_true(c->batches > 0);
	assert_int_equal(stats(a).tx_datagrams, 1);
	assert_int_equal(stats(c).rx_datagrams, 1);
	assert_string_equal(a->said, "+mc0 ");
	end_close(a);
	end_close(b);
	end_close(c);
}

static void addresses_that_are_no_group_are_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *address, *word;
	} bad[] = {{NULL, "GROUP:PORT"}, {"", "GROUP:PORT"}, {"239.1.2.3", "GROUP:PORT"},
		{"localhost:5000", "GROUP:PORT"}, {"239.1.2.3:0", "port"},
		{"192.0.2.1:5000", "not a multicast group"}, {"223.255.255.255:1", "not a multicast group"},
		{"240.0.0.0:1", "not a multicast group"}, {"[fe80::1]:5000", "not a multicast group"},
		{"239.1.2.3:65536", "GROUP:PORT"}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct end *e = end_new(bad[i].address, "mc0");
		const char *why = NULL;
		assert_int_equal(lan_mcast_open(loop, &e->cfg, &e->m, &why), LAN_ERR_ADDR);
		assert_non_null(strstr(why, bad[i].word));
		free(e);
	}
	struct end *e = end_new(GROUP, "mc0");
	e->sources[0] = "::1";
	e->cfg.n_sources = 1;
	assert_int_equal(lan_mcast_open(loop, &e->cfg, &e->m, NULL), LAN_ERR_ADDR);
	e->cfg.n_sources = 0;
	e->ifaces[0] = "an impossible name";
	assert_int_equal(lan_mcast_open(loop, &e->cfg, &e->m, NULL), LAN_ERR_ADDR);
	free(e);
}

static void two_groups_on_one_port_do_not_hear_each_other(void **state)
{
	struct end *a = end_open_on(GROUP, "mc0"), *b = end_open_on("239.1.2.4:5000", "mc0");
	say(a, "for a");
	say(b, "for b");
	WAIT(a->heard && b->heard);
	settle();
	assert_int_equal(a->heard, 1);
	assert_int_equal(b->heard, 1);
	assert_true(heard(a, "for a") && heard(b, "for b"));
	end_close(a);
	end_close(b);
}

static void other_programs_share_the_port_and_keep_their_unicast(void **state)
{
	char buf[64];
	int fd = plain_socket("0.0.0.0", 5000), other;
	struct end *a = end_open_on(GROUP, "mc0");
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(5000)};
	say(a, "to all");
	assert_int_equal(plain_recv(fd, buf, sizeof buf, NULL), 6);
	assert_int_equal(plain_recv(fd, buf, sizeof buf, NULL), 6); /* from mc0 and from mc1 */
	WAIT(a->heard);
	/* We came later: the kernel would give us their unicast if it could. */
	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	other = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(sendto(other, "to you", 6, 0, (struct sockaddr *)&to, sizeof to), 6);
	assert_int_equal(plain_recv(fd, buf, sizeof buf, NULL), 6);
	assert_memory_equal(buf, "to you", 6);
	settle();
	assert_int_equal(a->heard, 1);
	close(other);
	close(fd);
	end_close(a);
}

static void a_port_that_is_held_alone_is_said_to_be(void **state)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(5000)};
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	struct end *e = end_new(GROUP, "mc0");
	const char *why;
	assert_int_equal(lan_mcast_open(loop, &e->cfg, &e->m, &why), LAN_ERR_ADDRINUSE);
	assert_non_null(strstr(why, "holds the port"));
	close(fd);
	free(e);
}

static void without_loopback_this_host_does_not_hear(void **state)
{
	struct end *a = end_new(GROUP, "mc0"), *b = end_open_on(GROUP, "mc0"),
		   *wire = end_open_on(GROUP, "mc1");
	a->cfg.loopback = false;
	end_start(a);
	say(a, "not here");
	WAIT(wire->heard); /* on the wire it was */
	settle();
	assert_int_equal(a->heard + b->heard, 0);
	end_close(a);
	end_close(b);
	end_close(wire);
}

static void the_ttl_is_on_the_wire(void **state)
{
	static const int ttls[] = {1, 32, 255};
	char buf[64];
	int fd = plain_socket("239.1.2.3", 5000), ttl = -1, off = 0;
	setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof off); /* only what comes in by mc1 */
	for (size_t i = 0; i < 3; i++) {
		struct end *e = end_new(GROUP, "mc0");
		e->cfg.ttl = ttls[i];
		end_start(e);
		say(e, "x");
		assert_int_equal(plain_recv(fd, buf, sizeof buf, &ttl), 1);
		assert_int_equal(ttl, ttls[i]);
		end_close(e);
	}
	struct end *e = end_new(GROUP, "mc0"), *local = end_open_on(GROUP, "mc0");
	e->cfg.ttl = 0;
	end_start(e);
	say(e, "x");
	WAIT(local->heard); /* not beyond this host, but here */
	assert_int_equal(plain_recv(fd, buf, sizeof buf, &ttl), -1);
	end_close(e);
	end_close(local);
	close(fd);
}

static void only_the_sources_asked_for_are_heard(void **state)
{
	struct end *a = end_open_on(GROUP, "10.9.0.1"), *c = end_open_on(GROUP, "10.9.0.2");
	struct end *e = end_new(GROUP, "mc1"), *f = end_new(GROUP, "mc1");
	e->sources[0] = "10.9.0.1";
	f->sources[0] = "10.9.0.2";
	f->sources[1] = "10.9.0.77";
	e->cfg.n_sources = 1;
	f->cfg.n_sources = 2;
	end_start(e);
	end_start(f);
	say(a, "from one");
	WAIT(e->heard);
	say(c, "from two");
	WAIT(f->heard);
	settle();
	assert_int_equal(e->heard, 1);
	assert_int_equal(f->heard, 1);
	assert_true(heard(e, "from one") && heard(f, "from two"));
	assert_int_equal(stats(e).wrong_source + stats(f).wrong_source, 0); /* the kernel refused, not we */
	end_close(a);
	end_close(c);
	end_close(e);
	end_close(f);
}

/* net.ipv4.igmp_max_msf is 10. */
static void more_sources_than_the_kernel_takes_are_sorted_here(void **state)
{
	static char names[32][24];
	struct end *a = end_open_on(GROUP, "10.9.0.1"), *c = end_open_on(GROUP, "10.9.0.2"),
		   *e = end_new(GROUP, "mc1");
	for (int i = 0; i < 32; i++) {
		snprintf(names[i], sizeof names[i], "10.9.0.%d", 50 + i);
		e->sources[i] = names[i];
	}
	e->sources[31] = "10.9.0.1";
	e->cfg.n_sources = 32;
	end_start(e);
	say(c, "a stranger");
	say(a, "a friend");
	WAIT(e->heard);
	settle();
	assert_int_equal(e->heard, 1);
	assert_true(heard(e, "a friend"));
	assert_int_equal(stats(e).wrong_source, 1);
	end_close(a);
	end_close(c);
	end_close(e);
}

/* ---- batches ---------------------------------------------------------------- */

static uint8_t pattern[65507];

/* Datagram i of a batch is the i-th piece of the pattern. */
static size_t piece, expected_off;

static void is_next_piece(struct end *e, const uint8_t *buf, size_t n)
{
	(void)e;
	assert_true(expected_off + n <= sizeof pattern);
	assert_true(n <= piece);
	assert_memory_equal(buf, pattern + expected_off, n);
	expected_off += n;
}

static void batch(size_t total, size_t segment, bool tx_offload, bool rx_offload)
{
	struct end *a = end_new(GROUP, "mc0"), *b = end_new(GROUP, "mc1");
	unsigned count = (unsigned)((total + segment - 1) / segment);
	a->cfg.offload = tx_offload;
	b->cfg.offload = rx_offload;
	b->check = is_next_piece;
	a->cfg.loopback = false;
	end_start(a);
	end_start(b);
	piece = segment;
	expected_off = 0;
	assert_int_equal(lan_mcast_send(a->m, pattern, total, segment), LAN_OK);
	WAIT(b->heard >= count);
	settle();
	assert_int_equal(b->heard, count);
	assert_int_equal(expected_off, total);
	assert_int_equal(stats(a).tx_datagrams, count);
	assert_int_equal(stats(b).rx_datagrams, count);
	assert_int_equal(stats(a).tx_errors, 0);
	if (tx_offload && rx_offload && segment <= 1472)
		assert_int_equal(b->batches, 1); /* the receiving half of offload: one piece of up to 64 */
	end_close(a);
	end_close(b);
}

static void batches_arrive_as_the_datagrams_they_were(void **state)
{
	static const struct {
		size_t total, segment;
	} sizes[] = {{64, 1}, {63, 1}, {64 * 64, 64}, {64 * 64 - 1, 64}, {46 * 1400, 1400},
		{46 * 1400 - 1399, 1400}, {2 * 1472, 1472}, {1400, 1400}, {1, 1}};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (int k = 0; k < 4; k++)
			batch(sizes[i].total, sizes[i].segment, k & 1, k & 2);
}

static void what_is_above_the_mtu_goes_in_fragments(void **state)
{
	for (int k = 0; k < 2; k++) {
		batch(3 * 1473, 1473, k, true); /* one byte too many for one frame */
		batch(4 * 9000 - 5, 9000, k, true);
		batch(65507, 65507, k, true);
	}
	sh("ip link set mc0 mtu 9100 && ip link set mc1 mtu 9100");
	batch(4 * 9000, 9000, true, true);
}

static void an_interface_that_refuses_offload_still_sends(void **state)
{
	/* The table says 9000 is fine; the route says otherwise, and the kernel refuses (EINVAL). */
	sh("ip link set mc0 mtu 9100 && ip link set mc1 mtu 9100");
	sh("ip route add 239.0.0.0/8 dev mc0 mtu lock 1500");
	batch(4 * 8000, 8000, true, true);
	batch(40 * 1000, 1000, true, true);
}

/* How many pieces 40 datagrams come in: one if they were sent and received with offload. */
static unsigned pieces_of_40(struct end *a, struct end *b)
{
	b->heard = b->batches = 0;
	assert_int_equal(lan_mcast_send(a->m, pattern, 40000, 1000), LAN_OK);
	WAIT(b->heard == 40);
	settle();
	return b->batches;
}

static void offload_is_given_up_for_a_reason_and_not_for_ever(void **state)
{
	struct end *a = end_open_on(GROUP, "mc0"), *b = end_open_on(GROUP, "mc1");
	assert_int_equal(pieces_of_40(a, b), 1);
	assert_int_equal(lan_mcast_send(a->m, pattern, 36000, 9000), LAN_OK); /* never tried: above the MTU */
	WAIT(b->heard == 44);
	assert_int_equal(pieces_of_40(a, b), 1);
	sh("ip link set mc0 mtu 9100 && ip link set mc1 mtu 9100");
	sh("ip route add 239.0.0.0/8 dev mc0 mtu lock 1500");
	settle();
	assert_int_equal(lan_mcast_send(a->m, pattern, 32000, 8000), LAN_OK); /* tried, and refused */
	WAIT(b->heard == 44);
	assert_true(pieces_of_40(a, b) > 1);
	sh("ip link set mc0 mtu 1500"); /* it has changed: who knows */
	settle();
	assert_int_equal(pieces_of_40(a, b), 1);
	end_close(a);
	end_close(b);
}

static void a_turn_reads_a_bounded_amount(void **state)
{
	struct end *a = end_new(GROUP, "mc0"), *b = end_open_on(GROUP, "mc1");
	a->cfg.offload = false;
	a->cfg.loopback = false;
	end_start(a);
	settle();
	for (int i = 0; i < 3000; i++)
		assert_int_equal(lan_mcast_send(a->m, pattern, 10, 10), LAN_OK);
	lan_loop_run(loop, 0);
	assert_in_range(b->heard, 1, 1100);
	WAIT(b->heard == 3000);
	end_close(a);
	end_close(b);
}

static void an_empty_datagram_is_one(void **state)
{
	struct end *a = end_open_on(GROUP, "mc0"), *b = end_open_on(GROUP, "mc1");
	assert_int_equal(lan_mcast_send(a->m, pattern, 0, 0), LAN_OK);
	WAIT(b->heard);
	assert_int_equal(b->last_n, 0);
	assert_int_equal(stats(a).tx_datagrams, 1);
	end_close(a);
	end_close(b);
}

static void who_has_no_room_is_left_alone_and_loses_nothing(void **state)
{
	struct end *a = end_open_on(GROUP, "mc0"), *b = end_open_on(GROUP, "mc1");
	b->check = is_next_piece;
	b->room = 3;
	piece = 100;
	expected_off = 0;
	assert_int_equal(lan_mcast_send(a->m, pattern, 2000, 100), LAN_OK); /* one batch .. */
	assert_int_equal(lan_mcast_send(a->m, pattern + 2000, 100, 100), LAN_OK);
	WAIT(b->heard == 3);
	settle();
	assert_int_equal(b->heard, 3);
	b->room = 5; /* .. stopped in its middle, twice */
	lan_mcast_resume(b->m);
	WAIT(b->heard == 8);
	settle();
	b->room = 1000;
	lan_mcast_resume(b->m);
	WAIT(b->heard == 21);
	assert_int_equal(expected_off, 2100);
	end_close(a);
	end_close(b);
}

static void what_the_kernel_drops_is_counted(void **state)
{
	struct end *a = end_new(GROUP, "mc0"), *b = end_new(GROUP, "mc1");
	a->cfg.loopback = false;
	a->cfg.offload = false;
	b->cfg.receive_buffer = 20000;
	end_start(a);
	end_start(b);
	lan_loop_run(loop, LAN_MS(10));
	for (int i = 0; i < 500; i++)
		assert_int_equal(lan_mcast_send(a->m, pattern, 1000, 1000), LAN_OK);
	WAIT(b->heard);
	settle();
	assert_true(b->heard < 500);
	assert_int_equal(b->heard + stats(b).kernel_drops, 500); /* no datagram had to come to tell it */
	assert_int_equal(lan_mcast_drops(b->m), 0);
	say(a, "what is left");
	WAIT(heard(b, "what is left"));
	assert_int_equal(b->heard - 1 + lan_mcast_drops(b->m), 500);
	assert_int_equal(b->heard - 1 + stats(b).kernel_drops, 500);
	end_close(a);
	end_close(b);
}

static void a_full_socket_says_when_there_is_room_and_nothing_is_sent_twice(void **state)
{
	for (int offload = 0; offload < 2; offload++) {
		struct end *a = end_new(GROUP, "mc0"), *b = end_open_on(GROUP, "mc1");
		unsigned sent = 0, full = 0;
		a->cfg.offload = offload;
		a->cfg.loopback = false;
		end_start(a);
		sh("tc qdisc replace dev mc0 root tbf rate 80mbit burst 20000 limit 3000000");
		for (lan_time until = lan_loop_now(loop) + LAN_SEC(5);
			sent < 60 && lan_loop_now(loop) < until;) {
			enum lan_err e = lan_mcast_send(a->m, pattern, 30 * 1000, 1000);
			if (e == LAN_OK) {
				sent++;
				continue;
			}
			assert_int_equal(e, LAN_ERR_AGAIN);
			unsigned before = a->writable;
			full++;
			WAIT(a->writable > before);
		}
		assert_int_equal(sent, 60);
		assert_true(full > 0);
		WAIT(b->heard == 1800);
		settle();
		assert_int_equal(b->heard, 1800);
		assert_int_equal(stats(a).tx_datagrams, 1800);
		sh("tc qdisc del dev mc0 root");
		end_close(a);
		end_close(b);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(all_members_hear_what_one_says),
		T(addresses_that_are_no_group_are_refused_with_a_sentence),
		T(two_groups_on_one_port_do_not_hear_each_other),
		T(other_programs_share_the_port_and_keep_their_unicast),
		T(a_port_that_is_held_alone_is_said_to_be),
		T(without_loopback_this_host_does_not_hear),
		T(the_ttl_is_on_the_wire),
		T(only_the_sources_asked_for_are_heard),
		T(more_sources_than_the_kernel_takes_are_sorted_here),
		T(batches_arrive_as_the_datagrams_they_were),
		T(what_is_above_the_mtu_goes_in_fragments),
		T(an_interface_that_refuses_offload_still_sends),
		T(offload_is_given_up_for_a_reason_and_not_for_ever),
		T(a_turn_reads_a_bounded_amount),
		T(an_empty_datagram_is_one),
		T(who_has_no_room_is_left_alone_and_loses_nothing),
		T(what_the_kernel_drops_is_counted),
		T(a_full_socket_says_when_there_is_room_and_nothing_is_sent_twice),
	};
	if (!netns_enter())
		return 0;
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (uint8_t)(i * 31 + i / 251);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
