/*
 * decode.c - reads a pickle without ever carrying anything out: a stack, marks
 * and a memo as Python's own reader has them, holding values of the safe subset
 * only. Opcodes that name or call things end it at once, but for the three of
 * call.c that mean bytes.
 *
 * Refused as Python refuses it: a stack or memo that has not what is asked
 * for, odd numbers of keys and values, lengths beyond the end.
 */
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "proto/pickle/machine.h"

#define DIGITS_MAX 4300 /* of a number as text, Python's own limit */

/* --- numbers and text ---------------------------------------------------------- */

static bool push_long(struct pickle_machine *m, const uint8_t *p, size_t n)
{
	n = pickle_int_len(p, n);
	if (n <= sizeof(int64_t))
		return pickle_push_int(m, PICKLE_INT, pickle_int_value(p, n));
	if (n > PICKLE_INT_MAX)
		return pickle_fail(m, LAN_ERR_NOTSUP, "a whole number of more than 4300 digits");
	return pickle_push_bytes(m, PICKLE_BIGINT, p, n);
}

static bool push_decimal(struct pickle_machine *m, const uint8_t *p, size_t n)
{
	int64_t i;

	if (pickle_number_i64(p, n, &i))
		return pickle_push_int(m, PICKLE_INT, i);
	if (n > DIGITS_MAX + 1)
		return pickle_fail(m, LAN_ERR_NOTSUP, "a whole number of more than 4300 digits");
	uint8_t *to = pickle_text_room(m, n / 2 + 2);
	if (!to)
		return false;
	size_t len = pickle_number_big(p, n, to);
	if (!len)
		return pickle_fail(m, LAN_ERR_PROTO, "a whole number that is none");
	m->n_text += len;
	return push_long(m, to, len);
}

static bool number(struct pickle_machine *m, const struct pickle_op *op)
{
	double f;

	switch (op->code) {
	case PICKLE_OP_INT:
		if (op->n == 2 && op->p[0] == '0' && (op->p[1] | 1) == '1')
			return pickle_push_int(m, PICKLE_BOOL, op->p[1] & 1);
		return push_decimal(m, op->p, op->n);
	case PICKLE_OP_LONG:
		return push_decimal(m, op->p, op->n - (op->n && op->p[op->n - 1] == 'L'));
	case PICKLE_OP_LONG1:
	case PICKLE_OP_LONG4:
		return push_long(m, op->p, op->n);
	case PICKLE_OP_FLOAT:
		if (!pickle_number_float(op->p, op->n, &f))
			return pickle_fail(m, LAN_ERR_PROTO, "a float that is none");
		break;
	case PICKLE_OP_BINFLOAT: {
		uint64_t bits = lan_get_be64(op->p);
		memcpy(&f, &bits, sizeof f);
		break;
	}
	default: /* BININT, BININT1, BININT2 */
		return pickle_push_int(m, PICKLE_INT, (int64_t)op->u);
	}
	return pickle_push(m, pickle_new(m, (struct pickle_node){.kind = PICKLE_FLOAT, .u.f = f}));
}

static bool push_text(struct pickle_machine *m, const uint8_t *p, size_t n)
{
	if (!lan_utf8_valid(p, n))
		return pickle_fail(m, LAN_ERR_NOTSUP, "text that is not UTF-8");
	return pickle_push_bytes(m, PICKLE_TEXT, p, n);
}

/* Python 2's strings: text to Python 3 only if they are ASCII. */
static bool push_string(struct pickle_machine *m, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] >= 0x80)
			return pickle_fail(m, LAN_ERR_NOTSUP, "a string of Python 2 that is not ASCII");
	return pickle_push_bytes(m, PICKLE_TEXT, p, n);
}

static bool text(struct pickle_machine *m, const struct pickle_op *op)
{
	size_t n = op->n, len;
	uint8_t *to;

	switch (op->code) {
	case PICKLE_OP_UNICODE:
		to = pickle_text_room(m, 2 * n);
		if (!to)
			return false;
		if (!pickle_text_unescape(op->p, n, to, &len))
			return pickle_fail(
				m, LAN_ERR_NOTSUP, "text with an escape that is none, or half a character");
		m->n_text += len;
		return pickle_push_bytes(m, PICKLE_TEXT, to, len);
	case PICKLE_OP_STRING:
		if (n < 2 || op->p[0] != op->p[n - 1] || (op->p[0] != '\'' && op->p[0] != '"'))
			return pickle_fail(m, LAN_ERR_PROTO, "a string without its quotes");
		if (memchr(op->p, '\\', n))
			return pickle_fail(m, LAN_ERR_NOTSUP, "a string of Python 2 with escapes");
		return push_string(m, op->p + 1, n - 2);
	case PICKLE_OP_BINSTRING:
	case PICKLE_OP_SHORT_BINSTRING:
		return push_string(m, op->p, n);
	case PICKLE_OP_BYTEARRAY8:
		if (!pickle_push_bytes(m, PICKLE_BYTES, op->p, n))
			return false;
		pickle_top(m, 0)->changeable = true;
		return true;
	case PICKLE_OP_BINBYTES:
	case PICKLE_OP_SHORT_BINBYTES:
	case PICKLE_OP_BINBYTES8:
		return pickle_push_bytes(m, PICKLE_BYTES, op->p, n);
	}
	return push_text(m, op->p, n);
}

/* --- containers ------------------------------------------------------------------ */

/* The n values on top become the last items of a container; they leave the stack. */
static bool append(struct pickle_machine *m, uint32_t to, uint32_t n)
{
	for (uint32_t i = m->n_stack - n; i < m->n_stack; i++) {
		if (!pickle_room(m, (void **)&m->cell, &m->cap_cell, m->n_cell, sizeof *m->cell))
			return false;
		struct pickle_node *c = &m->node[to];
		uint32_t cell = m->n_cell++;
		m->cell[cell] = (struct pickle_cell){.node = m->stack[i], .next = PICKLE_NOTHING};
		*(c->u.items.n++ ? &m->cell[c->u.items.last].next : &c->u.items.first) = cell;
		c->u.items.last = cell;
	}
	m->n_stack -= n;
	return true;
}

/* A new container of the n values on top. */
static bool make(struct pickle_machine *m, enum pickle_kind kind, uint32_t n)
{
	if (kind == PICKLE_DICT && n % 2)
		return pickle_fail(m, LAN_ERR_PROTO, "a key without a value");
	uint32_t node = pickle_new(m, (struct pickle_node){.kind = (uint8_t)kind,
					      .changeable = kind != PICKLE_TUPLE,
					      .u.items = {PICKLE_NOTHING, PICKLE_NOTHING, 0}});
	return node != PICKLE_NOTHING && append(m, node, n) && pickle_push(m, node);
}

static bool make_marked(struct pickle_machine *m, enum pickle_kind kind)
{
	uint32_t n;

	return pickle_unmark(m, &n) && make(m, kind, n);
}

static bool make_of(struct pickle_machine *m, enum pickle_kind kind, uint32_t n)
{
	return pickle_needs(m, n) && make(m, kind, n);
}

/* The n values on top go into the container below them. */
static bool extend(struct pickle_machine *m, enum pickle_kind kind, uint32_t n)
{
	if (!pickle_needs(m, n + 1))
		return false;
	if (pickle_top(m, n)->kind != kind)
		return pickle_fail(m, LAN_ERR_PROTO, "items for what is no such container");
	if (kind == PICKLE_DICT && n % 2)
		return pickle_fail(m, LAN_ERR_PROTO, "a key without a value");
	return append(m, m->stack[m->n_stack - 1 - n], n);
}

static bool extend_marked(struct pickle_machine *m, enum pickle_kind kind)
{
	uint32_t n;

	return pickle_unmark(m, &n) && extend(m, kind, n);
}

static bool container(struct pickle_machine *m, const struct pickle_op *op)
{
	switch (op->code) {
	case PICKLE_OP_EMPTY_TUPLE:
		return make(m, PICKLE_TUPLE, 0);
	case PICKLE_OP_TUPLE1:
		return make_of(m, PICKLE_TUPLE, 1);
	case PICKLE_OP_TUPLE2:
		return make_of(m, PICKLE_TUPLE, 2);
	case PICKLE_OP_TUPLE3:
		return make_of(m, PICKLE_TUPLE, 3);
	case PICKLE_OP_TUPLE:
		return make_marked(m, PICKLE_TUPLE);
	case PICKLE_OP_EMPTY_LIST:
		return make(m, PICKLE_LIST, 0);
	case PICKLE_OP_LIST:
		return make_marked(m, PICKLE_LIST);
	case PICKLE_OP_APPEND:
		return extend(m, PICKLE_LIST, 1);
	case PICKLE_OP_APPENDS:
		return extend_marked(m, PICKLE_LIST);
	case PICKLE_OP_EMPTY_DICT:
		return make(m, PICKLE_DICT, 0);
	case PICKLE_OP_DICT:
		return make_marked(m, PICKLE_DICT);
	case PICKLE_OP_SETITEM:
		return extend(m, PICKLE_DICT, 2);
	}
	return extend_marked(m, PICKLE_DICT); /* SETITEMS */
}

/* --- memo ------------------------------------------------------------------------ */

static bool memo_put(struct pickle_machine *m, uint64_t i)
{
	if (!pickle_needs(m, 1))
		return false;
	if (i >= PICKLE_THINGS)
		return pickle_fail(m, LAN_ERR_TOOBIG, "a memo beyond what is allowed");
	while (m->n_memo <= i) {
		if (!pickle_room(m, (void **)&m->memo, &m->cap_memo, m->n_memo, sizeof *m->memo))
			return false;
		m->memo[m->n_memo++] = 0;
	}
	m->memoized += !m->memo[i];
	m->memo[i] = m->stack[m->n_stack - 1] + 1;
	return true;
}

static bool memo_get(struct pickle_machine *m, uint64_t i)
{
	if (i >= m->n_memo || !m->memo[i])
		return pickle_fail(m, LAN_ERR_PROTO, "nothing in the memo where something is fetched");
	return pickle_push(m, m->memo[i] - 1);
}

static bool memo(struct pickle_machine *m, const struct pickle_op *op)
{
	int64_t i;

	switch (op->code) {
	case PICKLE_OP_MEMOIZE:
		return memo_put(m, m->memoized);
	case PICKLE_OP_BINPUT:
	case PICKLE_OP_LONG_BINPUT:
		return memo_put(m, op->u);
	case PICKLE_OP_BINGET:
	case PICKLE_OP_LONG_BINGET:
		return memo_get(m, op->u);
	}
	if (!pickle_number_i64(op->p, op->n, &i) || i < 0)
		return pickle_fail(m, LAN_ERR_PROTO, "the memo's number is none");
	return op->code == PICKLE_OP_PUT ? memo_put(m, (uint64_t)i) : memo_get(m, (uint64_t)i);
}

/* --- all together -------------------------------------------------------------------- */

static bool pop(struct pickle_machine *m)
{
	if (m->n_mark && m->mark[m->n_mark - 1] == m->n_stack) {
		m->n_mark--;
		return true;
	}
	if (!pickle_needs(m, 1))
		return false;
	m->n_stack--;
	return true;
}

static bool pop_mark(struct pickle_machine *m)
{
	uint32_t n;

	if (!pickle_unmark(m, &n))
		return false;
	m->n_stack -= n;
	return true;
}

static bool other(struct pickle_machine *m, const struct pickle_op *op, size_t left)
{
	switch (op->code) {
	case PICKLE_OP_PROTO:
		return op->u <= 5 || pickle_fail(m, LAN_ERR_NOTSUP, "a later protocol than 5");
	case PICKLE_OP_FRAME:
		return op->u <= left ||
		       pickle_fail(m, LAN_ERR_PROTO, "a frame that is longer than the pickle");
	case PICKLE_OP_MARK:
		return pickle_mark(m);
	case PICKLE_OP_POP:
		return pop(m);
	case PICKLE_OP_POP_MARK:
		return pop_mark(m);
	case PICKLE_OP_DUP:
		return pickle_needs(m, 1) && pickle_push(m, m->stack[m->n_stack - 1]);
	case PICKLE_OP_NONE_:
		return pickle_push_int(m, PICKLE_NONE, 0);
	case PICKLE_OP_NEWTRUE:
	case PICKLE_OP_NEWFALSE:
		return pickle_push_int(m, PICKLE_BOOL, op->code == PICKLE_OP_NEWTRUE);
	case PICKLE_OP_GLOBAL:
		return pickle_push_named(
			m, (struct pickle_view){op->p, op->n}, (struct pickle_view){op->p2, op->n2});
	case PICKLE_OP_STACK_GLOBAL:
		return pickle_stack_global(m);
	case PICKLE_OP_REDUCE:
		return pickle_reduce(m);
	}
	return pickle_fail(m, LAN_ERR_NOTSUP, "more than plain values");
}

static bool step(struct pickle_machine *m, const struct pickle_op *op, size_t left)
{
	switch (op->code) {
	case PICKLE_OP_INT:
	case PICKLE_OP_LONG:
	case PICKLE_OP_LONG1:
	case PICKLE_OP_LONG4:
	case PICKLE_OP_BININT:
	case PICKLE_OP_BININT1:
	case PICKLE_OP_BININT2:
	case PICKLE_OP_FLOAT:
	case PICKLE_OP_BINFLOAT:
		return number(m, op);
	case PICKLE_OP_STRING:
	case PICKLE_OP_BINSTRING:
	case PICKLE_OP_SHORT_BINSTRING:
	case PICKLE_OP_UNICODE:
	case PICKLE_OP_BINUNICODE:
	case PICKLE_OP_SHORT_BINUNICODE:
	case PICKLE_OP_BINUNICODE8:
	case PICKLE_OP_BINBYTES:
	case PICKLE_OP_SHORT_BINBYTES:
	case PICKLE_OP_BINBYTES8:
	case PICKLE_OP_BYTEARRAY8:
		return text(m, op);
	case PICKLE_OP_TUPLE:
	case PICKLE_OP_EMPTY_TUPLE:
	case PICKLE_OP_TUPLE1:
	case PICKLE_OP_TUPLE2:
	case PICKLE_OP_TUPLE3:
	case PICKLE_OP_LIST:
	case PICKLE_OP_EMPTY_LIST:
	case PICKLE_OP_APPEND:
	case PICKLE_OP_APPENDS:
	case PICKLE_OP_DICT:
	case PICKLE_OP_EMPTY_DICT:
	case PICKLE_OP_SETITEM:
	case PICKLE_OP_SETITEMS:
		return container(m, op);
	case PICKLE_OP_PUT:
	case PICKLE_OP_BINPUT:
	case PICKLE_OP_LONG_BINPUT:
	case PICKLE_OP_MEMOIZE:
	case PICKLE_OP_GET:
	case PICKLE_OP_BINGET:
	case PICKLE_OP_LONG_BINGET:
		return memo(m, op);
	}
	return other(m, op, left);
}

static bool run(struct pickle_machine *m, const uint8_t *in, size_t n)
{
	struct lan_rd r = lan_rd_of(in, n);
	struct pickle_op op;

	while (pickle_op_next(&r, &op)) {
		if (op.code == PICKLE_OP_STOP)
			return (m->n_stack == 1 && !m->n_mark) ||
			       pickle_fail(m, LAN_ERR_PROTO, "it ends with more or less than one value");
		if (!step(m, &op, lan_rd_left(&r)))
			return false;
	}
	return pickle_fail(
		m, LAN_ERR_PROTO, op.name || !lan_rd_left(&r) ? "it ends too early" : "no such opcode");
}

enum lan_err pickle_decode(const uint8_t *in, size_t n, struct pickle_tree *out, const char **why)
{
	struct pickle_machine m = {.max_text = n < SIZE_MAX / 8 ? PICKLE_TEXT_EACH * n + 64 : n};
	struct pickle_token *token = NULL;
	size_t tokens = 0;

	if (run(&m, in, n) && pickle_flatten(&m, m.stack[0], &token, &tokens)) {
		*out = (struct pickle_tree){.token = token, .n = tokens, .memory = m.text};
		m.text = NULL;
	} else if (why)
		*why = m.why;
	free(m.node);
	free(m.cell);
	free(m.stack);
	free(m.mark);
	free(m.memo);
	free(m.text);
	return m.err;
}

void pickle_tree_fini(struct pickle_tree *t)
{
	free(t->token);
	free(t->memory);
	*t = (struct pickle_tree){0};
}
