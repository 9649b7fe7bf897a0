/*
 * oom_serpy.c - runs of serpy's campaign again, with allocation k of the cores
 * failing, k = 1, 2, ... until a run needs fewer than k.
 *
 * What a core could not keep is refused with LAN_ERR_NOMEM, or its connection
 * ends and says so; a word to the application that is no message (writable, sent)
 * may be missing. What is asked for: no crash, no leak, every promise of the
 * ledger about messages, everybody up in the end, silence.
 *
 *      oom_serpy                 one TAP line for each run of the table
 *      oom_serpy N SEED K        run N with allocation K failing, with everything on the wire
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "oom_alloc.h"
#include "serpy_campaign.h"

#define ALL_OF 200 /* beyond this, allocations repeat a pattern: try every 17th */

static const struct {
	const char *title;
	enum serpy_story story;
	uint64_t seed; /* the first of them */
	uint32_t size;
} runs[] = {
	{"serpy2 without a fault", SS_CALM, 0, 30},
	{"serpy without a fault", SS_CALM, 2, 30},
	{"serpy2, faults and restarts", SS_WILD, 10, 30},
	{"serpy, faults and restarts", SS_WILD, 1, 30},
	{"connections cut early", SS_EDGE, 64, 100},
	{"strangers", SS_HOSTILE, 4, 30},
	{"blobs", SS_FLOOD, 55, 60},
};
#define N_RUNS (sizeof runs / sizeof *runs)
#define SEEDS  12

static bool run(size_t i, uint64_t seed, uint64_t k, bool verbose)
{
	struct serpy_campaign c = {.story = runs[i].story,
		.clients = runs[i].story == SS_EDGE ? 1 : 2,
		.size = runs[i].size,
		.verbose = verbose,
		.memory_fails = true,
		.dump = 30};
	struct serpy_sum sum = {0};
	int64_t before = oom_live();

	oom_arm(k);
	if (!serpy_campaign_run(&c, seed, &sum)) {
		fprintf(stderr, "%s: with allocation %llu failing\n", runs[i].title, (unsigned long long)k);
		return false;
	}
	if (oom_live() != before) {
		fprintf(stderr, "%s: %lld blocks leak with allocation %llu failing\n", runs[i].title,
			(long long)(oom_live() - before), (unsigned long long)k);
		return false;
	}
	return true;
}

static bool each_allocation(size_t i, uint64_t seed, uint64_t *n)
{
	uint64_t k = 0;
	bool ok;

	do {
		k += k < ALL_OF ? 1 : 17;
		ok = run(i, seed, k, false);
		*n += oom_count() >= k;
	} while (ok && oom_count() >= k);
	return ok;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc == 4)
		return !run(strtoull(argv[1], NULL, 10) % N_RUNS, strtoull(argv[2], NULL, 10),
			strtoull(argv[3], NULL, 10), true);
	printf("1..%zu\n", N_RUNS);
	for (size_t i = 0; i < N_RUNS; i++) {
		uint64_t n = 0;
		bool ok = true;

		for (uint64_t seed = runs[i].seed; ok && seed < runs[i].seed + SEEDS; seed++)
			ok = each_allocation(i, seed, &n);
		printf("%sok %zu - %s: whichever of %llu allocations fails, promises are kept\n",
			ok ? "" : "not ", i + 1, runs[i].title, (unsigned long long)n);
		fflush(stdout);
		failed += !ok;
	}
	return failed != 0;
}
