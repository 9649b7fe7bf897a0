/*
 * neighbor_wire.c - see neighbor_wire.h.
 *
 * Fragments belong together by interface, sender, receiver and dialect: a bystander sees more pairs than a
 * receiver does. There are PAIRS at a time; then the one not heard of for longest gives way.
 */
#include "api/neighbor_wire.h"

#include <stdlib.h>
#include "proto/lsoe/checksum.h"
#include "proto/lsoe/reasm.h"

enum { ETHERNET = 14, TAG = 4, PAIRS = 1024, MARK = 8, MEASURE = 40 };
#define HELD     (64u << 20) /* octets of unfinished PDUs, in all */
#define PATIENCE LAN_SEC(1)  /* sections 1.5 and 2.1 */
#define LANYARD  0x4c414e59u

struct pair {
	uint32_t iface;
	uint8_t macs[12];
	enum lsoe_dialect dialect;
	uint64_t heard; /* number of the frame */
	struct lsoe_reasm reasm;
};

struct nwire {
	struct nwire_config cfg;
	struct lsoe_reasm_budget budget;
	struct pair *pairs;
	size_t n, cap;
	uint64_t frames;
};

enum lan_err nwire_new(const struct nwire_config *cfg, struct nwire **out)
{
	struct nwire *w = calloc(1, sizeof *w);
	if (!w)
		return LAN_ERR_NOMEM;
	w->cfg = *cfg;
	w->budget.max = HELD;
	if (!w->cfg.n_ethertypes) {
		w->cfg.n_ethertypes = 2;
		w->cfg.ethertypes[0] = lsoe_rules[LSOE_01].ethertype;
		w->cfg.ethertypes[1] = lsoe_rules[LSOE_L3DL].ethertype;
	}
	*out = w;
	return LAN_OK;
}

void nwire_free(struct nwire *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n; i++)
		lsoe_reasm_fini(&w->pairs[i].reasm, &w->budget);
	free(w->pairs);
	free(w);
}

size_t nwire_unfinished(const struct nwire *w)
{
	size_t n = 0;
	for (size_t i = 0; i < w->n; i++)
		n += w->pairs[i].reasm.parts != NULL;
	return n;
}

/* ---- Ethernet */

static bool is_ours(const struct nwire *w, uint16_t ethertype)
{
	for (size_t i = 0; i < w->cfg.n_ethertypes; i++)
		if (w->cfg.ethertypes[i] == ethertype)
			return true;
	return false;
}

/* Addresses, tag, EtherType; octets of the header, 0: there is none. */
static size_t ethernet(const uint8_t *p, size_t n, struct nwire_frame *out)
{
	if (n < ETHERNET)
		return 0;
	out->dst = p;
	out->src = p + 6;
	out->ethertype = lan_get_be16(p + 12);
	if ((out->ethertype != 0x8100 && out->ethertype != 0x88a8) || n < ETHERNET + TAG)
		return ETHERNET;
	out->tagged = true;
	out->tci = lan_get_be16(p + 14);
	out->ethertype = lan_get_be16(p + 16);
	return ETHERNET + TAG;
}

/* ---- the datagram */

static bool fits(enum lsoe_dialect d, const uint8_t *p, size_t n)
{
	struct lsoe_frame f;
	return lsoe_frame_decode(d, p, n, &f) == LSOE_FRAME_OK;
}

/* An EtherType does not tell: 0x88b5 is what LSOE-01 should have used. A checksum that is right does. */
static enum lsoe_dialect dialect_of(
	const struct nwire *w, const struct nwire_frame *f, const uint8_t *p, size_t n)
{
	enum lsoe_dialect first = f->ethertype == lsoe_rules[LSOE_L3DL].ethertype ? LSOE_L3DL : LSOE_01;
	if (w->cfg.forced)
		return w->cfg.dialect;
	return fits(first, p, n) || !fits(!first, p, n) ? first : !first;
}

/* The header as it stands there, right or wrong. */
static void header(const uint8_t *p, size_t n, struct nwire_frame *out)
{
	bool l3dl = out->dialect == LSOE_L3DL;
	size_t len_at = l3dl ? 6 : 2, sum_at = l3dl ? 8 : 4;
	if (n < lsoe_rules[out->dialect].header)
		return;
	const uint8_t *number = l3dl ? p + 3 : p + 1;
	out->have_header = true;
	out->version = p[0];
	out->last = *number & 0x80;
	out->number = *number & 0x7f;
	if (l3dl) {
		out->tsn = lan_get_be16(p + 1);
		out->number = out->number << 16 | lan_get_be16(p + 4);
	}
	out->length = lan_get_be16(p + len_at);
	out->checksum = out->right = lan_get_be32(p + sum_at);
	if (out->length >= lsoe_rules[out->dialect].header && out->length <= n)
		out->right = lsoe_checksum(p, out->length, sum_at);
}

static const char *fault_text(enum lsoe_frame_fault f)
{
	switch (f) {
	case LSOE_FRAME_SHORT:
		return "shorter than a header";
	case LSOE_FRAME_VERSION:
		return "version is not 0";
	case LSOE_FRAME_LENGTH:
		return "datagram length does not match the frame";
	case LSOE_FRAME_CHECKSUM:
		return "wrong checksum";
	default:
		return "";
	}
}

/* Section 3: eight octets behind the datagram. */
static void look_at_padding(const struct lsoe_frame *f, struct nwire_frame *out)
{
	out->padding = f->padding;
	out->padding_len = f->padding_len;
	if (f->padding_len < MARK || lan_get_be32(f->padding) != LANYARD || f->padding[4] != 1)
		return;
	out->lanyard = true;
	out->measures = f->padding[5] & 1;
}

/* ---- the PDU */

static const char *note_of(enum lsoe_reasm_result r)
{
	switch (r) {
	case LSOE_REASM_REPEATED:
		return "fragment received again";
	case LSOE_REASM_RESTART:
		return "it does not fit the fragments before, which are given up";
	case LSOE_REASM_OLD:
		return "fragment of an older PDU";
	case LSOE_REASM_NUMBER:
		return "a number that no PDU can have";
	case LSOE_REASM_TOO_LONG:
		return "the PDU is too long";
	case LSOE_REASM_FULL:
		return "too much is unfinished";
	default:
		return "";
	}
}

static struct pair *pair_new(struct nwire *w)
{
	struct pair *oldest = w->pairs;
	if (w->n == PAIRS) {
		for (size_t i = 1; i < w->n; i++)
			oldest = w->pairs[i].heard < oldest->heard ? &w->pairs[i] : oldest;
		lsoe_reasm_fini(&oldest->reasm, &w->budget);
		return oldest;
	}
	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 16;
		struct pair *more = realloc(w->pairs, cap * sizeof *more);
		if (!more)
			return NULL;
		w->pairs = more;
		w->cap = cap;
	}
	return &w->pairs[w->n++];
}

/* NULL: out of memory. */
static struct pair *pair_of(struct nwire *w, uint32_t iface, const struct nwire_frame *f)
{
	struct pair *p = NULL;
	for (size_t i = 0; i < w->n && !p; i++)
		if (w->pairs[i].iface == iface && w->pairs[i].dialect == f->dialect &&
			memcmp(w->pairs[i].macs, f->dst, sizeof p->macs) == 0)
			p = &w->pairs[i];
	if (!p) {
		p = pair_new(w);
		if (!p)
			return NULL;
		*p = (struct pair){.iface = iface, .dialect = f->dialect};
		memcpy(p->macs, f->dst, sizeof p->macs);
		lsoe_reasm_init(&p->reasm);
	}
	p->heard = w->frames;
	return p;
}

static void assemble(
	struct nwire *w, uint32_t iface, uint64_t at, const struct lsoe_frame *f, struct nwire_frame *out)
{
	out->fragment = !f->last || f->number;
	if (!out->fragment) {
		out->octets = f->payload;
		out->n_octets = f->len;
		out->have_pdu = true;
		return;
	}
	struct pair *p = pair_of(w, iface, out);
	if (!p) {
		out->note = note_of(LSOE_REASM_FULL);
		return;
	}
	if (lsoe_reasm_expire(&p->reasm, &w->budget, at))
		out->note = "the fragments before waited too long and are given up";
	enum lsoe_reasm_result r = lsoe_reasm_add(
		&p->reasm, &w->budget, out->dialect, at, PATIENCE, f, &out->octets, &out->n_octets);
	out->have_pdu = r == LSOE_REASM_PDU;
	if (*note_of(r))
		out->note = note_of(r);
}

static void look_at_measure(const struct lsoe_vendor *v, struct nwire_frame *out)
{
	if (v->enterprise != LANYARD || v->type != 1 || v->len != MEASURE || v->data[0] != 1)
		return;
	out->measured = true;
	out->measure = (struct nwire_measure){.sequence = lan_get_be32(v->data + 4),
		.time = lan_get_be64(v->data + 8),
		.echo = lan_get_be64(v->data + 16),
		.held = lan_get_be64(v->data + 24),
		.sent = lan_get_be32(v->data + 32),
		.received = lan_get_be32(v->data + 36)};
}

void nwire_read(
	struct nwire *w, uint32_t iface, uint64_t at, const uint8_t *p, size_t n, struct nwire_frame *out)
{
	struct lsoe_frame f;
	*out = (struct nwire_frame){.fault_text = "", .note = ""};
	w->frames++;
	size_t head = ethernet(p, n, out);
	if (!head || !is_ours(w, out->ethertype))
		return;
	p += head, n -= head;
	out->family = true;
	out->dialect = dialect_of(w, out, p, n);
	header(p, n, out);
	out->fault = lsoe_frame_decode(out->dialect, p, n, &f);
	out->fault_text = fault_text(out->fault);
	if (out->fault)
		return;
	look_at_padding(&f, out);
	assemble(w, iface, at, &f, out);
	if (!out->have_pdu)
		return;
	out->pdu_fault = lsoe_pdu_decode(out->dialect, out->octets, out->n_octets, &out->pdu);
	if (!out->pdu_fault && out->pdu.type == LSOE_VENDOR)
		look_at_measure(&out->pdu.u.vendor, out);
}
