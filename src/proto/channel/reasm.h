/*
 * reasm.h - messages put together from fragments, for any number of senders,
 * within a fixed number of bytes and of messages. Fragments may come in any
 * order and repeatedly. What is unfinished for too long, or oldest when there
 * is no room, is given up, counted, and its number reported.
 */
#ifndef CHAN_REASM_H
#define CHAN_REASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/err.h>

struct chan_reasm;

/* max_bytes over all partial messages; max_count of them; each may take `patience` from its last new
 * fragment. */
LAN_WUR enum lan_err chan_reasm_new(
	uint32_t max_bytes, uint32_t max_count, lan_time patience, struct chan_reasm **out);
void chan_reasm_free(struct chan_reasm *r);

struct chan_fragment {
	uint64_t owner; /* any number that names the sender instance */
	uint64_t msg;
	uint32_t offset, total;
	const uint8_t *data;
	size_t len;
};

/* LAN_OK and *whole: the message is complete; a view of f->total bytes until the next call (and the memory is
 * released then). LAN_OK and *whole NULL: more is missing. LAN_ERR_EXISTS: had all of this already.
 * LAN_ERR_PROTO: does not fit what came before (other total, overlap): the message is dropped. LAN_ERR_NOMEM;
 * LAN_ERR_TOOBIG: total over max_bytes. */
LAN_WUR enum lan_err chan_reasm_add(
	struct chan_reasm *r, lan_time now, const struct chan_fragment *f, const uint8_t **whole);

/* Forget the unfinished messages of an owner; with msg != 0 only that one. */
void chan_reasm_drop(struct chan_reasm *r, uint64_t owner, uint64_t msg);

/* One message given up for lack of time (at `now`) or room since the last call; false: none. */
bool chan_reasm_gone(struct chan_reasm *r, lan_time now, uint64_t *owner, uint64_t *msg);
/* When chan_reasm_gone may have something: the earliest end of patience, 0 if something waits already,
 * LAN_NEVER. */
lan_time chan_reasm_deadline(const struct chan_reasm *r);
size_t chan_reasm_bytes(const struct chan_reasm *r);

#endif
