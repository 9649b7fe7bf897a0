/*
 * sim.h - a network of cores on a virtual clock.
 *
 * A simulation holds nodes, each with one core behind `struct lan_stream_ops`,
 * and streams between them. It plays the driver's part for every core: it
 * opens, reads, writes, ticks and closes as src/proto/proto.h says. Time is an
 * event heap, randomness is one seed: the same seed gives the same run to the
 * last byte, and 10,000 runs take seconds.
 *
 * A stream is TCP as an application sees it: ordered bytes, cut into segments
 * at random places, delayed by latency and jitter, held back by a window. In
 * the middle of each sits a relay that sees lines (to an LF) and asks the owner
 * of the simulation for a verdict on each: pass, drop, copy, delay, swap, cut,
 * stall. For protocols that are not lines (`bytes`) the relay sees each write,
 * or random slices of it, and TCP is taken at its word: a verdict can only pass,
 * delay (and all that follows), cut and stall. The engine knows no protocol; the
 * owner does.
 *
 * Refused: wall time, and a core that spins (many ticks without progress).
 */
#ifndef SIM_H
#define SIM_H

#include "proto/proto.h"
#include "rng.h"

struct sim;

/* How one end of a stream learns that it is over. */
enum sim_how {
	SIM_FIN,    /* in good order, behind all bytes under way */
	SIM_RST,    /* at once; bytes under way and unread are gone */
	SIM_SILENT, /* not at all: its bytes go nowhere until it gives up */
};

/* What the relay does with one line (`bytes`: one slice). All zero: it passes. */
struct sim_verdict {
	bool drop;
	bool swap;           /* the next line overtakes this one */
	lan_time delay;      /* held back; later lines overtake it */
	unsigned copies;     /* more copies of it, each ... */
	lan_time copy_delay; /* ... this much later */
	unsigned hold_lines; /* a held line is let go when so many later ones passed */
	bool cut;            /* the stream ends behind the first cut_at bytes of the line */
	uint32_t cut_at;
	enum sim_how tell_sender, tell_receiver;
	lan_time stall;  /* both directions stand still so long; LAN_NEVER: black hole */
	const char *why; /* a word for the log */
};

/* A node. `boot` makes a core (NULL: it failed, the simulation fails), `bury`
 * frees it, `drain` pulls its events; all three get `ctx`. */
struct sim_node_spec {
	const char *name;
	const struct lan_stream_ops *ops;
	void *ctx;
	void *(*boot)(void *ctx, const struct lan_env *env);
	void (*bury)(void *ctx, void *core);
	void (*drain)(void *ctx, lan_time now);
	int dials; /* the node its LAN_WANT_DIAL goes to, -1: none */
};

struct sim_config {
	uint64_t seed;
	bool verbose;
	lan_time latency, jitter; /* one way, per segment */
	lan_time dial_timeout;    /* a dial into a partition fails after this */
	uint32_t window;          /* bytes under way and unread before a sender must wait */
	uint32_t split_ppm;       /* a line travels in two segments */
	bool boot_may_fail;       /* a node without a core stays down */
	bool plain;               /* no random ticks, splits, short reads: for scenarios */
	bool bytes;               /* no lines: the relay sees slices of what is written */
	lan_time dead_after;      /* an end whose peer's system was out of reach for so long learns that
				     the stream timed out; 0: never */
	/* The verdict on one line (LF included) or slice from end `from` (0: the dialler). */
	struct sim_verdict (*relay)(void *ctx, uint32_t stream, int from, const uint8_t *line, size_t len);
	/* (With `bytes`, peers are told apart by more than a name: "sim:NAME.LIFE#STREAM.USE" at the
	 * accepting end, "sim:server#STREAM.USE" at the dialling one.) */
	/* A stream came up (`up`) between two nodes, or is over for `node`; may be NULL. */
	void (*stream)(void *ctx, uint32_t stream, int node, int peer, bool up);
	void *ctx;
};

struct sim *sim_new(const struct sim_config *cfg);
void sim_free(struct sim *s);

/* Nodes are numbered 0.. in order of addition and start down. */
int sim_add(struct sim *s, const struct sim_node_spec *spec);
void sim_start(struct sim *s, int node);
/* Free the node's core; each peer of its streams learns by `how`. */
void sim_crash(struct sim *s, int node, enum sim_how how);
void *sim_core(const struct sim *s, int node); /* NULL while down */
const char *sim_name(const struct sim *s, int node);
/* Say that the node's core was called from outside, so that its wants are served. */
void sim_poke(struct sim *s, int node);

/* Nodes of different groups do not reach each other; all start in group 0. */
void sim_group(struct sim *s, int node, int group);
/* End every stream of a node. */
void sim_cut(struct sim *s, int node, enum sim_how near, enum sim_how far);
/* Stop every stream of a node for so long. */
void sim_stall(struct sim *s, int node, lan_time d);
/* The two nodes of a stream: [0] dialled. */
void sim_stream_nodes(const struct sim *s, uint32_t stream, int nodes[2]);

/* Have fn(ctx, arg) called at a moment. */
void sim_at(struct sim *s, lan_time at, void (*fn)(void *ctx, uint64_t arg), void *ctx, uint64_t arg);

lan_time sim_now(const struct sim *s);
struct rng *sim_rng(struct sim *s);
/* Run until the moment, a failure, or sim_stop. */
void sim_run(struct sim *s, lan_time until);
void sim_stop(struct sim *s);

/* A property is violated: keep the first message, stop. */
__attribute__((format(printf, 2, 3))) void sim_fail(struct sim *s, const char *fmt, ...);
const char *sim_failure(const struct sim *s); /* NULL: none */

/* A note in the log; printed at once when verbose. */
__attribute__((format(printf, 2, 3))) void sim_note(struct sim *s, const char *fmt, ...);
/* The last `n` log records, oldest first, to stderr. */
void sim_dump(const struct sim *s, unsigned n);
uint64_t sim_hash(const struct sim *s);   /* over everything on the wires: equal runs, equal hashes */
uint64_t sim_events(const struct sim *s); /* how many events were handled */

#endif
