/*
 * config_check.c - is this text a value of that key? One switch over the kinds;
 * every answer is a sentence that says what was expected.
 *
 * The words of YAML for truth are many ("on", "y", "1"); only true and false
 * (and yes and no) are taken, because libcyaml reads any other word as true.
 */
#include "daemon/config.h"

#include <arpa/inet.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include "base/units.h"
#include "base/utf8.h"
#include "io/addr.h"

#define DEFAULT_PORT 8123

static const char *check_name(const char *v)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t n = strlen(v);
	if (n == 0 || n > 64 || strspn(v, ok) != n)
		return "a name has 1 to 64 of the characters A-Z a-z 0-9 . _ -";
	return NULL;
}

/* NULL, or what is wrong: length, encoding, control characters. */
static const char *check_text(
	const char *v, uint64_t min, uint64_t max, const char *length, const char *chars)
{
	size_t n = strlen(v);
	if (n < min || n > max || !lan_utf8_valid(v, n))
		return length;
	for (; *v; v++)
		if ((unsigned char)*v < 0x20 || *v == 0x7f ||
			((unsigned char)v[0] == 0xc2 && (unsigned char)v[1] < 0xa0))
			return chars;
	return NULL;
}

static const char *check_id(const char *v)
{
	return check_text(v, 1, 255, "an id has 1 to 255 bytes of UTF-8", "an id has no control characters");
}

static const char *check_words(const struct config_key *k, const char *v, char *buf, size_t cap)
{
	snprintf(buf, cap, "expected %llu to %llu bytes of UTF-8", (unsigned long long)k->min,
		(unsigned long long)k->max);
	return check_text(v, k->min, k->max, buf, "it has no control characters");
}

/* The value is in no sentence. */
static const char *check_secret(const struct config_key *k, const char *v, char *buf, size_t cap)
{
	size_t n = strlen(v), blank = strspn(v, " ");
	if (strcmp(v, CONFIG_SECRET_SHOWN) == 0)
		return "\"" CONFIG_SECRET_SHOWN
		       "\" is what is shown in the place of a secret: write the secret";
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)v[i] < 0x20 || (unsigned char)v[i] > 0x7e)
			return "only printable ASCII characters work on this wire";
	if (blank == n && n)
		return "it is blank";
	if (n >= k->min && n <= k->max)
		return NULL;
	snprintf(buf, cap, "expected %llu to %llu characters", (unsigned long long)k->min,
		(unsigned long long)k->max);
	return buf;
}

static const char *check_file(const char *v)
{
	if (v[0] != '/')
		return "a path begins with /";
	return strlen(v) < PATH_MAX ? NULL : "the path is too long";
}

/* A numeric address of either family, without a port. */
static bool is_address(const char *v)
{
	struct in6_addr a;
	return inet_pton(AF_INET, v, &a) == 1 || inet_pton(AF_INET6, v, &a) == 1;
}

static const char *check_iface(const char *v)
{
	size_t n = strlen(v);
	if (is_address(v) || (n > 0 && n < IFNAMSIZ && strcspn(v, "/: \t\n") == n && strcmp(v, ".") != 0 &&
				     strcmp(v, "..") != 0))
		return NULL;
	return "expected the name of an interface (at most 15 characters), one of its addresses, or all";
}

static bool is_multicast(const union lan_sockaddr *sa)
{
	return sa->any.sa_family == AF_INET6 ? IN6_IS_ADDR_MULTICAST(&sa->v6.sin6_addr)
					     : IN_MULTICAST(ntohl(sa->v4.sin_addr.s_addr));
}

static const char *check_group(const char *v)
{
	struct lan_hostport hp;
	union lan_sockaddr sa;
	const char *colon = strchr(v, ':'), *port = strrchr(v, ':');
	if (lan_hostport_parse(v, 0, &hp) != LAN_OK) {
		if (v[0] != '[' && colon && strchr(colon + 1, ':'))
			return "an IPv6 group is written in brackets: [ff02::1:5]:5000";
		if (port && port[1] && strspn(port + 1, "0123456789") == strlen(port + 1))
			return "the port is a number 1 to 65535";
		return "expected GROUP:PORT, e.g. 239.1.2.3:5000";
	}
	if (!hp.host[0] || lan_sockaddr_numeric(&hp, &sa) != LAN_OK || !is_multicast(&sa))
		return "not a multicast group: 224.0.0.0 to 239.255.255.255, or ff00::/8";
	return hp.port ? NULL : "the port is a number 1 to 65535";
}

static const char *check_path(const char *v)
{
	if (v[0] != '/')
		return "a path begins with /";
	if (strlen(v) >= sizeof((struct sockaddr_un *)0)->sun_path)
		return "the path of a socket has at most 107 bytes";
	return NULL;
}

/* What io/addr.h reads; this only finds the words for what it refuses. */
static const char *check_address(const char *v, bool listen)
{
	struct lan_hostport hp;
	union lan_sockaddr sa;
	const char *colon = strchr(v, ':'), *port = strrchr(v, ':');
	if (lan_hostport_parse(v, listen ? 0 : DEFAULT_PORT, &hp) != LAN_OK) {
		if (v[0] != '[' && colon && strchr(colon + 1, ':'))
			return "an IPv6 address is written in brackets: [ADDRESS]:PORT";
		if (port && strspn(port + 1, "0123456789") == strlen(port + 1) &&
			strtoul(port + 1, NULL, 10) > UINT16_MAX)
			return listen ? "a port is a number 0 to 65535" : "the port is a number 1 to 65535";
		return listen ? "expected ADDRESS:PORT, e.g. 127.0.0.1:8123" : "expected HOST or HOST:PORT";
	}
	if (listen)
		return lan_sockaddr_numeric(&hp, &sa) == LAN_OK
			       ? NULL
			       : "listen on a numeric address (0.0.0.0 is all of this host)";
	if (!hp.host[0])
		return "the host is missing before the port";
	return hp.port ? NULL : "the port is a number 1 to 65535";
}

static const char *show(const struct config_key *k, uint64_t v, char *buf, size_t cap)
{
	if (k->kind == CONFIG_DURATION)
		return lan_format_duration(v, buf, cap);
	if (k->kind == CONFIG_SIZE && v && v % (1u << 20) == 0)
		snprintf(buf, cap, "%lluM", (unsigned long long)(v >> 20));
	else if (k->kind == CONFIG_SIZE && v && v % (1u << 10) == 0)
		snprintf(buf, cap, "%lluK", (unsigned long long)(v >> 10));
	else
		snprintf(buf, cap, "%llu", (unsigned long long)v);
	return buf;
}

static const char *check_number(const struct config_key *k, const char *v, char *buf, size_t cap)
{
	uint64_t n = 0;
	char lo[32], hi[32];
	enum lan_err e = LAN_ERR_INVAL;
	const char *form = "expected a whole number";
	if (k->kind == CONFIG_DURATION) {
		e = lan_parse_duration(v, &n);
		form = "expected a duration such as 250ms, 2s or 5m";
	} else if (k->kind == CONFIG_SIZE) {
		e = lan_parse_size(v, &n);
		form = "expected a size such as 4096, 64K or 1M";
	} else if (strlen(v) && strlen(v) <= 10 && strspn(v, "0123456789") == strlen(v) &&
		   (v[0] != '0' || !v[1])) {
		n = strtoull(v, NULL, 10);
		e = LAN_OK;
	}
	if (e == LAN_ERR_INVAL)
		return form;
	if (e == LAN_OK && ((n >= k->min && n <= k->max) || (k->zero && n == 0)))
		return NULL;
	snprintf(buf, cap, "allowed is %s%s to %s", k->zero ? "0, or " : "", show(k, k->min, lo, sizeof lo),
		show(k, k->max, hi, sizeof hi));
	return buf;
}

static const char *check_word(const struct config_key *k, const char *v, char *buf, size_t cap)
{
	size_t at = 0;
	for (size_t i = 0; k->words[i]; i++)
		if (strcmp(v, k->words[i]) == 0)
			return NULL;
	const char *guess = config_suggest_word(k->words, v);
	if (guess) {
		snprintf(buf, cap, "did you mean \"%s\"?", guess);
		return buf;
	}
	for (size_t i = 0; k->words[i]; i++)
		at += (size_t)snprintf(buf + at, cap - at, "%s%s",
			i == 0            ? "expected "
			: k->words[i + 1] ? ", "
					  : " or ",
			k->words[i]);
	return buf;
}

const char *config_check(const struct config_key *k, const char *v, char *buf, size_t cap)
{
	struct config_key one = *k;
	switch (k->kind) {
	case CONFIG_NAME:
		return check_name(v);
	case CONFIG_WORD:
		return check_word(k, v, buf, cap);
	case CONFIG_PATH:
		return check_path(v);
	case CONFIG_LISTEN:
		return check_address(v, true);
	case CONFIG_CONNECT:
		return check_address(v, false);
	case CONFIG_FILE:
		return check_file(v);
	case CONFIG_STATE:
		return strcmp(v, "none") == 0 || v[0] == '/' ? check_file(v[0] == '/' ? v : "/")
							     : "expected a path that begins with /, or none";
	case CONFIG_GROUP:
		return check_group(v);
	case CONFIG_ADDRESS:
		return is_address(v) ? NULL : "expected a numeric address, e.g. 192.0.2.7";
	case CONFIG_IFACE:
		return check_iface(v);
	case CONFIG_ID:
		return check_id(v);
	case CONFIG_TEXT:
		return check_words(k, v, buf, cap);
	case CONFIG_SECRET:
		return check_secret(k, v, buf, cap);
	case CONFIG_LIST:
		one.kind = k->of;
		return config_check(&one, v, buf, cap);
	case CONFIG_DURATION:
	case CONFIG_SIZE:
	case CONFIG_COUNT:
		return check_number(k, v, buf, cap);
	case CONFIG_BOOL:
		if (strcmp(v, "true") == 0 || strcmp(v, "false") == 0 || strcmp(v, "yes") == 0 ||
			strcmp(v, "no") == 0)
			return NULL;
		return "expected true or false";
	case CONFIG_GLOB:
	case CONFIG_HEX:
	case CONFIG_OCTET:
	case CONFIG_ETHERTYPE:
	case CONFIG_HELLO:
	case CONFIG_PREFIX:
	case CONFIG_LABEL:
	case CONFIG_URL:
	case CONFIG_NETWORK:
	case CONFIG_URI:
		return config_check_wire(k, v, buf, cap);
	case CONFIG_MAP:
	case CONFIG_MAPS:
		return "expected more than a single value";
	}
	return NULL;
}
