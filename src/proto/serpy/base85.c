/*
 * base85.c - see base85.h. Four bytes, read as one big-endian number, are five
 * digits. A rest of k bytes is filled with zeros and its first k + 1 digits are
 * written; a rest of k digits is filled with the highest digit and its first
 * k - 1 bytes are kept.
 */
#include "proto/serpy/base85.h"

#include <string.h>
#include "base/bytes.h"

static const char digits[85] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			       "!#$%&()*+-;<=>?@^_`{|}~";

/* The value of a character and one more; 0: not a digit. */
static const uint8_t values[256] = {
	/* clang-format off */
	['0'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
	['A'] = 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
	['N'] = 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36,
	['a'] = 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49,
	['n'] = 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
	['!'] = 63, ['#'] = 64, 65, 66, 67, ['('] = 68, 69, 70, 71, ['-'] = 72,
	[';'] = 73, 74, 75, 76, 77, 78, ['^'] = 79, 80, 81, ['{'] = 82, 83, 84, 85,
	/* clang-format on */
};

static inline void encode_group(uint32_t w, char *out)
{
	uint32_t high = w / 7225, low = w % 7225, top = high / 7225, middle = high % 7225;

	out[0] = digits[top];
	out[1] = digits[middle / 85];
	out[2] = digits[middle % 85];
	out[3] = digits[low / 85];
	out[4] = digits[low % 85];
}

void base85_encode(const uint8_t *in, size_t n, char *out)
{
	for (; n >= 4; in += 4, n -= 4, out += 5)
		encode_group(lan_get_be32(in), out);
	if (n) {
		uint8_t rest[4] = {0};
		char last[5];
		memcpy(rest, in, n);
		encode_group(lan_get_be32(rest), last);
		memcpy(out, last, n + 1);
	}
}

/* Above 2^32-1 if this is no group. */
static inline uint64_t decode_group(const uint8_t *in)
{
	/* unsigned: one below zero, for what is no digit, is far above the limit wherever it stands */
	uint64_t a = values[in[0]] - UINT64_C(1), b = values[in[1]] - UINT64_C(1);
	uint64_t c = values[in[2]] - UINT64_C(1), d = values[in[3]] - UINT64_C(1);
	uint64_t e = values[in[4]] - UINT64_C(1);
	uint64_t foreign = (a | b | c | d | e) >> 32 << 32;

	return ((((a * 85 + b) * 85 + c) * 85 + d) * 85 + e) | foreign;
}

enum lan_err base85_decode(const uint8_t *in, size_t n, uint8_t *out)
{
	uint64_t seen = 0; /* of all groups: their bits */

	for (; n >= 5; in += 5, n -= 5, out += 4) {
		uint64_t w = decode_group(in);
		seen |= w;
		lan_put_be32(out, (uint32_t)w);
	}
	if (n) {
		uint8_t rest[5] = "~~~~~", last[4];
		memcpy(rest, in, n);
		uint64_t w = decode_group(rest);
		seen |= w;
		lan_put_be32(last, (uint32_t)w);
		memcpy(out, last, n - 1);
	}
	return seen >> 32 ? LAN_ERR_PROTO : LAN_OK;
}
