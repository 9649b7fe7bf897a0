/*
 * values.h - the small values that the demos exchange: lists of numbers as
 * JSON, a period in seconds, the memory that is left.
 */
#ifndef VALUES_H
#define VALUES_H

#include <lanyard/base.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "[1, 2, 3]" into out; returns how many numbers, -1 if it is not such a list. */
static inline int numbers(const char *json, long *out, int max)
{
	int n = 0;
	if (*json++ != '[')
		return -1;
	while (n < max) {
		char *end;
		out[n++] = strtol(json, &end, 10);
		json = end + strspn(end, " ");
		if (*json == ']')
			return n;
		if (*json++ != ',')
			return -1;
	}
	return -1;
}

/* The period given on the command line in seconds, or the demo's usual one. */
static inline lan_time period_of(const char *text, double usual)
{
	double s = text ? atof(text) : usual;
	return (lan_time)((s > 0 ? s : usual) * 1e9);
}

/* Memory the machine has left, in kB: what a board would report of its heap. */
static inline long free_memory_kb(void)
{
	char line[128];
	long kb = 0;
	FILE *f = fopen("/proc/meminfo", "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "MemAvailable: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

#endif
