/*
 * sensor.h - a sensor or actuator on the LAN: a slave of the SOS/CASAN family over raw Ethernet or serial
 * radio, and the same resources as a plain CoAP server over UDP. Man pages: lanyard-sensor(7),
 * liblanyard-sensor(3). The other side, the master: <lanyard/sensor_master.h>.
 *
 * Resources have handlers: unlike elsewhere in this library, they are called back, from inside the loop, and
 * answer at once (or later, with lan_sensor_answer). No memory is taken after lan_sensor_open returned.
 *
 *      static void read_temp(void *ctx, const struct lan_sensor_request *q, struct lan_sensor_reply *r)
 *      {
 *              r->len = snprintf(r->buf, r->cap, "%.1f", celsius());
 *      }
 *      const struct lan_sensor_resource res[] = {{.path = "t1", .title = "Desk temp", .rt = "celsius",
 *              .get = read_temp, .observable = true}};
 *      struct lan_sensor_config cfg = LAN_SENSOR_CONFIG_INIT;
 *      cfg.net = "ethernet:eth0", cfg.id = 169, cfg.resources = res, cfg.n_resources = 1;
 *      lan_sensor_open(loop, &cfg, &s, &why);
 *
 * Threads: a handle belongs to the thread of its loop.
 */
#ifndef LANYARD_SENSOR_H
#define LANYARD_SENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/err.h>
#include <lanyard/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lan_sensor;

/* A request as a handler sees it. Views that die when the handler returns. */
struct lan_sensor_request {
	uint8_t code;      /* 1 GET, 2 POST, 3 PUT, 4 DELETE */
	size_t resource;   /* index */
	const char *query; /* "a=1&b", "" none */
	const void *payload;
	size_t len;
	int32_t content_format, accept; /* -1: not said */
	const char *from;
	uint32_t id;   /* for lan_sensor_answer */
	size_t offset; /* not 0: a later block of the answer is wanted, from this octet on; answer with all of
			  it as ever: as it was, if you can */
	bool notifying; /* asked by ourselves, for an observer */
};

/* The answer: fill buf (cap octets, ours) and len, or point `payload` elsewhere (must stay until the handler
 * returns). Preset: code 2.05 for GET, 2.04 else; content_format 0 (text); max_age -1 (not said: 60 s). */
struct lan_sensor_reply {
	uint8_t code; /* class * 32 + detail: 2.05 is 69 */
	int32_t content_format;
	int64_t max_age;
	const uint8_t *etag; /* at most 8 octets */
	size_t etag_len;
	const char *location; /* 2.01: "/path" of what was made */
	char *buf;
	size_t cap, len;
	const void *payload; /* NULL: buf */
	bool later;          /* not now: lan_sensor_answer will follow */
};

typedef void lan_sensor_handler(void *ctx, const struct lan_sensor_request *q, struct lan_sensor_reply *r);

/* Borrowed for the life of the handle. A method without handler is answered with 4.05 (compat: 4.00). */
struct lan_sensor_resource {
	const char *path;       /* "t1"; for the original masters one segment */
	const char *title, *rt; /* may be NULL */
	bool observable;
	lan_sensor_handler *get, *post, *put, *del;
	/* Observable: asked every `poll` (0: never) whether the value has changed, as the original's trigger.
	 */
	bool (*changed)(void *ctx);
	lan_time poll;
	void *ctx;
};

/* Zero or NULL in any field means its default. Borrowed during open only, but for the resources. */
struct lan_sensor_config {
	size_t size; /* sizeof(struct lan_sensor_config): set by the INIT macro */
	const char
		*net; /* "ethernet:IFACE..", "xbee:DEVICE..", "udp:ADDR:PORT": lanyard-sensor(7), NETWORKS */
	uint32_t id;  /* 1..2147483647; may be 0 with udp */
	uint32_t mtu; /* announced; default the network's */
	bool sos, casan;      /* epochs spoken; none: casan */
	bool compat;          /* to the octet as the original slave (lanyard-sensor(7), COMPATIBILITY) */
	const char *key_file; /* shared with the master (lanyard-key(1)); then no other master is followed */
	const struct lan_sensor_resource *resources;
	size_t n_resources;
	uint32_t max_observers; /* default 16 */
	uint32_t max_body;  /* longest body either way; default 4096; more than one message goes by blocks */
	uint32_t max_later; /* requests not answered yet; default 8 */
	bool echo;          /* udp: long answers only to addresses that proved to be theirs (RFC 9175) */
};
#define LAN_SENSOR_CONFIG_INIT                           \
	{                                                \
		.size = sizeof(struct lan_sensor_config) \
	}

enum lan_sensor_state {
	LAN_SENSOR_START = 0, /* not begun, or the network is not there */
	LAN_SENSOR_WAITING,   /* no master heard */
	LAN_SENSOR_KNOWN,     /* a master was heard, not associated yet */
	LAN_SENSOR_RUNNING,
	LAN_SENSOR_RENEWING /* still associated; asks to stay so */
};

enum lan_sensor_event_kind {
	LAN_SENSOR_STATE = 1, /* state, reason, master, ttl, mtu */
	LAN_SENSOR_NET,       /* the network can be used (err LAN_OK) or not: reason */
	LAN_SENSOR_REQUESTED /* a request was handled: code, path, reply, from (with lan_sensor_trace only) */
};
struct lan_sensor_event {
	enum lan_sensor_event_kind kind;
	enum lan_sensor_state state, was;
	const char *master; /* address, "" none */
	uint32_t ttl, mtu;
	uint8_t code, reply;
	const char *path, *from;
	enum lan_err err;
	const char *reason;
	lan_time at;
};

struct lan_sensor_status {
	uint32_t id;
	enum lan_sensor_state state;
	const char *master, *epoch; /* "" none */
	bool keyed;
	uint32_t ttl, mtu, hello, observers;
	lan_time since, expires; /* LAN_NEVER: does not */
	uint16_t port;           /* udp: bound */
};

/* LAN_ERR_INVAL (configuration; *why says what), LAN_ERR_NOTFOUND, LAN_ERR_PERM, LAN_ERR_ADDR,
 * LAN_ERR_ADDRINUSE, LAN_ERR_CONFIG (key file), LAN_ERR_NOMEM, LAN_ERR_LIMIT. An interface or device that is
 * not there yet is waited for. */
LAN_API LAN_WUR enum lan_err lan_sensor_open(struct lan_loop *loop, const struct lan_sensor_config *cfg,
	struct lan_sensor **out, const char **why);
LAN_API void lan_sensor_close(struct lan_sensor *s); /* NULL is fine */
/* A resource's value has changed: its observers are told (the get handler is called for each). */
LAN_API void lan_sensor_changed(struct lan_sensor *s, size_t resource);
/* The answer to a request that was left for later. LAN_ERR_NOTFOUND (given up), LAN_ERR_TOOBIG. */
LAN_API LAN_WUR enum lan_err lan_sensor_answer(
	struct lan_sensor *s, uint32_t id, const struct lan_sensor_reply *r);
/* Pull the next event. False: none left. Need not be pulled. */
LAN_API bool lan_sensor_event(struct lan_sensor *s, struct lan_sensor_event *ev);
LAN_API void lan_sensor_trace(struct lan_sensor *s, bool yes);
LAN_API void lan_sensor_status(const struct lan_sensor *s, struct lan_sensor_status *out);
LAN_API bool lan_sensor_counter(
	const struct lan_sensor *s, size_t i, const char **name, const char **help, uint64_t *value);
LAN_API void lan_sensor_on_ready(struct lan_sensor *s, void (*fn)(void *ctx), void *ctx);
/* "running", ..: for logs and JSON. Static text. */
LAN_API const char *lan_sensor_state_name(enum lan_sensor_state state);
LAN_API const char *lan_sensor_event_name(enum lan_sensor_event_kind kind);

#ifdef __cplusplus
}
#endif
#endif
