/*
 * event.c - what the application is told. What is a state (a session, a list) is told as the difference
 * between what was told and what is, so that it needs no memory and nothing is lost however late the
 * application pulls; what is not (errors, refusals, VENDOR) waits in a bounded queue, and is counted when
 * that is full.
 */
#include "proto/lsoe/lsoe_int.h"

#include <stdlib.h>

void lsoe_news(struct lsoe *n, struct lsoe_peer *p)
{
	if (p->in_news)
		return;
	p->in_news = true;
	p->news_next = NULL;
	if (n->news_last)
		n->news_last->news_next = p;
	else
		n->news_first = p;
	n->news_last = p;
}

void lsoe_misc_fini(struct lsoe_misc *m)
{
	free(m->bytes);
	lsoe_key_fini(&m->key);
	*m = (struct lsoe_misc){0};
}

/* Who it is about, into the event; id and attributes are copied into `bytes` of the queue's entry. */
struct lsoe_misc *lsoe_tell(struct lsoe *n, lan_time now, struct lsoe_link *l, struct lsoe_peer *p,
	enum lsoe_event_kind kind, const char *reason)
{
	if (n->misc_n == LSOE_MISC) {
		lsoe_count(l, LSOE_C_events_dropped);
		return NULL;
	}
	struct lsoe_misc *m = &n->misc[(n->misc_first + n->misc_n) % LSOE_MISC];
	*m = (struct lsoe_misc){
		.ev = {.kind = kind, .link = l->link, .reason = reason ? reason : "", .at = now}};
	if (p) {
		memcpy(m->ev.mac, p->mac, 6);
		m->ev.session = p->session;
	}
	if (p && p->id && p->id_len) {
		m->bytes = malloc(p->id_len);
		if (!m->bytes) {
			lsoe_count(l, LSOE_C_events_dropped);
			return NULL;
		}
		memcpy(m->bytes, p->id, p->id_len);
		m->ev.id = m->bytes, m->ev.id_len = p->id_len;
	}
	n->misc_n++;
	return m;
}

/* At most one a second of each link; the counters have them all. */
void lsoe_refused(struct lsoe *n, lan_time now, struct lsoe_link *l, struct lsoe_peer *p, const char *reason)
{
	if (l->refused_told != LAN_NEVER && now - l->refused_told < LAN_SEC(1))
		return;
	l->refused_told = now;
	(void)lsoe_tell(n, now, l, p, LSOE_EV_REFUSED, reason);
}

static void about(const struct lsoe_peer *p, struct lsoe_event *ev)
{
	*ev = (struct lsoe_event){.link = p->link->link,
		.id = p->id,
		.id_len = p->id_len,
		.attrs = p->id ? p->id + p->id_len : NULL,
		.n_attrs = p->n_attrs,
		.session = p->session,
		.reason = "",
		.at = p->since};
	memcpy(ev->mac, p->mac, 6);
}

/* The next thing in which what was told of a peer differs from what is. */
static bool state_event(struct lsoe *n, struct lsoe_peer *p, struct lsoe_event *ev)
{
	about(p, ev);
	if (p->told_up && (!p->established || p->told_session != p->session)) {
		p->told_up = false;
		ev->kind = LSOE_EV_DOWN;
		ev->session = p->told_session;
		ev->reason = p->reason ? p->reason : "";
		return true;
	}
	if (p->established && !p->told_up) {
		p->told_up = true;
		p->told_session = p->session;
		p->news_lists = 0;
		for (unsigned i = 0; i < 4; i++)
			p->news_lists |= (uint8_t)((p->list[i].count > 0) << i);
		ev->kind = LSOE_EV_UP;
		return true;
	}
	for (unsigned i = 0; p->established && i < 4; i++)
		if (p->news_lists & 1u << i) {
			p->news_lists &= (uint8_t) ~(1u << i);
			ev->kind = LSOE_EV_ENCAPS;
			ev->type = (uint8_t)(LSOE_IPV4 + i);
			return true;
		}
	if (p->news_key_learned) {
		p->news_key_learned = false;
		ev->kind = LSOE_EV_KEY;
		ev->reason = "learned";
		ev->key = &p->key;
		return true;
	}
	if (p->news_save && n->cfg.want_saved) {
		p->news_save = false;
		ev->kind = LSOE_EV_SAVE;
		return true;
	}
	return false;
}

/* What was said in a session that is over by now: DOWN was told before. */
static bool too_late(const struct lsoe *n, const struct lsoe_event *ev)
{
	if (ev->kind != LSOE_EV_VENDOR && ev->kind != LSOE_EV_ULPC)
		return false;
	const struct lsoe_link *l = lsoe_find_link(n, ev->link);
	const struct lsoe_peer *p = l ? lsoe_find_peer(n, l, ev->mac) : NULL;
	return !p || !p->told_up || p->told_session != ev->session;
}

static bool misc_event(struct lsoe *n, struct lsoe_event *ev)
{
	while (n->misc_n && too_late(n, &n->misc[n->misc_first].ev)) {
		lsoe_misc_fini(&n->misc[n->misc_first]);
		n->misc_first = (n->misc_first + 1) % LSOE_MISC;
		n->misc_n--;
	}
	if (!n->misc_n)
		return false;
	n->told = n->misc[n->misc_first]; /* the one before was freed when this call began */
	n->misc_first = (n->misc_first + 1) % LSOE_MISC;
	n->misc_n--;
	*ev = n->told.ev;
	if (n->told.key.alg)
		ev->key = &n->told.key;
	return true;
}

bool lsoe_event(struct lsoe *n, lan_time now, struct lsoe_event *ev)
{
	(void)now;
	lsoe_misc_fini(&n->told);
	while (n->news_first) {
		struct lsoe_peer *p = n->news_first;
		if (state_event(n, p, ev))
			return true;
		n->news_first = p->news_next;
		if (!n->news_first)
			n->news_last = NULL;
		p->in_news = false;
		if (p->link->forgotten)
			lsoe_link_told(n, p);
		else
			lsoe_reap(n, p);
	}
	return misc_event(n, ev);
}
