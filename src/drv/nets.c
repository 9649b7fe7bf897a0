/*
 * nets.c - core <-> messages over networks of several kinds, see nets.h.
 *
 * In: a message goes from the kernel's batch straight to the core. Out: the core writes its next message and
 * says to whom; the network it is for puts it into its own batch (one copy), and the batches leave when the
 * core has no more, or when one is full. A message whose network has no room is held, and the core not asked
 * for more: that lasts some 100 ms at most, then the network gives up what it holds. Everything else (telling
 * the owner, sending what the input made necessary, arming the deadline) waits for the end of the turn, and a
 * turn sends a bounded amount, so that reading keeps pace. Only in the middle of a long batch, or when it has
 * no room for the rest of one, the core is looked after at once.
 */
#include "drv/nets.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "drv/nets_int.h"

/* Messages sent in one turn; the rest goes on in the next, after reading. */
#define TURN_MESSAGES 512

/* How often a core whose output does not leave is ticked at most. */
#define BLOCKED_TICK LAN_MS(1)

static const struct net_kind *const kinds[] = {
	[LAN_NET_ETHERNET] = &nets_ether, [LAN_NET_XBEE] = &nets_xbee, [LAN_NET_UDP] = &nets_udp};

void nets_touched(struct lan_nets *n)
{
	n->input = true;
	if (!n->in_task)
		lan_task_queue(n->cfg.loop, &n->task);
}

static struct net *find(const struct lan_nets *n, uint32_t link)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->nets[i]->link == link && !n->nets[i]->dead)
			return n->nets[i];
	return NULL;
}

/* ---- out ---------------------------------------------------------------------- */

void nets_unsent(struct net *t, const struct lan_ep *to, enum lan_err why)
{
	struct lan_nets *n = t->n;
	t->stats.tx_failed++;
	if (n->ops->unsent && !t->dead)
		n->ops->unsent(n->core, nets_now(n), to, why);
	nets_touched(n);
}

static bool flush(struct net *t)
{
	t->dirty = !t->kind->flush(t);
	return !t->dirty;
}

static void flush_all(struct lan_nets *n)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->nets[i]->dirty)
			(void)flush(n->nets[i]);
}

/* The message in `buf`. False: its network has no room. */
static bool give(struct lan_nets *n, const struct lan_ep *to, size_t len)
{
	struct net *t = find(n, to->link);
	if (!t) {
		if (n->ops->unsent)
			n->ops->unsent(n->core, nets_now(n), to, LAN_ERR_NOTFOUND);
		n->input = true;
		return true;
	}
	enum lan_err e = t->up ? t->kind->put(t, to, n->buf, len) : LAN_ERR_UNREACH;
	if (e == LAN_ERR_AGAIN && flush(t))
		e = t->kind->put(t, to, n->buf, len);
	if (e == LAN_ERR_AGAIN)
		return false;
	if (e) {
		nets_unsent(t, to, e);
		return true;
	}
	t->stats.tx_messages++;
	t->dirty = true;
	return true;
}

static bool give_held(struct lan_nets *n)
{
	if (n->held && !give(n, &n->held_to, n->held))
		return false;
	n->held = 0;
	return true;
}

/* Up to `most` messages; false: stopped before the core had nothing left. */
static bool send_messages(struct lan_nets *n, unsigned most)
{
	/* A child of fork(2) has the core's exchanges: what it sent would count twice. */
	if (getpid() != n->owner)
		return true;
	bool all = give_held(n);
	for (; all; most--) {
		struct lan_ep to;
		if (most == 0) {
			all = false;
			break;
		}
		size_t len = n->ops->output(n->core, nets_now(n), &to, n->buf, sizeof n->buf);
		if (len == 0)
			break;
		if (!give(n, &to, len)) {
			n->held = len;
			n->held_to = to;
			all = false;
		}
	}
	flush_all(n);
	return all;
}

static void send_and_arm(struct lan_nets *n)
{
	if (!send_messages(n, TURN_MESSAGES) && !n->held)
		lan_task_queue(n->cfg.loop, &n->task);
	lan_time at = n->ops->deadline(n->core);
	/* While a network is full a deadline that is about output has passed and stays so. */
	if (n->held && at < nets_now(n) + BLOCKED_TICK)
		at = nets_now(n) + BLOCKED_TICK;
	lan_deadline_arm(n->cfg.loop, &n->due, at);
}

/* ---- in -------------------------------------------------------------------------- */

bool nets_open_core(const struct lan_nets *n)
{
	return !n->ops->open || n->ops->open(n->core);
}

static bool events_wait(struct lan_nets *n)
{
	bool yes = n->input && n->ops->ready(n->core);
	n->input = false;
	return yes;
}

/* Let the owner take what the core has for it, and send. */
static void look_after(struct lan_nets *n)
{
	n->in_task = true;
	n->burst = 0;
	if (events_wait(n)) {
		lan_loop_note(n->cfg.loop);
		n->cfg.ready(n->cfg.ctx);
	}
	send_and_arm(n);
	n->in_task = false;
	if (events_wait(n)) /* sending made news, e.g. a message did not leave */
		nets_touched(n);
}

void nets_deliver(struct net *t, const struct lan_ep *from, bool group, const uint8_t *p, size_t len)
{
	struct lan_nets *n = t->n;
	if ((n->burst >= t->kind->burst || !nets_open_core(n)) && !n->in_task) {
		n->reading++;
		look_after(n);
		n->reading--;
	}
	if (t->dead || !nets_open_core(n)) {
		t->stats.drop_other++;
		return;
	}
	t->stats.rx_messages++;
	n->burst++;
	(void)!n->ops->input(n->core, nets_now(n), from, group, p, len);
	nets_touched(n);
}

/* ---- the turn ----------------------------------------------------------------------- */

void nets_state(struct net *t, bool up, enum lan_err err, const char *why)
{
	if (t->told && t->up == up && t->err == err && !strcmp(t->why, why))
		return;
	t->up = up;
	t->err = err;
	snprintf(t->why, sizeof t->why, "%s", why);
	t->told = false;
	nets_touched(t->n);
}

static void free_net(struct net *t)
{
	struct lan_nets *n = t->n;
	size_t i = 0;
	while (n->nets[i] != t)
		i++;
	memmove(n->nets + i, n->nets + i + 1, (--n->count - i) * sizeof *n->nets);
	t->kind->close(t);
	free(t);
}

static void reap(struct lan_nets *n)
{
	for (size_t i = 0; i < n->count && !n->reading;)
		if (n->nets[i]->dead)
			free_net(n->nets[i]);
		else
			i++;
}

/* The owner may add and remove networks in here: begin anew after each. */
static void tell_states(struct lan_nets *n)
{
	for (size_t i = 0; i < n->count; i++) {
		struct net *t = n->nets[i];
		if (t->told || t->dead)
			continue;
		t->told = true;
		/* It never came up: not worth a word, unless something is to be said. */
		if (n->cfg.state) {
			char why[sizeof t->why];
			memcpy(why, t->why, sizeof why);
			n->cfg.state(n->cfg.ctx, t->link, t->up, t->err, why);
		}
		i = SIZE_MAX;
	}
}

static void on_task(void *ctx)
{
	struct lan_nets *n = ctx;
	tell_states(n);
	look_after(n);
	reap(n);
	if (nets_open_core(n))
		for (size_t i = 0; i < n->count; i++)
			if (n->nets[i]->kind->resume)
				n->nets[i]->kind->resume(n->nets[i]);
}

static void on_due(void *ctx)
{
	struct lan_nets *n = ctx;
	n->ops->tick(n->core, nets_now(n));
	nets_touched(n);
}

void lan_nets_kick(struct lan_nets *n)
{
	nets_touched(n);
}

/* ---- networks ------------------------------------------------------------------------- */

static bool is_there(const struct lan_nets *n, uint32_t link, const struct lan_net_spec *s)
{
	for (size_t i = 0; i < n->count; i++) {
		const struct net *t = n->nets[i];
		if (!t->dead && (t->link == link || (s->kind == LAN_NET_ETHERNET && t->spec.kind == s->kind &&
							    t->spec.ethertype == s->ethertype &&
							    !strcmp(t->spec.name, s->name))))
			return true;
	}
	return false;
}

enum lan_err lan_nets_add(
	struct lan_nets *n, uint32_t link, const struct lan_net_spec *spec, bool wait, const char **why)
{
	*why = "this network is there already";
	if (is_there(n, link, spec))
		return LAN_ERR_EXISTS;
	*why = "too many networks";
	if (n->count == NETS_MAX)
		return LAN_ERR_LIMIT;
	*why = lan_err_text(LAN_ERR_NOMEM);
	struct net *t = calloc(1, sizeof *t);
	if (!t)
		return LAN_ERR_NOMEM;
	t->n = n;
	t->link = link;
	t->spec = *spec;
	t->kind = kinds[spec->kind];
	t->told = true;
	n->nets[n->count++] = t;
	enum lan_err e = t->kind->open(t, wait, why);
	if (e) {
		free_net(t);
		return e;
	}
	nets_touched(n);
	return LAN_OK;
}

void lan_nets_remove(struct lan_nets *n, uint32_t link)
{
	struct net *t = find(n, link);
	if (!t)
		return;
	if (t->dirty)
		(void)flush(t);
	t->dead = true;
	if (n->held && n->held_to.link == link)
		n->held = 0;
	if (n->reading)
		lan_task_queue(n->cfg.loop, &n->task);
	else
		free_net(t);
}

bool lan_nets_stats(struct lan_nets *n, uint32_t link, struct lan_net_stats *out)
{
	struct net *t = find(n, link);
	if (!t)
		return false;
	*out = t->stats;
	out->up = t->up;
	t->kind->stats(t, out);
	return true;
}

void lan_nets_text(struct lan_nets *n, const struct lan_ep *ep, char *out, size_t cap)
{
	struct net *t = find(n, ep->link);
	if (!t)
		snprintf(out, cap, "?");
	else if (ep->len == 0)
		snprintf(out, cap, "everybody");
	else
		t->kind->text(t, ep, out, cap);
}

enum lan_err lan_nets_ep(struct lan_nets *n, uint32_t link, const char *text, struct lan_ep *out)
{
	const struct net *t = find(n, link);
	if (!t)
		return LAN_ERR_NOTFOUND;
	memset(out, 0, sizeof *out);
	out->link = link;
	return t->kind->ep(t, text, out);
}

uint8_t lan_nets_rssi(struct lan_nets *n, const struct lan_ep *ep)
{
	const struct net *t = find(n, ep->link);
	if (!t || t->spec.kind != LAN_NET_XBEE || ep->len != 2 || !t->u.xbee.rssi)
		return 0;
	return t->u.xbee.rssi[ep->addr[0] << 8 | ep->addr[1]];
}

bool lan_nets_counter(
	struct lan_nets *n, uint32_t link, size_t i, const char **name, const char **help, uint64_t *value)
{
	const struct net *t = find(n, link);
	if (!t || t->spec.kind != LAN_NET_XBEE || i >= XBEE_C_N)
		return false;
	*name = xbee_counter_name((enum xbee_counter)i);
	*help = xbee_counter_help((enum xbee_counter)i);
	*value = xbee_modem_counter(t->u.xbee.modem, (enum xbee_counter)i);
	return true;
}

/* ---- open and close ---------------------------------------------------------------------- */

enum lan_err lan_nets_open(const struct lan_nets_config *cfg, struct lan_nets **out)
{
	struct lan_nets *n = calloc(1, sizeof *n);
	if (!n)
		return LAN_ERR_NOMEM;
	n->cfg = *cfg;
	if (!n->cfg.receive_buffer)
		n->cfg.receive_buffer = 1u << 20;
	n->ops = cfg->ops;
	n->core = cfg->core;
	n->owner = getpid();
	n->n_paths = 1;
	n->task = (struct lan_task){.fn = on_task, .ctx = n};
	enum lan_err e = lan_deadline_init(cfg->loop, &n->due, on_due, n);
	if (e) {
		free(n);
		return e;
	}
	nets_touched(n);
	*out = n;
	return LAN_OK;
}

void lan_nets_close(struct lan_nets *n)
{
	if (!n)
		return;
	bool ours = getpid() == n->owner;
	n->in_task = true; /* nothing follows */
	(void)send_messages(n, UINT_MAX);
	while (n->count)
		free_net(n->nets[n->count - 1]);
	if (ours)
		lan_packet_settle();
	lan_netlink_close(n->netlink);
	lan_task_cancel(n->cfg.loop, &n->task);
	lan_deadline_fini(n->cfg.loop, &n->due);
	free(n);
}
