/*
 * neighbor_list.c - `lanyard neighbor list`: the daemon's neighbours, one a row.
 * A link on which nobody is, an entry that is not open, have a row, too, with the
 * reason: that is what one looks for.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/ctl.h"
#include "cli/show.h"
#include "cli/text.h"
#include "cli/wait.h"

static unsigned long long prefixes_of(const json_t *peer)
{
	const json_t *count;
	const char *type;
	unsigned long long n = 0;
	json_object_foreach(json_object_get(peer, "prefixes"), type, count) n +=
		(unsigned long long)json_integer_value(count);
	return n;
}

static enum cell_color state_color(const char *state)
{
	if (strcmp(state, "established") == 0)
		return GREEN;
	return strcmp(state, "held") == 0 ? RED : YELLOW;
}

static void peer_row(struct table *t, const char *name, const json_t *p)
{
	const char *state = ctl_str(p, "state"), *since = ctl_str(p, "since"), *why = ctl_str(p, "why");
	bool measured = json_object_get(p, "rtt_us") != NULL;
	char age[32];
	table_cell(t, BOLD, "%s", name);
	table_cell(t, PLAIN, "%s", ctl_str(p, "ifname"));
	table_cell(t, PLAIN, "%s", ctl_str(p, "mac"));
	table_cell(t, state_color(state), "%s", state);
	table_cell(t, PLAIN, "%s", *since ? text_since(since, age) : "-");
	table_cell(t, PLAIN, "%s", *ctl_str(p, "id") ? ctl_str(p, "id") : "-");
	table_cell(t, PLAIN, "%llu", prefixes_of(p));
	if (measured) {
		double in = json_number_value(json_object_get(p, "loss_rx")),
		       out = json_number_value(json_object_get(p, "loss_tx"));
		table_cell(t, PLAIN, "%lluus", (unsigned long long)ctl_num(p, "rtt_us"));
		table_cell(t, in > 0 || out > 0 ? YELLOW : PLAIN, "%.1f%%", 100 * (in > out ? in : out));
	} else {
		table_cell(t, PLAIN, "-");
		table_cell(t, PLAIN, "-");
	}
	table_cell(t, YELLOW, "%s", why);
}

/* What has no neighbour: an interface, or a whole entry. */
static void empty_row(struct table *t, const char *name, const char *ifname, enum cell_color color,
	const char *state, const char *why)
{
	const char *const cells[] = {name, ifname, "-", state, "-", "-", "-", "-", "-", why};
	for (size_t i = 0; i < TABLE_COLUMNS; i++)
		table_cell(t, i == 0 ? BOLD : i == 3 || i == 9 ? color : PLAIN, "%s", cells[i]);
}

static void neighbor_rows(struct table *t, const json_t *n)
{
	const char *name = ctl_str(n, "name");
	const json_t *f, *p;
	size_t i;
	if (strcmp(ctl_str(n, "state"), "failed") == 0) {
		empty_row(t, name, "-", RED, "failed", ctl_str(n, "reason"));
		return;
	}
	json_array_foreach(json_object_get(n, "peers"), i, p) peer_row(t, name, p);
	json_array_foreach(json_object_get(n, "ifaces"), i, f)
	{
		bool up = ctl_is(f, "up");
		if (!ctl_num(f, "peers"))
			empty_row(t, name, ctl_str(f, "name"), YELLOW, up ? "nobody" : "down",
				ctl_str(f, "why"));
	}
}

void show_neighbors(struct out *o, bool color, const json_t *neighbors)
{
	static const char *const head[TABLE_COLUMNS] = {
		"NAME", "IFACE", "NEIGHBOR", "STATE", "FOR", "ID", "PREFIXES", "RTT", "LOSS", ""};
	const json_t *n;
	struct table t;
	size_t i;
	table_init(&t, TABLE_COLUMNS, 1u << 4 | 1u << 6 | 1u << 7 | 1u << 8);
	for (i = 0; i < TABLE_COLUMNS; i++)
		table_cell(&t, DIM, "%s", head[i]);
	json_array_foreach(neighbors, i, n) neighbor_rows(&t, n);
	table_print(&t, o, color);
}

int neighbor_list_main(struct cli *cli, int argc, char **argv)
{
	json_t *result;
	struct out o;
	int rc = ctl_once(cli, "neighbor.list", NULL, &result);
	if (rc != EXIT_OK)
		return rc;
	if (!text_document(cli, result, "neighbors")) {
		out_init(&o, STDOUT_FILENO);
		if (json_array_size(json_object_get(result, "neighbors")) == 0)
			cli_say(cli,
				"no neighbours are configured (see lanyard.yaml(5); lanyard config show)");
		else
			show_neighbors(
				&o, cli_color(cli, STDOUT_FILENO), json_object_get(result, "neighbors"));
		out_drain(&o, LAN_NEVER, cli_signals());
		out_fini(&o);
	}
	json_decref(result);
	return EXIT_OK;
}
