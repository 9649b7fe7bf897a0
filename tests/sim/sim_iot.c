/*
 * sim_iot.c - the campaign from the command line.
 *
 *      sim_iot --seeds 10000            runs seeds 0..9999, stops at the first failure
 *      sim_iot --from 2500 --seeds 2500 a slice of it
 *      sim_iot --seed 4711 --verbose    replays one run with every line on the wire
 *      sim_iot --seeds 500 --must-fail  succeeds if some seed fails: for planted bugs
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "campaign.h"

enum { O_SEED = 1, O_SEEDS, O_FROM, O_MODE, O_LINES, O_LOSS, O_VERBOSE, O_MUST_FAIL, O_KEEP, O_NO_RESTARTS };

static const struct option options[] = {{"seed", 1, NULL, O_SEED}, {"seeds", 1, NULL, O_SEEDS},
	{"from", 1, NULL, O_FROM}, {"mode", 1, NULL, O_MODE}, {"lines", 1, NULL, O_LINES},
	{"loss", 1, NULL, O_LOSS}, {"verbose", 0, NULL, O_VERBOSE}, {"must-fail", 0, NULL, O_MUST_FAIL},
	{"keep-going", 0, NULL, O_KEEP}, {"no-restarts", 0, NULL, O_NO_RESTARTS}, {0}};

static int mode_of(const char *name)
{
	static const char *const names[] = {"wait", "nowait", "mixed", "crowd", "by-seed"};

	for (int i = 0; i < 5; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	fprintf(stderr, "sim_iot: no mode %s (wait, nowait, mixed, crowd, by-seed)\n", name);
	exit(2);
}

static int finish(const struct campaign_sum *sum, bool must_fail)
{
	printf("%llu runs, %llu lines, %llu restarts, %.0f s of virtual time, %llu events, %llu failed\n",
		(unsigned long long)sum->runs, (unsigned long long)sum->lines,
		(unsigned long long)sum->restarts, sum->virtual_s, (unsigned long long)sum->events,
		(unsigned long long)sum->failed);
	if (must_fail && !sum->failed) {
		printf("no seed found the fault\n");
		return 1;
	}
	if (must_fail)
		printf("found by seed %llu\n", (unsigned long long)sum->first_failed);
	return must_fail ? 0 : sum->failed != 0;
}

int main(int argc, char **argv)
{
	struct campaign c = {.mode = M_BY_SEED, .lines = 200, .loss = 100000, .restarts = true, .dump = 40};
	struct campaign_sum sum = {0};
	uint64_t from = 0, seeds = 1;
	bool must_fail = false, keep = false;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case O_SEED:
		case O_FROM:
			from = strtoull(optarg, NULL, 10);
			break;
		case O_SEEDS:
			seeds = strtoull(optarg, NULL, 10);
			break;
		case O_MODE:
			c.mode = (enum campaign_mode)mode_of(optarg);
			break;
		case O_LINES:
			c.lines = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case O_LOSS:
			c.loss = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case O_VERBOSE:
			c.verbose = true;
			break;
		case O_MUST_FAIL:
			must_fail = true;
			c.dump = 0;
			break;
		case O_KEEP:
			keep = true;
			break;
		case O_NO_RESTARTS:
			c.restarts = false;
			break;
		default:
			return 2;
		}
	}
	for (uint64_t i = 0; i < seeds; i++)
		if (!campaign_run(&c, from + i, &sum) && !keep)
			break;
	return finish(&sum, must_fail);
}
