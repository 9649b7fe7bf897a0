/*
 * sensor_net.c - see sensor_net.h.
 */
#include "api/sensor_net.h"

#include <stdio.h>
#include <string.h>
#include "drv/nets.h"

enum lan_err sensor_net_check(const char *text, const char **why)
{
	struct lan_net_spec spec;
	*why = NULL;
	enum lan_err e = lan_net_parse(text, &spec, why);
	if (e)
		*why = *why ? *why : lan_err_text(e);
	else if (spec.kind == LAN_NET_UDP)
		*why = "a master's slaves are on ethernet: and xbee: networks", e = LAN_ERR_INVAL;
	return e;
}

/* A device may be said with /dev/ or without. */
static const char *name_of(const struct lan_net_spec *s)
{
	return s->kind == LAN_NET_XBEE && strncmp(s->name, "/dev/", 5) == 0 ? s->name + 5 : s->name;
}

bool sensor_net_same(const char *a, const char *b)
{
	struct lan_net_spec x, y;
	const char *why;
	return !lan_net_parse(a, &x, &why) && !lan_net_parse(b, &y, &why) && x.kind == y.kind &&
	       x.ethertype == y.ethertype && strcmp(name_of(&x), name_of(&y)) == 0;
}

bool sensor_net_frames(const char *text, char iface[SENSOR_NET_NAME], uint16_t *ethertype)
{
	struct lan_net_spec s;
	const char *why;
	if (lan_net_parse(text, &s, &why) || s.kind != LAN_NET_ETHERNET)
		return false;
	snprintf(iface, SENSOR_NET_NAME, "%.*s", SENSOR_NET_NAME - 1, s.name);
	*ethertype = s.ethertype;
	return true;
}
