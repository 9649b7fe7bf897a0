/*
 * neighbor_north.c - between the handle and its northbound report: sessions of the
 * core as the report names them, the collector's coming and going as events.
 * docs/protocols/lsoe.md, section 1.12.
 */
#include "api/neighbor_int.h"
#include "api/neighbor_report.h"

#define AT_CLOSE LAN_SEC(2) /* for the withdrawals, whatever their number */

static const struct lsoe_list *heard(void *ctx, uint32_t link, const uint8_t mac[6], uint8_t type)
{
	const struct lan_neighbor *n = ctx;
	return lsoe_heard(n->core, link, mac, type);
}

static void news(void *ctx)
{
	neighbor_news(ctx);
}

enum lan_err neighbor_north_open(struct lan_neighbor *n, const char *url, const char **why)
{
	if (!url)
		return LAN_OK;
	struct neighbor_report_config cfg = {
		.loop = n->loop, .url = url, .heard = heard, .ready = news, .ctx = n};
	return neighbor_report_open(&cfg, &n->report, why);
}

void neighbor_north_close(struct lan_neighbor *n)
{
	if (!n->report)
		return;
	neighbor_report_flush(n->report, lan_loop_now(n->loop) + AT_CLOSE);
	neighbor_report_close(n->report);
	n->report = NULL;
}

static void up(struct lan_neighbor *n, const struct lsoe_event *e)
{
	char mine[3 * LSOE_ID_MAX + 1], theirs[3 * LSOE_ID_MAX + 1];
	const struct neighbor_link *l = neighbor_link_of(n, e->link);
	struct neighbor_report_session s = {.link = e->link,
		.ifname = l ? l->name : "",
		.my_id = n->set.id_text,
		.peer_id = neighbor_id_text(e->id, e->id ? e->id_len : 0, theirs),
		.attrs = e->attrs,
		.n_attrs = e->attrs ? e->n_attrs : 0,
		.session = e->session};
	memcpy(s.mac, e->mac, 6);
	if (!n->set.id_len && l) /* each link has its own */
		s.my_id = neighbor_id_text(l->llei, sizeof l->llei, mine);
	(void)!neighbor_report_up(n->report, &s); /* without memory it is not reported; the counter says so */
}

void neighbor_north(struct lan_neighbor *n, const struct lsoe_event *e)
{
	if (!n->report)
		return;
	if (e->kind == LSOE_EV_UP)
		up(n, e);
	else if (e->kind == LSOE_EV_DOWN)
		neighbor_report_down(n->report, e->link, e->mac);
	else if (e->kind == LSOE_EV_ENCAPS)
		neighbor_report_changed(n->report, e->link, e->mac, e->type);
}

bool neighbor_north_event(struct lan_neighbor *n, struct lan_neighbor_event *ev)
{
	struct neighbor_report_event e;
	if (!n->report || !neighbor_report_event(n->report, &e))
		return false;
	*ev = (struct lan_neighbor_event){.kind = LAN_NEIGHBOR_REPORT,
		.ifname = "",
		.mac = "",
		.id = "",
		.address = "",
		.fingerprint = "",
		.up = e.up,
		.err = e.err,
		.reason = e.reason,
		.at = lan_loop_recent(n->loop)};
	return true;
}
