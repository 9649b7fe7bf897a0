/*
 * sensors_members.c - what an event of a master says, as members of its JSON. The names are those `lanyard
 * sensor master -J` has.
 */
#include "daemon/members.h"
#include "daemon/sensors.h"

void sensors_members(struct text *t, const struct lan_sensor_master_event *ev)
{
	if (ev->slave)
		member_number(t, "slave", ev->slave);
	if (ev->kind == LAN_MASTER_SLAVE) {
		member_text(t, "state", lan_slave_state_name(ev->state));
		member_text(t, "was", lan_slave_state_name(ev->was));
	} else if (ev->kind == LAN_MASTER_NET) {
		member_text(t, "state", ev->err == LAN_OK ? "up" : "down");
	}
	member_text(t, "net", ev->net);
	member_text(t, "address", ev->address);
}
