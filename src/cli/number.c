/*
 * number.c - numbers of streams as text: see number.h.
 *
 * A double is told apart by at most 17 digits, and 15 always survive. So 15, 16
 * and 17 digits are tried; where the binary exponent changes, the shortest text
 * may be a neighbour of the correctly rounded one, so that is tried as well.
 */
#include "cli/number.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reads_back(unsigned long long digits, int exponent, double v)
{
	char text[48];
	snprintf(text, sizeof text, "%llue%d", digits, exponent);
	return strtod(text, NULL) == v;
}

/* v > 0 as digits * 10^exponent, with as few digits as it takes. */
static void shortest(double v, unsigned long long *digits, int *exponent)
{
	static const int neighbours[] = {0, 1, -1};
	for (int n = isnormal(v) ? 15 : 1; n <= 17; n++) {
		char text[48];
		snprintf(text, sizeof text, "%.*e", n - 1, v);
		char *e = strchr(text, 'e');
		*exponent = atoi(e + 1) - (n - 1);
		*e = '\0';
		if (n > 1)
			memmove(text + 1, text + 2, strlen(text + 2) + 1); /* the point */
		unsigned long long rounded = strtoull(text, NULL, 10);
		for (size_t i = 0; i < sizeof neighbours / sizeof *neighbours; i++) {
			*digits = rounded + (unsigned long long)(long long)neighbours[i];
			if (reads_back(*digits, *exponent, v))
				goto found;
		}
	}
found:
	while (*digits % 10 == 0) {
		*digits /= 10;
		++*exponent;
	}
}

char *number_float(double v, char *buf)
{
	char digits[24], *at = buf;
	unsigned long long d;
	int exponent;
	if (isnan(v))
		return strcpy(buf, "nan");
	if (signbit(v))
		*at++ = '-';
	v = fabs(v);
	if (isinf(v) || v == 0) {
		strcpy(at, v == 0 ? "0.0" : "inf");
		return buf;
	}
	shortest(v, &d, &exponent);
	int n = snprintf(digits, sizeof digits, "%llu", d), point = n + exponent; /* 0.digits * 10^point */
	size_t cap = NUMBER_FLOAT - (size_t)(at - buf);
	if (point > 16 || point < -3)
		snprintf(at, cap, "%c%s%se%c%02d", digits[0], n > 1 ? "." : "", digits + 1,
			point > 0 ? '+' : '-', abs(point - 1));
	else if (point <= 0)
		snprintf(at, cap, "0.%.*s%s", -point, "000", digits);
	else if (point >= n)
		snprintf(at, cap, "%s%.*s.0", digits, point - n, "0000000000000000");
	else
		snprintf(at, cap, "%.*s.%s", point, digits, digits + point);
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
