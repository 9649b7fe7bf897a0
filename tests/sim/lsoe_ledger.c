/*
 * lsoe_ledger.c - what applications are told of their neighbours, and what the
 * two ends of a link have to agree on.
 *
 * Told: UP and DOWN alternate, lists, errors and messages come between them only,
 * a list that is read is the one that was last told to have changed, a session
 * keeps its number and has not had it before. Agreed: both established, each hears
 * what the other announces, nothing waits for an acknowledgement, and nobody is
 * known who is not there.
 *
 * Lists are compared by a sum over their entries: their order is not promised.
 */
#include <stdlib.h>
#include <string.h>
#include "lsoe_world.h"

#define ULL(x) ((unsigned long long)(x))

/* --- sums of lists ------------------------------------------------------------------ */

static uint64_t mix(uint64_t h, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h ^ h >> 29;
}

static uint64_t sum_entry(enum lsoe_dialect d, uint8_t type, const struct lsoe_entry *e)
{
	unsigned mask = LSOE_F_PRIMARY | LSOE_F_LOOPBACK | (d == LSOE_L3DL ? LSOE_F_OVERLAY : 0);
	uint8_t head[3] = {(uint8_t)(e->flags & mask), e->prefix, e->n_labels};
	uint64_t h = mix(0xcbf29ce484222325u, head, type >= LSOE_MPLS4 ? 3 : 2);

	h = mix(h, e->addr, type == LSOE_IPV4 || type == LSOE_MPLS4 ? 4 : 16);
	for (int i = 0; type >= LSOE_MPLS4 && i < e->n_labels; i++) {
		uint32_t label = lsoe_label(e->labels + 3 * i);
		uint8_t b[3] = {(uint8_t)(label >> 16), (uint8_t)(label >> 8), (uint8_t)label};

		h = mix(h, b, 3);
	}
	return h | 1;
}

static uint64_t sum_list(enum lsoe_dialect d, uint8_t type, const struct lsoe_list *l)
{
	struct lsoe_entry e;
	uint64_t sum = 0;
	size_t at = 0;

	while (l && lsoe_list_next(l, type, &at, &e))
		sum += sum_entry(d, type, &e);
	return sum;
}

static uint64_t sum_own(const struct lworld *w, const struct lw_port *p, uint8_t type)
{
	const struct lw_node *d = &w->node[p->node];
	const struct lw_list *l = &(d->model ? &w->port[d->port[0]] : p)->list[type - LSOE_IPV4];
	uint64_t sum = 0;

	if (d->model && type >= LSOE_MPLS4)
		return 0;
	for (size_t i = 0; i < l->n; i++)
		sum += sum_entry(d->model ? LSOE_01 : w->dialect, type,
			&(struct lsoe_entry){.flags = l->e[i].flags,
				.addr = l->e[i].addr,
				.prefix = l->e[i].prefix,
				.labels = l->e[i].labels,
				.n_labels = l->e[i].n_labels});
	return sum;
}

/* As the original keeps them: the value of the PDU. */
static uint64_t sum_value(uint8_t type, const uint8_t *p, size_t n)
{
	size_t addr = type == LSOE_IPV4 ? 4 : 16;
	uint64_t sum = 0;

	for (size_t off = 2; p && off + addr + 2 <= n; off += addr + 2)
		sum += sum_entry(LSOE_01, type,
			&(struct lsoe_entry){.flags = (p[off] & 0x80 ? LSOE_F_PRIMARY : 0) |
						      (p[off] & 0x40 ? LSOE_F_LOOPBACK : 0),
				.addr = p + off + 1,
				.prefix = p[off + 1 + addr]});
	return sum;
}

/* --- what is told ---------------------------------------------------------------------- */

struct lw_seen *lledger_seen(struct lw_node *d, uint32_t link, const uint8_t mac[6])
{
	for (size_t i = 0; i < d->n_seen; i++)
		if (d->seen[i].link == link && memcmp(d->seen[i].mac, mac, 6) == 0)
			return &d->seen[i];
	return NULL;
}

static struct lw_seen *seen_new(struct lw_node *d, uint32_t link, const uint8_t mac[6])
{
	struct lw_seen *s = lledger_seen(d, link, mac);

	if (s)
		return s;
	d->seen = realloc(d->seen, (d->n_seen + 1) * sizeof *d->seen);
	if (!d->seen)
		abort();
	s = &d->seen[d->n_seen++];
	*s = (struct lw_seen){.link = link};
	memcpy(s->mac, mac, 6);
	return s;
}

void lledger_boot(struct lw_node *d)
{
	d->n_seen = 0;
}

static bool status_of(const struct lw_node *d, uint32_t link, const uint8_t mac[6], struct lsoe_status *st);
static struct lw_pin *pin_of(struct lw_node *d, const uint8_t *id, uint8_t len);

/* Once a key is known of a node, nothing else speaks for it, but for a key the anchor signed (section 2.7).
 */
static void judge_key(struct lw_node *d, const struct lsoe_event *ev)
{
	const struct lw_pin *pin = pin_of(d, ev->id, ev->id_len);
	struct lsoe_status st;

	if (pin && status_of(d, ev->link, ev->mac, &st) && (!st.key || !st.key->alg))
		sim_fail(d->w->sim, "%s: %s is up unsigned, and its key is known", d->name,
			lworld_mac(ev->mac));
}

static void take_up(struct lw_node *d, struct lw_seen *s, const struct lsoe_event *ev)
{
	struct sim *sim = d->w->sim;

	if (s->up)
		sim_fail(sim, "%s: %s is up twice", d->name, lworld_mac(ev->mac));
	if (s->ups && s->session == ev->session)
		sim_fail(sim, "%s: session %llu of %s begins again", d->name, ULL(ev->session),
			lworld_mac(ev->mac));
	if (d->w->dialect == LSOE_01 && ev->id_len != LSOE_ID_01)
		sim_fail(sim, "%s: an id of %u octets", d->name, ev->id_len);
	if (d->w->dialect == LSOE_L3DL && !d->w->memory_fails)
		judge_key(d, ev);
	s->up = true;
	s->session = ev->session;
	s->ups++;
	d->w->ups++;
	memset(s->told, 0, sizeof s->told);
	s->ulpc = 0;
}

static void take_list(struct lw_node *d, struct lw_seen *s, const struct lsoe_event *ev)
{
	if (ev->type < LSOE_IPV4 || ev->type > LSOE_MPLS6) {
		sim_fail(d->w->sim, "%s: a list of type %u", d->name, ev->type);
		return;
	}
	s->told[ev->type - LSOE_IPV4] =
		sum_list(d->w->dialect, ev->type, lsoe_heard(d->core, ev->link, ev->mac, ev->type));
	d->w->lists++;
}

static struct lw_pin *pin_of(struct lw_node *d, const uint8_t *id, uint8_t len)
{
	for (size_t i = 0; i < d->n_pin; i++)
		if (d->pin[i].id_len == len && memcmp(d->pin[i].id, id, len) == 0)
			return &d->pin[i];
	return NULL;
}

static void take_key(struct lw_node *d, const struct lsoe_event *ev)
{
	struct lw_pin *p;

	if (!ev->key || !ev->id || ev->id_len > sizeof p->id) /* somebody's of no interest */
		return;
	p = pin_of(d, ev->id, ev->id_len);
	if (!p) {
		d->pin = realloc(d->pin, (d->n_pin + 1) * sizeof *d->pin);
		if (!d->pin)
			abort();
		p = &d->pin[d->n_pin++];
		*p = (struct lw_pin){.id_len = ev->id_len};
		memcpy(p->id, ev->id, ev->id_len);
	}
	free(p->key.key);
	p->key = (struct lsoe_key){.alg = ev->key->alg, .len = ev->key->len, .key = malloc(ev->key->len)};
	if (!p->key.key)
		abort();
	memcpy(p->key.key, ev->key->key, ev->key->len);
}

static void take_save(struct lw_node *d, const struct lsoe_event *ev)
{
	struct lw_saved *s = NULL;
	uint8_t *p = NULL;
	size_t n = 0;
	enum lan_err e = lsoe_save(d->core, ev->link, ev->mac, &p, &n);

	if (e == LAN_ERR_NOMEM)
		e = lsoe_save(d->core, ev->link, ev->mac, &p, &n);
	if (e == LAN_ERR_NOTFOUND)
		return;
	lworld_must(d, "lsoe_save", e);
	if (e != LAN_OK)
		return;
	for (size_t i = 0; i < d->n_saved; i++)
		if (d->saved[i].link == ev->link && memcmp(d->saved[i].mac, ev->mac, 6) == 0)
			s = &d->saved[i];
	if (!s) {
		d->saved = realloc(d->saved, (d->n_saved + 1) * sizeof *d->saved);
		if (!d->saved)
			abort();
		s = &d->saved[d->n_saved++];
		*s = (struct lw_saved){.link = ev->link};
		memcpy(s->mac, ev->mac, 6);
	}
	free(s->p);
	s->p = malloc(n + 1);
	if (!s->p)
		abort();
	memcpy(s->p, p, n);
	s->len = n;
	lsoe_list_fini(
		&(struct lsoe_list){.p = p}); /* free, but the core's, which is another without memory */
}

static void take(struct lw_node *d, const struct lsoe_event *ev)
{
	static const char *const names[] = {"", "UP", "DOWN", "ENCAPS", "SELF", "CONFLICT", "ERROR",
		"REFUSED", "KEY", "ULPC", "VENDOR", "ACK", "SAVE"};
	bool inside = ev->kind == LSOE_EV_DOWN || ev->kind == LSOE_EV_ENCAPS || ev->kind == LSOE_EV_VENDOR ||
		      ev->kind == LSOE_EV_ULPC;
	struct lw_seen *s =
		ev->kind == LSOE_EV_UP ? seen_new(d, ev->link, ev->mac) : lledger_seen(d, ev->link, ev->mac);

	if (d->w->verbose)
		sim_note(d->w->sim, "%s: %s of %s by %u, type %u: %s", d->name, names[ev->kind],
			lworld_mac(ev->mac), ev->link, ev->type, ev->reason ? ev->reason : "");
	if (inside && (!s || !s->up)) {
		sim_fail(d->w->sim, "%s: %s of %s, which is not up", d->name, names[ev->kind],
			lworld_mac(ev->mac));
		return;
	}
	if (inside && s->session != ev->session)
		sim_fail(d->w->sim, "%s: %s of %s with the number of another session", d->name,
			names[ev->kind], lworld_mac(ev->mac));
	if (ev->kind == LSOE_EV_UP) {
		take_up(d, s, ev);
	} else if (ev->kind == LSOE_EV_DOWN) {
		s->up = false;
		d->w->downs++;
	} else if (ev->kind == LSOE_EV_ENCAPS) {
		take_list(d, s, ev);
	} else if (ev->kind == LSOE_EV_KEY) {
		take_key(d, ev);
	} else if (ev->kind == LSOE_EV_SAVE) {
		take_save(d, ev);
	} else if (ev->kind == LSOE_EV_ULPC) {
		s->ulpc = ev->ulpc.asn;
	}
}

/* What is read now is what was told. */
static void compare_told(struct lw_node *d)
{
	for (size_t i = 0; i < d->n_seen; i++) {
		const struct lw_seen *s = &d->seen[i];

		for (uint8_t t = LSOE_IPV4; t <= LSOE_MPLS6; t++) {
			const struct lsoe_list *l = lsoe_heard(d->core, s->link, s->mac, t);

			if (sum_list(d->w->dialect, t, l) == (s->up ? s->told[t - LSOE_IPV4] : 0))
				continue;
			sim_fail(d->w->sim, "%s: the list of type %u of %s is not the one that was told",
				d->name, t, lworld_mac(s->mac));
			return;
		}
	}
}

void lledger_pull(void *node, lan_time now)
{
	struct lw_node *d = node;
	struct lsoe_event ev;
	unsigned n = 0;

	if (d->model)
		return;
	while (!sim_failure(d->w->sim) && lsoe_event(d->core, now, &ev)) {
		take(d, &ev);
		n++;
	}
	if (n || (d->lives + now) % 16 == 0)
		compare_told(d);
}

/* --- what is agreed ---------------------------------------------------------------------- */

/* Does a take b for who he is, from what it knows of keys? */
static const char *refuses(struct lworld *w, const struct lw_port *a, const struct lw_port *b)
{
	struct lw_node *d = &w->node[a->node];
	const struct lw_node *peer = &w->node[b->node];
	uint8_t len;
	const uint8_t *id = lworld_id(w, b, &len);
	const struct lw_pin *pin = pin_of(d, id, len);

	if (w->dialect == LSOE_01)
		return NULL;
	if (peer->signs && peer->certified) /* the anchor is above what is remembered */
		return NULL;
	if (d->cfg.trust == LSOE_TRUST_ANCHOR)
		return "its key is not certified";
	if (pin && (!peer->signs ||
			   !lsoe_key_same(&pin->key, LSOE_ALG_ED25519, peer->public_key, LAN_SIGN_PUBLIC)))
		return "another key is known";
	return d->cfg.trust == LSOE_TRUST_TOFU && !peer->signs ? "it does not sign" : NULL;
}

const char *lledger_excuse(struct lworld *w, const struct lw_port *a, const struct lw_port *b)
{
	const struct lw_node *x = &w->node[a->node], *y = &w->node[b->node];
	const char *why;

	if (!frame_up(w->net, x->node) || !frame_up(w->net, y->node))
		return "one does not run";
	if (!a->carrier || !b->carrier || a->dumb || a->deaf || b->dumb || b->deaf)
		return "the link does not carry";
	if (x->model && y->model)
		return "none of ours";
	why = x->model ? lsoed_deaf(x->lsoed, a->link, b->mac) : NULL;
	if (!why)
		why = y->model ? lsoed_deaf(y->lsoed, b->link, a->mac) : NULL;
	if (!why && a->node != b->node)
		why = refuses(w, a, b);
	if (!why && a->node != b->node)
		why = refuses(w, b, a);
	return why;
}

static bool status_of(const struct lw_node *d, uint32_t link, const uint8_t mac[6], struct lsoe_status *st)
{
	for (size_t i = 0; lsoe_peer(d->core, i, st); i++)
		if (st->link == link && memcmp(st->mac, mac, 6) == 0)
			return true;
	return false;
}

static const char *model_view(struct lworld *w, const struct lw_port *a, const struct lw_port *b)
{
	const struct lsoed *m = w->node[a->node].lsoed;
	size_t n = 0;

	if (!lsoed_open(m, b->mac))
		return "the original has no session";
	if (lsoed_waiting(m, b->mac))
		return "the original waits for an acknowledgement";
	for (uint8_t t = LSOE_IPV4; t <= LSOE_IPV6; t++) {
		const uint8_t *v = lsoed_heard(m, b->mac, t, &n);

		if (sum_value(t, v, n) != sum_own(w, b, t))
			return "the original heard another list";
	}
	return NULL;
}

static bool known_lanyard(struct lworld *w, const struct lw_port *a, const struct lw_port *b)
{
	struct lsoe_status st;

	return w->node[a->node].core && status_of(&w->node[a->node], a->link, b->mac, &st) && st.lanyard;
}

/* What is wrong with what a knows of b; NULL: nothing. */
static const char *view(struct lworld *w, const struct lw_port *a, const struct lw_port *b)
{
	struct lw_node *d = &w->node[a->node];
	const struct lw_seen *s;
	struct lsoe_status st;
	uint8_t len;
	const uint8_t *id = lworld_id(w, b, &len);

	if (d->model)
		return model_view(w, a, b);
	if (!status_of(d, a->link, b->mac, &st))
		return "it is not known";
	if (a->node == b->node)
		return st.state == LSOE_OURSELF ? NULL : "it is not known to be the same node";
	if (st.state != LSOE_ESTABLISHED)
		return st.state == LSOE_HELD ? "it is held" : "the session is not established";
	s = lledger_seen(d, a->link, b->mac);
	if (!s || !s->up)
		return "established, but not told to be up";
	/* Unsigned, it is whoever spoke first: an OPEN that was forged at the right moment is as good as its
	 * own. */
	if (!w->node[b->node].model && (!w->hostile || w->node[b->node].signs) &&
		(st.id_len != len || memcmp(st.id, id, len) != 0))
		return "its id is another";
	if (st.unacked)
		return "something is not acknowledged";
	for (uint8_t t = LSOE_IPV4; t <= LSOE_MPLS6; t++)
		if (w->dialect == LSOE_01 && t >= LSOE_MPLS4 && w->hostile && !known_lanyard(w, b, a))
			continue; /* a forged OPEN hid who a is, and who is not Lanyard gets no labels */
		else if (s->told[t - LSOE_IPV4] != sum_own(w, b, t))
			return t == LSOE_IPV4   ? "its IPv4 list is another"
			       : t == LSOE_IPV6 ? "its IPv6 list is another"
						: "an MPLS list is another";
	if (w->dialect == LSOE_L3DL && s->ulpc != w->node[b->node].asn)
		return "its BGP parameters are others";
	return NULL;
}

static bool judge(
	struct lworld *w, bool say, const struct lw_port *a, const struct lw_port *b, const char *why)
{
	if (!why)
		return true;
	if (say)
		sim_fail(w->sim, "%s link %u does not agree about %s (%s link %u): %s", w->node[a->node].name,
			a->link, lworld_mac(b->mac), w->node[b->node].name, b->link, why);
	return false;
}

/* Nobody is known who is not there. */
static bool judge_strangers(struct lworld *w, bool say, struct lw_node *d)
{
	struct lsoe_status st;

	for (size_t i = 0; lsoe_peer(d->core, i, &st); i++) {
		const struct lw_port *a = lworld_link(d, st.link);

		if (a && lworld_at(w, a->segment, st.mac))
			continue;
		if (say)
			sim_fail(w->sim, "%s still knows %s, in state %d: %s", d->name, lworld_mac(st.mac),
				(int)st.state, st.reason ? st.reason : "");
		return false;
	}
	return true;
}

bool lledger_agreed(struct lworld *w, bool say)
{
	w->excused = w->refused = 0;
	for (int i = 0; i < w->n_port; i++)
		for (int k = 0; k < w->n_port; k++) {
			const struct lw_port *a = &w->port[i], *b = &w->port[k];

			if (i == k || a->segment != b->segment)
				continue;
			if (lledger_excuse(w, a, b)) {
				w->excused += w->node[a->node].model || w->node[b->node].model;
				w->refused += w->dialect == LSOE_L3DL;
				continue;
			}
			if (!judge(w, say, a, b, view(w, a, b)))
				return false;
		}
	for (int i = 0; i < w->n_node; i++)
		if (w->node[i].core && !judge_strangers(w, say, &w->node[i]))
			return false;
	return true;
}
