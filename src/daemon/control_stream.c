/*
 * control_stream.c - event.watch, link.watch and channel.watch: events to those who watch, and
 * the truth to those who are too slow.
 *
 * An event goes to a stream if it fits into the bound of its connection, or if
 * nothing waits there; otherwise it is counted. As soon as there is room the
 * count goes out as the event "dropped", before anything younger.
 */
#include "daemon/control_conn.h"

#include <stdlib.h>
#include <string.h>

bool stream_has(const struct conn *conn, json_int_t id)
{
	for (size_t i = 0; i < CONTROL_STREAMS_MAX; i++)
		if (conn->stream[i].used && conn->stream[i].id == id)
			return true;
	return false;
}

static void stream_free(struct conn *conn, struct stream *s)
{
	free(s->link);
	free(s->peer);
	free(s->channel);
	*s = (struct stream){0};
	conn->streams--;
}

bool stream_add(struct conn *conn, json_int_t id, const char *link, const char *peer, const char *channel)
{
	for (size_t i = 0; i < CONTROL_STREAMS_MAX; i++) {
		struct stream *s = &conn->stream[i];
		if (s->used)
			continue;
		*s = (struct stream){.id = id,
			.used = true,
			.link = link ? strdup(link) : NULL,
			.peer = peer ? strdup(peer) : NULL,
			.channel = channel ? strdup(channel) : NULL};
		conn->streams++;
		if ((link && !s->link) || (peer && !s->peer) || (channel && !s->channel)) {
			stream_free(conn, s);
			return false;
		}
		return true;
	}
	return false;
}

static void put(struct conn *conn, json_int_t id, const char *what, const char *json, size_t len)
{
	struct text t = {0};
	text_printf(&t, "{\"id\":%lld,\"%s\":", (long long)id, what);
	text_add(&t, json, len);
	text_puts(&t, "}");
	if (!t.bad)
		conn_put(conn, t.p, t.len);
	text_fini(&t);
}

static bool report(struct conn *conn, struct stream *s)
{
	char *json = s->dropped ? event_dropped_json(s->dropped) : NULL;
	if (!s->dropped)
		return true;
	if (!json)
		return false;
	put(conn, s->id, "event", json, strlen(json));
	free(json);
	s->dropped = 0;
	return true;
}

static bool fits(const struct conn *conn, size_t n)
{
	size_t waiting = conn_waiting(conn);
	return waiting == 0 || waiting + n + 256 <= CONTROL_OUTPUT_MAX;
}

void stream_backlog(struct conn *conn, json_int_t id, const struct events *e, size_t first)
{
	for (; first < events_kept(e); first++)
		put(conn, id, "event", events_at(e, first)->json, events_at(e, first)->json_len);
}

/* Does what an event concerns pass a filter? */
static bool passes(const char *filter, const char *name)
{
	return !filter || (*filter ? strcmp(filter, name) == 0 : *name != 0);
}

static bool wanted(const struct stream *s, const struct event *ev)
{
	if (!passes(s->link, ev->link) || !passes(s->channel, ev->channel))
		return false;
	return !s->peer || strcmp(s->peer, ev->id) == 0;
}

void stream_feed(struct conn *conn, struct stream *s, const struct event *ev)
{
	if (!wanted(s, ev))
		return;
	if (fits(conn, ev->json_len) && report(conn, s)) {
		put(conn, s->id, "event", ev->json, ev->json_len);
		return;
	}
	s->dropped++;
	conn->c->dropped++;
}

void streams_report_dropped(struct conn *conn)
{
	for (size_t i = 0; i < CONTROL_STREAMS_MAX && conn->streams; i++)
		if (conn->stream[i].used && conn->stream[i].dropped &&
			conn_waiting(conn) < CONTROL_OUTPUT_MAX / 2)
			report(conn, &conn->stream[i]);
}

void stream_end(struct conn *conn, struct stream *s, const char *reason)
{
	struct text t = {0};
	report(conn, s);
	text_printf(&t, "{\"reason\":\"%s\"}", reason);
	put(conn, s->id, "end", text_str(&t), t.len);
	text_fini(&t);
	stream_free(conn, s);
}

void streams_end(struct conn *conn, const char *reason)
{
	for (size_t i = 0; i < CONTROL_STREAMS_MAX; i++)
		if (conn->stream[i].used)
			stream_end(conn, &conn->stream[i], reason);
}

void streams_fini(struct conn *conn)
{
	for (size_t i = 0; i < CONTROL_STREAMS_MAX; i++)
		if (conn->stream[i].used)
			stream_free(conn, &conn->stream[i]);
}

void control_on_event(void *ctx, const struct event *ev)
{
	struct control *c = ctx;
	for (struct conn *conn = c->first; conn; conn = conn->next)
		for (size_t i = 0; i < CONTROL_STREAMS_MAX && conn->streams; i++)
			if (conn->stream[i].used)
				stream_feed(conn, &conn->stream[i], ev);
}

void control_removed(struct control *c, const char *link, const char *channel)
{
	for (struct conn *conn = c->first; conn; conn = conn->next)
		for (size_t i = 0; i < CONTROL_STREAMS_MAX; i++) {
			struct stream *s = &conn->stream[i];
			if (!s->used)
				continue;
			if (link && s->link && strcmp(s->link, link) == 0)
				stream_end(conn, s, "link-removed");
			else if (channel && s->channel && strcmp(s->channel, channel) == 0)
				stream_end(conn, s, "channel-removed");
		}
}
