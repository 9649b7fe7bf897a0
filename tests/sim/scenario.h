/*
 * scenario.h - a text file that tells a story of the line link and says how it
 * must end. The language is described in docs/sim.md.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include "iot_world.h"
#include "words.h"

struct step {
	lan_time at; /* since the start; LAN_NEVER: at the end */
	struct words w;
	char *text; /* the words live here */
	struct scenario *s;
	bool expect;
};

struct scenario {
	const char *file;
	struct world w;
	struct sim_config net;
	uint64_t seed;
	lan_time T, until;
	struct step *steps;
	size_t n_steps;
	unsigned failed;
	bool ready, expect_ids;
	/* out of memory mode: steps are done as far as they can be, what is
	 * expected is not checked, the promises of the ledger are */
	bool oom, verbose;
};

/* Read and run a file. False: not understood or not as expected; the reason is
 * on stderr as file:line. */
bool scenario_run(const char *file, bool verbose, void (*oom)(bool on));

/* scenario_do.c: what `at` can do. scenario_expect.c: what `expect` can ask. */
void scenario_do(struct scenario *s, struct words *w);
void scenario_rule(struct scenario *s, struct words *w);
void scenario_expect(struct scenario *s, struct words *w);
/* The party of that name, -1 and an error if there is none. */
int scenario_party(struct scenario *s, struct words *w, const char *what);
int scenario_client(struct scenario *s, struct words *w, const char *what);
int scenario_dir(struct words *w);
/* A kind of line: msg, ack, keepalive, id. */
bool scenario_kind(struct words *w, enum what *what);

#endif
