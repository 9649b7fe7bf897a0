/*
 * fuzz_serpy1.c - the wire of serpy. An input is either what a stranger sends,
 * which must come to the same in every cut, or a list of messages in all modes,
 * which must come through from core to core, and be acknowledged where the mode
 * says so.
 *
 * First byte: options; second: the cut.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "serpy_hear.h"

enum { TALK = 1, PIECES = 2, SHORT = 4, LATE = 8, ENCODING = 16 | 32, CLIENT = 64 };

static const char *const encodings[] = {"utf-8", "ascii", "latin-1", "utf-16"};
static struct heard one, other;

static void stranger(unsigned opts, unsigned cut, const uint8_t *p, size_t n)
{
	struct serpy_config cfg = {.dialect = SERPY1,
		.server = !(opts & CLIENT),
		.once = true,
		.pieces = opts & PIECES,
		.piece = opts & PIECES ? 40 : 0,
		.max_message = opts & SHORT ? 100 : 0,
		.encoding = encodings[(opts & ENCODING) / 16]};

	hear(&cfg, p, n, 0, false, &one);
	hear(&cfg, p, n, 1 + cut, opts & LATE, &other);
	heard_same(&one, &other, opts & LATE);
}

/* --- core to core -------------------------------------------------------------------------- */

struct said {
	struct serpy_value v;
	int mode, wire;
};

struct talk {
	struct step from, to;
	struct said said[512];
	size_t count, heard;
	uint64_t acks, acked;
	uint64_t tokens;
};

static struct talk t;

/* May this leave in this mode? (section 1.4) */
static enum lan_err allowed(const struct said *s)
{
	const struct serpy_value *v = &s->v;
	const uint8_t *p = v->data;

	if (s->wire >= 4 && v->type != SERPY_OBJECT)
		return LAN_ERR_INVAL;
	if (v->type == SERPY_INT || v->type == SERPY_FLOAT)
		return LAN_OK;
	if (v->type == SERPY_STR && !lan_utf8_valid(p, v->len))
		return LAN_ERR_UTF8;
	if (!v->len)
		return s->wire & 1 ? LAN_OK : LAN_ERR_INVAL;
	if (s->wire > 1)
		return LAN_OK;
	if (p[0] == 1 || p[v->len - 1] == 4 || memchr(p, 0x1f, v->len) ||
		(s->wire == 1 && memchr(p, 4, v->len)))
		return LAN_ERR_INVAL;
	return LAN_OK;
}

static void take_said(const uint8_t **p, const uint8_t *end, struct said *s)
{
	static const enum serpy_type types[] = {SERPY_STR, SERPY_INT, SERPY_FLOAT, SERPY_BYTES, SERPY_OBJECT};
	unsigned head = *(*p)++;
	size_t n = (size_t)(end - *p);

	if (n)
		n = *(*p)++ % 64u < n ? (*p)[-1] % 64u : n - 1;
	s->mode = (int)(head % 6);
	s->v = (struct serpy_value){.type = types[head / 6 % 5], .data = *p, .len = n};
	s->wire = s->v.type == SERPY_BYTES    ? 2 | (s->mode & 1)
		  : s->v.type == SERPY_OBJECT ? 4 | (s->mode & 1)
					      : s->mode;
	if (s->v.type == SERPY_INT)
		memcpy(&s->v.integer, *p, n < 8 ? n : 8);
	if (s->v.type == SERPY_FLOAT)
		memcpy(&s->v.real, *p, n < 8 ? n : 8);
	*p += n;
}

static void check_heard(const struct said *s, const struct serpy_event *ev)
{
	const struct serpy_value *got = &ev->value;
	char text[64];
	double back;

	FUZZ_CHECK(ev->mode == s->wire, "mode %d became %d", s->wire, ev->mode);
	FUZZ_CHECK(got->type == (s->wire > 3 ? SERPY_OBJECT : SERPY_BYTES), "type %d in mode %d",
		(int)got->type, ev->mode);
	switch (s->v.type) {
	case SERPY_INT:
		sprintf(text, "%lld", (long long)s->v.integer);
		FUZZ_CHECK(got->len == strlen(text) && memcmp(got->data, text, got->len) == 0,
			"%s became %.*s", text, (int)got->len, (const char *)got->data);
		break;
	case SERPY_FLOAT:
		FUZZ_CHECK(sscanf(got->data, "%lf", &back) == 1 &&
				   (s->v.real != s->v.real || memcmp(&back, &s->v.real, sizeof back) == 0),
			"%.17g became %.*s", s->v.real, (int)got->len, (const char *)got->data);
		break;
	default:
		FUZZ_CHECK(
			got->len == s->v.len && memcmp(got->data, s->v.data, got->len) == 0, "other bytes");
	}
}

static void pull(struct step *st)
{
	struct serpy_event ev;

	while (step_pull(st, &ev)) {
		if (ev.kind == SERPY_ACKED) {
			t.acked++;
			FUZZ_CHECK(st == &t.from && ev.token <= t.tokens, "an acknowledgement of nothing");
		}
		if (ev.kind != SERPY_MESSAGE)
			continue;
		FUZZ_CHECK(st == &t.to && t.heard < t.count, "a message that nobody sent");
		check_heard(&t.said[t.heard++], &ev);
	}
}

static void talk(unsigned cut, const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;
	struct serpy_config cfg = {.dialect = SERPY1, .window = 1 + cut % 3};
	const char *why;
	bool more = true;

	t.count = t.heard = 0;
	t.acks = t.acked = t.tokens = 0;
	(void)!step_init(&t.from, &cfg);
	cfg.server = true;
	(void)!step_init(&t.to, &cfg);
	if (step_open(&t.from) || step_open(&t.to))
		abort();
	while (p < end && t.count < 512) {
		struct said *s = &t.said[t.count];
		take_said(&p, end, s);
		struct serpy_how how = {.mode = s->mode};
		enum lan_err err = serpy_send(t.from.s, t.from.now, 0, &s->v, &how, &t.tokens, &why),
			     may = allowed(s);
		FUZZ_CHECK(err == may, "mode %d, type %d: %s, not %s", s->mode, (int)s->v.type,
			lan_err_name(err), lan_err_name(may));
		t.count += !err;
		t.acks += !err && s->wire & 1;
	}
	while (more) {
		pull(&t.to);
		pull(&t.from);
		more = carry(&t.from, &t.to, 0, 1 + cut);
		more |= carry(&t.to, &t.from, 0, 1 + cut);
	}
	FUZZ_CHECK(t.heard == t.count, "%zu of %zu messages came through", t.heard, t.count);
	FUZZ_CHECK(t.acked == t.acks, "%llu of %llu were acknowledged", (unsigned long long)t.acked,
		(unsigned long long)t.acks);
	FUZZ_CHECK(serpy_pending(t.from.s) == 0, "something is pending");
	serpy_free(t.from.s);
	serpy_free(t.to.s);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n < 2)
		return 0;
	if (p[0] & TALK)
		talk(p[1], p + 2, n - 2);
	else
		stranger(p[0], p[1], p + 2, n - 2);
	return 0;
}

#ifdef __clang__
#pragma clang attribute pop
#endif
