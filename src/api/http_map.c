/*
 * http_map.c - see http_map.h: methods, paths, queries, codes, sites.
 *
 * 4.05 becomes 405 although no slave says which methods it has (RFC 8075, table 2, note 7, would rather have
 * 400 then): 400 would tell a person less.
 */
#include "api/http_map.h"

#include <string.h>
#include <strings.h>
#include "base/utf8.h"

enum http_method http_method_of(const char *t)
{
	static const char *const names[] = {
		[HTTP_GET] = "GET",
		[HTTP_HEAD] = "HEAD",
		[HTTP_POST] = "POST",
		[HTTP_PUT] = "PUT",
		[HTTP_DELETE] = "DELETE",
		[HTTP_OPTIONS] = "OPTIONS",
	};
	for (unsigned m = HTTP_GET; m <= HTTP_OPTIONS; m++)
		if (strcmp(t, names[m]) == 0)
			return (enum http_method)m;
	return HTTP_OTHER;
}

uint8_t http_map_method(enum http_method m)
{
	switch (m) {
	case HTTP_GET:
	case HTTP_HEAD:
		return COAP_GET;
	case HTTP_POST:
		return COAP_POST;
	case HTTP_PUT:
		return COAP_PUT;
	case HTTP_DELETE:
		return COAP_DELETE;
	case HTTP_OPTIONS:
	case HTTP_OTHER:
		return 0;
	}
	return 0;
}

/* ---- paths and queries -------------------------------------------------------------- */

bool http_map_id(const char *p, uint32_t *id, const char **rest)
{
	uint64_t n = 0;
	if (*p++ != '/' || *p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		n = n * 10 + (uint64_t)(*p - '0');
		if (n > 0x7fffffff)
			return false;
	}
	if (n == 0 || (*p && *p != '/'))
		return false;
	*id = (uint32_t)n;
	*rest = *p ? p + 1 : NULL;
	return true;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* One octet of a text with escapes; -1: a broken one. */
static int octet(const char **p)
{
	const char *s = *p;
	if (*s != '%') {
		*p = s + 1;
		return (unsigned char)*s;
	}
	if (hex(s[1]) < 0 || hex(s[2]) < 0)
		return -1;
	*p = s + 3;
	return hex(s[1]) << 4 | hex(s[2]);
}

/* Pieces between `between`, each an option of at most 255 octets of UTF-8. */
static bool pieces_ok(const char *p, char between, bool may_be_empty)
{
	for (;;) {
		uint8_t piece[255];
		size_t n = 0;
		while (*p && *p != between) {
			int c = octet(&p);
			if (c < 0 || n == sizeof piece)
				return false;
			piece[n++] = (uint8_t)c;
		}
		bool dots = between == '/' && n && n <= 2 && piece[0] == '.' && piece[n - 1] == '.';
		if (dots || !lan_utf8_valid(piece, n) || (n == 0 && *p && !may_be_empty))
			return false;
		if (!*p++)
			return true;
	}
}

bool http_map_path_ok(const char *path)
{
	return *path && pieces_ok(path, '/', false);
}

bool http_map_query_ok(const char *query)
{
	return pieces_ok(query, '&', true);
}

bool http_map_param(const char *query, const char *name, char *out, size_t cap)
{
	size_t len = strlen(name), n = 0;
	for (const char *p = query; p; p = strchr(p, '&'), p = p ? p + 1 : NULL) {
		if (strncmp(p, name, len) != 0 || p[len] != '=')
			continue;
		for (p += len + 1; *p && *p != '&'; n++) {
			int c = *p == '+' ? (p++, ' ') : octet(&p);
			if (c <= 0 || n + 1 >= cap)
				return false;
			out[n] = (char)c;
		}
		if (n < cap)
			out[n] = '\0';
		return n < cap;
	}
	return false;
}

/* ---- codes -------------------------------------------------------------------------- */

static unsigned success(uint8_t code, bool has_body)
{
	switch (code) {
	case COAP_CREATED:
		return 201;
	case COAP_DELETED:
	case COAP_CHANGED:
		return has_body ? 200 : 204;
	case COAP_VALID:
		return 304;
	case COAP_CONTENT:
		return 200;
	default: /* 2.31 is none of a client's */
		return code == COAP_CONTINUE ? 502 : 200;
	}
}

unsigned http_map_status(uint8_t code, bool has_body)
{
	unsigned detail = code & 31u;
	if (COAP_CLASS(code) == 2)
		return success(code, has_body);
	if (COAP_CLASS(code) == 5)
		return detail <= 4 ? 500 + detail : code == COAP_HOP_LIMIT_REACHED ? 508 : 502;
	if (COAP_CLASS(code) != 4)
		return 502;
	switch (code) {
	case COAP_UNAUTHORIZED: /* there is no challenge that could be sent */
		return 403;
	case COAP_BAD_OPTION:
	case COAP_REQUEST_INCOMPLETE:
		return 400;
	case COAP_FORBIDDEN:
	case COAP_NOT_FOUND:
	case COAP_METHOD_NOT_ALLOWED:
	case COAP_NOT_ACCEPTABLE:
	case COAP_CONFLICT:
	case COAP_PRECONDITION_FAILED:
	case COAP_REQUEST_TOO_LARGE:
	case COAP_UNSUPPORTED_FORMAT:
	case COAP_UNPROCESSABLE:
	case COAP_TOO_MANY_REQUESTS:
		return 400 + detail;
	default: /* as 4.00: RFC 7252 section 5.9 */
		return 400;
	}
}

unsigned http_map_error(enum lan_err e)
{
	switch (e) {
	case LAN_ERR_NOTFOUND:
	case LAN_ERR_CLOSED:
		return 404;
	case LAN_ERR_TIMEOUT:
		return 504;
	case LAN_ERR_INVAL:
		return 400;
	case LAN_ERR_TOOBIG:
		return 413;
	case LAN_ERR_FULL:
	case LAN_ERR_LIMIT:
	case LAN_ERR_NOMEM:
	case LAN_ERR_AGAIN:
		return 503;
	default: /* reset, broken, unreachable */
		return 502;
	}
}

/* ---- sites --------------------------------------------------------------------------- */

/* Without the port a scheme has anyway. */
static size_t without_port(const char *host, const char *port)
{
	size_t n = strlen(host), m = strlen(port);
	return n > m && strcmp(host + n - m, port) == 0 ? n - m : n;
}

bool http_map_same_site(const char *origin, const char *host, bool tls)
{
	const char *scheme = tls ? "https://" : "http://", *port = tls ? ":443" : ":80";
	size_t n = strlen(scheme);
	if (!host || strncasecmp(origin, scheme, n) != 0)
		return false;
	origin += n;
	size_t a = without_port(origin, port), b = without_port(host, port);
	return a == b && strncasecmp(origin, host, a) == 0;
}
