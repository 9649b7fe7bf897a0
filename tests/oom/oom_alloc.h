/*
 * oom_alloc.h - the allocator the cores see in the out-of-memory tests: counts,
 * and fails once when told to. The cores are compiled again with malloc and its
 * family renamed to these; the rest of the test keeps the real ones.
 */
#ifndef OOM_ALLOC_H
#define OOM_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

/* From now on the k-th allocation fails (0: none does). */
void oom_arm(uint64_t k);
void oom_disarm(void);
uint64_t oom_count(void); /* allocations since oom_arm */
int64_t oom_live(void);   /* blocks not freed */
/* Bytes in blocks not freed: now, and at most since oom_arm. */
uint64_t oom_bytes(void);
uint64_t oom_peak(void);

#endif
