/*
 * serpy_replay.c - see serpy_replay.h.
 */
#include "serpy_replay.h"

#include <stdarg.h>
#include <stdio.h>
#include "api/objects.h"
#include "proto/pickle/pickle.h"

void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	char *piece;

	va_start(ap, fmt);
	int n = vasprintf(&piece, fmt, ap);
	va_end(ap);
	t->p = realloc(t->p, t->n + (size_t)n + 1);
	memcpy(t->p + t->n, piece, (size_t)n + 1);
	t->n += (size_t)n;
	free(piece);
}

void text_hex(struct text *t, const uint8_t *p, size_t n)
{
	t->p = realloc(t->p, t->n + 2 * n + 1);
	for (size_t i = 0; i < n; i++)
		t->n += (size_t)sprintf(t->p + t->n, "%02x", p[i]);
	t->p[t->n] = 0;
}

/* --- values -------------------------------------------------------------------------- */

/* Bytes as the one token of a pickle. */
static uint8_t *pickled(const uint8_t *p, size_t n, size_t *len)
{
	struct pickle_token t = {.kind = PICKLE_BYTES, .bytes = p, .n = n};
	uint8_t *out = malloc(*len = pickle_encode(&t, 1, NULL, 0));

	*len = pickle_encode(&t, 1, out, *len);
	return out;
}

/* Python's repr of plain values, as JSON; None has no repr in the file. */
static char *json_of(const char *repr)
{
	char *json = strdup(repr ? repr : "null"), *at;

	for (at = json; *at; at++)
		*at = *at == '\'' ? '"' : *at;
	while ((at = strstr(json, "None")))
		memcpy(at, "null", 4);
	if (strcmp(json, "True") == 0)
		memcpy(json, "true", 4);
	return json;
}

static bool object_of(const json_t *input, struct serpy_value *v, uint8_t **memory)
{
	const char *why = "";
	char *json = json_of(str_of(input, "repr"));
	bool plain = !str_of(input, "dtype") && !str_of(input, "hex") &&
		     strcmp(str_of(input, "type"), "float64") != 0;

	v->type = SERPY_OBJECT;
	plain = plain && lan_object_from_json(json, memory, &v->len, &why) == LAN_OK;
	v->data = *memory;
	free(json);
	return plain;
}

bool value_of(const json_t *input, enum serpy_dialect d, int mode, struct serpy_value *v, uint8_t **memory)
{
	const char *type = str_of(input, "type"), *repr = str_of(input, "repr");
	bool bytes = strcmp(type, "bytes") == 0;
	struct buf b;

	*v = (struct serpy_value){0};
	*memory = NULL;
	if (strcmp(type, "int") == 0 && (d == SERPY2 || (mode != 4 && mode != 5))) {
		v->type = SERPY_INT;
		v->integer = strtoll(repr, NULL, 10);
		v->wide = strcmp(repr, "9223372036854775808") == 0;
		return true;
	}
	if (strcmp(type, "float") == 0) {
		v->type = SERPY_FLOAT;
		v->real = strtod(repr, NULL);
		return true;
	}
	if (!bytes && strcmp(type, "str") != 0 && strcmp(type, "int") != 0)
		return object_of(input, v, memory);
	b = repr ? (struct buf){(uint8_t *)strdup(repr), strlen(repr)}
		 : unhex(str_of(input, bytes ? "hex" : "utf8_hex"));
	v->type = bytes ? SERPY_BYTES : SERPY_STR;
	if (d == SERPY1 && !bytes && (mode == 4 || mode == 5)) { /* the original pickles the encoded text */
		v->type = SERPY_OBJECT;
		uint8_t *p = pickled(b.p, b.n, &v->len);
		free(b.p);
		b = (struct buf){p, v->len};
	}
	v->data = *memory = b.p;
	v->len = b.n;
	return true;
}

char *described(const json_t *value)
{
	const char *type = str_of(value, "type"), *repr = str_of(value, "repr");
	struct text t = {0};

	if (strcmp(type, "int") == 0) {
		text_add(&t, "int %s", repr);
		return t.p;
	}
	if (strcmp(type, "float") == 0) {
		text_add(&t, "float %a", strtod(repr, NULL));
		return t.p;
	}
	if (strcmp(type, "bytes") == 0 || strcmp(type, "str") == 0) {
		struct buf b = unhex(str_of(value, *type == 'b' ? "hex" : "utf8_hex"));
		char *text = shown(*type == 'b' ? "bytes " : "text ", b.p, b.n);
		free(b.p);
		return text;
	}
	return object_value(value);
}

/* Little-endian two's complement that is not negative, in decimal. */
static char *wide_int(const uint8_t *p, size_t n)
{
	char digits[200];
	size_t len = 1;
	struct text t = {0};

	digits[0] = 0;
	while (n--) {
		unsigned carry = p[n];
		for (size_t i = 0; i < len; i++, carry /= 10) {
			carry += 256u * (unsigned)digits[i];
			digits[i] = (char)(carry % 10);
		}
		for (; carry; carry /= 10)
			digits[len++] = (char)(carry % 10);
	}
	text_add(&t, "int ");
	while (len--)
		text_add(&t, "%d", digits[len]);
	return t.p;
}

char *delivered(const struct serpy_event *ev, bool raw_objects)
{
	const struct serpy_value *v = &ev->value;
	struct text t = {0};

	switch (v->type) {
	case SERPY_INT:
		if (v->wide)
			return wide_int(v->data, v->len);
		text_add(&t, "int %lld", (long long)v->integer);
		return t.p;
	case SERPY_FLOAT:
		text_add(&t, "float %a", v->real);
		return t.p;
	case SERPY_OBJECT:
		return raw_objects ? shown("bytes ", v->data, v->len) : pickle_value(v->data, v->len);
	default:
		return shown(v->type == SERPY_STR ? "text " : "bytes ", v->data, v->len);
	}
}

/* --- talks ---------------------------------------------------------------------------- */

void take_all(struct step *st, uint32_t conn, struct text *t)
{
	uint8_t piece[4096];
	size_t n;

	while ((n = step_take(st, conn, piece, sizeof piece)))
		text_hex(t, piece, n);
}

struct listener {
	struct step st;
	uint32_t conn;
	struct text values, answers, fate;
	bool raw_objects, down, dropped, skipped;
};

/* Which counter says why the connection ended. */
static const char *end_of(const struct step *st)
{
	for (int c = SERPY_C_end_closed; c <= SERPY_C_end_memory; c++)
		if (step_count(st, (enum serpy_counter)c))
			return serpy_counter_name((enum serpy_counter)c);
	return step_count(st, SERPY_C_closed_by_peer) ? "" : "?";
}

static void hear(struct listener *l, const struct serpy_event *ev)
{
	if (ev->kind == SERPY_MESSAGE) {
		char *v = delivered(ev, l->raw_objects);
		text_add(&l->values, "%s%s", l->values.n ? ", " : "", v);
		free(v);
	}
	l->dropped |= ev->kind == SERPY_DAMAGED && strcmp(ev->reason, "checksum") == 0;
	l->skipped |= ev->kind == SERPY_DAMAGED && strcmp(ev->reason, "garbage") == 0;
	if (ev->kind != SERPY_DOWN)
		return;
	l->down = true;
	if (*end_of(&l->st))
		text_add(&l->fate, "ended: %s", end_of(&l->st));
	else
		text_add(&l->fate, ev->cut ? "closed, cut %llu" : "closed", (unsigned long long)ev->cut);
}

static void pull_all(struct listener *l)
{
	struct serpy_event ev;

	take_all(&l->st, l->conn, &l->answers);
	while (step_pull(&l->st, &ev)) {
		hear(l, &ev);
		take_all(&l->st, l->conn, &l->answers);
	}
	take_all(&l->st, l->conn, &l->answers);
}

static void come_in(struct listener *l, const struct buf *b, enum cut cut)
{
	for (size_t at = 0; at < b->n;) {
		size_t n = cut == CUT_EVERYWHERE ? 1 : b->n - at,
		       fed = step_feed(&l->st, l->conn, b->p + at, n);
		at += fed;
		if (cut != CUT_PULLED_LATE || !fed)
			pull_all(l);
		if (!fed && step_feed(&l->st, l->conn, b->p + at, n) == 0)
			return; /* it was closed */
		else if (!fed)
			at += n;
	}
}

/* Does a message come through afterwards? */
static bool works(struct listener *l, enum serpy_dialect d)
{
	static const struct {
		const char *p;
		size_t n;
	} probes[] = {{"probe\x1f", 6}, {"probe\x04\x1f", 7}, {"a9Lxd\x1f", 6}, {"a9Lxd\x04\x1f", 7},
		{"fCWx2\x1f", 6}, {"fCWx2\x04\x1f", 7},
		{"\xde\xca\xfe\xca\xfe\x81\x70\x00\x00\x00\x01\x00\x00\x00p", 15}};
	struct serpy_status status;
	size_t before = l->values.n;
	struct text kept = l->answers;

	if (l->down || serpy_status(l->st.s, 1, &status))
		return false;
	int which = d == SERPY2 ? 6 : status.in_mode;
	l->answers = (struct text){0};
	step_feed(&l->st, l->conn, probes[which].p, probes[which].n);
	pull_all(l);
	bool yes = l->values.n > before;
	if (yes)
		l->values.p[l->values.n = before] = 0;
	free(l->answers.p);
	l->answers = kept;
	return yes;
}

struct talk replay(const struct serpy_config *cfg, const struct buf *segment, size_t n, bool fin,
	enum cut cut, bool raw_objects)
{
	struct listener l = {.raw_objects = raw_objects};
	struct serpy_status status = {.in_mode = -1};
	struct buf all = {0};

	text_add(&l.values, "%s", "");
	text_add(&l.answers, "%s", "");
	text_add(&l.fate, "%s", "");
	if (step_init(&l.st, cfg) || (l.conn = step_open(&l.st)) == LAN_NO_CONN)
		abort();
	for (size_t i = 0; i < n; i++) {
		all.p = realloc(all.p, all.n + segment[i].n + 1);
		memcpy(all.p + all.n, segment[i].p, segment[i].n);
		all.n += segment[i].n;
		if (cut == CUT_AS_CAPTURED)
			come_in(&l, &segment[i], cut);
	}
	if (cut != CUT_AS_CAPTURED)
		come_in(&l, &all, cut);
	if (fin)
		step_lose(&l.st, l.conn, LAN_ERR_CLOSED);
	pull_all(&l);
	if (!l.down) {
		(void)!serpy_status(l.st.s, 1, &status);
		text_add(&l.fate, works(&l, cfg->dialect) ? "works" : l.down ? "" : "deaf");
	}
	text_add(&l.fate, "%s%s", l.dropped ? " dropped" : "", l.skipped ? " skipped" : "");
	free(all.p);
	serpy_free(l.st.s);
	return (struct talk){l.values.p, l.answers.p, l.fate.p, status.in_mode};
}

void talk_fini(struct talk *t)
{
	free(t->values);
	free(t->answers);
	free(t->fate);
}
