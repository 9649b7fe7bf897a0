/*
 * text.c - the two old ways of writing text and bytes: protocol 0 has text as
 * Latin-1 with \uXXXX for the rest, and before protocol 3 bytes travel as the
 * text whose Latin-1 they are. Lone surrogates, which are no text anywhere
 * else, are refused.
 */
#include "proto/pickle/op.h"

static size_t put_utf8(uint8_t *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; --i > 0; c >>= 6)
		out[i] = (uint8_t)(0x80 | (c & 0x3f));
	out[0] = (uint8_t)(0xf00 >> n | c); /* as many leading ones as bytes */
	return n;
}

/* Up to 8 hex digits. UINT32_MAX: not that. */
static uint32_t hex(const uint8_t *p, size_t n)
{
	uint32_t v = 0;

	for (; n--; p++) {
		unsigned low = *p | 0x20u;
		unsigned d = *p >= '0' && *p <= '9'     ? *p - (unsigned)'0'
			     : low >= 'a' && low <= 'f' ? low - 'a' + 10
							: 99;
		if (d > 15)
			return UINT32_MAX;
		v = v << 4 | d;
	}
	return v;
}

bool pickle_text_unescape(const uint8_t *p, size_t n, uint8_t *out, size_t *len)
{
	uint8_t *o = out;

	for (size_t i = 0; i < n;) {
		uint32_t c = p[i++];
		size_t digits = c != '\\' || i == n ? 0 : p[i] == 'u' ? 4 : p[i] == 'U' ? 8 : 0;

		if (digits) {
			if (n - i <= digits)
				return false;
			c = hex(p + i + 1, digits);
			if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
				return false;
			i += 1 + digits;
		} else if (c == '\\' &&
			   i < n) { /* a backslash takes the next character with it, whatever it is */
			*o++ = '\\';
			c = p[i++];
		}
		o += put_utf8(o, c);
	}
	*len = (size_t)(o - out);
	return true;
}

bool pickle_text_latin1(const uint8_t *p, size_t n, uint8_t *out, size_t *len)
{
	uint8_t *o = out;

	for (size_t i = 0; i < n; i++) {
		if (p[i] < 0x80)
			*o++ = p[i];
		else if (p[i] <= 0xc3 && i + 1 < n) {
			*o++ = (uint8_t)((p[i] & 3) << 6 | (p[i + 1] & 0x3f));
			i++;
		} else
			return false;
	}
	*len = (size_t)(o - out);
	return true;
}
