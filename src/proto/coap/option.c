/*
 * option.c - see option.h: the registry, finding options and judging them, and the values of Block and
 * Observe. Paths, queries and URIs are in uri.c, media types and the names of codes in names.c.
 */
#include "proto/coap/option.h"

#define OBSERVE_HALF (1u << 23)

/* RFC 7252 section 5.10 (table 4), 7641 section 2, 7959 sections 2.1 and 4, 8613 section 2, 8768 section 3,
 * 9175 sections 2.2 and 3.2, 7967 section 2. In order of number. */
static const struct coap_option_info registry[] = {
	{COAP_IF_MATCH, "If-Match", COAP_F_OPAQUE, 0, 8, true},
	{COAP_URI_HOST, "Uri-Host", COAP_F_STRING, 1, 255, false},
	{COAP_ETAG, "ETag", COAP_F_OPAQUE, 1, 8, true},
	{COAP_IF_NONE_MATCH, "If-None-Match", COAP_F_EMPTY, 0, 0, false},
	{COAP_OBSERVE, "Observe", COAP_F_UINT, 0, 3, false},
	{COAP_URI_PORT, "Uri-Port", COAP_F_UINT, 0, 2, false},
	{COAP_LOCATION_PATH, "Location-Path", COAP_F_STRING, 0, 255, true},
	{COAP_OSCORE, "OSCORE", COAP_F_OPAQUE, 0, 255, false},
	{COAP_URI_PATH, "Uri-Path", COAP_F_STRING, 0, 255, true},
	{COAP_CONTENT_FORMAT, "Content-Format", COAP_F_UINT, 0, 2, false},
	{COAP_MAX_AGE, "Max-Age", COAP_F_UINT, 0, 4, false},
	{COAP_URI_QUERY, "Uri-Query", COAP_F_STRING, 0, 255, true},
	{COAP_HOP_LIMIT, "Hop-Limit", COAP_F_UINT, 1, 1, false},
	{COAP_ACCEPT, "Accept", COAP_F_UINT, 0, 2, false},
	{COAP_LOCATION_QUERY, "Location-Query", COAP_F_STRING, 0, 255, true},
	{COAP_BLOCK2, "Block2", COAP_F_UINT, 0, 3, false},
	{COAP_BLOCK1, "Block1", COAP_F_UINT, 0, 3, false},
	{COAP_SIZE2, "Size2", COAP_F_UINT, 0, 4, false},
	{COAP_PROXY_URI, "Proxy-Uri", COAP_F_STRING, 1, 1034, false},
	{COAP_PROXY_SCHEME, "Proxy-Scheme", COAP_F_STRING, 1, 255, false},
	{COAP_SIZE1, "Size1", COAP_F_UINT, 0, 4, false},
	{COAP_ECHO, "Echo", COAP_F_OPAQUE, 1, 40, false},
	{COAP_NO_RESPONSE, "No-Response", COAP_F_UINT, 0, 1, false},
	{COAP_REQUEST_TAG, "Request-Tag", COAP_F_OPAQUE, 0, 8, true},
};
#define N_REGISTRY (sizeof registry / sizeof *registry)

/* One more than the place in the registry. */
static const uint8_t small[COAP_SIZE1 + 1] = {[COAP_IF_MATCH] = 1,
	[COAP_URI_HOST] = 2,
	[COAP_ETAG] = 3,
	[COAP_IF_NONE_MATCH] = 4,
	[COAP_OBSERVE] = 5,
	[COAP_URI_PORT] = 6,
	[COAP_LOCATION_PATH] = 7,
	[COAP_OSCORE] = 8,
	[COAP_URI_PATH] = 9,
	[COAP_CONTENT_FORMAT] = 10,
	[COAP_MAX_AGE] = 11,
	[COAP_URI_QUERY] = 12,
	[COAP_HOP_LIMIT] = 13,
	[COAP_ACCEPT] = 14,
	[COAP_LOCATION_QUERY] = 15,
	[COAP_BLOCK2] = 16,
	[COAP_BLOCK1] = 17,
	[COAP_SIZE2] = 18,
	[COAP_PROXY_URI] = 19,
	[COAP_PROXY_SCHEME] = 20,
	[COAP_SIZE1] = 21};

const struct coap_option_info *coap_option_info(uint32_t number)
{
	if (number <= COAP_SIZE1)
		return small[number] ? registry + small[number] - 1 : NULL;
	for (size_t i = small[COAP_SIZE1]; i < N_REGISTRY; i++)
		if (registry[i].number == number)
			return registry + i;
	return NULL;
}

/* Known, and of a length it may have. */
static inline bool valid(const struct coap_option_info *info, size_t len)
{
	return info && len >= info->min && len <= info->max;
}

uint32_t coap_bad_option(const struct coap_msg *m)
{
	struct coap_options o = coap_options_of(m);

	for (uint32_t before = 0; coap_options_next(&o); before = o.number) {
		if (!coap_is_critical(o.number))
			continue;
		const struct coap_option_info *info = coap_option_info(o.number);
		if (!valid(info, o.len) || o.number == COAP_OSCORE)
			return o.number;
		if (o.number == before && !info->repeatable)
			return o.number;
	}
	return 0;
}

bool coap_find(const struct coap_msg *m, uint32_t number, size_t i, const uint8_t **value, size_t *len)
{
	struct coap_options o = coap_options_of(m);
	const struct coap_option_info *info = coap_option_info(number);

	if (i && info && !info->repeatable)
		return false;
	while (coap_options_next(&o) && o.number <= number)
		if (o.number == number && (!info || valid(info, o.len)) && i-- == 0) {
			*value = o.value, *len = o.len;
			return true;
		}
	return false;
}

bool coap_find_uint(const struct coap_msg *m, uint32_t number, uint64_t *out)
{
	const uint8_t *p;
	size_t len;
	uint64_t v = 0;

	if (!coap_find(m, number, 0, &p, &len) || len > 8)
		return false;
	while (len--)
		v = v << 8 | *p++;
	*out = v;
	return true;
}

/* --- Block and Observe ------------------------------------------------------------------- */

bool coap_block_of(const struct coap_msg *m, uint32_t number, struct coap_block *out)
{
	uint64_t v;

	if (!coap_find_uint(m, number, &v) || (v & 7) == 7)
		return false;
	*out = (struct coap_block){.num = (uint32_t)(v >> 4), .more = v & 8, .szx = v & 7};
	return true;
}

void coap_put_block(struct coap_wr *w, uint32_t number, const struct coap_block *b)
{
	if (b->num >> 20 || b->szx > 6)
		w->w.bad = true;
	else
		coap_put_uint(w, number, (uint64_t)b->num << 4 | (b->more ? 8u : 0u) | b->szx);
}

bool coap_observe_newer(uint32_t last, lan_time then, uint32_t value, lan_time now)
{
	return (last < value && value - last < OBSERVE_HALF) ||
	       (last > value && last - value > OBSERVE_HALF) || now > then + LAN_SEC(128);
}
