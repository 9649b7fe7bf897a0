/*
 * fuzz_neighbor_wire.c - the bystander of src/api/neighbor_wire.c under any frames. The input is a list of
 * frames: an octet of flags (which link, which of four pairs of addresses, EtherType, a checksum made right,
 * time), a length, the content.
 *
 * Checked: what it hands out lies in the frame or in a PDU that came; a frame has a fault, or a PDU, or is a
 * fragment; entries can be walked and are as many as they say; nothing unfinished is left of whole datagrams.
 */
#include <stdlib.h>
#include <string.h>
#include "api/neighbor_wire.h"
#include "fuzz_script.h"
#include "proto/lsoe/checksum.h"

enum { HEAD = 14, MAX = 1500 };

static void make_right(enum lsoe_dialect d, uint8_t *p, size_t n)
{
	size_t len_at = d == LSOE_L3DL ? 6 : 2, sum_at = d == LSOE_L3DL ? 8 : 4;
	if (n < lsoe_rules[d].header)
		return;
	p[0] = 0;
	lan_put_be16(p + len_at, (uint16_t)n);
	lan_put_be32(p + sum_at, lsoe_checksum(p, n, sum_at));
}

static void look(const struct nwire_frame *f)
{
	FUZZ_CHECK(f->family && f->src && f->dst, "no addresses");
	FUZZ_CHECK(!f->fault == !*f->fault_text, "fault %d says '%s'", f->fault, f->fault_text);
	FUZZ_CHECK(f->fault || f->have_pdu || f->fragment, "neither fault nor PDU nor fragment");
	FUZZ_CHECK(!f->fault || (!f->have_pdu && !f->fragment), "a fault with a PDU");
	FUZZ_CHECK(f->fault != LSOE_FRAME_CHECKSUM || f->checksum != f->right, "a checksum wrong and right");
	if (!f->have_pdu || f->pdu_fault)
		return;
	FUZZ_CHECK(
		f->pdu.type == f->octets[0] && lsoe_known(f->dialect, f->pdu.type), "type %u", f->pdu.type);
	if (f->pdu.type < LSOE_IPV4 || f->pdu.type > LSOE_MPLS6)
		return;
	struct lsoe_entry e;
	size_t at = 0;
	uint32_t n = 0;
	for (; lsoe_entry_next(&f->pdu.u.entries, &at, &e); n++)
		FUZZ_CHECK(e.addr >= f->octets && e.addr < f->octets + f->n_octets, "an entry outside");
	FUZZ_CHECK(n + f->pdu.u.entries.bad == f->pdu.u.entries.count, "%u entries of %u", n,
		f->pdu.u.entries.count);
}

/* One frame of the input; octets used. */
static size_t play(struct nwire *w, uint64_t *at, const uint8_t *p, size_t n)
{
	uint8_t flags = p[0];
	size_t len = n < 2 ? 0 : (size_t)p[1] * (flags & 0x40 ? 6 : 1);
	enum lsoe_dialect d = flags & 4 ? LSOE_L3DL : LSOE_01;
	struct nwire_frame f;
	len = len < n - (n < 2 ? 1 : 2) ? len : n - (n < 2 ? 1 : 2);
	uint8_t *frame = calloc(1, HEAD + len); /* exactly what it may look at */
	frame[5] = flags & 1, frame[11] = flags & 2;
	lan_put_be16(frame + 12, lsoe_rules[d].ethertype);
	if (len)
		memcpy(frame + HEAD, p + 2, len);
	if (flags & 8)
		make_right(d, frame + HEAD, len);
	*at += flags & 0x80 ? LAN_MS(400) : 1;
	nwire_read(w, flags >> 4 & 3, *at, frame, HEAD + len, &f);
	look(&f);
	free(frame);
	return n < 2 ? n : 2 + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct nwire_config cfg;
	struct nwire *w;
	uint64_t at = 0;
	if (nwire_new(&cfg, &w) != LAN_OK)
		return 0;
	for (size_t off = 0; off < size;)
		off += play(w, &at, data + off, size - off);
	FUZZ_CHECK(nwire_unfinished(w) <= 32, "%zu unfinished of 32 pairs", nwire_unfinished(w));
	nwire_free(w);
	return 0;
}
