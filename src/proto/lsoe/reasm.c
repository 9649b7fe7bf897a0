/*
 * reasm.c - see reasm.h.
 *
 * Fragments are copied one by one and hang in a table by their number, which grows
 * only as far as numbers come. When none is missing they are put together once.
 * What is kept of a PDU after its delivery is a sum of each fragment (L3DL: its
 * TSN is enough). A wrong guess there costs at most a retransmission, so the sum
 * need not resist anybody.
 *
 * Refused: numbers beyond the bound of the dialect, PDUs longer than its largest,
 * whatever does not fit into the budget of the link. There is no eviction: a
 * sender's fragments are gone after `wait`, whoever they are from.
 */
#include "proto/lsoe/reasm.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct piece {
	size_t len;
	bool last;
	bool known; /* of the PDU delivered before, as it seems */
	uint8_t data[];
};

struct lsoe_parts {
	struct piece **at; /* by number */
	uint32_t cap, count;
	uint32_t fresh; /* of them not known */
	uint32_t last;  /* number of the last one, NONE */
	size_t len;     /* octets in all */
	uint16_t tsn;
	lan_time until;
};

struct lsoe_told {
	uint8_t *pdu; /* NULL but until the next call */
	size_t len;
	lan_time at, until;
	uint16_t tsn;
	uint32_t n; /* sums */
	uint32_t sum[];
};

static bool charge(struct lsoe_reasm_budget *b, size_t n)
{
	if (b->used > b->max || n > b->max - b->used)
		return false;
	b->used += n;
	return true;
}

static lan_time later(lan_time now, lan_time wait)
{
	return wait < LAN_NEVER - now ? now + wait : LAN_NEVER;
}

/* Differs for most fragments that differ. */
static uint32_t sum_of(const uint8_t *p, size_t n, bool last)
{
	uint64_t h = n * 2 + last, w;

	for (; n; p += n < 8 ? n : 8, n -= n < 8 ? n : 8) {
		w = 0;
		memcpy(&w, p, n < 8 ? n : 8);
		h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return (uint32_t)(h >> 32);
}

static void drop_piece(struct lsoe_parts *p, struct lsoe_reasm_budget *b, uint32_t number)
{
	struct piece *piece = p->at[number];

	if (!piece)
		return;
	p->at[number] = NULL;
	p->count--;
	p->fresh -= !piece->known;
	p->len -= piece->len;
	if (piece->last)
		p->last = NONE;
	b->used -= sizeof *piece + piece->len;
	free(piece);
}

static void drop_parts(struct lsoe_reasm *r, struct lsoe_reasm_budget *b)
{
	struct lsoe_parts *p = r->parts;

	if (!p)
		return;
	for (uint32_t i = 0; i < p->cap; i++)
		drop_piece(p, b, i);
	b->used -= sizeof *p + p->cap * sizeof *p->at;
	free(p->at);
	free(p);
	r->parts = NULL;
}

static void release(struct lsoe_reasm *r, struct lsoe_reasm_budget *b)
{
	if (!r->told || !r->told->pdu)
		return;
	b->used -= r->told->len;
	free(r->told->pdu);
	r->told->pdu = NULL;
}

static void drop_told(struct lsoe_reasm *r, struct lsoe_reasm_budget *b)
{
	if (!r->told)
		return;
	release(r, b);
	b->used -= sizeof *r->told + r->told->n * sizeof r->told->sum[0];
	free(r->told);
	r->told = NULL;
}

static void rearm(struct lsoe_reasm *r)
{
	r->until = r->parts ? r->parts->until : LAN_NEVER;
	if (r->told) {
		lan_time t = r->told->pdu ? r->told->at : r->told->until;
		r->until = t < r->until ? t : r->until;
	}
}

void lsoe_reasm_init(struct lsoe_reasm *r)
{
	*r = (struct lsoe_reasm){.until = LAN_NEVER};
}

void lsoe_reasm_fini(struct lsoe_reasm *r, struct lsoe_reasm_budget *b)
{
	drop_parts(r, b);
	drop_told(r, b);
	r->until = LAN_NEVER;
}

bool lsoe_reasm_expire(struct lsoe_reasm *r, struct lsoe_reasm_budget *b, lan_time now)
{
	bool lost = false;

	release(r, b);
	if (r->told && r->told->until <= now)
		drop_told(r, b);
	if (r->parts && r->parts->until <= now) {
		lost = r->parts->fresh;
		drop_parts(r, b);
	}
	rearm(r);
	return lost;
}

static bool is_known(const struct lsoe_told *t, bool numbered, lan_time now, const struct lsoe_frame *f)
{
	if (!t || t->until <= now)
		return false;
	if (numbered)
		return t->tsn == f->tsn;
	return f->number < t->n && t->sum[f->number] == sum_of(f->payload, f->len, f->last);
}

enum fit { FITS, SAME, CLASHES };

static enum fit fit(const struct lsoe_parts *p, const struct lsoe_frame *f)
{
	const struct piece *there = f->number < p->cap ? p->at[f->number] : NULL;

	if (there) {
		bool same = there->len == f->len && there->last == f->last &&
			    (!f->len || !memcmp(there->data, f->payload, f->len));
		return same ? SAME : CLASHES;
	}
	if (p->last != NONE && (f->last || f->number > p->last))
		return CLASHES;
	for (uint32_t i = f->number; f->last && i < p->cap; i++)
		if (p->at[i])
			return CLASHES;
	return FITS;
}

static bool all_below(const struct lsoe_parts *p, uint32_t number)
{
	if (number && (!p || p->cap < number))
		return false;
	for (uint32_t i = 0; i < number; i++)
		if (!p->at[i])
			return false;
	return true;
}

/* A fragment that is certainly new: what seemed known at its place and behind it was a late repetition. */
static void make_way(struct lsoe_parts *p, struct lsoe_reasm_budget *b, uint32_t number, lan_time until)
{
	for (uint32_t i = number; i < p->cap; i++)
		if (p->at[i] && p->at[i]->known)
			drop_piece(p, b, i);
	if (!p->fresh)
		p->until = until;
}

static bool begin(struct lsoe_reasm *r, struct lsoe_reasm_budget *b, uint16_t tsn, lan_time until)
{
	if (!charge(b, sizeof *r->parts))
		return false;
	r->parts = calloc(1, sizeof *r->parts);
	if (!r->parts) {
		b->used -= sizeof *r->parts;
		return false;
	}
	r->parts->last = NONE;
	r->parts->tsn = tsn;
	r->parts->until = until;
	return true;
}

static bool widen(struct lsoe_parts *p, struct lsoe_reasm_budget *b, uint32_t number)
{
	uint32_t cap = p->cap ? p->cap : 8;

	while (cap <= number)
		cap *= 2;
	if (cap == p->cap)
		return true;
	size_t more = (cap - p->cap) * sizeof *p->at;
	if (!charge(b, more))
		return false;
	struct piece **at = realloc(p->at, cap * sizeof *at);
	if (!at) {
		b->used -= more;
		return false;
	}
	memset(at + p->cap, 0, more);
	p->at = at;
	p->cap = cap;
	return true;
}

static bool keep(struct lsoe_parts *p, struct lsoe_reasm_budget *b, const struct lsoe_frame *f, bool known)
{
	struct piece *piece = NULL;
	size_t size = sizeof *piece + f->len;

	if (!widen(p, b, f->number) || !charge(b, size))
		return false;
	piece = malloc(size);
	if (!piece) {
		b->used -= size;
		return false;
	}
	piece->len = f->len;
	piece->last = f->last;
	piece->known = known;
	if (f->len)
		memcpy(piece->data, f->payload, f->len);
	p->at[f->number] = piece;
	p->count++;
	p->fresh += !known;
	p->len += f->len;
	if (f->last)
		p->last = f->number;
	return true;
}

/* The fragments become the PDU, and what is known of it. */
static bool finish(
	struct lsoe_reasm *r, struct lsoe_reasm_budget *b, bool numbered, lan_time now, lan_time wait)
{
	struct lsoe_parts *p = r->parts;
	uint32_t sums = numbered ? 0 : p->count;
	size_t size = sizeof *r->told + sums * sizeof r->told->sum[0], off = 0;
	struct lsoe_told *t = malloc(size);
	uint8_t *pdu = malloc(p->len ? p->len : 1);

	if (!t || !pdu) {
		free(t);
		free(pdu);
		return false;
	}
	*t = (struct lsoe_told){
		.pdu = pdu, .len = p->len, .at = now, .until = later(now, wait), .tsn = p->tsn, .n = sums};
	for (uint32_t i = 0; i < p->count; i++) {
		const struct piece *piece = p->at[i];
		memcpy(pdu + off, piece->data, piece->len);
		off += piece->len;
		if (sums)
			t->sum[i] = sum_of(piece->data, piece->len, piece->last);
	}
	drop_parts(r, b);
	drop_told(r, b);
	b->used += size + t->len; /* less than the fragments were, but for a few octets each */
	r->told = t;
	return true;
}

/* What is there of another PDU is gone after this, if the fragment is to be taken. MORE: it is. */
static enum lsoe_reasm_result settle(struct lsoe_reasm *r, struct lsoe_reasm_budget *b, bool numbered,
	const struct lsoe_frame *f, bool known)
{
	enum lsoe_reasm_result lost = LSOE_REASM_MORE;

	if (r->parts && numbered && r->parts->tsn != f->tsn) {
		if (r->parts->fresh && (int16_t)(f->tsn - r->parts->tsn) < 0)
			return LSOE_REASM_OLD;
		lost = r->parts->fresh ? LSOE_REASM_RESTART : LSOE_REASM_MORE;
		drop_parts(r, b);
	}
	enum fit how = r->parts ? fit(r->parts, f) : FITS;
	if (how == SAME)
		return LSOE_REASM_REPEATED;
	if (known && !numbered && (how == CLASHES || !all_below(r->parts, f->number)))
		return LSOE_REASM_REPEATED;
	if (how == CLASHES) {
		lost = r->parts->fresh ? LSOE_REASM_RESTART : LSOE_REASM_MORE;
		drop_parts(r, b);
	}
	return lost;
}

static enum lsoe_reasm_result add(struct lsoe_reasm *r, struct lsoe_reasm_budget *b, enum lsoe_dialect d,
	lan_time now, lan_time wait, const struct lsoe_frame *f)
{
	const struct lsoe_rules *rules = &lsoe_rules[d];
	bool known = is_known(r->told, rules->numbered, now, f);
	lan_time until = later(now, wait);

	if (f->number >= rules->fragments)
		return LSOE_REASM_NUMBER;
	if (r->parts && !known && !rules->numbered)
		make_way(r->parts, b, f->number, until);
	enum lsoe_reasm_result res = settle(r, b, rules->numbered, f, known);
	if (res != LSOE_REASM_MORE && res != LSOE_REASM_RESTART)
		return res;
	if ((r->parts ? r->parts->len : 0) + f->len > rules->pdu_max) {
		drop_parts(r, b);
		return LSOE_REASM_TOO_LONG;
	}
	if ((!r->parts && !begin(r, b, f->tsn, until)) || !keep(r->parts, b, f, known)) {
		if (r->parts && !r->parts->count)
			drop_parts(r, b);
		return LSOE_REASM_FULL;
	}
	if (r->parts->last == NONE || r->parts->count <= r->parts->last)
		return res;
	if (finish(r, b, rules->numbered, now, wait))
		return LSOE_REASM_PDU;
	drop_parts(r, b);
	return LSOE_REASM_FULL;
}

enum lsoe_reasm_result lsoe_reasm_add(struct lsoe_reasm *r, struct lsoe_reasm_budget *b, enum lsoe_dialect d,
	lan_time now, lan_time wait, const struct lsoe_frame *f, const uint8_t **pdu, size_t *n)
{
	enum lsoe_reasm_result res = LSOE_REASM_PDU;

	release(r, b);
	if (!f->number && f->last) {
		*pdu = f->payload, *n = f->len;
	} else {
		res = add(r, b, d, now, wait, f);
		if (res == LSOE_REASM_PDU)
			*pdu = r->told->pdu, *n = r->told->len;
	}
	rearm(r);
	return res;
}
