/*
 * inbox.c - see inbox.h: notes of fixed size, each followed by its bytes, a NUL
 * and padding to eight.
 */
#include "proto/iot/inbox.h"

#include <string.h>

#define KEEP_MEMORY (128u << 10)

static size_t size_of(uint32_t len)
{
	return (sizeof(struct iot_note) + len + 1 + 7) & ~(size_t)7;
}

void iot_inbox_init(struct iot_inbox *b, uint32_t max_events, uint32_t max_line, uint64_t *dropped)
{
	*b = (struct iot_inbox){.soft = max_events, .dropped = dropped};
	/* Beyond the soft bound only what is bounded elsewhere may come in:
	 * one line already begun, acknowledgements of queued lines, one UP and
	 * DOWN per peer. */
	uint64_t max = 4 * (uint64_t)max_events + max_line + (64u << 20);
	lan_ring_init(&b->ring, max < UINT32_MAX / 2 ? (uint32_t)max : UINT32_MAX / 2);
}

void iot_inbox_fini(struct iot_inbox *b)
{
	lan_ring_fini(&b->ring);
}

enum lan_err iot_inbox_reserve(struct iot_inbox *b, size_t n)
{
	uint8_t *to;
	return lan_ring_room(&b->ring, size_of((uint32_t)n), &to);
}

enum lan_err iot_inbox_put(struct iot_inbox *b, struct iot_note note, const void *bytes, size_t n)
{
	uint8_t *to;
	note.len = (uint32_t)n;
	enum lan_err e = lan_ring_room(&b->ring, size_of(note.len), &to);
	if (e)
		return e;
	memcpy(to, &note, sizeof note);
	if (n)
		memcpy(to + sizeof note, bytes, n);
	to[sizeof note + n] = 0;
	lan_ring_commit(&b->ring, size_of(note.len));
	return LAN_OK;
}

void iot_inbox_hint(struct iot_inbox *b, struct iot_note note, const void *bytes, size_t n)
{
	if (!iot_inbox_open(b) || iot_inbox_put(b, note, bytes, n))
		++*b->dropped;
}

void iot_inbox_tell(struct iot_inbox *b, struct iot_note note, const void *bytes, size_t n)
{
	if (iot_inbox_put(b, note, bytes, n))
		++*b->dropped;
}

bool iot_inbox_peek(const struct iot_inbox *b, struct iot_note *note, const char **bytes)
{
	if (!lan_ring_len(&b->ring))
		return false;
	const uint8_t *at = lan_ring_at(&b->ring, b->ring.head);
	memcpy(note, at, sizeof *note);
	*bytes = (const char *)at + sizeof *note;
	return true;
}

void iot_inbox_next(struct iot_inbox *b)
{
	struct iot_note note;
	memcpy(&note, lan_ring_at(&b->ring, b->ring.head), sizeof note);
	lan_ring_drop(&b->ring, size_of(note.len));
}

void iot_inbox_rest(struct iot_inbox *b)
{
	if (b->ring.cap > KEEP_MEMORY)
		lan_ring_trim(&b->ring);
}
