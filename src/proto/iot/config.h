/*
 * config.h - the configuration of both cores with defaults filled in.
 */
#ifndef LAN_PROTO_IOT_CONFIG_H
#define LAN_PROTO_IOT_CONFIG_H

#include "proto/iot/iot.h"

/* Copy with defaults. LAN_ERR_INVAL: a value outside its range. */
LAN_WUR enum lan_err iot_config_fill(const struct iot_config *cfg, uint32_t window, struct iot_config *out);

#endif
