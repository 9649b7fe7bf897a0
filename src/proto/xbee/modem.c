/*
 * modem.c - the modem between frames and packets, see xbee.h; getting it ready is in start.c.
 *
 * A packet waits in a queue until the module has room for it, then for its transmit status; what is wrong
 * with it is told to the owner, which decides whether to say it again. The module has restarted when it says
 * so by itself (status 8A): it has the settings of its flash memory then, so we begin anew.
 */
#include <stdlib.h>
#include <string.h>
#include "proto/xbee/xbee_int.h"

#define GUARD     LAN_MS(1100)
#define ANSWER    LAN_SEC(2)
#define TX_STATUS LAN_SEC(1)
#define QUEUE     64
#define QUEUE_MAX 65536

/* Inside of a frame octets follow each other within milliseconds. */
#define SILENCE LAN_MS(250)

static const uint8_t all[2] = {0xff, 0xff};

const char *xbee_counter_name(enum xbee_counter c)
{
	static const char *const names[] = {
#define X(name, help) #name,
		XBEE_COUNTERS(X)
#undef X
	};
	return names[c];
}

const char *xbee_counter_help(enum xbee_counter c)
{
	static const char *const helps[] = {
#define X(name, help) help,
		XBEE_COUNTERS(X)
#undef X
	};
	return helps[c];
}

/* ---- events ----------------------------------------------------------------------- */

/* NULL: the owner has not taken its events for long; lost ones are counted where they are packets. */
struct xbee_event *xbee_push(struct xbee_modem *m, enum xbee_event_kind kind, bool packet)
{
	/* What is not a packet is bounded by the queue: it finds room. */
	if (m->e_count >= (packet ? XBEE_EVENTS : m->e_cap)) {
		if (packet)
			m->counter[XBEE_C_drop_queue]++;
		return NULL;
	}
	struct xbee_waiting *w = &m->events[(m->e_head + m->e_count++) % m->e_cap];
	w->ev = (struct xbee_event){.kind = kind, .text = ""};
	return &w->ev;
}

bool xbee_modem_event(struct xbee_modem *m, struct xbee_event *ev)
{
	if (m->e_count == 0)
		return false;
	*ev = m->events[m->e_head].ev;
	m->e_head = (m->e_head + 1) % m->e_cap;
	m->e_count--;
	return true;
}

static void unsent(struct xbee_modem *m, const uint8_t addr[2], enum lan_err why, const char *text)
{
	struct xbee_event *ev = xbee_push(m, XBEE_EV_UNSENT, false);
	if (!ev)
		return;
	memcpy(ev->addr, addr, 2);
	ev->group = !memcmp(addr, all, 2);
	ev->err = why;
	ev->text = text;
}

/* ---- out ------------------------------------------------------------------------------ */

void xbee_out(struct xbee_modem *m, const void *p, size_t n)
{
	if (m->out_at == m->out_len)
		m->out_at = m->out_len = 0;
	if (n > sizeof m->out - m->out_len && m->out_at) {
		m->out_len -= m->out_at;
		memmove(m->out, m->out + m->out_at, m->out_len);
		m->out_at = 0;
	}
	if (n > sizeof m->out - m->out_len)
		return; /* the line takes nothing; what is missing will not be answered */
	memcpy(m->out + m->out_len, p, n);
	m->out_len += n;
}

void xbee_out_frame(struct xbee_modem *m, const struct xbee_frame *f)
{
	uint8_t wire[XBEE_WIRE_MAX];
	xbee_out(m, wire, xbee_encode(wire, sizeof wire, m->cfg.mode, f));
}

const uint8_t *xbee_modem_pending(struct xbee_modem *m, size_t *n)
{
	*n = m->out_len - m->out_at;
	return m->out + m->out_at;
}

void xbee_modem_sent(struct xbee_modem *m, lan_time now, size_t n)
{
	size_t left = m->out_len - m->out_at;
	m->out_at += n < left ? n : left;
	/* Silence begins behind the last octet. */
	if (m->phase == XBEE_PH_GUARD && n)
		m->due = now + m->cfg.guard;
}

static size_t in_flight(const struct xbee_modem *m, struct xbee_flight **room)
{
	size_t bytes = 0;
	*room = NULL;
	for (unsigned i = 0; i < XBEE_WINDOW; i++) {
		bytes += m->flight[i].id ? m->flight[i].bytes : 0;
		if (!m->flight[i].id)
			*room = (struct xbee_flight *)&m->flight[i];
	}
	return bytes;
}

static uint8_t free_id(struct xbee_modem *m)
{
	for (;;) {
		bool used = false;
		m->next_id = m->next_id == 255 ? 1 : m->next_id + 1;
		for (unsigned i = 0; i < XBEE_WINDOW; i++)
			used |= m->flight[i].id == m->next_id;
		if (!used)
			return m->next_id;
	}
}

/* From the queue to the module, as much as it has room for. */
static void fill(struct xbee_modem *m, lan_time now)
{
	struct xbee_flight *f;
	while (m->phase == XBEE_PH_READY && m->q_count) {
		const struct xbee_packet *p = &m->queue[m->q_head];
		uint16_t bytes = (uint16_t)(p->len + 9);
		size_t out = in_flight(m, &f);
		if (!f || (out && out + bytes > XBEE_WINDOW_BYTES))
			return;
		*f = (struct xbee_flight){.id = free_id(m), .bytes = bytes, .due = now + m->cfg.tx_status};
		memcpy(f->addr, p->addr, 2);
		struct xbee_frame frame = {
			.api = XBEE_TX16, .frame_id = f->id, .data = p->data, .len = p->len};
		memcpy(frame.addr, p->addr, 2);
		xbee_out_frame(m, &frame);
		m->counter[XBEE_C_tx_packets]++;
		m->q_head = (m->q_head + 1) % m->cfg.max_queue;
		m->q_count--;
	}
}

enum lan_err xbee_modem_send(
	struct xbee_modem *m, lan_time now, const uint8_t addr[2], const void *p, size_t n)
{
	if (m->phase != XBEE_PH_READY)
		return LAN_ERR_CLOSED;
	if (n > XBEE_RF_MAX)
		return LAN_ERR_TOOBIG;
	if (m->q_count == m->cfg.max_queue) {
		m->counter[XBEE_C_drop_queue]++;
		return LAN_ERR_FULL;
	}
	struct xbee_packet *to = &m->queue[(m->q_head + m->q_count++) % m->cfg.max_queue];
	memcpy(to->addr, addr, 2);
	to->len = (uint8_t)n;
	if (n)
		memcpy(to->data, p, n);
	fill(m, now);
	return LAN_OK;
}

void xbee_forget(struct xbee_modem *m, enum lan_err why, const char *text)
{
	for (unsigned i = 0; i < XBEE_WINDOW; i++) {
		if (m->flight[i].id)
			unsent(m, m->flight[i].addr, why, text);
		m->flight[i].id = 0;
	}
	for (; m->q_count; m->q_count--) {
		unsent(m, m->queue[m->q_head].addr, why, text);
		m->q_head = (m->q_head + 1) % m->cfg.max_queue;
	}
	m->out_at = m->out_len = 0;
}

/* ---- in ---------------------------------------------------------------------------------- */

static void on_status(struct xbee_modem *m, const struct xbee_frame *f)
{
	for (unsigned i = 0; i < XBEE_WINDOW; i++) {
		struct xbee_flight *x = &m->flight[i];
		if (!x->id || x->id != f->frame_id)
			continue;
		x->id = 0;
		if (f->status == 0) {
			m->counter[XBEE_C_tx_acked]++;
		} else if (f->status == 1) {
			m->counter[XBEE_C_tx_unacked]++;
			unsent(m, x->addr, LAN_ERR_UNREACH, "not acknowledged by the other radio");
		} else {
			m->counter[XBEE_C_tx_busy]++;
			unsent(m, x->addr, LAN_ERR_AGAIN,
				f->status == 2 ? "the channel is busy" : "purged by the module");
		}
		return;
	}
	m->counter[XBEE_C_drop_stray]++;
}

static void on_packet(struct xbee_modem *m, const struct xbee_frame *f)
{
	struct xbee_event *ev = xbee_push(m, XBEE_EV_PACKET, true);
	if (!ev)
		return;
	struct xbee_waiting *w = (struct xbee_waiting *)ev; /* the first member */
	m->counter[XBEE_C_rx_packets]++;
	memcpy(ev->addr, f->addr, 2);
	ev->rssi = f->rssi;
	ev->group = f->options & 6; /* by address, or by PAN */
	if (f->len)
		memcpy(w->data, f->data, f->len);
	ev->data = w->data;
	ev->len = f->len;
}

/* Status 0 and 1: by its reset line or power, and by its watchdog. */
static void on_modem_status(struct xbee_modem *m, lan_time now, const struct xbee_frame *f)
{
	if (f->status > 1)
		return;
	struct xbee_event *ev = xbee_push(m, XBEE_EV_FAILED, false);
	if (ev) {
		ev->err = LAN_ERR_RESET;
		ev->text = "the module restarted";
	}
	xbee_forget(m, LAN_ERR_RESET, "the module restarted");
	xbee_start(m, now);
}

static void on_frame(struct xbee_modem *m, lan_time now, const struct xbee_frame *f)
{
	if (m->phase != XBEE_PH_READY) {
		xbee_start_frame(m, now, f);
		return;
	}
	switch (f->api) {
	case XBEE_RX16:
		on_packet(m, f);
		break;
	case XBEE_TX_STATUS:
		on_status(m, f);
		break;
	case XBEE_MODEM_STATUS:
		on_modem_status(m, now, f);
		break;
	case XBEE_AT_RESPONSE: /* late, of the beginning */
		m->counter[XBEE_C_drop_stray]++;
		break;
	default:
		m->counter[XBEE_C_drop_unknown]++;
	}
}

/* The parser is new after each beginning; ours go on. */
static void gather(struct xbee_modem *m)
{
	struct xbee_parser *p = &m->parser;
	m->counter[XBEE_C_drop_noise] += p->noise;
	m->counter[XBEE_C_drop_checksum] += p->bad_checksum;
	m->counter[XBEE_C_drop_length] += p->bad_length;
	m->counter[XBEE_C_drop_unknown] += p->unknown;
	p->noise = p->bad_checksum = p->bad_length = p->unknown = 0;
}

static bool takes_frames(const struct xbee_modem *m)
{
	return m->phase == XBEE_PH_READY || m->phase == XBEE_PH_PROBE;
}

static void parse(struct xbee_modem *m, lan_time now, const uint8_t *p, size_t n)
{
	struct xbee_frame f;
	size_t took;
	for (; takes_frames(m); p += took, n -= took) {
		bool any = xbee_parse(&m->parser, p, n, &took, &f);
		gather(m);
		if (any)
			on_frame(m, now, &f);
		else
			break;
	}
}

void xbee_modem_input(struct xbee_modem *m, lan_time now, const uint8_t *p, size_t n)
{
	if (m->phase == XBEE_PH_ABSENT)
		return;
	if (n)
		m->heard = now;
	/* An answer may be followed by frames in one piece. */
	for (; n && !takes_frames(m); p++, n--)
		xbee_start_octet(m, now, *p);
	parse(m, now, p, n);
	fill(m, now);
}

/* ---- time ---------------------------------------------------------------------------------- */

static lan_time silence_due(const struct xbee_modem *m)
{
	return takes_frames(m) && xbee_parser_inside(&m->parser) ? m->heard + SILENCE : LAN_NEVER;
}

void xbee_modem_tick(struct xbee_modem *m, lan_time now)
{
	if (now >= silence_due(m)) {
		m->heard = now;
		xbee_parser_silence(&m->parser);
		parse(m, now, (const uint8_t *)"", 0);
	}
	xbee_start_tick(m, now);
	for (unsigned i = 0; i < XBEE_WINDOW; i++) {
		struct xbee_flight *x = &m->flight[i];
		if (!x->id || now < x->due)
			continue;
		x->id = 0;
		m->counter[XBEE_C_tx_no_status]++;
		unsent(m, x->addr, LAN_ERR_TIMEOUT, "the module does not say what became of it");
	}
	fill(m, now);
}

lan_time xbee_modem_deadline(const struct xbee_modem *m)
{
	lan_time at = m->due, silence = silence_due(m);
	at = silence < at ? silence : at;
	for (unsigned i = 0; i < XBEE_WINDOW; i++)
		if (m->flight[i].id && m->flight[i].due < at)
			at = m->flight[i].due;
	return at;
}

/* ---- life ----------------------------------------------------------------------------------- */

enum lan_err xbee_modem_new(const struct xbee_config *cfg, struct xbee_modem **out)
{
	struct xbee_config c = *cfg;
	c.channel = c.channel ? c.channel : 12;
	c.mode = c.mode ? c.mode : 1;
	c.guard = c.guard ? c.guard : GUARD;
	c.answer = c.answer ? c.answer : ANSWER;
	c.tx_status = c.tx_status ? c.tx_status : TX_STATUS;
	c.baud = c.baud ? c.baud : 9600;
	c.max_queue = c.max_queue ? c.max_queue : QUEUE;
	if (c.channel < 11 || c.channel > 26 || c.mode < 1 || c.mode > 2 || c.max_queue > QUEUE_MAX)
		return LAN_ERR_INVAL;
	struct xbee_modem *m = calloc(1, sizeof *m);
	if (!m)
		return LAN_ERR_NOMEM;
	m->cfg = c;
	m->due = LAN_NEVER;
	m->e_cap = XBEE_EVENTS + c.max_queue + XBEE_WINDOW + 4;
	m->queue = calloc(c.max_queue, sizeof *m->queue);
	m->events = calloc(m->e_cap, sizeof *m->events);
	if (!m->queue || !m->events) {
		xbee_modem_free(m);
		return LAN_ERR_NOMEM;
	}
	*out = m;
	return LAN_OK;
}

void xbee_modem_free(struct xbee_modem *m)
{
	if (!m)
		return;
	free(m->queue);
	free(m->events);
	free(m);
}

void xbee_modem_plugged(struct xbee_modem *m, lan_time now, bool there)
{
	xbee_forget(m, LAN_ERR_CLOSED, "unplugged");
	if (there) {
		xbee_start(m, now);
		return;
	}
	m->phase = XBEE_PH_ABSENT;
	m->due = LAN_NEVER;
}

enum xbee_state xbee_modem_state(const struct xbee_modem *m)
{
	return m->phase == XBEE_PH_ABSENT  ? XBEE_ABSENT
	       : m->phase == XBEE_PH_READY ? XBEE_READY
					   : XBEE_STARTING;
}

uint64_t xbee_modem_counter(const struct xbee_modem *m, enum xbee_counter c)
{
	return m->counter[c];
}
