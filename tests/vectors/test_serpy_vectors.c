/*
 * test_serpy_vectors.c - every captured byte of serpy and serpy2 against our
 * core, both ways. What the originals sent is sent again and has to be the same
 * to the byte, and heard as the original's other end hears it; what was sent
 * into the originals comes in here, as it was cut, all at once and byte by byte,
 * and has to give the same values and answers; whole sessions run with both ends
 * ours.
 *
 * Where ours does something else - where the original loses messages, goes deaf,
 * or puts on the wire what its other end cannot read - the table says what and
 * why; a reason for a difference that does not show is a failure. Each entry of
 * the file is a test.
 *
 *      test_serpy_vectors serpy.json
 */
#include <math.h>
#include <openssl/sha.h>
#include <stdio.h>
#include "proto/pickle/pickle.h"
#include "proto/serpy/base85.h"
#include "serpy_replay.h"

enum what { SENT, ACKED, PICKLE, HEARD, VALUES, ANSWERS, FATE, SKIPPING_VALUES, SKIPPING_FATE, TALK };

static const char *const words[] = {"sent", "acknowledged", "pickle", "heard", "values", "answers", "fate",
	"values when skipping", "fate when skipping", "session"};

static const struct difference differences[] = {
#include "serpy_differences.inc"
};

/* What the original's other end makes of what its sender should not have sent (section 1.3). */
static const struct {
	const char *name, *heard;
} odd[] = {
	{"s1-mode0-with-US", "bytes 61, bytes 62"},
	{"s1-mode0-with-SOH-first", "text 616263"},
	{"s1-mode1-with-US", "bytes 6162"},
	{"s1-mode1-with-EOT", "deaf"},
	{"s1-mode0-utf16", "bytes fffe68006900"},
	{"s1-mode1-utf16", "text e59185e4bd8de49584efbbbf31"},
	{"s1-force0-bytes", "bytes 5650617a"},
	{"s1-force4-bytes", "{'a': 1}"},
};

static struct book book = {.words = words,
	.differences = differences,
	.n_differences = sizeof differences / sizeof *differences};

static struct serpy_config config_of(const json_t *e, bool server)
{
	return (struct serpy_config){
		.dialect = strcmp(str_of(e, "lib"), "serpy") == 0 ? SERPY1 : SERPY2,
		.server = server,
		.encoding = str_of(e, "encoding"),
	};
}

static void add_part(struct text *t, const char *from, const char *hex)
{
	struct buf b = unhex(hex);
	char *text = shown("", b.p, b.n);

	text_add(t, "%s%s: %s", t->n ? " / " : "", from, text);
	free(text);
	free(b.p);
}

/* --- what the library sent ------------------------------------------------------------ */

/* The wire as captured: "library: .. / raw peer: .."; of serpy2 only what the library sent. */
static char *captured_wire(const json_t *e)
{
	const json_t *parts = json_object_get(e, "transcript"), *part;
	struct text t = {0};
	size_t i;

	if (str_of(e, "error"))
		return strndup(str_of(e, "error"), strcspn(str_of(e, "error"), ":"));
	if (str_of(e, "wire_sha256"))
		return text_of("library: sha256", str_of(e, "wire_sha256"));
	if (str_of(e, "wire_hex"))
		add_part(&t, "library", str_of(e, "wire_hex"));
	json_array_foreach(parts, i, part)
	{
		add_part(&t, str_of(part, "from"), str_of(part, "hex"));
	}
	return t.p ? t.p : strdup("nothing");
}

/* Send a value as the library did, to a peer that answers what it answered then. */
static char *our_wire(const json_t *e, const struct serpy_value *v, const char **acked)
{
	struct serpy_config cfg = config_of(e, false);
	struct serpy_how how = {.mode = (int)json_integer_value(json_object_get(e, "mode_argument")),
		.force = json_is_true(json_object_get(e, "force_mode"))};
	const json_t *parts = json_object_get(e, "transcript"), *part;
	struct text wire = {0}, piece = {0};
	struct serpy_event ev;
	const char *why = NULL;
	struct step st;
	uint32_t conn;
	size_t i;

	*acked = "not";
	if (step_init(&st, &cfg) || (conn = step_open(&st)) == LAN_NO_CONN)
		abort();
	enum lan_err err = serpy_send(st.s, st.now, 0, v, &how, NULL, &why);
	take_all(&st, conn, &piece);
	json_array_foreach(parts, i, part)
	{
		if (strcmp(str_of(part, "from"), "raw peer") != 0)
			continue;
		struct buf b = unhex(str_of(part, "hex"));
		if (piece.n)
			add_part(&wire, "library", piece.p);
		add_part(&wire, "raw peer", str_of(part, "hex"));
		piece.n = 0;
		step_feed(&st, conn, b.p, b.n);
		while (step_pull(&st, &ev))
			*acked = ev.kind == SERPY_ACKED ? "yes" : *acked;
		take_all(&st, conn, &piece);
		free(b.p);
	}
	if (piece.n)
		add_part(&wire, "library", piece.p);
	free(piece.p);
	serpy_free(st.s);
	if (!err)
		return wire.p ? wire.p : strdup("nothing");
	free(wire.p);
	return strdup(why ? lan_err_name(err) : "an error without its why");
}

/* The pickle in what the library sent: what follows its SETMODE. */
static struct buf captured_pickle(const json_t *e)
{
	const json_t *part = json_array_get(json_object_get(e, "transcript"), 2);
	struct buf b = unhex(str_of(part, "hex"));

	while (b.n && (b.p[b.n - 1] == 0x1f || b.p[b.n - 1] == 0x04))
		b.n--;
	if (base85_decode(b.p, b.n, b.p))
		abort();
	b.n = base85_decoded(b.n);
	return b;
}

/* Objects: ours are of protocol 4, theirs of protocol 5; plain values are the same but for that byte. What is
 * on the wire is then compared with their pickle, which is sent as it is. */
static void check_pickle(
	const json_t *e, const char *name, bool have, struct serpy_value *v, uint8_t **memory)
{
	struct buf theirs = captured_pickle(e);
	char *captured = shown("", theirs.p, theirs.n);

	if (!have) {
		book_compare(&book, name, PICKLE, captured, strdup("nothing to send"));
	} else {
		bool protocols = (*memory)[0] == 0x80 && (*memory)[1] == 4 && theirs.p[1] == 5;
		(*memory)[1] = 5;
		book_compare(&book, name, PICKLE, captured,
			protocols ? shown("", *memory, v->len) : strdup("other protocols"));
	}
	free(*memory);
	free(captured);
	*memory = theirs.p;
	*v = (struct serpy_value){.type = SERPY_OBJECT, .data = theirs.p, .len = theirs.n};
}

/* The image of the instrument example: cos(x) * sin(y), 512 x 512, 0 to p pi both ways. */
static struct buf image(const json_t *e)
{
	struct buf b = {malloc(1 << 20), 1 << 20};
	double end = strtod(strrchr(str_of(e, "name"), 'p') + 1, NULL) * M_PI;

	for (int i = 0; i < 512 * 512; i++) {
		double x = i % 512 == 511 ? end : i % 512 * (end / 511),
		       y = i / 512 == 511 ? end : i / 512 * (end / 511);
		float f = (float)(cos(x) * sin(y));
		memcpy(b.p + 4 * (size_t)i, &f, 4);
	}
	return b;
}

static char *expected_heard(const json_t *e)
{
	const json_t *input = json_object_get(e, "input");
	const char *type = str_of(input, "type"), *repr = str_of(input, "repr");
	bool number = strcmp(type, "int") == 0 || strcmp(type, "float") == 0;
	struct text t = {0};

	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		if (strcmp(odd[i].name, str_of(e, "name")) == 0)
			return strdup(odd[i].heard);
	if (strcmp(str_of(e, "lib"), "serpy2") == 0 || (!number && strcmp(type, "str") != 0)) {
		char *text = described(input);
		bool none = strcmp(text, "bytes ") == 0 && json_is_null(json_object_get(e, "return")) &&
			    strcmp(str_of(e, "lib"), "serpy") == 0;
		return none ? free(text), strdup("") : text;
	}
	if (number) {
		text_add(&t, "bytes ");
		text_hex(&t, (const uint8_t *)repr, strlen(repr));
		return t.p;
	}
	struct buf b = unhex(str_of(input, "utf8_hex"));
	char *text =
		b.n || !json_is_null(json_object_get(e, "return")) ? shown("bytes ", b.p, b.n) : strdup("");
	free(b.p);
	return text;
}

/* What ours hears of the library's bytes. */
static void check_heard(const json_t *e, const char *name, const struct buf *image)
{
	struct serpy_config cfg = config_of(e, true);
	const json_t *parts = json_object_get(e, "transcript"), *part;
	struct buf segment[4];
	size_t n = 0, i;

	if (str_of(e, "wire_hex") && !image)
		segment[n++] = unhex(str_of(e, "wire_hex"));
	json_array_foreach(parts, i, part)
	{
		if (strcmp(str_of(part, "from"), "library") == 0)
			segment[n++] = unhex(str_of(part, "hex"));
	}
	if (image) {
		struct buf head = unhex(str_of(e, "wire_hex"));
		segment[n++] = (struct buf){realloc(head.p, head.n + image->n), head.n + image->n};
		memcpy(segment[0].p + head.n, image->p, image->n);
	}
	if (!n)
		return;
	struct talk t = replay(&cfg, segment, n, false, CUT_AS_CAPTURED, false);
	char *expected = image ? text_of("bytes sha256", str_of(json_object_get(e, "input"), "sha256"))
			       : expected_heard(e);
	book_compare(&book, name, HEARD, expected,
		strcmp(t.fate, "works") == 0 ? strdup(t.values) : strdup(t.fate));
	free(expected);
	talk_fini(&t);
	while (n)
		free(segment[--n].p);
}

static void check_from_library(const json_t *e, const char *name)
{
	const json_t *input = json_object_get(e, "input");
	int mode = (int)json_integer_value(json_object_get(e, "mode_argument"));
	enum serpy_dialect d = config_of(e, false).dialect;
	struct serpy_value v;
	uint8_t *memory;
	bool an_image = str_of(e, "wire_sha256"), have = !an_image && value_of(input, d, mode, &v, &memory);
	struct buf picture = {0};
	const char *acked = "not";

	if (an_image) {
		picture = image(e);
		v = (struct serpy_value){.type = SERPY_BYTES, .data = picture.p, .len = picture.n};
		memory = picture.p;
		have = true;
	} else if (d == SERPY1 && v.type == SERPY_OBJECT) {
		check_pickle(e, name, have, &v, &memory);
		have = true;
	}
	char *captured = captured_wire(e);
	book_compare(&book, name, SENT, captured, have ? our_wire(e, &v, &acked) : strdup("no such value"));
	if (d == SERPY1)
		book_compare(&book, name, ACKED, json_is_true(json_object_get(e, "return")) ? "yes" : "not",
			strdup(acked));
	check_heard(e, name, an_image ? &picture : NULL);
	free(captured);
	free(memory);
}

/* --- what was sent into the library -------------------------------------------------------- */

static char *captured_values(const json_t *e)
{
	const json_t *v;
	struct text t = {0};
	size_t i;

	text_add(&t, "%s", "");
	json_array_foreach(json_object_get(e, "getData"), i, v)
	{
		char *one = described(v);
		text_add(&t, "%s%s", i ? ", " : "", one);
		free(one);
	}
	return t.p;
}

static char *captured_fate(const json_t *e)
{
	const char *printed = str_of(e, "printed");
	struct text t = {0};

	if (!json_is_true(json_object_get(e, "isConnected")))
		text_add(&t, "closed");
	else
		text_add(&t, json_is_true(json_object_get(e, "still_works_after")) ? "works" : "deaf");
	if (printed && strstr(printed, "Wrong checksum"))
		text_add(&t, " dropped");
	if (printed && strstr(printed, "Resetting"))
		text_add(&t, " skipped");
	return t.p;
}

/* Answers that were not on their way yet when a connection was ended are gone with it. */
static bool same(const struct talk *a, const struct talk *b)
{
	bool ended = strncmp(a->fate, "ended", 5) == 0;

	return strcmp(a->values, b->values) == 0 && strcmp(a->fate, b->fate) == 0 &&
	       a->in_mode == b->in_mode &&
	       strncmp(a->answers, b->answers, ended ? strlen(b->answers) : SIZE_MAX) == 0;
}

/* One talk, cut in every way: all have to be the same. */
static struct talk talk_with(const json_t *e, const char *name, bool resync)
{
	static const char *const cuts[] = {"as captured", "not cut", "byte by byte", "pulled late"};
	struct serpy_config cfg = config_of(e, true);
	const json_t *parts = json_object_get(e, "segments_hex"), *part;
	bool raw = json_is_false(json_object_get(e, "allow_unpickle"));
	bool fin = !json_is_true(json_object_get(e, "isConnected"));
	struct buf segment[8];
	size_t n = 0, i;
	struct talk first;

	cfg.resync = resync;
	json_array_foreach(parts, i, part)
	{
		segment[n++] = unhex(json_string_value(part));
	}
	first = replay(&cfg, segment, n, fin, CUT_AS_CAPTURED, raw);
	for (enum cut cut = CUT_NOWHERE; cut < CUTS; cut++) {
		struct talk t = replay(&cfg, segment, n, fin, cut, raw);
		if (!same(&first, &t)) {
			printf("# %s %s: [%s] [%s] [%s] mode %d, but as captured [%s] [%s] [%s] mode %d\n",
				name, cuts[cut], t.values, t.answers, t.fate, t.in_mode, first.values,
				first.answers, first.fate, first.in_mode);
			book.entry_ok = false;
		}
		talk_fini(&t);
	}
	while (n)
		free(segment[--n].p);
	return first;
}

static void check_to_library(const json_t *e, const char *name)
{
	char *values = captured_values(e), *fate = captured_fate(e);
	struct talk t = talk_with(e, name, false);
	const json_t *mode = json_object_get(e, "in_mode_after");

	book_compare(&book, name, VALUES, values, strdup(t.values));
	book_compare(&book, name, ANSWERS, str_of(e, "library_sent_hex"), strdup(t.answers));
	book_compare(&book, name, FATE, fate, strdup(t.fate));
	if (mode && strncmp(t.fate, "works", 5) == 0 && json_integer_value(mode) != t.in_mode) {
		printf("# mode %d, not %d\n", t.in_mode, (int)json_integer_value(mode));
		book.entry_ok = false;
	}
	talk_fini(&t);
	if (strcmp(str_of(e, "lib"), "serpy2") == 0) {
		t = talk_with(e, name, true);
		book_compare(&book, name, SKIPPING_VALUES, values, strdup(t.values));
		book_compare(&book, name, SKIPPING_FATE, fate, strdup(t.fate));
		talk_fini(&t);
	}
	free(values);
	free(fate);
}

/* --- whole sessions -------------------------------------------------------------------- */

struct session {
	struct step end[2]; /* client, server */
	uint32_t conn[2];
	struct text wire, values;
	int last; /* whose bytes came last */
};

static const char *const ends[] = {"client", "server"};

static void add_wire(struct session *s, int from, const uint8_t *p, size_t n)
{
	if (from != s->last)
		text_add(&s->wire, "%s%s: ", s->wire.n ? " / " : "", ends[from]);
	s->last = from;
	text_hex(&s->wire, p, n);
}

/* Carry bytes and pull until both ends are quiet. */
static void settle(struct session *s)
{
	uint8_t piece[4096];
	struct serpy_event ev;
	bool more = true;

	while (more) {
		more = false;
		for (int from = 0; from < 2; from++) {
			size_t n;
			while ((n = step_take(&s->end[from], s->conn[from], piece, sizeof piece))) {
				add_wire(s, from, piece, n);
				step_feed(&s->end[!from], s->conn[!from], piece, n);
				more = true;
			}
			while (step_pull(&s->end[!from], &ev)) {
				more = true;
				if (ev.kind != SERPY_MESSAGE)
					continue;
				char *v = delivered(&ev, false);
				text_add(&s->values, "%s, ", v);
				free(v);
			}
		}
	}
}

static void play_step(struct session *s, const json_t *e, const json_t *step, struct text *expected)
{
	int from = strcmp(str_of(step, "sender"), "server") == 0;
	struct serpy_how how = {.mode = (int)json_integer_value(json_object_get(step, "mode"))};
	char *value = described(json_object_get(step, "other_side_getData"));
	struct serpy_value v;
	uint8_t *memory;
	const char *why;

	if (!value_of(json_object_get(step, "input"), config_of(e, false).dialect, how.mode, &v, &memory))
		abort();
	if (v.type == SERPY_OBJECT)
		memory[1] = 5; /* as in check_pickle */
	if (serpy_send(s->end[from].s, s->end[from].now, from, &v, &how, NULL, &why))
		book.entry_ok = false;
	settle(s);
	text_add(expected, "%s, ", value);
	free(value);
	free(memory);
}

static void check_session(const json_t *e, const char *name)
{
	const json_t *parts = json_object_get(e, "transcript"), *steps = json_object_get(e, "steps"), *o;
	struct session s = {.last = -1};
	struct text wire = {0}, expected = {0};
	int last = -1;
	size_t i;

	for (int end = 0; end < 2; end++) {
		struct serpy_config cfg = config_of(e, end);
		if (step_init(&s.end[end], &cfg) || (s.conn[end] = step_open(&s.end[end])) == LAN_NO_CONN)
			abort();
	}
	json_array_foreach(steps, i, o)
	{
		play_step(&s, e, o, &expected);
	}
	json_array_foreach(parts, i, o)
	{
		int from = strcmp(str_of(o, "from"), "server") == 0;
		if (strcmp(str_of(o, "hex"), "FIN") == 0)
			continue;
		if (from != last)
			text_add(&wire, "%s%s: ", wire.n ? " / " : "", ends[from]);
		last = from;
		text_add(&wire, "%s", str_of(o, "hex"));
	}
	book_compare(&book, name, TALK, wire.p, s.wire.p);
	book_compare(&book, name, VALUES, expected.p, s.values.p);
	free(wire.p);
	free(expected.p);
	serpy_free(s.end[0].s);
	serpy_free(s.end[1].s);
}

int main(int argc, char **argv)
{
	json_error_t err;
	json_t *file = argc == 2 ? json_load_file(argv[1], JSON_ALLOW_NUL, &err) : NULL, *e;
	size_t k;

	if (!file) {
		fprintf(stderr, "test_serpy_vectors: %s\n",
			argc == 2 ? err.text : "usage: test_serpy_vectors FILE");
		return 2;
	}
	json_array_foreach(json_object_get(file, "vectors"), k, e)
	{
		const char *name = str_of(e, "name"), *direction = str_of(e, "direction");
		book_begin(&book);
		if (strcmp(direction, "from_library") == 0)
			check_from_library(e, name);
		else if (strcmp(direction, "to_library") == 0)
			check_to_library(e, name);
		else
			check_session(e, name);
		book_end(&book, name);
	}
	json_decref(file);
	return book_close(&book);
}
