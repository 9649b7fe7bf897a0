/*
 * sensor_tap.h - the inside of a sensor master for the HTTP gateway: it sees every event first.
 */
#ifndef LAN_API_SENSOR_TAP_H
#define LAN_API_SENSOR_TAP_H

#include <lanyard/sensor_master.h>
#include "proto/sos/cache.h"

struct sensor_tap {
	/* True: it was the tap's own, and nobody else sees it. May call anything but lan_sensor_master_close
	 * and lan_sensor_master_event. */
	bool (*event)(void *ctx, const struct lan_sensor_master_event *ev);
	void *ctx;
	struct sensor_tap *next;
};
void sensor_master_tap(struct lan_sensor_master *m, struct sensor_tap *t);
void sensor_master_untap(struct lan_sensor_master *m, struct sensor_tap *t);

/* A request whose events go to this tap alone, never to the application; otherwise lan_sensor_master_request.
 */
LAN_WUR enum lan_err sensor_master_ask(struct lan_sensor_master *m, const struct lan_sensor_master_request *r,
	struct sensor_tap *t, uint32_t *id);

/* Has the slave such a resource ("t1", "a/b", percent-encoded as in a URI)? */
bool sensor_master_has(const struct lan_sensor_master *m, uint32_t slave, const char *path);

struct lan_loop *sensor_master_loop(const struct lan_sensor_master *m);
struct sos_cache *sensor_master_cache(const struct lan_sensor_master *m); /* NULL: none */

#endif
