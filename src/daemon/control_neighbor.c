/*
 * control_neighbor.c - the verbs neighbor.list, neighbor.show, neighbor.watch,
 * neighbor.reset and neighbor.roll. What the library says of interfaces and peers
 * becomes JSON in control_neighbor_json.c; here is what was asked for.
 */
#include <stdio.h>
#include <string.h>
#include "daemon/control_answer.h"
#include "daemon/control_conn.h"
#include "daemon/control_neighbor.h"
#include "daemon/daemon.h"

static const char listing[] = "see what there is: lanyard neighbor list";

/* The entry that args.name names; else answered, NULL. */
static struct neighbors *find(struct request *r)
{
	return (struct neighbors *)request_entry(r, &r->c->d->neighbors, listing);
}

/* The same, open. */
static struct neighbors *find_open(struct request *r)
{
	struct neighbors *k = find(r);
	if (!k || k->n)
		return k;
	reply_error(r, "failed", NULL, NULL, "neighbor \"%s\" is not open: %s", neighbors_name(k),
		entry_reason(&k->e));
	return NULL;
}

/* The filter of a request; false: answered. */
static bool take_filter(struct request *r, struct neighbor_filter *f)
{
	const char *mac = json_string_value(json_object_get(r->args, "mac"));
	uint8_t b[6];
	*f = (struct neighbor_filter){.ifname = json_string_value(json_object_get(r->args, "ifname"))};
	if (!mac)
		return true;
	if (config_hex(mac, b, sizeof b) != sizeof b) {
		reply_error(r, "usage", NULL, NULL, "\"mac\" is not a MAC address, e.g. 02:00:00:00:00:0b");
		return false;
	}
	snprintf(f->mac, sizeof f->mac, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
	return true;
}

static void reply_not_there(struct request *r, const struct neighbors *k, const struct neighbor_filter *f)
{
	struct text on = {0};
	if (f->ifname) {
		text_puts(&on, " on interface ");
		text_quoted(&on, f->ifname, strlen(f->ifname), 60);
	}
	if (f->mac[0])
		reply_error(r, "not-found", "see who was heard: lanyard neighbor show", NULL,
			"neighbor \"%s\" has no peer %s%s", neighbors_name(k), f->mac, text_str(&on));
	else
		reply_error(r, "not-found", "see which there are: lanyard neighbor show", NULL,
			"neighbor \"%s\" has nothing%s", neighbors_name(k), text_str(&on));
	text_fini(&on);
}

void verb_neighbor_list(struct request *r)
{
	const struct entries *s = &r->c->d->neighbors;
	const struct neighbor_filter all = {0};
	json_t *list = json_array();
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(list, json_of_neighbors(neighbors_at(s, i), &all, false));
	reply_result(r, json_pack("{s:i, s:o}", "schema", 1, "neighbors", list));
}

void verb_neighbor_show(struct request *r)
{
	struct neighbors *k = find(r);
	struct neighbor_filter f;
	json_t *j;
	if (!k || !take_filter(r, &f))
		return;
	j = json_of_neighbors(k, &f, true);
	if ((f.ifname && json_array_size(json_object_get(j, "ifaces")) == 0) ||
		(f.mac[0] && json_array_size(json_object_get(j, "peers")) == 0)) {
		reply_not_there(r, k, &f);
		json_decref(j);
		return;
	}
	reply_with_recent(r,
		json_pack("{s:i, s:o, s:o}", "schema", 1, "neighbor", j, "counters",
			json_of_neighbor_counters(k)),
		"neighbor", neighbors_name(k), NULL);
}

void verb_neighbor_watch(struct request *r)
{
	struct neighbors *k = NULL;
	if (json_object_get(r->args, "name") && !(k = find(r)))
		return;
	watch_open(r, "neighbor", k ? neighbors_name(k) : NULL, NULL);
}

void verb_neighbor_reset(struct request *r)
{
	struct neighbors *k = find_open(r);
	struct neighbor_filter f;
	enum lan_err e;
	if (!k || !take_filter(r, &f))
		return;
	e = lan_neighbor_reset(k->n, f.ifname, f.mac[0] ? f.mac : NULL);
	if (e == LAN_OK)
		reply_result(r, json_pack("{s:i, s:b}", "schema", 1, "reset", 1));
	else if (e == LAN_ERR_NOTFOUND)
		reply_not_there(r, k, &f);
	else
		reply_error(
			r, "failed", NULL, NULL, "neighbor \"%s\": %s", neighbors_name(k), lan_err_text(e));
}

void verb_neighbor_roll(struct request *r)
{
	const char *key = json_string_value(json_object_get(r->args, "key_file")),
		   *cert = json_string_value(json_object_get(r->args, "cert_file")), *why = NULL;
	struct neighbors *k = find_open(r);
	enum lan_err e;
	if (!k)
		return;
	if (strcmp(neighbors_cfg(k)->dialect, "l3dl") != 0) {
		reply_error(r, "usage", NULL, NULL, "neighbor \"%s\" speaks lsoe, which has no keys",
			neighbors_name(k));
	} else if (cert && !key) {
		reply_error(r, "usage", NULL, NULL, "\"cert_file\" without \"key_file\"");
	} else if ((key && key[0] != '/') || (cert && cert[0] != '/')) {
		reply_error(r, "usage", NULL, NULL, "the daemon is in another folder: a path begins with /");
	} else if (!key && !neighbors_cfg(k)->key_file) {
		reply_error(r, "usage", "give one: key_file", NULL,
			"neighbor \"%s\" has no key in the configuration", neighbors_name(k));
	} else if ((e = neighbors_roll(k, key, cert, &why)) == LAN_OK) {
		reply_result(r, json_pack("{s:i, s:b}", "schema", 1, "rolled", 1));
	} else {
		reply_error(r, "failed", "the old key stays in use", NULL, "neighbor \"%s\": %s%s",
			neighbors_name(k), why && *why ? why : lan_err_text(e),
			privileges_excuse(&r->c->d->privileges, why && *why ? why : lan_err_text(e)));
	}
}
