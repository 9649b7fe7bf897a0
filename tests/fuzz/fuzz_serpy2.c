/*
 * fuzz_serpy2.c - the wire of serpy2. An input is either what a stranger sends,
 * which must come to the same in every cut, or a list of messages, which must
 * come through from core to core.
 *
 * First byte: options; second: the cut. Checksums of a stranger's frames are
 * repaired if an option says so, otherwise no fuzzer gets far.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "serpy_hear.h"

enum { TALK = 1, REPAIR = 2, RESYNC = 4, PIECES = 8, SHORT = 16, LATE = 32 };

static struct heard one, other;

/* Put the right sum into everything that looks like a frame. */
static void repair(uint8_t *p, size_t n)
{
	for (size_t at = 0; at + 14 <= n;) {
		uint32_t len = (uint32_t)p[at + 10] | (uint32_t)p[at + 11] << 8 | (uint32_t)p[at + 12] << 16 |
			       (uint32_t)p[at + 13] << 24;
		uint32_t sum = 0;
		if (memcmp(p + at, "\xde\xca\xfe\xca\xfe", 5) != 0 || len > n - at - 14) {
			at++;
			continue;
		}
		for (uint32_t i = 0; i < len; i++)
			sum += p[at + 14 + i];
		for (int k = 0; k < 4; k++)
			p[at + 6 + (size_t)k] = (uint8_t)(sum >> 8 * k);
		at += 14 + len;
	}
}

static void stranger(unsigned opts, unsigned cut, const uint8_t *p, size_t n)
{
	static uint8_t copy[4096];
	struct serpy_config cfg = {.dialect = SERPY2,
		.server = true,
		.resync = opts & RESYNC,
		.pieces = opts & PIECES,
		.piece = opts & PIECES ? 40 : 0,
		.max_message = opts & SHORT ? 100 : 0};

	n = n < sizeof copy ? n : sizeof copy;
	memcpy(copy, p, n);
	if (opts & REPAIR)
		repair(copy, n);
	hear(&cfg, copy, n, 0, false, &one);
	hear(&cfg, copy, n, 1 + cut, opts & LATE, &other);
	heard_same(&one, &other, opts & LATE);
}

/* --- core to core -------------------------------------------------------------------------- */

static void take_value(const uint8_t **p, const uint8_t *end, struct serpy_value *v)
{
	static const enum serpy_type types[] = {SERPY_STR, SERPY_INT, SERPY_FLOAT, SERPY_BYTES};
	unsigned head = *(*p)++;
	size_t n = head >> 2;

	n = n < (size_t)(end - *p) ? n : (size_t)(end - *p);
	*v = (struct serpy_value){.type = types[head & 3], .data = *p, .len = n};
	if (v->type == SERPY_INT)
		memcpy(&v->integer, *p, n < 8 ? n : 8);
	if (v->type == SERPY_FLOAT)
		memcpy(&v->real, *p, n < 8 ? n : 8);
	*p += n;
}

static void check_value(const struct serpy_value *want, const struct serpy_value *got)
{
	FUZZ_CHECK(want->type == got->type, "type %d became %d", (int)want->type, (int)got->type);
	switch (want->type) {
	case SERPY_INT:
		FUZZ_CHECK(!got->wide && got->integer == want->integer, "another integer");
		break;
	case SERPY_FLOAT:
		FUZZ_CHECK(isnan(want->real) ? isnan(got->real)
					     : memcmp(&want->real, &got->real, sizeof(double)) == 0,
			"%a became %a", want->real, got->real);
		break;
	default:
		FUZZ_CHECK(
			got->len == want->len && memcmp(got->data, want->data, got->len) == 0, "other bytes");
	}
}

static void talk(unsigned cut, const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;
	static struct serpy_value said[512];
	struct serpy_config cfg = {.dialect = SERPY2};
	struct step from, to;
	struct serpy_event ev;
	size_t count = 0, heard = 0;
	const char *why;

	(void)!step_init(&from, &cfg);
	cfg.server = true;
	(void)!step_init(&to, &cfg);
	if (step_open(&from) || step_open(&to))
		abort();
	while (p < end && count < 512) {
		struct serpy_value *v = &said[count];
		take_value(&p, end, v);
		enum lan_err err = serpy_send(from.s, from.now, 0, v, NULL, NULL, &why);
		bool bad = v->type == SERPY_STR && !lan_utf8_valid(v->data, v->len);
		FUZZ_CHECK(err == (bad ? LAN_ERR_UTF8 : LAN_OK), "sending gives %s", lan_err_name(err));
		count += !bad;
	}
	do
		while (step_pull(&to, &ev)) {
			if (ev.kind != SERPY_MESSAGE)
				continue;
			FUZZ_CHECK(heard < count, "a message that nobody sent");
			check_value(&said[heard++], &ev.value);
		}
	while (carry(&from, &to, 0, 1 + cut));
	FUZZ_CHECK(heard == count, "%zu of %zu messages came through", heard, count);
	FUZZ_CHECK(serpy_pending(from.s) == 0, "something is pending");
	serpy_free(from.s);
	serpy_free(to.s);
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
