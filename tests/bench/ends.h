/*
 * ends.h - one lanyard server and one lanyard client in two processes, through
 * the public interface, for the programs that measure the link.
 *
 * bench_ends() forks. The child is the receiver and never returns: it pulls
 * events until it is killed, and counts lines into `sh`. The parent gets its
 * own open end once a first line has gone the whole way and back. Which of the
 * two is the server depends on bench_opt.reverse.
 */
#ifndef BENCH_ENDS_H
#define BENCH_ENDS_H

#include <lanyard/link.h>
#include "bench.h"

#define BENCH_ID "board"

struct bench_end {
	struct lan_loop *loop;
	struct lan_link *link;
	const char *to; /* id to write to; NULL on a client */
	pid_t child;
	uint64_t number; /* of the next line */
	char line[BENCH_MAX];
};

struct lan_link *bench_serve(struct lan_loop *loop, const struct bench_opt *o);
struct lan_link *bench_dial(struct lan_loop *loop, const struct bench_opt *o, uint16_t port);
uint16_t bench_port(const struct lan_link *server);

void bench_ends(struct bench_end *e, const struct bench_opt *o, struct bench_shared *sh);
/* Write the next line. */
void bench_write(struct bench_end *e, const struct bench_opt *o, unsigned flags);
/* Run the loop once; how many lines were acknowledged. */
size_t bench_acked(struct bench_end *e);

#endif
