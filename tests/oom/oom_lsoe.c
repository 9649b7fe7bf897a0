/*
 * oom_lsoe.c - runs of the neighbours' campaign again, with allocation k of the
 * cores and of the cryptography failing, k = 1, 2, ... until a run needs fewer
 * than k.
 *
 * What a core could not make is refused with LAN_ERR_NOMEM, or tried again; a PDU
 * it could not keep is a PDU lost. What is asked for: no crash, no leak, every
 * promise of the ledger, agreement in the end, silence.
 *
 *      oom_lsoe               one TAP line for each run of the table
 *      oom_lsoe N K           run N with allocation K failing, with everything on the wire
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "crypto/crypto.h"
#include "lsoe_campaign.h"
#include "oom_alloc.h"

#define ALL_OF 200 /* beyond this, allocations repeat a pattern: try every 13th */

static const struct {
	const char *title;
	enum lsoe_story story;
	int dialect;
	uint64_t seed;
} runs[] = {
	{"LSOE-01 on good links", LS_CALM, 0, 3},
	{"L3DL on good links", LS_CALM, 1, 4},
	{"LSOE-01 with faults and restarts", LS_WILD, 0, 5},
	{"L3DL with faults and restarts", LS_WILD, 1, 6},
	{"an original among them", LS_ORIGINAL, 0, 7},
	{"signed, with keys that roll", LS_KEYS, 1, 8},
};
#define N_RUNS (sizeof runs / sizeof *runs)

static bool run(size_t i, uint64_t k, bool verbose)
{
	struct lsoe_campaign c = {.story = runs[i].story,
		.dialect = runs[i].dialect,
		.small = true,
		.verbose = verbose,
		.memory_fails = true,
		.dump = 30};
	struct lsoe_sum sum = {0};
	int64_t before = oom_live();

	oom_arm(k);
	if (!lsoe_campaign_run(&c, runs[i].seed, &sum)) {
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
