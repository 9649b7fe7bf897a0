/*
 * bench.h - what the measuring programs share: options, clocks, placement on
 * processors, sockets, percentiles, and the one JSON line each of them prints.
 *
 * Every program measures one contender once, for a short time, and verifies
 * what it counts: each message carries its number, and the receiver checks it.
 * run.py interleaves the contenders, compares and judges. A program that meets
 * anything unexpected says so on stderr and exits 1; there is no half result.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define BENCH_MAX (1 << 20) /* longest message */

/* Where the two ends run: wherever the scheduler likes, on two cores, on one. */
enum bench_place { BENCH_FREE, BENCH_SPLIT, BENCH_SAME };

struct bench_opt {
	double seconds;         /* -d length of the measurement */
	size_t size;            /* -s bytes of payload */
	unsigned window;        /* -w unacknowledged messages at most */
	enum bench_place place; /* -p free|split|same */
	bool reverse;           /* -x from the server to the client; storm: say nothing */
	bool epoll;             /* -e wait in epoll, not in recv */
	bool reset;             /* -r cut with RST, not with FIN */
	bool hostile;           /* -g with a silent connection and 500 that send garbage */
	bool stream;            /* -y the wire of a stream, not of a link */
	unsigned n;             /* -n clients or cuts */
	unsigned timeout_ms;    /* -t timeout of the link */
	uint16_t port;          /* -P of a server that runs already */
	pid_t pid;              /* -B that server */
	int rest;               /* index of the first word that is no option */
};

/* Counters that two processes look at. */
struct bench_shared {
	_Atomic uint64_t done; /* messages that arrived, in order and whole */
	_Atomic uint64_t bad;  /* messages that did not */
	_Atomic uint64_t at;   /* a moment, ns */
	_Atomic uint64_t port; /* where it listens */
};

void bench_options(int argc, char **argv, struct bench_opt *o);
_Noreturn void bench_die(const char *what);
struct bench_shared *bench_share(size_t n);

uint64_t bench_now(void);         /* monotonic, ns, the same for all processes */
uint64_t bench_cpu(void);         /* of this process, ns */
uint64_t bench_cpu_of(pid_t pid); /* of another one, ns */
uint64_t bench_rss_of(pid_t pid); /* resident bytes of another one */
void bench_sleep(double seconds);
void bench_pin(const struct bench_opt *o, bool second);
pid_t bench_fork(const struct bench_opt *o); /* the child dies with its parent and is placed second */
void bench_await(pid_t child);               /* until it ends, which must be well */
void bench_reap(pid_t child);                /* end it, and fail if it had failed */

int bench_listen(uint16_t *port);
int bench_connect(uint16_t port);
void bench_nodelay(int fd);

/* Payload: its number in 16 hex digits, then filler. */
void bench_fill(char *line, size_t size);
void bench_number(char *line, uint64_t number);
bool bench_is(const char *line, size_t len, size_t size, uint64_t number);

/* {"what":..,"rate":..,..}: messages a second and processor time per message. */
void bench_print_rate(const char *what, uint64_t n, uint64_t ns, uint64_t cpu_tx, uint64_t cpu_rx);
/* {"what":..,"n":..,"p50":..,"p99":..,"max":..}, in microseconds. Sorts. */
void bench_print_times(const char *what, uint64_t *ns, size_t n);

#endif
