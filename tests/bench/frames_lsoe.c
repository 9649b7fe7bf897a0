/*
 * frames_lsoe.c - Lanyard's path of raw frames: socket and ring, driver, and
 * the core of neighbours, which checks, parses and counts each KEEPALIVE and
 * credits it to the session it belongs to. The session is a real one: the
 * sender first is a node, too, and floods when both are established.
 */
#include <string.h>
#include <sys/random.h>
#include "drv/frames.h"
#include "frames_wire.h"
#include "proto/lsoe/lsoe.h"

struct node {
	struct lan_loop *loop;
	struct lsoe *core;
	struct lan_fdrv *drv;
	uint32_t link;
	bool up, down;
};

static void entropy(void *ctx, void *buf, size_t n)
{
	(void)ctx;
	if (getrandom(buf, n, 0) != (ssize_t)n)
		bench_die("getrandom");
}

static const struct lan_env env = {.entropy = entropy};

static void on_ready(void *ctx)
{
	struct node *n = ctx;
	struct lsoe_event ev;
	while (lsoe_event(n->core, lan_loop_stamp(n->loop), &ev)) {
		n->up |= ev.kind == LSOE_EV_UP;
		n->down |= ev.kind == LSOE_EV_DOWN;
	}
}

static void on_broken(void *ctx, uint32_t link, enum lan_err why)
{
	(void)ctx;
	(void)link;
	bench_die(lan_err_text(why));
}

static void must(enum lan_err e, const char *what)
{
	if (e)
		bench_die(what);
}

static void node_open(struct node *n, uint32_t link, uint8_t number)
{
	static const uint8_t group[1][6] = {{0x01, 0x80, 0xc2, 0, 0, 0x0e}};
	const uint8_t id[LSOE_ID_01] = {0, 0, 0, 0, 0, 0, 0, 0, 0, number};
	*n = (struct node){.link = link};
	must(lan_loop_new(&n->loop), "loop");
	struct lsoe_config cfg = {.dialect = LSOE_01, .id = id, .id_len = sizeof id};
	must(lsoe_new(&env, &cfg, &n->core), "core");
	struct lan_fdrv_config d = {.loop = n->loop,
		.ops = &lsoe_ops,
		.core = n->core,
		.ethertype = WIRE_ETHERTYPE,
		.receive_buffer = 4u << 20,
		.ready = on_ready,
		.broken = on_broken,
		.ctx = n};
	must(lan_fdrv_open(&d, &n->drv), "driver");
	must(lan_fdrv_link_open(n->drv, link, group, 1), "link");
	struct lsoe_link_config l = {.link = link, .mtu = 1500};
	memcpy(l.hello_to, group[0], 6);
	wire_mac(link, l.mac);
	must(lsoe_link_up(n->core, lan_loop_now(n->loop), &l), "link up");
	lan_fdrv_kick(n->drv);
}

static void until_up(struct node *n)
{
	lan_time end = lan_loop_now(n->loop) + LAN_SEC(5);
	while (!n->up && lan_loop_now(n->loop) < end)
		lan_loop_run(n->loop, LAN_MS(10));
	if (!n->up)
		bench_die("no session");
}

_Noreturn static void sender(uint32_t rx, uint32_t tx, struct bench_shared *sh)
{
	struct node n;
	node_open(&n, tx, 1);
	until_up(&n);
	for (int i = 0; i < 10; i++) /* the other end's last acknowledgement */
		lan_loop_run(n.loop, LAN_MS(10));
	wire_flood(rx, tx, sh);
}

static uint64_t counted(const struct node *n)
{
	struct lsoe_link_status s;
	must(lsoe_link_status(n->core, n->link, &s), "status");
	return s.counters->v[LSOE_C_rx_keepalive];
}

static void run_for(struct node *n, double seconds)
{
	uint64_t end = bench_now() + (uint64_t)(seconds * 1e9);
	while (bench_now() < end)
		lan_loop_run(n->loop, LAN_MS(10));
}

static struct lan_packet_stats packets(struct node *n)
{
	struct lan_packet_stats s;
	if (!lan_fdrv_link_stats(n->drv, n->link, &s))
		bench_die("no link");
	return s;
}

int main(int argc, char **argv)
{
	struct bench_opt o;
	struct node n;
	uint32_t rx, tx;
	bench_options(argc, argv, &o);
	struct bench_shared *sh = bench_share(1);
	wire_make(&rx, &tx);
	pid_t child = bench_fork(&o);
	if (!child)
		sender(rx, tx, sh);
	node_open(&n, rx, 2);
	until_up(&n);
	while (!sh->done)
		run_for(&n, 0.01);
	run_for(&n, WIRE_WARM);
	struct lan_packet_stats first = packets(&n);
	uint64_t before = counted(&n), start = bench_now(), cpu = bench_cpu(), cpu_tx = bench_cpu_of(child);
	run_for(&n, o.seconds);
	struct wire_count c = {.frames = counted(&n) - before,
		.ns = bench_now() - start,
		.cpu_tx = bench_cpu_of(child) - cpu_tx,
		.cpu_rx = bench_cpu() - cpu};
	struct lan_packet_stats last = packets(&n);
	c.lost = last.kernel_drops - first.kernel_drops;
	sh->at = 1;
	bench_await(child);
	if (n.down || !last.ring || last.rx_frames - first.rx_frames != c.frames)
		bench_die("the session ended, there was no ring, or frames were not counted");
	wire_print("frames", &c);
	lan_fdrv_close(n.drv);
	return 0;
}
