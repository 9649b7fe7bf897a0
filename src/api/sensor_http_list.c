/*
 * sensor_http_list.c - slaves and their resources as JSON and in link-format (RFC 6690), and the counters.
 * Names and field names are those of the command line (sensor_json.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/sensor_http_int.h"
#include "api/sensor_json.h"
#include "proto/coap/linkformat.h"

static json_t *number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static void set(json_t *j, const char *key, json_t *value)
{
	json_object_set_new(j, key, value);
}

/* ---- slaves --------------------------------------------------------------------------- */

static bool wants_links(const struct http_call *c)
{
	struct http_accept a;
	http_map_accept(lan_httpd_header(c->r, "Accept"), &a);
	return a.links;
}

void http_list(const struct http_call *c)
{
	struct lan_slave_status s;
	if (!http_allowed(c, "GET, HEAD, OPTIONS"))
		return;
	if (wants_links(c)) {
		http_links(c, HTTP_API);
		return;
	}
	json_t *all = json_array();
	for (size_t i = 0; lan_sensor_master_slave(c->h->master, i, &s); i++)
		json_array_append_new(all, sensor_json_slave(&s, lan_loop_now(c->h->loop)));
	http_json(c->r, 200, json_pack("{s:i, s:o}", "schema", 1, "slaves", all));
}

void http_list_one(const struct http_call *c, uint32_t slave)
{
	struct lan_slave_status s;
	if (!http_allowed(c, "GET, HEAD, OPTIONS"))
		return;
	if (lan_sensor_master_find(c->h->master, slave, &s)) {
		http_slave_failed(c->h, c->r, HTTP_STYLE_API, slave, LAN_ERR_NOTFOUND, "");
		return;
	}
	json_t *j = sensor_json_slave(&s, lan_loop_now(c->h->loop));
	const char *why = lan_sensor_master_why(c->h->master, slave);
	set(j, "schema", json_integer(1));
	set(j, "why", http_json_text(why, strlen(why)));
	http_json(c->r, 200, j);
}

/* ---- links ------------------------------------------------------------------------------ */

/* One link of a slave under our prefix. What is in quotes stays as the slave wrote it, escapes and all. */
static void put_link(struct text *t, const char *prefix, uint32_t id, const struct coap_link *l)
{
	struct coap_link_param p;
	size_t skip = l->target_len && *l->target == '/';
	text_printf(t, "%s<%s/%u/%.*s>", t->len ? "," : "", prefix, id, (int)(l->target_len - skip),
		l->target + skip);
	for (size_t at = 0; coap_link_param(l, &at, &p);) {
		text_printf(t, ";%.*s", (int)p.name_len, p.name);
		if (p.value)
			text_printf(t, p.quoted ? "=\"%.*s\"" : "=%.*s", (int)p.value_len, p.value);
	}
}

void http_links(const struct http_call *c, const char *prefix)
{
	struct lan_slave_status s;
	struct text t = {0};
	if (!http_allowed(c, "GET, HEAD, OPTIONS"))
		return;
	for (size_t i = 0; lan_sensor_master_slave(c->h->master, i, &s); i++) {
		if (s.state != LAN_SLAVE_RUNNING || !s.resources)
			continue;
		struct coap_links links = coap_links_of(s.resources, strlen(s.resources));
		struct coap_link l;
		while (coap_links_next(&links, &l))
			put_link(&t, prefix, s.id, &l);
	}
	http_text(c->r, "application/link-format", &t);
}

/* ---- counters ------------------------------------------------------------------------------ */

void http_stats(const struct http_call *c)
{
	struct lan_sensor_master_status st;
	const char *name, *help;
	uint64_t value;
	if (!http_allowed(c, "GET, HEAD, OPTIONS"))
		return;
	lan_sensor_master_status(c->h->master, &st);
	json_t *j = json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "schema", 1, "hello_id",
		(json_int_t)st.hello_id, "slaves", (json_int_t)st.slaves, "candidates",
		(json_int_t)st.candidates, "running", (json_int_t)st.running, "requests",
		(json_int_t)st.requests, "cache_entries", (json_int_t)st.cache_entries, "viewers",
		(json_int_t)c->h->n_viewers);
	json_t *master = json_object(), *http = json_object();
	for (size_t i = 0; lan_sensor_master_counter(c->h->master, i, &name, &help, &value); i++)
		set(master, name, number(value));
	for (size_t i = 0; lan_sensor_http_counter(c->h, i, &name, &help, &value); i++)
		set(http, name, number(value));
	set(j, "master", master);
	set(j, "http", http);
	http_json(c->r, 200, j);
}
