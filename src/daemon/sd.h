/*
 * sd.h - telling the service manager how we are: sd_notify(3) without
 * libsystemd. Every call is one datagram; without $NOTIFY_SOCKET nothing
 * happens.
 */
#ifndef LANYARDD_SD_H
#define LANYARDD_SD_H

#include <stdbool.h>
#include <lanyard/base.h>

/* Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID. */
void sd_open(void);
void sd_close(void);
/* "READY=1" and a status line (may be NULL). */
void sd_ready(const char *status);
void sd_status(const char *status);
/* A reload begins; sd_ready ends it, whether it worked or not. */
void sd_reloading(void);
void sd_stopping(void);
void sd_watchdog(void);
/* How often to call sd_watchdog (half of what is asked for); 0: not asked for. */
lan_time sd_watchdog_every(void);

#endif
