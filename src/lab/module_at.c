/*
 * module_at.c - AT commands of a simulated module, as lines in command mode and as frames (08); see air.h.
 * What is set is in force at once; mode and speed of the serial line are when command mode ends, as ATAC has
 * it. Commands that a module has and the simulation does not are refused.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lab/air_int.h"

static const struct {
	char name[3];
	uint8_t octets;
	uint32_t min, max;
} sets[SETS] = {
	[SET_CH] = {"CH", 1, 11, 26},
	[SET_ID] = {"ID", 2, 0, 0xffff},
	[SET_MY] = {"MY", 2, 0, 0xffff},
	[SET_DH] = {"DH", 4, 0, 0xffffffff},
	[SET_DL] = {"DL", 4, 0, 0xffffffff},
	[SET_MM] = {"MM", 1, 0, 3},
	[SET_AP] = {"AP", 1, 0, 2},
	[SET_BD] = {"BD", 4, 0, 0x38400},
	[SET_GT] = {"GT", 2, 2, 0xce4},
	[SET_CT] = {"CT", 2, 2, 0xffff},
	[SET_RO] = {"RO", 1, 0, 0xff},
	[SET_RR] = {"RR", 1, 0, 6},
};

static const uint32_t speeds[] = {1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200};
#define SPEEDS (sizeof speeds / sizeof *speeds)

/* The speed is kept as octets a second times ten, and said as a number of the list. */
static uint32_t speed_number(uint32_t baud)
{
	for (uint32_t i = 0; i < SPEEDS; i++)
		if (speeds[i] == baud)
			return i;
	return baud;
}

static void put_in_force(struct air_module *m)
{
	if (m->mode != m->set[SET_AP])
		xbee_parser_init(&m->parser, (int)m->set[SET_AP]);
	m->mode = m->set[SET_AP];
	m->speed = m->set[SET_BD];
}

static int find(const char *name)
{
	for (int s = 0; s < SETS; s++)
		if (!memcmp(sets[s].name, name, 2))
			return s;
	return -1;
}

static bool set(struct air_module *m, int s, uint32_t v)
{
	if (v < sets[s].min || v > sets[s].max)
		return false;
	m->set[s] = s == SET_BD && v < SPEEDS ? speeds[v] : v;
	return true;
}

static uint32_t value(const struct air_module *m, int s)
{
	return s == SET_BD ? speed_number(m->set[s]) : m->set[s];
}

enum done { NOT, DONE, LEFT, RESTARTED };

/* Commands that are no settings. */
static enum done perform(struct lab_air *a, uint32_t i, lan_time now, const char *name)
{
	struct air_module *m = &a->module[i];
	if (!memcmp(name, "RE", 2))
		air_defaults(a, m->set);
	else if (!memcmp(name, "WR", 2))
		memcpy(m->saved, m->set, sizeof m->saved);
	else if (!memcmp(name, "AC", 2))
		put_in_force(m);
	else if (!memcmp(name, "CN", 2))
		return LEFT;
	else if (!memcmp(name, "FR", 2))
		return RESTARTED;
	else
		return NOT;
	(void)now;
	return DONE;
}

/* ---- lines ------------------------------------------------------------------------- */

static void answer(struct lab_air *a, uint32_t i, lan_time now, const char *text)
{
	air_say(a, i, now, text, strlen(text));
}

static void setting(struct lab_air *a, uint32_t i, lan_time now, int s, const char *arg)
{
	struct air_module *m = &a->module[i];
	char text[16], *end;
	if (!*arg) {
		snprintf(text, sizeof text, "%X\r", value(m, s));
		answer(a, i, now, text);
		return;
	}
	unsigned long v = strtoul(arg, &end, 16);
	bool fine = !*end && strlen(arg) <= 8 && set(m, s, (uint32_t)v);
	answer(a, i, now, fine ? "OK\r" : "ERROR\r");
}

void air_at_line(struct lab_air *a, uint32_t i, lan_time now)
{
	struct air_module *m = &a->module[i];
	char *line = m->line + strspn(m->line, " \n");
	for (char *p = line; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	if (strlen(line) < 4 || memcmp(line, "AT", 2)) {
		answer(a, i, now, strcmp(line, "AT") ? "ERROR\r" : "OK\r");
		return;
	}
	int s = find(line + 2);
	if (s >= 0) {
		setting(a, i, now, s, line + 4 + strspn(line + 4, " "));
		return;
	}
	enum done done = line[4] ? NOT : perform(a, i, now, line + 2);
	answer(a, i, now, done == NOT ? "ERROR\r" : "OK\r");
	if (done == LEFT) {
		m->command = false;
		put_in_force(m);
	} else if (done == RESTARTED) {
		lab_module_reset(a, i, now);
	}
}

/* ---- frames -------------------------------------------------------------------------- */

void air_at_frame(struct lab_air *a, uint32_t i, lan_time now, const struct xbee_frame *f)
{
	struct air_module *m = &a->module[i];
	uint8_t data[4];
	struct xbee_frame r = {.api = XBEE_AT_RESPONSE, .frame_id = f->frame_id, .data = data};
	memcpy(r.at, f->at, 2);
	int s = find(f->at);
	enum done done = s >= 0 ? NOT : perform(a, i, now, f->at);
	if (s >= 0 && f->len) {
		uint32_t v = 0;
		for (size_t k = 0; k < f->len; k++)
			v = v << 8 | f->data[k];
		r.status = f->len <= 4 && set(m, s, v) ? 0 : 3; /* invalid parameter */
	} else if (s >= 0) {
		r.len = sets[s].octets;
		for (size_t k = 0; k < r.len; k++)
			data[k] = (uint8_t)(value(m, s) >> 8 * (r.len - 1 - k));
	} else if (done == NOT) {
		r.status = 2; /* invalid command */
	}
	if (f->frame_id)
		air_say_frame(a, i, now, &r);
	put_in_force(m);
	if (done == RESTARTED)
		lab_module_reset(a, i, now);
}
