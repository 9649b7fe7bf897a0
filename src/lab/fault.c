/*
 * fault.c - the impaired line of one connection, pure.
 *
 * Each direction is a `lab_way` (way.h). Here is decided what happens to a unit,
 * and what the end of a direction does to the two sides.
 *
 * A side that is to be closed is shut down first and read to its end for a
 * moment: closing with unread bytes would turn the FIN into a reset, which is
 * a different fault. A line longer than the buffer passes in pieces that share
 * the fate of the first (the line protocols this is for refuse such lines).
 */
#include "lab/fault.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "lab/rule.h"
#include "lab/way.h"

#define LINGER       LAN_MS(250) /* how long a side that was told FIN may take to hang up itself */
#define REORDER_WAIT LAN_MS(200) /* a line that waits for a successor waits no longer than this */

enum { READ_MAX = 16384 };

/* One side, as a socket. */
struct side {
	bool closed;
	bool eof; /* it has sent its FIN */
	bool fin_due, fin_sent;
	enum lab_order close; /* LAB_CLOSE or LAB_RESET: due at close_at */
	lan_time close_at;
};

struct lab_conn {
	struct lab_faults *f;
	uint32_t number;
	lan_time hole_until;
	bool split; /* half-open: the two sides know nothing of each other any more */
	struct lab_way way[2];
	struct side side[2];
};

enum lan_err lab_conn_new(struct lab_faults *f, uint32_t number, struct lab_conn **out)
{
	struct lab_conn *c = calloc(1, sizeof *c);
	if (!c)
		return LAN_ERR_NOMEM;
	c->f = f;
	c->number = number;
	for (int d = 0; d < 2; d++)
		lan_ring_init(&c->way[d].in, f->buffer);
	f->conns++;
	*out = c;
	return LAN_OK;
}

void lab_conn_free(struct lab_conn *c)
{
	for (int d = 0; c && d < 2; d++) {
		lab_way_clear(&c->way[d]);
		lan_ring_fini(&c->way[d].in);
	}
	free(c);
}

uint32_t lab_conn_number(const struct lab_conn *c)
{
	return c->number;
}

bool lab_conn_over(const struct lab_conn *c)
{
	return c->side[LAB_CLIENT].closed && c->side[LAB_SERVER].closed;
}

static bool held(const struct lab_conn *c, lan_time now)
{
	return c->f->paused || now < c->hole_until || now < c->f->hole_until;
}

static void hang_up(struct lab_conn *c, lan_time now, enum lab_side s, bool rst)
{
	struct side *side = &c->side[s];
	lab_way_sink(&c->way[0]);
	lab_way_sink(&c->way[1]);
	if (side->closed)
		return;
	side->close = rst ? LAB_RESET : LAB_CLOSE;
	side->close_at = rst || side->eof ? now : now + LINGER;
	side->fin_due = !rst;
}

static void half_open(struct lab_conn *c, lan_time now, enum lab_side s)
{
	hang_up(c, now, s, false);
	c->split = true;
	/* The other side stays as it is until it hangs up itself. */
	struct side *other = &c->side[!s];
	if (other->eof && !other->closed) {
		other->close = LAB_CLOSE;
		other->close_at = now;
	}
}

static void finish(struct lab_conn *c, lan_time now, enum lab_dir d, enum lab_end end)
{
	enum lab_side to = d == LAB_C2S ? LAB_SERVER : LAB_CLIENT;
	switch (end) {
	case END_NONE:
		break;
	case END_EOF:
		c->way[d].done = true;
		c->side[to].fin_due = true;
		if (c->way[!d].done)
			for (int s = 0; s < 2; s++)
				c->side[s].close = LAB_CLOSE, c->side[s].close_at = now;
		break;
	case END_BREAK:
		hang_up(c, now, to, true);
		break;
	case END_CUT_FIN:
	case END_CUT_RST:
		hang_up(c, now, LAB_CLIENT, end == END_CUT_RST);
		hang_up(c, now, LAB_SERVER, end == END_CUT_RST);
		break;
	case END_HALF_CLIENT:
	case END_HALF_SERVER:
		half_open(c, now, end == END_HALF_CLIENT ? LAB_CLIENT : LAB_SERVER);
		break;
	}
}

static void report(struct lab_conn *c, struct lab_report r)
{
	c->f->count[r.fault]++;
	r.conn = c->number;
	if (c->f->report)
		c->f->report(c->f->ctx, &r);
}

/* What is to happen to one unit: a rule's word, else chance's. */
struct verdict {
	bool hit;
	struct lab_report r;
	struct lab_rule rule; /* as written, or made up by chance */
};

static uint64_t dice(const struct lab_conn *c, const struct verdict *v, uint32_t what)
{
	uint64_t nth = c->way[v->r.dir].nth[v->r.kind];
	return lab_chance(c->f->seed, c->number, v->r.dir, v->r.kind, nth, what);
}

static void roll(const struct lab_conn *c, struct verdict *v)
{
	const struct lab_faults *f = c->f;
	bool spared = v->r.dir == LAB_C2S && c->way[LAB_C2S].units < f->spare;
	if (!(f->only >> v->r.dir & 1))
		return;
	for (uint32_t k = 0; k < LAB_FAULTS && !v->hit; k++) {
		if (spared && (k == LAB_DROP || k == LAB_DUP || k == LAB_REORDER || k == LAB_SWALLOW))
			continue;
		v->hit = f->rate[k] && lab_hits(dice(c, v, k), f->rate[k]);
		v->rule.fault = v->hit ? (enum lab_fault)k : v->rule.fault;
	}
}

enum { DICE_BYTES = 100, DICE_HOW, DICE_SIDE, DICE_JITTER };

static void decide(struct lab_conn *c, struct verdict *v)
{
	struct lab_faults *f = c->f;
	struct lab_rule *r = lab_rule_match(f, v->r.dir, v->r.kind, v->r.line, v->r.len);
	v->r.by_rule = v->hit = r != NULL;
	if (r) {
		v->rule = *r;
	} else {
		roll(c, v);
		v->rule.how = f->cut;
		v->rule.bytes = (uint32_t)(v->r.len ? 1 + dice(c, v, DICE_BYTES) % v->r.len : 0);
		v->rule.side = dice(c, v, DICE_SIDE) & 1 ? LAB_SERVER : LAB_CLIENT;
	}
	if (v->rule.how == LAB_CUT_EITHER)
		v->rule.how = dice(c, v, DICE_HOW) & 1 ? LAB_CUT_RST : LAB_CUT_FIN;
	if (v->rule.fault == LAB_HOLE && !v->rule.have_arg)
		v->rule.time = f->hole;
	v->r.fault = v->rule.fault;
	v->r.time = v->rule.time;
}

/* The moment a unit that meets no fault leaves. */
static lan_time due_at(const struct lab_conn *c, lan_time now, const struct verdict *v)
{
	const struct lab_faults *f = c->f;
	lan_time due = now + f->delay;
	if (!f->jitter || !(f->only >> v->r.dir & 1))
		return f->only >> v->r.dir & 1 ? due : now;
	lan_time shift = dice(c, v, DICE_JITTER) % (2 * f->jitter + 1);
	return due + shift > now + f->jitter ? due + shift - f->jitter : now;
}

static void take_down(struct lab_conn *c, struct verdict *v, lan_time due, const uint8_t *p, size_t n)
{
	struct lab_way *w = &c->way[v->r.dir];
	bool rst = v->rule.how == LAB_CUT_RST;
	enum lab_end end = rst ? END_CUT_RST : END_CUT_FIN;
	v->r.how = rst ? "rst" : "fin";
	if (v->rule.fault == LAB_HALF_OPEN) {
		end = v->rule.side == LAB_CLIENT ? END_HALF_CLIENT : END_HALF_SERVER;
		v->r.how = v->rule.side == LAB_CLIENT ? "client" : "server";
	}
	size_t pass = v->rule.fault == LAB_CUT ? v->rule.bytes : 0;
	pass = pass < n ? pass : n;
	v->r.bytes = (uint32_t)pass;
	lab_way_append(w, due, p, pass, end);
	w->sink = true; /* what follows the line is lost with the connection */
}

/* One whole unit, its LF included in n. */
static void pass_unit(struct lab_conn *c, lan_time now, struct verdict *v, const uint8_t *p, size_t n)
{
	struct lab_way *w = &c->way[v->r.dir];
	lan_time due = due_at(c, now, v);
	struct lab_unit *u;
	switch (v->hit ? v->rule.fault : LAB_PASS) {
	case LAB_SWALLOW:
	case LAB_CUT:
	case LAB_HALF_OPEN:
		take_down(c, v, due, p, n);
		break;
	case LAB_DROP:
		w->drop_piece = true;
		break;
	case LAB_HOLE:
		c->hole_until = now + v->rule.time;
		lab_way_append(w, due, p, n, END_NONE);
		break;
	case LAB_DUP:
		lab_way_append(w, due, p, n, END_NONE);
		lab_way_append(w, due, p, n, END_NONE);
		break;
	case LAB_HOLD:
		lab_way_append(w, due + v->rule.time, p, n, END_NONE);
		break;
	case LAB_DELAY:
		u = lab_unit_new(w, due + v->rule.time, p, n, END_NONE);
		if (u)
			lab_way_insert(w, u);
		break;
	case LAB_REORDER:
		lab_way_unpark(w, due);
		w->parked = lab_unit_new(w, due, p, n, END_NONE);
		w->park_end = due + REORDER_WAIT;
		break;
	case LAB_PASS:
	case LAB_FAULTS:
		lab_way_append(w, due, p, n, END_NONE);
		break;
	}
}

static void one_unit(struct lab_conn *c, lan_time now, enum lab_dir d, const uint8_t *p, size_t n, bool whole)
{
	struct lab_way *w = &c->way[d];
	struct verdict v = {.r = {.dir = d, .have_line = true, .line = p, .len = n}};
	v.r.len -= !c->f->chunks && whole;
	v.r.kind = lab_classify(c->f->chunks, d == LAB_C2S && !w->units, v.r.len);
	decide(c, &v);
	/* A piece of an endless line can be lost or cut, but not be doubled or moved. */
	if (!whole && (v.r.fault == LAB_DUP || v.r.fault == LAB_REORDER || v.r.fault == LAB_DELAY))
		v.hit = false;
	w->drop_piece = false;
	pass_unit(c, now, &v, p, n);
	w->nth[v.r.kind]++;
	w->units++;
	c->f->units[d]++;
	if (v.hit)
		report(c, v.r);
}

/* How many bytes of `in` make the next unit; 0: not yet. */
static size_t next_unit(const struct lab_conn *c, struct lab_way *w, bool *whole)
{
	size_t len = lan_ring_len(&w->in);
	const uint8_t *p = len ? lan_ring_at(&w->in, w->in.head) : NULL;
	const uint8_t *lf = NULL;
	*whole = true;
	if (!p || c->f->chunks)
		return len;
	if (w->scanned < len)
		lf = memchr(p + w->scanned, '\n', len - w->scanned);
	w->scanned = len;
	if (lf)
		return (size_t)(lf - p) + 1;
	*whole = false;
	return len >= c->f->buffer || w->in_piece ? len : 0;
}

/* The sender is gone and no whole unit is left: the torn rest leaves, then the news. */
static void at_end(struct lab_way *w, lan_time now)
{
	size_t left = lan_ring_len(&w->in);
	lan_time due = now;
	lab_way_unpark(w, now);
	for (struct lab_unit *u = w->head; u; u = u->next)
		due = u->due > due ? u->due : due;
	lab_way_append(w, due, left ? lan_ring_at(&w->in, w->in.head) : NULL, left, w->ending);
	lan_ring_drop(&w->in, left);
	w->sink = true;
}

/* Make units of what has come in, as far as there is room for them. */
static void digest(struct lab_conn *c, lan_time now, enum lab_dir d)
{
	struct lab_way *w = &c->way[d];
	size_t n;
	bool whole;
	while (!w->sink && w->queued < c->f->buffer && !held(c, now) && (n = next_unit(c, w, &whole))) {
		const uint8_t *p = lan_ring_at(&w->in, w->in.head);
		if (!w->in_piece)
			one_unit(c, now, d, p, n, whole);
		else if (!w->drop_piece)
			lab_way_append(w, w->last_due, p, n, END_NONE);
		w->in_piece = !whole;
		lan_ring_drop(&w->in, n);
		w->scanned = 0;
	}
	if (w->sink)
		lan_ring_drop(&w->in, lan_ring_len(&w->in));
	else if (w->ending && !held(c, now) && !next_unit(c, w, &whole))
		at_end(w, now);
}

static void leave(struct lab_conn *c, lan_time now, enum lab_dir d)
{
	struct lab_way *w = &c->way[d];
	if (w->parked && w->park_end <= now)
		lab_way_unpark(w, now);
	while (w->head && w->head->due <= now && w->head->off == w->head->len) {
		struct lab_unit *u = w->head;
		enum lab_end end = u->end;
		w->head = u->next;
		w->queued -= (uint32_t)(sizeof *u + u->len);
		free(u);
		finish(c, now, d, end);
	}
}

/* Everything that time or room has made possible. */
static void step(struct lab_conn *c, lan_time now)
{
	for (int d = 0; d < 2; d++) {
		digest(c, now, (enum lab_dir)d);
		if (!held(c, now))
			leave(c, now, (enum lab_dir)d);
	}
}

uint8_t *lab_conn_room(struct lab_conn *c, lan_time now, enum lab_dir d, size_t *n)
{
	struct lab_way *w = &c->way[d];
	uint8_t *p = NULL;
	step(c, now);
	size_t used = w->queued + lan_ring_len(&w->in);
	size_t room = used < c->f->buffer ? c->f->buffer - used : 0;
	room = room < READ_MAX ? room : READ_MAX;
	if (held(c, now) || w->ending || c->side[d].closed || !room || lan_ring_room(&w->in, room, &p))
		room = 0;
	*n = room;
	return p;
}

void lab_conn_commit(struct lab_conn *c, lan_time now, enum lab_dir d, size_t n)
{
	lan_ring_commit(&c->way[d].in, n);
	c->f->bytes[d] += n;
	step(c, now);
}

void lab_conn_eof(struct lab_conn *c, lan_time now, enum lab_dir d)
{
	struct side *side = &c->side[d];
	side->eof = true;
	if (!c->way[d].done)
		c->way[d].ending = END_EOF;
	else if (!side->close)
		side->close = LAB_CLOSE; /* what was left of a half-open connection */
	if (side->close)
		side->close_at = now;
	step(c, now);
}

void lab_conn_lost(struct lab_conn *c, lan_time now, enum lab_side s)
{
	enum lab_side other = s == LAB_CLIENT ? LAB_SERVER : LAB_CLIENT;
	struct lab_way *from = &c->way[s];
	c->side[s].closed = true;
	if (!c->split) {
		if (!from->done)
			from->ending = END_BREAK;
		else if (!c->side[other].close)
			hang_up(c, now, other, true);
		lab_way_sink(&c->way[other]);
	}
	step(c, now);
}

const uint8_t *lab_conn_pending(struct lab_conn *c, lan_time now, enum lab_dir d, size_t *n)
{
	step(c, now);
	const struct lab_unit *u = c->way[d].head;
	bool ready = u && u->due <= now && !held(c, now);
	*n = ready ? u->len - u->off : 0;
	return ready ? u->bytes + u->off : NULL;
}

void lab_conn_sent(struct lab_conn *c, lan_time now, enum lab_dir d, size_t n)
{
	struct lab_unit *u = c->way[d].head;
	assert(u && n <= u->len - u->off);
	u->off += (uint32_t)n;
	step(c, now);
}

enum lab_order lab_conn_order(struct lab_conn *c, lan_time now, enum lab_side s)
{
	struct side *side = &c->side[s];
	step(c, now);
	if (side->closed)
		return LAB_NOTHING;
	if (side->close && side->close_at <= now) {
		side->closed = true;
		return side->close;
	}
	if (!side->fin_due || side->fin_sent)
		return LAB_NOTHING;
	side->fin_sent = true;
	return LAB_SHUTDOWN;
}

static lan_time sooner(lan_time a, lan_time b)
{
	return a < b ? a : b;
}

lan_time lab_conn_deadline(const struct lab_conn *c, lan_time now)
{
	lan_time at = LAN_NEVER, hole = c->hole_until > c->f->hole_until ? c->hole_until : c->f->hole_until;
	for (int s = 0; s < 2; s++)
		if (!c->side[s].closed && c->side[s].close)
			at = sooner(at, c->side[s].close_at);
	if (c->f->paused)
		return at;
	if (hole > now)
		return sooner(at, hole);
	for (int d = 0; d < 2; d++) {
		const struct lab_way *w = &c->way[d];
		if (w->head && w->head->due > now)
			at = sooner(at, w->head->due);
		if (w->parked)
			at = sooner(at, w->park_end);
	}
	return at;
}

void lab_conn_force(
	struct lab_conn *c, lan_time now, enum lab_fault fault, bool rst, enum lab_side s, lan_time time)
{
	struct lab_report r = {.fault = fault, .time = time};
	if (fault == LAB_HOLE) {
		c->hole_until = now + time;
	} else if (fault == LAB_HALF_OPEN) {
		r.how = s == LAB_CLIENT ? "client" : "server";
		half_open(c, now, s);
	} else {
		r.how = rst ? "rst" : "fin";
		hang_up(c, now, LAB_CLIENT, rst);
		hang_up(c, now, LAB_SERVER, rst);
	}
	report(c, r);
	step(c, now);
}
