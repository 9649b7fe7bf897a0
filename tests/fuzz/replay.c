/*
 * replay.c - a fuzz target without a fuzzer: runs files, one TAP line each. The
 * seeds and every find become ordinary tests this way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz_script.h"

static bool run(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p = NULL;
	size_t n = 0;
	bool ok = f != NULL;

	while (ok && !feof(f)) {
		p = realloc(p, n + 65536);
		if (!p)
			abort();
		n += fread(p + n, 1, 65536, f);
		ok = !ferror(f);
	}
	if (f)
		fclose(f);
	if (ok)
		LLVMFuzzerTestOneInput(p, n);
	free(p);
	return ok;
}

int main(int argc, char **argv)
{
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		const char *base = strrchr(argv[i], '/');

		/* said first: a find that still crashes dies here */
		fflush(stdout);
		printf("%sok %d - input %s does no harm\n", run(argv[i]) ? "" : "not ", i,
			base ? base + 1 : argv[i]);
	}
	return 0;
}
