/*
 * chan_tap.c - what is on the wire, opened with the group's key: counters that
 * only grow, also across restarts, and stay below the limit that was written
 * down; the epoch that is due; frames numbered without gaps; announcements and
 * answers that are true; nothing sent again that the history cannot have; in the
 * end, silence but for presence.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "chan_world.h"

#define ULL(x) ((unsigned long long)(x))

const char *ctap_name(uint8_t type)
{
	static const char *const names[] = {"?", "DATA", "PARITY", "PRESENCE", "FEEDBACK", "LATE", "START"};

	return names[type < 7 ? type : 0];
}

static struct ctap *tap_new(struct cworld *w, const struct dgram_packet *p)
{
	if (p->id > w->cap_tap) {
		w->cap_tap = 2 * (size_t)p->id + 64;
		w->tap = realloc(w->tap, w->cap_tap * sizeof *w->tap);
		if (!w->tap)
			abort();
	}
	w->n_tap = (size_t)p->id;
	w->tap[p->id - 1] = (struct ctap){.inst = -1};
	return &w->tap[p->id - 1];
}

/* --- the header ------------------------------------------------------------------------ */

static void check_counter(struct cworld *w, struct cmember *m, struct cinst *i, const struct chan_header *h)
{
	if (h->sender != i->id || h->boot != i->boot)
		sim_fail(w->sim, "%s sends as another instance", m->name);
	for (int k = 0; k < w->n_inst; k++)
		if (w->inst[k].id == i->id && w->inst[k].counter >= h->counter)
			sim_fail(w->sim, "%s uses counter %llu again or goes back", m->name, ULL(h->counter));
	if (m->keeps && h->counter >= m->limit)
		sim_fail(w->sim, "%s uses counter %llu, beyond what it has written down", m->name,
			ULL(h->counter));
	i->counter = h->counter;
}

static bool open_frame(struct cworld *w, struct cinst *i, const struct dgram_packet *p,
	const struct chan_header *h, struct chan_frame *f)
{
	const struct cepoch *k = cworld_key(w, h->epoch);
	uint8_t key[LAN_AEAD_KEY], prefix[16];
	size_t n = p->len - CHAN_HEADER - LAN_AEAD_TAG;

	if (!k)
		return false;
	if (!i->aead || i->aead_epoch != h->epoch) {
		chan_instance_key(
			w->cipher, k->key, h->epoch, w->channel_id, h->sender, h->boot, key, prefix);
		lan_aead_free(i->aead);
		while (lan_aead_new(w->cipher, key, prefix, &i->aead) != LAN_OK)
			; /* the out-of-memory test fails one allocation, not two */
		i->aead_epoch = h->epoch;
	}
	if (!lan_aead_open(i->aead, h->counter, p->data, CHAN_HEADER, p->data + CHAN_HEADER, n + LAN_AEAD_TAG,
		    w->scratch))
		return false;
	if (h->flags & CHAN_SIGNED)
		n -= CHAN_SIGNATURE;
	return chan_frame_decode(w->scratch, n, f) == LAN_OK;
}

/* --- frames ------------------------------------------------------------------------------- */

static uint64_t oldest_kept(const struct cworld *w, const struct cinst *i)
{
	uint32_t kept = w->m[i->member].cfg.history;

	return i->highest > kept ? i->highest + 1 - kept : 1;
}

static void on_data(struct cworld *w, struct cinst *i, const struct chan_frame *f, size_t len)
{
	const char *name = w->m[i->member].name;
	uint64_t seq = f->u.data.seq, msg = f->u.data.msg;

	if (f->flags & CHAN_DATA_AGAIN) {
		i->again_bytes += len;
		if (seq > i->highest || seq < oldest_kept(w, i))
			sim_fail(w->sim, "%s sends frame %llu again, which its history does not have", name,
				ULL(seq));
		return;
	}
	if (seq != i->highest + 1)
		sim_fail(w->sim, "%s sends frame %llu after %llu", name, ULL(seq), ULL(i->highest));
	i->highest = seq;
	i->data_bytes += len;
	if (!i->first_data)
		i->first_data = sim_now(w->sim);
	i->last_data = sim_now(w->sim);
	if (f->u.data.offset == 0) {
		if (msg != i->begun + 1 || msg > i->n_msg) {
			sim_fail(w->sim, "%s begins message %llu after %llu", name, ULL(msg), ULL(i->begun));
			return;
		}
		i->begun = msg;
		i->msg[msg - 1].first_seq = seq;
	} else if (msg != i->begun) {
		sim_fail(w->sim, "%s continues message %llu in %llu", name, ULL(msg), ULL(i->begun));
	}
}

/* The first message that begins at or after a frame. */
static uint64_t begins_at(const struct cinst *i, uint64_t seq)
{
	uint64_t n = i->begun;

	while (n && i->msg[n - 1].first_seq >= seq)
		n--;
	return n + 1;
}

static void on_presence(struct cworld *w, struct cinst *i, const struct chan_frame *f)
{
	const char *name = w->m[i->member].name;
	lan_time age = (sim_now(w->sim) - i->opened) / LAN_MS(1);
	uint64_t oldest = w->mode == CHAN_RELIABLE ? oldest_kept(w, i) : i->highest + 1;

	if (f->u.presence.highest != i->highest || f->u.presence.next_msg != i->begun + 1)
		sim_fail(w->sim, "%s announces frame %llu, message %llu", name, ULL(f->u.presence.highest),
			ULL(f->u.presence.next_msg));
	else if (f->u.presence.oldest != oldest || f->u.presence.oldest_msg != begins_at(i, oldest))
		sim_fail(w->sim, "%s announces a history from %llu (message %llu), it is from %llu (%llu)",
			name, ULL(f->u.presence.oldest), ULL(f->u.presence.oldest_msg), ULL(oldest),
			ULL(begins_at(i, oldest)));
	else if (f->u.presence.age_ms + 1 < age || f->u.presence.age_ms > age + 1)
		sim_fail(w->sim, "%s announces an age of %u ms, it is %llu", name, f->u.presence.age_ms,
			ULL(age));
	i->said_goodbye |= (f->flags & CHAN_PRES_LEAVING) != 0;
}

static struct cinst *target(struct cworld *w, uint64_t sender, uint64_t boot)
{
	for (int k = w->n_inst - 1; k >= 0; k--)
		if (w->inst[k].id == sender && w->inst[k].boot == boot)
			return &w->inst[k];
	return NULL;
}

static void on_feedback(struct cworld *w, struct cmember *m, const struct chan_frame *f)
{
	struct cinst *to = target(w, f->u.feedback.sender, f->u.feedback.boot);

	if (!to) {
		sim_fail(w->sim, "%s asks an instance that never was", m->name);
		return;
	}
	if (f->u.feedback.next > to->highest + 1 || f->u.feedback.highest > to->highest)
		sim_fail(w->sim, "%s tells %s of frames it has not sent", m->name, w->m[to->member].name);
	if (w->mode != CHAN_RELIABLE || m->cfg.silent)
		sim_fail(w->sim, "%s gives feedback, but it must not", m->name);
	to->last_asked = sim_now(w->sim);
	to->nacks += f->u.feedback.n > 0;
	to->reports += f->u.feedback.n == 0;
}

static void on_start(struct cworld *w, struct cinst *i, const struct chan_frame *f)
{
	uint64_t first = begins_at(i, oldest_kept(w, i)), msg = i->begun + 1;
	uint32_t n = f->u.start.n;

	/* the last n that have begun, as far as the history has their beginnings */
	msg = msg > n ? msg - n : 1;
	if (msg < first)
		msg = first;
	if (f->u.start.msg != msg || (msg <= i->begun && i->msg[msg - 1].first_seq != f->u.start.seq) ||
		(msg > i->begun && f->u.start.seq != i->highest + 1))
		sim_fail(w->sim,
			"%s says that its last %u messages begin with %llu (frame %llu), they do with %llu",
			w->m[i->member].name, n, ULL(f->u.start.msg), ULL(f->u.start.seq), ULL(msg));
}

static void on_frame(struct cworld *w, struct cmember *m, struct cinst *i, struct ctap *t,
	const struct chan_frame *f, size_t len)
{
	t->type = (uint8_t)f->type;
	w->wire[f->type & 7]++;
	switch (f->type) {
	case CHAN_F_DATA:
		t->msg = f->u.data.msg;
		on_data(w, i, f, len);
		break;
	case CHAN_F_PARITY:
		i->parity_bytes += len;
		break;
	case CHAN_F_PRESENCE:
		t->msg = f->u.presence.next_msg - 1;
		t->goodbye = (f->flags & CHAN_PRES_LEAVING) != 0;
		on_presence(w, i, f);
		w->quiet_presence += w->quiet;
		break;
	case CHAN_F_FEEDBACK:
		on_feedback(w, m, f);
		break;
	case CHAN_F_LATE: {
		struct cinst *to = target(w, f->u.late.sender, f->u.late.boot);

		if (to)
			cledger_view(m, (int)(to - w->inst))->asked++;
		t->n = f->u.late.n;
		break;
	}
	case CHAN_F_START:
		t->msg = f->u.start.msg;
		t->n = f->u.start.n;
		on_start(w, i, f);
		break;
	}
	if (w->quiet && f->type != CHAN_F_PRESENCE)
		sim_fail(w->sim, "not quiet: %s sends %s after the end", m->name, ctap_name(t->type));
}

/* One line of a trace. */
static void show(struct cworld *w, const struct cmember *m, const struct dgram_packet *p,
	const struct chan_header *h, const struct chan_frame *f)
{
	char more[96] = "";

	switch (f->type) {
	case CHAN_F_DATA:
		snprintf(more, sizeof more, "%llu message %llu%s%s", ULL(f->u.data.seq), ULL(f->u.data.msg),
			f->flags & CHAN_DATA_FRAG ? " part" : "", f->flags & CHAN_DATA_AGAIN ? " again" : "");
		break;
	case CHAN_F_PARITY:
		snprintf(more, sizeof more, "%u of %llu + %u", f->u.parity.row, ULL(f->u.parity.first),
			f->u.parity.k);
		break;
	case CHAN_F_PRESENCE:
		snprintf(more, sizeof more, "%llu..%llu, next message %llu", ULL(f->u.presence.oldest),
			ULL(f->u.presence.highest), ULL(f->u.presence.next_msg));
		break;
	case CHAN_F_FEEDBACK: {
		const struct cinst *to = target(w, f->u.feedback.sender, f->u.feedback.boot);

		snprintf(more, sizeof more, "to %s: next %llu of %llu, %u blocks",
			to ? w->m[to->member].name : "?", ULL(f->u.feedback.next), ULL(f->u.feedback.highest),
			f->u.feedback.n);
		break;
	}
	case CHAN_F_LATE:
		snprintf(more, sizeof more, "%u", f->u.late.n);
		break;
	case CHAN_F_START:
		snprintf(more, sizeof more, "%u: frame %llu message %llu", f->u.start.n, ULL(f->u.start.seq),
			ULL(f->u.start.msg));
		break;
	}
	sim_note(w->sim, "%s -> #%llu %s %s (counter %llu)", m->name, ULL(p->id), ctap_name((uint8_t)f->type),
		more, ULL(h->counter));
}

void ctap_sent(void *world, const struct dgram_packet *p)
{
	struct cworld *w = world;
	struct ctap *t = tap_new(w, p);
	struct chan_header h;
	struct chan_frame f;

	if (p->from < 0) {
		if (chan_header_decode(p->data, p->len, &h) == LAN_OK)
			*t = (struct ctap){.inst = -1, .sender = h.sender, .boot = h.boot};
		return;
	}
	struct cmember *m = &w->m[p->from];
	struct cinst *i = &w->inst[m->inst];
	lan_time now = sim_now(w->sim);

	if (p->len > (m->cfg.max_datagram ? m->cfg.max_datagram : 1472u) ||
		chan_header_decode(p->data, p->len, &h) != LAN_OK || (h.flags & CHAN_SIGNED) != m->signs) {
		sim_fail(w->sim, "%s sends a datagram of %zu bytes that is none of its channel", m->name,
			p->len);
		return;
	}
	if (!i->boot)
		i->boot = h.boot;
	check_counter(w, m, i, &h);
	/* a tick may be half a millisecond late */
	if (h.epoch != cworld_epoch(w, m, now) && h.epoch != cworld_epoch(w, m, now - LAN_MS(1)))
		sim_fail(w->sim, "%s sends with epoch %u instead of %u", m->name, h.epoch,
			cworld_epoch(w, m, now));
	if (!open_frame(w, i, p, &h, &f)) {
		sim_fail(w->sim, "%s sends what cannot be opened", m->name);
		return;
	}
	*t = (struct ctap){.inst = m->inst,
		.epoch = h.epoch,
		.sender = h.sender,
		.boot = h.boot,
		.counter = h.counter,
		.at = now};
	on_frame(w, m, i, t, &f, p->len);
	if (w->verbose)
		show(w, m, p, &h, &f);
	if (w->attack)
		cattack_heard(w->attack, p);
}

void ctap_judged(void *world, int member, const struct dgram_packet *p, bool damaged, enum lan_err e)
{
	struct cworld *w = world;

	if (sim_failure(w->sim))
		return;
	struct cmember *m = &w->m[member];
	const struct ctap *t = &w->tap[p->id - 1];
	/* what looks like its own is dropped without a word, forged or not */
	bool own = t->sender == m->id && t->boot == w->inst[m->inst].boot;
	cledger_judged(w, m, t, damaged, own, e);
}

/* --- budgets ----------------------------------------------------------------------------------- */

/* Feedback: one for ten frames and 200 a second, and what each may have saved up. Repairs: as many bytes as
 * new data, 4 MB a second, and 8 MiB saved up. */
void ctap_budgets(struct cworld *w)
{
	for (int k = 0; k < w->n_inst && !sim_failure(w->sim); k++) {
		struct cinst *i = &w->inst[k];
		lan_time end = i->ended == LAN_NEVER ? sim_now(w->sim) : i->ended;

		end = i->last_asked > end ? i->last_asked
					  : end; /* by who does not know yet that it is gone */
		double life = (double)(end - i->opened) / 1e9, lives = 0;

		for (int m = 0; m < w->n_m; m++)
			lives += w->m[m].lives;
		if ((double)(i->nacks + i->reports) > (double)i->highest / 10 + 200 * life + 3 * lives)
			sim_fail(w->sim, "%llu requests and %llu reports to %s for %llu frames in %.1f s",
				ULL(i->nacks), ULL(i->reports), w->m[i->member].name, ULL(i->highest), life);
		if ((double)(i->again_bytes + i->parity_bytes) >
			2 * (double)i->data_bytes + 4e6 * life + (8 << 20))
			sim_fail(w->sim, "%llu bytes of repairs for %llu bytes of data",
				ULL(i->again_bytes + i->parity_bytes), ULL(i->data_bytes));
	}
}
