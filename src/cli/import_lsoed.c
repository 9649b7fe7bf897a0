/*
 * import_lsoed.c - a configuration of lsoed, the Python daemon for LSOE, as one of
 * lanyardd. lsoed.conf keys are in the specification of LSOE, section 1.10.
 *
 * What it prints makes lanyardd do what lsoed did: every interface but the
 * loopback one, all addresses on every link, the id as it was written (what is
 * reported north shows it so). What has no counterpart stands there as a comment
 * and is a warning. A value that lsoed would have died of is an error with its
 * line. lsoed's built-in values stand in its section, so they win over
 * [DEFAULT]: there only keys without one count.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/units.h"
#include "cli/import.h"

#define ID_MAX     10
#define DEAD_NEVER LAN_SEC(86400)
#define SECTION    "lsoed"
#define UUID       "/sys/class/dmi/id/product_uuid"

enum kind { SECONDS, YESNO, TRIES, MAC, ID, URL, NOTHING };

static const struct key {
	const char *name;
	enum kind kind;
	const char *built_in; /* NULL: none */
	const char *ours;
	lan_time min, max;
} keys[] = {
	{"local-id", ID, NULL, "id", 0, 0},
	{"hello-multicast-macaddr", MAC, "01-80-C2-00-00-0E", "hello_to", 0, 0},
	{"hello-interval", SECONDS, "60.0", "hello", LAN_MS(100), LAN_SEC(86400)},
	{"keepalive-send-interval", SECONDS, "1.0", "keepalive", LAN_MS(10), LAN_SEC(3600)},
	{"keepalive-receive-timeout", SECONDS, "60.0", "dead", LAN_MS(20), DEAD_NEVER},
	{"retransmit-initial-interval", SECONDS, "1.0", "retransmit", LAN_MS(10), LAN_SEC(3600)},
	{"retransmit-exponential-backoff", YESNO, "yes", "backoff", 0, 0},
	{"retransmit-max-drop", TRIES, "3", "tries", 1, 16},
	{"reassembly-timeout", SECONDS, "1.0", "reassembly", LAN_MS(10), LAN_SEC(60)},
	{"mac-address-cache-timeout", NOTHING, "300.0", NULL, 0, 0},
	{"report-rfc7752-url", URL, NULL, "report_url", 0, 0},
};
#define N_KEYS (sizeof keys / sizeof keys[0])

static const struct key *known(const char *name)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static struct ini_entry *entry_of(const struct ini *ini, const char *name)
{
	struct ini_entry *e = ini_find(ini, SECTION, name);
	const struct key *k = known(name);
	return e || (k && k->built_in) ? e : ini_find(ini, "DEFAULT", name);
}

/* For references. */
static const char *look(struct ini *ini, const char *name)
{
	struct ini_entry *e = entry_of(ini, name);
	const struct key *k = known(name);
	if (e)
		e->used = true;
	return e ? e->value : k ? k->built_in : NULL;
}

/* Of what Python's float and int take: digits may have single underscores between them. False: it is none. */
static bool plain_number(const char *v, char *out, size_t cap)
{
	size_t n = 0;
	for (; *v && n + 1 < cap; v++) {
		if (*v == '_' && n && isdigit((unsigned char)v[-1]) && isdigit((unsigned char)v[1]))
			continue;
		if (*v == '_' || *v == 'x' || *v == 'X' || *v == 'p' || *v == 'P' || *v == '(')
			return false;
		out[n++] = *v;
	}
	out[n] = 0;
	return n && !*v;
}

static bool to_seconds(const char *v, double *out)
{
	char digits[64], *end;
	if (!plain_number(v, digits, sizeof digits) || isspace((unsigned char)digits[0]))
		return false;
	*out = strtod(digits, &end);
	return !*end && end != digits && !isnan(*out);
}

static bool to_whole(const char *v, long *out)
{
	char digits[64], *end;
	if (!plain_number(v, digits, sizeof digits) || isspace((unsigned char)digits[0]))
		return false;
	errno = 0;
	*out = strtol(digits, &end, 10);
	return !*end && end != digits;
}

static void put_seconds(struct import *im, const struct key *k, const struct ini_entry *e, const char *v)
{
	char buf[32], least[32], most[32];
	bool dead = strcmp(k->ours, "dead") == 0;
	lan_time t, min = k->min;
	double s;
	if (!to_seconds(v, &s)) {
		ini_error(&im->ini, e->line, "%s \"%.40s\" is not a number of seconds", k->name, v);
		return;
	}
	t = s <= 0 ? 0 : s >= 1e9 ? LAN_NEVER : (lan_time)(s * 1e9 + 0.5);
	if (dead && min < im->keepalive)
		min = im->keepalive;
	if (dead && s == 0) {
		import_note(im, e->line, e->key, e->value,
			"meant as never, closed sessions at once; here it is a day, the longest");
		t = DEAD_NEVER;
	} else if (t < min || t > k->max) {
		import_note(im, e->line, e->key, e->value, "allowed here is %s to %s%s",
			lan_format_duration(min, least, sizeof least),
			lan_format_duration(k->max, most, sizeof most),
			min > k->min ? " (at least keepalive-send-interval)" : "");
		t = t < min ? min : k->max;
	}
	if (strcmp(k->ours, "keepalive") == 0)
		im->keepalive = t;
	fprintf(im->yaml, "    %s: %s\n", k->ours, lan_format_duration(t, buf, sizeof buf));
}

/* What was not given is not the default where that would be too short. */
static void put_absent(struct import *im, const struct key *k)
{
	char buf[32];
	if (k->ours && strcmp(k->ours, "dead") == 0 && im->keepalive > LAN_SEC(60))
		fprintf(im->yaml, "    dead: %s  # not shorter than keepalive\n",
			lan_format_duration(im->keepalive, buf, sizeof buf));
}

static void put_yesno(struct import *im, const struct key *k, const struct ini_entry *e, const char *v)
{
	static const char *const words[] = {"0", "no", "false", "off", "1", "yes", "true", "on"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcasecmp(v, words[i]) == 0) {
			fprintf(im->yaml, "    %s: %s\n", k->ours, i < 4 ? "false" : "true");
			return;
		}
	ini_error(&im->ini, e->line, "%s \"%.40s\" is neither yes nor no", k->name, v);
}

static void put_tries(struct import *im, const struct key *k, const struct ini_entry *e, const char *v)
{
	long n;
	if (!to_whole(v, &n)) {
		ini_error(&im->ini, e->line, "%s \"%.40s\" is not a whole number", k->name, v);
		return;
	}
	if (n > (long)k->max)
		import_note(im, e->line, e->key, e->value, "allowed here is at most %d", (int)k->max);
	/* Below 1 lsoed sent once, too. */
	fprintf(im->yaml, "    %s: %ld\n", k->ours, n < 1 ? 1 : n > (long)k->max ? (long)k->max : n);
}

/* Six parts of one or two digits, as lsoed takes them. */
static bool to_mac(const char *v, unsigned mac[6])
{
	for (int i = 0; i < 6; i++) {
		char *end;
		if (!isxdigit((unsigned char)*v) || (v[0] == '0' && (v[1] | 0x20) == 'x'))
			return false;
		mac[i] = (unsigned)strtoul(v, &end, 16);
		if (end - v > 2 || (i < 5 && *end != ':' && *end != '-') || (i == 5 && *end))
			return false;
		v = end + 1;
	}
	return true;
}

static void put_mac(struct import *im, const struct key *k, const struct ini_entry *e, const char *v)
{
	unsigned m[6] = {0};
	if (!to_mac(v, m))
		ini_error(&im->ini, e->line, "%s \"%.40s\" is not a MAC address", k->name, v);
	else if (!(m[0] | m[1] | m[2] | m[3] | m[4] | m[5]))
		import_note(im, e->line, e->key, e->value, "this MAC address is nobody's; left out");
	else
		fprintf(im->yaml, "    %s: '%02x:%02x:%02x:%02x:%02x:%02x'\n", k->ours, m[0], m[1], m[2],
			m[3], m[4], m[5]);
}

static size_t octets_of(const char *v, uint8_t *out, size_t cap)
{
	size_t n = 0;
	for (;;) {
		char pair[3] = "";
		while (isspace((unsigned char)*v) || *v == ':' || *v == '-')
			v++;
		if (!*v)
			return n;
		if (n == cap || !isxdigit((unsigned char)v[0]) || !isxdigit((unsigned char)v[1]))
			return SIZE_MAX;
		memcpy(pair, v, 2);
		out[n++] = (uint8_t)strtoul(pair, NULL, 16);
		v += 2;
	}
}

static void put_id(struct import *im, const struct key *k, const struct ini_entry *e, const char *v)
{
	uint8_t id[256];
	size_t n = octets_of(v, id, sizeof id);
	if (n == SIZE_MAX) {
		ini_error(&im->ini, e->line, "%s \"%.40s\" is not octets as pairs of hexadecimal digits",
			k->name, v);
		return;
	}
	if (n > ID_MAX)
		import_note(im, e->line, e->key, e->value,
			"more than 10 octets: lsoed sent the first 10, and reported all of them");
	if (n == 0) {
		import_note(im, e->line, e->key, e->value, "empty: lsoed sent zeros");
		id[n++] = 0;
	}
	fprintf(im->yaml, "    %s: '", k->ours);
	for (size_t i = 0; i < n && i < ID_MAX; i++)
		fprintf(im->yaml, "%s%02x", i ? ":" : "", id[i]);
	fputs("'\n", im->yaml);
}

static bool is_url(const char *v)
{
	const char *host = strncmp(v, "http://", 7) == 0    ? v + 7
			   : strncmp(v, "https://", 8) == 0 ? v + 8
							    : "";
	if (!*host || *host == '/' || *host == ':' || strlen(v) > 2048)
		return false;
	for (; *v; v++)
		if (*v <= 0x20 || *v > 0x7e)
			return false;
	return true;
}

static void put_url(struct import *im, const struct key *k, const struct ini_entry *e, const char *v)
{
	if (!*v)
		return;
	if (!is_url(v)) {
		import_note(im, e->line, e->key, e->value,
			"not a URL that begins with http:// or https://; left out");
		return;
	}
	fprintf(im->yaml, "    %s: '", k->ours);
	for (; *v; v++)
		fprintf(im->yaml, *v == '\'' ? "''" : "%c", *v);
	fputs("'\n", im->yaml);
}

static void put_key(struct import *im, const struct key *k)
{
	const struct ini_entry *e = entry_of(&im->ini, k->name);
	char *v = e ? ini_value(&im->ini, e, look) : NULL;
	if (!e)
		put_absent(im, k);
	if (!v)
		return;
	switch (k->kind) {
	case SECONDS:
		put_seconds(im, k, e, v);
		break;
	case YESNO:
		put_yesno(im, k, e, v);
		break;
	case TRIES:
		put_tries(im, k, e, v);
		break;
	case MAC:
		put_mac(im, k, e, v);
		break;
	case ID:
		put_id(im, k, e, v);
		break;
	case URL:
		put_url(im, k, e, v);
		break;
	case NOTHING:
		import_note(im, e->line, e->key, e->value,
			"has no counterpart (lsoed read it and never used it)");
		break;
	}
	free(v);
}

/* What lsoed did not look at, either. */
static void put_others(struct import *im)
{
	for (size_t i = 0; i < im->ini.n; i++) {
		const struct ini_entry *e = &im->ini.entry[i];
		const struct key *k = known(e->key);
		bool ours = strcmp(e->section, SECTION) == 0, fallback = strcmp(e->section, "DEFAULT") == 0;
		if (!ours && !fallback)
			import_note(im, e->line, e->key, e->value,
				"in another section than [lsoed]: ignored, as by lsoed");
		else if (!k && !e->used)
			import_note(im, e->line, e->key, e->value, "unknown key: ignored, as by lsoed");
		else if (fallback && k && k->built_in)
			import_note(im, e->line, e->key, e->value,
				"in [DEFAULT] it never had an effect: lsoed's own %s won", k->built_in);
	}
}

void import_lsoed(struct import *im)
{
	im->keepalive = LAN_SEC(1);
	fputs("# Made of a configuration of lsoed by: lanyard config import\nneighbor:\n"
	      "  - name: lsoed\n"
	      "    ifaces: ['*', '!lo']  # lsoed used every interface\n"
	      "    dialect: lsoe\n"
	      "    ethertype: 0x8885\n"
	      "    announce: all         # every address on every link, as lsoed did; own is what the draft "
	      "wants\n"
	      "    link_local: true\n",
		im->yaml);
	for (size_t i = 0; i < N_KEYS; i++)
		put_key(im, &keys[i]);
	if (!entry_of(&im->ini, "local-id"))
		fputs("    # no local-id: lsoed's was the first 20 digits that md5sum " UUID
		      " prints;\n    # to keep it, write them here: id: '..'. Without, it is made of the "
		      "machine's id.\n",
			im->yaml);
	put_others(im);
}
