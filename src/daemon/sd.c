/*
 * sd.c - sd_notify(3): newline-separated assignments in one datagram to the
 * unix socket in $NOTIFY_SOCKET, a path or ("@...") an abstract name.
 *
 * The reload protocol of Type=notify-reload: RELOADING=1 with MONOTONIC_USEC
 * taken when the reload begins, then READY=1. A manager that cannot be reached
 * is no error: there is nobody to tell.
 */
#include "daemon/sd.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct {
	int fd;
	struct sockaddr_un sa;
	socklen_t sa_len;
	lan_time watchdog;
} sd = {.fd = -1};

static void open_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	char *end;
	unsigned long long us;
	if (!usec || (pid && *pid && atoll(pid) != (long long)getpid()))
		return;
	errno = 0;
	us = strtoull(usec, &end, 10);
	if (!errno && end != usec && !*end && us > 0 && us < UINT64_MAX / 1000)
		sd.watchdog = LAN_US(us) / 2;
}

void sd_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path ? strlen(path) : 0;
	if (n > 1 && n < sizeof sd.sa.sun_path && (path[0] == '/' || path[0] == '@')) {
		sd.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		sd.sa.sun_family = AF_UNIX;
		memcpy(sd.sa.sun_path, path, n + 1);
		sd.sa_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
		if (path[0] == '@') {
			sd.sa.sun_path[0] = 0;
			sd.sa_len--; /* an abstract name has no NUL at its end */
		}
	}
	open_watchdog();
}

void sd_close(void)
{
	if (sd.fd >= 0)
		close(sd.fd);
	sd.fd = -1;
}

static void notify(const char *what)
{
	if (sd.fd >= 0)
		(void)!sendto(sd.fd, what, strlen(what), MSG_NOSIGNAL, (struct sockaddr *)&sd.sa, sd.sa_len);
}

static void notify_status(const char *head, const char *status)
{
	char msg[512];
	size_t n = (size_t)snprintf(
		msg, sizeof msg, "%s%s%s", head, status ? "STATUS=" : "", status ? status : "");
	/* A newline would begin another assignment. */
	for (size_t i = strlen(head); i < n && i < sizeof msg; i++)
		if (msg[i] == '\n')
			msg[i] = ' ';
	notify(msg);
}

void sd_ready(const char *status)
{
	notify_status("READY=1\n", status);
}

void sd_status(const char *status)
{
	notify_status("", status);
}

void sd_reloading(void)
{
	struct timespec ts;
	char msg[80];
	clock_gettime(CLOCK_MONOTONIC, &ts);
	snprintf(msg, sizeof msg, "RELOADING=1\nMONOTONIC_USEC=%llu",
		(unsigned long long)ts.tv_sec * 1000000u + (unsigned long long)ts.tv_nsec / 1000u);
	notify(msg);
}

void sd_stopping(void)
{
	notify("STOPPING=1\nSTATUS=draining");
}

void sd_watchdog(void)
{
	notify("WATCHDOG=1");
}

lan_time sd_watchdog_every(void)
{
	return sd.watchdog;
}
