/*
 * tree.c - from the values of a machine to a flat list of tokens. Here is found
 * out what reading opcode by opcode cannot know: values that contain
 * themselves, nesting too deep, shared values that unfold to more than the
 * limit, keys that no dictionary takes.
 */
#include <stdlib.h>
#include "proto/pickle/machine.h"

struct out {
	struct pickle_machine *m;
	struct pickle_token *token;
	size_t n, cap;
};

static struct pickle_token *add(struct out *o)
{
	if (o->n == PICKLE_TOKENS_MAX) {
		pickle_fail(o->m, LAN_ERR_TOOBIG, "more values than are allowed");
		return NULL;
	}
	if (o->n == o->cap) {
		size_t cap = o->cap ? 2 * o->cap : 16;
		struct pickle_token *p = realloc(o->token, cap * sizeof *p);
		if (!p) {
			pickle_fail(o->m, LAN_ERR_NOMEM, "out of memory");
			return NULL;
		}
		o->token = p;
		o->cap = cap;
	}
	return &o->token[o->n++];
}

static bool write_node(struct out *o, uint32_t number, unsigned depth, bool key);

static bool write_items(struct out *o, struct pickle_node *node, unsigned depth, bool key)
{
	bool dict = node->kind == PICKLE_DICT, is_key = dict;

	if (node->entered)
		return pickle_fail(o->m, LAN_ERR_NOTSUP, "a value that contains itself");
	if (depth == PICKLE_DEPTH_MAX)
		return pickle_fail(o->m, LAN_ERR_TOOBIG, "nested too deep");
	node->entered = true;
	for (uint32_t c = node->u.items.first; c != PICKLE_NOTHING; c = o->m->cell[c].next) {
		if (!write_node(o, o->m->cell[c].node, depth + 1, key || is_key))
			return false;
		is_key = dict && !is_key;
	}
	node->entered = false;
	return true;
}

static bool write_node(struct out *o, uint32_t number, unsigned depth, bool key)
{
	struct pickle_node *node = &o->m->node[number];

	if (node->kind == PICKLE_CALLABLE)
		return pickle_fail(o->m, LAN_ERR_NOTSUP, "a function or class as a value");
	if (key && node->changeable)
		return pickle_fail(o->m, LAN_ERR_PROTO, "a dictionary key that can change");
	struct pickle_token *t = add(o);
	if (!t)
		return false;
	*t = (struct pickle_token){.kind = (enum pickle_kind)node->kind};
	switch (t->kind) {
	case PICKLE_NONE:
		return true;
	case PICKLE_BOOL:
		t->b = node->u.i != 0;
		return true;
	case PICKLE_INT:
		t->i = node->u.i;
		return true;
	case PICKLE_FLOAT:
		t->f = node->u.f;
		return true;
	case PICKLE_BIGINT:
	case PICKLE_TEXT:
	case PICKLE_BYTES:
		t->bytes = node->u.bytes.p;
		t->n = node->u.bytes.n;
		return true;
	case PICKLE_TUPLE:
	case PICKLE_LIST:
	case PICKLE_DICT:
		t->n = node->u.items.n / (t->kind == PICKLE_DICT ? 2 : 1);
	}
	return write_items(o, node, depth, key);
}

bool pickle_flatten(struct pickle_machine *m, uint32_t root, struct pickle_token **out, size_t *n)
{
	struct out o = {.m = m};

	if (!write_node(&o, root, 0, false)) {
		free(o.token);
		return false;
	}
	*out = o.token;
	*n = o.n;
	return true;
}
