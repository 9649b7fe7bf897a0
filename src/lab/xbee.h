/*
 * xbee.h - `lanyard lab xbee`: radio modules on pseudo terminals that share one air (air.h).
 */
#ifndef LAN_LAB_XBEE_H
#define LAN_LAB_XBEE_H

#include "lab/air.h"
#include "lab/impair.h"

struct lab_xbee {
	struct lab_air_config air;
	const char *link[LAB_MODULES_MAX]; /* symbolic links to the terminals; NULL: none */
	bool have_seed;
	bool json, quiet;
	lan_time limit;
	int (*error)(void *ctx, int code, const char *hint, const char *what);
	void *ctx;
};

/* One option by its name, or a live command's setting: "sticks", "link", "loss", "delay", "baud", "seed".
 * LAN_ERR_NOTFOUND: no such one; LAN_ERR_INVAL: err says why. */
LAN_WUR enum lan_err lab_xbee_set(
	struct lab_xbee *x, const char *name, const char *value, char *err, size_t cap);

/* Run until SIGTERM, SIGINT, `quit` or the limit. Returns an exit code of enum lab_exit; has said why. */
int lab_xbee_run(const struct lab_xbee *x);

#endif
