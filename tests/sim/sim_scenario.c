/*
 * sim_scenario.c - runs scenario files, one TAP line each. The first comment
 * line of a file is its sentence.
 *
 *      sim_scenario tests/sim/scenarios/NAME.sim
 *      sim_scenario --verbose FILE     with every line on the wire
 */
#include <stdio.h>
#include <string.h>
#include "scenario.h"

static void sentence(const char *file, char *buf, size_t cap)
{
	FILE *f = fopen(file, "r");

	snprintf(buf, cap, "%s", file);
	if (f && fgets(buf, (int)cap, f)) {
		size_t lead = strspn(buf, "# ");

		memmove(buf, buf + lead, strlen(buf + lead) + 1);
		buf[strcspn(buf, "\n")] = 0;
	}
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && strcmp(argv[1], "--verbose") == 0;
	int first = verbose ? 2 : 1, failed = 0;
	char title[200];

	if (first >= argc) {
		fputs("usage: sim_scenario [--verbose] FILE...\n", stderr);
		return 2;
	}
	printf("1..%d\n", argc - first);
	for (int i = first; i < argc; i++) {
		const char *base = strrchr(argv[i], '/');
		bool ok = scenario_run(argv[i], verbose, NULL);

		sentence(argv[i], title, sizeof title);
		printf("%sok %d - %s: %s\n", ok ? "" : "not ", i - first + 1, base ? base + 1 : argv[i],
			title);
		failed += !ok;
	}
	return failed != 0;
}
