/*
 * Unit tests of the driver of frame cores (drv/frames.h), over veth pairs in a
 * namespace of their own and the smallest core there is: it sends on each link
 * as many numbered frames as it was told to, and keeps a journal of what it
 * got. The rest of the contract is exercised by real protocols.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <cmocka.h>
#include "drv/frames.h"
#include "io_packet_end.h"

#define LINKS 512 /* interface indices below this */

struct toy {
	struct lan_fdrv *drv;
	unsigned ready_calls, ticks, unsent, broke, outputs;
	enum lan_err why;
	uint32_t why_link;
	bool news, echo;
	lan_time deadline, heard_at;
	unsigned events_on; /* ready() says so after this many frames */
	struct {
		uint32_t left, at;    /* frames to send, and their numbers */
		uint32_t heard, next; /* frames that came, and the number expected */
		uint16_t size;
		bool wants;
		uint8_t src[6];
	} link[LINKS];
	uint32_t queue[LINKS];
	unsigned n_queue;
	uint32_t one_turn; /* frames asked for since the last frame came in */
};

static enum lan_err toy_input(
	void *core, lan_time now, uint32_t link, const uint8_t src[6], const uint8_t *buf, size_t n)
{
	struct toy *t = core;
	uint32_t number;
	assert_true(link < LINKS && n >= 4);
	memcpy(&number, buf, 4);
	assert_int_equal(number, t->link[link].next);
	t->link[link].next++;
	t->link[link].heard++;
	memcpy(t->link[link].src, src, 6);
	t->heard_at = now;
	t->news = true;
	t->one_turn = 0;
	return LAN_OK;
}

static bool toy_want(void *core, uint32_t *link)
{
	struct toy *t = core;
	if (!t->n_queue)
		return false;
	*link = t->queue[--t->n_queue];
	t->link[*link].wants = false;
	return true;
}

static size_t toy_output(void *core, lan_time now, uint32_t link, uint8_t to[6], uint8_t *buf, size_t cap)
{
	struct toy *t = core;
	assert_int_equal(cap, LAN_PACKET_MAX);
	t->outputs++;
	if (!t->link[link].left)
		return 0;
	t->link[link].left--;
	memcpy(to, GROUP, 6);
	memset(buf, 0, t->link[link].size);
	memcpy(buf, &t->link[link].at, 4);
	t->link[link].at++;
	t->one_turn++;
	return t->link[link].size;
}

static void toy_unsent(void *core, lan_time now, uint32_t link, enum lan_err why)
{
	struct toy *t = core;
	t->unsent++;
	t->why = why;
	t->why_link = link;
	t->news = true;
}

static void toy_tick(void *core, lan_time now)
{
	struct toy *t = core;
	t->ticks++;
	if (now >= t->deadline)
		t->deadline = LAN_NEVER;
}

static lan_time toy_deadline(const void *core)
{
	return ((const struct toy *)core)->deadline;
}

static bool toy_ready(const void *core)
{
	return ((const struct toy *)core)->news;
}

static const struct lan_frame_ops ops = {.name = "toy",
	.input = toy_input,
	.want = toy_want,
	.output = toy_output,
	.unsent = toy_unsent,
	.tick = toy_tick,
	.deadline = toy_deadline,
	.ready = toy_ready};

static void on_ready(void *ctx)
{
	struct toy *t = ctx;
	t->ready_calls++;
	t->news = false;
}

static void on_broken(void *ctx, uint32_t link, enum lan_err why)
{
	struct toy *t = ctx;
	t->broke++;
	t->why = why;
	t->why_link = link;
}

static struct toy *toy;

static int set_up(void **state)
{
	(void)state;
	toy = calloc(1, sizeof *toy);
	if (!toy || lan_loop_new(&loop))
		return -1;
	toy->deadline = LAN_NEVER;
	struct lan_fdrv_config cfg = {.loop = loop,
		.ops = &ops,
		.core = toy,
		.ethertype = TYPE,
		.receive_buffer = 32u << 20,
		.ready = on_ready,
		.broken = on_broken,
		.ctx = toy};
	if (lan_fdrv_open(&cfg, &toy->drv))
		return -1;
	veth("fd0", "fd1", 9);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	lan_fdrv_close(toy->drv);
	lan_loop_free(loop);
	free(toy);
	sh("ip link del fd0 2>/dev/null || true");
	return 0;
}

static uint32_t open_link(const char *name)
{
	uint32_t link = if_nametoindex(name);
	assert_in_range(link, 1, LINKS - 1);
	assert_int_equal(lan_fdrv_link_open(toy->drv, link, &GROUP, 1), LAN_OK);
	return link;
}

static void give(uint32_t link, uint32_t frames, uint16_t size)
{
	toy->link[link].left += frames;
	toy->link[link].size = size;
	if (!toy->link[link].wants) {
		toy->link[link].wants = true;
		toy->queue[toy->n_queue++] = link;
	}
	lan_fdrv_kick(toy->drv);
}

static void a_frame_goes_out_by_its_link_and_comes_in_by_its_link(void **state)
{
	uint32_t a = open_link("fd0"), b = open_link("fd1");
	lan_time before = lan_loop_now(loop);
	give(a, 1, 46);
	WAIT(toy->link[b].heard == 1);
	assert_int_equal(toy->link[a].heard, 0);
	assert_in_range(toy->heard_at, before, lan_loop_now(loop));
	settle();
	assert_int_equal(toy->ready_calls, 1);
	struct ifreq q = {.ifr_name = "fd0"};
	int fd = raw_open();
	assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &q), 0);
	close(fd);
	assert_memory_equal(toy->link[b].src, q.ifr_hwaddr.sa_data, 6);
}

static void very_many_leave_in_order_while_others_come_in(void **state)
{
	uint32_t a = open_link("fd0"), b = open_link("fd1");
	give(a, 20000, 60);
	give(b, 20000, 300);
	lan_time until = lan_loop_now(loop) + LAN_SEC(10);
	while ((toy->link[a].heard < 20000 || toy->link[b].heard < 20000) && lan_loop_now(loop) < until) {
		lan_loop_run(loop, LAN_MS(10));
		/* A turn sends a bounded amount, then it reads. */
		assert_in_range(toy->one_turn, 0, 2000);
	}
	assert_int_equal(toy->link[a].heard, 20000);
	assert_int_equal(toy->link[b].heard, 20000);
	assert_int_equal(toy->unsent, 0);
	struct lan_packet_stats s;
	assert_true(lan_fdrv_link_stats(toy->drv, b, &s));
	assert_int_equal(s.rx_frames, 20000);
	assert_int_equal(s.kernel_drops, 0);
}

static void links_are_opened_once_and_closed_for_good(void **state)
{
	struct lan_packet_stats s;
	uint32_t a = open_link("fd0"), b = open_link("fd1");
	assert_int_equal(lan_fdrv_link_open(toy->drv, a, &GROUP, 1), LAN_ERR_EXISTS);
	assert_int_equal(lan_fdrv_link_open(toy->drv, 4711, &GROUP, 1), LAN_ERR_NOTFOUND);
	lan_fdrv_link_close(toy->drv, b);
	lan_fdrv_link_close(toy->drv, b);
	assert_false(lan_fdrv_link_stats(toy->drv, b, &s));
	assert_true(lan_fdrv_link_stats(toy->drv, a, &s));
	give(a, 1, 46);
	settle();
	assert_int_equal(toy->link[b].heard, 0);
	toy->link[b].next = 1;
	(void)open_link("fd1");
	give(a, 1, 46);
	WAIT(toy->link[b].heard == 1);
}

static void what_does_not_leave_is_told_to_the_core(void **state)
{
	uint32_t a = open_link("fd0"), b = open_link("fd1");
	sh("ip link set fd0 mtu 1280");
	give(a, 1, 1400);
	WAIT(toy->unsent == 1);
	assert_int_equal(toy->why, LAN_ERR_TOOBIG);
	assert_int_equal(toy->why_link, a);
	toy->link[b].next = 1;
	give(a, 1, 1280);
	WAIT(toy->link[b].heard == 1);
	sh("ip link set fd0 down");
	give(a, 3, 60);
	WAIT(toy->unsent == 4);
	assert_int_equal(toy->why, LAN_ERR_UNREACH);
	assert_true(toy->ready_calls > 0);
}

static void the_deadline_of_the_core_is_kept(void **state)
{
	settle();
	assert_int_equal(toy->ticks, 0);
	lan_time at = toy->deadline = lan_loop_now(loop) + LAN_MS(30);
	lan_fdrv_kick(toy->drv);
	WAIT(toy->ticks > 0);
	assert_in_range(lan_loop_now(loop), at, at + LAN_MS(500));
	settle();
	assert_int_equal(toy->ticks, 1);
}

static void a_link_that_is_gone_is_told_and_may_be_opened_again(void **state)
{
	uint32_t a = open_link("fd0"), b = open_link("fd1");
	sh("ip link del fd0");
	WAIT(toy->broke == 2);
	assert_int_equal(toy->why, LAN_ERR_NOTFOUND);
	struct lan_packet_stats s;
	assert_false(lan_fdrv_link_stats(toy->drv, a, &s));
	assert_false(lan_fdrv_link_stats(toy->drv, b, &s));
	give(a, 1, 60);
	WAIT(toy->unsent == 1);
	assert_int_equal(toy->why, LAN_ERR_NOTFOUND);
	veth("fd0", "fd1", 9);
	a = open_link("fd0"), b = open_link("fd1");
	give(a, 1, 60);
	WAIT(toy->link[b].heard == 1);
}

/* The queue of fd0 takes two frames and lets one go each second: what is for others leaves, and nobody spins.
 */
static void a_full_interface_makes_the_core_wait_and_not_the_others(void **state)
{
	uint32_t a = open_link("fd0"), b = open_link("fd1");
	veth("fd2", "fd3", 10);
	uint32_t c = open_link("fd2"), d = open_link("fd3");
	sh("tc qdisc add dev fd0 root tbf rate 8kbit burst 1600 limit 2400");
	give(a, 10, 1000);
	give(c, 10, 60);
	WAIT(toy->link[d].heard == 10);
	WAIT(toy->unsent >= 5);
	assert_int_equal(toy->why_link, a);
	assert_int_equal(toy->why, LAN_ERR_NOMEM);
	assert_in_range(toy->outputs, 22, 100);
	(void)b;
	sh("ip link del fd2");
}

static void the_last_words_leave_when_it_is_closed(void **state)
{
	uint32_t b = if_nametoindex("fd1");
	struct end *e = end_open("fd1");
	settle();
	give(if_nametoindex("fd0"), 100, 60);
	lan_fdrv_close(toy->drv);
	toy->drv = NULL;
	WAIT(e->heard == 100);
	assert_int_equal(toy->link[b].heard, 0);
	end_close(e);
}

/* fork(2) and close in the child, as a daemon does that starts a program. */
static void a_child_sends_nothing(void **state)
{
	struct end *e = end_open("fd1");
	settle();
	give(if_nametoindex("fd0"), 10, 60);
	pid_t pid = fork();
	if (pid == 0) {
		lan_fdrv_close(toy->drv);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	lan_fdrv_kick(toy->drv);
	WAIT(e->heard == 10);
	settle();
	assert_int_equal(e->heard, 10);
	end_close(e);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_frame_goes_out_by_its_link_and_comes_in_by_its_link),
		T(very_many_leave_in_order_while_others_come_in),
		T(links_are_opened_once_and_closed_for_good),
		T(what_does_not_leave_is_told_to_the_core),
		T(the_deadline_of_the_core_is_kept),
		T(a_link_that_is_gone_is_told_and_may_be_opened_again),
		T(a_full_interface_makes_the_core_wait_and_not_the_others),
		T(the_last_words_leave_when_it_is_closed),
		T(a_child_sends_nothing),
	};
	if (!netns_enter())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
