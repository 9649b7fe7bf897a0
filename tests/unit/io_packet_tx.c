/*
 * Unit tests of sending in io/packet.h: batches over several veth pairs in a
 * namespace of their own, and what becomes of frames that an interface refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "io_packet_end.h"

static struct lan_packet_tx *tx;
static unsigned failures, rooms;
static uint32_t failed_on[256];
static enum lan_err failed_why[256];

static void on_failed(void *ctx, uint32_t ifindex, const uint8_t to[6], enum lan_err why)
{
	assert_ptr_equal(ctx, &failures);
	assert_int_not_equal(to[0], 0);
	failed_on[failures % 256] = ifindex;
	failed_why[failures++ % 256] = why;
}

static void on_writable(void *ctx)
{
	rooms++;
}

static int set_up(void **state)
{
	(void)state;
	failures = rooms = 0;
	if (lan_loop_new(&loop) || lan_packet_tx_open(loop, TYPE, &tx))
		return -1;
	lan_packet_tx_on(tx, on_failed, on_writable, &failures);
	veth("pk0", "pk1", 9);
	veth("pk2", "pk3", 10);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	lan_packet_tx_close(tx);
	lan_packet_settle();
	lan_loop_free(loop);
	sh("for l in pk0 pk2; do ip link del $l 2>/dev/null; done; true");
	return 0;
}

static void say_by(uint32_t ifindex, const void *p, size_t n)
{
	uint8_t *room = lan_packet_tx_room(tx);
	assert_non_null(room);
	memcpy(room, p, n);
	lan_packet_tx_add(tx, ifindex, GROUP, n);
}

static void say(const char *iface, const char *text)
{
	say_by(if_nametoindex(iface), text, strlen(text));
}

/* Each text is the number of the frame. */
static void in_order(struct end *e, const uint8_t *p, size_t n)
{
	uint32_t number;
	assert_int_equal(n, sizeof number);
	memcpy(&number, p, sizeof number);
	assert_int_equal(number, e->next);
	e->next = number + 1;
}

static void a_batch_leaves_on_all_its_links_in_order(void **state)
{
	uint32_t one = if_nametoindex("pk0"), two = if_nametoindex("pk2"), at_one = 0, at_two = 0;
	struct end *a = end_new("pk1"), *b = end_new("pk3");
	a->cfg.receive_buffer = b->cfg.receive_buffer = 1u << 20;
	assert_int_equal(lan_packet_open(loop, &a->cfg, &a->p), LAN_OK);
	assert_int_equal(lan_packet_open(loop, &b->cfg, &b->p), LAN_OK);
	a->check = b->check = in_order;
	for (int i = 0; i < 500; i++) {
		if (!lan_packet_tx_room(tx))
			assert_int_equal(lan_packet_tx_flush(tx), LAN_OK);
		if (i % 3)
			say_by(one, &at_one, 4), at_one++;
		else
			say_by(two, &at_two, 4), at_two++;
	}
	assert_int_equal(lan_packet_tx_flush(tx), LAN_OK);
	WAIT(a->heard + b->heard == 500);
	assert_int_equal(a->heard, at_one);
	assert_int_equal(failures, 0);
	assert_memory_equal(a->dst, GROUP, 6);
	assert_int_equal(lan_packet_tx_flush(tx), LAN_OK); /* nothing twice */
	settle();
	assert_int_equal(a->heard + b->heard, 500);
	end_close(a);
	end_close(b);
}

static void nothing_leaves_before_the_flush_and_all_of_it_at_the_end(void **state)
{
	struct end *e = end_open("pk1");
	say("pk0", "last words");
	settle();
	assert_int_equal(e->heard, 0);
	lan_packet_tx_close(tx);
	tx = NULL;
	WAIT(e->heard);
	end_close(e);
}

static void long_frames_fill_the_batch_sooner(void **state)
{
	uint8_t text[LAN_PACKET_MAX];
	unsigned n = 0;
	struct end *e = end_open("pk1");
	memset(text, 'x', sizeof text);
	for (; lan_packet_tx_room(tx); n++)
		say_by(if_nametoindex("pk0"), text, sizeof text);
	assert_in_range(n, 16, 64);
	assert_int_equal(lan_packet_tx_flush(tx), LAN_OK);
	WAIT(e->heard == n);
	assert_int_equal(e->last_n, LAN_PACKET_MAX);
	assert_memory_equal(e->last, text, sizeof text);
	assert_non_null(lan_packet_tx_room(tx));
	end_close(e);
}

/* The refused ones stand between good ones, first, last and in a row. */
static void what_an_interface_refuses_is_told_and_the_rest_leaves(void **state)
{
	static const uint8_t text[1400] = "long";
	uint32_t down = if_nametoindex("pk2"), narrow = if_nametoindex("pk0"), gone = 4711;
	struct end *e = end_open("pk1");
	sh("ip link set pk0 mtu 1280 && ip link set pk2 down");
	say("pk2", "down");
	say("pk0", "one");
	say_by(narrow, text, sizeof text);
	say_by(gone, "gone", 4);
	say("pk2", "down");
	say("pk0", "two");
	say("pk0", "three");
	say_by(gone, "gone", 4);
	assert_int_equal(lan_packet_tx_flush(tx), LAN_OK);
	WAIT(e->heard == 3);
	assert_true(heard(e, "three"));
	assert_int_equal(failures, 5);
	assert_int_equal(failed_on[0], down);
	assert_int_equal(failed_why[0], LAN_ERR_UNREACH);
	assert_int_equal(failed_on[1], narrow);
	assert_int_equal(failed_why[1], LAN_ERR_TOOBIG);
	assert_int_equal(failed_on[2], gone);
	assert_int_equal(failed_why[2], LAN_ERR_NOTFOUND);
	assert_int_equal(failed_on[3], down);
	assert_int_equal(failed_on[4], gone);
	say("pk0", "four"); /* and an old error is nobody's */
	assert_int_equal(lan_packet_tx_flush(tx), LAN_OK);
	WAIT(e->heard == 4);
	assert_int_equal(failures, 5);
	end_close(e);
}

/* A queue of two frames that leave at 8 kbit/s: the interface is full, the other one is not. */
static void a_full_interface_holds_the_others_for_a_moment_only(void **state)
{
	uint8_t text[1000] = "x";
	unsigned again = 0, said = 0;
	struct end *e = end_open("pk1");
	if (system("tc qdisc add dev pk2 root tbf rate 8kbit burst 1600 limit 2400 2>/dev/null") != 0) {
		print_message("no tbf\n");
		skip();
	}
	lan_time start = lan_loop_now(loop);
	for (int i = 0; i < 20; i++, said++)
		say_by(if_nametoindex("pk2"), text, sizeof text);
	say("pk0", "me, too");
	while (lan_packet_tx_flush(tx) == LAN_ERR_AGAIN) {
		unsigned before = rooms;
		again++;
		WAIT(rooms > before);
	}
	assert_true(again > 0);
	WAIT(e->heard);
	assert_true(lan_loop_now(loop) - start < LAN_MS(1000));
	assert_in_range(failures, 10, 19);
	assert_int_equal(failed_why[0], LAN_ERR_NOMEM);
	end_close(e);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_batch_leaves_on_all_its_links_in_order),
		T(nothing_leaves_before_the_flush_and_all_of_it_at_the_end),
		T(long_frames_fill_the_batch_sooner),
		T(what_an_interface_refuses_is_told_and_the_rest_leaves),
		T(a_full_interface_holds_the_others_for_a_moment_only),
	};
	if (!netns_enter())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
