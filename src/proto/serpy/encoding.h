/*
 * encoding.h - text on the wire of serpy1: UTF-8 of the application to what the
 * connection was told to use (section 1.4).
 */
#ifndef LAN_PROTO_SERPY_ENCODING_H
#define LAN_PROTO_SERPY_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/err.h>

enum serpy_encoding { ENCODING_UTF8, ENCODING_ASCII, ENCODING_LATIN1, ENCODING_UTF16 };

/* "utf-8", "utf8", "UTF-8", "ascii", "us-ascii", "latin-1", "latin1", "iso-8859-1", "utf-16", "utf16"; any
 * case, "_" for
 * "-". False: none of these. */
bool encoding_find(const char *name, enum serpy_encoding *out);

/* Bytes that `text` (n bytes) takes, written to `out` unless that is NULL. UTF-16 as Python's: a byte order
 * mark, then little-endian. LAN_ERR_UTF8: not UTF-8 (surrogates, overlong forms and what is beyond U+10FFFF
 * are not), or a character the encoding does not have. */
LAN_WUR enum lan_err encoding_encode(
	enum serpy_encoding e, const void *text, size_t n, uint8_t *out, size_t *len);

/* Are these bytes text of the encoding? */
bool encoding_valid(enum serpy_encoding e, const uint8_t *p, size_t n);

#endif
