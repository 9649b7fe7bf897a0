/*
 * blob.c - bytes of any size, sent piece by piece in constant memory: the
 * message begins to leave before its end is there. serpy2 (section 2.1) tells
 * length and checksum first, so both must be known; serpy (section 1.5) neither.
 */
#include "proto/serpy/out.h"

#include <string.h>

#include "proto/serpy/base85.h"
#include "proto/serpy/wire2.h"

/* Bytes on the wire of a blob of `size`. */
static uint64_t wire_size(const struct serpy *s, uint64_t size, uint8_t mode)
{
	if (size == SERPY_UNKNOWN)
		return SERPY_UNKNOWN;
	if (s->cfg.dialect == SERPY2)
		return SERPY_HEAD + size;
	return size / 4 * 5 + (size % 4 ? size % 4 + 1 : 0) + SERPY_MODE_ACKED(mode) + 1;
}

static enum lan_err check(const struct serpy *s, uint64_t size, int mode, const char **why)
{
	*why = "";
	if (s->cfg.dialect == SERPY2) {
		if (size > SERPY_FAR)
			*why = "the wire of serpy2 carries at most 4 GiB - 1 at once";
		return size > SERPY_FAR ? LAN_ERR_TOOBIG : LAN_OK;
	}
	if (mode != 2 && mode != 3)
		*why = "a blob goes in mode 2 or 3";
	else if (!size && mode == 2)
		*why = "an empty message does not arrive in mode 2: use mode 3";
	return **why ? LAN_ERR_INVAL : LAN_OK;
}

enum lan_err serpy_blob_begin(struct serpy *s, lan_time now, uint64_t conn, uint64_t size, uint32_t sum,
	const struct serpy_how *how, uint64_t *token, const char **why)
{
	struct serpy_out *o;
	uint8_t *to, mode = s->cfg.dialect == SERPY2 ? 0 : how && SERPY_MODE_ACKED(how->mode) ? 3 : 2;
	size_t head = s->cfg.dialect == SERPY2 ? SERPY_HEAD : 0;
	enum lan_err e = check(s, size, mode, why);
	if (!e)
		e = serpy_open_out(s, conn, &o, why);
	if (!e && out_used(o) > s->cfg.max_queue / 2) {
		o->full = true;
		e = LAN_ERR_FULL;
	}
	if (!e)
		e = lan_ring_room(&o->data, head + 1, &to) ? LAN_ERR_NOMEM : out_reserve(o, true);
	if (e)
		return e;
	struct out_long l = {.len = wire_size(s, size, mode)};
	o->blob_pos = o->data.tail;
	if (head)
		wire2_header(to, WIRE2_BYTES, sum, (uint32_t)size);
	lan_ring_commit(&o->data, head);
	out_add(o, (struct out_mark){.kind = OUT_BLOB, .mode = mode}, &l);
	o->blob_left = size;
	o->blob_failed = false;
	o->blob = true;
	o->n_carry = 0;
	if (token)
		*token = o->last;
	if (!size)
		return serpy_blob_end(s, now, conn);
	serpy_queued(s, now, o);
	return LAN_OK;
}

/* The open blob of a connection. */
static enum lan_err open_blob(struct serpy *s, uint64_t conn, struct serpy_out **o)
{
	enum lan_err e = serpy_out_of(s, conn, o);
	if (e)
		return e == LAN_ERR_NOTFOUND && s->cfg.server && conn <= s->next_id && conn ? LAN_ERR_CLOSED
											    : e;
	if ((*o)->blob)
		return (*o)->conn && (*o)->conn->broken ? LAN_ERR_CLOSED : LAN_OK;
	return (*o)->blob_failed ? LAN_ERR_CLOSED : LAN_ERR_INVAL;
}

/* Base85 of n bytes with what was carried over, in whole groups; the rest is carried on. */
static size_t encode_groups(struct serpy_out *o, const uint8_t *p, size_t n, uint8_t *to)
{
	size_t out = 0;
	while (o->n_carry && n) {
		o->carry[o->n_carry++] = *p++;
		n--;
		if (o->n_carry < 4)
			continue;
		base85_encode(o->carry, 4, (char *)to);
		o->n_carry = 0;
		out = 5;
	}
	size_t whole = n - n % 4;
	base85_encode(p, whole, (char *)to + out);
	if (n % 4)
		memcpy(o->carry, p + whole, n % 4);
	o->n_carry += (uint8_t)(n % 4);
	return out + whole / 4 * 5;
}

enum lan_err serpy_blob_write(
	struct serpy *s, lan_time now, uint64_t conn, const void *data, size_t n, size_t *took)
{
	struct serpy_out *o;
	uint8_t *to;
	*took = 0;
	enum lan_err e = open_blob(s, conn, &o);
	if (e || !n)
		return e;
	if (n > o->blob_left)
		return LAN_ERR_TOOBIG;
	uint64_t used = out_used(o);
	if (used >= s->cfg.max_queue) {
		o->full = true;
		return LAN_ERR_FULL;
	}
	uint64_t room = s->cfg.max_queue - used;
	o->full |= n > room; /* the rest: when there is room again */
	n = n < room ? n : (size_t)room;
	size_t most = s->cfg.dialect == SERPY2 ? n : base85_encoded(n + 3);
	if (lan_ring_room(&o->data, most, &to))
		return LAN_ERR_NOMEM;
	if (s->cfg.dialect == SERPY2)
		memcpy(to, data, n);
	lan_ring_commit(&o->data, s->cfg.dialect == SERPY2 ? n : encode_groups(o, data, n, to));
	o->blob_left -= o->blob_left == SERPY_UNKNOWN ? 0 : n;
	*took = n;
	if (!o->blob_left)
		return serpy_blob_end(s, now, conn);
	serpy_queued(s, now, o);
	return LAN_OK;
}

enum lan_err serpy_blob_end(struct serpy *s, lan_time now, uint64_t conn)
{
	struct serpy_out *o;
	uint8_t *to;
	enum lan_err e = open_blob(s, conn, &o);
	if (e)
		return e == LAN_ERR_INVAL ? LAN_OK : e; /* it ended by its size */
	if (o->blob_left && o->blob_left != SERPY_UNKNOWN)
		return LAN_ERR_INVAL;
	if (s->cfg.dialect == SERPY1) {
		bool acked = SERPY_MODE_ACKED(out_at(o, o->last)->mode);
		if (lan_ring_room(&o->data, 8, &to))
			return LAN_ERR_NOMEM;
		size_t n = base85_encoded(o->n_carry);
		base85_encode(o->carry, o->n_carry, (char *)to);
		if (acked)
			to[n++] = 0x04;
		to[n++] = 0x1f;
		lan_ring_commit(&o->data, n);
		struct out_long *l = (struct out_long *)lan_ring_at(&o->longs, o->longs.tail - sizeof *l);
		l->len = o->data.tail - o->blob_pos;
	}
	o->blob = false;
	serpy_queued(s, now, o);
	return LAN_OK;
}
