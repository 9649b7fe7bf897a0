/*
 * sensors.h - the masters of sensors of the daemon: entries (entries.h), each one handle of
 * lan_sensor_master on its networks and, where it is configured, the HTTP server over it. Events are pulled,
 * published and logged; answers go to who asked.
 */
#ifndef LANYARDD_SENSORS_H
#define LANYARDD_SENSORS_H

#include <lanyard/sensor_http.h>
#include "daemon/entries.h"
#include "daemon/file_mark.h"

/* A slave as the handle has it. */
struct sensors_slave {
	uint32_t id, ttl, mtu;
	char *key_file;
	struct file_mark key;
};

/* A request under way; the storage is the caller's. */
struct sensors_ask {
	struct sensors_ask *prev, *next;
	struct sensors *k;
	uint32_t id;
	/* Called with each event of it; NULL: the master was closed, and this is over. It may cancel. */
	void (*fn)(struct sensors_ask *a, const struct lan_sensor_master_event *ev);
};

struct sensors {
	struct entry e;
	struct lan_sensor_master *m; /* NULL: failed */
	struct lan_sensor_http *http;
	struct sensors_slave *slave; /* by id */
	size_t n_slaves;
	struct sensors_ask *asks;
};

extern const struct entry_kind sensor_kind;

static inline struct sensors *sensors_at(const struct entries *s, size_t i)
{
	return (struct sensors *)s->entry[i];
}
static inline const struct config_sensor *sensors_cfg(const struct sensors *k)
{
	return k->e.cfg;
}
static inline const char *sensors_name(const struct sensors *k)
{
	return entry_name(&k->e);
}

/* Slaves of the configuration and those that run, on one, or all. */
struct sensors_sums {
	size_t slaves, running, candidates;
};
void sensors_add_sums(const struct sensors *k, struct sensors_sums *sums);

/* Counters of the master, and behind them those of HTTP, their names with "http_" in front, in a buffer
 * of 64. False: past the end. */
bool sensors_counter(const struct sensors *k, size_t i, char *name, const char **help, uint64_t *value);

/* Ask a slave; a->fn is set, r->tag is not. Errors of lan_sensor_master_request. */
LAN_WUR enum lan_err sensors_ask(
	struct sensors *k, struct lan_sensor_master_request *r, struct sensors_ask *a);
/* It is over, or not wanted any more: fn is not called again. */
void sensors_ask_end(struct sensors_ask *a);

/* sensors_slaves.c: the list of slaves follows the configuration. */
LAN_WUR bool sensors_slaves_take(struct sensors *k); /* just opened; false: out of memory */
void sensors_slaves_follow(struct entry *e, struct text *notes);
void sensors_slaves_fini(struct sensors *k);

/* sensors_pump.c: the task. */
void sensors_pump(void *ctx);
/* sensors_members.c: what an event says, as members of its JSON. */
void sensors_members(struct text *t, const struct lan_sensor_master_event *ev);

#endif
