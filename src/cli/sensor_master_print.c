/*
 * sensor_master_print.c - events of a master as JSON, the same as the daemon's (docs/control.md), printed as
 * a line of JSON or of text.
 */
#include <stdlib.h>
#include <string.h>
#include "cli/ctl.h"
#include "cli/sensor_master.h"
#include "cli/show.h"
#include "cli/text.h"

static void put(json_t *o, const char *name, const char *text)
{
	if (text && *text)
		json_object_set_new(o, name, json_string(text));
}

static json_t *event_json(const struct lan_sensor_master_event *ev)
{
	char now[48];
	json_t *o = json_pack("{s:i,s:s,s:s}", "schema", 1, "time", text_now(now), "event",
		lan_sensor_master_event_name(ev->kind));
	if (ev->slave)
		json_object_set_new(o, "slave", json_integer(ev->slave));
	if (ev->kind == LAN_MASTER_SLAVE) {
		put(o, "state", lan_slave_state_name(ev->state));
		put(o, "was", lan_slave_state_name(ev->was));
	} else if (ev->kind == LAN_MASTER_NET) {
		put(o, "state", ev->err ? "down" : "up");
	}
	put(o, "net", ev->net);
	put(o, "address", ev->address);
	put(o, "reason", ev->reason && *ev->reason ? ev->reason : ev->err ? lan_err_text(ev->err) : NULL);
	return o;
}

static void print_line(struct master *m, const json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);
	out_text(&m->out, text ? text : "{}");
	out_char(&m->out, '\n');
	free(text);
}

void master_print_http(struct master *m, const char *address, bool tls, unsigned port)
{
	char now[48];
	if (!m->json) {
		cli_say(m->cli, "%s on %s, port %u", tls ? "HTTPS" : "HTTP", address, port);
		return;
	}
	json_t *o = json_pack("{s:i,s:s,s:s,s:s,s:b,s:i}", "schema", 1, "time", text_now(now), "event",
		"http", "address", address, "tls", (int)tls, "port", (int)port);
	print_line(m, o);
	json_decref(o);
}

void master_print(struct master *m, const struct lan_sensor_master_event *ev)
{
	json_t *o = event_json(ev);
	m->running += ev->kind == LAN_MASTER_SLAVE && ev->state == LAN_SLAVE_RUNNING &&
		      ev->was != LAN_SLAVE_RUNNING;
	if (m->json) {
		print_line(m, o);
	} else {
		char clock[32];
		out_printf(&m->out, "%s  ", text_clock(ctl_str(o, "time"), clock));
		show_sensor_news(&m->out, m->color, o);
	}
	json_decref(o);
}
