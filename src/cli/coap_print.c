/*
 * coap_print.c - answers of CoAP as JSON, and lists of resources (RFC 6690) as a table.
 */
#include "api/coap_json.h"
#include "cli/coap.h"
#include "cli/ctl.h"
#include "cli/text.h"

json_t *coap_answer_json(const struct lan_coap_event *ev)
{
	const struct coap_answer a = COAP_ANSWER(ev);
	json_t *o = coap_json_answer(&a);
	json_object_set_new(o, "from", json_string(ev->from));
	if (ev->kind == LAN_COAP_NOTIFY)
		json_object_set_new(o, "observe", json_integer(ev->observe));
	return o;
}

void coap_links_table(struct out *o, bool color, const json_t *links)
{
	static const char *const head[] = {"PATH", "TITLE", "TYPE", "FORMAT", "SIZE", ""};
	static const char *const keys[] = {"path", "title", "rt", "ct", "sz"};
	const json_t *l;
	struct table t;
	size_t i;
	table_init(&t, 6, 1u << 4);
	for (i = 0; i < 6; i++)
		table_cell(&t, DIM, "%s", head[i]);
	json_array_foreach(links, i, l)
	{
		for (size_t k = 0; k < 5; k++)
			table_cell(
				&t, k ? PLAIN : BOLD, "%s", *ctl_str(l, keys[k]) ? ctl_str(l, keys[k]) : "-");
		table_cell(&t, PLAIN, "%s", json_object_get(l, "obs") ? "observable" : "");
	}
	table_print(&t, o, color);
}
