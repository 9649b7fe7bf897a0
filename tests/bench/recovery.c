/*
 * recovery.c - how long a cut keeps lines from getting through.
 *
 * Three processes: a server, a client, and between them a relay (this one)
 * that first stops carrying bytes, waits until both ends have dealt with all
 * they had received and are each left with one `qos, wait` line unacknowledged,
 * and then closes both connections, with FIN or with RST (-r). Each end keeps
 * writing one line at a time; the recovery time of a direction is from the
 * closing to the acknowledgement of its pending line, which can only have come
 * through the next connection. -n cuts; the link's timeout stays as it is (-t).
 */
#include "ends.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUIET_MS 5   /* the relay carries nothing before it closes */
#define CALM_MS  120 /* of normal traffic between two cuts: past the client's back-off */

/* One end: write a line, wait for its acknowledgement, note when, again. */
static _Noreturn void run_end(struct lan_loop *loop, struct lan_link *link, const struct bench_opt *o,
	bool server, struct bench_shared *sh)
{
	static char line[BENCH_MAX];
	uint64_t sent = 0, seen = 0;
	bool idle = false;
	struct lan_link_event ev;
	bench_fill(line, o->size);
	for (;;) {
		lan_loop_run(loop, LAN_NEVER);
		while (lan_link_event(link, &ev)) {
			if (ev.kind == LAN_LINK_MESSAGE)
				sh->bad += !bench_is(ev.line, ev.len, o->size, seen++);
			if (ev.kind == LAN_LINK_ACKED) {
				if (!sh->at)
					sh->at = bench_now();
				sh->done++;
			}
			idle |= ev.kind == LAN_LINK_ACKED || (ev.kind == LAN_LINK_UP && ev.connects == 1);
		}
		if (!idle)
			continue;
		bench_number(line, sent++);
		if (lan_link_write(link, server ? BENCH_ID : NULL, line, o->size,
			    LAN_LINK_QOS | LAN_LINK_WAIT, NULL))
			bench_die("write");
		idle = false;
	}
}

static _Noreturn void child(
	const struct bench_opt *o, bool server, const int pipes[2], uint16_t port, struct bench_shared *sh)
{
	struct lan_loop *loop;
	if (lan_loop_new(&loop))
		bench_die("loop");
	struct lan_link *link = server ? bench_serve(loop, o) : bench_dial(loop, o, port);
	uint16_t mine = server ? bench_port(link) : 0;
	if (server && write(pipes[1], &mine, sizeof mine) != sizeof mine)
		bench_die("pipe");
	run_end(loop, link, o, server, sh);
}

/* --- the relay ------------------------------------------------------------------ */

struct relay {
	int listener, client, server; /* descriptors; the latter two: -1 while there is none */
	uint16_t server_port;
};

static void join(struct relay *r)
{
	r->client = accept(r->listener, NULL, NULL);
	if (r->client < 0)
		bench_die("accept");
	bench_nodelay(r->client);
	r->server = bench_connect(r->server_port);
}

static void cut(struct relay *r, bool reset)
{
	struct linger l = {.l_onoff = 1};
	char buf[4096];
	int fd[2] = {r->client, r->server};
	for (int i = 0; i < 2; i++) {
		/* Bytes left unread would turn a FIN into a RST. */
		while (!reset && recv(fd[i], buf, sizeof buf, MSG_DONTWAIT) > 0)
			;
		if (reset && setsockopt(fd[i], SOL_SOCKET, SO_LINGER, &l, sizeof l))
			bench_die("SO_LINGER");
	}
	close(fd[0]);
	close(fd[1]);
}

/* False: one of the ends closed. */
static bool carry(int from, int to)
{
	char buf[65536];
	ssize_t n = recv(from, buf, sizeof buf, 0);
	return n > 0 && send(to, buf, (size_t)n, 0) == n;
}

/* Carry bytes for a millisecond or two. An end that closes is served again. */
static void work(struct relay *r)
{
	uint64_t until = bench_now() + 1000000;
	struct pollfd p[2] = {{.fd = r->client, .events = POLLIN}, {.fd = r->server, .events = POLLIN}};
	while (bench_now() < until) {
		if (poll(p, 2, 1) < 0)
			bench_die("poll");
		if ((p[0].revents && !carry(p[0].fd, p[1].fd)) ||
			(p[1].revents && !carry(p[1].fd, p[0].fd))) {
			cut(r, false);
			join(r);
			return;
		}
	}
}

/* Until each end got `lines` more acknowledged. */
static void work_until(struct relay *r, const struct bench_shared *sh, uint64_t lines)
{
	uint64_t late = bench_now() + UINT64_C(30000000000);
	uint64_t want[2] = {sh[0].done + lines, sh[1].done + lines};
	while (sh[0].done < want[0] || sh[1].done < want[1]) {
		if (bench_now() > late)
			bench_die("no line gets through");
		work(r);
	}
}

static void one_cut(struct relay *r, const struct bench_opt *o, struct bench_shared *sh, uint64_t took[2])
{
	for (uint64_t until = bench_now() + CALM_MS * UINT64_C(1000000); bench_now() < until;)
		work(r);
	bench_sleep(QUIET_MS / 1e3);
	sh[0].at = sh[1].at = 0;
	uint64_t at = bench_now();
	cut(r, o->reset);
	join(r);
	work_until(r, sh, 1);
	took[0] = sh[0].at - at;
	took[1] = sh[1].at - at;
}

int main(int argc, char **argv)
{
	struct bench_opt o;
	bench_options(argc, argv, &o);
	struct bench_shared *sh = bench_share(2); /* the server's, the client's */
	struct relay r;
	uint16_t port;
	int pipes[2];
	r.listener = bench_listen(&port);
	if (pipe(pipes))
		bench_die("pipe");
	pid_t server = bench_fork(&o);
	if (!server)
		child(&o, true, pipes, 0, &sh[0]);
	if (read(pipes[0], &r.server_port, sizeof r.server_port) != sizeof r.server_port)
		bench_die("pipe");
	pid_t client = bench_fork(&o);
	if (!client)
		child(&o, false, pipes, port, &sh[1]);

	uint64_t *times = calloc(2 * o.n, sizeof *times), took[2];
	join(&r);
	work_until(&r, sh, 3);
	for (unsigned i = 0; i < o.n; i++) {
		one_cut(&r, &o, sh, took);
		times[i] = took[1];
		times[o.n + i] = took[0];
	}
	bench_reap(client);
	bench_reap(server);
	if (sh[0].bad || sh[1].bad)
		bench_die("lines were lost or doubled");
	bench_print_times("client to server", times, o.n);
	bench_print_times("server to client", times + o.n, o.n);
	free(times);
	return 0;
}
