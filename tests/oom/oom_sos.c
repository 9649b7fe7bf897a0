/*
 * oom_sos.c - runs of the sensors' campaign again, with allocation k of the cores and of the cryptography
 * failing, k = 1, 2, ... until a run needs fewer than k.
 *
 * A core takes its memory when it is made, and is made again by its program when it had none; the master
 * takes some for each slave and observation, and refuses what it has none for. What is asked for: no crash,
 * no leak, every promise of the ledger, agreement in the end, silence.
 *
 *      oom_sos                one TAP line for each run of the table
 *      oom_sos N K            run N with allocation K failing, with everything on the wire
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "crypto/crypto.h"
#include "oom_alloc.h"
#include "sos_campaign.h"

#define ALL_OF 200 /* beyond this, allocations repeat a pattern: try every 13th */

static const struct {
	const char *title;
	enum sos_story story;
	uint64_t seed;
} runs[] = {
	{"a master and its slaves on a good network", SS_CALM, 3},
	{"with faults and restarts", SS_WILD, 5},
	{"with originals", SS_ORIGINAL, 7},
	{"with keys, and somebody who attacks", SS_KEYS, 8},
};
#define N_RUNS (sizeof runs / sizeof *runs)

static bool run(size_t i, uint64_t k, bool verbose)
{
	struct sos_campaign c = {
		.story = runs[i].story, .small = true, .verbose = verbose, .memory_fails = true, .dump = 30};
	struct sos_sum sum = {0};
	int64_t before = oom_live();

	oom_arm(k);
	if (!sos_campaign_run(&c, runs[i].seed, &sum)) {
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

int main(int argc, char **argv)
{
	int failed = 0;

	if (lan_crypto_init() != LAN_OK)
		return 2;
	if (argc == 3)
		return !run(strtoull(argv[1], NULL, 10) % N_RUNS, strtoull(argv[2], NULL, 10), true);
	printf("1..%zu\n", N_RUNS);
	for (size_t i = 0; i < N_RUNS; i++) {
		uint64_t k = 0, n = 0;
		bool ok;

		do {
			k += k < ALL_OF ? 1 : 13;
			n++;
			ok = run(i, k, false);
		} while (ok && oom_count() >= k);
		printf("%sok %zu - %s: whichever of %llu allocations fails, promises are kept\n",
			ok ? "" : "not ", i + 1, runs[i].title, (unsigned long long)n - 1);
		fflush(stdout);
		failed += !ok;
	}
	return failed != 0;
}
