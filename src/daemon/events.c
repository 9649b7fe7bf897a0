/*
 * events.c - the ring of kept events. Bounded in number (daemon.events) and in
 * bytes, so that long lines cannot fill the memory; the oldest go first.
 */
#include "daemon/events.h"

#include <stdlib.h>
#include <string.h>
#include "api/text.h"

struct events {
	struct event *ring;
	size_t cap, head, n; /* cap slots, the oldest at head */
	size_t limit, bytes;
	uint64_t next, lost;
	void (*sink)(void *ctx, const struct event *ev);
	void *ctx;
};

struct events *events_new(size_t limit, void (*sink)(void *ctx, const struct event *ev), void *ctx)
{
	struct events *e = calloc(1, sizeof *e);
	if (e)
		*e = (struct events){.limit = limit, .next = 1, .sink = sink, .ctx = ctx};
	return e;
}

static void forget_oldest(struct events *e)
{
	struct event *old = &e->ring[e->head];
	e->bytes -= old->json_len;
	free(old->json);
	e->head = (e->head + 1) % e->cap;
	e->n--;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	while (e->n)
		forget_oldest(e);
	free(e->ring);
	free(e);
}

void events_limit(struct events *e, size_t limit)
{
	e->limit = limit;
	while (e->n > limit)
		forget_oldest(e);
}

/* Grows by doubling up to the limit: an idle daemon keeps few. */
static bool make_slot(struct events *e)
{
	size_t cap = e->cap ? e->cap * 2 : 64;
	struct event *ring;
	if (e->n < e->cap)
		return true;
	ring = calloc(cap, sizeof *ring);
	if (!ring)
		return false;
	for (size_t i = 0; i < e->n; i++)
		ring[i] = e->ring[(e->head + i) % e->cap];
	free(e->ring);
	e->ring = ring;
	e->cap = cap;
	e->head = 0;
	return true;
}

static void add_string(struct text *t, const char *key, const char *value, size_t n)
{
	text_printf(t, ",\"%s\":", key);
	text_json(t, value, n);
}

static void add_fields(struct text *t, const struct event_fields *f)
{
	if (f->id)
		add_string(t, "id", f->id, strlen(f->id));
	if (f->line)
		add_string(t, "line", f->line, f->line_len);
	if (f->peer)
		add_string(t, "peer", f->peer, strlen(f->peer));
	if (f->count)
		text_printf(t, ",\"count\":%llu", (unsigned long long)f->count);
	if (f->reason)
		add_string(t, "reason", f->reason, strlen(f->reason));
	if (f->connects)
		text_printf(t, ",\"connects\":%u", f->connects);
	if (f->expected >= 0)
		text_printf(t, ",\"expected\":%s", f->expected ? "true" : "false");
	if (f->has_token)
		text_printf(t, ",\"token\":%llu", (unsigned long long)f->token);
	if (f->members)
		text_puts(t, f->members);
}

static void add_time(struct text *t, uint64_t ns)
{
	char when[64];
	text_time((struct timespec){(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)}, when, sizeof when);
	text_printf(t, "\"time\":\"%s\"", when);
}

/* A name for filters, NUL and all, behind the text; where it is. */
static size_t add_name(struct text *t, const char *name)
{
	size_t at = t->len;
	text_add(t, name ? name : "", (name ? strlen(name) : 0) + 1);
	return at;
}

void events_publish(struct events *e, const char *kind, const char *family, const char *name,
	const struct event_fields *f)
{
	struct text t = {0};
	struct event ev = {.seq = e->next++, .wall_ns = text_wall_ns(), .family = family ? family : ""};
	size_t name_at, id_at;
	text_printf(&t, "{\"schema\":1,\"seq\":%llu,", (unsigned long long)ev.seq);
	add_time(&t, ev.wall_ns);
	text_printf(&t, ",\"event\":\"%s\"", kind);
	if (name)
		add_string(&t, family, name, strlen(name));
	if (f)
		add_fields(&t, f);
	text_puts(&t, "}");
	ev.json_len = t.len;
	/* The names for filters live behind the text, in the same piece of memory. */
	text_add(&t, "", 1);
	name_at = add_name(&t, name);
	id_at = add_name(&t, f ? f->id : NULL);
	ev.json = text_take(&t);
	if (!ev.json || !make_slot(e)) {
		free(ev.json);
		e->lost++;
		return;
	}
	ev.name = ev.json + name_at;
	ev.id = ev.json + id_at;
	e->ring[(e->head + e->n) % e->cap] = ev;
	e->n++;
	e->bytes += ev.json_len;
	while (e->n > 1 && (e->n > e->limit || e->bytes > EVENTS_BYTES_MAX))
		forget_oldest(e);
	if (e->sink)
		e->sink(e->ctx, &ev);
}

bool events_is(const struct event *ev, const char *family, const char *name)
{
	return strcmp(ev->family, family) == 0 && strcmp(ev->name, name) == 0;
}

size_t events_kept(const struct events *e)
{
	return e->n;
}

size_t events_limit_of(const struct events *e)
{
	return e->limit;
}

uint64_t events_next(const struct events *e)
{
	return e->next;
}

void events_lose(struct events *e)
{
	e->lost++;
}

uint64_t events_lost(const struct events *e)
{
	return e->lost;
}

const struct event *events_at(const struct events *e, size_t i)
{
	return &e->ring[(e->head + i) % e->cap];
}

char *event_dropped_json(uint64_t count)
{
	struct text t = {0};
	text_puts(&t, "{\"schema\":1,");
	add_time(&t, text_wall_ns());
	text_printf(&t, ",\"event\":\"dropped\",\"count\":%llu}", (unsigned long long)count);
	return text_take(&t);
}
