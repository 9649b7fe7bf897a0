/*
 * op.h - one opcode of a pickle with its argument: what pickle_decode and
 * pickle_dump both read. All knowledge of lengths is here, and nothing is
 * carried out here.
 */
#ifndef LAN_PICKLE_OP_H
#define LAN_PICKLE_OP_H

#include "base/bytes.h"
#include "proto/pickle/pickle.h"

/* code, name, argument */
/* clang-format off */
#define PICKLE_OPS(X) \
	X(0x80, PROTO, U1) X(0x95, FRAME, U8) X('.', STOP, NONE) \
	X('(', MARK, NONE) X('0', POP, NONE) X('1', POP_MARK, NONE) X('2', DUP, NONE) \
	X('N', NONE_, NONE) X(0x88, NEWTRUE, NONE) X(0x89, NEWFALSE, NONE) \
	X('I', INT, LINE) X('L', LONG, LINE) X('J', BININT, I4) X('K', BININT1, U1) X('M', BININT2, U2) \
	X(0x8a, LONG1, BYTES1) X(0x8b, LONG4, BYTES4) X('F', FLOAT, LINE) X('G', BINFLOAT, F8) \
	X('S', STRING, LINE) X('T', BINSTRING, BYTES4) X('U', SHORT_BINSTRING, BYTES1) \
	X('V', UNICODE, LINE) X('X', BINUNICODE, BYTES4) X(0x8c, SHORT_BINUNICODE, BYTES1) \
	X(0x8d, BINUNICODE8, BYTES8) X('B', BINBYTES, BYTES4) X('C', SHORT_BINBYTES, BYTES1) \
	X(0x8e, BINBYTES8, BYTES8) X(0x96, BYTEARRAY8, BYTES8) \
	X('t', TUPLE, NONE) X(')', EMPTY_TUPLE, NONE) X(0x85, TUPLE1, NONE) X(0x86, TUPLE2, NONE) \
	X(0x87, TUPLE3, NONE) X('l', LIST, NONE) X(']', EMPTY_LIST, NONE) X('a', APPEND, NONE) \
	X('e', APPENDS, NONE) X('d', DICT, NONE) X('}', EMPTY_DICT, NONE) X('s', SETITEM, NONE) \
	X('u', SETITEMS, NONE) X('p', PUT, LINE) X('q', BINPUT, U1) X('r', LONG_BINPUT, U4) \
	X(0x94, MEMOIZE, NONE) X('g', GET, LINE) X('h', BINGET, U1) X('j', LONG_BINGET, U4) \
	X('c', GLOBAL, LINES) X(0x93, STACK_GLOBAL, NONE) X('R', REDUCE, NONE) \
	X(0x8f, EMPTY_SET, NONE) X(0x90, ADDITEMS, NONE) X(0x91, FROZENSET, NONE) \
	X(0x81, NEWOBJ, NONE) X(0x92, NEWOBJ_EX, NONE) X('b', BUILD, NONE) X('i', INST, LINES) \
	X('o', OBJ, NONE) X('P', PERSID, LINE) X('Q', BINPERSID, NONE) X(0x82, EXT1, U1) \
	X(0x83, EXT2, U2) X(0x84, EXT4, U4) X(0x97, NEXT_BUFFER, NONE) X(0x98, READONLY_BUFFER, NONE)
/* clang-format on */

enum pickle_arg {
	PICKLE_ARG_NONE,
	PICKLE_ARG_U1, /* numbers: u */
	PICKLE_ARG_U2,
	PICKLE_ARG_U4,
	PICKLE_ARG_U8,
	PICKLE_ARG_I4,     /* u, sign-extended */
	PICKLE_ARG_F8,     /* p: eight bytes, big endian */
	PICKLE_ARG_BYTES1, /* p, n: a length of one byte and the bytes */
	PICKLE_ARG_BYTES4,
	PICKLE_ARG_BYTES8,
	PICKLE_ARG_LINE, /* p, n: up to LF, which is left out */
	PICKLE_ARG_LINES /* p, n and p2, n2: two lines */
};

enum pickle_code {
#define X(code, name, arg) PICKLE_OP_##name = code,
	PICKLE_OPS(X)
#undef X
};

struct pickle_op {
	uint8_t code;
	const char *name; /* NULL: no opcode */
	enum pickle_arg arg;
	size_t at; /* where it stands */
	uint64_t u;
	const uint8_t *p, *p2; /* views */
	size_t n, n2;
};

/* The next opcode. False: the pickle ends within it, or there is no such opcode (name is NULL then). */
bool pickle_op_next(struct lan_rd *r, struct pickle_op *op);

/* Decimal text, as Python's repr writes it. False: not that. */
bool pickle_number_i64(const uint8_t *p, size_t n, int64_t *out);
/* inf, nan and at most 19 digits with point and exponent, rounded to the nearest. */
bool pickle_number_float(const uint8_t *p, size_t n, double *out);
/* Decimal text of any size as little-endian two's complement; `out` holds n / 2 + 2 bytes. 0: not that. */
size_t pickle_number_big(const uint8_t *p, size_t n, uint8_t *out);

/* Bytes of a two's complement number that say something: the shortest that mean the same. */
size_t pickle_int_len(const uint8_t *p, size_t n);
/* The number of at most eight bytes. */
int64_t pickle_int_value(const uint8_t *p, size_t n);

/* Protocol 0's text (Python's raw-unicode-escape) as UTF-8; `out` holds 2 * n bytes. False: not that, or a
 * lone surrogate. */
bool pickle_text_unescape(const uint8_t *p, size_t n, uint8_t *out, size_t *len);
/* UTF-8 (valid) as Latin-1; `out` holds n bytes. False: a character beyond it. */
bool pickle_text_latin1(const uint8_t *p, size_t n, uint8_t *out, size_t *len);

#endif
