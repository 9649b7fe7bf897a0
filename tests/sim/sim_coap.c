/*
 * sim_coap.c - the campaign of CoAP from the command line.
 *
 *      sim_coap --seeds 10000            runs seeds 0..9999, stops at the first failure
 *      sim_coap --from 2500 --seeds 2500 a slice of it
 *      sim_coap --seed 4711 --verbose    replays one run with every message on the wire
 *      sim_coap --seeds 500 --must-fail  succeeds if some seed fails: for planted bugs
 *      sim_coap --story calm --seeds 3   by-seed, calm, wild
 *      sim_coap --seeds 50 --twice       each seed twice: are they the same run?
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "coap_campaign.h"

enum { O_SEED = 1, O_SEEDS, O_FROM, O_STORY, O_VERBOSE, O_MUST_FAIL, O_KEEP, O_TWICE };

static const struct option options[] = {{"seed", 1, NULL, O_SEED}, {"seeds", 1, NULL, O_SEEDS},
	{"from", 1, NULL, O_FROM}, {"story", 1, NULL, O_STORY}, {"verbose", 0, NULL, O_VERBOSE},
	{"must-fail", 0, NULL, O_MUST_FAIL}, {"keep-going", 0, NULL, O_KEEP}, {"twice", 0, NULL, O_TWICE},
	{0}};

struct ask {
	struct coap_campaign c;
	uint64_t from, seeds;
	bool must_fail, keep, twice;
};

static int story_of(const char *name)
{
	static const char *const names[] = {"by-seed", "calm", "wild"};

	for (int i = 0; i < CS_N; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	fprintf(stderr, "sim_coap: no story %s (by-seed, calm, wild)\n", name);
	exit(2);
}

static void take(struct ask *a, int o, const char *arg)
{
	switch (o) {
	case O_SEED:
	case O_FROM:
		a->from = strtoull(arg, NULL, 10);
		break;
	case O_SEEDS:
		a->seeds = strtoull(arg, NULL, 10);
		break;
	case O_STORY:
		a->c.story = (enum coap_story)story_of(arg);
		break;
	case O_VERBOSE:
		a->c.verbose = true;
		break;
	case O_MUST_FAIL:
		a->must_fail = true;
		a->c.dump = 0;
		break;
	case O_KEEP:
		a->keep = true;
		break;
	case O_TWICE:
		a->twice = true;
		break;
	default:
		exit(2);
	}
}

static int finish(const struct coap_sum *s, bool must_fail)
{
	printf("%llu runs, %llu requests: %llu answered, %llu given up; %llu answers and states told, %llu "
	       "done, "
	       "%llu restarts; %llu messages received, %.0f s of virtual time, %llu events; %llu failed\n",
		(unsigned long long)s->runs, (unsigned long long)s->requests, (unsigned long long)s->answered,
		(unsigned long long)s->given_up, (unsigned long long)s->told, (unsigned long long)s->executed,
		(unsigned long long)s->restarts, (unsigned long long)s->given, s->virtual_s,
		(unsigned long long)s->events, (unsigned long long)s->failed);
	if (must_fail && !s->failed) {
		printf("no seed found the fault\n");
		return 1;
	}
	if (must_fail)
		printf("found by seed %llu\n", (unsigned long long)s->first_failed);
	return must_fail ? 0 : s->failed != 0;
}

static bool run_twice(const struct coap_campaign *c, uint64_t seed, struct coap_sum *sum)
{
	struct coap_sum one = {0};
	uint64_t before = sum->hash;

	sum->hash = 0;
	if (!coap_campaign_run(c, seed, &one) || !coap_campaign_run(c, seed, sum))
		return false;
	if (one.hash != sum->hash) {
		fprintf(stderr, "seed %llu: two runs of it differ\n", (unsigned long long)seed);
		sum->failed++;
		return false;
	}
	sum->hash ^= before;
	return true;
}

int main(int argc, char **argv)
{
	struct ask a = {.c = {.dump = 60}, .seeds = 1};
	struct coap_sum sum = {0};
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		take(&a, o, optarg);
	for (uint64_t i = 0; i < a.seeds; i++)
		if (!(a.twice ? run_twice : coap_campaign_run)(&a.c, a.from + i, &sum) && !a.keep)
			break;
	return finish(&sum, a.must_fail);
}
