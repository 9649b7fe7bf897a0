/*
 * op.c - see op.h: a table of all opcodes of the protocols 0 to 5 and the eleven
 * ways an argument stands behind them. Lengths that go beyond the pickle end it.
 */
#include "proto/pickle/op.h"

static const struct {
	const char *name;
	enum pickle_arg arg;
} table[256] = {
#define X(code, name, arg) [code] = {#name, PICKLE_ARG_##arg},
	PICKLE_OPS(X)
#undef X
};

static uint64_t little(struct lan_rd *r, size_t n)
{
	const uint8_t *p = lan_rd_take(r, n);
	uint64_t v = 0;

	while (p && n--)
		v = v << 8 | p[n];
	return v;
}

static const uint8_t *bytes(struct lan_rd *r, size_t size_of_length, size_t *n)
{
	uint64_t len = little(r, size_of_length);

	if (len > lan_rd_left(r))
		r->bad = true;
	*n = (size_t)len;
	return lan_rd_take(r, r->bad ? 0 : (size_t)len);
}

static const uint8_t *line(struct lan_rd *r, size_t *n)
{
	const uint8_t *p = lan_rd_until(r, '\n', n);

	if (!p)
		r->bad = true;
	else
		--*n;
	return p;
}

static void argument(struct lan_rd *r, struct pickle_op *op)
{
	switch (op->arg) {
	case PICKLE_ARG_NONE:
		break;
	case PICKLE_ARG_U1:
		op->u = little(r, 1);
		break;
	case PICKLE_ARG_U2:
		op->u = little(r, 2);
		break;
	case PICKLE_ARG_U4:
		op->u = little(r, 4);
		break;
	case PICKLE_ARG_U8:
		op->u = little(r, 8);
		break;
	case PICKLE_ARG_I4:
		op->u = (uint64_t)(int64_t)(int32_t)little(r, 4);
		break;
	case PICKLE_ARG_F8:
		op->p = lan_rd_take(r, op->n = 8);
		break;
	case PICKLE_ARG_BYTES1:
		op->p = bytes(r, 1, &op->n);
		break;
	case PICKLE_ARG_BYTES4:
		op->p = bytes(r, 4, &op->n);
		break;
	case PICKLE_ARG_BYTES8:
		op->p = bytes(r, 8, &op->n);
		break;
	case PICKLE_ARG_LINES:
	case PICKLE_ARG_LINE:
		op->p = line(r, &op->n);
		if (op->arg == PICKLE_ARG_LINES)
			op->p2 = line(r, &op->n2);
	}
}

bool pickle_op_next(struct lan_rd *r, struct pickle_op *op)
{
	*op = (struct pickle_op){.at = r->off};
	if (!lan_rd_left(r))
		return false;
	op->code = lan_rd_u8(r);
	op->name = table[op->code].name;
	op->arg = table[op->code].arg;
	if (op->code == PICKLE_OP_NONE_)
		op->name = "NONE";
	if (op->name)
		argument(r, op);
	return op->name && !r->bad;
}
