/*
 * oom_channel.c - runs of the sealed channels' campaign again, with allocation k
 * of the cores and of the cryptography failing, k = 1, 2, ... until a run needs
 * fewer than k.
 *
 * What a core could not make is refused with LAN_ERR_NOMEM and asked for again; a
 * datagram it could not keep is a datagram lost. What is asked for: no crash, no
 * leak, every promise of the ledger, an end in silence. A word to the application
 * (joined, left) may be missing, a message may be reported lost.
 *
 *      oom_channel               one TAP line for each run of the table
 *      oom_channel N K           run N with allocation K failing, with everything on the wire
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "chan_campaign.h"
#include "crypto/crypto.h"
#include "oom_alloc.h"

#define ALL_OF 150 /* beyond this, allocations repeat a pattern: try every 13th */

static const struct {
	const char *title;
	enum chan_story story;
	uint64_t seed;
	uint32_t size;
} runs[] = {
	{"three members on a good network", CS_CALM, 3, 20},
	{"faults, restarts and an attacker", CS_WILD, 8, 20},
	{"order without repair", CS_WILD, 4, 20},
	{"flow control", CS_FLOW, 2, 20},
	{"a table too small", CS_SMALL, 5, 20},
};
#define N_RUNS (sizeof runs / sizeof *runs)

static bool run(size_t i, uint64_t k, bool verbose)
{
	struct chan_campaign c = {.story = runs[i].story,
		.members = runs[i].story == CS_SMALL ? 5 : 3,
		.size = runs[i].size,
		.verbose = verbose,
		.memory_fails = true,
		.dump = 30};
	struct chan_sum sum = {0};
	int64_t before = oom_live();

	oom_arm(k);
	if (!chan_campaign_run(&c, runs[i].seed, &sum)) {
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
