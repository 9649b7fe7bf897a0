/*
 * option.h - what CoAP options mean: the registry (RFC 7252 section 5.10; 7641, 7959, 8768, 9175, 8613 by
 * name only), their classes, values of type uint, paths and queries, content formats and their media types.
 * Pure.
 */
#ifndef LAN_PROTO_COAP_OPTION_H
#define LAN_PROTO_COAP_OPTION_H

#include "proto/coap/message.h"

enum coap_option_number {
	COAP_IF_MATCH = 1,
	COAP_URI_HOST = 3,
	COAP_ETAG = 4,
	COAP_IF_NONE_MATCH = 5,
	COAP_OBSERVE = 6,
	COAP_URI_PORT = 7,
	COAP_LOCATION_PATH = 8,
	COAP_OSCORE = 9,
	COAP_URI_PATH = 11,
	COAP_CONTENT_FORMAT = 12,
	COAP_MAX_AGE = 14,
	COAP_URI_QUERY = 15,
	COAP_HOP_LIMIT = 16,
	COAP_ACCEPT = 17,
	COAP_LOCATION_QUERY = 20,
	COAP_BLOCK2 = 23,
	COAP_BLOCK1 = 27,
	COAP_SIZE2 = 28,
	COAP_PROXY_URI = 35,
	COAP_PROXY_SCHEME = 39,
	COAP_SIZE1 = 60,
	COAP_ECHO = 252,
	COAP_NO_RESPONSE = 258,
	COAP_REQUEST_TAG = 292
};
/* What the originals number as Accept (sos.md section 4). */
#define COAP_ACCEPT_SOS 16

enum coap_option_format { COAP_F_EMPTY, COAP_F_OPAQUE, COAP_F_UINT, COAP_F_STRING };
struct coap_option_info {
	uint16_t number;
	const char *name; /* "Uri-Path" */
	enum coap_option_format format;
	uint16_t min, max; /* octets */
	bool repeatable;
};
const struct coap_option_info *coap_option_info(uint32_t number); /* NULL: not known */
static inline bool coap_is_critical(uint32_t number)
{
	return number & 1;
}
static inline bool coap_is_unsafe(uint32_t number)
{
	return number & 2;
}
static inline bool coap_is_cache_key(uint32_t number)
{
	return (number & 0x1e) != 0x1c;
}
/* The first critical option that is not known, comes too often or has a length outside its range (RFC 7252
 * sections 5.4.1, 5.4.3, 5.4.5); 0: none. Elective ones like that are to be passed over: coap_find does. */
uint32_t coap_bad_option(const struct coap_msg *m);

/* The i-th (0..) valid option of a number. False: there is none. */
bool coap_find(const struct coap_msg *m, uint32_t number, size_t i, const uint8_t **value, size_t *len);
bool coap_find_uint(const struct coap_msg *m, uint32_t number, uint64_t *out);

/* Segments of Uri-Path (or Location-Path) joined by '/', without a leading one, percent-encoded where RFC
 * 7252 section 6.5 asks for it; likewise queries joined by '&'. NUL-terminated. LAN_ERR_TOOBIG. */
LAN_WUR enum lan_err coap_path(const struct coap_msg *m, uint32_t number, char *out, size_t cap);
LAN_WUR enum lan_err coap_query(const struct coap_msg *m, uint32_t number, char *out, size_t cap);
/* The other way, decomposing (section 6.4): "a/b%2Fc" as options; a leading '/' is passed over; "" none.
 * LAN_ERR_INVAL: wrong percent-encoding, or a segment longer than 255 octets. */
LAN_WUR enum lan_err coap_put_path(struct coap_wr *w, uint32_t number, const char *path, size_t len);
LAN_WUR enum lan_err coap_put_query(struct coap_wr *w, uint32_t number, const char *query, size_t len);

/* Content formats (RFC 7252 section 12.3 and the registry): "application/json", NULL if not known. */
const char *coap_media_type(uint32_t format);
/* Of a media type, parameters included where they matter ("text/plain;charset=utf-8" and "text/plain" are 0).
 * False: not known. Compared without case. */
bool coap_content_format(const char *media_type, size_t len, uint32_t *format);

const char *coap_code_name(uint8_t code); /* "Content", "GET"; "" if not known */

/* ---- Block1 and Block2 (RFC 7959 section 2.2) */
struct coap_block {
	uint32_t num; /* below 2^20 */
	bool more;
	uint8_t szx; /* 0..6: 16..1024 octets */
};
#define COAP_BLOCK_SIZE(szx) ((size_t)16 << (szx))
/* False: no valid one. szx 7 is refused. */
bool coap_block_of(const struct coap_msg *m, uint32_t number, struct coap_block *out);
void coap_put_block(struct coap_wr *w, uint32_t number, const struct coap_block *b);

/* ---- Observe (RFC 7641 section 3.4): is `value` at `now` newer than `last` at `then`? */
bool coap_observe_newer(uint32_t last, lan_time then, uint32_t value, lan_time now);

/* The literal of RFC 7252 section 6: coap://host:port/path?query cut into views; scheme without "://", host
 * without brackets, port 0 if none. LAN_ERR_INVAL. */
struct coap_uri {
	const char *scheme, *host, *path, *query;
	size_t scheme_len, host_len, path_len, query_len;
	uint16_t port;
};
LAN_WUR enum lan_err coap_uri_split(const char *uri, struct coap_uri *out);

#endif
