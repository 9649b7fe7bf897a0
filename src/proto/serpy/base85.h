/*
 * base85.h - base85 with the characters of RFC 1924 in groups of four bytes, as
 * Python's base64.b85encode writes it (section 1.5).
 */
#ifndef LAN_PROTO_SERPY_BASE85_H
#define LAN_PROTO_SERPY_BASE85_H

#include <stddef.h>
#include <lanyard/err.h>

/* Characters of n bytes: 5 for each 4, and k + 1 for a rest of k. */
static inline size_t base85_encoded(size_t n)
{
	return n / 4 * 5 + (n % 4 ? n % 4 + 1 : 0);
}

/* Bytes of n characters: 4 for each 5, and k - 1 for a rest of k. */
static inline size_t base85_decoded(size_t n)
{
	return n / 5 * 4 + (n % 5 ? n % 5 - 1 : 0);
}

/* Write base85_encoded(n) characters to `out`. Only the last piece of a longer text may have a length that is
 * no multiple of 4. */
void base85_encode(const uint8_t *in, size_t n, char *out);

/* Write base85_decoded(n) bytes to `out`, which may be `in` itself. Exactly what Python takes: a single
 * character left over is looked at (it must be one of the 85, and "~" overflows) and gives nothing.
 * LAN_ERR_PROTO: a foreign character, or a group above 2^32-1. Only the last piece of a longer text may have
 * a length that is no multiple of 5. */
LAN_WUR enum lan_err base85_decode(const uint8_t *in, size_t n, uint8_t *out);

#endif
