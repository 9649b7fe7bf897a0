/*
 * log_limit.c - refusals are cheap to cause and must not fill a disk: of each
 * kind the first few in a minute are written, the rest are counted and the
 * count is written when the minute is over. More kinds at once than the table
 * holds share its last place, so memory and log volume stay bounded whatever a
 * stranger sends.
 */
#include "daemon/log.h"

#include <stdio.h>
#include <string.h>

static struct log_limit_kind *find(struct log_limit *l, const char *key)
{
	struct log_limit_kind *last = &l->kind[LIMIT_KINDS - 1];
	for (struct log_limit_kind *k = l->kind; k < last; k++)
		if (!k->key[0] || strncmp(k->key, key, sizeof k->key - 1) == 0)
			return k;
	return last;
}

bool log_limit_take(struct log_limit *l, const char *key, lan_time now)
{
	struct log_limit_kind *k = find(l, key);
	if (!k->key[0]) {
		bool shared = k == &l->kind[LIMIT_KINDS - 1];
		snprintf(k->key, sizeof k->key, "%s", shared ? "others" : key);
		k->since = now;
		k->seen = 0;
	}
	return ++k->seen <= LIMIT_BURST;
}

bool log_limit_ended(struct log_limit *l, lan_time now, char *key, size_t cap, uint64_t *suppressed)
{
	for (size_t i = LIMIT_KINDS; i-- > 0;) {
		struct log_limit_kind *k = &l->kind[i];
		size_t end = i;
		uint64_t n = k->seen > LIMIT_BURST ? k->seen - LIMIT_BURST : 0;
		if (!k->key[0] || now - k->since < LIMIT_WINDOW)
			continue;
		snprintf(key, cap, "%s", k->key);
		/* The used places stay in front; the shared last one never moves. */
		if (i < LIMIT_KINDS - 1) {
			while (end + 1 < LIMIT_KINDS - 1 && l->kind[end + 1].key[0])
				end++;
			*k = l->kind[end];
		}
		l->kind[end].key[0] = 0;
		if (!n)
			continue;
		*suppressed = n;
		return true;
	}
	return false;
}
