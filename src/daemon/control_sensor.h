/*
 * control_sensor.h - between control_sensor.c and control_sensor_ask.c, which answer, and
 * control_sensor_json.c, where masters become JSON and nowhere else (their slaves: api/sensor_json.h).
 */
#ifndef LANYARDD_CONTROL_SENSOR_H
#define LANYARDD_CONTROL_SENSOR_H

#include "daemon/control.h"

/* The master that args.name names, or the one that knows the slave (0: the only one there is), open; else
 * answered, NULL. */
struct sensors *sensor_of(struct request *r, uint32_t slave);
/* args.slave; false: answered. */
bool sensor_slave(struct request *r, uint32_t *id);

/* SENSOR, EVENT of the log and ANSWER of docs/control.md. */
json_t *json_of_sensors(const struct sensors *k);
json_t *json_of_sensor_counters(const struct sensors *k);
json_t *json_of_answer(const struct lan_sensor_master_event *ev, const char *path);

#endif
