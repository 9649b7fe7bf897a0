/*
 * neighbors.h - the neighbors of the daemon: entries (entries.h), each one handle
 * of lan_neighbor on its interfaces, whose events are pulled, published and logged.
 */
#ifndef LANYARDD_NEIGHBORS_H
#define LANYARDD_NEIGHBORS_H

#include <lanyard/neighbor.h>
#include "daemon/entries.h"
#include "daemon/file_mark.h"

struct neighbors {
	struct entry e;
	struct lan_neighbor *n; /* NULL: failed */
	struct file_mark key, cert;
};

extern const struct entry_kind neighbor_kind;

static inline struct neighbors *neighbors_at(const struct entries *s, size_t i)
{
	return (struct neighbors *)s->entry[i];
}
static inline const struct config_neighbor *neighbors_cfg(const struct neighbors *k)
{
	return k->e.cfg;
}
static inline const char *neighbors_name(const struct neighbors *k)
{
	return entry_name(&k->e);
}
/* "insecure"; "unsigned", "signed", "anchored". */
const char *neighbors_security(const struct neighbors *k);
/* Sign with another key; NULL: the files of the configuration, read again. *why as lan_neighbor_roll has it.
 */
LAN_WUR enum lan_err neighbors_roll(
	struct neighbors *k, const char *key_file, const char *cert_file, const char **why);

/* Links in use, peers heard and sessions established, on one, or all. */
struct neighbors_sums {
	size_t links, peers, established;
};
void neighbors_add_sums(const struct neighbors *k, struct neighbors_sums *sums);

/* neighbors_pump.c: the task. */
void neighbors_pump(void *ctx);
/* neighbors_members.c: what an event says. Views of it die with this call. */
void neighbors_members(struct text *t, struct lan_neighbor *n, const struct lan_neighbor_event *ev);

#endif
