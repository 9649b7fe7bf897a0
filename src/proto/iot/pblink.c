/*
 * pblink.c - the bridge core above its transports: creation, sessions, events
 * and time. Lines and their queues are in pblink_lines.c.
 *
 * A session starts when the board synchronises and ends when it does so again
 * or an exchange breaks in a way that makes it. What the board was told dies
 * with the session; lines for it do not, they wait for the next one.
 * docs/protocols/pblink.md, section 3.
 */
#include "proto/iot/pblink_int.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *help;
} counters[PBLINK_C_N] = {
#define X(n, h) {#n, h},
	PBLINK_COUNTERS(X)
#undef X
};

const char *pblink_counter_name(enum pblink_counter c)
{
	return (unsigned)c < PBLINK_C_N ? counters[c].name : "?";
}

const char *pblink_counter_help(enum pblink_counter c)
{
	return (unsigned)c < PBLINK_C_N ? counters[c].help : "?";
}

/* ---- creation -------------------------------------------------------- */

static bool in_range(uint32_t v, uint32_t lo)
{
	return v >= lo && v <= 1u << 20;
}

static void defaults(struct pblink_config *c)
{
	if (!c->rx_bytes)
		c->rx_bytes = 4096;
	if (!c->tx_bytes)
		c->tx_bytes = 64 * (2 + PBLINK_BUF);
	if (!c->keepalive)
		c->keepalive = LAN_SEC(2);
	if (!c->silent)
		c->silent = LAN_SEC(5);
	if (!c->level)
		c->level = LAN_MS(1500);
	if (!c->payload)
		c->payload = LAN_MS(500);
}

/* All memory is taken here: nothing can run out later. */
static enum lan_err reserve(struct lan_ring *r, uint32_t max)
{
	uint8_t *unused;
	lan_ring_init(r, max);
	return lan_ring_room(r, max, &unused);
}

enum lan_err pblink_new(
	const struct lan_env *env, const struct pblink_config *cfg, lan_time now, struct pblink **out)
{
	struct pblink_config c = *cfg;
	defaults(&c);
	if (!in_range(c.rx_bytes, PBLINK_BUF) || !in_range(c.tx_bytes, 2 + PBLINK_BUF))
		return LAN_ERR_INVAL;
	struct pblink *p = calloc(1, sizeof *p);
	if (!p)
		return LAN_ERR_NOMEM;
	p->env = env;
	p->cfg = c;
	p->heard = now;
	p->told = -1;
	p->k_at = p->r_at = LAN_NEVER;
	/* Beyond rx_bytes of whole lines: one unfinished line and one payload. */
	enum lan_err e = reserve(&p->rx, c.rx_bytes + 2 * PBLINK_BUF);
	if (!e)
		e = reserve(&p->tx, c.tx_bytes);
	if (e) {
		pblink_free(p);
		return e;
	}
	if (c.transport == PBLINK_I2C)
		pblink_i2c_init(p);
	else
		p->ser.until = LAN_NEVER;
	*out = p;
	return LAN_OK;
}

void pblink_free(struct pblink *p)
{
	if (!p)
		return;
	lan_ring_fini(&p->rx);
	lan_ring_fini(&p->tx);
	free(p);
}

/* ---- events and trace ------------------------------------------------ */

void pblink_x_event(struct pblink *p, enum pblink_event_kind kind, enum lan_err err, const char *reason)
{
	struct pblink_event ev = {.kind = kind, .err = err, .reason = reason};
	/* Errors can come as fast as the board talks; the last places are for the others. */
	if (p->ev_len >= (kind == PBLINK_ERROR ? PBLINK_EVENTS / 2 : PBLINK_EVENTS)) {
		if (kind == PBLINK_ERROR)
			return;
		p->ev_head = (p->ev_head + 1) % PBLINK_EVENTS;
		p->ev_len--;
	}
	p->events[(p->ev_head + p->ev_len++) % PBLINK_EVENTS] = ev;
}

bool pblink_event(struct pblink *p, struct pblink_event *ev)
{
	if (!p->ev_len) {
		p->config_new = false;
		return false;
	}
	*ev = p->events[p->ev_head];
	if (ev->kind == PBLINK_CONFIG)
		p->config_new = false;
	p->ev_head = (p->ev_head + 1) % PBLINK_EVENTS;
	p->ev_len--;
	return true;
}

void pblink_x_trace(
	struct pblink *p, lan_time now, enum lan_trace_kind kind, const char *what, const void *a, size_t n)
{
	if (p->env->trace)
		p->env->trace(p->env->ctx, &(struct lan_trace){.now = now,
						   .kind = kind,
						   .proto = "pblink",
						   .what = what,
						   .a = a,
						   .a_len = n});
}

void pblink_x_refuse(struct pblink *p, enum pblink_counter c, enum lan_err err)
{
	pblink_x_count(p, c);
	pblink_x_trace(p, p->heard, LAN_TRACE_REFUSED, pblink_counter_name(c), NULL, 0);
	pblink_x_event(p, PBLINK_ERROR, err, pblink_counter_help(c));
}

void pblink_x_heard(struct pblink *p, lan_time now)
{
	p->heard = now;
	if (p->silent) {
		p->silent = false;
		pblink_x_event(p, PBLINK_HEARD, LAN_OK, "");
	}
}

void pblink_x_forget_told(struct pblink *p)
{
	p->told = -1;
	p->flapped = p->alive = p->k_due = false;
	p->bad = 0;
	p->k_at = p->r_at = LAN_NEVER;
	p->r_no = 0;
	p->report_n = 0;
}

/* ---- sessions -------------------------------------------------------- */

void pblink_x_reset(struct pblink *p, const char *reason)
{
	if (!p->synced)
		return;
	p->synced = p->configured = false;
	/* The board forgot a line it had begun, and what it was told. */
	p->rx.tail = p->rx_line;
	p->rx_skip = false;
	p->peer_full = false;
	pblink_x_forget_told(p);
	if (p->out_kind == OUT_LINE)
		p->out_again = true;
	p->out_kind = OUT_NONE;
	p->out_n = 0;
	pblink_x_trace(p, p->heard, LAN_TRACE_STATE, "reset", reason, strlen(reason));
	pblink_x_event(p, PBLINK_RESET, LAN_OK, reason);
}

void pblink_x_sync(struct pblink *p, lan_time now)
{
	pblink_x_reset(p, "the board started again");
	p->synced = true;
	pblink_x_count(p, PBLINK_C_syncs);
	pblink_x_trace(p, now, LAN_TRACE_STATE, "synced", NULL, 0);
	pblink_x_event(p, PBLINK_SYNCED, LAN_OK, "");
}

/* The first server connection under this configuration: `k` and `r` begin. */
void pblink_x_come_alive(struct pblink *p, lan_time now)
{
	p->alive = true;
	p->k_at = now + p->cfg.keepalive;
	p->r_at = p->settings.report ? now + p->settings.report : LAN_NEVER;
}

/* ---- time and state -------------------------------------------------- */

/* Without drift, and without catching up after a pause. */
static lan_time next_after(lan_time at, lan_time period, lan_time now)
{
	return at + period > now ? at + period : now + period;
}

void pblink_tick(struct pblink *p, lan_time now)
{
	if (p->configured && now >= p->k_at) {
		p->k_due = true;
		p->k_at = next_after(p->k_at, p->cfg.keepalive, now);
	}
	if (p->configured && now >= p->r_at) {
		p->r_at = next_after(p->r_at, p->settings.report, now);
		pblink_x_event(p, PBLINK_REPORT_DUE, LAN_OK, "");
	}
	if (!p->silent && now >= p->heard + p->cfg.silent) {
		p->silent = true;
		pblink_x_event(p, PBLINK_SILENT, LAN_ERR_TIMEOUT, "nothing heard from the board");
	}
	if (p->cfg.transport == PBLINK_I2C)
		pblink_i2c_tick(p, now);
	else
		pblink_serial_tick(p, now);
}

lan_time pblink_deadline(const struct pblink *p)
{
	lan_time at = p->cfg.transport == PBLINK_I2C ? p->i2c.until : p->ser.until;
	if (p->k_at < at)
		at = p->k_at;
	if (p->r_at < at)
		at = p->r_at;
	if (!p->silent && p->heard + p->cfg.silent < at)
		at = p->heard + p->cfg.silent;
	return at;
}

bool pblink_synced(const struct pblink *p)
{
	return p->synced;
}

bool pblink_configured(const struct pblink *p)
{
	return p->configured;
}

bool pblink_silent(const struct pblink *p)
{
	return p->silent;
}

const struct pblink_settings *pblink_settings(const struct pblink *p)
{
	return p->have_settings ? &p->settings : NULL;
}

const struct pblink_counters *pblink_counters(const struct pblink *p)
{
	return &p->count;
}
