/*
 * client_app.c - the application's side of the client core: making it, lines
 * out, events in order, status. Pulling a line is what acknowledges it.
 */
#include "proto/iot/client.h"

#include <stdlib.h>
#include <string.h>

#include "proto/iot/config.h"
#include "proto/iot/line.h"

enum lan_err iot_client_new(const struct lan_env *env, const struct iot_config *cfg, struct iot_client **out)
{
	struct iot_config full;
	enum lan_err e = iot_config_fill(cfg, 100, &full);
	if (!e && (!cfg->id || !iot_id_valid((const uint8_t *)cfg->id, strlen(cfg->id))))
		e = LAN_ERR_INVAL;
	if (e)
		return e;
	struct iot_client *c = calloc(1, sizeof *c);
	if (!c)
		return LAN_ERR_NOMEM;
	c->env = *env;
	c->cfg = full;
	c->cfg.expect = NULL;
	c->cfg.id = c->id;
	memcpy(c->id, cfg->id, strlen(cfg->id) + 1);
	env->entropy(env->ctx, c->seed, sizeof c->seed);
	env->entropy(env->ctx, &c->rng, sizeof c->rng);
	iot_inbox_init(&c->inbox, full.max_events, full.max_line, &c->count.v[IOT_C_events_dropped]);
	e = iot_outbox_init(&c->outbox, full.window, full.max_queue);
	if (e) {
		free(c);
		return e;
	}
	*out = c;
	return LAN_OK;
}

void iot_client_free(struct iot_client *c)
{
	if (!c)
		return;
	iot_stream_fini(&c->stream);
	iot_outbox_fini(&c->outbox);
	iot_inbox_fini(&c->inbox);
	free(c->scratch);
	free(c->peer);
	free(c);
}

static void acknowledge(struct iot_client *c, lan_time now, const struct iot_note *note)
{
	if (c->state != UP || c->gen != note->gen)
		return; /* its stream is gone; the server will send the line again */
	if (iot_stream_ack(&c->stream, note->mid)) {
		iot_client_end(c, now, IOT_C_end_memory, LAN_ERR_NOMEM);
		return;
	}
	c->count.v[IOT_C_tx_acks]++;
	c->want_send = true;
}

static bool next_note(struct iot_client *c, lan_time now, struct iot_note *note, const char **bytes)
{
	if (c->paused && iot_inbox_low(&c->inbox))
		iot_client_resume(c, now);
	if (iot_inbox_peek(&c->inbox, note, bytes))
		return true;
	iot_inbox_rest(&c->inbox);
	if (!c->owe_down)
		return false;
	c->owe_down = false; /* there was no memory for it when it happened */
	return !iot_inbox_put(&c->inbox,
		       (struct iot_note){.kind = IOT_DOWN, .reason = "out of memory", .err = LAN_ERR_NOMEM},
		       NULL, 0) &&
	       iot_inbox_peek(&c->inbox, note, bytes);
}

bool iot_client_event(struct iot_client *c, lan_time now, struct iot_event *ev)
{
	struct iot_note note;
	const char *bytes;
	while (next_note(c, now, &note, &bytes)) {
		bool message = note.kind == IOT_MESSAGE;
		if (message || note.kind == IOT_ACK_AGAIN) {
			acknowledge(c, now, &note); /* may move the inbox */
			(void)iot_inbox_peek(&c->inbox, &note, &bytes);
		}
		iot_inbox_next(&c->inbox);
		if (note.kind == IOT_ACK_AGAIN)
			continue;
		*ev = (struct iot_event){.kind = (enum iot_event_kind)note.kind,
			.id = c->id,
			.peer = !message  ? bytes
				: c->peer ? c->peer
					  : "",
			.line = message ? bytes : "",
			.len = message ? note.len : 0,
			.token = note.token,
			.err = (enum lan_err)note.err,
			.reason = note.reason ? note.reason : "",
			.connects = note.connects,
			.expected = true,
			.mid = note.mid};
		return true;
	}
	return false;
}

enum lan_err iot_client_write(
	struct iot_client *c, lan_time now, const char *line, size_t len, unsigned flags, uint64_t *token)
{
	uint64_t seq;
	enum lan_err e = len > c->cfg.max_line ? LAN_ERR_TOOBIG : iot_payload_check(line, len);
	if (!e)
		e = iot_outbox_write(&c->outbox, line, len, flags, &seq);
	if (e)
		return e;
	if (token)
		*token = seq;
	iot_client_pump(c, now);
	return LAN_OK;
}

enum lan_err iot_client_drop(struct iot_client *c, lan_time now)
{
	if (iot_client_streaming(c))
		iot_client_end(c, now, IOT_C_end_dropped, LAN_ERR_CLOSED);
	return LAN_OK;
}

size_t iot_client_pending(const struct iot_client *c)
{
	return iot_outbox_pending(&c->outbox);
}

void iot_client_status(const struct iot_client *c, struct iot_status *out)
{
	*out = (struct iot_status){.id = c->id,
		.peer = c->state == UP ? c->peer : "",
		.up = c->state == UP,
		.expected = true,
		.connects = c->connects,
		.since = c->since,
		.last_rx = iot_client_streaming(c) ? c->stream.rx_at : c->rx_at,
		.rx_lines = c->seen.rx_lines,
		.rx_dups = c->seen.rx_dups,
		.rx_bytes = c->rx_bytes,
		.tx_bytes = c->tx_bytes};
	iot_outbox_status(&c->outbox, out);
}

const struct iot_counters *iot_client_counters(const struct iot_client *c)
{
	return &c->count;
}
