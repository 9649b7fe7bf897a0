/*
 * pcap_read.c - pcapng and classic pcap, read block by block (see pcap.h).
 *
 * A block is looked at when all of it is there. One of an unknown type is stepped over as its octets come, so
 * that its length, which a stranger wrote, asks for no memory; only its two lengths are compared. A section
 * may differ from the one before in byte order and interfaces.
 */
#include "base/pcap.h"

#include <stdlib.h>

enum { SECTION = 0x0a0d0d0a, IFACE = 1, PACKET = 2, SIMPLE = 3, STATS = 5, FRAME = 6 };
enum { OPT_END = 0, IF_NAME = 2, IF_RESOLUTION = 9, IF_OFFSET = 14, EPB_FLAGS = 2, PB_FLAGS = 2 };
enum { ISB_RECEIVED = 4, ISB_DROPPED = 5 };
enum { CLASSIC_HEAD = 24, RECORD = 16, BLOCK_MIN = 12 };
#define MICRO 0xa1b2c3d4u
#define NANO  0xa1b23c4du

void lan_pcap_init(struct lan_pcap *r)
{
	*r = (struct lan_pcap){.why = ""};
}

void lan_pcap_fini(struct lan_pcap *r)
{
	free(r->ifaces);
	*r = (struct lan_pcap){.final = LAN_PCAP_BAD, .why = ""};
}

static enum lan_pcap_result bad(struct lan_pcap *r, uint64_t at, const char *why)
{
	r->bad_at = at;
	r->why = why;
	return r->final = LAN_PCAP_BAD;
}

static uint32_t get32(bool big, const uint8_t *p)
{
	return big ? lan_get_be32(p)
		   : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static uint16_t get16(bool big, const uint8_t *p)
{
	return big ? lan_get_be16(p) : (uint16_t)(p[1] << 8 | p[0]);
}

static uint64_t get64(bool big, const uint8_t *p)
{
	uint64_t a = get32(big, p), b = get32(big, p + 4);
	return big ? a << 32 | b : b << 32 | a;
}

static uint64_t get_time(bool big, const uint8_t *p)
{
	return (uint64_t)get32(big, p) << 32 | get32(big, p + 4);
}

/* Nanoseconds since 1970; what is outside of 64 bits becomes the nearest that is not. */
static uint64_t nanoseconds(const struct lan_pcap_iface *i, uint64_t stamp)
{
	unsigned n = i->resolution & 0x7f;
	__extension__ typedef __int128 wide;
	wide t = (wide)stamp;
	if (i->resolution & 0x80) {
		wide whole = n < 64 ? t >> n : 0, rest = t - (n < 64 ? whole << n : 0);
		t = whole * 1000000000 + (n < 64 ? rest * 1000000000 >> n : 0);
	} else {
		for (; n < 9; n++)
			t *= 10;
		for (; n > 9 && t; n--)
			t /= 10;
	}
	t += (wide)i->offset * 1000000000;
	return t < 0 ? 0 : t > (wide)UINT64_MAX ? UINT64_MAX : (uint64_t)t;
}

/* ---- pcapng */

struct options {
	struct lan_pcap *r;
	const uint8_t *p;
	size_t n;
	uint64_t at; /* offset in the file of p */
};

/* The next option; its code, 0: no more. False: malformed. */
static bool option_next(struct options *o, uint16_t *code, const uint8_t **value, uint16_t *len)
{
	*code = OPT_END;
	if (o->n == 0)
		return true;
	if (o->n < 4) {
		bad(o->r, o->at, "an option is cut off");
		return false;
	}
	*code = get16(o->r->big, o->p);
	*len = get16(o->r->big, o->p + 2);
	*value = o->p + 4;
	size_t all = 4 + ((size_t)*len + 3) / 4 * 4;
	if (all > o->n) {
		bad(o->r, o->at, "an option is longer than its block");
		return false;
	}
	o->p += all;
	o->n -= all;
	o->at += all;
	return true;
}

static bool iface_option(struct lan_pcap *r, struct lan_pcap_iface *i, uint16_t code, const uint8_t *v,
	uint16_t len, uint64_t at)
{
	if (code == IF_NAME) {
		size_t n = strnlen((const char *)v, len);
		n = n < LAN_PCAP_NAME ? n : LAN_PCAP_NAME - 1;
		memcpy(i->name, v, n);
		i->name[n] = '\0';
	} else if (code == IF_RESOLUTION) {
		if (len != 1) {
			bad(r, at, "a resolution of time that is not one octet");
			return false;
		}
		i->resolution = v[0];
	} else if (code == IF_OFFSET) {
		if (len != 8) {
			bad(r, at, "an offset of time that is not eight octets");
			return false;
		}
		i->offset = (int64_t)get64(r->big, v);
	}
	return true;
}

static enum lan_pcap_result iface_add(struct lan_pcap *r, const struct lan_pcap_iface *i)
{
	if (r->n_ifaces == LAN_PCAP_IFACES)
		return bad(r, r->block_at, "more than 4096 interfaces");
	if (r->n_ifaces == r->cap_ifaces) {
		uint32_t cap = r->cap_ifaces ? r->cap_ifaces * 2 : 4;
		struct lan_pcap_iface *more = realloc(r->ifaces, cap * sizeof *more);
		if (!more)
			return bad(r, r->block_at, "out of memory");
		r->ifaces = more;
		r->cap_ifaces = cap;
	}
	r->ifaces[r->n_ifaces++] = *i;
	return LAN_PCAP_MORE;
}

/* Blocks are given without their type and lengths: n octets of body. LAN_PCAP_MORE: nothing to hand out. */
static enum lan_pcap_result read_iface(struct lan_pcap *r, const uint8_t *p, size_t n)
{
	uint16_t code, len;
	const uint8_t *v;
	if (n < 8)
		return bad(r, r->block_at, "an interface description that is too short");
	struct lan_pcap_iface i = {
		.linktype = get16(r->big, p), .snaplen = get32(r->big, p + 4), .resolution = 6};
	struct options o = {r, p + 8, n - 8, r->block_at + 16};
	for (;;) {
		uint64_t at = o.at;
		if (!option_next(&o, &code, &v, &len))
			return LAN_PCAP_BAD;
		if (code == OPT_END)
			return iface_add(r, &i);
		if (!iface_option(r, &i, code, v, len, at))
			return LAN_PCAP_BAD;
	}
}

static enum lan_pcap_result begin_item(struct lan_pcap *r, uint32_t iface, struct lan_pcap_item *out)
{
	if (iface >= r->n_ifaces)
		return bad(r, r->block_at, "it names an interface that was not described");
	*out = (struct lan_pcap_item){.iface = iface,
		.ifname = r->ifaces[iface].name,
		.linktype = r->ifaces[iface].linktype,
		.received = UINT64_MAX,
		.dropped = UINT64_MAX};
	return LAN_PCAP_MORE;
}

/* Frame and options of the blocks that have them, at p + head. */
static enum lan_pcap_result read_data(
	struct lan_pcap *r, const uint8_t *p, size_t n, size_t head, struct lan_pcap_item *out)
{
	uint16_t code, len;
	const uint8_t *v;
	size_t all = ((size_t)out->len + 3) / 4 * 4;
	if (out->len > LAN_PCAP_FRAME)
		return bad(r, r->block_at, "a frame that is too long");
	if (all > n - head)
		return bad(r, r->block_at, "a frame that is longer than its block");
	out->data = p + head;
	struct options o = {r, p + head + all, n - head - all, r->block_at + 8 + head + all};
	for (;;) {
		uint64_t at = o.at;
		if (!option_next(&o, &code, &v, &len))
			return LAN_PCAP_BAD;
		if (code == OPT_END)
			return LAN_PCAP_FRAME_READ;
		if (code == EPB_FLAGS && len != 4)
			return bad(r, at, "flags that are not four octets");
		if (code == EPB_FLAGS)
			out->way = (get32(r->big, v) & 3) == 3 ? LAN_PCAP_UNKNOWN : get32(r->big, v) & 3;
	}
}

static enum lan_pcap_result read_frame(
	struct lan_pcap *r, uint32_t type, const uint8_t *p, size_t n, struct lan_pcap_item *out)
{
	if (n < 20)
		return bad(r, r->block_at, "a packet block that is too short");
	uint32_t iface = type == PACKET ? get16(r->big, p) : get32(r->big, p);
	enum lan_pcap_result res = begin_item(r, iface, out);
	if (res != LAN_PCAP_MORE)
		return res;
	out->at = nanoseconds(&r->ifaces[iface], get_time(r->big, p + 4));
	out->len = get32(r->big, p + 12);
	out->length = get32(r->big, p + 16);
	return read_data(r, p, n, 20, out);
}

/* No interface, time nor octets captured: the first, none, and what snaplen and block leave. */
static enum lan_pcap_result read_simple(
	struct lan_pcap *r, const uint8_t *p, size_t n, struct lan_pcap_item *out)
{
	if (n < 4)
		return bad(r, r->block_at, "a packet block that is too short");
	enum lan_pcap_result res = begin_item(r, 0, out);
	if (res != LAN_PCAP_MORE)
		return res;
	uint32_t snaplen = r->ifaces[0].snaplen;
	out->length = get32(r->big, p);
	out->len = snaplen && out->length > snaplen ? snaplen : out->length;
	if (out->len > n - 4)
		return bad(r, r->block_at, "a frame that is longer than its block");
	if (out->len > LAN_PCAP_FRAME)
		return bad(r, r->block_at, "a frame that is too long");
	out->data = p + 4;
	return LAN_PCAP_FRAME_READ;
}

static enum lan_pcap_result read_stats(
	struct lan_pcap *r, const uint8_t *p, size_t n, struct lan_pcap_item *out)
{
	uint16_t code, len;
	const uint8_t *v;
	if (n < 12)
		return bad(r, r->block_at, "interface statistics that are too short");
	enum lan_pcap_result res = begin_item(r, get32(r->big, p), out);
	if (res != LAN_PCAP_MORE)
		return res;
	out->at = nanoseconds(&r->ifaces[out->iface], get_time(r->big, p + 4));
	struct options o = {r, p + 12, n - 12, r->block_at + 20};
	for (;;) {
		uint64_t at = o.at;
		if (!option_next(&o, &code, &v, &len))
			return LAN_PCAP_BAD;
		if (code == OPT_END)
			return LAN_PCAP_STATS_READ;
		if ((code == ISB_RECEIVED || code == ISB_DROPPED) && len != 8)
			return bad(r, at, "a count that is not eight octets");
		if (code == ISB_RECEIVED)
			out->received = get64(r->big, v);
		if (code == ISB_DROPPED)
			out->dropped = get64(r->big, v);
	}
}

/* The order of octets of a section stands in its third word. */
static enum lan_pcap_result begin_section(struct lan_pcap *r, const uint8_t *p)
{
	if (lan_get_be32(p + 8) != 0x1a2b3c4d && lan_get_be32(p + 8) != 0x4d3c2b1a)
		return bad(r, r->off + 8, "a section without its byte-order magic");
	r->big = p[8] == 0x1a;
	r->format = LAN_PCAP_NG;
	r->n_ifaces = 0;
	return LAN_PCAP_MORE;
}

static enum lan_pcap_result read_section(struct lan_pcap *r, const uint8_t *p, size_t n)
{
	if (n < 16)
		return bad(r, r->block_at, "a section header that is too short");
	if (get16(r->big, p + 4) != 1)
		return bad(r, r->block_at + 12, "a version of pcapng that is not 1");
	return LAN_PCAP_MORE;
}

static enum lan_pcap_result read_block(
	struct lan_pcap *r, uint32_t type, const uint8_t *p, struct lan_pcap_item *out)
{
	size_t n = r->total - BLOCK_MIN;
	if (get32(r->big, p + r->total - 4) != r->total)
		return bad(r, r->block_at + r->total - 4, "the two lengths of a block differ");
	switch (type) {
	case SECTION:
		return read_section(r, p + 8, n);
	case IFACE:
		return read_iface(r, p + 8, n);
	case FRAME:
	case PACKET:
		return read_frame(r, type, p + 8, n, out);
	case SIMPLE:
		return read_simple(r, p + 8, n, out);
	default:
		return read_stats(r, p + 8, n, out);
	}
}

/* ---- one step: consumes *step octets, or says how many it needs */

static enum lan_pcap_result want(struct lan_pcap *r, size_t need)
{
	r->need = need;
	return LAN_PCAP_MORE;
}

/* All but the last four octets need not be looked at. */
static enum lan_pcap_result step_over(struct lan_pcap *r, const uint8_t *p, size_t n, size_t *step)
{
	if (r->skip > 4 && n) {
		*step = n < r->skip - 4 ? n : (size_t)(r->skip - 4);
	} else if (n < 4) {
		return want(r, 4);
	} else if (get32(r->big, p) != r->total) {
		return bad(r, r->off, "the two lengths of a block differ");
	} else {
		*step = 4;
	}
	r->skip -= *step;
	return *step ? LAN_PCAP_MORE : want(r, 1);
}

static enum lan_pcap_result step_ng(
	struct lan_pcap *r, const uint8_t *p, size_t n, size_t *step, struct lan_pcap_item *out)
{
	if (r->skip)
		return step_over(r, p, n, step);
	if (n < BLOCK_MIN)
		return want(r, BLOCK_MIN);
	if (lan_get_be32(p) == SECTION && begin_section(r, p) != LAN_PCAP_MORE)
		return LAN_PCAP_BAD;
	uint32_t type = get32(r->big, p);
	r->total = get32(r->big, p + 4);
	r->block_at = r->off;
	if (r->total < BLOCK_MIN || r->total % 4)
		return bad(r, r->off + 4, "an impossible length of a block");
	if (type != SECTION && type != IFACE && type != FRAME && type != PACKET && type != SIMPLE &&
		type != STATS) {
		*step = 8;
		r->skip = r->total - 8;
		return LAN_PCAP_MORE;
	}
	if (r->total > LAN_PCAP_BLOCK)
		return bad(r, r->off + 4, "a block that is too long");
	if (n < r->total)
		return want(r, r->total);
	*step = r->total;
	return read_block(r, type, p, out);
}

static enum lan_pcap_result step_classic(
	struct lan_pcap *r, const uint8_t *p, size_t n, size_t *step, struct lan_pcap_item *out)
{
	r->block_at = r->off;
	if (n < RECORD)
		return want(r, RECORD);
	enum lan_pcap_result res = begin_item(r, 0, out);
	if (res != LAN_PCAP_MORE)
		return res;
	out->len = get32(r->big, p + 8);
	out->length = get32(r->big, p + 12);
	if (out->len > LAN_PCAP_FRAME)
		return bad(r, r->off + 8, "a frame that is too long");
	if (n < RECORD + out->len)
		return want(r, RECORD + out->len);
	uint64_t fraction = get32(r->big, p + 4);
	out->at = get32(r->big, p) * UINT64_C(1000000000) +
		  (r->ifaces[0].resolution == 9 ? fraction : fraction * 1000);
	out->data = p + RECORD;
	*step = RECORD + out->len;
	return LAN_PCAP_FRAME_READ;
}

static enum lan_pcap_result step_new(struct lan_pcap *r, const uint8_t *p, size_t n, size_t *step)
{
	if (n < 4)
		return want(r, 4);
	if (lan_get_be32(p) == SECTION) {
		r->format = LAN_PCAP_NG;
		return LAN_PCAP_MORE;
	}
	r->big = lan_get_be32(p) == MICRO || lan_get_be32(p) == NANO;
	if (get32(r->big, p) != MICRO && get32(r->big, p) != NANO)
		return bad(r, 0, "neither pcapng nor pcap");
	if (n < CLASSIC_HEAD)
		return want(r, CLASSIC_HEAD);
	if (get16(r->big, p + 4) != 2)
		return bad(r, 4, "a version of pcap that is not 2");
	r->format = LAN_PCAP_CLASSIC;
	*step = CLASSIC_HEAD;
	return iface_add(r, &(struct lan_pcap_iface){.linktype = get32(r->big, p + 20) & 0xffff,
				    .snaplen = get32(r->big, p + 16),
				    .resolution = get32(r->big, p) == NANO ? 9 : 6});
}

static enum lan_pcap_result over(struct lan_pcap *r, size_t left)
{
	if (r->off + left == 0)
		return bad(r, 0, "it is empty");
	if (left == 0 && !r->skip)
		return r->final = LAN_PCAP_END;
	r->bad_at = r->skip ? r->block_at : r->off;
	r->why = "it ends inside a block";
	return r->final = LAN_PCAP_CUT;
}

enum lan_pcap_result lan_pcap_next(
	struct lan_pcap *r, const uint8_t *p, size_t n, bool end, size_t *used, struct lan_pcap_item *out)
{
	*used = 0;
	while (r->final == LAN_PCAP_MORE) {
		enum lan_pcap_result res;
		size_t step = 0, left = n - *used;
		r->need = 0;
		const uint8_t *at = left ? p + *used : p;
		if (r->format == LAN_PCAP_NG)
			res = step_ng(r, at, left, &step, out);
		else if (r->format == LAN_PCAP_CLASSIC)
			res = step_classic(r, at, left, &step, out);
		else
			res = step_new(r, at, left, &step);
		*used += step;
		r->off += step;
		if (res != LAN_PCAP_MORE)
			return res;
		if (r->need)
			return end ? over(r, left - step) : LAN_PCAP_MORE;
	}
	return r->final;
}
