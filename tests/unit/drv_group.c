/*
 * Unit tests of the driver of datagram cores (drv/group.h), with real sockets
 * on the loopback interface of a namespace of their own and the smallest core
 * there is: it sends what it was given and keeps a journal of what it got. The
 * rest of the contract is exercised by real protocols.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include "drv/group.h"
#include "netns.h"

#define GROUP "239.1.2.3:5000"

struct toy {
	struct lan_gdrv *drv;
	/* out: sizes to send, one after the other */
	const uint32_t *sizes;
	size_t n_sizes, at;
	unsigned repeat;   /* .. this often */
	unsigned asked;    /* calls of output */
	bool room_is_news; /* having sent all is an event */
	bool busy;         /* output until told otherwise */
	/* in */
	unsigned room, heard, ready_calls, ticks, ifaces;
	uint64_t bytes, lost;
	uint32_t got[256]; /* sizes as they came */
	struct lan_from from;
	bool news, pull;
	lan_time deadline;
};

static struct lan_loop *loop;

static enum lan_err toy_input(void *core, lan_time now, const struct lan_from *from, uint8_t *buf, size_t n)
{
	struct toy *t = core;
	assert_true(t->room > 0);
	t->room--;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(buf[i], (uint8_t)(n + i));
	if (t->heard < sizeof t->got / sizeof *t->got)
		t->got[t->heard] = (uint32_t)n;
	t->heard++;
	t->bytes += n;
	t->from = *from;
	t->news = true;
	return LAN_OK;
}

static size_t toy_output(void *core, lan_time now, uint8_t *buf, size_t cap)
{
	struct toy *t = core;
	t->asked++;
	if (t->at == t->n_sizes) {
		if (!t->repeat) {
			t->news |= t->room_is_news;
			t->room_is_news = false;
			return 0;
		}
		t->repeat--;
		t->at = 0;
	}
	size_t n = t->sizes[t->at++];
	assert_true(n <= cap && cap >= 65507);
	for (size_t i = 0; i < n; i++)
		buf[i] = (uint8_t)(n + i);
	return n;
}

static void toy_tick(void *core, lan_time now)
{
	struct toy *t = core;
	t->ticks++;
	if (now >= t->deadline)
		t->deadline = t->busy ? now : LAN_NEVER;
}

static lan_time toy_deadline(const void *core)
{
	return ((const struct toy *)core)->deadline;
}

static bool toy_ready(const void *core)
{
	return ((const struct toy *)core)->news;
}

static bool toy_open(const void *core)
{
	return ((const struct toy *)core)->room > 0;
}

static void toy_overrun(void *core, uint64_t total)
{
	struct toy *t = core;
	assert_true(total > t->lost);
	t->lost = total;
}

static const struct lan_dgram_ops ops = {.name = "toy",
	.input = toy_input,
	.output = toy_output,
	.tick = toy_tick,
	.deadline = toy_deadline,
	.ready = toy_ready,
	.open = toy_open,
	.overrun = toy_overrun};

static void on_ready(void *ctx)
{
	struct toy *t = ctx;
	t->ready_calls++;
	t->news = false;
	if (t->pull)
		t->room += 3; /* the application took something */
}

static void on_iface(void *ctx, const char *name, enum lan_err err)
{
	struct toy *t = ctx;
	assert_string_equal(name, "lo");
	assert_int_equal(err, LAN_OK);
	t->ifaces++;
}

static void open_toy(struct toy *t, bool offload)
{
	static const char *const lo[] = {"lo"};
	const char *why;
	struct lan_gdrv_config cfg = {.loop = loop,
		.ops = &ops,
		.core = t,
		.ready = on_ready,
		.iface = on_iface,
		.ctx = t,
		.mcast = {.address = GROUP,
			.ifaces = lo,
			.n_ifaces = 1,
			.ttl = 1,
			.loopback = true,
			.offload = offload}};
	if (!t->deadline)
		t->deadline = LAN_NEVER;
	assert_int_equal(lan_gdrv_open(&cfg, &t->drv, &why), LAN_OK);
}

static int set_up(void **state)
{
	struct toy *t = calloc(2, sizeof *t);
	if (!t || lan_loop_new(&loop))
		return -1;
	t[0].room = t[1].room = UINT32_MAX;
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct toy *t = *state;
	lan_gdrv_close(t[0].drv);
	lan_gdrv_close(t[1].drv);
	lan_loop_free(loop);
	free(t);
	return 0;
}

static void settle(void)
{
	for (int i = 0; i < 4; i++)
		lan_loop_run(loop, LAN_MS(10));
}

static bool within(unsigned *counter, unsigned n)
{
	lan_time until = lan_loop_now(loop) + LAN_SEC(3);
	while (*counter < n && lan_loop_now(loop) < until)
		lan_loop_run(loop, LAN_MS(20));
	return *counter >= n;
}

static void give(struct toy *t, const uint32_t *sizes, size_t n, unsigned repeat)
{
	t->sizes = sizes;
	t->n_sizes = n;
	t->at = n;
	t->repeat = repeat;
	lan_gdrv_kick(t->drv);
}

static void a_datagram_goes_out_and_comes_in_with_its_origin(void **state)
{
	struct toy *a = *state, *b = a + 1;
	static const uint32_t one[] = {100};
	open_toy(a, true);
	open_toy(b, true);
	settle();
	assert_int_equal(a->ifaces, 1);
	give(a, one, 1, 1);
	assert_true(within(&b->heard, 1) && within(&a->heard, 1));
	assert_memory_equal(b->from.addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01", 16);
	assert_int_equal(b->from.port, 5000);
	assert_int_equal(b->from.ifindex, 1);
	assert_int_equal(b->ready_calls, 1);
}

/* Datagrams of one size in a row share a system call; whatever the sizes, they arrive as they were. */
static void all_sizes_in_any_order_arrive_as_they_were(void **state)
{
	static const uint32_t sizes[] = {100, 100, 100, 50, 100, 200, 200, 1, 1, 1, 65507, 65507, 3, 32753,
		32753, 32754, 32754, 32754, 5, 5, 4, 4, 65506, 65507, 1400, 1400, 1400, 1399, 1400};
	size_t n = sizeof sizes / sizeof *sizes;
	struct toy *a = *state, *b = a + 1;
	for (int offload = 0; offload < 2; offload++) {
		open_toy(a, offload);
		open_toy(b, offload);
		give(a, sizes, n, 1);
		assert_true(within(&b->heard, (unsigned)n));
		settle();
		assert_int_equal(b->heard, n);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(b->got[i], sizes[i]);
		lan_gdrv_close(a->drv);
		lan_gdrv_close(b->drv);
		a->drv = b->drv = NULL;
		a->heard = b->heard = 0;
	}
}

static void many_of_one_size_take_few_system_calls(void **state)
{
	static const uint32_t size[] = {100};
	struct toy *a = *state, *b = a + 1;
	struct lan_mcast_stats s;
	open_toy(a, true);
	open_toy(b, true);
	give(a, size, 1, 6400);
	assert_true(within(&b->heard, 6400));
	lan_mcast_stats(lan_gdrv_mcast(a->drv), &s);
	assert_int_equal(s.tx_datagrams, 6400);
	/* A batch is one datagram to `ready`, too: the calls are at most one for each of 100 batches. */
	assert_true(b->ready_calls <= 100);
	assert_int_equal(b->bytes, 640000);
}

static void a_core_without_room_stops_the_reading_and_loses_nothing(void **state)
{
	static const uint32_t sizes[] = {10, 20, 30, 40};
	struct toy *a = *state, *b = a + 1;
	open_toy(a, true);
	open_toy(b, true);
	b->room = 3;
	give(a, sizes, 4, 50);
	assert_true(within(&b->heard, 3));
	settle();
	assert_int_equal(b->heard, 3);
	b->room = 2; /* the application made room and says so */
	lan_gdrv_pump(b->drv);
	assert_true(within(&b->heard, 5));
	settle();
	assert_int_equal(b->heard, 5);
	b->pull = true; /* from now on it does within `ready`: nothing has to be said */
	b->room = 1;
	lan_gdrv_kick(b->drv);
	assert_true(within(&b->heard, 200));
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(b->got[i], sizes[i % 4]);
}

static void deadlines_are_kept_and_ticks_do_not_spin(void **state)
{
	struct toy *a = *state;
	a->deadline = lan_loop_now(loop) + LAN_MS(30);
	open_toy(a, true);
	settle();
	lan_loop_run(loop, LAN_MS(50));
	assert_int_equal(a->ticks, 1);
	assert_int_equal(a->deadline, LAN_NEVER);
}

static void what_the_kernel_dropped_is_told_to_the_core(void **state)
{
	static const uint32_t size[] = {1000}, last[] = {10};
	struct toy *a = *state, *b = a + 1;
	open_toy(a, false);
	open_toy(b, false);
	settle();
	b->room = 0;
	/* 4 MiB hold some thousand of them: more than fits is sent while it does not look. */
	give(a, size, 1, 20000);
	assert_true(within(&a->heard, 1));
	for (int i = 0; i < 200 && a->repeat; i++)
		lan_loop_run(loop, LAN_MS(20));
	assert_int_equal(a->repeat, 0);
	assert_int_equal(b->lost, 0);
	b->room = UINT32_MAX;
	lan_gdrv_pump(b->drv);
	settle();
	give(a, last, 1, 1);
	for (int i = 0; i < 100 && !b->lost; i++)
		lan_loop_run(loop, LAN_MS(20));
	assert_true(b->lost > 0);
	assert_int_equal(b->heard + b->lost, 20001);
}

/* A slow line: what the socket does not take waits, the core is not asked for more, and all of it arrives. */
static void a_full_socket_holds_the_core_back(void **state)
{
	static const uint32_t sizes[] = {1000, 1000, 1000, 1000, 700, 1000, 1200};
	struct toy *a = *state, *b = a + 1;
	sh("tc qdisc add dev lo root tbf rate 100mbit burst 70000 limit 3000000");
	open_toy(a, true);
	open_toy(b, true);
	a->busy = true; /* a core with output says that its deadline has passed */
	a->deadline = 0;
	give(a, sizes, 7, 300);
	lan_loop_run(loop, LAN_MS(5));
	assert_true(a->repeat > 0);
	unsigned asked = a->asked, ticks = a->ticks;
	for (int i = 0; i < 4; i++)
		lan_loop_run(loop, 0);
	assert_true(a->asked - asked < 700);
	assert_true(a->ticks - ticks <= 3);
	a->busy = false;
	assert_true(within(&b->heard, 2100));
	settle();
	assert_int_equal(b->heard, 2100);
	assert_int_equal(b->bytes, 300ull * 6900);
	sh("tc qdisc del dev lo root");
}

static void who_sends_without_end_still_hears(void **state)
{
	static const uint32_t size[] = {1000};
	struct toy *a = *state;
	open_toy(a, true);
	give(a, size, 1, UINT32_MAX);
	lan_time begin = lan_loop_now(loop);
	for (int i = 0; i < 20; i++) {
		unsigned before = a->heard;
		lan_loop_run(loop, LAN_MS(1000));
		lan_loop_run(loop, LAN_MS(1000));
		assert_true(a->heard > before);
	}
	assert_true(lan_loop_now(loop) - begin < LAN_SEC(2));
	a->at = a->n_sizes;
	a->repeat = 0;
}

static void what_sending_makes_possible_is_told(void **state)
{
	static const uint32_t size[] = {1000};
	struct toy *a = *state;
	open_toy(a, true);
	a->room = 0; /* nothing else is going to happen */
	settle();
	give(a, size, 1, 100);
	a->room_is_news = true;
	settle();
	assert_int_equal(a->ready_calls, 1);
	a->at = a->n_sizes;
	a->repeat = 100;
	a->room_is_news = true;
	lan_gdrv_pump(a->drv);
	settle();
	assert_int_equal(a->ready_calls, 2);
}

static void closing_sends_what_there_is(void **state)
{
	static const uint32_t sizes[] = {500, 600, 600};
	struct toy *a = *state, *b = a + 1;
	open_toy(a, true);
	open_toy(b, true);
	settle();
	give(a, sizes, 3, 10);
	lan_gdrv_close(a->drv);
	a->drv = NULL;
	assert_true(within(&b->heard, 30));
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static void a_child_of_fork_sends_nothing(void **state)
{
	static const uint32_t sizes[] = {500};
	struct toy *a = *state, *b = a + 1;
	int status;
	open_toy(a, true);
	open_toy(b, true);
	settle();
	give(a, sizes, 1, 3);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		unsigned before = a->asked;
		lan_gdrv_pump(a->drv);
		_exit(a->asked == before ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	lan_gdrv_pump(a->drv);
	assert_true(within(&b->heard, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_datagram_goes_out_and_comes_in_with_its_origin),
		T(all_sizes_in_any_order_arrive_as_they_were),
		T(many_of_one_size_take_few_system_calls),
		T(a_core_without_room_stops_the_reading_and_loses_nothing),
		T(deadlines_are_kept_and_ticks_do_not_spin),
		T(what_the_kernel_dropped_is_told_to_the_core),
		T(a_full_socket_holds_the_core_back),
		T(who_sends_without_end_still_hears),
		T(what_sending_makes_possible_is_told),
		T(closing_sends_what_there_is),
		T(a_child_of_fork_sends_nothing),
	};
	if (!netns_enter())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
