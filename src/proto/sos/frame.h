/*
 * frame.h - the content of an Ethernet frame (sos.md section 3.1): two octets of length, themselves included,
 * and the message. What follows is padding, which a virtual link leaves out. Pure.
 */
#ifndef LAN_PROTO_SOS_FRAME_H
#define LAN_PROTO_SOS_FRAME_H

#include <stdbool.h>
#include "base/bytes.h"

#define SOS_FRAME_PREFIX 2
/* Octets of the longest message. */
#define SOS_FRAME_MAX (65535 - SOS_FRAME_PREFIX)

/* The length of a message, in front of it: n at most SOS_FRAME_MAX. */
static inline void sos_frame_put(uint8_t prefix[SOS_FRAME_PREFIX], size_t n)
{
	lan_put_be16(prefix, (uint16_t)(n + SOS_FRAME_PREFIX));
}

/* Octets of the message behind the prefix of a content of n octets. 0: none, or the length does not fit;
 * never more than there is (the original master believes it and reads what was there before). */
static inline size_t sos_frame_get(const uint8_t *content, size_t n)
{
	size_t len = n >= SOS_FRAME_PREFIX ? lan_get_be16(content) : 0;

	return len > SOS_FRAME_PREFIX && len <= n ? len - SOS_FRAME_PREFIX : 0;
}

#endif
