/*
 * Unit tests of io/mcast.h and its interfaces: named, by address, by route and
 * "all"; down and up, away and back, and what an interface that was not asked
 * for brings. Over veth pairs in a namespace of their own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "io_mcast_end.h"

#define GROUP "239.1.2.3:5000"

static int set_up(void **state)
{
	(void)state;
	return lan_loop_new(&loop) ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	lan_loop_free(loop);
	/* Of a test that failed: the next one should not. */
	return system("ip link del mi0 2>/dev/null; ip link del mi2 2>/dev/null; true");
}

static struct lan_mcast_iface iface(const struct end *e, size_t i)
{
	struct lan_mcast_iface f = {.name = "none"};
	(void)lan_mcast_iface(e->m, i, &f);
	return f;
}

static bool said(const struct end *e, const char *text)
{
	return strcmp(e->said, text) == 0;
}

static void without_a_name_the_routing_table_decides(void **state)
{
	struct end *e = end_new(GROUP, NULL);
	const char *why = NULL;
	assert_int_equal(lan_mcast_open(loop, &e->cfg, &e->m, &why), LAN_ERR_UNREACH);
	assert_non_null(strstr(why, "name an interface"));
	assert_non_null(strstr(why, "add a route"));
	veth("mi0", "mi1", 9);
	veth("mi2", "mi3", 8);
	sh("ip route add 224.0.0.0/4 dev mi2 src 10.8.0.1");
	end_start(e);
	assert_string_equal(lan_mcast_own(e->m), "10.8.0.1:5000");
	settle();
	assert_true(said(e, "+mi2 "));
	struct end *wire = end_open_on(GROUP, "mi3"), *off = end_open_on(GROUP, "mi1");
	say(e, "by route");
	WAIT(wire->heard);
	assert_int_equal(off->heard, 0);
	/* The interface goes; so does its route. Another route, another interface. */
	sh("ip link del mi2");
	WAIT(said(e, "+mi2 -mi2 "));
	sh("ip route add 224.0.0.0/4 dev mi0");
	WAIT(said(e, "+mi2 -mi2 +mi0 "));
	say(e, "again");
	WAIT(off->heard);
	end_close(e);
	end_close(wire);
	end_close(off);
	sh("ip link del mi0");
}

static void what_comes_in_elsewhere_is_not_heard(void **state)
{
	veth("mi0", "mi1", 9);
	veth("mi2", "mi3", 8);
	struct end *e = end_open_on(GROUP, "mi1"), *here = end_open_on(GROUP, "mi0"),
		   *there = end_open_on(GROUP, "mi2"), *other = end_open_on(GROUP, "mi3");
	say(there, "wrong");
	WAIT(other->heard);
	assert_int_equal(e->heard, 0);
	say(here, "right");
	WAIT(e->heard);
	assert_true(heard(e, "right"));
	end_close(other);
	end_close(here);
	end_close(there);
	end_close(e);
	sh("ip link del mi0 && ip link del mi2");
}

static void what_was_queued_by_a_lost_interface_is_refused_and_counted(void **state)
{
	veth("mi0", "mi1", 9);
	struct end *e = end_open_on(GROUP, "mi1"), *from = end_open_on(GROUP, "mi0");
	settle();
	e->room = 0; /* it looks away */
	say(from, "first");
	settle();
	say(from, "second");
	sh("ip link set mi1 down");
	WAIT(!iface(e, 0).joined);
	e->room = 10;
	lan_mcast_resume(e->m);
	WAIT(stats(e).wrong_iface);
	assert_int_equal(e->heard + stats(e).wrong_iface, 2);
	end_close(e);
	end_close(from);
	sh("ip link del mi0");
}

static void an_interface_is_joined_when_it_comes(void **state)
{
	struct end *e = end_open_on(GROUP, "mi1");
	settle();
	assert_true(said(e, "-mi1 "));
	assert_false(iface(e, 0).joined);
	assert_int_equal(iface(e, 0).err, LAN_ERR_NOTFOUND);
	assert_int_equal(lan_mcast_send(e->m, (const uint8_t *)"x", 1, 1), LAN_OK);
	assert_int_equal(stats(e).tx_errors, 1);
	sh("ip link add mi0 type veth peer name mi1");
	WAIT(iface(e, 0).err == LAN_ERR_UNREACH); /* there, but down */
	sh("ip link set mi0 up && ip link set mi1 up && ip addr add 10.9.0.1/24 dev mi0 && ip addr add "
	   "10.9.0.2/24 dev mi1");
	WAIT(iface(e, 0).joined);
	wait_up("mi1");
	struct end *from = end_open_on(GROUP, "mi0");
	settle();
	say(from, "hello");
	WAIT(e->heard);
	WAIT(strcmp(lan_mcast_own(e->m), "10.9.0.2:5000") == 0);
	end_close(e);
	end_close(from);
	sh("ip link del mi0");
}

static void down_and_up_again_it_is_joined_again(void **state)
{
	veth("mi0", "mi1", 9);
	struct end *e = end_open_on(GROUP, "mi1"), *from = end_open_on(GROUP, "mi0");
	settle();
	for (int i = 0; i < 3; i++) {
		e->said[0] = '\0';
		e->heard = 0;
		sh("ip link set mi1 down");
		WAIT(said(e, "-mi1 "));
		assert_int_equal(iface(e, 0).err, LAN_ERR_UNREACH);
		sh("ip link set mi1 up");
		WAIT(said(e, "-mi1 +mi1 "));
		wait_up("mi0");
		settle(); /* the cable is back, too */
		say(from, "are you there");
		WAIT(e->heard);
	}
	end_close(e);
	end_close(from);
	sh("ip link del mi0");
}

static void away_and_made_again_it_is_joined_under_its_new_index(void **state)
{
	veth("mi0", "mi1", 9);
	struct end *e = end_open_on(GROUP, "mi1");
	uint32_t index = iface(e, 0).index;
	settle();
	sh("ip link del mi0");
	WAIT(said(e, "+mi1 -mi1 "));
	veth("mi0", "mi1", 9);
	WAIT(said(e, "+mi1 -mi1 +mi1 ") || said(e, "+mi1 -mi1 -mi1 +mi1 "));
	assert_int_not_equal(iface(e, 0).index, index);
	struct end *from = end_open_on(GROUP, "mi0");
	say(from, "hello");
	WAIT(e->heard);
	/* The same again while nobody looks, and with the very same index. */
	index = iface(e, 0).index;
	sh("ip link del mi0");
	sh("ip link add index %u name mi0 type veth peer name mi1 index %u", index + 1000, index);
	sh("ip link set mi0 up && ip link set mi1 up && ip addr add 10.9.0.1/24 dev mi0");
	wait_up("mi0");
	WAIT(iface(e, 0).joined && iface(from, 0).joined);
	settle();
	assert_int_equal(iface(e, 0).index, index);
	e->heard = 0;
	say(from, "hello again");
	WAIT(e->heard);
	end_close(e);
	end_close(from);
	sh("ip link del mi0");
}

static void a_renamed_interface_is_another_one(void **state)
{
	veth("mi0", "mi1", 9);
	struct end *e = end_open_on(GROUP, "mi1");
	settle();
	sh("ip link set mi1 name mi9");
	WAIT(said(e, "+mi1 -mi1 "));
	sh("ip link set mi9 name mi1");
	WAIT(said(e, "+mi1 -mi1 +mi1 "));
	end_close(e);
	sh("ip link del mi0");
}

static void a_cable_that_comes_back_joins_anew(void **state)
{
	put_file("/proc/sys/net/ipv4/igmp_qrv", "1"); /* reports are not repeated: each one counts */
	veth("mi0", "mi1", 9);
	struct end *e = end_open_on(GROUP, "mi1"), *from = end_open_on(GROUP, "mi0");
	settle();
	sh("nft add table netdev t && nft add chain netdev t c '{ type filter hook ingress device mi0 "
	   "priority 0; }' && "
	   "nft add rule netdev t c ip protocol igmp counter");
	sh("ip link set mi0 down");
	settle();
	assert_true(iface(e, 0).joined); /* it is up, only nobody is at the other end */
	sh("ip link set mi0 up");
	/* A report is on the wire at once, not with the next query. */
	WAIT(system("nft list chain netdev t c | grep -q 'packets [1-9]'") == 0);
	WAIT(iface(from, 0).joined);
	wait_up("mi0");
	settle();
	say(from, "hello");
	WAIT(e->heard);
	assert_true(said(e, "+mi1 ")); /* nothing to tell the owner */
	sh("nft delete table netdev t");
	end_close(e);
	end_close(from);
	sh("ip link del mi0");
}

static void an_address_names_the_interface_that_has_it(void **state)
{
	veth("mi0", "mi1", 9);
	veth("mi2", "mi3", 8);
	sh("ip addr add 10.9.0.11/24 dev mi0");
	struct end *e = end_open_on(GROUP, "10.9.0.11"), *wire = end_open_on(GROUP, "mi1"),
		   *wire2 = end_open_on(GROUP, "mi3");
	char text[LAN_ADDR_TEXT_MAX];
	settle();
	assert_string_equal(iface(e, 0).name, "mi0");
	say(e, "from my address");
	WAIT(wire->heard);
	assert_string_equal(lan_sockaddr_text(&wire->from, text), "10.9.0.11:5000");
	sh("ip addr del 10.9.0.11/24 dev mi0");
	WAIT(!iface(e, 0).joined);
	sh("ip addr add 10.9.0.11/24 dev mi2"); /* it moves */
	WAIT(iface(e, 0).joined);
	assert_string_equal(iface(e, 0).name, "mi2");
	say(e, "from elsewhere");
	WAIT(wire2->heard);
	end_close(e);
	end_close(wire);
	end_close(wire2);
	sh("ip link del mi0 && ip link del mi2");
}

static void several_interfaces_all_send_and_hear(void **state)
{
	veth("mi0", "mi1", 9);
	veth("mi2", "mi3", 8);
	struct end *e = end_new(GROUP, "mi0"), *w1 = end_open_on(GROUP, "mi1"),
		   *w3 = end_open_on(GROUP, "mi3");
	char text[LAN_ADDR_TEXT_MAX];
	e->ifaces[1] = "mi2";
	e->ifaces[2] = "10.8.0.1"; /* the same one again */
	e->cfg.n_ifaces = 3;
	end_start(e);
	settle();
	assert_true(iface(e, 0).joined && iface(e, 1).joined);
	assert_int_equal(iface(e, 2).err, LAN_ERR_EXISTS);
	say(e, "to both");
	WAIT(w1->heard && w3->heard);
	assert_int_equal(w1->heard + w3->heard, 2);
	assert_string_equal(lan_sockaddr_text(&w1->from, text), "10.9.0.1:5000");
	assert_string_equal(lan_sockaddr_text(&w3->from, text), "10.8.0.1:5000");
	static const uint8_t many[4000];
	assert_int_equal(lan_mcast_send(e->m, many, 4000, 100), LAN_OK);
	WAIT(w1->heard == 41 && w3->heard == 41);
	e->heard = 0;
	say(w1, "one");
	say(w3, "three");
	WAIT(e->heard == 2);
	assert_int_equal(iface(e, 1).tx_datagrams, 41);
	end_close(e);
	end_close(w1);
	end_close(w3);
	sh("ip link del mi0 && ip link del mi2");
}

static void a_full_socket_sends_nothing_twice_on_any_interface(void **state)
{
	static const uint8_t many[30000];
	veth("mi0", "mi1", 9);
	veth("mi2", "mi3", 8);
	struct end *e = end_new(GROUP, "mi0"), *w1 = end_open_on(GROUP, "mi1"),
		   *w3 = end_open_on(GROUP, "mi3");
	unsigned sent = 0, full = 0;
	e->ifaces[1] = "mi2";
	e->cfg.n_ifaces = 2;
	e->cfg.loopback = false;
	end_start(e);
	sh("tc qdisc add dev mi0 root tbf rate 80mbit burst 20000 limit 3000000"); /* it fills the socket of
										    * both
										    */
	for (lan_time until = lan_loop_now(loop) + LAN_SEC(5); sent < 40 && lan_loop_now(loop) < until;) {
		if (lan_mcast_send(e->m, many, 30000, 1000) == LAN_OK) {
			sent++;
			continue;
		}
		unsigned before = e->writable;
		full++;
		WAIT(e->writable > before);
	}
	assert_true(full > 0);
	WAIT(w1->heard == 1200 && w3->heard == 1200);
	settle();
	assert_int_equal(w1->heard, 1200);
	assert_int_equal(w3->heard, 1200);
	end_close(e);
	end_close(w1);
	end_close(w3);
	sh("ip link del mi0 && ip link del mi2");
}

static void all_means_those_that_come_later_too(void **state)
{
	struct end *e = end_open_on(GROUP, "all"), *local = end_open_on(GROUP, "lo");
	settle();
	assert_true(said(e, "+lo ")); /* there is no other */
	char text[LAN_ADDR_TEXT_MAX];
	say(e, "to myself");
	WAIT(local->heard);
	assert_string_equal(lan_sockaddr_text(&local->from, text), "127.0.0.1:5000");
	e->said[0] = '\0';
	veth("mi0", "mi1", 9);
	WAIT(strstr(e->said, "+mi0 ") && strstr(e->said, "+mi1 ") && strstr(e->said, "-lo "));
	struct end *w = end_open_on(GROUP, "mi1");
	say(e, "to all");
	WAIT(w->heard);
	e->said[0] = '\0';
	sh("ip link del mi0");
	WAIT(strstr(e->said, "-mi0 ") && strstr(e->said, "-mi1 ") && strstr(e->said, "+lo "));
	struct lan_mcast_iface f;
	assert_false(lan_mcast_iface(e->m, 1, &f)); /* what is away is not listed any more */
	end_close(e);
	end_close(w);
	end_close(local);
}

static void what_a_firewall_refuses_is_counted_and_said_when_it_persists(void **state)
{
	veth("mi0", "mi1", 9);
	veth("mi2", "mi3", 8);
	struct end *e = end_new(GROUP, "mi0"), *w3 = end_open_on(GROUP, "mi3");
	e->ifaces[1] = "mi2";
	e->cfg.n_ifaces = 2;
	end_start(e);
	settle();
	e->said[0] = '\0';
	sh("nft add table ip t && nft add chain ip t c '{ type filter hook output priority 0; }' && "
	   "nft add rule ip t c oifname mi0 udp dport 5000 drop");
	say(e, "x");
	settle();
	assert_int_equal(iface(e, 0).tx_errors, 1);
	static const uint8_t many[36000];
	assert_int_equal(lan_mcast_send(e->m, many, 36000, 1000), LAN_OK); /* in one piece .. */
	assert_int_equal(iface(e, 0).tx_errors, 37);
	assert_int_equal(lan_mcast_send(e->m, many, 36000, 9000), LAN_OK); /* .. and above the MTU */
	assert_int_equal(iface(e, 0).tx_errors, 41);
	WAIT(w3->heard == 41);
	assert_true(said(e, "")); /* an instant is not worth a word */
	lan_time until = lan_loop_now(loop) + LAN_MS(1300);
	while (lan_loop_now(loop) < until) {
		say(e, "x");
		lan_loop_run(loop, LAN_MS(100));
	}
	assert_true(said(e, "-mi0 "));
	assert_int_equal(iface(e, 0).err, LAN_ERR_PERM);
	assert_true(iface(e, 0).joined && w3->heard > 5); /* the other one is not touched */
	assert_int_equal(w3->heard, iface(e, 1).tx_datagrams);
	sh("nft delete table ip t");
	say(e, "x");
	settle();
	assert_true(said(e, "-mi0 +mi0 "));
	end_close(e);
	end_close(w3);
	sh("ip link del mi0 && ip link del mi2");
}

static void ipv6_works_the_same(void **state)
{
	veth("mi0", "mi1", 9);
	veth("mi2", "mi3", 8);
	char text[LAN_ADDR_TEXT_MAX];
	sh("ip addr add fd00:9::1/64 dev mi0 nodad && ip addr add fd00:9::2/64 dev mi1 nodad");
	struct end *a = end_open_on("[ff15:0:0::5]:5000", "mi0"), *b = end_open_on("[ff15::5]:5000", "mi1"),
		   *c = end_open_on("[ff15::5]:5000", "mi3");
	assert_string_equal(lan_mcast_address(a->m), "[ff15::5]:5000");
	assert_true(lan_mcast_is_v6(a->m));
	WAIT(iface(a, 0).joined && iface(b, 0).joined);
	say(a, "six");
	WAIT(a->heard && b->heard);
	settle();
	assert_int_equal(c->heard, 0);
	assert_string_equal(lan_sockaddr_text(&b->from, text), "[fd00:9::1]:5000");
	assert_string_equal(lan_mcast_own(a->m), "[fd00:9::1]:5000");
	sh("ip addr del fd00:9::1/64 dev mi0 && ip addr add fd00:9::3/64 dev mi0 nodad");
	WAIT(strcmp(lan_mcast_own(a->m), "[fd00:9::3]:5000") == 0);
	static const uint8_t many[30000];
	assert_int_equal(lan_mcast_send(a->m, many, 30000, 1000), LAN_OK);
	assert_int_equal(lan_mcast_send(a->m, many, 30000, 9000), LAN_OK);
	WAIT(b->heard == 35);
	end_close(a);
	end_close(b);
	end_close(c);
	sh("ip link del mi0 && ip link del mi2");
}

static void a_link_local_group_is_one_on_each_interface(void **state)
{
	veth("mi0", "mi1", 9);
	veth("mi2", "mi3", 8);
	usleep(100000);
	struct end *e = end_new("[ff02::1:5]:5000", "mi0"), *w1 = end_open_on("[ff02::1:5%mi1]:5000", NULL),
		   *w3 = end_open_on("[ff02::1:5]:5000", "mi3"),
		   *other = end_open_on("[ff02::1:6]:5000", "mi1");
	e->ifaces[1] = "mi2";
	e->cfg.n_ifaces = 2;
	end_start(e);
	assert_string_equal(lan_mcast_address(w1->m), "[ff02::1:5]:5000");
	say(e, "here and there");
	WAIT(w1->heard && w3->heard);
	assert_int_equal(w1->heard + w3->heard, 2);
	say(w1, "back");
	WAIT(heard(e, "back"));
	assert_int_equal(other->heard, 0);
	/* Bound to the port alone, it gets what was sent to this host; it is not for the group. */
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_in6 to = {
		.sin6_family = AF_INET6, .sin6_port = htons(5000), .sin6_addr = in6addr_loopback};
	assert_int_equal(sendto(fd, "you", 3, 0, (struct sockaddr *)&to, sizeof to), 3);
	WAIT(stats(e).wrong_group + stats(w1).wrong_group + stats(w3).wrong_group +
			stats(other).wrong_group ==
		1);
	close(fd);
	end_close(e);
	end_close(w1);
	end_close(w3);
	end_close(other);
	sh("ip link del mi0 && ip link del mi2");
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(without_a_name_the_routing_table_decides),
		T(what_comes_in_elsewhere_is_not_heard),
		T(what_was_queued_by_a_lost_interface_is_refused_and_counted),
		T(an_interface_is_joined_when_it_comes),
		T(down_and_up_again_it_is_joined_again),
		T(away_and_made_again_it_is_joined_under_its_new_index),
		T(a_renamed_interface_is_another_one),
		T(a_cable_that_comes_back_joins_anew),
		T(an_address_names_the_interface_that_has_it),
		T(several_interfaces_all_send_and_hear),
		T(a_full_socket_sends_nothing_twice_on_any_interface),
		T(all_means_those_that_come_later_too),
		T(what_a_firewall_refuses_is_counted_and_said_when_it_persists),
		T(ipv6_works_the_same),
		T(a_link_local_group_is_one_on_each_interface),
	};
	if (!netns_enter())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
