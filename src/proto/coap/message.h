/*
 * message.h - the wire form of CoAP: header, token, options, payload (RFC 7252, section 3). Pure functions on
 * the caller's memory; a decoded message is views into the datagram. Refuses what section 3 calls a format
 * error, with a reason for each; knows no meaning of any option (option.h does).
 */
#ifndef LAN_PROTO_COAP_MESSAGE_H
#define LAN_PROTO_COAP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/err.h>
#include "base/bytes.h"

enum coap_type { COAP_CON = 0, COAP_NON, COAP_ACK, COAP_RST };

#define COAP_CODE(c, dd) ((uint8_t)((c) << 5 | (dd)))
#define COAP_CLASS(code) ((code) >> 5)
enum {
	COAP_EMPTY = 0,
	COAP_GET = 1,
	COAP_POST,
	COAP_PUT,
	COAP_DELETE,
	COAP_FETCH, /* RFC 8132 */
	COAP_PATCH,
	COAP_IPATCH,
	COAP_CREATED = COAP_CODE(2, 1),
	COAP_DELETED = COAP_CODE(2, 2),
	COAP_VALID = COAP_CODE(2, 3),
	COAP_CHANGED = COAP_CODE(2, 4),
	COAP_CONTENT = COAP_CODE(2, 5),
	COAP_CONTINUE = COAP_CODE(2, 31),
	COAP_BAD_REQUEST = COAP_CODE(4, 0),
	COAP_UNAUTHORIZED = COAP_CODE(4, 1),
	COAP_BAD_OPTION = COAP_CODE(4, 2),
	COAP_FORBIDDEN = COAP_CODE(4, 3),
	COAP_NOT_FOUND = COAP_CODE(4, 4),
	COAP_METHOD_NOT_ALLOWED = COAP_CODE(4, 5),
	COAP_NOT_ACCEPTABLE = COAP_CODE(4, 6),
	COAP_REQUEST_INCOMPLETE = COAP_CODE(4, 8),
	COAP_CONFLICT = COAP_CODE(4, 9),
	COAP_PRECONDITION_FAILED = COAP_CODE(4, 12),
	COAP_REQUEST_TOO_LARGE = COAP_CODE(4, 13),
	COAP_UNSUPPORTED_FORMAT = COAP_CODE(4, 15),
	COAP_UNPROCESSABLE = COAP_CODE(4, 22),
	COAP_TOO_MANY_REQUESTS = COAP_CODE(4, 29),
	COAP_INTERNAL_ERROR = COAP_CODE(5, 0),
	COAP_NOT_IMPLEMENTED = COAP_CODE(5, 1),
	COAP_BAD_GATEWAY = COAP_CODE(5, 2),
	COAP_UNAVAILABLE = COAP_CODE(5, 3),
	COAP_GATEWAY_TIMEOUT = COAP_CODE(5, 4),
	COAP_PROXYING_NOT_SUPPORTED = COAP_CODE(5, 5),
	COAP_HOP_LIMIT_REACHED = COAP_CODE(5, 8)
};

#define COAP_TOKEN_MAX 8
#define COAP_HEADER    4
#define COAP_DATAGRAM  1472 /* octets of the longest message this engine handles */

/* A message as views into the datagram it was decoded from. */
struct coap_msg {
	enum coap_type type;
	uint8_t code, tkl;
	uint16_t mid;
	uint8_t token[COAP_TOKEN_MAX];
	const uint8_t *options; /* as on the wire; walked with coap_options_next */
	size_t options_len;
	const uint8_t *payload; /* NULL: none */
	size_t len;
};

/* Why a datagram is no CoAP message. The order is the order in which they are found. */
#define COAP_FAULTS(X)                                     \
	X(OK, "well formed")                               \
	X(SHORT, "shorter than a header")                  \
	X(VERSION, "version is not 1")                     \
	X(TOKEN, "token length above 8, or token cut off") \
	X(EMPTY, "Empty message with more than a header")  \
	X(CLASS, "code of a reserved class")               \
	X(OPTION_RESERVED, "option delta or length 15")    \
	X(OPTION_SHORT, "option cut off")                  \
	X(OPTION_NUMBER, "option number above 65535")      \
	X(PAYLOAD_EMPTY, "payload marker without payload")
enum coap_fault {
#define X(name, text) COAP_FAULT_##name,
	COAP_FAULTS(X)
#undef X
};
const char *coap_fault_text(enum coap_fault f);

/* Reads a message. On a fault of the options, type, code, mid and token of `out` are valid (so that a
 * request can be answered or rejected, RFC 7252 section 4.2); nothing else is. */
LAN_WUR enum coap_fault coap_decode(const uint8_t *buf, size_t n, struct coap_msg *out);

/* The same for what old slaves send: options of 13..268 octets whose extended length was not reduced by 13
 * (sos.md section 14, S1). Tried by the master's side only when the right reading fails. `scratch` (at least
 * n octets) takes the repaired options; `out` views it. */
LAN_WUR enum coap_fault coap_decode_s1(const uint8_t *buf, size_t n, uint8_t *scratch, struct coap_msg *out);

/* One option of a run of options, in order. False: no more. Start with {0} and set p, end. */
struct coap_options {
	const uint8_t *p, *end;
	uint32_t number; /* of the option last read */
	const uint8_t *value;
	size_t len;
};
static inline struct coap_options coap_options_of(const struct coap_msg *m)
{
	return (struct coap_options){
		.p = m->options, .end = m->options_len ? m->options + m->options_len : m->options};
}
bool coap_options_next(struct coap_options *o);

/* ---- writing: header first, then options in ascending order of number, then the payload. */

struct coap_wr {
	struct lan_wr w;
	uint32_t number; /* of the last option written */
};
/* Header and token into buf. */
struct coap_wr coap_begin(uint8_t *buf, size_t cap, enum coap_type type, uint8_t code, uint16_t mid,
	const uint8_t *token, uint8_t tkl);
/* Options alone, without a header: what coap_request and coap_respond take. */
struct coap_wr coap_begin_options(uint8_t *buf, size_t cap);
/* A smaller number than the last one fails (sticky, as all of lan_wr). */
void coap_put(struct coap_wr *w, uint32_t number, const void *value, size_t len);
void coap_put_uint(struct coap_wr *w, uint32_t number, uint64_t value); /* shortest form, 0 is empty */
void coap_put_text(struct coap_wr *w, uint32_t number, const char *text);
/* A run of options again, but for the numbers in `without` (n of them). */
void coap_put_all(struct coap_wr *w, const uint8_t *options, size_t len, const uint16_t *without, size_t n);
/* Marker and payload; nothing if len is 0. */
void coap_put_payload(struct coap_wr *w, const void *payload, size_t len);
/* Octets written; 0: something did not fit or was out of order. */
static inline size_t coap_end(const struct coap_wr *w)
{
	return w->w.bad ? 0 : w->w.off;
}

/* An Empty message (RST, empty ACK, ping): 4 octets. */
void coap_empty(uint8_t out[COAP_HEADER], enum coap_type type, uint16_t mid);

#endif
