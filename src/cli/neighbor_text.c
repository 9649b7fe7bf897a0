/*
 * neighbor_text.c - an event of neighbours as text, behind its time: interface,
 * neighbour, what happened. The same for `neighbor run`, which made it itself,
 * and for what the daemon sent.
 */
#include <string.h>
#include "cli/ctl.h"
#include "cli/show.h"
#include "cli/text.h"

enum { PREFIXES_SHOWN = 8 }; /* on one line; JSON has all */

void show_prefix(struct out *o, const json_t *p)
{
	const json_t *labels = json_object_get(p, "labels"), *label;
	size_t i;
	out_printf(o, "%s/%llu%s%s%s", ctl_str(p, "address"), (unsigned long long)ctl_num(p, "length"),
		ctl_is(p, "primary") ? " primary" : "", ctl_is(p, "loopback") ? " loopback" : "",
		ctl_is(p, "overlay") ? " overlay" : "");
	json_array_foreach(labels, i, label)
		out_printf(o, "%s%lld", i ? "," : " label ", (long long)json_integer_value(label));
}

static void prefixes(struct out *o, const json_t *e)
{
	const json_t *list = json_object_get(e, "prefixes");
	size_t n = json_array_size(list), shown = n < PREFIXES_SHOWN ? n : PREFIXES_SHOWN;
	out_printf(o, "%s: %s", ctl_str(e, "type"), n ? "" : "none");
	for (size_t i = 0; i < shown; i++) {
		out_text(o, i ? ", " : "");
		show_prefix(o, json_array_get(list, i));
	}
	if (n > shown)
		out_printf(o, " and %zu more", n - shown);
}

static void session(struct out *o, bool color, const json_t *e)
{
	const json_t *attributes = json_object_get(e, "attributes"), *a;
	bool up = strcmp(ctl_str(e, "state"), "up") == 0;
	size_t i;
	text_colored(o, color, up ? GREEN : RED, up ? "up" : "down");
	if (up)
		out_printf(o, ", id %s", ctl_str(e, "id"));
	json_array_foreach(up ? attributes : NULL, i, a)
		out_printf(o, "%s%lld", i ? "," : ", attributes ", (long long)json_integer_value(a));
}

static void bgp(struct out *o, const json_t *e)
{
	const char *a4 = ctl_str(e, "address4"), *a6 = ctl_str(e, "address6");
	out_printf(o, "BGP: AS %llu at %s%s%s%s%s", (unsigned long long)ctl_num(e, "asn"), a4,
		*a4 && *a6 ? " and " : "", a6, ctl_is(e, "auth") ? ", with authentication" : "",
		ctl_is(e, "gtsm") ? ", GTSM" : "");
}

static void error(struct out *o, bool color, const json_t *e)
{
	text_colored(o, color, RED, "error");
	out_printf(o, " in answer to %s (EType %llu, code %llu, hint %llu)", ctl_str(e, "type"),
		(unsigned long long)ctl_num(e, "etype"), (unsigned long long)ctl_num(e, "code"),
		(unsigned long long)ctl_num(e, "hint"));
}

/* What begins with a word for the kind and may end in a reason. */
static void kind_of(struct out *o, bool color, const json_t *e)
{
	const char *kind = ctl_str(e, "event");
	bool up = strcmp(ctl_str(e, "state"), "up") == 0;
	if (strcmp(kind, "neighbor") == 0) {
		session(o, color, e);
	} else if (strcmp(kind, "encapsulations") == 0) {
		prefixes(o, e);
	} else if (strcmp(kind, "link") == 0) {
		text_colored(o, color, up ? PLAIN : YELLOW, up ? "link up" : "link down");
	} else if (strcmp(kind, "self") == 0) {
		text_colored(o, color, YELLOW, "self: this is another port of this node");
	} else if (strcmp(kind, "conflict") == 0) {
		text_colored(o, color, RED, "conflict");
		out_printf(o, ": it announces %s, an address of this node", ctl_str(e, "address"));
	} else if (strcmp(kind, "error") == 0) {
		error(o, color, e);
	} else if (strcmp(kind, "key") == 0) {
		out_printf(o, "key %s", ctl_str(e, "fingerprint"));
	} else if (strcmp(kind, "ulpc") == 0) {
		bgp(o, e);
	} else if (strcmp(kind, "report") == 0) {
		text_colored(o, color, up ? PLAIN : YELLOW,
			up ? "the collector is reached" : "the collector is not reached");
	} else {
		text_colored(o, color, strcmp(kind, "neighbor-opened") == 0 ? GREEN : YELLOW, kind);
		if (*ctl_str(e, "address"))
			out_printf(o, "  %s", ctl_str(e, "address"));
	}
}

void show_neighbor_news(struct out *o, bool color, const json_t *e)
{
	/* What a conflict is says the sentence about it already. */
	const char *reason = strcmp(ctl_str(e, "event"), "conflict") ? ctl_str(e, "reason") : "";
	if (*ctl_str(e, "ifname"))
		out_printf(o, "%s  ", ctl_str(e, "ifname"));
	if (*ctl_str(e, "mac"))
		out_printf(o, "%s  ", ctl_str(e, "mac"));
	kind_of(o, color, e);
	if (*reason) {
		out_text(o, ": ");
		out_foreign(o, reason, strlen(reason));
	}
	out_char(o, '\n');
}
