/*
 * stream_value.h - the values that programs exchange over streams: text, numbers,
 * bytes, arrays, Python objects. Part of <lanyard/stream.h>. Man pages:
 * liblanyard(3), lanyard-stream(7).
 */
#ifndef LANYARD_STREAM_VALUE_H
#define LANYARD_STREAM_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/err.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a value is. Received: STR, INT, FLOAT and BYTES on serpy2. On serpy1 BYTES (whatever was
 * sent: the wire does not tell), OBJECT in modes 4 and 5, STR for a foreign control word. */
enum lan_stream_type {
	LAN_STREAM_STR = 1, /* data/len: UTF-8 */
	LAN_STREAM_INT,   /* integer; wider than 64 bits: `wide`, and data/len, little-endian two's complement
			   */
	LAN_STREAM_FLOAT, /* real */
	LAN_STREAM_BYTES, /* data/len */
	LAN_STREAM_ARRAY, /* sending: data/len with dtype and shape, checked, then sent as BYTES */
	LAN_STREAM_OBJECT /* serpy1. Received: data/len is a Python pickle, never executed, and `json` shows
			     it. Sending: `json` (lanyard-channel(7), OBJECTS), or data/len: a ready pickle */
};

/* Texts, data and shape are borrowed when sending, views when received. */
struct lan_stream_value {
	enum lan_stream_type type;
	bool wide; /* an INT that does not fit: see there */
	int64_t integer;
	double real;
	const void *data; /* received: a NUL follows STR, and on serpy1 BYTES and OBJECT (not a PIECE) */
	size_t len;
	const char *json;      /* OBJECT */
	const char *dtype;     /* ARRAY: "f4", "<i2", "float32" .., see lan_stream_dtype */
	const uint64_t *shape; /* ARRAY: ndim sizes, C order */
	uint32_t ndim;
};

/* Values to send. */
static inline struct lan_stream_value lan_stream_value_of(
	enum lan_stream_type type, const void *data, size_t len)
{
	struct lan_stream_value v;
	v.type = type;
	v.wide = false;
	v.integer = 0;
	v.real = 0;
	v.data = data;
	v.len = len;
	v.json = v.dtype = NULL;
	v.shape = NULL;
	v.ndim = 0;
	return v;
}
static inline struct lan_stream_value lan_stream_str(const char *text, size_t len)
{
	return lan_stream_value_of(LAN_STREAM_STR, text, len);
}
static inline struct lan_stream_value lan_stream_bytes(const void *data, size_t len)
{
	return lan_stream_value_of(LAN_STREAM_BYTES, data, len);
}
static inline struct lan_stream_value lan_stream_int(int64_t i)
{
	struct lan_stream_value v = lan_stream_value_of(LAN_STREAM_INT, NULL, 0);
	v.integer = i;
	return v;
}
static inline struct lan_stream_value lan_stream_float(double f)
{
	struct lan_stream_value v = lan_stream_value_of(LAN_STREAM_FLOAT, NULL, 0);
	v.real = f;
	return v;
}

/* "str", "int", ..; static text. */
LAN_API const char *lan_stream_type_name(enum lan_stream_type type);
/* Is received data valid UTF-8 without NUL? (BYTES on serpy1 are mostly text.) */
LAN_API bool lan_stream_is_text(const struct lan_stream_value *value);

/* Size in bytes of one element of a dtype as numpy writes it: "float32" or "f4", "int16" or "<i2", "u1",
 * "c8", "b1"
 * ("bool") ..; 0: not understood. *swap (may be NULL): its byte order is not this machine's. */
LAN_API size_t lan_stream_dtype(const char *dtype, bool *swap);

/* Received BYTES as an array agreed upon: checks that the length is that of dtype and shape, and copies
 * (swapping where the byte order asks for it) into `out` of `room` bytes. LAN_ERR_INVAL (type, length,
 * dtype), LAN_ERR_TOOBIG. */
LAN_API LAN_WUR enum lan_err lan_stream_as_array(const struct lan_stream_value *value, const char *dtype,
	const uint64_t *shape, uint32_t ndim, void *out, size_t room);

/* serpy2's checksum: the sum of all bytes modulo 2^32. Start with 0, hand in the sum so far. */
LAN_API uint32_t lan_stream_sum(uint32_t sum, const void *data, size_t n);

#ifdef __cplusplus
}
#endif
#endif
