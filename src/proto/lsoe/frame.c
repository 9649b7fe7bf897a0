/*
 * frame.c - see frame.h. Reserved bits there are none: every value of the number is one.
 */
#include "proto/lsoe/frame.h"

#include <assert.h>

#include "base/bytes.h"
#include "proto/lsoe/checksum.h"

#define LAST 0x80

/* Where length and checksum stand in a header of each dialect. */
static const struct {
	uint8_t length, checksum;
} at[2] = {{2, 4}, {6, 8}};

enum lsoe_frame_fault lsoe_frame_decode(
	enum lsoe_dialect d, const uint8_t *p, size_t n, struct lsoe_frame *out)
{
	size_t header = lsoe_rules[d].header;

	if (n < header)
		return LSOE_FRAME_SHORT;
	if (p[0])
		return LSOE_FRAME_VERSION;
	size_t len = lan_get_be16(p + at[d].length);
	if (len < header || len > n)
		return LSOE_FRAME_LENGTH;
	if (lsoe_checksum(p, len, at[d].checksum) != lan_get_be32(p + at[d].checksum))
		return LSOE_FRAME_CHECKSUM;
	const uint8_t *number = d == LSOE_01 ? p + 1 : p + 3;
	out->last = *number & LAST;
	out->number = *number & (LAST - 1u);
	out->tsn = 0;
	if (d == LSOE_L3DL) {
		out->number = out->number << 16 | lan_get_be16(p + 4);
		out->tsn = lan_get_be16(p + 1);
	}
	out->payload = p + header, out->len = len - header;
	out->padding = p + len, out->padding_len = n - len;
	return LSOE_FRAME_OK;
}

size_t lsoe_frame_finish(
	enum lsoe_dialect d, uint16_t tsn, uint32_t number, bool last, uint8_t *buf, size_t len)
{
	size_t n = lsoe_rules[d].header + len;

	assert(number < lsoe_rules[d].numbers && n <= UINT16_MAX);
	buf[0] = 0;
	if (d == LSOE_01) {
		buf[1] = (uint8_t)((last ? LAST : 0) | number);
	} else {
		lan_put_be16(buf + 1, tsn);
		buf[3] = (uint8_t)((last ? LAST : 0) | number >> 16);
		lan_put_be16(buf + 4, (uint16_t)number);
	}
	lan_put_be16(buf + at[d].length, (uint16_t)n);
	lan_put_be32(buf + at[d].checksum, lsoe_checksum(buf, n, at[d].checksum));
	return n;
}
