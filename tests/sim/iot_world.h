/*
 * iot_world.h - the simulated world of the line link: parties (servers and
 * clients with the real cores), flows of lines between them, the relay that
 * knows the wire, and the ledger that knows what was promised.
 *
 * A flow is one direction between a client and its server. It outlives the
 * restarts of both: each line belongs to one life ("inc") of its sender and
 * remembers which life of the receiver saw it last. The promises checked are
 * listed in ledger.c.
 */
#ifndef IOT_WORLD_H
#define IOT_WORLD_H

#include "proto/iot/iot.h"
#include "raw_peer.h"
#include "sim.h"

struct world;

struct line {
	uint32_t text, len; /* in the flow's text */
	uint32_t inc;       /* of the sender */
	uint32_t seen_by;   /* life of the receiver that saw it last, 0: none */
	uint16_t seen;      /* how often, over all lives */
	uint8_t flags;      /* IOT_QOS, IOT_WAIT */
	bool acked, lost;
	uint64_t token;
};

struct flow {
	struct world *w;
	int from, to; /* parties */
	char tag;     /* first byte of generated lines */
	struct line *lines;
	uint32_t n, cap, base; /* base: first line of the sender's present life */
	char *text;
	uint32_t text_len, text_cap;
	uint32_t low_qos, low_wait; /* no undelivered qos (wait) line of this life below */
	uint32_t low_unacked;
	int64_t last_seen; /* greatest line the receiver's present life saw, -1: none */
	uint32_t open;     /* qos lines of this life not acked, others neither seen nor lost */
	/* the writer of a campaign */
	uint32_t to_write, burst_max;
	lan_time gap;
	unsigned (*mode)(struct rng *r); /* flags of the next line */
	uint32_t max_len;
	bool writer_waits; /* for WRITABLE, UP or a restart */
};

struct party {
	struct world *w;
	int self, node;
	bool server;          /* accepts */
	struct raw_peer *raw; /* instead of a core of ours */
	char name[24];
	int of;      /* a client's server */
	char id[64]; /* a client's */
	struct iot_config cfg;
	void *core;
	uint32_t inc;
	bool asleep; /* does not pull events */
	uint64_t naps;
	bool sips;        /* now and then pauses after an event */
	int up;           /* a client: is it up */
	uint32_t streams; /* that came up */
	uint32_t ups, downs, refused, retries, lost, all_up, first_failed, writable;
	int in, out; /* a client's flows: from the server, to the server */
	bool server_sees_up;
	bool id_sent; /* on its present stream */
};

enum what { W_ANY, W_ID, W_KEEPALIVE, W_ACK, W_MSG };

/* An aimed fault of the relay. */
struct rule {
	int dir;    /* 0 c2s, 1 s2c, -1 both */
	int client; /* party, -1: any */
	enum what what;
	int mid;        /* -1: any */
	char text[64];  /* of the payload, "": any */
	unsigned skip;  /* matches to let pass first */
	unsigned times; /* matches to act upon; UINT32_MAX: all */
	struct sim_verdict v;
	unsigned hits;
};

/* Random faults, in parts per million of the lines. */
struct impair {
	uint32_t lose_msg, lose_ack, lose_other, dup, delay, swap, cut, swallow, hole, half, stall;
	lan_time hold_max;
};

struct wire_line {
	lan_time at;
	uint32_t stream;
	int from, client;
	enum what what;
	uint32_t text, len;
};

struct world {
	struct sim *sim;
	uint64_t seed;
	lan_time T;
	struct party *p;
	int n_p;
	struct flow *f;
	int n_f;
	struct rule *rules;
	size_t n_rules;
	struct impair im;
	bool faults;
	bool id_line;   /* the line the relay judged last was an id line */
	bool oom;       /* a core that cannot be made is tried again, a refused write is no failure */
	bool no_order;  /* the ledger does not check the order */
	struct rng rng; /* of the applications and faults, apart from the network's */
	/* counts since the last reset by the campaign's end game */
	uint64_t wire_msgs, wire_acks, wire_keepalives, streams_up, streams_down, injected;
	/* every line that entered the relay, when `keep_wire` */
	bool keep_wire;
	struct wire_line *wire;
	size_t n_wire, cap_wire;
	char *wire_text;
	size_t wire_len, wire_cap;
	void (*on_event)(void *ctx, struct party *p, const struct iot_event *ev);
	void *ctx;
};

void world_init(struct world *w, const struct sim_config *net, uint64_t seed, lan_time T);
void world_fini(struct world *w);
/* Parties are added before anything starts; pointers into w->p move until then. */
int world_server(struct world *w, const char *name, const struct iot_config *cfg);
int world_client(struct world *w, const char *name, const char *id, int server, const struct iot_config *cfg);
/* A party that speaks bytes; `of` -1: it is dialled, else it dials. Its id is for matching only. */
int world_raw(struct world *w, const char *name, int of);
/* After the last party: make the flows and the list of expected ids. */
void world_ready(struct world *w, bool expect_all);
void world_start(struct world *w, int party);
void world_crash(struct world *w, int party, enum sim_how how);
/* Stop pulling events for so long. */
void world_nap(struct world *w, int party, lan_time d);
enum lan_err world_write(struct world *w, int flow, const char *text, size_t len, unsigned flags);
/* Let the flow's writer loose: `to_write` lines as its other fields say. */
void world_write_from(struct world *w, int flow, lan_time at);
struct iot_status world_status(struct world *w, int client, bool of_server);
size_t world_pending(struct world *w, int party);
/* Both ends of a client's link agree that it is up. */
bool world_agree_up(struct world *w, int client);

/* ledger.c */
void ledger_wrote(struct flow *f, const char *text, size_t len, unsigned flags, uint64_t token);
void ledger_seen(struct flow *f, const char *text, size_t len);
void ledger_acked(struct flow *f, uint64_t token);
void ledger_lost(struct flow *f, uint64_t token);
void ledger_sender_died(struct flow *f);
void ledger_receiver_died(struct flow *f);
/* How often a text was seen, over all lives; acked or lost at least once. */
unsigned ledger_count(
	const struct flow *f, const char *text, unsigned *written, unsigned *acked, unsigned *lost);
void ledger_fini(struct flow *f);

/* iot_relay.c */
struct sim_verdict iot_relay(void *ctx, uint32_t stream, int from, const uint8_t *line, size_t len);
int hex_mid(const uint8_t *line, size_t len); /* -1: none */

#endif
