/*
 * dump.c - the opcodes of any pickle as text, one a line, for people: what is
 * beyond the safe subset is shown and never carried out. Text of the pickle is
 * escaped to printable ASCII and shortened, so that nothing of a stranger's
 * reaches a terminal as it is.
 */
#include <string.h>
#include "proto/pickle/op.h"

#define SHOWN_MAX 64 /* bytes of an argument */

struct text {
	char *out;
	size_t n, cap;
};

static void put(struct text *t, const char *s, size_t n)
{
	size_t room = t->cap ? t->cap - 1 - t->n : 0;

	n = n < room ? n : room;
	if (n)
		memcpy(t->out + t->n, s, n);
	t->n += n;
}

static void puts_(struct text *t, const char *s)
{
	put(t, s, strlen(s));
}

static void put_number(struct text *t, uint64_t v)
{
	char digits[20];
	size_t i = sizeof digits;

	do
		digits[--i] = (char)('0' + v % 10);
	while ((v /= 10));
	put(t, digits + i, sizeof digits - i);
}

static void put_signed(struct text *t, int64_t v)
{
	if (v < 0)
		put(t, "-", 1);
	put_number(t, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

static void put_hex(struct text *t, uint8_t c)
{
	static const char digit[] = "0123456789abcdef";

	put(t, &digit[c >> 4], 1);
	put(t, &digit[c & 15], 1);
}

static void put_quoted(struct text *t, const uint8_t *p, size_t n)
{
	put(t, " '", 2);
	for (size_t i = 0; i < n && i < SHOWN_MAX; i++) {
		if (p[i] == '\\' || p[i] == '\'')
			put(t, "\\", 1);
		if (p[i] >= 0x20 && p[i] < 0x7f) {
			put(t, (const char *)&p[i], 1);
			continue;
		}
		put(t, "\\x", 2);
		put_hex(t, p[i]);
	}
	put(t, "'", 1);
	if (n > SHOWN_MAX) {
		puts_(t, " and ");
		put_number(t, n - SHOWN_MAX);
		puts_(t, " bytes more");
	}
}

/* The last two texts that were read, as long as nothing but memo marks came after: what STACK_GLOBAL names.
 */
struct names {
	struct pickle_op first, second;
	unsigned n;
};

static bool is_text(const struct pickle_op *op)
{
	return op->code == PICKLE_OP_SHORT_BINUNICODE || op->code == PICKLE_OP_BINUNICODE ||
	       op->code == PICKLE_OP_BINUNICODE8;
}

static void remember(struct names *k, const struct pickle_op *op)
{
	if (is_text(op)) {
		k->first = k->second;
		k->second = *op;
		k->n += k->n < 2;
	} else if (op->code != PICKLE_OP_MEMOIZE && op->code != PICKLE_OP_BINPUT &&
		   op->code != PICKLE_OP_LONG_BINPUT)
		k->n = 0;
}

static void put_argument(struct text *t, const struct pickle_op *op, const struct names *names)
{
	switch (op->arg) {
	case PICKLE_ARG_NONE:
		if (op->code == PICKLE_OP_STACK_GLOBAL && names->n == 2) {
			put_quoted(t, names->first.p, names->first.n);
			put_quoted(t, names->second.p, names->second.n);
		}
		return;
	case PICKLE_ARG_U1:
	case PICKLE_ARG_U2:
	case PICKLE_ARG_U4:
	case PICKLE_ARG_U8:
		put(t, " ", 1);
		put_number(t, op->u);
		return;
	case PICKLE_ARG_I4:
		put(t, " ", 1);
		put_signed(t, (int64_t)op->u);
		return;
	case PICKLE_ARG_F8:
		puts_(t, " 0x");
		for (size_t i = 0; i < op->n; i++)
			put_hex(t, op->p[i]);
		return;
	case PICKLE_ARG_BYTES1:
	case PICKLE_ARG_BYTES4:
	case PICKLE_ARG_BYTES8:
	case PICKLE_ARG_LINE:
	case PICKLE_ARG_LINES:
		put_quoted(t, op->p, op->n);
		if (op->arg == PICKLE_ARG_LINES)
			put_quoted(t, op->p2, op->n2);
	}
}

static void put_line(struct text *t, size_t at, const char *what)
{
	if (t->n)
		put(t, "\n", 1);
	puts_(t, "at ");
	put_number(t, at);
	puts_(t, ": ");
	puts_(t, what);
}

size_t pickle_dump(const uint8_t *in, size_t n, char *out, size_t cap)
{
	struct text t = {.out = out, .cap = cap};
	struct lan_rd r = lan_rd_of(in, n);
	struct names names = {.n = 0};
	struct pickle_op op = {.name = ""};

	while (op.code != PICKLE_OP_STOP && pickle_op_next(&r, &op)) {
		put_line(&t, op.at, op.name);
		put_argument(&t, &op, &names);
		remember(&names, &op);
		if (t.n + 1 >= cap)
			break;
	}
	if (!op.name || r.bad || op.code != PICKLE_OP_STOP)
		put_line(&t, op.at, op.name || op.at == n ? "the end, too early" : "no opcode");
	if (cap)
		out[t.n] = 0;
	return t.n;
}
