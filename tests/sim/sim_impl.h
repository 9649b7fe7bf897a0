/*
 * sim_impl.h - what the files of the simulator share: the event heap, nodes,
 * streams, log. Nobody else includes it; sim.h is the face.
 *
 * A direction of a stream keeps its bytes in one buffer: [head, head+ready)
 * has arrived and waits for room in the core, the rest is under way in pieces
 * that each know when they arrive.
 */
#ifndef SIM_IMPL_H
#define SIM_IMPL_H

#include "sim.h"

enum ev_kind { EV_TICK, EV_ARRIVE, EV_FLUSH, EV_RELEASE, EV_END, EV_DIAL, EV_DIALLED, EV_DEAD, EV_CALL };

struct ev {
	lan_time at;
	uint64_t seq; /* first come, first served among equals */
	enum ev_kind kind;
	uint32_t a, b, gen;
	void (*fn)(void *, uint64_t);
	void *ctx;
	uint64_t arg;
};

struct buf {
	uint8_t *p;
	size_t len, cap;
};

struct piece {
	lan_time at;
	uint32_t len;
	bool fin;
};

struct held {
	struct buf line;
	lan_time at;
	uint32_t id, lines_left; /* id 0: free */
};

struct dir {
	struct buf line; /* of the sender, not yet a whole one */
	struct buf fly;
	size_t head, ready;
	size_t lost; /* taken from the sender, carried nowhere: they fill the window all the same */
	struct piece *pieces;
	size_t p_head, p_len, p_cap;
	struct held *held;
	size_t n_held;
	struct buf swapped; /* waits for the next line */
	lan_time last_at;   /* nothing arrives before what was sent earlier */
	lan_time armed;     /* the EV_ARRIVE under way, LAN_NEVER: none */
	bool fin_ready;     /* the end of the stream has arrived behind the bytes */
};

struct end {
	int node;
	uint32_t conn;
	bool open;    /* the core of the node knows this conn */
	bool blocked; /* it has bytes, the window is full */
	bool untold;  /* the stream is dead and nobody will say so to this end */
	bool lingers; /* its core closed it, its system sees to it that all sent gets through */
	bool gone;    /* it gave up: its system knows the stream no more, and the other end was not told */
};

struct stream {
	uint32_t gen; /* odd: in use */
	struct end end[2];
	struct dir dir[2]; /* dir[i]: from end[i] to the other */
	lan_time stall_until;
	lan_time broken_since; /* while an end cannot reach the other's system */
	bool dialling;         /* end[0] has not heard of it yet */
	bool dead;             /* the relay ended it: nothing more is carried */
};

struct node {
	struct sim_node_spec spec;
	struct sim *sim;
	struct rng rng;
	struct lan_env env;
	void *core;
	uint32_t inc; /* counts boots; events of an older core are stale */
	int group;
	lan_time armed, last_tick;
	unsigned ticks_at_once;
	bool dirty;
	uint32_t *streams; /* open streams of this node */
	size_t n_streams, cap_streams;
};

#define LOG_N    256
#define LOG_TEXT 88
struct rec {
	lan_time at;
	uint32_t stream;
	int8_t from; /* end, -1: a note */
	const char *why;
	uint32_t len;
	char text[LOG_TEXT];
};

struct sim {
	struct sim_config cfg;
	struct rng rng;
	lan_time now;
	struct ev *heap;
	size_t n_ev, cap_ev;
	uint64_t seq, handled, hash;
	struct node **nodes;
	int n_nodes;
	struct stream **streams;
	uint32_t n_streams;
	uint32_t *free_streams, n_free;
	int *dirty;
	size_t n_dirty;
	uint32_t held_id;
	bool stop;
	char *failure;
	struct rec log[LOG_N];
	uint64_t n_log;
};

void *xrealloc(void *p, size_t n);
void buf_put(struct buf *b, const void *p, size_t n);

void ev_push(
	struct sim *s, lan_time at, enum ev_kind kind, uint32_t a, uint32_t b, uint32_t gen, uint64_t arg);
void node_dirty(struct sim *s, int node);

struct stream *stream_of(struct sim *s, uint32_t id);
uint32_t stream_find(struct sim *s, int node, uint32_t conn, int *end);
/* Take what the core has to send, as far as the window allows. */
void stream_flush(struct sim *s, uint32_t id, int end);
/* Give the core what has arrived, as far as it has room. */
void stream_read(struct sim *s, uint32_t id, int end);
/* The core closed its end. */
void stream_closed(struct sim *s, uint32_t id, int end);
/* The core closed its end; what it sent must get through, whatever arrives meanwhile. */
void stream_finished(struct sim *s, uint32_t id, int end);
/* An end will learn, after a while, that the stream is over. */
void stream_tell(struct sim *s, uint32_t id, int end, enum sim_how how);
/* An end learns now that the stream was reset. */
void stream_reset(struct sim *s, uint32_t id, int end);
/* Say before the path of a stream stops carrying: dead_after begins. */
void stream_breaks(struct sim *s, uint32_t id);
/* The stream is dead and nobody will say so to this end. */
void stream_silent(struct sim *s, uint32_t id, int end);
/* Does an end have to give up by now? */
void stream_dead(struct sim *s, uint32_t id, int end);
/* An end is over without its core being told (it asked, or is gone). */
void stream_forget(struct sim *s, uint32_t id, int end);
void stream_arrive(struct sim *s, uint32_t id, int from);
void stream_rearm(struct sim *s, uint32_t id);
void stream_dial(struct sim *s, int node);
void stream_dial_arrives(struct sim *s, int node, uint32_t inc);
void stream_dialled(struct sim *s, uint32_t id, uint32_t inc);
void stream_free(struct stream *t);

/* The relay: bytes of end `from` into lines, lines through a verdict. */
void relay_feed(struct sim *s, uint32_t id, int from, const uint8_t *p, size_t n);
void relay_release(struct sim *s, uint32_t id, int from, uint32_t held_id);
/* The sender is done: what is left goes out as it is. */
void relay_finish(struct sim *s, uint32_t id, int from);
/* Put bytes under way; they, and what follows, arrive `late` that much later. */
void carry(struct sim *s, uint32_t id, int from, const uint8_t *p, size_t n, lan_time late);

void log_line(struct sim *s, uint32_t stream, int from, const uint8_t *p, size_t n, const char *why);

#endif
