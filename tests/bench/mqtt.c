/*
 * mqtt.c - the peer for pipelined lines: mosquitto, QoS 1, through libmosquitto
 * on both sides and a broker that run.py started.
 *
 * The publisher keeps `window` messages under way (as many as the broker and
 * the library may have in flight); the subscriber is a process of its own.
 * Counted is what reaches the subscriber. One thread each and no threads of
 * the library's own, which is its faster way.
 */
#include "bench.h"

#include <mosquitto.h>
#include <stdlib.h>
#include <unistd.h>

struct end {
	struct mosquitto *m;
	struct bench_shared *sh;
	const struct bench_opt *o;
	uint64_t acked, seen;
	bool up;
};

static void must(int rc, const char *what)
{
	if (rc != MOSQ_ERR_SUCCESS) {
		fprintf(stderr, "mqtt: %s: %s\n", what, mosquitto_strerror(rc));
		exit(1);
	}
}

static void on_connect(struct mosquitto *m, void *ctx, int rc)
{
	struct end *e = ctx;
	must(rc, "connect");
	if (e->sh)
		must(mosquitto_subscribe(m, NULL, "bench", 1), "subscribe");
	else
		e->up = true;
}

static void on_subscribe(struct mosquitto *m, void *ctx, int mid, int n, const int *granted)
{
	((struct end *)ctx)->up = true;
}

static void on_publish(struct mosquitto *m, void *ctx, int mid)
{
	((struct end *)ctx)->acked++;
}

static void on_message(struct mosquitto *m, void *ctx, const struct mosquitto_message *msg)
{
	struct end *e = ctx;
	e->sh->bad += !bench_is(msg->payload, (size_t)msg->payloadlen, e->o->size, e->seen++);
	e->sh->done = e->seen;
}

static void open_end(struct end *e)
{
	e->m = mosquitto_new(NULL, true, e);
	if (!e->m)
		bench_die("mosquitto_new");
	mosquitto_connect_callback_set(e->m, on_connect);
	mosquitto_subscribe_callback_set(e->m, on_subscribe);
	mosquitto_publish_callback_set(e->m, on_publish);
	mosquitto_message_callback_set(e->m, on_message);
	must(mosquitto_max_inflight_messages_set(e->m, e->o->window), "window");
	must(mosquitto_int_option(e->m, MOSQ_OPT_TCP_NODELAY, 1), "TCP_NODELAY");
	must(mosquitto_connect(e->m, "127.0.0.1", e->o->port, 60), "connect");
	while (!e->up)
		must(mosquitto_loop(e->m, 100, 1), "loop");
}

static _Noreturn void subscriber(const struct bench_opt *o, struct bench_shared *sh, int ready)
{
	struct end e = {.sh = sh, .o = o};
	open_end(&e);
	if (write(ready, "", 1) != 1)
		bench_die("pipe");
	for (;;)
		must(mosquitto_loop(e.m, 100, 1), "loop");
}

int main(int argc, char **argv)
{
	struct bench_opt o;
	bench_options(argc, argv, &o);
	struct bench_shared *sh = bench_share(1);
	int pipes[2];
	char byte;
	mosquitto_lib_init();
	if (pipe(pipes))
		bench_die("pipe");
	pid_t child = bench_fork(&o);
	if (!child)
		subscriber(&o, sh, pipes[1]);
	struct end e = {.o = &o};
	open_end(&e);
	if (read(pipes[0], &byte, 1) != 1)
		bench_die("pipe");

	static char payload[BENCH_MAX];
	bench_fill(payload, o.size);
	uint64_t sent = 0, start = bench_now(), end = start + (uint64_t)(o.seconds * 1e9), now;
	uint64_t cpu = bench_cpu(), cpu_rx = bench_cpu_of(child);
	while ((now = bench_now()) < end) {
		for (; sent - e.acked < o.window; sent++) {
			bench_number(payload, sent);
			must(mosquitto_publish(e.m, NULL, "bench", (int)o.size, payload, 1, false),
				"publish");
		}
		must(mosquitto_loop(e.m, 100, 1), "loop");
	}
	uint64_t done = sh->done;
	cpu = bench_cpu() - cpu;
	cpu_rx = bench_cpu_of(child) - cpu_rx;
	while (sh->done < sent && bench_now() < end + 5000000000u)
		must(mosquitto_loop(e.m, 1, 1), "loop");
	bench_reap(child);
	if (sh->bad || sh->done != sent)
		bench_die("messages were lost");
	mosquitto_destroy(e.m);
	bench_print_rate("mosquitto", done, now - start, cpu, cpu_rx);
	return 0;
}
