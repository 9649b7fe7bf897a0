/*
 * number.c - numbers of streams as text: see number.h.
 */
#include "api/number.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "proto/serpy/hexfloat.h"

_Static_assert(NUMBER_FLOAT >= DECIMAL_TEXT, "room for every float");

char *number_float(double v, char *buf)
{
	buf[decimal_format(v, buf)] = '\0';
	return buf;
}

/* |value| as 32-bit limbs, the lowest first. */
static uint32_t *limbs_of(const uint8_t *le, size_t n, size_t *n_limbs)
{
	bool negative = n && le[n - 1] & 0x80;
	unsigned carry = negative;
	*n_limbs = n / 4 + 1;
	uint32_t *limbs = calloc(*n_limbs, sizeof *limbs);
	for (size_t i = 0; limbs && i < *n_limbs * 4; i++) {
		uint8_t b = i < n ? le[i] : negative ? 0xff : 0;
		unsigned v = negative ? (b ^ 0xffu) + carry : b;
		carry = v >> 8;
		limbs[i / 4] |= (v & 0xff) << i % 4 * 8;
	}
	return limbs;
}

char *number_wide(const void *le, size_t n)
{
	size_t n_limbs, cap = n / 2 * 5 + 16, at = cap; /* 2.41 digits a byte */
	uint32_t *limbs = limbs_of(le, n, &n_limbs);
	char *text = limbs ? malloc(cap) : NULL;
	if (!text) {
		free(limbs);
		return NULL;
	}
	text[--at] = '\0';
	do {
		uint64_t rest = 0;
		for (size_t i = n_limbs; i-- > 0;) {
			rest = rest << 32 | limbs[i];
			limbs[i] = (uint32_t)(rest / 1000000000);
			rest %= 1000000000;
		}
		while (n_limbs && !limbs[n_limbs - 1])
			n_limbs--;
		for (int k = 0; k < 9 && (n_limbs || rest || k == 0); k++, rest /= 10)
			text[--at] = (char)('0' + rest % 10);
	} while (n_limbs);
	if (n && ((const uint8_t *)le)[n - 1] & 0x80)
		text[--at] = '-';
	memmove(text, text + at, cap - at);
	free(limbs);
	return text;
}
