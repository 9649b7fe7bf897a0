/*
 * fuzz_chan_frame.c - the codec of the sealed channel. What is accepted is
 * written back: the same bytes must come out, for header and frame alike, and
 * views must lie inside of the input. What is refused must leave no trace in the
 * result. The first byte says how many of the others are the header's.
 */
#include <stdlib.h>
#include <string.h>
#include "fuzz_script.h"
#include "crypto/crypto.h"
#include "proto/channel/channel.h"
#include "proto/channel/frame.h"

static void check_header(const uint8_t *p, size_t n)
{
	struct chan_header h, same;
	uint8_t back[CHAN_HEADER];

	memset(&h, 0x5a, sizeof h);
	same = h;
	enum lan_err e = chan_header_decode(p, n, &h);
	if (e) {
		FUZZ_CHECK(e == LAN_ERR_PROTO || e == LAN_ERR_VERSION, "unexpected error %d", e);
		FUZZ_CHECK(memcmp(&h, &same, sizeof h) == 0, "a refused header left a trace");
		return;
	}
	FUZZ_CHECK(n > CHAN_HEADER + LAN_AEAD_TAG, "a header without a frame");
	FUZZ_CHECK((h.flags & CHAN_SIGNED) == h.sender >> 63, "signed and not");
	chan_header_encode(&h, back);
	FUZZ_CHECK(memcmp(back, p, CHAN_HEADER) == 0, "the header comes out differently");
}

static void check_view(const uint8_t *p, size_t n, const uint8_t *view, size_t len)
{
	FUZZ_CHECK(!len || (view >= p && len <= n && view <= p + n - len), "a view beyond the frame");
}

static void check_views(const uint8_t *p, size_t n, const struct chan_frame *f)
{
	switch (f->type) {
	case CHAN_F_DATA:
		check_view(p, n, f->u.data.data, f->u.data.len);
		FUZZ_CHECK(f->u.data.seq && f->u.data.msg && f->u.data.block, "zeros");
		FUZZ_CHECK(f->u.data.offset <= f->u.data.total &&
				   f->u.data.len <= f->u.data.total - f->u.data.offset,
			"a fragment beyond its message");
		break;
	case CHAN_F_PARITY:
		check_view(p, n, f->u.parity.symbol, f->u.parity.len);
		FUZZ_CHECK(f->u.parity.k <= f->u.parity.block && f->u.parity.block <= CHAN_BLOCK_MAX &&
				   f->u.parity.row < CHAN_ROWS_MAX && f->u.parity.len >= 2,
			"parity out of range");
		break;
	case CHAN_F_PRESENCE:
		check_view(p, n, f->u.presence.name, f->u.presence.name_len);
		FUZZ_CHECK(f->u.presence.name_len < CHAN_NAME_MAX, "a long name");
		break;
	case CHAN_F_FEEDBACK:
		FUZZ_CHECK(f->u.feedback.n <= CHAN_ENTRIES_MAX, "too many entries");
		for (int i = 0; i < f->u.feedback.n; i++)
			FUZZ_CHECK(f->u.feedback.entry[i].need >= 1 &&
					   f->u.feedback.entry[i].need <=
						   __builtin_popcountll(f->u.feedback.entry[i].missing),
				"needs more than it lacks");
		break;
	case CHAN_F_LATE:
	case CHAN_F_START:
		break;
	}
}

static void check_frame(const uint8_t *p, size_t n)
{
	static uint8_t back[65536];
	static struct chan_frame f, same, again;

	memset(&f, 0x5a, sizeof f);
	memcpy(&same, &f, sizeof f);
	enum lan_err e = chan_frame_decode(p, n, &f);
	if (e) {
		FUZZ_CHECK(e == LAN_ERR_PROTO || e == LAN_ERR_NOTSUP, "unexpected error %d", e);
		FUZZ_CHECK(memcmp(&f, &same, sizeof f) == 0, "a refused frame left a trace");
		return;
	}
	check_views(p, n, &f);
	FUZZ_CHECK(chan_frame_encode(&f, back, n - 1) == 0, "it was written where it has no room");
	FUZZ_CHECK(chan_frame_encode(&f, back, sizeof back) == n && memcmp(back, p, n) == 0,
		"the frame comes out differently");
	FUZZ_CHECK(chan_frame_decode(back, n, &again) == LAN_OK, "what we write we do not read");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	size_t head = data[0] < size - 1 ? data[0] : size - 1;
	/* Of their exact size, so that a sanitizer sees every step outside. */
	uint8_t *a = malloc(head ? head : 1), *b = malloc(size - 1 - head ? size - 1 - head : 1);
	memcpy(a, data + 1, head);
	memcpy(b, data + 1 + head, size - 1 - head);
	check_header(a, head);
	check_frame(b, size - 1 - head);
	free(a);
	free(b);
	return 0;
}
