/*
 * addr.c - parsing and printing of addresses, see addr.h. A second colon
 * outside brackets is refused rather than guessed at: "::1:8123" could mean
 * either of two things.
 */
#include "io/addr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum lan_err parse_port(const char *text, uint16_t *out)
{
	size_t n = strspn(text, "0123456789");
	if (n == 0 || n > 5 || text[n] != '\0')
		return LAN_ERR_ADDR;
	long v = strtol(text, NULL, 10);
	if (v > UINT16_MAX)
		return LAN_ERR_ADDR;
	*out = (uint16_t)v;
	return LAN_OK;
}

enum lan_err lan_hostport_parse(const char *text, uint16_t default_port, struct lan_hostport *out)
{
	struct lan_hostport hp = {.port = default_port};
	const char *host = text, *rest;
	size_t n;
	if (*text == '[') {
		host = text + 1;
		const char *end = strchr(host, ']');
		if (!end || end == host)
			return LAN_ERR_ADDR;
		n = (size_t)(end - host);
		rest = end + 1;
	} else {
		n = strcspn(text, ":");
		rest = text + n;
		if (*rest && strchr(rest + 1, ':'))
			return LAN_ERR_ADDR;
	}
	if (n >= sizeof hp.host || (n == 0 && *rest == '\0'))
		return LAN_ERR_ADDR;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)host[i] <= ' ' || strchr("[]/\x7f", host[i]))
			return LAN_ERR_ADDR;
	memcpy(hp.host, host, n);
	if (*rest == '\0' ? default_port == 0 : *rest != ':')
		return LAN_ERR_ADDR;
	if (*rest && parse_port(rest + 1, &hp.port))
		return LAN_ERR_ADDR;
	*out = hp;
	return LAN_OK;
}

char *lan_hostport_text(const struct lan_hostport *hp, char *buf, size_t cap)
{
	snprintf(buf, cap, strchr(hp->host, ':') ? "[%s]:%u" : "%s:%u", hp->host, hp->port);
	return buf;
}

static bool parse_v6(const char *host, struct sockaddr_in6 *out)
{
	char addr[sizeof((struct lan_hostport *)0)->host];
	strcpy(addr, host);
	char *scope = strchr(addr, '%');
	if (scope) {
		*scope++ = '\0';
		out->sin6_scope_id = if_nametoindex(scope);
		if (!out->sin6_scope_id)
			out->sin6_scope_id = (uint32_t)strtoul(scope, NULL, 10);
		if (!out->sin6_scope_id)
			return false;
	}
	return inet_pton(AF_INET6, addr, &out->sin6_addr) == 1;
}

enum lan_err lan_sockaddr_numeric(const struct lan_hostport *hp, union lan_sockaddr *out)
{
	union lan_sockaddr a;
	memset(&a, 0, sizeof a);
	const char *host = *hp->host ? hp->host : "0.0.0.0";
	if (inet_pton(AF_INET, host, &a.v4.sin_addr) == 1) {
		a.v4.sin_family = AF_INET;
		a.v4.sin_port = htons(hp->port);
	} else if (parse_v6(host, &a.v6)) {
		a.v6.sin6_family = AF_INET6;
		a.v6.sin6_port = htons(hp->port);
	} else {
		return LAN_ERR_ADDR;
	}
	*out = a;
	return LAN_OK;
}

char *lan_sockaddr_text(const union lan_sockaddr *a, char *buf)
{
	char ip[INET6_ADDRSTRLEN] = "?";
	if (a->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a->v4.sin_addr, ip, sizeof ip);
		snprintf(buf, LAN_ADDR_TEXT_MAX, "%s:%u", ip, ntohs(a->v4.sin_port));
	} else if (a->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr)) {
		inet_ntop(AF_INET, &a->v6.sin6_addr.s6_addr[12], ip, sizeof ip);
		snprintf(buf, LAN_ADDR_TEXT_MAX, "%s:%u", ip, ntohs(a->v6.sin6_port));
	} else if (a->any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &a->v6.sin6_addr, ip, sizeof ip);
		snprintf(buf, LAN_ADDR_TEXT_MAX, "[%s]:%u", ip, ntohs(a->v6.sin6_port));
	} else {
		strcpy(buf, "?");
	}
	return buf;
}
