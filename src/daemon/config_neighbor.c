/*
 * config_neighbor.c - what one entry of `neighbor:` means to the neighbors
 * themselves: the text of a checked entry turned into the arguments of
 * lan_neighbor_open, and the default that depends on the host.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/config.h"

static bool is_l3dl(const struct config_neighbor *n)
{
	return strcmp(n->dialect, "l3dl") == 0;
}

bool config_neighbor_fill(struct config_neighbor *n)
{
	if (!is_l3dl(n) || n->state)
		return true;
	n->state = config_state_dir("neighbor", n->name);
	return n->state != NULL;
}

static bool yes(const bool *b)
{
	return b && *b;
}

static uint32_t count(const uint32_t *n)
{
	return n ? *n : 0;
}

static uint64_t number(const char *checked)
{
	uint64_t n = 0;
	bool ok = config_number(checked, &n);
	assert(ok);
	(void)ok;
	return n;
}

static enum lan_neighbor_announce announce(const char *word)
{
	if (strcmp(word, "all") == 0)
		return LAN_NEIGHBOR_ANNOUNCE_ALL;
	return strcmp(word, "none") == 0 ? LAN_NEIGHBOR_ANNOUNCE_NONE : LAN_NEIGHBOR_ANNOUNCE_OWN;
}

static enum lan_neighbor_trust trust(const char *word)
{
	if (strcmp(word, "tofu") == 0)
		return LAN_NEIGHBOR_TRUST_TOFU;
	return strcmp(word, "anchor") == 0 ? LAN_NEIGHBOR_TRUST_ANCHOR : LAN_NEIGHBOR_TRUST_ANY;
}

/* All labels lie in one piece of memory, each prefix's behind those of the one before. */
static bool take_labels(struct config_neighbor_args *a, const struct config_neighbor *n)
{
	size_t all = 0, at = 0;
	for (uint32_t i = 0; i < n->labels_count; i++)
		all += n->labels[i].labels_count;
	a->label = calloc(all + 1, sizeof *a->label);
	a->labels = calloc(n->labels_count + 1, sizeof *a->labels);
	if (!a->label || !a->labels)
		return false;
	for (uint32_t i = 0; i < n->labels_count; i++) {
		const struct config_labels *from = &n->labels[i];
		a->labels[i] = (struct lan_neighbor_labels){from->prefix, a->label + at, from->labels_count};
		for (uint32_t k = 0; k < from->labels_count; k++)
			a->label[at++] = (uint32_t)number(from->labels[k]);
	}
	a->cfg.labels = a->labels;
	a->cfg.n_labels = n->labels_count;
	return true;
}

static bool take_attributes(struct config_neighbor_args *a, const struct config_neighbor *n)
{
	a->attributes = calloc(n->attributes_count + 1, 1);
	if (!a->attributes)
		return false;
	for (uint32_t i = 0; i < n->attributes_count; i++)
		a->attributes[i] = (uint8_t)number(n->attributes[i]);
	a->cfg.attributes = a->attributes;
	a->cfg.n_attributes = n->attributes_count;
	return true;
}

static void take_times(struct lan_neighbor_config *c, const struct config_neighbor *n)
{
	c->hello = config_duration(n->hello);
	c->keepalive = config_duration(n->keepalive);
	c->dead = config_duration(n->dead);
	c->retransmit = config_duration(n->retransmit);
	c->no_backoff = !*n->backoff;
	c->tries = *n->tries;
	c->reassembly = config_duration(n->reassembly);
	c->open_jitter = config_duration(n->open_jitter);
	c->measure = config_duration(n->measure);
	c->no_measure = c->measure == 0; /* 0 in the struct means the default */
}

static void take_l3dl(struct lan_neighbor_config *c, const struct config_neighbor *n)
{
	c->multi_link = yes(n->multi_link);
	c->key_file = n->key_file;
	c->cert_file = n->cert_file;
	c->anchor_file = n->anchor_file;
	c->trust = trust(n->trust);
	c->sign_keepalive = yes(n->sign_keepalive);
	c->key_overlap = config_duration(n->key_overlap);
	c->auth_failures = count(n->auth_failures);
	c->state_dir = strcmp(n->state, "none") == 0 ? NULL : n->state;
	c->resume = config_duration(n->resume);
	if (n->bgp)
		c->bgp = (struct lan_neighbor_bgp){.asn = *n->bgp->asn,
			.address4 = n->bgp->address4,
			.address6 = n->bgp->address6,
			.gtsm = yes(n->bgp->gtsm)};
}

static void take_rest(struct lan_neighbor_config *c, const struct config_neighbor *n)
{
	c->dialect = is_l3dl(n) ? LAN_NEIGHBOR_L3DL : LAN_NEIGHBOR_LSOE;
	c->ifaces = (const char *const *)n->ifaces;
	c->n_ifaces = n->ifaces_count;
	c->ethertype = (uint16_t)number(n->ethertype);
	c->id = n->id;
	c->hello_to = n->hello_to;
	c->announce = announce(n->announce);
	c->loopbacks = (const char *const *)n->loopbacks;
	c->n_loopbacks = n->loopbacks_count;
	c->link_local = *n->link_local;
	c->vendor_to_all = yes(n->labels_to_all); /* the daemon sends no VENDOR PDUs of its users */
	c->primary = n->primary;
	c->report_url = n->report_url;
	c->max_peers = count(n->max_peers);
	c->max_half_open = count(n->max_half_open);
	c->max_prefixes = count(n->max_prefixes);
	c->receive_buffer = (uint32_t)config_size(n->receive_buffer);
}

struct config_neighbor_args *config_neighbor_open_args(const struct config_neighbor *n)
{
	struct config_neighbor_args *a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	a->cfg = (struct lan_neighbor_config)LAN_NEIGHBOR_CONFIG_INIT;
	take_rest(&a->cfg, n);
	take_times(&a->cfg, n);
	if (is_l3dl(n))
		take_l3dl(&a->cfg, n);
	if (take_labels(a, n) && take_attributes(a, n))
		return a;
	config_neighbor_args_free(a);
	return NULL;
}

void config_neighbor_args_free(struct config_neighbor_args *a)
{
	if (!a)
		return;
	free(a->attributes);
	free(a->labels);
	free(a->label);
	free(a);
}
