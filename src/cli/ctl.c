/*
 * ctl.c - the client side of the control protocol: see ctl.h and docs/control.md.
 *
 * A daemon that lives answers at once, so a reply that does not come within
 * PATIENCE is an error even without --timeout. Unknown fields are ignored;
 * another version of the protocol is refused, because its words may mean
 * something else.
 */
#include "cli/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "cli/wait.h"

#define PATIENCE      LAN_SEC(10)
#define SYSTEM_SOCKET "/run/lanyard/lanyard.sock"
#define MESSAGE_MAX   (256u << 20) /* a daemon gone mad, not a limit of the protocol */
#define PROTOCOL      1

static int problem(struct ctl *c, enum exit_code code, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static int problem(struct ctl *c, enum exit_code code, const char *hint, const char *fmt, ...)
{
	va_list ap;
	if (c->silent)
		return (int)code;
	va_start(ap, fmt);
	int rc = cli_verror(c->cli, code, hint, fmt, ap);
	va_end(ap);
	return rc;
}

/* A directory in /tmp is ours only if nobody else could have made it. */
static bool own_directory(const char *dir)
{
	struct stat st;
	return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid() &&
	       (st.st_mode & 077) == 0;
}

static void socket_path(struct ctl *c)
{
	const char *env = getenv("LANYARD_SOCKET"), *run = getenv("XDG_RUNTIME_DIR");
	char dir[64];
	if (c->cli->socket || (env && *env)) {
		snprintf(c->path, sizeof c->path, "%s", c->cli->socket ? c->cli->socket : env);
		return;
	}
	snprintf(dir, sizeof dir, "/tmp/lanyard-%u", (unsigned)getuid());
	if (getuid() != 0 && run && *run)
		snprintf(c->path, sizeof c->path, "%s/lanyard.sock", run);
	else if (getuid() != 0 && own_directory(dir))
		snprintf(c->path, sizeof c->path, "%s/lanyard.sock", dir);
	/* No daemon of one's own: ask the system's, if membership of a group allows it. */
	if (!*c->path || access(c->path, F_OK) != 0)
		if (!*c->path || access(SYSTEM_SOCKET, F_OK) == 0)
			snprintf(c->path, sizeof c->path, "%s", SYSTEM_SOCKET);
}

static int cannot_connect(struct ctl *c, int err)
{
	if (err == EACCES || err == EPERM)
		return problem(c, EXIT_PERMISSION, "try sudo, or become a member of the group of the socket",
			"not allowed to talk to the daemon at %s: %s", c->path, strerror(err));
	if (err == EAGAIN)
		return problem(c, EXIT_UNREACHABLE, "it may be hung: see its log, or restart it",
			"the daemon at %s does not accept connections", c->path);
	return problem(c, EXIT_UNREACHABLE,
		"start it with 'lanyardd' or 'systemctl start lanyardd'; a daemon elsewhere: -s PATH",
		"no daemon at %s: %s", c->path, strerror(err));
}

static int check_greeting(struct ctl *c, const json_t *hello)
{
	const json_t *version = json_object_get(hello, "lanyard");
	const json_t *error = json_object_get(hello, "error");
	if (error)
		return ctl_error(c, error);
	if (!json_is_integer(version))
		return problem(c, EXIT_FAILED, "is that the socket of another program?",
			"what listens at %s is not lanyardd", c->path);
	if (json_integer_value(version) != PROTOCOL)
		return problem(c, EXIT_FAILED, "install the same version of both",
			"lanyardd %s speaks version %lld of the control protocol, this lanyard version %d",
			ctl_str(hello, "version"), (long long)json_integer_value(version), PROTOCOL);
	return EXIT_OK;
}

int ctl_open(struct ctl *c, struct cli *cli)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	lan_time limit = cli_duration(cli, "timeout", LAN_NEVER);
	bool silent = c->silent;
	json_t *hello;
	int rc;
	*c = (struct ctl){.cli = cli, .fd = -1, .silent = silent, .patience = PATIENCE};
	c->deadline = limit == LAN_NEVER ? LAN_NEVER : cli_now() + limit;
	cli_signals_init();
	socket_path(c);
	if (strlen(c->path) >= sizeof addr.sun_path)
		return problem(c, EXIT_USAGE, "use a shorter one",
			"the path of the socket is longer than %zu bytes", sizeof addr.sun_path - 1);
	strcpy(addr.sun_path, c->path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return problem(c, EXIT_FAILED, NULL, "cannot make a socket: %s", strerror(errno));
	if (connect(c->fd, (struct sockaddr *)&addr, sizeof addr) != 0)
		return cannot_connect(c, errno);
	rc = ctl_next(c, &hello);
	if (rc != EXIT_OK)
		return rc;
	rc = check_greeting(c, hello);
	json_decref(hello);
	return rc;
}

void ctl_close(struct ctl *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->buf);
	*c = (struct ctl){.fd = -1};
}

static int went_away(struct ctl *c)
{
	return problem(c, EXIT_UNREACHABLE, "see its log; 'lanyard status' tells whether it is back",
		"the daemon at %s closed the connection", c->path);
}

/* Waits for `events` on the socket. */
static int await(struct ctl *c, short events, lan_time until)
{
	struct pollfd p = {.fd = c->fd, .events = events};
	if (cli_signals())
		return EXIT_INTERRUPTED;
	int n = cli_poll(&p, 1, cli_ms_until(until < c->deadline ? until : c->deadline));
	if (n < 0)
		return cli_signals() ? EXIT_INTERRUPTED : EXIT_OK;
	if (n == 0 && cli_now() >= c->deadline)
		return problem(c, EXIT_TIMEOUT, "give it more time with --timeout",
			"no answer from the daemon within --timeout %s", cli_opt(c->cli, "timeout"));
	if (n == 0 && cli_now() >= until)
		return problem(c, EXIT_TIMEOUT, "it may be hung or overloaded: see its log",
			"no answer from the daemon at %s", c->path);
	return EXIT_OK;
}

int ctl_send(struct ctl *c, uint64_t id, const char *verb, json_t *args)
{
	json_t *req = json_pack("{s:I,s:s}", "id", (json_int_t)id, "verb", verb);
	char *text;
	int rc = EXIT_OK;
	if (args)
		json_object_set_new(req, "args", args);
	text = json_dumps(req, JSON_COMPACT);
	json_decref(req);
	if (!text)
		return problem(c, EXIT_USAGE, NULL, "the request is not text the daemon could read");
	size_t n = strlen(text), off = 0;
	text[n++] = '\n';
	while (off < n && rc == EXIT_OK) {
		ssize_t w = send(c->fd, text + off, n - off, MSG_NOSIGNAL);
		if (w > 0)
			off += (size_t)w;
		else if (errno == EAGAIN)
			rc = await(c, POLLOUT, cli_now() + c->patience);
		else if (errno != EINTR)
			rc = went_away(c);
	}
	free(text);
	return rc;
}

json_t *ctl_buffered(struct ctl *c)
{
	char *at = c->start < c->end ? memchr(c->buf + c->start, '\n', c->end - c->start) : NULL;
	if (!at)
		return NULL;
	json_t *msg =
		json_loadb(c->buf + c->start, (size_t)(at - c->buf) - c->start, JSON_REJECT_DUPLICATES, NULL);
	c->start = (size_t)(at - c->buf) + 1;
	if (!msg)
		c->eof = true; /* not our protocol: nothing after it can be trusted */
	return msg;
}

static bool room(struct ctl *c)
{
	if (c->start) {
		memmove(c->buf, c->buf + c->start, c->end - c->start);
		c->end -= c->start;
		c->start = 0;
	}
	if (c->end < c->cap)
		return true;
	size_t cap = c->cap ? c->cap * 2 : 64 << 10;
	char *buf = cap <= MESSAGE_MAX ? realloc(c->buf, cap) : NULL;
	if (!buf)
		return false;
	c->buf = buf;
	c->cap = cap;
	return true;
}

json_t *ctl_ready(struct ctl *c)
{
	json_t *msg = ctl_buffered(c);
	if (msg || c->eof)
		return msg;
	if (!room(c)) {
		c->eof = true;
		return NULL;
	}
	ssize_t n = recv(c->fd, c->buf + c->end, c->cap - c->end, 0);
	if (n > 0)
		c->end += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		c->eof = true;
	return ctl_buffered(c);
}

int ctl_next(struct ctl *c, json_t **msg)
{
	lan_time until = cli_now() + c->patience;
	*msg = NULL;
	for (;;) {
		*msg = ctl_ready(c);
		if (*msg)
			return EXIT_OK;
		if (c->eof)
			return went_away(c);
		int rc = await(c, POLLIN, until);
		if (rc != EXIT_OK)
			return rc;
	}
}

int ctl_error(struct ctl *c, const json_t *error)
{
	const char *hint = ctl_str(error, "hint");
	const json_t *details = json_object_get(error, "details"), *d;
	size_t i;
	int rc = problem(
		c, cli_code_of(ctl_str(error, "code")), *hint ? hint : NULL, "%s", ctl_str(error, "what"));
	json_array_foreach(details, i, d) if (json_is_string(d) && !c->silent)
		fprintf(stderr, "  %s\n", json_string_value(d));
	return rc;
}

int ctl_call(struct ctl *c, const char *verb, json_t *args, json_t **result)
{
	json_t *msg;
	const json_t *error;
	int rc = ctl_send(c, 1, verb, args);
	*result = NULL;
	if (rc == EXIT_OK)
		rc = ctl_next(c, &msg);
	if (rc != EXIT_OK)
		return rc;
	error = json_object_get(msg, "error");
	if (error)
		rc = ctl_error(c, error);
	else
		*result = json_incref(json_object_get(msg, "result"));
	if (rc == EXIT_OK && !*result)
		rc = problem(c, EXIT_FAILED, NULL, "the daemon's answer to %s is not understood", verb);
	json_decref(msg);
	return rc;
}

int ctl_once(struct cli *cli, const char *verb, json_t *args, json_t **result)
{
	struct ctl c = {0};
	int rc = ctl_open(&c, cli);
	*result = NULL;
	if (rc == EXIT_OK)
		rc = ctl_call(&c, verb, args, result);
	else
		json_decref(args);
	ctl_close(&c);
	return rc;
}

const char *ctl_str(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));
	return s ? s : "";
}

uint64_t ctl_num(const json_t *o, const char *name)
{
	json_int_t v = json_integer_value(json_object_get(o, name));
	return v > 0 ? (uint64_t)v : 0;
}

bool ctl_is(const json_t *o, const char *name)
{
	return json_is_true(json_object_get(o, name));
}
