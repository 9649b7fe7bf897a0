/*
 * channel.c - <lanyard/channel.h>: a core of proto/channel behind an opaque
 * handle, moved by the group driver. Here: opening, sending, closing. Events and
 * their texts are in channel_event.c, questions in channel_status.c, what only a
 * sealed channel has (keys, state) in channel_sealed.c.
 *
 * The order of things at a send: the message waits in the core until the turn of
 * the loop ends, so that many leave in one system call; 64 KiB of them leave at
 * once, so that the receivers work meanwhile.
 */
#include "api/channel_int.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/entropy.h"
#include "api/take.h"
#include "proto/channel/multisock.h"

/* The enums of the two sides are one list each, written down twice. */
#define SAME(a, b) static_assert((int)(a) == (int)(b), "the core's values are the API's")
SAME(LAN_CHANNEL_MESSAGE, CHAN_MESSAGE);
SAME(LAN_CHANNEL_JOINED, CHAN_JOINED);
SAME(LAN_CHANNEL_LEFT, CHAN_LEFT);
SAME(LAN_CHANNEL_LOST, CHAN_LOST);
SAME(LAN_CHANNEL_WRITABLE, CHAN_WRITABLE);
SAME(LAN_CHANNEL_IFACE, CHAN_IFACE);
SAME(LAN_CHANNEL_REFUSED, CHAN_REFUSED);
SAME(LAN_CHANNEL_KEY, CHAN_KEY);
SAME(LAN_CHANNEL_BEST_EFFORT, CHAN_BEST_EFFORT);
SAME(LAN_CHANNEL_ORDERED, CHAN_ORDERED);
SAME(LAN_CHANNEL_RELIABLE, CHAN_RELIABLE);
SAME(LAN_CHANNEL_TEXT, MSOCK_TEXT);
SAME(LAN_CHANNEL_BYTES, MSOCK_BYTES);
SAME(LAN_CHANNEL_BYTEARRAY, MSOCK_BYTEARRAY);

#define SHARE          (64u << 10)
#define RECEIVE_BUFFER (4u << 20)

static void on_ready(void *ctx)
{
	struct lan_channel *c = ctx;
	channel_look_after(c);
	if (c->on_ready)
		c->on_ready(c->on_ready_ctx);
}

static void on_iface(void *ctx, const char *name, enum lan_err err)
{
	struct lan_channel *c = ctx;
	size_t i = 0;
	while (i < c->n_notes && strcmp(c->notes[i].ifname, name) != 0)
		i++;
	if (i == CHANNEL_NOTES)
		return; /* lan_channel_iface tells all the same */
	snprintf(c->notes[i].ifname, sizeof c->notes[i].ifname, "%s", name);
	c->notes[i].err = err;
	c->n_notes += i == c->n_notes;
	lan_loop_note(c->loop);
	if (!c->closing)
		on_ready(c);
}

static enum lan_err multisock_open(
	struct lan_channel *c, const struct lan_channel_config *cfg, const char **why)
{
	struct msock_config core = {.key = cfg->key,
		.iv = cfg->iv,
		.bufsize = cfg->max_message,
		.max_queue = cfg->max_queue,
		.max_events = cfg->max_events,
		.max_senders = cfg->max_senders};
	enum lan_err e = lan_crypto_init();
	if (!e && cfg->key) { /* once on its own, for its sentence */
		struct msock_crypto *crypto;
		const char *reason = "not usable";
		e = msock_crypto_new(cfg->key, cfg->iv, &crypto, &reason);
		if (e)
			return channel_why(why, e, "key and iv: %s", reason);
		msock_crypto_free(crypto);
	}
	if (!e)
		e = msock_new(&c->env, &core, &c->msock);
	c->encrypted = cfg->key != NULL;
	c->objects = cfg->objects;
	return e ? channel_why(why, e, "%s", lan_err_text(e)) : LAN_OK;
}

static enum lan_err driver_open(struct lan_channel *c, const struct lan_channel_config *cfg, const char **why)
{
	struct lan_gdrv_config drv = {.loop = c->loop,
		.ops = c->msock   ? &msock_ops
		       : c->state ? &channel_kept_ops
				  : &chan_ops,
		.core = c->msock   ? (void *)c->msock
			: c->state ? (void *)c
				   : (void *)c->chan,
		.mcast = {.address = cfg->address,
			.ifaces = cfg->ifaces,
			.n_ifaces = cfg->n_ifaces,
			.sources = cfg->sources,
			.n_sources = cfg->n_sources,
			.ttl = cfg->ttl,
			.loopback = !cfg->no_loopback,
			.offload = !cfg->no_offload,
			.receive_buffer = cfg->receive_buffer ? cfg->receive_buffer : RECEIVE_BUFFER},
		.ready = on_ready,
		.iface = on_iface,
		.ctx = c};
	const char *reason = NULL;
	enum lan_err e = lan_gdrv_open(&drv, &c->drv, &reason);
	return e ? channel_why(why, e, "%s", reason ? reason : lan_err_text(e)) : LAN_OK;
}

enum lan_err lan_channel_open(struct lan_loop *loop, const struct lan_channel_config *user,
	struct lan_channel **out, const char **why)
{
	struct lan_channel_config cfg;
	char name[LAN_ADDR_TEXT_MAX];
	enum lan_err e = lan_take_config(user, &cfg, sizeof cfg);
	if (e)
		return channel_why(why, e, "the configuration is not that of this library's version");
	e = channel_check(&cfg, name, why);
	if (e)
		return e;
	struct lan_channel *c = calloc(1, sizeof *c);
	if (!c)
		return channel_why(why, LAN_ERR_NOMEM, "out of memory");
	c->loop = loop;
	c->env = (struct lan_env){.entropy = lan_entropy};
	c->mode = cfg.mode;
	if (cfg.dialect == LAN_CHANNEL_MULTISOCK)
		e = multisock_open(c, &cfg, why);
	else
		e = channel_sealed_open(c, &cfg, cfg.channel ? cfg.channel : name, why);
	if (!e)
		e = driver_open(c, &cfg, why);
	if (e) {
		lan_channel_close(c);
		return e;
	}
	const char *text[2];
	uint64_t value;
	while (c->msock ? msock_counter(c->msock, c->counters, &text[0], &text[1], &value)
			: chan_counter(c->chan, c->counters, &text[0], &text[1], &value))
		c->counters++;
	*out = c;
	return LAN_OK;
}

void lan_channel_close(struct lan_channel *c)
{
	if (!c)
		return;
	c->closing = true;
	if (c->chan && c->drv)
		chan_leave(c->chan, lan_loop_stamp(c->loop));
	lan_gdrv_close(c->drv);
	msock_free(c->msock);
	channel_sealed_close(c);
	free(c->json.buf);
	free(c->pickle);
	free(c);
}

/* The forms are a matter of the other dialect; a flag that is not known may mean anything. */
static enum lan_err queue(struct lan_channel *c, const void *data, size_t len, unsigned flags, uint64_t *seq)
{
	lan_time now = lan_loop_stamp(c->loop);
	if (c->chan)
		return flags ? LAN_ERR_INVAL : chan_send(c->chan, now, data, len, seq);
	return msock_send(c->msock, now, data, len, flags);
}

enum lan_err lan_channel_send(
	struct lan_channel *c, const void *data, size_t len, unsigned flags, uint64_t *seq)
{
	if ((!data && len) ||
		(flags & ~(unsigned)(LAN_CHANNEL_TEXT | LAN_CHANNEL_BYTES | LAN_CHANNEL_BYTEARRAY)))
		return LAN_ERR_INVAL;
	enum lan_err e = queue(c, data, len, flags, seq);
	if (e == LAN_ERR_FULL) { /* programs that send in a row need not wait for their own loop */
		c->since_pump = 0;
		lan_gdrv_pump(c->drv);
		e = queue(c, data, len, flags, seq);
	}
	if (e)
		return e;
	c->since_pump += len + 64;
	if (c->since_pump < SHARE) {
		lan_gdrv_kick(c->drv);
		return LAN_OK;
	}
	c->since_pump = 0;
	lan_gdrv_pump(c->drv);
	return LAN_OK;
}

size_t lan_channel_pending(const struct lan_channel *c)
{
	return c->msock ? msock_pending(c->msock) : chan_pending(c->chan);
}

void lan_channel_on_ready(struct lan_channel *c, void (*fn)(void *ctx), void *ctx)
{
	c->on_ready = fn;
	c->on_ready_ctx = ctx;
}
