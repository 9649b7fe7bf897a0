/*
 * impair.c - start of `lanyard lab impair`: the seed, the signals, the form, and
 * how long it lasts.
 */
#include "lab/impair.h"

#include <signal.h>
#include <sys/random.h>
#include <lanyard/loop.h>

int lab_turns(struct lan_loop *l, const struct lab_impair *opt, const bool *quit)
{
	lan_time ends = opt->limit == LAN_NEVER ? LAN_NEVER : lan_loop_now(l) + opt->limit;
	while (!*quit) {
		lan_time now = lan_loop_now(l);
		if (now >= ends)
			return LAB_EXIT_TIMEOUT;
		lan_loop_run(l, ends == LAN_NEVER ? LAN_NEVER : ends - now);
	}
	return LAB_EXIT_OK;
}

int lab_impair_run(const struct lab_impair *opt)
{
	struct lab_impair o = *opt;
	sigset_t ours;
	/* A seed short enough to be typed again by a person. */
	if (!o.have_seed && getrandom(&o.faults.seed, sizeof o.faults.seed, 0) == sizeof o.faults.seed)
		o.faults.seed %= 1000000;
	/* The caller may hold the signals back; here the loop takes them. */
	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &ours, NULL);
	signal(SIGPIPE, SIG_IGN);
	switch (o.form) {
	case LAB_RELAY:
		return lab_relay_run(&o);
	case LAB_INGRESS:
		return lab_ingress_run(&o);
	case LAB_WIRE:
		return lab_wire_run(&o);
	}
	return LAB_EXIT_USAGE;
}
