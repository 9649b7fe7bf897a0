/*
 * session_events.c - what comes in at `lanyard stream serve` and `connect`: values
 * to stdout, to files (--dir), to a command (--exec) or back (--echo).
 *
 * An echo that finds the queue of its connection full holds that connection and
 * nothing else: one value of it is kept, no more of it is read until there is room.
 * It is ended if there is none for a minute, or those that went away unnoticed
 * meanwhile would stay for ever.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/out_json.h"
#include "cli/say.h"
#include "cli/stream.h"
#include "cli/wait.h"

#define ECHO_PATIENCE LAN_SEC(60) /* with one that takes nothing of its echo at all */

/* ---- echo ---- */

/* How a value goes back as it came: text of modes 0 and 1 as text, or it would come back as base85. */
static void echo_form(const struct session *s, struct lan_stream_value *v, int *mode)
{
	if (s->dialect == LAN_STREAM_SERPY2)
		*mode = 0;
	else if (v->type == LAN_STREAM_BYTES && *mode <= 1 && s->utf8 && lan_stream_is_text(v))
		v->type = LAN_STREAM_STR;
	v->json = NULL; /* an object goes back as the pickle it is */
}

static enum lan_err send_back(struct session *s, uint64_t id, const struct lan_stream_value *v, int mode)
{
	struct lan_stream_how how = s->how;
	how.mode = mode;
	return lan_stream_send(s->m.stream, id, v, &how, NULL);
}

static bool keep_echo(struct session *s, struct peer *p, const struct lan_stream_value *v, int mode)
{
	struct late_echo *e = malloc(sizeof *e + v->len);
	if (!e)
		return false;
	*e = (struct late_echo){.value = *v, .mode = mode, .since = cli_now()};
	if (v->len)
		memcpy(e->data, v->data, v->len);
	e->value.data = e->data;
	p->echo = e;
	s->waiting++;
	enum lan_err err = lan_stream_hold(s->m.stream, p->at.id, true);
	return err == LAN_OK || err == LAN_ERR_NOTFOUND;
}

static void echo_failed(struct session *s, uint64_t id, enum lan_err err)
{
	const char *why = lan_stream_why();
	if (err != LAN_ERR_NOTFOUND) /* it left: nobody misses the echo */
		cli_say(s->m.cli, "connection %llu: an echo was dropped: %s", (unsigned long long)id,
			*why ? why : lan_err_text(err));
}

static void echo(struct session *s, const struct lan_stream_event *ev)
{
	struct lan_stream_value v = ev->value;
	struct peer *p = session_peer(s, ev->conn);
	int mode = ev->mode;
	echo_form(s, &v, &mode);
	enum lan_err err = send_back(s, ev->conn, &v, mode);
	if (err == LAN_ERR_FULL && p) {
		if (!keep_echo(s, p, &v, mode))
			session_no_memory(s);
	} else if (err) {
		echo_failed(s, ev->conn, err);
	}
}

static void let_go(struct session *s, struct peer *p)
{
	free(p->echo);
	p->echo = NULL;
	s->waiting--;
	if (lan_stream_hold(s->m.stream, p->at.id, false) != LAN_OK)
		return; /* gone: its end comes as an event */
}

static void retry(struct session *s, struct peer *p)
{
	enum lan_err err = send_back(s, p->at.id, &p->echo->value, p->echo->mode);
	if (err == LAN_ERR_FULL && cli_now() - p->echo->since < ECHO_PATIENCE)
		return;
	if (err == LAN_ERR_FULL) {
		cli_say(s->m.cli, "connection %llu is ended: it does not read what is sent to it",
			(unsigned long long)p->at.id);
		err = lan_stream_drop(s->m.stream, p->at.id);
	} else if (err) {
		echo_failed(s, p->at.id, err);
	}
	let_go(s, p);
}

void session_echo(struct session *s)
{
	for (size_t i = 0; s->waiting && i < s->conns.n; i++) {
		struct peer *p = (struct peer *)s->conns.list[i];
		if (p->echo)
			retry(s, p);
	}
}

/* ---- files ---- */

static void print_file(struct session *s, const struct lan_stream_event *ev, const char *name, uint64_t size)
{
	struct out *o = &s->m.out;
	char *path;
	s->received++;
	if (asprintf(&path, "%s/%s", s->dir, name) < 0) {
		session_no_memory(s);
		return;
	}
	struct lan_stream_value v = lan_stream_str(path, strlen(path));
	if (s->exec) {
		exec_value(s, session_peer(s, ev->conn), &v);
	} else if (s->m.json) {
		strm_json(&s->m, "message", ev);
		out_json_text(o, "type", "bytes", false);
		out_json_number(o, "size", size, false);
		out_json_text(o, "file", path, false);
		out_text(o, "}\n");
	} else {
		if (s->numbered)
			out_printf(o, "%llu\t", (unsigned long long)ev->conn);
		value_text(o, &v);
	}
	free(path);
}

/* Bytes that will not become a file. */
static void not_kept(struct session *s, const struct lan_stream_event *ev, uint64_t size, const char *why)
{
	s->failed++;
	if (s->m.json) {
		strm_json(&s->m, "failed", ev);
		out_json_number(&s->m.out, "size", size, false);
		out_json_text(&s->m.out, "reason", why, false);
		out_text(&s->m.out, "}\n");
	}
	if (!s->m.json || s->m.cli->verbose)
		cli_say(s->m.cli, "%llu bytes of connection %llu were not kept: %s", (unsigned long long)size,
			(unsigned long long)ev->conn, why);
}

static void file_done(struct session *s, const struct lan_stream_event *ev, struct store_file *f)
{
	char name[STORE_NAME];
	int error = store_keep(&s->store, f, NULL, name);
	if (error)
		not_kept(s, ev, f->size, strerror(error));
	else
		print_file(s, ev, name, f->size);
}

static void piece(struct session *s, const struct lan_stream_event *ev)
{
	struct peer *p = session_peer(s, ev->conn);
	if (!p)
		return;
	if (!p->file && !(p->file = calloc(1, sizeof *p->file))) {
		session_no_memory(s);
		return;
	}
	if (ev->offset == 0 && !p->file->open)
		store_begin(&s->store, p->file);
	if (ev->err) {
		uint64_t size = p->file->size;
		store_drop(&s->store, p->file);
		not_kept(s, ev, size, ev->reason && *ev->reason ? ev->reason : lan_err_text(ev->err));
		return;
	}
	store_write(&s->store, p->file, ev->value.data, ev->value.len);
	if (ev->last)
		file_done(s, ev, p->file);
}

/* On serpy1 text of modes 0 and 1 comes as bytes, too: it is no file. */
static bool is_file(const struct session *s, const struct lan_stream_event *ev)
{
	return s->dir && ev->value.type == LAN_STREAM_BYTES &&
	       (s->dialect == LAN_STREAM_SERPY2 || ev->mode > 1 || !lan_stream_is_text(&ev->value));
}

/* ---- values ---- */

static void print(struct session *s, const struct lan_stream_event *ev)
{
	struct out *o = &s->m.out;
	if (s->m.json) {
		strm_json(&s->m, "message", ev);
		if (s->dialect == LAN_STREAM_SERPY1)
			out_json_number(o, "mode", (uint64_t)ev->mode, false);
		value_json(o, &ev->value);
		if (ev->stale)
			out_json_bool(o, "stale", true, false);
		out_text(o, "}\n");
		return;
	}
	if (s->numbered)
		out_printf(o, "%llu\t", (unsigned long long)ev->conn);
	value_text(o, &ev->value);
}

static void message(struct session *s, const struct lan_stream_event *ev)
{
	if (is_file(s, ev)) {
		struct store_file f;
		store_begin(&s->store, &f);
		store_write(&s->store, &f, ev->value.data, ev->value.len);
		file_done(s, ev, &f);
	} else {
		s->received++;
		if (s->exec)
			exec_value(s, session_peer(s, ev->conn), &ev->value);
		else
			print(s, ev);
	}
	if (s->echo)
		echo(s, ev);
}

/* ---- the rest ---- */

static void gave_up(struct session *s, const struct lan_stream_event *ev)
{
	static const char hint[] = "is a server listening there? --reconnect waits for it";
	char what[512];
	if (s->was_up)
		return; /* that it ended was said */
	snprintf(what, sizeof what, "cannot connect to %s: %s", lan_stream_address(s->m.stream),
		ev->reason && *ev->reason ? ev->reason : lan_err_text(ev->err));
	say_error_text(what, hint);
	say_error_document(&s->m.out, s->m.cli->mode, EXIT_FAILED, what, hint);
	s->end = SESSION_FAILED;
}

static void down(struct session *s, const struct lan_stream_event *ev)
{
	struct peer *p = session_peer(s, ev->conn);
	s->blocked = false; /* a line for it alone has nowhere to go now */
	if (!s->m.server)
		s->down = true;
	if (p && s->exec)
		exec_down(s, p);
	if (p)
		session_forget(s, p);
}

static void up(struct session *s, const struct lan_stream_event *ev)
{
	struct peer *p = (struct peer *)conns_add(&s->conns, sizeof *p, ev->conn, s->exec ? ev->peer : NULL);
	s->was_up = true;
	s->down = false;
	if (!p)
		session_no_memory(s);
	else if (s->exec)
		exec_up(s, p);
}

void session_event(struct session *s, const struct lan_stream_event *ev)
{
	struct peer *p;
	switch (ev->kind) {
	case LAN_STREAM_MESSAGE:
		message(s, ev);
		return;
	case LAN_STREAM_PIECE:
		piece(s, ev);
		return;
	default:
		break;
	}
	strm_tell(&s->m, ev);
	switch (ev->kind) {
	case LAN_STREAM_UP:
		up(s, ev);
		break;
	case LAN_STREAM_DOWN:
		down(s, ev);
		break;
	case LAN_STREAM_GAVE_UP:
		gave_up(s, ev);
		break;
	case LAN_STREAM_LOST:
		s->lost += ev->err || s->m.goes_on ? ev->lost : 0;
		break;
	case LAN_STREAM_EXPIRED:
		s->expired++;
		break;
	case LAN_STREAM_WRITABLE:
		s->blocked = false;
		p = s->exec ? session_peer(s, ev->conn) : NULL;
		if (p)
			exec_writable(s, p);
		break;
	default:
		break;
	}
}
