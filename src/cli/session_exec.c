/*
 * session_exec.c - `lanyard stream serve --exec CMD`: a command for each
 * connection, fed with its values, one a line, and heard line by line.
 *
 * Memory is bounded by pressure: a command that does not read gets its connection
 * held, so that the peer's TCP stops; a connection that does not take more stops
 * its command. Commands are bounded by --max-conns, too: one that outlives its
 * connection counts until it ends. Each is a process group of its own and is
 * ended as such, by its number.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cli/stream.h"
#include "cli/wait.h"
#include "io/watch.h"

#define LAST_WORDS LAN_SEC(2) /* between SIGTERM and SIGKILL */
#define COMMAND    "command"

struct child {
	struct child *next;
	struct session *s;
	uint64_t conn;
	pid_t pid;
	struct lan_watch to_watch, from_watch;
	struct out to;     /* its stdin */
	struct lines from; /* its stdout */
	int watches;       /* libuv still holds so many of them */
	bool to_open, from_open, exited, conn_down, held, blocked;
};

extern char **environ;

static void child_pump(struct child *c);

/* libuv has let go of a watch. */
static void to_closed(struct lan_watch *w)
{
	struct child *c = (struct child *)(void *)((char *)w - offsetof(struct child, to_watch));
	c->watches--;
}

static void from_closed(struct lan_watch *w)
{
	struct child *c = (struct child *)(void *)((char *)w - offsetof(struct child, from_watch));
	c->watches--;
}

static void close_to(struct child *c)
{
	if (!c->to_open)
		return;
	c->to_open = false;
	lan_watch_close(&c->to_watch, to_closed);
	close(c->to.fd);
}

static void close_from(struct child *c)
{
	if (!c->from_open)
		return;
	c->from_open = false;
	lan_watch_close(&c->from_watch, from_closed);
	close(c->from.fd);
}

static void hold(struct child *c, bool on)
{
	if (c->held == on || c->conn_down)
		return;
	/* A connection that is gone: its end comes as an event. */
	if (lan_stream_hold(c->s->m.stream, c->conn, on) == LAN_OK)
		c->held = on;
}

/* Towards the command: write what it takes, hold the connection while it takes nothing. */
static void flush(struct child *c)
{
	if (!c->to_open)
		return;
	out_flush(&c->to);
	if (c->to.gone || (c->conn_down && !out_waiting(&c->to))) {
		hold(c, false);
		close_to(c);
		return;
	}
	hold(c, out_full(&c->to) || (c->held && out_waiting(&c->to) > OUT_HIGH / 2));
	lan_watch_set(&c->to_watch, out_waiting(&c->to) ? LAN_WRITABLE : 0);
}

static void on_to(void *ctx, int events)
{
	struct child *c = ctx;
	if (events & LAN_BROKEN)
		c->to.gone = true;
	flush(c);
}

static void on_from(void *ctx, int events)
{
	child_pump(ctx);
}

/* Its lines to the connection. False: the queue is full. */
static bool pass_lines(struct child *c)
{
	const char *line;
	size_t n;
	char name[64];
	snprintf(name, sizeof name, COMMAND " of connection %llu,", (unsigned long long)c->conn);
	for (enum lines_kind kind; (kind = lines_peek(&c->from, &line, &n)) != LINES_NONE;
		lines_take(&c->from)) {
		if (c->conn_down)
			continue; /* nobody is left to hear it */
		if (kind == LINES_LONG)
			cli_say(c->s->m.cli, "%s line %llu is too long", name,
				(unsigned long long)c->from.number);
		else if (session_offer(c->s, name, c->from.number, c->conn, line, n) == OFFER_FULL)
			return false;
	}
	return true;
}

static void child_pump(struct child *c)
{
	bool more = true;
	while (c->from_open && more) {
		if (!pass_lines(c)) {
			c->blocked = true;
			lan_watch_set(&c->from_watch, 0);
			return;
		}
		more = lines_read(&c->from);
		/* What it left running may keep the pipe open; it speaks for itself no more. */
		if (!more && c->exited && !c->from.eof)
			more = c->from.eof = true;
		if (!more && c->from.eof && lines_done(&c->from))
			close_from(c);
		else if (c->from.eof)
			more = true;
	}
	if (c->from_open && !c->blocked)
		lan_watch_set(&c->from_watch, LAN_READABLE);
	if (!c->from_open && c->exited && !c->conn_down &&
		lan_stream_finish(c->s->m.stream, c->conn) == LAN_OK)
		hold(c, false);
}

static void reap(struct session *s)
{
	int status;
	for (struct child *c = s->children; c; c = c->next) {
		if (c->exited || waitpid(c->pid, &status, WNOHANG) != c->pid)
			continue;
		c->exited = true;
		if (WIFEXITED(status) && WEXITSTATUS(status))
			cli_say(s->m.cli, "the command of connection %llu ended with %d",
				(unsigned long long)c->conn, WEXITSTATUS(status));
		else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGTERM)
			cli_say(s->m.cli, "the command of connection %llu was ended by signal %d",
				(unsigned long long)c->conn, WTERMSIG(status));
		close_to(c);
		child_pump(c);
	}
}

/* Frees those of which nothing is left. */
static void sweep(struct session *s)
{
	for (struct child **at = &s->children; *at;) {
		struct child *c = *at;
		if (!c->exited || !c->conn_down || c->from_open || c->to_open || c->watches) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		s->n_children--;
		lines_fini(&c->from);
		out_fini(&c->to);
		free(c);
	}
}

static void on_child(void *ctx, int signum)
{
	reap(ctx);
	sweep(ctx);
}

int exec_init(struct session *s)
{
	if (lan_loop_signal(s->m.loop, SIGCHLD, on_child, s) == LAN_OK)
		return EXIT_OK;
	return cli_error(s->m.cli, EXIT_FAILED, NULL, "out of memory or descriptors");
}

/* environ and two more; the caller frees the list and its first two. */
static char **environment(const struct peer *peer)
{
	size_t n = 0, at = 2;
	while (environ[n])
		n++;
	char **env = calloc(n + 3, sizeof *env);
	if (!env)
		return NULL;
	if (asprintf(&env[0], "LANYARD_CONN=%llu", (unsigned long long)peer->at.id) < 0)
		env[0] = NULL;
	if (asprintf(&env[1], "LANYARD_PEER=%s", peer->at.peer) < 0)
		env[1] = NULL;
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "LANYARD_CONN=", 13) != 0 &&
			strncmp(environ[i], "LANYARD_PEER=", 13) != 0)
			env[at++] = environ[i];
	return env;
}

/* Everything the command line changed for itself is as it was for the command. */
static int spawn(const struct peer *peer, const char *command, int in, int out, pid_t *pid)
{
	char *argv[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)command, NULL};
	char **env = environment(peer);
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, defaults;
	int error = ENOMEM;
	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGINT);
	sigaddset(&defaults, SIGTERM);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(
		&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	if (env && env[0] && env[1] && !posix_spawn_file_actions_adddup2(&files, in, 0) &&
		!posix_spawn_file_actions_adddup2(&files, out, 1))
		error = posix_spawn(pid, "/bin/sh", &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	if (env) {
		free(env[0]);
		free(env[1]);
	}
	free(env);
	return error;
}

/* Takes both descriptors, whatever happens. */
static struct child *child_new(struct session *s, uint64_t id, int to, int from)
{
	struct child *c = calloc(1, sizeof *c);
	if (!c || !lines_init(&c->from, from, s->max_message)) {
		free(c);
		close(to);
		close(from);
		return NULL;
	}
	*c = (struct child){.s = s, .conn = id, .from = c->from, .exited = true};
	c->from.keep_cr = s->in.keep_cr;
	out_init(&c->to, to);
	c->to.chunk = OUT_HIGH; /* it does not block */
	c->next = s->children;
	s->children = c;
	s->n_children++;
	if (lan_watch_init(&c->to_watch, s->m.loop, to, on_to, c) == LAN_OK) {
		c->to_open = true;
		c->watches++;
	} else {
		close(to);
	}
	if (lan_watch_init(&c->from_watch, s->m.loop, from, on_from, c) == LAN_OK) {
		c->from_open = true;
		c->watches++;
		lan_watch_set(&c->from_watch, LAN_READABLE);
	} else {
		close(from);
	}
	return c;
}

static const char *start(struct session *s, struct peer *peer)
{
	int to[2], from[2], error;
	if (s->n_children >= s->max_children)
		return "too many commands are running";
	if (pipe2(to, O_CLOEXEC) < 0)
		return strerror(errno);
	if (pipe2(from, O_CLOEXEC) < 0) {
		close(to[0]);
		close(to[1]);
		return "out of descriptors";
	}
	struct child *c = child_new(s, peer->at.id, to[1], from[0]);
	error = c && c->to_open && c->from_open ? spawn(peer, s->exec, to[0], from[1], &c->pid) : ENOMEM;
	close(to[0]);
	close(from[1]);
	if (!error) {
		c->exited = false;
		peer->child = c;
		return NULL;
	}
	if (c) {
		c->conn_down = true;
		close_to(c);
		close_from(c);
	}
	return strerror(error);
}

void exec_up(struct session *s, struct peer *peer)
{
	sweep(s);
	const char *why = start(s, peer);
	if (!why)
		return;
	cli_say(s->m.cli, "connection %llu is ended: no command for it: %s", (unsigned long long)peer->at.id,
		why);
	s->failed++;
	if (lan_stream_drop(s->m.stream, peer->at.id) != LAN_OK)
		return; /* it left by itself */
}

void exec_value(struct session *s, struct peer *peer, const struct lan_stream_value *v)
{
	struct child *c = peer ? peer->child : NULL;
	if (!c || !c->to_open)
		return;
	value_text(&c->to, v);
	if (c->to.no_memory)
		session_no_memory(s);
	flush(c);
}

void exec_down(struct session *s, struct peer *peer)
{
	struct child *c = peer->child;
	if (!c)
		return;
	c->conn_down = true;
	c->blocked = false;
	flush(c);
	child_pump(c);
	sweep(s);
}

void exec_writable(struct session *s, struct peer *peer)
{
	if (!peer->child || !peer->child->blocked)
		return;
	peer->child->blocked = false;
	child_pump(peer->child);
}

static bool running(const struct session *s)
{
	for (const struct child *c = s->children; c; c = c->next)
		if (!c->exited)
			return true;
	return false;
}

static void signal_all(const struct session *s, int signum)
{
	for (const struct child *c = s->children; c; c = c->next)
		if (!c->exited)
			kill(-c->pid, signum);
}

void exec_end(struct session *s)
{
	static const int order[] = {SIGTERM, SIGKILL};
	for (size_t i = 0; i < 2 && running(s); i++) {
		lan_time until = cli_now() + LAST_WORDS;
		signal_all(s, order[i]);
		while (running(s) && cli_now() < until) {
			strm_wait(&s->m, -1, until);
			lan_loop_process(s->m.loop);
		}
	}
	for (struct child *c = s->children; c; c = c->next) {
		c->conn_down = c->exited = true;
		close_to(c);
		close_from(c);
	}
	for (size_t i = 0; i < s->conns.n; i++)
		((struct peer *)s->conns.list[i])->child = NULL;
	lan_loop_process(s->m.loop); /* libuv lets go of the watches at the end of a turn */
	sweep(s);
}
