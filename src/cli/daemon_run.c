/*
 * daemon_run.c - see daemon_run.h.
 */
#include "cli/daemon_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGS_MAX = 16 };

static void find_daemon(char *path, size_t cap)
{
	static const char *const places[] = {"lanyardd", "../sbin/lanyardd"};
	char dir[4096];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof dir - 1);
	dir[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(dir, '/');
	for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
		slash[1] = '\0';
		if (snprintf(path, cap, "%s%s", dir, places[i]) < (int)cap && access(path, X_OK) == 0)
			return;
	}
	snprintf(path, cap, "lanyardd");
}

/* In the child. */
static void become(const struct daemon_run *r, const char *program, const int in[2], const int out[2])
{
	static char name[] = "lanyardd";
	char *argv[ARGS_MAX + 2] = {name};
	if (in[0] >= 0)
		dup2(in[0], STDIN_FILENO);
	if (out[1] >= 0)
		dup2(out[1], STDOUT_FILENO);
	if (out[1] >= 0 && r->both)
		dup2(out[1], STDERR_FILENO);
	for (int i = 0; i < ARGS_MAX && r->args[i]; i++)
		argv[i + 1] = (char *)r->args[i];
	execvp(program, argv);
	_exit(127);
}

/* A configuration is smaller than what a pipe is made to hold, or the daemon reads while it is written: it
 * prints nothing before it has read all. */
static void feed(int fd, const char *text)
{
	size_t n = strlen(text);
	while (n) {
		ssize_t w = write(fd, text, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return; /* it ended: its exit status says why */
		text += w;
		n -= (size_t)w;
	}
}

static void collect(const struct daemon_run *r, int fd)
{
	size_t n = 0;
	ssize_t got;
	while (n + 1 < r->cap &&
		((got = read(fd, r->out + n, r->cap - n - 1)) > 0 || (got < 0 && errno == EINTR)))
		n += got > 0 ? (size_t)got : 0;
	r->out[n] = '\0';
}

static void shut(int fds[2])
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

int daemon_run(const struct daemon_run *r)
{
	char program[4200];
	int in[2] = {-1, -1}, out[2] = {-1, -1}, status = 0;
	if (r->out)
		r->out[0] = '\0';
	find_daemon(program, sizeof program);
	pid_t pid = -1;
	if ((!r->input || pipe2(in, O_CLOEXEC) == 0) && (!r->out || pipe2(out, O_CLOEXEC) == 0))
		pid = fork();
	if (pid == 0)
		become(r, program, in, out);
	if (pid > 0 && r->input) {
		close(in[0]);
		in[0] = -1;
		feed(in[1], r->input);
		close(in[1]);
		in[1] = -1;
	}
	if (pid > 0 && r->out) {
		close(out[1]);
		out[1] = -1;
		collect(r, out[0]);
	}
	shut(in);
	shut(out);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
