/*
 * links.h - the links of the daemon: opened from the configuration, their
 * events pulled, published and logged, their lines sent on request.
 *
 * A link that cannot be opened stays in the list as failed and is tried again;
 * everything that asks for it gets the reason.
 */
#ifndef LANYARDD_LINKS_H
#define LANYARDD_LINKS_H

#include <lanyard/link.h>
#include "daemon/config.h"
#include "daemon/events.h"
#include "daemon/log.h"
#include "io/loop.h"

struct links;

struct link {
	struct links *all;
	const struct config_link *cfg; /* view into the configuration in force */
	struct lan_link *l;            /* NULL: failed */
	enum lan_err error;
	lan_time retry_at;
	struct lan_task pump;
	struct send_wait *first, *last; /* sends that wait for their acknowledgement */
	uint64_t rx_lines, tx_lines, acked, echo_lost;
};

struct links {
	struct lan_loop *loop;
	struct events *events;
	struct link **link;
	size_t n;
	struct lan_deadline tick; /* retries of failed links, suppressed log counts */
	struct log_limit limit;
	struct text scratch;
};

/* LAN_ERR_NOMEM. */
LAN_WUR enum lan_err links_init(struct links *s, struct lan_loop *loop, struct events *events);
void links_fini(struct links *s);

/* Open one entry; on failure *what says why and NULL is returned. */
struct link *link_open(struct links *s, const struct config_link *cfg, const char *cause, struct text *what);
/* Close and free; open sends fail. */
void link_close(struct link *k, const char *cause);
/* Close and keep the struct, for link_reopen or free. How many lines were dropped with it. */
size_t link_shut(struct link *k, const char *cause);
/* As it was; if that fails now, the link is failed and tried again every 5 s. */
void link_reopen(struct link *k, const char *cause);
struct link *links_by_name(const struct links *s, const char *name);
size_t links_pending(const struct links *s);
const char *link_name(const struct link *k);
bool link_is_server(const struct link *k);
/* The address in use, or the configured one while failed. */
const char *link_address(const struct link *k);

/* NAME as docs/control.md has it. *id: a copy to free, NULL if NAME is a link.
 * LAN_ERR_NOTFOUND, LAN_ERR_EXISTS (more than one candidate: listed in `what`), LAN_ERR_NOMEM. */
LAN_WUR enum lan_err links_find(
	const struct links *s, const char *name, struct link **k, char **id, struct text *what);
/* Status of a peer of the link, whichever role; LAN_ERR_NOTFOUND. */
LAN_WUR enum lan_err link_peer(const struct link *k, const char *id, struct lan_link_status *out);

/* --- links_send.c: lines with somebody waiting for the acknowledgement ---- */

struct send_wait {
	struct send_wait *prev, *next;
	struct link *link;
	uint64_t token;
	lan_time begun;
	struct lan_deadline deadline;
	/* LAN_OK acknowledged, LAN_ERR_TIMEOUT, LAN_ERR_CLOSED; the wait is freed right after. */
	void (*done)(void *ctx, enum lan_err result, lan_time took);
	void *ctx;
};

/* Write a line to `id`. With `done`, *out waits for the acknowledgement. Errors of lan_link_write. */
LAN_WUR enum lan_err link_send(struct link *k, const char *id, const char *line, size_t len, unsigned flags,
	lan_time timeout, void (*done)(void *ctx, enum lan_err result, lan_time took), void *ctx,
	struct send_wait **out);
/* Nobody is interested any more; `done` is not called. */
void send_wait_cancel(struct send_wait *w);
void link_sends_acked(struct link *k, uint64_t token);
void link_sends_fail(struct link *k);

/* --- links_apply.c: from one configuration to the next ------------------- */

struct links_change {
	struct text added, removed, changed, unchanged; /* names, each followed by a newline */
	struct text
		unsent; /* a sentence and a newline for each link whose queue was dropped, even on failure */
};
void links_change_fini(struct links_change *c);
/* All or nothing: on failure the old links run on and `what` says why. The links refer to `new`
 * afterwards, or still to the configuration they had: the one in force must outlive them. */
bool links_apply(struct links *s, const struct config *new, const char *cause, struct links_change *change,
	struct text *what);

#endif
