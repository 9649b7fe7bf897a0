/*
 * counters.c - names and help texts of the counters of both cores.
 */
#include "proto/iot/iot.h"

static const struct {
	const char *name, *help;
} table[] = {
#define X(name, help) {#name, help},
	IOT_COUNTERS(X)
#undef X
};

const char *iot_counter_name(enum iot_counter c)
{
	return table[c].name;
}

const char *iot_counter_help(enum iot_counter c)
{
	return table[c].help;
}
