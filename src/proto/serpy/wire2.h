/*
 * wire2.h - the numbers of serpy2's wire: section 2.1.
 */
#ifndef LAN_PROTO_SERPY_WIRE2_H
#define LAN_PROTO_SERPY_WIRE2_H

#include <stdint.h>

enum { WIRE2_INT = 0x01, WIRE2_FLOAT = 0x11, WIRE2_STR = 0x21, WIRE2_BYTES = 0x81 };

#define WIRE2_MAGIC     "\xde\xca\xfe\xca\xfe"
#define WIRE2_MAGIC_LEN 5

/* SERPY_HEAD bytes. */
void wire2_header(uint8_t *to, uint8_t type, uint32_t sum, uint32_t len);

#endif
