/*
 * links_pump.h - between links.c and links_pump.c: what happens on a link, and
 * what becomes of it. Pulling happens in a task at the end of a turn, a bounded
 * number of events each time, so that one busy link cannot keep the others, the
 * control socket and the watchdog waiting.
 */
#ifndef LANYARDD_LINKS_PUMP_H
#define LANYARDD_LINKS_PUMP_H

#include "daemon/links.h"

/* The callback of lan_link_on_ready; ctx is the struct link. */
void link_ready(void *ctx);
/* The task. */
void link_pump(void *ctx);

#endif
