/*
 * bridge_events.c - see bridge_events.h. A record is the event itself, its
 * pointers meaningless, and then line, reason, id and server, each with a NUL.
 * It stays in the ring until the next pull, so that views need no copy.
 */
#include "api/bridge_events.h"

#include <string.h>

#define EVENTS_MAX (64u << 10)

void bridge_events_init(struct bridge_events *q)
{
	*q = (struct bridge_events){0};
	lan_ring_init(&q->ring, EVENTS_MAX);
}

void bridge_events_fini(struct bridge_events *q)
{
	lan_ring_fini(&q->ring);
}

struct text {
	const char *at;
	size_t n;
};

static struct text text_of(const char *s)
{
	return (struct text){s ? s : "", s ? strlen(s) : 0};
}

static uint8_t *put_text(uint8_t *to, struct text t)
{
	if (t.n)
		memcpy(to, t.at, t.n);
	to[t.n] = '\0';
	return to + t.n + 1;
}

void bridge_events_put(struct bridge_events *q, const struct lan_bridge_event *ev)
{
	struct text line = {ev->line ? ev->line : "", ev->line ? ev->len : 0}, reason = text_of(ev->reason),
		    id = text_of(ev->id), server = text_of(ev->server);
	size_t n = sizeof *ev + line.n + reason.n + id.n + server.n + 4;
	uint8_t *to;
	if (lan_ring_room(&q->ring, n, &to)) {
		q->dropped++;
		return;
	}
	memcpy(to, ev, sizeof *ev);
	to = put_text(to + sizeof *ev, line);
	to = put_text(to, reason);
	to = put_text(to, id);
	put_text(to, server);
	lan_ring_commit(&q->ring, n);
}

bool bridge_events_pull(struct bridge_events *q, struct lan_bridge_event *out)
{
	lan_ring_drop(&q->ring, q->pulled);
	q->pulled = 0;
	if (!lan_ring_len(&q->ring)) {
		lan_ring_trim(&q->ring);
		return false;
	}
	const char *at = (const char *)lan_ring_at(&q->ring, q->ring.head);
	memcpy(out, at, sizeof *out);
	size_t n = sizeof *out;
	out->line = out->line ? at + n : NULL;
	n += (out->line ? out->len : 0) + 1;
	out->reason = at + n;
	n += strlen(out->reason) + 1;
	out->id = at + n;
	n += strlen(out->id) + 1;
	out->server = at + n;
	n += strlen(out->server) + 1;
	q->pulled = n;
	return true;
}
