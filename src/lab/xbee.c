/*
 * xbee.c - simulated modules (air.h) on pseudo terminals, see xbee.h.
 *
 * The host opens the other end of a pseudo terminal as it would a USB adapter. While nobody has it open the
 * kernel reports a hang-up for as long as that lasts: then we look now and then instead. Pulling a stick
 * closes our end, which its host sees as that of a device that is gone; plugging it in makes a new terminal,
 * to which the stick's link points from then on. pty(7).
 */
#include "lab/xbee.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <termios.h>
#include <unistd.h>
#include "io/watch.h"
#include "lab/control.h"

/* How often a terminal that nobody has open is looked at. */
#define LOOK LAN_MS(10)

struct stick {
	struct world *world;
	uint32_t i;
	struct lan_watch *watch; /* NULL: pulled */
	int fd;
	bool closed; /* nobody has it open */
	char path[64];
};

struct world {
	struct lab_xbee opt;
	struct lab_impair as_impair; /* what io of the lab's tools takes */
	struct lab_out out;
	struct lan_loop *loop;
	struct lab_air *air;
	struct lan_deadline due, look;
	bool have_due, have_look, quit;
	struct lab_control control;
	struct stick stick[LAB_MODULES_MAX];
};

static void settle(struct world *w);

/* ---- one terminal ----------------------------------------------------------------- */

static void look_later(struct world *w)
{
	lan_deadline_arm(w->loop, &w->look, lan_loop_now(w->loop) + LOOK);
}

static void hung_up(struct stick *s)
{
	s->closed = true;
	lan_watch_set(s->watch, 0);
	look_later(s->world);
}

static void read_host(struct stick *s)
{
	struct world *w = s->world;
	uint8_t buf[512];
	size_t room = lab_module_room(w->air, s->i);
	if (room == 0)
		return;
	ssize_t n = read(s->fd, buf, room < sizeof buf ? room : sizeof buf);
	if (n > 0)
		lab_module_input(w->air, s->i, lan_loop_now(w->loop), buf, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		hung_up(s);
}

static void write_host(struct stick *s, bool *full)
{
	struct world *w = s->world;
	size_t n;
	*full = false;
	for (;;) {
		lan_time now = lan_loop_now(w->loop);
		const uint8_t *p = lab_module_pending(w->air, s->i, now, &n);
		if (!n || s->closed)
			return;
		ssize_t r = write(s->fd, p, n);
		if (r <= 0) {
			*full = true;
			return;
		}
		lab_module_sent(w->air, s->i, now, (size_t)r);
	}
}

static void on_terminal(void *ctx, int events)
{
	struct stick *s = ctx;
	if (events & (LAN_READABLE | LAN_BROKEN))
		read_host(s);
	settle(s->world);
}

static void on_look(void *ctx)
{
	struct world *w = ctx;
	for (uint32_t i = 0; i < w->opt.air.modules; i++) {
		struct stick *s = &w->stick[i];
		if (!s->watch || !s->closed)
			continue;
		s->closed = false;
		read_host(s);
	}
	settle(w);
}

/* All modules and terminals, at the end of whatever happened. */
static void settle(struct world *w)
{
	lan_time now = lan_loop_now(w->loop);
	lab_air_tick(w->air, now);
	for (uint32_t i = 0; i < w->opt.air.modules; i++) {
		struct stick *s = &w->stick[i];
		bool full;
		if (!s->watch || s->closed)
			continue;
		write_host(s, &full);
		if (!s->closed)
			lan_watch_set(s->watch,
				(lab_module_room(w->air, i) ? LAN_READABLE : 0) | (full ? LAN_WRITABLE : 0));
	}
	lan_deadline_arm(w->loop, &w->due, lab_air_deadline(w->air, now));
}

static void on_due(void *ctx)
{
	settle(ctx);
}

/* ---- plugging ----------------------------------------------------------------------- */

static void say_stick(struct world *w, const struct stick *s, bool there)
{
	const char *link = w->opt.link[s->i];
	if (w->opt.json)
		printf("{\"schema\":1,\"event\":\"%s\",\"stick\":%u,\"path\":\"%s\"}\n",
			there ? "plugged" : "pulled", s->i, link ? link : s->path);
	else if (there)
		printf("%s\n", link ? link : s->path);
	fflush(stdout);
}

static int open_terminal(struct stick *s)
{
	struct termios t;
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (grantpt(fd) || unlockpt(fd) || ptsname_r(fd, s->path, sizeof s->path) || tcgetattr(fd, &t)) {
		close(fd);
		return -1;
	}
	cfmakeraw(&t); /* nothing is echoed before the host has set it up */
	tcsetattr(fd, TCSANOW, &t);
	return fd;
}

/* The link appears in one step, with its new target. */
static bool point(const char *link, const char *path)
{
	char next[4096];
	if ((size_t)snprintf(next, sizeof next, "%s.new", link) >= sizeof next)
		return false;
	unlink(next);
	return symlink(path, next) == 0 && rename(next, link) == 0;
}

static void on_closed(struct lan_watch *w)
{
	free(w);
}

static bool plug(struct world *w, uint32_t i)
{
	struct stick *s = &w->stick[i];
	struct lan_watch *watch = calloc(1, sizeof *watch);
	s->fd = watch ? open_terminal(s) : -1;
	if (s->fd < 0 || lan_watch_init(watch, w->loop, s->fd, on_terminal, s)) {
		if (s->fd >= 0)
			close(s->fd);
		free(watch);
		return false;
	}
	s->watch = watch;
	s->closed = false;
	lab_module_power(w->air, i, lan_loop_now(w->loop), true);
	if (w->opt.link[i] && !point(w->opt.link[i], s->path)) {
		lab_out_trouble("cannot make the link '%s': %s", w->opt.link[i], strerror(errno));
		return false;
	}
	say_stick(w, s, true);
	return true;
}

static void pull(struct world *w, uint32_t i, bool say)
{
	struct stick *s = &w->stick[i];
	if (!s->watch)
		return;
	if (w->opt.link[i])
		unlink(w->opt.link[i]);
	lan_watch_close(s->watch, on_closed);
	close(s->fd);
	s->watch = NULL;
	lab_module_power(w->air, i, lan_loop_now(w->loop), false);
	if (say)
		say_stick(w, s, false);
}

/* ---- commands -------------------------------------------------------------------------- */

static void summary(struct world *w)
{
	FILE *f = w->opt.json ? stdout : stderr;
	if (w->opt.quiet && !w->opt.json)
		return;
	fputs(w->opt.json ? "{\"schema\":1,\"event\":\"summary\"" : "", f);
	for (int c = 0; c < LAB_AIR_N; c++)
		fprintf(f, w->opt.json ? ",\"%s\":%llu" : "%s %llu; ",
			lab_air_counter_name((enum lab_air_counter)c),
			(unsigned long long)lab_air_counter(w->air, (enum lab_air_counter)c));
	fprintf(f, w->opt.json ? ",\"seed\":\"%llu\"}\n" : "seed %llu\n",
		(unsigned long long)w->opt.air.seed);
	fflush(f);
}

static bool say_noise(struct world *w, uint32_t i, const char *hex)
{
	uint8_t buf[256];
	size_t n = 0;
	unsigned v;
	for (; hex[0] && hex[1] && n < sizeof buf && sscanf(hex, "%2x", &v) == 1; hex += 2)
		buf[n++] = (uint8_t)v;
	if (*hex || n == 0)
		return false;
	lab_module_noise(w->air, i, lan_loop_now(w->loop), buf, n);
	return true;
}

/* What is done to one stick; NULL, or why not. */
static const char *to_stick(struct world *w, const char *verb, uint32_t i, const char *arg)
{
	if (!strcmp(verb, "unplug") || !strcmp(verb, "pull")) {
		if (!w->stick[i].watch)
			return "it is not plugged in";
		pull(w, i, true);
		return NULL;
	}
	if (!strcmp(verb, "plug")) {
		if (w->stick[i].watch)
			return "it is plugged in";
		return plug(w, i) ? NULL : "there is no pseudo terminal to be had";
	}
	if (!strcmp(verb, "reset")) {
		lab_module_reset(w->air, i, lan_loop_now(w->loop));
		return NULL;
	}
	if (!strcmp(verb, "noise"))
		return say_noise(w, i, arg) ? NULL : "noise wants a stick and octets in hexadecimal";
	return "not a command: unplug N, plug N, reset N, noise N HEX, loss P, delay TIME, stats, quit";
}

static bool set_live(struct world *w, const char *name, const char *value, char *err, size_t cap)
{
	struct lab_xbee x = w->opt;
	if (strcmp(name, "loss") && strcmp(name, "delay"))
		return false;
	if (lab_xbee_set(&x, name, value, err, cap) == LAN_OK) {
		lab_air_settings(w->air)->loss = w->opt.air.loss = x.air.loss;
		lab_air_settings(w->air)->delay = w->opt.air.delay = x.air.delay;
	}
	return true;
}

static void on_command(void *ctx, const char *line)
{
	struct world *w = ctx;
	char verb[16] = "", arg[16] = "", more[600] = "", err[300] = "", *end;
	int n = sscanf(line, "%15s %15s %599s", verb, arg, more);
	if (n < 1)
		return;
	if (n == 1 && !strcmp(verb, "quit")) {
		w->quit = true;
	} else if (n == 1 && !strcmp(verb, "stats")) {
		summary(w);
	} else if (n < 2 || !set_live(w, verb, arg, err, sizeof err)) {
		unsigned long i = strtoul(arg, &end, 10);
		const char *why = n > 1 && (*end || i >= w->opt.air.modules)
					  ? "there is no such stick"
					  : to_stick(w, n > 1 ? verb : "", (uint32_t)i, more);
		snprintf(err, sizeof err, "%s", why ? why : "");
	}
	lab_out_control(&w->out, line, *err ? err : NULL);
	settle(w);
}

/* ---- life -------------------------------------------------------------------------------- */

static void on_signal(void *ctx, int signum)
{
	struct world *w = ctx;
	(void)signum;
	w->quit = true;
}

static int start(struct world *w)
{
	enum lan_err e = lan_loop_new(&w->loop);
	e = e ? e : lan_loop_signal(w->loop, SIGINT, on_signal, w);
	e = e ? e : lan_loop_signal(w->loop, SIGTERM, on_signal, w);
	e = e ? e : lan_deadline_init(w->loop, &w->due, on_due, w);
	w->have_due = e == LAN_OK;
	e = e ? e : lan_deadline_init(w->loop, &w->look, on_look, w);
	w->have_look = e == LAN_OK;
	w->air = e ? NULL : lab_air_new(&w->opt.air);
	if (!w->air)
		return lab_out_error(&w->out, LAB_EXIT_FAILED, NULL, "cannot start: %s",
			lan_err_text(e ? e : LAN_ERR_NOMEM));
	for (uint32_t i = 0; i < w->opt.air.modules; i++) {
		w->stick[i] = (struct stick){.world = w, .i = i};
		if (!plug(w, i))
			return lab_out_error(&w->out, LAB_EXIT_FAILED, NULL,
				"no pseudo terminal for stick %u, or not its link", i);
	}
	settle(w);
	return LAB_EXIT_OK;
}

static void stop(struct world *w)
{
	for (uint32_t i = 0; i < w->opt.air.modules; i++)
		pull(w, i, false);
	lab_control_close(&w->control);
	if (w->have_due)
		lan_deadline_fini(w->loop, &w->due);
	if (w->have_look)
		lan_deadline_fini(w->loop, &w->look);
	if (w->loop)
		lan_loop_free(w->loop);
	lab_air_free(w->air);
	free(w);
}

int lab_xbee_run(const struct lab_xbee *x)
{
	struct world *w = calloc(1, sizeof *w);
	sigset_t ours;
	if (!w)
		return x->error(x->ctx, LAB_EXIT_FAILED, NULL, lan_err_text(LAN_ERR_NOMEM));
	w->opt = *x;
	if (!w->opt.have_seed && getrandom(&w->opt.air.seed, sizeof w->opt.air.seed, 0) > 0)
		w->opt.air.seed %= 1000000; /* short enough to be typed again */
	w->as_impair = (struct lab_impair){
		.json = x->json, .quiet = x->quiet, .limit = x->limit, .error = x->error, .ctx = x->ctx};
	w->out = lab_out_of(&w->as_impair);
	/* The caller may hold the signals back; here the loop takes them. */
	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &ours, NULL);
	signal(SIGPIPE, SIG_IGN);
	int rc = start(w);
	if (rc == LAB_EXIT_OK) {
		lab_control_open(&w->control, w->loop, on_command, w);
		rc = lab_turns(w->loop, &w->as_impair, &w->quit);
		summary(w);
	}
	stop(w);
	return rc;
}
