/*
 * line.c - codec of one line, see line.h. Pure functions, no state.
 */
#include "proto/iot/line.h"

#include <string.h>

#include "base/utf8.h"
#include "proto/iot/iot.h"

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

enum lan_err iot_line_decode(const uint8_t *p, size_t n, struct iot_line *out)
{
	if (n == 0) {
		*out = (struct iot_line){.kind = IOT_LINE_KEEPALIVE};
		return LAN_OK;
	}
	int hi = hex(p[0]), lo = n > 1 ? hex(p[1]) : -1;
	if (hi < 0 || lo < 0)
		return LAN_ERR_PROTO;
	if (!lan_utf8_valid(p + 2, n - 2))
		return LAN_ERR_UTF8;
	*out = (struct iot_line){.kind = n == 2 ? IOT_LINE_ACK : IOT_LINE_MESSAGE,
		.mid = (uint8_t)(hi << 4 | lo),
		.payload = p + 2,
		.len = n - 2};
	return LAN_OK;
}

void iot_mid_encode(uint8_t mid, uint8_t out[2])
{
	static const char digits[] = "0123456789abcdef";
	out[0] = (uint8_t)digits[mid >> 4];
	out[1] = (uint8_t)digits[mid & 15];
}

enum lan_err iot_payload_check(const char *p, size_t n)
{
	if (n == 0 || memchr(p, '\n', n) || memchr(p, '\r', n) || memchr(p, 0, n))
		return LAN_ERR_INVAL;
	return lan_utf8_valid(p, n) ? LAN_OK : LAN_ERR_UTF8;
}

bool iot_id_valid(const uint8_t *p, size_t n)
{
	if (n == 0 || n > IOT_ID_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] == 0x7f || (p[i] == 0xc2 && i + 1 < n && p[i + 1] < 0xa0))
			return false; /* C0, DEL, C1 in UTF-8 */
	return lan_utf8_valid(p, n);
}
