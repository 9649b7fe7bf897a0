/*
 * sensor_text.c - an event of a master of sensors as text, behind its time: slave, what happened, where. The
 * same for `sensor master`, which made it itself, and for what the daemon sent.
 */
#include <string.h>
#include "cli/ctl.h"
#include "cli/show.h"
#include "cli/text.h"

static enum cell_color color_of(const char *state)
{
	return strcmp(state, "running") == 0 || strcmp(state, "up") == 0 ? GREEN
	       : strcmp(state, "associating") == 0                       ? YELLOW
									 : RED;
}

/* What happened to a slave: "running", or "renewed" with the reason behind it. */
static void slave(struct out *o, bool color, const json_t *e)
{
	const char *state = ctl_str(e, "state"), *was = ctl_str(e, "was");
	text_colored(o, color, color_of(state), state);
	if (*was && strcmp(was, state) != 0)
		out_printf(o, " (was %s)", was);
}

static void kind_of(struct out *o, bool color, const json_t *e)
{
	const char *kind = ctl_str(e, "event");
	if (strcmp(kind, "slave") == 0) {
		slave(o, color, e);
	} else if (strcmp(kind, "net") == 0) {
		text_colored(o, color, color_of(ctl_str(e, "state")), ctl_str(e, "state"));
	} else if (strcmp(kind, "candidate") == 0) {
		text_colored(o, color, YELLOW, "candidate");
		out_text(o, ": not listed");
	} else if (strcmp(kind, "other") == 0) {
		text_colored(o, color, YELLOW, "another master");
	} else {
		text_colored(o, color, strcmp(kind, "sensor-opened") == 0 ? GREEN : YELLOW, kind);
	}
}

void show_sensor_news(struct out *o, bool color, const json_t *e)
{
	const char *reason = ctl_str(e, "reason"), *net = ctl_str(e, "net"), *address = ctl_str(e, "address");
	if (ctl_num(e, "slave"))
		out_printf(o, "%llu  ", (unsigned long long)ctl_num(e, "slave"));
	if (strcmp(ctl_str(e, "event"), "net") == 0)
		out_printf(o, "%s  ", net);
	kind_of(o, color, e);
	if (*address)
		out_printf(o, "  %s", address);
	if (*net && strcmp(ctl_str(e, "event"), "net") != 0)
		out_printf(o, "  %s", net);
	if (*reason) {
		out_text(o, ": ");
		out_foreign(o, reason, strlen(reason));
	}
	out_char(o, '\n');
}
