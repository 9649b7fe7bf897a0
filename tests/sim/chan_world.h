/*
 * chan_world.h - a sealed channel on the simulated network: members that start,
 * leave, crash and come back, with or without what they had written down; keys
 * that rotate; applications that write and read at their own speed; and the
 * books kept about all of it.
 *
 * chan_world.c   members, their configuration, state, keys, lives
 * chan_app.c     what the applications do: write, pull, nap
 * chan_ledger.c  who was told what: every promise about messages
 * chan_debts.c   what is still owed in the end
 * chan_tap.c     what is on the wire: counters, epochs, histories, budgets, silence
 * chan_attack.c  an attacker who hears everything and may send anything
 *
 * A message's bytes follow from (instance, number, length), so what arrives
 * can be judged without having been kept.
 */
#ifndef CHAN_WORLD_H
#define CHAN_WORLD_H

#include "proto/channel/channel.h"
#include "proto/channel/frame.h"
#include "proto/channel/seal.h"
#include "sim_dgram.h"

#define CHAN_MEMBERS_MAX  128
#define CHAN_WORLD_EPOCHS 16
#define CLEDGER_STARTS    4

struct cattack;

struct cmsg { /* message number i + 1 of an instance */
	uint32_t len;
	uint64_t first_seq; /* of its first frame on the wire; 0: not there yet */
	lan_time at;        /* of chan_send */
};

/* One opening of the channel by one member. */
struct cinst {
	int member;
	uint64_t id, boot;
	lan_time opened, ended; /* LAN_NEVER: lives */
	bool said_goodbye;
	struct cmsg *msg;
	uint64_t n_msg, cap_msg;
	/* As seen on the wire. */
	uint64_t highest, begun; /* frames; messages whose first frame was sent */
	uint64_t counter;        /* of the last datagram */
	struct lan_aead *aead;   /* to look inside */
	uint32_t aead_epoch;
	uint64_t data_bytes, again_bytes, parity_bytes;
	uint64_t nacks, reports; /* FEEDBACK meant for it, with and without entries */
	lan_time first_data, last_data, last_asked;
};

enum cstate { CM_OPEN = 0, CM_DELIVERED, CM_LOST };

/* What one life of a receiver knows of one instance. */
struct cview {
	uint8_t *state; /* enum cstate by message number - 1 */
	size_t n_state;
	uint64_t next;                      /* in order: number expected; 0: none came yet */
	uint64_t base;                      /* the first that came */
	uint64_t told;                      /* highest message number it can know of, from what it accepted */
	lan_time known;                     /* accepted the first DATA or PRESENCE; LAN_NEVER: not */
	uint64_t start_msg[CLEDGER_STARTS]; /* of answers to LATE that it accepted */
	unsigned starts;
	lan_time over_at;  /* a later instance of the same sender was accepted */
	lan_time first_at; /* the first datagram was accepted; LAN_NEVER: none */
	unsigned asked;    /* LATEs sent */
	bool announced;    /* a PRESENCE was accepted: it is known how old the sender is */
	bool fooled;       /* by a PRESENCE so late that the sender seemed to be the younger one */
};

struct cmark {
	uint64_t sender, counter;
};

struct cmember {
	struct cworld *w;
	int node;
	char name[16];
	struct chan *core;
	struct chan_config cfg;
	int inst;       /* index of the present or last instance; -1: none */
	unsigned lives; /* openings that worked */
	/* What it writes down. */
	bool keeps;
	uint64_t id, limit;
	uint64_t reserving; /* being written down; 0: nothing */
	uint64_t step;      /* what the first limit of a life is ahead; 0: no state */
	struct cmark *mark; /* a snapshot, at most a second old */
	size_t n_mark;
	struct cmark *refused; /* the snapshot this life began with */
	size_t n_refused;
	lan_time marks_at;
	/* Signing. */
	bool signs;
	uint8_t public_key[LAN_SIGN_PUBLIC], secret[LAN_SIGN_SECRET];
	/* Keys it holds: the epochs [first_key, n_keys) of the world. */
	int n_keys;
	lan_time rekey_at; /* LAN_NEVER: nothing to do */
	/* Its application. */
	uint32_t to_send, max_len;
	bool large;         /* messages of all lengths, not mostly short ones */
	lan_time gap;       /* mean pause between messages */
	lan_time send_at;   /* the next one; LAN_NEVER: not now */
	lan_time write_at;  /* none before */
	bool full;          /* waits for WRITABLE */
	lan_time nap_until; /* pulls nothing before */
	unsigned sips;      /* events pulled at a time; 0: all */
	lan_time sip_pause;
	/* Per instance index. */
	struct cview *view;
	size_t n_view;
	uint64_t here[CHAN_MEMBERS_MAX]; /* ids told of as JOINED and not LEFT */
	size_t n_here;
};

struct cepoch {
	uint32_t epoch;
	uint8_t key[32];
	lan_time send_after, accept_until;
};

/* What the tap found in a packet, by its id. */
struct ctap {
	int inst; /* -1: none of ours */
	uint8_t type;
	uint32_t epoch;
	uint64_t sender, boot, counter;
	uint64_t msg; /* DATA: number; PRESENCE: last message told of; START: where it begins */
	uint32_t n;   /* LATE, START */
	bool goodbye;
	lan_time at;
};

struct cworld {
	struct sim *sim;
	struct dgram_net *net;
	struct rng rng;
	struct cmember *m; /* n_m */
	int n_m;
	struct cinst *inst;
	int n_inst;
	enum chan_mode mode;
	bool flow_strict; /* flow is on and nobody was ever away: nothing may be lost */
	bool calm;        /* no fault at all: nothing may be lost in any mode */
	bool small_table; /* senders are forgotten: only what holds even then is asked for */
	bool memory_fails;
	uint8_t cipher;
	const char *channel;
	uint8_t channel_id[CHAN_ID_SIZE];
	struct cepoch epoch[CHAN_WORLD_EPOCHS];
	int n_epochs;
	struct chan_member *list; /* of those allowed to speak, NULL: no list */
	size_t n_list;
	struct ctap *tap; /* by packet id - 1 */
	size_t n_tap, cap_tap;
	struct cattack *attack; /* NULL: none */
	uint8_t *scratch;
	bool verbose;
	bool quiet; /* nothing but PRESENCE may be sent from now on */
	uint64_t quiet_presence;
	/* Sums for the report. */
	uint64_t sent, delivered, lost, wire[8];
};

/* chan_world.c */
void cworld_init(struct cworld *w, const struct sim_config *sc, const struct dgram_config *dc, uint64_t seed);
void cworld_fini(struct cworld *w);
struct cmember *cworld_member(struct cworld *w, const struct chan_config *cfg);
/* After the last member: make them known to each other (list of members). */
void cworld_ready(struct cworld *w, bool members_only);
void cworld_start(struct cworld *w, int member);
void cworld_crash(struct cworld *w, int member);
void cworld_leave(struct cworld *w, int member);
/* A new epoch: sent with after `lead`, the present one accepted for `overlap` beyond that. */
void cworld_rotate(struct cworld *w, lan_time lead, lan_time overlap);
bool cworld_alive(const struct cworld *w, int member);
/* The epoch this member has to send with at this moment. */
uint32_t cworld_epoch(const struct cworld *w, const struct cmember *m, lan_time now);
const struct cepoch *cworld_key(const struct cworld *w, uint32_t epoch);

/* chan_app.c */
void capp_pull(void *member, lan_time now);
void capp_write_from(struct cmember *m, lan_time at);
void capp_nap(struct cmember *m, lan_time until);
/* The bytes of a message. */
void capp_fill(const struct cworld *w, int inst, uint64_t number, uint32_t len, uint8_t *out);

/* chan_ledger.c */
struct cview *cledger_view(struct cmember *m, int inst);
void cledger_boot(struct cmember *m);
void cledger_event(struct cmember *m, const struct chan_event *ev);
/* A core said e to a packet. */
void cledger_judged(
	struct cworld *w, struct cmember *m, const struct ctap *t, bool damaged, bool own, enum lan_err e);

/* The number m has to begin with at the latest; UINT64_MAX: it knows of none. */
uint64_t cledger_begin(struct cworld *w, struct cmember *m, int inst);

/* chan_debts.c */
/* Is nothing owed to anybody any more? With `say`: fail the run over the first debt. */
bool cledger_done(struct cworld *w, bool say);

/* chan_tap.c */
void ctap_sent(void *world, const struct dgram_packet *p);
void ctap_judged(void *world, int member, const struct dgram_packet *p, bool damaged, enum lan_err e);
/* Budgets of the whole run. */
void ctap_budgets(struct cworld *w);
const char *ctap_name(uint8_t type);

/* chan_attack.c */
struct cattack *cattack_new(struct cworld *w, uint32_t rate_per_s);
void cattack_heard(struct cattack *a, const struct dgram_packet *p);
void cattack_stop(struct cattack *a);
void cattack_free(struct cattack *a);

#endif
