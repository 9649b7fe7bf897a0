/*
 * config_check_wire.c - is this text a value of a key that only neighbors or
 * sensors have: interfaces with globs, octets, EtherTypes, MAC addresses,
 * prefixes, labels; networks, paths of URLs.
 * The answers are those of config_check.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/sensor_net.h"
#include "daemon/config.h"

#define URL_MAX   2048
#define LABEL_MAX 0xfffff

static const char *check_glob(const char *v)
{
	const char *name = v[0] == '!' ? v + 1 : v;
	size_t n = strlen(name);
	if (strpbrk(name, "[]{}\\"))
		return "only * and ? stand for other characters";
	if (n == 0 || n >= IFNAMSIZ || strcspn(name, "/: \t\n!") != n || strcmp(name, ".") == 0 ||
		strcmp(name, "..") == 0)
		return "expected the name of an interface (at most 15 characters), with * and ? for others, "
		       "or ! and what to take out again";
	return NULL;
}

size_t config_hex(const char *v, uint8_t *out, size_t cap)
{
	size_t n = 0;
	while (isxdigit((unsigned char)v[0]) && isxdigit((unsigned char)v[1])) {
		char pair[3] = {v[0], v[1], 0};
		if (n < cap)
			out[n] = (uint8_t)strtoul(pair, NULL, 16);
		n++;
		v += 2;
		if (*v == ':' || *v == '-')
			v++;
		else
			v += strspn(v, " ");
		if (!*v)
			return isxdigit((unsigned char)v[-1]) || v[-1] == ' ' ? n : 0;
	}
	return 0;
}

static const char *check_hex(const struct config_key *k, const char *v, char *buf, size_t cap)
{
	size_t n = config_hex(v, NULL, 0);
	if (n >= k->min && n <= k->max)
		return NULL;
	if (!n)
		return "expected octets as pairs of hexadecimal digits: 00:00:5e:00:53:0a";
	snprintf(buf, cap, "expected %llu to %llu octets, this is %zu", (unsigned long long)k->min,
		(unsigned long long)k->max, n);
	return buf;
}

bool config_number(const char *v, uint64_t *out)
{
	bool hex = v[0] == '0' && (v[1] == 'x' || v[1] == 'X');
	const char *digits = hex ? v + 2 : v;
	size_t n = strlen(digits);
	if (n == 0 || n > 10 || strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") != n ||
		(!hex && v[0] == '0' && v[1]))
		return false;
	*out = strtoull(digits, NULL, hex ? 16 : 10);
	return true;
}

static bool in_range(const char *v, uint64_t min, uint64_t max)
{
	uint64_t n;
	return config_number(v, &n) && n >= min && n <= max;
}

static const char *check_hello(const char *v)
{
	static const char *const words[] = {"nearest-bridge", "non-tpmr", "broadcast", NULL};
	uint8_t mac[6] = {0};
	for (size_t i = 0; words[i]; i++)
		if (strcmp(v, words[i]) == 0)
			return NULL;
	if (config_hex(v, mac, sizeof mac) != sizeof mac)
		return "expected nearest-bridge, non-tpmr, broadcast or a MAC address";
	for (size_t i = 0; i < sizeof mac; i++)
		if (mac[i])
			return NULL;
	return "this MAC address is nobody's";
}

/* 4, 6, or 0: not ADDRESS/LENGTH. */
static unsigned prefix_version(const char *v)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(v, '/');
	struct in6_addr a;
	if (!slash || strpbrk(slash, "xX") || (size_t)(slash - v) >= sizeof address)
		return 0;
	snprintf(address, sizeof address, "%.*s", (int)(slash - v), v);
	if (inet_pton(AF_INET, address, &a) == 1)
		return in_range(slash + 1, 0, 32) ? 4 : 0;
	return inet_pton(AF_INET6, address, &a) == 1 && in_range(slash + 1, 0, 128) ? 6 : 0;
}

static const char *check_prefix(const struct config_key *k, const char *v)
{
	unsigned version = prefix_version(v);
	if (k->min == 4)
		return version == 4 ? NULL : "expected an IPv4 address with its length, e.g. 192.0.2.1/30";
	if (k->min == 6)
		return version == 6 ? NULL : "expected an IPv6 address with its length, e.g. 2001:db8::1/64";
	return version ? NULL : "expected an address with its length, e.g. 192.0.2.0/24";
}

static const char *check_url(const char *v)
{
	const char *host = strncmp(v, "http://", 7) == 0    ? v + 7
			   : strncmp(v, "https://", 8) == 0 ? v + 8
							    : NULL;
	if (!host || !*host || *host == '/' || *host == ':')
		return "expected http://HOST[:PORT]/PATH or https://..";
	if (strlen(v) > URL_MAX)
		return "it is longer than 2048 characters";
	for (; *v; v++)
		if (*v <= 0x20 || *v > 0x7e)
			return "a URL has neither blanks nor characters beyond ASCII: write them as %20";
	return NULL;
}

static const char *check_network(const char *v, char *buf, size_t cap)
{
	const char *why;
	if (!sensor_net_check(v, &why))
		return NULL;
	snprintf(buf, cap, "%s", why);
	return buf;
}

/* Segments without what has a meaning in a URL. */
static const char *check_uri(const char *v)
{
	if (strcmp(v, "none") == 0)
		return NULL;
	if (v[0] != '/' || !v[1] || strlen(v) > 255 || v[strlen(v) - 1] == '/' || strstr(v, "//"))
		return "expected a path such as /casan, or none";
	for (; *v; v++)
		if (*v <= 0x20 || *v > 0x7e || strchr("?#%", *v))
			return "a path of a URL has neither blanks nor ? # %";
	return NULL;
}

const char *config_check_wire(const struct config_key *k, const char *v, char *buf, size_t cap)
{
	switch (k->kind) {
	case CONFIG_GLOB:
		return check_glob(v);
	case CONFIG_HEX:
		return check_hex(k, v, buf, cap);
	case CONFIG_OCTET:
		return in_range(v, 0, 255) ? NULL : "expected a number 0 to 255, or 0x00 to 0xff";
	case CONFIG_ETHERTYPE:
		return in_range(v, 0x0600, 0xffff) ? NULL : "expected an EtherType: 0x0600 to 0xffff";
	case CONFIG_HELLO:
		return check_hello(v);
	case CONFIG_PREFIX:
		return check_prefix(k, v);
	case CONFIG_LABEL:
		return in_range(v, 0, LABEL_MAX) ? NULL : "expected a label: 0 to 1048575";
	case CONFIG_URL:
		return check_url(v);
	case CONFIG_NETWORK:
		return check_network(v, buf, cap);
	case CONFIG_URI:
		return check_uri(v);
	default:
		return NULL;
	}
}
