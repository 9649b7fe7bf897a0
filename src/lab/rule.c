/*
 * rule.c - parsing and matching of aimed faults, and the dice.
 *
 * The grammar is that of the captured micropython-iot transcripts; a bare
 * number as a time is milliseconds, as there. On top of it: `*` as a count
 * (for ever), `hold` (the line delays those behind it), `half-open`,
 * `blackhole`, `reorder`, and `pass`, which spares a line from chance.
 * A rule that makes no sense (a cut without its byte count, a mid of three
 * characters) is refused rather than guessed at.
 */
#include "lab/rule.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/units.h"

enum { FIELDS = 7 };

static const char *const fault_names[LAB_FAULTS] = {
	"swallow-close", "cut", "half-open", "blackhole", "drop", "dup", "reorder", "hold", "delay", "pass"};
static const char *const kind_names[LAB_KINDS] = {"msg", "ack", "keepalive", "first"};

const char *lab_fault_name(enum lab_fault f)
{
	return (unsigned)f < LAB_FAULTS ? fault_names[f] : "?";
}

const char *lab_kind_name(enum lab_kind k)
{
	return (unsigned)k < LAB_KINDS ? kind_names[k] : "?";
}

const char *lab_dir_name(enum lab_dir d)
{
	return d == LAB_C2S ? "c2s" : "s2c";
}

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

uint64_t lab_chance(
	uint64_t seed, uint32_t conn, enum lab_dir d, enum lab_kind k, uint64_t nth, uint32_t what)
{
	uint64_t who = (uint64_t)conn << 32 | (uint64_t)d << 24 | (uint64_t)k << 16 | what;
	return mix(mix(mix(seed) ^ who) ^ nth);
}

enum lab_kind lab_classify(bool chunks, bool first, size_t len)
{
	if (chunks)
		return LAB_MSG;
	if (first)
		return LAB_FIRST;
	return len == 0 ? LAB_KEEPALIVE : len == 2 ? LAB_ACK : LAB_MSG;
}

struct lab_rule *lab_rule_match(
	struct lab_faults *f, enum lab_dir d, enum lab_kind k, const uint8_t *line, size_t len)
{
	for (uint32_t i = 0; i < f->n_rules; i++) {
		struct lab_rule *r = &f->rules[i];
		if (!r->left || !(r->dirs >> d & 1) || !(r->kinds >> k & 1))
			continue;
		if (r->mid[0] && (len < 2 || tolower(line[0]) != r->mid[0] || tolower(line[1]) != r->mid[1]))
			continue;
		if (r->left != UINT32_MAX)
			r->left--;
		return r;
	}
	return NULL;
}

static bool parse_dir(const char *s, struct lab_rule *r)
{
	r->dirs = !strcmp(s, "c2s")                      ? 1
		  : !strcmp(s, "s2c")                    ? 2
		  : !strcmp(s, "any") || !strcmp(s, "*") ? 3
							 : 0;
	return r->dirs != 0;
}

static bool parse_kind(const char *s, struct lab_rule *r)
{
	r->kinds = 0;
	for (unsigned k = 0; k < LAB_KINDS; k++)
		if (!strcmp(s, kind_names[k]))
			r->kinds = (uint8_t)(1u << k);
	if (!strcmp(s, "any") || !strcmp(s, "*"))
		r->kinds = (1u << LAB_KINDS) - 1;
	return r->kinds != 0;
}

static bool parse_mid(const char *s, struct lab_rule *r)
{
	memset(r->mid, 0, sizeof r->mid);
	if (!strcmp(s, "*"))
		return true;
	if (strlen(s) != 2 || !isxdigit((unsigned char)s[0]) || !isxdigit((unsigned char)s[1]))
		return false;
	r->mid[0] = (char)tolower((unsigned char)s[0]);
	r->mid[1] = (char)tolower((unsigned char)s[1]);
	return true;
}

static bool parse_number(const char *s, uint32_t *out)
{
	size_t n = strspn(s, "0123456789");
	if (n == 0 || n > 9 || s[n])
		return false;
	*out = (uint32_t)strtoul(s, NULL, 10);
	return true;
}

static bool parse_count(const char *s, struct lab_rule *r)
{
	r->left = UINT32_MAX;
	return !strcmp(s, "*") || (parse_number(s, &r->left) && r->left > 0);
}

/* A bare number is milliseconds here, unlike everywhere else: the captured rules say so. */
static bool parse_time(const char *s, struct lab_rule *r)
{
	uint32_t ms;
	r->have_arg = true;
	if (!parse_number(s, &ms))
		return lan_parse_duration(s, &r->time) == LAN_OK;
	r->time = LAN_MS(ms);
	return true;
}

static bool parse_how(const char *s, struct lab_rule *r)
{
	r->how = !s || !strcmp(s, "fin") ? LAB_CUT_FIN : LAB_CUT_RST;
	return !s || !strcmp(s, "fin") || !strcmp(s, "rst");
}

static bool parse_side(const char *s, struct lab_rule *r)
{
	r->have_arg = s != NULL;
	r->side = s && !strcmp(s, "server") ? LAB_SERVER : LAB_CLIENT;
	return !s || !strcmp(s, "server") || !strcmp(s, "client");
}

/* "swallowclose" and "halfopen" as in the transcripts, or with their hyphen. */
static bool same_word(const char *a, const char *b)
{
	for (; *a || *b; a++, b++) {
		a += *a == '-';
		b += *b == '-';
		if (*a != *b)
			return false;
	}
	return true;
}

static bool parse_action(char *const *field, struct lab_rule *r)
{
	const char *a = field[5], *b = field[6];
	unsigned f = 0;
	while (f < LAB_FAULTS && !same_word(field[4], fault_names[f]))
		f++;
	r->fault = (enum lab_fault)f;
	r->how = LAB_CUT_FIN;
	switch (r->fault) {
	case LAB_CUT:
		return a && parse_number(a, &r->bytes) && parse_how(b, r);
	case LAB_SWALLOW:
		return !b && parse_how(a, r);
	case LAB_HALF_OPEN:
		return !b && parse_side(a, r);
	case LAB_HOLE:
		return !b && (!a || parse_time(a, r));
	case LAB_HOLD:
	case LAB_DELAY:
		return !b && a && parse_time(a, r);
	case LAB_DROP:
	case LAB_DUP:
	case LAB_REORDER:
	case LAB_PASS:
		return !a;
	case LAB_FAULTS:
		break;
	}
	return false;
}

enum lan_err lab_rule_parse(const char *text, struct lab_rule *out, char *err, size_t cap)
{
	char copy[128], *field[FIELDS + 1] = {0}, *rest = copy;
	struct lab_rule r = {0};
	const char *bad = NULL;
	int n = 0;
	if (strlen(text) < sizeof copy)
		strcpy(copy, text);
	else
		rest = NULL;
	while (rest && n < FIELDS + 1)
		field[n++] = strsep(&rest, ":");
	if (n < 5 || n > FIELDS)
		bad = "a rule has five to seven parts";
	else if (!parse_dir(field[0], &r))
		bad = "its direction is c2s, s2c or any";
	else if (!parse_kind(field[1], &r))
		bad = "its kind is msg, ack, keepalive, first or any";
	else if (!parse_mid(field[2], &r))
		bad = "its message id is two hex digits or *";
	else if (!parse_count(field[3], &r))
		bad = "its count is 1.. or *";
	else if (!parse_action(field, &r))
		bad = "its action is drop, dup, reorder, pass, delay:TIME, hold:TIME, blackhole[:TIME], "
		      "cut:BYTES[:fin|:rst], swallow-close[:fin|:rst] or half-open[:client|:server]";
	if (!bad) {
		*out = r;
		return LAN_OK;
	}
	snprintf(err, cap, "rule '%s': %s (DIR:KIND:MID:COUNT:ACTION[:ARG])", text, bad);
	return LAN_ERR_INVAL;
}
