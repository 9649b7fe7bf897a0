/*
 * out.c - the sentences and events of `lab impair`; see out.h.
 *
 * stdout carries data only, and only with -J; every line is flushed, because
 * whoever reads it wants to know now. A reader that goes away ends the events,
 * not the relay. The JSON is flat and written by hand, a field at a time.
 */
#include "lab/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/utf8.h"

enum { SHOWN = 60, IN_JSON = 4096 }; /* bytes of a line that are repeated */

struct lab_out lab_out_of(const struct lab_impair *opt)
{
	return (struct lab_out){.json = opt->json, .verbose = opt->verbose, .quiet = opt->quiet, .opt = opt};
}

int lab_out_error(const struct lab_out *o, enum lab_exit code, const char *hint, const char *fmt, ...)
{
	char what[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return o->opt->error(o->opt->ctx, (int)code, hint, what);
}

void lab_out_trouble(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("lanyard: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

static bool texts(const struct lab_out *o, bool detail)
{
	return !o->quiet && (!detail || o->verbose);
}

static void quoted(const char *s, size_t n)
{
	putchar('"');
	for (; n; n--, s++)
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			printf("\\u%04x", *s);
		else
			putchar(*s);
	putchar('"');
}

static void text(const char *name, const char *s)
{
	printf(",\"%s\":", name);
	quoted(s, strlen(s));
}

static void number(const char *name, uint64_t n)
{
	printf(",\"%s\":%llu", name, (unsigned long long)n);
}

/* False: no JSON is wanted. True: end_event must follow. */
static bool event(const struct lab_out *o, const char *name)
{
	struct timespec ts;
	struct tm tm;
	char when[64];
	if (!o->json || o->broken)
		return false;
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
	printf("{\"schema\":1,\"time\":\"%s.%03ldZ\"", when, ts.tv_nsec / 1000000);
	text("event", name);
	return true;
}

static void end_event(struct lab_out *o)
{
	puts("}");
	o->broken = fflush(stdout) != 0;
}

void lab_out_ready(struct lab_out *o, const struct lab_impair *opt, const char *address, uint64_t seed)
{
	const char *arrow = opt->b ? " -> " : "", *b = opt->b ? opt->b : "";
	if (texts(o, false) && opt->form == LAB_INGRESS)
		fprintf(stderr, "impairing what comes into %s\n", address);
	else if (texts(o, false))
		fprintf(stderr, "impairing %s%s%s, seed %llu\n", address, arrow, b, (unsigned long long)seed);
	if (!event(o, "listening"))
		return;
	text("address", address);
	if (opt->b)
		text("target", b);
	/* As text: JSON numbers are doubles to many readers, and a seed has 64 bits. */
	if (opt->form != LAB_INGRESS)
		printf(",\"seed\":\"%llu\"", (unsigned long long)seed);
	end_event(o);
}

void lab_out_open(struct lab_out *o, uint32_t conn, const char *peer)
{
	if (texts(o, true))
		fprintf(stderr, "#%u: from %s\n", conn, peer);
	if (!event(o, "open"))
		return;
	number("conn", conn);
	text("peer", peer);
	end_event(o);
}

void lab_out_close(struct lab_out *o, uint32_t conn, const char *why)
{
	if (texts(o, true))
		fprintf(stderr, "#%u: over (%s)\n", conn, why);
	if (!event(o, "close"))
		return;
	number("conn", conn);
	text("reason", why);
	end_event(o);
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

/* What the line was: itself where JSON can hold it, else in a printable form. */
static void line_field(const struct lab_report *r)
{
	char shown[4 * SHOWN + 4];
	if (r->len > IN_JSON || !lan_utf8_valid((const char *)r->line, r->len)) {
		text("line", printable(r, shown));
		return;
	}
	fputs(",\"line\":", stdout);
	quoted((const char *)r->line, r->len);
}

void lab_out_fault(struct lab_out *o, const struct lab_report *r)
{
	if (texts(o, true))
		fault_text(r);
	if (!event(o, "fault"))
		return;
	text("fault", lab_fault_name(r->fault));
	number("conn", r->conn);
	if (r->have_line) {
		text("dir", lab_dir_name(r->dir));
		text("kind", lab_kind_name(r->kind));
		text("by", r->by_rule ? "rule" : "chance");
		number("bytes", r->len);
		line_field(r);
	}
	if (r->fault == LAB_CUT && r->have_line)
		number("passed", r->bytes);
	if (r->how)
		text("how", r->how);
	if (r->time)
		number("ms", r->time / LAN_MS(1));
	end_event(o);
}

void lab_out_control(struct lab_out *o, const char *command, const char *err)
{
	if (err)
		lab_out_trouble("%s", err);
	else if (texts(o, false))
		fprintf(stderr, "done: %s\n", command);
	if (!event(o, "control"))
		return;
	text("command", command);
	printf(",\"ok\":%s", err ? "false" : "true");
	if (err)
		text("error", err);
	end_event(o);
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
	if (!event(o, "summary"))
		return;
	number("connections", f->conns);
	text("unit", unit);
	number("c2s", f->units[LAB_C2S]);
	number("s2c", f->units[LAB_S2C]);
	number("c2s_bytes", f->bytes[LAB_C2S]);
	number("s2c_bytes", f->bytes[LAB_S2C]);
	fputs(",\"faults\":", stdout);
	for (int k = 0; k < LAB_FAULTS; k++)
		printf("%c\"%s\":%llu", k ? ',' : '{', lab_fault_name((enum lab_fault)k),
			(unsigned long long)f->count[k]);
	putchar('}');
	end_event(o);
}

void lab_out_packets(struct lab_out *o, const char *iface, uint64_t seen, uint64_t lost)
{
	if (texts(o, false))
		fprintf(stderr, "%s: %llu packets, %llu lost\n", iface, (unsigned long long)seen,
			(unsigned long long)lost);
	if (!event(o, "summary"))
		return;
	text("unit", "packets");
	text("iface", iface);
	number("seen", seen);
	number("lost", lost);
	end_event(o);
}
