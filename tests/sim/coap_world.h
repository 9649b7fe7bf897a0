/*
 * coap_world.h - engines of CoAP on one lossy network, each client and server at once, with an application
 * that asks, answers late, observes, changes and cancels; and the ledger of what must hold (coap_ledger.c).
 *
 * Every body says what it is: server, resource, state and length, or the number of the request it belongs to,
 * so that an answer of another's, or one put together wrongly, is seen at once.
 */
#ifndef COAP_WORLD_H
#define COAP_WORLD_H

#include "proto/coap/coap.h"
#include "sim_ep.h"

#define CW_NODES     8
#define CW_RESOURCES 3 /* of each node that can be observed */
#define CW_BODY      6000
#define CW_PENDING   64

enum cw_kind { CW_GET = 1, CW_OBSERVE, CW_POST, CW_PING, CW_GROUP };

/* A request, its promise and what became of it. */
struct cw_request {
	enum cw_kind kind;
	int from, to, resource;
	bool over, cancelled, failed;
	uint32_t id, since; /* since: the resource's state when it was asked; then the last one told */
	uint32_t up, down;  /* octets each way, POST */
	unsigned done;      /* how often it was executed */
	unsigned outcomes;
	bool first; /* the RESPONSE of an observation came */
	int life;   /* of the asking node */
};

struct cw_later { /* a request that is answered later */
	uint32_t id;
	lan_time at;
	bool used, post;
	uint32_t number;
	int resource;
};

struct cworld;
struct cw_node {
	struct cworld *w;
	int i, life;
	char name[8];
	struct coap *core;
	struct coap_config cfg;
	uint32_t datagram;
	bool trusted;
	uint32_t state[CW_RESOURCES];
	uint32_t len[CW_RESOURCES];
	struct cw_later later[CW_PENDING];
	uint64_t lost; /* counters of earlier lives that excuse a second execution */
};

struct cworld {
	struct sim *sim;
	struct ep_net *net;
	struct rng rng;
	struct cw_node node[CW_NODES];
	int n_node;
	struct cw_request *req;
	uint32_t n_req, cap_req;
	bool over, verbose, calm; /* calm: nothing is lost, nothing is full */
	lan_time slow;            /* answers come after up to this */
	uint32_t never;           /* ppm of requests that the owner ignores */
	uint64_t answered, failed, told, executed;
};

/* coap_world.c */
void cworld_init(struct cworld *w, uint64_t seed, bool verbose);
void cworld_fini(struct cworld *w);
int cworld_add(struct cworld *w, const struct coap_config *cfg, uint32_t datagram, bool trusted);
void cworld_join(struct cworld *w, int node, int segment);
void cworld_crash(struct cworld *w, int node);
void cworld_ask(struct cworld *w, int from, enum cw_kind kind);
void cworld_cancel(struct cworld *w, int from, bool all);
void cworld_change(struct cworld *w, int node, int resource);
struct lan_ep cworld_ep(int node);

/* coap_bodies.c: a body for (server, resource, state) or (client, number), and back. */
size_t cbody_state(uint8_t *out, int server, int resource, uint32_t state, uint32_t len);
size_t cbody_number(uint8_t *out, int client, uint32_t number, uint32_t len, bool up);
bool cbody_is_state(const uint8_t *p, size_t n, int server, int resource, uint32_t *state);
bool cbody_is_number(const uint8_t *p, size_t n, int *client, uint32_t *number, bool up);

/* coap_ledger.c */
void cledger_event(struct cw_node *d, const struct coap_event *ev);
void cledger_executed(struct cw_node *d, int client, uint32_t number, size_t n);
bool cledger_settled(struct cworld *w, bool must); /* all is answered, and observers know the last state */
void cledger_quiet(struct cworld *w);              /* ..and nothing is left to do */

#endif
