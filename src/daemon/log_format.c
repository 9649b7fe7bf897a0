/*
 * log_format.c - one record as a line of key=value, as JSON, as a datagram for
 * the journal. Pure: a record goes in, text comes out.
 *
 * In the text form a value is quoted when it is empty or holds anything but
 * plain printable characters. In the journal the few fields people search for
 * have names of their own (LANYARD_LINK, LANYARD_PEER, LANYARD_REASON,
 * LANYARD_EVENT); a value with a newline uses the binary framing of the native
 * protocol, so nothing can be smuggled in as a further field.
 */
#include "daemon/log.h"

#include <endian.h>
#include <string.h>

static bool is_plain(const char *s)
{
	size_t n = strlen(s);
	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' || s[i] == '=')
			return false;
	return true;
}

static bool applies(const struct log_field *f)
{
	return f->is_num || f->text;
}

static void add_value(struct text *t, const struct log_field *f)
{
	if (f->is_num) {
		text_printf(t, "%llu", (unsigned long long)f->num);
	} else if (is_plain(f->text)) {
		text_puts(t, f->text);
	} else {
		text_puts(t, "\"");
		text_escaped(t, f->text, strlen(f->text));
		text_puts(t, "\"");
	}
}

void log_as_text(struct text *t, const struct log_record *r)
{
	text_printf(t, "event=%s", r->event);
	for (size_t i = 0; i < r->n; i++) {
		if (!applies(&r->fields[i]))
			continue;
		text_printf(t, " %s=", r->fields[i].key);
		add_value(t, &r->fields[i]);
	}
}

static const char *level_word(enum log_level l)
{
	switch (l) {
	case LOG_L_ERROR:
		return "error";
	case LOG_L_WARN:
		return "warn";
	case LOG_L_INFO:
		return "info";
	case LOG_L_DEBUG:
		return "debug";
	}
	return "info";
}

void log_as_json(struct text *t, const struct log_record *r, const char *time)
{
	text_printf(t, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":", time, level_word(r->level));
	text_json(t, r->event, strlen(r->event));
	for (size_t i = 0; i < r->n; i++) {
		if (!applies(&r->fields[i]))
			continue;
		text_puts(t, ",");
		text_json(t, r->fields[i].key, strlen(r->fields[i].key));
		text_puts(t, ":");
		if (!r->fields[i].is_num)
			text_json(t, r->fields[i].text, strlen(r->fields[i].text));
		else
			text_printf(t, "%llu", (unsigned long long)r->fields[i].num);
	}
	text_puts(t, "}");
}

static void add_journal_field(struct text *t, const char *name, const char *value, size_t n)
{
	text_puts(t, name);
	if (memchr(value, '\n', n)) {
		uint64_t le = htole64(n);
		text_puts(t, "\n");
		text_add(t, &le, sizeof le);
	} else {
		text_puts(t, "=");
	}
	text_add(t, value, n);
	text_puts(t, "\n");
}

void log_as_journal(struct text *t, const struct log_record *r)
{
	static const struct {
		const char *key, *name;
	} own[] = {{"link", "LANYARD_LINK"}, {"channel", "LANYARD_CHANNEL"}, {"stream", "LANYARD_STREAM"},
		{"neighbor", "LANYARD_NEIGHBOR"}, {"sensor", "LANYARD_SENSOR"}, {"id", "LANYARD_PEER"},
		{"sender", "LANYARD_PEER"}, {"reason", "LANYARD_REASON"}, {"cause", "LANYARD_REASON"}};
	struct text msg = {0};
	char prio[2] = {(char)('0' + (int)r->level), 0};
	log_as_text(&msg, r);
	add_journal_field(t, "MESSAGE", text_str(&msg), strlen(text_str(&msg)));
	add_journal_field(t, "PRIORITY", prio, 1);
	add_journal_field(t, "SYSLOG_IDENTIFIER", "lanyardd", 8);
	add_journal_field(t, "LANYARD_EVENT", r->event, strlen(r->event));
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < sizeof own / sizeof own[0]; k++)
			if (r->fields[i].text && strcmp(r->fields[i].key, own[k].key) == 0)
				add_journal_field(
					t, own[k].name, r->fields[i].text, strlen(r->fields[i].text));
	t->bad |= msg.bad;
	text_fini(&msg);
}
