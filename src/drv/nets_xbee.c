/*
 * nets_xbee.c - messages as packets of a radio on a serial line, see nets.h: io/serial carries octets between
 * the device and proto/xbee. A device that was unplugged is opened again; the modem then begins anew.
 */
#include <stdlib.h>
#include <string.h>
#include "drv/nets_int.h"

#define PIECE 512

static const uint8_t all[2] = {0xff, 0xff};

static void endpoint(const struct net *t, const uint8_t addr[2], struct lan_ep *ep)
{
	*ep = (struct lan_ep){.link = t->link};
	if (!memcmp(addr, all, 2))
		return;
	ep->len = 2;
	memcpy(ep->addr, addr, 2);
}

/* ---- the modem's turn ------------------------------------------------------------------ */

static void take_event(struct net *t, const struct xbee_event *ev)
{
	struct lan_ep ep;
	endpoint(t, ev->addr, &ep);
	switch (ev->kind) {
	case XBEE_EV_READY:
		nets_state(t, true, LAN_OK, "");
		break;
	case XBEE_EV_FAILED:
		nets_state(t, false, ev->err, ev->text);
		break;
	case XBEE_EV_PACKET:
		t->u.xbee.rssi[ev->addr[0] << 8 | ev->addr[1]] = ev->rssi;
		nets_deliver(t, &ep, ev->group, ev->data, ev->len);
		break;
	case XBEE_EV_UNSENT:
		nets_unsent(t, &ep, ev->err);
		break;
	}
}

static void write_out(struct net *t)
{
	struct net_xbee *x = &t->u.xbee;
	for (;;) {
		size_t n, took;
		const uint8_t *p = xbee_modem_pending(x->modem, &n);
		if (!n || lan_serial_write(x->serial, p, n, &took) != LAN_OK)
			return;
		xbee_modem_sent(x->modem, nets_now(t->n), took);
	}
}

static void pump(struct net *t)
{
	struct net_xbee *x = &t->u.xbee;
	struct xbee_event ev;
	if (x->pumping)
		return;
	x->pumping = true;
	while (!t->dead && xbee_modem_event(x->modem, &ev))
		take_event(t, &ev);
	write_out(t);
	lan_deadline_arm(t->n->cfg.loop, &x->due, xbee_modem_deadline(x->modem));
	x->pumping = false;
}

static void on_due(void *ctx)
{
	struct net *t = ctx;
	xbee_modem_tick(t->u.xbee.modem, nets_now(t->n));
	pump(t);
}

/* ---- the line ------------------------------------------------------------------------------ */

static void on_data(void *ctx, const uint8_t *buf, size_t n)
{
	struct net *t = ctx;
	/* In pieces: what is in each is taken before the next, so that the modem need not keep it. */
	for (size_t piece; n; buf += piece, n -= piece) {
		piece = n < PIECE ? n : PIECE;
		xbee_modem_input(t->u.xbee.modem, nets_now(t->n), buf, piece);
		pump(t);
	}
}

static void on_state(void *ctx, bool there, enum lan_err e, const char *why)
{
	struct net *t = ctx;
	xbee_modem_plugged(t->u.xbee.modem, nets_now(t->n), there);
	if (!there)
		nets_state(t, false, e, why);
	pump(t);
}

static void on_writable(void *ctx)
{
	pump(ctx);
}

static const struct lan_serial_ops line = {.data = on_data, .state = on_state, .writable = on_writable};

/* ---- out -------------------------------------------------------------------------------------- */

/* The modem's queue is the batch: when it is full, the packet is lost, for the radio is slow. */
static enum lan_err xbee_put(struct net *t, const struct lan_ep *to, const uint8_t *p, size_t n)
{
	if (to->len != 0 && to->len != 2)
		return LAN_ERR_ADDR;
	return xbee_modem_send(t->u.xbee.modem, nets_now(t->n), to->len ? to->addr : all, p, n);
}

static bool xbee_flush(struct net *t)
{
	pump(t);
	return true;
}

/* ---- the rest ------------------------------------------------------------------------------------ */

static enum lan_err xbee_open(struct net *t, bool wait, const char **why)
{
	struct net_xbee *x = &t->u.xbee;
	struct lan_loop *l = t->n->cfg.loop;
	struct xbee_config cfg = {.channel = t->spec.channel,
		.mode = t->spec.api_mode,
		.guard = t->spec.guard,
		.baud = t->spec.baud,
		.probe = true,
		.save = true};
	memcpy(cfg.addr, t->spec.addr, 2);
	memcpy(cfg.panid, t->spec.panid, 2);
	*why = lan_err_text(LAN_ERR_NOMEM);
	x->rssi = calloc(65536, 1); /* pages that are not used cost nothing */
	enum lan_err e = x->rssi ? lan_deadline_init(l, &x->due, on_due, t) : LAN_ERR_NOMEM;
	if (e)
		return e;
	x->due_set = true;
	e = xbee_modem_new(&cfg, &x->modem);
	if (!e)
		e = lan_serial_open(l, t->spec.name, t->spec.baud, wait, &line, t, &x->serial, why);
	if (e)
		return e;
	bool there = lan_serial_there(x->serial);
	if (there)
		xbee_modem_plugged(x->modem, nets_now(t->n), true);
	else
		nets_state(t, false, LAN_ERR_NOTFOUND, "there is no such device");
	pump(t);
	return LAN_OK;
}

static void xbee_close(struct net *t)
{
	struct net_xbee *x = &t->u.xbee;
	lan_serial_close(x->serial);
	xbee_modem_free(x->modem);
	if (x->due_set)
		lan_deadline_fini(t->n->cfg.loop, &x->due);
	free(x->rssi);
}

static void xbee_stats(struct net *t, struct lan_net_stats *out)
{
	const struct xbee_modem *m = t->u.xbee.modem;
	out->drop_other += xbee_modem_counter(m, XBEE_C_drop_checksum) +
			   xbee_modem_counter(m, XBEE_C_drop_length) +
			   xbee_modem_counter(m, XBEE_C_drop_unknown);
}

static void xbee_text(struct net *t, const struct lan_ep *ep, char *out, size_t cap)
{
	char text[6];
	(void)t;
	nets_say(out, cap, text, (size_t)(nets_put_hex(text, ep->addr, 2) - text));
}

static enum lan_err xbee_ep(const struct net *t, const char *text, struct lan_ep *out)
{
	uint8_t addr[2];
	enum lan_err e = nets_hex(text, addr, 2);
	if (!e)
		endpoint(t, addr, out);
	return e;
}

const struct net_kind nets_xbee = {.burst = 16,
	.open = xbee_open,
	.close = xbee_close,
	.put = xbee_put,
	.flush = xbee_flush,
	.stats = xbee_stats,
	.text = xbee_text,
	.ep = xbee_ep};
