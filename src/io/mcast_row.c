/*
 * mcast_row.c - which interfaces are joined: the rows that were asked for,
 * matched against the links and addresses there are, again at each change.
 *
 * An interface that goes down or away is left (so that nothing of it stays in
 * the socket) and joined again when it is back, under whatever index. A cable
 * that was unplugged leaves the membership alone; when it is plugged in again
 * the group is joined anew, because the switch behind it may be another one
 * that has not heard of us. "all" means each interface that is up and can
 * multicast; the loopback interface only while there is no other. A row of the
 * routing table keeps its interface until that goes away.
 *
 * Owners are told at the end of a turn, never from within a call of theirs.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "io/mcast_int.h"

/* How often what could not be joined is tried without any news (a route may have been added). */
#define RETRY LAN_SEC(1)

void mcast_row_state(struct lan_mcast *m, struct mcast_row *r, enum lan_err err)
{
	if (r->told && r->err == err)
		return;
	r->err = err;
	r->told = false;
	lan_task_queue(m->loop, &m->task);
}

static struct mcast_row *add_row(struct lan_mcast *m)
{
	if (m->n_rows == m->cap_rows) {
		size_t more = m->cap_rows ? m->cap_rows * 2 : 4;
		struct mcast_row *t = realloc(m->rows, more * sizeof *t);
		if (!t)
			return NULL;
		m->rows = t;
		m->cap_rows = more;
	}
	struct mcast_row *r = &m->rows[m->n_rows++];
	memset(r, 0, sizeof *r);
	r->err = LAN_ERR_NOTFOUND;
	return r;
}

/* ---- what was asked for -------------------------------------------------- */

static bool is_name(const char *text)
{
	size_t n = strlen(text);
	if (n == 0 || n >= IFNAMSIZ || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || strchr("/:\x7f", *text))
			return false;
	return true;
}

static enum lan_err ask_for(struct lan_mcast *m, const char *text, const char **why)
{
	union lan_sockaddr a;
	if (strcmp(text, "all") == 0) {
		m->all = true;
		return LAN_OK;
	}
	memset(&a, 0, sizeof a);
	if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1)
		a.any.sa_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1)
		a.any.sa_family = AF_INET6;
	else if (!is_name(text)) {
		*why = "an interface is named as in `ip link`, or by an address of this host, or \"all\"";
		return LAN_ERR_ADDR;
	}
	struct mcast_row *r = add_row(m);
	if (!r)
		return LAN_ERR_NOMEM;
	r->by = a.any.sa_family ? MCAST_BY_ADDR : MCAST_BY_NAME;
	r->want = a;
	if (r->by == MCAST_BY_NAME)
		strcpy(r->want_name, text);
	snprintf(r->name, sizeof r->name, "%s", text);
	return LAN_OK;
}

enum lan_err mcast_rows_open(struct lan_mcast *m, const struct lan_mcast_config *cfg, const char **why)
{
	enum lan_err e = LAN_OK;
	for (size_t i = 0; i < cfg->n_ifaces && !e; i++)
		e = ask_for(m, cfg->ifaces[i], why);
	if (e || cfg->n_ifaces)
		return e;
	char scope[IFNAMSIZ];
	if (mcast_v6(m) && m->group.v6.sin6_scope_id && if_indextoname(m->group.v6.sin6_scope_id, scope))
		return ask_for(m, scope, why);
	uint32_t index;
	union lan_sockaddr src;
	e = lan_netlink_route(&m->group, &index, &src);
	if (e == LAN_ERR_UNREACH)
		*why = "no route to the group: name an interface, or add a route (ip route add 224.0.0.0/4 "
		       "dev ..)";
	if (e)
		return e;
	struct mcast_row *r = add_row(m);
	if (!r)
		return LAN_ERR_NOMEM;
	r->by = MCAST_BY_ROUTE;
	strcpy(r->name, "by route");
	return LAN_OK;
}

/* ---- what there is -------------------------------------------------------- */

static bool usable(const struct lan_link_info *l)
{
	return l->flags & IFF_UP;
}

/* The address to send from: the one asked for, else the interface's first. IPv6 chooses by itself, and well.
 */
static void choose_source(const struct lan_mcast *m, struct mcast_row *r)
{
	union lan_sockaddr a;
	uint32_t index;
	uint8_t prefix;
	if (r->by == MCAST_BY_ADDR && r->want.any.sa_family == m->group.any.sa_family) {
		r->src = r->want;
		return;
	}
	if (r->by == MCAST_BY_ROUTE && r->src.any.sa_family)
		return;
	memset(&r->src, 0, sizeof r->src);
	for (size_t i = 0; !mcast_v6(m) && lan_netlink_addr(m->netlink, i, &index, &a, &prefix); i++)
		if (index == r->index && a.any.sa_family == AF_INET) {
			r->src = a;
			return;
		}
}

static const struct lan_link_info *by_address(const struct lan_mcast *m, const union lan_sockaddr *want)
{
	union lan_sockaddr a;
	uint32_t index;
	uint8_t prefix;
	for (size_t i = 0; lan_netlink_addr(m->netlink, i, &index, &a, &prefix); i++)
		if (mcast_same_addr(&a, want))
			return lan_netlink_by_index(m->netlink, index);
	return NULL;
}

static const struct lan_link_info *by_route(const struct lan_mcast *m, struct mcast_row *r)
{
	uint32_t index;
	union lan_sockaddr src, group = m->group;
	const struct lan_link_info *l = r->index ? lan_netlink_by_index(m->netlink, r->index) : NULL;
	bool own = r->src.any.sa_family == AF_UNSPEC || by_address(m, &r->src);
	if (l && usable(l) && own)
		return l;
	if (mcast_v6(m))
		group.v6.sin6_scope_id = 0;
	if (lan_netlink_route(&group, &index, &src))
		return NULL;
	static const union lan_sockaddr none;
	r->src = none;
	if (!mcast_v6(m) && src.v4.sin_addr.s_addr)
		r->src = src;
	return lan_netlink_by_index(m->netlink, index);
}

static const struct lan_link_info *find_link(const struct lan_mcast *m, struct mcast_row *r)
{
	switch (r->by) {
	case MCAST_BY_NAME:
		return lan_netlink_by_name(m->netlink, r->want_name);
	case MCAST_BY_ADDR:
		return by_address(m, &r->want);
	case MCAST_BY_ROUTE:
		return by_route(m, r);
	default:
		return lan_netlink_by_index(m->netlink, r->index);
	}
}

/* ---- "all" ----------------------------------------------------------------- */

static bool is_candidate(const struct lan_link_info *l, bool loopback)
{
	return usable(l) && (loopback ? l->flags & IFF_LOOPBACK : l->flags & IFF_MULTICAST);
}

static bool any_candidate(const struct lan_mcast *m)
{
	const struct lan_link_info *l;
	for (size_t i = 0; lan_netlink_link(m->netlink, i, &l); i++)
		if (is_candidate(l, false))
			return true;
	return false;
}

static bool has_row(const struct lan_mcast *m, uint32_t index)
{
	for (size_t i = 0; i < m->n_rows; i++)
		if (m->rows[i].index == index && !m->rows[i].gone)
			return true;
	return false;
}

static void match_all(struct lan_mcast *m)
{
	const struct lan_link_info *l;
	bool loopback = !any_candidate(m);
	for (size_t i = 0; i < m->n_rows; i++) {
		struct mcast_row *r = &m->rows[i];
		if (r->by != MCAST_BY_ALL || r->gone)
			continue;
		l = lan_netlink_by_index(m->netlink, r->index);
		r->gone = !l || !is_candidate(l, loopback); /* its owner hears of it in match() */
	}
	for (size_t i = 0; lan_netlink_link(m->netlink, i, &l); i++) {
		if (!is_candidate(l, loopback) || has_row(m, l->index))
			continue;
		struct mcast_row *r = add_row(m);
		if (!r) { /* tried again with the other failures */
			lan_deadline_arm(m->loop, &m->retry, lan_loop_now(m->loop) + RETRY);
			return;
		}
		r->by = MCAST_BY_ALL;
		r->index = l->index;
	}
}

/* ---- matching ---------------------------------------------------------------- */

static void unbind(struct lan_mcast *m, struct mcast_row *r, enum lan_err why)
{
	if (r->joined)
		mcast_leave(m, r);
	r->joined = false;
	r->no_gso = false;
	r->failing = 0;
	if (r->by != MCAST_BY_ALL)
		r->index = 0;
	mcast_row_state(m, r, why);
}

static bool taken(const struct lan_mcast *m, const struct mcast_row *r, uint32_t index)
{
	for (size_t i = 0; i < m->n_rows; i++)
		if (&m->rows[i] != r && m->rows[i].joined && m->rows[i].index == index)
			return true;
	return false;
}

static void match(struct lan_mcast *m, struct mcast_row *r)
{
	const struct lan_link_info *l = r->gone ? NULL : find_link(m, r);
	if (r->joined && (!l || l->index != r->index || !usable(l)))
		unbind(m, r, l ? LAN_ERR_UNREACH : LAN_ERR_NOTFOUND);
	if (!l || !usable(l)) {
		unbind(m, r,
			l                         ? LAN_ERR_UNREACH
			: r->by == MCAST_BY_ROUTE ? LAN_ERR_UNREACH
						  : LAN_ERR_NOTFOUND);
		return;
	}
	if (!r->joined) {
		if (taken(m, r, l->index)) {
			mcast_row_state(m, r, LAN_ERR_EXISTS);
			return;
		}
		r->index = l->index;
		r->carrier = l->carrier;
		enum lan_err e = mcast_join(m, r);
		r->joined = e == LAN_OK;
		mcast_row_state(m, r, e);
	}
	if (r->mtu != l->mtu)
		r->no_gso = false;
	r->mtu = l->mtu;
	if (r->carrier != l->carrier) {
		r->carrier = l->carrier;
		if (r->joined && r->carrier) {
			mcast_leave(m, r);
			r->joined = mcast_join(m, r) == LAN_OK;
		}
	}
	snprintf(r->name, sizeof r->name, "%s", l->name);
	choose_source(m, r);
}

/* Links and addresses announce themselves; routes, limits and the end of a double do not. */
static bool no_news_will_help(const struct mcast_row *r)
{
	return !r->joined && !r->gone &&
	       (r->by == MCAST_BY_ROUTE || (r->err != LAN_ERR_NOTFOUND && r->err != LAN_ERR_UNREACH));
}

void mcast_rows_match(struct lan_mcast *m)
{
	bool waiting = false;
	if (m->all)
		match_all(m);
	for (size_t i = 0; i < m->n_rows; i++) {
		match(m, &m->rows[i]);
		waiting |= no_news_will_help(&m->rows[i]);
	}
	mcast_default(m);
	if (waiting)
		lan_deadline_arm(m->loop, &m->retry, lan_loop_now(m->loop) + RETRY);
}

void mcast_rows_tell(struct lan_mcast *m)
{
	for (size_t i = 0; i < m->n_rows; i++) {
		struct mcast_row *r = &m->rows[i];
		char name[sizeof r->name];
		if (r->told)
			continue;
		r->told = true;
		memcpy(name, r->name, sizeof name);
		enum lan_err e = r->err;
		if (r->gone) {
			m->n_rows--;
			memmove(r, r + 1, (m->n_rows - i) * sizeof *r);
			i--;
		}
		m->cfg.iface(m->cfg.ctx, name, e);
	}
}
