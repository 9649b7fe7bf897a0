/*
 * sensor_json.h - a slave of a sensor master as JSON, in one spelling for the HTTP gateway and the daemon's
 * control socket (docs/control.md, SLAVE).
 */
#ifndef LAN_API_SENSOR_JSON_H
#define LAN_API_SENSOR_JSON_H

#include <jansson.h>
#include <lanyard/sensor_master.h>

/* A moment of the loop's clock on the wall's, as a string; null: there was none. New. */
json_t *sensor_json_moment(lan_time now, lan_time then);
/* New; NULL: no memory. */
json_t *sensor_json_slave(const struct lan_slave_status *s, lan_time now);

#endif
