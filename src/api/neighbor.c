/*
 * neighbor.c - the handle of <lanyard/neighbor.h>: the core and its driver, the kernel's interfaces, the keys
 * and what is kept on disk.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "api/entropy.h"
#include "api/neighbor_int.h"

static void on_ready(void *ctx)
{
	struct lan_neighbor *n = ctx;
	if (n->on_ready)
		n->on_ready(n->on_ready_ctx);
}

/* The driver tells of the core's events alone. */
static void on_wake(void *ctx)
{
	struct lan_neighbor *n = ctx;
	lan_loop_note(n->loop);
	on_ready(n);
}

void neighbor_news(struct lan_neighbor *n)
{
	n->news = true;
	lan_task_queue(n->loop, &n->wake);
}

/* ---- the core's configuration ----------------------------------------------------------------------------
 */

static struct lsoe_config core_config(
	const struct lan_neighbor *n, const struct lan_neighbor_config *cfg, const struct neighbor_keys *k)
{
	return (struct lsoe_config){.dialect = n->dialect,
		.id = n->set.id,
		.id_len = n->set.id_len,
		.attrs = cfg->attributes,
		.n_attrs = (uint8_t)cfg->n_attributes,
		.hello = cfg->hello,
		.keepalive = cfg->keepalive,
		.dead = cfg->dead,
		.retransmit = cfg->retransmit,
		.no_backoff = cfg->no_backoff,
		.tries = cfg->tries,
		.reassembly = cfg->reassembly,
		.open_jitter = cfg->open_jitter,
		.multi_link = cfg->multi_link,
		.measure = cfg->no_measure ? LAN_NEVER : cfg->measure,
		.signer = k->signer,
		.cert = k->cert,
		.cert_len = k->cert_len,
		.anchor = k->anchor.alg ? &k->anchor : NULL,
		.trust = (enum lsoe_trust)cfg->trust,
		.sign_keepalive = cfg->sign_keepalive,
		.key_overlap = cfg->key_overlap,
		.resume = cfg->resume,
		.auth_failures = cfg->auth_failures,
		.max_peers = cfg->max_peers,
		.max_half_open = cfg->max_half_open,
		.max_prefixes = cfg->max_prefixes,
		.vendor_to_all = cfg->vendor_to_all,
		.want_saved = cfg->state_dir != NULL};
}

static enum lan_err open_core(struct lan_neighbor *n, const struct lan_neighbor_config *cfg, const char **why)
{
	struct neighbor_keys k = {0};
	enum lan_err e = neighbor_keys_load(cfg->key_file, cfg->cert_file, cfg->anchor_file, &k, why);
	if (e)
		return e;
	struct lsoe_config c = core_config(n, cfg, &k);
	e = lsoe_new(&n->env, &c, &n->core);
	if (!e)
		k.signer = NULL;
	neighbor_keys_fini(&k);
	if (e == LAN_ERR_INVAL)
		return neighbor_why(why, e,
			"a timer or limit is out of its range: keepalive at least 10 ms, dead at least "
			"keepalive, hello "
			"and measure at least 100 ms, retransmit and reassembly at least 10 ms, open_jitter "
			"at most 60 s, "
			"tries at most 16, max_peers at most 65536, max_prefixes at most 1048576");
	return e;
}

/* ---- BGP
 * ------------------------------------------------------------------------------------------------------ */

static bool prefix(const char *text, int family, uint8_t *addr, uint8_t *len)
{
	char host[INET6_ADDRSTRLEN + 1], *end;
	const char *slash = strchr(text, '/');
	if (!slash || (size_t)(slash - text) >= sizeof host || slash[1] < '0' || slash[1] > '9')
		return false;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	unsigned long v = strtoul(slash + 1, &end, 10);
	*len = (uint8_t)v;
	return !*end && v <= (family == AF_INET ? 32 : 128) && inet_pton(family, host, addr) == 1;
}

static enum lan_err set_bgp(struct lan_neighbor *n, const struct lan_neighbor_bgp *b, const char **why)
{
	struct lsoe_ulpc u = {
		.asn = b->asn, .gtsm = b->gtsm, .auth = b->auth, .auth_len = (uint8_t)b->auth_len};
	if (!b->asn)
		return LAN_OK;
	if (!b->address4 && !b->address6)
		return neighbor_why(why, LAN_ERR_INVAL, "bgp: no address; give address4, address6 or both");
	if (b->auth_len > 253)
		return neighbor_why(
			why, LAN_ERR_INVAL, "bgp: %zu octets of authentication; at most 253", b->auth_len);
	u.have4 = b->address4 != NULL, u.have6 = b->address6 != NULL;
	if (u.have4 && !prefix(b->address4, AF_INET, u.addr4, &u.prefix4))
		return neighbor_why(why, LAN_ERR_INVAL,
			"bgp: '%s' is no IPv4 address with length, e.g. 10.0.0.1/30", b->address4);
	if (u.have6 && !prefix(b->address6, AF_INET6, u.addr6, &u.prefix6))
		return neighbor_why(why, LAN_ERR_INVAL,
			"bgp: '%s' is no IPv6 address with length, e.g. 2001:db8::1/64", b->address6);
	return lsoe_ulpc_set(n->core, lan_loop_stamp(n->loop), &u);
}

/* ---- what is kept
 * ------------------------------------------------------------------------------------------------ */

static enum lan_err saved_session(
	void *ctx, const char *ifname, const uint8_t mac[6], uint8_t **out, size_t *len)
{
	struct lan_neighbor *n = ctx;
	const struct neighbor_link *l = neighbor_link_named(n, ifname);
	return l ? lsoe_save(n->core, l->index, mac, out, len) : LAN_ERR_NOTFOUND;
}

static void not_kept(void *ctx, enum lan_err e, const char *why)
{
	struct lan_neighbor *n = ctx;
	(void)e;
	strncpy(n->reason, why, sizeof n->reason - 1);
	n->state_failed = true;
	neighbor_news(n);
}

static enum lan_err open_state(
	struct lan_neighbor *n, const struct lan_neighbor_config *cfg, const char **why)
{
	if (!cfg->state_dir)
		return LAN_OK;
	struct neighbor_state_config s = {.loop = n->loop,
		.dir = cfg->state_dir,
		.resume = cfg->resume ? cfg->resume : LAN_SEC(60),
		.session = saved_session,
		.failed = not_kept,
		.ctx = n};
	enum lan_err e = neighbor_state_open(&s, &n->state, why);
	const struct neighbor_pins *p = e ? NULL : neighbor_state_pins(n->state);
	for (size_t i = 0; !e && i < p->n; i++)
		e = lsoe_pin(n->core, p->pin[i].id, p->pin[i].id_len, &p->pin[i].key);
	if (e == LAN_ERR_FULL)
		return neighbor_why(why, LAN_ERR_LIMIT, "%s: more keys than can be used", cfg->state_dir);
	return e;
}

/* ---- open and close
 * -------------------------------------------------------------------------------------------------- */

static enum lan_err open_drv(struct lan_neighbor *n, const char **why)
{
	struct lan_fdrv_config d = {.loop = n->loop,
		.ops = &lsoe_ops,
		.core = n->core,
		.ethertype = n->set.ethertype,
		.receive_buffer = n->receive_buffer,
		.ready = on_ready,
		.broken = neighbor_link_broken,
		.ctx = n};
	enum lan_err e = lan_fdrv_open(&d, &n->drv);
	if (e == LAN_ERR_PERM)
		return neighbor_why(why, e,
			"raw Ethernet sockets need CAP_NET_RAW: run as root, or give it to the program with "
			"`setcap cap_net_raw+ep`, or let the daemon do it");
	return e ? e : lan_netlink_open(n->loop, neighbor_link_event, n, &n->netlink);
}

static enum lan_err open_all(struct lan_neighbor *n, const struct lan_neighbor_config *cfg, const char **why)
{
	enum lan_err e = open_core(n, cfg, why);
	if (!e)
		e = set_bgp(n, &cfg->bgp, why);
	if (!e)
		e = open_drv(n, why);
	if (!e)
		e = open_state(n, cfg, why);
	if (!e)
		e = neighbor_north_open(n, cfg->report_url, why);
	if (!e)
		neighbor_links_all(n);
	return e;
}

enum lan_err lan_neighbor_open(struct lan_loop *loop, const struct lan_neighbor_config *cfg,
	struct lan_neighbor **out, const char **why)
{
	const char *unheard;
	if (!why)
		why = &unheard;
	*why = lan_err_text(LAN_ERR_INVAL);
	if (cfg->size != sizeof *cfg)
		return neighbor_why(
			why, LAN_ERR_INVAL, "the configuration is of another version of the library");
	struct lan_neighbor *n = calloc(1, sizeof *n);
	if (!n)
		return LAN_ERR_NOMEM;
	n->loop = loop;
	n->env = (struct lan_env){.entropy = lan_entropy};
	n->dialect = cfg->dialect == LAN_NEIGHBOR_LSOE ? LSOE_01 : LSOE_L3DL;
	n->receive_buffer = cfg->receive_buffer ? cfg->receive_buffer : 256 * 1024;
	n->keepalive = cfg->keepalive ? cfg->keepalive : LAN_SEC(1);
	n->dead = cfg->dead ? cfg->dead : lsoe_rules[n->dialect].dead;
	n->wake = (struct lan_task){.fn = on_wake, .ctx = n};
	n->task = (struct lan_task){.fn = neighbor_announce_changed, .ctx = n};
	/* The cryptographic libraries are made ready where a key or a signature first needs them: a thousand
	 * links without any take less memory than they would. */
	enum lan_err e = neighbor_settings(cfg, &n->set, why);
	if (!e) {
		*why = NULL;
		e = open_all(n, cfg, why);
	}
	if (e) {
		if (!*why)
			*why = lan_err_text(e);
		lan_neighbor_close(n);
		return e;
	}
	*out = n;
	return LAN_OK;
}

void lan_neighbor_close(struct lan_neighbor *n)
{
	if (!n)
		return;
	neighbor_north_close(n);
	neighbor_state_close(n->state); /* it still asks for sessions */
	lan_task_cancel(n->loop, &n->wake);
	if (n->task.queued)
		lan_task_cancel(n->loop, &n->task);
	lan_netlink_close(n->netlink);
	lan_fdrv_close(n->drv);
	lsoe_free(n->core);
	neighbor_settings_fini(&n->set);
	lsoe_list_fini(&n->common[0]);
	lsoe_list_fini(&n->common[1]);
	free(n->links);
	free(n->vendors);
	free(n);
}

/* ---- commands
 * ----------------------------------------------------------------------------------------------------------
 */

enum lan_err lan_neighbor_reset(struct lan_neighbor *n, const char *ifname, const char *mac)
{
	uint8_t octets[6];
	const struct neighbor_link *l = neighbor_link_named(n, ifname);
	if (!l || (mac && !neighbor_mac(mac, octets)))
		return LAN_ERR_NOTFOUND;
	enum lan_err e = lsoe_reset(n->core, lan_loop_stamp(n->loop), l->index, mac ? octets : NULL);
	lan_fdrv_kick(n->drv);
	return e;
}

enum lan_err lan_neighbor_roll(
	struct lan_neighbor *n, const char *key_file, const char *cert_file, const char **why)
{
	struct neighbor_keys k = {0};
	enum lan_err e = neighbor_keys_load(key_file, cert_file, NULL, &k, why);
	if (e)
		return e;
	e = lsoe_roll(n->core, lan_loop_stamp(n->loop), k.signer, k.cert, k.cert_len);
	if (!e)
		k.signer = NULL;
	neighbor_keys_fini(&k);
	lan_fdrv_kick(n->drv);
	if (e == LAN_ERR_NOTSUP)
		return neighbor_why(why, e, "there is no key to be replaced: it does not sign");
	return e;
}

enum lan_err lan_neighbor_vendor(struct lan_neighbor *n, const char *ifname, const char *mac,
	uint32_t enterprise, uint8_t type, const void *data, size_t len)
{
	uint8_t octets[6];
	const struct neighbor_link *l = neighbor_link_named(n, ifname);
	if (!l || !neighbor_mac(mac, octets))
		return LAN_ERR_NOTFOUND;
	enum lan_err e =
		lsoe_vendor(n->core, lan_loop_stamp(n->loop), l->index, octets, enterprise, type, data, len);
	lan_fdrv_kick(n->drv);
	return e;
}
