/*
 * group_int.h - the inside of the sealed group core, cut by mechanism. Each file
 * knows the ones above it in this list, and group.c all of them:
 *
 *   sendlog.c   own frames: the queue, and behind it the history
 *   pace.c      how fast: a token bucket; down when a receiver was overrun
 *   peers.c     the table of senders: keys, windows, marks, presence
 *   blocks.c    frames that are kept, and parity
 *   deliver.c   messages to the application; the way without order
 *   intake.c    from frames to messages in order: gaps and their end
 *   feedback.c  what a receiver asks for, and when it keeps quiet
 *   repair.c    what a sender sends again
 *   presence.c  announcements
 *   group.c     the core: datagrams in and out
 *   group_app.c the core: what the application calls
 *
 * docs/protocols/channel.md is the specification.
 */
#ifndef CHAN_GROUP_INT_H
#define CHAN_GROUP_INT_H

#include "proto/channel/channel.h"
#include "proto/channel/peers.h"
#include "proto/channel/reasons.h"
#include "proto/channel/repair.h"
#include "proto/channel/sendlog.h"

#define CHAN_STEP      (UINT64_C(1) << 20) /* of the counter's limit */
#define CHAN_FRAME_CAP (CHAN_DATAGRAM_MAX)

enum chan_timer_id { CHAN_T_PRESENCE, CHAN_T_REPAIR, CHAN_T_KEY, CHAN_T_PACE, CHAN_T_REFUSED, CHAN_T_N };

struct chan {
	struct lan_env env;
	enum chan_mode mode;
	bool silent, hear_self, flow, has_identity, leaving;
	uint8_t block, parity;
	uint32_t history, late, max_message, max_partial, max_datagram;
	lan_time reorder, presence;
	char name[CHAN_NAME_MAX];
	uint8_t id[CHAN_ID_SIZE];
	struct chan_keys keys;
	uint8_t (*members)[32];
	size_t n_members;
	uint8_t identity[LAN_SIGN_SECRET];
	uint64_t me, boot, counter, counter_limit;
	lan_time opened, now; /* now: of the last call */

	struct lan_aead *tx;
	uint32_t tx_epoch;
	bool tx_set;
	struct lan_aead *scratch;
	int scratch_cipher;

	struct chan_inbox inbox;
	struct chan_reasm *reasm;
	struct chan_sendlog log;
	struct chan_pace pace;
	struct chan_repair repair;
	struct chan_peers peers;
	uint32_t partial;   /* bytes of held frames */
	uint32_t n_present; /* peers that are present */
	uint32_t n_stuck;
	uint32_t n_asking;
	uint64_t flow_min; /* what all listeners have confirmed; valid while !flow_dirty */
	bool flow_dirty;
	lan_time blocked_at; /* flow holds the queue since; 0: it does not */
	uint32_t overruns;

	struct lan_timers timers;
	struct lan_timer timer[CHAN_T_N];
	lan_time presence_at, fast_at;
	lan_time fast_step;
	bool arrived;       /* the next announcement says so */
	uint64_t announced; /* highest of the last announcement */
	/* Answers to LATE that are due: one at a time is enough, the newest wins. */
	uint32_t start_n;
	bool start_due;
	bool wants_keys;
	uint64_t refused_told[CHAN_REFUSALS];
	lan_time refused_at[CHAN_REFUSALS];
	struct lan_from refused_from[CHAN_REFUSALS];
	uint64_t counters[CHAN_C_N];
	struct chan_status stats; /* the counts of it */
};

static inline void chan_count(struct chan *c, enum chan_counter_id id)
{
	c->counters[id]++;
}

/* counters.c: a refusal, with its event. Always returns LAN_ERR_PROTO. */
enum lan_err chan_refuse(struct chan *c, lan_time now, enum chan_counter_id id, const struct lan_from *from);
void chan_refused_due(struct chan *c, lan_time now);

/* group.c */
/* Seal with the newest epoch whose time has come. */
void chan_choose_key(struct chan *c, lan_time now);
uint64_t chan_random(struct chan *c);
/* An even choice below n (n > 0). */
uint64_t chan_below(struct chan *c, uint64_t n);
void chan_arm(struct chan *c, enum chan_timer_id id, lan_time at);
/* Queue an event about a peer; drops and counts it when the inbox has no room. */
void chan_tell(struct chan *c, struct chan_peer *p, struct chan_event *ev);
/* Recompute when peer p needs a tick. */
void chan_peer_arm(struct chan *c, struct chan_peer *p);

/* presence.c */
void chan_presence_init(struct chan *c, lan_time now);
/* What it calls itself; before it is told that it has joined. */
void chan_presence_name(struct chan_peer *p, const struct chan_frame *f);
void chan_presence_input(struct chan *c, struct chan_peer *p, lan_time now, const struct chan_frame *f);
bool chan_presence_output(struct chan *c, lan_time now, struct chan_frame *f);
void chan_presence_sent(struct chan *c, lan_time now); /* new frames left */
lan_time chan_presence_deadline(const struct chan *c);

#endif
