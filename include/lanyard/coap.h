/*
 * coap.h - CoAP (RFC 7252, 7641, 7959) as a client and as a plain server, over UDP, raw Ethernet and serial
 * radio. Man pages: lanyard-coap(1), liblanyard-coap(3).
 *
 * Nothing here blocks and nothing calls back into the application with data: run the loop, then pull events
 * with lan_coap_event until it returns false. Large bodies go and come by blocks, unseen.
 *
 *      struct lan_coap_config cfg = LAN_COAP_CONFIG_INIT;
 *      lan_coap_open(loop, &cfg, &c, &why);
 *      struct lan_coap_request r = LAN_COAP_REQUEST_INIT;
 *      r.uri = "coap://[::1]/temperature";
 *      lan_coap_request(c, &r, &id, &why);
 *      for (;; lan_loop_run(loop, LAN_NEVER))
 *              while (lan_coap_event(c, &ev)) ...
 *
 * Threads: a handle belongs to the thread of its loop.
 */
#ifndef LANYARD_COAP_H
#define LANYARD_COAP_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/err.h>
#include <lanyard/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lan_coap;

/* Codes as CoAP writes them in one octet: class * 32 + detail. */
#define LAN_COAP_CODE(c, dd) ((c)*32 + (dd))
enum { LAN_COAP_GET = 1, LAN_COAP_POST, LAN_COAP_PUT, LAN_COAP_DELETE, LAN_COAP_FETCH };

/* Zero or NULL in any field means its default. Borrowed during open only. */
struct lan_coap_config {
	size_t size; /* sizeof(struct lan_coap_config): set by the INIT macro */
	/* Networks, besides UDP, which needs no naming for a client: "ethernet:IFACE[,mtu=N][,ethertype=N]",
	 * "xbee:DEVICE[,addr=A:B][,panid=A:B][,channel=N]..", "udp:ADDR:PORT" (lanyard-sensor(7), NETWORKS)
	 */
	const char *const *nets;
	size_t n_nets;
	lan_time give_up;      /* a request is given up after; default 93 s, as RFC 7252 */
	lan_time ack_timeout;  /* first pause before a request is sent again; default 2 s */
	uint32_t max_body;     /* longest body either way; default 1 MiB */
	uint32_t max_requests; /* open at once; default 64 */
	uint32_t block;        /* longest block sent and asked for: 32, 64 .. 1024; default 1024 */
};
#define LAN_COAP_CONFIG_INIT                           \
	{                                              \
		.size = sizeof(struct lan_coap_config) \
	}

struct lan_coap_option {
	uint16_t number;
	const void *value;
	size_t len;
};

/* Borrowed during the call. */
struct lan_coap_request {
	size_t size; /* set by the INIT macro */
	/* "coap://HOST[:PORT]/PATH?QUERY" (HOST: an address, or a name, looked up while the caller waits),
	 * "coap+eth://IFACE/MAC/PATH?QUERY", "coap+xbee://DEVICE/A:B/PATH?QUERY" */
	const char *uri;
	uint8_t code; /* default GET */
	bool non;     /* without confirmation */
	bool observe; /* GET: every change is an event until lan_coap_cancel */
	const void *payload;
	size_t len;
	int32_t content_format;                /* of the payload; -1 (INIT): not said */
	int32_t accept;                        /* -1 (INIT): anything */
	const struct lan_coap_option *options; /* further ones, in any order */
	size_t n_options;
	lan_time give_up; /* 0: the configuration's */
	uint64_t tag;     /* comes back in events */
};
#define LAN_COAP_REQUEST_INIT                                                               \
	{                                                                                   \
		.size = sizeof(struct lan_coap_request), .content_format = -1, .accept = -1 \
	}

enum lan_coap_event_kind {
	LAN_COAP_RESPONSE = 1, /* the request is over, unless `observing` */
	LAN_COAP_NOTIFY,       /* the resource has changed */
	LAN_COAP_FAILED,       /* err, text; the request is over */
	LAN_COAP_NET           /* a network can be used (err LAN_OK) or not: text names it and says why */
};

/* Pointers are views: they die at the next call on the handle. */
struct lan_coap_event {
	enum lan_coap_event_kind kind;
	uint32_t id;
	uint64_t tag;
	uint8_t code;          /* LAN_COAP_CODE(2, 5) .. */
	const char *code_text; /* "2.05 Content" */
	const char *from;      /* "192.0.2.1:5683" */
	const void *payload;
	size_t len;
	int32_t content_format; /* -1: not said */
	const char *media_type; /* of content_format, "" not known or not said */
	int64_t max_age;        /* seconds; -1: not said (60) */
	const char *location;   /* "/a/b?c", "" none */
	const uint8_t *etag;
	size_t etag_len;
	const uint8_t *options; /* all, as on the wire */
	size_t options_len;
	bool observing;
	uint32_t observe; /* NOTIFY: its number */
	enum lan_err err;
	const char *text;
	lan_time rtt; /* RESPONSE: since the (last) request left */
	lan_time at;
};

/* LAN_ERR_INVAL (configuration; `why` says what), those of networks: LAN_ERR_NOTFOUND, LAN_ERR_PERM,
 * LAN_ERR_ADDR, LAN_ERR_ADDRINUSE; LAN_ERR_NOMEM, LAN_ERR_LIMIT. `out` is untouched on failure; *why is a
 * static or thread-local sentence (why may be NULL). */
LAN_API LAN_WUR enum lan_err lan_coap_open(
	struct lan_loop *loop, const struct lan_coap_config *cfg, struct lan_coap **out, const char **why);
/* Close and free; observations end here, and are not told to the server. NULL is fine. */
LAN_API void lan_coap_close(struct lan_coap *c);

/* *id: for lan_coap_cancel and in events. LAN_ERR_ADDR (URI not understood, or name not found),
 * LAN_ERR_NOTFOUND (its network is not open and cannot be), LAN_ERR_FULL (max_requests), LAN_ERR_TOOBIG,
 * LAN_ERR_INVAL. */
LAN_API LAN_WUR enum lan_err lan_coap_request(
	struct lan_coap *c, const struct lan_coap_request *r, uint32_t *id, const char **why);
/* No event follows. An observation is ended at the server. An id that is over: nothing happens. */
LAN_API void lan_coap_cancel(struct lan_coap *c, uint32_t id);

/* Pull the next event. False: none left. */
LAN_API bool lan_coap_event(struct lan_coap *c, struct lan_coap_event *ev);

/* Counters with reasons, number i (0..); false past the end. */
LAN_API bool lan_coap_counter(
	const struct lan_coap *c, size_t i, const char **name, const char **help, uint64_t *value);

/* Have `fn(ctx)` called, from inside the loop, whenever events became available. */
LAN_API void lan_coap_on_ready(struct lan_coap *c, void (*fn)(void *ctx), void *ctx);

/* "2.05 Content" of a code; thread-local text. "application/json" of a content format, NULL if not known; and
 * back, -1 if not known. */
LAN_API const char *lan_coap_code_text(uint8_t code);
LAN_API const char *lan_coap_media_type(uint32_t content_format);
LAN_API int32_t lan_coap_content_format(const char *media_type);

/* A list of resources, as /.well-known/core answers and slaves announce (RFC 6690): set text and len, all
 * else 0, and call lan_coap_link until it returns false; `bad`: what follows `at` is not well formed. Views.
 */
struct lan_coap_links {
	const char *text;
	size_t len, at;
	bool bad;
};
struct lan_coap_link {
	const char *target, *attributes;
	size_t target_len, attributes_len;
};
LAN_API bool lan_coap_link(struct lan_coap_links *l, struct lan_coap_link *out);
/* Its attributes: start with *at = 0; value NULL: it has none (";obs"). */
struct lan_coap_attribute {
	const char *name, *value;
	size_t name_len, value_len;
};
LAN_API bool lan_coap_link_attribute(
	const struct lan_coap_link *l, size_t *at, struct lan_coap_attribute *out);

#ifdef __cplusplus
}
#endif
#endif
