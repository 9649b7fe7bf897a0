/*
 * serpy_hear.h - what the fuzz targets of serpy and serpy2 share: bytes into a
 * core in some cut, and what came of it as a digest that does not depend on the
 * cut; two cores that talk to each other.
 */
#ifndef SERPY_HEAR_H
#define SERPY_HEAR_H

/* What the harness does teaches a fuzzer nothing, and costs most of its time. */
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)
#endif

#include "../unit/serpy_step.h"
#include "fuzz_script.h"

struct heard {
	uint64_t digest; /* of the events */
	uint64_t garbage, fed;
	uint64_t messages, pieces;
	uint64_t piece; /* digest of the message that comes in pieces */
	unsigned downs, ends;
	enum serpy_counter end;
	uint8_t out[65536];
	size_t n_out;
};

static inline uint64_t heard_mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x100000001b3u;
}

static inline uint64_t heard_bytes(uint64_t h, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	while (n--)
		h = (h ^ *p++) * 0x100000001b3u;
	return h;
}

static inline uint64_t heard_value(uint64_t h, const struct serpy_value *v)
{
	uint64_t real;

	memcpy(&real, &v->real, sizeof real);
	h = heard_mix(h, v->type);
	if (v->type == SERPY_FLOAT)
		return heard_mix(h, real);
	if (v->type == SERPY_INT && !v->wide)
		return heard_mix(h, (uint64_t)v->integer);
	return heard_bytes(h, v->data, v->len);
}

static inline void heard_piece(struct heard *h, const struct serpy_event *ev)
{
	h->pieces += !ev->err || strcmp(ev->reason, "checksum") == 0;
	h->messages += ev->last && !ev->err;
	if (ev->offset == 0)
		h->piece = 1;
	FUZZ_CHECK(ev->last || (!ev->err && ev->value.len), "a piece that is none");
	h->piece = heard_bytes(h->piece, ev->value.data, ev->value.len);
	if (ev->last && !ev->err) /* whether pieces came of what cannot be completed depends on the cut */
		h->digest = heard_mix(h->digest, h->piece);
}

static inline void heard_event(struct heard *h, const struct serpy_event *ev)
{
	FUZZ_CHECK(!h->downs, "event %d after the end", (int)ev->kind);
	switch (ev->kind) {
	case SERPY_MESSAGE:
		h->messages++;
		h->digest = heard_value(heard_mix(h->digest, (uint64_t)ev->mode * 2 + ev->stale), &ev->value);
		break;
	case SERPY_PIECE:
		heard_piece(h, ev);
		break;
	case SERPY_DAMAGED:
		if (ev->reason[0] == 'g')
			h->garbage += ev->bytes;
		else
			h->digest = heard_mix(h->digest, ev->bytes);
		break;
	case SERPY_DOWN:
		h->downs++;
		break;
	default:
		h->digest = heard_mix(h->digest, ev->kind);
	}
}

static inline void heard_pull(struct heard *h, struct step *st, uint32_t conn)
{
	struct serpy_event ev;

	do {
		h->n_out += step_take(st, conn, h->out + h->n_out, sizeof h->out - h->n_out);
		if (!step_pull(st, &ev))
			break;
		heard_event(h, &ev);
	} while (true);
	h->n_out += step_take(st, conn, h->out + h->n_out, sizeof h->out - h->n_out);
}

/* What the counters say is what was seen. */
static inline void heard_check(struct heard *h, struct step *st)
{
	for (int c = SERPY_C_end_garbage; c <= SERPY_C_end_memory; c++)
		if (step_count(st, (enum serpy_counter)c)) {
			h->ends += (unsigned)step_count(st, (enum serpy_counter)c);
			h->end = (enum serpy_counter)c;
		}
	FUZZ_CHECK(h->downs == 1, "%u ends were told", h->downs);
	FUZZ_CHECK(h->ends + step_count(st, SERPY_C_closed_by_peer) == 1, "%u reasons for one end", h->ends);
	FUZZ_CHECK(step_count(st, SERPY_C_rx_messages) == h->messages, "messages are miscounted");
	FUZZ_CHECK(step_count(st, SERPY_C_rx_pieces) == h->pieces, "pieces are miscounted");
	FUZZ_CHECK(step_count(st, SERPY_C_rx_bytes) == h->fed, "bytes are miscounted");
	FUZZ_CHECK(step_count(st, SERPY_C_rx_garbage_bytes) == h->garbage, "garbage is miscounted");
}

/* n bytes come in, in reads of at most 1..cut bytes (0: whole); `late`: the application pulls only when it
 * must. */
static inline void hear(
	const struct serpy_config *cfg, const uint8_t *p, size_t n, unsigned cut, bool late, struct heard *h)
{
	struct step st;
	uint64_t rng = cut;

	memset(h, 0, offsetof(struct heard, out));
	h->n_out = 0;
	if (step_init(&st, cfg))
		abort();
	uint32_t conn = step_open(&st);
	for (size_t at = 0; at < n && st.at[conn].open;) {
		rng = rng * 6364136223846793005u + 1442695040888963407u;
		size_t some = cut ? 1 + (rng >> 33) % cut : n;
		some = some < n - at ? some : n - at;
		size_t fed = step_feed(&st, conn, p + at, some);
		at += fed;
		if (!late || fed < some)
			heard_pull(h, &st, conn);
		FUZZ_CHECK(fed || st.at[conn].paused || !st.at[conn].open || some, "stuck");
	}
	h->fed = step_count(&st, SERPY_C_rx_bytes);
	step_lose(&st, conn, LAN_ERR_CLOSED);
	heard_pull(h, &st, conn);
	heard_check(h, &st);
	FUZZ_CHECK(serpy_conns(st.s) == 0, "a connection is left");
	serpy_free(st.s);
}

/* The same bytes came of it. Of a connection that ended early the last answers may be lost, and if the other
 * end closed it before the application looked, that is its end. */
static inline void heard_same(const struct heard *a, const struct heard *b, bool late)
{
	size_t n = a->n_out < b->n_out ? a->n_out : b->n_out;

	FUZZ_CHECK(a->end == b->end || (late && !b->ends), "ended by %s in one cut and %s in another",
		serpy_counter_name(a->end), serpy_counter_name(b->end));
	FUZZ_CHECK(a->messages == b->messages, "%llu messages in one cut, %llu in another",
		(unsigned long long)a->messages, (unsigned long long)b->messages);
	FUZZ_CHECK(a->garbage == b->garbage, "another cut, other garbage");
	FUZZ_CHECK(a->digest == b->digest || (a->ends && late && !b->ends), "another cut, other events");
	FUZZ_CHECK((a->ends || late || a->n_out == b->n_out) && memcmp(a->out, b->out, n) == 0,
		"another cut, other answers");
}

/* Carry bytes between two cores in reads of at most `cut`; true: some went. */
static inline bool carry(struct step *from, struct step *to, uint32_t conn, size_t cut)
{
	uint8_t piece[512];
	size_t n = step_take(from, conn, piece, cut < sizeof piece ? cut : sizeof piece);

	if (n && step_feed(to, conn, piece, n) != n)
		fuzz_die(__FILE__, __LINE__, "what a core sends the other does not take");
	return n;
}

#endif
