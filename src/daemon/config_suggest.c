/*
 * config_suggest.c - "did you mean": the known word nearest to a misspelt one.
 *
 * Distance is optimal string alignment (insert, delete, replace, swap of two
 * neighbours). A suggestion is made only when at most a third of the word, and
 * never more than three characters, would have to change: a wrong guess costs
 * more trust than none.
 */
#include "daemon/config.h"

#include <string.h>

#define WORD_MAX 40

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	size_t d[WORD_MAX + 1][WORD_MAX + 1];
	if (la > WORD_MAX || lb > WORD_MAX)
		return SIZE_MAX;
	for (size_t i = 0; i <= la; i++)
		d[i][0] = i;
	for (size_t k = 0; k <= lb; k++)
		d[0][k] = k;
	for (size_t i = 1; i <= la; i++)
		for (size_t k = 1; k <= lb; k++) {
			size_t same = a[i - 1] == b[k - 1] ? 0 : 1;
			d[i][k] = least(least(d[i - 1][k] + 1, d[i][k - 1] + 1), d[i - 1][k - 1] + same);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				d[i][k] = least(d[i][k], d[i - 2][k - 2] + 1);
		}
	return d[la][lb];
}

static void consider(const char *known, const char *word, const char **best, size_t *best_d)
{
	size_t limit = least(3, (strlen(known) + 2) / 3);
	size_t d = distance(known, word);
	if (d <= limit && d < *best_d) {
		*best = known;
		*best_d = d;
	}
}

const char *config_suggest(const struct config_key *keys, const char *word)
{
	const char *best = NULL;
	size_t best_d = SIZE_MAX;
	for (const struct config_key *k = keys; k->name; k++)
		consider(k->name, word, &best, &best_d);
	return best;
}

const char *config_suggest_word(const char *const *words, const char *word)
{
	const char *best = NULL;
	size_t best_d = SIZE_MAX;
	for (; *words; words++)
		consider(*words, word, &best, &best_d);
	return best;
}
