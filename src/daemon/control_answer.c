/*
 * control_answer.c - see control_answer.h.
 */
#include "daemon/control_answer.h"

#include <stdlib.h>
#include <string.h>
#include "daemon/daemon.h"

#define RECENT_MAX 20

json_t *json_of_text(const char *s)
{
	json_t *j = json_string(s ? s : "");
	return j ? j : json_string("?");
}

json_t *json_of_number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

json_t *json_of_wall(uint64_t ns)
{
	char buf[64];
	return json_string(text_time(
		(struct timespec){(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)}, buf, sizeof buf));
}

json_t *json_of_moment(lan_time now, lan_time then)
{
	return then && then <= now ? json_of_wall(text_wall_ns() - (now - then)) : json_null();
}

json_t *json_of_idle(lan_time now, lan_time then)
{
	return then && then <= now ? json_of_number((now - then) / LAN_MS(1)) : json_null();
}

json_t *json_of_counter(const char *name, const char *help, uint64_t value)
{
	return json_pack("{s:s, s:s, s:o}", "name", name, "help", help, "value", json_of_number(value));
}

struct entry *request_entry(struct request *r, const struct entries *s, const char *hint)
{
	const char *name = json_string_value(json_object_get(r->args, "name"));
	struct entry *e = entries_by_name(s, name);
	struct text q = {0};
	if (e)
		return e;
	text_quoted(&q, name, strlen(name), 300);
	reply_error(r, "not-found", hint, NULL, "no %s named %s", s->kind->family, text_str(&q));
	text_fini(&q);
	return NULL;
}

static bool concerns(const struct event *ev, const char *family, const char *name, const char *id)
{
	return events_is(ev, family, name) && (!id || strcmp(ev->id, id) == 0);
}

static void add_recent(
	struct text *t, const struct events *e, const char *family, const char *name, const char *id)
{
	size_t first = events_kept(e), found = 0;
	bool comma = false;
	while (first && found < RECENT_MAX)
		found += concerns(events_at(e, --first), family, name, id);
	for (; first < events_kept(e); first++) {
		const struct event *ev = events_at(e, first);
		if (!concerns(ev, family, name, id))
			continue;
		text_puts(t, comma ? "," : "");
		text_add(t, ev->json, ev->json_len);
		comma = true;
	}
}

void reply_with_recent(
	struct request *r, json_t *result, const char *family, const char *name, const char *id)
{
	char *text = result ? json_dumps(result, JSON_COMPACT) : NULL;
	struct text t = {.bad = !text};
	/* The events are text already: they go in before the last brace. */
	if (text)
		text_add(&t, text, strlen(text) - 1);
	text_puts(&t, ",\"recent\":[");
	add_recent(&t, r->c->d->events, family, name, id);
	text_puts(&t, "]}");
	reply_text(r, &t);
	text_fini(&t);
	free(text);
	json_decref(result);
}
