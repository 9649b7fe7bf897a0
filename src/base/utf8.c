/*
 * utf8.c - validation only. Eight ASCII bytes a step, then the table of
 * RFC 3629 section 4 byte by byte.
 */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* Length of the well-formed sequence at p, 0 if there is none. */
static size_t sequence(const uint8_t *p, size_t left)
{
	uint8_t a = p[0], lo = 0x80, hi = 0xbf;
	size_t n;
	if (a < 0x80)
		return 1;
	if (a >= 0xc2 && a <= 0xdf)
		n = 2;
	else if (a >= 0xe0 && a <= 0xef) {
		n = 3;
		lo = a == 0xe0 ? 0xa0 : 0x80;
		hi = a == 0xed ? 0x9f : 0xbf;
	} else if (a >= 0xf0 && a <= 0xf4) {
		n = 4;
		lo = a == 0xf0 ? 0x90 : 0x80;
		hi = a == 0xf4 ? 0x8f : 0xbf;
	} else
		return 0;
	if (n > left || p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool lan_utf8_valid(const void *text, size_t n)
{
	const uint8_t *p = text, *end = p + n;
	while (p < end) {
		uint64_t w;
		while (end - p >= 8 && (memcpy(&w, p, 8), (w & 0x8080808080808080u) == 0))
			p += 8;
		if (p == end)
			break;
		size_t len = sequence(p, (size_t)(end - p));
		if (!len)
			return false;
		p += len;
	}
	return true;
}
