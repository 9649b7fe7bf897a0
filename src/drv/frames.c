/*
 * frames.c - core <-> raw Ethernet on many links, see frames.h.
 *
 * In: frames go straight from the kernel's memory to the core; no link is looked up for that. Out: the core
 * names the links that have something to say, and writes their frames one behind the other into one batch for
 * all links. What the socket does not take stays in the batch, and the core is not asked for more until it is
 * gone. Everything else (telling the owner, sending what the input made necessary, arming the deadline) waits
 * for the end of the turn, and a turn sends a bounded amount, so that reading keeps pace.
 */
#include "drv/frames.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* Frames sent in one turn; the rest goes on in the next, after reading. */
#define TURN_FRAMES 256

/* How often a core whose output does not leave is ticked at most. */
#define BLOCKED_TICK LAN_MS(1)

struct lan_fdrv {
	struct lan_loop *loop;
	const struct lan_frame_ops *ops;
	void *core;
	struct lan_packet_tx *tx;
	void (*ready)(void *ctx);
	void (*broken)(void *ctx, uint32_t link, enum lan_err why);
	void *ctx;
	pid_t owner; /* the process that opened it */
	struct lan_deadline due;
	struct lan_task task;
	uint32_t receive_buffer;
	uint16_t ethertype;
	bool input;   /* the core was told something since `ready` was last considered */
	bool in_task; /* sending follows anyway */
	bool blocked; /* the batch waits for the socket */
	bool talking; /* `talker` may have more to say */
	uint32_t talker;
	struct row { /* by rising link */
		uint32_t link;
		struct lan_packet *packet;
	} * rows;
	size_t n_rows, cap_rows;
};

static lan_time now(const struct lan_fdrv *d)
{
	return lan_loop_stamp(d->loop);
}

static void touched(struct lan_fdrv *d)
{
	d->input = true;
	if (!d->in_task)
		lan_task_queue(d->loop, &d->task);
}

/* ---- out -------------------------------------------------------------------- */

/* False: the socket is full, the batch stays. */
static bool flush(struct lan_fdrv *d)
{
	d->blocked = lan_packet_tx_flush(d->tx) == LAN_ERR_AGAIN;
	return !d->blocked;
}

static void on_failed(void *ctx, uint32_t link, const uint8_t to[6], enum lan_err why)
{
	struct lan_fdrv *d = ctx;
	(void)to;
	d->ops->unsent(d->core, now(d), link, why);
	touched(d);
}

/* The next frame into the batch, which has room for it. False: the core has no more. */
static bool collect(struct lan_fdrv *d, uint8_t *room)
{
	uint8_t to[6];
	for (;;) {
		if (!d->talking && !d->ops->want(d->core, &d->talker))
			return false;
		size_t n = d->ops->output(d->core, now(d), d->talker, to, room, LAN_PACKET_MAX);
		d->talking = n > 0;
		if (n == 0)
			continue;
		lan_packet_tx_add(d->tx, d->talker, to, n);
		return true;
	}
}

/* Up to `most` frames; false: stopped before the core had nothing left, be it for the socket. */
static bool send_frames(struct lan_fdrv *d, unsigned most)
{
	/* A child of fork(2) has the core's sessions: what it sent would count twice. */
	if (getpid() != d->owner)
		return true;
	if (d->blocked && !flush(d))
		return false;
	for (;;) {
		uint8_t *room = lan_packet_tx_room(d->tx);
		if (!room) {
			if (!flush(d))
				return false;
			continue;
		}
		if (most == 0 || !collect(d, room))
			return flush(d) && most > 0;
		most--;
	}
}

static void send_and_arm(struct lan_fdrv *d)
{
	if (!d->blocked && !send_frames(d, TURN_FRAMES) && !d->blocked)
		lan_task_queue(d->loop, &d->task);
	lan_time at = d->ops->deadline(d->core);
	/* While the socket is full a deadline that is about output has passed and stays so. */
	if (d->blocked && at < now(d) + BLOCKED_TICK)
		at = now(d) + BLOCKED_TICK;
	lan_deadline_arm(d->loop, &d->due, at);
}

static void on_writable(void *ctx)
{
	struct lan_fdrv *d = ctx;
	if (d->blocked && flush(d))
		lan_task_queue(d->loop, &d->task);
}

/* ---- in ------------------------------------------------------------------------ */

static void on_frame(
	void *ctx, uint32_t link, const uint8_t src[6], const uint8_t dst[6], const uint8_t *p, size_t n)
{
	struct lan_fdrv *d = ctx;
	(void)dst;
	(void)d->ops->input(d->core, now(d), link, src, p, n);
}

static size_t on_known(void *ctx, uint32_t link, uint8_t (*macs)[6], size_t most)
{
	const struct lan_fdrv *d = ctx;
	return d->ops->known(d->core, link, macs, most);
}

static void on_batch(void *ctx, uint32_t link)
{
	(void)link;
	touched(ctx);
}

/* ---- the turn -------------------------------------------------------------------- */

static bool events_wait(struct lan_fdrv *d)
{
	bool yes = d->input && d->ops->ready(d->core);
	d->input = false;
	return yes;
}

static void on_task(void *ctx)
{
	struct lan_fdrv *d = ctx;
	d->in_task = true;
	if (events_wait(d)) {
		lan_loop_note(d->loop);
		d->ready(d->ctx);
	}
	send_and_arm(d);
	d->in_task = false;
	if (events_wait(d)) /* sending made news, e.g. a frame did not leave */
		touched(d);
}

static void on_due(void *ctx)
{
	struct lan_fdrv *d = ctx;
	d->ops->tick(d->core, now(d));
	touched(d);
}

void lan_fdrv_kick(struct lan_fdrv *d)
{
	touched(d);
}

/* ---- links ------------------------------------------------------------------------ */

/* Where the link is, or would be. */
static size_t place(const struct lan_fdrv *d, uint32_t link)
{
	size_t low = 0, high = d->n_rows;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (d->rows[mid].link < link)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct row *find(const struct lan_fdrv *d, uint32_t link)
{
	size_t i = place(d, link);
	return i < d->n_rows && d->rows[i].link == link ? &d->rows[i] : NULL;
}

static void remove_row(struct lan_fdrv *d, struct row *r)
{
	struct lan_packet *p = r->packet;
	size_t i = (size_t)(r - d->rows);
	memmove(r, r + 1, (--d->n_rows - i) * sizeof *r);
	lan_packet_close(p);
}

static void on_broken(void *ctx, uint32_t link, enum lan_err why)
{
	struct lan_fdrv *d = ctx;
	struct row *r = find(d, link);
	if (!r)
		return;
	remove_row(d, r);
	d->broken(d->ctx, link, why);
}

enum lan_err lan_fdrv_link_open(
	struct lan_fdrv *d, uint32_t link, const uint8_t (*groups)[6], size_t n_groups)
{
	struct lan_packet *p;
	struct lan_packet_config cfg = {.ifindex = link,
		.ethertype = d->ethertype,
		.groups = groups,
		.n_groups = n_groups,
		.receive_buffer = d->receive_buffer,
		.frame = on_frame,
		.known = d->ops->known ? on_known : NULL,
		.batch_done = on_batch,
		.broken = on_broken,
		.ctx = d};
	if (find(d, link))
		return LAN_ERR_EXISTS;
	if (d->n_rows == d->cap_rows) {
		size_t cap = d->cap_rows ? d->cap_rows * 2 : 8;
		struct row *rows = realloc(d->rows, cap * sizeof *rows);
		if (!rows)
			return LAN_ERR_NOMEM;
		d->rows = rows;
		d->cap_rows = cap;
	}
	enum lan_err e = lan_packet_open(d->loop, &cfg, &p);
	if (e)
		return e;
	size_t i = place(d, link);
	memmove(d->rows + i + 1, d->rows + i, (d->n_rows++ - i) * sizeof *d->rows);
	d->rows[i] = (struct row){.link = link, .packet = p};
	return LAN_OK;
}

void lan_fdrv_link_close(struct lan_fdrv *d, uint32_t link)
{
	struct row *r = find(d, link);
	if (r)
		remove_row(d, r);
}

bool lan_fdrv_link_stats(struct lan_fdrv *d, uint32_t link, struct lan_packet_stats *out)
{
	struct row *r = find(d, link);
	if (r)
		lan_packet_stats(r->packet, out);
	return r != NULL;
}

/* ---- open and close --------------------------------------------------------------- */

enum lan_err lan_fdrv_open(const struct lan_fdrv_config *cfg, struct lan_fdrv **out)
{
	struct lan_fdrv *d = calloc(1, sizeof *d);
	if (!d)
		return LAN_ERR_NOMEM;
	d->owner = getpid();
	d->loop = cfg->loop;
	d->ops = cfg->ops;
	d->core = cfg->core;
	d->ethertype = cfg->ethertype;
	d->receive_buffer = cfg->receive_buffer;
	d->ready = cfg->ready;
	d->broken = cfg->broken;
	d->ctx = cfg->ctx;
	d->task = (struct lan_task){.fn = on_task, .ctx = d};
	enum lan_err e = lan_deadline_init(d->loop, &d->due, on_due, d);
	if (e)
		goto no_deadline;
	e = lan_packet_tx_open(d->loop, d->ethertype, &d->tx);
	if (e)
		goto no_socket;
	lan_packet_tx_on(d->tx, on_failed, on_writable, d);
	touched(d);
	*out = d;
	return LAN_OK;
no_socket:
	lan_deadline_fini(d->loop, &d->due);
no_deadline:
	free(d);
	return e;
}

void lan_fdrv_close(struct lan_fdrv *d)
{
	if (!d)
		return;
	bool ours = getpid() == d->owner;
	(void)send_frames(d, UINT_MAX);
	while (d->n_rows)
		remove_row(d, &d->rows[d->n_rows - 1]);
	lan_packet_tx_close(d->tx);
	if (ours)
		lan_packet_settle();
	lan_task_cancel(d->loop, &d->task);
	lan_deadline_fini(d->loop, &d->due);
	free(d->rows);
	free(d);
}
