/*
 * seen.c - the record of seen.h. Membership is a bitmap; the FIFO is searched
 * only when the bitmap says there is something to find.
 */
#include "proto/iot/seen.h"

static bool has(const struct iot_seen *s, uint8_t mid)
{
	return s->bits[mid >> 5] >> (mid & 31) & 1;
}

/* Id number i of the FIFO, 0 = oldest. */
static uint8_t *at(struct iot_seen *s, unsigned i)
{
	return &s->fifo[(uint8_t)(s->head + i)];
}

static unsigned find(struct iot_seen *s, uint8_t mid)
{
	unsigned i = 0;
	while (*at(s, i) != mid)
		i++;
	return i;
}

/* Close the gap at place i from the older side. */
static void forget(struct iot_seen *s, unsigned i)
{
	uint8_t mid = *at(s, i);
	s->bits[mid >> 5] &= ~(1u << (mid & 31));
	if (i >= (unsigned)(s->len - s->on_stream))
		s->on_stream--;
	for (; i > 0; i--)
		*at(s, i) = *at(s, i - 1);
	s->head++;
	s->len--;
}

static void remember(struct iot_seen *s, uint8_t mid, uint32_t hash)
{
	if (has(s, mid))
		forget(s, find(s, mid));
	if (s->len == IOT_SEEN_MAX)
		forget(s, 0);
	*at(s, s->len++) = mid;
	s->hash[mid] = hash;
	s->on_stream++;
	s->bits[mid >> 5] |= 1u << (mid & 31);
}

void iot_seen_stream(struct iot_seen *s)
{
	s->on_stream = 0;
	s->any_on_stream = false;
}

static enum iot_verdict judge_zero(struct iot_seen *s, bool repeats)
{
	if (repeats)
		return IOT_SEEN_DUP;
	bool restart = s->len > 0;
	while (s->len > s->on_stream) /* what the new process said on this stream already stays */
		forget(s, 0);
	return restart ? IOT_SEEN_RESTART : IOT_SEEN_NEW;
}

enum iot_verdict iot_seen_line(struct iot_seen *s, uint8_t mid, uint32_t hash, bool marked)
{
	bool first = !s->any_on_stream;
	bool same = has(s, mid) && s->hash[mid] == hash;
	enum iot_verdict v = same ? IOT_SEEN_DUP : IOT_SEEN_NEW;
	s->any_on_stream = true;
	if (mid == 0)
		v = judge_zero(s, same && (!first || (marked && s->len == 1)));
	if (v == IOT_SEEN_DUP) {
		s->rx_dups++;
		return v;
	}
	remember(s, mid, hash);
	s->rx_lines++;
	return v;
}
