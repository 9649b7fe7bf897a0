/*
 * hexfloat.h - floating point numbers as text, as Python's float.hex writes and
 * float.fromhex reads them (section 2.1), and as str() writes them (section 1.4),
 * without the C library: the cores know no locale.
 */
#ifndef LAN_PROTO_SERPY_HEXFLOAT_H
#define LAN_PROTO_SERPY_HEXFLOAT_H

#include <stddef.h>
#include <lanyard/err.h>

#define HEXFLOAT_TEXT 32 /* room for what hexfloat_format writes, the NUL included */

/* "0x1.8000000000000p+0", "-0x0.0p+0", "inf", "nan": to the byte as float.hex. The length. */
size_t hexfloat_format(double v, char out[HEXFLOAT_TEXT]);

/* All that float.fromhex takes, rounded as it rounds (half to even); LAN_ERR_PROTO for the rest (overflow,
 * too). */
LAN_WUR enum lan_err hexfloat_parse(const uint8_t *in, size_t n, double *out);

#define DECIMAL_TEXT 32
/* The shortest decimal text that reads back the same, as Python's repr writes it: "1.5", "1e-300", "1e+16",
 * "100000.0", "nan", "-inf". The length. */
size_t decimal_format(double v, char out[DECIMAL_TEXT]);
/* "-42". The length. */
size_t decimal_int_format(int64_t v, char out[DECIMAL_TEXT]);

#endif
