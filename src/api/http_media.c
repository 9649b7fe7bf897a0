/*
 * http_media.c - see http_map.h: media types, Accept (RFC 9110 section 12.5.1), entity tags (section 8.8.3)
 * and the conditions made of them.
 *
 * An Accept with which anything would do is not handed on unless what it likes best is a content format: to
 * CoAP an Accept is a demand, and a browser's list of what it can show is none.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "api/http_map.h"
#include "base/utf8.h"

#define UNKNOWN_TYPE "application/coap-payload" /* RFC 8075 section 6.2 */

/* ---- texts ---------------------------------------------------------------------------- */

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

static size_t trimmed(const char *p, size_t n)
{
	while (n && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	return n;
}

/* Up to a ',' (or ';') that is not in quotes. */
static size_t piece(const char *p, char stop)
{
	bool quoted = false;
	size_t n = 0;
	for (; p[n] && (quoted || (p[n] != ',' && p[n] != stop)); n++)
		if (p[n] == '"')
			quoted = !quoted;
		else if (p[n] == '\\' && quoted && p[n + 1])
			n++;
	return n;
}

static bool is(const char *p, size_t n, const char *text)
{
	return n == strlen(text) && strncasecmp(p, text, n) == 0;
}

/* ---- Content-Type --------------------------------------------------------------------- */

/* Behind "application/coap-payload": ";cf=N". */
static int32_t named_format(const char *p, size_t n)
{
	uint32_t v = 0;
	size_t at = 0;
	while (at < n && (p[at] == ' ' || p[at] == '\t' || p[at] == ';'))
		at++;
	if (n - at < 4 || strncasecmp(p + at, "cf=", 3) != 0)
		return -2;
	for (at += 3; at < n; at++) {
		if (p[at] < '0' || p[at] > '9' || (v = v * 10 + (uint32_t)(p[at] - '0')) > 65535)
			return -2;
	}
	return (int32_t)v;
}

static int32_t format_of(const char *p, size_t n)
{
	uint32_t format;
	size_t unknown = strlen(UNKNOWN_TYPE);
	if (n > unknown && strncasecmp(p, UNKNOWN_TYPE, unknown) == 0)
		return named_format(p + unknown, n - unknown);
	return coap_content_format(p, n, &format) ? (int32_t)format : -2;
}

int32_t http_map_format(const char *content_type)
{
	const char *p = content_type ? skip_blanks(content_type) : "";
	size_t n = trimmed(p, strlen(p));
	/* What `curl -d` says of anything when nobody told it: then nobody did. */
	if (is(p, n, "application/x-www-form-urlencoded"))
		return -1;
	return n ? format_of(p, n) : -1;
}

const char *http_map_media(int32_t format, const void *payload, size_t len, char buf[48])
{
	const char *type = format >= 0 ? coap_media_type((uint32_t)format) : NULL;
	if (type)
		return type;
	if (format < 0)
		return lan_utf8_valid(payload, len) ? "text/plain;charset=utf-8" : "application/octet-stream";
	snprintf(buf, 48, UNKNOWN_TYPE ";cf=%d", format);
	return buf;
}

/* ---- Accept ----------------------------------------------------------------------------- */

struct range {
	const char *type;
	size_t len; /* type and parameters, without q */
	unsigned q; /* thousandths */
};

/* "0.25": 250. What is none is taken for 1. */
static unsigned quality(const char *p, size_t n)
{
	unsigned v = 0, unit = 100;
	if (n == 0 || (p[0] != '0' && p[0] != '1'))
		return 1000;
	if (p[0] == '1')
		return 1000;
	for (size_t i = 2; i < n && i < 5 && p[i] >= '0' && p[i] <= '9'; i++, unit /= 10)
		v += (unsigned)(p[i] - '0') * unit;
	return v;
}

static bool range_next(const char **at, struct range *out)
{
	const char *p = *at + strspn(*at, " \t,");
	if (!*p)
		return false;
	size_t all = piece(p, ',');
	*out = (struct range){.type = p, .len = trimmed(p, all), .q = 1000};
	for (size_t i = piece(p, ';'); i < all;) {
		const char *param = skip_blanks(p + i + 1);
		size_t n = piece(param, ';');
		if (n >= 2 && (param[0] == 'q' || param[0] == 'Q') && param[1] == '=') {
			out->q = quality(param + 2, n - 2);
			out->len = trimmed(p, i);
			break;
		}
		i = (size_t)(param - p) + n;
	}
	*at = p + all;
	return true;
}

static bool is_wide(const struct range *r)
{
	return r->len >= 2 && strncmp(r->type + r->len - 2, "/*", 2) == 0;
}

void http_map_accept(const char *value, struct http_accept *out)
{
	struct range r;
	unsigned best = 0, best_format = 0;
	bool first_is_format = false, wide = false;
	*out = (struct http_accept){.format = -1, .any = !value};
	for (const char *at = value ? value : ""; range_next(&at, &r);) {
		if (r.q == 0)
			continue;
		int32_t format = is_wide(&r) ? -2 : format_of(r.type, r.len);
		bool events = is(r.type, r.len, "text/event-stream");
		wide = wide || is_wide(&r);
		out->any = out->any || is(r.type, r.len, "*/*");
		if (r.q > best) { /* the first of the best */
			best = r.q;
			first_is_format = format >= 0;
			out->events = events;
			out->links = format == 40;
		}
		if (format >= 0 && r.q > best_format) {
			best_format = r.q;
			out->format = format;
		}
	}
	if (value && best == 0 && *skip_blanks(value) == '\0')
		out->any = true; /* an empty header says nothing */
	if ((out->any || wide) && !first_is_format)
		out->format = -1;
	out->any = out->any || wide;
	out->nothing = !out->any && !out->events && out->format < 0;
}

/* ---- entity tags -------------------------------------------------------------------------- */

void http_etag_text(const uint8_t *etag, size_t len, char out[HTTP_ETAG_TEXT])
{
	static const char digit[] = "0123456789abcdef";
	char *p = out;
	*p++ = '"';
	for (size_t i = 0; i < len && i < 8; i++)
		*p++ = digit[etag[i] >> 4], *p++ = digit[etag[i] & 15];
	*p++ = '"';
	*p = '\0';
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What stands between the quotes. */
static bool is_ours(const char *p, size_t n, struct http_etag *out)
{
	if (n == 0 || n > 16 || n % 2)
		return false;
	for (size_t i = 0; i < n; i += 2) {
		if (hex(p[i]) < 0 || hex(p[i + 1]) < 0)
			return false;
		out->value[i / 2] = (uint8_t)(hex(p[i]) << 4 | hex(p[i + 1]));
	}
	out->len = n / 2;
	return true;
}

bool http_etag_next(const char **at, struct http_etag *out)
{
	const char *p = *at + strspn(*at, " \t,");
	*out = (struct http_etag){0};
	*at = p;
	if (!*p)
		return false;
	if (*p == '*') {
		out->star = true;
		*at = p + 1;
		return true;
	}
	out->weak = strncmp(p, "W/", 2) == 0;
	p += out->weak ? 2 : 0;
	const char *end = *p == '"' ? strchr(p + 1, '"') : NULL;
	*at = end ? end + 1 : NULL;
	if (!end)
		return false;
	out->ours = is_ours(p + 1, (size_t)(end - p) - 1, out);
	return true;
}

bool http_map_not_modified(const char *if_none_match, const uint8_t *etag, size_t len)
{
	struct http_etag t;
	if (!if_none_match || !len)
		return false;
	for (const char *at = if_none_match; at && http_etag_next(&at, &t);)
		if (t.star || (t.ours && t.len == len && memcmp(t.value, etag, len) == 0))
			return true;
	return false;
}

/* Strong tags of ours (or `*`) as If-Match; none of them: it cannot match. */
static unsigned put_if_match(struct coap_wr *w, const char *list)
{
	struct http_etag t;
	bool any = false;
	const char *at = list;
	while (at && http_etag_next(&at, &t)) {
		if (!t.star && (t.weak || !t.ours))
			continue;
		coap_put(w, COAP_IF_MATCH, t.value, t.star ? 0 : t.len);
		any = true;
	}
	return !at ? 400 : any ? 0 : 412;
}

static unsigned put_etags(struct coap_wr *w, const char *list)
{
	struct http_etag t;
	const char *at = list;
	while (at && http_etag_next(&at, &t))
		if (t.ours)
			coap_put(w, COAP_ETAG, t.value, t.len);
	return at ? 0 : 400;
}

static unsigned put_if_none_match(struct coap_wr *w, const char *list)
{
	struct http_etag t;
	const char *at = list;
	if (!http_etag_next(&at, &t) || !t.star)
		return 400; /* CoAP has a word for "if there is nothing" alone */
	coap_put(w, COAP_IF_NONE_MATCH, NULL, 0);
	return 0;
}

unsigned http_map_conditions(
	uint8_t code, const char *if_match, const char *if_none_match, uint8_t *buf, size_t cap, size_t *len)
{
	struct coap_wr w = coap_begin_options(buf, cap);
	unsigned status = if_match ? put_if_match(&w, if_match) : 0;
	if (!status && if_none_match)
		status = code == COAP_GET ? put_etags(&w, if_none_match)
					  : put_if_none_match(&w, if_none_match);
	*len = coap_end(&w);
	return status ? status : w.w.bad ? 400 : 0;
}
