/*
 * line.h - codec of one line (docs/protocols/iot.md, "Lines").
 *
 *      keepalive = LF
 *      ack       = mid LF
 *      message   = mid payload LF      payload of at least one byte, UTF-8
 *      mid       = two lower-case hex digits
 *
 * Everything else is refused; the original accepts more by accident (blanks,
 * signs, single digits) and then misreads it.
 */
#ifndef LAN_PROTO_IOT_LINE_H
#define LAN_PROTO_IOT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/err.h>

enum iot_kind { IOT_LINE_KEEPALIVE, IOT_LINE_ACK, IOT_LINE_MESSAGE };

struct iot_line {
	enum iot_kind kind;
	uint8_t mid;
	const uint8_t *payload; /* view into the line */
	size_t len;
};

/* `n` bytes before the LF. LAN_ERR_PROTO: no mid; LAN_ERR_UTF8: payload is not text. */
LAN_WUR enum lan_err iot_line_decode(const uint8_t *p, size_t n, struct iot_line *out);

/* Two hex digits. */
void iot_mid_encode(uint8_t mid, uint8_t out[2]);

/* May `n` bytes be a payload we send? LAN_ERR_INVAL (empty, or LF, CR, NUL inside), LAN_ERR_UTF8. */
LAN_WUR enum lan_err iot_payload_check(const char *p, size_t n);

/* May `n` bytes be an id? 1..255 bytes of UTF-8 without control characters. */
bool iot_id_valid(const uint8_t *p, size_t n);

/* The mid of line number `seq` of a process life: 00, 01..ff, 01..ff, ... */
static inline uint8_t iot_mid_of(uint64_t seq)
{
	return seq == 0 ? 0 : (uint8_t)((seq - 1) % 255 + 1);
}

#endif
