/*
 * oom_alloc.c - see oom_alloc.h.
 */
#include "oom_alloc.h"

#include <malloc.h>
#include <stdlib.h>

void *oom_malloc(size_t n);
void *oom_calloc(size_t n, size_t size);
void *oom_realloc(void *p, size_t n);
void *oom_aligned_alloc(size_t align, size_t n);
void oom_free(void *p);

static uint64_t count, fail_at;
static int64_t live;
static uint64_t bytes, peak;

void oom_arm(uint64_t k)
{
	count = 0;
	fail_at = k;
	peak = bytes;
}

void oom_disarm(void)
{
	fail_at = 0;
}

uint64_t oom_count(void)
{
	return count;
}

int64_t oom_live(void)
{
	return live;
}

uint64_t oom_bytes(void)
{
	return bytes;
}

uint64_t oom_peak(void)
{
	return peak;
}

/* A block is there; it counts with what the allocator really gave. */
static void *gave(void *p)
{
	live += p != NULL;
	bytes += malloc_usable_size(p);
	peak = bytes > peak ? bytes : peak;
	return p;
}

static bool fails(void)
{
	return ++count == fail_at;
}

void *oom_malloc(size_t n)
{
	return gave(fails() ? NULL : malloc(n));
}

void *oom_calloc(size_t n, size_t size)
{
	return gave(fails() ? NULL : calloc(n, size));
}

void *oom_aligned_alloc(size_t align, size_t n)
{
	return gave(fails() ? NULL : aligned_alloc(align, n));
}

void *oom_realloc(void *p, size_t n)
{
	size_t had = malloc_usable_size(p);
	void *q = fails() ? NULL : realloc(p, n);

	if (!q)
		return NULL;
	live -= p != NULL;
	bytes -= had;
	return gave(q);
}

void oom_free(void *p)
{
	live -= p != NULL;
	bytes -= malloc_usable_size(p);
	free(p);
}
