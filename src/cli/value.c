/*
 * value.c - values of options, by kind: checked once while parsing, so that the
 * verbs read them without a thought about errors. Refuses what would be taken
 * for something else: signs, trailing characters, numbers that do not fit.
 */
#include "cli/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/units.h"

static bool number(const char *s, uint64_t *out)
{
	char *end;
	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	unsigned long long v = strtoull(s, &end, 10);
	if (*end || errno)
		return false;
	*out = v;
	return true;
}

/* What stands in front of an optional "/s". */
static bool rate(const char *s, uint64_t *out)
{
	char text[32];
	size_t n = strlen(s);
	if (n > 2 && strcmp(s + n - 2, "/s") == 0)
		n -= 2;
	if (n >= sizeof text)
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	return lan_parse_size(text, out) == LAN_OK && *out > 0;
}

static bool percent(const char *s, double *out)
{
	char *end;
	if (*s < '0' || *s > '9')
		return false;
	double v = strtod(s, &end);
	if (*end == '%')
		end++;
	if (*end || !(v >= 0 && v <= 100))
		return false;
	*out = v;
	return true;
}

static bool chosen(const char *choices, const char *value)
{
	size_t n = strlen(value);
	for (const char *c = choices; *c; c += strcspn(c, "|"), c += *c == '|')
		if (strcspn(c, "|") == n && strncmp(c, value, n) == 0)
			return true;
	return false;
}

bool value_ok(const struct opt *o, const char *value, char *why, size_t cap)
{
	lan_time t;
	uint64_t n;
	double p;
	switch (o->kind) {
	case ARG_NONE:
		return true;
	case ARG_TEXT:
	case ARG_LIST:
	case ARG_FILE:
	case ARG_ADDR:
		snprintf(why, cap, "must not be empty");
		return *value != '\0';
	case ARG_DURATION:
		snprintf(why, cap, "not a duration such as 250ms, 2s or 5m");
		return lan_parse_duration(value, &t) == LAN_OK && t > 0;
	case ARG_SIZE:
		snprintf(why, cap, "not a size such as 4096, 64K or 10M");
		return lan_parse_size(value, &n) == LAN_OK && n > 0;
	case ARG_RATE:
		snprintf(why, cap, "not a rate such as 100/s, 64K or 10M/s");
		return rate(value, &n);
	case ARG_COUNT:
		snprintf(why, cap, "not a whole number of 1 or more");
		return number(value, &n) && n > 0;
	case ARG_NUMBER:
		snprintf(why, cap, "not a whole number");
		return number(value, &n);
	case ARG_PERCENT:
		snprintf(why, cap, "not a rate such as 10%% or 0.5%%");
		return percent(value, &p);
	case ARG_CHOICE:
		if (strcmp(o->name, "dialect") == 0)
			snprintf(why, cap, "not in this version (only %s)", o->choices);
		else
			snprintf(why, cap, "not one of %s", o->choices);
		return chosen(o->choices, value);
	}
	return false;
}

const char *cli_opt(const struct cli *cli, const char *name)
{
	for (size_t i = cli->n_given; i-- > 0;)
		if (strcmp(cli->given[i].opt->name, name) == 0)
			return cli->given[i].value;
	return NULL;
}

const char *cli_opt_at(const struct cli *cli, const char *name, size_t want)
{
	for (size_t i = 0; i < cli->n_given; i++)
		if (strcmp(cli->given[i].opt->name, name) == 0 && want-- == 0)
			return cli->given[i].value;
	return NULL;
}

bool cli_flag(const struct cli *cli, const char *name)
{
	for (size_t i = 0; i < cli->n_given; i++)
		if (strcmp(cli->given[i].opt->name, name) == 0)
			return true;
	return false;
}

lan_time cli_duration(const struct cli *cli, const char *name, lan_time dflt)
{
	const char *v = cli_opt(cli, name);
	lan_time t;
	return v && lan_parse_duration(v, &t) == LAN_OK ? t : dflt;
}

uint64_t cli_size(const struct cli *cli, const char *name, uint64_t dflt)
{
	const char *v = cli_opt(cli, name);
	uint64_t n;
	return v && lan_parse_size(v, &n) == LAN_OK ? n : dflt;
}

uint64_t cli_rate(const struct cli *cli, const char *name, uint64_t dflt)
{
	const char *v = cli_opt(cli, name);
	uint64_t n;
	return v && rate(v, &n) ? n : dflt;
}

uint64_t cli_number(const struct cli *cli, const char *name, uint64_t dflt)
{
	const char *v = cli_opt(cli, name);
	uint64_t n;
	return v && number(v, &n) ? n : dflt;
}

double cli_percent(const struct cli *cli, const char *name, double dflt)
{
	const char *v = cli_opt(cli, name);
	double p;
	return v && percent(v, &p) ? p : dflt;
}

int cli_choice(const struct cli *cli, const char *name, int dflt)
{
	for (size_t i = cli->n_given; i-- > 0;) {
		const struct given *g = &cli->given[i];
		const char *at = g->opt->choices;
		size_t n = g->value ? strlen(g->value) : 0;
		if (strcmp(g->opt->name, name) != 0)
			continue;
		for (int k = 0; *at; k++, at += strcspn(at, "|"), at += *at == '|')
			if (strcspn(at, "|") == n && strncmp(at, g->value, n) == 0)
				return k;
	}
	return dflt;
}
