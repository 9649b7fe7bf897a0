/*
 * storm_lanyard.c - the server of the storm: a lanyard link with its defaults
 * and the timeout of -t. Prints its port, then pulls events until it is killed.
 */
#include "ends.h"

#include <sys/resource.h>

int main(int argc, char **argv)
{
	struct bench_opt o;
	struct rlimit r;
	struct lan_loop *loop;
	struct lan_link_event ev;
	bench_options(argc, argv, &o);
	o.window = 16;
	if (getrlimit(RLIMIT_NOFILE, &r) || (r.rlim_cur = r.rlim_max, setrlimit(RLIMIT_NOFILE, &r)))
		bench_die("RLIMIT_NOFILE");
	if (lan_loop_new(&loop))
		bench_die("loop");
	struct lan_link *link = bench_serve(loop, &o);
	printf("%u\n", bench_port(link));
	fflush(stdout);
	for (;;) {
		lan_loop_run(loop, LAN_NEVER);
		while (lan_link_event(link, &ev))
			;
	}
}
