/*
 * links_send.c - a line with somebody waiting until it is acknowledged.
 *
 * The token of lan_link_write comes back in LAN_LINK_ACKED. Waits hang on their
 * link in the order written; acknowledgements come nearly in that order, so the
 * search from the front is short. A timeout ends the wait, never the line.
 */
#include "daemon/links.h"

#include <stdlib.h>
#include <string.h>

static void unlink_wait(struct send_wait *w)
{
	struct link *k = w->link;
	*(w->prev ? &w->prev->next : &k->first) = w->next;
	*(w->next ? &w->next->prev : &k->last) = w->prev;
	lan_deadline_fini(k->all->loop, &w->deadline);
}

static void finish(struct send_wait *w, enum lan_err result)
{
	lan_time took = lan_loop_now(w->link->all->loop) - w->begun;
	unlink_wait(w);
	w->done(w->ctx, result, took);
	free(w);
}

static void timed_out(void *ctx)
{
	finish(ctx, LAN_ERR_TIMEOUT);
}

static struct send_wait *wait_new(struct link *k)
{
	struct send_wait *w = calloc(1, sizeof *w);
	if (w && lan_deadline_init(k->all->loop, &w->deadline, timed_out, w) != LAN_OK) {
		free(w);
		return NULL;
	}
	if (w) {
		w->link = k;
		w->prev = k->last;
		*(k->last ? &k->last->next : &k->first) = w;
		k->last = w;
	}
	return w;
}

enum lan_err link_send(struct link *k, const char *id, const char *line, size_t len, unsigned flags,
	lan_time timeout, void (*done)(void *ctx, enum lan_err result, lan_time took), void *ctx,
	struct send_wait **out)
{
	struct send_wait *w = NULL;
	uint64_t token = 0;
	enum lan_err e;
	if (!k->l)
		return LAN_ERR_CLOSED;
	if (!link_is_server(k) && strcmp(id, k->cfg->id) != 0)
		return LAN_ERR_NOTFOUND;
	if (done && !(w = wait_new(k)))
		return LAN_ERR_NOMEM;
	e = lan_link_write(k->l, link_is_server(k) ? id : NULL, line, len, flags, &token);
	if (e == LAN_OK)
		k->tx_lines++;
	if (!w)
		return e;
	if (e != LAN_OK) {
		unlink_wait(w);
		free(w);
		return e;
	}
	w->token = token;
	w->done = done;
	w->ctx = ctx;
	w->begun = lan_loop_now(k->all->loop);
	lan_deadline_arm(k->all->loop, &w->deadline, w->begun + timeout);
	*out = w;
	return LAN_OK;
}

void send_wait_cancel(struct send_wait *w)
{
	unlink_wait(w);
	free(w);
}

void link_sends_acked(struct link *k, uint64_t token)
{
	for (struct send_wait *w = k->first; w; w = w->next)
		if (w->token == token) {
			finish(w, LAN_OK);
			return;
		}
}

void link_sends_fail(struct link *k)
{
	while (k->first)
		finish(k->first, LAN_ERR_CLOSED);
}
