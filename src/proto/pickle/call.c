/*
 * call.c - the only names and calls that are understood, by their form alone:
 * _codecs.encode(text, 'latin1'), bytes() and bytearray(..) are how Python
 * writes bytes and bytearray in older protocols. They become bytes; whatever
 * else is named or called ends the reading.
 */
#include <string.h>
#include "proto/pickle/machine.h"

static bool is(struct pickle_view v, const char *s)
{
	return v.n == strlen(s) && memcmp(v.p, s, v.n) == 0;
}

bool pickle_push_named(struct pickle_machine *m, struct pickle_view module, struct pickle_view name)
{
	bool builtin = is(module, "builtins") || is(module, "__builtin__");

	if (is(module, "_codecs") && is(name, "encode"))
		return pickle_push_int(m, PICKLE_CALLABLE, PICKLE_CALL_ENCODE);
	if (builtin && is(name, "bytes"))
		return pickle_push_int(m, PICKLE_CALLABLE, PICKLE_CALL_BYTES);
	if (builtin && is(name, "bytearray"))
		return pickle_push_int(m, PICKLE_CALLABLE, PICKLE_CALL_BYTEARRAY);
	return pickle_fail(m, LAN_ERR_NOTSUP, "a class or function is named");
}

bool pickle_stack_global(struct pickle_machine *m)
{
	if (!pickle_needs(m, 2))
		return false;
	struct pickle_node *module = pickle_top(m, 1), *name = pickle_top(m, 0);
	if (module->kind != PICKLE_TEXT || name->kind != PICKLE_TEXT)
		return pickle_fail(m, LAN_ERR_PROTO, "a name that is not text");
	m->n_stack -= 2;
	return pickle_push_named(m, (struct pickle_view){module->u.bytes.p, module->u.bytes.n},
		(struct pickle_view){name->u.bytes.p, name->u.bytes.n});
}

/* Item i of a tuple; NULL: it has none. */
static struct pickle_node *item(struct pickle_machine *m, const struct pickle_node *tuple, uint32_t i)
{
	uint32_t c = tuple->u.items.first;

	while (i-- && c != PICKLE_NOTHING)
		c = m->cell[c].next;
	return c == PICKLE_NOTHING ? NULL : &m->node[m->cell[c].node];
}

static bool names_latin1(const struct pickle_node *n)
{
	struct pickle_view v = {n->u.bytes.p, n->u.bytes.n};

	return n->kind == PICKLE_TEXT && (is(v, "latin1") || is(v, "latin-1"));
}

/* What a call of one of the three means, if it has the form Python writes. */
static bool called(struct pickle_machine *m, enum pickle_callable what, const struct pickle_node *args,
	struct pickle_view *out)
{
	uint32_t n = args->u.items.n;
	struct pickle_node *first = item(m, args, 0), *second = item(m, args, 1);
	uint8_t *to;

	if (n == 0 && what != PICKLE_CALL_ENCODE)
		return true;
	if (n == 1 && what == PICKLE_CALL_BYTEARRAY && first->kind == PICKLE_BYTES) {
		*out = (struct pickle_view){first->u.bytes.p, first->u.bytes.n};
		return true;
	}
	if (n != 2 || what == PICKLE_CALL_BYTES || first->kind != PICKLE_TEXT || !names_latin1(second))
		return pickle_fail(m, LAN_ERR_NOTSUP, "a call");
	to = pickle_text_room(m, first->u.bytes.n);
	if (!to)
		return false;
	if (!pickle_text_latin1(first->u.bytes.p, first->u.bytes.n, to, &out->n))
		return pickle_fail(m, LAN_ERR_NOTSUP, "bytes written as text that is not Latin-1");
	out->p = to;
	m->n_text += out->n;
	return true;
}

bool pickle_reduce(struct pickle_machine *m)
{
	struct pickle_view v = {(const uint8_t *)"", 0};

	if (!pickle_needs(m, 2))
		return false;
	const struct pickle_node *args = pickle_top(m, 0), *what = pickle_top(m, 1);
	if (what->kind != PICKLE_CALLABLE || args->kind != PICKLE_TUPLE)
		return pickle_fail(m, LAN_ERR_PROTO, "a call of what cannot be called");
	bool changeable = what->u.i == PICKLE_CALL_BYTEARRAY;
	if (!called(m, (enum pickle_callable)what->u.i, args, &v))
		return false;
	m->n_stack -= 2;
	if (!pickle_push_bytes(m, PICKLE_BYTES, v.p, v.n))
		return false;
	pickle_top(m, 0)->changeable = changeable;
	return true;
}
