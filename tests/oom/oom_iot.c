/*
 * oom_iot.c - every scenario again, with allocation k of the cores failing,
 * k = 1, 2, ... until a run needs fewer than k.
 *
 * What the scenario expects is not asked for: a core that could not be made is
 * made a little later, a write that was refused is not repeated. What is asked
 * for: no crash, no leak, every promise of the ledger (so no line is
 * acknowledged and lost), and every line that was taken arrives in the end,
 * because memory was short only once.
 *
 *      oom_iot FILE..          one TAP line each
 *      oom_iot --only K FILE   one run, with everything on the wire
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "oom_alloc.h"
#include "scenario.h"

#define STRIDE_FROM 400 /* beyond this, allocations repeat a pattern: try every 7th */

static uint64_t fail_at;

static void arm(bool on)
{
	if (on)
		oom_arm(fail_at);
	else
		oom_disarm();
}

static bool run(const char *file, uint64_t k, bool verbose)
{
	int64_t before = oom_live();

	fail_at = k;
	oom_disarm();
	if (!scenario_run(file, verbose, arm)) {
		fprintf(stderr, "%s: with allocation %llu failing\n", file, (unsigned long long)k);
		return false;
	}
	if (oom_live() != before) {
		fprintf(stderr, "%s: %lld blocks leak with allocation %llu failing\n", file,
			(long long)(oom_live() - before), (unsigned long long)k);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc == 4 && strcmp(argv[1], "--only") == 0)
		return !run(argv[3], strtoull(argv[2], NULL, 10), true);
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		const char *base = strrchr(argv[i], '/');
		uint64_t k = 0, runs = 0;
		bool ok;

		do {
			k += k < STRIDE_FROM ? 1 : 7;
			runs++;
			ok = run(argv[i], k, false);
		} while (ok && oom_count() >= k);
		printf("%sok %d - %s: whichever of %llu allocations fails, nothing acknowledged is lost\n",
			ok ? "" : "not ", i, base ? base + 1 : argv[i], (unsigned long long)runs - 1);
		fflush(stdout);
		failed += !ok;
	}
	return failed != 0;
}
