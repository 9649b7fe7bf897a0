/*
 * import_casand.c - the parts of a master of the originals, each checked as lanyard.yaml(5) will check it,
 * and how they are written there. What is out of the range allowed here is left out with a note, or moved
 * into it.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "base/units.h"
#include "cli/import_casand.h"

#define MTU_MIN 64
#define MTU_MAX 1518

static const char *const ns_keys[NS_N] = {"admin", "casan", "observe", "evlog", "well_known"};

void casand_fini(struct casand *c)
{
	for (size_t i = 0; i < NS_N; i++)
		free(c->uri[i]);
	for (size_t i = 0; i < c->n_nets; i++)
		free(c->net[i]);
	for (size_t i = 0; i < c->n_listen; i++)
		free(c->listen[i]);
	for (size_t i = 0; i < c->n_tls; i++)
		free(c->tls[i]);
	free(c->cert);
	free(c->key);
	free(c->slave);
}

static char *copy(struct casand *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static char *copy(struct casand *c, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	c->no_memory |= !text;
	return text;
}

static void add(struct casand *c, size_t line, char **list, size_t *n, size_t most, char *text)
{
	for (size_t i = 0; text && i < *n; i++)
		if (strcmp(list[i], text) == 0) {
			import_note(c->im, line, text, NULL, "a second time; left out");
			free(text);
			return;
		}
	if (!text)
		return;
	if (*n == most) {
		ini_error(&c->im->ini, line, "more than %zu of its kind", most);
		free(text);
		return;
	}
	list[(*n)++] = text;
}

bool casand_number(const char *text, bool hex, uint32_t most, uint32_t *out)
{
	bool is_hex = hex && text[0] == '0' && (text[1] | 0x20) == 'x';
	const char *digits = is_hex ? text + 2 : text;
	size_t n = strlen(digits);
	if (!n || n > 12 || strspn(digits, is_hex ? "0123456789abcdefABCDEF" : "0123456789") != n)
		return false;
	unsigned long long v = strtoull(digits, NULL, is_hex ? 16 : 10);
	*out = (uint32_t)v;
	return v <= most;
}

/* ---- networks --------------------------------------------------------------------------------------------
 */

/* Without what has a meaning in the text of a network, or in YAML's quotes. */
static bool plain_word(const char *s, size_t most)
{
	size_t n = strlen(s);
	for (const char *p = s; *p; p++)
		if (!isgraph((unsigned char)*p) || strchr(",'\"\\", *p))
			return false;
	return n > 0 && n <= most;
}

/* ",mtu=N" or nothing. */
static const char *mtu_text(struct casand *c, size_t line, uint32_t mtu, uint32_t most, char buf[24])
{
	*buf = '\0';
	if (mtu && (mtu < MTU_MIN || mtu > most))
		import_note(c->im, line, "mtu", NULL, "%u is not %u to %u: the largest is used",
			(unsigned)mtu, MTU_MIN, (unsigned)most);
	else if (mtu)
		snprintf(buf, 24, ",mtu=%u", (unsigned)mtu);
	return buf;
}

void casand_add_ethernet(
	struct casand *c, size_t line, const char *iface, uint32_t mtu, const char *ethertype)
{
	char buf[24];
	uint32_t type = 0x88b5;
	if (!plain_word(iface, IFNAMSIZ - 1) || strpbrk(iface, "/:")) {
		ini_error(&c->im->ini, line, "'%.40s' is not the name of an interface", iface);
		return;
	}
	if (ethertype && (!casand_number(ethertype, true, 0xffff, &type) || type < 0x600)) {
		ini_error(&c->im->ini, line, "'%.40s' is not an EtherType: 0x0600 to 0xffff", ethertype);
		return;
	}
	const char *text = mtu_text(c, line, mtu, MTU_MAX, buf);
	add(c, line, c->net, &c->n_nets, CASAND_NETS,
		copy(c, "ethernet:%s%s,ethertype=0x%04x", iface, text, (unsigned)type));
}

/* "12:34": two octets of one or two digits. */
static bool to_address(const char *s, unsigned out[2])
{
	for (int i = 0; i < 2; i++) {
		char *end;
		if (!isxdigit((unsigned char)*s) || (s[0] == '0' && (s[1] | 0x20) == 'x'))
			return false;
		out[i] = (unsigned)strtoul(s, &end, 16);
		if (end - s > 2 || *end != (i ? '\0' : ':'))
			return false;
		s = end + 1;
	}
	return true;
}

void casand_add_xbee(struct casand *c, size_t line, const char *dev, const char *addr, const char *panid,
	uint32_t channel, uint32_t mtu)
{
	char buf[24];
	unsigned a[2], p[2];
	if (!plain_word(dev, 100)) {
		ini_error(&c->im->ini, line, "'%.40s' is not the name of a device", dev);
	} else if (!to_address(addr, a) || !to_address(panid, p)) {
		ini_error(&c->im->ini, line, "'%.40s' is not an address of two octets, e.g. 12:34",
			to_address(addr, a) ? panid : addr);
	} else if (channel && (channel < 11 || channel > 26)) {
		ini_error(&c->im->ini, line, "channel %u is not 11 to 26", (unsigned)channel);
	} else {
		const char *text = mtu_text(c, line, mtu, 111, buf);
		add(c, line, c->net, &c->n_nets, CASAND_NETS,
			copy(c, "xbee:%s,addr=%02x:%02x,panid=%02x:%02x,channel=%u%s", dev, a[0], a[1], p[0],
				p[1], channel ? (unsigned)channel : 12, text));
	}
}

/* ---- slaves ----------------------------------------------------------------------------------------------
 */

void casand_add_slave(struct casand *c, const struct casand_slave *s)
{
	struct casand_slave *list, one = *s;
	if (!one.id || one.id > INT32_MAX) {
		ini_error(&c->im->ini, one.line,
			one.id ? "a slave's id is 1 to 2147483647"
			       : "missing token/value: a slave has an id, 1 to 2147483647");
		return;
	}
	if (one.mtu && (one.mtu < MTU_MIN || one.mtu > MTU_MAX)) {
		import_note(c->im, one.line, "mtu", NULL, "%u is not %d to %d: the network's is used",
			(unsigned)one.mtu, MTU_MIN, MTU_MAX);
		one.mtu = 0;
	}
	if (one.ttl > INT32_MAX)
		one.ttl = INT32_MAX;
	if (c->n_slaves == CASAND_SLAVES) {
		ini_error(&c->im->ini, one.line, "more than %d slaves", CASAND_SLAVES);
		return;
	}
	list = c->n_slaves & (c->n_slaves - 1)
		       ? c->slave
		       : realloc(c->slave, (c->n_slaves ? 2 * c->n_slaves : 1) * sizeof *list);
	if (!list) {
		c->no_memory = true;
		return;
	}
	c->slave = list;
	list[c->n_slaves++] = one;
}

static int by_id(const void *a, const void *b)
{
	const struct casand_slave *x = a, *y = b;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* The originals searched from the front: the first of a number is the one. */
static void write_slaves(struct casand *c)
{
	FILE *f = c->im->yaml;
	char ttl[32];
	if (c->n_slaves)
		qsort(c->slave, c->n_slaves, sizeof *c->slave, by_id);
	fputs(c->n_slaves ? "    slaves:\n" : "", f);
	for (size_t i = 0; i < c->n_slaves; i++) {
		const struct casand_slave *s = &c->slave[i];
		if (i && s->id == s[-1].id) {
			fprintf(c->im->warnings,
				"%s:%zu: slave %u a second time (first in line %zu): left out\n",
				c->im->ini.file, s->line, (unsigned)s->id, s[-1].line);
			fprintf(f, "      # slave %u a second time, in line %zu: left out\n", (unsigned)s->id,
				s->line);
			continue;
		}
		fprintf(f, "      - {id: %u", (unsigned)s->id);
		if (s->ttl)
			fprintf(f, ", ttl: %s",
				lan_format_duration(LAN_SEC((uint64_t)s->ttl), ttl, sizeof ttl));
		if (s->mtu)
			fprintf(f, ", mtu: %u", (unsigned)s->mtu);
		fputs("}", f);
		if (*s->name) {
			fputs("  # ", f);
			import_plain(f, s->name);
		}
		fputc('\n', f);
	}
}

/* ---- HTTP ------------------------------------------------------------------------------------------------
 */

static bool to_port(const char *text, unsigned *out)
{
	uint32_t n;
	if (casand_number(text, false, 65535, &n)) {
		*out = n;
		return n > 0;
	}
	struct servent *s = getservbyname(text, "tcp");
	if (s)
		*out = ntohs((uint16_t)s->s_port);
	return s != NULL;
}

void casand_add_listen(struct casand *c, size_t line, const char *host, const char *port, bool tls)
{
	char text[INET6_ADDRSTRLEN];
	struct in_addr v4;
	struct in6_addr v6;
	unsigned n;
	char *address = NULL;
	if (strcmp(host, "*") == 0) {
		import_note(c->im, line, "listen", "*", "every IPv4 address; add '[::]:PORT' for IPv6");
		host = "0.0.0.0";
	} else if (strcmp(host, "localhost") == 0) {
		host = "127.0.0.1";
	}
	if (!to_port(port, &n))
		ini_error(&c->im->ini, line, "'%.40s' is not a port", port);
	else if (inet_pton(AF_INET, host, &v4) == 1)
		address = copy(c, "%s:%u", inet_ntop(AF_INET, &v4, text, sizeof text), n);
	else if (inet_pton(AF_INET6, host, &v6) == 1)
		address = copy(c, "[%s]:%u", inet_ntop(AF_INET6, &v6, text, sizeof text), n);
	else
		ini_error(&c->im->ini, line, "'%.40s' is not a numeric address to listen on", host);
	if (tls)
		add(c, line, c->tls, &c->n_tls, CASAND_LISTEN, address);
	else
		add(c, line, c->listen, &c->n_listen, CASAND_LISTEN, address);
}

/* "/a//b/" is "/a/b". */
static bool clean_path(const char *path, char *out, size_t cap)
{
	size_t n = 0;
	for (const char *p = path; *p; p++) {
		if (*p == '/') {
			continue;
		}
		size_t len = strcspn(p, "/");
		if (n + len + 2 > cap)
			return false;
		out[n++] = '/';
		for (size_t i = 0; i < len; i++) {
			if (!isgraph((unsigned char)p[i]) || strchr("?#%'\"\\", p[i]))
				return false;
			out[n++] = p[i];
		}
		p += len - 1;
	}
	out[n] = '\0';
	return n > 0;
}

void casand_add_uri(
	struct casand *c, size_t line, enum casand_namespace ns, const char *name, const char *path)
{
	char clean[256];
	if (!clean_path(path, clean, sizeof clean)) {
		import_note(c->im, line, name, path, "not a path that can be served here; left out");
	} else if (c->uri[ns]) {
		import_note(c->im, line, name, path, "a second path; only the first is served");
	} else {
		c->uri[ns] = copy(c, "%s", clean);
	}
}

/* ---- the whole -------------------------------------------------------------------------------------------
 */

static void write_list(FILE *f, const char *indent, const char *key, char *const *list, size_t n)
{
	if (!n)
		return;
	fprintf(f, "%s%s: [", indent, key);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s'%s'", i ? ", " : "", list[i]);
	fputs("]\n", f);
}

static void write_quoted(FILE *f, const char *key, const char *value)
{
	fprintf(f, "        %s: '", key);
	for (; *value; value++)
		fprintf(f, *value == '\'' ? "''" : "%c", *value);
	fputs("'\n", f);
}

static void write_http(struct casand *c)
{
	FILE *f = c->im->yaml;
	if (!c->n_listen && !c->n_tls)
		return;
	fputs("    http:\n", f);
	write_list(f, "      ", "listen", c->listen, c->n_listen);
	if (c->n_tls) {
		fputs("      tls:\n", f);
		write_list(f, "        ", "listen", c->tls, c->n_tls);
		write_quoted(f, "cert_file", c->cert ? c->cert : "");
		write_quoted(f, "key_file", c->key ? c->key : "");
	}
	fputs("      namespaces:\n", f);
	for (size_t i = 0; i < NS_N; i++)
		fprintf(f, "        %s: '%s'\n", ns_keys[i], c->uri[i] ? c->uri[i] : "none");
	if (c->python)
		fputs("      compat: true  # answers as the original's; false: as RFC 8075 maps them\n", f);
	if (c->evlog_add)
		fputs("      evlog_add: true  # whoever reaches this server may add events\n", f);
}

static void write_timers(struct casand *c)
{
	static const char *const keys[TIMER_N] = {"first_hello", "hello", "ttl"};
	static const uint32_t most[TIMER_N] = {3600, 3600, INT32_MAX};
	char buf[32];
	bool any = false;
	for (size_t i = 0; i < TIMER_N; i++) {
		uint32_t s = c->timer[i] > most[i] ? most[i] : c->timer[i];
		if (!s)
			continue;
		fprintf(c->im->yaml, "%s%s: %s", any ? ", " : "    timers: {", keys[i],
			lan_format_duration(LAN_SEC((uint64_t)s), buf, sizeof buf));
		any = true;
	}
	fputs(any ? "}\n" : "", c->im->yaml);
}

/* The notes came first: they are indented as comments of the entry. */
void casand_write(struct casand *c)
{
	FILE *f = c->im->yaml;
	if (!c->n_nets)
		ini_error(&c->im->ini, 1, "no network: a master needs at least one");
	write_list(f, "    ", "networks", c->net, c->n_nets);
	fputs(c->sos ? "    epochs: [sos]  # slaves of the later epoch want casan, too\n"
		     : "    epochs: [casan]\n",
		f);
	write_timers(c);
	if (c->evlog_size)
		fprintf(f, "    event_log_size: %u\n", (unsigned)c->evlog_size);
	write_slaves(c);
	write_http(c);
	if (c->no_memory)
		ini_error(&c->im->ini, 1, "out of memory");
}
