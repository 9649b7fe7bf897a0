/*
 * sensor_master_int.h - what the files of the sensor master's handle share. A call is a request of the
 * application or of a tap; identical ones that are on their way are one for the slave: the first leads, the
 * others follow and get the same answer.
 */
#ifndef LAN_API_SENSOR_MASTER_INT_H
#define LAN_API_SENSOR_MASTER_INT_H

#include "api/sensor_tap.h"
#include "drv/nets.h"
#include "proto/sos/master.h"
#include "store/evlog.h"

#define OPTIONS_MAX 512 /* octets of a request's options */
#define FLIGHTS     256 /* a power of two */
#define TEXT_MAX    128

struct kept_answer;
struct call {
	uint32_t index, generation;
	bool used, abandoned, observe, validating;
	uint32_t core;                 /* the core's id; 0: follows another */
	struct call *followers, *next; /* next: of the free ones, or of the followers */
	struct call *leader;           /* of an observation that it shares; NULL: its own */
	struct kept_answer *newest;    /* of an observation: for whoever joins it */
	struct call *flight_next;      /* leaders, by hash of the slave: few wait at one */
	bool flying;
	bool due;               /* a state of the observation is to be told yet */
	bool joined;            /* ..and the newest one, to who came later */
	struct sensor_tap *tap; /* NULL: the application's */
	uint32_t slave;
	uint8_t code;
	uint64_t tag;
	uint16_t options_len;
	uint8_t options[OPTIONS_MAX]; /* without the ETag we add */
};

/* An event that waits for the application. */
struct told {
	struct told *next;
	size_t size;
	struct lan_sensor_master_event ev;
	char net[TEXT_MAX], address[TEXT_MAX], location[2 * TEXT_MAX + 4];
	uint8_t data[]; /* payload, a NUL, options, etag */
};

struct master_net {
	struct lan_net_spec spec;
	char name[TEXT_MAX];
	bool up;
	enum lan_err err;
	char reason[TEXT_MAX];
};

struct lan_sensor_master {
	struct lan_loop *loop;
	struct lan_env env;
	struct sos_master *core;
	struct lan_nets *drv;
	struct sos_cache *cache;
	struct evlog *log;
	struct master_net *nets;
	size_t n_nets;
	lan_time since;
	struct lan_task tell_joined;
	struct call *calls, *free_calls, *flights[FLIGHTS];
	uint32_t n_calls, used_calls; /* used_calls: of these, how many were ever needed */
	struct sensor_tap *taps;
	struct told *first, *last, *pulled;
	size_t told_octets;
	uint64_t told_dropped, log_failed;
	bool pumping, noted;
	struct lan_task wake;
	void (*on_ready)(void *ctx);
	void *on_ready_ctx;
	uint8_t *kept; /* an answer that several get */
	size_t kept_cap;
	/* texts of the event being told */
	char net_text[TEXT_MAX], address_text[TEXT_MAX], location_text[2 * TEXT_MAX + 4], old_text[TEXT_MAX];
	char status_address[TEXT_MAX];
};

/* The sentence, thread-local; returns e. */
enum lan_err master_why(const char **why, enum lan_err e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* sensor_master_config.c */
LAN_WUR enum lan_err master_nets(
	struct lan_sensor_master *m, const struct lan_sensor_master_config *cfg, const char **why);
LAN_WUR enum lan_err master_slave(
	struct lan_sensor_master *m, const struct lan_sensor_slave_config *s, const char **why);

/* sensor_master_request.c */
/* An answer of the core to a call; the call is over unless ev says it is observing. */
void master_tell_joined(void *master);
void master_calls_free(struct lan_sensor_master *m);
void master_answer(struct lan_sensor_master *m, const struct sos_master_event *ev);

/* sensor_master_event.c */
/* The part of an event that an answer fills: code, payload, options and what they say. */
void master_fill(
	struct lan_sensor_master *m, struct lan_sensor_master_event *out, const struct coap_msg *msg);
/* To its tap, or into the application's queue. */
void master_deliver(
	struct lan_sensor_master *m, struct sensor_tap *t, const struct lan_sensor_master_event *ev);
void master_pump(struct lan_sensor_master *m);
void master_place(struct lan_sensor_master *m, const struct lan_ep *ep, struct lan_sensor_master_event *out);
void master_net_event(void *ctx, uint32_t link, bool up, enum lan_err err, const char *why);

/* sensor_master_log.c */
void master_log(struct lan_sensor_master *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void master_log_event(struct lan_sensor_master *m, const struct lan_sensor_master_event *ev);

#endif
