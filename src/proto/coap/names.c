/*
 * names.c - see option.h: content formats and their media types (RFC 7252 section 12.3 and the registry of
 * "CoAP Content-Formats"), codes and their names (section 12.1).
 */
#include "proto/coap/option.h"

/* A media type that matters only with a parameter is written with it, in the registry's own form; of two with
 * the same type the one with the parameter comes first. Formats with a content coding are left out: HTTP says
 * that elsewhere. */
static const struct {
	uint16_t format;
	const char *type;
} formats[] = {
	{0, "text/plain;charset=utf-8"},
	{16, "application/cose;cose-type=\"cose-encrypt0\""},
	{17, "application/cose;cose-type=\"cose-mac0\""},
	{18, "application/cose;cose-type=\"cose-sign1\""},
	{19, "application/ace+cbor"},
	{21, "image/gif"},
	{22, "image/jpeg"},
	{23, "image/png"},
	{40, "application/link-format"},
	{41, "application/xml"},
	{42, "application/octet-stream"},
	{47, "application/exi"},
	{50, "application/json"},
	{51, "application/json-patch+json"},
	{52, "application/merge-patch+json"},
	{60, "application/cbor"},
	{61, "application/cwt"},
	{62, "application/multipart-core"},
	{63, "application/cbor-seq"},
	{96, "application/cose;cose-type=\"cose-encrypt\""},
	{97, "application/cose;cose-type=\"cose-mac\""},
	{98, "application/cose;cose-type=\"cose-sign\""},
	{101, "application/cose-key"},
	{102, "application/cose-key-set"},
	{110, "application/senml+json"},
	{111, "application/sensml+json"},
	{112, "application/senml+cbor"},
	{113, "application/sensml+cbor"},
	{114, "application/senml-exi"},
	{115, "application/sensml-exi"},
	{140, "application/yang-data+cbor;id=sid"},
	{256, "application/coap-group+json"},
	{257, "application/concise-problem-details+cbor"},
	{258, "application/swid+cbor"},
	{271, "application/dots+cbor"},
	{272, "application/missing-blocks+cbor-seq"},
	{310, "application/senml+xml"},
	{311, "application/sensml+xml"},
	{320, "application/senml-etch+json"},
	{322, "application/senml-etch+cbor"},
	{341, "application/yang-data+cbor;id=name"},
	{340, "application/yang-data+cbor"},
	{432, "application/td+json"},
	{10000, "application/vnd.ocf+cbor"},
	{10001, "application/oscore"},
	{10002, "application/javascript"},
	{11542, "application/vnd.oma.lwm2m+tlv"},
	{11543, "application/vnd.oma.lwm2m+json"},
	{11544, "application/vnd.oma.lwm2m+cbor"},
	{20000, "text/css"},
	{30000, "image/svg+xml"},
};
#define N_FORMATS (sizeof formats / sizeof *formats)

const char *coap_media_type(uint32_t format)
{
	for (size_t i = 0; i < N_FORMATS; i++)
		if (formats[i].format == format)
			return formats[i].type;
	return NULL;
}

/* --- media types as people write them ---------------------------------------------------------- */

struct text {
	const char *p;
	size_t len;
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool same(struct text a, struct text b)
{
	size_t i = 0;

	while (a.len == b.len && i < a.len && lower(a.p[i]) == lower(b.p[i]))
		i++;
	return a.len == b.len && i == a.len;
}

static struct text trimmed(struct text t)
{
	while (t.len && (*t.p == ' ' || *t.p == '\t'))
		t.p++, t.len--;
	while (t.len && (t.p[t.len - 1] == ' ' || t.p[t.len - 1] == '\t'))
		t.len--;
	return t;
}

/* What stands before the next `stop`; *t is what follows it. */
static struct text before(struct text *t, char stop)
{
	const char *at = t->len ? memchr(t->p, stop, t->len) : NULL;
	struct text head = {t->p, at ? (size_t)(at - t->p) : t->len};

	t->p += head.len + (at != NULL), t->len -= head.len + (at != NULL);
	return trimmed(head);
}

static struct text unquoted(struct text t)
{
	if (t.len >= 2 && *t.p == '"' && t.p[t.len - 1] == '"')
		t.p++, t.len -= 2;
	return t;
}

static struct text text_of(const char *s)
{
	return (struct text){s, strlen(s)};
}

/* Is the parameter among those given? -1: with another value; 0: no. */
static int has(struct text given, struct text parameter)
{
	struct text name = before(&parameter, '='), value = unquoted(trimmed(parameter));

	while (given.len) {
		struct text v = before(&given, ';'), n = before(&v, '=');
		v = unquoted(trimmed(v));
		if (same(n, name))
			return same(v, value) || (same(name, text_of("charset")) &&
							 same(v, text_of("us-ascii")))
				       ? 1
				       : -1;
	}
	return 0;
}

bool coap_content_format(const char *media_type, size_t len, uint32_t *format)
{
	struct text given = {media_type, len}, type = before(&given, ';');

	for (size_t i = 0; i < N_FORMATS; i++) {
		struct text parameter = text_of(formats[i].type);
		if (!same(before(&parameter, ';'), type))
			continue;
		/* Text without a charset is taken for what it nearly always is. */
		int found = parameter.len ? has(given, parameter) : 1;
		if (found > 0 || (found == 0 && formats[i].format == 0)) {
			*format = formats[i].format;
			return true;
		}
	}
	return false;
}

/* --- codes -------------------------------------------------------------------------------------- */

static const struct {
	uint8_t code;
	const char *name;
} codes[] = {
	{COAP_GET, "GET"},
	{COAP_POST, "POST"},
	{COAP_PUT, "PUT"},
	{COAP_DELETE, "DELETE"},
	{COAP_FETCH, "FETCH"},
	{COAP_PATCH, "PATCH"},
	{COAP_IPATCH, "iPATCH"},
	{COAP_CREATED, "Created"},
	{COAP_DELETED, "Deleted"},
	{COAP_VALID, "Valid"},
	{COAP_CHANGED, "Changed"},
	{COAP_CONTENT, "Content"},
	{COAP_CONTINUE, "Continue"},
	{COAP_BAD_REQUEST, "Bad Request"},
	{COAP_UNAUTHORIZED, "Unauthorized"},
	{COAP_BAD_OPTION, "Bad Option"},
	{COAP_FORBIDDEN, "Forbidden"},
	{COAP_NOT_FOUND, "Not Found"},
	{COAP_METHOD_NOT_ALLOWED, "Method Not Allowed"},
	{COAP_NOT_ACCEPTABLE, "Not Acceptable"},
	{COAP_REQUEST_INCOMPLETE, "Request Entity Incomplete"},
	{COAP_CONFLICT, "Conflict"},
	{COAP_PRECONDITION_FAILED, "Precondition Failed"},
	{COAP_REQUEST_TOO_LARGE, "Request Entity Too Large"},
	{COAP_UNSUPPORTED_FORMAT, "Unsupported Content-Format"},
	{COAP_UNPROCESSABLE, "Unprocessable Entity"},
	{COAP_TOO_MANY_REQUESTS, "Too Many Requests"},
	{COAP_INTERNAL_ERROR, "Internal Server Error"},
	{COAP_NOT_IMPLEMENTED, "Not Implemented"},
	{COAP_BAD_GATEWAY, "Bad Gateway"},
	{COAP_UNAVAILABLE, "Service Unavailable"},
	{COAP_GATEWAY_TIMEOUT, "Gateway Timeout"},
	{COAP_PROXYING_NOT_SUPPORTED, "Proxying Not Supported"},
	{COAP_HOP_LIMIT_REACHED, "Hop Limit Reached"},
};

const char *coap_code_name(uint8_t code)
{
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (codes[i].code == code)
			return codes[i].name;
	return "";
}
