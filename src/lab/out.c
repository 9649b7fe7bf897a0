/*
 * out.c - the sentences and events of `lab impair`; see out.h.
 *
 * stdout carries data only, and only with -J; every line is flushed, because
 * whoever reads it wants to know now. A reader that goes away ends the events,
 * not the relay.
 */
#include "lab/out.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SHOWN = 60, IN_JSON = 4096 }; /* bytes of a line that are repeated */

void lab_out_error(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("lanyard lab impair: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

static bool texts(const struct lab_out *o, bool detail)
{
	return !o->quiet && (!detail || o->verbose);
}

static json_t *event(const char *name)
{
	struct timespec ts;
	struct tm tm;
	char text[64];
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof text - n, ".%03ldZ", ts.tv_nsec / 1000000);
	return json_pack("{s:i,s:s,s:s}", "schema", 1, "time", text, "event", name);
}

static void emit(struct lab_out *o, json_t *j)
{
	if (j && !o->broken) {
		json_dumpf(j, stdout, JSON_COMPACT);
		putchar('\n');
		o->broken = fflush(stdout) != 0;
	}
	json_decref(j);
}

void lab_out_ready(struct lab_out *o, const struct lab_impair *opt, const char *address, uint64_t seed)
{
	const char *arrow = opt->b ? " -> " : "", *b = opt->b ? opt->b : "";
	if (texts(o, false) && opt->form == LAB_INGRESS)
		fprintf(stderr, "impairing what comes into %s\n", address);
	else if (texts(o, false))
		fprintf(stderr, "impairing %s%s%s, seed %llu\n", address, arrow, b, (unsigned long long)seed);
	if (!o->json)
		return;
	json_t *j = event("listening");
	json_object_set_new(j, "address", json_string(address));
	if (opt->b)
		json_object_set_new(j, "target", json_string(b));
	/* JSON numbers are doubles to many readers; a seed has 64 bits. */
	char text[24];
	snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
	if (opt->form != LAB_INGRESS)
		json_object_set_new(j, "seed", json_string(text));
	emit(o, j);
}

void lab_out_open(struct lab_out *o, uint32_t conn, const char *peer)
{
	if (texts(o, true))
		fprintf(stderr, "#%u: from %s\n", conn, peer);
	if (!o->json)
		return;
	json_t *j = event("open");
	json_object_set_new(j, "conn", json_integer(conn));
	json_object_set_new(j, "peer", json_string(peer));
	emit(o, j);
}

void lab_out_close(struct lab_out *o, uint32_t conn, const char *why)
{
	if (texts(o, true))
		fprintf(stderr, "#%u: over (%s)\n", conn, why);
	if (!o->json)
		return;
	json_t *j = event("close");
	json_object_set_new(j, "conn", json_integer(conn));
	json_object_set_new(j, "reason", json_string(why));
	emit(o, j);
}

/* The line with everything unprintable as \xNN, at most SHOWN bytes of it. */
static const char *printable(const struct lab_report *r, char *buf)
{
	size_t n = r->len < SHOWN ? r->len : SHOWN;
	char *p = buf;
	for (size_t i = 0; i < n; i++)
		if (r->line[i] >= 0x20 && r->line[i] < 0x7f && r->line[i] != '\\')
			*p++ = (char)r->line[i];
		else
			p += sprintf(p, "\\x%02x", r->line[i]);
	strcpy(p, r->len > SHOWN ? "..." : "");
	return buf;
}

static void fault_text(const struct lab_report *r)
{
	char line[4 * SHOWN + 4];
	fprintf(stderr, "#%u", r->conn);
	if (r->have_line)
		fprintf(stderr, " %s", lab_dir_name(r->dir));
	fprintf(stderr, ": %s", lab_fault_name(r->fault));
	if (r->how)
		fprintf(stderr, " %s", r->how);
	if (r->fault == LAB_CUT && r->have_line)
		fprintf(stderr, " after %u of %zu bytes", r->bytes, r->len);
	if (r->time)
		fprintf(stderr, " %llu ms", (unsigned long long)(r->time / LAN_MS(1)));
	if (r->have_line)
		fprintf(stderr, ": %s \"%s\"", lab_kind_name(r->kind), printable(r, line));
	fputs(r->by_rule ? " (rule)\n" : "\n", stderr);
}

void lab_out_fault(struct lab_out *o, const struct lab_report *r)
{
	if (texts(o, true))
		fault_text(r);
	if (!o->json)
		return;
	json_t *j = event("fault");
	json_object_set_new(j, "fault", json_string(lab_fault_name(r->fault)));
	json_object_set_new(j, "conn", json_integer(r->conn));
	if (r->have_line) {
		json_object_set_new(j, "dir", json_string(lab_dir_name(r->dir)));
		json_object_set_new(j, "kind", json_string(lab_kind_name(r->kind)));
		json_object_set_new(j, "by", json_string(r->by_rule ? "rule" : "chance"));
		json_object_set_new(j, "bytes", json_integer((json_int_t)r->len));
		json_t *line = json_stringn((const char *)r->line, r->len < IN_JSON ? r->len : IN_JSON);
		char text[4 * SHOWN + 4];
		json_object_set_new(j, "line", line ? line : json_string(printable(r, text)));
	}
	if (r->fault == LAB_CUT && r->have_line)
		json_object_set_new(j, "passed", json_integer(r->bytes));
	if (r->how)
		json_object_set_new(j, "how", json_string(r->how));
	if (r->time)
		json_object_set_new(j, "ms", json_integer((json_int_t)(r->time / LAN_MS(1))));
	emit(o, j);
}

void lab_out_control(struct lab_out *o, const char *command, const char *err)
{
	if (err)
		lab_out_error("%s", err);
	else if (texts(o, false))
		fprintf(stderr, "done: %s\n", command);
	if (!o->json)
		return;
	json_t *j = event("control");
	json_object_set_new(j, "command", json_string(command));
	json_object_set_new(j, "ok", json_boolean(!err));
	if (err)
		json_object_set_new(j, "error", json_string(err));
	emit(o, j);
}

void lab_out_summary(struct lab_out *o, const struct lab_faults *f, const char *unit)
{
	if (texts(o, false)) {
		fprintf(stderr, "%llu connections; %llu %s c2s, %llu %s s2c", (unsigned long long)f->conns,
			(unsigned long long)f->units[LAB_C2S], unit, (unsigned long long)f->units[LAB_S2C],
			unit);
		for (int k = 0; k < LAB_FAULTS; k++)
			if (f->count[k])
				fprintf(stderr, "; %s %llu", lab_fault_name((enum lab_fault)k),
					(unsigned long long)f->count[k]);
		fputc('\n', stderr);
	}
	if (!o->json)
		return;
	json_t *j = event("summary"), *faults = json_object();
	for (int k = 0; k < LAB_FAULTS; k++)
		json_object_set_new(
			faults, lab_fault_name((enum lab_fault)k), json_integer((json_int_t)f->count[k]));
	json_object_set_new(j, "connections", json_integer((json_int_t)f->conns));
	json_object_set_new(j, "unit", json_string(unit));
	json_object_set_new(j, "c2s", json_integer((json_int_t)f->units[LAB_C2S]));
	json_object_set_new(j, "s2c", json_integer((json_int_t)f->units[LAB_S2C]));
	json_object_set_new(j, "c2s_bytes", json_integer((json_int_t)f->bytes[LAB_C2S]));
	json_object_set_new(j, "s2c_bytes", json_integer((json_int_t)f->bytes[LAB_S2C]));
	json_object_set_new(j, "faults", faults);
	emit(o, j);
}

void lab_out_packets(struct lab_out *o, const char *iface, uint64_t seen, uint64_t lost)
{
	if (texts(o, false))
		fprintf(stderr, "%s: %llu packets, %llu lost\n", iface, (unsigned long long)seen,
			(unsigned long long)lost);
	if (!o->json)
		return;
	json_t *j = event("summary");
	json_object_set_new(j, "unit", json_string("packets"));
	json_object_set_new(j, "iface", json_string(iface));
	json_object_set_new(j, "seen", json_integer((json_int_t)seen));
	json_object_set_new(j, "lost", json_integer((json_int_t)lost));
	emit(o, j);
}
