/*
 * sensor_key.c - see sensor_key.h.
 */
#include "api/sensor_key.h"

#include <string.h>
#include "api/key_int.h"

enum lan_err sensor_key_load(const char *path, uint8_t key[32], const char **why)
{
	struct key_group g;
	enum lan_err e = key_group_read(path, &g, why);
	if (e)
		return e;
	memcpy(key, g.epoch[g.n - 1].key, 32);
	lan_wipe(&g, sizeof g);
	return LAN_OK;
}
