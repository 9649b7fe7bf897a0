/*
 * fuzz_coap_message.c - a datagram as a message of CoAP, held against libcoap's coap_pdu_parse: the two agree
 * on whether it is one and on every field of it, but for what docs/protocols/coap.md, section 3, says:
 * libcoap takes codes of reserved classes, and refuses options whose length is outside their range, which we
 * leave to whoever reads options (and an empty Uri-Query besides, which is legal).
 *
 * What is taken is written again and must be the same octets; encoded as old slaves do (S1) it must be
 * understood as the same; its path and query as text must become the same options. Views must lie inside the
 * datagram.
 */
#include <stdlib.h>
#include <string.h>
#include "coap_oracle.h"
#include "fuzz_script.h"
#include "proto/coap/option.h"

#define MAX 4200

static const uint8_t *from;
static size_t from_len;

static void view(const uint8_t *p, size_t n)
{
	FUZZ_CHECK(!n || (p >= from && n <= from_len && p <= from + from_len - n), "a view elsewhere");
}

static bool same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	return a_len == b_len && (!a_len || memcmp(a, b, a_len) == 0);
}

static void same_message(const struct coap_msg *a, const struct coap_msg *b)
{
	FUZZ_CHECK(a->type == b->type && a->code == b->code && a->mid == b->mid, "another header");
	FUZZ_CHECK(same(a->token, a->tkl, b->token, b->tkl), "another token");
	FUZZ_CHECK(same(a->options, a->options_len, b->options, b->options_len), "other options");
	FUZZ_CHECK(same(a->payload, a->len, b->payload, b->len), "another payload");
}

/* --- libcoap --------------------------------------------------------------------------- */

/* Has it an option that libcoap judges by its length? */
static bool odd_length(const struct coap_msg *m)
{
	struct coap_options o = coap_options_of(m);

	while (coap_options_next(&o)) {
		const struct coap_option_info *info = coap_option_info(o.number);
		bool empty = o.len == 0 && (o.number == COAP_URI_QUERY || o.number == COAP_ECHO);
		if (info && (empty ? o.number == COAP_URI_QUERY : o.len < info->min || o.len > info->max))
			return true;
	}
	return false;
}

/* Is the first option whose number is too high one whose delta alone is? libcoap computes that modulo 2^16.
 */
static bool wraps(const uint8_t *p, size_t n)
{
	size_t at = COAP_HEADER + (p[0] & 15u);
	uint32_t number = 0;

	while (at < n) {
		uint32_t delta = p[at] >> 4, len = p[at] & 15;
		at++;
		if (delta == 14)
			delta = lan_get_be16(p + at) + 269u, at += 2;
		else if (delta == 13)
			delta = p[at++] + 13u;
		if (len == 14)
			len = lan_get_be16(p + at) + 269u, at += 2;
		else if (len == 13)
			len = p[at++] + 13u;
		number += delta, at += len;
		if (number > 65535)
			return delta > 65535;
	}
	return false;
}

static void judge(const uint8_t *p, size_t n, enum coap_fault f, const struct coap_msg *m)
{
	struct coap_judged_option theirs;
	struct coap_judged j;

	if ((f == COAP_FAULT_OPTION_NUMBER && wraps(p, n)) || !coap_judge(p, n, &j))
		return;
	bool ours = !f && !odd_length(m);
	FUZZ_CHECK(j.taken == ours, "libcoap %s it, we say: %s", j.taken ? "takes" : "refuses",
		coap_fault_text(f));
	if (!ours)
		return;
	FUZZ_CHECK(j.type == m->type && j.code == m->code && j.mid == m->mid, "another header for libcoap");
	FUZZ_CHECK(same(j.token, j.tkl, m->token, m->tkl), "another token for libcoap");
	FUZZ_CHECK(same(j.payload, j.len, m->payload, m->len), "another payload for libcoap");
	struct coap_options o = coap_options_of(m);
	while (coap_options_next(&o)) {
		FUZZ_CHECK(coap_judge_option(&theirs), "libcoap has fewer options");
		FUZZ_CHECK(theirs.number == o.number && same(theirs.value, theirs.len, o.value, o.len),
			"option %u for libcoap, %u for us", theirs.number, o.number);
	}
	FUZZ_CHECK(!coap_judge_option(&theirs), "libcoap has more options");
}

/* A code of a reserved class is the one thing wrong, or there is more: judged with another code. */
static void judge_class(const uint8_t *p, size_t n)
{
	static uint8_t copy[MAX];
	struct coap_msg m;

	memcpy(copy, p, n);
	copy[1] = COAP_CONTENT;
	enum coap_fault f = coap_decode(copy, n, &m);
	judge(copy, n, f, &m);
}

/* --- ours ------------------------------------------------------------------------------ */

static void check_again(const struct coap_msg *m, const uint8_t *p, size_t n)
{
	static uint8_t out[MAX];
	struct coap_wr w = coap_begin(out, n, m->type, m->code, m->mid, m->token, m->tkl);

	coap_put_all(&w, m->options, m->options_len, NULL, 0);
	coap_put_payload(&w, m->payload, m->len);
	FUZZ_CHECK(same(out, coap_end(&w), p, n), "it comes out differently");
	w = coap_begin(out, n - 1, m->type, m->code, m->mid, m->token, m->tkl);
	coap_put_all(&w, m->options, m->options_len, NULL, 0);
	coap_put_payload(&w, m->payload, m->len);
	FUZZ_CHECK(coap_end(&w) == 0, "written where it has no room");
}

/* The message as an old slave would have written it. */
static void check_s1(const struct coap_msg *m, const uint8_t *p, size_t n)
{
	static uint8_t wrong[MAX], scratch[MAX];
	struct coap_options o = coap_options_of(m);
	struct coap_msg r;

	memcpy(wrong, p, n);
	while (coap_options_next(&o))
		if (o.len >= 13 && o.len < 269)
			wrong[o.value - p - 1] = (uint8_t)o.len;
	enum coap_fault f = coap_decode_s1(wrong, n, scratch, &r);
	FUZZ_CHECK(!f, "not understood: %s", coap_fault_text(f));
	same_message(m, &r);
}

/* Text that was made of options makes these options again. */
static void check_text(const struct coap_msg *m, uint32_t number, bool path)
{
	static char text[3 * MAX];
	static uint8_t out[MAX], want[MAX];
	struct coap_wr w = coap_begin_options(out, sizeof out), v = coap_begin_options(want, sizeof want);
	const uint8_t *p;
	size_t len, n = 0;
	bool dots = false, empty = true;

	for (; coap_find(m, number, n, &p, &len); n++) {
		coap_put(&v, number, p, len);
		dots |= path && (len == 1 || len == 2) && p[0] == '.' && p[len - 1] == '.';
		empty &= len == 0;
	}
	if (n == 1 && empty) /* no text tells it from none */
		v = coap_begin_options(want, sizeof want);
	FUZZ_CHECK((path ? coap_path : coap_query)(m, number, text, sizeof text) == LAN_OK, "no text");
	enum lan_err e = (path ? coap_put_path : coap_put_query)(&w, number, text, strlen(text));
	FUZZ_CHECK((e == LAN_ERR_INVAL) == dots, "its text is refused, or dots are not");
	FUZZ_CHECK(e || same(out, w.w.off, want, v.w.off), "other options from its text");
}

static void check_values(const struct coap_msg *m)
{
	struct coap_options o = coap_options_of(m);
	struct coap_block b;
	uint64_t v;
	uint32_t last = 0, bad = coap_bad_option(m);
	bool seen = !bad;

	while (coap_options_next(&o)) {
		view(o.value, o.len);
		FUZZ_CHECK(o.number >= last && o.number <= 65535, "out of order");
		last = o.number;
		seen |= o.number == bad;
		(void)coap_find_uint(m, o.number, &v);
	}
	FUZZ_CHECK(seen && (!bad || coap_is_critical(bad)), "a bad option that is not there");
	if (coap_block_of(m, COAP_BLOCK2, &b))
		FUZZ_CHECK(b.szx < 7 && b.num < 1u << 20, "an impossible block");
	check_text(m, COAP_URI_PATH, true);
	check_text(m, COAP_LOCATION_PATH, true);
	check_text(m, COAP_URI_QUERY, false);
	(void)coap_code_name(m->code);
}

/* Whatever it is, nothing is read outside, and a repaired message is whole. */
static void check_repair(const uint8_t *p, size_t n)
{
	uint8_t *scratch = malloc(n);
	struct coap_msg m;

	if (coap_decode_s1(p, n, scratch, &m) == COAP_FAULT_OK) {
		from = scratch, from_len = n;
		view(m.options, m.options_len);
		struct coap_options o = coap_options_of(&m);
		while (coap_options_next(&o))
			view(o.value, o.len);
		FUZZ_CHECK(o.p == o.end, "options that do not end where they end");
	}
	free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct coap_msg m;

	if (size == 0 || size > MAX - 100)
		return 0;
	uint8_t *p = malloc(size); /* of its exact size, so that a sanitizer sees every step outside */
	memcpy(p, data, size);
	memset(&m, 0x5a, sizeof m);
	enum coap_fault f = coap_decode(p, size, &m);
	if (f == COAP_FAULT_CLASS)
		judge_class(p, size);
	else
		judge(p, size, f, &m);
	if (f == COAP_FAULT_OK) {
		from = p, from_len = size;
		view(m.options, m.options_len);
		view(m.payload, m.len);
		FUZZ_CHECK(COAP_HEADER + m.tkl + m.options_len + m.len + (m.payload != NULL) == size,
			"octets lost");
		FUZZ_CHECK(!m.payload == !m.len, "a payload of nothing");
		check_values(&m);
		check_again(&m, p, size);
		check_s1(&m, p, size);
	} else if (f > COAP_FAULT_VERSION) {
		FUZZ_CHECK(m.code == p[1] && m.mid == (p[2] << 8 | p[3]) && !m.options_len && !m.payload,
			"a trace");
	}
	check_repair(p, size);
	free(p);
	return 0;
}
