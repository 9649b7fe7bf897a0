/*
 * serpy_values.c - what the messages of the world are: of every type, of every
 * length, most of them saying in themselves which they are ("FLOW:NUMBER:" in
 * front of text and bytes, the same as bits of numbers). Those too short to say
 * so (empty text, infinities) are `anon`: told apart by what surrounds them.
 *
 * What is expected at the other end follows docs/protocols/serpy.md: on serpy1
 * everything arrives as bytes (section 1.3), in a mode that depends on the type
 * (1.4). It is built here anew, by nothing of the core.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "serpy_world.h"

#define NUMBER_BITS 16
#define ORIGIN_BITS 28
#define HEAD        32

static uint64_t hash_of(int flow, uint32_t i)
{
	uint64_t x = ((uint64_t)flow << NUMBER_BITS | i) * 0x9e3779b97f4a7c15u;

	return rng_splitmix(&x);
}

static uint64_t origin_of(int flow, uint32_t i)
{
	return (uint64_t)flow << NUMBER_BITS | i;
}

int svalue_mode(enum serpy_dialect d, enum serpy_type type, int mode)
{
	if (d == SERPY2)
		return 0;
	if (type == SERPY_BYTES)
		return mode & 1 ? 3 : 2;
	if (type == SERPY_OBJECT)
		return mode & 1 ? 5 : 4;
	return mode;
}

static int64_t int_of(int flow, uint32_t i)
{
	return (int64_t)(hash_of(flow, i) << ORIGIN_BITS | origin_of(flow, i));
}

static double float_of(int flow, uint32_t i, const struct smsg *m)
{
	static const double odd[] = {INFINITY, -INFINITY, NAN};
	uint64_t h = hash_of(flow, i);
	double v = (double)origin_of(flow, i) + (double)(h & 0xffff) / 65536.0;

	return m->anon ? odd[m->len % 3] : h >> 63 ? -v : v;
}

/* Character number `at` of a text, byte number `at` of bytes: a letter in ASCII, else now and then a foreign
 * one. */
static unsigned char_of(const struct sworld *w, const struct smsg *m, uint64_t h, uint32_t at)
{
	uint64_t x = (h ^ at) * 0xd1342543de82ef95u;
	unsigned c = (unsigned)(x >> 56);

	if (m->type == SERPY_BYTES || m->type == SERPY_OBJECT)
		return c;
	if (c < 16 && strcmp(w->encoding, "ascii") != 0)
		return 0xe9;
	return (unsigned)"abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ-,.=0123456"[c & 63];
}

/* The characters of text or bytes of a message, one after the other. */
static unsigned next_char(const struct sworld *w, int flow, uint32_t i, const struct smsg *m, uint32_t at,
	const char *head, size_t head_len)
{
	if (m->anon)
		return '~';
	return at < head_len ? (unsigned char)head[at] : char_of(w, m, hash_of(flow, i), at);
}

/* Text as the application has it: UTF-8. Bytes as they are. */
static size_t plain(const struct sworld *w, int flow, uint32_t i, const struct smsg *m, uint8_t *out)
{
	char head[HEAD];
	size_t n = 0, k = (size_t)snprintf(head, sizeof head, "%x:%x:", (unsigned)flow, i);
	bool utf8 = m->type == SERPY_STR;

	for (uint32_t at = 0; at < m->len; at++) {
		unsigned c = next_char(w, flow, i, m, at, head, k);

		if (utf8 && c >= 0x80) {
			out[n++] = (uint8_t)(0xc0 | c >> 6);
			c = 0x80 | (c & 0x3f);
		}
		out[n++] = (uint8_t)c;
	}
	return n;
}

/* The pickle of bytes: protocol 5, the bytes, the end. */
static size_t pickle(const uint8_t *p, size_t n, uint8_t *out)
{
	size_t k = 0;

	out[k++] = 0x80;
	out[k++] = 5;
	if (n < 256) {
		out[k++] = 'C';
		out[k++] = (uint8_t)n;
	} else {
		out[k++] = 'B';
		for (int b = 0; b < 4; b++)
			out[k++] = (uint8_t)(n >> 8 * b);
	}
	memcpy(out + k, p, n);
	k += n;
	out[k++] = '.';
	return k;
}

/* The bytes inside a pickle of bytes, in whatever way it was written. */
static const uint8_t *unpickle(const uint8_t *p, size_t n, size_t *len)
{
	size_t at = 2, k = 0;

	if (n < 4 || p[0] != 0x80 || p[n - 1] != '.')
		return NULL;
	if (p[at] == 0x95)
		at += 9;
	if (at + 1 < n && p[at] == 'C') {
		k = p[at + 1];
		at += 2;
	} else if (at + 5 < n && p[at] == 'B') {
		for (int b = 4; b; b--)
			k = k << 8 | p[at + (size_t)b];
		at += 5;
	} else {
		return NULL;
	}
	*len = k;
	return at + k < n ? p + at : NULL;
}

struct serpy_value svalue_make(struct sworld *w, int flow, uint32_t i, const struct smsg *m)
{
	struct serpy_value v = {.type = (enum serpy_type)m->type};

	if (m->type == SERPY_INT) {
		v.integer = int_of(flow, i);
	} else if (m->type == SERPY_FLOAT) {
		v.real = float_of(flow, i, m);
	} else if (m->type == SERPY_OBJECT) {
		v.len = pickle(w->expect, plain(w, flow, i, m, w->expect), w->scratch);
		v.data = w->scratch;
		w->expect_of = -1;
	} else {
		v.len = plain(w, flow, i, m, w->scratch);
		v.data = w->scratch;
	}
	return v;
}

/* Text in the encoding of the connection. */
static size_t encode(
	const struct sworld *w, const struct smsg *m, const uint8_t *utf8, size_t n, uint8_t *out)
{
	bool utf16 = strcmp(w->encoding, "utf-16") == 0, keep = strcmp(w->encoding, "utf-8") == 0;
	size_t k = 0;

	if (w->dialect == SERPY2 || m->type == SERPY_BYTES || keep) {
		memcpy(out, utf8, n);
		return n;
	}
	if (utf16) {
		out[k++] = 0xff;
		out[k++] = 0xfe;
	}
	for (size_t at = 0; at < n; at++) {
		unsigned c = utf8[at];

		if (c >= 0x80)
			c = (c & 3) << 6 | (utf8[++at] & 0x3f);
		out[k++] = (uint8_t)c;
		if (utf16)
			out[k++] = 0;
	}
	return k;
}

size_t svalue_expect(struct sworld *w, int flow, uint32_t i)
{
	const struct smsg *m = &w->flow[flow].msg[i];
	int64_t which = (int64_t)origin_of(flow, i);
	struct serpy_value v;

	if (w->expect_of == which)
		return w->expect_len;
	v = svalue_make(w, flow, i, m);
	if (m->type == SERPY_INT)
		v.len = (size_t)sprintf((char *)w->scratch, "%lld", (long long)v.integer);
	if (m->type == SERPY_OBJECT)
		memcpy(w->expect, w->scratch, w->expect_len = v.len);
	else
		w->expect_len = encode(w, m, w->scratch, v.len, w->expect);
	w->expect_of = which;
	return w->expect_len;
}

/* Text without its encoding, as far as ASCII goes; a short piece of it is enough. */
static size_t to_ascii(const struct sworld *w, const uint8_t *p, size_t n, char *out, size_t room)
{
	bool utf16 = w->dialect == SERPY1 && n >= 2 && p[0] == 0xff && p[1] == 0xfe;
	size_t k = 0, step = utf16 ? 2 : 1;

	for (size_t at = utf16 ? 2 : 0; at < n && k + 1 < room; at += step)
		out[k++] = (char)p[at];
	out[k] = 0;
	return k;
}

static bool split(uint64_t origin, int *flow, uint32_t *i)
{
	*flow = (int)(origin >> NUMBER_BITS & 0xfff);
	*i = (uint32_t)(origin & 0xffff);
	return true;
}

static bool origin_of_text(const char *text, bool numbers, int *flow, uint32_t *i)
{
	unsigned f = 0, k = 0;
	int used = 0;
	char *end = NULL;

	if (sscanf(text, "%x:%x:%n", &f, &k, &used) == 2 && used) {
		*flow = (int)f;
		*i = k;
		return true;
	}
	if (!numbers || !*text || strchr(text, 'n') || strchr(text, '~'))
		return false;
	if (strchr(text, '.'))
		return split((uint64_t)fabs(strtod(text, &end)), flow, i);
	return split((uint64_t)strtoll(text, &end, 10), flow, i);
}

bool svalue_origin(struct sworld *w, const struct serpy_value *v, int mode, int *flow, uint32_t *i)
{
	const uint8_t *p = v->data;
	size_t n = v->len;
	char text[HEAD];

	(void)mode;
	if (v->type == SERPY_INT)
		return split((uint64_t)v->integer, flow, i);
	if (v->type == SERPY_FLOAT)
		return isfinite(v->real) && split((uint64_t)fabs(v->real), flow, i);
	if (v->type == SERPY_OBJECT)
		p = unpickle(p, n, &n);
	if (!p || !n)
		return false;
	to_ascii(w, p, n, text, sizeof text);
	return origin_of_text(text, w->dialect == SERPY1, flow, i);
}

static bool same_float(double a, double b)
{
	return isnan(a) ? isnan(b) : memcmp(&a, &b, sizeof a) == 0;
}

/* A number that came as text. */
static bool is_number(const struct sworld *w, const struct smsg *m, const struct serpy_value *sent,
	const uint8_t *p, size_t n)
{
	char text[64], *end = NULL;

	if (to_ascii(w, p, n, text, sizeof text) >= sizeof text - 1 || !*text)
		return false;
	if (m->type == SERPY_INT)
		return strtoll(text, &end, 10) == sent->integer && !*end;
	return same_float(strtod(text, &end), sent->real) && !*end;
}

bool svalue_is(struct sworld *w, int flow, uint32_t i, const struct serpy_value *v, int mode)
{
	const struct smsg *m = &w->flow[flow].msg[i];
	struct serpy_value sent;
	const uint8_t *p = v->data;
	size_t n = v->len;

	if (mode != m->mode)
		return false;
	if (w->dialect == SERPY2 && (m->type == SERPY_INT || m->type == SERPY_FLOAT)) {
		sent = svalue_make(w, flow, i, m);
		return v->type == sent.type && (m->type == SERPY_INT ? !v->wide && v->integer == sent.integer
								     : same_float(v->real, sent.real));
	}
	if (w->dialect == SERPY2 ? v->type != m->type : v->type != (mode >= 4 ? SERPY_OBJECT : SERPY_BYTES))
		return false;
	if (mode >= 4 && m->type != SERPY_OBJECT) {
		p = unpickle(p, n, &n);
		if (!p)
			return false;
	}
	if (w->dialect == SERPY1 && (m->type == SERPY_INT || m->type == SERPY_FLOAT)) {
		sent = svalue_make(w, flow, i, m);
		return is_number(w, m, &sent, p, n);
	}
	return svalue_expect(w, flow, i) == n && (!n || memcmp(w->expect, p, n) == 0);
}
