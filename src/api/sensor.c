/*
 * sensor.c - the handle of <lanyard/sensor.h>: a slave's core on one network, and the timer that asks
 * resources whether they have changed. All memory is taken here, in open.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/entropy.h"
#include "api/sensor_int.h"
#include "api/sensor_key.h"
#include "api/take.h"
#include "crypto/crypto.h"

#define MORE_INCOMING 64 /* requests answered at once that a burst may bring, besides those for later */

static _Thread_local char sentence[512];

static enum lan_err say(const char **why, enum lan_err e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static enum lan_err say(const char **why, enum lan_err e, const char *fmt, ...)
{
	va_list ap;
	char text[sizeof sentence]; /* an argument may be the sentence itself */
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	memcpy(sentence, text, sizeof sentence);
	*why = sentence;
	return e;
}

/* ---- has a value changed? -------------------------------------------------------------------------------
 */

static void on_poll(void *ctx)
{
	struct lan_sensor *s = ctx;
	lan_time now = lan_loop_stamp(s->loop), next = LAN_NEVER;
	for (size_t i = 0; i < s->n_resources; i++) {
		const struct lan_sensor_resource *r = &s->resources[i];
		if (!r->changed || !r->poll)
			continue;
		if (s->polls[i] <= now) {
			s->polls[i] = now + r->poll;
			if (coap_observers(sos_slave_coap(s->core), (uint32_t)i + 1) && r->changed(r->ctx))
				lan_sensor_changed(s, i);
		}
		next = s->polls[i] < next ? s->polls[i] : next;
	}
	lan_deadline_arm(s->loop, &s->poll, next);
}

/* ---- open -----------------------------------------------------------------------------------------------
 */

static enum lan_err check(struct lan_sensor *s, const struct lan_sensor_config *cfg, const char **why)
{
	if (!cfg->net)
		return say(
			why, LAN_ERR_INVAL, "no network: give ethernet:IFACE, xbee:DEVICE or udp:ADDR:PORT");
	enum lan_err e = lan_net_parse(cfg->net, &s->spec, why);
	if (e)
		return e;
	bool udp = s->spec.kind == LAN_NET_UDP;
	uint32_t most = lan_net_mtu(&s->spec), least = most - lan_net_datagram(&s->spec) + 96;
	if (!udp && (!cfg->id || cfg->id > SOS_ID_MAX))
		return say(why, LAN_ERR_INVAL, "id %u: ids are 1..%u", cfg->id, SOS_ID_MAX);
	if (udp && (cfg->key_file || cfg->compat || cfg->mtu))
		return say(why, LAN_ERR_INVAL,
			"%s: there is no master over UDP: key_file, compat and mtu are for ethernet: and "
			"xbee:",
			cfg->net);
	if (cfg->mtu && (cfg->mtu > most || cfg->mtu < least))
		return say(why, LAN_ERR_INVAL, "mtu %u: on %s it is %u..%u", cfg->mtu, cfg->net, least, most);
	if (!cfg->n_resources || !cfg->resources)
		return say(why, LAN_ERR_INVAL, "no resources");
	if (cfg->max_body > 16u << 20)
		return say(why, LAN_ERR_INVAL, "max_body is %u; at most 16 MiB", cfg->max_body);
	s->id = cfg->id;
	s->mtu = cfg->mtu ? cfg->mtu : most;
	return LAN_OK;
}

static enum lan_err take_memory(struct lan_sensor *s, const struct lan_sensor_config *cfg)
{
	size_t n = cfg->n_resources;
	s->resources = cfg->resources, s->n_resources = n;
	s->reply_cap = cfg->max_body ? cfg->max_body : 4096;
	s->list = calloc(n, sizeof *s->list);
	s->polls = calloc(n, sizeof *s->polls);
	s->changed = calloc(n, sizeof *s->changed);
	s->reply = malloc(s->reply_cap);
	s->query = malloc(QUERY_MAX);
	if (!s->list || !s->polls || !s->changed || !s->reply || !s->query)
		return LAN_ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		s->list[i] = (struct sos_resource){.path = cfg->resources[i].path,
			.title = cfg->resources[i].title,
			.rt = cfg->resources[i].rt,
			.observable = cfg->resources[i].observable};
	return LAN_OK;
}

static struct sos_slave_config core_config(const struct lan_sensor *s, const struct lan_sensor_config *cfg)
{
	bool udp = s->spec.kind == LAN_NET_UDP;
	uint32_t datagram = lan_net_datagram(&s->spec);
	return (struct sos_slave_config){.id = udp ? 0 : cfg->id,
		.epochs = {[SOS_EPOCH_CASAN] = cfg->casan, [SOS_EPOCH_SOS] = cfg->sos},
		.link = LINK,
		.mtu = s->mtu,
		.overhead = lan_net_mtu(&s->spec) - lan_net_datagram(&s->spec),
		.resources = s->list,
		.n_resources = s->n_resources,
		.compat = cfg->compat,
		.coap = {.datagram = datagram < COAP_DATAGRAM ? datagram : COAP_DATAGRAM,
			.max_requests = 1,
			.max_peers = udp ? 1024 : 8,
			.max_incoming = (cfg->max_later ? cfg->max_later : 8) + (udp ? MORE_INCOMING : 8),
			.max_dedup = udp ? 1024 : 32,
			.max_observers = cfg->max_observers ? cfg->max_observers : 16,
			.max_bodies = udp ? 32 : 4,
			.max_body = (uint32_t)s->reply_cap,
			.echo = cfg->echo}};
}

static enum lan_err open_core(struct lan_sensor *s, const struct lan_sensor_config *cfg, const char **why)
{
	uint8_t key[32];
	struct sos_slave_config c = core_config(s, cfg);
	enum lan_err e = LAN_OK;
	if (cfg->key_file) {
		e = sensor_key_load(cfg->key_file, key, why);
		c.key = key;
	}
	if (!e)
		e = sos_slave_new(&s->env, &c, &s->core);
	lan_wipe(key, sizeof key);
	if (e == LAN_ERR_INVAL)
		return say(why, e,
			"a resource's path is empty, given twice, longer than 255 octets or holds one of "
			"<>\"\\ or blanks%s; or a title or rt holds control characters",
			cfg->compat ? " or a '/' (compat: one segment)" : "");
	if (!e && !c.id)
		e = coap_link(sos_slave_coap(s->core), LINK, lan_net_datagram(&s->spec), !cfg->echo);
	return e;
}

static void on_ready(void *ctx)
{
	sensor_serve(ctx);
}

static enum lan_err open_drv(struct lan_sensor *s, const char **why)
{
	struct lan_nets_config d = {.loop = s->loop,
		.ops = &sos_slave_ops,
		.core = s->core,
		.ready = on_ready,
		.state = sensor_net_event,
		.ctx = s};
	enum lan_err e = lan_nets_open(&d, &s->drv);
	if (e)
		return e;
	sos_slave_network(s->core, lan_loop_stamp(s->loop), LINK, false);
	e = lan_nets_add(s->drv, LINK, &s->spec, true, why);
	struct lan_net_stats st;
	if (!e && lan_nets_stats(s->drv, LINK, &st) && st.up && !s->up)
		sensor_net_event(s, LINK, true, LAN_OK, "");
	return e;
}

static enum lan_err open_all(struct lan_sensor *s, const struct lan_sensor_config *cfg, const char **why)
{
	enum lan_err e = check(s, cfg, why);
	if (!e)
		e = take_memory(s, cfg);
	if (!e)
		e = open_core(s, cfg, why);
	if (!e)
		e = lan_deadline_init(s->loop, &s->poll, on_poll, s);
	if (e)
		return e;
	e = open_drv(s, why);
	if (!e)
		on_poll(s);
	return e;
}

enum lan_err lan_sensor_open(struct lan_loop *loop, const struct lan_sensor_config *config,
	struct lan_sensor **out, const char **why)
{
	const char *unheard;
	struct lan_sensor_config cfg;
	why = why ? why : &unheard;
	*why = NULL;
	if (lan_take_config(config, &cfg, sizeof cfg))
		return say(why, LAN_ERR_INVAL, "the configuration is of another version of the library");
	struct lan_sensor *s = calloc(1, sizeof *s);
	if (!s)
		return say(why, LAN_ERR_NOMEM, "%s", lan_err_text(LAN_ERR_NOMEM));
	s->loop = loop;
	s->env = (struct lan_env){.entropy = lan_entropy};
	s->compat = cfg.compat;
	s->wake = (struct lan_task){.fn = sensor_wake, .ctx = s};
	enum lan_err e = open_all(s, &cfg, why);
	if (e) {
		if (!*why || !**why)
			say(why, e, "%s", lan_err_text(e));
		lan_sensor_close(s);
		return e;
	}
	*out = s;
	return LAN_OK;
}

void lan_sensor_close(struct lan_sensor *s)
{
	if (!s)
		return;
	if (s->poll.fn)
		lan_deadline_fini(s->loop, &s->poll);
	lan_nets_close(s->drv);
	if (s->wake.queued)
		lan_task_cancel(s->loop, &s->wake);
	sos_slave_free(s->core);
	free(s->list);
	free(s->polls);
	free(s->changed);
	free(s->reply);
	free(s->query);
	free(s);
}
