/*
 * sensor_tap.h - what the HTTP gateway (sensor_http*.c) needs of a master (sensor_master*.c) beyond the
 * public header: requests whose answers never reach the application, a look at everything else that happens,
 * and what the master was opened with.
 */
#ifndef LAN_API_SENSOR_TAP_H
#define LAN_API_SENSOR_TAP_H

#include <lanyard/sensor_master.h>
#include "proto/sos/cache.h"

struct sensor_tap {
	/* RESPONSE, NOTIFY, FAILED of a request made by sensor_tap_request, told in the loop, whether the
	 * application pulls its events or not. May be called before sensor_tap_request has returned (a cached
	 * answer): *id is set by then. Views die when it returns. It may make requests and cancel them. */
	void (*answer)(void *ctx, const struct lan_sensor_master_event *ev);
	/* Each other event, which the application gets as well. */
	void (*news)(void *ctx, const struct lan_sensor_master_event *ev);
	void *ctx;
};

/* One at a time; NULL: none any more (its requests are cancelled by then). Copied. */
void sensor_master_tap(struct lan_sensor_master *m, const struct sensor_tap *tap);
/* As lan_sensor_master_request. A FAILED event does not follow an error returned here. */
LAN_WUR enum lan_err sensor_tap_request(
	struct lan_sensor_master *m, const struct lan_sensor_master_request *r, uint32_t *id);

struct lan_loop *sensor_master_loop(const struct lan_sensor_master *m);
/* NULL: there is none. View. */
const struct sos_cache *sensor_master_cache(const struct lan_sensor_master *m);

struct sensor_master_timers {
	lan_time first_hello, hello;
	uint32_t ttl; /* seconds */
};
void sensor_master_timers(const struct lan_sensor_master *m, struct sensor_master_timers *out);

#endif
