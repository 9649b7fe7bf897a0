/*
 * stream.c - how fast a stream is, one way: a client sends messages of bytes to
 * a server in another process, which pulls them as events.
 *
 * Flags: r, each message is lent (lan_stream_send_ref), not copied; p, the
 * receiver takes what is longer than 64 KiB in pieces.
 */
#include "mcast.h"
#include "stream_end.h"

#include <string.h>

#define BURST 1024 /* messages before the loop runs */
#define LENT  8    /* messages that are lent at a time */
#define PIECE (64 * 1024)

static void in_pieces(struct lan_stream_config *cfg)
{
	cfg->pieces = true;
	cfg->piece = PIECE;
}

/* Whether an event is as it should be; counts the messages that came whole. */
static bool good(const struct mcast_opt *o, const struct lan_stream_event *ev, uint64_t *seen)
{
	static bool begun;
	const struct lan_stream_value *v = &ev->value;
	switch (ev->kind) {
	case LAN_STREAM_MESSAGE:
		return v->type == LAN_STREAM_BYTES && mcast_is(v->data, v->len, o->size, (*seen)++);
	case LAN_STREAM_PIECE:
		if (ev->offset == 0)
			begun = v->len >= 8 && mcast_is(v->data, ev->total, o->size, *seen);
		*seen += ev->last;
		return begun && !ev->err;
	default:
		return ev->kind == LAN_STREAM_UP || ev->kind == LAN_STREAM_DOWN;
	}
}

static void receive(const struct mcast_opt *o, struct bench_shared *mine)
{
	struct stream_end e;
	struct lan_stream_event ev;
	uint64_t seen = 0;
	mine->port = stream_serve(&e, mcast_flag(o, 'p') ? in_pieces : NULL);
	mcast_ready(mine);
	for (;;) {
		lan_loop_run(e.loop, LAN_NEVER);
		while (lan_stream_event(e.s, &ev))
			if (!good(o, &ev, &seen))
				mine->bad++;
		mine->done = seen;
	}
}

struct sender {
	const struct mcast_opt *o;
	struct stream_end e;
	struct lent {
		bool busy;
		uint8_t buf[BENCH_MAX];
	} lent[MCAST_BUFFERS];
	bool lend;
};

static void returned(void *ctx)
{
	struct lent *l = ctx;
	l->busy = false;
}

static enum lan_err send_one(struct sender *s, uint64_t number)
{
	struct lent *l = &s->lent[number % MCAST_BUFFERS];
	if (!s->lend) {
		struct lan_stream_value v = lan_stream_bytes(l->buf, s->o->size);
		mcast_number(l->buf, number);
		return lan_stream_send(s->e.s, 0, &v, NULL, NULL);
	}
	if (l->busy)
		return LAN_ERR_FULL;
	mcast_number(l->buf, number);
	l->busy = true;
	enum lan_err err = lan_stream_send_ref(s->e.s, 0, l->buf, s->o->size, returned, l, NULL);
	if (err)
		l->busy = false;
	return err;
}

static unsigned send_some(void *ctx, uint64_t next, unsigned room)
{
	struct sender *s = ctx;
	enum lan_err err = LAN_OK;
	unsigned n = 0;
	for (; n < room && n < BURST; n++)
		if ((err = send_one(s, next + n)) != LAN_OK)
			break;
	if (err == LAN_ERR_FULL)
		lan_loop_run(s->e.loop, LAN_MS(100));
	else {
		stream_must(err, "send");
		lan_loop_process(s->e.loop);
	}
	stream_nothing(&s->e);
	return n;
}

int main(int argc, char **argv)
{
	static struct sender s;
	struct mcast_opt o;
	pid_t child[MCAST_RECEIVERS];
	mcast_options(argc, argv, &o);
	struct bench_shared *sh = bench_share(o.receivers);
	mcast_receivers(&o, sh, child, receive);
	s.o = &o;
	s.lend = mcast_flag(&o, 'r');
	for (unsigned i = 0; i < MCAST_BUFFERS; i++)
		bench_fill((char *)s.lent[i].buf, o.size);
	stream_dial(&s.e, (uint16_t)sh->port, NULL);
	mcast_race(&o, sh, child[0], "lanyard stream", send_some, &s);
	stream_close(&s.e);
	return 0;
}
