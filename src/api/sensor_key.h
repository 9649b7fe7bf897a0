/*
 * sensor_key.h - the key a slave and its master share: the newest epoch of a group key file (lanyard-key(1)).
 */
#ifndef LAN_API_SENSOR_KEY_H
#define LAN_API_SENSOR_KEY_H

#include <stdint.h>
#include <lanyard/err.h>

/* Wipe `key` after use. Errors and *why of <lanyard/key.h>. */
LAN_WUR enum lan_err sensor_key_load(const char *path, uint8_t key[32], const char **why);

#endif
