/*
 * status.c - what can be asked of a node: its peers, its counters.
 */
#include "proto/lsoe/lsoe_int.h"

static const char *const names[] = {
#define X(name, help) #name,
	LSOE_COUNTERS(X)
#undef X
};
static const char *const helps[] = {
#define X(name, help) help,
	LSOE_COUNTERS(X)
#undef X
};

const char *lsoe_counter_name(enum lsoe_counter c)
{
	return names[c];
}

const char *lsoe_counter_help(enum lsoe_counter c)
{
	return helps[c];
}

const struct lsoe_counters *lsoe_counters(struct lsoe *n)
{
	n->sum = n->gone;
	for (uint32_t i = 0; i < n->link_cap; i++)
		for (const struct lsoe_link *l = n->link_hash[i]; l; l = l->hash_next)
			for (unsigned c = 0; c < LSOE_C_N; c++)
				n->sum.v[c] += l->c.v[c];
	return &n->sum;
}

static enum lsoe_peer_state state(const struct lsoe *n, const struct lsoe_peer *p)
{
	if (p->ourself)
		return LSOE_OURSELF;
	if (p->held || p->auth_failures >= n->cfg.auth_failures)
		return LSOE_HELD;
	if (p->established)
		return LSOE_ESTABLISHED;
	return p->have_own || p->have_nonce ? LSOE_OPENING : LSOE_HEARD;
}

static void measured(const struct lsoe_peer *p, struct lsoe_status *out)
{
	const struct lsoe_measure_state *m = p->measure;
	if (!m || !m->measured)
		return;
	out->measured = true;
	out->rtt = m->rtt, out->jitter = m->jitter;
	out->lost_rx = m->lost_rx, out->of_rx = m->of_rx;
	out->lost_tx = m->lost_tx, out->of_tx = m->of_tx;
}

bool lsoe_peer(const struct lsoe *n, size_t i, struct lsoe_status *out)
{
	if (i >= n->n_peers)
		return false;
	const struct lsoe_peer *p = n->peers[i];
	*out = (struct lsoe_status){.link = p->link->link,
		.id = p->id,
		.id_len = p->id_len,
		.attrs = p->id ? p->id + p->id_len : NULL,
		.n_attrs = p->n_attrs,
		.state = state(n, p),
		.lanyard = p->lanyard,
		.have_nonce = p->have_nonce,
		.open_acked = p->open_acked,
		.session = p->session,
		.since = p->since,
		.last_rx = p->last_rx,
		.last_tx = p->last_tx,
		.last_keepalive = p->last_keepalive,
		.last_rx_type = p->last_rx_type,
		.last_tx_type = p->last_tx_type,
		.reason = p->reason ? p->reason : "",
		.restarts = p->restarts,
		.auth_failures = p->auth_failures,
		.rx_frames = p->rx_frames,
		.tx_frames = p->tx_frames,
		.tx_retransmits = p->tx_retransmits,
		.key = &p->key,
		.pinned = lsoe_is_pinned(n, p),
		.anchored = p->anchored,
		.serial_rx = p->serial_rx,
		.serial_tx = p->serial_tx};
	memcpy(out->mac, p->mac, 6);
	for (unsigned k = 0; k < 4; k++)
		out->n_prefixes[k] = p->established ? p->list[k].count : 0;
	for (const struct lsoe_out *o = p->flight; o; o = o->next) {
		out->unacked += o->tries > 0;
		if (o->type == LSOE_OPEN)
			out->open_tries = o->tries;
	}
	measured(p, out);
	return true;
}

void lsoe_want_acks(struct lsoe *n, bool yes)
{
	n->cfg.want_acks = yes;
}

size_t lsoe_known_macs(const void *core, uint32_t link, uint8_t (*macs)[6], size_t most)
{
	const struct lsoe_link *l = lsoe_find_link(core, link);
	size_t n = 0;
	for (const struct lsoe_peer *p = l ? l->first : NULL; p && n < most && n < l->established;
		p = p->link_next)
		if (p->established)
			memcpy(macs[n++], p->mac, 6);
	return n;
}
