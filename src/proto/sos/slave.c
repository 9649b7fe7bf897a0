/*
 * slave.c - the slave's life and the operations of the contract: what comes in is sorted here (sealed or not,
 * control or request, from the master or not), what goes out is slave_send.c. Nothing allocates after
 * sos_slave_new.
 *
 * Refuses: with a key, what is not sealed, but for Hello and the AssocRequest that proves the key; without a
 * master, every request; with one, what others ask.
 */
#include "proto/sos/slave_int.h"

#include <stdlib.h>

/* ---- new and free ---------------------------------------------------------------------------------------
 */

size_t slave_room(const struct sos_slave *s)
{
	size_t gone = s->cfg.overhead + (s->seal ? SOS_SEAL_OVERHEAD : 0);
	size_t room = s->mtu > gone ? s->mtu - gone : 0;
	return room < SLAVE_ROOM ? SLAVE_ROOM : room > COAP_DATAGRAM ? COAP_DATAGRAM : room;
}

void slave_set_mtu(struct sos_slave *s, uint32_t mtu)
{
	s->mtu = mtu;
	/* Cannot fail: the slave has this one link. */
	if (coap_link(s->coap, s->cfg.link, (uint32_t)slave_room(s), true))
		return;
}

static bool config_ok(const struct sos_slave_config *c)
{
	size_t least = c->overhead + (c->key ? SOS_SEAL_OVERHEAD : 0) + SLAVE_ROOM;
	if (!c->n_resources != !c->resources)
		return false;
	return !c->id || (c->id <= SOS_ID_MAX && c->mtu >= least && c->mtu <= 0xffff);
}

static enum lan_err open_coap(struct sos_slave *s)
{
	struct coap_config c = s->cfg.coap;
	c.no_server = c.sos_client = false;
	c.shared = s->cfg.id ? UINT64_MAX : 0;
	c.sos_server = s->cfg.compat;
	c.one_observation = s->cfg.id != 0;
	if (s->cfg.compat)
		c.separate = LAN_SEC(3600); /* the original has no separate answers */
	s->max_open = c.max_incoming ? c.max_incoming : 64;
	s->open = calloc(s->max_open, sizeof *s->open);
	return s->open ? coap_new(s->env, &c, &s->coap) : LAN_ERR_NOMEM;
}

enum lan_err sos_slave_new(
	const struct lan_env *env, const struct sos_slave_config *cfg, struct sos_slave **out)
{
	if (!config_ok(cfg))
		return LAN_ERR_INVAL;
	struct sos_slave *s = calloc(1, sizeof *s);
	if (!s)
		return LAN_ERR_NOMEM;
	s->env = env, s->cfg = *cfg, s->up = true, s->hello = -1, s->mid = 1, s->why = "";
	s->poked = LAN_NEVER;
	if (!cfg->epochs[SOS_EPOCH_CASAN] && !cfg->epochs[SOS_EPOCH_SOS])
		s->cfg.epochs[SOS_EPOCH_CASAN] = true;
	s->epoch = s->cfg.epochs[SOS_EPOCH_CASAN] ? SOS_EPOCH_CASAN : SOS_EPOCH_SOS;
	enum lan_err e = open_coap(s);
	if (!e && cfg->key && cfg->id)
		e = slave_key_init(s, cfg->key);
	s->cfg.key = NULL;
	if (!e)
		e = slave_lists_init(s);
	if (e) {
		sos_slave_free(s);
		return e;
	}
	if (cfg->id)
		slave_set_mtu(s, cfg->mtu);
	*out = s;
	return LAN_OK;
}

void sos_slave_free(struct sos_slave *s)
{
	if (!s)
		return;
	coap_free(s->coap);
	slave_key_fini(s);
	slave_lists_fini(s);
	free(s->open);
	free(s);
}

void sos_slave_network(struct sos_slave *s, lan_time now, uint32_t link, bool up)
{
	if (link != s->cfg.link || up == s->up)
		return;
	s->up = up;
	if (!s->cfg.id)
		return;
	if (up)
		slave_begin(s, now, "the network is there");
	else
		slave_end(s, now, "the network is gone");
}

/* ---- what comes in --------------------------------------------------------------------------------------
 */

/* A message that is no control message. */
static enum lan_err other(struct sos_slave *s, lan_time now, const struct lan_ep *from, bool group,
	const struct coap_msg *m, size_t n, bool sealed)
{
	if (!slave_associated(s)) {
		slave_count(s, SOS_SLAVE_C_drop_waiting);
		return LAN_ERR_CLOSED;
	}
	if (!slave_same(from, &s->master)) {
		slave_count(s, SOS_SLAVE_C_drop_other_master);
		return LAN_ERR_PERM;
	}
	if (s->seal && !sealed) {
		slave_count(s, SOS_SLAVE_C_drop_sealed);
		return LAN_ERR_PERM;
	}
	return slave_request(s, now, from, group, m, n);
}

static enum lan_err message(struct sos_slave *s, lan_time now, const struct lan_ep *from, bool group,
	const uint8_t *buf, size_t n, bool sealed)
{
	struct coap_msg m;
	struct sos_control c;
	if (coap_decode(buf, n, &m)) {
		slave_count(s, SOS_SLAVE_C_drop_format);
		return LAN_ERR_PROTO;
	}
	if (sos_control_read(&m, &c)) {
		slave_count(s, SOS_SLAVE_C_drop_control);
		return LAN_ERR_PROTO;
	}
	if (c.kind == SOS_OTHER)
		return other(s, now, from, group, &m, n, sealed);
	if (!s->cfg.epochs[c.epoch]) {
		slave_count(s, SOS_SLAVE_C_drop_epoch);
		return LAN_ERR_VERSION;
	}
	slave_control(s, now, from, m.mid, &c);
	return LAN_OK;
}

static enum lan_err input(
	void *core, lan_time now, const struct lan_ep *from, bool group, const uint8_t *buf, size_t n)
{
	struct sos_slave *s = core;
	if (!s->cfg.id)
		return coap_ops.input(s->coap, now, from, group, buf, n);
	if (s->state == SOS_COLDSTART)
		slave_begin(s, now, "started");
	if (!n || buf[0] != SOS_SEALED || !s->seal)
		return message(s, now, from, group, buf, n, false);
	n = slave_unseal(s, from, buf, n);
	if (!n) {
		slave_count(s, SOS_SLAVE_C_drop_sealed);
		return LAN_ERR_PERM;
	}
	return message(s, now, from, group, s->scratch, n, true);
}

/* ---- the other operations -------------------------------------------------------------------------------
 */

static size_t output(void *core, lan_time now, struct lan_ep *to, uint8_t *buf, size_t cap)
{
	return slave_output(core, now, to, buf, cap);
}

static void unsent(void *core, lan_time now, const struct lan_ep *to, enum lan_err why)
{
	struct sos_slave *s = core;
	if (coap_ops.unsent && to->len)
		coap_ops.unsent(s->coap, now, to, why);
}

static void tick(void *core, lan_time now)
{
	struct sos_slave *s = core;
	if (s->cfg.id && s->up) {
		if (s->state == SOS_COLDSTART)
			slave_begin(s, now, "started");
		else
			slave_timers(s, now);
	}
	coap_ops.tick(s->coap, now);
}

static lan_time deadline(const void *core)
{
	const struct sos_slave *s = core;
	lan_time at = coap_ops.deadline(s->coap);
	if (!s->cfg.id || !s->up)
		return at;
	if (s->state == SOS_COLDSTART || s->discover || s->n_answers)
		return 0;
	lan_time mine = s->next;
	if (s->state != SOS_WAITING_UNKNOWN && s->limit < mine)
		mine = s->limit;
	return mine < at ? mine : at;
}

static bool ready(const void *core)
{
	const struct sos_slave *s = core;
	return s->news || coap_ops.ready(s->coap);
}

static bool is_open(const void *core)
{
	const struct sos_slave *s = core;
	return !coap_ops.open || coap_ops.open(s->coap);
}

const struct lan_ep_ops sos_slave_ops = {.name = "sos-slave",
	.input = input,
	.output = output,
	.unsent = unsent,
	.tick = tick,
	.deadline = deadline,
	.ready = ready,
	.open = is_open};

/* ---- what can be asked ----------------------------------------------------------------------------------
 */

void sos_slave_status(const struct sos_slave *s, struct sos_slave_status *out)
{
	*out = (struct sos_slave_status){.state = s->state,
		.have_master = s->have_master,
		.master = s->master,
		.epoch = s->epoch,
		.keyed = s->seal != NULL,
		.hello = s->hello < 0 ? 0 : (uint32_t)s->hello,
		.ttl = slave_associated(s) ? s->ttl : 0,
		.mtu = s->mtu,
		.since = s->since,
		.expires = slave_associated(s) ? s->limit : LAN_NEVER};
}

uint64_t sos_slave_counter(const struct sos_slave *s, enum sos_slave_counter c)
{
	return s->counters[c];
}

struct coap *sos_slave_coap(struct sos_slave *s)
{
	return s->coap;
}

const char *sos_slave_state_name(enum sos_slave_state state)
{
	static const char *const names[] = {[SOS_COLDSTART] = "coldstart",
		[SOS_WAITING_UNKNOWN] = "waiting-unknown",
		[SOS_WAITING_KNOWN] = "waiting-known",
		[SOS_RUNNING] = "running",
		[SOS_RENEW] = "renew"};
	return (size_t)state < sizeof names / sizeof *names ? names[state] : "?";
}

static const char *const counter_texts[][2] = {
#define X(name, help) {#name, help},
	SOS_SLAVE_COUNTERS(X)
#undef X
};

const char *sos_slave_counter_name(enum sos_slave_counter c)
{
	return counter_texts[c][0];
}

const char *sos_slave_counter_help(enum sos_slave_counter c)
{
	return counter_texts[c][1];
}
