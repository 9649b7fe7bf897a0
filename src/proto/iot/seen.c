/*
 * seen.c - the record of seen.h. Membership is a bitmap; the FIFO is searched
 * only when the bitmap says there is something to find.
 */
#include "proto/iot/seen.h"

static bool has(const struct iot_seen *s, uint8_t mid)
{
	return s->bits[mid >> 5] >> (mid & 31) & 1;
}

/* Entry i of the FIFO, 0 = oldest. */
static struct iot_seen_entry *entry(struct iot_seen *s, unsigned i)
{
	return &s->fifo[(s->head + i) & IOT_SEEN_MAX];
}

static unsigned find(struct iot_seen *s, uint8_t mid)
{
	unsigned i = 0;
	while (entry(s, i)->mid != mid)
		i++;
	return i;
}

/* Close the gap at entry i from the older side. */
static void forget(struct iot_seen *s, unsigned i)
{
	uint8_t mid = entry(s, i)->mid;
	s->bits[mid >> 5] &= ~(1u << (mid & 31));
	if (i >= (unsigned)(s->len - s->on_stream))
		s->on_stream--;
	for (; i > 0; i--)
		*entry(s, i) = *entry(s, i - 1);
	s->head = (s->head + 1) & IOT_SEEN_MAX;
	s->len--;
}

static void remember(struct iot_seen *s, uint8_t mid, uint32_t hash)
{
	if (has(s, mid))
		forget(s, find(s, mid));
	if (s->len == IOT_SEEN_MAX)
		forget(s, 0);
	*entry(s, s->len) = (struct iot_seen_entry){hash, mid};
	s->len++;
	s->on_stream++;
	s->bits[mid >> 5] |= 1u << (mid & 31);
}

void iot_seen_stream(struct iot_seen *s, lan_time silent_at)
{
	s->on_stream = 0;
	s->any_on_stream = false;
	s->silent_at = silent_at;
}

/* Is a 00 with the bytes of the last one, the first line of its stream, a
 * retransmission? Only if its sender can have missed our acknowledgement. */
static bool repeats_zero(const struct iot_seen *s, lan_time timeout)
{
	return s->len == 1 && s->silent_at < s->zero_at + timeout + timeout / 2;
}

static enum iot_verdict judge_zero(struct iot_seen *s, lan_time timeout, bool first, bool same)
{
	if (same && (!first || repeats_zero(s, timeout)))
		return IOT_SEEN_DUP;
	bool restart = s->len > 0;
	while (s->len > s->on_stream) /* what the new process said on this stream already stays */
		forget(s, 0);
	return restart ? IOT_SEEN_RESTART : IOT_SEEN_NEW;
}

enum iot_verdict iot_seen_line(struct iot_seen *s, lan_time now, lan_time timeout, uint8_t mid, uint32_t hash)
{
	bool first = !s->any_on_stream;
	bool same = has(s, mid) && entry(s, find(s, mid))->hash == hash;
	enum iot_verdict v = same ? IOT_SEEN_DUP : IOT_SEEN_NEW;
	s->any_on_stream = true;
	if (mid == 0) {
		v = judge_zero(s, timeout, first, same);
		s->zero_at = now;
	}
	if (v == IOT_SEEN_DUP) {
		s->rx_dups++;
		return v;
	}
	remember(s, mid, hash);
	s->rx_lines++;
	return v;
}
