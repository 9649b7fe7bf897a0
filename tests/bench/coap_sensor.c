/*
 * coap_sensor.c - the same resource served by ours, through the public interface with its defaults:
 *
 *     bench-coap_sensor [NET [ID]]
 *
 * NET is udp:127.0.0.1:0 if not given. Prints its port and runs until it is killed.
 */
#include <stdlib.h>
#include <string.h>
#include <lanyard/sensor.h>
#include "coap_load.h"

static void get(void *ctx, const struct lan_sensor_request *q, struct lan_sensor_reply *r)
{
	memcpy(r->buf, LOAD_VALUE, r->len = sizeof LOAD_VALUE - 1);
}

int main(int argc, char **argv)
{
	static const struct lan_sensor_resource res[] = {{.path = LOAD_PATH, .rt = "celsius", .get = get}};
	struct lan_sensor_config cfg = LAN_SENSOR_CONFIG_INIT;
	struct lan_sensor_status st;
	struct lan_loop *loop;
	struct lan_sensor *s;
	struct bench_opt o;
	const char *why = "";
	bench_options(argc, argv, &o);
	cfg.net = argc > o.rest ? argv[o.rest] : "udp:127.0.0.1:0";
	cfg.id = argc > o.rest + 1 ? (uint32_t)atol(argv[o.rest + 1]) : 0;
	cfg.resources = res;
	cfg.n_resources = 1;
	if (lan_loop_new(&loop))
		bench_die("loop");
	if (lan_sensor_open(loop, &cfg, &s, &why))
		bench_die(why && *why ? why : "lan_sensor_open");
	bench_pin(&o, true);
	lan_sensor_status(s, &st);
	if (st.port)
		printf("%u\n", st.port);
	fflush(stdout);
	for (;;)
		lan_loop_run(loop, LAN_NEVER);
}
