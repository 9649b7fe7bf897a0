/*
 * zmq.c - the peer for sealed messages: ZeroMQ PUSH to PULL over TCP on the
 * loopback, encrypted with CURVE (flag p: plain).
 *
 * The library holds the sender back by itself (its high-water mark), so the race
 * needs a window far beyond what the queues hold; counted is what the other
 * process has received.
 */
#include "mcast.h"

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
	static uint8_t buf[BENCH_MAX];
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
	for (;;) {
		int n = zmq_recv(s, buf, sizeof buf, 0);
		must(n, "recv");
		if (!mcast_is(buf, (size_t)n, o->size, seen++))
			mine->bad++;
		mine->done = seen;
	}
}

struct sender {
	const struct mcast_opt *o;
	void *socket;
	uint8_t buf[BENCH_MAX];
};

static unsigned send_some(void *ctx, uint64_t next, unsigned room)
{
	struct sender *s = ctx;
	room = room < BURST ? room : BURST;
	for (unsigned i = 0; i < room; i++) {
		mcast_number(s->buf, next + i);
		must(zmq_send(s->socket, s->buf, s->o->size, 0), "send");
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
	s.socket = open_socket(ZMQ_PUSH, &context);
	if (!mcast_flag(&o, 'p')) {
		must(zmq_setsockopt(s.socket, ZMQ_CURVE_SERVERKEY, server_public, 41), "CURVE_SERVERKEY");
		must(zmq_setsockopt(s.socket, ZMQ_CURVE_PUBLICKEY, own_public, 41), "CURVE_PUBLICKEY");
		must(zmq_setsockopt(s.socket, ZMQ_CURVE_SECRETKEY, own_secret, 41), "CURVE_SECRETKEY");
	}
	endpoint(&o, where);
	must(zmq_connect(s.socket, where), "connect");
	bench_fill((char *)s.buf, o.size);
	mcast_race(&o, sh, child[0], mcast_flag(&o, 'p') ? "zeromq plain" : "zeromq CURVE", send_some, &s);
	return 0;
}
