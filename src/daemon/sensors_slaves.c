/*
 * sensors_slaves.c - the slaves of a master through a reload: those that are gone are taken out, those that
 * are new or changed (a key file read anew, too) are given to the handle, the others are left alone.
 */
#include <stdlib.h>
#include <string.h>
#include "daemon/sensors.h"

static void slaves_free(struct sensors_slave *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i].key_file);
	free(list);
}

void sensors_slaves_fini(struct sensors *k)
{
	slaves_free(k->slave, k->n_slaves);
	k->slave = NULL;
	k->n_slaves = 0;
}

static int by_id(const void *a, const void *b)
{
	const struct sensors_slave *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* Those of the configuration, sorted. NULL: out of memory. */
static struct sensors_slave *configured(const struct config_sensor *c)
{
	struct sensors_slave *list = calloc((size_t)c->slaves_count + 1, sizeof *list);
	for (uint32_t i = 0; list && i < c->slaves_count; i++) {
		struct lan_sensor_slave_config s = config_slave_args(&c->slaves[i]);
		list[i] = (struct sensors_slave){.id = s.id, .ttl = s.ttl, .mtu = s.mtu};
		file_mark(s.key_file, &list[i].key);
		if (s.key_file && !(list[i].key_file = strdup(s.key_file))) {
			slaves_free(list, i + 1);
			return NULL;
		}
	}
	if (list)
		qsort(list, c->slaves_count, sizeof *list, by_id);
	return list;
}

bool sensors_slaves_take(struct sensors *k)
{
	k->slave = configured(sensors_cfg(k));
	k->n_slaves = k->slave ? sensors_cfg(k)->slaves_count : 0;
	return k->slave != NULL;
}

static bool same(const struct sensors_slave *a, const struct sensors_slave *b)
{
	bool keyed = a->key_file && b->key_file;
	return a->ttl == b->ttl && a->mtu == b->mtu && !a->key_file == !b->key_file &&
	       (!keyed || (strcmp(a->key_file, b->key_file) == 0 && file_mark_same(b->key_file, &a->key)));
}

/* False: `s` stays as it was, or out. */
static bool give(struct sensors *k, const struct sensors_slave *s, struct text *notes)
{
	const struct lan_sensor_slave_config cfg = {s->id, s->ttl, s->mtu, s->key_file};
	const char *why = NULL;
	enum lan_err e = lan_sensor_master_add(k->m, &cfg, &why);
	if (e == LAN_OK)
		return true;
	why = why && *why ? why : lan_err_text(e);
	log_event(LOG_L_ERROR, "slave-refused", LOG_S("sensor", sensors_name(k)), LOG_U("slave", s->id),
		LOG_S("reason", why));
	text_printf(notes, "sensor \"%s\": slave %u: %s\n", sensors_name(k), (unsigned)s->id, why);
	return false;
}

static void take_out(struct sensors *k, uint32_t id)
{
	enum lan_err e = lan_sensor_master_remove(k->m, id);
	if (e != LAN_OK)
		log_event(LOG_L_WARN, "slave-not-removed", LOG_S("sensor", sensors_name(k)),
			LOG_U("slave", id), LOG_S("reason", lan_err_text(e)));
}

void sensors_slaves_follow(struct entry *e, struct text *notes)
{
	struct sensors *k = (struct sensors *)e;
	struct sensors_slave *next = configured(sensors_cfg(k));
	size_t n = sensors_cfg(k)->slaves_count, i = 0, j = 0;
	if (!next) {
		text_printf(notes, "sensor \"%s\": out of memory: its slaves stay as they were\n",
			sensors_name(k));
		return;
	}
	while (i < k->n_slaves || j < n) {
		const struct sensors_slave *was = i < k->n_slaves ? &k->slave[i] : NULL;
		struct sensors_slave *now = j < n ? &next[j] : NULL;
		if (was && (!now || was->id < now->id)) {
			take_out(k, was->id);
			i++;
			continue;
		}
		bool known = was && was->id == now->id;
		if (!(known && same(was, now)) && !give(k, now, notes))
			now->key = (struct file_mark){0}; /* tried again by the next reload */
		i += known;
		j++;
	}
	slaves_free(k->slave, k->n_slaves);
	k->slave = next;
	k->n_slaves = n;
	entry_ready(e);
}
