/*
 * sensor_http_token.c - the original's observations: /obs/TOKEN/ID/PATH, made by POST, read by GET, ended by
 * DELETE (sos.md section 9). A token is a name of the client's; several may name the same resource, which is
 * observed once. Here the query counts, and the end of the last one is told to the slave.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/sensor_http_int.h"

#define TOKENS_MAX  1024
#define DEFAULT_AGE 60

struct http_token {
	struct http_token *next;
	char *name;
	struct http_observation *of;
};

static void drop(struct lan_sensor_http *h, struct http_token **at)
{
	struct http_token *t = *at;
	*at = t->next;
	h->n_tokens--;
	t->of->tokens--;
	http_observation_release(t->of);
	free(t->name);
	free(t);
}

/* "/TOKEN/ID/PATH" in pieces; false: it is none. */
static bool split(const char *p, const char **name, size_t *name_len, uint32_t *slave, const char **path)
{
	if (*p != '/')
		return false;
	*name = p + 1;
	*name_len = strcspn(p + 1, "/");
	return *name_len > 0 && *name_len < 256 && http_map_id(*name + *name_len, slave, path) && *path &&
	       http_map_path_ok(*path);
}

static struct http_token **find(struct lan_sensor_http *h, const char *name, size_t n, uint32_t slave,
	const char *path, const char *query)
{
	struct http_token **t = &h->tokens;
	for (; *t; t = &(*t)->next) {
		const struct http_observation *o = (*t)->of;
		if (strlen((*t)->name) == n && memcmp((*t)->name, name, n) == 0 && o->slave == slave &&
			strcmp(o->path, path) == 0 && strcmp(o->query, query ? query : "") == 0)
			break;
	}
	return t;
}

static void say(const struct http_call *c, unsigned status, const char *text)
{
	http_send(c->r, status, "text/plain;charset=utf-8", text, strlen(text), NULL, 0);
}

static void create(const struct http_call *c, const char *name, size_t n, uint32_t slave, const char *path)
{
	struct lan_sensor_http *h = c->h;
	struct http_observation *o;
	struct lan_slave_status s;
	if (lan_sensor_master_find(h->master, slave, &s)) {
		http_slave_failed(h, c->r, HTTP_STYLE_CASAN, slave, LAN_ERR_NOTFOUND, "");
		return;
	}
	if (h->n_tokens >= TOKENS_MAX) {
		h->counters[HTTP_refused_viewers]++;
		http_problem(c->r, 503, "too many observers", "DELETE those that are not needed any more");
		return;
	}
	enum lan_err e = http_observation(h, slave, path, c->query, -1, &o);
	if (e) {
		http_slave_failed(h, c->r, HTTP_STYLE_CASAN, slave, e, "");
		return;
	}
	struct http_token *t = calloc(1, sizeof *t);
	char *copy = strndup(name, n);
	if (!t || !copy) {
		free(t);
		free(copy);
		http_observation_release(o);
		http_problem(c->r, 503, "out of memory", "");
		return;
	}
	*t = (struct http_token){.next = h->tokens, .name = copy, .of = o};
	h->tokens = t;
	h->n_tokens++;
	o->tokens++;
	say(c, h->compat ? 200 : 201, "Observer created");
}

/* The last value, if there is one that is still fresh. */
static void tell(const struct http_call *c, const struct http_observation *o)
{
	char media[48];
	lan_time now = lan_loop_now(c->h->loop);
	int64_t max_age = o->max_age < 0 ? DEFAULT_AGE : o->max_age;
	lan_time age = o->have && now > o->at ? (now - o->at) / LAN_SEC(1) : 0;
	if (!o->have || (int64_t)age > max_age)
		http_send(c->r, 204, NULL, "", 0, NULL, 0);
	else
		http_send(c->r, 200, http_map_media(o->format, o->payload, o->len, media), o->payload, o->len,
			NULL, 0);
}

void http_token(const struct http_call *c)
{
	const char *name, *path;
	size_t n;
	uint32_t slave;
	if (!http_allowed(c, "GET, HEAD, POST, DELETE, OPTIONS"))
		return;
	bool changes = c->method == HTTP_POST || c->method == HTTP_DELETE;
	if (changes && !http_may_change(c))
		return;
	if (!split(c->path, &name, &n, &slave, &path) || (c->query && !http_map_query_ok(c->query))) {
		http_not_found(c);
		return;
	}
	struct http_token **t = find(c->h, name, n, slave, path, c->query);
	if (c->method == HTTP_POST) {
		if (*t)
			say(c, 200, "Observer already created");
		else
			create(c, name, n, slave, path);
	} else if (!*t) {
		c->h->counters[HTTP_refused_path]++;
		http_problem(c->r, 404, "there is no such observer", "POST makes it");
	} else if (c->method == HTTP_DELETE) {
		drop(c->h, t);
		say(c, 200, "Observer deleted");
	} else
		tell(c, (*t)->of);
}

void http_token_fini(struct lan_sensor_http *h)
{
	while (h->tokens)
		drop(h, &h->tokens);
}
