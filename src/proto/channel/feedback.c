/*
 * feedback.c - what a receiver asks for, and when it keeps quiet. One request
 * for all incomplete blocks of a sender, after a random wait that is short for
 * few whatever the size of the group; who hears another ask for as much takes
 * that as its own. A budget bounds what all receivers send together. Requests
 * also confirm (`next`); where the sender wants that, they are sent without
 * anything missing too.
 * docs/protocols/channel.md sections 6 and 7.
 */
#include "proto/channel/group_int.h"

#define SLOT         LAN_MS(1)
#define AGAIN        LAN_MS(10)
#define AGAIN_MAX    LAN_MS(160)
#define STREAMING    LAN_MS(4)
#define REPORT_IDLE  LAN_MS(20)
#define REPORT_TRIES 3    /* a report may be lost as anything else */
#define UNIT         1024 /* of the budget */
#define BUDGET_MAX   (3 * UNIT)
#define PER_FRAMES   10
#define PER_SECOND   200

static uint32_t members(const struct chan *c)
{
	return c->n_present + 1;
}

/* Slot i of s has the weight 2^i: few are early. */
static lan_time wait_slot(struct chan *c)
{
	unsigned s = 2 + (31 - (unsigned)__builtin_clz(members(c)));
	uint64_t r = chan_below(c, (UINT64_C(1) << s) - 1) + 1;
	unsigned slot = 63 - (unsigned)__builtin_clzll(r);
	return slot * SLOT + chan_below(c, SLOT);
}

static lan_time pause_after(uint8_t tries)
{
	lan_time t = AGAIN << (tries > 4 ? 4 : tries);
	return t > AGAIN_MAX ? AGAIN_MAX : t;
}

static bool asks(const struct chan *c, const struct chan_peer *p)
{
	return c->mode == CHAN_RELIABLE && !c->silent && p->present && p->rx.history &&
	       p->rx.state == CHAN_RX_RUN;
}

/* The frames of a block that were sent. */
static uint64_t sent_of(const struct chan_rx *rx, const struct chan_rxblock *b)
{
	uint64_t n = rx->highest >= b->first ? rx->highest - b->first + 1 : 0;
	if (n > rx->block)
		n = rx->block;
	return n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

/* Those of them that are wanted: not here, nor given up, nor from before the beginning. */
static uint64_t missing_of(const struct chan_rx *rx, const struct chan_rxblock *b)
{
	uint64_t sent = sent_of(rx, b);
	if (rx->next > b->first)
		sent &= rx->next - b->first < 64 ? UINT64_MAX << (rx->next - b->first) : 0;
	return sent & ~b->have;
}

/* How many datagrams would do; parity of the widest coverage counts, but it has to make up for the frames
 * that are not wanted, too. */
static uint8_t need_of(const struct chan_rx *rx, const struct chan_rxblock *b, uint64_t missing)
{
	unsigned n = (unsigned)__builtin_popcountll(missing), widest = 0, rows = 0;
	unsigned absent = (unsigned)__builtin_popcountll(sent_of(rx, b) & ~b->have);
	for (int i = 0; i < b->n_parity; i++) {
		rows = b->parity[i]->k > widest ? 1 : rows + (b->parity[i]->k == widest);
		if (b->parity[i]->k > widest)
			widest = b->parity[i]->k;
	}
	unsigned more = rows < absent ? absent - rows : 1;
	return (uint8_t)(more < n ? more : n);
}

static void plan_report(struct chan *c, struct chan_peer *p, lan_time now)
{
	struct chan_rx *rx = &p->rx;
	if (!rx->confirm) {
		rx->report_at = LAN_NEVER;
		return;
	}
	if (rx->next > rx->reported)
		rx->report_tries = 0;
	if (rx->next - rx->reported >= c->history / 8)
		rx->report_at = now;
	else if (rx->report_at == LAN_NEVER && rx->report_tries < REPORT_TRIES)
		rx->report_at =
			now + (REPORT_IDLE << rx->report_tries) + chan_below(c, LAN_MS(1) * members(c));
}

void chan_nack_plan(struct chan *c, struct chan_peer *p, lan_time now)
{
	struct chan_rx *rx = &p->rx;
	if (!asks(c, p)) {
		rx->nack_at = rx->report_at = LAN_NEVER;
		return;
	}
	bool gap = rx->next <= rx->highest && !rx->stuck;
	if (gap && !rx->ring && chan_blocks_want(c, rx, rx->next) != LAN_OK)
		chan_count(c, CHAN_C_NOMEM); /* tried again with the next datagram or announcement */
	if (!gap || !rx->ring)
		rx->nack_at = LAN_NEVER;
	else if (rx->nack_at == LAN_NEVER)
		rx->nack_at = now + wait_slot(c);
	plan_report(c, p, now);
}

void chan_nack_overheard(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f)
{
	struct chan_rx *rx = &p->rx;
	bool hushed = false;
	if (!asks(c, p) || f->u.feedback.boot != p->boot)
		return;
	for (unsigned i = 0; i < f->u.feedback.n; i++) {
		const struct chan_entry *e = &f->u.feedback.entry[i];
		struct chan_rxblock *b =
			e->first % rx->block == 1 % rx->block ? chan_block_of(rx, e->first) : NULL;
		uint64_t missing = b ? missing_of(rx, b) : 0;
		if (!missing || b->quiet > now)
			continue;
		bool past = f->u.feedback.highest >= b->first + rx->block - 1;
		/* What is not of the block the sender will not follow. */
		uint64_t whole = rx->block == 64 ? UINT64_MAX : (UINT64_C(1) << rx->block) - 1;
		unsigned theirs = (unsigned)__builtin_popcountll(e->missing & whole);
		if (e->need < theirs)
			theirs = e->need;
		if (past ? theirs >= need_of(rx, b, missing) : !(missing & ~e->missing)) {
			b->quiet = now + pause_after(b->tries);
			hushed = true;
		}
	}
	if (hushed && rx->nack_at != LAN_NEVER)
		chan_count(c, CHAN_C_HUSHED);
}

/* --- the budget ------------------------------------------------------------ */

static void earn(struct chan *c, struct chan_rx *rx, lan_time now)
{
	uint64_t others = members(c) > 1 ? members(c) - 1 : 1;
	uint64_t frames = rx->highest > rx->budget_seq ? rx->highest - rx->budget_seq : 0;
	lan_time passed = now > rx->budget_at ? now - rx->budget_at : 0;
	if (passed > LAN_SEC(10))
		passed = LAN_SEC(10);
	if (frames > UINT32_MAX)
		frames = UINT32_MAX;
	uint64_t more = frames * UNIT / (PER_FRAMES * others) +
			passed / 1000 * PER_SECOND * UNIT / (1000000 * others);
	if (!more)
		return;
	rx->budget += more;
	if (rx->budget > BUDGET_MAX)
		rx->budget = BUDGET_MAX;
	rx->budget_seq = rx->highest;
	rx->budget_at = now;
}

/* A mere confirmation leaves enough for a request. */
static bool spend(struct chan *c, struct chan_rx *rx, lan_time now, bool request)
{
	earn(c, rx, now);
	if (rx->budget < (request ? UNIT : 2 * UNIT))
		return false;
	rx->budget -= UNIT;
	return true;
}

/* --- output ------------------------------------------------------------------ */

static size_t entries_max(const struct chan *c)
{
	size_t room = c->log.room - 39u;
	return room / 17 < CHAN_ENTRIES_MAX ? room / 17 : CHAN_ENTRIES_MAX;
}

/* The incomplete blocks that may be asked for now; *again: when there may be more. */
static unsigned list(struct chan *c, struct chan_rx *rx, lan_time now, struct chan_frame *f, lan_time *again)
{
	unsigned n = 0;
	*again = LAN_NEVER;
	for (uint64_t s = rx->next; s <= rx->highest && n < entries_max(c);) {
		struct chan_rxblock *b = chan_block_of(rx, s);
		if (!b)
			break;
		s = b->first + rx->block;
		uint64_t missing = missing_of(rx, b);
		lan_time at = b->quiet;
		if (s > rx->highest + 1 && at < rx->last_data + STREAMING)
			at = rx->last_data + STREAMING; /* the rest of the block is on its way */
		if (!missing)
			continue;
		if (at > now) {
			*again = at < *again ? at : *again;
			continue;
		}
		f->u.feedback.entry[n++] = (struct chan_entry){
			.first = b->first, .missing = missing, .need = need_of(rx, b, missing)};
	}
	return n;
}

static void asked(struct chan_rx *rx, lan_time now, const struct chan_frame *f)
{
	for (unsigned i = 0; i < f->u.feedback.n; i++) {
		struct chan_rxblock *b = chan_block_of(rx, f->u.feedback.entry[i].first);
		b->quiet = now + pause_after(b->tries);
		b->tries += b->tries < UINT8_MAX;
	}
}

static bool feedback(struct chan *c, struct chan_peer *p, lan_time now, struct chan_frame *f)
{
	struct chan_rx *rx = &p->rx;
	bool nack = rx->nack_at <= now, report = rx->report_at <= now;
	lan_time again = LAN_NEVER;
	if (report && now < rx->last_data + REPORT_IDLE && rx->next - rx->reported < c->history / 8) {
		rx->report_at = rx->last_data + REPORT_IDLE + chan_below(c, LAN_MS(1) * members(c));
		report = false;
	}
	unsigned n = nack ? list(c, rx, now, f, &again) : 0;
	if (nack && !n)
		rx->nack_at = again == LAN_NEVER ? LAN_NEVER : again + wait_slot(c);
	if (!n && !report)
		return false;
	if (!spend(c, rx, now, n > 0)) {
		lan_time later = now + SLOT + chan_below(c, SLOT * members(c));
		rx->nack_at = n ? later : rx->nack_at;
		rx->report_at = report ? later : rx->report_at;
		return false;
	}
	f->type = CHAN_F_FEEDBACK;
	f->flags = 0;
	f->u.feedback.sender = p->id;
	f->u.feedback.boot = p->boot;
	f->u.feedback.next = rx->next;
	f->u.feedback.highest = rx->highest;
	f->u.feedback.overruns = c->overruns;
	f->u.feedback.n = (uint8_t)n;
	asked(rx, now, f);
	rx->reported = rx->next;
	rx->report_at = LAN_NEVER;
	rx->report_tries += rx->report_tries < REPORT_TRIES;
	plan_report(c, p, now);
	if (n) {
		chan_count(c, CHAN_C_ASKED);
		rx->nack_at = now + AGAIN + wait_slot(c);
	}
	return true;
}

static bool late(struct chan *c, struct chan_peer *p, lan_time now, struct chan_frame *f)
{
	struct chan_rx *rx = &p->rx;
	rx->late_tries++;
	rx->late_at = now + CHAN_LATE_PAUSE;
	f->type = CHAN_F_LATE;
	f->flags = 0;
	f->u.late.sender = p->id;
	f->u.late.boot = p->boot;
	f->u.late.n = c->late;
	return true;
}

bool chan_nack_output(struct chan *c, struct chan_peer *p, lan_time now, struct chan_frame *f)
{
	struct chan_rx *rx = &p->rx;
	if (rx->state == CHAN_RX_HOLD && rx->late_at <= now && rx->late_tries < CHAN_LATE_TRIES)
		return late(c, p, now, f);
	if (!asks(c, p))
		rx->nack_at = rx->report_at = LAN_NEVER; /* it keeps nothing any more, or is gone */
	if (rx->nack_at > now && rx->report_at > now)
		return false;
	return feedback(c, p, now, f);
}
