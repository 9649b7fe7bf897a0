/*
 * config_globs.c - can one interface be in two lists of names and globs?
 *
 * The interfaces of a configuration need not be there yet, so the question is
 * about names that could exist: two patterns meet if some name fits both. What is
 * taken out again ("!eth7") behind a pattern, by either list, does not count: the
 * last one that fits decides. A pattern is a row of sets of characters,
 * each for one, and of stars; the two are walked together.
 */
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include "daemon/config.h"

struct pattern {
	size_t n;
	bool star[IFNAMSIZ * 4];
	char c[IFNAMSIZ * 4]; /* 0: any character */
};

static void compile(const char *text, struct pattern *p)
{
	*p = (struct pattern){0};
	for (; *text && p->n < sizeof p->c; text++) {
		if (*text == '*' && p->n && p->star[p->n - 1])
			continue;
		p->star[p->n] = *text == '*';
		p->c[p->n++] = *text == '*' || *text == '?' ? 0 : *text;
	}
}

/* Some name fits both, from place i of a and place j of b on: one of them goes on with each step, from the
 * end to the beginning. */
static bool meet(const struct pattern *a, const struct pattern *b)
{
	bool row[2][sizeof a->c + 1] = {{0}};
	for (size_t i = a->n + 1; i-- > 0;) {
		bool *now = row[i % 2], *next = row[(i + 1) % 2];
		for (size_t j = b->n + 1; j-- > 0;) {
			bool end_a = i == a->n, end_b = j == b->n;
			if (end_a && end_b)
				now[j] = true;
			else if (!end_a && a->star[i]) /* it ends, or swallows what b has next */
				now[j] = next[j] || (!end_b && now[j + 1]);
			else if (!end_b && b->star[j])
				now[j] = now[j + 1] || (!end_a && next[j]);
			else
				now[j] = !end_a && !end_b && (!a->c[i] || !b->c[j] || a->c[i] == b->c[j]) &&
					 next[j + 1];
		}
	}
	return row[0][0];
}

/* Every name that fits p fits x: x swallows the signs of p as if they were characters. Never true
 * wrongly. */
static bool covers(const struct pattern *x, const struct pattern *p)
{
	bool row[2][sizeof x->c + 1] = {{0}};
	for (size_t i = x->n + 1; i-- > 0;) {
		bool *now = row[i % 2], *next = row[(i + 1) % 2];
		for (size_t j = p->n + 1; j-- > 0;) {
			bool end_p = j == p->n;
			if (i == x->n)
				now[j] = end_p;
			else if (x->star[i])
				now[j] = next[j] || (!end_p && now[j + 1]);
			else
				now[j] = !end_p && !p->star[j] && (!x->c[i] || x->c[i] == p->c[j]) &&
					 next[j + 1];
		}
	}
	return row[0][0];
}

/* By what stands behind place `from` of the list. */
static bool taken_out(const char *const *list, size_t from, size_t n, const struct pattern *p)
{
	struct pattern x;
	for (size_t i = from + 1; i < n; i++) {
		if (list[i][0] != '!')
			continue;
		compile(list[i] + 1, &x);
		if (covers(&x, p))
			return true;
	}
	return false;
}

static bool is_name(const struct pattern *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!p->c[i])
			return false;
	return true;
}

bool config_globs_meet(
	const char *const *a, size_t na, const char *const *b, size_t nb, char *name, size_t cap)
{
	struct pattern x, y;
	for (size_t i = 0; i < na; i++)
		for (size_t j = 0; j < nb; j++) {
			if (a[i][0] == '!' || b[j][0] == '!')
				continue;
			compile(a[i], &x);
			compile(b[j], &y);
			if (!meet(&x, &y) || taken_out(a, i, na, &x) || taken_out(a, i, na, &y) ||
				taken_out(b, j, nb, &x) || taken_out(b, j, nb, &y))
				continue;
			snprintf(name, cap, "%s", is_name(&x) || covers(&y, &x) ? a[i] : b[j]);
			return true;
		}
	return false;
}
