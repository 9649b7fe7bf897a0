/*
 * fuzz_iot_client.c - scripts for the client core, see fuzz_script.h.
 */
#include <stdlib.h>
#include "fuzz_script.h"

static void *make(const struct lan_env *env, const struct iot_config *cfg)
{
	struct iot_client *s = NULL;

	FUZZ_CHECK(iot_client_new(env, cfg, &s) == LAN_OK, "no client");
	return s;
}

static void unmake(void *core)
{
	iot_client_free(core);
}

static bool event(void *core, lan_time now, struct iot_event *ev)
{
	return iot_client_event(core, now, ev);
}

static enum lan_err write_to(
	void *core, lan_time now, const char *id, const char *line, size_t n, unsigned flags, uint64_t *token)
{
	return iot_client_write(core, now, line, n, flags, token);
}

static enum lan_err drop(void *core, lan_time now, const char *id)
{
	return iot_client_drop(core, now);
}

static size_t pending(const void *core)
{
	return iot_client_pending(core);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fuzz_role role = {.make = make,
		.free = unmake,
		.event = event,
		.write = write_to,
		.drop = drop,
		.pending = pending,
		.ops = &iot_client_ops};

	fuzz_script(&role, data, size);
	return 0;
}
