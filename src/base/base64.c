/*
 * base64.c - see base64.h. Three bytes are four characters; the last group is
 * padded. The reader works in place: it writes behind where it reads.
 */
#include "base/base64.h"

static const char digits[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void lan_base64_encode(const void *in, size_t n, char *out)
{
	const uint8_t *p = in;
	for (; n; out += 4) {
		size_t take = n < 3 ? n : 3;
		uint32_t w = (uint32_t)p[0] << 16;
		w |= take > 1 ? (uint32_t)p[1] << 8 : 0;
		w |= take > 2 ? p[2] : 0;
		out[0] = digits[w >> 18];
		out[1] = digits[w >> 12 & 63];
		out[2] = '=';
		out[3] = '=';
		if (take > 1)
			out[2] = digits[w >> 6 & 63];
		if (take > 2)
			out[3] = digits[w & 63];
		p += take;
		n -= take;
	}
}

/* 0..63, or 64: not a digit. */
static uint32_t value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

enum lan_err lan_base64_decode(const char *in, size_t n, void *out, size_t *out_len)
{
	uint8_t *p = out;
	if (n % 4)
		return LAN_ERR_INVAL;
	for (size_t i = 0; i < n; i += 4) {
		bool last = i + 4 == n;
		size_t pad = last && in[i + 3] == '=' ? (in[i + 2] == '=' ? 2 : 1) : 0;
		uint32_t w = 0;
		for (size_t k = 0; k < 4; k++) {
			uint32_t v = k >= 4 - pad ? 0 : value(in[i + k]);
			if (v > 63)
				return LAN_ERR_INVAL;
			w = w << 6 | v;
		}
		if (pad && (w & (pad == 2 ? 0xffff : 0xff)))
			return LAN_ERR_INVAL;
		*p++ = (uint8_t)(w >> 16);
		if (pad < 2)
			*p++ = (uint8_t)(w >> 8);
		if (!pad)
			*p++ = (uint8_t)w;
	}
	*out_len = (size_t)(p - (uint8_t *)out);
	return LAN_OK;
}
