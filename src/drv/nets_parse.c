/*
 * nets_parse.c - a network from its text, see nets.h: KIND:NAME and settings behind commas.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/units.h"
#include "drv/nets_int.h"

/* What of a frame is not the message: Ethernet header 14, length 2, FCS 4; IEEE 802.15.4 header 9, FCS 2;
 * IPv6 and UDP headers. */
#define ETHER_OVER 20
#define XBEE_OVER  11
#define UDP_OVER   48

#define ETHER_MTU 1518
#define XBEE_MTU  111
#define UDP_MTU   1500
#define MTU_MIN   64

static int digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

enum lan_err nets_hex(const char *text, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int v = digit(*text);
		if (v < 0)
			return LAN_ERR_ADDR;
		text++;
		if (digit(*text) >= 0)
			v = v << 4 | digit(*text++);
		out[i] = (uint8_t)v;
		if (i + 1 < n && *text++ != ':')
			return LAN_ERR_ADDR;
	}
	return *text ? LAN_ERR_ADDR : LAN_OK;
}

static bool number(const char *text, unsigned long min, unsigned long max, unsigned long *out)
{
	char *end;
	if (digit(*text) < 0)
		return false;
	*out = strtoul(text, &end, 0);
	return !*end && *out >= min && *out <= max;
}

/* ---- settings ---------------------------------------------------------------------- */

enum { ETHER = 1 << LAN_NET_ETHERNET, XBEE = 1 << LAN_NET_XBEE, UDP = 1 << LAN_NET_UDP };

static bool set_mtu(struct lan_net_spec *s, const char *v)
{
	unsigned long n;
	if (!number(v, MTU_MIN, 65535, &n))
		return false;
	s->mtu = (uint32_t)n;
	return true;
}

static bool set_ethertype(struct lan_net_spec *s, const char *v)
{
	unsigned long n;
	if (!number(v, 0x600, 0xffff, &n))
		return false;
	s->ethertype = (uint16_t)n;
	return true;
}

static bool set_addr(struct lan_net_spec *s, const char *v)
{
	return nets_hex(v, s->addr, 2) == LAN_OK && memcmp(s->addr, "\xff\xff", 2) != 0;
}

static bool set_panid(struct lan_net_spec *s, const char *v)
{
	return nets_hex(v, s->panid, 2) == LAN_OK;
}

static bool set_channel(struct lan_net_spec *s, const char *v)
{
	unsigned long n;
	if (!number(v, 11, 26, &n))
		return false;
	s->channel = (uint8_t)n;
	return true;
}

static bool set_api(struct lan_net_spec *s, const char *v)
{
	unsigned long n;
	if (!number(v, 1, 2, &n))
		return false;
	s->api_mode = (int)n;
	return true;
}

static bool set_baud(struct lan_net_spec *s, const char *v)
{
	unsigned long n;
	if (!number(v, 1200, 4000000, &n))
		return false;
	s->baud = (uint32_t)n;
	return true;
}

static bool set_guard(struct lan_net_spec *s, const char *v)
{
	return lan_parse_duration(v, &s->guard) == LAN_OK && s->guard > 0 && s->guard <= LAN_SEC(10);
}

static bool set_iface(struct lan_net_spec *s, const char *v)
{
	if (!*v || strlen(v) >= sizeof s->iface)
		return false;
	strcpy(s->iface, v);
	return true;
}

static const struct setting {
	const char *name, *want;
	unsigned kinds;
	bool (*set)(struct lan_net_spec *s, const char *v);
} settings[] = {
	{"mtu", "64 to 65535, the whole frame", ETHER | XBEE | UDP, set_mtu},
	{"ethertype", "0x600 to 0xffff", ETHER, set_ethertype},
	{"addr", "a 16-bit address such as 12:34", XBEE, set_addr},
	{"panid", "a PAN such as ca:fe", XBEE, set_panid},
	{"channel", "11 to 26", XBEE, set_channel},
	{"api", "1 or 2", XBEE, set_api},
	{"baud", "a speed such as 9600", XBEE, set_baud},
	{"guard", "a time up to 10s, such as 1.1s", XBEE, set_guard},
	{"iface", "an interface", UDP, set_iface},
};

static _Thread_local char sentence[200];

static bool apply(struct lan_net_spec *s, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		const struct setting *t = &settings[i];
		if (strcmp(t->name, name))
			continue;
		if (!(t->kinds >> s->kind & 1))
			break;
		if (value && t->set(s, value))
			return true;
		snprintf(sentence, sizeof sentence, "%s wants %s, not '%.60s'", name, t->want,
			value ? value : "");
		return false;
	}
	snprintf(sentence, sizeof sentence, "this kind of network has no setting '%.60s'", name);
	return false;
}

/* ---- the whole ------------------------------------------------------------------------ */

static const struct {
	const char *name;
	enum lan_net_kind kind;
} names[] = {{"ethernet", LAN_NET_ETHERNET}, {"xbee", LAN_NET_XBEE}, {"udp", LAN_NET_UDP}};

static bool kind_of(const char *text, size_t n, struct lan_net_spec *s)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i].name) == n && !memcmp(text, names[i].name, n)) {
			s->kind = names[i].kind;
			return true;
		}
	return false;
}

static const char *take_name(struct lan_net_spec *s, const char *text, size_t n)
{
	char name[sizeof s->name];
	struct lan_hostport hp;
	if (n >= sizeof name)
		return "the name is too long";
	memcpy(name, text, n);
	name[n] = '\0';
	if (s->kind == LAN_NET_UDP) {
		if (lan_hostport_parse(n ? name : "[::]", NETS_UDP, &hp))
			return "an address is ADDR:PORT, as 192.0.2.1:5683 or [::]:5683";
		lan_hostport_text(&hp, s->name, sizeof s->name);
		return NULL;
	}
	if (n == 0)
		return s->kind == LAN_NET_XBEE ? "which device? Say xbee:DEVICE, as xbee:ttyUSB0"
					       : "which interface? Say ethernet:IFACE, as ethernet:eth0";
	if (s->kind == LAN_NET_ETHERNET && n >= IFNAMSIZ)
		return "no interface has so long a name";
	const char *dev = s->kind == LAN_NET_XBEE && *name != '/' ? "/dev/" : "";
	if ((size_t)snprintf(s->name, sizeof s->name, "%s%s", dev, name) >= sizeof s->name)
		return "the name is too long";
	return NULL;
}

static void defaults(struct lan_net_spec *s)
{
	*s = (struct lan_net_spec){.kind = s->kind};
	if (s->kind == LAN_NET_ETHERNET)
		s->ethertype = 0x88b5;
	if (s->kind == LAN_NET_XBEE) {
		memcpy(s->addr, "\x12\x34", 2);
		memcpy(s->panid, "\xca\xfe", 2);
		s->channel = 12;
		s->api_mode = 1;
		s->baud = 9600;
	}
}

enum lan_err lan_net_parse(const char *text, struct lan_net_spec *out, const char **why)
{
	struct lan_net_spec s = {.mtu = 0};
	size_t n = strcspn(text, ":,");
	*why = "a network is ethernet:IFACE, xbee:DEVICE or udp:ADDR:PORT, and settings behind commas";
	if (!kind_of(text, n, &s))
		return LAN_ERR_INVAL;
	defaults(&s);
	text += n + (text[n] == ':');
	n = strcspn(text, ",");
	*why = take_name(&s, text, n);
	if (*why)
		return LAN_ERR_INVAL;
	for (text += n; *text == ','; text += n) {
		char item[128], *value;
		n = strcspn(++text, ",");
		snprintf(item, sizeof item, "%.*s", (int)n, text);
		value = strchr(item, '=');
		if (value)
			*value++ = '\0';
		*why = sentence;
		if (!apply(&s, item, value))
			return LAN_ERR_INVAL;
	}
	*why = "";
	*out = s;
	return LAN_OK;
}

uint32_t lan_net_mtu(const struct lan_net_spec *s)
{
	static const uint32_t most[] = {
		[LAN_NET_ETHERNET] = ETHER_MTU, [LAN_NET_XBEE] = 127, [LAN_NET_UDP] = NETS_BUF + UDP_OVER};
	static const uint32_t own[] = {
		[LAN_NET_ETHERNET] = ETHER_MTU, [LAN_NET_XBEE] = XBEE_MTU, [LAN_NET_UDP] = UDP_MTU};
	uint32_t mtu = s->mtu ? s->mtu : own[s->kind];
	return mtu < most[s->kind] ? mtu : most[s->kind];
}

uint32_t lan_net_datagram(const struct lan_net_spec *s)
{
	static const uint32_t over[] = {
		[LAN_NET_ETHERNET] = ETHER_OVER, [LAN_NET_XBEE] = XBEE_OVER, [LAN_NET_UDP] = UDP_OVER};
	uint32_t n = lan_net_mtu(s) - over[s->kind];
	return s->kind == LAN_NET_XBEE && n > XBEE_RF_MAX ? XBEE_RF_MAX : n;
}
