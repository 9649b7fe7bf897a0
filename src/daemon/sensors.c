/*
 * sensors.c - what is particular to masters of sensors among the entries of the daemon: how one is opened
 * with its HTTP server and closed, and requests to its slaves.
 */
#include "daemon/sensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNTER_NAME 64

_Static_assert(offsetof(struct config_sensor, name) == 0, "an entry begins with its name");
_Static_assert(offsetof(struct sensors, e) == 0, "sensors begin with their entry");

/* ---- requests ---------------------------------------------------------------------------------------- */

enum lan_err sensors_ask(struct sensors *k, struct lan_sensor_master_request *r, struct sensors_ask *a)
{
	r->tag = (uint64_t)(uintptr_t)a;
	enum lan_err e = lan_sensor_master_request(k->m, r, &a->id);
	if (e != LAN_OK)
		return e;
	a->k = k;
	a->prev = NULL;
	a->next = k->asks;
	if (a->next)
		a->next->prev = a;
	k->asks = a;
	return LAN_OK;
}

void sensors_ask_end(struct sensors_ask *a)
{
	if (!a->k)
		return;
	*(a->prev ? &a->prev->next : &a->k->asks) = a->next;
	if (a->next)
		a->next->prev = a->prev;
	lan_sensor_master_cancel(a->k->m, a->id);
	a->k = NULL;
}

static void end_asks(struct sensors *k)
{
	while (k->asks) {
		struct sensors_ask *a = k->asks;
		a->fn(a, NULL);
		if (k->asks == a)
			sensors_ask_end(a);
	}
}

/* ---- open and close ------------------------------------------------------------------------------------ */

static void close_handles(struct sensors *k)
{
	lan_sensor_http_close(k->http);
	lan_sensor_master_close(k->m);
	k->http = NULL;
	k->m = NULL;
	sensors_slaves_fini(k);
}

static enum lan_err open_with(struct sensors *k, const struct config_sensor_args *args, const char **why)
{
	if (args->cfg.event_log)
		entry_make_parents(args->cfg.event_log);
	enum lan_err e = lan_sensor_master_open(k->e.all->loop, &args->cfg, &k->m, why);
	if (e == LAN_OK && !sensors_slaves_take(k))
		e = LAN_ERR_NOMEM;
	if (e == LAN_OK && args->has_http)
		e = lan_sensor_http_open(k->m, &args->http, &k->http, why);
	if (e != LAN_OK)
		close_handles(k);
	return e;
}

static enum lan_err open_sensors(struct entry *e, const char **why)
{
	struct sensors *k = (struct sensors *)e;
	struct config_sensor_args *args = config_sensor_open_args(sensors_cfg(k));
	enum lan_err err = args ? open_with(k, args, why) : LAN_ERR_NOMEM;
	config_sensor_args_free(args);
	if (err == LAN_OK)
		lan_sensor_master_on_ready(k->m, entry_ready, e);
	return err;
}

static void say_security(const struct entry *e)
{
	const struct sensors *k = (const struct sensors *)e;
	const struct config_sensor *c = sensors_cfg(k);
	const char *token = c->http && c->http->token_file ? c->http->token_file : NULL;
	size_t keyed = 0;
	for (size_t i = 0; i < k->n_slaves; i++)
		keyed += k->slave[i].key_file != NULL;
	log_event(keyed == k->n_slaves && (!c->http || token) ? LOG_L_INFO : LOG_L_WARN, "sensor-security",
		LOG_S("sensor", sensors_name(k)), LOG_U("slaves", k->n_slaves), LOG_U("keyed", keyed),
		LOG_S("unlisted", c->unlisted),
		LOG_S("token", !c->http ? NULL
			       : token  ? "needed"
					: "none"));
}

static void close_sensors(struct entry *e, const char *cause, struct text *notes)
{
	struct sensors *k = (struct sensors *)e;
	(void)cause;
	(void)notes;
	end_asks(k);
	close_handles(k);
}

void sensors_add_sums(const struct sensors *k, struct sensors_sums *sums)
{
	struct lan_sensor_master_status st;
	if (!k->m)
		return;
	lan_sensor_master_status(k->m, &st);
	sums->slaves += st.slaves;
	sums->running += st.running;
	sums->candidates += st.candidates;
}

bool sensors_counter(const struct sensors *k, size_t i, char *name, const char **help, uint64_t *value)
{
	const char *own;
	size_t n = 0;
	if (!k->m)
		return false;
	if (lan_sensor_master_counter(k->m, i, &own, help, value)) {
		snprintf(name, COUNTER_NAME, "%s", own);
		return true;
	}
	while (lan_sensor_master_counter(k->m, n, &own, help, value))
		n++;
	if (!k->http || !lan_sensor_http_counter(k->http, i - n, &own, help, value))
		return false;
	snprintf(name, COUNTER_NAME, "http_%s", own);
	return true;
}

static const char *joined(struct text *t, char *const *list, uint32_t n)
{
	text_clear(t);
	for (uint32_t i = 0; i < n; i++)
		text_printf(t, "%s%s", i ? "," : "", list[i]);
	return text_str(t);
}

static const char *networks_of(const struct entry *e)
{
	const struct config_sensor *c = sensors_cfg((const struct sensors *)e);
	return joined(&e->all->scratch, c->networks, c->networks_count);
}

/* The epochs spoken. */
static const char *dialect_of(const struct entry *e)
{
	const struct config_sensor *c = sensors_cfg((const struct sensors *)e);
	return c->epochs_count == 1 ? c->epochs[0] : "casan and sos";
}

static const char *http_of(const struct entry *e)
{
	const struct config_http *h = sensors_cfg((const struct sensors *)e)->http;
	return !h                               ? "none"
	       : h->listen_count                ? h->listen[0]
	       : h->tls && h->tls->listen_count ? h->tls->listen[0]
						: "none";
}

const struct entry_kind sensor_kind = {
	.family = "sensor",
	.size = sizeof(struct sensors),
	.but = offsetof(struct config_sensor, slaves),
	.open = open_sensors,
	.opened = say_security,
	.close = close_sensors,
	.kept = sensors_slaves_follow,
	.pump = sensors_pump,
	.address = networks_of,
	.dialect = dialect_of,
	.detail = "http",
	.detail_of = http_of,
};
