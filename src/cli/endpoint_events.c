/*
 * endpoint_events.c - what a link reports, printed: lines on stdout, everything
 * else on stderr; with -J all of it as JSON lines on stdout, with the field
 * names of the control protocol (docs/control.md). Also --echo.
 */
#include "cli/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/out_json.h"
#include "cli/say.h"

static const char *kind_name(enum lan_link_event_kind k)
{
	switch (k) {
	case LAN_LINK_UP:
		return "up";
	case LAN_LINK_DOWN:
		return "down";
	case LAN_LINK_MESSAGE:
		return "message";
	case LAN_LINK_ACKED:
		return "acked";
	case LAN_LINK_LOST:
		return "lost";
	case LAN_LINK_REFUSED:
		return "refused";
	case LAN_LINK_ALL_UP:
		return "all-up";
	case LAN_LINK_FIRST_FAILED:
		return "first-failed";
	case LAN_LINK_RETRY:
		return "retry";
	case LAN_LINK_HEARTBEAT:
	case LAN_LINK_WRITABLE:
		break;
	}
	return NULL;
}

static const char *reason(const struct lan_link_event *ev)
{
	return ev->reason && *ev->reason ? ev->reason : lan_err_text(ev->err);
}

/* The same for people: the word is often the name of a counter, whose help ends in
 * the sentence: "connections ended: no byte for a timeout". */
static const char *because(const struct endpoint *e, const struct lan_link_event *ev)
{
	const char *word = reason(ev), *name, *help, *colon;
	uint64_t value;
	for (size_t i = 0; lan_link_counter(e->link, i, &name, &help, &value); i++)
		if (strcmp(name, word) == 0)
			return (colon = strstr(help, ": ")) ? colon + 2 : help;
	return word;
}

static void print_json(struct endpoint *e, const struct lan_link_event *ev, const char *kind)
{
	struct out *o = &e->out;
	out_text(o, "{\"schema\":1");
	out_json_now(o, "time", false);
	out_json_text(o, "event", kind, false);
	if (ev->id && *ev->id)
		out_json_text(o, "id", ev->id, false);
	switch (ev->kind) {
	case LAN_LINK_MESSAGE:
		out_json_bytes(o, "line", ev->line, ev->len, false);
		break;
	case LAN_LINK_UP:
		out_json_text(o, "peer", ev->peer ? ev->peer : "", false);
		out_json_number(o, "connects", ev->connects, false);
		out_json_bool(o, "expected", ev->expected, false);
		break;
	case LAN_LINK_DOWN:
		out_json_text(o, "peer", ev->peer ? ev->peer : "", false);
		out_json_number(o, "connects", ev->connects, false);
		out_json_text(o, "reason", reason(ev), false);
		break;
	case LAN_LINK_REFUSED:
		out_json_text(o, "peer", ev->peer ? ev->peer : "", false);
		out_json_text(o, "reason", reason(ev), false);
		break;
	case LAN_LINK_RETRY:
	case LAN_LINK_FIRST_FAILED:
		out_json_text(o, "reason", reason(ev), false);
		break;
	case LAN_LINK_ACKED:
	case LAN_LINK_LOST:
		out_json_number(o, "token", ev->token, false);
		break;
	case LAN_LINK_ALL_UP:
	case LAN_LINK_HEARTBEAT:
	case LAN_LINK_WRITABLE:
		break;
	}
	out_text(o, "}\n");
}

static void say_server(struct endpoint *e, const struct lan_link_event *ev)
{
	if (ev->kind == LAN_LINK_UP)
		cli_say(e->cli, "client %s is up from %s (connection %u%s)", ev->id, ev->peer, ev->connects,
			e->has_expected && !ev->expected ? ", not expected" : "");
	else if (ev->kind == LAN_LINK_DOWN)
		cli_say(e->cli, "client %s is down: %s", ev->id, because(e, ev));
	else if (ev->kind == LAN_LINK_REFUSED)
		cli_say(e->cli, "refused %s%s%s: %s", ev->peer, ev->id && *ev->id ? " as client " : "",
			ev->id ? ev->id : "", because(e, ev));
	else if (ev->kind == LAN_LINK_ALL_UP)
		cli_say(e->cli, "all expected clients have connected");
}

/* While a server is away there is one attempt after the other: said once. */
static void say_client(struct endpoint *e, const struct lan_link_event *ev)
{
	static const char hint[] = "is a server listening there? lanyard link serve --listen ADDR:PORT";
	const char *to = lan_link_address(e->link);
	char what[512];
	if (ev->kind == LAN_LINK_UP) {
		cli_say(e->cli, "connected to %s (connection %u)", ev->peer && *ev->peer ? ev->peer : to,
			ev->connects);
		e->said_failed = false;
	} else if (ev->kind == LAN_LINK_DOWN) {
		cli_say(e->cli, "lost %s: %s; connecting again", to, because(e, ev));
	} else if (ev->kind == LAN_LINK_REFUSED && !e->said_failed) {
		cli_say(e->cli,
			"%s closed the connection without a word: is the id in use by another client, or not "
			"expected there? Trying again",
			to);
		e->said_failed = true;
	} else if (ev->kind == LAN_LINK_FIRST_FAILED && e->give_up) {
		snprintf(what, sizeof what, "cannot connect to %s: %s", to, because(e, ev));
		say_error_text(what, hint);
		say_error_document(&e->out, e->cli->mode, EXIT_FAILED, what, hint);
		e->end = END_REFUSED;
	} else if (ev->kind == LAN_LINK_FIRST_FAILED && !e->said_failed) {
		cli_say(e->cli,
			"cannot connect to %s: %s; trying again until it answers (--give-up ends instead, "
			"--for SECS limits it)",
			to, because(e, ev));
		e->said_failed = true;
	} else if (ev->kind == LAN_LINK_RETRY) {
		cli_detail(e->cli, "cannot connect to %s: %s; trying again", to, because(e, ev));
	}
}

static void keep_echo(struct endpoint *e, const struct lan_link_event *ev)
{
	e->echo_id = strdup(ev->id);
	e->echo_line = malloc(ev->len);
	e->echo_len = ev->len;
	if (!e->echo_id || !e->echo_line) {
		e->out.no_memory = true;
		e->end = END_GONE;
		return;
	}
	memcpy(e->echo_line, ev->line, ev->len);
}

bool endpoint_echo(struct endpoint *e)
{
	struct lan_link_status st;
	if (!e->echo_line)
		return true;
	enum lan_err err = lan_link_write(e->link, e->echo_id, e->echo_line, e->echo_len, e->flags, NULL);
	if (err == LAN_ERR_FULL && lan_link_status(e->link, e->echo_id, &st) == LAN_OK && st.up)
		return false;
	/* A client that left with a full queue must not hold up the others. */
	if (err)
		cli_say(e->cli, "client %s: an echo was dropped: %s", e->echo_id, lan_err_text(err));
	free(e->echo_id);
	free(e->echo_line);
	e->echo_id = e->echo_line = NULL;
	return true;
}

static void message(struct endpoint *e, const struct lan_link_event *ev)
{
	e->received++;
	if (e->json) {
		print_json(e, ev, "message");
	} else {
		if (e->server) {
			out_foreign(&e->out, ev->id, strlen(ev->id));
			out_char(&e->out, '\t');
		}
		out_foreign(&e->out, ev->line, ev->len);
		out_char(&e->out, '\n');
	}
	if (e->echo) {
		keep_echo(e, ev);
		endpoint_echo(e);
	}
}

void endpoint_event(struct endpoint *e, const struct lan_link_event *ev)
{
	const char *kind = kind_name(ev->kind);
	if (ev->kind == LAN_LINK_MESSAGE) {
		message(e, ev);
		return;
	}
	if (ev->kind == LAN_LINK_WRITABLE)
		e->blocked = false;
	e->lost += ev->kind == LAN_LINK_LOST;
	e->was_up |= ev->kind == LAN_LINK_UP;
	/* One per line written: only for those who ask. */
	if (!kind || (ev->kind == LAN_LINK_ACKED && !e->cli->verbose))
		return;
	if (e->json)
		print_json(e, ev, kind);
	if (e->json && !e->cli->verbose && ev->kind != LAN_LINK_FIRST_FAILED)
		return;
	if (e->server)
		say_server(e, ev);
	else
		say_client(e, ev);
}
