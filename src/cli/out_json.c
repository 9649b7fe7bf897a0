/*
 * out_json.c - JSON into the stdout buffer: see out_json.h. Only what RFC 8259
 * demands is escaped; everything else stays readable UTF-8. Text that is not
 * UTF-8 (a file name, an argument) has its bad bytes replaced by U+FFFD, so a
 * document is valid whatever goes in.
 */
#include "cli/out_json.h"

#include <string.h>
#include <time.h>
#include "base/base64.h"
#include "base/utf8.h"
#include "cli/out.h"

/* Bytes of the character at s, 0 if they are none. */
static size_t character(const char *s, size_t n)
{
	unsigned char c = (unsigned char)*s;
	size_t want = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	return want <= n && lan_utf8_valid(s, want) ? want : 0;
}

static void escaped(struct out *o, unsigned char c)
{
	static const char names[] = "btn?fr"; /* 0x08..0x0d; 0x0b has none */
	if (c == '"' || c == '\\')
		out_printf(o, "\\%c", c);
	else if (c >= 0x08 && c <= 0x0d && c != 0x0b)
		out_printf(o, "\\%c", names[c - 0x08]);
	else
		out_printf(o, "\\u%04x", c);
}

void out_json_string(struct out *o, const char *s, size_t n)
{
	bool valid = lan_utf8_valid(s, n);
	size_t from = 0, i = 0;
	out_char(o, '"');
	while (i < n) {
		unsigned char c = (unsigned char)s[i];
		size_t len = valid ? 1 : character(s + i, n - i);
		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f && len) {
			i += len;
			continue;
		}
		out_bytes(o, s + from, i - from);
		if (len)
			escaped(o, c);
		else
			out_text(o, "\xef\xbf\xbd");
		from = ++i;
	}
	out_bytes(o, s + from, n - from);
	out_char(o, '"');
}

static void name_of(struct out *o, const char *name, bool first)
{
	if (!first)
		out_char(o, ',');
	out_char(o, '"');
	out_text(o, name);
	out_bytes(o, "\":", 2);
}

void out_json_bytes(struct out *o, const char *name, const char *value, size_t n, bool first)
{
	name_of(o, name, first);
	out_json_string(o, value, n);
}

void out_json_base64(struct out *o, const char *name, const void *value, size_t n, bool first)
{
	const uint8_t *p = value;
	char text[4 * 256];
	name_of(o, name, first);
	out_char(o, '"');
	for (size_t i = 0; i < n; i += 3 * 256) {
		size_t part = n - i < 3 * 256 ? n - i : 3 * 256;
		lan_base64_encode(p + i, part, text);
		out_bytes(o, text, lan_base64_len(part));
	}
	out_char(o, '"');
}

void out_json_value(struct out *o, const char *name, const char *json, bool first)
{
	name_of(o, name, first);
	out_text(o, json);
}

void out_json_text(struct out *o, const char *name, const char *value, bool first)
{
	out_json_bytes(o, name, value, strlen(value), first);
}

void out_json_number(struct out *o, const char *name, uint64_t value, bool first)
{
	name_of(o, name, first);
	out_printf(o, "%llu", (unsigned long long)value);
}

void out_json_bool(struct out *o, const char *name, bool value, bool first)
{
	name_of(o, name, first);
	out_text(o, value ? "true" : "false");
}

void out_json_now(struct out *o, const char *name, bool first)
{
	static time_t second = -1; /* formatting the date costs more than the rest of an event */
	static char date[32];
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	if (ts.tv_sec != second) {
		struct tm tm;
		gmtime_r(&ts.tv_sec, &tm);
		strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
		second = ts.tv_sec;
	}
	name_of(o, name, first);
	out_printf(o, "\"%s.%03ldZ\"", date, ts.tv_nsec / 1000000);
}
