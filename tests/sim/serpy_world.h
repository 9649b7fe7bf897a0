/*
 * serpy_world.h - streams of serpy on the simulated network: one server and its
 * clients, all with the real core, applications around each that send, pull,
 * nap, hold, finish and drop as programs do, strangers that send rubbish, and
 * the books kept about all of it.
 *
 * serpy_world.c   parties and their lives, the relay's faults
 * serpy_app.c     pulling events
 * serpy_write.c   sending: messages, blobs, lent memory
 * serpy_values.c  what a message looks like, sent and received
 * serpy_ledger.c  who was told what: every promise about messages
 * serpy_hostile.c strangers
 *
 * A flow is one sequence of messages: all that one life of a client sends, or
 * all that the server sends on one connection. Tokens count its messages, and questions (serpy_ask) among
 * them. Its bytes follow from (flow, number, length), so what arrives can be judged without having been kept.
 */
#ifndef SERPY_WORLD_H
#define SERPY_WORLD_H

#include "proto/serpy/serpy.h"
#include "raw_peer.h"
#include "sim.h"

#define SW_PARTIES 8
#define SW_LONGEST (1u << 20)

struct sworld;
struct hostile;

enum smsg_how { SH_SEND, SH_REF, SH_BLOB };

struct smsg {
	uint32_t len; /* characters, bytes */
	uint32_t token;
	uint8_t type; /* enum serpy_type, of the value sent */
	uint8_t mode; /* on the wire */
	uint8_t how;  /* enum smsg_how */
	bool anon;    /* too short to say which it is */
	bool timed;   /* has a timeout */
	bool acked, expired, told_sent;
	uint16_t got; /* how often it was delivered, over all connections */
};

struct sflow {
	int from, to;  /* parties */
	uint32_t life; /* of `from` */
	uint64_t conn; /* server: of this connection; client: 0 */
	char key[32];  /* server: of its connection */
	struct smsg *msg;
	uint32_t n, cap;
	uint64_t lost, doubled, unreached; /* sums of what was told */
	uint64_t acked, acked_anon;
	uint64_t anon, got_anon;              /* messages that do not say which they are: sent, delivered */
	uint32_t asked;                       /* questions, which have tokens, too */
	uint64_t not_queued, told_not_queued; /* never got a number: the queue was full */
	uint64_t excused; /* so many may be missing without a word: its own application closed the connection
			   */
	uint32_t handed;  /* handed to the system whole when the last connection ended */
	int64_t last_acked; /* greatest message acknowledged */
	struct sspan *span; /* what a client's connections answered for */
	uint32_t n_spans, cap_spans;
	bool blobs;      /* there was one */
	bool blurred;    /* its own application closed a connection */
	bool closed;     /* server: by its own application */
	bool ended;      /* server: its connection's end was told */
	bool cut_off;    /* a receiver closed a connection of it, and threw away what was under way */
	bool open_books; /* ... and it is not known yet what was lost */
	bool dead;       /* its sender died: nobody is told any more */
};

/* Messages [from, to) of a flow were handed to one connection; so many of them were reported. */
struct sspan {
	uint32_t from, to;
	uint64_t lost;
	bool exact; /* nothing else can be missing */
};

/* One connection as its receiver sees it. */
struct srecv {
	int flow;         /* -1: not known yet */
	uint64_t ordinal; /* of connections, by age */
	uint32_t *got;    /* numbers delivered, in this order */
	uint32_t n, cap;
	int64_t last;
	bool piecing;  /* a message comes in pieces */
	int64_t piece; /* ... this one, -1: it has not said yet */
	uint64_t piece_at;
	uint8_t early[16]; /* how it begins */
	uint32_t n_early;
	bool ended;
};

/* A connection as a party knows it. */
struct slink {
	uint64_t conn;
	int recv, flow; /* indexes, -1 */
	char key[32];   /* "STREAM.USE": the same at both ends */
	int peer;       /* party, -1: unknown */
	bool up, held, finishing, dropped, raw;
	uint32_t acked_here; /* ACKED events of this connection */
	/* the writer */
	uint32_t to_send;
	lan_time send_at; /* LAN_NEVER: not now */
	bool full;
	bool asking;
	int last_mode;
	/* an open blob */
	bool blob;
	uint8_t *blob_data;
	size_t blob_len, blob_at;
	bool blob_open_ended;
};

struct sparty {
	struct sworld *w;
	int self, node;
	bool server;
	struct raw_peer *raw;
	char name[16];
	struct serpy_config cfg;
	struct serpy *core;
	uint32_t life;
	struct slink *link; /* server: those of this life that are not over; client: [0] */
	uint32_t n_links, cap_links;
	/* its application */
	uint32_t to_send; /* client: messages of the run, over all its lives; server: for each connection */
	uint32_t max_len, max_blob;
	bool blobs, asks;
	uint32_t reply_ppm;
	lan_time gap;
	lan_time nap_until;
	unsigned sips;
	lan_time sip_pause;
	uint64_t rx_at_nap;
	bool leaving, napping, open_books;
	bool held_once;      /* then events of connections and others may change places */
	uint32_t ups, downs; /* of this life */
	uint64_t got, told_lost, told_doubled, told_acked, told_expired;
	uint64_t refs; /* refs: lent memory not given back */
};

/* Random faults, in parts per million of slices. */
struct sfaults {
	uint32_t cut, half, hole, stall, delay;
	lan_time delay_max, stall_max;
};

/* A stream that ends behind a certain byte of one direction. */
struct sdoom {
	uint32_t stream;
	int from;
	uint64_t at, passed;
	struct sim_verdict v;
};

struct sworld {
	struct sim *sim;
	struct rng rng; /* of applications and faults, apart from the network's */
	struct sparty p[SW_PARTIES + 4];
	int n_p;
	struct sflow *flow;
	int n_flows, cap_flows;
	struct srecv *recv;
	int n_recvs, cap_recvs;
	enum serpy_dialect dialect;
	const char *encoding;
	bool calm;   /* no fault at all: nothing may end, nothing be lost */
	bool polite; /* ... but what applications close themselves */
	bool memory_fails;
	bool faults;
	bool settled; /* nothing is under way any more: what is lost now was lost for nothing */
	struct sfaults im;
	uint32_t doom_ppm, doom_max;
	struct sdoom doom[64];
	uint32_t n_doom;
	bool mixed_types;
	int only_mode;       /* -1: all */
	uint64_t wire_bytes; /* since the last reset */
	uint64_t connects;   /* so many times a stream came up */
	uint64_t ordinals;
	struct hostile *hostile;
	uint8_t *scratch;  /* a message as it is sent */
	uint8_t *expect;   /* a message as it is to be received */
	int64_t expect_of; /* which message that is */
	size_t expect_len;
	/* Sums for the report. */
	uint64_t sent, delivered, pieces, lost, doubled, acked, downs;
};

/* serpy_world.c */
void sworld_init(struct sworld *w, const struct sim_config *net, uint64_t seed);
void sworld_fini(struct sworld *w);
struct sparty *sworld_party(struct sworld *w, bool server, const struct serpy_config *cfg);
struct sparty *sworld_stranger(struct sworld *w, struct raw_peer *raw);
void sworld_start(struct sworld *w, int party);
void sworld_crash(struct sworld *w, int party, enum sim_how how);
struct slink *slink_find(struct sparty *p, uint64_t conn);
struct slink *slink_new(struct sparty *p, uint64_t conn);
struct sim_verdict sworld_relay(void *ctx, uint32_t stream, int from, const uint8_t *p, size_t n);
void sworld_stream(void *ctx, uint32_t stream, int node, int peer, bool up);

/* serpy_app.c */
void sapp_pull(void *party, lan_time now);
/* Lent memory that is done with. */
void sapp_release(struct sparty *p);
void sapp_nap(struct sparty *p, lan_time until);
void sapp_hold(struct sparty *p, uint64_t conn, lan_time until);
void sapp_finish(struct sparty *p, uint64_t conn);
void sapp_drop(struct sparty *p, uint64_t conn);
void sapp_poke(void *world, uint64_t party);

/* serpy_write.c */
void swrite_due(struct sparty *p, lan_time now);
void swrite_from(struct sparty *p, struct slink *l, lan_time at);
void swrite_blob_over(struct slink *l);

/* serpy_values.c */
/* The mode a value of this type leaves in when it is sent in `mode` (section 1.4). */
int svalue_mode(enum serpy_dialect d, enum serpy_type type, int mode);
/* Make the value of message i. Its data are in w->scratch. */
struct serpy_value svalue_make(struct sworld *w, int flow, uint32_t i, const struct smsg *m);
/* Where the received value comes from: *flow, *i. False: it does not say (too short). */
bool svalue_origin(struct sworld *w, const struct serpy_value *v, int mode, int *flow, uint32_t *i);
/* The bytes of the message as they are received, in w->expect. */
size_t svalue_expect(struct sworld *w, int flow, uint32_t i);
/* Is this what message i looks like when it arrives whole? */
bool svalue_is(struct sworld *w, int flow, uint32_t i, const struct serpy_value *v, int mode);

/* serpy_ledger.c */
int sledger_flow(struct sworld *w, int from, int to, uint64_t conn);
int sledger_recv(struct sworld *w, int flow);
struct smsg *sledger_sent(struct sworld *w, int flow, const struct smsg *m);
void sledger_value(struct sparty *p, struct slink *l, const struct serpy_event *ev);
void sledger_piece(struct sparty *p, struct slink *l, const struct serpy_event *ev);
void sledger_token(struct sparty *p, struct slink *l, const struct serpy_event *ev);
void sledger_down(struct sparty *p, struct slink *l, const struct serpy_event *ev);
void sledger_lost(struct sparty *p, struct slink *l, const struct serpy_event *ev);
/* There is no event left: all that was lost is told. */
void sledger_told(struct sparty *p);
void sledger_died(struct sparty *p);
/* The promises about the whole run. */
void sledger_final(struct sworld *w);

#endif
