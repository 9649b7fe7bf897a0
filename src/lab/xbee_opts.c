/*
 * xbee_opts.c - words of `lanyard lab xbee` into settings; the same on the command line and on stdin.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/units.h"
#include "lab/xbee.h"

static bool number(const char *v, uint64_t max, uint64_t *out)
{
	char *end;
	if (*v < '0' || *v > '9')
		return false;
	*out = strtoull(v, &end, 0);
	return !*end && *out <= max;
}

static bool set_sticks(struct lab_xbee *x, const char *v)
{
	uint64_t n;
	if (!number(v, LAB_MODULES_MAX, &n) || n == 0)
		return false;
	if (n > x->air.modules)
		x->air.modules = (uint32_t)n;
	return true;
}

/* The next one without; more links make more sticks. */
static bool set_link(struct lab_xbee *x, const char *v)
{
	uint32_t i = 0;
	while (i < LAB_MODULES_MAX && x->link[i])
		i++;
	if (i == LAB_MODULES_MAX || !*v)
		return false;
	x->link[i] = v;
	if (i >= x->air.modules)
		x->air.modules = i + 1;
	return true;
}

static bool set_loss(struct lab_xbee *x, const char *v)
{
	return lab_parse_rate(v, &x->air.loss);
}

static bool set_delay(struct lab_xbee *x, const char *v)
{
	return lan_parse_duration(v, &x->air.delay) == LAN_OK && x->air.delay <= LAN_SEC(60);
}

static bool set_baud(struct lab_xbee *x, const char *v)
{
	uint64_t n;
	if (!number(v, 921600, &n) || (n && n < 1200))
		return false;
	x->air.baud = (uint32_t)n;
	return true;
}

static bool set_seed(struct lab_xbee *x, const char *v)
{
	x->have_seed = true;
	return number(v, UINT64_MAX, &x->air.seed);
}

static const struct {
	const char *name, *want;
	bool (*set)(struct lab_xbee *x, const char *v);
} settings[] = {
	{"sticks", "1 to 64", set_sticks},
	{"link", "a path, up to 64 times", set_link},
	{"loss", "a rate such as 10%", set_loss},
	{"delay", "a duration such as 20ms", set_delay},
	{"baud", "a speed such as 9600, or 0", set_baud},
	{"seed", "a number", set_seed},
};

enum lan_err lab_xbee_set(struct lab_xbee *x, const char *name, const char *value, char *err, size_t cap)
{
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		if (strcmp(settings[i].name, name))
			continue;
		if (settings[i].set(x, value))
			return LAN_OK;
		snprintf(err, cap, "%s wants %s, not '%s'", name, settings[i].want, value);
		return LAN_ERR_INVAL;
	}
	snprintf(err, cap, "unknown word '%s'", name);
	return LAN_ERR_NOTFOUND;
}
