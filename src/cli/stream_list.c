/*
 * stream_list.c - `lanyard stream list` and `lanyard stream show NAME`: what the
 * daemon's streams are doing and who is connected, as tables or as JSON.
 *
 * The effective security stands beside every stream: both wires are old ones
 * without any, and a list that did not say so would mislead.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/ctl.h"
#include "cli/show.h"
#include "cli/text.h"
#include "cli/wait.h"

typedef unsigned long long count;

static count num(const json_t *o, const char *name)
{
	return (count)ctl_num(o, name);
}

static enum cell_color state_color(const char *state)
{
	if (strcmp(state, "connecting") == 0)
		return YELLOW;
	return strcmp(state, "failed") == 0 || strcmp(state, "ended") == 0 ? RED : GREEN;
}

static bool is_insecure(const json_t *stream)
{
	return strncmp(ctl_str(stream, "security"), "insecure", 8) == 0;
}

static void stream_row(struct table *t, const json_t *s)
{
	const char *state = ctl_str(s, "state"), *reason = ctl_str(s, "reason");
	table_cell(t, BOLD, "%s", ctl_str(s, "name"));
	table_cell(t, state_color(state), "%s", state);
	table_cell(t, PLAIN, "%s", ctl_str(s, "address"));
	table_cell(t, PLAIN, "%s", ctl_str(s, "dialect"));
	table_cell(t, PLAIN, "%llu", num(s, "connections"));
	table_cell(t, PLAIN, "%llu", num(s, "rx_messages"));
	table_cell(t, PLAIN, "%llu", num(s, "tx_messages"));
	table_cell(t, PLAIN, "%llu", num(s, "queued") + num(s, "unacked"));
	table_cell(t, num(s, "lost") ? YELLOW : PLAIN, "%llu", num(s, "lost"));
	if (*reason)
		table_cell(t, RED, "%s", reason);
	else
		table_cell(t, is_insecure(s) ? YELLOW : DIM, "%s%s", ctl_str(s, "security"),
			ctl_is(s, "legacy") ? ", legacy" : "");
}

void show_streams(struct out *o, bool color, const json_t *streams)
{
	static const char *const head[TABLE_COLUMNS] = {
		"NAME", "STATE", "ADDRESS", "DIALECT", "CONNS", "RX", "TX", "WAITING", "LOST", ""};
	const json_t *s;
	struct table t;
	size_t i;
	table_init(&t, TABLE_COLUMNS, 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8);
	for (i = 0; i < TABLE_COLUMNS; i++)
		table_cell(&t, DIM, "%s", head[i]);
	json_array_foreach(streams, i, s) stream_row(&t, s);
	table_print(&t, o, color);
}

int stream_list_main(struct cli *cli, int argc, char **argv)
{
	json_t *result;
	struct out o;
	int rc = ctl_once(cli, "stream.list", NULL, &result);
	if (rc != EXIT_OK)
		return rc;
	if (!text_document(cli, result, "streams")) {
		out_init(&o, STDOUT_FILENO);
		if (json_array_size(json_object_get(result, "streams")) == 0)
			cli_say(cli, "no streams are configured (see lanyard.yaml(5); lanyard config show)");
		else
			show_streams(&o, cli_color(cli, STDOUT_FILENO), json_object_get(result, "streams"));
		out_drain(&o, LAN_NEVER, cli_signals());
		out_fini(&o);
	}
	json_decref(result);
	return EXIT_OK;
}

static void conn_row(struct table *t, const json_t *c, bool modes)
{
	const char *since = ctl_str(c, "since"), *peer = ctl_str(c, "peer");
	bool up = ctl_is(c, "up"), lossy = num(c, "lost") || num(c, "doubled");
	char idle[32] = "-", clock[32];
	if (json_is_integer(json_object_get(c, "idle_ms")))
		text_age(ctl_num(c, "idle_ms"), idle);
	table_cell(t, BOLD, "  %llu", num(c, "conn"));
	table_cell(t, PLAIN, "%s", *peer ? peer : "-");
	table_cell(t, up ? GREEN : RED, "%s", ctl_is(c, "closing") ? "closing" : up ? "up" : "down");
	table_cell(t, PLAIN, "%s", *since ? text_clock(since, clock) : "-");
	table_cell(t, PLAIN, "%s", idle);
	table_cell(t, PLAIN, "%llu", num(c, "rx_messages"));
	table_cell(t, PLAIN, "%llu", num(c, "tx_messages"));
	table_cell(t, PLAIN, "%llu/%llu", num(c, "queued"), num(c, "unacked"));
	table_cell(t, lossy ? RED : PLAIN, "%llu/%llu", num(c, "lost"), num(c, "doubled"));
	if (modes)
		table_cell(t, PLAIN, "%llu/%llu", num(c, "in_mode"), num(c, "out_mode"));
	else
		table_cell(t, PLAIN, "%s", "");
}

static void show_conns(struct out *o, bool color, const json_t *conns, bool modes)
{
	const char *const head[TABLE_COLUMNS] = {"  CONN", "PEER", "STATE", "SINCE", "IDLE", "RX", "TX",
		"QUEUED/UNACKED", "LOST/DOUBLED", modes ? "MODE IN/OUT" : ""};
	const json_t *c;
	struct table t;
	size_t i;
	if (json_array_size(conns) == 0) {
		out_text(o, "\nnobody is connected\n");
		return;
	}
	out_text(o, "\nconnections\n");
	table_init(&t, TABLE_COLUMNS, 1u << 0 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8);
	for (i = 0; i < TABLE_COLUMNS; i++)
		table_cell(&t, DIM, "%s", head[i]);
	json_array_foreach(conns, i, c) conn_row(&t, c, modes);
	table_print(&t, o, color);
}

static void show_head(struct out *o, bool color, const json_t *s)
{
	const char *state = ctl_str(s, "state"), *encoding = ctl_str(s, "encoding");
	out_printf(o, "%s: %s %s at %s, ", ctl_str(s, "name"), ctl_str(s, "dialect"), ctl_str(s, "role"),
		ctl_str(s, "address"));
	text_colored(o, color, state_color(state), state);
	if (*encoding)
		out_printf(o, ", text is %s", encoding);
	out_char(o, '\n');
	if (is_insecure(s))
		text_colored(
			o, color, YELLOW, "insecure: not encrypted, whoever reaches the port is believed");
	else
		out_text(o, ctl_str(s, "security"));
	out_text(o, ctl_is(s, "legacy") ? "; legacy\n" : "\n");
	if (*ctl_str(s, "reason")) {
		text_colored(o, color, RED, "not open: ");
		out_printf(o, "%s\n", ctl_str(s, "reason"));
		return;
	}
	out_printf(o, "received %llu messages, sent %llu (%llu lost, %llu doubled, %llu dropped)\n",
		num(s, "rx_messages"), num(s, "tx_messages"), num(s, "lost"), num(s, "doubled"),
		num(s, "dropped"));
	out_printf(o, "waiting %llu messages, %llu bytes; %llu not acknowledged\n", num(s, "queued"),
		num(s, "queued_bytes"), num(s, "unacked"));
}

static void show_stream(const struct cli *cli, const json_t *result)
{
	bool color = cli_color(cli, STDOUT_FILENO);
	const json_t *s = json_object_get(result, "stream"), *recent = json_object_get(result, "recent"), *e;
	struct out o;
	size_t i;
	out_init(&o, STDOUT_FILENO);
	show_head(&o, color, s);
	if (!*ctl_str(s, "reason"))
		show_conns(&o, color, json_object_get(result, "conns"), *ctl_str(s, "encoding") != '\0');
	show_counters(
		&o, color, "counters of the stream", json_object_get(result, "counters"), cli->verbose > 0);
	if (json_array_size(recent))
		out_text(&o, "\nrecent\n");
	json_array_foreach(recent, i, e) show_event(&o, color, e);
	out_drain(&o, LAN_NEVER, cli_signals());
	out_fini(&o);
}

int stream_show_main(struct cli *cli, int argc, char **argv)
{
	json_t *result;
	int rc = ctl_once(cli, "stream.show", json_pack("{s:s}", "name", argv[0]), &result);
	if (rc != EXIT_OK)
		return rc;
	if (!text_document(cli, result, NULL))
		show_stream(cli, result);
	json_decref(result);
	return EXIT_OK;
}
