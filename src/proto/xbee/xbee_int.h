/*
 * xbee_int.h - what the files of the modem share.
 */
#ifndef LAN_PROTO_XBEE_INT_H
#define LAN_PROTO_XBEE_INT_H

#include "proto/xbee/xbee.h"

/* Packets handed to the module whose status has not come; together they must fit its input buffer, of which
 * there is 202 octets (Digi), since there is no flow control. */
#define XBEE_WINDOW       3
#define XBEE_WINDOW_BYTES 202

/* Packets the application has not taken; beyond that they are dropped. */
#define XBEE_EVENTS 64

/* What the modem is doing. */
enum xbee_phase {
	XBEE_PH_ABSENT,
	XBEE_PH_PROBE,   /* asked in API mode what it is set to */
	XBEE_PH_GUARD,   /* silent, then +++ */
	XBEE_PH_COMMAND, /* an answer to +++ or to command `step` is awaited */
	XBEE_PH_PAUSE,   /* failed: wait, then again */
	XBEE_PH_READY
};

struct xbee_packet {
	uint8_t addr[2];
	uint8_t len;
	uint8_t data[XBEE_RF_MAX];
};

struct xbee_waiting {
	struct xbee_event ev;
	uint8_t data[XBEE_FRAME_MAX];
};

struct xbee_modem {
	struct xbee_config cfg;
	enum xbee_phase phase;
	lan_time due;     /* of the phase */
	lan_time pause;   /* the last one */
	lan_time heard;   /* the last octet came */
	uint8_t step;     /* PH_COMMAND: 0 is +++ */
	uint8_t answered; /* PH_PROBE: a bit for each setting that is as it should be */
	uint8_t next_id;
	uint8_t line_len;
	char line[16];    /* the end of the line that is coming in */
	char command[16]; /* that was sent last */
	char text[96];    /* of EV_FAILED */
	struct xbee_parser parser;
	struct xbee_flight {
		uint8_t id; /* 0: free */
		uint8_t addr[2];
		uint16_t bytes;
		lan_time due;
	} flight[XBEE_WINDOW];
	struct xbee_packet *queue; /* a ring of cfg.max_queue */
	uint32_t q_head, q_count;
	struct xbee_waiting *events; /* a ring of e_cap */
	uint32_t e_head, e_count, e_cap;
	size_t out_at, out_len;
	uint8_t out[XBEE_WINDOW * XBEE_WIRE_MAX + 64];
	uint64_t counter[XBEE_C_N];
};

/* modem.c */
void xbee_out(struct xbee_modem *m, const void *p, size_t n);
void xbee_out_frame(struct xbee_modem *m, const struct xbee_frame *f);
struct xbee_event *xbee_push(struct xbee_modem *m, enum xbee_event_kind kind, bool packet);
/* Nothing that was on its way, or waits, leaves any more. */
void xbee_forget(struct xbee_modem *m, enum lan_err why, const char *text);

/* start.c */
void xbee_start(struct xbee_modem *m, lan_time now);
void xbee_start_tick(struct xbee_modem *m, lan_time now);
void xbee_start_octet(struct xbee_modem *m, lan_time now, uint8_t c);
void xbee_start_frame(struct xbee_modem *m, lan_time now, const struct xbee_frame *f);

#endif
