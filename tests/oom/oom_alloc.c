/*
 * oom_alloc.c - see oom_alloc.h.
 */
#include "oom_alloc.h"

#include <stdlib.h>

void *oom_malloc(size_t n);
void *oom_calloc(size_t n, size_t size);
void *oom_realloc(void *p, size_t n);
void *oom_aligned_alloc(size_t align, size_t n);
void oom_free(void *p);

static uint64_t count, fail_at;
static int64_t live;

void oom_arm(uint64_t k)
{
	count = 0;
	fail_at = k;
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

static bool fails(void)
{
	return ++count == fail_at;
}

void *oom_malloc(size_t n)
{
	void *p = fails() ? NULL : malloc(n);

	live += p != NULL;
	return p;
}

void *oom_calloc(size_t n, size_t size)
{
	void *p = fails() ? NULL : calloc(n, size);

	live += p != NULL;
	return p;
}

void *oom_aligned_alloc(size_t align, size_t n)
{
	void *p = fails() ? NULL : aligned_alloc(align, n);

	live += p != NULL;
	return p;
}

void *oom_realloc(void *p, size_t n)
{
	void *q = fails() ? NULL : realloc(p, n);

	live += !p && q;
	return q;
}

void oom_free(void *p)
{
	live -= p != NULL;
	free(p);
}
