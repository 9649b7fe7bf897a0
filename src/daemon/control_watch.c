/*
 * control_watch.c - event.watch and the verbs `watch` of links, channels and
 * streams: events to those who watch, and the truth to those who are too slow.
 *
 * An event goes to a watcher if it fits into the bound of its connection, or if
 * nothing waits there; otherwise it is counted. As soon as there is room the
 * count goes out as the event "dropped", before anything younger.
 */
#include "daemon/control_conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool watcher_has(const struct conn *conn, json_int_t id)
{
	for (size_t i = 0; i < CONTROL_WATCHERS_MAX; i++)
		if (conn->watcher[i].used && conn->watcher[i].request == id)
			return true;
	return false;
}

static void watcher_free(struct conn *conn, struct watcher *w)
{
	free(w->name);
	free(w->id);
	*w = (struct watcher){0};
	conn->watchers--;
}

/* False: too many. Copies the names. */
static bool watcher_add(struct conn *conn, json_int_t id, const struct watcher *filter)
{
	for (size_t i = 0; i < CONTROL_WATCHERS_MAX; i++) {
		struct watcher *w = &conn->watcher[i];
		if (w->used)
			continue;
		*w = (struct watcher){.request = id,
			.used = true,
			.family = filter->family,
			.name = filter->name ? strdup(filter->name) : NULL,
			.id = filter->id ? strdup(filter->id) : NULL};
		conn->watchers++;
		if ((filter->name && !w->name) || (filter->id && !w->id)) {
			watcher_free(conn, w);
			return false;
		}
		return true;
	}
	return false;
}

bool watch_open(struct request *r, const char *family, const char *name, const char *id)
{
	struct watcher filter = {.family = family, .name = (char *)name, .id = (char *)id};
	if (watcher_add(r->conn, r->id, &filter))
		return true;
	reply_error(r, "failed", NULL, NULL, "too many streams on one connection (%d)", CONTROL_WATCHERS_MAX);
	return false;
}

void watch_put(struct conn *conn, json_int_t id, const char *what, const char *json, size_t len)
{
	struct text t = {0};
	text_printf(&t, "{\"id\":%lld,\"%s\":", (long long)id, what);
	text_add(&t, json, len);
	text_puts(&t, "}");
	if (!t.bad)
		conn_put(conn, t.p, t.len);
	text_fini(&t);
}

static bool report(struct conn *conn, struct watcher *w)
{
	char *json = w->dropped ? event_dropped_json(w->dropped) : NULL;
	if (!w->dropped)
		return true;
	if (!json)
		return false;
	watch_put(conn, w->request, "event", json, strlen(json));
	free(json);
	w->dropped = 0;
	return true;
}

bool watch_fits(const struct conn *conn, size_t n)
{
	size_t waiting = conn_waiting(conn);
	return waiting == 0 || waiting + n + 256 <= CONTROL_OUTPUT_MAX;
}

void watcher_backlog(struct conn *conn, json_int_t id, const struct events *e, size_t first)
{
	for (; first < events_kept(e); first++)
		watch_put(conn, id, "event", events_at(e, first)->json, events_at(e, first)->json_len);
}

static bool wanted(const struct watcher *w, const struct event *ev)
{
	return (!w->family || strcmp(w->family, ev->family) == 0) &&
	       (!w->name || strcmp(w->name, ev->name) == 0) && (!w->id || strcmp(w->id, ev->id) == 0);
}

void watcher_feed(struct conn *conn, struct watcher *w, const struct event *ev)
{
	if (!wanted(w, ev))
		return;
	if (watch_fits(conn, ev->json_len) && report(conn, w)) {
		watch_put(conn, w->request, "event", ev->json, ev->json_len);
		return;
	}
	w->dropped++;
	conn->c->dropped++;
}

void watchers_report_dropped(struct conn *conn)
{
	for (size_t i = 0; i < CONTROL_WATCHERS_MAX && conn->watchers; i++)
		if (conn->watcher[i].used && conn->watcher[i].dropped &&
			conn_waiting(conn) < CONTROL_OUTPUT_MAX / 2)
			report(conn, &conn->watcher[i]);
}

void watcher_end(struct conn *conn, struct watcher *w, const char *reason)
{
	struct text t = {0};
	report(conn, w);
	text_printf(&t, "{\"reason\":\"%s\"}", reason);
	watch_put(conn, w->request, "end", text_str(&t), t.len);
	text_fini(&t);
	watcher_free(conn, w);
}

void watchers_end(struct conn *conn, const char *reason)
{
	for (size_t i = 0; i < CONTROL_WATCHERS_MAX; i++)
		if (conn->watcher[i].used)
			watcher_end(conn, &conn->watcher[i], reason);
}

void watchers_fini(struct conn *conn)
{
	for (size_t i = 0; i < CONTROL_WATCHERS_MAX; i++)
		if (conn->watcher[i].used)
			watcher_free(conn, &conn->watcher[i]);
}

size_t watchers_open(const struct control *c)
{
	size_t n = 0;
	for (const struct conn *conn = c->first; conn; conn = conn->next)
		n += conn->watchers;
	return n;
}

void control_on_event(void *ctx, const struct event *ev)
{
	struct control *c = ctx;
	for (struct conn *conn = c->first; conn; conn = conn->next)
		for (size_t i = 0; i < CONTROL_WATCHERS_MAX && conn->watchers; i++)
			if (conn->watcher[i].used)
				watcher_feed(conn, &conn->watcher[i], ev);
}

void control_removed(struct control *c, const char *family, const char *name)
{
	char reason[32];
	snprintf(reason, sizeof reason, "%s-removed", family);
	for (struct conn *conn = c->first; conn; conn = conn->next)
		for (size_t i = 0; i < CONTROL_WATCHERS_MAX; i++) {
			struct watcher *w = &conn->watcher[i];
			if (w->used && w->family && w->name && strcmp(w->family, family) == 0 &&
				strcmp(w->name, name) == 0)
				watcher_end(conn, w, reason);
		}
}
