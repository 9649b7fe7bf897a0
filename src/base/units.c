/*
 * units.c - parsing and printing durations and sizes. Decimal fractions are
 * accepted ("1.5s") and exact down to the nanosecond.
 */
#include "base/units.h"

#include <string.h>

struct unit {
	const char *name;
	uint64_t mul;
};

static const struct unit durations[] = {{"", 1000000000u}, {"ns", 1}, {"us", 1000}, {"ms", 1000000},
	{"s", 1000000000u}, {"m", 60000000000u}, {"h", 3600000000000u}, {"d", 86400000000000u}, {NULL, 0}};
static const struct unit sizes[] = {{"", 1}, {"B", 1}, {"K", 1u << 10}, {"k", 1u << 10}, {"KiB", 1u << 10},
	{"M", 1u << 20}, {"MiB", 1u << 20}, {"G", 1u << 30}, {"GiB", 1u << 30}, {"T", 1ull << 40}, {NULL, 0}};

static enum lan_err parse(const char *text, const struct unit *units, uint64_t *out)
{
	const char *p = text;
	uint64_t whole = 0, frac = 0, scale = 1;
	if (*p < '0' || *p > '9')
		return LAN_ERR_INVAL;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(whole, 10u, &whole) ||
			__builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole))
			return LAN_ERR_TOOBIG;
	if (*p == '.') {
		p++;
		if (*p < '0' || *p > '9')
			return LAN_ERR_INVAL;
		for (; *p >= '0' && *p <= '9'; p++)
			if (scale < 1000000000u) {
				frac = frac * 10 + (uint64_t)(*p - '0');
				scale *= 10;
			}
	}
	for (const struct unit *u = units; u->name; u++) {
		uint64_t v;
		if (strcmp(p, u->name) != 0)
			continue;
		if (__builtin_mul_overflow(whole, u->mul, &v))
			return LAN_ERR_TOOBIG;
		uint64_t part = (uint64_t)((unsigned __int128)frac * u->mul / scale);
		if (__builtin_add_overflow(v, part, &v))
			return LAN_ERR_TOOBIG;
		*out = v;
		return LAN_OK;
	}
	return LAN_ERR_INVAL;
}

enum lan_err lan_parse_duration(const char *text, lan_time *out)
{
	return parse(text, durations, out);
}

enum lan_err lan_parse_size(const char *text, uint64_t *out)
{
	return parse(text, sizes, out);
}

char *lan_format_duration(lan_time t, char *buf, size_t cap)
{
	static const struct unit exact[] = {{"h", 3600000000000u}, {"m", 60000000000u}, {"s", 1000000000u},
		{"ms", 1000000}, {"us", 1000}, {"ns", 1}};
	const struct unit *u = exact;
	char digits[24];
	size_t n = 0, len = 0;
	if (t == 0)
		u = &exact[2];
	while (t % u->mul)
		u++;
	t /= u->mul;
	do
		digits[n++] = (char)('0' + t % 10);
	while (t /= 10);
	while (n && len + 1 < cap)
		buf[len++] = digits[--n];
	for (const char *p = u->name; *p && len + 1 < cap; p++)
		buf[len++] = *p;
	if (cap)
		buf[len] = 0;
	return buf;
}
