/*
 * iot_relay.c - what the relay knows of the line link's wire (docs/protocols/
 * iot.md, section 2.2): which line is an id, a keepalive, an acknowledgement or
 * a message; the aimed rules; the random faults.
 *
 * An id line is never copied, delayed or overtaken: TCP does none of that, and
 * the wire has nothing to tell a second id line from a message. It is lost and
 * cut like any other. A held line is let go after 50 later ones at the latest,
 * and before the sender's window and the lines that overtook it exceed the 150
 * ids a receiver remembers: beyond that nobody can tell old from new, the wire
 * has 255 ids. (TCP delivers nothing twice; this is already harsher than life.)
 */
#include <stdlib.h>
#include <string.h>
#include "iot_world.h"

#define HOLD_LINES 50
#define RECORD     150

static int hex(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_mid(const uint8_t *line, size_t len)
{
	if (len < 3 || hex(line[0]) < 0 || hex(line[1]) < 0)
		return -1;
	return hex(line[0]) * 16 + hex(line[1]);
}

static void keep(struct world *w, uint32_t stream, int from, int client, enum what what, const uint8_t *line,
	size_t len)
{
	if (w->n_wire == w->cap_wire) {
		w->cap_wire = w->cap_wire * 2 + 64;
		w->wire = realloc(w->wire, w->cap_wire * sizeof *w->wire);
	}
	if (w->wire_len + len > w->wire_cap) {
		w->wire_cap = w->wire_cap * 2 + len + 1024;
		w->wire_text = realloc(w->wire_text, w->wire_cap);
	}
	if (!w->wire || !w->wire_text)
		abort();
	memcpy(w->wire_text + w->wire_len, line, len);
	w->wire[w->n_wire++] = (struct wire_line){.at = sim_now(w->sim),
		.stream = stream,
		.from = from,
		.client = client,
		.what = what,
		.text = (uint32_t)w->wire_len,
		.len = (uint32_t)len};
	w->wire_len += len;
}

static bool matches(
	const struct rule *r, int from, int client, enum what what, const uint8_t *line, size_t len)
{
	size_t n = strlen(r->text);

	if ((r->dir >= 0 && r->dir != from) || (r->client >= 0 && r->client != client))
		return false;
	if (r->what != W_ANY && r->what != what)
		return false;
	if (r->mid >= 0 && r->mid != hex_mid(line, len))
		return false;
	return !n || (what == W_MSG && len >= 3 + n && memmem(line + 2, len - 3, r->text, n));
}

static unsigned hold_lines(const struct world *w, int client, int from)
{
	const struct party *p = &w->p[from == 0 ? client : w->p[client].of];
	unsigned window = p->cfg.window ? p->cfg.window : p->server ? 16 : 100;

	return window + HOLD_LINES <= RECORD ? HOLD_LINES : RECORD - window;
}

static struct sim_verdict random_fault(struct world *w, int client, int from, enum what what, size_t len)
{
	const struct impair *m = &w->im;
	struct rng *g = &w->rng;
	uint64_t x = rng_below(g, 1000000);
	bool id = what == W_ID;
	uint32_t lose = what == W_MSG ? m->lose_msg : what == W_ACK ? m->lose_ack : m->lose_other;

#define HIT(ppm) (x < (ppm) || (x -= (ppm), false))
	if (HIT(lose))
		return (struct sim_verdict){.drop = true, .why = "lost"};
	if (HIT(m->cut))
		return (struct sim_verdict){.cut = true,
			.cut_at = (uint32_t)rng_below(g, len + 1),
			.tell_sender = rng_below(g, 2) ? SIM_RST : SIM_FIN,
			.tell_receiver = rng_below(g, 2) ? SIM_RST : SIM_FIN,
			.why = "cut"};
	if (HIT(m->swallow))
		return (struct sim_verdict){.cut = true,
			.tell_sender = SIM_FIN,
			.tell_receiver = SIM_FIN,
			.why = "lost and closed"};
	if (HIT(m->hole))
		return (struct sim_verdict){.stall = LAN_NEVER, .why = "black hole from here"};
	if (HIT(m->half)) {
		bool sender = rng_below(g, 2);

		return (struct sim_verdict){.cut = true,
			.cut_at = rng_below(g, 2) ? (uint32_t)len : 0,
			.tell_sender = sender ? SIM_RST : SIM_SILENT,
			.tell_receiver = sender ? SIM_SILENT : SIM_RST,
			.why = "half open from here"};
	}
	if (HIT(m->stall))
		return (struct sim_verdict){.stall = 1 + rng_below(g, 2 * w->T), .why = "stall"};
	if (!id && HIT(m->dup))
		return (struct sim_verdict){.copies = 1,
			.copy_delay = rng_below(g, 2) ? 0 : rng_below(g, m->hold_max),
			.hold_lines = hold_lines(w, client, from),
			.why = "doubled"};
	if (!id && HIT(m->delay))
		return (struct sim_verdict){.delay = 1 + rng_below(g, m->hold_max),
			.hold_lines = hold_lines(w, client, from),
			.why = "delayed"};
	if (!id && HIT(m->swap))
		return (struct sim_verdict){.swap = true, .why = "overtaken by the next"};
#undef HIT
	return (struct sim_verdict){0};
}

/* Is this the first line of its stream? The world marks streams as they come up. */
static enum what classify(bool first, int from, const uint8_t *line, size_t len)
{
	if (first && from == 0)
		return W_ID;
	return len == 1 ? W_KEEPALIVE : len == 3 ? W_ACK : W_MSG;
}

static int client_of(struct world *w, uint32_t stream)
{
	int nodes[2];

	sim_stream_nodes(w->sim, stream, nodes);
	return nodes[0]; /* parties and nodes are numbered alike */
}

struct sim_verdict iot_relay(void *ctx, uint32_t stream, int from, const uint8_t *line, size_t len)
{
	struct world *w = ctx;
	int client = client_of(w, stream);
	enum what what = classify(from == 0 && !w->p[client].id_sent, from, line, len);

	w->id_line = what == W_ID;
	if (what == W_ID)
		w->p[client].id_sent = true;
	w->wire_msgs += what == W_MSG;
	w->wire_acks += what == W_ACK;
	w->wire_keepalives += what == W_KEEPALIVE;
	if (w->keep_wire)
		keep(w, stream, from, client, what, line, len);
	for (size_t i = 0; i < w->n_rules; i++) {
		struct rule *r = &w->rules[i];

		if (!r->times || !matches(r, from, client, what, line, len))
			continue;
		if (r->skip) {
			r->skip--;
			continue;
		}
		if (r->times != UINT32_MAX)
			r->times--;
		r->hits++;
		return r->v;
	}
	return w->faults ? random_fault(w, client, from, what, len) : (struct sim_verdict){0};
}
