/*
 * machine.c - see machine.h: the stack, its marks, and the memory of all values.
 * Every array grows by doubling up to one bound; the first failure stays.
 */
#include <stdlib.h>
#include "proto/pickle/machine.h"

bool pickle_fail(struct pickle_machine *m, enum lan_err err, const char *why)
{
	if (!m->err) {
		m->err = err;
		m->why = why;
	}
	return false;
}

bool pickle_room(struct pickle_machine *m, void **array, uint32_t *cap, uint32_t n, size_t size)
{
	if (n < *cap)
		return true;
	if (n >= PICKLE_THINGS)
		return pickle_fail(m, LAN_ERR_TOOBIG, "more values than are allowed");
	uint32_t more = *cap ? 2 * *cap : 32;
	void *p = realloc(*array, more * size);
	if (!p)
		return pickle_fail(m, LAN_ERR_NOMEM, "out of memory");
	*array = p;
	*cap = more;
	return true;
}

bool pickle_push(struct pickle_machine *m, uint32_t node)
{
	if (node == PICKLE_NOTHING ||
		!pickle_room(m, (void **)&m->stack, &m->cap_stack, m->n_stack, sizeof *m->stack))
		return false;
	m->stack[m->n_stack++] = node;
	return true;
}

/* What lies above the last mark. */
static uint32_t available(const struct pickle_machine *m)
{
	return m->n_stack - (m->n_mark ? m->mark[m->n_mark - 1] : 0);
}

bool pickle_needs(struct pickle_machine *m, uint32_t n)
{
	return available(m) >= n || pickle_fail(m, LAN_ERR_PROTO, "the stack has not what an opcode needs");
}

struct pickle_node *pickle_top(struct pickle_machine *m, uint32_t below)
{
	return &m->node[m->stack[m->n_stack - 1 - below]];
}

bool pickle_mark(struct pickle_machine *m)
{
	if (!pickle_room(m, (void **)&m->mark, &m->cap_mark, m->n_mark, sizeof *m->mark))
		return false;
	m->mark[m->n_mark++] = m->n_stack;
	return true;
}

bool pickle_unmark(struct pickle_machine *m, uint32_t *n)
{
	if (!m->n_mark)
		return pickle_fail(m, LAN_ERR_PROTO, "no mark where an opcode needs one");
	*n = available(m);
	m->n_mark--;
	return true;
}

uint32_t pickle_new(struct pickle_machine *m, struct pickle_node node)
{
	if (!pickle_room(m, (void **)&m->node, &m->cap_node, m->n_node, sizeof *m->node))
		return PICKLE_NOTHING;
	m->node[m->n_node] = node;
	return m->n_node++;
}

bool pickle_push_int(struct pickle_machine *m, uint8_t kind, int64_t i)
{
	return pickle_push(m, pickle_new(m, (struct pickle_node){.kind = kind, .u.i = i}));
}

bool pickle_push_bytes(struct pickle_machine *m, uint8_t kind, const uint8_t *p, size_t n)
{
	return pickle_push(m, pickle_new(m, (struct pickle_node){.kind = kind, .u.bytes = {p, n}}));
}

uint8_t *pickle_text_room(struct pickle_machine *m, size_t n)
{
	if (n > m->max_text - m->n_text) {
		pickle_fail(m, LAN_ERR_TOOBIG, "more text than is allowed");
		return NULL;
	}
	if (!m->text && !(m->text = malloc(m->max_text)))
		pickle_fail(m, LAN_ERR_NOMEM, "out of memory");
	return m->text ? m->text + m->n_text : NULL;
}
