/*
 * stream_value.c - values of <lanyard/stream.h>: Python objects (shown, never
 * executed, and made from JSON), and arrays, which travel as bare bytes whose
 * type and shape both ends have agreed upon.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/stream_int.h"
#include "base/utf8.h"
#include "proto/pickle/pickle.h"
#include "proto/serpy/hexfloat.h"

enum lan_err stream_encoding(struct lan_stream *s, const char *name)
{
	return name && !encoding_find(name, &s->encoding) ? LAN_ERR_INVAL : LAN_OK;
}

void stream_value_fini(struct lan_stream *s)
{
	free(s->json.buf);
}

bool lan_stream_is_text(const struct lan_stream_value *v)
{
	return v->type != LAN_STREAM_INT && v->type != LAN_STREAM_FLOAT &&
	       !(v->len && memchr(v->data, 0, v->len)) && lan_utf8_valid(v->data, v->len);
}

/* --- objects --------------------------------------------------------------------------------- */

void stream_object(struct lan_stream *s, struct lan_stream_event *ev)
{
	const char *why = "";
	enum lan_err e = lan_object_to_json(ev->value.data, ev->value.len, &s->json, &why);
	ev->value.json = e ? NULL : s->json.buf;
	ev->reason = e == LAN_ERR_NOMEM ? lan_err_text(e) : why ? why : "";
}

/* What the original makes of text and numbers in modes 4 and 5: a pickle of the encoded bytes. */
static enum lan_err pickle_text(
	struct lan_stream *s, const struct lan_stream_value *v, uint8_t **out, size_t *n)
{
	char number[DECIMAL_TEXT];
	const void *text = v->type == LAN_STREAM_STR ? v->data : number;
	size_t len = v->type == LAN_STREAM_STR   ? v->len
		     : v->type == LAN_STREAM_INT ? decimal_int_format(v->integer, number)
						 : decimal_format(v->real, number);
	size_t raw;
	enum lan_err e = encoding_encode(s->encoding, text, len, NULL, &raw);
	if (e)
		return e;
	uint8_t *bytes = malloc(raw ? raw : 1);
	if (!bytes)
		return LAN_ERR_NOMEM;
	e = encoding_encode(s->encoding, text, len, bytes, &raw);
	struct pickle_token t = {.kind = PICKLE_BYTES, .bytes = bytes, .n = raw};
	*n = e ? 0 : pickle_encode(&t, 1, NULL, 0);
	*out = e ? NULL : malloc(*n);
	if (*out)
		pickle_encode(&t, 1, *out, *n);
	free(bytes);
	return e ? e : *out ? LAN_OK : LAN_ERR_NOMEM;
}

static enum lan_err object(struct lan_stream *s, const struct lan_stream_value *v, struct serpy_value *out,
	uint8_t **pickle, const char **why)
{
	size_t n;
	if (s->dialect != LAN_STREAM_SERPY1 || (!v->json && v->data)) {
		*out = (struct serpy_value){.type = SERPY_OBJECT, .data = v->data, .len = v->len};
		return LAN_OK; /* the core says that serpy2 has none */
	}
	*why = "an object needs `json` or a ready pickle";
	enum lan_err e = v->json ? lan_object_from_json(v->json, pickle, &n, why) : LAN_ERR_INVAL;
	if (!e)
		*out = (struct serpy_value){.type = SERPY_OBJECT, .data = *pickle, .len = n};
	return e;
}

/* --- arrays ------------------------------------------------------------------------------------ */

static const struct dtype {
	const char *name;
	uint8_t size, swap; /* of one element; of what the byte order is about (a complex is two floats) */
} dtypes[] = {{"b1", 1, 1}, {"bool", 1, 1}, {"i1", 1, 1}, {"int8", 1, 1}, {"u1", 1, 1}, {"uint8", 1, 1},
	{"i2", 2, 2}, {"int16", 2, 2}, {"u2", 2, 2}, {"uint16", 2, 2}, {"i4", 4, 4}, {"int32", 4, 4},
	{"u4", 4, 4}, {"uint32", 4, 4}, {"i8", 8, 8}, {"int64", 8, 8}, {"u8", 8, 8}, {"uint64", 8, 8},
	{"f2", 2, 2}, {"float16", 2, 2}, {"f4", 4, 4}, {"float32", 4, 4}, {"f8", 8, 8}, {"float64", 8, 8},
	{"c8", 8, 4}, {"complex64", 8, 4}, {"c16", 16, 8}, {"complex128", 16, 8}};

static const struct dtype *find(const char *name, bool *swap)
{
	static const uint16_t one = 1;
	bool little = *(const uint8_t *)&one;
	*swap = name && (*name == '<' || *name == '>') && (*name == '<') != little;
	if (name && *name && strchr("<>=|", *name))
		name++;
	for (size_t i = 0; name && i < sizeof dtypes / sizeof *dtypes; i++)
		if (strcmp(dtypes[i].name, name) == 0)
			return &dtypes[i];
	return NULL;
}

size_t lan_stream_dtype(const char *dtype, bool *swap)
{
	bool s;
	const struct dtype *d = find(dtype, &s);
	if (swap)
		*swap = d && s && d->swap > 1;
	return d ? d->size : 0;
}

/* Bytes of an array; false: more than can be. */
static bool array_size(size_t element, const uint64_t *shape, uint32_t ndim, size_t *out)
{
	size_t n = element;
	for (uint32_t i = 0; i < ndim; i++)
		if (__builtin_mul_overflow(n, shape[i], &n))
			return false;
	*out = n;
	return true;
}

static _Thread_local char sentence[160];

static enum lan_err check_array(
	size_t len, const char *dtype, const uint64_t *shape, uint32_t ndim, const char **why)
{
	size_t element = lan_stream_dtype(dtype, NULL), n;
	*why = "the type of the elements is not understood: \"float32\", \"<i2\", \"u1\" ..";
	if (!element)
		return LAN_ERR_INVAL;
	*why = "the shape is larger than memory can be";
	if ((ndim && !shape) || !array_size(element, shape, ndim, &n))
		return LAN_ERR_INVAL;
	*why = sentence;
	if (n == len)
		return LAN_OK;
	snprintf(sentence, sizeof sentence, "%zu bytes are not the %zu of an array of this type and shape",
		len, n);
	return LAN_ERR_INVAL;
}

enum lan_err lan_stream_as_array(const struct lan_stream_value *v, const char *dtype, const uint64_t *shape,
	uint32_t ndim, void *out, size_t room)
{
	const char *why = "only bytes are an array";
	bool swap;
	enum lan_err e =
		v->type == LAN_STREAM_BYTES ? check_array(v->len, dtype, shape, ndim, &why) : LAN_ERR_INVAL;
	stream_why(e ? why : "");
	if (e)
		return e;
	if (v->len > room)
		return LAN_ERR_TOOBIG;
	const struct dtype *d = find(dtype, &swap);
	const uint8_t *from = v->data;
	if (v->len)
		memcpy(out, from, v->len);
	for (size_t i = 0; swap && d->swap > 1 && i < v->len; i += d->swap)
		for (size_t k = 0; k < d->swap; k++)
			((uint8_t *)out)[i + k] = from[i + d->swap - 1 - k];
	return LAN_OK;
}

/* --- what the core sends ------------------------------------------------------------------------- */

enum lan_err stream_core_value(struct lan_stream *s, const struct lan_stream_value *v, int mode,
	struct serpy_value *out, uint8_t **pickle, const char **why)
{
	size_t n = 0;
	enum lan_err e;
	*pickle = NULL;
	if (v->type == LAN_STREAM_OBJECT)
		return object(s, v, out, pickle, why);
	*out = (struct serpy_value){
		.type = v->type == LAN_STREAM_ARRAY ? SERPY_BYTES : (enum serpy_type)v->type,
		.wide = v->wide,
		.integer = v->integer,
		.real = v->real,
		.data = v->data,
		.len = v->len};
	if (v->type == LAN_STREAM_ARRAY) {
		e = check_array(v->len, v->dtype, v->shape, v->ndim, why);
		*why = e ? *why : "";
		return e;
	}
	bool pickled = s->dialect == LAN_STREAM_SERPY1 && mode >= 4 && v->type >= LAN_STREAM_STR &&
		       v->type <= LAN_STREAM_FLOAT && !v->wide;
	if (!pickled)
		return LAN_OK;
	e = pickle_text(s, v, pickle, &n);
	*out = (struct serpy_value){.type = SERPY_OBJECT, .data = *pickle, .len = n};
	return e;
}
