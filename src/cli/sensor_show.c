/*
 * sensor_show.c - `lanyard sensor show [ID]`, `log` and `poke`: one slave, or a master as a whole, as the
 * daemon has them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/coap.h"
#include "cli/ctl.h"
#include "cli/sensor_daemon.h"
#include "cli/show.h"
#include "cli/text.h"
#include "cli/wait.h"

typedef unsigned long long count;

static count num(const json_t *o, const char *name)
{
	return (count)ctl_num(o, name);
}

static const char *ago(const json_t *o, const char *name, char buf[40])
{
	char age[32];
	if (!*ctl_str(o, name))
		return "never";
	snprintf(buf, 40, "%.30s ago", text_since(ctl_str(o, name), age));
	return buf;
}

static void show_slave(struct out *o, bool color, const json_t *s)
{
	const char *state = ctl_str(s, "state"), *why = ctl_str(s, "why");
	bool runs = strcmp(state, "running") == 0;
	char buf[40], age[32];
	text_colored(o, color, BOLD, "slave ");
	out_printf(o, "%llu  ", num(s, "id"));
	text_colored(o, color, runs ? GREEN : YELLOW, ctl_is(s, "listed") ? state : "candidate");
	if (*ctl_str(s, "since"))
		out_printf(o, " for %s", text_since(ctl_str(s, "since"), age));
	out_printf(o, ", %s\n",
		ctl_is(s, "keyed") ? "proves itself with a key" : "no key: whoever says so is it");
	if (*ctl_str(s, "address"))
		out_printf(o, "  at %s on %s, epoch %s\n", ctl_str(s, "address"), ctl_str(s, "net"),
			ctl_str(s, "epoch"));
	out_printf(o, "  heard %s", ago(s, "last_seen", buf));
	out_printf(o, ", Discover %s", ago(s, "last_discover", buf));
	if (json_object_get(s, "rssi_dbm"))
		out_printf(
			o, ", RSSI %lld dBm", (long long)json_integer_value(json_object_get(s, "rssi_dbm")));
	out_char(o, '\n');
	if (runs)
		out_printf(o, "  ttl %llus, mtu %llu, expires in %s\n", num(s, "ttl"), num(s, "mtu"),
			text_age(num(s, "expires_ms"), age));
	out_printf(o, "  %llu associations, %llu renewals, %llu losses, %llu moves\n", num(s, "associations"),
		num(s, "renewals"), num(s, "losses"), num(s, "moves"));
	out_printf(o, "  %llu requests, %llu failed, %llu waiting, %llu observed\n", num(s, "requests"),
		num(s, "failures"), num(s, "waiting"), num(s, "observed"));
	if (*why) {
		text_colored(o, color, runs ? PLAIN : YELLOW, "  why: ");
		out_printf(o, "%s\n", why);
	}
	if (json_array_size(json_object_get(s, "resources")))
		coap_links_table(o, color, json_object_get(s, "resources"));
}

static void show_master(struct out *o, const struct cli *cli, const json_t *result)
{
	bool color = cli_color(cli, STDOUT_FILENO), failed;
	const json_t *m = json_object_get(result, "sensor"), *list = json_pack("[O]", m), *n, *e;
	size_t i;
	failed = strcmp(ctl_str(m, "state"), "failed") == 0;
	text_colored(o, color, BOLD, ctl_str(m, "name"));
	out_text(o, "  ");
	text_colored(o, color, failed ? RED : GREEN, ctl_str(m, "state"));
	if (failed)
		out_printf(o, ": %s\n", ctl_str(m, "reason"));
	else
		out_printf(o,
			", hello id %llu, unlisted slaves: %s, %llu requests open, cache %llu of %llu\n",
			num(m, "hello_id"), ctl_str(m, "unlisted"), num(m, "requests"), num(m, "cache_hits"),
			num(m, "cache_hits") + num(m, "cache_misses"));
	json_array_foreach(json_object_get(m, "networks"), i, n)
	{
		out_printf(o, "  %s  ", ctl_str(n, "name"));
		text_colored(o, color, ctl_is(n, "up") ? GREEN : YELLOW, ctl_is(n, "up") ? "up" : "down");
		out_printf(o, "%s%s, mtu %llu, received %llu (%llu dropped), sent %llu (%llu failed)\n",
			*ctl_str(n, "reason") ? ": " : "", ctl_str(n, "reason"), num(n, "mtu"),
			num(n, "rx_messages"), num(n, "rx_dropped"), num(n, "tx_messages"),
			num(n, "tx_failed"));
	}
	if (json_object_get(m, "http"))
		out_printf(o,
			"  HTTP port %llu: %llu requests, %llu refused, %llu connections, %llu streams\n",
			num(json_object_get(m, "http"), "port"), num(json_object_get(m, "http"), "requests"),
			num(json_object_get(m, "http"), "refused"),
			num(json_object_get(m, "http"), "connections"),
			num(json_object_get(m, "http"), "viewers"));
	show_sensors(o, color, list);
	show_counters(o, color, "counters", json_object_get(result, "counters"), cli->verbose > 0);
	if (json_array_size(json_object_get(result, "recent")))
		out_text(o, "\nrecent\n");
	json_array_foreach(json_object_get(result, "recent"), i, e) show_event(o, color, e);
	json_decref((json_t *)list);
}

static void print(struct cli *cli, const json_t *result)
{
	struct out o;
	if (text_document(cli, result, NULL))
		return;
	out_init(&o, STDOUT_FILENO);
	if (json_object_get(result, "slave"))
		show_slave(&o, cli_color(cli, STDOUT_FILENO), json_object_get(result, "slave"));
	else
		show_master(&o, cli, result);
	out_drain(&o, LAN_NEVER, cli_signals());
	out_fini(&o);
}

int sensor_show_main(struct cli *cli, int argc, char **argv)
{
	json_t *result = NULL, *args = sensor_args(cli, argc ? argv[0] : NULL);
	int rc = args ? ctl_once(cli, "sensor.show", args, &result) : EXIT_USAGE;
	if (rc == EXIT_OK)
		print(cli, result);
	json_decref(result);
	return rc;
}

int sensor_poke_main(struct cli *cli, int argc, char **argv)
{
	bool all = strcmp(argv[0], "all") == 0;
	json_t *result = NULL, *args = sensor_args(cli, all ? NULL : argv[0]);
	int rc = EXIT_USAGE;
	(void)argc;
	if (args && all)
		json_object_set_new(args, "slave", json_integer(0));
	if (args)
		rc = ctl_once(cli, "sensor.poke", args, &result);
	if (rc == EXIT_OK)
		text_document(cli, result, NULL);
	json_decref(result);
	return rc;
}

int sensor_log_main(struct cli *cli, int argc, char **argv)
{
	json_t *result = NULL, *args = sensor_args(cli, NULL);
	const char *since = cli_opt(cli, "since");
	const json_t *e;
	struct out o;
	size_t i;
	(void)argc;
	(void)argv;
	if (args && since)
		json_object_set_new(args, "since", json_string(since));
	if (args && cli_flag(cli, "count"))
		json_object_set_new(args, "n", json_integer((json_int_t)cli_number(cli, "count", 1000)));
	int rc = args ? ctl_once(cli, "sensor.log", args, &result) : EXIT_USAGE;
	if (rc != EXIT_OK)
		return rc;
	if (!text_document(cli, result, "events")) {
		out_init(&o, STDOUT_FILENO);
		json_array_foreach(json_object_get(result, "events"), i, e)
		{
			out_printf(&o, "%s  ", ctl_str(e, "time"));
			out_foreign(&o, ctl_str(e, "src"), strlen(ctl_str(e, "src")));
			out_text(&o, "  ");
			out_foreign(&o, ctl_str(e, "msg"), strlen(ctl_str(e, "msg")));
			out_char(&o, '\n');
		}
		out_drain(&o, LAN_NEVER, cli_signals());
		out_fini(&o);
	}
	json_decref(result);
	return EXIT_OK;
}
