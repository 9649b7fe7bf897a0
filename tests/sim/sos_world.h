/*
 * sos_world.h - the sensor family on simulated networks: masters, slaves of ours (keyed, compatible, plain)
 * and originals, reboots, moves, partitions; and the books kept about all of it.
 *
 * sos_world.c    nodes, their lives, their networks
 * sos_app.c      what the slaves' applications answer, and when their values change
 * sos_asker.c    what the masters' applications ask, with the cache, and observe
 * sos_ledger.c   what must never happen, and what must have happened in the end
 * sos_hostile.c  somebody who hears everything and sends anything from any address
 * casan_model.c  the original slave, in both epochs
 *
 * A value says whose it is: "ID.BOOT.RESOURCE.NUMBER". NUMBER is the version of an observable or cacheable
 * resource, and the serial of the request where each request has an answer of its own.
 */
#ifndef SOS_WORLD_H
#define SOS_WORLD_H

#include "casan_model.h"
#include "proto/sos/cache.h"
#include "proto/sos/master.h"
#include "proto/sos/slave.h"
#include "sim_ep.h"

#define SW_SLAVES   200
#define SW_MASTERS  2
#define SW_SEGMENTS 3
#define SW_KEY      32

/* observable; echoes its query; cacheable; does something once; longer than a message. */
enum sw_resource { SW_V, SW_U, SW_C, SW_P, SW_B, SW_RESOURCES };
extern const char *const sw_names[SW_RESOURCES];

enum sw_kind { SW_OURS, SW_KEYED, SW_COMPAT, SW_MODEL, SW_MODEL_SOS };

struct sworld;

/* Versions of a resource: when each ceased to be the present one (LAN_NEVER: it is). */
struct sw_value {
	uint32_t version;
	lan_time *until;
	size_t cap;
};

#define SW_LATE 8
struct sw_late { /* a request that is answered later */
	bool used;
	uint32_t boot, id;
	uint64_t serial;
};

struct sw_slave {
	struct sworld *w;
	int index, node, port, segment;
	char name[12];
	enum sw_kind kind;
	uint32_t id, ttl, max_age;
	uint8_t key[SW_KEY];
	struct sos_slave *core;
	struct casan *model;
	uint32_t boot;
	uint32_t moves; /* addresses used up */
	struct sw_value v, c, b;
	bool lazy; /* answers "u" late */
	struct sw_late late[SW_LATE];
	uint64_t executed;
};

/* A request of a master's application. Its tag is its number + 1. */
struct sw_req {
	int slave, master;
	enum sw_resource res;
	uint8_t code;
	uint32_t id, boot;      /* boot: of the master */
	uint32_t least;         /* SW_C: the version a PUT before it made */
	lan_time at, done;      /* done 0: open */
	uint32_t ran, ran_boot; /* SW_P and PUT of SW_C: how often in the slave's life ran_boot */
	bool watch;             /* an observation */
};

struct sw_watch { /* one master's observation of one slave's SW_V */
	bool on, heard;
	uint64_t tag;
	uint32_t boot, version;
};

struct sw_master {
	struct sworld *w;
	int index, node, port[SW_SEGMENTS];
	char name[12];
	struct sos_master *core;
	struct sos_cache *cache;
	struct sos_master_config cfg;
	uint32_t boot, hello_id;
	struct sw_watch watch[SW_SLAVES];
	uint32_t least_c[SW_SLAVES]; /* version that a PUT of this master has made */
	enum sos_member_state state[SW_SLAVES];
	uint64_t open; /* requests */
};

struct shostile;

struct sw_segment {
	uint32_t mtu, overhead;
	bool radio;
};

struct sworld {
	struct sim *sim;
	struct ep_net *net;
	struct rng rng;
	struct sw_segment seg[SW_SEGMENTS];
	struct sw_master master[SW_MASTERS];
	struct sw_slave slave[SW_SLAVES];
	int n_seg, n_master, n_slave;
	struct sw_req *req;
	size_t n_req, cap_req;
	bool memory_fails, verbose;
	bool calm;  /* there are no faults: no request may fail */
	bool over;  /* the faults are */
	bool quiet; /* nothing but Hello and renewal from now on */
	struct shostile *hostile;
	/* Sums for the report. */
	uint64_t asked, answered, failed, cached, validated, notified, associated, wire, hellos, discovers,
		noise;
};

/* ---- sos_world.c */
void sworld_init(struct sworld *w, const struct sim_config *sc, const struct ep_config *ec, uint64_t seed);
void sworld_fini(struct sworld *w);
int sworld_segment(struct sworld *w, bool radio, uint32_t mtu, lan_time latency, lan_time jitter);
struct sw_master *sworld_master(struct sworld *w, const struct sos_master_config *cfg);
struct sw_slave *sworld_slave(struct sworld *w, enum sw_kind kind, uint32_t id, int segment);
void sworld_start_master(struct sworld *w, int i);
void sworld_start_slave(struct sworld *w, int i);
void sworld_crash_master(struct sworld *w, int i);
void sworld_crash_slave(struct sworld *w, int i);
/* The number-th address a node has there; a slave's present one is its number `moves`. */
struct ep_addr sworld_address(const struct sworld *w, int segment, int node, uint32_t number);
/* Another address, never used before; the process lives on if it runs. */
void sworld_move(struct sworld *w, int slave);
void sworld_poke_slave(struct sw_slave *s);
void sworld_poke_master(struct sw_master *m);
bool sworld_is_ours(const struct sw_slave *s);
/* The state as the slave sees it: running (or renewing), with which master; -1 none of ours. */
bool sworld_runs(const struct sw_slave *s, int *master);
struct sw_slave *sworld_by_id(struct sworld *w, uint32_t id);

/* ---- sos_app.c */
void sapp_pull(void *slave, lan_time now);
uint8_t sapp_model_handle(void *slave, const struct casan_request *q, struct casan_reply *r);
void sapp_change(struct sw_slave *s, enum sw_resource res);
void sapp_boot(struct sw_slave *s);
bool sapp_was_current(const struct sw_value *v, uint32_t version, lan_time since);

/* ---- sos_asker.c */
void sask_pull(void *master, lan_time now);
void sask(struct sw_master *m, int slave, enum sw_resource res, uint8_t code);
void sask_watch(struct sw_master *m, int slave);
void sask_unwatch(struct sw_master *m, int slave);
void sask_void(struct sw_master *m); /* the master died: nothing is owed */

/* ---- sos_ledger.c */
/* An answer was given to the application. */
void sledger_answer(struct sw_master *m, struct sw_req *r, uint8_t code, const uint8_t *p, size_t n,
	bool cached, lan_time now);
void sledger_notify(struct sw_master *m, struct sw_req *r, uint8_t code, const uint8_t *p, size_t n);
void sledger_ran(struct sw_slave *s, uint64_t tag, enum sw_resource res);
void sledger_sent(void *world, struct ep_packet *p);
/* Are all up who should be, and do they agree? With `say`: fail the run over the first who do not. */
bool sledger_agreed(struct sworld *w, bool say);
bool sledger_answered(struct sworld *w, bool say);
bool sledger_observed(struct sworld *w, bool say);
void sledger_tables(struct sworld *w);
void sledger_dump(const struct sworld *w); /* all counters, to stderr */
/* "12.3.v.7"; false: not of that form. */
bool sledger_value(const uint8_t *p, size_t n, uint32_t *id, uint32_t *boot, char *res, uint64_t *number);

/* ---- sos_hostile.c */
struct shostile *shostile_new(struct sworld *w, uint32_t rate_per_s);
void shostile_heard(struct shostile *h, struct ep_packet *p);
void shostile_stop(struct shostile *h);
void shostile_free(struct shostile *h);

#endif
