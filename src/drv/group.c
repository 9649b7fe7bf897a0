/*
 * group.c - core <-> multicast group, see group.h.
 *
 * Out: the core writes datagrams one behind the other into one buffer while
 * they are of one size; a longer one begins the next batch, a shorter one ends
 * the present. What the socket does not take stays in the buffer, and the core
 * is not asked for more until it is gone. In: datagrams go straight from the
 * kernel's batch to the core. Everything else (telling the owner, sending what
 * the input made necessary, arming the deadline) waits for the end of the turn,
 * and a turn sends a bounded amount, so that reading keeps pace.
 */
#include "drv/group.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define BATCH_MAX    65507
#define SEGMENTS_MAX 64

/* Batches sent in one turn; the rest goes on in the next, after reading. */
#define TURN_BATCHES 16

/* How often a core whose output does not leave is ticked at most. */
#define BLOCKED_TICK LAN_MS(1)

struct lan_gdrv {
	struct lan_loop *loop;
	const struct lan_dgram_ops *ops;
	void *core;
	struct lan_mcast *mcast;
	void (*ready)(void *ctx);
	void (*iface)(void *ctx, const char *name, enum lan_err err);
	void *ctx;
	pid_t owner; /* the process that opened it */
	struct lan_deadline due;
	struct lan_task task;
	uint64_t drops; /* the kernel's, as the core was told */
	bool input;     /* the core was told something since `ready` was last considered */
	bool in_task;   /* a pump follows anyway */
	bool blocked;   /* the batch waits for the socket */
	size_t n;       /* bytes of the batch */
	size_t segment; /* the size of its datagrams, the last may be shorter */
	size_t next;    /* a datagram behind the batch that begins the next one */
	unsigned count; /* datagrams in the batch */
	uint8_t buf[2 * BATCH_MAX];
};

static lan_time now(const struct lan_gdrv *d)
{
	return lan_loop_stamp(d->loop);
}

static void touched(struct lan_gdrv *d)
{
	d->input = true;
	if (!d->in_task)
		lan_task_queue(d->loop, &d->task);
}

/* ---- out -------------------------------------------------------------------- */

/* False: the socket is full, the batch stays. */
static bool flush(struct lan_gdrv *d)
{
	if (d->count && lan_mcast_send(d->mcast, d->buf, d->n, d->segment) == LAN_ERR_AGAIN) {
		d->blocked = true;
		return false;
	}
	d->blocked = false;
	d->input |= d->count > 0; /* room in the core's queue may be news for the owner */
	if (d->next)
		memmove(d->buf, d->buf + d->n, d->next);
	d->n = d->segment = d->next;
	d->count = d->next ? 1 : 0;
	d->next = 0;
	return true;
}

/* Ask the core until a batch is complete. False: it had no more. */
static bool collect(struct lan_gdrv *d)
{
	while (d->count < SEGMENTS_MAX && d->n + d->segment <= BATCH_MAX) {
		size_t got = d->ops->output(d->core, now(d), d->buf + d->n, sizeof d->buf - d->n);
		if (got == 0)
			return false;
		if (d->count == 0)
			d->segment = got;
		if (got > d->segment) {
			d->next = got;
			return true;
		}
		d->n += got;
		d->count++;
		if (got < d->segment)
			return true;
	}
	return true;
}

/* Up to `batches`; false: stopped before the core had nothing left, be it for the socket. */
static bool send_batches(struct lan_gdrv *d, unsigned batches)
{
	/* A child of fork(2) has the core's counters: what it sent would use them a second time. */
	if (getpid() != d->owner)
		return true;
	if (d->blocked && !flush(d))
		return false;
	for (bool more = true; more;) {
		if (batches-- == 0)
			return false;
		more = collect(d);
		if (!flush(d))
			return false;
	}
	return true;
}

static void send_and_arm(struct lan_gdrv *d)
{
	if (!d->blocked && !send_batches(d, TURN_BATCHES) && !d->blocked)
		lan_task_queue(d->loop, &d->task);
	lan_time at = d->ops->deadline(d->core);
	/* While the socket is full a deadline that is about output has passed and stays so. */
	if (d->blocked && at < now(d) + BLOCKED_TICK)
		at = now(d) + BLOCKED_TICK;
	lan_deadline_arm(d->loop, &d->due, at);
}

static void on_writable(void *ctx)
{
	struct lan_gdrv *d = ctx;
	if (d->blocked && flush(d))
		lan_task_queue(d->loop, &d->task);
}

/* ---- in ------------------------------------------------------------------------ */

static void on_datagram(void *ctx, const union lan_sockaddr *from, uint32_t ifindex, uint8_t *buf, size_t n)
{
	struct lan_gdrv *d = ctx;
	struct lan_from f = {.ifindex = ifindex};
	if (from->any.sa_family == AF_INET6) {
		memcpy(f.addr, &from->v6.sin6_addr, 16);
		f.port = ntohs(from->v6.sin6_port);
	} else {
		f.addr[10] = f.addr[11] = 0xff;
		memcpy(f.addr + 12, &from->v4.sin_addr, 4);
		f.port = ntohs(from->v4.sin_port);
	}
	(void)!d->ops->input(d->core, now(d), &f, buf, n);
}

static bool on_open(void *ctx)
{
	struct lan_gdrv *d = ctx;
	return d->ops->open(d->core);
}

static void on_batch(void *ctx)
{
	struct lan_gdrv *d = ctx;
	uint64_t drops = lan_mcast_drops(d->mcast);
	if (drops != d->drops && d->ops->overrun)
		d->ops->overrun(d->core, drops);
	d->drops = drops;
	touched(d);
}

static void on_iface(void *ctx, const char *name, enum lan_err err)
{
	struct lan_gdrv *d = ctx;
	if (d->iface)
		d->iface(d->ctx, name, err);
}

/* ---- the turn -------------------------------------------------------------------- */

static bool events_wait(struct lan_gdrv *d)
{
	bool yes = d->input && d->ops->ready(d->core);
	d->input = false;
	return yes;
}

static void read_on(struct lan_gdrv *d)
{
	if (d->ops->open(d->core))
		lan_mcast_resume(d->mcast);
}

static void on_task(void *ctx)
{
	struct lan_gdrv *d = ctx;
	d->in_task = true;
	if (events_wait(d)) {
		lan_loop_note(d->loop);
		d->ready(d->ctx);
	}
	send_and_arm(d);
	read_on(d);
	d->in_task = false;
	if (events_wait(d)) /* sending made news, e.g. room in the queue */
		touched(d);
}

static void on_due(void *ctx)
{
	struct lan_gdrv *d = ctx;
	d->ops->tick(d->core, now(d));
	touched(d);
}

void lan_gdrv_kick(struct lan_gdrv *d)
{
	touched(d);
}

void lan_gdrv_pump(struct lan_gdrv *d)
{
	if (d->in_task)
		return;
	send_and_arm(d);
	read_on(d);
	if (events_wait(d))
		touched(d);
}

/* ---- open and close --------------------------------------------------------------- */

enum lan_err lan_gdrv_open(const struct lan_gdrv_config *cfg, struct lan_gdrv **out, const char **why)
{
	if (why)
		*why = lan_err_text(LAN_ERR_NOMEM);
	struct lan_gdrv *d = malloc(sizeof *d);
	if (!d)
		return LAN_ERR_NOMEM;
	memset(d, 0, offsetof(struct lan_gdrv, buf));
	d->owner = getpid();
	d->loop = cfg->loop;
	d->ops = cfg->ops;
	d->core = cfg->core;
	d->ready = cfg->ready;
	d->iface = cfg->iface;
	d->ctx = cfg->ctx;
	d->task = (struct lan_task){.fn = on_task, .ctx = d};
	enum lan_err e = lan_deadline_init(d->loop, &d->due, on_due, d);
	if (e) {
		free(d);
		return e;
	}
	struct lan_mcast_config m = cfg->mcast;
	m.datagram = on_datagram;
	m.open = on_open;
	m.batch_done = on_batch;
	m.iface = on_iface;
	m.ctx = d;
	e = lan_mcast_open(d->loop, &m, &d->mcast, why);
	if (e) {
		lan_deadline_fini(d->loop, &d->due);
		free(d);
		return e;
	}
	lan_mcast_on_writable(d->mcast, on_writable);
	touched(d);
	*out = d;
	return LAN_OK;
}

void lan_gdrv_close(struct lan_gdrv *d)
{
	if (!d)
		return;
	(void)!send_batches(d, UINT_MAX);
	lan_mcast_close(d->mcast);
	lan_task_cancel(d->loop, &d->task);
	lan_deadline_fini(d->loop, &d->due);
	free(d);
}

const struct lan_mcast *lan_gdrv_mcast(const struct lan_gdrv *d)
{
	return d->mcast;
}
