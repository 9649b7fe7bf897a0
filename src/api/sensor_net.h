/*
 * sensor_net.h - texts that name networks of a master of sensors (lanyard-sensor(7), NETWORKS), judged for
 * the configuration in the same way as when they are opened.
 */
#ifndef LAN_API_SENSOR_NET_H
#define LAN_API_SENSOR_NET_H

#include <stdbool.h>
#include <stdint.h>
#include <lanyard/err.h>

#define SENSOR_NET_NAME 64

/* LAN_ERR_INVAL: it is none; *why is a static or thread-local sentence. */
LAN_WUR enum lan_err sensor_net_check(const char *text, const char **why);
/* Both are the same interface, device or address, whatever their settings. */
bool sensor_net_same(const char *a, const char *b);
/* It takes raw frames: of which interface and EtherType. False: it does not, or is no network. */
bool sensor_net_frames(const char *text, char iface[SENSOR_NET_NAME], uint16_t *ethertype);

#endif
