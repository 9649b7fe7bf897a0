/*
 * import_casand_ini.c - the configuration of the later Python master (py-master): sections as Python's
 * configparser reads them. Errors have the words of the original: "Unknown section 'x'", "No 'dev' value for
 * network a", "Invalid URL scheme for http a".
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "cli/import_casand.h"

/* A section at work: its first word is `kind`, the second `name`. */
struct part {
	struct casand *c;
	struct ini *ini;
	const char *section;
	char kind[16], name[80];
	size_t line;
};

static const char *look(struct ini *ini, const char *key)
{
	struct ini_entry *e = ini_find(ini, ini->looked, key);
	if (!e)
		e = ini_find(ini, "DEFAULT", key);
	if (e)
		e->used = true;
	return e ? e->value : NULL;
}

/* The value of a key, resolved; NULL: not given, or wrong. Free it. `line` becomes that of the key. */
static char *value_of(struct part *p, const char *key)
{
	struct ini_entry *e = ini_find(p->ini, p->section, key);
	if (!e)
		e = ini_find(p->ini, "DEFAULT", key);
	if (!e)
		return NULL;
	e->used = true;
	p->line = e->line;
	p->ini->looked = p->section;
	return ini_value(p->ini, e, look);
}

/* What it has to have. NULL: said that it has not. */
static char *needed(struct part *p, const char *key)
{
	size_t errors = p->ini->n_errors, line = p->line;
	char *v = value_of(p, key);
	if (!v && p->ini->n_errors == errors)
		ini_error(p->ini, line, "No '%s' value for %s %s", key, p->kind, p->name);
	return v;
}

/* As Python's int(text, 0); false: said that it is none. Not given: *out stays. */
static bool number_of(struct part *p, const char *key, uint32_t most, uint32_t *out)
{
	size_t errors = p->ini->n_errors;
	char *v = value_of(p, key);
	bool ok = v ? casand_number(v, true, most, out) : p->ini->n_errors == errors;
	if (!ok && v)
		ini_error(p->ini, p->line, "%s '%.40s' is not a number of 0 to %u", key, v, (unsigned)most);
	free(v);
	return ok;
}

/* ---- sections --------------------------------------------------------------------------------------------
 */

static void timers(struct part *p)
{
	uint32_t clean = 0, ttl = 0;
	number_of(p, "firsthello", INT32_MAX, &p->c->timer[TIMER_FIRST_HELLO]);
	number_of(p, "hello", INT32_MAX, &p->c->timer[TIMER_HELLO]);
	if (number_of(p, "slavettl", INT32_MAX, &ttl) && ttl && ttl != 3600)
		import_note(p->c->im, p->line, "slavettl", NULL,
			"the Python master never used it: slaves without ttl had 3600 s, and have them here");
	if (number_of(p, "cacheclean", INT32_MAX, &clean) && clean)
		import_note(p->c->im, p->line, "cacheclean", NULL,
			"has no counterpart: what is stale goes by itself");
}

static void evlog(struct part *p)
{
	static const char *const yes[] = {"true", "1", "t", "y", "yes"};
	uint32_t size = 1000;
	char *v = value_of(p, "add");
	for (size_t i = 0; v && i < sizeof yes / sizeof yes[0]; i++)
		p->c->evlog_add |= strcasecmp(v, yes[i]) == 0;
	free(v);
	if (!number_of(p, "size", UINT32_MAX, &size))
		return;
	if (!size || size > 100000000)
		import_note(p->c->im, p->line, "size", NULL,
			"without bound; here it is at most 100000000 events");
	p->c->evlog_size = !size || size > 100000000 ? 100000000 : size;
}

static void name_space(struct part *p)
{
	static const char *const known[NS_N] = {"admin", "casan", "observe", "evlog", "well-known"};
	size_t i = 0;
	while (i < NS_N && strcmp(known[i], p->name) != 0)
		i++;
	if (i == NS_N) {
		ini_error(p->ini, p->line, "Unknown namespace type '%s'", p->name);
		return;
	}
	char *uri = needed(p, "uri");
	if (uri)
		casand_add_uri(p->c, p->line, (enum casand_namespace)i, p->name, uri);
	free(uri);
}

/* A file of TLS; false: said what is wrong. */
static bool file_of(struct part *p, const char *key, char **to)
{
	char *v = value_of(p, key);
	if (!v || !*v) {
		ini_error(p->ini, p->line, "https needs sslcert and sslkey for http %s", p->name);
		free(v);
		return false;
	}
	bool ok = v[0] == '/';
	for (const char *q = v; *q; q++)
		ok &= *q >= 0x20 && *q < 0x7f;
	if (!ok || strlen(v) > 4000)
		ini_error(p->ini, p->line, "%s '%.40s': a path begins with / here", key, v);
	else if (*to && strcmp(*to, v) != 0)
		import_note(p->c->im, p->line, key, v,
			"another than before: all HTTPS has one here; the first is used");
	if (ok && !*to)
		*to = v;
	else
		free(v);
	return ok;
}

/* HOST[:PORT] of a URL, in place. */
static void take_authority(struct part *p, char *host, bool tls)
{
	char *port = NULL, *end;
	host[strcspn(host, "/?#")] = '\0';
	end = strrchr(host, '@');
	host = end ? end + 1 : host;
	if (*host == '[') {
		end = strchr(host, ']');
		if (!end) {
			ini_error(p->ini, p->line, "'%.40s' is not a numeric address to listen on", host);
			return;
		}
		*end = '\0';
		host++;
		port = end[1] == ':' ? end + 2 : NULL;
	} else if ((port = strchr(host, ':'))) {
		*port++ = '\0';
	}
	casand_add_listen(p->c, p->line, *host ? host : "*", port && *port ? port : tls ? "443" : "80", tls);
}

static void http(struct part *p)
{
	char *url = needed(p, "url");
	bool tls = url && strncasecmp(url, "https://", 8) == 0;
	size_t line = p->line;
	if (!url)
		return;
	if (!tls && strncasecmp(url, "http://", 7) != 0)
		ini_error(p->ini, line, "Invalid URL scheme for http %s", p->name);
	else if (!tls || (file_of(p, "sslcert", &p->c->cert) && file_of(p, "sslkey", &p->c->key))) {
		p->line = line;
		take_authority(p, url + (tls ? 8 : 7), tls);
	}
	free(url);
}

static void xbee(struct part *p, const char *dev, uint32_t mtu)
{
	char *subtype = needed(p, "subtype"), *addr = needed(p, "addr"), *panid = needed(p, "panid");
	uint32_t channel = 12;
	bool ok = number_of(p, "channel", UINT32_MAX, &channel);
	if (subtype && strcmp(subtype, "xbee") != 0)
		ini_error(p->ini, p->line, "Invalid subtype '%.40s' for network %s", subtype, p->name);
	else if (ok && subtype && addr && panid)
		casand_add_xbee(p->c, p->line, dev, addr, panid, channel, mtu);
	free(subtype);
	free(addr);
	free(panid);
}

static void network(struct part *p)
{
	char *type = needed(p, "type"), *dev = needed(p, "dev"), *ethertype = NULL;
	uint32_t mtu = 0;
	bool ok = number_of(p, "mtu", UINT32_MAX, &mtu) && type && dev;
	if (ok && strcmp(type, "ethernet") == 0) {
		ethertype = value_of(p, "ethertype");
		casand_add_ethernet(p->c, p->line, dev, mtu, ethertype);
	} else if (ok && strcmp(type, "802.15.4") == 0) {
		xbee(p, dev, mtu);
	} else if (ok) {
		ini_error(p->ini, p->line, "Invalid type '%.40s' for network %s", type, p->name);
	}
	free(type);
	free(dev);
	free(ethertype);
}

static void slave(struct part *p)
{
	struct casand_slave one = {.ttl = 3600};
	char *id = needed(p, "id");
	size_t line = p->line;
	if (!id)
		return;
	one.line = line;
	snprintf(one.name, sizeof one.name, "%.39s", p->name);
	if (!casand_number(id, true, INT32_MAX, &one.id))
		ini_error(p->ini, line, "id '%.40s' is not a number of 1 to 2147483647", id);
	else if (number_of(p, "ttl", UINT32_MAX, &one.ttl) && number_of(p, "mtu", UINT32_MAX, &one.mtu))
		casand_add_slave(p->c, &one);
	free(id);
}

/* ---- the whole -------------------------------------------------------------------------------------------
 */

/* "network xbee": two words, and nothing that is not printable. */
static bool take_name(struct part *p, const char *section)
{
	size_t n = strcspn(section, " \t"), blank = strspn(section + n, " \t");
	const char *name = section + n + blank;
	size_t len = strcspn(name, " \t");
	if (n >= sizeof p->kind || len >= sizeof p->name || name[len + strspn(name + len, " \t")])
		return false;
	snprintf(p->kind, sizeof p->kind, "%.*s", (int)n, section);
	snprintf(p->name, sizeof p->name, "%.*s", (int)len, name);
	return true;
}

static void take_section(struct casand *c, const struct ini_section *s)
{
	static const struct {
		const char *kind;
		bool named;
		void (*fn)(struct part *p);
	} known[] = {{"timers", false, timers}, {"evlog", false, evlog}, {"namespace", true, name_space},
		{"http", true, http}, {"network", true, network}, {"slave", true, slave}};
	struct part p = {.c = c, .ini = &c->im->ini, .section = s->name, .line = s->line};
	if (strcmp(s->name, "DEFAULT") == 0)
		return;
	bool named = take_name(&p, s->name);
	for (size_t i = 0; named && i < sizeof known / sizeof known[0]; i++)
		if (strcmp(known[i].kind, p.kind) == 0 && known[i].named == (*p.name != '\0')) {
			known[i].fn(&p);
			return;
		}
	ini_error(p.ini, s->line, "Unknown section '%.60s'", s->name);
}

void import_casand_ini(struct import *im)
{
	struct casand c = {.im = im, .python = true};
	fputs("# Made of a configuration of casand by: lanyard config import\nsensor:\n  - name: casand\n",
		im->yaml);
	for (size_t i = 0; i < im->ini.n_sections && im->ini.n_errors < 50; i++)
		take_section(&c, &im->ini.section[i]);
	for (size_t i = 0; i < im->ini.n; i++)
		if (!im->ini.entry[i].used)
			import_note(im, im->ini.entry[i].line, im->ini.entry[i].key, im->ini.entry[i].value,
				"unknown key: ignored, as by casand");
	casand_write(&c);
	casand_fini(&c);
}
