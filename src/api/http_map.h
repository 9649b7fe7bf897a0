/*
 * http_map.h - what HTTP says in the words of CoAP and back (RFC 8075; RFC 7252 section 10): methods, paths,
 * media types, what is acceptable, entity tags, codes. Pure functions on text that strangers sent.
 */
#ifndef LAN_API_HTTP_MAP_H
#define LAN_API_HTTP_MAP_H

#include "proto/coap/option.h"

enum http_method { HTTP_OTHER = 0, HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OPTIONS };
enum http_method http_method_of(const char *text);
/* HEAD is a GET; 0: none. */
uint8_t http_map_method(enum http_method m);

/* "/169/a/b": the slave's id (1..2147483647, digits alone), and the path behind it ("a/b"; NULL: there is no
 * '/' behind the id). False: it does not begin with an id. */
bool http_map_id(const char *path, uint32_t *id, const char **rest);
/* Is it a path of CoAP: at least one segment, none empty but the last, escapes whole, all of it UTF-8? Are
 * queries? */
bool http_map_path_ok(const char *path);
bool http_map_query_ok(const char *query);

/* The value of a parameter of a query ("since=5&x"), unescaped ("+" is a blank), NUL-terminated. False: not
 * there, escapes broken, a NUL in it, or longer than fits. */
bool http_map_param(const char *query, const char *name, char *out, size_t cap);

/* ---- codes. RFC 8075 table 2; RFC 8132 and 8516 for what came later. 502: no final response of CoAP. */
unsigned http_map_status(uint8_t code, bool has_body);
/* Why a request could not be made or answered. */
unsigned http_map_error(enum lan_err e);

/* ---- media types. Of a Content-Type; -1: there is none (NULL, ""), -2: not known (415). RFC 8075 section
 * 6.2: "application/coap-payload;cf=N" is N. */
int32_t http_map_format(const char *content_type);
/* Of a content format; -1: of text or octets, by what they are. `buf` takes what is not known (section 6.2).
 */
const char *http_map_media(int32_t format, const void *payload, size_t len, char buf[48]);

/* What an Accept asks for. */
struct http_accept {
	int32_t format; /* the content format to ask for; -1: none */
	bool any;       /* anything would do: a 4.06 is no last word */
	bool nothing;   /* nothing of what it accepts can be had: 406 */
	bool events;    /* text/event-stream is what it likes best */
	bool links;     /* application/link-format: likewise */
};
void http_map_accept(const char *value, struct http_accept *out); /* NULL: no header */

/* ---- entity tags: ETags of CoAP (1..8 octets) in quotes as hex. */
#define HTTP_ETAG_TEXT 20
void http_etag_text(const uint8_t *etag, size_t len, char out[HTTP_ETAG_TEXT]);
struct http_etag {
	bool star, weak, ours; /* ours: value and len are set */
	uint8_t value[8];
	size_t len;
};
/* The next one of a list; *at begins with the header's value. False: no more, or not a list (then *at is
 * NULL). */
bool http_etag_next(const char **at, struct http_etag *out);

/* The options If-Match, ETag and If-None-Match of a request. 0, or the status of the answer that is due at
 * once: 400, 412. */
unsigned http_map_conditions(
	uint8_t code, const char *if_match, const char *if_none_match, uint8_t *buf, size_t cap, size_t *len);
/* Does an If-None-Match name this ETag (or any)? Then a GET is answered with 304. */
bool http_map_not_modified(const char *if_none_match, const uint8_t *etag, size_t len);

/* Is `origin` ("https://host:port", "null") the site that `host` (a Host header) names? */
bool http_map_same_site(const char *origin, const char *host, bool tls);

#endif
