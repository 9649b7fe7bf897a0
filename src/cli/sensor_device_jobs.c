/*
 * sensor_device_jobs.c - the commands of a device's resources, run by sh beside the loop: payload in, answer
 * out, within a time; a group of its own, so that all of it ends with it.
 *
 * Refuses more than DEVICE_JOBS at a time, and output longer than a value may be.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cli/sensor_device.h"
#include "cli/wait.h"

enum { CONTENT = 2 << 5 | 5, CHANGED = 2 << 5 | 4, FAILED = 5 << 5, TIMED_OUT = 5 << 5 | 3 };

extern char **environ;

/* ---- start ----------------------------------------------------------------------------------------------
 */

static const char *method_name(uint8_t code)
{
	static const char *const names[] = {"", "GET", "POST", "PUT", "DELETE"};
	return code < sizeof names / sizeof *names ? names[code] : "";
}

/* The environment and four words of ours; one allocation. */
static char **environment(const struct source_of *s, const struct lan_sensor_request *q)
{
	size_t n = 0, text = strlen(q->query) + strlen(q->from) + strlen(s->path) + 128;
	while (environ[n])
		n++;
	char **env = malloc((n + 5) * sizeof *env + text);
	if (!env)
		return NULL;
	memcpy(env, environ, n * sizeof *env);
	char *p = (char *)(env + n + 5);
	const char *const names[] = {"LANYARD_METHOD", "LANYARD_QUERY", "LANYARD_FROM", "LANYARD_PATH"};
	const char *const values[] = {method_name(q->code), q->query, q->from, s->path};
	for (int i = 0; i < 4; i++) {
		env[n++] = p;
		p += sprintf(p, "%s=%s", names[i], values[i]) + 1;
	}
	env[n] = NULL;
	return env;
}

static int spawn(struct job *j, int in, int out, char *const *env)
{
	char *const argv[] = {(char *)"sh", (char *)"-c", (char *)j->of->arg, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, normal;
	sigemptyset(&none);
	sigemptyset(&normal);
	sigaddset(&normal, SIGPIPE);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &normal);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(
		&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	int e = posix_spawn(&j->pid, "/bin/sh", &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return e;
}

static void job_free(struct job *j)
{
	if (j->in >= 0)
		close(j->in);
	if (j->out >= 0)
		close(j->out);
	free(j->give);
	free(j->got);
	*j = (struct job){.in = -1, .out = -1};
}

static bool start(struct job *j, const struct lan_sensor_request *q)
{
	int in[2], out[2];
	char **env = environment(j->of, q);
	j->got = malloc(j->of->d->max + 2); /* a newline that is left out, and one octet too many */
	j->give = malloc(q->len + 1);
	if (!env || !j->got || !j->give || pipe2(in, O_CLOEXEC)) {
		free(env);
		return false;
	}
	if (pipe2(out, O_CLOEXEC)) {
		close(in[0]), close(in[1]);
		free(env);
		return false;
	}
	if (q->len)
		memcpy(j->give, q->payload, q->len);
	j->give_len = q->len;
	j->in = in[1], j->out = out[0];
	fcntl(j->in, F_SETFL, O_NONBLOCK);
	fcntl(j->out, F_SETFL, O_NONBLOCK);
	int e = spawn(j, in[0], out[1], env);
	close(in[0]), close(out[1]);
	free(env);
	return e == 0;
}

bool device_job(struct source_of *s, const struct lan_sensor_request *q)
{
	struct job *j = s->d->jobs;
	while (j < s->d->jobs + DEVICE_JOBS && j->used)
		j++;
	if (j == s->d->jobs + DEVICE_JOBS)
		return false;
	*j = (struct job){.of = s,
		.id = q->id,
		.code = q->code,
		.poll = !*q->from,
		.in = -1,
		.out = -1,
		.ends = cli_now() + s->d->patience};
	snprintf(j->from, sizeof j->from, "%s", q->from);
	j->used = start(j, q);
	if (!j->used)
		job_free(j);
	return j->used;
}

/* ---- run ------------------------------------------------------------------------------------------------
 */

static void feed(struct job *j)
{
	while (j->in >= 0) {
		ssize_t n = 0;
		if (j->given < j->give_len)
			n = write(j->in, j->give + j->given, j->give_len - j->given);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		j->given += n > 0 ? (size_t)n : 0;
		if (n < 0 || j->given == j->give_len) {
			close(j->in);
			j->in = -1;
		}
	}
}

/* False: it said all it had to say. */
static bool listen_to(struct job *j)
{
	size_t most = j->of->d->max + 2;
	for (;;) {
		char waste[512];
		size_t room = most - j->got_len;
		ssize_t n = read(j->out, room ? j->got + j->got_len : waste, room ? room : sizeof waste);
		if (n > 0 && room)
			j->got_len += (size_t)n;
		else if (n > 0)
			j->too_long = true;
		else
			return n < 0 && (errno == EAGAIN || errno == EINTR);
	}
}

static void reply_to(struct job *j, uint8_t code, const char *text, size_t len)
{
	struct device *d = j->of->d;
	struct lan_sensor_reply r = {.code = code, .max_age = -1, .payload = text, .len = len};
	enum lan_err e = lan_sensor_answer(d->handle, j->id, &r);
	if (e)
		cli_detail(d->cli, "%s: the answer came too late: %s", j->of->path, lan_err_text(e));
	else
		device_print_request(d, j->code, j->of->path, j->from, code);
}

static const char *verdict(const struct job *j, int status)
{
	if (j->timed_out)
		return "the command took too long";
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return "the command failed";
	return j->too_long || j->got_len > j->of->d->max ? "the command said too much" : NULL;
}

/* It has ended with this status. */
static void finish(struct job *j, int status)
{
	struct source_of *s = j->of;
	if (j->got_len && j->got[j->got_len - 1] == '\n')
		j->got_len--;
	const char *wrong = verdict(j, status);
	if (wrong)
		cli_detail(s->d->cli, "%s: %s: %s", s->path, wrong, s->arg);
	if (j->poll)
		s->polling = false;
	else if (wrong)
		reply_to(j, j->timed_out ? TIMED_OUT : FAILED, wrong, strlen(wrong));
	else
		reply_to(j, j->code == 1 ? CONTENT : CHANGED, j->got, j->got_len);
	bool other = !wrong && j->code == 1 && device_keep(s, j->got, j->got_len);
	bool written = !wrong && !j->poll && j->code != 1;
	if (written)
		s->known = false; /* what it said before is not so any more */
	if ((other && j->poll) || written)
		lan_sensor_changed(s->d->handle, s->index);
	job_free(j);
}

static void run(struct job *j)
{
	int status;
	lan_time now = cli_now();
	feed(j);
	bool talks = j->out >= 0 && listen_to(j);
	if (!talks && j->out >= 0) {
		close(j->out);
		j->out = -1;
	}
	if (now >= j->ends && !j->timed_out) {
		j->timed_out = true;
		kill(-j->pid, SIGKILL);
	}
	/* What it has left behind may still hold the pipe: the command itself is what counts. */
	pid_t ended = waitpid(j->pid, &status, WNOHANG);
	if (ended == j->pid || (ended < 0 && errno == ECHILD)) {
		if (j->out >= 0)
			listen_to(j);
		finish(j, ended == j->pid ? status : 0);
	}
}

void device_jobs_run(struct device *d)
{
	for (size_t i = 0; i < DEVICE_JOBS; i++)
		if (d->jobs[i].used)
			run(&d->jobs[i]);
}

size_t device_job_polls(const struct device *d, struct pollfd *p, size_t cap)
{
	size_t n = 0;
	for (size_t i = 0; i < DEVICE_JOBS && n + 2 <= cap; i++) {
		const struct job *j = &d->jobs[i];
		if (j->used && j->out >= 0)
			p[n++] = (struct pollfd){.fd = j->out, .events = POLLIN};
		if (j->used && j->in >= 0)
			p[n++] = (struct pollfd){.fd = j->in, .events = POLLOUT};
	}
	return n;
}

lan_time device_jobs_until(const struct device *d)
{
	lan_time at = LAN_NEVER, now = cli_now();
	for (size_t i = 0; i < DEVICE_JOBS; i++) {
		const struct job *j = &d->jobs[i];
		if (!j->used)
			continue;
		/* Silent, but not ended yet: its end brings no descriptor to life. */
		lan_time look = j->out < 0 || j->timed_out ? now + LAN_MS(5) : j->ends;
		at = look < at ? look : at;
	}
	return at;
}

bool device_jobs_any(const struct device *d)
{
	for (size_t i = 0; i < DEVICE_JOBS; i++)
		if (d->jobs[i].used)
			return true;
	return false;
}

void device_jobs_end(struct device *d)
{
	for (size_t i = 0; i < DEVICE_JOBS; i++) {
		struct job *j = &d->jobs[i];
		if (!j->used)
			continue;
		kill(-j->pid, SIGKILL);
		waitpid(j->pid, NULL, 0);
		job_free(j);
	}
}
