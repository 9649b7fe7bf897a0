/*
 * config_channel.c - what one entry of `channel:` means to the channel itself:
 * the text of a checked entry turned into the arguments of lan_channel_open,
 * the defaults that depend on the dialect or on the host, whether two entries
 * are the same.
 */
#include <stdlib.h>
#include <string.h>
#include "daemon/config.h"

bool config_channel_same(const struct config_channel *a, const struct config_channel *b)
{
	return config_entry_same(config_channel_keys, a, b, SIZE_MAX);
}

bool config_channel_secret(const struct config_channel *c)
{
	return c->key != NULL;
}

static bool is_sealed(const struct config_channel *c)
{
	return strcmp(c->dialect, "sealed") == 0;
}

static bool fill_text(char **at, const char *value)
{
	return *at || (*at = strdup(value)) != NULL;
}

bool config_channel_fill(struct config_channel *c, const struct config_daemon *d)
{
	bool sealed = is_sealed(c);
	if (!c->ttl) {
		c->ttl = malloc(sizeof *c->ttl);
		if (!c->ttl)
			return false;
		*c->ttl = sealed ? 1 : 32; /* the original's */
	}
	if (!fill_text(&c->max_message, sealed ? "1M" : "4096"))
		return false;
	if (!sealed)
		return true;
	if (!c->state && !(c->state = config_state_dir("channel", c->name)))
		return false;
	return fill_text(&c->channel, c->address) &&
	       fill_text(&c->display_name, strlen(d->name) <= 63 ? d->name : "");
}

static enum lan_channel_mode mode_of(const char *word)
{
	if (word && strcmp(word, "ordered") == 0)
		return LAN_CHANNEL_ORDERED;
	return word && strcmp(word, "reliable") == 0 ? LAN_CHANNEL_RELIABLE : LAN_CHANNEL_BEST_EFFORT;
}

static bool yes(const bool *b)
{
	return b && *b;
}

static uint32_t count(const uint32_t *n)
{
	return n ? *n : 0;
}

static void sealed_args(const struct config_channel *c, struct lan_channel_config *a)
{
	a->key_file = c->key_file;
	a->identity_file = c->identity_file;
	a->members_file = c->members_file;
	a->channel = c->channel;
	a->name = c->display_name;
	a->state_dir = strcmp(c->state, "none") == 0 ? NULL : c->state;
	a->silent = yes(c->silent);
	a->hear_self = yes(c->hear_self);
	a->flow = yes(c->flow);
	a->reorder = config_duration(c->reorder);
	a->presence = config_duration(c->presence);
	a->rate = config_size(c->rate);
	a->history = count(c->history);
	a->late = count(c->late);
	a->parity = count(c->parity);
	a->block = count(c->block);
	a->max_senders = count(c->max_senders);
}

struct lan_channel_config config_channel_open_args(const struct config_channel *c)
{
	struct lan_channel_config a = LAN_CHANNEL_CONFIG_INIT;
	a.address = c->address;
	a.dialect = is_sealed(c) ? LAN_CHANNEL_SEALED : LAN_CHANNEL_MULTISOCK;
	a.mode = mode_of(c->mode);
	a.ifaces = (const char *const *)c->ifaces;
	a.n_ifaces = c->ifaces_count;
	a.sources = (const char *const *)c->sources;
	a.n_sources = c->sources_count;
	a.ttl = *c->ttl ? (int)*c->ttl : LAN_CHANNEL_TTL_HOST;
	a.no_loopback = !*c->loopback;
	a.max_message = (uint32_t)config_size(c->max_message);
	a.max_queue = (uint32_t)config_size(c->max_queue);
	a.max_events = (uint32_t)config_size(c->max_events);
	a.receive_buffer = (uint32_t)config_size(c->receive_buffer);
	if (is_sealed(c)) {
		sealed_args(c, &a);
	} else {
		a.key = c->key;
		a.iv = c->iv;
		a.objects = yes(c->objects);
	}
	return a;
}
