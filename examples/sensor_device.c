/*
 * sensor_device.c - this machine as a sensor and an actuator: `load`, the load of the last minute,
 * observable; `led`, a value that PUT sets, as a lamp would be.
 *
 *      sensor_device NET [ID]         sensor_device ethernet:eth0 169
 *                                     sensor_device udp:[::]:5683
 */
#include <lanyard/sensor.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOAD, LED };
static struct lan_sensor *sensor;
static char last[16], led[16] = "off";

static void read_load(void *ctx, const struct lan_sensor_request *q, struct lan_sensor_reply *r)
{
	double load = 0;
	getloadavg(&load, 1);
	r->len = (size_t)snprintf(r->buf, r->cap, "%.2f", load);
	r->max_age = 5; /* seconds: the kernel says it anew as often */
}

/* Asked once a second while somebody observes. */
static bool load_changed(void *ctx)
{
	char text[16];
	double load = 0;
	getloadavg(&load, 1);
	snprintf(text, sizeof text, "%.2f", load);
	bool changed = strcmp(text, last) != 0;
	memcpy(last, text, sizeof last);
	return changed;
}

static void read_led(void *ctx, const struct lan_sensor_request *q, struct lan_sensor_reply *r)
{
	r->payload = led;
	r->len = strlen(led);
}

static void set_led(void *ctx, const struct lan_sensor_request *q, struct lan_sensor_reply *r)
{
	if (q->len >= sizeof led) {
		r->code = 4 << 5 | 13; /* 4.13 */
		return;
	}
	snprintf(led, sizeof led, "%.*s", (int)q->len, q->len ? (const char *)q->payload : "");
	printf("led %s\n", led);
	lan_sensor_changed(sensor, LED);
}

int main(int argc, char **argv)
{
	static const struct lan_sensor_resource resources[] = {[LOAD] = {.path = "load",
								       .title = "Load",
								       .observable = true,
								       .get = read_load,
								       .changed = load_changed,
								       .poll = LAN_SEC(1)},
		[LED] = {.path = "led", .rt = "lamp", .observable = true, .get = read_led, .put = set_led}};
	struct lan_sensor_config cfg = LAN_SENSOR_CONFIG_INIT;
	struct lan_sensor_event ev;
	struct lan_loop *loop = NULL;
	const char *why = "out of memory";
	cfg.net = argc > 1 ? argv[1] : "udp:[::]:5683";
	cfg.id = argc > 2 ? (uint32_t)atoi(argv[2]) : 0;
	cfg.resources = resources, cfg.n_resources = 2;
	if (lan_loop_new(&loop) || lan_sensor_open(loop, &cfg, &sensor, &why)) {
		fprintf(stderr, "%s\n", why);
		return lan_loop_free(loop), 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (;; lan_loop_run(loop, LAN_NEVER))
		while (lan_sensor_event(sensor, &ev))
			if (ev.kind == LAN_SENSOR_STATE)
				printf("%s %s: %s\n", lan_sensor_state_name(ev.state), ev.master, ev.reason);
}
