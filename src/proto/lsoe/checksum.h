/*
 * checksum.h - the checksum of the datagrams (docs/protocols/lsoe.md, section 1.4): four sums of table
 * values, folded to 32 bits. Detects flipped bits only; no protection against anybody.
 */
#ifndef LAN_LSOE_CHECKSUM_H
#define LAN_LSOE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Over n octets; the four at `at` count as zero. at + 4 <= n. */
uint32_t lsoe_checksum(const uint8_t *p, size_t n, size_t at);

#endif
