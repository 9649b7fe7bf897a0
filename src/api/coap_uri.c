/*
 * coap_uri.c - a URI of <lanyard/coap.h> taken apart: coap://HOST[:PORT]/PATH?QUERY (RFC 7252 section 6),
 * and the two of Lanyard that name a network instead of a host: coap+eth://IFACE/MAC/PATH?QUERY and
 * coap+xbee://DEVICE/A:B/PATH?QUERY. Path and query stay as they are; the core decomposes them.
 *
 * Refused: other schemes (coaps: there is no DTLS here), a user, a fragment, an empty host.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "api/coap_int.h"

#define DEFAULT_PORT 5683

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Percent-decoded text without NUL. */
static bool decode(const char *p, size_t n, char *out, size_t cap)
{
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		char c = p[i];
		if (c == '%') {
			int hi = i + 2 < n ? hex_digit(p[i + 1]) : -1, lo = hi < 0 ? -1 : hex_digit(p[i + 2]);
			if (lo < 0)
				return false;
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		if (!c || k + 1 >= cap)
			return false;
		out[k++] = c;
	}
	out[k] = '\0';
	return true;
}

/* The scheme and what follows "://"; NULL: none of ours. */
static const char *scheme_of(const char *text, enum talk_scheme *out)
{
	static const struct {
		const char *name;
		enum talk_scheme scheme;
	} schemes[] = {{"coap://", TALK_UDP}, {"coap+eth://", TALK_ETHERNET}, {"coap+xbee://", TALK_XBEE}};
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (strncasecmp(text, schemes[i].name, strlen(schemes[i].name)) == 0) {
			*out = schemes[i].scheme;
			return text + strlen(schemes[i].name);
		}
	return NULL;
}

/* HOST[:PORT] or [V6]:PORT. */
static bool take_host(struct talk_uri *u, const char *p, size_t n)
{
	char text[300];
	struct lan_hostport hp;
	if (!decode(p, n, text, sizeof text) || lan_hostport_parse(text, DEFAULT_PORT, &hp) || !hp.host[0])
		return false;
	memcpy(u->host, hp.host, sizeof u->host);
	u->port = hp.port;
	return hp.port != 0;
}

/* Where the authority or the next segment ends. */
static size_t segment(const char *p, const char *end)
{
	size_t n = 0;
	while (p + n < end && p[n] != '/')
		n++;
	return n;
}

static enum lan_err take_network(struct talk_uri *u, const char **at, const char *end, const char **why)
{
	size_t n = segment(*at, end);
	const char *peer = *at + n + (*at + n < end);
	size_t len = segment(peer, end);
	bool eth = u->scheme == TALK_ETHERNET;
	if (!n || !decode(*at, n, u->host, sizeof u->host))
		return talk_why(why, LAN_ERR_ADDR, "%s is missing, or wrongly written, behind coap+%s://",
			eth ? "the interface" : "the device", eth ? "eth" : "xbee");
	if (!len || !decode(peer, len, u->peer, sizeof u->peer))
		return talk_why(why, LAN_ERR_ADDR, "the address is missing, or wrongly written: %s",
			eth ? "coap+eth://IFACE/MAC/PATH" : "coap+xbee://DEVICE/A:B/PATH");
	*at = peer + len;
	return LAN_OK;
}

enum lan_err talk_uri(const char *text, struct talk_uri *out, const char **why)
{
	struct talk_uri u = {0};
	const char *at = text ? scheme_of(text, &u.scheme) : NULL;
	enum lan_err e = LAN_OK;
	if (!at)
		return talk_why(
			why, LAN_ERR_ADDR, "not a URI that begins with coap://, coap+eth:// or coap+xbee://");
	if (strchr(at, '#'))
		return talk_why(why, LAN_ERR_ADDR, "a URI of CoAP has no #fragment");
	const char *query = strchr(at, '?'), *end = query ? query : at + strlen(at);
	u.query = query ? query + 1 : end;
	u.query_len = query ? strlen(query + 1) : 0;
	if (u.scheme == TALK_UDP) {
		size_t n = segment(at, end);
		if (memchr(at, '@', n))
			return talk_why(why, LAN_ERR_ADDR, "a URI of CoAP has no user");
		if (!take_host(&u, at, n))
			return talk_why(why, LAN_ERR_ADDR,
				"expected coap://HOST[:PORT]/PATH (an IPv6 address in brackets)");
		at += n;
	} else {
		e = take_network(&u, &at, end, why);
	}
	u.path = at + (at < end);
	u.path_len = (size_t)(end - u.path);
	if (!e)
		*out = u;
	return e;
}
