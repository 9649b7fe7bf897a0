/*
 * sim_relay.c - the relay inside each stream: bytes to lines, a verdict on
 * each line, and the log of what passed.
 *
 * It stands where a broken access point or a rebooting router stands: between
 * two honest ends. A line that is held back dies with its stream. A sender's
 * unfinished line goes out when the sender closes, as TCP would have it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim_impl.h"

void buf_put(struct buf *b, const void *p, size_t n)
{
	if (b->len + n > b->cap) {
		b->cap = b->len + n > 2 * b->cap ? b->len + n + 64 : 2 * b->cap;
		b->p = xrealloc(b->p, b->cap);
	}
	if (n)
		memcpy(b->p + b->len, p, n);
	b->len += n;
}

static void hold(struct sim *s, uint32_t id, int from, const uint8_t *p, size_t n, lan_time d, uint32_t lines)
{
	struct dir *dir = &s->streams[id]->dir[from];
	size_t i = 0;

	while (i < dir->n_held && dir->held[i].id)
		i++;
	if (i == dir->n_held) {
		dir->held = xrealloc(dir->held, ++dir->n_held * sizeof *dir->held);
		memset(&dir->held[i], 0, sizeof *dir->held);
	}
	if (++s->held_id == 0)
		s->held_id = 1;
	dir->held[i].line.len = 0;
	buf_put(&dir->held[i].line, p, n);
	dir->held[i].id = s->held_id;
	dir->held[i].lines_left = lines ? lines : UINT32_MAX;
	ev_push(s, s->now + d, EV_RELEASE, id, (uint32_t)from, s->streams[id]->gen, s->held_id);
}

void relay_release(struct sim *s, uint32_t id, int from, uint32_t held_id)
{
	struct dir *d = &s->streams[id]->dir[from];

	for (size_t i = 0; i < d->n_held; i++)
		if (d->held[i].id == held_id) {
			d->held[i].id = 0;
			if (!s->streams[id]->dead) {
				log_line(s, id, from, d->held[i].line.p, d->held[i].line.len,
					"held line goes on");
				carry(s, id, from, d->held[i].line.p, d->held[i].line.len, 0);
			}
			return;
		}
}

/* A line passed: the held ones have so many fewer to wait for. */
static void count_held(struct sim *s, uint32_t id, int from)
{
	struct dir *d = &s->streams[id]->dir[from];

	for (size_t i = 0; i < d->n_held; i++)
		if (d->held[i].id && --d->held[i].lines_left == 0)
			relay_release(s, id, from, d->held[i].id);
}

static void pass(struct sim *s, uint32_t id, int from, const uint8_t *p, size_t n, bool swap)
{
	struct dir *d = &s->streams[id]->dir[from];

	if (swap && !d->swapped.len) {
		buf_put(&d->swapped, p, n);
		return;
	}
	carry(s, id, from, p, n, 0);
	if (d->swapped.len) {
		carry(s, id, from, d->swapped.p, d->swapped.len, 0);
		d->swapped.len = 0;
	}
}

static void cut(struct sim *s, uint32_t id, int from, const uint8_t *p, size_t n, const struct sim_verdict *v)
{
	carry(s, id, from, p, n, 0);
	stream_tell(s, id, 1 - from, v->tell_receiver);
	stream_tell(s, id, from, v->tell_sender);
	for (int end = 0; end < 2; end++)
		if ((end == from ? v->tell_sender : v->tell_receiver) == SIM_SILENT)
			stream_silent(s, id, end);
	s->streams[id]->dead = true;
}

static void judge(struct sim *s, uint32_t id, int from, const uint8_t *p, size_t n)
{
	struct stream *t = s->streams[id];
	struct sim_verdict v = {0};

	if (t->dead) {
		t->dir[from].lost += n;
		log_line(s, id, from, p, n, "into the void");
		return;
	}
	if (s->cfg.relay)
		v = s->cfg.relay(s->cfg.ctx, id, from, p, n);
	log_line(s, id, from, p, n, v.why);
	if (v.stall) {
		stream_breaks(s, id);
		t->stall_until = v.stall == LAN_NEVER ? v.stall : s->now + v.stall;
	}
	if (v.cut) {
		cut(s, id, from, p, v.cut_at < n ? v.cut_at : n, &v);
		return;
	}
	if (s->cfg.bytes) {
		carry(s, id, from, p, n, v.delay);
		return;
	}
	for (unsigned i = 0; i < v.copies; i++)
		hold(s, id, from, p, n, v.copy_delay, v.hold_lines);
	if (v.delay)
		hold(s, id, from, p, n, v.delay, v.hold_lines);
	else if (!v.drop)
		pass(s, id, from, p, n, v.swap);
	count_held(s, id, from);
}

/* A quarter of the writes is judged in slices, so that a cut finds the middle of long ones, too. */
static void feed_bytes(struct sim *s, uint32_t id, int from, const uint8_t *p, size_t n)
{
	while (n) {
		size_t k = !s->cfg.plain && rng_below(&s->rng, 4) == 0 ? 1 + rng_below(&s->rng, n) : n;

		judge(s, id, from, p, k);
		p += k;
		n -= k;
	}
}

void relay_feed(struct sim *s, uint32_t id, int from, const uint8_t *p, size_t n)
{
	struct buf *line = &s->streams[id]->dir[from].line;

	if (s->cfg.bytes) {
		feed_bytes(s, id, from, p, n);
		return;
	}
	while (n) {
		const uint8_t *lf = memchr(p, '\n', n);
		size_t k = lf ? (size_t)(lf - p) + 1 : n;

		if (lf && !line->len) {
			judge(s, id, from, p, k);
		} else {
			buf_put(line, p, k);
			if (lf) {
				judge(s, id, from, line->p, line->len);
				line->len = 0;
			}
		}
		p += k;
		n -= k;
	}
}

void relay_finish(struct sim *s, uint32_t id, int from)
{
	struct dir *d = &s->streams[id]->dir[from];

	if (d->swapped.len)
		carry(s, id, from, d->swapped.p, d->swapped.len, 0);
	if (d->line.len) {
		log_line(s, id, from, d->line.p, d->line.len, "unfinished");
		carry(s, id, from, d->line.p, d->line.len, 0);
	}
	d->swapped.len = d->line.len = 0;
	for (size_t i = 0; i < d->n_held; i++)
		d->held[i].id = 0; /* nothing follows a half line */
}

static void print_rec(const struct sim *s, const struct rec *r)
{
	fprintf(stderr, "%12.6f ", (double)(r->at - LAN_SEC(1)) / 1e9);
	if (r->from < 0) {
		fprintf(stderr, "        %.*s\n", (int)r->len, r->text);
		return;
	}
	fprintf(stderr, "#%-3u %s \"", r->stream, r->from == 0 ? "c2s" : "s2c");
	for (uint32_t i = 0; i < r->len && i < LOG_TEXT; i++) {
		unsigned char c = (unsigned char)r->text[i];

		if (c == '\n')
			fputs("\\n", stderr);
		else if (c < ' ' || c > '~')
			fprintf(stderr, "\\x%02x", c);
		else
			fputc(c, stderr);
	}
	fprintf(stderr, "\"%s", r->len > LOG_TEXT ? ".." : "");
	fprintf(stderr, "%s%s\n", r->why ? "   <- " : "", r->why ? r->why : "");
}

static struct rec *rec_new(struct sim *s)
{
	struct rec *r = &s->log[s->n_log++ % LOG_N];

	r->at = s->now;
	r->why = NULL;
	return r;
}

void log_line(struct sim *s, uint32_t stream, int from, const uint8_t *p, size_t n, const char *why)
{
	struct rec *r = rec_new(s);
	uint64_t h = s->hash ^ s->now ^ ((uint64_t)stream << 32) ^ (uint64_t)from;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	s->hash = h * 0x100000001b3u;
	r->stream = stream;
	r->from = (int8_t)from;
	r->why = why;
	r->len = (uint32_t)n;
	memcpy(r->text, p, n < LOG_TEXT ? n : LOG_TEXT);
	if (s->cfg.verbose)
		print_rec(s, r);
}

void sim_note(struct sim *s, const char *fmt, ...)
{
	struct rec *r = rec_new(s);
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(r->text, sizeof r->text, fmt, ap);
	va_end(ap);
	r->from = -1;
	r->len = n < LOG_TEXT ? (uint32_t)n : LOG_TEXT - 1;
	if (s->cfg.verbose)
		print_rec(s, r);
}

void sim_dump(const struct sim *s, unsigned n)
{
	uint64_t have = s->n_log < LOG_N ? s->n_log : LOG_N;

	if (n > have)
		n = (unsigned)have;
	for (uint64_t i = s->n_log - n; i < s->n_log; i++)
		print_rec(s, &s->log[i % LOG_N]);
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (s->failure)
		return;
	s->failure = xrealloc(NULL, 512);
	va_start(ap, fmt);
	vsnprintf(s->failure, 512, fmt, ap);
	va_end(ap);
	sim_note(s, "FAIL %s", s->failure);
}

const char *sim_failure(const struct sim *s)
{
	return s->failure;
}
