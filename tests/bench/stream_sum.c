/*
 * stream_sum.c - how fast serpy2's checksum is, over -s bytes that lie in the
 * nearest cache that holds them, and beside it what merely reading them costs:
 * the sum of their words of 64 bits, two at a time.
 */
#include <lanyard/stream.h>
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef uint64_t words __attribute__((vector_size(16)));

static inline words word(const uint8_t *p)
{
	words w;
	memcpy(&w, p, sizeof w);
	return w;
}

/* Four accounts, because one addition must wait for the one before it. */
static uint32_t read_only(uint32_t sum, const void *data, size_t n)
{
	const uint8_t *p = data;
	words a = {sum}, b = {0}, c = {0}, d = {0};
	for (; n >= 64; p += 64, n -= 64) {
		__builtin_prefetch((const void *)((uintptr_t)p + 1024));
		a += word(p);
		b += word(p + 16);
		c += word(p + 32);
		d += word(p + 48);
	}
	a += b + c + d;
	return (uint32_t)(a[0] ^ a[1]);
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
	double bare = rate(read_only, data, n, seconds), sum = rate(lan_stream_sum, data, n, seconds);
	printf("{\"what\":\"sum\",\"n\":%zu,\"rate\":%.0f,\"bare\":%.0f}\n", n, sum, bare);
	free(data);
	return 0;
}
