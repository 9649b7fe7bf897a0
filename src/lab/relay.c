/*
 * relay.c - the TCP form of `lab impair`: sockets around fault.c.
 *
 * For each connection accepted one is dialled to the target, and a lab_conn
 * stands between the two. Whatever happens (bytes, an end, a moment, a command)
 * ends in settle(): write what is pending, carry out the orders, and tell the
 * kernel which side to watch for what. A side that may not be read is not
 * watched, so its sender feels it; that is also how a black hole is silent.
 *
 * A connection that arrives in a general black hole is accepted by the kernel
 * and kept waiting; the target is dialled when the hole is over. Connections
 * over the bound are closed at once and counted.
 */
#include "lab/impair.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "io/dial.h"
#include "io/tcp.h"
#include "lab/control.h"
#include "lab/out.h"

#define DIAL_TIMEOUT LAN_SEC(10)

enum { ROUNDS = 8 }; /* reads or writes in a row before others get their turn */

struct sock {
	struct pair *pair;
	enum lab_side side;
	int fd; /* -1: not there yet, or gone */
	struct lan_watch watch;
};

struct pair {
	struct pair *prev, *next;
	struct relay *relay;
	struct lab_conn *line;
	struct sock sock[2];
	struct lan_dial *dial;
	bool dialled;
	struct lan_deadline due;
	const char *why; /* it is over; static text */
	int watches;     /* handles that libuv still holds */
};

struct relay {
	const struct lab_impair *opt;
	struct lab_faults faults;
	struct lab_out out;
	struct lan_loop *loop;
	struct lan_listener *listener;
	struct lan_hostport target;
	struct lab_control control;
	struct pair *pairs;
	uint32_t n_pairs, next_number;
	bool quit;
};

static void settle(struct pair *p);

static void on_report(void *ctx, const struct lab_report *r)
{
	struct relay *relay = ctx;
	lab_out_fault(&relay->out, r);
}

/* libuv lets go of a watch a turn after it was closed; the last one frees the pair. */
static void on_watch_closed(struct lan_watch *w)
{
	struct sock *s = (struct sock *)((char *)w - offsetof(struct sock, watch));
	if (--s->pair->watches == 0 && !s->pair->line)
		free(s->pair);
}

static void drop_socket(struct sock *s, bool reset)
{
	int fd = s->fd;
	if (fd < 0)
		return;
	s->fd = -1;
	lan_watch_close(&s->watch, on_watch_closed);
	if (!reset) {
		lan_tcp_close_gently(fd);
		return;
	}
	struct linger at_once = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(fd);
}

static void pair_end(struct pair *p)
{
	struct relay *r = p->relay;
	lab_out_close(&r->out, lab_conn_number(p->line), p->why ? p->why : "closed");
	lan_dial_cancel(p->dial);
	for (int s = 0; s < 2; s++)
		drop_socket(&p->sock[s], false);
	lan_deadline_fini(r->loop, &p->due);
	*(p->prev ? &p->prev->next : &r->pairs) = p->next;
	if (p->next)
		p->next->prev = p->prev;
	r->n_pairs--;
	lab_conn_free(p->line);
	p->line = NULL;
	if (p->watches == 0)
		free(p);
}

static lan_time now_of(const struct pair *p)
{
	return lan_loop_now(p->relay->loop);
}

/* A side's socket broke, or could not be had. */
static void lose(struct pair *p, enum lab_side side, enum lan_err why)
{
	p->why = p->why ? p->why : lan_err_text(why);
	drop_socket(&p->sock[side], false);
	lab_conn_lost(p->line, now_of(p), side);
}

static void read_from(struct pair *p, enum lab_side side)
{
	static const char *const ended[] = {"the client closed", "the server closed"};
	struct sock *s = &p->sock[side];
	for (int i = 0; i < ROUNDS && s->fd >= 0; i++) {
		size_t n, got;
		uint8_t *room = lab_conn_room(p->line, now_of(p), (enum lab_dir)side, &n);
		if (n == 0)
			return;
		enum lan_err e = lan_tcp_recv(s->fd, room, n, &got);
		if (e == LAN_OK) {
			lab_conn_commit(p->line, now_of(p), (enum lab_dir)side, got);
		} else if (e == LAN_ERR_CLOSED) {
			p->why = p->why ? p->why : ended[side];
			lab_conn_eof(p->line, now_of(p), (enum lab_dir)side);
			return;
		} else {
			if (e != LAN_ERR_AGAIN)
				lose(p, side, e);
			return;
		}
	}
}

/* True: the direction has more than its socket takes. */
static bool write_to(struct pair *p, enum lab_side side)
{
	struct sock *s = &p->sock[side];
	enum lab_dir d = side == LAB_SERVER ? LAB_C2S : LAB_S2C;
	for (int i = 0; s->fd >= 0; i++) {
		size_t n, took;
		const uint8_t *bytes = lab_conn_pending(p->line, now_of(p), d, &n);
		if (n == 0 || i == ROUNDS * ROUNDS)
			return n > 0;
		enum lan_err e = lan_tcp_send(s->fd, bytes, n, &took);
		if (e == LAN_OK)
			lab_conn_sent(p->line, now_of(p), d, took);
		else if (e == LAN_ERR_AGAIN)
			return true;
		else
			lose(p, side, e);
	}
	return false;
}

static void on_socket(void *ctx, int events)
{
	struct sock *s = ctx;
	if (events & (LAN_READABLE | LAN_BROKEN))
		read_from(s->pair, s->side);
	settle(s->pair);
}

static void watch(struct pair *p, enum lab_side side, bool want_write)
{
	struct sock *s = &p->sock[side];
	size_t room;
	if (s->fd < 0)
		return;
	lab_conn_room(p->line, now_of(p), (enum lab_dir)side, &room);
	lan_watch_set(&s->watch, (room ? LAN_READABLE : 0) | (want_write ? LAN_WRITABLE : 0));
}

/* False: fd is still the caller's. */
static bool adopt(struct pair *p, enum lab_side side, int fd)
{
	struct sock *s = &p->sock[side];
	if (lan_watch_init(&s->watch, p->relay->loop, fd, on_socket, s))
		return false;
	s->fd = fd;
	p->watches++;
	return true;
}

static void on_dialled(void *ctx, enum lan_err e, int fd, const char *peer)
{
	struct pair *p = ctx;
	(void)peer;
	p->dial = NULL;
	if (!e && !adopt(p, LAB_SERVER, fd)) {
		close(fd);
		e = LAN_ERR_NOMEM;
	}
	if (e)
		lose(p, LAB_SERVER, e);
	settle(p);
}

static void dial(struct pair *p)
{
	struct relay *r = p->relay;
	if (p->dialled || r->faults.paused || r->faults.hole_until > now_of(p))
		return;
	p->dialled = true;
	enum lan_err e = lan_dial_start(r->loop, &r->target, DIAL_TIMEOUT, on_dialled, p, &p->dial);
	if (e)
		lose(p, LAB_SERVER, e);
}

static void obey(struct pair *p, enum lab_side side)
{
	struct sock *s = &p->sock[side];
	enum lab_order order;
	/* Orders are given once: for a server that is still being dialled they wait. */
	if (s->fd < 0 && side == LAB_SERVER && (p->dial || !p->dialled))
		return;
	while ((order = lab_conn_order(p->line, now_of(p), side)) != LAB_NOTHING) {
		if (order == LAB_SHUTDOWN) {
			if (s->fd >= 0)
				shutdown(s->fd, SHUT_WR);
			continue;
		}
		p->why = p->why ? p->why : "cut";
		drop_socket(s, order == LAB_RESET);
	}
}

/* The end of every wake-up that touched p. Frees p when it is over. */
static void settle(struct pair *p)
{
	bool more[2];
	dial(p);
	for (int s = 0; s < 2; s++)
		more[s] = write_to(p, (enum lab_side)s);
	for (int s = 0; s < 2; s++)
		obey(p, (enum lab_side)s);
	if (lab_conn_over(p->line)) {
		pair_end(p);
		return;
	}
	for (int s = 0; s < 2; s++)
		watch(p, (enum lab_side)s, more[s]);
	lan_deadline_arm(p->relay->loop, &p->due, lab_conn_deadline(p->line, now_of(p)));
}

static void on_due(void *ctx)
{
	settle(ctx);
}

static struct pair *pair_new(struct relay *r, int fd)
{
	struct pair *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	*p = (struct pair){.relay = r, .sock = {{p, LAB_CLIENT, -1}, {p, LAB_SERVER, -1}}};
	if (lab_conn_new(&r->faults, r->next_number, &p->line))
		goto no_line;
	if (lan_deadline_init(r->loop, &p->due, on_due, p))
		goto no_deadline;
	if (!adopt(p, LAB_CLIENT, fd))
		goto no_watch;
	return p;
no_watch:
	lan_deadline_fini(r->loop, &p->due);
no_deadline:
	lab_conn_free(p->line);
no_line:
	free(p);
	return NULL;
}

static void on_client(void *ctx, int fd, const char *peer)
{
	struct relay *r = ctx;
	struct pair *p = r->n_pairs < r->opt->max_conns ? pair_new(r, fd) : NULL;
	if (!p) {
		close(fd);
		lab_out_trouble(
			"a connection from %s was refused: %u at a time (--max-conns)", peer, r->n_pairs);
		return;
	}
	r->next_number++;
	r->n_pairs++;
	p->next = r->pairs;
	if (p->next)
		p->next->prev = p;
	r->pairs = p;
	lab_out_open(&r->out, lab_conn_number(p->line), peer);
	settle(p);
}

static void force_all(struct relay *r, const struct lab_command *cmd, enum lab_fault fault)
{
	lan_time now = lan_loop_now(r->loop);
	for (struct pair *p = r->pairs, *next; p; p = next) {
		next = p->next;
		lab_conn_force(p->line, now, fault, cmd->rst, cmd->side, cmd->time);
		settle(p);
	}
}

static void settle_all(struct relay *r)
{
	for (struct pair *p = r->pairs, *next; p; p = next) {
		next = p->next;
		settle(p);
	}
}

static void on_command(void *ctx, const char *line)
{
	struct relay *r = ctx;
	struct lab_command cmd;
	lab_command_parse(line, &r->faults, &cmd);
	switch (cmd.kind) {
	case LAB_CMD_NONE:
		return;
	case LAB_CMD_BAD:
		lab_out_control(&r->out, line, cmd.text);
		return;
	case LAB_CMD_CUT:
		force_all(r, &cmd, LAB_CUT);
		break;
	case LAB_CMD_HALF_OPEN:
		force_all(r, &cmd, LAB_HALF_OPEN);
		break;
	case LAB_CMD_HOLE:
		r->faults.hole_until = lan_loop_now(r->loop) + cmd.time;
		r->faults.count[LAB_HOLE]++;
		break;
	case LAB_CMD_PAUSE:
	case LAB_CMD_RESUME:
		r->faults.paused = cmd.kind == LAB_CMD_PAUSE;
		r->faults.hole_until = 0;
		break;
	case LAB_CMD_STATS:
		lab_out_summary(&r->out, &r->faults, r->faults.chunks ? "chunks" : "lines");
		break;
	case LAB_CMD_QUIT:
		r->quit = true;
		break;
	case LAB_CMD_SET:
		break;
	}
	settle_all(r);
	lab_out_control(&r->out, cmd.text, NULL);
}

static void on_signal(void *ctx, int signum)
{
	struct relay *r = ctx;
	(void)signum;
	r->quit = true;
}

static bool understand(const struct relay *r, const char *what, const char *text, struct lan_hostport *out)
{
	enum lan_err e = lan_hostport_parse(text, 0, out);
	if (e)
		lab_out_error(&r->out, LAB_EXIT_USAGE, "give HOST:PORT, e.g. 127.0.0.1:8123", "%s '%s': %s",
			what, text, lan_err_text(e));
	return e == LAN_OK;
}

static int start(struct relay *r)
{
	struct lan_hostport at;
	if (!understand(r, "listening address", r->opt->a, &at) ||
		!understand(r, "target", r->opt->b, &r->target))
		return LAB_EXIT_USAGE;
	enum lan_err e = lan_loop_new(&r->loop);
	e = e ? e : lan_loop_signal(r->loop, SIGINT, on_signal, r);
	e = e ? e : lan_loop_signal(r->loop, SIGTERM, on_signal, r);
	e = e ? e : lan_listener_open(r->loop, &at, on_client, r, &r->listener);
	if (!e)
		return LAB_EXIT_OK;
	const char *hint = e == LAN_ERR_PERM        ? "ports below 1024 belong to root; take one above"
			   : e == LAN_ERR_ADDRINUSE ? "choose another port; 0 takes any free one"
						    : NULL;
	return lab_out_error(&r->out, e == LAN_ERR_PERM ? LAB_EXIT_PERM : LAB_EXIT_FAILED, hint,
		"cannot listen on '%s': %s", r->opt->a, lan_err_text(e));
}

int lab_relay_run(const struct lab_impair *opt)
{
	struct relay r = {.opt = opt, .faults = opt->faults};
	const char *unit = opt->faults.chunks ? "chunks" : "lines";
	r.out = lab_out_of(opt);
	r.faults.report = on_report;
	r.faults.ctx = &r;
	int rc = start(&r);
	bool ready = rc == LAB_EXIT_OK;
	if (ready) {
		lab_out_ready(&r.out, opt, lan_listener_address(r.listener), r.faults.seed);
		lab_control_open(&r.control, r.loop, on_command, &r);
		rc = lab_turns(r.loop, opt, &r.quit);
	}
	while (r.pairs)
		pair_end(r.pairs);
	lan_listener_close(r.listener);
	lab_control_close(&r.control);
	lan_loop_free(r.loop);
	if (ready)
		lab_out_summary(&r.out, &r.faults, unit);
	return rc;
}
