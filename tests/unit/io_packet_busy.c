/*
 * Unit tests of io/packet.h under much traffic: the ring comes and goes without
 * losing, doubling or reordering a frame; what the kernel has no room for is
 * counted; a flooded link does not starve the others; many links are closed in
 * a moment. Over veth pairs in a namespace of their own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include "io_packet_end.h"

#define BATCH 32

static int set_up(void **state)
{
	(void)state;
	if (lan_loop_new(&loop))
		return -1;
	veth("pk0", "pk1", 9);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	lan_loop_free(loop);
	sh("ip link del pk0 2>/dev/null || true");
	return 0;
}

/* ---- a sender that numbers its frames, in a process of its own ---- */

struct flood {
	const char *iface;
	uint32_t first, count;
	unsigned per_ms; /* frames a millisecond; 0: as fast as it goes */
	uint8_t from;    /* last octet of the source; 0: 1 */
};

static void send_numbers(int fd, const struct flood *f)
{
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	uint8_t frame[BATCH][64];
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
		.sll_protocol = htons(TYPE),
		.sll_ifindex = (int)if_nametoindex(f->iface),
		.sll_halen = 6};
	uint32_t at = f->first, end = f->first + f->count;
	while (at != end) {
		unsigned n = f->per_ms && f->per_ms < BATCH ? f->per_ms : BATCH;
		n = end - at < n ? end - at : n;
		memset(msgs, 0, sizeof msgs);
		for (unsigned i = 0; i < n; i++, at++) {
			memcpy(frame[i], GROUP, 6);
			memcpy(frame[i] + 6, "\x02\0\0\0\0\x01\x88\xb5", 8);
			frame[i][11] = f->from ? f->from : 1;
			memcpy(frame[i] + 14, &at, 4);
			iov[i] = (struct iovec){frame[i], 60};
			msgs[i].msg_hdr = (struct msghdr){.msg_name = &to,
				.msg_namelen = sizeof to,
				.msg_iov = &iov[i],
				.msg_iovlen = 1};
		}
		for (unsigned done = 0; done < n;) {
			int r = sendmmsg(fd, msgs + done, n - done, 0);
			if (r <= 0)
				_exit(1);
			done += (unsigned)r;
		}
		if (f->per_ms)
			usleep(1000 * n / f->per_ms);
	}
}

static pid_t flood(const struct flood *f, size_t n)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	int fd = raw_open();
	for (size_t i = 0; i < n; i++)
		send_numbers(fd, &f[i]);
	_exit(0);
}

static void flood_done(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The first four octets of each frame count up. */
static void in_order(struct end *e, const uint8_t *p, size_t n)
{
	uint32_t number;
	assert_int_equal(n, 46);
	memcpy(&number, p, sizeof number);
	assert_int_equal(number, e->next);
	e->next = number + 1;
}

static struct end *roomy(const char *iface)
{
	struct end *e = end_new(iface);
	e->cfg.receive_buffer = 16u << 20;
	e->check = in_order;
	assert_int_equal(lan_packet_open(loop, &e->cfg, &e->p), LAN_OK);
	return e;
}

static void a_flood_moves_to_the_ring_and_back_and_nothing_is_lost_or_doubled(void **state)
{
	static const struct flood much = {"pk0", 0, 60000, 20}, more = {"pk0", 60200, 60000, 20},
				  rest = {"pk0", 120200, 100, 1}, drip = {"pk0", 60000, 200, 1};
	struct end *e = roomy("pk1");
	assert_false(stats(e).ring);
	pid_t pid = flood(&much, 1);
	WAIT(stats(e).ring);
	assert_true(e->next < 60000);
	/* It stays while it is needed, that is, while the frames come through it. */
	lan_time until = lan_loop_now(loop) + LAN_SEC(15);
	while (e->next < 60000 && lan_loop_now(loop) < until) {
		lan_loop_run(loop, LAN_MS(10));
		assert_true(stats(e).ring);
	}
	assert_int_equal(e->next, 60000);
	flood_done(pid);
	/* Little traffic while the ring is given back. */
	pid = flood(&drip, 1);
	WAIT(e->next == 60200);
	flood_done(pid);
	WAIT(!stats(e).ring);
	lan_time end = lan_loop_now(loop) + LAN_SEC(1);
	while (lan_loop_now(loop) < end)
		lan_loop_run(loop, LAN_MS(10));
	/* And once more, from the beginning. */
	pid = flood(&more, 1);
	WAIT(stats(e).ring);
	WAIT(e->next == 120200);
	flood_done(pid);
	WAIT(!stats(e).ring);
	pid = flood(&rest, 1);
	WAIT(e->next == 120300);
	flood_done(pid);
	assert_int_equal(e->heard, 120300);
	assert_int_equal(stats(e).kernel_drops, 0);
	end_close(e);
}

/* Frames come all the time, a few for each millisecond: at the moment of the switch, too. */
static void who_wants_frames_at_once_gets_no_ring(void **state)
{
	static const struct flood much = {"pk0", 0, 20000, 20};
	struct end *e = end_new("pk1");
	e->cfg.prompt = true;
	e->cfg.receive_buffer = 32u << 20;
	e->check = in_order;
	assert_int_equal(lan_packet_open(loop, &e->cfg, &e->p), LAN_OK);
	pid_t pid = flood(&much, 1);
	lan_time until = lan_loop_now(loop) + LAN_SEC(15);
	while (e->next < 20000 && lan_loop_now(loop) < until) {
		lan_loop_run(loop, LAN_MS(10));
		assert_false(stats(e).ring);
	}
	assert_int_equal(e->next, 20000);
	flood_done(pid);
	end_close(e);
}

static void the_ring_is_given_back_in_the_midst_of_traffic(void **state)
{
	static const struct flood f[] = {{"pk0", 0, 20000, 20}, {"pk0", 20000, 3000, 1}};
	struct end *e = roomy("pk1");
	pid_t pid = flood(f, 2);
	WAIT(stats(e).ring);
	lan_time until = lan_loop_now(loop) + LAN_SEC(10);
	while (e->next < 23000 && lan_loop_now(loop) < until)
		lan_loop_run(loop, LAN_MS(10));
	flood_done(pid);
	assert_int_equal(e->next, 23000);
	WAIT(!stats(e).ring);
	assert_int_equal(stats(e).kernel_drops, 0);
	end_close(e);
}

static void the_link_may_go_down_while_it_has_a_ring(void **state)
{
	static const struct flood much = {"pk0", 0, 20000, 20}, rest = {"pk0", 20000, 10, 1};
	struct end *e = roomy("pk1");
	pid_t pid = flood(&much, 1);
	WAIT(stats(e).ring);
	WAIT(e->next == 20000);
	flood_done(pid);
	sh("ip link set pk1 down");
	WAIT(!stats(e).ring);
	sh("ip link set pk1 up");
	wait_up("pk1");
	pid = flood(&rest, 1);
	WAIT(e->next == 20010);
	flood_done(pid);
	assert_int_equal(e->broke, 0);
	end_close(e);
}

static void a_link_with_a_ring_may_be_deleted_or_closed(void **state)
{
	static const struct flood much = {"pk0", 0, 20000, 20};
	for (int i = 0; i < 2; i++) {
		struct end *e = roomy("pk1");
		pid_t pid = flood(&much, 1);
		WAIT(stats(e).ring);
		if (i) {
			WAIT(e->next == 20000);
			sh("ip link del pk0");
			WAIT(e->broke);
			assert_int_equal(e->why, LAN_ERR_NOTFOUND);
		}
		end_close(e);
		settle();
		flood_done(pid);
	}
}

/* The ring is being set up by then, by a thread. */
static void a_link_may_be_closed_while_it_gets_its_ring(void **state)
{
	static const struct flood much = {"pk0", 0, 5000, 20};
	struct end *e = roomy("pk1");
	pid_t pid = flood(&much, 1);
	lan_time until = lan_loop_now(loop) + LAN_SEC(5);
	while (e->heard < 800 && lan_loop_now(loop) < until)
		lan_loop_run(loop, LAN_MS(1));
	assert_true(e->heard >= 800);
	end_close(e);
	settle();
	flood_done(pid);
}

static void what_the_kernel_has_no_room_for_is_counted(void **state)
{
	static const struct flood much = {"pk0", 0, 1000, 0};
	struct end *e = end_new("pk1");
	e->cfg.receive_buffer = 8192;
	assert_int_equal(lan_packet_open(loop, &e->cfg, &e->p), LAN_OK);
	flood_done(flood(&much, 1));
	settle();
	assert_in_range(e->heard, 1, 100);
	assert_int_equal(e->heard + stats(e).kernel_drops, 1000);
	assert_int_equal(e->heard + stats(e).kernel_drops, 1000); /* asking does not change it */
	end_close(e);
}

static uint8_t known[2][6] = {{2, 0, 0, 0, 0, 3}, {2, 0, 0, 0, 0, 2}};
static size_t n_known;

static size_t who_is_known(void *ctx, uint32_t ifindex, uint8_t (*macs)[6], size_t most)
{
	const struct end *e = ctx;
	assert_int_equal(ifindex, e->cfg.ifindex);
	assert_true(most >= 2);
	memcpy(macs, known, n_known * sizeof *known);
	return n_known;
}

static void in_order_if_known(struct end *e, const uint8_t *p, size_t n)
{
	if (e->src[5] == 2)
		in_order(e, p, n);
}

static struct end *friendly(const char *iface)
{
	struct end *e = end_new(iface);
	e->cfg.known = who_is_known;
	e->check = in_order_if_known;
	assert_int_equal(lan_packet_open(loop, &e->cfg, &e->p), LAN_OK);
	return e;
}

/* A stranger's frames fill the ring while nobody reads it; then someone who is known says a little. */
static void who_is_known_is_heard_although_a_flood_of_strangers_is_lost(void **state)
{
	static const struct flood wake = {"pk0", 0, 20000, 20, 1}, much = {"pk0", 0, 60000, 0, 1},
				  little = {"pk0", 0, 50, 0, 2};
	for (int late = 0; late < 2; late++) {
		n_known = late ? 0 : 2;
		struct end *e = friendly("pk1");
		pid_t pid = flood(&wake, 1);
		WAIT(stats(e).ring);
		n_known = 2; /* in the second round only now: it is asked for again within a second or two */
		lan_time until = lan_loop_now(loop) + LAN_MS(1200);
		while (late && lan_loop_now(loop) < until)
			lan_loop_run(loop, LAN_MS(10));
		flood_done(pid);
		assert_true(stats(e).ring);
		flood_done(flood(&much, 1));
		flood_done(flood(&little, 1));
		WAIT(e->next == 50);
		assert_true(stats(e).kernel_drops > 1000);
		end_close(e);
	}
}

/* Who is known and floods itself goes through the ring, else that would be given back after two seconds; and
 * nothing of it is lost or overtaken. */
static void a_flood_of_one_who_is_known_moves_to_the_ring_too(void **state)
{
	static const struct flood much = {"pk0", 0, 80000, 20, 2};
	n_known = 2;
	struct end *e = end_new("pk1");
	e->cfg.known = who_is_known;
	e->cfg.receive_buffer = 16u << 20;
	e->check = in_order_if_known;
	assert_int_equal(lan_packet_open(loop, &e->cfg, &e->p), LAN_OK);
	pid_t pid = flood(&much, 1);
	WAIT(stats(e).ring);
	lan_time until = lan_loop_now(loop) + LAN_SEC(15);
	while (e->next < 80000 && lan_loop_now(loop) < until) {
		lan_loop_run(loop, LAN_MS(10));
		assert_true(stats(e).ring);
	}
	assert_int_equal(e->next, 80000);
	flood_done(pid);
	WAIT(!stats(e).ring);
	assert_int_equal(stats(e).kernel_drops, 0);
	end_close(e);
}

/* 20,000 frames wait on one link, then one comes on another: it is heard long before they are read. */
static void a_flooded_link_does_not_starve_the_others(void **state)
{
	static const struct flood much = {"pk0", 0, 20000, 0}, one = {"pk2", 0, 1, 0};
	veth("pk2", "pk3", 10);
	struct end *busy = roomy("pk1"), *calm = roomy("pk3");
	flood_done(flood(&much, 1));
	flood_done(flood(&one, 1));
	WAIT(calm->heard);
	assert_true(busy->heard < 2000);
	WAIT(busy->heard == 20000);
	end_close(busy);
	end_close(calm);
	sh("ip link del pk2");
}

/* One after the other, the kernel takes some 25 ms for each. */
static void many_links_are_closed_in_a_moment(void **state)
{
	enum { N = 200 };
	struct end *e[N];
	for (int i = 0; i < N; i++)
		e[i] = end_open("pk1");
	lan_time start = lan_loop_now(loop);
	for (int i = 0; i < N; i++)
		lan_packet_close(e[i]->p);
	assert_true(lan_loop_now(loop) - start < LAN_MS(200)); /* the loop goes on */
	lan_packet_settle();
	assert_true(lan_loop_now(loop) - start < LAN_SEC(2));
	for (int i = 0; i < N; i++)
		free(e[i]);
	sh("test $(wc -l </proc/net/packet) = 1");
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_flood_moves_to_the_ring_and_back_and_nothing_is_lost_or_doubled),
		T(who_wants_frames_at_once_gets_no_ring),
		T(the_ring_is_given_back_in_the_midst_of_traffic),
		T(the_link_may_go_down_while_it_has_a_ring),
		T(a_link_with_a_ring_may_be_deleted_or_closed),
		T(a_link_may_be_closed_while_it_gets_its_ring),
		T(what_the_kernel_has_no_room_for_is_counted),
		T(who_is_known_is_heard_although_a_flood_of_strangers_is_lost),
		T(a_flood_of_one_who_is_known_moves_to_the_ring_too),
		T(a_flooded_link_does_not_starve_the_others),
		T(many_links_are_closed_in_a_moment),
	};
	if (!netns_enter())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
