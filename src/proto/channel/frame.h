/*
 * frame.h - the codec of the sealed channel's header and frames: bytes to views
 * and back. No state, no allocation; what does not parse is refused in one
 * place. docs/protocols/channel.md sections 3 and 4.
 */
#ifndef CHAN_FRAME_H
#define CHAN_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/err.h>
#include "proto/channel/event.h"

#define CHAN_HEADER      32
#define CHAN_VERSION     1
#define CHAN_SIGNED      1                   /* header flag */
#define CHAN_SIGNED_BIT  (UINT64_C(1) << 63) /* of a sender id */
#define CHAN_SIGNATURE   96                  /* public key and signature behind a frame */
#define CHAN_DATA_HEAD   19
#define CHAN_FRAG_HEAD   27
#define CHAN_PARITY_HEAD 12
#define CHAN_BLOCK_MAX   64
#define CHAN_ROWS_MAX    128
#define CHAN_ENTRIES_MAX 80
#define CHAN_NUMBER_MAX  (UINT64_C(1) << 62) /* of seq and msg */

struct chan_header {
	uint8_t flags;
	uint32_t epoch;
	uint64_t sender, boot, counter;
};

void chan_header_encode(const struct chan_header *h, uint8_t out[CHAN_HEADER]);
/* LAN_ERR_PROTO (not ours, bad flags, top bit), LAN_ERR_VERSION. */
LAN_WUR enum lan_err chan_header_decode(const uint8_t *buf, size_t n, struct chan_header *out);

enum chan_frame_type {
	CHAN_F_DATA = 1,
	CHAN_F_PARITY,
	CHAN_F_PRESENCE,
	CHAN_F_FEEDBACK,
	CHAN_F_LATE,
	CHAN_F_START
};
enum { CHAN_DATA_FRAG = 1, CHAN_DATA_AGAIN = 2, CHAN_DATA_CONFIRM = 4 };
enum { CHAN_PRES_LEAVING = 1, CHAN_PRES_ARRIVED = 2, CHAN_PRES_HISTORY = 4, CHAN_PRES_UNCONFIRMED = 8 };
#define CHAN_PRES_FLAGS 15

struct chan_frame {
	enum chan_frame_type type;
	uint8_t flags;
	union {
		struct {
			uint8_t block;
			uint64_t seq, msg;
			uint32_t offset, total; /* not a fragment: 0 and len */
			const uint8_t *data;    /* view */
			size_t len;
		} data;
		struct {
			uint8_t block, k, row;
			uint64_t first;
			const uint8_t *symbol; /* view */
			size_t len;            /* at least 2 */
		} parity;
		struct {
			uint8_t mode, block;
			uint32_t interval_ms, age_ms;
			uint16_t members;
			uint64_t highest, oldest, oldest_msg, next_msg;
			const uint8_t *name; /* view, UTF-8, not terminated */
			uint8_t name_len;
		} presence;
		struct {
			uint64_t sender, boot, next, highest;
			uint32_t overruns;
			uint8_t n;
			struct chan_entry {
				uint64_t first, missing;
				uint8_t need;
			} entry[CHAN_ENTRIES_MAX];
		} feedback;
		struct {
			uint64_t sender, boot;
			uint32_t n;
		} late;
		struct {
			uint32_t n;
			uint64_t seq, msg;
		} start;
	} u;
};

/* The length written; 0: cap too small. A DATA frame's data may lie at its place in `out` already. */
size_t chan_frame_encode(const struct chan_frame *f, uint8_t *out, size_t cap);
/* Views into buf. LAN_ERR_PROTO: refused; LAN_ERR_NOTSUP: a type that is not known. Every rule of section 4
 * that needs no state is checked here: K in 1..64, k and row in range, first aligned, seq and msg not 0,
 * fragment bounds, UTF-8 of the name without control characters, need within 1..popcount(missing), no
 * trailing bytes. */
LAN_WUR enum lan_err chan_frame_decode(const uint8_t *buf, size_t n, struct chan_frame *out);

#endif
