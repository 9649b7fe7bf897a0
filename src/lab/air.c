/*
 * air.c - what is on the air, and when it reaches whom; see air.h.
 *
 * A packet to one address is repeated up to three times until its acknowledgement comes, each of them lost or
 * not by chance of its own; who hears it twice takes the first. One to everybody is said once and not
 * acknowledged. What becomes of a packet is decided when it begins; hosts are told when it would have
 * happened. Chance is a function of the seed and of how many packets there were.
 */
#include "lab/air.h"

#include <stdlib.h>
#include <string.h>
#include "lab/air_int.h"
#include "lab/rule.h"

#define TRIES     4
#define ALL       0xffff
#define OPT_NOACK 1
#define OPT_PAN   4 /* to all networks on the channel */

/* Header and check 17 octets of 32 us each; waiting for a free channel, and for the acknowledgement. */
#define PER_OCTET LAN_US(32)
#define PER_TRY   (17 * PER_OCTET + LAN_MS(2))

const char *lab_air_counter_name(enum lab_air_counter c)
{
	static const char *const names[] = {
#define X(name, help) #name,
		LAB_AIR_COUNTERS(X)
#undef X
	};
	return names[c];
}

lan_time air_octet(const struct lab_air *a)
{
	return a->cfg.baud ? LAN_SEC(10) / a->cfg.baud : 0;
}

/* ---- to the host ------------------------------------------------------------------ */

void air_say(struct lab_air *a, uint32_t i, lan_time now, const void *p, size_t n)
{
	struct air_module *m = &a->module[i];
	if (n > sizeof m->out - m->out_n) {
		a->counter[LAB_AIR_overrun] += n;
		return;
	}
	if (m->out_n == 0 && m->out_next < now)
		m->out_next = now + air_octet(a);
	memcpy(m->out + m->out_n, p, n);
	/* A host that listens at another speed hears something else. */
	for (size_t k = 0; a->cfg.baud && m->speed != a->cfg.baud && k < n; k++)
		m->out[m->out_n + k] ^= 0xa5;
	m->out_n += n;
}

void air_say_frame(struct lab_air *a, uint32_t i, lan_time now, const struct xbee_frame *f)
{
	uint8_t wire[XBEE_WIRE_MAX];
	air_say(a, i, now, wire, xbee_encode(wire, sizeof wire, (int)a->module[i].mode, f));
}

static struct air_later *later(struct lab_air *a, uint32_t i, lan_time due)
{
	struct air_later *l = calloc(1, sizeof *l), **at = &a->later;
	if (!l)
		return NULL;
	while (*at && (*at)->due <= due)
		at = &(*at)->next;
	*l = (struct air_later){.next = *at, .due = due, .module = i};
	*at = l;
	return l;
}

/* ---- on the air ---------------------------------------------------------------------- */

static bool lost(struct lab_air *a)
{
	return lab_hits(lab_chance(a->cfg.seed, 0, 0, 0, a->rolls++, 0), a->cfg.loss);
}

static bool has_header(const struct air_module *m)
{
	return m->set[SET_MM] == 0 || m->set[SET_MM] == 3;
}

/* Whether `r` listens where the packet is said, and is meant. */
static bool is_meant(const struct lab_air *a, uint32_t i, const struct air_packet *p, uint32_t r)
{
	const struct air_module *from = &a->module[i], *to = &a->module[r];
	return r != i && to->on && to->set[SET_CH] == from->set[SET_CH] &&
	       (p->options & OPT_PAN || to->set[SET_ID] == from->set[SET_ID]) &&
	       (p->to == ALL || p->to == to->set[SET_MY]);
}

/* What `r` tells its host. */
static void hand_over(struct lab_air *a, uint32_t i, const struct air_packet *p, uint32_t r, lan_time due)
{
	const struct air_module *from = &a->module[i];
	struct air_module *to = &a->module[r];
	uint8_t data[XBEE_RF_MAX + 2] = {0};
	size_t n = p->n;
	bool header = has_header(from);
	if (has_header(to) && !header) {
		a->counter[LAB_AIR_foreign]++;
		return;
	}
	size_t at = header && !has_header(to) ? 2 : 0;
	memcpy(data + at, p->data, n);
	uint16_t my = (uint16_t)from->set[SET_MY];
	to->rssi = (uint8_t)(40 + (7 * i + 13 * r) % 30);
	struct air_later *l = later(a, r, due);
	if (!l)
		return;
	a->counter[LAB_AIR_heard]++;
	if (to->mode == 0) {
		l->n = n + at;
		memcpy(l->p, data, l->n);
		return;
	}
	struct xbee_frame f = {.api = XBEE_RX16,
		.addr = {(uint8_t)my, (uint8_t)(my >> 8)},
		.rssi = to->rssi,
		.options = (uint8_t)((p->to == ALL ? 2 : 0) | (p->options & OPT_PAN)),
		.data = data,
		.len = n + at};
	l->n = xbee_encode(l->p, sizeof l->p, (int)to->mode, &f);
}

/* One time on the air. True: somebody acknowledged it. */
static bool try_once(
	struct lab_air *a, uint32_t i, const struct air_packet *p, uint64_t *had, bool ack, lan_time at)
{
	bool acked = false;
	a->counter[LAB_AIR_tried]++;
	for (uint32_t r = 0; r < a->cfg.modules; r++) {
		if (!is_meant(a, i, p, r))
			continue;
		if (lost(a)) {
			a->counter[LAB_AIR_lost]++;
			continue;
		}
		if (*had >> r & 1)
			a->counter[LAB_AIR_doubled]++;
		else
			hand_over(a, i, p, r, at + a->cfg.delay);
		*had |= UINT64_C(1) << r;
		if (ack && lost(a))
			a->counter[LAB_AIR_acks_lost]++;
		else
			acked = true;
	}
	return acked;
}

static void on_air(struct lab_air *a, uint32_t i, lan_time now)
{
	struct air_module *m = &a->module[i];
	const struct air_packet *p = &m->tx[0];
	bool ack = p->to != ALL && !(p->options & OPT_NOACK) && m->set[SET_MM] != 1 && m->set[SET_MM] != 3;
	lan_time per_try = a->cfg.baud ? PER_TRY + p->n * PER_OCTET : 0, at = now;
	uint64_t had = 0;
	bool acked = false;
	for (int t = 0; t < (ack ? TRIES : 1) && !acked; t++) {
		at += per_try;
		acked = try_once(a, i, p, &had, ack, at);
	}
	if (ack && !acked)
		a->counter[LAB_AIR_unanswered]++;
	m->busy = true;
	struct air_later *l = later(a, i, at + a->cfg.delay);
	if (!l)
		return;
	l->status = true;
	struct xbee_frame f = {.api = XBEE_TX_STATUS, .frame_id = p->id, .status = ack && !acked ? 1 : 0};
	if (p->id && m->mode)
		l->n = xbee_encode(l->p, sizeof l->p, (int)m->mode, &f);
}

void air_send(struct lab_air *a, uint32_t i, lan_time now, const struct air_packet *p)
{
	struct air_module *m = &a->module[i];
	a->counter[LAB_AIR_said]++;
	m->tx[m->tx_n++] = *p; /* the caller left room */
	if (!m->busy)
		on_air(a, i, now);
}

/* ---- time ------------------------------------------------------------------------------ */

static void take_later(struct lab_air *a, lan_time now)
{
	while (a->later && a->later->due <= now) {
		struct air_later *l = a->later;
		struct air_module *m = &a->module[l->module];
		a->later = l->next;
		/* While it is in command mode, nothing else goes to its host. */
		if (m->on && l->n && !m->command)
			air_say(a, l->module, l->due, l->p, l->n);
		if (m->on && l->status) {
			m->busy = false;
			memmove(m->tx, m->tx + 1, --m->tx_n * sizeof *m->tx);
			if (m->tx_n)
				on_air(a, l->module, l->due);
			air_octets(a, l->module, now);
		}
		free(l);
	}
}

void lab_air_tick(struct lab_air *a, lan_time now)
{
	take_later(a, now);
	for (uint32_t i = 0; i < a->cfg.modules; i++) {
		air_octets(a, i, now);
		air_moments(a, i, now);
	}
	take_later(a, now);
}

/* Octets reach the host some at a time, as from the buffer of an adapter. */
#define FIFO 16

static size_t wanted(const struct air_module *m)
{
	return m->out_n < FIFO ? m->out_n : FIFO;
}

lan_time lab_air_deadline(const struct lab_air *a, lan_time now)
{
	lan_time at = a->later ? a->later->due : LAN_NEVER;
	for (uint32_t i = 0; i < a->cfg.modules; i++) {
		const struct air_module *m = &a->module[i];
		lan_time due = air_due(a, i);
		at = due < at ? due : at;
		if (!m->out_n)
			continue;
		due = m->out_next + (wanted(m) - 1) * air_octet(a);
		/* What is due already waits for the host, not for time. */
		if (due > now && due < at)
			at = due;
	}
	return at;
}

const uint8_t *lab_module_pending(const struct lab_air *a, uint32_t i, lan_time now, size_t *n)
{
	const struct air_module *m = &a->module[i];
	lan_time octet = air_octet(a);
	*n = m->out_n;
	if (octet && m->out_n) {
		size_t come = now < m->out_next ? 0 : (size_t)((now - m->out_next) / octet + 1);
		*n = come < wanted(m) ? 0 : come < m->out_n ? come : m->out_n;
	}
	return m->out;
}

void lab_module_sent(struct lab_air *a, uint32_t i, lan_time now, size_t n)
{
	struct air_module *m = &a->module[i];
	(void)now;
	m->out_n -= n;
	memmove(m->out, m->out + n, m->out_n);
	m->out_next += n * air_octet(a);
}

void lab_module_noise(struct lab_air *a, uint32_t i, lan_time now, const uint8_t *p, size_t n)
{
	if (a->module[i].on)
		air_say(a, i, now, p, n);
}

/* ---- life --------------------------------------------------------------------------------- */

static void forget_later(struct lab_air *a, uint32_t i)
{
	for (struct air_later **at = &a->later; *at;) {
		struct air_later *l = *at;
		if (l->module == i) {
			*at = l->next;
			free(l);
		} else {
			at = &l->next;
		}
	}
}

static void begin(struct lab_air *a, uint32_t i, lan_time now, uint8_t why)
{
	struct air_module *m = &a->module[i];
	uint32_t saved[SETS];
	memcpy(saved, m->saved, sizeof saved);
	forget_later(a, i);
	*m = (struct air_module){.on = true, .heard = now};
	memcpy(m->saved, saved, sizeof saved);
	memcpy(m->set, saved, sizeof saved);
	m->mode = m->set[SET_AP];
	m->speed = m->set[SET_BD];
	xbee_parser_init(&m->parser, (int)m->mode);
	if (m->mode)
		air_say_frame(a, i, now, &(struct xbee_frame){.api = XBEE_MODEM_STATUS, .status = why});
}

void lab_module_power(struct lab_air *a, uint32_t i, lan_time now, bool on)
{
	if (on == a->module[i].on)
		return;
	if (on) {
		begin(a, i, now, 0);
		return;
	}
	forget_later(a, i);
	a->module[i].on = false;
	a->module[i].out_n = a->module[i].in_n = 0;
}

void lab_module_reset(struct lab_air *a, uint32_t i, lan_time now)
{
	if (a->module[i].on)
		begin(a, i, now, 1);
}

struct lab_air *lab_air_new(const struct lab_air_config *cfg)
{
	struct lab_air *a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	a->cfg = *cfg;
	for (uint32_t i = 0; i < cfg->modules; i++)
		air_defaults(a, a->module[i].saved);
	if (cfg->baud)
		for (uint32_t i = 0; i < cfg->modules; i++)
			a->module[i].saved[SET_BD] = cfg->baud;
	return a;
}

void lab_air_free(struct lab_air *a)
{
	if (!a)
		return;
	for (uint32_t i = 0; i < a->cfg.modules; i++)
		forget_later(a, i);
	free(a);
}

struct lab_air_config *lab_air_settings(struct lab_air *a)
{
	return &a->cfg;
}

uint64_t lab_air_counter(const struct lab_air *a, enum lab_air_counter c)
{
	return a->counter[c];
}
