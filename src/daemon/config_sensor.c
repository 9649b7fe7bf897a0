/*
 * config_sensor.c - from the configuration of a master to lan_sensor_master_open and lan_sensor_http_open.
 */
#include <stdlib.h>
#include <string.h>
#include "daemon/config.h"

static bool yes(const bool *b)
{
	return b && *b;
}

static uint32_t count(const uint32_t *n)
{
	return n ? *n : 0;
}

/* Seconds, rounded up: no slave lives shorter than it was promised. */
static uint32_t seconds(const char *text)
{
	return (uint32_t)((config_duration(text) + LAN_SEC(1) - 1) / LAN_SEC(1));
}

struct lan_sensor_slave_config config_slave_args(const struct config_slave *s)
{
	return (struct lan_sensor_slave_config){
		.id = count(s->id), .ttl = seconds(s->ttl), .mtu = count(s->mtu), .key_file = s->key_file};
}

static enum lan_sensor_unlisted unlisted(const char *word)
{
	return strcmp(word, "admit") == 0  ? LAN_SENSOR_ADMIT
	       : strcmp(word, "list") == 0 ? LAN_SENSOR_LIST
					   : LAN_SENSOR_IGNORE;
}

static void take_limits(struct lan_sensor_master_config *c, const struct config_sensor *s)
{
	c->max_candidates = count(s->max_candidates);
	c->queue = count(s->queue);
	c->max_requests = count(s->max_requests);
	c->max_body = (uint32_t)config_size(s->max_body);
	c->event_log_size = count(s->event_log_size);
	c->no_cache = !yes(s->cache);
	c->cache_entries = count(s->cache_entries);
	c->cache_bytes = (uint32_t)config_size(s->cache_bytes);
}

static void take_master(struct lan_sensor_master_config *c, const struct config_sensor *s)
{
	c->nets = (const char *const *)s->networks;
	c->n_nets = s->networks_count;
	c->unlisted = unlisted(s->unlisted);
	for (uint32_t i = 0; i < s->epochs_count; i++)
		*(strcmp(s->epochs[i], "sos") == 0 ? &c->sos : &c->casan) = true;
	c->first_hello = config_duration(s->timers->first_hello);
	c->hello = config_duration(s->timers->hello);
	c->ttl = seconds(s->timers->ttl);
	c->give_up = config_duration(s->timers->give_up);
	c->event_log = strcmp(s->event_log, "none") == 0 ? NULL : s->event_log;
	take_limits(c, s);
}

/* "none" is not served. */
static const char *uri(const char *text)
{
	return strcmp(text, "none") == 0 ? NULL : text;
}

static bool take_listen(struct config_sensor_args *a, const struct config_http *h)
{
	const struct config_tls *t = h->tls;
	size_t n = 0;
	a->listen = calloc((size_t)h->listen_count + (t ? t->listen_count : 0) + 1, sizeof *a->listen);
	if (!a->listen)
		return false;
	for (uint32_t i = 0; i < h->listen_count; i++)
		a->listen[n++] = (struct lan_sensor_http_listen){.address = h->listen[i]};
	for (uint32_t i = 0; t && i < t->listen_count; i++)
		a->listen[n++] = (struct lan_sensor_http_listen){t->listen[i], t->cert_file, t->key_file};
	a->http.listen = a->listen;
	a->http.n_listen = n;
	return true;
}

static bool take_http(struct config_sensor_args *a, const struct config_http *h)
{
	const struct config_namespaces *n = h->namespaces;
	struct lan_sensor_http_config *c = &a->http;
	a->has_http = true;
	c->admin = uri(n->admin);
	c->casan = uri(n->casan);
	c->observe = uri(n->observe);
	c->evlog = uri(n->evlog);
	c->well_known = uri(n->well_known);
	c->compat = yes(h->compat);
	c->evlog_add = yes(h->evlog_add);
	c->token_file = h->token_file;
	c->max_connections = count(h->limits->connections);
	c->max_per_address = count(h->limits->per_address);
	c->max_body = (uint32_t)config_size(h->limits->body);
	c->max_viewers = count(h->limits->viewers);
	c->idle = config_duration(h->limits->idle);
	c->header = config_duration(h->limits->header);
	return take_listen(a, h);
}

struct config_sensor_args *config_sensor_open_args(const struct config_sensor *s)
{
	struct config_sensor_args *a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	a->cfg = (struct lan_sensor_master_config)LAN_SENSOR_MASTER_CONFIG_INIT;
	a->http = (struct lan_sensor_http_config)LAN_SENSOR_HTTP_CONFIG_INIT;
	take_master(&a->cfg, s);
	a->slaves = calloc((size_t)s->slaves_count + 1, sizeof *a->slaves);
	for (uint32_t i = 0; a->slaves && i < s->slaves_count; i++)
		a->slaves[i] = config_slave_args(&s->slaves[i]);
	a->cfg.slaves = a->slaves;
	a->cfg.n_slaves = s->slaves_count;
	if (a->slaves && (!s->http || take_http(a, s->http)))
		return a;
	config_sensor_args_free(a);
	return NULL;
}

void config_sensor_args_free(struct config_sensor_args *a)
{
	if (!a)
		return;
	free(a->slaves);
	free(a->listen);
	free(a);
}
