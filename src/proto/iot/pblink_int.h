/*
 * pblink_int.h - the inside of struct pblink, shared by pblink*.c alone.
 *
 * A transport calls pblink_x_request with what the board sent, sends what is in
 * `word` and `out`, and says pblink_x_done when the board certainly has it. What
 * is not said to be done is composed again in the next exchange, so a broken
 * exchange loses nothing on this side.
 */
#ifndef LAN_PROTO_PBLINK_INT_H
#define LAN_PROTO_PBLINK_INT_H

#include "base/ring.h"
#include "proto/iot/pblink.h"

#define PBLINK_EVENTS 16
#define SERIAL_OUT    1024

enum i2c_state {
	I2C_UNSYNCED,  /* ack high; waiting for syn low */
	I2C_IDLE,      /* ack low; waiting for syn high */
	I2C_RD_WORD,   /* transfer under way */
	I2C_GOT_WORD,  /* ack high; waiting for syn low */
	I2C_WANT_DATA, /* ack low; waiting for syn high */
	I2C_RD_DATA,   /* transfer under way */
	I2C_GOT_DATA,  /* ack high; waiting for syn low */
	I2C_SETTLE,    /* ack low long enough for the board to see it */
	I2C_ASK_WORD,  /* ack high; waiting for syn high */
	I2C_WR_WORD,   /* transfer under way */
	I2C_SENT_WORD, /* ack low; waiting for syn low */
	I2C_ASK_DATA,  /* ack high; waiting for syn high */
	I2C_WR_DATA,   /* transfer under way */
	I2C_SENT_DATA, /* ack low; waiting for syn low */
	I2C_DRAIN      /* the exchange is void, but a transfer has not come back yet */
};

enum serial_state { S_HUNT, S_SYNC, S_SYNC2, S_SEQ, S_LOW, S_HIGH, S_DATA, S_CHECK1, S_CHECK2 };

/* What `out` holds, to know what pblink_x_done completes. */
enum pblink_out { OUT_NONE, OUT_BAD, OUT_STATE, OUT_KEEPALIVE, OUT_REPORT, OUT_LINE };

struct pblink {
	const struct lan_env *env;
	struct pblink_config cfg;
	struct pblink_counters count;
	struct pblink_event events[PBLINK_EVENTS];
	uint8_t ev_head, ev_len;

	/* the session */
	bool synced, configured, silent;
	bool config_new; /* not pulled yet: until then no line moves, it may be another id's */
	lan_time heard;
	struct pblink_settings settings, fresh;
	bool have_settings;

	/* lines from the board: whole lines, then at most one unfinished */
	struct lan_ring rx;
	uint64_t rx_line; /* where the unfinished one starts */
	bool rx_skip;     /* in the rest of a line that was too long */

	/* lines for the board: two bytes of length, then the text */
	struct lan_ring tx;
	bool peer_full; /* bit 7 of the board's last word */
	uint8_t word[2];
	uint8_t out[PBLINK_BUF];
	size_t out_n;
	enum pblink_out out_kind;
	bool out_again; /* it was sent before and not known to have arrived */
	char bad;       /* 'b', 's' or 0 */
	bool up;        /* the server, as far as known */
	int8_t told;    /* what the board was told: -1 nothing yet, else up */
	bool flapped;   /* down and up again since */
	bool alive;     /* `k` lines have started */
	bool k_due;
	lan_time k_at, r_at;
	uint32_t r_no;
	char report[64];
	size_t report_n;

	union {
		struct {
			enum i2c_state state;
			bool syn, rst, ack;
			bool ack_said;   /* the driver was told the level */
			bool asked;      /* the driver was told of the transfer */
			bool again;      /* the transfer failed and is tried again at `until` */
			lan_time until;  /* of the present wait */
			uint8_t word[2]; /* the board's */
			size_t want;     /* bytes of payload announced */
			uint8_t tries;   /* of the present transfer */
		} i2c;
		struct {
			enum serial_state state;
			uint8_t nonce, seq, word[2], check[2];
			uint8_t got[PBLINK_BUF];
			size_t got_n, want;
			lan_time until; /* of the frame under way */
			bool exchanged; /* since the last sync */
			bool open;      /* an answer is out, for last_seq, and may need repeating */
			uint8_t last_seq, last_nonce;
			uint8_t last[4 + PBLINK_BUF + 2];
			size_t last_n;
			uint8_t buf[SERIAL_OUT];
			size_t head, tail;
		} ser;
	};
};

static inline void pblink_x_count(struct pblink *p, enum pblink_counter c)
{
	p->count.v[c]++;
}
void pblink_x_event(struct pblink *p, enum pblink_event_kind kind, enum lan_err err, const char *reason);
/* Refuse: count, and tell. */
void pblink_x_refuse(struct pblink *p, enum pblink_counter c, enum lan_err err);
void pblink_x_trace(
	struct pblink *p, lan_time now, enum lan_trace_kind kind, const char *what, const void *a, size_t n);
void pblink_x_heard(struct pblink *p, lan_time now);

/* The board started a session; a running one ends for `reason`. */
void pblink_x_sync(struct pblink *p, lan_time now);
void pblink_x_reset(struct pblink *p, const char *reason);
void pblink_x_forget_told(struct pblink *p);
/* The first server connection under this configuration: `k` and `r` begin. */
void pblink_x_come_alive(struct pblink *p, lan_time now);

static inline size_t pblink_x_length(const uint8_t word[2])
{
	return (size_t)word[0] | (size_t)(word[1] & 0x7f) << 8;
}

/* The board's half is complete: take it and compose ours into word and out. */
void pblink_x_request(
	struct pblink *p, lan_time now, const uint8_t word[2], const uint8_t *payload, size_t n);
/* Our half has arrived. */
void pblink_x_done(struct pblink *p);

void pblink_i2c_init(struct pblink *p);
void pblink_i2c_tick(struct pblink *p, lan_time now);
void pblink_serial_tick(struct pblink *p, lan_time now);

#endif
