/*
 * encoding.c - see encoding.h. Each encoding is asked for its characters one by
 * one, except UTF-8, which the text is in already, and what is a byte each.
 */
#include "proto/serpy/encoding.h"

#include <string.h>
#include "base/utf8.h"

#define BOM       0xfeffu
#define BOM_SWAP  0xfffeu
#define SURROGATE 0xd800u /* the first of those that begin a pair */

static const struct {
	const char *name;
	enum serpy_encoding encoding;
} names[] = {
	{"utf-8", ENCODING_UTF8},
	{"utf8", ENCODING_UTF8},
	{"ascii", ENCODING_ASCII},
	{"us-ascii", ENCODING_ASCII},
	{"latin-1", ENCODING_LATIN1},
	{"latin1", ENCODING_LATIN1},
	{"iso-8859-1", ENCODING_LATIN1},
	{"utf-16", ENCODING_UTF16},
	{"utf16", ENCODING_UTF16},
};

static bool same_name(const char *a, const char *b)
{
	for (;; a++, b++) {
		char c = *a >= 'A' && *a <= 'Z' ? (char)(*a - 'A' + 'a') : *a == '_' ? '-' : *a;
		if (c != *b)
			return false;
		if (!c)
			return true;
	}
}

bool encoding_find(const char *name, enum serpy_encoding *out)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (same_name(name, names[i].name)) {
			*out = names[i].encoding;
			return true;
		}
	return false;
}

/* The next character of valid UTF-8. */
static uint32_t next(const uint8_t **p)
{
	uint32_t c = *(*p)++;
	int more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

	if (more)
		c &= 0x3fu >> more;
	while (more--)
		c = c << 6 | (*(*p)++ & 0x3f);
	return c;
}

static bool ascii(const uint8_t *p, size_t n)
{
	uint8_t seen = 0;

	for (size_t i = 0; i < n; i++)
		seen |= p[i];
	return seen < 0x80;
}

static enum lan_err to_latin1(const uint8_t *p, const uint8_t *end, uint8_t *out, size_t *len)
{
	for (*len = 0; p < end; ++*len) {
		uint32_t c = next(&p);
		if (c > 0xff)
			return LAN_ERR_UTF8;
		if (out)
			*out++ = (uint8_t)c;
	}
	return LAN_OK;
}

static size_t put_unit(uint8_t *out, size_t at, uint32_t unit)
{
	if (out) {
		out[at] = (uint8_t)unit;
		out[at + 1] = (uint8_t)(unit >> 8);
	}
	return at + 2;
}

static enum lan_err to_utf16(const uint8_t *p, const uint8_t *end, uint8_t *out, size_t *len)
{
	size_t at = put_unit(out, 0, BOM);

	while (p < end) {
		uint32_t c = next(&p);
		if (c > 0xffff) {
			c -= 0x10000;
			at = put_unit(out, at, SURROGATE | c >> 10);
			c = SURROGATE | 0x400 | (c & 0x3ff);
		}
		at = put_unit(out, at, c);
	}
	*len = at;
	return LAN_OK;
}

enum lan_err encoding_encode(enum serpy_encoding e, const void *text, size_t n, uint8_t *out, size_t *len)
{
	const uint8_t *p = text;

	if (e == ENCODING_ASCII ? !ascii(p, n) : !lan_utf8_valid(p, n))
		return LAN_ERR_UTF8;
	if (e == ENCODING_LATIN1)
		return to_latin1(p, p + n, out, len);
	if (e == ENCODING_UTF16)
		return to_utf16(p, p + n, out, len);
	*len = n;
	if (out && n)
		memcpy(out, p, n);
	return LAN_OK;
}

/* As Python reads it: a mark at the very beginning tells the order of bytes, without one it is little-endian.
 */
static bool utf16(const uint8_t *p, size_t n)
{
	bool pair = false; /* the second half of one must come now */
	unsigned upper = 1;

	if (n % 2)
		return false;
	if (n && (p[0] | (unsigned)p[1] << 8) == BOM_SWAP)
		upper = 0;
	for (size_t i = 0; i < n; i += 2) {
		unsigned kind = p[i + upper] & 0xfc;
		if (pair != (kind == 0xdc))
			return false;
		pair = kind == 0xd8;
	}
	return !pair;
}

bool encoding_valid(enum serpy_encoding e, const uint8_t *p, size_t n)
{
	switch (e) {
	case ENCODING_UTF8:
		return lan_utf8_valid(p, n);
	case ENCODING_ASCII:
		return ascii(p, n);
	case ENCODING_UTF16:
		return utf16(p, n);
	case ENCODING_LATIN1:
		break;
	}
	return true;
}
