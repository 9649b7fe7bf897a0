/*
 * config.c - defaults and ranges, as <lanyard/link.h> documents them.
 */
#include "proto/iot/config.h"

#define FILL(field, value) out->field = out->field ? out->field : (value)

enum lan_err iot_config_fill(const struct iot_config *cfg, uint32_t window, struct iot_config *out)
{
	*out = *cfg;
	FILL(timeout, LAN_SEC(2));
	FILL(window, window);
	FILL(max_line, 1u << 20);
	FILL(max_queue, (1u << 20) + 4096 > out->max_line + 4096 ? (1u << 20) + 4096 : out->max_line + 4096);
	FILL(max_events, 1u << 20);
	FILL(max_partial, out->max_line > 32u << 20 ? 2 * (uint64_t)out->max_line : 64u << 20);
	FILL(max_clients, 16384);
	FILL(max_handshakes, 16384);
	FILL(hold_off, LAN_MS(200));
	FILL(retry_min, LAN_MS(20));
	FILL(retry_max, LAN_SEC(5));
	bool ok = out->timeout >= LAN_MS(100) && out->timeout <= LAN_SEC(3600) &&
		  out->window <= IOT_WINDOW_MAX && out->max_line <= 256u << 20 &&
		  out->max_queue <= 1u << 30 && out->max_events <= 1u << 30 &&
		  out->retry_min <= out->retry_max && out->retry_max <= LAN_SEC(3600) &&
		  (out->hold_off == LAN_NEVER || out->hold_off <= LAN_SEC(60));
	return ok ? LAN_OK : LAN_ERR_INVAL;
}
