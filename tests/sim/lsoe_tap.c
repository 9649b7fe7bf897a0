/*
 * lsoe_tap.c - what is on the wire of lsoe_world.h, seen frame by frame.
 *
 * At every moment: the datagrams of a PDU leave in a row; what a node of ours sends to addresses it has no
 * established session with is never more than the frames it got by that link, and LW_FREE_BURST +
 * LW_FREE_RATE a second beyond. Once the faults are over: no node sends more than so many PDUs a second. In
 * the end: nothing but HELLO, KEEPALIVE and measurements, but towards those who cannot be neighbours.
 */
#include <stdio.h>
#include <string.h>
#include "lsoe_world.h"

#define LW_FREE_BURST 64.0
#define LW_FREE_RATE  20.0 /* a second */
#define LW_FREE_MOST  256.0

int ltap_type(enum lsoe_dialect d, const uint8_t *f, size_t n, int *acks, size_t *len)
{
	size_t header = d == LSOE_01 ? 8 : 12, at = d == LSOE_01 ? 2 : 6, pdu = d == LSOE_01 ? 3 : 5;
	bool first;

	*acks = -1;
	*len = n;
	if (n <= header)
		return -1;
	*len = (size_t)f[at] << 8 | f[at + 1];
	first = d == LSOE_01 ? !(f[1] & 127) : !(f[3] & 127) && !f[4] && !f[5];
	if (!first)
		return -1;
	if (f[header] == LSOE_ACK && n > header + pdu)
		*acks = f[header + pdu];
	return f[header];
}

/* One that makes its receiver acknowledge, or acknowledges, anything but an OPEN. */
static bool counts_once(int type, int acks)
{
	return type == LSOE_ACK ? acks != LSOE_OPEN
				: type != LSOE_HELLO && type != LSOE_OPEN && type != LSOE_KEEPALIVE;
}

static bool harmless(int type)
{
	return type == LSOE_HELLO || type == LSOE_KEEPALIVE || type == LSOE_VENDOR;
}

static void may_send(struct lworld *w, struct lw_port *from, const struct frame_packet *p, int type)
{
	struct lw_node *d = &w->node[from->node];
	lan_time now = sim_now(w->sim);
	struct lw_seen *s;

	if (p->to[0] & 1)
		return;
	s = lledger_seen(d, from->link, p->to);
	if (s && s->up)
		return;
	from->credit += (double)(now - from->credit_at) / 1e9 * LW_FREE_RATE;
	from->credit_at = now;
	if (from->credit > LW_FREE_MOST)
		from->credit = LW_FREE_MOST;
	from->credit -= 1;
	if (from->credit < -LW_FREE_BURST)
		sim_fail(w->sim, "%s answers more than it was asked: type %d to %s, which is no neighbour",
			d->name, type, lworld_mac(p->to));
}

/* To neighbours, and to all; what goes to anybody else is bounded by what came. */
static void count_rate(struct lworld *w, struct lw_node *d, const struct frame_packet *p, int type)
{
	lan_time second = sim_now(w->sim) / LAN_SEC(1);

	if (d->second != second) {
		d->second = second;
		d->pdus = 0;
	}
	d->pdus += type >= 0 && (p->to[0] & 1 || lworld_at(w, p->segment, p->to));
	if (w->over && w->limit && d->pdus > w->limit)
		sim_fail(w->sim, "%s storms: more than %u PDUs in a second", d->name, w->limit);
}

/* Section 1.5: nothing goes between the datagrams of a PDU to the same address. */
static void in_a_row(struct lworld *w, struct lw_port *from, const struct frame_packet *p)
{
	const uint8_t *f = p->data;
	bool last = f[w->dialect == LSOE_01 ? 1 : 3] & 128;
	uint32_t number = w->dialect == LSOE_01 ? f[1] & 127u : (uint32_t)f[4] << 8 | f[5];

	if (from->open_next && memcmp(from->open_to, p->to, 6) != 0)
		return;
	if (number != from->open_next)
		sim_fail(w->sim, "%s sends datagram %u of a PDU where %u belongs", w->node[from->node].name,
			number, from->open_next);
	from->open_next = last ? 0 : number + 1;
	memcpy(from->open_to, p->to, 6);
}

static void judge_quiet(
	struct lworld *w, struct lw_port *from, const struct frame_packet *p, int type, int acks)
{
	struct lw_port *to = lworld_at(w, p->segment, p->to);

	if (harmless(type))
		return;
	if (!to || !lledger_excuse(w, from, to))
		sim_fail(w->sim, "%s is not quiet: type %d (acknowledging %d) to %s",
			w->node[from->node].name, type, acks, lworld_mac(p->to));
}

static void note(struct lworld *w, const struct frame_packet *p, int type, int acks, size_t len)
{
	const uint8_t *nonce = p->data + (w->dialect == LSOE_01 ? 11 : 17);
	char text[24] = "";

	if (type == LSOE_OPEN && p->len > 20)
		snprintf(text, sizeof text, " %02x%02x%02x%02x", nonce[0], nonce[1], nonce[2], nonce[3]);
	sim_note(w->sim, "#%llu%s %s -> %s type %d%s acks %d, %zu octets", (unsigned long long)p->id,
		p->port < 0 ? " injected" : "", lworld_mac(p->src), lworld_mac(p->to), type, text, acks, len);
}

void ltap_sent(void *world, struct frame_packet *p)
{
	struct lworld *w = world;
	struct lw_port *from = p->port >= 0 ? &w->port[p->port] : NULL;
	size_t len;
	int acks, type = ltap_type(w->dialect, p->data, p->len, &acks, &len);

	p->solid = (uint32_t)
		len; /* who is Lanyard is told in the padding: a flipped bit there is no fault of ours */
	p->single = w->pure && counts_once(type, acks);
	w->wire[type < 0 ? 15 : type > LSOE_ULPC ? 14 : type]++;
	if (w->verbose)
		note(w, p, type, acks, len);
	if (w->hostile)
		lhostile_heard(w->hostile, p);
	if (!from || w->node[from->node].model)
		return;
	in_a_row(w, from, p);
	may_send(w, from, p, type);
	count_rate(w, &w->node[from->node], p, type);
	if (w->quiet)
		judge_quiet(w, from, p, type, acks);
}

void ltap_judged(void *world, int port, const struct frame_packet *p, enum lan_err e)
{
	struct lworld *w = world;
	struct lw_port *to = &w->port[port];
	struct lw_node *d = &w->node[to->node];

	to->credit += 1;
	if (d->model && lsoed_died(d->lsoed))
		sim_fail(w->sim, "%s, an original, ends of %s (frame #%llu from %s)", d->name,
			lsoed_died(d->lsoed), (unsigned long long)p->id, lworld_mac(p->src));
}
