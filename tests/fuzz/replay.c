/*
 * replay.c - a fuzz target without a fuzzer: runs the files of directories, one TAP line each. The
 * seeds and every find become ordinary tests this way.
 */
#include <dirent.h>
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

static int is_input(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* Every file of a directory; one that does not exist has none. */
static int run_all(const char *dir, int number)
{
	struct dirent **names = NULL;
	int n = scandir(dir, &names, is_input, alphasort);
	char path[1024];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
		fflush(stdout); /* an input that still crashes dies here */
		bool ok = run(path);

		printf("%sok %d - input %s does no harm\n", ok ? "" : "not ", ++number, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return number;
}

int main(int argc, char **argv)
{
	int number = 0;

	for (int i = 1; i < argc; i++)
		number = run_all(argv[i], number);
	printf("1..%d\n", number);
	return number == 0;
}
