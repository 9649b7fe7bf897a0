/*
 * wait.h - signals and waiting, for every verb that waits.
 *
 * SIGINT and SIGTERM are blocked except inside cli_poll, so a signal is never
 * lost between a check and the wait. SIGPIPE is ignored: a closed stdout is an
 * error of write(2) and ends the program quietly.
 */
#ifndef LAN_CLI_WAIT_H
#define LAN_CLI_WAIT_H

#include <poll.h>
#include <stddef.h>
#include <lanyard/base.h>

/* Call once before the first cli_poll. */
void cli_signals_init(void);
/* And have SIGHUP counted like these, unless it is ignored (nohup): for what must not end without a goodbye.
 */
void cli_signals_hangup(void);
/* How many of SIGINT and SIGTERM (and SIGHUP, if it was asked for) have arrived. */
int cli_signals(void);
/* poll(2), ended early (-1, EINTR) by a signal. `ms` -1: no limit. */
int cli_poll(struct pollfd *p, size_t n, int ms);
/* CLOCK_MONOTONIC. */
lan_time cli_now(void);
/* Milliseconds from now to `deadline`, rounded up, for poll; -1 for LAN_NEVER. */
int cli_ms_until(lan_time deadline);

#endif
