/*
 * neighbor_show.c - `lanyard neighbor show [NAME]` as text: each interface and
 * each neighbour with what was heard and sent last, and, where something is
 * missing, what.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/ctl.h"
#include "cli/neighbor_daemon.h"
#include "cli/show.h"
#include "cli/text.h"

typedef unsigned long long count;

static count num(const json_t *o, const char *name)
{
	return (count)ctl_num(o, name);
}

static const char *ago(const json_t *o, const char *name, char *buf)
{
	char age[24];
	if (!*ctl_str(o, name))
		return "never";
	snprintf(buf, 32, "%.22s ago", text_since(ctl_str(o, name), age));
	return buf;
}

/* "ipv4: 10.0.0.1/30 primary, ..", a type a line. */
static void show_announces(struct out *o, const json_t *lists, const char *indent)
{
	const json_t *list, *p;
	size_t i, k;
	json_array_foreach(lists, i, list)
	{
		const json_t *prefixes = json_object_get(list, "prefixes");
		if (!json_array_size(prefixes))
			continue;
		out_printf(o, "%sannounces %s: ", indent, ctl_str(list, "type"));
		json_array_foreach(prefixes, k, p)
		{
			out_text(o, k ? ", " : "");
			show_prefix(o, p);
		}
		out_char(o, '\n');
	}
}

static void show_measured(struct out *o, const json_t *p)
{
	if (!json_object_get(p, "rtt_us"))
		return;
	out_printf(o, "    round trip %lluus, give or take %lluus; lost %.2f%% in, %.2f%% out\n",
		num(p, "rtt_us"), num(p, "jitter_us"), 100 * json_number_value(json_object_get(p, "loss_rx")),
		100 * json_number_value(json_object_get(p, "loss_tx")));
}

static void show_key(struct out *o, const json_t *p)
{
	const char *key = ctl_str(p, "key"), *state = ctl_str(p, "key_state");
	if (!json_object_get(p, "key"))
		return;
	out_printf(o, "    %s%s%s%s%s, serial numbers %llu in, %llu out\n", *key ? "key " : "does not sign",
		key, *state ? " (" : "", state, *state ? ")" : "", num(p, "serial_rx"), num(p, "serial_tx"));
}

static void show_peer(struct out *o, bool color, const json_t *p)
{
	const char *state = ctl_str(p, "state"), *why = ctl_str(p, "why"), *reason = ctl_str(p, "reason");
	bool up = strcmp(state, "established") == 0;
	char heard[32], sent[32], age[32];
	out_printf(o, "  %s  ", ctl_str(p, "mac"));
	text_colored(o, color, up ? GREEN : YELLOW, state);
	if (*ctl_str(p, "since"))
		out_printf(o, " for %s", text_since(ctl_str(p, "since"), age));
	if (*ctl_str(p, "id"))
		out_printf(o, ", id %s", ctl_str(p, "id"));
	out_text(o, ctl_is(p, "lanyard") ? ", Lanyard\n" : "\n");
	out_printf(o, "    heard %s%s%s (%llu frames), sent %s%s%s (%llu frames, %llu again)\n",
		ctl_str(p, "last_rx_what"), *ctl_str(p, "last_rx_what") ? " " : "", ago(p, "last_rx", heard),
		num(p, "rx_frames"), ctl_str(p, "last_tx_what"), *ctl_str(p, "last_tx_what") ? " " : "",
		ago(p, "last_tx", sent), num(p, "tx_frames"), num(p, "tx_retransmits"));
	if (num(p, "tx_unacked"))
		out_printf(o, "    not acknowledged yet: %llu\n", num(p, "tx_unacked"));
	show_announces(o, json_object_get(p, "announces"), "    ");
	show_measured(o, p);
	show_key(o, p);
	if (*reason)
		out_printf(
			o, "    the last session ended (the %llu. so far): %s\n", num(p, "restarts"), reason);
	if (*why) {
		text_colored(o, color, YELLOW, "    why not: ");
		out_printf(o, "%s\n", why);
	}
}

static void show_dropped(struct out *o, const json_t *counters)
{
	const json_t *value;
	const char *name;
	bool any = false;
	json_object_foreach(json_object_get(counters, "counters"), name, value)
	{
		if (strncmp(name, "drop_", 5) != 0)
			continue;
		out_printf(o, "%s %s %lld", any ? "," : "  dropped:", name,
			(long long)json_integer_value(value));
		any = true;
	}
	if (any)
		out_char(o, '\n');
}

static void show_iface(struct out *o, bool color, const json_t *f, const json_t *peers)
{
	const json_t *p;
	char hello[32];
	size_t i;
	bool up = ctl_is(f, "up");
	out_char(o, '\n');
	text_colored(o, color, BOLD, ctl_str(f, "name"));
	out_printf(o, "  %s%s", ctl_str(f, "mac"), *ctl_str(f, "mac") ? "  " : "");
	text_colored(o, color, up ? GREEN : YELLOW, up ? "up" : "not used");
	if (!up) {
		out_printf(o, ": %s\n", ctl_str(f, "why"));
	} else {
		out_printf(o, ", MTU %llu, %llu of %llu established\n", num(f, "mtu"), num(f, "established"),
			num(f, "peers"));
		out_printf(o,
			"  HELLO to %s %s; received %llu frames (%llu dropped, %llu by the kernel), "
			"sent %llu\n",
			ctl_str(f, "hello_to"), ago(f, "last_hello", hello), num(f, "rx_frames"),
			num(f, "rx_dropped"), num(f, "kernel_drops"), num(f, "tx_frames"));
	}
	show_dropped(o, f);
	show_announces(o, json_object_get(f, "announces"), "  ");
	if (up && *ctl_str(f, "why")) {
		text_colored(o, color, YELLOW, "  why not: ");
		out_printf(o, "%s\n", ctl_str(f, "why"));
	}
	json_array_foreach(peers, i, p) if (strcmp(ctl_str(p, "ifname"), ctl_str(f, "name")) == 0)
		show_peer(o, color, p);
}

static const char *security_text(const char *security)
{
	if (strcmp(security, "insecure") == 0)
		return "insecure: not authenticated, whoever is on a link is believed";
	if (strcmp(security, "unsigned") == 0)
		return "unsigned: whoever is on a link is believed, until it has signed once";
	return strcmp(security, "anchored") == 0 ? "anchored: only keys the anchor signed are believed"
						 : security;
}

void neighbor_show_text(struct out *o, const struct cli *cli, const json_t *result)
{
	bool color = cli_color(cli, STDOUT_FILENO);
	const json_t *n = json_object_get(result, "neighbor"), *recent = json_object_get(result, "recent"),
		     *e;
	bool failed = strcmp(ctl_str(n, "state"), "failed") == 0;
	size_t i;
	text_colored(o, color, BOLD, ctl_str(n, "name"));
	out_printf(o, ": %s, EtherType %s, announces %s, ", ctl_str(n, "dialect"), ctl_str(n, "ethertype"),
		ctl_str(n, "announce"));
	text_colored(o, color, failed ? RED : GREEN, ctl_str(n, "state"));
	if (failed)
		out_printf(o, ": %s", ctl_str(n, "reason"));
	out_char(o, '\n');
	text_colored(o, color, strcmp(ctl_str(n, "security"), "insecure") == 0 ? YELLOW : PLAIN,
		security_text(ctl_str(n, "security")));
	out_char(o, '\n');
	json_array_foreach(json_object_get(n, "ifaces"), i, e)
		show_iface(o, color, e, json_object_get(n, "peers"));
	show_counters(o, color, "counters", json_object_get(result, "counters"), cli->verbose > 0);
	if (json_array_size(recent))
		out_text(o, "\nrecent\n");
	json_array_foreach(recent, i, e) show_event(o, color, e);
}
