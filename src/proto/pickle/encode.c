/*
 * encode.c - writes a tree of tokens as Python itself does with protocol 4, to
 * the byte, as long as no value is shared: one frame, a memo mark behind each
 * text, byte string and container, items in batches of a thousand. Only what is
 * longer than a frame of Python's (64 KiB) goes without a frame, which every
 * reader takes.
 *
 * Refused: tokens that are no tree, keys that no dictionary takes.
 */
#include <string.h>
#include "base/utf8.h"
#include "proto/pickle/op.h"

#define BATCH     1000
#define FRAME_MIN 4
#define FRAME_MAX 65536

struct writer {
	const struct pickle_token *token;
	size_t left; /* tokens */
	uint8_t *out;
	size_t cap, n; /* n: what it needs; nothing is written beyond cap */
};

static void put(struct writer *w, const void *p, size_t n)
{
	if (n && w->n <= w->cap && n <= w->cap - w->n)
		memcpy(w->out + w->n, p, n);
	w->n += n;
}

static void op(struct writer *w, enum pickle_code code)
{
	uint8_t c = (uint8_t)code;

	put(w, &c, 1);
}

/* An opcode and n bytes of a little-endian number. */
static void op_number(struct writer *w, enum pickle_code code, uint64_t v, size_t n)
{
	uint8_t b[8];

	for (size_t i = 0; i < n; i++, v >>= 8)
		b[i] = (uint8_t)v;
	op(w, code);
	put(w, b, n);
}

static void op_bytes(struct writer *w, const enum pickle_code code[3], const uint8_t *p, size_t n)
{
	if (n < 256)
		op_number(w, code[0], n, 1);
	else if (n <= UINT32_MAX)
		op_number(w, code[1], n, 4);
	else
		op_number(w, code[2], n, 8);
	put(w, p, n);
}

static bool write_int(struct writer *w, const uint8_t *p, size_t n)
{
	n = pickle_int_len(p, n);
	int64_t v = n <= 8 ? pickle_int_value(p, n) : INT64_MAX;

	if (v >= 0 && v < 256)
		op_number(w, PICKLE_OP_BININT1, (uint64_t)v, 1);
	else if (v >= 0 && v < 65536)
		op_number(w, PICKLE_OP_BININT2, (uint64_t)v, 2);
	else if (v >= INT32_MIN && v <= INT32_MAX)
		op_number(w, PICKLE_OP_BININT, (uint64_t)v, 4);
	else {
		op_number(w, n < 256 ? PICKLE_OP_LONG1 : PICKLE_OP_LONG4, n, n < 256 ? 1 : 4);
		put(w, p, n);
	}
	return n <= UINT32_MAX;
}

static bool write_i64(struct writer *w, int64_t v)
{
	uint8_t b[8];
	uint64_t u = (uint64_t)v;

	for (size_t i = 0; i < sizeof b; i++, u >>= 8)
		b[i] = (uint8_t)u;
	return write_int(w, b, sizeof b);
}

static bool write_float(struct writer *w, double f)
{
	uint8_t b[8];
	uint64_t bits;

	memcpy(&bits, &f, sizeof bits);
	lan_put_be64(b, bits);
	op(w, PICKLE_OP_BINFLOAT);
	put(w, b, sizeof b);
	return true;
}

static bool write_token(struct writer *w, unsigned depth, bool key);

static bool write_tuple(struct writer *w, size_t n, unsigned depth, bool key)
{
	static const enum pickle_code small[] = {
		PICKLE_OP_EMPTY_TUPLE, PICKLE_OP_TUPLE1, PICKLE_OP_TUPLE2, PICKLE_OP_TUPLE3};

	if (n > 3)
		op(w, PICKLE_OP_MARK);
	for (size_t i = 0; i < n; i++)
		if (!write_token(w, depth + 1, key))
			return false;
	op(w, n > 3 ? PICKLE_OP_TUPLE : small[n]);
	if (n)
		op(w, PICKLE_OP_MEMOIZE);
	return true;
}

/* A list, or the pairs of a dictionary: alone, or in batches behind a mark. */
static bool write_batches(struct writer *w, size_t n, unsigned depth, bool dict)
{
	op(w, dict ? PICKLE_OP_EMPTY_DICT : PICKLE_OP_EMPTY_LIST);
	op(w, PICKLE_OP_MEMOIZE);
	for (size_t i = 0; i < n; i++) {
		if (n > 1 && i % BATCH == 0)
			op(w, PICKLE_OP_MARK);
		if (dict && !write_token(w, depth + 1, true))
			return false;
		if (!write_token(w, depth + 1, false))
			return false;
		if (n == 1)
			op(w, dict ? PICKLE_OP_SETITEM : PICKLE_OP_APPEND);
		else if (i + 1 == n || i % BATCH == BATCH - 1)
			op(w, dict ? PICKLE_OP_SETITEMS : PICKLE_OP_APPENDS);
	}
	return true;
}

static bool write_token(struct writer *w, unsigned depth, bool key)
{
	static const enum pickle_code text[] = {
		PICKLE_OP_SHORT_BINUNICODE, PICKLE_OP_BINUNICODE, PICKLE_OP_BINUNICODE8};
	static const enum pickle_code bytes[] = {
		PICKLE_OP_SHORT_BINBYTES, PICKLE_OP_BINBYTES, PICKLE_OP_BINBYTES8};

	if (!w->left || depth > PICKLE_DEPTH_MAX)
		return false;
	const struct pickle_token *t = w->token++;
	w->left--;
	switch (t->kind) {
	case PICKLE_NONE:
		op(w, PICKLE_OP_NONE_);
		return true;
	case PICKLE_BOOL:
		op(w, t->b ? PICKLE_OP_NEWTRUE : PICKLE_OP_NEWFALSE);
		return true;
	case PICKLE_INT:
		return write_i64(w, t->i);
	case PICKLE_BIGINT:
		return write_int(w, t->bytes, t->n);
	case PICKLE_FLOAT:
		return write_float(w, t->f);
	case PICKLE_TEXT:
	case PICKLE_BYTES:
		if (t->kind == PICKLE_TEXT && !lan_utf8_valid(t->bytes, t->n))
			return false;
		op_bytes(w, t->kind == PICKLE_TEXT ? text : bytes, t->bytes, t->n);
		op(w, PICKLE_OP_MEMOIZE);
		return true;
	case PICKLE_TUPLE:
		return write_tuple(w, t->n, depth, key);
	case PICKLE_LIST:
	case PICKLE_DICT:
		return !key && write_batches(w, t->n, depth, t->kind == PICKLE_DICT);
	}
	return false;
}

size_t pickle_encode(const struct pickle_token *token, size_t n, uint8_t *out, size_t cap)
{
	struct writer body = {.token = token, .left = n}, w = {.out = out, .cap = cap};

	/* Once for the length, which the frame tells, once to write. */
	if (!write_token(&body, 0, false) || body.left)
		return 0;
	size_t size = body.n + 1;
	bool framed = size >= FRAME_MIN && size <= FRAME_MAX;
	if (2 + (framed ? 9 : 0) + size > cap)
		return 2 + (framed ? 9 : 0) + size;
	op_number(&w, PICKLE_OP_PROTO, 4, 1);
	if (framed)
		op_number(&w, PICKLE_OP_FRAME, size, 8);
	w.token = token;
	w.left = n;
	(void)!write_token(&w, 0, false);
	op(&w, PICKLE_OP_STOP);
	return w.n;
}
