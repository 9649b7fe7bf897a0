/*
 * in.c - the memory received bytes are in.
 *
 * All connections read into one scratch. Whoever has bytes in it that are not
 * consumed keeps it until another connection needs it: small rests then move to
 * memory of their size, large ones keep the scratch and a new one is made. So an
 * idle connection owns nothing, a busy one copies nothing, and many small ones
 * own what they have received and no more. A large message that has begun gets
 * memory of its own; an announced length is trusted only up to SERPY_TRUST,
 * beyond that memory grows with what has really come.
 */
#include "proto/serpy/out.h"

#include <stdlib.h>
#include <string.h>

#define LARGE (SERPY_SCRATCH / 8) /* that much is worth a scratch */
#define FEW   16                  /* connections that may each cost a little more than they have sent */

static bool are_few(const struct serpy *s)
{
	return s->n_conns - s->n_gaps <= FEW;
}

void in_mark(struct serpy_in *in, uint32_t place)
{
	in->marked = place + 1;
	in->was = in->buf[place];
	in->buf[place] = 0;
}

void in_unmark(struct serpy_in *in)
{
	if (in->marked)
		in->buf[in->marked - 1] = in->was;
	in->marked = 0;
}

/* Which bytes count against which bound: what the application has not pulled, what is unfinished. */
void in_account(struct serpy *s, struct serpy_conn *c)
{
	s->in_bucket[c->bucket] -= c->counted;
	c->counted = in_have(&c->in) + (c->rx.acc ? c->rx.acc->len : 0);
	c->bucket = c->unparsed ? BUCKET_HELD : BUCKET_PARTIAL;
	s->in_bucket[c->bucket] += c->counted;
}

/* A buffer is done with: keep it if it is the largest spare, within reason. */
static void discard(struct serpy *s, uint8_t *buf, uint32_t cap)
{
	if (buf && cap > s->spare_cap && cap > SERPY_SCRATCH && cap <= 4 * SERPY_TRUST) {
		free(s->spare);
		s->spare = buf;
		s->spare_cap = cap;
	} else
		free(buf);
}

static void give_back(struct serpy *s, struct serpy_conn *c)
{
	if (c->in.shared)
		s->scratch_of = NULL;
	else
		discard(s, c->in.buf, c->in.cap);
	c->in = (struct serpy_in){0};
}

void in_drop(struct serpy *s, struct serpy_conn *c)
{
	in_unmark(&c->in);
	if (c->in.buf)
		give_back(s, c);
	c->unparsed = false;
	in_account(s, c);
}

/* A buffer of at least `cap` bytes and one more; the spare if it will do. */
static uint8_t *obtain(struct serpy *s, uint32_t *cap)
{
	if (s->spare_cap >= *cap) {
		uint8_t *buf = s->spare;
		*cap = s->spare_cap;
		s->spare = NULL;
		s->spare_cap = 0;
		return buf;
	}
	return malloc((size_t)*cap + 1);
}

/* Move the bytes of `in` to the front of another buffer. The old one is not freed. */
static void move_to(struct serpy_in *in, uint8_t *buf, uint32_t cap)
{
	in_unmark(in);
	if (in_have(in))
		memcpy(buf, in->buf + in->head, in_have(in));
	in->tail -= in->head;
	in->head = 0;
	in->buf = buf;
	in->cap = cap;
	in->shared = false;
}

/* Another connection needs the scratch. */
static void evict(struct serpy *s)
{
	struct serpy_conn *c = s->scratch_of;
	uint32_t have = in_have(&c->in);
	uint8_t *buf = have && have < LARGE ? malloc((size_t)have + 1) : NULL;
	if (!have)
		c->in = (struct serpy_in){0};
	else if (buf)
		move_to(&c->in, buf, have);
	else {
		c->in.shared = false;
		s->scratch = NULL;
	}
	s->scratch_of = NULL;
}

static bool take_scratch(struct serpy *s, struct serpy_conn *c)
{
	uint8_t *own = c->in.buf;
	uint32_t own_cap = c->in.cap;
	if (s->scratch_of)
		evict(s);
	if (!s->scratch && !(s->scratch = malloc(SERPY_SCRATCH + 1)))
		return false;
	move_to(&c->in, s->scratch, SERPY_SCRATCH);
	discard(s, own, own_cap);
	c->in.shared = true;
	s->scratch_of = c;
	return true;
}

/* The last message was large: the next one is read straight into what that one was in. Not with many
 * connections: whoever then sends little would hold much. */
static bool take_spare(struct serpy *s, struct serpy_conn *c)
{
	if (!c->large || !s->spare || !are_few(s))
		return false;
	if (c->in.shared)
		s->scratch_of = NULL;
	c->in = (struct serpy_in){.buf = s->spare, .cap = s->spare_cap};
	s->spare = NULL;
	s->spare_cap = 0;
	return true;
}

/* Memory for an unfinished message: at least half of what it has, at most what it needs. */
static bool grow(struct serpy *s, struct serpy_conn *c)
{
	struct serpy_in *in = &c->in;
	uint64_t have = in_have(in), least = in->need ? SERPY_TRUST : SERPY_SCRATCH,
		 want = 2 * have < least ? least : 2 * have;
	if (in->need > have && in->need < want)
		want = in->need;
	if (in->cap - in->head >= want && in->tail < in->cap)
		return true;
	uint8_t *old = in->buf;
	uint32_t old_cap = in->cap;
	bool shared = in->shared;
	uint32_t cap = want < UINT32_MAX ? (uint32_t)want : UINT32_MAX - 1;
	if (!shared && !in->head && cap > SERPY_TRUST) { /* large memory moves without being copied */
		uint8_t *buf = realloc(old, (size_t)cap + 1);
		if (buf) {
			in->buf = buf;
			in->cap = cap;
		}
		return buf;
	}
	uint8_t *buf = obtain(s, &cap);
	if (!buf)
		return false;
	move_to(in, buf, cap);
	if (shared)
		s->scratch_of = NULL;
	else
		discard(s, old, old_cap);
	return true;
}

static void to_front(struct serpy_in *in)
{
	if (in->head && in_have(in))
		memmove(in->buf, in->buf + in->head, in_have(in));
	in->tail -= in->head;
	in->head = 0;
}

/* The rest of a message that has begun. With few connections an announced length is believed at once, up to
 * SERPY_TRUST; with many, when half a scratch of it is there. False: no memory. */
static bool for_partial(struct serpy *s, struct serpy_conn *c)
{
	struct serpy_in *in = &c->in;
	if ((in->need > SERPY_SCRATCH && are_few(s)) || in_have(in) > SERPY_SCRATCH / 2)
		return grow(s, c);
	if (!in->shared)
		return take_scratch(s, c);
	to_front(in);
	return true;
}

/* Bytes wait that the application has not pulled: read on only as far as their buffer goes. */
static bool beside_unparsed(struct serpy_in *in)
{
	if (!in_have(in)) /* they were the last, and their views die now */
		to_front(in);
	return true;
}

/* A peer that asks and does not read the answers is not listened to any longer: answers go before all bounds.
 */
static bool deaf(const struct serpy_conn *c)
{
	return c->out && lan_ring_len(&c->out->ctl) > SERPY_ANSWERS;
}

uint8_t *in_room(struct serpy *s, lan_time now, struct serpy_conn *c, size_t *n)
{
	struct serpy_in *in = &c->in;
	bool more = s->in_bucket[BUCKET_HELD] < s->cfg.max_events && !deaf(c), ok = true;
	*n = 0;
	if (c->state != CONN_OPEN)
		return NULL;
	in_unmark(in);
	if (c->unparsed && in->buf)
		ok = !more || beside_unparsed(in);
	else if (in_have(in)) {
		more = !c->unparsed && !deaf(c);
		ok = !more || for_partial(s, c);
	} else if (more)
		ok = take_spare(s, c) || in->shared || take_scratch(s, c);
	if (!ok) {
		conn_end(s, now, c, SERPY_C_end_memory, LAN_ERR_NOMEM);
		return NULL;
	}
	*n = more ? in->cap - in->tail : 0;
	if (*n == 0)
		conn_pause(s, c, true);
	return *n ? in->buf + in->tail : NULL;
}

void in_commit(struct serpy *s, struct serpy_conn *c, size_t n)
{
	c->in.tail += (uint32_t)n;
	c->large = n > SERPY_SCRATCH || c->in.need > SERPY_SCRATCH;
	c->unparsed = true;
	in_account(s, c);
}

void in_rest(struct serpy *s)
{
	free(s->spare);
	s->spare = NULL;
	s->spare_cap = 0;
	if (!s->scratch_of) {
		free(s->scratch);
		s->scratch = NULL;
	}
}
