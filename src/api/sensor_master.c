/*
 * sensor_master.c - the handle of <lanyard/sensor_master.h>: the core, its networks, the cache, the event
 * log; slaves listed while it runs.
 */
#include <stdlib.h>
#include <string.h>
#include "api/entropy.h"
#include "api/sensor_master_int.h"
#include "api/take.h"

/* A body by blocks has memory of its own; so many are in the making at once. */
#define BODIES 64

static void on_ready(void *ctx)
{
	master_pump(ctx);
}

static void on_wake(void *ctx)
{
	struct lan_sensor_master *m = ctx;
	m->noted = false;
	lan_loop_note(m->loop);
	if (m->on_ready)
		m->on_ready(m->on_ready_ctx);
}

static struct sos_master_config core_config(const struct lan_sensor_master_config *cfg)
{
	return (struct sos_master_config){.first_hello = cfg->first_hello,
		.hello = cfg->hello,
		.ttl = cfg->ttl,
		.epochs = {[SOS_EPOCH_CASAN] = cfg->casan, [SOS_EPOCH_SOS] = cfg->sos},
		.unlisted = (enum sos_policy)cfg->unlisted,
		.max_candidates = cfg->max_candidates,
		.queue = cfg->queue,
		.give_up = cfg->give_up,
		.coap = {.max_requests = cfg->max_requests,
			.max_peers = (uint32_t)cfg->n_slaves + 1024,
			.max_body = cfg->max_body,
			.max_bodies = BODIES,
			.max_incoming = 1,
			.max_dedup = 1,
			.max_observers = 1}};
}

static enum lan_err check(const struct lan_sensor_master_config *cfg, const char **why)
{
	if (cfg->unlisted > LAN_SENSOR_ADMIT)
		return master_why(why, LAN_ERR_INVAL, "unlisted: none of ignore, list, admit");
	if (cfg->max_requests > 32768)
		return master_why(why, LAN_ERR_INVAL, "max_requests is %u; at most 32768", cfg->max_requests);
	if (cfg->max_body > 16u << 20)
		return master_why(why, LAN_ERR_INVAL, "max_body is %u; at most 16 MiB", cfg->max_body);
	if (cfg->hello && cfg->hello < LAN_MS(100))
		return master_why(
			why, LAN_ERR_INVAL, "hello is below 100 ms: every slave hears each of them");
	return LAN_OK;
}

static enum lan_err open_core(
	struct lan_sensor_master *m, const struct lan_sensor_master_config *cfg, const char **why)
{
	struct sos_master_config c = core_config(cfg);
	enum lan_err e = sos_master_new(&m->env, &c, &m->core);
	if (e)
		return e;
	m->n_calls = cfg->max_requests ? cfg->max_requests : 1024;
	m->calls = calloc(m->n_calls, sizeof *m->calls);
	if (!m->calls)
		return LAN_ERR_NOMEM;
	if (!cfg->no_cache) {
		uint64_t seed[2];
		lan_entropy(NULL, seed, sizeof seed);
		e = sos_cache_new(seed, cfg->cache_entries ? cfg->cache_entries : 1024,
			cfg->cache_bytes ? cfg->cache_bytes : 4u << 20, &m->cache);
	}
	for (size_t i = 0; !e && i < cfg->n_slaves; i++)
		e = master_slave(m, &cfg->slaves[i], why);
	return e;
}

static enum lan_err open_all(
	struct lan_sensor_master *m, const struct lan_sensor_master_config *cfg, const char **why)
{
	enum lan_err e = open_core(m, cfg, why);
	if (e)
		return e;
	e = evlog_open(cfg->event_log, cfg->event_log_size, &m->log, why);
	if (e)
		return e;
	master_log(m, "starting");
	struct lan_nets_config d = {.loop = m->loop,
		.ops = &sos_master_ops,
		.core = m->core,
		.ready = on_ready,
		.state = master_net_event,
		.ctx = m};
	e = lan_nets_open(&d, &m->drv);
	return e ? e : master_nets(m, cfg, why);
}

enum lan_err lan_sensor_master_open(struct lan_loop *loop, const struct lan_sensor_master_config *config,
	struct lan_sensor_master **out, const char **why)
{
	const char *unheard;
	struct lan_sensor_master_config cfg;
	why = why ? why : &unheard;
	*why = NULL;
	if (lan_take_config(config, &cfg, sizeof cfg))
		return master_why(
			why, LAN_ERR_INVAL, "the configuration is of another version of the library");
	enum lan_err e = check(&cfg, why);
	if (e)
		return e;
	struct lan_sensor_master *m = calloc(1, sizeof *m);
	if (!m)
		return master_why(why, LAN_ERR_NOMEM, "%s", lan_err_text(LAN_ERR_NOMEM));
	m->loop = loop;
	m->env = (struct lan_env){.entropy = lan_entropy};
	m->since = lan_loop_now(loop);
	m->wake = (struct lan_task){.fn = on_wake, .ctx = m};
	m->tell_joined = (struct lan_task){.fn = master_tell_joined, .ctx = m};
	e = open_all(m, &cfg, why);
	if (e) {
		if (!*why)
			*why = lan_err_text(e);
		lan_sensor_master_close(m);
		return e;
	}
	*out = m;
	return LAN_OK;
}

void lan_sensor_master_close(struct lan_sensor_master *m)
{
	if (!m)
		return;
	lan_task_cancel(m->loop, &m->wake);
	lan_task_cancel(m->loop, &m->tell_joined);
	m->taps = NULL;
	m->pumping = true; /* nothing is told any more */
	lan_nets_close(m->drv);
	sos_master_free(m->core);
	sos_cache_free(m->cache);
	evlog_close(m->log);
	free(m->pulled);
	for (struct told *t = m->first, *next; t; t = next) {
		next = t->next;
		free(t);
	}
	master_calls_free(m);
	free(m->nets);
	free(m->kept);
	free(m);
}

void lan_sensor_master_on_ready(struct lan_sensor_master *m, void (*fn)(void *ctx), void *ctx)
{
	m->on_ready = fn;
	m->on_ready_ctx = ctx;
}

enum lan_err lan_sensor_master_add(
	struct lan_sensor_master *m, const struct lan_sensor_slave_config *cfg, const char **why)
{
	const char *unheard;
	why = why ? why : &unheard;
	*why = NULL;
	enum lan_err e = master_slave(m, cfg, why);
	if (e && !*why)
		*why = lan_err_text(e);
	lan_nets_kick(m->drv);
	return e;
}

enum lan_err lan_sensor_master_remove(struct lan_sensor_master *m, uint32_t id)
{
	enum lan_err e = sos_master_remove(m->core, lan_loop_stamp(m->loop), id);
	if (!e && m->cache)
		sos_cache_forget(m->cache, id);
	lan_nets_kick(m->drv);
	return e;
}

enum lan_err lan_sensor_master_poke(struct lan_sensor_master *m, uint32_t id)
{
	enum lan_err e = sos_master_poke(m->core, lan_loop_stamp(m->loop), id);
	lan_nets_kick(m->drv);
	return e;
}

/* ---- taps --------------------------------------------------------------------------- */

void sensor_master_tap(struct lan_sensor_master *m, struct sensor_tap *t)
{
	t->next = m->taps;
	m->taps = t;
}

void sensor_master_untap(struct lan_sensor_master *m, struct sensor_tap *t)
{
	for (uint32_t i = 0; i < m->used_calls; i++) {
		struct call *c = &m->calls[i];
		if (c->used && c->tap == t)
			lan_sensor_master_cancel(m, c->generation << 16 | c->index);
	}
	struct sensor_tap **at = &m->taps;
	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
}

struct lan_loop *sensor_master_loop(const struct lan_sensor_master *m)
{
	return m->loop;
}

struct sos_cache *sensor_master_cache(const struct lan_sensor_master *m)
{
	return m->cache;
}
