/*
 * sensor_list.c - `lanyard sensor list`: the slaves of the daemon's masters, one a row. A master that is not
 * open, or has nobody, has a row, too, with the reason.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/ctl.h"
#include "cli/show.h"
#include "cli/text.h"
#include "cli/wait.h"

static enum cell_color state_color(const char *state)
{
	return strcmp(state, "running") == 0 ? GREEN : strcmp(state, "associating") == 0 ? YELLOW : RED;
}

static const char *or_dash(const char *s)
{
	return *s ? s : "-";
}

/* "t1 t2 led". */
static void resources_cell(struct table *t, const json_t *list)
{
	char text[80] = "";
	const json_t *r;
	size_t i, at = 0;
	json_array_foreach(list, i, r)
	{
		const char *path = ctl_str(r, "path");
		int n = snprintf(text + at, sizeof text - at, "%s%s", at ? " " : "", path + (*path == '/'));
		at += n > 0 ? (size_t)n : 0;
		if (at >= sizeof text) {
			strcpy(text + sizeof text - 4, "...");
			break;
		}
	}
	table_cell(t, PLAIN, "%s", text);
}

static void slave_row(struct table *t, const json_t *s)
{
	const char *state = ctl_str(s, "state"), *seen = ctl_str(s, "last_seen");
	char age[32];
	table_cell(t, BOLD, "%llu", (unsigned long long)ctl_num(s, "id"));
	table_cell(t, state_color(state), "%s", ctl_is(s, "listed") ? state : "candidate");
	table_cell(t, PLAIN, "%s", or_dash(ctl_str(s, "net")));
	table_cell(t, PLAIN, "%s", or_dash(ctl_str(s, "address")));
	table_cell(t, PLAIN, "%s", *seen ? text_since(seen, age) : "never");
	if (json_object_get(s, "rssi_dbm"))
		table_cell(t, PLAIN, "%lld", (long long)json_integer_value(json_object_get(s, "rssi_dbm")));
	else
		table_cell(t, PLAIN, "-");
	if (ctl_num(s, "ttl"))
		table_cell(t, PLAIN, "%s", text_age(ctl_num(s, "ttl") * 1000, age));
	else
		table_cell(t, PLAIN, "-");
	resources_cell(t, json_object_get(s, "resources"));
}

static void empty_row(struct table *t, enum cell_color color, const char *state, const char *why)
{
	const char *const cells[] = {"-", state, "-", "-", "-", "-", "-", why};
	for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
		table_cell(t, i == 1 ? color : PLAIN, "%s", cells[i]);
}

static void master_rows(struct table *t, const json_t *m)
{
	const json_t *slaves = json_object_get(m, "slaves"), *s;
	size_t i;
	if (strcmp(ctl_str(m, "state"), "failed") == 0)
		empty_row(t, RED, "failed", ctl_str(m, "reason"));
	else if (!json_array_size(slaves))
		empty_row(t, YELLOW, "nobody", "no slave is listed");
	json_array_foreach(slaves, i, s) slave_row(t, s);
}

void show_sensors(struct out *o, bool color, const json_t *sensors)
{
	static const char *const head[] = {
		"ID", "STATE", "NET", "ADDRESS", "SEEN", "RSSI", "TTL", "RESOURCES"};
	bool several = json_array_size(sensors) > 1;
	const json_t *m;
	size_t i;
	json_array_foreach(sensors, i, m)
	{
		struct table t;
		if (several) {
			text_colored(o, color, BOLD, ctl_str(m, "name"));
			out_char(o, '\n');
		}
		table_init(&t, 8, 1u << 0 | 1u << 4 | 1u << 5 | 1u << 6);
		for (size_t k = 0; k < sizeof head / sizeof head[0]; k++)
			table_cell(&t, DIM, "%s", head[k]);
		master_rows(&t, m);
		table_print(&t, o, color);
	}
}

int sensor_list_main(struct cli *cli, int argc, char **argv)
{
	json_t *result;
	struct out o;
	int rc = ctl_once(cli, "sensor.list", NULL, &result);
	(void)argc;
	(void)argv;
	if (rc != EXIT_OK)
		return rc;
	if (!text_document(cli, result, "sensors")) {
		out_init(&o, STDOUT_FILENO);
		if (json_array_size(json_object_get(result, "sensors")) == 0)
			cli_say(cli, "no master of sensors is configured (see lanyard.yaml(5))");
		else
			show_sensors(&o, cli_color(cli, STDOUT_FILENO), json_object_get(result, "sensors"));
		out_drain(&o, LAN_NEVER, cli_signals());
		out_fini(&o);
	}
	json_decref(result);
	return EXIT_OK;
}
