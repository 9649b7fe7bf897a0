/*
 * ingress.c - loss on the way into an interface, in the kernel.
 *
 * A table of the netdev family with one chain on the ingress hook counts every
 * packet and drops some by `numgen random`. It is put there by running nft(8)
 * (exec, no shell; the script goes through a pipe), so that the kernel drops
 * packets at wire speed and this process only waits. The table is named after
 * the interface: it replaces one left over from a killed run, and goes when
 * this one ends. An abstract socket, which lives and dies with the process and
 * belongs to the network namespace, keeps two runs off the same interface.
 *
 * What it cannot do: delay, double or reorder (netfilter has no queue here), and
 * follow a seed (the kernel's generator has none).
 */
#include "lab/impair.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lab/control.h"
#include "lab/out.h"

struct ingress {
	const char *iface;
	char table[64];
	struct lab_faults faults;
	struct lab_out out;
	struct lan_loop *loop;
	struct lab_control control;
	bool quit;
};

/* In the child: fd 0 is the script, 1 and 2 the answer. */
static void exec_nft(int in, int out)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* Ctrl-C reaches the whole group; the table must go all the same. */
	signal(SIGINT, SIG_IGN);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execlp("nft", "nft", "-f", "-", (char *)NULL);
	static const char gone[] = "nft: not found (Debian package nftables)\n";
	ssize_t ignored = write(STDERR_FILENO, gone, sizeof gone - 1);
	(void)ignored;
	_exit(127);
}

static void read_answer(int fd, char *buf, size_t cap)
{
	size_t len = 0;
	char more[512];
	ssize_t n;
	while ((n = read(fd, more, sizeof more)) > 0 || (n < 0 && errno == EINTR))
		for (ssize_t i = 0; i < n && len + 1 < cap; i++)
			buf[len++] = more[i];
	buf[len] = '\0';
}

/* Run nft on a script of at most a pipe's capacity. 0: done; else its exit code. */
static int nft(const char *script, char *answer, size_t cap)
{
	int in[2], out[2], status;
	if (pipe2(in, O_CLOEXEC) < 0)
		return -1;
	if (pipe2(out, O_CLOEXEC) < 0) {
		close(in[0]);
		close(in[1]);
		return -1;
	}
	pid_t pid = fork();
	if (pid == 0)
		exec_nft(in[0], out[1]);
	close(in[0]);
	close(out[1]);
	if (pid > 0 && write(in[1], script, strlen(script)) < 0)
		lab_out_trouble("cannot speak to nft: %s", strerror(errno));
	close(in[1]);
	read_answer(out[0], answer, cap);
	close(out[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* In `why`, if not: nft's first line. */
static bool nft_do(const char *script, char *why, size_t cap)
{
	char answer[1024];
	int rc = nft(script, answer, sizeof answer);
	answer[strcspn(answer, "\n")] = '\0';
	if (rc)
		snprintf(why, cap, "nft failed: %s", *answer ? answer : strerror(errno));
	return rc == 0;
}

static const char *rules(const struct ingress *g, char *buf, size_t cap)
{
	char chance[64] = ""; /* nft refuses a comparison that is always true */
	if (g->faults.rate[LAB_DROP] < LAB_PPM)
		snprintf(chance, sizeof chance, "numgen random mod %d < %u ", LAB_PPM,
			g->faults.rate[LAB_DROP]);
	snprintf(buf, cap,
		"add rule netdev %s ingress counter\n"
		"add rule netdev %s ingress %scounter drop\n",
		g->table, g->table, chance);
	return buf;
}

static bool put_table(const struct ingress *g, char *why, size_t cap)
{
	char script[1024], r[400];
	/* Adding before deleting: deleting alone fails where nothing is left over. */
	snprintf(script, sizeof script,
		"add table netdev %s\n"
		"delete table netdev %s\n"
		"add table netdev %s\n"
		"add chain netdev %s ingress { type filter hook ingress device \"%s\" priority 0; policy "
		"accept; }\n"
		"%s",
		g->table, g->table, g->table, g->table, g->iface, rules(g, r, sizeof r));
	return nft_do(script, why, cap);
}

static bool change_rules(const struct ingress *g, char *why, size_t cap)
{
	char script[1024], r[400];
	snprintf(script, sizeof script, "flush chain netdev %s ingress\n%s", g->table, rules(g, r, sizeof r));
	return nft_do(script, why, cap);
}

/* nft lists "counter packets N bytes M" once per rule, in order: all, then dropped. */
static void summary(struct ingress *g)
{
	char script[128], answer[4096];
	uint64_t packets[2] = {0};
	snprintf(script, sizeof script, "list table netdev %s\n", g->table);
	if (nft(script, answer, sizeof answer))
		return;
	const char *p = answer;
	for (int i = 0; i < 2 && (p = strstr(p, "counter packets ")); i++) {
		p += strlen("counter packets ");
		packets[i] = strtoull(p, NULL, 10);
	}
	lab_out_packets(&g->out, g->iface, packets[0], packets[1]);
}

static void on_command(void *ctx, const char *line)
{
	struct ingress *g = ctx;
	struct lab_faults asked = g->faults;
	struct lab_command cmd;
	char why[256];
	lab_command_parse(line, &asked, &cmd);
	bool loss_only = cmd.kind == LAB_CMD_SET && (!strncmp(line, "loss", 4) || !strcmp(line, "clear"));
	switch (cmd.kind) {
	case LAB_CMD_NONE:
		return;
	case LAB_CMD_BAD:
		lab_out_control(&g->out, line, cmd.text);
		return;
	case LAB_CMD_STATS:
		summary(g);
		break;
	case LAB_CMD_QUIT:
		g->quit = true;
		break;
	case LAB_CMD_SET:
	case LAB_CMD_CUT:
	case LAB_CMD_HALF_OPEN:
	case LAB_CMD_HOLE:
	case LAB_CMD_PAUSE:
	case LAB_CMD_RESUME:
		snprintf(why, sizeof why, "'%.60s': an interface knows loss, stats and quit only", line);
		if (loss_only)
			g->faults = asked;
		if (!loss_only || !change_rules(g, why, sizeof why)) {
			lab_out_control(&g->out, line, why);
			return;
		}
	}
	lab_out_control(&g->out, line, NULL);
}

static void on_signal(void *ctx, int signum)
{
	struct ingress *g = ctx;
	(void)signum;
	g->quit = true;
}

/* One run per interface and network namespace; -1: there is one. */
static int claim(const char *iface)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int n = snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "lanyard-impair-%s", iface);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, len) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* What can be known before anything is touched. */
static int check(const struct lab_out *o, const char *iface)
{
	if (strlen(iface) >= IFNAMSIZ || strpbrk(iface, "\"\\;{} \n") || !if_nametoindex(iface))
		return lab_out_error(o, LAB_EXIT_NOTFOUND, "'ip link' lists them",
			"there is no interface '%s' here", iface);
	char answer[512];
	if (nft("list ruleset netdev\n", answer, sizeof answer) == 0)
		return LAB_EXIT_OK;
	answer[strcspn(answer, "\n")] = '\0';
	if (strstr(answer, "not permitted") || strstr(answer, "must be root"))
		return lab_out_error(o, LAB_EXIT_PERM, "root or CAP_NET_ADMIN is needed",
			"cannot lose packets of '%s': nft: %s", iface, answer);
	return lab_out_error(o, LAB_EXIT_FAILED, NULL, "nft failed: %s", answer);
}

static int serve(struct ingress *g, const struct lab_impair *opt)
{
	char why[1100];
	int rc = LAB_EXIT_OK;
	enum lan_err e = lan_loop_new(&g->loop);
	e = e ? e : lan_loop_signal(g->loop, SIGINT, on_signal, g);
	e = e ? e : lan_loop_signal(g->loop, SIGTERM, on_signal, g);
	if (e)
		snprintf(why, sizeof why, "cannot make an event loop: %s", lan_err_text(e));
	/* Signals are ours by now: from here on the table is always taken away. */
	bool there = !e && put_table(g, why, sizeof why);
	if (there) {
		lab_out_ready(&g->out, &(struct lab_impair){.form = LAB_INGRESS}, g->iface, 0);
		lab_control_open(&g->control, g->loop, on_command, g);
		rc = lab_turns(g->loop, opt, &g->quit);
	}
	lab_control_close(&g->control);
	lan_loop_free(g->loop);
	if (!there)
		return lab_out_error(&g->out, LAB_EXIT_FAILED, NULL, "%s", why);
	char script[128];
	summary(g);
	snprintf(script, sizeof script, "delete table netdev %s\n", g->table);
	return nft_do(script, why, sizeof why)
		       ? rc
		       : lab_out_error(&g->out, LAB_EXIT_FAILED, NULL, "table %s stays: %s", g->table, why);
}

int lab_ingress_run(const struct lab_impair *opt)
{
	struct ingress g = {.iface = opt->a, .faults = opt->faults};
	g.out = lab_out_of(opt);
	int rc = check(&g.out, g.iface);
	if (rc)
		return rc;
	int lock = claim(g.iface);
	if (lock < 0)
		return lab_out_error(&g.out, LAB_EXIT_FAILED, "end that one first",
			"another run impairs %s already", g.iface);
	if (opt->have_seed && !opt->quiet)
		lab_out_trouble(
			"note: the kernel's generator takes no seed; --seed has no effect on one interface");
	snprintf(g.table, sizeof g.table, "lanyard_impair_%s", g.iface);
	for (char *p = g.table; *p; p++)
		*p = isalnum((unsigned char)*p) ? *p : '_';
	rc = serve(&g, opt);
	close(lock);
	return rc;
}
