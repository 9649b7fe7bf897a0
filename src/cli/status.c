/*
 * status.c - `lanyard` alone and `lanyard status`: one screen about the daemon;
 * `lanyard stats`: its counters, each with its reason.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/ctl.h"
#include "cli/show.h"
#include "cli/text.h"
#include "cli/wait.h"

static void plural(struct out *o, const char *before, uint64_t n, const char *what)
{
	out_printf(o, "%s%llu %s%s", before, (unsigned long long)n, what, n == 1 ? "" : "s");
}

static void show_channel_line(struct out *o, const json_t *channels)
{
	if (!ctl_num(channels, "total"))
		return;
	plural(o, "channels       ", ctl_num(channels, "total"), "channel");
	if (ctl_num(channels, "failed"))
		out_printf(o, ", %llu not open", (unsigned long long)ctl_num(channels, "failed"));
	plural(o, ", ", ctl_num(channels, "members"), "member");
	plural(o, ", ", ctl_num(channels, "queued_bytes"), "byte");
	out_text(o, " waiting\n");
}

static void show_stream_line(struct out *o, const json_t *streams)
{
	if (!ctl_num(streams, "total"))
		return;
	plural(o, "streams        ", ctl_num(streams, "total"), "stream");
	if (ctl_num(streams, "failed"))
		out_printf(o, ", %llu not open", (unsigned long long)ctl_num(streams, "failed"));
	plural(o, ", ", ctl_num(streams, "connections"), "connection");
	plural(o, ", ", ctl_num(streams, "queued"), "message");
	out_text(o, " waiting\n");
}

static void show_neighbor_line(struct out *o, const json_t *neighbors)
{
	if (!ctl_num(neighbors, "total"))
		return;
	plural(o, "neighbours     ", ctl_num(neighbors, "established"), "session");
	plural(o, " on ", ctl_num(neighbors, "links"), "interface");
	if (ctl_num(neighbors, "peers") > ctl_num(neighbors, "established"))
		plural(o, ", ", ctl_num(neighbors, "peers") - ctl_num(neighbors, "established"), "neighbour");
	if (ctl_num(neighbors, "peers") > ctl_num(neighbors, "established"))
		out_text(o, " not established");
	if (ctl_num(neighbors, "failed"))
		out_printf(o, ", %llu not open", (unsigned long long)ctl_num(neighbors, "failed"));
	out_char(o, '\n');
}

static void show_sensor_line(struct out *o, const json_t *sensors)
{
	if (!ctl_num(sensors, "total"))
		return;
	out_printf(o, "sensors        %llu of ", (unsigned long long)ctl_num(sensors, "running"));
	plural(o, "", ctl_num(sensors, "slaves"), "slave");
	out_text(o, " running");
	if (ctl_num(sensors, "candidates"))
		plural(o, ", ", ctl_num(sensors, "candidates"), "candidate");
	if (ctl_num(sensors, "failed"))
		plural(o, ", ", ctl_num(sensors, "failed"), "master");
	out_text(o, ctl_num(sensors, "failed") ? " not open\n" : "\n");
}

/* What the daemon answered to the verbs `list`. */
struct lists {
	json_t *links, *channels, *streams, *neighbors, *sensors;
};

static void show_lists(struct out *o, bool color, const struct lists *lists)
{
	if (json_array_size(json_object_get(lists->links, "links"))) {
		out_char(o, '\n');
		show_links(o, color, json_object_get(lists->links, "links"));
	}
	if (json_array_size(json_object_get(lists->channels, "channels"))) {
		out_char(o, '\n');
		show_channels(o, color, json_object_get(lists->channels, "channels"));
	}
	if (json_array_size(json_object_get(lists->streams, "streams"))) {
		out_char(o, '\n');
		show_streams(o, color, json_object_get(lists->streams, "streams"));
	}
	if (json_array_size(json_object_get(lists->neighbors, "neighbors"))) {
		out_char(o, '\n');
		show_neighbors(o, color, json_object_get(lists->neighbors, "neighbors"));
	}
	if (json_array_size(json_object_get(lists->sensors, "sensors"))) {
		out_char(o, '\n');
		show_sensors(o, color, json_object_get(lists->sensors, "sensors"));
	}
}

static void show_status(const struct cli *cli, const json_t *st, const struct lists *lists)
{
	bool color = cli_color(cli, STDOUT_FILENO);
	const json_t *config = json_object_get(st, "config"), *links = json_object_get(st, "links");
	const char *name = ctl_str(st, "name"), *failed = ctl_str(config, "error");
	char age[32], head[256];
	struct out o;
	out_init(&o, STDOUT_FILENO);
	snprintf(head, sizeof head, "%s", *name ? name : "lanyardd");
	text_colored(&o, color, BOLD, head);
	out_printf(&o, "  lanyardd %s, pid %llu, up %s, socket %s\n", ctl_str(st, "version"),
		(unsigned long long)ctl_num(st, "pid"), text_age(ctl_num(st, "uptime_ms"), age),
		ctl_str(st, "socket"));
	out_printf(&o, "configuration  %s", ctl_str(config, "source"));
	if (ctl_num(config, "reloads"))
		plural(&o, ", ", ctl_num(config, "reloads"), "reload");
	out_char(&o, '\n');
	if (*failed) {
		text_colored(&o, color, RED, "the last reload was refused, the old configuration stays: ");
		out_foreign(&o, failed, strlen(failed));
		out_char(&o, '\n');
	}
	plural(&o, "links          ", ctl_num(links, "total"), "link");
	if (ctl_num(links, "failed"))
		out_printf(&o, ", %llu not open", (unsigned long long)ctl_num(links, "failed"));
	out_printf(&o, ", %llu of %llu peers up", (unsigned long long)ctl_num(links, "up"),
		(unsigned long long)ctl_num(links, "peers"));
	if (ctl_num(links, "missing"))
		out_printf(&o, ", %llu expected never seen", (unsigned long long)ctl_num(links, "missing"));
	plural(&o, ", ", ctl_num(links, "queued"), "line");
	out_text(&o, " waiting\n");
	show_channel_line(&o, json_object_get(st, "channels"));
	show_stream_line(&o, json_object_get(st, "streams"));
	show_neighbor_line(&o, json_object_get(st, "neighbors"));
	show_sensor_line(&o, json_object_get(st, "sensors"));
	show_lists(&o, color, lists);
	out_drain(&o, LAN_NEVER, cli_signals());
	out_fini(&o);
}

int status_main(struct cli *cli, int argc, char **argv)
{
	struct lists lists = {0};
	json_t *status = NULL;
	struct ctl c = {0};
	int rc = ctl_open(&c, cli);
	if (rc == EXIT_OK)
		rc = ctl_call(&c, "status", NULL, &status);
	if (rc == EXIT_OK && !text_document(cli, status, NULL)) {
		rc = ctl_call(&c, "link.list", NULL, &lists.links);
		if (rc == EXIT_OK)
			rc = ctl_call(&c, "channel.list", NULL, &lists.channels);
		if (rc == EXIT_OK)
			rc = ctl_call(&c, "stream.list", NULL, &lists.streams);
		if (rc == EXIT_OK && ctl_num(json_object_get(status, "neighbors"), "total"))
			rc = ctl_call(&c, "neighbor.list", NULL, &lists.neighbors);
		if (rc == EXIT_OK && ctl_num(json_object_get(status, "sensors"), "total"))
			rc = ctl_call(&c, "sensor.list", NULL, &lists.sensors);
		if (rc == EXIT_OK)
			show_status(cli, status, &lists);
	}
	json_decref(status);
	json_decref(lists.links);
	json_decref(lists.channels);
	json_decref(lists.streams);
	json_decref(lists.neighbors);
	json_decref(lists.sensors);
	ctl_close(&c);
	return rc;
}

static void show_stats(const struct cli *cli, const json_t *stats)
{
	bool color = cli_color(cli, STDOUT_FILENO);
	const json_t *s;
	struct table t;
	struct out o;
	size_t i;
	out_init(&o, STDOUT_FILENO);
	table_init(&t, 4, 1u << 2);
	for (i = 0; i < 4; i++)
		table_cell(&t, DIM, "%s", ((const char *const[]){"OBJECT", "COUNTER", "VALUE", ""})[i]);
	json_array_foreach(stats, i, s)
	{
		const char *object = ctl_str(s, "object"), *of = ctl_str(s, object);
		if (!ctl_num(s, "value") && !cli->verbose)
			continue;
		table_cell(&t, PLAIN, "%s%s%s", object, *of ? " " : "", of);
		table_cell(&t, PLAIN, "%s", ctl_str(s, "name"));
		table_cell(&t, BOLD, "%llu", (unsigned long long)ctl_num(s, "value"));
		table_cell(&t, DIM, "%s", ctl_str(s, "help"));
	}
	table_print(&t, &o, color);
	out_drain(&o, LAN_NEVER, cli_signals());
	out_fini(&o);
}

int stats_list_main(struct cli *cli, int argc, char **argv)
{
	json_t *result;
	int rc = ctl_once(cli, "stats.list", NULL, &result);
	if (rc != EXIT_OK)
		return rc;
	if (!text_document(cli, result, "stats"))
		show_stats(cli, json_object_get(result, "stats"));
	json_decref(result);
	return EXIT_OK;
}
