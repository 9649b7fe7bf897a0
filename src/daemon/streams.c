/*
 * streams.c - what is particular to streams among the entries of the daemon: how
 * one is opened, closed, finished when the daemon ends.
 *
 * Both wires are insecure, which is a warning each time a stream is opened.
 */
#include "daemon/streams.h"

#include <stddef.h>
#include <string.h>

_Static_assert(offsetof(struct config_stream, name) == 0, "an entry begins with its name");
_Static_assert(offsetof(struct stream, e) == 0, "a stream begins with its entry");

bool stream_is_server(const struct stream *k)
{
	return stream_cfg(k)->serve != NULL;
}

const char *stream_address(const struct stream *k)
{
	if (k->s)
		return lan_stream_address(k->s);
	return stream_is_server(k) ? stream_cfg(k)->serve : stream_cfg(k)->connect;
}

const char *stream_state(const struct stream *k)
{
	if (!k->s)
		return "failed";
	if (stream_is_server(k))
		return "listening";
	return lan_stream_conns(k->s) ? "connected" : k->ended ? "ended" : "connecting";
}

uint64_t stream_count(const struct stream *k, const char *wanted)
{
	const char *name, *help;
	uint64_t value;
	for (size_t i = 0; k->s && lan_stream_counter(k->s, i, &name, &help, &value); i++)
		if (strcmp(name, wanted) == 0)
			return value;
	return 0;
}

static enum lan_err open_stream(struct entry *e, const char **why)
{
	struct stream *k = (struct stream *)e;
	struct lan_stream_config args = config_stream_open_args(stream_cfg(k));
	enum lan_err err = stream_is_server(k) ? lan_stream_serve(e->all->loop, &args, &k->s)
					       : lan_stream_connect(e->all->loop, &args, &k->s);
	(void)why;
	k->ended = false;
	if (err == LAN_OK)
		lan_stream_on_ready(k->s, entry_ready, e);
	return err;
}

static void say_security(const struct entry *e)
{
	const struct stream *k = (const struct stream *)e;
	log_event(LOG_L_WARN, "stream-security", LOG_S("stream", stream_name(k)),
		LOG_S("security", "insecure"), LOG_S("dialect", stream_cfg(k)->dialect),
		LOG_S("address", stream_address(k)));
}

static void say_unsent(struct stream *k, uint64_t left, const char *cause, struct text *notes)
{
	struct text t = {0};
	log_event(LOG_L_WARN, "stream-unsent", LOG_S("stream", stream_name(k)), LOG_U("messages", left),
		LOG_S("cause", cause));
	text_printf(&t, ",\"count\":%llu", (unsigned long long)left);
	entry_publish(&k->e, "unsent", cause, &t);
	text_fini(&t);
	text_printf(notes, "stream \"%s\": %llu message%s not sent or not acknowledged yet %s dropped (%s)\n",
		stream_name(k), (unsigned long long)left, left == 1 ? "" : "s", left == 1 ? "was" : "were",
		cause);
}

static void close_stream(struct entry *e, const char *cause, struct text *notes)
{
	struct stream *k = (struct stream *)e;
	uint64_t left = lan_stream_pending(k->s);
	if (left)
		say_unsent(k, left, cause, notes);
	lan_stream_close(k->s);
	k->s = NULL;
}

static const char *address_of(const struct entry *e)
{
	return stream_address((const struct stream *)e);
}

static const char *dialect_of(const struct entry *e)
{
	return stream_cfg((const struct stream *)e)->dialect;
}

static const char *role_of(const struct entry *e)
{
	return stream_is_server((const struct stream *)e) ? "server" : "client";
}

const struct entry_kind stream_kind = {
	.family = "stream",
	.size = sizeof(struct stream),
	.but = offsetof(struct config_stream, echo),
	.open = open_stream,
	.opened = say_security,
	.close = close_stream,
	.pump = stream_pump,
	.address = address_of,
	.dialect = dialect_of,
	.detail = "role",
	.detail_of = role_of,
};

uint64_t streams_pending(const struct entries *s)
{
	uint64_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		n += stream_at(s, i)->s ? lan_stream_pending(stream_at(s, i)->s) : 0;
	return n;
}

size_t streams_conns(const struct entries *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		n += stream_at(s, i)->s ? lan_stream_conns(stream_at(s, i)->s) : 0;
	return n;
}

void streams_finish(const struct entries *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct stream *k = stream_at(s, i);
		enum lan_err e;
		if (!k->s)
			continue;
		if (stream_is_server(k))
			lan_stream_stop(k->s);
		e = lan_stream_finish(k->s, 0);
		(void)e; /* nobody is connected: nothing to finish */
	}
}
