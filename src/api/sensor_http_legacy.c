/*
 * sensor_http_legacy.c - pages for people at the original's URLs (sos.md section 7): /admin, and the list of
 * all resources at /.well-known/casan. All that nodes sent is escaped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/sensor_http_int.h"
#include "proto/coap/linkformat.h"

static void html(struct text *t, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *e = s[i] == '<'    ? "&lt;"
				: s[i] == '>'  ? "&gt;"
				: s[i] == '&'  ? "&amp;"
				: s[i] == '"'  ? "&quot;"
				: s[i] == '\'' ? "&#39;"
					       : NULL;
		if (e)
			text_puts(t, e);
		else
			text_add(t, s + i, 1);
	}
}

static void put(struct text *t, const char *s)
{
	html(t, s ? s : "", s ? strlen(s) : 0);
}

static void head(struct text *t, const char *title)
{
	text_printf(t,
		"<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>%s</title></head><body>\n"
		"<h1>%s</h1>\n",
		title, title);
}

static void finish(const struct http_call *c, struct text *t)
{
	text_puts(t, "</body></html>\n");
	http_text(c->r, "text/html;charset=utf-8", t);
}

/* ---- pages ---------------------------------------------------------------------------- */

static void index_page(const struct http_call *c)
{
	static const char *const pages[][2] = {{"conf", "configuration"}, {"run", "slaves and networks"},
		{"slave", "listed slaves"}, {"cache", "cache"}};
	struct text t = {0};
	head(&t, "Sensor master");
	text_puts(&t, "<ul>\n");
	for (size_t i = 0; i < 4; i++) {
		text_puts(&t, "<li><a href=\"");
		put(&t, c->h->admin);
		text_printf(&t, "/%s\">%s</a></li>\n", pages[i][0], pages[i][1]);
	}
	text_puts(&t, "</ul>\n");
	finish(c, &t);
}

static void put_namespace(struct text *t, const char *name, const char *at)
{
	if (!at)
		return;
	text_printf(t, "namespace %s ", name);
	put(t, at);
	text_puts(t, "\n");
}

static void put_slaves(struct text *t, const struct http_call *c)
{
	struct lan_slave_status s;
	for (size_t i = 0; lan_sensor_master_slave(c->h->master, i, &s); i++) {
		if (!s.listed)
			continue;
		text_printf(t, "slave id %u", s.id);
		if (s.ttl)
			text_printf(t, " ttl %u", s.ttl);
		if (s.mtu)
			text_printf(t, " mtu %u", s.mtu);
		text_puts(t, "\n");
	}
}

static void conf_page(const struct http_call *c)
{
	struct lan_sensor_net_status n;
	struct text t = {0};
	head(&t, "Configuration");
	text_puts(&t, "<pre>\n");
	put_namespace(&t, "admin", c->h->admin);
	put_namespace(&t, "casan", c->h->casan);
	put_namespace(&t, "observe", c->h->observe);
	put_namespace(&t, "evlog", c->h->evlog);
	put_namespace(&t, "well-known", c->h->well_known);
	for (size_t i = 0; lan_sensor_master_net(c->h->master, i, &n); i++) {
		text_puts(&t, "network ");
		put(&t, n.name);
		text_printf(&t, " mtu %u\n", n.mtu);
	}
	put_slaves(&t, c);
	text_puts(&t, "</pre>\n");
	finish(c, &t);
}

static void slave_page(const struct http_call *c)
{
	struct text t = {0};
	head(&t, "Listed slaves");
	text_puts(&t, "<pre>\n");
	put_slaves(&t, c);
	text_puts(&t, "</pre>\n");
	finish(c, &t);
}

static void put_running(struct text *t, const struct http_call *c, const struct lan_slave_status *s)
{
	lan_time now = lan_loop_now(c->h->loop);
	text_printf(t, "slave %u %s", s->id, lan_slave_state_name(s->state));
	if (s->state == LAN_SLAVE_RUNNING) {
		text_printf(t, " mtu %u ttl %u", s->mtu, s->ttl);
		if (s->expires != LAN_NEVER && s->expires > now)
			text_printf(t, " (expires in %llu s)",
				(unsigned long long)((s->expires - now) / LAN_SEC(1)));
	}
	if (s->address && *s->address) {
		text_puts(t, " address ");
		put(t, s->address);
		text_puts(t, " on ");
		put(t, s->net);
	}
	text_puts(t, "\n");
	if (s->resources && *s->resources) {
		text_puts(t, "  resources ");
		put(t, s->resources);
		text_puts(t, "\n");
	}
	if (s->observed)
		text_printf(t, "  observations %u\n", s->observed);
}

static void run_page(const struct http_call *c)
{
	struct lan_slave_status s;
	struct lan_sensor_net_status n;
	struct text t = {0};
	head(&t, "Slaves and networks");
	text_puts(&t, "<pre>\n");
	for (size_t i = 0; lan_sensor_master_net(c->h->master, i, &n); i++) {
		text_puts(&t, "network ");
		put(&t, n.name);
		text_puts(&t, n.up ? " up\n" : " down: ");
		if (!n.up) {
			put(&t, n.reason && *n.reason ? n.reason : lan_err_text(n.err));
			text_puts(&t, "\n");
		}
	}
	for (size_t i = 0; lan_sensor_master_slave(c->h->master, i, &s); i++)
		put_running(&t, c, &s);
	text_puts(&t, "</pre>\n");
	finish(c, &t);
}

static void cache_page(const struct http_call *c)
{
	char path[256];
	uint32_t slave;
	struct sos_cache_answer a;
	const struct sos_cache *cache = sensor_master_cache(c->h->master);
	struct text t = {0};
	head(&t, "Cache");
	text_puts(&t, "<pre>\n");
	for (size_t i = 0;
		cache && sos_cache_entry(cache, lan_loop_now(c->h->loop), i, &slave, path, sizeof path, &a);
		i++) {
		text_printf(&t, "slave %u ", slave);
		put(&t, path);
		text_printf(&t, " age %u of %u s, %zu octets\n", a.age, a.max_age, a.len);
	}
	text_puts(&t, "</pre>\n");
	finish(c, &t);
}

void http_admin(const struct http_call *c)
{
	static const struct {
		const char *path;
		void (*page)(const struct http_call *c);
	} pages[] = {{"/index", index_page}, {"/conf", conf_page}, {"/run", run_page}, {"/slave", slave_page},
		{"/cache", cache_page}};
	bool bare = !*c->path || strcmp(c->path, "/") == 0;
	if (bare && !c->h->compat) {
		if (http_allowed(c, "GET, HEAD, OPTIONS"))
			index_page(c);
		return;
	}
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
		if (strcmp(c->path, pages[i].path) == 0) {
			if (http_allowed(c, "GET, HEAD, OPTIONS"))
				pages[i].page(c);
			return;
		}
	http_not_found(c);
}

/* ---- the list of all resources --------------------------------------------------------------- */

/* As the original Python master: nothing between the links, and nothing about whose they are. */
static void compat_list(const struct http_call *c)
{
	struct lan_slave_status s;
	struct text t = {0};
	for (size_t i = 0; lan_sensor_master_slave(c->h->master, i, &s); i++) {
		if (s.state != LAN_SLAVE_RUNNING || !s.resources)
			continue;
		struct coap_links links = coap_links_of(s.resources, strlen(s.resources));
		struct coap_link l;
		while (coap_links_next(&links, &l))
			text_printf(
				&t, "<%.*s>%.*s", (int)l.target_len, l.target, (int)l.params_len, l.params);
	}
	http_text(c->r, NULL, &t);
}

void http_well_known(const struct http_call *c)
{
	if (*c->path)
		http_not_found(c);
	else if (!c->h->compat)
		http_links(c, c->h->casan ? c->h->casan : HTTP_API);
	else if (http_allowed(c, "GET, HEAD, OPTIONS"))
		compat_list(c);
}
