/*
 * xbee.h - an XBee 802.15.4 module on a serial line (Digi "API mode" 1 and 2), as two pure parts: the frame
 * codec with resynchronisation, and the modem: initialisation by AT commands whose answers are read by
 * content with guard times, sending with transmit status, receiving, and beginning anew after the stick was
 * unplugged. sos.md sections 3.2 and 3.3. Knows nothing of CoAP.
 */
#ifndef LAN_PROTO_XBEE_H
#define LAN_PROTO_XBEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/err.h>
#include "base/bytes.h"

#define XBEE_RF_MAX    100 /* octets of one radio packet (Digi) */
#define XBEE_FRAME_MAX 115 /* longest API data taken; a larger length is noise, as for the originals */
/* Octets of an escaped frame at most. */
#define XBEE_WIRE_MAX (2 * (XBEE_FRAME_MAX + 4))

enum xbee_api {
	XBEE_TX64 = 0x00,
	XBEE_TX16 = 0x01,
	XBEE_AT = 0x08, /* a query or setting of the module itself; answered by AT_RESPONSE */
	XBEE_MODEM_STATUS = 0x8a,
	XBEE_RX64 = 0x80,
	XBEE_RX16 = 0x81,
	XBEE_TX_STATUS = 0x89,
	XBEE_AT_RESPONSE = 0x88
};

/* A frame as views. Addresses are in on-air byte order, as people write them ("45:67" is 45 67 on the air and
 * 67 45 in the API frame). */
struct xbee_frame {
	uint8_t api;
	uint8_t frame_id, status; /* TX16, AT, AT_RESPONSE, TX_STATUS; MODEM_STATUS: status */
	char at[2];               /* AT, AT_RESPONSE: "MY" */
	uint8_t addr[2];          /* TX16: to; RX16: from */
	uint8_t rssi;             /* RX16: -dBm */
	uint8_t options;
	const uint8_t *data; /* TX16, RX16; AT, AT_RESPONSE: the value */
	size_t len;
};

/* Octets written, 0: does not fit or too long. mode: 1 or 2 (escaped). */
size_t xbee_encode(uint8_t *buf, size_t cap, int mode, const struct xbee_frame *f);

/* The receiver: octets in, frames out, whatever noise stands between them. */
struct xbee_parser {
	uint8_t buf[XBEE_FRAME_MAX + 4];
	uint16_t len;
	uint16_t done; /* octets of the frame that was handed out last */
	uint8_t mode;
	bool escaped;                                      /* mode 2: the next octet is to be turned */
	uint64_t noise, bad_checksum, bad_length, unknown; /* octets; frames */
};
void xbee_parser_init(struct xbee_parser *p, int mode);
/* Takes octets up to the end of one frame; *took of n. True: `out` is a frame, views into the parser until
 * the next call. Unknown and malformed ones are counted and passed over. Call until it gives false with *took
 * == n. */
bool xbee_parse(struct xbee_parser *p, const uint8_t *in, size_t n, size_t *took, struct xbee_frame *out);
/* Whether a frame has begun that is not complete. */
bool xbee_parser_inside(const struct xbee_parser *p);
/* Nothing came for so long that what has begun is no frame: look behind its first octet. Call xbee_parse
 * afterwards. */
void xbee_parser_silence(struct xbee_parser *p);

/* ---- the modem */
struct xbee_config {
	uint8_t addr[2], panid[2]; /* on-air order: 12:34 is ATMY3412 */
	uint8_t channel;           /* 11..26; 0: 12 */
	int mode;                  /* API mode 1 (default, 0) or 2 */
	lan_time guard;            /* silence before and after +++; default 1.1 s */
	lan_time answer;           /* an AT answer is waited for; default 2 s */
	lan_time tx_status;        /* ..and a transmit status; default 1 s */
	bool no_reset;             /* leave out ATRE */
	/* Ask the module first, in API mode, whether it has these settings already: that takes some ten
	 * milliseconds instead of two guard times. One that does not answer is initialised. (One that is in
	 * transparent mode sends the question by radio, once.) */
	bool probe;
	/* End the initialisation with ATWR: the module has its settings also after it was without power. Its
	 * flash memory is only written to when an initialisation was necessary: use `probe` with it. */
	bool save;
	uint32_t baud;      /* the speed of the line, which ATRE would change; 0: 9600 */
	uint32_t max_queue; /* packets waiting to be sent; default 64 */
};

enum xbee_state { XBEE_ABSENT, XBEE_STARTING, XBEE_READY };
enum xbee_event_kind {
	XBEE_EV_READY = 1, /* initialised */
	XBEE_EV_FAILED,    /* initialisation failed: text says at which command; it is tried again.
			      LAN_ERR_RESET: the module restarted by itself */
	XBEE_EV_PACKET,    /* addr, rssi, group, data/len */
	XBEE_EV_UNSENT     /* packet to addr was not acknowledged or not sent: err, text */
};
struct xbee_event {
	enum xbee_event_kind kind;
	uint8_t addr[2];
	uint8_t rssi;
	bool group;
	const uint8_t *data; /* view until the next call */
	size_t len;
	enum lan_err err; /* UNREACH: no acknowledgement; AGAIN: channel busy; TIMEOUT: no status */
	const char *text;
};

#define XBEE_COUNTERS(X)                                             \
	X(rx_packets, "packets received")                            \
	X(tx_packets, "packets sent")                                \
	X(tx_acked, "packets acknowledged by the other radio")       \
	X(tx_unacked, "packets not acknowledged by the other radio") \
	X(tx_busy, "packets not sent: channel busy, or purged")      \
	X(tx_no_status, "packets without transmit status")           \
	X(drop_noise, "octets that belong to no frame")              \
	X(drop_checksum, "frames dropped: wrong checksum")           \
	X(drop_length, "frames dropped: impossible length")          \
	X(drop_unknown, "frames dropped: kind not known")            \
	X(drop_stray, "frames dropped: an answer nobody waits for")  \
	X(drop_queue, "packets dropped: too many wait to be sent")   \
	X(init_ok, "initialisations done")                           \
	X(init_failed, "initialisations failed")
enum xbee_counter {
#define X(name, help) XBEE_C_##name,
	XBEE_COUNTERS(X)
#undef X
		XBEE_C_N
};
const char *xbee_counter_name(enum xbee_counter c);
const char *xbee_counter_help(enum xbee_counter c);

struct xbee_modem;
LAN_WUR enum lan_err xbee_modem_new(const struct xbee_config *cfg, struct xbee_modem **out);
void xbee_modem_free(struct xbee_modem *m);
/* The line is there (plugged in) or not any more. */
void xbee_modem_plugged(struct xbee_modem *m, lan_time now, bool there);
void xbee_modem_input(struct xbee_modem *m, lan_time now, const uint8_t *p, size_t n);
/* What is to be written to the line, *n octets (0: nothing now), and that n of them were. */
const uint8_t *xbee_modem_pending(struct xbee_modem *m, size_t *n);
void xbee_modem_sent(struct xbee_modem *m, lan_time now, size_t n);
/* Queue a packet; addr ff:ff is everybody. LAN_ERR_TOOBIG (XBEE_RF_MAX), LAN_ERR_FULL, LAN_ERR_CLOSED (not
 * READY). */
LAN_WUR enum lan_err xbee_modem_send(
	struct xbee_modem *m, lan_time now, const uint8_t addr[2], const void *p, size_t n);
bool xbee_modem_event(struct xbee_modem *m, struct xbee_event *ev);
void xbee_modem_tick(struct xbee_modem *m, lan_time now);
lan_time xbee_modem_deadline(const struct xbee_modem *m);
enum xbee_state xbee_modem_state(const struct xbee_modem *m);
uint64_t xbee_modem_counter(const struct xbee_modem *m, enum xbee_counter c);

#endif
