/*
 * config.c - a node with its defaults and bounds; all it owns, made and freed.
 */
#include "proto/lsoe/lsoe_int.h"

#include <stdlib.h>

#define LONGEST LAN_SEC(86400 * 365)

static bool put(lan_time *v, lan_time dflt, lan_time min)
{
	if (*v == 0)
		*v = dflt;
	return *v >= min && *v <= LONGEST;
}

static bool defaults(struct lsoe_config *c)
{
	const struct lsoe_rules *r = &lsoe_rules[c->dialect];
	bool ok = put(&c->hello, LAN_SEC(60), LAN_MS(100)) && put(&c->keepalive, LAN_SEC(1), LAN_MS(10)) &&
		  put(&c->dead, r->dead, c->keepalive) && put(&c->retransmit, LAN_SEC(1), LAN_MS(10)) &&
		  put(&c->reassembly, LAN_SEC(1), LAN_MS(10)) && put(&c->key_overlap, LAN_SEC(30), 1) &&
		  put(&c->resume, LAN_SEC(60), 1);
	if (c->measure != LAN_NEVER)
		ok = ok && put(&c->measure, LAN_SEC(10), LAN_MS(100));
	if (c->open_jitter > LAN_SEC(60))
		return false;
	if (!c->tries)
		c->tries = 3;
	if (!c->auth_failures)
		c->auth_failures = 8;
	if (!c->max_peers)
		c->max_peers = 1024;
	if (!c->max_half_open)
		c->max_half_open = 64;
	if (!c->max_prefixes)
		c->max_prefixes = 65536;
	return ok && c->tries <= 16 && c->max_peers <= 65536 && c->max_prefixes <= 1u << 20;
}

static bool dup(const uint8_t **p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	if (!copy)
		return false;
	if (n)
		memcpy(copy, *p, n);
	*p = copy;
	return true;
}

/* Everything `cfg` points to becomes the node's own. */
static enum lan_err own(struct lsoe *n)
{
	struct lsoe_config *c = &n->cfg;
	const uint8_t *id = c->id, *attrs = c->attrs, *cert = c->cert;
	c->id = c->attrs = c->cert = NULL;
	bool ok = dup(&id, c->id_len);
	c->id = ok ? id : NULL;
	ok = ok && dup(&attrs, c->n_attrs);
	c->attrs = ok ? attrs : NULL;
	ok = ok && dup(&cert, c->cert_len);
	c->cert = ok ? cert : NULL;
	if (!ok)
		return LAN_ERR_NOMEM;
	if (!c->anchor)
		return LAN_OK;
	enum lan_err e = lsoe_key_set(&n->anchor, c->anchor->alg, c->anchor->key, c->anchor->len);
	c->anchor = NULL;
	return e;
}

enum lan_err lsoe_new(const struct lan_env *env, const struct lsoe_config *cfg, struct lsoe **out)
{
	struct lsoe_config c = *cfg;
	if (c.dialect > LSOE_L3DL || !defaults(&c))
		return LAN_ERR_INVAL;
	bool keys = c.signer || c.anchor || c.trust != LSOE_TRUST_ANY;
	if (c.dialect == LSOE_01 && (c.id_len != LSOE_ID_01 || keys))
		return LAN_ERR_INVAL;
	if (c.trust == LSOE_TRUST_ANCHOR && !c.anchor)
		return LAN_ERR_INVAL;
	struct lsoe *n = calloc(1, sizeof *n);
	if (!n)
		return LAN_ERR_NOMEM;
	n->env = *env;
	n->d = c.dialect;
	n->rules = &lsoe_rules[n->d];
	n->cfg = c;
	env->entropy(env->ctx, n->seed, sizeof n->seed);
	lan_timers_init(&n->timers);
	enum lan_err e = own(n);
	if (e) {
		lsoe_free(n);
		return e;
	}
	n->signer = c.signer;
	*out = n;
	return LAN_OK;
}

void lsoe_free(struct lsoe *n)
{
	if (!n)
		return;
	lsoe_links_free(n);
	for (; n->misc_n; n->misc_n--) {
		lsoe_misc_fini(&n->misc[n->misc_first]);
		n->misc_first = (n->misc_first + 1) % LSOE_MISC;
	}
	lsoe_misc_fini(&n->told);
	lsoe_key_fini(&n->anchor);
	lsoe_pins_free(n);
	lan_signer_free(n->signer);
	lan_signer_free(n->old_signer);
	lan_timers_fini(&n->timers);
	free((void *)n->cfg.id);
	free((void *)n->cfg.attrs);
	free((void *)n->cfg.cert);
	free((void *)n->ulpc.auth);
	free(n->vendors);
	free(n->link_hash);
	free(n->peer_hash);
	free(n->peers);
	free(n);
}
