/*
 * link_list.c - `lanyard link list` and `lanyard link show NAME`: what the
 * daemon's links and their peers are doing, as a table or as JSON.
 *
 * The effective security stands beside every endpoint: the wire of
 * micropython-iot has none, and a list that did not say so would mislead.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/units.h"
#include "cli/ctl.h"
#include "cli/show.h"
#include "cli/text.h"
#include "cli/wait.h"

enum { COLUMNS = 9 };

static void link_row(struct table *t, const json_t *link)
{
	const char *state = ctl_str(link, "state");
	const char *error = ctl_str(link, "error");
	bool insecure = strcmp(ctl_str(link, "security"), "insecure") == 0;
	table_cell(t, BOLD, "%s", ctl_str(link, "name"));
	table_cell(t, strcmp(state, "open") == 0 ? GREEN : RED, "%s", *state ? state : "open");
	table_cell(t, PLAIN, "%s", ctl_str(link, "address"));
	for (int i = 0; i < 5; i++)
		table_cell(t, PLAIN, "%s", "");
	table_cell(t,
		*error     ? RED
		: insecure ? YELLOW
			   : DIM,
		"%s, %s, %s%s%s", ctl_str(link, "role"), ctl_str(link, "dialect"), ctl_str(link, "security"),
		*error ? ": " : "", error);
}

static void peer_row(struct table *t, const json_t *peer)
{
	char idle[32] = "-";
	uint64_t connects = ctl_num(peer, "connects");
	bool up = ctl_is(peer, "up");
	if (json_is_integer(json_object_get(peer, "idle_ms")))
		text_age(ctl_num(peer, "idle_ms"), idle);
	table_cell(t, PLAIN, "  %s", ctl_str(peer, "name"));
	table_cell(t, up ? GREEN : RED, "%s", up ? "up" : connects ? "down" : "unseen");
	table_cell(t, PLAIN, "%s", *ctl_str(peer, "peer") ? ctl_str(peer, "peer") : "-");
	table_cell(t, PLAIN, "%llu", (unsigned long long)connects);
	table_cell(t, ctl_num(peer, "queued") && !up ? YELLOW : PLAIN, "%llu",
		(unsigned long long)ctl_num(peer, "queued"));
	table_cell(t, PLAIN, "%llu", (unsigned long long)ctl_num(peer, "rx_lines"));
	table_cell(t, PLAIN, "%llu", (unsigned long long)ctl_num(peer, "tx_lines"));
	table_cell(t, PLAIN, "%s", idle);
	table_cell(t, DIM, "%s", ctl_is(peer, "expected") && !connects ? "expected" : "");
}

void show_links(struct out *o, bool color, const json_t *links)
{
	static const char *const head[COLUMNS] = {
		"NAME", "STATE", "PEER", "CONNECTS", "QUEUED", "RX", "TX", "IDLE", ""};
	const json_t *link, *peer;
	struct table t;
	size_t i, k;
	table_init(&t, COLUMNS, 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7);
	for (i = 0; i < COLUMNS; i++)
		table_cell(&t, DIM, "%s", head[i]);
	json_array_foreach(links, i, link)
	{
		link_row(&t, link);
		json_array_foreach(json_object_get(link, "peers"), k, peer) peer_row(&t, peer);
	}
	table_print(&t, o, color);
}

int link_list_main(struct cli *cli, int argc, char **argv)
{
	json_t *result;
	struct out o;
	int rc = ctl_once(cli, "link.list", NULL, &result);
	if (rc != EXIT_OK)
		return rc;
	if (!text_document(cli, result, "links")) {
		out_init(&o, STDOUT_FILENO);
		if (json_array_size(json_object_get(result, "links")) == 0)
			cli_say(cli, "no links are configured (see lanyard.yaml(5); lanyard config show)");
		else
			show_links(&o, cli_color(cli, STDOUT_FILENO), json_object_get(result, "links"));
		out_drain(&o, LAN_NEVER, cli_signals());
		out_fini(&o);
	}
	json_decref(result);
	return EXIT_OK;
}

static void show_peer(struct out *o, const json_t *p, bool server)
{
	char age[32];
	const char *since = ctl_str(p, "since");
	out_printf(o, "\n%s: %s%s%s%s", ctl_str(p, "name"), ctl_is(p, "up") ? "up" : "down",
		*since ? " since " : "", *since ? text_clock(since, age) : "",
		server && ctl_is(p, "expected") ? ", expected" : "");
	if (*ctl_str(p, "peer"))
		out_printf(o, ", %s", ctl_str(p, "peer"));
	out_printf(o, "\n  connects %llu", (unsigned long long)ctl_num(p, "connects"));
	if (json_is_integer(json_object_get(p, "idle_ms")))
		out_printf(o, ", last byte %s ago", text_age(ctl_num(p, "idle_ms"), age));
	if (json_is_integer(json_object_get(p, "rtt_us")))
		out_printf(o, ", last round trip %.1f ms", (double)ctl_num(p, "rtt_us") / 1000);
	out_printf(o, "\n  received %llu lines (%llu duplicates dropped)\n",
		(unsigned long long)ctl_num(p, "rx_lines"), (unsigned long long)ctl_num(p, "rx_dups"));
	out_printf(o, "  sent %llu lines (%llu sent again, %llu lost)\n",
		(unsigned long long)ctl_num(p, "tx_lines"), (unsigned long long)ctl_num(p, "tx_again"),
		(unsigned long long)ctl_num(p, "tx_lost"));
	out_printf(o, "  waiting %llu lines, %llu bytes (%llu sent, not acknowledged yet)\n",
		(unsigned long long)ctl_num(p, "queued"), (unsigned long long)ctl_num(p, "queued_bytes"),
		(unsigned long long)ctl_num(p, "unacked"));
}

void show_counters(struct out *o, bool color, const char *title, const json_t *counters, bool all)
{
	const json_t *c;
	struct table t;
	size_t i, shown = 0;
	table_init(&t, 3, 1u << 1);
	json_array_foreach(counters, i, c) if (all || ctl_num(c, "value"))
	{
		table_cell(&t, PLAIN, "  %s", ctl_str(c, "name"));
		table_cell(&t, BOLD, "%llu", (unsigned long long)ctl_num(c, "value"));
		table_cell(&t, DIM, "%s", ctl_str(c, "help"));
		shown++;
	}
	if (shown)
		out_printf(o, "\n%s\n", title);
	table_print(&t, o, color);
}

static void show_link(const struct cli *cli, const json_t *result)
{
	bool color = cli_color(cli, STDOUT_FILENO);
	const json_t *link = json_object_get(result, "link"), *recent = json_object_get(result, "recent"), *e;
	char timeout[32];
	struct out o;
	size_t i;
	out_init(&o, STDOUT_FILENO);
	out_printf(&o, "%s: %s %s at %s, timeout %s\n", ctl_str(link, "name"), ctl_str(link, "dialect"),
		ctl_str(link, "role"), ctl_str(link, "address"),
		lan_format_duration(LAN_MS(ctl_num(link, "timeout_ms")), timeout, sizeof timeout));
	if (strcmp(ctl_str(link, "security"), "insecure") == 0)
		text_colored(&o, color, YELLOW, "insecure: not encrypted, ids are believed");
	else
		out_text(&o, ctl_str(link, "security"));
	out_char(&o, '\n');
	if (*ctl_str(link, "error"))
		out_printf(&o, "not open: %s\n", ctl_str(link, "error"));
	if (ctl_num(link, "missing"))
		out_printf(&o,
			ctl_num(link, "missing") == 1 ? "%llu expected client has never connected\n"
						      : "%llu expected clients have never connected\n",
			(unsigned long long)ctl_num(link, "missing"));
	json_array_foreach(json_object_get(link, "peers"), i, e)
		show_peer(&o, e, strcmp(ctl_str(link, "role"), "server") == 0);
	show_counters(
		&o, color, "counters of the link", json_object_get(result, "counters"), cli->verbose > 0);
	if (json_array_size(recent))
		out_text(&o, "\nrecent\n");
	json_array_foreach(recent, i, e) show_event(&o, color, e);
	out_drain(&o, LAN_NEVER, cli_signals());
	out_fini(&o);
}

int link_show_main(struct cli *cli, int argc, char **argv)
{
	json_t *result;
	int rc = ctl_once(cli, "link.show", json_pack("{s:s}", "name", argv[0]), &result);
	if (rc != EXIT_OK)
		return rc;
	if (!text_document(cli, result, NULL))
		show_link(cli, result);
	json_decref(result);
	return EXIT_OK;
}
