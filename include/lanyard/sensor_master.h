/*
 * sensor_master.h - the master of the SOS/CASAN family: it pairs slaves over raw Ethernet and serial radio,
 * in both epochs of the original wire at once, and lets programs read, set and observe their resources. With
 * <lanyard/sensor_http.h> it shows them to the web. Man pages: lanyard-sensor(7), liblanyard-sensor(3).
 *
 * Nothing here blocks and nothing calls back into the application with data: run the loop, then pull events
 * with lan_sensor_master_event until it returns false.
 *
 * Threads: a handle belongs to the thread of its loop.
 */
#ifndef LANYARD_SENSOR_MASTER_H
#define LANYARD_SENSOR_MASTER_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/err.h>
#include <lanyard/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lan_sensor_master;

/* What is done with slaves that are not listed. */
enum lan_sensor_unlisted {
	LAN_SENSOR_IGNORE = 0, /* as the originals */
	LAN_SENSOR_LIST,       /* they are candidates: listed, not associated */
	LAN_SENSOR_ADMIT       /* they are associated like the others */
};

struct lan_sensor_slave_config {
	uint32_t id;          /* 1..2147483647 */
	uint32_t ttl, mtu;    /* seconds, octets; 0: defaults */
	const char *key_file; /* shared with the slave (lanyard-key(1)); then it has to prove it */
};

/* Zero or NULL in any field means its default. Borrowed during open only. */
struct lan_sensor_master_config {
	size_t size;             /* sizeof(struct lan_sensor_master_config): set by the INIT macro */
	const char *const *nets; /* lanyard-sensor(7), NETWORKS; at least one */
	size_t n_nets;
	const struct lan_sensor_slave_config *slaves;
	size_t n_slaves;
	enum lan_sensor_unlisted unlisted;
	uint32_t max_candidates; /* default 256 */
	bool sos, casan;         /* epochs spoken; none: both */
	lan_time first_hello;    /* default 3 s */
	lan_time hello;          /* default 10 s */
	uint32_t ttl;            /* seconds, of slaves that are given none; default 3600 */
	lan_time give_up;        /* a request without answer is given up after; default 23 s */
	uint32_t queue;          /* requests that wait at one slave; default 16 */
	uint32_t max_requests;   /* open or waiting, observations included; default 1024 */
	uint32_t max_body;       /* longest body either way; default 64 KiB */
	const char *event_log;   /* file of the durable event log; NULL: kept in memory */
	uint32_t event_log_size; /* events kept; default 1000 (memory), 100000 (file) */
	bool no_cache;
	uint32_t cache_entries; /* default 1024 */
	uint32_t cache_bytes;   /* default 4 MiB */
};
#define LAN_SENSOR_MASTER_CONFIG_INIT                           \
	{                                                       \
		.size = sizeof(struct lan_sensor_master_config) \
	}

enum lan_slave_state { LAN_SLAVE_INACTIVE = 0, LAN_SLAVE_ASSOCIATING, LAN_SLAVE_RUNNING };

enum lan_sensor_master_event_kind {
	LAN_MASTER_SLAVE = 1, /* a slave's state has changed, or it was renewed or moved: slave, state, was,
				 reason, address */
	LAN_MASTER_CANDIDATE, /* an unlisted slave was heard: slave, address */
	LAN_MASTER_OTHER,     /* another master speaks: address, reason */
	LAN_MASTER_REFUSED,  /* something was refused: slave, address, reason; one a second for each reason */
	LAN_MASTER_RESPONSE, /* to a request; over unless `observing` */
	LAN_MASTER_NOTIFY,   /* an observed resource has changed */
	LAN_MASTER_FAILED,   /* a request is over without answer: err, reason */
	LAN_MASTER_NET       /* a network can be used (err LAN_OK) or not: net, reason */
};

/* Pointers are views: they die at the next call on the handle. */
struct lan_sensor_master_event {
	enum lan_sensor_master_event_kind kind;
	uint32_t slave;
	enum lan_slave_state state, was;
	const char *net, *address, *reason;
	uint32_t id; /* of the request */
	uint64_t tag;
	uint8_t code; /* class * 32 + detail */
	const char *code_text;
	const void *payload;
	size_t len;
	int32_t content_format; /* -1: not said */
	const char *media_type;
	int64_t max_age; /* -1: not said */
	const char *location;
	const uint8_t *etag;
	size_t etag_len;
	const uint8_t *options; /* all, as on the wire */
	size_t options_len;
	bool observing, cached;
	uint32_t age; /* cached: seconds */
	uint32_t observe;
	enum lan_err err;
	lan_time rtt, at;
};

/* Borrowed during the call. */
struct lan_sensor_master_request {
	size_t size; /* set by the INIT macro */
	uint32_t slave;
	const char *path, *query; /* "t1", "a=1&b"; percent-encoded as in a URI */
	uint8_t code;             /* default 1, GET */
	const void *payload;
	size_t len;
	int32_t content_format, accept; /* -1 (INIT): not said */
	const uint8_t *options; /* further ones as on the wire (If-Match, ETag ..), options_len octets */
	size_t options_len;
	bool observe;  /* until lan_sensor_master_cancel, through all that happens to the slave */
	bool no_cache; /* ask the slave itself */
	lan_time give_up;
	uint64_t tag;
};
#define LAN_SENSOR_MASTER_REQUEST_INIT                                                             \
	{                                                                                          \
		.size = sizeof(struct lan_sensor_master_request), .code = 1, .content_format = -1, \
		.accept = -1                                                                       \
	}

/* A slave, listed or candidate. Texts are views. */
struct lan_slave_status {
	uint32_t id;
	bool listed, keyed;
	enum lan_slave_state state;
	const char *net, *address, *epoch;                 /* "" not known */
	uint32_t ttl, mtu;                                 /* in force; 0: not associated */
	uint8_t rssi;                                      /* -dBm; 0: not known */
	lan_time since, expires, last_seen, last_discover; /* loop clock; 0 never; LAN_NEVER */
	uint64_t associations, renewals, losses, moves, requests, failures;
	lan_time rtt; /* of the last answered request */
	uint32_t waiting, observed;
	const char *resources; /* list as received (link format) */
};

struct lan_sensor_net_status {
	const char *name, *kind; /* "ethernet:eth0", "ethernet" */
	bool up;
	enum lan_err err; /* why not */
	const char *reason;
	uint32_t mtu;
	uint64_t rx_messages, tx_messages, tx_failed, rx_dropped;
};

struct lan_sensor_master_status {
	uint32_t hello_id, slaves, candidates, running, requests;
	lan_time next_hello, since;
	uint64_t cache_hits, cache_misses;
	uint32_t cache_entries;
};

/* An event of the log (the originals' /evlog). */
struct lan_sensor_log_entry {
	uint64_t id;     /* grows by one */
	int64_t date_ms; /* since 1970 */
	const char *src, *msg;
};

/* LAN_ERR_INVAL (configuration; *why says what), LAN_ERR_PERM, LAN_ERR_ADDR, LAN_ERR_ADDRINUSE,
 * LAN_ERR_CONFIG (key file), LAN_ERR_EXISTS (event log in use by another process), LAN_ERR_IO, LAN_ERR_NOMEM,
 * LAN_ERR_LIMIT. A network that is not there yet is waited for. */
LAN_API LAN_WUR enum lan_err lan_sensor_master_open(struct lan_loop *loop,
	const struct lan_sensor_master_config *cfg, struct lan_sensor_master **out, const char **why);
LAN_API void lan_sensor_master_close(struct lan_sensor_master *m); /* NULL is fine */

/* LAN_ERR_NOTFOUND (no such slave), LAN_ERR_CLOSED (it is not associated), LAN_ERR_FULL, LAN_ERR_TOOBIG,
 * LAN_ERR_INVAL. A cached answer comes as an event too. */
LAN_API LAN_WUR enum lan_err lan_sensor_master_request(
	struct lan_sensor_master *m, const struct lan_sensor_master_request *r, uint32_t *id);
LAN_API void lan_sensor_master_cancel(struct lan_sensor_master *m, uint32_t id);

LAN_API bool lan_sensor_master_event(struct lan_sensor_master *m, struct lan_sensor_master_event *ev);
LAN_API void lan_sensor_master_on_ready(struct lan_sensor_master *m, void (*fn)(void *ctx), void *ctx);

/* List a slave, or change its ttl, mtu, key. LAN_ERR_INVAL, LAN_ERR_CONFIG (key file), LAN_ERR_NOMEM. */
LAN_API LAN_WUR enum lan_err lan_sensor_master_add(
	struct lan_sensor_master *m, const struct lan_sensor_slave_config *cfg, const char **why);
LAN_API LAN_WUR enum lan_err lan_sensor_master_remove(struct lan_sensor_master *m, uint32_t id);
/* Have a slave associate anew now; 0: all. LAN_ERR_NOTFOUND. */
LAN_API LAN_WUR enum lan_err lan_sensor_master_poke(struct lan_sensor_master *m, uint32_t id);

LAN_API void lan_sensor_master_status(
	const struct lan_sensor_master *m, struct lan_sensor_master_status *out);
LAN_API bool lan_sensor_master_slave(
	const struct lan_sensor_master *m, size_t i, struct lan_slave_status *out);
/* LAN_ERR_NOTFOUND. */
LAN_API LAN_WUR enum lan_err lan_sensor_master_find(
	const struct lan_sensor_master *m, uint32_t id, struct lan_slave_status *out);
LAN_API bool lan_sensor_master_net(
	const struct lan_sensor_master *m, size_t i, struct lan_sensor_net_status *out);
LAN_API bool lan_sensor_master_counter(
	const struct lan_sensor_master *m, size_t i, const char **name, const char **help, uint64_t *value);
/* Why is a slave not running (or running): last heard, what is missing, what to try. Thread-local text. */
LAN_API const char *lan_sensor_master_why(const struct lan_sensor_master *m, uint32_t id);

/* The event log: add (src and msg: text, at most 64 and 1024 octets), which waits for the disk if the log is
 * on one: after LAN_OK it is durable, after LAN_ERR_FULL and LAN_ERR_IO it still may become so; walk: the
 * first entry with date >= since_ms and id > after; false: none. LAN_ERR_TOOBIG, LAN_ERR_UTF8, LAN_ERR_CONFIG
 * (damaged). */
LAN_API LAN_WUR enum lan_err lan_sensor_log_add(
	struct lan_sensor_master *m, const char *src, const char *msg, int64_t date_ms);
LAN_API bool lan_sensor_log_next(
	struct lan_sensor_master *m, int64_t since_ms, uint64_t after, struct lan_sensor_log_entry *out);
/* The id before the newest n entries: lan_sensor_log_next(m, 0, that) begins the tail. */
LAN_API uint64_t lan_sensor_log_tail(struct lan_sensor_master *m, size_t n);

LAN_API const char *lan_slave_state_name(enum lan_slave_state state); /* "running": static text */
LAN_API const char *lan_sensor_master_event_name(enum lan_sensor_master_event_kind kind);

#ifdef __cplusplus
}
#endif
#endif
