/*
 * sensor_device_print.c - what happens to a device: sentences on stderr, or with -J JSON lines on stdout.
 */
#include <stdio.h>
#include <string.h>
#include "cli/out_json.h"
#include "cli/sensor_device.h"

static void begin(struct device *d, const char *event)
{
	out_text(&d->out, "{\"schema\":1");
	out_json_now(&d->out, "time", false);
	out_json_text(&d->out, "event", event, false);
}

static void print_state(struct device *d, const struct lan_sensor_event *ev)
{
	begin(d, "state");
	out_json_text(&d->out, "state", lan_sensor_state_name(ev->state), false);
	out_json_text(&d->out, "was", lan_sensor_state_name(ev->was), false);
	if (*ev->master)
		out_json_text(&d->out, "master", ev->master, false);
	if (ev->ttl)
		out_json_number(&d->out, "ttl", ev->ttl, false);
	out_json_number(&d->out, "mtu", ev->mtu, false);
	out_json_text(&d->out, "reason", ev->reason, false);
	out_text(&d->out, "}\n");
}

static void print_net(struct device *d, const struct lan_sensor_event *ev)
{
	struct lan_sensor_status st;
	lan_sensor_status(d->handle, &st);
	begin(d, "net");
	out_json_bool(&d->out, "up", ev->err == LAN_OK, false);
	if (st.port)
		out_json_number(&d->out, "port", st.port, false);
	if (ev->err)
		out_json_text(&d->out, "reason", *ev->reason ? ev->reason : lan_err_text(ev->err), false);
	out_text(&d->out, "}\n");
}

static void say_state(struct device *d, const struct lan_sensor_event *ev)
{
	if (ev->state == LAN_SENSOR_RUNNING && ev->was != LAN_SENSOR_RENEWING &&
		ev->was != LAN_SENSOR_RUNNING)
		cli_say(d->cli, "associated with %s: ttl %u s, mtu %u", ev->master, ev->ttl, ev->mtu);
	else if (ev->state == LAN_SENSOR_RUNNING || ev->state == LAN_SENSOR_RENEWING)
		cli_detail(d->cli, "%s: %s", lan_sensor_state_name(ev->state), ev->reason);
	else
		cli_say(d->cli, "%s: %s", lan_sensor_state_name(ev->state), ev->reason);
}

static void say_net(struct device *d, const struct lan_sensor_event *ev)
{
	struct lan_sensor_status st;
	lan_sensor_status(d->handle, &st);
	if (ev->err)
		cli_say(d->cli, "%s cannot be used: %s; waiting for it", d->cfg.net,
			*ev->reason ? ev->reason : lan_err_text(ev->err));
	else if (st.port)
		cli_say(d->cli, "%s: serving on port %u", d->cfg.net, st.port);
	else
		cli_say(d->cli, "%s is there", d->cfg.net);
}

void device_print(struct device *d, const struct lan_sensor_event *ev)
{
	if (ev->kind == LAN_SENSOR_REQUESTED && ev->reply)
		device_print_request(d, ev->code, ev->path, ev->from, ev->reply);
	else if (ev->kind == LAN_SENSOR_STATE)
		(d->json ? print_state : say_state)(d, ev);
	else if (ev->kind == LAN_SENSOR_NET)
		(d->json ? print_net : say_net)(d, ev);
}

void device_print_request(struct device *d, uint8_t method, const char *path, const char *from, uint8_t code)
{
	static const char *const names[] = {"?", "GET", "POST", "PUT", "DELETE"};
	const char *name = names[method < 5 ? method : 0];
	char text[8];
	snprintf(text, sizeof text, "%u.%02u", code >> 5, code & 31);
	d->answered++;
	if (!d->json) {
		cli_detail(d->cli, "%s: %s %s: %s", from, name, path, text);
		return;
	}
	begin(d, "request");
	out_json_text(&d->out, "method", name, false);
	out_json_text(&d->out, "path", path, false);
	out_json_text(&d->out, "from", from, false);
	out_json_text(&d->out, "code", text, false);
	out_text(&d->out, "}\n");
}
