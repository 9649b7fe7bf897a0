/*
 * uri.c - see option.h: paths and queries as text and as options (RFC 7252 sections 6.4 and 6.5), and the
 * pieces of a coap URI (section 6.1, RFC 3986).
 *
 * Refused: an escape that is none, a segment no option holds, the segments "." and ".." (section 5.10.1: no
 * value of Uri-Path); in a URI a fragment, user information, an empty host, port 0, blanks.
 */
#include "proto/coap/option.h"

#define SEGMENT 255

/* Octets that stand for themselves: unreserved, sub-delims and ":" "@" of RFC 3986. */
static bool plain(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~!$&'()*+,;=:@", c) != NULL);
}

static bool plain_in_query(uint8_t c)
{
	return c == '/' || c == '?' || (c != '&' && plain(c));
}

/* --- options as text ---------------------------------------------------------------------- */

static void escape(struct lan_wr *w, const uint8_t *p, size_t len, bool (*is_plain)(uint8_t))
{
	static const char digit[] = "0123456789ABCDEF";

	for (size_t i = 0; i < len; i++)
		if (is_plain(p[i]))
			lan_wr_u8(w, p[i]);
		else
			lan_wr_bytes(w, (char[]){'%', digit[p[i] >> 4], digit[p[i] & 15]}, 3);
}

static enum lan_err joined(const struct coap_msg *m, uint32_t number, char between, bool (*is_plain)(uint8_t),
	char *out, size_t cap)
{
	struct lan_wr w = lan_wr_of(out, cap);
	const uint8_t *p;
	size_t len;

	for (size_t i = 0; coap_find(m, number, i, &p, &len); i++) {
		/* A '/' that begins a path is passed over when it is read, so one that matters is doubled. */
		if (i == 1 && w.off == 0 && between == '/')
			lan_wr_u8(&w, '/');
		if (i)
			lan_wr_u8(&w, (uint8_t)between);
		escape(&w, p, len, is_plain);
	}
	lan_wr_u8(&w, 0);
	return w.bad ? LAN_ERR_TOOBIG : LAN_OK;
}

enum lan_err coap_path(const struct coap_msg *m, uint32_t number, char *out, size_t cap)
{
	return joined(m, number, '/', plain, out, cap);
}

enum lan_err coap_query(const struct coap_msg *m, uint32_t number, char *out, size_t cap)
{
	return joined(m, number, '&', plain_in_query, out, cap);
}

/* --- text as options ---------------------------------------------------------------------- */

static int digit_of(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* One segment without its escapes; its length, or -1. */
static int unescape(const char *p, size_t len, uint8_t out[SEGMENT])
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++, n++) {
		if (n == SEGMENT)
			return -1;
		out[n] = (uint8_t)p[i];
		if (p[i] != '%')
			continue;
		if (len - i < 3 || digit_of(p[i + 1]) < 0 || digit_of(p[i + 2]) < 0)
			return -1;
		out[n] = (uint8_t)(digit_of(p[i + 1]) << 4 | digit_of(p[i + 2]));
		i += 2;
	}
	return (int)n;
}

static bool is_dots(const uint8_t *p, int n)
{
	return (n == 1 || n == 2) && p[0] == '.' && p[n - 1] == '.';
}

/* Text cut at `between`, each piece an option. */
static enum lan_err cut(struct coap_wr *w, uint32_t number, const char *text, size_t len, char between)
{
	uint8_t octets[SEGMENT];

	for (const char *p = text, *end = text + len, *stop; p <= end; p = stop + 1) {
		stop = p < end ? memchr(p, between, (size_t)(end - p)) : NULL;
		if (!stop)
			stop = end;
		int n = unescape(p, (size_t)(stop - p), octets);
		if (n < 0 || (between == '/' && is_dots(octets, n))) {
			w->w.bad = true;
			return LAN_ERR_INVAL;
		}
		coap_put(w, number, octets, (size_t)n);
	}
	return LAN_OK;
}

enum lan_err coap_put_path(struct coap_wr *w, uint32_t number, const char *path, size_t len)
{
	if (len && *path == '/')
		path++, len--;
	return len ? cut(w, number, path, len, '/') : LAN_OK;
}

enum lan_err coap_put_query(struct coap_wr *w, uint32_t number, const char *query, size_t len)
{
	return len ? cut(w, number, query, len, '&') : LAN_OK;
}

/* --- a URI in pieces ------------------------------------------------------------------------- */

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "://" behind a scheme, or NULL. */
static const char *scheme_end(const char *uri)
{
	const char *p = uri;

	if (!letter(*p))
		return NULL;
	while (letter(*p) || (*p >= '0' && *p <= '9') || *p == '+' || *p == '-' || *p == '.')
		p++;
	return strncmp(p, "://", 3) == 0 ? p : NULL;
}

/* ":port" or nothing, up to the end. */
static bool take_port(const char *p, const char *end, uint16_t *port)
{
	uint32_t v = 0;

	*port = 0;
	if (p == end)
		return true;
	if (*p++ != ':')
		return false;
	if (p == end)
		return true; /* RFC 3986 section 3.2.3: an empty port is none */
	for (; p < end; p++) {
		if (*p < '0' || *p > '9' || (v = 10 * v + (uint32_t)(*p - '0')) > 65535)
			return false;
	}
	*port = (uint16_t)v;
	return v > 0;
}

static bool take_authority(const char *p, const char *end, struct coap_uri *u)
{
	const char *stop;

	if (p < end && *p == '[') {
		p++;
		stop = memchr(p, ']', (size_t)(end - p));
		if (!stop)
			return false;
		u->host = p, u->host_len = (size_t)(stop - p);
		return u->host_len && !memchr(p, '[', u->host_len) && take_port(stop + 1, end, &u->port);
	}
	stop = memchr(p, ':', (size_t)(end - p));
	if (!stop)
		stop = end;
	u->host = p, u->host_len = (size_t)(stop - p);
	for (const char *c = p; c < stop; c++)
		if (*c == '@' || (*c != '%' && !plain((uint8_t)*c) && (uint8_t)*c < 0x80))
			return false;
	return u->host_len && take_port(stop, end, &u->port);
}

enum lan_err coap_uri_split(const char *uri, struct coap_uri *out)
{
	const char *colon = scheme_end(uri);
	struct coap_uri u = {.scheme = uri};

	if (!colon)
		return LAN_ERR_INVAL;
	for (const char *p = colon; *p; p++)
		if ((uint8_t)*p <= ' ' || *p == 0x7f || *p == '#')
			return LAN_ERR_INVAL;
	u.scheme_len = (size_t)(colon - uri);
	const char *authority = colon + 3, *end = authority + strcspn(authority, "/?");
	if (!take_authority(authority, end, &u))
		return LAN_ERR_INVAL;
	u.path = end, u.path_len = strcspn(end, "?");
	u.query = u.path + u.path_len;
	if (*u.query)
		u.query++;
	u.query_len = strlen(u.query);
	*out = u;
	return LAN_OK;
}
