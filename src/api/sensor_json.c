/*
 * sensor_json.c - see sensor_json.h. Fields are named as options and columns of the command line are, with
 * their unit; attributes of resources as the slave's list names them (RFC 6690). A path has no '/' in front,
 * however the slave wrote it: it is what `sensor get` and URLs take.
 */
#include "api/sensor_json.h"

#include <string.h>
#include "api/coap_json.h"
#include "api/text.h"

static void set(json_t *j, const char *key, json_t *value)
{
	json_object_set_new(j, key, value);
}

static json_t *number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *text(const char *s)
{
	json_t *j = json_string(s ? s : "");
	return j ? j : json_string("?");
}

json_t *sensor_json_moment(lan_time now, lan_time then)
{
	char buf[64];
	if (!then || then > now)
		return json_null();
	uint64_t ns = text_wall_ns() - (now - then);
	return json_string(text_time(
		(struct timespec){(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)}, buf, sizeof buf));
}

static json_t *resources(const char *list)
{
	json_t *all = coap_json_links(list, strlen(list)), *one;
	size_t i;
	json_array_foreach(all, i, one)
	{
		const char *path = json_string_value(json_object_get(one, "path"));
		if (path && *path == '/')
			set(one, "path", json_string(path + 1));
	}
	return all ? all : json_array();
}

static void set_times(json_t *j, const struct lan_slave_status *s, lan_time now)
{
	set(j, "since", sensor_json_moment(now, s->since));
	set(j, "last_seen", sensor_json_moment(now, s->last_seen));
	set(j, "last_discover", sensor_json_moment(now, s->last_discover));
	set(j, "expires_ms",
		s->expires && s->expires != LAN_NEVER
			? number(s->expires > now ? (s->expires - now) / LAN_MS(1) : 0)
			: json_null());
}

json_t *sensor_json_slave(const struct lan_slave_status *s, lan_time now)
{
	const struct {
		const char *key;
		uint64_t n;
	} counts[] = {{"associations", s->associations}, {"renewals", s->renewals}, {"losses", s->losses},
		{"moves", s->moves}, {"requests", s->requests}, {"failures", s->failures},
		{"waiting", s->waiting}, {"observed", s->observed}};
	json_t *j = json_pack("{s:I, s:s, s:b, s:b, s:o, s:o, s:o}", "id", (json_int_t)s->id, "state",
		lan_slave_state_name(s->state), "listed", s->listed, "keyed", s->keyed, "net", text(s->net),
		"address", text(s->address), "epoch", text(s->epoch));
	set_times(j, s, now);
	set(j, "ttl", number(s->ttl));
	set(j, "mtu", number(s->mtu));
	if (s->rssi)
		set(j, "rssi_dbm", json_integer(-(json_int_t)s->rssi));
	if (s->rtt)
		set(j, "rtt_ms", json_real((double)(s->rtt / LAN_US(1)) / 1000.0));
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		set(j, counts[i].key, number(counts[i].n));
	set(j, "resources", resources(s->resources ? s->resources : ""));
	return j;
}
