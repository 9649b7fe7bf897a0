/*
 * module.c - one simulated module: octets of its host become frames, text or commands; see air.h.
 *
 * Command mode begins after +++ with silence before and behind it (GT), and ends by ATCN or when no command
 * comes for some time (CT). A module that has three packets waiting for the air leaves further octets in its
 * buffer, and beyond that in the line.
 */
#include <string.h>
#include "lab/air_int.h"

#define COME(m, now) ((m)->in_n && (m)->in_next <= (now))

void air_defaults(const struct lab_air *a, uint32_t *set)
{
	static const uint32_t factory[SETS] = {[SET_CH] = 12,
		[SET_ID] = 0x3332,
		[SET_BD] = 9600,
		[SET_GT] = 1000,
		[SET_CT] = 100,
		[SET_RO] = 3};
	(void)a;
	memcpy(set, factory, sizeof factory);
}

static lan_time guard(const struct air_module *m)
{
	return LAN_MS(1) * m->set[SET_GT];
}

/* ---- data ------------------------------------------------------------------------ */

static void send_text(struct lab_air *a, uint32_t i, lan_time now)
{
	struct air_module *m = &a->module[i];
	struct air_packet p = {.to = (uint16_t)m->set[SET_DL], .n = (uint8_t)m->text_n};
	memcpy(p.data, m->text, m->text_n);
	m->text_n = 0;
	/* To a 64-bit address: nobody has one here. */
	if (m->set[SET_DH] == 0)
		air_send(a, i, now, &p);
}

static void on_frame(struct lab_air *a, uint32_t i, lan_time now, const struct xbee_frame *f)
{
	if (f->api == XBEE_AT) {
		air_at_frame(a, i, now, f);
		return;
	}
	if (f->api != XBEE_TX16)
		return;
	struct air_packet p = {.id = f->frame_id,
		.to = (uint16_t)(f->addr[1] << 8 | f->addr[0]),
		.options = f->options,
		.n = (uint8_t)f->len};
	if (f->len > XBEE_RF_MAX) { /* purged */
		struct xbee_frame s = {.api = XBEE_TX_STATUS, .frame_id = f->frame_id, .status = 3};
		air_say_frame(a, i, now, &s);
		return;
	}
	if (f->len)
		memcpy(p.data, f->data, f->len);
	air_send(a, i, now, &p);
}

static void data_octet(struct lab_air *a, uint32_t i, lan_time at, uint8_t c)
{
	struct air_module *m = &a->module[i];
	struct xbee_frame f;
	size_t took;
	if (m->mode == 0) {
		m->text[m->text_n++] = c;
		if (m->text_n == sizeof m->text)
			send_text(a, i, at);
		return;
	}
	/* One octet completes one frame at most, but what was taken for one may hide several. */
	for (const uint8_t *p = &c; xbee_parse(&m->parser, p, p ? 1 : 0, &took, &f) && m->tx_n < AIR_TX;) {
		on_frame(a, i, at, &f);
		p = took ? NULL : p;
	}
}

/* ---- commands ----------------------------------------------------------------------- */

static void command_octet(struct lab_air *a, uint32_t i, lan_time at, uint8_t c)
{
	struct air_module *m = &a->module[i];
	if (c != '\r') {
		if (m->line_n < sizeof m->line - 1)
			m->line[m->line_n++] = (char)c;
		return;
	}
	m->line[m->line_n] = '\0';
	m->line_n = 0;
	air_at_line(a, i, at);
}

static void count_plus(struct air_module *m, lan_time at, uint8_t c)
{
	lan_time gap = at - m->heard;
	bool silence = gap >= guard(m);
	if (c != '+')
		m->plus = 0;
	else if (silence)
		m->plus = 1;
	else if (m->plus && m->plus < 3)
		m->plus++;
	else
		m->plus = 0;
	m->plus_due = m->plus == 3 ? at + guard(m) : LAN_NEVER;
}

static void octet(struct lab_air *a, uint32_t i, lan_time at, uint8_t c)
{
	struct air_module *m = &a->module[i];
	if (a->cfg.baud && m->speed != a->cfg.baud)
		c ^= 0xa5;
	if (m->command) {
		m->heard = at;
		command_octet(a, i, at, c);
		return;
	}
	count_plus(m, at, c);
	m->heard = at;
	if (m->plus == 0 || m->mode == 0)
		data_octet(a, i, at, c);
}

void air_octets(struct lab_air *a, uint32_t i, lan_time now)
{
	struct air_module *m = &a->module[i];
	while (m->on && COME(m, now) && m->tx_n < AIR_TX) {
		uint8_t c = m->in[0];
		lan_time at = m->in_next;
		memmove(m->in, m->in + 1, --m->in_n);
		m->in_next += air_octet(a);
		/* What came before it is settled first: +++ may be over. */
		air_moments(a, i, at);
		octet(a, i, at, c);
	}
}

size_t lab_module_room(const struct lab_air *a, uint32_t i)
{
	return a->module[i].on ? AIR_IN - a->module[i].in_n : 0;
}

void lab_module_input(struct lab_air *a, uint32_t i, lan_time now, const uint8_t *p, size_t n)
{
	struct air_module *m = &a->module[i];
	if (n > lab_module_room(a, i))
		n = lab_module_room(a, i);
	if (m->in_n == 0 && m->in_next < now + air_octet(a))
		m->in_next = now + air_octet(a);
	memcpy(m->in + m->in_n, p, n);
	m->in_n += n;
	lab_air_tick(a, now);
}

/* ---- time ------------------------------------------------------------------------------- */

static lan_time command_ends(const struct air_module *m)
{
	return m->command ? m->heard + LAN_MS(100) * m->set[SET_CT] : LAN_NEVER;
}

static lan_time text_due(const struct lab_air *a, const struct air_module *m)
{
	return m->text_n && m->tx_n < AIR_TX && m->plus == 0 ? m->heard + m->set[SET_RO] * (air_octet(a) + 1)
							     : LAN_NEVER;
}

void air_moments(struct lab_air *a, uint32_t i, lan_time now)
{
	struct air_module *m = &a->module[i];
	if (!m->on)
		return;
	if (m->plus == 3 && now >= m->plus_due) {
		m->plus = 0;
		m->plus_due = LAN_NEVER;
		m->command = true;
		m->line_n = m->text_n = 0;
		m->heard = now;
		air_say(a, i, now, "OK\r", 3);
	}
	if (now >= command_ends(m))
		m->command = false;
	if (now >= text_due(a, m))
		send_text(a, i, now);
}

lan_time air_due(const struct lab_air *a, uint32_t i)
{
	const struct air_module *m = &a->module[i];
	if (!m->on)
		return LAN_NEVER;
	lan_time at = m->in_n && m->tx_n < AIR_TX ? m->in_next : LAN_NEVER, due = command_ends(m);
	at = due < at ? due : at;
	due = m->plus == 3 ? m->plus_due : LAN_NEVER;
	at = due < at ? due : at;
	due = text_due(a, m);
	return due < at ? due : at;
}
