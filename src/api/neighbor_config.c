/*
 * neighbor_config.c - is the configuration of a neighbour handle sensible? Each refusal is a sentence that
 * names the value and says what to do. What only the kernel knows (interfaces, permissions) is left to it.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/neighbor_int.h"
#include "base/map.h"

static _Thread_local char sentence[NEIGHBOR_WHY_MAX];

enum lan_err neighbor_why(const char **why, enum lan_err e, const char *fmt, ...)
{
	va_list ap;
	char text[sizeof sentence]; /* an argument may be the sentence itself */
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	memcpy(sentence, text, sizeof sentence);
	if (why)
		*why = sentence;
	return e;
}

/* ---- octets and texts --------------------------------------------------------------------------------- */

char *neighbor_id_text(const uint8_t *id, size_t n, char out[3 * LSOE_ID_MAX + 1])
{
	*out = '\0';
	for (size_t i = 0; i < n && i < LSOE_ID_MAX; i++)
		sprintf(out + 3 * i, "%02x%s", id[i], i + 1 < n ? ":" : "");
	return out;
}

char *neighbor_mac_text(const uint8_t mac[6], char out[18])
{
	sprintf(out, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return out;
}

bool neighbor_mac(const char *text, uint8_t out[6])
{
	uint8_t octets[LSOE_ID_MAX], n;
	if (strlen(text) > 17 || !neighbor_id_parse(text, octets, &n) || n != 6)
		return false;
	memcpy(out, octets, 6);
	return true;
}

static enum lan_err hello_to(const char *text, uint8_t out[6], const char **why)
{
	static const struct {
		const char *name;
		uint8_t mac[6];
	} known[] = {
		{"nearest-bridge", {0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e}},
		{"non-tpmr", {0x01, 0x80, 0xc2, 0x00, 0x00, 0x03}},
		{"broadcast", {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!text || !strcmp(text, known[i].name)) {
			memcpy(out, known[i].mac, 6);
			return LAN_OK;
		}
	if (neighbor_mac(text, out))
		return LAN_OK;
	return neighbor_why(why, LAN_ERR_INVAL,
		"hello_to: '%s' is no MAC address; give one, or nearest-bridge, non-tpmr or broadcast", text);
}

/* Something that stays the same over restarts and differs between machines. */
static void default_id(uint8_t out[LSOE_ID_01])
{
	static const char *const files[] = {"/etc/machine-id", "/sys/class/dmi/id/product_uuid"};
	char text[128];
	size_t n = 0;
	for (size_t i = 0; i < sizeof files / sizeof *files && !n; i++) {
		FILE *f = fopen(files[i], "r");
		n = f ? fread(text, 1, sizeof text, f) : 0;
		if (f)
			fclose(f);
	}
	if (!n) {
		n = sizeof text - 1;
		if (gethostname(text, n))
			text[0] = '\0';
		text[n] = '\0';
		n = strlen(text);
	}
	uint8_t hash[16];
	for (unsigned i = 0; i < 2; i++)
		lan_put_be64(hash + 8 * i, lan_siphash((const uint64_t[2]){0x4c616e79617264, i}, text, n));
	memcpy(out, hash, LSOE_ID_01);
}

static enum lan_err set_id(
	const struct lan_neighbor_config *cfg, struct neighbor_settings *s, const char **why)
{
	bool lsoe = cfg->dialect == LAN_NEIGHBOR_LSOE;
	if (!cfg->id || !*cfg->id) {
		if (lsoe)
			default_id(s->id);
		s->id_len = lsoe ? LSOE_ID_01 : 0;
		neighbor_id_text(s->id, s->id_len, s->id_text);
		return LAN_OK;
	}
	uint8_t n;
	if (!neighbor_id_parse(cfg->id, s->id, &n) || !n)
		return neighbor_why(why, LAN_ERR_INVAL,
			"id: '%s' is not hexadecimal octets, e.g. 00:00:00:00:00:00:00:00:00:0a", cfg->id);
	neighbor_id_text(s->id, n, s->id_text);
	if (lsoe && n > LSOE_ID_01)
		return neighbor_why(why, LAN_ERR_INVAL, "id: %u octets; LSOE has room for %d", n, LSOE_ID_01);
	if (lsoe)
		memset(s->id + n, 0, (size_t)(LSOE_ID_01 - n)); /* at its end, as the original */
	s->id_len = lsoe ? LSOE_ID_01 : n;
	return LAN_OK;
}

/* ---- lists ------------------------------------------------------------------------------------------------
 */

static enum lan_err copy_texts(const char *const *from, size_t n, char ***out, size_t *out_n)
{
	char **to = calloc(n ? n : 1, sizeof *to);
	if (!to)
		return LAN_ERR_NOMEM;
	*out = to;
	for (*out_n = 0; *out_n < n; ++*out_n)
		if (!(to[*out_n] = strdup(from[*out_n])))
			return LAN_ERR_NOMEM;
	return LAN_OK;
}

/* "eth*", "!eth7": the last one that fits decides. */
bool neighbor_matches(char *const *globs, size_t n, const char *name)
{
	bool yes = false;
	for (size_t i = 0; i < n; i++) {
		bool not = globs[i][0] == '!';
		if (!fnmatch(globs[i] + not, name, 0))
			yes = !not ;
	}
	return yes;
}

static bool parse_prefix(const char *text, uint8_t addr[16], int *family, unsigned *len)
{
	char host[64];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	if (n >= sizeof host)
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	*family = strchr(host, ':') ? AF_INET6 : AF_INET;
	unsigned max = *family == AF_INET6 ? 128 : 32;
	*len = max;
	char *end = NULL;
	if (slash) {
		if (!isdigit((unsigned char)slash[1]))
			return false;
		unsigned long v = strtoul(slash + 1, &end, 10);
		if (*end || v > max)
			return false;
		*len = (unsigned)v;
	}
	return inet_pton(*family, host, addr) == 1;
}

static enum lan_err set_label(
	const struct lan_neighbor_labels *from, struct neighbor_label *to, const char **why)
{
	int family;
	unsigned len;
	if (!from->prefix || !parse_prefix(from->prefix, to->addr, &family, &len))
		return neighbor_why(why, LAN_ERR_INVAL, "labels: '%s' is no prefix, e.g. 192.0.2.0/24",
			from->prefix ? from->prefix : "");
	if (from->n == 0 || from->n > 255)
		return neighbor_why(
			why, LAN_ERR_INVAL, "labels of %s: %zu; give 1 to 255", from->prefix, from->n);
	to->type = family == AF_INET ? LSOE_MPLS4 : LSOE_MPLS6;
	to->prefix = (uint8_t)len;
	to->n = (uint8_t)from->n;
	to->octets = malloc(3 * from->n);
	if (!to->octets)
		return LAN_ERR_NOMEM;
	for (size_t i = 0; i < from->n; i++) {
		uint32_t v = from->labels[i];
		if (v > 0xfffff)
			return neighbor_why(
				why, LAN_ERR_INVAL, "label %u of %s has more than 20 bits", v, from->prefix);
		v = v << 4 | (i + 1 == from->n); /* bottom of the stack */
		to->octets[3 * i] = (uint8_t)(v >> 16);
		to->octets[3 * i + 1] = (uint8_t)(v >> 8);
		to->octets[3 * i + 2] = (uint8_t)v;
	}
	return LAN_OK;
}

static enum lan_err set_labels(
	const struct lan_neighbor_config *cfg, struct neighbor_settings *s, const char **why)
{
	s->labels = calloc(cfg->n_labels ? cfg->n_labels : 1, sizeof *s->labels);
	if (!s->labels)
		return LAN_ERR_NOMEM;
	s->n_labels = cfg->n_labels;
	for (size_t i = 0; i < cfg->n_labels; i++) {
		enum lan_err e = set_label(&cfg->labels[i], &s->labels[i], why);
		if (e)
			return e;
	}
	return LAN_OK;
}

static enum lan_err set_primary(
	const struct lan_neighbor_config *cfg, struct neighbor_settings *s, const char **why)
{
	if (!cfg->primary)
		return LAN_OK;
	unsigned len;
	if (strchr(cfg->primary, '/') || !parse_prefix(cfg->primary, s->primary, &s->primary_family, &len))
		return neighbor_why(why, LAN_ERR_INVAL, "primary: '%s' is no address", cfg->primary);
	s->have_primary = true;
	return LAN_OK;
}

/* What belongs to the other dialect is a mistake, not to be passed over. */
static enum lan_err check_dialect(const struct lan_neighbor_config *cfg, const char **why)
{
	const char *l3dl = cfg->key_file         ? "key_file"
			   : cfg->cert_file      ? "cert_file"
			   : cfg->anchor_file    ? "anchor_file"
			   : cfg->trust          ? "trust"
			   : cfg->sign_keepalive ? "sign_keepalive"
			   : cfg->bgp.asn        ? "bgp"
			   : cfg->multi_link     ? "multi_link"
			   : cfg->state_dir      ? "state_dir"
						 : NULL;
	if (cfg->dialect != LAN_NEIGHBOR_LSOE && cfg->dialect != LAN_NEIGHBOR_L3DL)
		return neighbor_why(why, LAN_ERR_INVAL, "no such dialect");
	if (cfg->dialect == LAN_NEIGHBOR_LSOE && l3dl)
		return neighbor_why(why, LAN_ERR_INVAL, "%s is for L3DL; LSOE has no such thing", l3dl);
	if (cfg->trust == LAN_NEIGHBOR_TRUST_ANCHOR && !cfg->anchor_file)
		return neighbor_why(why, LAN_ERR_INVAL, "trust in an anchor needs an anchor_file");
	if (cfg->n_ifaces == 0)
		return neighbor_why(
			why, LAN_ERR_INVAL, "no interfaces; name at least one, or give a glob like eth*");
	if (cfg->n_attributes > 255)
		return neighbor_why(
			why, LAN_ERR_INVAL, "%zu attributes; an OPEN has room for 255", cfg->n_attributes);
	if (cfg->ethertype && cfg->ethertype < 0x600)
		return neighbor_why(
			why, LAN_ERR_INVAL, "0x%04x is no EtherType: they begin at 0x0600", cfg->ethertype);
	return LAN_OK;
}

enum lan_err neighbor_settings(
	const struct lan_neighbor_config *cfg, struct neighbor_settings *out, const char **why)
{
	struct neighbor_settings s = {.announce = cfg->announce, .link_local = cfg->link_local};
	enum lsoe_dialect d = cfg->dialect == LAN_NEIGHBOR_LSOE ? LSOE_01 : LSOE_L3DL;
	enum lan_err e = check_dialect(cfg, why);
	s.ethertype = cfg->ethertype ? cfg->ethertype : lsoe_rules[d].ethertype;
	if (!e)
		e = hello_to(cfg->hello_to, s.hello_to, why);
	neighbor_mac_text(s.hello_to, s.hello_text);
	if (!e)
		e = set_id(cfg, &s, why);
	if (!e)
		e = set_primary(cfg, &s, why);
	if (!e)
		e = copy_texts(cfg->ifaces, cfg->n_ifaces, &s.ifaces, &s.n_ifaces);
	if (!e)
		e = copy_texts(cfg->loopbacks, cfg->n_loopbacks, &s.loopbacks, &s.n_loopbacks);
	if (!e)
		e = set_labels(cfg, &s, why);
	if (e) {
		neighbor_settings_fini(&s);
		return e;
	}
	*out = s;
	return LAN_OK;
}

void neighbor_settings_fini(struct neighbor_settings *s)
{
	for (size_t i = 0; i < s->n_ifaces; i++)
		free(s->ifaces[i]);
	for (size_t i = 0; i < s->n_loopbacks; i++)
		free(s->loopbacks[i]);
	for (size_t i = 0; i < s->n_labels; i++)
		free(s->labels[i].octets);
	free(s->ifaces);
	free(s->loopbacks);
	free(s->labels);
}
