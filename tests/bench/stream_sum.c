/*
 * stream_sum.c - how fast serpy2's checksum is, over -s bytes that lie in the
 * nearest cache that holds them, and beside it what merely reading them costs:
 * the sum of their 64-bit words, which the compiler makes as wide as it can.
 */
#include <lanyard/stream.h>
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint32_t words(uint32_t sum, const void *data, size_t n)
{
	uint64_t all = sum, w;
	for (size_t i = 0; i + sizeof w <= n; i += sizeof w) {
		memcpy(&w, (const char *)data + i, sizeof w);
		all += w;
	}
	return (uint32_t)(all ^ all >> 32);
}

/* The one that is to be trusted. */
static uint32_t plainly(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;
	while (n--)
		sum += *p++;
	return sum;
}

/* Bytes a second. */
static double rate(
	uint32_t (*fn)(uint32_t sum, const void *data, size_t n), const void *data, size_t n, double seconds)
{
	uint64_t end, start = bench_now(), calls = 0, many = 1 + (1 << 20) / n;
	do {
		uint32_t sum = 0;
		for (uint64_t i = 0; i < many; i++)
			sum = fn(sum, data, n);
		__asm__ volatile("" : : "r"(sum)); /* so that nothing is left out */
		calls += many;
		end = bench_now();
	} while (end - start < (uint64_t)(seconds * 1e9));
	return (double)n * (double)calls / ((double)(end - start) / 1e9);
}

int main(int argc, char **argv)
{
	size_t n = 0;
	double seconds = 0.1;
	int c;
	while ((c = getopt(argc, argv, "s:d:")) != -1)
		if (c == 's')
			n = strtoul(optarg, NULL, 10);
		else if (c == 'd')
			seconds = atof(optarg);
	uint8_t *data = n ? malloc(n) : NULL;
	if (!data)
		bench_die("usage: -s BYTES [-d SECONDS]");
	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)rand();
	if (lan_stream_sum(0, data, n) != plainly(data, n))
		bench_die("the sum is wrong");
	double bare = rate(words, data, n, seconds), sum = rate(lan_stream_sum, data, n, seconds);
	printf("{\"what\":\"sum\",\"n\":%zu,\"rate\":%.0f,\"bare\":%.0f}\n", n, sum, bare);
	free(data);
	return 0;
}
