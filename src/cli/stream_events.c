/*
 * stream_events.c - what a stream reports besides values: with -J one JSON line
 * on stdout, else a sentence on stderr. Names of events and reasons are those of
 * <lanyard/stream.h>.
 */
#include <stdio.h>
#include <string.h>
#include "cli/out_json.h"
#include "cli/stream.h"

static const char *reason(const struct lan_stream_event *ev)
{
	return ev->reason && *ev->reason ? ev->reason : lan_err_text(ev->err);
}

static bool has_conn(enum lan_stream_event_kind k)
{
	return k != LAN_STREAM_REFUSED && k != LAN_STREAM_RETRY && k != LAN_STREAM_GAVE_UP;
}

void strm_json(struct strm *m, const char *event, const struct lan_stream_event *ev)
{
	out_text(&m->out, "{\"schema\":1");
	out_json_now(&m->out, "time", false);
	out_json_text(&m->out, "event", event, false);
	if (ev && has_conn(ev->kind))
		out_json_number(&m->out, "conn", ev->conn, false);
}

static void fields(struct out *o, const struct lan_stream_event *ev)
{
	switch (ev->kind) {
	case LAN_STREAM_UP:
		out_json_text(o, "peer", ev->peer ? ev->peer : "", false);
		out_json_number(o, "connects", ev->connects, false);
		return;
	case LAN_STREAM_DOWN:
		out_json_text(o, "peer", ev->peer ? ev->peer : "", false);
		out_json_number(o, "cut", ev->cut, false);
		break;
	case LAN_STREAM_LOST:
		out_json_number(o, "lost", ev->lost, false);
		out_json_number(o, "doubled", ev->doubled, false);
		out_json_number(o, "unreached", ev->unreached, false);
		out_json_bool(o, "orderly", !ev->err, false);
		break;
	case LAN_STREAM_ACKED:
	case LAN_STREAM_EXPIRED:
		out_json_number(o, "token", ev->token, false);
		return;
	case LAN_STREAM_DAMAGED:
		out_json_number(o, "bytes", ev->bytes, false);
		break;
	case LAN_STREAM_REFUSED:
		out_json_text(o, "peer", ev->peer ? ev->peer : "", false);
		break;
	case LAN_STREAM_RETRY:
		out_json_number(o, "pause_ms", ev->pause / LAN_MS(1), false);
		out_json_number(o, "attempts", ev->attempts, false);
		break;
	case LAN_STREAM_GAVE_UP:
		out_json_number(o, "attempts", ev->attempts, false);
		break;
	default:
		return;
	}
	out_json_text(o, "reason", reason(ev), false);
}

/* "connection 3: " on a server. */
static const char *whose(const struct strm *m, const struct lan_stream_event *ev, char buf[48])
{
	if (m->server)
		snprintf(buf, 48, "connection %llu: ", (unsigned long long)ev->conn);
	else
		*buf = '\0';
	return buf;
}

static void say_down(const struct strm *m, const struct lan_stream_event *ev)
{
	char cut[80] = "";
	if (ev->cut)
		snprintf(cut, sizeof cut, "; %llu byte%s of an unfinished message thrown away",
			(unsigned long long)ev->cut, ev->cut == 1 ? "" : "s");
	if (m->leaving)
		return;
	if (m->server)
		cli_say(m->cli, "connection %llu (%s) ended: %s%s", (unsigned long long)ev->conn, ev->peer,
			reason(ev), cut);
	else
		cli_say(m->cli, "the connection to %s ended: %s%s", lan_stream_address(m->stream), reason(ev),
			cut);
}

static void say_lost(const struct strm *m, const struct lan_stream_event *ev)
{
	char buf[48], doubled[48] = "", unreached[80] = "";
	unsigned long long lost = ev->lost;
	if (!ev->err && !m->goes_on) { /* a goodbye is no news */
		cli_detail(m->cli, "%s%llu message%s sent, and not confirmed: the wire has no way to",
			whose(m, ev, buf), lost, lost == 1 ? "" : "s");
		return;
	}
	if (ev->doubled)
		snprintf(doubled, sizeof doubled, ", %llu may be doubled", (unsigned long long)ev->doubled);
	if (ev->unreached)
		snprintf(unreached, sizeof unreached, " (%llu not acknowledged by the other host)",
			(unsigned long long)ev->unreached);
	cli_say(m->cli, "%s%llu message%s may be lost%s%s", whose(m, ev, buf), lost, lost == 1 ? "" : "s",
		doubled, unreached);
}

static void say_up(struct strm *m, const struct lan_stream_event *ev)
{
	if (m->server)
		cli_say(m->cli, "connection %llu from %s", (unsigned long long)ev->conn, ev->peer);
	else
		cli_say(m->cli, "connected to %s (connection %u)",
			ev->peer && *ev->peer ? ev->peer : lan_stream_address(m->stream), ev->connects);
	m->said_failed = false;
}

static void say(struct strm *m, const struct lan_stream_event *ev)
{
	char buf[48];
	unsigned long long token = ev->token;
	switch (ev->kind) {
	case LAN_STREAM_UP:
		say_up(m, ev);
		return;
	case LAN_STREAM_DOWN:
		say_down(m, ev);
		return;
	case LAN_STREAM_LOST:
		say_lost(m, ev);
		return;
	case LAN_STREAM_ACKED:
		cli_detail(m->cli, "%smessage %llu is acknowledged", whose(m, ev, buf), token);
		return;
	case LAN_STREAM_EXPIRED:
		cli_say(m->cli, "%smessage %llu was not acknowledged in time; it may still arrive",
			whose(m, ev, buf), token);
		return;
	case LAN_STREAM_DAMAGED:
		cli_say(m->cli, "%s%llu bytes were thrown away: %s", whose(m, ev, buf),
			(unsigned long long)ev->bytes, reason(ev));
		return;
	case LAN_STREAM_REFUSED:
		cli_say(m->cli, "refused %s: %s", ev->peer, reason(ev));
		return;
	case LAN_STREAM_RETRY:
		/* While a server is away there is one attempt after the other: said once. */
		if (!m->said_failed)
			cli_say(m->cli, "cannot connect to %s: %s; trying again until it answers",
				lan_stream_address(m->stream), reason(ev));
		else
			cli_detail(m->cli, "cannot connect to %s: %s; trying again",
				lan_stream_address(m->stream), reason(ev));
		m->said_failed = true;
		return;
	default:
		return; /* values and room are no news; giving up is an error, said by the verb */
	}
}

void strm_tell(struct strm *m, const struct lan_stream_event *ev)
{
	bool silent = ev->kind == LAN_STREAM_WRITABLE || ev->kind == LAN_STREAM_SENT ||
		      ev->kind == LAN_STREAM_ASKED;
	/* One per message sent: only for those who ask. */
	if (silent || (ev->kind == LAN_STREAM_ACKED && !m->cli->verbose))
		return;
	if (m->json) {
		strm_json(m, lan_stream_event_name(ev->kind), ev);
		fields(&m->out, ev);
		out_text(&m->out, "}\n");
	}
	if (!m->json || m->cli->verbose)
		say(m, ev);
}
