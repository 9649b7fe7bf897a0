/*
 * Unit tests of the pickle reader and writer: thousands of seeded random values
 * with Python's own pickle as the judge, both ways and at all protocols, and
 * hand-made pickles of a stranger, none of which may do more than be shown.
 *
 *      unit-pickle PYTHON pickle_oracle.py
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "oracle.h"
#include "proto/pickle/pickle.h"

#define VALUES 2000

static const char *python, *oracle;

/* --- values as the oracle writes them ------------------------------------------------ */

static void print_hex(FILE *f, const void *p, size_t n)
{
	for (const uint8_t *b = p; n--; b++) {
		putc("0123456789abcdef"[*b >> 4], f);
		putc("0123456789abcdef"[*b & 15], f);
	}
}

static void print_int(FILE *f, int64_t i)
{
	uint8_t b[8];
	size_t n = 8;

	for (size_t k = 0; k < 8; k++)
		b[k] = (uint8_t)((uint64_t)i >> 8 * k);
	while (n > 1 && b[n - 1] == (i < 0 ? 0xff : 0) && (b[n - 2] >= 0x80) == (i < 0))
		n--;
	print_hex(f, b, n);
}

static void print_float(FILE *f, double d)
{
	uint64_t bits;

	memcpy(&bits, &d, sizeof bits);
	if (d != d)
		fprintf(f, "nan");
	else
		fprintf(f, "%016llx", (unsigned long long)bits);
}

static const struct pickle_token *print_value(FILE *f, const struct pickle_token *t)
{
	const struct pickle_token *next = t + 1;
	size_t items = t->kind == PICKLE_DICT ? 2 * t->n : t->n;

	fputc(t->kind == PICKLE_BOOL ? t->b ? 'T' : 'F' : " N.iifsb([{"[t->kind], f);
	switch (t->kind) {
	case PICKLE_NONE:
	case PICKLE_BOOL:
		break;
	case PICKLE_INT:
		print_int(f, t->i);
		break;
	case PICKLE_FLOAT:
		print_float(f, t->f);
		break;
	case PICKLE_BIGINT:
	case PICKLE_TEXT:
	case PICKLE_BYTES:
		print_hex(f, t->bytes, t->n);
		break;
	default:
		while (items--) {
			fputc(' ', f);
			next = print_value(f, next);
		}
		fprintf(f, " %c", ")]}"[t->kind - PICKLE_TUPLE]);
	}
	return next;
}

static char *value_of(const struct pickle_tree *t)
{
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_ptr_equal(print_value(f, t->token), t->token + t->n);
	fclose(f);
	return text;
}

/* --- against Python ---------------------------------------------------------------------- */

struct against {
	FILE *ours; /* what we wrote, for Python to read */
	int read, same_bytes, protocol4;
};

static void one_line(void *ctx, char *line)
{
	struct against *a = ctx;
	char *protocol = oracle_field(&line), *hex = oracle_field(&line), *value = line;
	struct pickle_tree t;
	const char *why = "";
	uint8_t *in, *out;
	size_t n = oracle_unhex(hex, &in);
	enum lan_err e = pickle_decode(in, n, &t, &why);

	if (e)
		fail_msg("%s: %s: protocol %s %.200s", lan_err_name(e), why, protocol, hex);
	char *got = value_of(&t);
	assert_string_equal(got, value);
	a->read++;
	size_t need = pickle_encode(t.token, t.n, NULL, 0);
	assert_true(need > 3);
	out = malloc(need);
	memset(out, 0x5a, need);
	assert_int_equal(pickle_encode(t.token, t.n, out, need - 1), need);
	assert_int_equal(out[0], 0x5a); /* too little room: nothing is written */
	assert_int_equal(pickle_encode(t.token, t.n, out, need), need);
	print_hex(a->ours, out, need);
	fprintf(a->ours, "\t%s\n", value);
	if (*protocol == '4') {
		a->protocol4++;
		a->same_bytes += need == n && memcmp(in, out, n) == 0;
	}
	free(out);
	free(got);
	pickle_tree_fini(&t);
	free(in);
}

static void keep_line(void *last, char *line)
{
	snprintf(last, 200, "%s", line);
}

static void python_and_we_read_and_write_the_same_values(void **state)
{
	char command[4096], path[] = "/tmp/lanyard-pickle-XXXXXX", last[200] = "", want[200];
	struct against a = {.ours = fdopen(mkstemp(path), "w")};

	snprintf(command, sizeof command, "%s %s make 7 %d", python, oracle, VALUES);
	oracle_ask(command, one_line, &a);
	fclose(a.ours);
	assert_int_equal(a.read, 6 * (VALUES + 15));

	snprintf(command, sizeof command, "%s %s check %s", python, oracle, path);
	oracle_ask(command, keep_line, last);
	unlink(path);
	snprintf(want, sizeof want, "checked %d wrong 0", a.read);
	assert_string_equal(last, want);
	print_message("# %d read and written; of %d of protocol 4, %d came out to the byte\n", a.read,
		a.protocol4, a.same_bytes);
	/* the others share values: Python writes a reference, we write them again */
	assert_true(a.same_bytes > a.protocol4 / 2);
}

/* --- a stranger's -------------------------------------------------------------------------- */

static enum lan_err decode(const char *bytes, size_t n, const char **why)
{
	struct pickle_tree t;
	enum lan_err e = pickle_decode((const uint8_t *)bytes, n, &t, why);

	if (!e)
		pickle_tree_fini(&t);
	return e;
}

#define DECODE(bytes) decode(bytes, sizeof bytes - 1, &(const char *){NULL})

static void what_names_or_calls_anything_is_refused_and_only_shown(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *shown;
	} samples[] = {
#define S(bytes, shown) {bytes, sizeof bytes - 1, shown}
		S("cos\nsystem\n(S'echo hi'\ntR.", "at 0: GLOBAL 'os' 'system'\nat 11: MARK\nat 12: STRING "
						   "'\\'echo hi\\''\nat 23: TUPLE\n"
						   "at 24: REDUCE\nat 25: STOP"),
		S("\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.",
			"at 0: PROTO 4\nat 2: SHORT_BINUNICODE 'posix'\nat 9: MEMOIZE\n"
			"at 10: SHORT_BINUNICODE 'system'\nat 18: MEMOIZE\nat 19: STACK_GLOBAL 'posix' "
			"'system'\n"
			"at 20: MEMOIZE\nat 21: SHORT_BINUNICODE 'id'\nat 25: MEMOIZE\nat 26: TUPLE1\n"
			"at 27: MEMOIZE\nat 28: REDUCE\nat 29: MEMOIZE\nat 30: STOP"),
		S("c__builtin__\neval\n(V6*7\ntR.", NULL),
		S("(ios\nsystem\n.", "at 0: MARK\nat 1: INST 'os' 'system'\nat 12: STOP"),
		S("(cos\nsystem\nVid\no.", NULL), S("Pthe id\n.", "at 0: PERSID 'the id'\nat 8: STOP"),
		S("NQ.", "at 0: NONE\nat 1: BINPERSID\nat 2: STOP"),
		S("\x82\x01.", "at 0: EXT1 1\nat 2: STOP"), S("\x83\x01\x02.", "at 0: EXT2 513\nat 3: STOP"),
		S("\x84\x01\x00\x00\x00.", NULL), S("cx\ny\n)\x81.", NULL), S("cx\ny\n)}\x92.", NULL),
		S("}}b.", NULL), S("\x8f.", NULL), S("\x97.", NULL), S("(N\x91.", NULL),
		S("\x80\x06N.", NULL), S("c_codecs\nencode\n.", NULL),
		S("c_codecs\nencode\n(Va\nVutf-8\ntR.", NULL),
		S("c_codecs\nencode\n(V\\u0100\nVlatin1\ntR.", NULL),
		S("cx\nencode\n(Va\nVlatin1\ntR.", NULL), S("cx\nbytes\n)R.", NULL),
		S("c_codecs\nencode\n)R.", NULL), S("c__builtin__\nbytes\n(I5\ntR.", NULL),
		S("cbuiltins\nbytearray\n(I1000000000\ntR.", NULL), S("X\x03\x00\x00\x00\xed\xa0\x80.", NULL),
		S("V\\ud800\n.", NULL), S("S'\\x00'\n.", NULL),
		S("]\x94h\x00"
		  "a.",
			NULL), /* a list in itself */
#undef S
	};
	char text[1000];
	const char *why;

	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		why = NULL;
		assert_int_equal(decode(samples[i].bytes, samples[i].n, &why), LAN_ERR_NOTSUP);
		assert_non_null(why);
		size_t n = pickle_dump((const uint8_t *)samples[i].bytes, samples[i].n, text, sizeof text);
		assert_int_equal(n, strlen(text));
		assert_string_equal(text + n - 4, "STOP");
		if (samples[i].shown)
			assert_string_equal(text, samples[i].shown);
	}
}

static void what_is_no_pickle_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} samples[] = {
#define S(bytes) {bytes, sizeof bytes - 1}
		S(""),
		S("N"),
		S("."),
		S("NN."),
		S("(."),
		S("(N."),
		S("hello"),
		S("\xff."),
		S("\x80"),
		S("\x80\x04"),
		S("K"),
		S("J\x01\x02\x03"),
		S("G1234567"),
		S("X\x05\x00\x00\x00"
		  "abc."),
		S("\x8c\x05"
		  "abc."),
		S("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
		  "abc."),
		S("B\xff\xff\xff\xff."),
		S("\x8b\xff\xff\xff\xff."),
		S("\x95\x05\x00\x00\x00\x00\x00\x00\x00N."),
		S("I12x\n."),
		S("I\n."),
		S("I--1\n."),
		S("I12"),
		S("L12LL\n."),
		S("F\n."),
		S("F1.2.3\n."),
		S("Fe5\n."),
		S("F1e\n."),
		S("F1e+-5\n."),
		S("Fnano\n."),
		S("F0x1p3\n."),
		S("S'a\n."),
		S("Sa'\n."),
		S("S\n."),
		S("a."),
		S("]a."),
		S("NNa."),
		S("e."),
		S("](Ne"),
		S("N(Ne."),
		S("}N"),
		S("}Ns."),
		S("}(Nu."),
		S("}(NNNu."),
		S("(Nd."),
		S("t."),
		S("l."),
		S("\x85."),
		S("N\x86."),
		S("NN\x87."),
		S("0."),
		S("1."),
		S("2."),
		S("h\x00."),
		S("g0\n."),
		S("gx\n."),
		S("g-1\n."),
		S("Np-1\n."),
		S("p0\n."),
		S("\x94."),
		S("Nq\x05h\x04."),
		S("j\x00\x00\x00\x00."),
		S("NR."),
		S("N)R."),
		S("\x93."),
		S("NN\x93."),
		S("}]Ns."),
		S("}}Ns."),
		S("}]\x85Ns."),
		S("}\x96\x00\x00\x00\x00\x00\x00\x00\x00Ns."),
		S("(N(2."),
		S("(2."),
#undef S
	};
	char text[1000];
	const char *why;

	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		why = NULL;
		enum lan_err e = decode(samples[i].bytes, samples[i].n, &why);
		if (e != LAN_ERR_PROTO)
			fail_msg("%zu: %s: %s", i, samples[i].bytes, lan_err_name(e));
		assert_non_null(why);
		assert_true(
			pickle_dump((const uint8_t *)samples[i].bytes, samples[i].n, text, sizeof text) > 0);
	}
}

/* n bytes, each made by `c`, then a tail. */
static enum lan_err decode_run(
	const char *head, const char *each, size_t times, const char *tail, const char **why)
{
	size_t h = strlen(head), k = strlen(each), n = h + k * times + strlen(tail);
	char *p = malloc(n + 1);

	memcpy(p, head, h);
	for (size_t i = 0; i < times; i++)
		memcpy(p + h + i * k, each, k);
	strcpy(p + h + k * times, tail);
	enum lan_err e = decode(p, n, why);
	free(p);
	return e;
}

static void depth_number_and_memory_are_bounded(void **state)
{
	char laugh[1000], *p = laugh;
	const char *why = NULL;

	assert_int_equal(decode_run("", "(", PICKLE_DEPTH_MAX - 1,
				 ")ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt.", &why),
		LAN_OK);
	assert_int_equal(decode_run("", "(", PICKLE_DEPTH_MAX,
				 ")tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt.", &why),
		LAN_ERR_TOOBIG);
	assert_int_equal(decode_run(")", "\x85", 60000, ".", &why), LAN_ERR_TOOBIG);
	assert_int_equal(decode_run("(", "N", PICKLE_TOKENS_MAX - 1, "t.", &why), LAN_OK);
	assert_int_equal(decode_run("(", "N", PICKLE_TOKENS_MAX, "t.", &why), LAN_ERR_TOOBIG);
	assert_int_equal(decode_run("", "N0", 5 * PICKLE_TOKENS_MAX, "N.", &why), LAN_ERR_TOOBIG);
	assert_int_equal(decode_run("", "(", 5 * PICKLE_TOKENS_MAX, "N.", &why), LAN_ERR_TOOBIG);
	assert_int_equal(decode_run("N", "2", 5 * PICKLE_TOKENS_MAX, ".", &why), LAN_ERR_TOOBIG);
	/* each list holds the one before twice: 2^50 values in 250 bytes */
	p += sprintf(p, "]");
	for (int i = 0; i < 50; i++)
		p += sprintf(p, "p%d\n0](g%d\ng%d\ne", i, i, i);
	strcpy(p, ".");
	assert_int_equal(decode(laugh, strlen(laugh), &why), LAN_ERR_TOOBIG);
	/* a far memo index */
	assert_int_equal(DECODE("Nr\xff\xff\xff\xff."), LAN_ERR_TOOBIG);
	assert_int_equal(DECODE("Np99999999999\n."), LAN_ERR_TOOBIG);
	/* the same text called into bytes again and again */
	char *text = malloc(10001), *tail = calloc(1, 200000), *t = tail;
	memset(text, 'x', 10000);
	text[10000] = 0;
	t += sprintf(t, "\np1\n0Vlatin1\np2\n0c_codecs\nencode\np3\n0(");
	for (int i = 0; i < 1000; i++)
		t += sprintf(t, "g3\n(g1\ng2\ntR");
	strcpy(t, "t.");
	assert_int_equal(decode_run("V", text, 1, tail, &why), LAN_ERR_TOOBIG);
	assert_string_equal(why, "more text than is allowed");
	free(text);
	free(tail);
}

static void old_spellings_mean_what_they_mean_to_python(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *value;
	} samples[] = {
#define S(bytes, value) {bytes, sizeof bytes - 1, value}
		S("I00\n.", "F"),
		S("I01\n.", "T"),
		S("I1\n.", "i01"),
		S("I-129\n.", "i7fff"),
		S("L5\n.", "i05"),
		S("L-36893488147419103232L\n.", "i0000000000000000fe"),
		S("L9223372036854775808L\n.", "i000000000000008000"),
		S("L-9223372036854775808L\n.", "i0000000000000080"),
		S("\x8a\x00.", "i00"),
		S("\x8a\x03\xff\xff\xff.", "iff"),
		S("\x8a\x02\x80\x00.", "i8000"),
		S("F-0.0\n.", "f8000000000000000"),
		S("Finf\n.", "f7ff0000000000000"),
		S("F1e3\n.", "f408f400000000000"),
		S("S'a\"b'\n.", "s612262"),
		S("S\"it's\"\n.", "s69742773"),
		S("U\x02hi.", "s6869"),
		S("T\x02\x00\x00\x00hi.", "s6869"),
		S("V\\u00e9\\U0001f600\\\\u0041\\x\n.", "sc3a9f09f98805c5c75303034315c78"),
		S("V\xe9\n.", "sc3a9"),
		S("(I1\nI2\nl.", "[ i01 i02 ]"),
		S("(Va\nI2\nd.", "{ s61 i02 }"),
		S("(Nt.", "( N )"),
		S("(NN1K\x05.", "i05"),
		S("N0(0K\x05.", "i05"),
		S("N2\x86.", "( N N )"),
		S("]q\x05(h\x05\x85"
		  "0e.",
			"[ ]"),
		S("Nq\x05\x94\x94h\x02\x86.", "( N N )"),
		S("N.and what comes after", "N"),
		S("\x80\x02N.", "N"),
		S("\x80\x03"
		  "N\x80\x00.",
			"N"),
		S("Nq\x05q\x05\x94h\x01\x86.", "( N N )"),
		S("F9007199254740993\n.", "f4340000000000000"),
		S("F9007199254740995\n.", "f4340000000000002"),
		S("c__builtin__\nbytes\n)R.", "b"),
		S("cbuiltins\nbytearray\n(C\x02hitR.", "b6869"),
		S("c__builtin__\nbytearray\n(V\xff\nVlatin-1\ntR.", "bff"),
#undef S
	};
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		struct pickle_tree t;
		const char *why = "";
		enum lan_err e = pickle_decode((const uint8_t *)samples[i].bytes, samples[i].n, &t, &why);
		if (e)
			fail_msg("%s: %s: %s", samples[i].bytes, lan_err_name(e), why);
		char *value = value_of(&t);
		assert_string_equal(value, samples[i].value);
		free(value);
		pickle_tree_fini(&t);
	}
}

static void what_is_no_tree_is_not_written(void **state)
{
	uint8_t out[100];
	static const uint8_t bad[] = {0xff};
	struct pickle_token list = {.kind = PICKLE_LIST, .n = 1}, none = {.kind = PICKLE_NONE};
	struct pickle_token two[2] = {none, none}, deep[PICKLE_DEPTH_MAX + 2];
	struct pickle_token key[3] = {{.kind = PICKLE_DICT, .n = 1}, {.kind = PICKLE_LIST}, none};

	assert_int_equal(pickle_encode(&list, 1, out, sizeof out), 0);
	assert_int_equal(pickle_encode(two, 2, out, sizeof out), 0);
	assert_int_equal(pickle_encode(NULL, 0, out, sizeof out), 0);
	assert_int_equal(pickle_encode(key, 3, out, sizeof out), 0);
	assert_int_equal(pickle_encode(&(struct pickle_token){.kind = 99}, 1, out, sizeof out), 0);
	assert_int_equal(pickle_encode(&(struct pickle_token){.kind = PICKLE_TEXT, .bytes = bad, .n = 1}, 1,
				 out, sizeof out),
		0);
	for (size_t i = 0; i < PICKLE_DEPTH_MAX + 2; i++)
		deep[i] = list;
	deep[PICKLE_DEPTH_MAX] = none;
	assert_true(pickle_encode(deep, PICKLE_DEPTH_MAX + 1, out, sizeof out) > 0);
	deep[PICKLE_DEPTH_MAX] = list;
	deep[PICKLE_DEPTH_MAX + 1] = none;
	assert_int_equal(pickle_encode(deep, PICKLE_DEPTH_MAX + 2, out, sizeof out), 0);
}

static void a_dump_is_printable_and_ends_where_the_room_does(void **state)
{
	static const uint8_t in[] =
		"X\x0c\x00\x00\x00\x1b[31m\n\xff'\\abcJ\xfe\xff\xff\xffG\x3f\xf0\0\0\0\0\0\0U\x46"
		"0123456789012345678901234567890123456789012345678901234567890123456789.";
	char whole[1000], part[1000];
	size_t n = pickle_dump(in, sizeof in - 1, whole, sizeof whole);

	assert_string_equal(whole,
		"at 0: BINUNICODE '\\x1b[31m\\x0a\\xff\\'\\\\abc'\nat 17: BININT -2\nat 22: BINFLOAT "
		"0x3ff0000000000000\n"
		"at 31: SHORT_BINSTRING '0123456789012345678901234567890123456789012345678901234567890123' "
		"and 6 bytes more\n"
		"at 103: STOP");
	for (size_t cap = 1; cap <= n + 1; cap++) {
		memset(part, 'x', sizeof part);
		size_t k = pickle_dump(in, sizeof in - 1, part, cap);
		assert_true(k < cap && part[k] == 0 && part[cap] == 'x');
		assert_memory_equal(part, whole, k);
	}
	assert_int_equal(pickle_dump(in, sizeof in - 1, NULL, 0), 0);
	pickle_dump((const uint8_t *)"N\xff", 2, whole, sizeof whole);
	assert_string_equal(whole, "at 0: NONE\nat 1: no opcode");
	pickle_dump((const uint8_t *)"NX\5", 3, whole, sizeof whole);
	assert_string_equal(whole, "at 0: NONE\nat 1: the end, too early");
	pickle_dump((const uint8_t *)"N", 1, whole, sizeof whole);
	assert_string_equal(whole, "at 0: NONE\nat 1: the end, too early");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(python_and_we_read_and_write_the_same_values),
		cmocka_unit_test(what_names_or_calls_anything_is_refused_and_only_shown),
		cmocka_unit_test(what_is_no_pickle_is_refused),
		cmocka_unit_test(depth_number_and_memory_are_bounded),
		cmocka_unit_test(old_spellings_mean_what_they_mean_to_python),
		cmocka_unit_test(what_is_no_tree_is_not_written),
		cmocka_unit_test(a_dump_is_printable_and_ends_where_the_room_does),
	};

	if (argc != 3)
		return 2;
	python = argv[1];
	oracle = argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
