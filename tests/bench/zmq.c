/*
 * zmq.c - the peer for sealed messages and for streams: ZeroMQ PUSH to PULL over
 * TCP on the loopback, encrypted with CURVE (flag p: plain). Flag r: messages are
 * lent to the library, not copied by it; it always lends what was received.
 *
 * The library holds the sender back by itself (its high-water mark), so the race
 * needs a window far beyond what the queues hold; counted is what the other
 * process has received.
 */
#include "mcast.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define BURST 64

static char server_public[41], server_secret[41];

static void must(int rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "zmq: %s: %s\n", what, zmq_strerror(zmq_errno()));
		exit(1);
	}
}

static void *open_socket(int type, void **context)
{
	void *s;
	*context = zmq_ctx_new();
	s = *context ? zmq_socket(*context, type) : NULL;
	must(s ? 0 : -1, "socket");
	return s;
}

static void endpoint(const struct mcast_opt *o, char out[40])
{
	snprintf(out, 40, "tcp://127.0.0.1:%u", o->port);
}

static void receive(const struct mcast_opt *o, struct bench_shared *mine)
{
	zmq_msg_t msg;
	char where[40];
	void *context, *s = open_socket(ZMQ_PULL, &context);
	int one = 1;
	uint64_t seen = 0;
	if (!mcast_flag(o, 'p')) {
		must(zmq_setsockopt(s, ZMQ_CURVE_SERVER, &one, sizeof one), "CURVE_SERVER");
		must(zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, server_secret, 41), "CURVE_SECRETKEY");
	}
	endpoint(o, where);
	must(zmq_bind(s, where), "bind");
	mcast_ready(mine);
	must(zmq_msg_init(&msg), "msg_init");
	for (;;) {
		must(zmq_msg_recv(&msg, s, 0), "recv");
		if (!mcast_is(zmq_msg_data(&msg), zmq_msg_size(&msg), o->size, seen++))
			mine->bad++;
		mine->done = seen;
	}
}

struct sender {
	const struct mcast_opt *o;
	void *socket;
	struct lent {
		atomic_bool busy;
		uint8_t buf[BENCH_MAX];
	} lent[MCAST_BUFFERS];
	bool lend;
};

/* Called from a thread of the library. */
static void returned(void *data, void *hint)
{
	(void)data;
	atomic_store((atomic_bool *)hint, false);
}

static void send_lent(struct sender *s, uint64_t number)
{
	struct lent *l = &s->lent[number % MCAST_BUFFERS];
	zmq_msg_t msg;
	while (atomic_load(&l->busy))
		sched_yield();
	atomic_store(&l->busy, true);
	mcast_number(l->buf, number);
	must(zmq_msg_init_data(&msg, l->buf, s->o->size, returned, &l->busy), "msg_init_data");
	must(zmq_msg_send(&msg, s->socket, 0), "send");
}

static unsigned send_some(void *ctx, uint64_t next, unsigned room)
{
	struct sender *s = ctx;
	room = room < BURST ? room : BURST;
	for (unsigned i = 0; i < room; i++) {
		if (s->lend) {
			send_lent(s, next + i);
			continue;
		}
		uint8_t *buf = s->lent[(next + i) % MCAST_BUFFERS].buf;
		mcast_number(buf, next + i);
		must(zmq_send(s->socket, buf, s->o->size, 0), "send");
	}
	return room;
}

int main(int argc, char **argv)
{
	static struct sender s;
	struct mcast_opt o;
	pid_t child[MCAST_RECEIVERS];
	char own_public[41], own_secret[41], where[40];
	void *context;
	mcast_options(argc, argv, &o);
	must(zmq_curve_keypair(server_public, server_secret), "keypair");
	must(zmq_curve_keypair(own_public, own_secret), "keypair");
	struct bench_shared *sh = bench_share(o.receivers);
	mcast_receivers(&o, sh, child, receive);
	s.o = &o;
	s.lend = mcast_flag(&o, 'r');
	s.socket = open_socket(ZMQ_PUSH, &context);
	if (!mcast_flag(&o, 'p')) {
		must(zmq_setsockopt(s.socket, ZMQ_CURVE_SERVERKEY, server_public, 41), "CURVE_SERVERKEY");
		must(zmq_setsockopt(s.socket, ZMQ_CURVE_PUBLICKEY, own_public, 41), "CURVE_PUBLICKEY");
		must(zmq_setsockopt(s.socket, ZMQ_CURVE_SECRETKEY, own_secret, 41), "CURVE_SECRETKEY");
	}
	endpoint(&o, where);
	must(zmq_connect(s.socket, where), "connect");
	for (unsigned i = 0; i < MCAST_BUFFERS; i++)
		bench_fill((char *)s.lent[i].buf, o.size);
	mcast_race(&o, sh, child[0], mcast_flag(&o, 'p') ? "zeromq plain" : "zeromq CURVE", send_some, &s);
	return 0;
}
