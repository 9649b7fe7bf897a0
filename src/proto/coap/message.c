/*
 * message.c - see message.h (RFC 7252, section 3). Reading walks the options once and keeps nothing of them
 * but where they begin and end: what is walked later has been found well formed here.
 *
 * Refused: what section 3 calls a message format error, and codes of the classes that section 12.1 reserves.
 * The meaning of options is not looked at.
 */
#include "proto/coap/message.h"

#define VERSION   1
#define MARKER    0xff
#define EXTEND_8  13 /* nibble: one octet follows, to which 13 is added */
#define EXTEND_16 14 /* nibble: two octets follow, to which 269 is added */
#define RESERVED  15
#define BASE_16   269
#define CLOSED    (UINT32_MAX) /* number of the last option once there is a payload */

#define MAX_NUMBER 65535u
#define MAX_LENGTH (BASE_16 + 65535u)

const char *coap_fault_text(enum coap_fault f)
{
	static const char *const texts[] = {
#define X(name, text) text,
		COAP_FAULTS(X)
#undef X
	};

	return (size_t)f < sizeof texts / sizeof *texts ? texts[f] : "";
}

/* --- reading ---------------------------------------------------------------------- */

/* The rest of a delta or length whose nibble says that there is one. */
static inline enum coap_fault extended(const uint8_t **p, const uint8_t *end, uint32_t *value)
{
	size_t octets = *value == EXTEND_8 ? 1 : 2;

	if (*value == RESERVED)
		return COAP_FAULT_OPTION_RESERVED;
	if ((size_t)(end - *p) < octets)
		return COAP_FAULT_OPTION_SHORT;
	*value = octets == 1 ? **p + (uint32_t)EXTEND_8 : lan_get_be16(*p) + (uint32_t)BASE_16;
	*p += octets;
	return COAP_FAULT_OK;
}

/* The head of an option that begins with the octet before *p, and whether its value is all there. */
static inline enum coap_fault take_head(const uint8_t **p, const uint8_t *end, uint32_t *delta, uint32_t *len)
{
	enum coap_fault f = COAP_FAULT_OK;

	*delta = (*p)[-1] >> 4, *len = (*p)[-1] & 15;
	if (*delta == RESERVED || *len == RESERVED)
		return COAP_FAULT_OPTION_RESERVED;
	if (*delta >= EXTEND_8)
		f = extended(p, end, delta);
	if (!f && *len >= EXTEND_8)
		f = extended(p, end, len);
	return !f && *len > (size_t)(end - *p) ? COAP_FAULT_OPTION_SHORT : f;
}

bool coap_options_next(struct coap_options *o)
{
	const uint8_t *p = o->p;
	uint32_t delta, len;

	if (p == o->end || *p++ == MARKER || take_head(&p, o->end, &delta, &len))
		return false;
	o->number += delta;
	o->value = p;
	o->len = len;
	o->p = p + len;
	return true;
}

/* Options and payload: from p to end. */
static enum coap_fault take_options(const uint8_t *p, const uint8_t *end, struct coap_msg *out)
{
	uint32_t number = 0, delta, len;
	const uint8_t *start = p;

	while (p < end && *p != MARKER) {
		p++;
		enum coap_fault f = take_head(&p, end, &delta, &len);
		if (f)
			return f;
		number += delta;
		if (number > MAX_NUMBER)
			return COAP_FAULT_OPTION_NUMBER;
		p += len;
	}
	if (end - p == 1)
		return COAP_FAULT_PAYLOAD_EMPTY;
	out->options = start;
	out->options_len = (size_t)(p - start);
	out->payload = p < end ? p + 1 : NULL;
	out->len = p < end ? (size_t)(end - p) - 1 : 0;
	return COAP_FAULT_OK;
}

/* Header and token; *at: where the options begin. */
static inline enum coap_fault take_header(const uint8_t *buf, size_t n, struct coap_msg *out, size_t *at)
{
	if (n < COAP_HEADER)
		return COAP_FAULT_SHORT;
	if (buf[0] >> 6 != VERSION)
		return COAP_FAULT_VERSION;
	uint8_t tkl = buf[0] & 15, code = buf[1];
	*out = (struct coap_msg){
		.type = (enum coap_type)(buf[0] >> 4 & 3), .code = code, .mid = lan_get_be16(buf + 2)};
	if (tkl > COAP_TOKEN_MAX || tkl > n - COAP_HEADER)
		return COAP_FAULT_TOKEN;
	if (code == COAP_EMPTY && n > COAP_HEADER)
		return COAP_FAULT_EMPTY;
	out->tkl = tkl;
	memcpy(out->token, buf + COAP_HEADER, tkl);
	*at = COAP_HEADER + (size_t)tkl;
	unsigned class = COAP_CLASS(code);
	return class == 1 || class > 5 ? COAP_FAULT_CLASS : COAP_FAULT_OK;
}

enum coap_fault coap_decode(const uint8_t *buf, size_t n, struct coap_msg *out)
{
	size_t at = 0;
	enum coap_fault f = take_header(buf, n, out, &at);

	return f ? f : take_options(buf + at, buf + n, out);
}

/* --- S1: extended lengths that were not reduced --------------------------------------------- */

/* Where the octet of an 8-bit extended length stands behind the head at p; NULL: the head has none, or it is
 * cut off. */
static const uint8_t *length_octet(const uint8_t *p, const uint8_t *end)
{
	size_t skip = *p >> 4 == EXTEND_8 ? 2 : *p >> 4 == EXTEND_16 ? 3 : 1;

	return (*p & 15) == EXTEND_8 && (size_t)(end - p) > skip ? p + skip : NULL;
}

enum coap_fault coap_decode_s1(const uint8_t *buf, size_t n, uint8_t *scratch, struct coap_msg *out)
{
	size_t at = 0;
	enum coap_fault f = take_header(buf, n, out, &at);
	uint32_t delta, len;

	if (f)
		return f;
	if (n > at)
		memcpy(scratch, buf + at, n - at);
	const uint8_t *p = scratch, *end = scratch + (n - at);
	/* The original writes the length's low octet as it is: 13..255 stand for themselves, 0..12 for
	 * 256..268. 13 less, again in an octet, is right for both. */
	while (p < end && *p != MARKER) {
		const uint8_t *octet = length_octet(p, end);
		if (octet)
			scratch[octet - scratch] = (uint8_t)(*octet - EXTEND_8);
		p++;
		if (take_head(&p, end, &delta, &len))
			break; /* take_options says why */
		p += len;
	}
	return take_options(scratch, end, out);
}

/* --- writing -------------------------------------------------------------------------- */

struct coap_wr coap_begin(uint8_t *buf, size_t cap, enum coap_type type, uint8_t code, uint16_t mid,
	const uint8_t *token, uint8_t tkl)
{
	struct coap_wr w = {.w = lan_wr_of(buf, cap)};
	uint8_t *p = tkl <= COAP_TOKEN_MAX ? lan_wr_room(&w.w, COAP_HEADER + (size_t)tkl) : NULL;

	if (!p) {
		w.w.bad = true;
		return w;
	}
	p[0] = (uint8_t)(VERSION << 6 | (unsigned)type << 4 | tkl);
	p[1] = code;
	lan_put_be16(p + 2, mid);
	if (tkl)
		memcpy(p + COAP_HEADER, token, tkl);
	return w;
}

struct coap_wr coap_begin_options(uint8_t *buf, size_t cap)
{
	return (struct coap_wr){.w = lan_wr_of(buf, cap)};
}

/* The nibble of a delta or length; what it does not hold is written to *to. */
static inline unsigned nibble(uint32_t value, uint8_t **to)
{
	if (value < EXTEND_8)
		return value;
	if (value < BASE_16) {
		*(*to)++ = (uint8_t)(value - EXTEND_8);
		return EXTEND_8;
	}
	lan_put_be16(*to, (uint16_t)(value - BASE_16));
	*to += 2;
	return EXTEND_16;
}

void coap_put(struct coap_wr *w, uint32_t number, const void *value, size_t len)
{
	uint8_t head[5], *end = head + 1;

	if (number < w->number || number > MAX_NUMBER || len > MAX_LENGTH) {
		w->w.bad = true;
		return;
	}
	unsigned delta = nibble(number - w->number, &end);
	head[0] = (uint8_t)(delta << 4 | nibble((uint32_t)len, &end));
	size_t n = (size_t)(end - head);
	uint8_t *p = lan_wr_room(&w->w, n + len);
	if (!p)
		return;
	memcpy(p, head, n);
	if (len)
		memcpy(p + n, value, len);
	w->number = number;
}

void coap_put_uint(struct coap_wr *w, uint32_t number, uint64_t value)
{
	uint8_t octets[8];
	size_t n = 0;

	lan_put_be64(octets, value);
	while (n < sizeof octets && value >> 8 * n)
		n++;
	coap_put(w, number, octets + sizeof octets - n, n);
}

void coap_put_text(struct coap_wr *w, uint32_t number, const char *text)
{
	coap_put(w, number, text, strlen(text));
}

static bool listed(uint32_t number, const uint16_t *list, size_t n)
{
	while (n && list[n - 1] != number)
		n--;
	return n > 0;
}

void coap_put_all(struct coap_wr *w, const uint8_t *options, size_t len, const uint16_t *without, size_t n)
{
	if (!len)
		return;
	struct coap_options o = {.p = options, .end = options + len};
	while (coap_options_next(&o))
		if (!listed(o.number, without, n))
			coap_put(w, o.number, o.value, o.len);
	w->w.bad |= o.p != o.end;
}

void coap_put_payload(struct coap_wr *w, const void *payload, size_t len)
{
	if (!len)
		return;
	uint8_t *p = w->number != CLOSED ? lan_wr_room(&w->w, 1 + len) : NULL;
	if (!p) {
		w->w.bad = true;
		return;
	}
	p[0] = MARKER;
	memcpy(p + 1, payload, len);
	w->number = CLOSED;
}

void coap_empty(uint8_t out[COAP_HEADER], enum coap_type type, uint16_t mid)
{
	out[0] = (uint8_t)(VERSION << 6 | (unsigned)type << 4);
	out[1] = COAP_EMPTY;
	lan_put_be16(out + 2, mid);
}
