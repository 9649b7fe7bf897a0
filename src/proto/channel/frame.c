/*
 * frame.c - see frame.h. Each type has one length that is checked once; after
 * that fields are read and written at their offsets. A decoder first checks all
 * rules, then fills in the result, so that what is refused leaves no trace.
 *
 * Refused is all that section 4 of docs/protocols/channel.md does not allow,
 * as far as one frame alone can tell: values out of range, flags without a
 * meaning, names that are not text, bytes behind the end. What it takes, it
 * would write again byte by byte.
 */
#include "proto/channel/frame.h"

#include <string.h>
#include "base/bytes.h"
#include "base/utf8.h"
#include "crypto/crypto.h"
#include "proto/channel/channel.h"

#define PRESENCE_HEAD 47
#define FEEDBACK_HEAD 39
#define ENTRY         17
#define LATE_SIZE     22
#define START_SIZE    22
#define NAME_MAX_LEN  (CHAN_NAME_MAX - 1)

void chan_header_encode(const struct chan_header *h, uint8_t out[CHAN_HEADER])
{
	out[0] = 'L';
	out[1] = 'C';
	out[2] = CHAN_VERSION;
	out[3] = h->flags;
	lan_put_be32(out + 4, h->epoch);
	lan_put_be64(out + 8, h->sender);
	lan_put_be64(out + 16, h->boot);
	lan_put_be64(out + 24, h->counter);
}

enum lan_err chan_header_decode(const uint8_t *buf, size_t n, struct chan_header *out)
{
	if (n < CHAN_HEADER + LAN_AEAD_TAG + 1 || buf[0] != 'L' || buf[1] != 'C')
		return LAN_ERR_PROTO;
	if (buf[2] != CHAN_VERSION)
		return LAN_ERR_VERSION;
	/* The one flag says the same as the top bit of the sender. */
	if (buf[3] != buf[8] >> 7)
		return LAN_ERR_PROTO;
	out->flags = buf[3];
	out->epoch = lan_get_be32(buf + 4);
	out->sender = lan_get_be64(buf + 8);
	out->boot = lan_get_be64(buf + 16);
	out->counter = lan_get_be64(buf + 24);
	return LAN_OK;
}

static size_t put_data(const struct chan_frame *f, uint8_t *out, size_t cap)
{
	size_t head = f->flags & CHAN_DATA_FRAG ? CHAN_FRAG_HEAD : CHAN_DATA_HEAD;
	if (cap < head || f->u.data.len > cap - head)
		return 0;
	out[2] = f->u.data.block;
	lan_put_be64(out + 3, f->u.data.seq);
	lan_put_be64(out + 11, f->u.data.msg);
	if (head == CHAN_FRAG_HEAD) {
		lan_put_be32(out + 19, f->u.data.offset);
		lan_put_be32(out + 23, f->u.data.total);
	}
	if (f->u.data.len && f->u.data.data != out + head)
		memcpy(out + head, f->u.data.data, f->u.data.len);
	out[0] = CHAN_F_DATA;
	out[1] = f->flags;
	return head + f->u.data.len;
}

static size_t put_parity(const struct chan_frame *f, uint8_t *out, size_t cap)
{
	if (cap < CHAN_PARITY_HEAD || f->u.parity.len > cap - CHAN_PARITY_HEAD)
		return 0;
	out[0] = CHAN_F_PARITY;
	out[1] = f->u.parity.block;
	out[2] = f->u.parity.k;
	out[3] = f->u.parity.row;
	lan_put_be64(out + 4, f->u.parity.first);
	if (f->u.parity.symbol != out + CHAN_PARITY_HEAD)
		memcpy(out + CHAN_PARITY_HEAD, f->u.parity.symbol, f->u.parity.len);
	return CHAN_PARITY_HEAD + f->u.parity.len;
}

static size_t put_presence(const struct chan_frame *f, uint8_t *out, size_t cap)
{
	size_t name = f->u.presence.name_len;
	if (cap < PRESENCE_HEAD + name)
		return 0;
	out[0] = CHAN_F_PRESENCE;
	out[1] = f->flags;
	out[2] = f->u.presence.mode;
	out[3] = f->u.presence.block;
	lan_put_be32(out + 4, f->u.presence.interval_ms);
	lan_put_be32(out + 8, f->u.presence.age_ms);
	lan_put_be16(out + 12, f->u.presence.members);
	lan_put_be64(out + 14, f->u.presence.highest);
	lan_put_be64(out + 22, f->u.presence.oldest);
	lan_put_be64(out + 30, f->u.presence.oldest_msg);
	lan_put_be64(out + 38, f->u.presence.next_msg);
	out[46] = f->u.presence.name_len;
	if (name)
		memcpy(out + PRESENCE_HEAD, f->u.presence.name, name);
	return PRESENCE_HEAD + name;
}

static size_t put_feedback(const struct chan_frame *f, uint8_t *out, size_t cap)
{
	size_t size = FEEDBACK_HEAD + ENTRY * (size_t)f->u.feedback.n;
	if (cap < size)
		return 0;
	out[0] = CHAN_F_FEEDBACK;
	out[1] = 0;
	lan_put_be64(out + 2, f->u.feedback.sender);
	lan_put_be64(out + 10, f->u.feedback.boot);
	lan_put_be64(out + 18, f->u.feedback.next);
	lan_put_be64(out + 26, f->u.feedback.highest);
	lan_put_be32(out + 34, f->u.feedback.overruns);
	out[38] = f->u.feedback.n;
	uint8_t *at = out + FEEDBACK_HEAD;
	for (size_t i = 0; i < f->u.feedback.n; i++, at += ENTRY) {
		lan_put_be64(at, f->u.feedback.entry[i].first);
		lan_put_be64(at + 8, f->u.feedback.entry[i].missing);
		at[16] = f->u.feedback.entry[i].need;
	}
	return size;
}

static size_t put_late(const struct chan_frame *f, uint8_t *out, size_t cap)
{
	if (cap < LATE_SIZE)
		return 0;
	out[0] = CHAN_F_LATE;
	out[1] = 0;
	lan_put_be64(out + 2, f->u.late.sender);
	lan_put_be64(out + 10, f->u.late.boot);
	lan_put_be32(out + 18, f->u.late.n);
	return LATE_SIZE;
}

static size_t put_start(const struct chan_frame *f, uint8_t *out, size_t cap)
{
	if (cap < START_SIZE)
		return 0;
	out[0] = CHAN_F_START;
	out[1] = 0;
	lan_put_be32(out + 2, f->u.start.n);
	lan_put_be64(out + 6, f->u.start.seq);
	lan_put_be64(out + 14, f->u.start.msg);
	return START_SIZE;
}

size_t chan_frame_encode(const struct chan_frame *f, uint8_t *out, size_t cap)
{
	switch (f->type) {
	case CHAN_F_DATA:
		return put_data(f, out, cap);
	case CHAN_F_PARITY:
		return put_parity(f, out, cap);
	case CHAN_F_PRESENCE:
		return put_presence(f, out, cap);
	case CHAN_F_FEEDBACK:
		return put_feedback(f, out, cap);
	case CHAN_F_LATE:
		return put_late(f, out, cap);
	case CHAN_F_START:
		return put_start(f, out, cap);
	}
	return 0;
}

/* Sums of numbers never overflow. */
static bool number_ok(uint64_t n)
{
	return n <= CHAN_NUMBER_MAX;
}

static bool block_ok(uint8_t k)
{
	return k >= 1 && k <= CHAN_BLOCK_MAX;
}

static enum lan_err get_data(const uint8_t *b, size_t n, struct chan_frame *out)
{
	if (n < CHAN_DATA_HEAD || b[1] & ~(CHAN_DATA_FRAG | CHAN_DATA_AGAIN | CHAN_DATA_CONFIRM) ||
		!block_ok(b[2]))
		return LAN_ERR_PROTO;
	uint64_t seq = lan_get_be64(b + 3), msg = lan_get_be64(b + 11);
	if (!seq || !msg || !number_ok(seq) || !number_ok(msg))
		return LAN_ERR_PROTO;
	size_t head = b[1] & CHAN_DATA_FRAG ? CHAN_FRAG_HEAD : CHAN_DATA_HEAD;
	size_t len = n - head;
	uint32_t offset = 0, total = (uint32_t)len;
	if (head == CHAN_FRAG_HEAD) {
		if (n <= CHAN_FRAG_HEAD)
			return LAN_ERR_PROTO;
		offset = lan_get_be32(b + 19);
		total = lan_get_be32(b + 23);
		if (total > CHAN_MESSAGE_MAX || len >= total || offset > total - len)
			return LAN_ERR_PROTO;
	}
	out->type = CHAN_F_DATA;
	out->flags = b[1];
	out->u.data.block = b[2];
	out->u.data.seq = seq;
	out->u.data.msg = msg;
	out->u.data.offset = offset;
	out->u.data.total = total;
	out->u.data.data = b + head;
	out->u.data.len = len;
	return LAN_OK;
}

static enum lan_err get_parity(const uint8_t *b, size_t n, struct chan_frame *out)
{
	/* The symbol begins with the two bytes of a length. */
	if (n < CHAN_PARITY_HEAD + 2 || !block_ok(b[1]) || b[2] < 1 || b[2] > b[1] || b[3] >= CHAN_ROWS_MAX)
		return LAN_ERR_PROTO;
	uint64_t first = lan_get_be64(b + 4);
	if (!first || !number_ok(first) || (first - 1) % b[1])
		return LAN_ERR_PROTO;
	out->type = CHAN_F_PARITY;
	out->flags = 0;
	out->u.parity.block = b[1];
	out->u.parity.k = b[2];
	out->u.parity.row = b[3];
	out->u.parity.first = first;
	out->u.parity.symbol = b + CHAN_PARITY_HEAD;
	out->u.parity.len = n - CHAN_PARITY_HEAD;
	return LAN_OK;
}

/* A name is shown on terminals and in logs: valid UTF-8, no control characters (C0, DEL, C1). */
static bool name_ok(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] == 0x7f || (p[i] == 0xc2 && i + 1 < n && p[i + 1] < 0xa0))
			return false;
	return lan_utf8_valid(p, n);
}

/* What is kept is 1..highest + 1 (none), and its first message is not after the next one. */
static bool history_ok(uint64_t highest, uint64_t oldest, uint64_t oldest_msg, uint64_t next_msg)
{
	return number_ok(highest) && number_ok(next_msg) && oldest && oldest - 1 <= highest && oldest_msg &&
	       oldest_msg <= next_msg;
}

static enum lan_err get_presence(const uint8_t *b, size_t n, struct chan_frame *out)
{
	if (n < PRESENCE_HEAD || b[1] & ~CHAN_PRES_FLAGS || b[2] > CHAN_RELIABLE || !block_ok(b[3]) ||
		b[46] > NAME_MAX_LEN || n != PRESENCE_HEAD + (size_t)b[46] ||
		!name_ok(b + PRESENCE_HEAD, b[46]))
		return LAN_ERR_PROTO;
	uint64_t highest = lan_get_be64(b + 14), oldest = lan_get_be64(b + 22);
	uint64_t oldest_msg = lan_get_be64(b + 30), next_msg = lan_get_be64(b + 38);
	if (!history_ok(highest, oldest, oldest_msg, next_msg))
		return LAN_ERR_PROTO;
	out->type = CHAN_F_PRESENCE;
	out->flags = b[1];
	out->u.presence.mode = b[2];
	out->u.presence.block = b[3];
	out->u.presence.interval_ms = lan_get_be32(b + 4);
	out->u.presence.age_ms = lan_get_be32(b + 8);
	out->u.presence.members = lan_get_be16(b + 12);
	out->u.presence.highest = highest;
	out->u.presence.oldest = oldest;
	out->u.presence.oldest_msg = oldest_msg;
	out->u.presence.next_msg = next_msg;
	out->u.presence.name = b + PRESENCE_HEAD;
	out->u.presence.name_len = b[46];
	return LAN_OK;
}

static bool entry_ok(const uint8_t *at)
{
	uint64_t missing = lan_get_be64(at + 8);
	return lan_get_be64(at) && number_ok(lan_get_be64(at)) && at[16] >= 1 &&
	       at[16] <= __builtin_popcountll(missing);
}

static enum lan_err get_feedback(const uint8_t *b, size_t n, struct chan_frame *out)
{
	if (n < FEEDBACK_HEAD || b[1] || b[38] > CHAN_ENTRIES_MAX ||
		n != FEEDBACK_HEAD + ENTRY * (size_t)b[38] || !lan_get_be64(b + 18) ||
		!number_ok(lan_get_be64(b + 18)) || !number_ok(lan_get_be64(b + 26)))
		return LAN_ERR_PROTO;
	const uint8_t *at = b + FEEDBACK_HEAD;
	for (size_t i = 0; i < b[38]; i++)
		if (!entry_ok(at + ENTRY * i))
			return LAN_ERR_PROTO;
	out->type = CHAN_F_FEEDBACK;
	out->flags = 0;
	out->u.feedback.sender = lan_get_be64(b + 2);
	out->u.feedback.boot = lan_get_be64(b + 10);
	out->u.feedback.next = lan_get_be64(b + 18);
	out->u.feedback.highest = lan_get_be64(b + 26);
	out->u.feedback.overruns = lan_get_be32(b + 34);
	out->u.feedback.n = b[38];
	for (size_t i = 0; i < b[38]; i++, at += ENTRY)
		out->u.feedback.entry[i] = (struct chan_entry){
			.first = lan_get_be64(at), .missing = lan_get_be64(at + 8), .need = at[16]};
	return LAN_OK;
}

static enum lan_err get_late(const uint8_t *b, size_t n, struct chan_frame *out)
{
	if (n != LATE_SIZE || b[1])
		return LAN_ERR_PROTO;
	out->type = CHAN_F_LATE;
	out->flags = 0;
	out->u.late.sender = lan_get_be64(b + 2);
	out->u.late.boot = lan_get_be64(b + 10);
	out->u.late.n = lan_get_be32(b + 18);
	return LAN_OK;
}

static enum lan_err get_start(const uint8_t *b, size_t n, struct chan_frame *out)
{
	if (n != START_SIZE || b[1] || !lan_get_be64(b + 6) || !lan_get_be64(b + 14) ||
		!number_ok(lan_get_be64(b + 6)) || !number_ok(lan_get_be64(b + 14)))
		return LAN_ERR_PROTO;
	out->type = CHAN_F_START;
	out->flags = 0;
	out->u.start.n = lan_get_be32(b + 2);
	out->u.start.seq = lan_get_be64(b + 6);
	out->u.start.msg = lan_get_be64(b + 14);
	return LAN_OK;
}

enum lan_err chan_frame_decode(const uint8_t *buf, size_t n, struct chan_frame *out)
{
	if (!n)
		return LAN_ERR_PROTO;
	switch (buf[0]) {
	case CHAN_F_DATA:
		return get_data(buf, n, out);
	case CHAN_F_PARITY:
		return get_parity(buf, n, out);
	case CHAN_F_PRESENCE:
		return get_presence(buf, n, out);
	case CHAN_F_FEEDBACK:
		return get_feedback(buf, n, out);
	case CHAN_F_LATE:
		return get_late(buf, n, out);
	case CHAN_F_START:
		return get_start(buf, n, out);
	default:
		return LAN_ERR_NOTSUP;
	}
}
