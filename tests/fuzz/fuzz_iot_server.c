/*
 * fuzz_iot_server.c - scripts for the server core, see fuzz_script.h.
 */
#include <stdlib.h>
#include "fuzz_script.h"

static void *make(const struct lan_env *env, const struct iot_config *cfg)
{
	struct iot_server *s = NULL;

	FUZZ_CHECK(iot_server_new(env, cfg, &s) == LAN_OK, "no server");
	return s;
}

static void unmake(void *core)
{
	iot_server_free(core);
}

static bool event(void *core, lan_time now, struct iot_event *ev)
{
	return iot_server_event(core, now, ev);
}

static enum lan_err write_to(
	void *core, lan_time now, const char *id, const char *line, size_t n, unsigned flags, uint64_t *token)
{
	return iot_server_write(core, now, id, line, n, flags, token);
}

static enum lan_err drop(void *core, lan_time now, const char *id)
{
	return iot_server_drop(core, now, id);
}

static size_t pending(const void *core)
{
	return iot_server_pending(core);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fuzz_role role = {.server = true,
		.make = make,
		.free = unmake,
		.event = event,
		.write = write_to,
		.drop = drop,
		.pending = pending,
		.ops = &iot_server_ops};

	fuzz_script(&role, data, size);
	return 0;
}
