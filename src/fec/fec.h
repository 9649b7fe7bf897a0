/*
 * fec.h - Reed-Solomon erasure coding over GF(256): any k of the k data symbols
 * and their parity symbols give back the data. Cauchy matrix, so every choice
 * of rows works; row j of the parity is
 *
 *      parity[j] = sum over i < k of 1/((FEC_DATA_MAX + j) xor i) * data[i]
 *
 * in GF(2^8) with the polynomial 0x11d. Row j depends on i alone, not on k: a
 * block that is still growing is the same block with zeros behind it. The
 * arithmetic is ISA-L's (decision 0006); pure, no allocation.
 */
#ifndef LAN_FEC_H
#define LAN_FEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEC_DATA_MAX   64
#define FEC_PARITY_MAX 128

/* parity[r] (len bytes each, n of them) = the parity row `rows[r]` (0..FEC_PARITY_MAX-1) over data[0..k). */
void lan_fec_encode(const uint8_t *const *data, unsigned k, const uint8_t *rows, unsigned n,
	uint8_t *const *parity, size_t len);

/* Recover the missing data symbols. data[i] for i < k: NULL where missing, else len bytes;
 * `missing` lists them (n of them, ascending); parity[r] is row rows[r], n of them. Writes len bytes to
 * out[0..n). `parity` symbols may be overwritten. False: rows repeat or are out of range. */
bool lan_fec_decode(const uint8_t *const *data, unsigned k, const uint8_t *missing, unsigned n,
	const uint8_t *rows, uint8_t *const *parity, uint8_t *const *out, size_t len);

#endif
