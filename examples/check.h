/*
 * check.h - an independent eye on what a link promises, above the link: the
 * peer counts upwards, and of each number that arrives we say whether it is a
 * duplicate, out of order, or after a gap. The last 15 numbers are remembered;
 * a gap is given up, and counted as missing, when its lower end leaves them.
 */
#ifndef CHECK_H
#define CHECK_H

#include <string.h>

enum { CHECK_WINDOW = 15 };

struct check {
	long seen[CHECK_WINDOW + 1]; /* ascending */
	int n;
	long total, duplicates, missing, out_of_order, reboots;
};

static inline void check_number(struct check *c, long m)
{
	if (m <= 1 && c->n > 1 && c->seen[c->n - 1] > 1) { /* it counts from the start again */
		c->reboots++;
		c->n = 0;
	}
	c->total++;
	int at = c->n;
	while (at > 0 && c->seen[at - 1] > m)
		at--;
	if (at > 0 && c->seen[at - 1] == m) {
		c->duplicates++;
		return;
	}
	if (at < c->n)
		c->out_of_order++;
	if (at == 0 && c->n == CHECK_WINDOW)
		return; /* older than all we remember; its gap is counted already */
	memmove(c->seen + at + 1, c->seen + at, (size_t)(c->n - at) * sizeof c->seen[0]);
	c->seen[at] = m;
	if (++c->n <= CHECK_WINDOW)
		return;
	c->missing += c->seen[1] - c->seen[0] - 1;
	memmove(c->seen, c->seen + 1, (size_t)--c->n * sizeof c->seen[0]);
}

#endif
