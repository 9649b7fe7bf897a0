/*
 * neighbor.c - a node of the neighbour family on all interfaces v* of its network namespace, through the
 * public API with its defaults, that says when things happened:
 *
 *     bench-neighbor LINKS
 *
 * One line of JSON when so many neighbours are established for the first time, with the moments (ns,
 * monotonic, the same for all processes) of its opening, of the last HELLO it had sent and of the last
 * session; after that a line for each session that ends or begins. Runs until it is killed.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <lanyard/neighbor.h>
#include "bench.h"

struct node {
	struct lan_loop *loop;
	struct lan_neighbor *n;
	size_t want, now;
	uint64_t downs, opened;
	bool all;
};

static void must(enum lan_err e, const char *what)
{
	if (e)
		bench_die(what);
}

static lan_time last_hello(const struct node *b)
{
	struct lan_neighbor_iface f;
	lan_time last = 0;
	for (size_t i = 0; lan_neighbor_iface(b->n, i, &f); i++)
		last = f.last_hello > last ? f.last_hello : last;
	return last;
}

static void open_node(struct node *b)
{
	static const char *const ifaces[] = {"v*"};
	struct lan_neighbor_config cfg = LAN_NEIGHBOR_CONFIG_INIT;
	const char *why = "";
	cfg.ifaces = ifaces;
	cfg.n_ifaces = 1;
	must(lan_loop_new(&b->loop), "loop");
	b->opened = bench_now();
	enum lan_err e = lan_neighbor_open(b->loop, &cfg, &b->n, &why);
	must(e, why && *why ? why : "lan_neighbor_open");
}

/* A line for each session that begins or ends, once all had begun. */
static void tell(const char *what, const struct lan_neighbor_event *ev)
{
	printf("{\"what\":\"%s\",\"ifname\":\"%s\",\"at\":%" PRIu64 ",\"reason\":\"%s\"}\n", what, ev->ifname,
		(uint64_t)ev->at, ev->reason ? ev->reason : "");
	fflush(stdout);
}

static void all_there(struct node *b, lan_time at)
{
	b->all = true;
	printf("{\"what\":\"all\",\"opened\":%" PRIu64 ",\"hello\":%" PRIu64 ",\"at\":%" PRIu64
	       ",\"downs\":%" PRIu64 ",\"cpu_ms\":%" PRIu64 "}\n",
		b->opened, (uint64_t)last_hello(b), (uint64_t)at, b->downs, bench_cpu() / 1000000);
	fflush(stdout);
}

static void take(struct node *b, const struct lan_neighbor_event *ev)
{
	if (ev->kind == LAN_NEIGHBOR_UP)
		b->now++;
	else if (ev->kind == LAN_NEIGHBOR_DOWN)
		b->now--, b->downs++;
	else
		return;
	if (b->all)
		tell(ev->kind == LAN_NEIGHBOR_UP ? "up" : "down", ev);
	else if (b->now == b->want)
		all_there(b, ev->at);
}

int main(int argc, char **argv)
{
	struct node b = {.want = argc > 1 ? (size_t)atol(argv[1]) : 0};
	struct lan_neighbor_event ev;
	if (!b.want)
		bench_die("how many links?");
	open_node(&b);
	for (;;) {
		while (lan_neighbor_event(b.n, &ev))
			take(&b, &ev);
		lan_loop_run(b.loop, LAN_NEVER);
	}
}
