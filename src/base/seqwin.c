/*
 * seqwin.c - the sliding window of seqwin.h. The bits form a ring of words, one
 * word longer than the window: the word a number falls into follows from the
 * number alone, so moving on clears the words between and shifts nothing
 * (RFC 6479).
 */
#include "base/seqwin.h"

#include <string.h>

#define WORDS (LAN_SEQWIN_BITS / 64 + 1)

void lan_seqwin_init(struct lan_seqwin *w, uint64_t floor)
{
	memset(w, 0, sizeof *w);
	w->floor = floor;
}

enum lan_seqwin_verdict lan_seqwin_check(const struct lan_seqwin *w, uint64_t n)
{
	if (n <= w->floor) /* at least 0 */
		return LAN_SEQWIN_OLD;
	if (n > w->highest)
		return LAN_SEQWIN_NEW;
	if (w->highest - n > LAN_SEQWIN_BITS)
		return LAN_SEQWIN_OLD;
	return w->bits[n / 64 % WORDS] >> n % 64 & 1 ? LAN_SEQWIN_SEEN : LAN_SEQWIN_NEW;
}

/* Words that come into the window hold what has left it. */
static void advance(struct lan_seqwin *w, uint64_t to)
{
	uint64_t last = to / 64, i = w->highest / 64;
	if (last - i >= WORDS)
		i = last - WORDS;
	while (i++ < last)
		w->bits[i % WORDS] = 0;
	w->highest = to;
}

void lan_seqwin_mark(struct lan_seqwin *w, uint64_t n)
{
	if (n > w->highest)
		advance(w, n);
	w->bits[n / 64 % WORDS] |= UINT64_C(1) << n % 64;
}
