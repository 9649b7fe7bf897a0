/*
 * control_link.c - the verbs link.list, link.show and link.watch, and what NAME
 * stands for. Peers and links become JSON here and nowhere else, so every
 * listing has the same fields.
 */
#include <stdlib.h>
#include <string.h>
#include "daemon/control_answer.h"
#include "daemon/control_conn.h"
#include "daemon/daemon.h"

static const char listing[] = "see what there is: lanyard link list";

bool request_find(struct request *r, struct link **k, char **id)
{
	const char *name = json_string_value(json_object_get(r->args, "name"));
	struct text what = {0}, q = {0};
	enum lan_err e = links_find(&r->c->d->links, name, k, id, &what);
	text_quoted(&q, name, strlen(name), 300);
	if (e == LAN_ERR_NOTFOUND)
		reply_error(r, "not-found", listing, NULL, "no link or peer named %s", text_str(&q));
	else if (e == LAN_ERR_EXISTS)
		reply_error(r, "usage", "name the link too: LINK/ID", NULL, "%s is ambiguous: %s",
			text_str(&q), text_str(&what));
	else if (e != LAN_OK)
		reply_error(r, "failed", NULL, NULL, "%s", lan_err_text(e));
	text_fini(&what);
	text_fini(&q);
	return e == LAN_OK;
}

static json_t *peer_json(const struct link *k, const struct lan_link_status *st)
{
	lan_time now = lan_loop_now(k->all->loop);
	struct text name = {0};
	json_t *j;
	text_printf(&name, "%s/%s", link_name(k), st->id);
	j = json_pack("{s:s, s:s, s:b, s:b, s:s, s:I, s:o, s:o}", "name", text_str(&name), "id", st->id, "up",
		st->up, "expected", st->expected, "peer", st->peer ? st->peer : "", "connects",
		(json_int_t)st->connects, "since",
		st->connects ? json_of_moment(now, st->since) : json_null(), "idle_ms",
		json_of_idle(now, st->last_rx));
	text_fini(&name);
	json_t *counts = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "queued",
		(json_int_t)st->queued, "unacked", (json_int_t)st->unacked, "queued_bytes",
		(json_int_t)st->queued_bytes, "rx_lines", (json_int_t)st->rx_lines, "tx_lines",
		(json_int_t)st->tx_lines, "rx_dups", (json_int_t)st->rx_dups, "tx_again",
		(json_int_t)st->tx_again, "tx_lost", (json_int_t)st->tx_lost, "rtt_us",
		st->rtt ? json_integer((json_int_t)(st->rtt / LAN_US(1))) : json_null());
	json_object_update(j, counts);
	json_decref(counts);
	return j;
}

/* All peers, or only `id`. */
static json_t *peers_json(const struct link *k, const char *id)
{
	json_t *peers = json_array();
	struct lan_link_status st;
	if (id && link_peer(k, id, &st) == LAN_OK)
		json_array_append_new(peers, peer_json(k, &st));
	for (size_t i = 0; !id && k->l && lan_link_peer(k->l, i, &st); i++)
		json_array_append_new(peers, peer_json(k, &st));
	return peers;
}

static json_t *link_json(const struct link *k, const char *id)
{
	struct lan_link_config args = config_link_open_args(k->cfg);
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:o}", "name", link_name(k), "role",
		k->cfg->role, "dialect", "micropython-iot", "security", "insecure", "state",
		k->l ? "open" : "failed", "address", link_address(k), "timeout_ms",
		(json_int_t)(args.timeout / LAN_MS(1)), "missing",
		(json_int_t)(k->l ? lan_link_missing(k->l) : 0), "peers", peers_json(k, id));
	if (!k->l)
		json_object_set_new(j, "error", json_string(lan_err_text(k->error)));
	return j;
}

void verb_link_list(struct request *r)
{
	struct links *s = &r->c->d->links;
	json_t *links = json_array();
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(links, link_json(s->link[i], NULL));
	reply_result(r, json_pack("{s:i, s:o}", "schema", 1, "links", links));
}

static json_t *counters_json(const struct link *k)
{
	json_t *list = json_array();
	const char *name, *help;
	uint64_t value;
	for (size_t i = 0; k->l && lan_link_counter(k->l, i, &name, &help, &value); i++)
		json_array_append_new(list, json_of_counter(name, help, value));
	return list;
}

void verb_link_show(struct request *r)
{
	struct lan_link_status st;
	struct link *k = NULL;
	char *id = NULL;
	if (!request_find(r, &k, &id))
		return;
	if (id && link_peer(k, id, &st) != LAN_OK) {
		struct text q = {0};
		text_quoted(&q, id, strlen(id), 300);
		reply_error(r, "not-found", listing, NULL, "link \"%s\" has never seen a peer %s",
			link_name(k), text_str(&q));
		text_fini(&q);
		free(id);
		return;
	}
	reply_with_recent(r,
		json_pack("{s:i, s:o, s:o}", "schema", 1, "link", link_json(k, id), "counters",
			counters_json(k)),
		"link", link_name(k), id);
	free(id);
}

void verb_link_watch(struct request *r)
{
	struct link *k = NULL;
	char *id = NULL;
	if (json_object_get(r->args, "name") && !request_find(r, &k, &id))
		return;
	watch_open(r, "link", k ? link_name(k) : NULL, id);
	free(id);
}
