/*
 * proto.h - the contract of a core, used by driver, simulator and fuzzer alike.
 *
 * A core is a pure state machine: bytes and time go in; bytes, events and one
 * deadline come out. It makes no system call, reads no clock and calls nobody
 * back; `env` lends it two leaf functions, entropy and trace. It is
 * deterministic: the same calls give the same bytes. Its memory is bounded by
 * its configuration. A bad frame changes nothing but a counter with a reason.
 *
 * The stream flavour below serves every protocol that runs over a reliable
 * byte stream. A core may hold many streams (a server's clients): each has a
 * small number, `conn`, chosen by the core in open() and valid until the core
 * has asked for LAN_WANT_CLOSE or the driver has said lost(). The core lends
 * its buffers: the driver reads into room() and writes from pending(), nothing
 * is copied twice. Events are typed per protocol and pulled through the
 * protocol's own `..._event` function; after pulling, the driver looks at
 * want() again.
 *
 * The datagram flavour, further down, serves protocols that send and receive
 * datagrams to and from one group: no connections, nothing to lend but the one
 * buffer of the call. The frame flavour is the same over raw Ethernet on
 * several links. The endpoint flavour, last, is for protocols that do not care
 * what carries their messages: each comes from and goes to an opaque endpoint.
 */
#ifndef LAN_PROTO_H
#define LAN_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/err.h>
#include "base/trace.h"

struct lan_env {
	void *ctx;
	void (*entropy)(void *ctx, void *buf, size_t n);     /* getrandom, or a seeded generator in tests */
	void (*trace)(void *ctx, const struct lan_trace *t); /* may be NULL */
};

#define LAN_NO_CONN UINT32_MAX

/* What a core wants its driver to do. Each want is handed out once. */
enum lan_want_kind {
	LAN_WANT_SEND = 1, /* pending(conn) has bytes: write them, say sent() */
	LAN_WANT_READ,     /* room(conn) was 0 and is not any more: read on */
	LAN_WANT_CLOSE,    /* close the stream of conn; the number is free again at once.
			      `conn` may still have had unsent bytes: they are gone */
	LAN_WANT_DIAL,     /* make a new stream to the configured peer, then say open() */
	LAN_WANT_FINISH    /* as CLOSE, but all that was said sent() still has to get through */
};

struct lan_want {
	enum lan_want_kind kind;
	uint32_t conn;
};

struct lan_stream_ops {
	const char *name; /* "iot-server" */

	/* A stream came up (`result` LAN_OK: accepted, or a dial succeeded) or a
	 * dial failed (`result` says why; `conn` untouched). `peer` is a text
	 * for humans ("192.0.2.7:49152"), borrowed. Not LAN_OK: the core does
	 * not want this stream; close it. */
	enum lan_err (*open)(void *core, lan_time now, enum lan_err result, const char *peer, uint32_t *conn);

	/* Where the next bytes of conn go, and how many fit; *n == 0: not now,
	 * wait for LAN_WANT_READ. Valid until any other call on the core. */
	uint8_t *(*room)(void *core, uint32_t conn, size_t *n);

	/* n bytes were read into room(). Not LAN_OK: the stream broke the
	 * protocol; it is counted, and LAN_WANT_CLOSE follows. */
	enum lan_err (*commit)(void *core, lan_time now, uint32_t conn, size_t n);

	/* The bytes to write next, *n of them (0: none). Valid until any other
	 * call on the core. */
	const uint8_t *(*pending)(void *core, uint32_t conn, size_t *n);

	/* Whether more is pending behind what pending() lends: the two may travel
	 * together. NULL: no. */
	bool (*more)(void *core, uint32_t conn);

	/* The first n of pending() were taken by the stream. */
	void (*sent)(void *core, lan_time now, uint32_t conn, size_t n);

	/* Nothing can be sent any more: the stream broke. What the peer said before
	 * is still being read; lost() follows behind it, which may be long after if
	 * the core has no room. NULL: the core does not want to know. */
	void (*broke)(void *core, lan_time now, uint32_t conn);

	/* Right before lost(): of the bytes said sent(), the last `bytes` did not
	 * reach the peer's system, as far as this one knows. NULL: the core does
	 * not want to know. */
	void (*unreached)(void *core, uint32_t conn, uint64_t bytes);

	/* The stream ended (LAN_ERR_CLOSED: in good order; LAN_ERR_RESET, ...).
	 * conn is invalid from here on. */
	void (*lost)(void *core, lan_time now, uint32_t conn, enum lan_err why);

	/* Time passed. Early, late and repeated ticks are harmless. */
	void (*tick)(void *core, lan_time now);

	/* The earliest moment tick matters, or LAN_NEVER. */
	lan_time (*deadline)(const void *core);

	/* The next thing to do; false: nothing. */
	bool (*want)(void *core, struct lan_want *w);

	/* Whether the protocol's event function would hand one out now. NULL:
	 * not told; the driver then assumes so after every input. */
	bool (*ready)(const void *core);
};

/* Where a datagram came from. */
struct lan_from {
	uint8_t addr[16]; /* IPv6, or IPv4 mapped into it */
	uint16_t port;
	uint32_t ifindex; /* the interface it came in by */
};

struct lan_dgram_ops {
	const char *name; /* "channel-sealed" */

	/* A datagram of n bytes came. `buf` is lent for the call and may be
	 * overwritten. Not LAN_OK: it was refused and counted; nothing to do. */
	enum lan_err (*input)(void *core, lan_time now, const struct lan_from *from, uint8_t *buf, size_t n);

	/* Write the next datagram to the group into buf; its length, 0: none
	 * now. `cap` is at least the core's largest datagram. Called again and
	 * again until it gives 0; datagrams of one size in a row leave in one
	 * system call. */
	size_t (*output)(void *core, lan_time now, uint8_t *buf, size_t cap);

	/* Time passed. Early, late and repeated ticks are harmless. */
	void (*tick)(void *core, lan_time now);

	/* The earliest moment tick or output matters, or LAN_NEVER. */
	lan_time (*deadline)(const void *core);

	/* Whether events wait for the application. */
	bool (*ready)(const void *core);

	/* Whether there is room for what a datagram may bring. While not, the
	 * driver leaves datagrams in the kernel. */
	bool (*open)(const void *core);

	/* The kernel had no room for datagrams of the group: `total` of them
	 * since it was opened. NULL: the core does not want to know. */
	void (*overrun)(void *core, uint64_t total);
};

/* The frame flavour: raw Ethernet on several links, each named by its
 * interface index. The Ethernet header is the driver's. */
struct lan_frame_ops {
	const char *name; /* "lsoe" */

	/* The content of a frame from `src` came in by a link: n octets, padding
	 * included. Lent for the call. Not LAN_OK: refused and counted. */
	enum lan_err (*input)(
		void *core, lan_time now, uint32_t link, const uint8_t src[6], const uint8_t *buf, size_t n);

	/* A link that has something to send; each is handed out once, and again
	 * when it has something new. False: none. */
	bool (*want)(void *core, uint32_t *link);

	/* Write the content of the link's next frame into buf (cap is at least
	 * 1500 octets) and its destination into `to`; its length, 0: none now. */
	size_t (*output)(void *core, lan_time now, uint32_t link, uint8_t to[6], uint8_t *buf, size_t cap);

	/* A frame that output() gave did not leave. */
	void (*unsent)(void *core, lan_time now, uint32_t link, enum lan_err why);

	/* Time passed. Early, late and repeated ticks are harmless. */
	void (*tick)(void *core, lan_time now);

	/* The earliest moment tick matters, or LAN_NEVER. */
	lan_time (*deadline)(const void *core);

	/* Whether events wait for the application. */
	bool (*ready)(const void *core);

	/* Whose frames on a link are not to be lost in a flood of others': up to
	 * `most` into `macs`; how many. May be NULL: nobody's. */
	size_t (*known)(const void *core, uint32_t link, uint8_t (*macs)[6], size_t most);
};

/* Where a message came from or goes to, of whatever carries it: only its driver
 * looks inside. Two are the same if link, len and the first len octets are; what is
 * behind those octets is the driver's, too: copy an endpoint as a whole. */
struct lan_ep {
	uint32_t link; /* the network, a number of the driver's */
	uint8_t len;   /* 0: everybody on the link */
	uint8_t addr[23];
};

/* The endpoint flavour: whole messages over several networks at once, whatever
 * they are. */
struct lan_ep_ops {
	const char *name; /* "sos-master" */

	/* A message of n octets came; `group`: to everybody. Lent for the call.
	 * Not LAN_OK: refused and counted. */
	enum lan_err (*input)(void *core, lan_time now, const struct lan_ep *from, bool group,
		const uint8_t *buf, size_t n);

	/* Write the next message into buf (cap is at least the largest the core
	 * was told its links carry) and its destination into `to`; its length,
	 * 0: none now. Called again and again until it gives 0. */
	size_t (*output)(void *core, lan_time now, struct lan_ep *to, uint8_t *buf, size_t cap);

	/* A message to `to` did not leave, or was not taken by the other end's
	 * hardware (LAN_ERR_UNREACH: a radio without acknowledgement). NULL: the
	 * core does not want to know. */
	void (*unsent)(void *core, lan_time now, const struct lan_ep *to, enum lan_err why);

	/* Time passed. Early, late and repeated ticks are harmless. */
	void (*tick)(void *core, lan_time now);

	/* The earliest moment tick or output matters, or LAN_NEVER. */
	lan_time (*deadline)(const void *core);

	/* Whether events wait for the application. */
	bool (*ready)(const void *core);

	/* Whether there is room for what a message may bring. While not, the
	 * driver leaves messages in the kernel. NULL: always. */
	bool (*open)(const void *core);
};

#endif
