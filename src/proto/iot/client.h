/*
 * client.h - the inside of the client core, shared by client.c (the stream:
 * dialling, clocks, bytes, wants) and client_app.c (the application's side:
 * lines out, events, status).
 */
#ifndef LAN_PROTO_IOT_CLIENT_H
#define LAN_PROTO_IOT_CLIENT_H

#include "base/map.h"
#include "proto/iot/inbox.h"
#include "proto/iot/iot.h"
#include "proto/iot/outbox.h"
#include "proto/iot/seen.h"
#include "proto/iot/stream.h"

enum iot_client_state {
	RESTING,  /* until dial_at */
	DIALLING, /* the driver is at it */
	CALLING,  /* stream up, id sent, nothing heard yet */
	UP,
	CLOSED /* gave up at the first attempt */
};

struct iot_client {
	struct lan_env env;
	struct iot_config cfg;
	struct iot_counters count;
	struct iot_inbox inbox;
	struct iot_stream stream;
	struct iot_outbox outbox;
	struct iot_seen seen;
	uint64_t seed[2], rng;
	lan_time dial_at, since, rx_at, clock;
	uint64_t rx_bytes, tx_bytes;
	uint32_t gen, connects, failures;
	enum iot_client_state state;
	bool progress; /* a line got through on this stream, either way */
	bool first_done, want_dial, want_send, want_read, want_close, paused, owe_down;
	uint8_t *scratch;
	char *peer;
	char id[IOT_ID_MAX + 1];
};

/* client.c */
void iot_client_pump(struct iot_client *c, lan_time now);
void iot_client_resume(struct iot_client *c, lan_time now); /* reading, after the inbox was drained */
void iot_client_end(struct iot_client *c, lan_time now, enum iot_counter why, enum lan_err err);

static inline bool iot_client_streaming(const struct iot_client *c)
{
	return c->state == CALLING || c->state == UP;
}

#endif
