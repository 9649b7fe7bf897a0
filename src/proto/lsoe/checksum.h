/*
 * checksum.h - the checksum of the datagrams (docs/protocols/lsoe.md, section 1.4): four sums of table
 * values, folded to 32 bits. Detects flipped bits only; no protection against anybody.
 */
#ifndef LAN_LSOE_CHECKSUM_H
#define LAN_LSOE_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Over n octets; the four at `at` count as zero. at + 4 <= n. */
uint32_t lsoe_checksum(const uint8_t *p, size_t n, size_t at);

/* The same as every processor can compute it: for tests. */
uint32_t lsoe_checksum_octets(const uint8_t *p, size_t n, size_t at);

/* Add the table's values of octet i to sum[i % 4]. False, and nothing done: not on this processor. */
bool lsoe_checksum_wide(const uint8_t table[256], const uint8_t *p, size_t n, uint32_t sum[4]);

#endif
