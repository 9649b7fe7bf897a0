/*
 * seqwin.h - which of the last numbers were seen: a sliding window of 1,024
 * bits below the highest number accepted. Knows nothing of packets. Used
 * against replays (counters) and duplicates (frames). Method: RFC 6479.
 */
#ifndef LAN_BASE_SEQWIN_H
#define LAN_BASE_SEQWIN_H

#include <stdbool.h>
#include <stdint.h>

#define LAN_SEQWIN_BITS 1024

struct lan_seqwin {
	uint64_t highest; /* 0: nothing seen yet */
	uint64_t floor;   /* numbers up to this one are refused whatever the bits say */
	uint64_t bits[LAN_SEQWIN_BITS / 64 + 1];
};

enum lan_seqwin_verdict { LAN_SEQWIN_NEW = 0, LAN_SEQWIN_SEEN, LAN_SEQWIN_OLD };

/* Everything up to `floor` counts as old. */
void lan_seqwin_init(struct lan_seqwin *w, uint64_t floor);
/* Changes nothing. Number 0 is OLD. */
enum lan_seqwin_verdict lan_seqwin_check(const struct lan_seqwin *w, uint64_t n);
/* n was checked and is NEW. */
void lan_seqwin_mark(struct lan_seqwin *w, uint64_t n);

#endif
