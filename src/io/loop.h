/*
 * loop.h - the inside of <lanyard/loop.h>: what drivers, daemon, command line
 * and lab build on. libuv does the polling; all deadlines live in one heap of
 * ours above a single uv_timer.
 *
 * One turn of the loop: poll, the callbacks of descriptors (io/watch.h), then
 * the deadlines that are due, then the tasks. Deadlines come after I/O so that
 * a process that was stopped or starved reads what waits in its sockets before
 * it declares anybody dead. Nothing here allocates per event.
 */
#ifndef LAN_IO_LOOP_H
#define LAN_IO_LOOP_H

#include <stdbool.h>
#include <uv.h>
#include <lanyard/loop.h>
#include "base/timers.h"

/* A moment at which `fn(ctx)` is called once, in the loop. The storage is the caller's. */
struct lan_deadline {
	struct lan_timer t;
	void (*fn)(void *ctx);
	void *ctx;
};

/* Reserves the place in the heap, so that arming never fails. LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_deadline_init(
	struct lan_loop *l, struct lan_deadline *d, void (*fn)(void *ctx), void *ctx);
/* Arm or move; LAN_NEVER disarms. A moment that has passed is due in the next turn. */
void lan_deadline_arm(struct lan_loop *l, struct lan_deadline *d, lan_time at);
void lan_deadline_fini(struct lan_loop *l, struct lan_deadline *d);

/* Work for the end of this turn, or of the next one when queued between turns;
 * a loop with queued tasks does not block. Zero-initialise, set fn and ctx. */
struct lan_task {
	struct lan_task *prev, *next;
	void (*fn)(void *ctx);
	void *ctx;
	bool queued;
};
void lan_task_queue(struct lan_loop *l, struct lan_task *t); /* queued already: nothing happens */
void lan_task_cancel(struct lan_loop *l, struct lan_task *t);

/* Have `fn(ctx, signum)` called in the loop when the process gets the signal,
 * until the loop is freed. LAN_ERR_NOMEM, LAN_ERR_INVAL (no such signal). */
LAN_WUR enum lan_err lan_loop_signal(
	struct lan_loop *l, int signum, void (*fn)(void *ctx, int signum), void *ctx);

/* The time, read at most once between two polls (reading it costs as much as a
 * line). Inside a turn of the loop as lan_loop_now, less what the turn took so
 * far; outside of one, at most a tick of the system (some ms) old. */
lan_time lan_loop_stamp(struct lan_loop *l);

/* The time of the last turn: for what happened in it. */
lan_time lan_loop_recent(struct lan_loop *l);

/* Something became available to the application: the lan_loop_run that is
 * about to block returns instead. For tasks and whoever runs between turns;
 * inside a turn, lan_loop_run returns at its end anyway. */
void lan_loop_note(struct lan_loop *l);

uv_loop_t *lan_loop_uv(struct lan_loop *l);

#endif
