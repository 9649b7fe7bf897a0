/*
 * wait.c - signals and waiting: see wait.h. The handler only counts; ppoll
 * opens the mask for the time of the wait alone.
 */
#include "cli/wait.h"

#include <signal.h>
#include <stdbool.h>
#include <time.h>

static volatile sig_atomic_t arrived;
static sigset_t while_waiting;
static bool hangup; /* SIGHUP counts, too */

static void on_signal(int sig)
{
	arrived++;
}

void cli_signals_init(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t block;
	sigemptyset(&sa.sa_mask);
	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, &while_waiting);
	sigdelset(&while_waiting, SIGINT);
	sigdelset(&while_waiting, SIGTERM);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

void cli_signals_hangup(void)
{
	struct sigaction sa = {.sa_handler = on_signal}, before;
	sigset_t block;
	if (sigaction(SIGHUP, NULL, &before) || before.sa_handler == SIG_IGN)
		return;
	sigemptyset(&sa.sa_mask);
	sigemptyset(&block);
	sigaddset(&block, SIGHUP);
	sigprocmask(SIG_BLOCK, &block, NULL);
	sigdelset(&while_waiting, SIGHUP);
	sigaction(SIGHUP, &sa, NULL);
	hangup = true;
}

int cli_signals(void)
{
	sigset_t pending;
	/* One that came while nothing waited stays blocked: count it all the same. */
	if (sigpending(&pending) == 0 &&
		(sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
			(hangup && sigismember(&pending, SIGHUP) == 1)))
		cli_poll(NULL, 0, 0);
	return arrived;
}

int cli_poll(struct pollfd *p, size_t n, int ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	return ppoll(p, n, ms < 0 ? NULL : &ts, &while_waiting);
}

lan_time cli_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return LAN_SEC(ts.tv_sec) + (lan_time)ts.tv_nsec;
}

int cli_ms_until(lan_time deadline)
{
	lan_time now = cli_now();
	if (deadline == LAN_NEVER)
		return -1;
	if (deadline <= now)
		return 0;
	lan_time ms = (deadline - now + LAN_MS(1) - 1) / LAN_MS(1);
	return ms > 1000000000 ? 1000000000 : (int)ms;
}
