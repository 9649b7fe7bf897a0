/*
 * stream.h - the one driver for every core that speaks struct lan_stream_ops
 * over TCP: it listens or dials, moves bytes between sockets and the memory the
 * core lends, does what the core wants, and keeps one deadline armed. It holds
 * no knowledge of any protocol; the core belongs to the caller.
 *
 * One turn of the loop: all sockets that have bytes are read into the core,
 * then `ready` is called if there may be events, then everything the core wants
 * is done. So what the application writes in answer leaves in the same turn.
 */
#ifndef LAN_DRV_STREAM_H
#define LAN_DRV_STREAM_H

#include "io/loop.h"
#include "proto/proto.h"

struct lan_sdrv;

struct lan_sdrv_config {
	struct lan_loop *loop;
	const struct lan_stream_ops *ops;
	void *core;            /* borrowed until lan_sdrv_close */
	const char *address;   /* ADDR:PORT to listen on, or HOST:PORT to dial */
	uint16_t default_port; /* 0: the address must name one */
	lan_time dial_timeout; /* per address */
	/* A peer whose system has not answered for so long is gone: lost() with
	 * LAN_ERR_TIMEOUT. 0: not looked after (protocols with keepalives of their own). */
	lan_time dead_after;
	/* Events may be waiting. May call anything but lan_sdrv_close. */
	void (*ready)(void *ctx);
	void *ctx;
};

/* LAN_ERR_ADDR, LAN_ERR_ADDRINUSE, LAN_ERR_PERM, LAN_ERR_LIMIT, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_sdrv_listen(const struct lan_sdrv_config *cfg, struct lan_sdrv **out);

/* Dials whenever the core wants it. LAN_ERR_ADDR (not HOST:PORT), LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_sdrv_dial(const struct lan_sdrv_config *cfg, struct lan_sdrv **out);

/* One attempt to write what is pending, without blocking; then close it all.
 * The core is not called any more. NULL is fine. */
void lan_sdrv_close(struct lan_sdrv *d);

/* The application did something to the core: look after it in this turn, or at
 * the start of the next. Cheap, may be called for every line. */
void lan_sdrv_kick(struct lan_sdrv *d);

/* Do what the core wants, now: the application has pulled all events and its
 * acknowledgements need not wait for the next turn. */
void lan_sdrv_pump(struct lan_sdrv *d);

/* Send what can be sent, in the middle of the application's work, so that the
 * other end can begin on it. */
void lan_sdrv_flush(struct lan_sdrv *d);

/* Listening: accept no more. */
void lan_sdrv_stop(struct lan_sdrv *d);

/* Listening: own address with the real port. Dialling: as configured. View. */
const char *lan_sdrv_address(const struct lan_sdrv *d);

/* Bytes of all connections that their peers' systems have not acknowledged: asked of the kernel. */
uint64_t lan_sdrv_under_way(const struct lan_sdrv *d);

/* Connections turned away because the process was out of descriptors or memory. */
uint64_t lan_sdrv_refused(const struct lan_sdrv *d);

#endif
