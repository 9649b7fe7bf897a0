/*
 * neighbor_why.c - why a neighbour is not there: what was heard last, what was sent, what is missing, where
 * to look.
 */
#include <stdio.h>
#include "api/neighbor_int.h"

static double ago(const struct lan_neighbor *n, lan_time at)
{
	lan_time now = lan_loop_recent(n->loop);
	return now > at ? (double)(now - at) / 1e9 : 0;
}

static void opening(const struct lan_neighbor *n, const struct lsoe_status *s, char out[NEIGHBOR_WHY_MAX])
{
	if (s->have_nonce && s->open_acked)
		*out = '\0';
	else if (s->open_acked)
		snprintf(out, NEIGHBOR_WHY_MAX,
			"our OPEN is acknowledged, its own has not come: it refuses us, or its frames to us "
			"are lost; "
			"heard %.1f s ago",
			ago(n, s->last_rx));
	else if (s->have_nonce)
		snprintf(out, NEIGHBOR_WHY_MAX,
			"its OPEN came and was acknowledged, ours was sent %u times without an ACK: our "
			"frames do not "
			"reach it, or it refuses them; look at its log and at filters in between",
			s->open_tries);
	else
		snprintf(out, NEIGHBOR_WHY_MAX,
			"heard %.1f s ago; OPEN was sent %u times and neither acknowledged nor answered: "
			"unicast frames "
			"do not get through one way, or it is not of this dialect",
			ago(n, s->last_rx), s->open_tries);
}

void neighbor_why_peer(const struct lan_neighbor *n, const struct lsoe_status *s, char out[NEIGHBOR_WHY_MAX])
{
	*out = '\0';
	switch (s->state) {
	case LSOE_ESTABLISHED:
		if (s->last_rx + 3 * n->keepalive < lan_loop_recent(n->loop))
			snprintf(out, NEIGHBOR_WHY_MAX,
				"silent for %.1f s: it is down, or frames to us are lost; given up after "
				"%.1f s",
				ago(n, s->last_rx), (double)n->dead / 1e9);
		break;
	case LSOE_OPENING:
		opening(n, s, out);
		break;
	case LSOE_HEARD:
		if (s->auth_failures)
			snprintf(out, NEIGHBOR_WHY_MAX, "refused %u times: %s", s->auth_failures, s->reason);
		else if (*s->reason)
			snprintf(out, NEIGHBOR_WHY_MAX, "heard %.1f s ago; the session ended: %s",
				ago(n, s->last_rx), s->reason);
		else
			snprintf(out, NEIGHBOR_WHY_MAX, "heard %.1f s ago, no OPEN yet", ago(n, s->last_rx));
		break;
	case LSOE_HELD:
		snprintf(out, NEIGHBOR_WHY_MAX, "left alone: %s; reset it to try again", s->reason);
		break;
	case LSOE_OURSELF:
		snprintf(out, NEIGHBOR_WHY_MAX, "this is a port of our own: both ends of the cable are here");
		break;
	}
}

/* Frames came and nobody is there: the most frequent reason to drop one is most likely the one to look at. */
static void why_dropped(
	const struct lan_neighbor *n, const struct lsoe_counters *c, uint64_t rx, char out[NEIGHBOR_WHY_MAX])
{
	enum lsoe_counter most = LSOE_C_drop_short;
	for (unsigned i = LSOE_C_drop_short; i <= LSOE_C_drop_memory; i++)
		if (c->v[i] > c->v[most])
			most = (enum lsoe_counter)i;
	int at = snprintf(out, NEIGHBOR_WHY_MAX,
		"%llu frames of EtherType 0x%04x came, none of a neighbour that is there now",
		(unsigned long long)rx, n->set.ethertype);
	if (c->v[most] && at > 0 && at < NEIGHBOR_WHY_MAX)
		snprintf(out + at, NEIGHBOR_WHY_MAX - (size_t)at, "; %s: %llu%s", lsoe_counter_help(most),
			(unsigned long long)c->v[most],
			most == LSOE_C_drop_checksum || most == LSOE_C_drop_length
				? "; does the other end speak another dialect?"
				: "");
}

void neighbor_why_link(const struct lan_neighbor *n, const struct neighbor_link *l,
	const struct lsoe_link_status *s, char out[NEIGHBOR_WHY_MAX])
{
	*out = '\0';
	const char *no = neighbor_link_unusable(&l->info);
	if (no)
		snprintf(out, NEIGHBOR_WHY_MAX, "%s%s%s", no,
			l->info.flags & IFF_UP ? "" : ": ip link set up dev ",
			l->info.flags & IFF_UP ? "" : l->name);
	else if (l->err)
		snprintf(out, NEIGHBOR_WHY_MAX, "cannot be received from: %s", lan_err_text(l->err));
	else if (!l->used)
		snprintf(out, NEIGHBOR_WHY_MAX, "%s", l->reason ? l->reason : "not used yet");
	else if (s && !s->peers) {
		uint64_t rx = s->counters->v[LSOE_C_rx_frames], tx = s->counters->v[LSOE_C_tx_hello];
		if (rx)
			why_dropped(n, s->counters, rx, out);
		else
			snprintf(out, NEIGHBOR_WHY_MAX,
				"%llu HELLOs sent to %s, the last %.1f s ago; nothing of EtherType 0x%04x "
				"was ever heard: "
				"is it running at the other end, with this EtherType? A bridge in between "
				"does not "
				"forward 01:80:c2:00:00:0x unless told to (group_fwd_mask)",
				(unsigned long long)tx, n->set.hello_text, ago(n, s->last_hello),
				n->set.ethertype);
	}
}
