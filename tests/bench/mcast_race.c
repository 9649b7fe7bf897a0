/*
 * mcast_race.c - see mcast.h.
 *
 * A process enters a namespace by itself (setns), before it makes any socket,
 * so that one program has its ends in several and they share memory.
 */
#include "mcast.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void receivers_of(struct mcast_opt *o, char *names)
{
	for (char *p = strtok(names, ","); p; p = strtok(NULL, ",")) {
		if (o->receivers == MCAST_RECEIVERS)
			bench_die("too many receivers");
		o->receiver[o->receivers++] = p;
	}
}

static bool option(struct mcast_opt *o, int c, char *arg)
{
	switch (c) {
	case 'd':
		o->seconds = atof(arg);
		return true;
	case 's':
		o->size = strtoul(arg, NULL, 10);
		return true;
	case 'w':
		o->window = (unsigned)strtoul(arg, NULL, 10);
		return true;
	case 'i':
		o->iface = arg;
		return true;
	case 'P':
		o->port = (uint16_t)atoi(arg);
		return true;
	case 'S':
		o->sender = arg;
		return true;
	case 'R':
		receivers_of(o, arg);
		return true;
	case 'p':
		o->split = true;
		return true;
	case 'o':
		o->offload = true;
		return true;
	case 'k':
		o->key = arg;
		return true;
	}
	return false;
}

static bool bulk_option(struct mcast_opt *o, int c, char *arg)
{
	switch (c) {
	case 'b':
		o->total = strtoull(arg, NULL, 10);
		return true;
	case 't':
		o->limit = atof(arg);
		return true;
	case 'r':
		o->rate = atof(arg);
		return true;
	case 'K':
		o->block = (unsigned)atoi(arg);
		return true;
	case 'F':
		o->parity = (unsigned)atoi(arg);
		return true;
	case 'A':
		o->extra = (unsigned)atoi(arg);
		return true;
	case 'f':
		o->flags = arg;
		return true;
	}
	return false;
}

void mcast_options(int argc, char **argv, struct mcast_opt *o)
{
	int c;
	*o = (struct mcast_opt){.seconds = 0.4,
		.size = 64,
		.window = 128,
		.iface = "lo",
		.port = 5077,
		.total = 10000000,
		.limit = 60,
		.flags = ""};
	while ((c = getopt(argc, argv, "d:s:w:i:P:S:R:opk:b:t:r:K:F:A:f:")) != -1)
		if (!option(o, c, optarg) && !bulk_option(o, c, optarg))
			exit(2);
	if (!o->receivers)
		o->receiver[o->receivers++] = NULL;
	if (o->size < 16 || o->size > BENCH_MAX || !o->window)
		bench_die("size 16..1048576, window 1..");
	signal(SIGPIPE, SIG_IGN);
}

bool mcast_flag(const struct mcast_opt *o, char c)
{
	return strchr(o->flags, c) != NULL;
}

void mcast_enter(const char *ns)
{
	char path[128];
	if (!ns)
		return;
	snprintf(path, sizeof path, "/run/netns/%s", ns);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		bench_die(path);
	close(fd);
}

/* --- receivers ------------------------------------------------------------------- */

void mcast_ready(struct bench_shared *mine)
{
	mine->at = bench_now();
}

/* Receivers end when they are told to, or because something is wrong. */
static void all_alive(void)
{
	if (waitpid(-1, NULL, WNOHANG) > 0) {
		errno = 0;
		bench_die("a receiver ended");
	}
}

void mcast_receivers(const struct mcast_opt *o, struct bench_shared *sh, pid_t *child, mcast_receive *receive)
{
	struct bench_opt place = {.place = o->split ? BENCH_SPLIT : BENCH_FREE};
	uint64_t until = bench_now() + 10000000000u;
	for (unsigned i = 0; i < o->receivers; i++) {
		child[i] = bench_fork(&place);
		if (!child[i]) {
			mcast_enter(o->receiver[i]);
			receive(o, &sh[i]);
			_exit(0);
		}
	}
	mcast_enter(o->sender);
	for (unsigned i = 0; i < o->receivers; i++)
		while (!sh[i].at) {
			all_alive();
			errno = 0;
			if (bench_now() > until)
				bench_die("a receiver is not ready");
			bench_sleep(0.001);
		}
}

void mcast_number(void *p, uint64_t number)
{
	memcpy(p, &number, sizeof number);
}

bool mcast_is(const void *p, size_t len, size_t size, uint64_t number)
{
	return len == size && !memcmp(p, &number, sizeof number);
}

/* --- the race -------------------------------------------------------------------- */

struct race {
	const struct mcast_opt *o;
	struct bench_shared *sh;
	mcast_burst *burst;
	void *ctx;
	uint64_t sent;
};

static void lost(const struct race *r)
{
	fprintf(stderr, "%llu sent, %llu delivered: ", (unsigned long long)r->sent,
		(unsigned long long)r->sh->done);
	errno = 0;
	bench_die("messages were lost");
}

/* The time when it was over. */
static uint64_t race(struct race *r, uint64_t end)
{
	uint64_t now, moved = bench_now(), seen = r->sh->done;
	while ((now = bench_now()) < end) {
		uint64_t done = r->sh->done, away = r->sent - done;
		unsigned n =
			r->burst(r->ctx, r->sent, away < r->o->window ? r->o->window - (unsigned)away : 0);
		r->sent += n;
		if (n || done != seen) {
			seen = done;
			moved = now;
		} else if (now - moved > 3000000000u)
			lost(r);
		if (!n)
			sched_yield();
	}
	return now;
}

void mcast_race(const struct mcast_opt *o, struct bench_shared *sh, pid_t child, const char *what,
	mcast_burst *burst, void *ctx)
{
	struct race r = {.o = o, .sh = sh, .burst = burst, .ctx = ctx};
	race(&r, bench_now() + 50000000);
	uint64_t first = sh->done, cpu = bench_cpu(), cpu_rx = bench_cpu_of(child), start = bench_now();
	uint64_t end = race(&r, start + (uint64_t)(o->seconds * 1e9));
	uint64_t done = sh->done - first;
	cpu = bench_cpu() - cpu;
	cpu_rx = bench_cpu_of(child) - cpu_rx;
	for (uint64_t until = end + 3000000000u; sh->done < r.sent && bench_now() < until;) {
		burst(ctx, r.sent, 0);
		sched_yield();
	}
	bench_reap(child);
	if (sh->bad || sh->done != r.sent)
		lost(&r);
	bench_print_rate(what, done, end - start, cpu, cpu_rx);
}

uint64_t mcast_finish(const struct mcast_opt *o, const struct bench_shared *sh, uint64_t n, uint64_t start,
	void (*turn)(void *ctx), void *ctx)
{
	uint64_t last = 0, until = start + (uint64_t)(o->limit * 1e9);
	for (unsigned i = 0; i<o->receivers; last = sh[i].at> last ? sh[i].at : last, i++)
		while (sh[i].done < n) {
			turn(ctx);
			all_alive();
			if (bench_now() < until && !sh[i].bad)
				continue;
			for (unsigned j = 0; j < o->receivers; j++)
				fprintf(stderr, "receiver %u: %llu of %llu, %llu wrong; ", j,
					(unsigned long long)sh[j].done, (unsigned long long)n,
					(unsigned long long)sh[j].bad);
			errno = 0;
			bench_die("not complete");
		}
	return last;
}
