/*
 * sensor_int.h - what the files of a device's handle share: sensor.c (life), sensor_serve.c (requests, their
 * handlers and answers), sensor_event.c (events, status, counters).
 */
#ifndef LAN_API_SENSOR_INT_H
#define LAN_API_SENSOR_INT_H

#include <lanyard/sensor.h>
#include "drv/nets.h"
#include "proto/sos/slave.h"

#define LINK    1  /* the number of the one network */
#define EVENTS  32 /* that wait for the application; the oldest goes first */
#define TEXT    96
#define OPTIONS 512

struct sensor_note {
	struct lan_sensor_event ev;
	char master[TEXT], from[TEXT], path[256], reason[160];
};

struct lan_sensor {
	struct lan_loop *loop;
	struct lan_env env;
	struct sos_slave *core;
	struct lan_nets *drv;
	struct lan_net_spec spec;
	uint32_t id, mtu;
	bool compat, up, trace, serving;

	const struct lan_sensor_resource *resources;
	size_t n_resources;
	struct sos_resource *list; /* the same for the core */
	lan_time *polls;           /* when each is polled next */
	bool *changed;             /* told while a handler ran */
	struct lan_deadline poll;

	char *reply; /* what handlers write into */
	size_t reply_cap;
	char *query; /* of the request being handled */
	char from[TEXT];

	struct sensor_note notes[EVENTS];
	size_t first_note, n_notes;
	char master[TEXT];
	struct lan_task wake;
	bool noted;
	void (*on_ready)(void *ctx);
	void *on_ready_ctx;
};

#define QUERY_MAX (3 * COAP_DATAGRAM + 1) /* every octet percent-encoded */

/* sensor_serve.c: all the core has for us. */
void sensor_serve(struct lan_sensor *s);

/* sensor_event.c: a place for one more event. */
struct sensor_note *sensor_note(struct lan_sensor *s, enum lan_sensor_event_kind kind);
void sensor_tell_state(struct lan_sensor *s, const struct sos_slave_event *ev);
void sensor_net_event(void *ctx, uint32_t link, bool up, enum lan_err err, const char *why);
void sensor_wake(void *ctx);

#endif
