/*
 * privileges.h - what the daemon may do beyond its user, and what it gives up for
 * good once everything is open: all capabilities but those that neighbors go on
 * needing (CAP_NET_RAW, CAP_NET_ADMIN), and the way to get any back.
 */
#ifndef LANYARDD_PRIVILEGES_H
#define LANYARDD_PRIVILEGES_H

#include "daemon/config.h"

struct privileges {
	bool dropped;
	/* Had before, and has no more. */
	bool lost_ports, lost_raw, lost_files;
};

/* As the configuration says (daemon.privileges). False: they could not be dropped, `what` says why. */
bool privileges_drop(struct privileges *p, const struct config *c, struct text *what);
/* Does `next` need what was dropped? Then false, and a sentence for each into `errors`. What `now` has open
 * and `next` leaves alone needs nothing. */
bool privileges_suffice(const struct privileges *p, const struct config *now, const struct config *next,
	struct config_notes *errors);
/* A file could not be read: is that why? "" or the end of a sentence. Static text. */
const char *privileges_excuse(const struct privileges *p, const char *reason);
/* The capabilities held: "cap_net_admin,cap_net_raw"; "" for none, "all". */
void privileges_text(struct text *t);

#endif
