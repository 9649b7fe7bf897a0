/*
 * fault.h - what an impaired line does to the bytes of one TCP connection.
 *
 * Pure, like a protocol core: bytes and time go in; bytes, orders to close and
 * one deadline come out. A relay holds one `lab_conn` per pair of sockets and
 * one `lab_faults` for all of them. A unit is a line (or whatever one read
 * returned); each is let through, dropped, doubled, delayed, moved behind its
 * successor, or takes the connection down in one of the ways networks do.
 *
 * Chance is a function of (seed, connection, direction, kind and number of the
 * unit, fault), not of a generator's history: the same traffic meets the same
 * faults, and changing one rate while running moves nothing else.
 *
 * Memory is bounded per direction (`buffer`): when it is full the side is not
 * read any more, so the sender feels the back-pressure as on a slow line.
 */
#ifndef LAN_LAB_FAULT_H
#define LAN_LAB_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/err.h>

/* A side is named by who sits there, a direction by the side it comes from. */
enum lab_side { LAB_CLIENT = 0, LAB_SERVER = 1 };
enum lab_dir { LAB_C2S = 0, LAB_S2C = 1 };

/* What a unit is, read as a line of micropython-iot. LAB_FIRST: the first line
 * from the client, its id. Chunks are all LAB_MSG. */
enum lab_kind { LAB_MSG, LAB_ACK, LAB_KEEPALIVE, LAB_FIRST, LAB_KINDS };

/* In order of precedence when chance picks several for one unit. */
enum lab_fault {
	LAB_SWALLOW,   /* the line is lost and the connection with it */
	LAB_CUT,       /* the connection closes inside the line */
	LAB_HALF_OPEN, /* one side is closed, the other stays open and is told nothing */
	LAB_HOLE,      /* nothing passes either way for a time, the connection stays open */
	LAB_DROP,
	LAB_DUP,
	LAB_REORDER, /* the line leaves after the one behind it */
	LAB_HOLD,    /* the line and all behind it are late (rules, and --delay) */
	LAB_DELAY,   /* the line is late, those behind it overtake (rules only) */
	LAB_PASS,    /* a rule spared the line from chance */
	LAB_FAULTS
};

enum lab_cut { LAB_CUT_EITHER, LAB_CUT_FIN, LAB_CUT_RST };

/* One aimed fault: dir:kind:mid:count:action[:arg]. */
struct lab_rule {
	uint8_t dirs;  /* bit per direction */
	uint8_t kinds; /* bit per kind */
	char mid[3];   /* two hex digits, or "" for any */
	uint32_t left; /* how often it fires still; UINT32_MAX: for ever */
	enum lab_fault fault;
	enum lab_cut how;   /* CUT, SWALLOW */
	enum lab_side side; /* HALF_OPEN: the side that is closed */
	bool have_arg;      /* bytes, time or side were given */
	uint32_t bytes;     /* CUT: bytes of the line that still pass */
	lan_time time;      /* HOLE, HOLD, DELAY */
};

enum { LAB_RULES_MAX = 64, LAB_PPM = 1000000 };

struct lab_report {
	enum lab_fault fault;
	uint32_t conn;
	enum lab_dir dir;
	enum lab_kind kind;
	bool have_line; /* false: ordered from outside, about no line */
	const uint8_t *line;
	size_t len;
	bool by_rule;
	const char *how; /* "fin", "rst", "client", "server" or NULL */
	uint32_t bytes;  /* CUT */
	lan_time time;   /* HOLE, HOLD, DELAY */
};

/* Settings and counters of all connections. Settings may change at any time. */
struct lab_faults {
	uint64_t seed;
	uint32_t rate[LAB_FAULTS]; /* parts per million, per unit */
	uint8_t only;              /* directions that chance touches, a bit each */
	bool chunks;
	uint32_t spare; /* the first units of each client that chance neither drops, doubles nor moves */
	enum lab_cut cut;
	lan_time delay, jitter, hole;
	uint32_t buffer; /* bytes per direction */
	struct lab_rule rules[LAB_RULES_MAX];
	uint32_t n_rules;

	bool paused;
	lan_time hole_until; /* of everything */
	uint64_t count[LAB_FAULTS], units[2], bytes[2];
	uint64_t conns;
	void (*report)(void *ctx, const struct lab_report *r); /* a leaf: calls nobody back; may be NULL */
	void *ctx;
};

struct lab_conn;

/* A connection; `number` is its place in the order of arrival. Borrows f until free. */
LAN_WUR enum lan_err lab_conn_new(struct lab_faults *f, uint32_t number, struct lab_conn **out);
void lab_conn_free(struct lab_conn *c);

/* Where the next bytes from a direction's sender go; *n == 0: do not read now.
 * Valid until the next call on c. */
uint8_t *lab_conn_room(struct lab_conn *c, lan_time now, enum lab_dir d, size_t *n);
void lab_conn_commit(struct lab_conn *c, lan_time now, enum lab_dir d, size_t n);

/* The sender of d closed its direction in good order. */
void lab_conn_eof(struct lab_conn *c, lan_time now, enum lab_dir d);
/* The socket of a side broke: it is closed, the other side will be reset. */
void lab_conn_lost(struct lab_conn *c, lan_time now, enum lab_side s);

/* The bytes to write next in direction d; *n == 0: none now. */
const uint8_t *lab_conn_pending(struct lab_conn *c, lan_time now, enum lab_dir d, size_t *n);
void lab_conn_sent(struct lab_conn *c, lan_time now, enum lab_dir d, size_t n);

/* What to do to a side besides reading and writing. Each order is given once;
 * after CLOSE or RESET the socket is gone. */
enum lab_order { LAB_NOTHING, LAB_SHUTDOWN, LAB_CLOSE, LAB_RESET };
enum lab_order lab_conn_order(struct lab_conn *c, lan_time now, enum lab_side s);

/* Both sides are closed: free it. */
bool lab_conn_over(const struct lab_conn *c);

/* The earliest moment at which pending, room or order may change by themselves. */
lan_time lab_conn_deadline(const struct lab_conn *c, lan_time now);

/* An order from outside: LAB_CUT, LAB_HALF_OPEN (side `s` is closed) or LAB_HOLE (for `time`). */
void lab_conn_force(
	struct lab_conn *c, lan_time now, enum lab_fault fault, bool rst, enum lab_side s, lan_time time);

uint32_t lab_conn_number(const struct lab_conn *c);

/* Names as options and events spell them. Static text. */
const char *lab_fault_name(enum lab_fault f);
const char *lab_kind_name(enum lab_kind k);
const char *lab_dir_name(enum lab_dir d);

#endif
