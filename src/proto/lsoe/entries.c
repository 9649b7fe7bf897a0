/*
 * entries.c - the entries of encapsulations (docs/protocols/lsoe.md, sections 1.6 and 2.5): flags, labels if
 * the type has them, address, prefix length.
 *
 * An entry whose prefix length is longer than its address does not spoil the
 * PDU: it is counted and passed over, and the sender gets a warning. The original
 * accepts it, so refusing the PDU would end a session that the original keeps.
 */
#include "proto/lsoe/parts.h"

#include <assert.h>

size_t lsoe_entry_size(uint8_t type, uint8_t n_labels)
{
	return 2 + lsoe_addr_len(type) + (lsoe_has_labels(type) ? 1 + 3u * n_labels : 0);
}

uint32_t lsoe_label(const uint8_t *three)
{
	return (uint32_t)three[0] << 12 | (uint32_t)three[1] << 4 | three[2] >> 4;
}

/* One entry, whatever its prefix length. */
static bool read_entry(struct lan_rd *r, enum lsoe_dialect d, uint8_t type, struct lsoe_entry *out)
{
	struct lsoe_entry e = {.flags = lsoe_flags_decode(d, lan_rd_u8(r))};

	if (lsoe_has_labels(type)) {
		e.n_labels = lan_rd_u8(r);
		e.labels = lan_rd_take(r, 3u * e.n_labels);
	}
	e.addr = lan_rd_take(r, lsoe_addr_len(type));
	e.prefix = lan_rd_u8(r);
	if (r->bad)
		return false;
	*out = e;
	return true;
}

static bool possible(uint8_t type, const struct lsoe_entry *e)
{
	return e->prefix <= 8 * lsoe_addr_len(type);
}

bool lsoe_entry_next(const struct lsoe_entries *e, size_t *at, struct lsoe_entry *out)
{
	struct lan_rd r = lan_rd_of(e->p, e->len);
	struct lsoe_entry entry;

	lan_rd_take(&r, *at);
	while (lan_rd_left(&r) && read_entry(&r, e->dialect, e->type, &entry)) {
		*at = r.off;
		if (possible(e->type, &entry)) {
			*out = entry;
			return true;
		}
	}
	return false;
}

void lsoe_entry_encode(struct lan_wr *w, enum lsoe_dialect d, uint8_t type, const struct lsoe_entry *e)
{
	lan_wr_u8(w, lsoe_flags_encode(d, e->flags));
	if (lsoe_has_labels(type)) {
		lan_wr_u8(w, e->n_labels);
		lan_wr_bytes(w, e->labels, 3u * e->n_labels);
	}
	lan_wr_bytes(w, e->addr, lsoe_addr_len(type));
	lan_wr_u8(w, e->prefix);
}

void lsoe_entries_read(struct lan_rd *r, enum lsoe_dialect d, uint8_t type, struct lsoe_entries *out)
{
	struct lsoe_entry e;

	out->dialect = d;
	out->type = type;
	out->bad = 0;
	out->serial = 0;
	if (lsoe_rules[d].incremental) {
		out->count = (uint32_t)lan_rd_u8(r) << 16;
		out->count |= lan_rd_be16(r);
		out->serial = lan_rd_be32(r);
	} else {
		out->count = lan_rd_be16(r);
	}
	size_t from = r->off;
	for (uint32_t i = 0; i < out->count && read_entry(r, d, type, &e); i++)
		out->bad += !possible(type, &e);
	out->p = r->buf + from;
	out->len = r->off - from;
}

void lsoe_entries_write(struct lan_wr *w, enum lsoe_dialect d, const struct lsoe_entries *e)
{
	if (lsoe_rules[d].incremental) {
		assert(e->count < 1u << 24);
		lan_wr_u8(w, (uint8_t)(e->count >> 16));
		lan_wr_be16(w, (uint16_t)e->count);
		lan_wr_be32(w, e->serial);
	} else {
		assert(e->count <= UINT16_MAX);
		lan_wr_be16(w, (uint16_t)e->count);
	}
	lan_wr_bytes(w, e->p, e->len);
}
