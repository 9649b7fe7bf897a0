/*
 * channel_list.c - `lanyard channel list` and `lanyard channel show NAME`: what
 * the daemon's channels are doing and who is on them, as tables or as JSON.
 *
 * The effective security stands beside every channel: a list in which an
 * insecure one looks like a sealed one would mislead.
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

static bool is_insecure(const json_t *channel)
{
	return strncmp(ctl_str(channel, "security"), "insecure", 8) == 0;
}

/* "eth0, wlan0": where it listens; in parentheses where it could not join. */
static const char *ifaces_text(const json_t *channel, char *buf, size_t cap)
{
	const json_t *f;
	size_t i, at = 0;
	buf[0] = '\0';
	json_array_foreach(json_object_get(channel, "ifaces"), i, f)
	{
		bool in = ctl_is(f, "joined");
		if (at < cap)
			at += (size_t)snprintf(buf + at, cap - at, "%s%s%s%s", at ? "," : "", in ? "" : "(",
				ctl_str(f, "name"), in ? "" : ")");
	}
	return *buf ? buf : "-";
}

static void channel_row(struct table *t, const json_t *c)
{
	bool up = strcmp(ctl_str(c, "state"), "up") == 0;
	char ifaces[128];
	table_cell(t, BOLD, "%s", ctl_str(c, "name"));
	table_cell(t, up ? GREEN : RED, "%s", ctl_str(c, "state"));
	table_cell(t, PLAIN, "%s", ctl_str(c, "address"));
	table_cell(t, PLAIN, "%s", ctl_str(c, "mode"));
	table_cell(t, PLAIN, "%s", ifaces_text(c, ifaces, sizeof ifaces));
	table_cell(t, PLAIN, "%llu", num(c, "members"));
	table_cell(t, PLAIN, "%llu", num(c, "rx_messages"));
	table_cell(t, PLAIN, "%llu", num(c, "tx_messages"));
	table_cell(t, num(c, "lost_messages") ? YELLOW : PLAIN, "%llu", num(c, "lost_messages"));
	if (up)
		table_cell(t, is_insecure(c) ? YELLOW : DIM, "%s", ctl_str(c, "security"));
	else
		table_cell(t, RED, "%s", ctl_str(c, "reason"));
}

void show_channels(struct out *o, bool color, const json_t *channels)
{
	static const char *const head[TABLE_COLUMNS] = {
		"NAME", "STATE", "GROUP", "MODE", "IFACES", "MEMBERS", "RX", "TX", "LOST", ""};
	const json_t *c;
	struct table t;
	size_t i;
	table_init(&t, TABLE_COLUMNS, 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8);
	for (i = 0; i < TABLE_COLUMNS; i++)
		table_cell(&t, DIM, "%s", head[i]);
	json_array_foreach(channels, i, c) channel_row(&t, c);
	table_print(&t, o, color);
}

int channel_list_main(struct cli *cli, int argc, char **argv)
{
	json_t *result;
	struct out o;
	int rc = ctl_once(cli, "channel.list", NULL, &result);
	if (rc != EXIT_OK)
		return rc;
	if (!text_document(cli, result, "channels")) {
		out_init(&o, STDOUT_FILENO);
		if (json_array_size(json_object_get(result, "channels")) == 0)
			cli_say(cli, "no channels are configured (see lanyard.yaml(5); lanyard config show)");
		else
			show_channels(&o, cli_color(cli, STDOUT_FILENO), json_object_get(result, "channels"));
		out_drain(&o, LAN_NEVER, cli_signals());
		out_fini(&o);
	}
	json_decref(result);
	return EXIT_OK;
}

static void member_row(struct table *t, const json_t *m)
{
	bool here = ctl_is(m, "present");
	const char *name = ctl_str(m, "name"), *since = ctl_str(m, "since");
	char idle[32] = "-", clock[32];
	if (json_is_integer(json_object_get(m, "idle_ms")))
		text_age(ctl_num(m, "idle_ms"), idle);
	table_cell(t, BOLD, "  %s", *name ? name : ctl_str(m, "sender"));
	table_cell(t, PLAIN, "%s", *name ? ctl_str(m, "sender") : "");
	table_cell(t, here ? GREEN : RED, "%s", here ? (ctl_is(m, "verified") ? "signed" : "here") : "gone");
	table_cell(t, PLAIN, "%s", ctl_str(m, "from"));
	table_cell(t, PLAIN, "%s", *since ? text_clock(since, clock) : "-");
	table_cell(t, PLAIN, "%s", idle);
	table_cell(t, PLAIN, "%llu", num(m, "rx_messages"));
	table_cell(t, num(m, "lost_datagrams") ? YELLOW : PLAIN, "%llu", num(m, "lost_datagrams"));
	table_cell(t, PLAIN, "%llu/%llu/%llu", num(m, "repaired"), num(m, "duplicates"), num(m, "reordered"));
	table_cell(t, num(m, "lost_messages") ? RED : PLAIN, "%llu", num(m, "lost_messages"));
}

static void show_members(struct out *o, bool color, const json_t *members)
{
	static const char *const head[TABLE_COLUMNS] = {"  MEMBER", "ID", "STATE", "FROM", "SINCE", "IDLE",
		"MESSAGES", "MISSING", "REPAIRED/DUP/REORDERED", "LOST"};
	const json_t *m;
	struct table t;
	size_t i;
	if (json_array_size(members) == 0) {
		out_text(o, "\nnobody was heard yet\n");
		return;
	}
	out_text(o, "\nwho is on it\n");
	table_init(&t, TABLE_COLUMNS, 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 9);
	for (i = 0; i < TABLE_COLUMNS; i++)
		table_cell(&t, DIM, "%s", head[i]);
	json_array_foreach(members, i, m) member_row(&t, m);
	table_print(&t, o, color);
}

static void show_ifaces(struct out *o, bool color, const json_t *ifaces)
{
	const json_t *f;
	size_t i;
	json_array_foreach(ifaces, i, f)
	{
		bool in = ctl_is(f, "joined");
		out_printf(o, "interface %s: ", ctl_str(f, "name"));
		text_colored(o, color, in ? GREEN : RED, in ? "joined" : "not joined");
		if (!in)
			out_printf(o, ", %s", ctl_str(f, "reason"));
		out_printf(
			o, ", %llu datagrams in, %llu out", num(f, "rx_datagrams"), num(f, "tx_datagrams"));
		if (num(f, "tx_errors"))
			out_printf(o, ", %llu could not be sent", num(f, "tx_errors"));
		out_char(o, '\n');
	}
}

/* What the daemon knows of an open one. */
static void show_traffic(struct out *o, const json_t *c)
{
	bool sealed = strcmp(ctl_str(c, "dialect"), "sealed") == 0;
	out_printf(o, "%s %s", sealed ? "this member is" : "sends from", ctl_str(c, "sender"));
	if (sealed)
		out_printf(o, ", key of epoch %llu", num(c, "epoch"));
	out_printf(
		o, ", %llu member%s with this one\n", num(c, "members"), num(c, "members") == 1 ? "" : "s");
	out_printf(o, "received %llu messages in %llu datagrams, %llu refused, %llu lost\n",
		num(c, "rx_messages"), num(c, "rx_datagrams"), num(c, "rx_refused"), num(c, "lost_messages"));
	out_printf(o, "sent %llu messages in %llu datagrams (%llu again, %llu parity, %llu requests)\n",
		num(c, "tx_messages"), num(c, "tx_datagrams"), num(c, "tx_repairs"), num(c, "tx_parity"),
		num(c, "tx_feedback"));
	if (num(c, "queued_bytes") || num(c, "unconfirmed"))
		out_printf(o, "waiting %llu bytes; %llu datagrams not confirmed\n", num(c, "queued_bytes"),
			num(c, "unconfirmed"));
	if (num(c, "rx_kernel_drops"))
		out_printf(o, "%llu datagrams were dropped by the kernel: received faster than read\n",
			num(c, "rx_kernel_drops"));
}

static void show_channel(const struct cli *cli, const json_t *result)
{
	bool color = cli_color(cli, STDOUT_FILENO);
	const json_t *c = json_object_get(result, "channel"), *recent = json_object_get(result, "recent"), *e;
	bool up = strcmp(ctl_str(c, "state"), "up") == 0;
	struct out o;
	size_t i;
	out_init(&o, STDOUT_FILENO);
	out_printf(&o, "%s: %s, %s, at %s\n", ctl_str(c, "name"), ctl_str(c, "dialect"), ctl_str(c, "mode"),
		ctl_str(c, "address"));
	text_colored(&o, color, is_insecure(c) ? YELLOW : PLAIN, ctl_str(c, "security"));
	out_char(&o, '\n');
	if (up) {
		show_traffic(&o, c);
	} else {
		text_colored(&o, color, RED, "not open: ");
		out_printf(&o, "%s\n", ctl_str(c, "reason"));
	}
	show_ifaces(&o, color, json_object_get(c, "ifaces"));
	if (up)
		show_members(&o, color, json_object_get(result, "members"));
	show_counters(
		&o, color, "counters of the channel", json_object_get(result, "counters"), cli->verbose > 0);
	if (json_array_size(recent))
		out_text(&o, "\nrecent\n");
	json_array_foreach(recent, i, e) show_event(&o, color, e);
	out_drain(&o, LAN_NEVER, cli_signals());
	out_fini(&o);
}

int channel_show_main(struct cli *cli, int argc, char **argv)
{
	json_t *result;
	int rc = ctl_once(cli, "channel.show", json_pack("{s:s}", "name", argv[0]), &result);
	if (rc != EXIT_OK)
		return rc;
	if (!text_document(cli, result, NULL))
		show_channel(cli, result);
	json_decref(result);
	return EXIT_OK;
}
