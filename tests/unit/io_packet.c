/*
 * Unit tests of io/packet.h: which frames are heard and which are not, over a
 * veth pair in a namespace of their own, with any octets put on the wire by a
 * raw socket. Much traffic is in io_packet_busy.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "io_packet_end.h"

static int wire;

static int set_up(void **state)
{
	(void)state;
	if (lan_loop_new(&loop))
		return -1;
	wire = raw_open();
	veth("pk0", "pk1", 9);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	lan_loop_free(loop);
	close(wire);
	sh("ip link del pk0 2>/dev/null || true");
	return 0;
}

static void a_frame_comes_in_with_its_addresses(void **state)
{
	struct end *e = end_open("pk1");
	inject(wire, "pk0", GROUP, NULL, TYPE, "good morning");
	WAIT(e->heard);
	assert_true(heard(e, "good morning"));
	assert_memory_equal(e->src, "\x02\0\0\0\0\x01", 6);
	assert_memory_equal(e->dst, GROUP, 6);
	assert_int_equal(e->batches, 1);
	inject(wire, "pk0", (const uint8_t *)"\xff\xff\xff\xff\xff\xff", NULL, TYPE, "");
	WAIT(e->heard == 2); /* an empty one is one, too */
	assert_int_equal(e->last_n, 0);
	assert_int_equal(stats(e).rx_frames, 2);
	end_close(e);
}

static void a_frame_of_full_length_is_whole_and_a_longer_one_refused(void **state)
{
	uint8_t f[14 + LAN_PACKET_MAX + 1];
	sh("ip link set pk0 mtu 3000 && ip link set pk1 mtu 3000");
	struct end *e = end_open("pk1");
	memcpy(f, GROUP, 6);
	memcpy(f + 6, "\x02\0\0\0\0\x01\x88\xb5", 8);
	for (size_t i = 14; i < sizeof f; i++)
		f[i] = (uint8_t)i;
	raw_send(wire, "pk0", f, sizeof f - 1);
	raw_send(wire, "pk0", f, sizeof f);
	WAIT(stats(e).drop_truncated == 1);
	assert_int_equal(e->heard, 1);
	assert_int_equal(e->last_n, LAN_PACKET_MAX);
	assert_memory_equal(e->last, f + 14, LAN_PACKET_MAX);
	end_close(e);
}

static void groups_are_joined_and_left(void **state)
{
	static const uint8_t groups[2][6] = {{0x01, 0x00, 0x5e, 0x7f, 0, 1}, {0x01, 0x00, 0x5e, 0x7f, 0, 2}};
	struct end *e = end_new("pk1");
	e->cfg.groups = groups;
	e->cfg.n_groups = 2;
	assert_int_equal(lan_packet_open(loop, &e->cfg, &e->p), LAN_OK);
	sh("ip maddr show dev pk1 | grep -q 01:00:5e:7f:00:01");
	sh("ip maddr show dev pk1 | grep -q 01:00:5e:7f:00:02");
	assert_int_equal(stats(e).groups_failed, 0);
	end_close(e);
	sh("! ip maddr show dev pk1 | grep -q 01:00:5e:7f:00");
}

static void frames_for_other_hosts_are_counted_and_dropped(void **state)
{
	struct end *e = end_open("pk1");
	inject(wire, "pk0", OTHER, NULL, TYPE, "not for you");
	WAIT(stats(e).drop_other_host == 1);
	assert_int_equal(e->heard, 0);
	sh("ip link set pk1 address 02:00:00:00:00:99");
	inject(wire, "pk0", OTHER, NULL, TYPE, "now it is");
	WAIT(e->heard);
	assert_true(heard(e, "now it is"));
	end_close(e);
}

static void frames_of_other_ethertypes_do_not_even_arrive(void **state)
{
	struct end *e = end_open("pk1");
	for (int type = TYPE - 3; type < TYPE + 4; type++)
		inject(wire, "pk0", GROUP, NULL, type, type == TYPE ? "this" : "those");
	WAIT(e->heard);
	settle();
	assert_int_equal(e->heard, 1);
	assert_true(heard(e, "this"));
	struct lan_packet_stats s = stats(e);
	assert_int_equal(s.rx_frames + s.drop_other_host + s.drop_vlan + s.drop_iface + s.drop_truncated, 1);
	end_close(e);
}

static void frames_of_another_vlan_are_dropped_and_a_bare_priority_is_none(void **state)
{
	struct end *e = end_open("pk1");
	inject(wire, "pk0", GROUP, "\x81\x00\x00\x05", TYPE, "vlan 5");
	WAIT(stats(e).drop_vlan == 1);
	inject(wire, "pk0", OTHER, "\x81\x00\xe0\x05", TYPE, "vlan 5, somebody");
	settle();
	assert_int_equal(e->heard, 0);
	inject(wire, "pk0", GROUP, "\x81\x00\xe0\x00", TYPE, "vlan 0");
	WAIT(e->heard);
	assert_true(heard(e, "vlan 0"));
	end_close(e);
}

static void what_we_send_ourselves_is_not_heard(void **state)
{
	struct end *e = end_open("pk1");
	inject(wire, "pk1", GROUP, NULL, TYPE, "out");
	inject(wire, "pk0", GROUP, NULL, TYPE, "in");
	WAIT(e->heard);
	assert_true(heard(e, "in"));
	settle();
	assert_int_equal(e->heard, 1);
	end_close(e);
}

/* The kernel shows the frames of a MAC VLAN to the lower interface's sockets, too. */
static void frames_of_an_interface_above_are_counted_and_dropped(void **state)
{
	sh("ip link add link pk1 name pkm address %s type macvlan mode private && ip link set pkm up",
		"02:00:00:00:00:99");
	struct end *lower = end_open("pk1"), *upper = end_open("pkm");
	inject(wire, "pk0", OTHER, NULL, TYPE, "upstairs");
	WAIT(upper->heard);
	WAIT(stats(lower).drop_iface == 1);
	assert_int_equal(lower->heard, 0);
	end_close(lower);
	end_close(upper);
}

static void an_interface_may_go_down_and_come_back(void **state)
{
	struct end *e = end_open("pk1");
	for (int i = 1; i <= 3; i++) {
		sh("ip link set pk1 down");
		settle();
		sh("ip link set pk1 up");
		wait_up("pk1");
		inject(wire, "pk0", GROUP, NULL, TYPE, "again");
		WAIT(e->heard == (unsigned)i);
	}
	assert_int_equal(e->broke, 0);
	end_close(e);
}

static void one_that_is_down_may_be_opened(void **state)
{
	sh("ip link set pk1 down");
	struct end *e = end_open("pk1");
	settle();
	assert_int_equal(e->broke, 0);
	sh("ip link set pk1 up");
	wait_up("pk1");
	inject(wire, "pk0", GROUP, NULL, TYPE, "up");
	WAIT(e->heard);
	end_close(e);
}

static void an_interface_that_is_deleted_is_told(void **state)
{
	struct end *e = end_open("pk1");
	sh("ip link del pk0");
	WAIT(e->broke);
	assert_int_equal(e->why, LAN_ERR_NOTFOUND);
	assert_null(e->p);
	end_close(e);
}

static void even_if_it_was_down(void **state)
{
	struct end *e = end_open("pk1");
	sh("ip link set pk1 down");
	settle();
	sh("ip link del pk0");
	WAIT(e->broke);
	assert_int_equal(e->why, LAN_ERR_NOTFOUND);
	end_close(e);
}

static void what_is_no_ethernet_is_refused(void **state)
{
	struct end *e = end_new("pk1");
	e->cfg.ifindex = 4711;
	assert_int_equal(lan_packet_open(loop, &e->cfg, &e->p), LAN_ERR_NOTFOUND);
	free(e);
	sh("ip tuntap add mode tun name pktun && ip link set pktun up");
	e = end_new("pktun");
	assert_int_equal(lan_packet_open(loop, &e->cfg, &e->p), LAN_ERR_NOTSUP);
	free(e);
	sh("ip link del pktun");
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_frame_comes_in_with_its_addresses),
		T(a_frame_of_full_length_is_whole_and_a_longer_one_refused),
		T(groups_are_joined_and_left),
		T(frames_for_other_hosts_are_counted_and_dropped),
		T(frames_of_other_ethertypes_do_not_even_arrive),
		T(frames_of_another_vlan_are_dropped_and_a_bare_priority_is_none),
		T(what_we_send_ourselves_is_not_heard),
		T(frames_of_an_interface_above_are_counted_and_dropped),
		T(an_interface_may_go_down_and_come_back),
		T(one_that_is_down_may_be_opened),
		T(an_interface_that_is_deleted_is_told),
		T(even_if_it_was_down),
		T(what_is_no_ethernet_is_refused),
	};
	if (!netns_enter())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
