/*
 * node.c - the node: its links and the table of its peers, time, and the operations of the contract. Links
 * and peers are found by hash (SipHash under a secret seed: who chooses MAC addresses cannot choose
 * collisions).
 */
#include "proto/lsoe/lsoe_int.h"

#include <stdlib.h>
#include "base/map.h"

/* A tick that comes this much later than its deadline: this process did not run. */
#define PAUSE LAN_MS(20)

/* HELLOs after a link came up: now, and twice more soon, for the first may be lost. */
#define HELLO_FIRST 3

/* ---- small helpers ---------------------------------------------------------------- */

uint32_t lsoe_random(struct lsoe *n)
{
	uint8_t b[4];
	n->env.entropy(n->env.ctx, b, sizeof b);
	return lan_get_be32(b);
}

lan_time lsoe_jitter(struct lsoe *n, lan_time max)
{
	return max ? (lan_time)((uint64_t)max / 65536 * (lsoe_random(n) & 0xffff)) : 0;
}

const uint8_t *lsoe_own_id(const struct lsoe *n, const struct lsoe_link *l, uint8_t *len)
{
	*len = n->cfg.id_len ? n->cfg.id_len : l->id_len;
	return n->cfg.id_len ? n->cfg.id : l->id;
}

static uint32_t hash_link(const struct lsoe *n, uint32_t link)
{
	return (uint32_t)lan_siphash(n->seed, &link, sizeof link) & (n->link_cap - 1);
}

static uint32_t hash_peer(const struct lsoe *n, uint32_t link, const uint8_t mac[6])
{
	uint8_t key[10];
	lan_put_be32(key, link);
	memcpy(key + 4, mac, 6);
	return (uint32_t)lan_siphash(n->seed, key, sizeof key) & (n->peer_cap - 1);
}

static struct lsoe_link *find_any(const struct lsoe *n, uint32_t link)
{
	struct lsoe_link *l = n->link_cap ? n->link_hash[hash_link(n, link)] : NULL;
	while (l && l->link != link)
		l = l->hash_next;
	return l;
}

struct lsoe_link *lsoe_find_link(const struct lsoe *n, uint32_t link)
{
	struct lsoe_link *l = find_any(n, link);
	return l && !l->forgotten ? l : NULL;
}

struct lsoe_peer *lsoe_find_peer(const struct lsoe *n, const struct lsoe_link *l, const uint8_t mac[6])
{
	struct lsoe_peer *p = n->peer_cap ? n->peer_hash[hash_peer(n, l->link, mac)] : NULL;
	while (p && (p->link != l || memcmp(p->mac, mac, 6)))
		p = p->hash_next;
	return p;
}

struct lsoe_link *lsoe_own_mac(const struct lsoe *n, const uint8_t mac[6], const struct lsoe_link *than)
{
	for (uint32_t i = 0; i < n->link_cap; i++)
		for (struct lsoe_link *l = n->link_hash[i]; l; l = l->hash_next)
			if (l != than && l->up && !memcmp(l->mac, mac, 6))
				return l;
	return NULL;
}

/* ---- growing the tables ------------------------------------------------------------- */

static bool grow_links(struct lsoe *n)
{
	if (n->n_links < n->link_cap)
		return true;
	uint32_t old = n->link_cap, cap = old ? old * 2 : 8;
	struct lsoe_link **h = calloc(cap, sizeof *h), **was = n->link_hash;
	if (!h)
		return false;
	n->link_hash = h, n->link_cap = cap;
	for (uint32_t i = 0; i < old; i++)
		for (struct lsoe_link *l = was[i], *next; l; l = next) {
			next = l->hash_next;
			l->hash_next = h[hash_link(n, l->link)];
			h[hash_link(n, l->link)] = l;
		}
	free(was);
	return true;
}

static bool grow_peers(struct lsoe *n)
{
	if (n->n_peers < n->peer_cap)
		return true;
	uint32_t old = n->peer_cap, cap = old ? old * 2 : 8;
	struct lsoe_peer **a = realloc(n->peers, cap * sizeof *a);
	if (!a)
		return false;
	n->peers = a;
	struct lsoe_peer **h = calloc(cap, sizeof *h), **was = n->peer_hash;
	if (!h)
		return false;
	n->peer_hash = h, n->peer_cap = cap;
	for (uint32_t i = 0; i < old; i++)
		for (struct lsoe_peer *p = was[i], *next; p; p = next) {
			next = p->hash_next;
			uint32_t at = hash_peer(n, p->link->link, p->mac);
			p->hash_next = h[at];
			h[at] = p;
		}
	free(was);
	return true;
}

/* ---- peers ------------------------------------------------------------------------------ */

void lsoe_half(struct lsoe_peer *p, bool yes)
{
	struct lsoe_link *l = p->link;
	if (p->in_half == yes)
		return;
	p->in_half = yes;
	if (yes) {
		l->half++;
		p->half_next = NULL;
		p->half_prev = l->half_last;
		if (l->half_last)
			l->half_last->half_next = p;
		else
			l->half_first = p;
		l->half_last = p;
		return;
	}
	l->half--;
	if (p->half_prev)
		p->half_prev->half_next = p->half_next;
	else
		l->half_first = p->half_next;
	if (p->half_next)
		p->half_next->half_prev = p->half_prev;
	else
		l->half_last = p->half_prev;
}

static void unlink_out(struct lsoe_link *l, struct lsoe_peer *p)
{
	struct lsoe_peer **at = &l->out_first, *prev = NULL;
	while (*at != p)
		prev = *at, at = &(*at)->out_next;
	*at = p->out_next;
	if (l->out_last == p)
		l->out_last = prev;
	p->in_out = false;
}

static void unlink_news(struct lsoe *n, struct lsoe_peer *p)
{
	struct lsoe_peer **at = &n->news_first, *prev = NULL;
	while (*at != p)
		prev = *at, at = &(*at)->news_next;
	*at = p->news_next;
	if (n->news_last == p)
		n->news_last = prev;
	p->in_news = false;
}

static void unlink_peer(struct lsoe *n, struct lsoe_peer *p)
{
	struct lsoe_link *l = p->link;
	struct lsoe_peer **at = &n->peer_hash[hash_peer(n, l->link, p->mac)];
	while (*at != p)
		at = &(*at)->hash_next;
	*at = p->hash_next;
	if (p->link_prev)
		p->link_prev->link_next = p->link_next;
	else
		l->first = p->link_next;
	if (p->link_next)
		p->link_next->link_prev = p->link_prev;
	n->peers[p->index] = n->peers[--n->n_peers];
	n->peers[p->index]->index = p->index;
	l->peers--;
}

void lsoe_drop_peer(struct lsoe *n, struct lsoe_peer *p)
{
	lsoe_half(p, false);
	if (p->in_out)
		unlink_out(p->link, p);
	if (p->in_news)
		unlink_news(n, p);
	unlink_peer(n, p);
	lan_timers_unset(&n->timers, &p->timed.t);
	lsoe_out_drop_all(n, p);
	lsoe_told_free(p);
	lsoe_lists_clear(p);
	lsoe_reasm_fini(&p->reasm, &p->link->budget);
	lsoe_key_fini(&p->key);
	lsoe_key_fini(&p->old_key);
	free(p->measure);
	free(p->id);
	free(p);
}

/* Whether another may take its place in a table that is full: it has said nothing that costs anybody
 * anything, or it has had its time. */
static bool may_give_way(const struct lsoe_peer *p, lan_time now)
{
	if (p->told_up || p->in_news)
		return false;
	return !p->have_nonce || now - p->since > LAN_SEC(1);
}

static bool make_room(struct lsoe *n, lan_time now, struct lsoe_link *l)
{
	if (l->half >= n->cfg.max_half_open || l->peers >= n->cfg.max_peers) {
		struct lsoe_peer *old = l->half_first;
		if (!old || !may_give_way(old, now)) {
			bool all = l->peers >= n->cfg.max_peers;
			lsoe_count(l, all ? LSOE_C_drop_peers : LSOE_C_drop_half_open);
			lsoe_refused(n, now, l, NULL,
				all ? "as many sessions as max_peers allows"
				    : "too many sessions begin at once");
			return false;
		}
		lsoe_drop_peer(n, old);
	}
	if (grow_peers(n) && lan_timers_reserve(&n->timers, n->n_peers + 1 + n->n_links) == LAN_OK)
		return true;
	lsoe_count(l, LSOE_C_drop_memory);
	return false;
}

struct lsoe_peer *lsoe_make_peer(struct lsoe *n, lan_time now, struct lsoe_link *l, const uint8_t mac[6])
{
	if (!make_room(n, now, l))
		return NULL;
	struct lsoe_peer *p = calloc(1, sizeof *p);
	if (!p) {
		lsoe_count(l, LSOE_C_drop_memory);
		return NULL;
	}
	p->link = l;
	memcpy(p->mac, mac, 6);
	p->nonce_at = p->open_at = p->stall_at = p->prove_at = p->retry_at = p->keepalive_at =
		p->dormant_until = LAN_NEVER;
	p->since = now;
	lsoe_reasm_init(&p->reasm);
	uint32_t at = hash_peer(n, l->link, mac);
	p->hash_next = n->peer_hash[at];
	n->peer_hash[at] = p;
	p->link_next = l->first;
	if (l->first)
		l->first->link_prev = p;
	l->first = p;
	p->index = n->n_peers;
	n->peers[n->n_peers++] = p;
	l->peers++;
	lsoe_half(p, true);
	return p;
}

/* ---- links ----------------------------------------------------------------------------------- */

static bool hello_wanted(const struct lsoe *n, const struct lsoe_link *l)
{
	return l->up && (n->d == LSOE_01 || n->cfg.multi_link || !l->established);
}

void lsoe_arm_link(struct lsoe *n, struct lsoe_link *l)
{
	lan_timers_set(&n->timers, &l->timed.t, hello_wanted(n, l) ? l->hello_at : LAN_NEVER);
}

void lsoe_hello_soon(struct lsoe *n, lan_time now, struct lsoe_link *l)
{
	lan_time at = now + LAN_MS(100) + lsoe_jitter(n, LAN_SEC(1));
	if (l->up && at < l->hello_at && (!l->last_hello || now - l->last_hello >= LAN_SEC(1))) {
		l->hello_at = at;
		lsoe_arm_link(n, l);
	}
}

static void link_due(struct lsoe *n, lan_time now, struct lsoe_link *l)
{
	if (hello_wanted(n, l)) {
		l->hello_due = true;
		lsoe_want(n, l);
		lan_time pause = n->cfg.hello, soon = LAN_SEC(1) << l->hello_tries;
		if (l->hello_tries < HELLO_FIRST - 1 && !l->established && soon < pause)
			pause = soon;
		if (l->hello_tries < HELLO_FIRST)
			l->hello_tries++;
		l->hello_at = now + pause;
	}
	lsoe_arm_link(n, l);
}

static struct lsoe_link *make_link(struct lsoe *n, lan_time now, uint32_t link)
{
	if (!grow_links(n) || lan_timers_reserve(&n->timers, n->n_peers + n->n_links + 1) != LAN_OK)
		return NULL;
	struct lsoe_link *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->timed.is_link = true;
	l->link = link;
	l->hello_at = l->self_told = l->refused_told = LAN_NEVER;
	l->budget.max = 1u << 20;
	l->credit = LSOE_CREDIT_MIN;
	l->credit_at = now;
	l->tsn = (uint16_t)lsoe_random(n);
	uint32_t at = hash_link(n, link);
	l->hash_next = n->link_hash[at];
	n->link_hash[at] = l;
	n->n_links++;
	return l;
}

static bool set_id(struct lsoe_link *l, const uint8_t *id, uint8_t len)
{
	if (l->id && l->id_len == len && (!len || !memcmp(l->id, id, len)))
		return true;
	uint8_t *p = malloc(len ? len : 1);
	if (!p)
		return false;
	if (len)
		memcpy(p, id, len);
	free(l->id);
	l->id = p, l->id_len = len;
	return true;
}

static void close_all(
	struct lsoe *n, lan_time now, struct lsoe_link *l, enum lsoe_counter why, const char *reason)
{
	for (struct lsoe_peer *p = l->first, *next; p; p = next) {
		next = p->link_next;
		p->held = p->ourself = false;
		p->auth_failures = 0;
		lsoe_close(n, now, p, why, reason);
		lsoe_reap(n, p);
	}
}

enum lan_err lsoe_link_up(struct lsoe *n, lan_time now, const struct lsoe_link_config *cfg)
{
	if (cfg->link == 0 || cfg->mtu < 64 || cfg->mac[0] & 1 ||
		(n->d == LSOE_L3DL && !n->cfg.id_len && !cfg->id_len))
		return LAN_ERR_INVAL;
	struct lsoe_link *l = find_any(n, cfg->link);
	if (!l && !(l = make_link(n, now, cfg->link)))
		return LAN_ERR_NOMEM;
	if (!set_id(l, cfg->id, cfg->id_len))
		return LAN_ERR_NOMEM;
	l->forgotten = false;
	/* Another address is another neighbour to the others: what they know under the old one is void. */
	if (l->up && memcmp(l->mac, cfg->mac, 6))
		close_all(n, now, l, LSOE_C_down_link, "our own MAC address changed");
	bool anew = !l->up || memcmp(l->mac, cfg->mac, 6) || memcmp(l->hello_to, cfg->hello_to, 6);
	memcpy(l->mac, cfg->mac, 6);
	memcpy(l->hello_to, cfg->hello_to, 6);
	l->mtu = cfg->mtu < LSOE_MTU ? cfg->mtu : LSOE_MTU;
	l->up = true;
	if (anew) {
		l->hello_tries = 0;
		link_due(n, now,
			l); /* at once (section 2.6, and issue of users: 60 s after the cable is plugged) */
	}
	return LAN_OK;
}

static void unlink_want(struct lsoe *n, struct lsoe_link *l)
{
	struct lsoe_link **at = &n->want_first, *prev = NULL;
	while (*at != l)
		prev = *at, at = &(*at)->want_next;
	*at = l->want_next;
	if (n->want_last == l)
		n->want_last = prev;
	l->in_want = false;
}

/* What the owner knows of the link: its counters go to the node. */
static void forget_link(struct lsoe *n, struct lsoe_link *l)
{
	for (unsigned i = 0; i < LSOE_C_N; i++)
		n->gone.v[i] += l->c.v[i];
	l->c = (struct lsoe_counters){0};
	for (unsigned i = 0; i < 4; i++)
		lsoe_list_fini(&l->list[i]);
	l->forgotten = true;
}

static void free_link(struct lsoe *n, struct lsoe_link *l)
{
	while (l->first)
		lsoe_drop_peer(n, l->first);
	if (l->in_want)
		unlink_want(n, l);
	lan_timers_unset(&n->timers, &l->timed.t);
	struct lsoe_link **at = &n->link_hash[hash_link(n, l->link)];
	while (*at != l)
		at = &(*at)->hash_next;
	*at = l->hash_next;
	n->n_links--;
	forget_link(n, l);
	free(l->id);
	free(l);
}

void lsoe_links_free(struct lsoe *n)
{
	for (uint32_t i = 0; i < n->link_cap; i++)
		while (n->link_hash[i])
			free_link(n, n->link_hash[i]);
}

/* A link that is gone stays until it was told that its neighbours are down. */
void lsoe_link_told(struct lsoe *n, struct lsoe_peer *p)
{
	struct lsoe_link *l = p->link;
	lsoe_drop_peer(n, p);
	if (!l->first)
		free_link(n, l);
}

void lsoe_link_down(struct lsoe *n, lan_time now, uint32_t link, bool forget)
{
	struct lsoe_link *l = lsoe_find_link(n, link);
	if (!l)
		return;
	n->now = now;
	l->up = false;
	l->hello_due = false;
	close_all(n, now, l, LSOE_C_down_link, forget ? "the interface is gone" : "link down");
	lsoe_arm_link(n, l);
	if (!forget)
		return;
	forget_link(n, l);
	for (struct lsoe_peer *p = l->first, *next; p; p = next) {
		next = p->link_next;
		if (!p->told_up)
			lsoe_drop_peer(n, p);
	}
	if (!l->first)
		free_link(n, l);
}

enum lan_err lsoe_link_status(const struct lsoe *n, uint32_t link, struct lsoe_link_status *out)
{
	const struct lsoe_link *l = lsoe_find_link(n, link);
	if (!l)
		return LAN_ERR_NOTFOUND;
	*out = (struct lsoe_link_status){.up = l->up,
		.last_hello = l->last_hello,
		.peers = l->peers,
		.established = l->established,
		.counters = &l->c};
	return LAN_OK;
}

/* ---- time --------------------------------------------------------------------------------------- */

static lan_time deadline(const void *core)
{
	return lan_timers_next(&((const struct lsoe *)core)->timers);
}

/* A deadline that is run much too late was missed because this process did not run: that is nobody's silence.
 * What waited in the sockets was read before (io/loop.h), and this covers what they could not hold. */
void lsoe_credit_pause(struct lsoe *n, lan_time now)
{
	lan_time due = lan_timers_next(&n->timers);
	if (due < n->last_now)
		due = n->last_now;
	n->last_now = now;
	if (due == LAN_NEVER)
		return;
	if (now > due + PAUSE) {
		n->paused += now - due;
		n->gone.v[LSOE_C_pauses]++;
	}
}

static void tick(void *core, lan_time now)
{
	struct lsoe *n = core;
	n->now = now;
	lsoe_credit_pause(n, now);
	struct lan_timer *t;
	while ((t = lan_timers_due(&n->timers, now))) {
		struct lsoe_timed *x = (struct lsoe_timed *)t;
		if (x->is_link)
			link_due(n, now, (struct lsoe_link *)x);
		else
			lsoe_peer_due(n, now, (struct lsoe_peer *)x);
	}
}

/* ---- the rest of the contract ------------------------------------------------------------------ */

static bool want(void *core, uint32_t *link)
{
	struct lsoe *n = core;
	struct lsoe_link *l = n->want_first;
	if (!l)
		return false;
	n->want_first = l->want_next;
	if (!n->want_first)
		n->want_last = NULL;
	l->in_want = false;
	*link = l->link;
	return true;
}

static void unsent(void *core, lan_time now, uint32_t link, enum lan_err why)
{
	struct lsoe *n = core;
	struct lsoe_link *l = lsoe_find_link(n, link);
	(void)now, (void)why;
	if (l)
		lsoe_count(l, LSOE_C_tx_failed);
}

static bool ready(const void *core)
{
	const struct lsoe *n = core;
	return n->news_first || n->misc_n;
}

const struct lan_frame_ops lsoe_ops = {.name = "lsoe",
	.input = lsoe_input,
	.want = want,
	.output = lsoe_output,
	.unsent = unsent,
	.tick = tick,
	.deadline = deadline,
	.ready = ready,
	.known = lsoe_known_macs};
