/*
 * base64.h - base64 as JSON carries binary data: RFC 4648, section 4, padded,
 * no line breaks. Refuses what is not exactly that: other characters, missing
 * padding, bits beyond the last byte. (The lenient reading of the multisock wire
 * is that protocol's own.)
 */
#ifndef LAN_BASE64_H
#define LAN_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/err.h>

/* Bytes of the text of n bytes, without a NUL. */
static inline size_t lan_base64_len(size_t n)
{
	return (n + 2) / 3 * 4;
}
/* Writes lan_base64_len(n) characters; no NUL. */
void lan_base64_encode(const void *in, size_t n, char *out);
/* `out` may be `in`; it needs n / 4 * 3 bytes. LAN_ERR_INVAL. */
LAN_WUR enum lan_err lan_base64_decode(const char *in, size_t n, void *out, size_t *out_len);

#endif
