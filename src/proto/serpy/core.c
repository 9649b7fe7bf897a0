/*
 * core.c - the core as a whole: its configuration, connections by number, what is
 * told beside them, and what it costs.
 */
#include "proto/serpy/out.h"

#include <stdlib.h>
#include <string.h>

#define NOTES_SOFT (64u << 10)

/* --- configuration ------------------------------------------------------------------------- */

static enum lan_err fill(
	const struct serpy_config *from, struct serpy_config *c, enum serpy_encoding *encoding)
{
	*c = *from;
#define DEFAULT(field, value) (c->field = c->field ? c->field : (value))
	DEFAULT(max_message, 16u << 20);
	DEFAULT(max_queue, 1u << 20);
	DEFAULT(max_events, 4u << 20);
	DEFAULT(frame_timeout, LAN_SEC(60));
	DEFAULT(max_conns, 16384);
	DEFAULT(retry_min, LAN_MS(20));
	DEFAULT(retry_max, LAN_SEC(5));
	DEFAULT(window, 16);
	DEFAULT(piece, c->max_message);
#undef DEFAULT
	uint64_t least = 2 * (uint64_t)c->max_message;
	if (!c->max_partial)
		c->max_partial = least > (64u << 20) ? least : 64u << 20;
	if (c->dialect != SERPY1)
		c->confirm = 0; /* nobody can be asked */
	if (c->dialect != SERPY1 && c->dialect != SERPY2)
		return LAN_ERR_NOTSUP;
	if (c->max_message > SERPY_MESSAGE_MAX || c->window > 1024 ||
		(unsigned)c->full > SERPY_FULL_DROP_NEW || c->retry_min > c->retry_max ||
		c->max_events < SERPY_SCRATCH)
		return LAN_ERR_INVAL;
	if (c->piece > c->max_message)
		c->piece = c->max_message;
	*encoding = ENCODING_UTF8;
	if (c->encoding && !encoding_find(c->encoding, encoding))
		return LAN_ERR_INVAL;
	c->encoding = NULL; /* borrowed */
	return LAN_OK;
}

enum lan_err serpy_new(const struct lan_env *env, const struct serpy_config *cfg, struct serpy **out)
{
	struct serpy_config full;
	enum serpy_encoding encoding;
	enum lan_err e = fill(cfg, &full, &encoding);
	if (e)
		return e;
	struct serpy *s = calloc(1, sizeof *s);
	if (!s)
		return LAN_ERR_NOMEM;
	s->env = *env;
	s->cfg = full;
	s->encoding = encoding;
	lan_timers_init(&s->timers);
	lan_ring_init(&s->notes, UINT32_MAX / 2);
	lan_ring_init(&s->done, UINT32_MAX / 2);
	s->rest_timer.what = TIMER_REST;
	s->dial_timer.what = TIMER_DIAL;
	e = lan_timers_reserve(&s->timers, 3);
	if (!e && !cfg->server)
		e = out_new(s, 0, &s->out);
	if (e) {
		serpy_free(s);
		return e;
	}
	s->want_dial = !cfg->server;
	s->state = CLIENT_DIALLING;
	*out = s;
	return LAN_OK;
}

void serpy_give_up(struct serpy *s)
{
	if (s->out)
		out_give_up(s, s->out);
	for (uint32_t i = 0; s->cfg.server && i < s->n_conns; i++)
		if (s->conns[i].c && s->conns[i].c->out)
			out_give_up(s, s->conns[i].c->out);
}

static void free_dead(struct serpy *s)
{
	for (struct serpy_conn *c = s->want_head, *next; c; c = next) {
		next = c->want_next;
		c->wanted = false;
		if (c->dead)
			free(c);
	}
}

void serpy_free(struct serpy *s)
{
	if (!s)
		return;
	free_dead(s);
	for (uint32_t i = s->n_conns; i-- > 0;) /* expelling may shorten the list */
		if (i < s->n_conns && s->conns[i].c)
			conn_free(s, s->conns[i].c);
	if (s->corpse)
		free(s->corpse);
	out_free(s, s->out);
	free(s->slots);
	free(s->free_slots);
	free(s->conns);
	free(s->scratch);
	free(s->spare);
	lan_ring_fini(&s->notes);
	lan_ring_fini(&s->done);
	lan_timers_fini(&s->timers);
	free(s);
}

/* --- connections by number ------------------------------------------------------------------ */

/* Where the number is, or would be. */
static uint32_t place_of(const struct serpy *s, uint64_t id)
{
	uint32_t lo = 0, hi = s->n_conns;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (s->conns[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct serpy_conn *serpy_find(const struct serpy *s, uint64_t id)
{
	uint32_t i = place_of(s, id);
	return i < s->n_conns && s->conns[i].id == id ? s->conns[i].c : NULL;
}

enum lan_err serpy_enroll(struct serpy *s, struct serpy_conn *c)
{
	if (s->n_conns == s->cap_conns) {
		uint32_t cap = s->cap_conns ? 2 * s->cap_conns : 4;
		struct serpy_entry *conns = realloc(s->conns, cap * sizeof *conns);
		if (!conns)
			return LAN_ERR_NOMEM;
		s->conns = conns;
		s->cap_conns = cap;
	}
	s->conns[s->n_conns++] = (struct serpy_entry){c->id, c};
	return LAN_OK;
}

void serpy_expel(struct serpy *s, struct serpy_conn *c)
{
	uint32_t i = 0, n = 0;
	while (s->conns[i].c != c)
		i = s->cfg.server && i == 0 ? place_of(s, c->id) : i + 1;
	s->conns[i].c = NULL;
	if (++s->n_gaps <= s->n_conns / 2)
		return;
	for (i = 0; i < s->n_conns; i++)
		if (s->conns[i].c)
			s->conns[n++] = s->conns[i];
	s->n_conns = n;
	s->n_gaps = 0;
}

struct serpy_conn *serpy_oldest(const struct serpy *s)
{
	for (uint32_t i = 0; i < s->n_conns; i++)
		if (s->conns[i].c)
			return s->conns[i].c;
	return NULL;
}

enum lan_err serpy_out_of(struct serpy *s, uint64_t id, struct serpy_out **o)
{
	if (!s->cfg.server) {
		*o = s->out;
		return id ? LAN_ERR_NOTFOUND : s->state == CLIENT_DONE ? LAN_ERR_CLOSED : LAN_OK;
	}
	struct serpy_conn *c = serpy_find(s, id);
	if (!c || c->state != CONN_OPEN || c->broken)
		return LAN_ERR_NOTFOUND;
	if (!c->out) {
		enum lan_err e = out_new(s, id, &c->out);
		if (e)
			return e;
		c->out->conn = c;
		out_restore(c);
	}
	*o = c->out;
	return LAN_OK;
}

/* --- what is told beside the connections ------------------------------------------------------- */

static size_t note_size(uint32_t len)
{
	return (sizeof(struct serpy_note) + len + 1 + 7) & ~(size_t)7;
}

bool serpy_tell(struct serpy *s, struct serpy_note note, const char *peer)
{
	bool hint = note.kind == SERPY_REFUSED || note.kind == SERPY_RETRY;
	uint8_t *to;
	note.len = peer ? (uint32_t)strlen(peer) : 0;
	if ((hint && lan_ring_len(&s->notes) > NOTES_SOFT) ||
		lan_ring_room(&s->notes, note_size(note.len), &to)) {
		serpy_count(s, SERPY_C_events_dropped);
		return false;
	}
	memcpy(to, &note, sizeof note);
	if (note.len)
		memcpy(to + sizeof note, peer, note.len);
	to[sizeof note + note.len] = 0;
	lan_ring_commit(&s->notes, note_size(note.len));
	return true;
}

bool serpy_note(struct serpy *s, struct serpy_event *ev)
{
	struct serpy_note n;
	if (!lan_ring_len(&s->notes))
		return false;
	const uint8_t *at = lan_ring_at(&s->notes, s->notes.head);
	memcpy(&n, at, sizeof n);
	if (n.after && serpy_oldest(s) && n.after >= serpy_oldest(s)->connects)
		return false; /* what came before it is not pulled yet */
	*ev = (struct serpy_event){.kind = (enum serpy_event_kind)n.kind,
		.conn = n.conn,
		.token = n.token,
		.lost = n.lost,
		.err = (enum lan_err)n.err,
		.reason = n.reason,
		.pause = n.pause,
		.attempts = n.attempts,
		.peer = (const char *)at + sizeof n};
	lan_ring_drop(&s->notes, note_size(n.len));
	return true;
}

bool serpy_released(struct serpy *s, void (**release)(void *ctx), void **ctx)
{
	struct out_done d;
	if (!lan_ring_len(&s->done))
		return false;
	memcpy(&d, lan_ring_at(&s->done, s->done.head), sizeof d);
	lan_ring_drop(&s->done, sizeof d);
	*release = d.release;
	*ctx = d.ctx;
	return true;
}

/* --- status and counters ------------------------------------------------------------------------------- */

static const struct counter {
	const char *name, *help;
} counters[SERPY_C_N] = {
#define X(name, help) {#name, help},
	SERPY_COUNTERS(X)
#undef X
};

const char *serpy_counter_name(enum serpy_counter c)
{
	return counters[c].name;
}

const char *serpy_counter_help(enum serpy_counter c)
{
	return counters[c].help;
}

/* "connections ended: not base85": the part behind the colon says why. */
const char *serpy_reason(enum serpy_counter c)
{
	const char *colon = strchr(counters[c].help, ':');
	return c == SERPY_C_end_closed ? "closed" : colon ? colon + 2 : counters[c].help;
}

const struct serpy_counters *serpy_counters(const struct serpy *s)
{
	return &s->count;
}

uint64_t serpy_pending(const struct serpy *s)
{
	uint64_t n = 0;
	for (uint32_t i = 0; s->cfg.server && i < s->n_conns; i++) {
		const struct serpy_out *o = s->conns[i].c ? s->conns[i].c->out : NULL;
		n += o ? out_queued(o) + out_waiting(o) : 0;
	}
	return s->out ? n + out_queued(s->out) + out_waiting(s->out) : n;
}

static void status_of(const struct serpy_conn *c, const struct serpy_out *o, struct serpy_status *st)
{
	*st = (struct serpy_status){.peer = ""};
	if (c)
		*st = (struct serpy_status){.conn = c->id,
			.peer = c->name,
			.up = c->state == CONN_OPEN,
			.readable = (c->unparsed && in_have(&c->in)) || c->owe_up || c->state != CONN_OPEN,
			.held = c->held,
			.closing = c->finishing,
			.in_mode = c->rx.mode,
			.connects = c->connects,
			.since = c->since,
			.last_rx = c->rx_bytes ? c->rx_at : 0,
			.rx_messages = c->rx_messages,
			.rx_bytes = c->rx_bytes,
			.tx_bytes = c->tx_bytes};
	if (c)
		kept_status(c, st);
	if (!o)
		return;
	st->out_mode = o->mode == MODE_UNSURE ? 0 : o->mode;
	st->tx_messages = o->tx_messages;
	st->queued = out_queued(o);
	st->queued_bytes = out_used(o);
	st->unacked = out_waiting(o);
	st->lost = o->lost;
	st->doubled = o->doubled;
}

static void client_status(const struct serpy *s, struct serpy_status *st)
{
	status_of(s->up, s->out, st);
	st->up &= s->state == CLIENT_UP;
	st->connects = s->connects;
	st->closing = s->finishing;
	st->held = s->held;
	st->rx_messages += s->rx_messages;
	st->rx_bytes += s->rx_bytes;
	st->tx_bytes += s->tx_bytes;
	if (!s->up)
		st->since = s->since;
}

enum lan_err serpy_status(const struct serpy *s, uint64_t conn, struct serpy_status *out)
{
	if (!s->cfg.server) {
		if (conn)
			return LAN_ERR_NOTFOUND;
		client_status(s, out);
		return LAN_OK;
	}
	struct serpy_conn *c = serpy_find(s, conn);
	if (!c)
		return LAN_ERR_NOTFOUND;
	status_of(c, c->out, out);
	return LAN_OK;
}

bool serpy_conn(const struct serpy *s, size_t i, struct serpy_status *out)
{
	if (!s->cfg.server) {
		if (i == 0)
			client_status(s, out);
		return i == 0;
	}
	if (!s->n_gaps && i < s->n_conns) {
		status_of(s->conns[i].c, s->conns[i].c->out, out);
		return true;
	}
	for (uint32_t k = 0; k < s->n_conns; k++)
		if (s->conns[k].c && i-- == 0) {
			status_of(s->conns[k].c, s->conns[k].c->out, out);
			return true;
		}
	return false;
}

size_t serpy_conns(const struct serpy *s)
{
	return s->cfg.server ? s->n_conns - s->n_gaps : s->state == CLIENT_UP;
}
