/*
 * lines.c - pipelined lines `qos, no wait` through lanyard's link: how many a
 * second are written, delivered to the other application and acknowledged.
 *
 * The application keeps as many lines under way as the window allows, as the
 * bare stream of frames.c does: it writes one for each that is acknowledged.
 */
#include "ends.h"

int main(int argc, char **argv)
{
	struct bench_opt o;
	static struct bench_end e;
	bench_options(argc, argv, &o);
	struct bench_shared *sh = bench_share(1);
	bench_ends(&e, &o, sh);

	uint64_t under_way = 0, acked = 0;
	uint64_t start = bench_now(), end = start + (uint64_t)(o.seconds * 1e9), now;
	uint64_t cpu = bench_cpu(), cpu_rx = bench_cpu_of(e.child);
	while ((now = bench_now()) < end) {
		for (; under_way < o.window; under_way++)
			bench_write(&e, &o, LAN_LINK_QOS);
		size_t n = bench_acked(&e);
		under_way -= n;
		acked += n;
	}
	cpu = bench_cpu() - cpu;
	cpu_rx = bench_cpu_of(e.child) - cpu_rx;
	while (under_way)
		under_way -= bench_acked(&e);
	bench_reap(e.child);
	if (sh->bad || sh->done != e.number)
		bench_die("lines were lost");
	lan_link_close(e.link);
	lan_loop_free(e.loop);
	bench_print_rate("lanyard", acked, now - start, cpu, cpu_rx);
	return 0;
}
