/*
 * sum.h - serpy2's checksum: the sum of all bytes modulo 2^32 (section 2.1), at
 * the speed of memory.
 */
#ifndef LAN_PROTO_SERPY_SUM_H
#define LAN_PROTO_SERPY_SUM_H

#include <stddef.h>
#include <stdint.h>

/* Add n bytes to a sum so far. */
uint32_t serpy_sum(uint32_t sum, const void *data, size_t n);

/* The same with what every processor has: it serves where serpy_sum has nothing better. */
uint32_t serpy_sum_lanes(uint32_t sum, const void *data, size_t n);

#endif
