/*
 * sensor_master.c - a master with so many slaves listed and its HTTP gateway, through the public interface
 * with its defaults:
 *
 *     bench-sensor_master NET N
 *
 * One line of JSON when all slaves run for the first time: the port of HTTP at 127.0.0.1, and how long it
 * took. Runs until it is killed.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <lanyard/sensor_http.h>
#include "bench.h"

static struct lan_sensor_master *open_master(struct lan_loop *loop, const char *net, size_t n)
{
	struct lan_sensor_master_config cfg = LAN_SENSOR_MASTER_CONFIG_INIT;
	struct lan_sensor_slave_config *slaves = calloc(n, sizeof *slaves);
	struct lan_sensor_master *m;
	const char *why = "";
	if (!slaves)
		bench_die("calloc");
	for (size_t i = 0; i < n; i++)
		slaves[i].id = (uint32_t)i + 1;
	cfg.nets = &net;
	cfg.n_nets = 1;
	cfg.slaves = slaves;
	cfg.n_slaves = n;
	cfg.first_hello = LAN_MS(10);
	if (lan_sensor_master_open(loop, &cfg, &m, &why))
		bench_die(why && *why ? why : "lan_sensor_master_open");
	free(slaves);
	return m;
}

static uint16_t open_http(struct lan_sensor_master *m)
{
	struct lan_sensor_http_listen listen = {.address = "127.0.0.1:0"};
	struct lan_sensor_http_config cfg = LAN_SENSOR_HTTP_CONFIG_INIT;
	struct lan_sensor_http_status st;
	struct lan_sensor_http *h;
	const char *why = "";
	cfg.listen = &listen;
	cfg.n_listen = 1;
	cfg.casan = "/casan";
	if (lan_sensor_http_open(m, &cfg, &h, &why))
		bench_die(why && *why ? why : "lan_sensor_http_open");
	lan_sensor_http_status(h, &st);
	return st.port;
}

int main(int argc, char **argv)
{
	struct lan_sensor_master_event ev;
	struct lan_sensor_master_status st;
	struct lan_loop *loop;
	bool all = false;
	size_t n = argc == 3 ? (size_t)atol(argv[2]) : 0;
	if (!n || lan_loop_new(&loop))
		bench_die("which network, and how many slaves?");
	uint64_t opened = bench_now();
	struct lan_sensor_master *m = open_master(loop, argv[1], n);
	uint16_t port = open_http(m);
	for (;;) {
		while (lan_sensor_master_event(m, &ev))
			;
		lan_sensor_master_status(m, &st);
		if (!all && st.running == n) {
			all = true;
			printf("{\"what\":\"all\",\"port\":%u,\"seconds\":%.3f,\"cpu_ms\":%" PRIu64 "}\n",
				port, (double)(bench_now() - opened) / 1e9, bench_cpu() / 1000000);
			fflush(stdout);
		}
		lan_loop_run(loop, LAN_NEVER);
	}
}
