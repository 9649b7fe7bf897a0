/*
 * objects_pickle.c - a JSON text as a pickle: see objects.h. The opposite of
 * objects_json.c: an object with exactly one of the marking keys is what the
 * key says, every other JSON value is its Python twin.
 *
 * Refused, with a sentence: what is not JSON, marks that do not make sense, a
 * list or dict as a key of a dict (Python would refuse it at the other end),
 * nesting deeper than PICKLE_DEPTH_MAX, more than PICKLE_TOKENS_MAX values.
 */
#include "api/objects.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "proto/pickle/pickle.h"

struct build {
	struct pickle_token *token;
	size_t n, cap;
	void **memory; /* what tokens point to, beside the JSON tree */
	size_t n_memory;
	unsigned depth;
	const char *why;
	enum lan_err err;
};

static _Thread_local char sentence[160];

static void *fail(struct build *b, const char *why)
{
	if (!b->err) {
		b->err = why ? LAN_ERR_INVAL : LAN_ERR_NOMEM;
		b->why = why ? why : lan_err_text(LAN_ERR_NOMEM);
	}
	return NULL;
}

static void add(struct build *b, struct pickle_token t)
{
	if (b->n == PICKLE_TOKENS_MAX) {
		fail(b, "more than 65536 values");
		return;
	}
	if (b->n == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 32;
		struct pickle_token *token = realloc(b->token, cap * sizeof *token);
		if (!token) {
			fail(b, NULL);
			return;
		}
		b->token = token;
		b->cap = cap;
	}
	b->token[b->n++] = t;
}

static uint8_t *memory(struct build *b, size_t n)
{
	void **list = realloc(b->memory, (b->n_memory + 1) * sizeof *list);
	if (!list)
		return fail(b, NULL);
	b->memory = list;
	uint8_t *p = malloc(n ? n : 1);
	if (!p)
		return fail(b, NULL);
	b->memory[b->n_memory++] = p;
	return p;
}

/* Decimal to little-endian two's complement, as short as it can be. */
static void add_int(struct build *b, const char *text)
{
	enum { LIMBS = LAN_OBJECT_INT_BITS / 8 };
	static const char bad[] = "{\"int\":..} takes a decimal number of at most 4096 bits as text";
	bool negative = *text == '-';
	const char *digits = text + negative;
	size_t n = 1, len = strlen(digits);
	uint8_t *v = memory(b, LIMBS + 1);
	if (!v)
		return;
	if (!len || len > 1300 || strspn(digits, "0123456789") != len) {
		fail(b, bad);
		return;
	}
	memset(v, 0, LIMBS + 1);
	for (; *digits; digits++) {
		unsigned carry = (unsigned)(*digits - '0');
		for (size_t i = 0; i < n; i++) {
			carry += v[i] * 10u;
			v[i] = (uint8_t)carry;
			carry >>= 8;
		}
		if (carry && n == LIMBS) {
			fail(b, bad);
			return;
		}
		if (carry)
			v[n++] = (uint8_t)carry;
	}
	if (v[n - 1] & 0x80)
		v[n++] = 0; /* room for the sign */
	for (size_t i = 0, one = 1; negative && i < n; i++) {
		unsigned x = (uint8_t)~v[i] + (unsigned)one;
		v[i] = (uint8_t)x;
		one = x >> 8;
	}
	while (n > 1 && ((v[n - 1] == 0xff && v[n - 2] & 0x80) || (!v[n - 1] && !(v[n - 2] & 0x80))))
		n--;
	if (n > LIMBS) {
		fail(b, bad);
		return;
	}
	if (n > 8) {
		add(b, (struct pickle_token){.kind = PICKLE_BIGINT, .bytes = v, .n = n});
		return;
	}
	uint64_t value = v[n - 1] & 0x80 ? UINT64_MAX : 0;
	for (size_t i = n; i-- > 0;)
		value = value << 8 | v[i];
	add(b, (struct pickle_token){.kind = PICKLE_INT, .i = (int64_t)value});
}

static void add_float(struct build *b, const char *word)
{
	double f = strcmp(word, "nan") == 0 ? NAN : strcmp(word, "inf") == 0 ? INFINITY : -INFINITY;
	if (isinf(f) && f < 0 && strcmp(word, "-inf") != 0)
		fail(b, "{\"float\":..} takes \"nan\", \"inf\" or \"-inf\"");
	add(b, (struct pickle_token){.kind = PICKLE_FLOAT, .f = f});
}

static void add_base64(struct build *b, const char *text)
{
	size_t n = strlen(text);
	uint8_t *p = memory(b, n);
	if (!p)
		return;
	if (lan_base64_decode(text, n, p, &n)) {
		fail(b, "{\"base64\":..} takes base64 with its padding");
		return;
	}
	add(b, (struct pickle_token){.kind = PICKLE_BYTES, .bytes = p, .n = n});
}

static void add_value(struct build *b, const json_t *v);

static void add_items(struct build *b, enum pickle_kind kind, const json_t *array)
{
	size_t n = json_array_size(array);
	add(b, (struct pickle_token){.kind = kind, .n = n});
	for (size_t i = 0; i < n && !b->err; i++)
		add_value(b, json_array_get(array, i));
}

/* Lists and dicts, also inside of tuples, cannot be keys. */
static bool hashable(const struct build *b, size_t from)
{
	for (size_t i = from; i < b->n; i++)
		if (b->token[i].kind == PICKLE_LIST || b->token[i].kind == PICKLE_DICT)
			return false;
	return true;
}

static void add_pairs(struct build *b, const json_t *array)
{
	add(b, (struct pickle_token){.kind = PICKLE_DICT, .n = json_array_size(array)});
	for (size_t i = 0; i < json_array_size(array) && !b->err; i++) {
		const json_t *pair = json_array_get(array, i);
		size_t key = b->n;
		if (!json_is_array(pair) || json_array_size(pair) != 2) {
			fail(b, "{\"dict\":..} takes a list of [key, value] pairs");
			return;
		}
		add_value(b, json_array_get(pair, 0));
		if (!b->err && !hashable(b, key))
			fail(b, "a list or a dict cannot be a key; a tuple can");
		if (!b->err)
			add_value(b, json_array_get(pair, 1));
	}
}

/* An object whose only key is a mark. False: an ordinary one. */
static bool add_marked(struct build *b, const char *key, const json_t *v)
{
	bool text = json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v);
	if (strcmp(key, "int") == 0 && text)
		add_int(b, json_string_value(v));
	else if (strcmp(key, "float") == 0 && text)
		add_float(b, json_string_value(v));
	else if (strcmp(key, "base64") == 0 && text)
		add_base64(b, json_string_value(v));
	else if (strcmp(key, "tuple") == 0 && json_is_array(v))
		add_items(b, PICKLE_TUPLE, v);
	else if (strcmp(key, "dict") == 0 && json_is_array(v))
		add_pairs(b, v);
	else if (strcmp(key, "opaque") == 0)
		fail(b, "what was received as opaque cannot be sent");
	else if (strcmp(key, "int") == 0 || strcmp(key, "float") == 0 || strcmp(key, "base64") == 0 ||
		 strcmp(key, "tuple") == 0 || strcmp(key, "dict") == 0) {
		snprintf(sentence, sizeof sentence,
			"an object with the only key \"%s\" is a mark; as a dict, write "
			"{\"dict\":[[\"%s\",..]]}",
			key, key);
		fail(b, sentence);
	} else {
		return false;
	}
	return true;
}

static void add_object(struct build *b, const json_t *v)
{
	const char *key;
	json_t *item, *object = (json_t *)(uintptr_t)v; /* jansson's iterators take no const */
	if (json_object_size(v) == 1) {
		void *it = json_object_iter(object);
		if (add_marked(b, json_object_iter_key(it), json_object_iter_value(it)))
			return;
	}
	add(b, (struct pickle_token){.kind = PICKLE_DICT, .n = json_object_size(v)});
	json_object_foreach(object, key, item)
	{
		if (b->err)
			return;
		add(b, (struct pickle_token){
			       .kind = PICKLE_TEXT, .bytes = (const uint8_t *)key, .n = strlen(key)});
		add_value(b, item);
	}
}

static void add_value(struct build *b, const json_t *v)
{
	if (++b->depth > PICKLE_DEPTH_MAX)
		fail(b, "nested deeper than 64");
	else if (json_is_null(v))
		add(b, (struct pickle_token){.kind = PICKLE_NONE});
	else if (json_is_boolean(v))
		add(b, (struct pickle_token){.kind = PICKLE_BOOL, .b = json_is_true(v)});
	else if (json_is_integer(v))
		add(b, (struct pickle_token){.kind = PICKLE_INT, .i = json_integer_value(v)});
	else if (json_is_real(v))
		add(b, (struct pickle_token){.kind = PICKLE_FLOAT, .f = json_real_value(v)});
	else if (json_is_string(v))
		add(b, (struct pickle_token){.kind = PICKLE_TEXT,
			       .bytes = (const uint8_t *)json_string_value(v),
			       .n = json_string_length(v)});
	else if (json_is_array(v))
		add_items(b, PICKLE_LIST, v);
	else
		add_object(b, v);
	b->depth--;
}

enum lan_err lan_object_from_json(const char *json, uint8_t **out, size_t *n, const char **why)
{
	struct build b = {0};
	json_error_t error;
	json_t *v = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	uint8_t *pickle = NULL;
	size_t len = 0;
	if (!v) {
		snprintf(sentence, sizeof sentence, "not JSON: %.100s (line %d, column %d)", error.text,
			error.line, error.column);
		*why = sentence;
		return LAN_ERR_INVAL;
	}
	add_value(&b, v);
	if (!b.err) {
		len = pickle_encode(b.token, b.n, NULL, 0);
		pickle = len ? malloc(len) : NULL;
		if (!pickle)
			fail(&b, len ? NULL : "cannot be written as a Python object");
		else
			len = pickle_encode(b.token, b.n, pickle, len);
	}
	for (size_t i = 0; i < b.n_memory; i++)
		free(b.memory[i]);
	free(b.memory);
	free(b.token);
	json_decref(v);
	if (b.err) {
		*why = b.why;
		return b.err;
	}
	*out = pickle;
	*n = len;
	return LAN_OK;
}
