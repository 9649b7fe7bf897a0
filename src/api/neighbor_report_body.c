/*
 * neighbor_report_body.c - one report as JSON, byte for byte in the form Python's
 * json.dumps gives the original's: its keys in their order, its separators
 * (docs/protocols/lsoe.md, section 1.12). `labels` is what was intended there:
 * null for IP, an array of three octets each in hexadecimal for MPLS.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/neighbor_report.h"

static const char *const name[] = {
	"IPV4ENCAPSULATION", "IPV6ENCAPSULATION", "MPLSIPV4ENCAPSULATION", "MPLSIPV6ENCAPSULATION"};

/* A string; what is not printable ASCII as \u00XX (names of interfaces are octets, and Latin-1 has them all).
 */
static void string(FILE *f, const char *s)
{
	putc('"', f);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			fprintf(f, "\\u%04x", c);
		else
			putc(c, f);
	}
	putc('"', f);
}

static void member(FILE *f, const char *key, const char *value)
{
	fprintf(f, "\"%s\": ", key);
	string(f, value);
	fputs(", ", f);
}

static const char *word(bool yes)
{
	return yes ? "true" : "false";
}

static void entry(FILE *f, uint8_t type, const struct lsoe_entry *e)
{
	char addr[INET6_ADDRSTRLEN];
	int family = type == LSOE_IPV4 || type == LSOE_MPLS4 ? AF_INET : AF_INET6;
	fprintf(f, "{\"primary\": %s, \"loopback\": %s, \"ipaddr\": \"%s\", \"prefixlen\": %u, \"labels\": ",
		word(e->flags & LSOE_F_PRIMARY), word(e->flags & LSOE_F_LOOPBACK),
		inet_ntop(family, e->addr, addr, sizeof addr), e->prefix);
	if (type == LSOE_IPV4 || type == LSOE_IPV6) {
		fputs("null}", f);
		return;
	}
	putc('[', f);
	for (unsigned i = 0; i < e->n_labels; i++)
		fprintf(f, "%s\"%02x%02x%02x\"", i ? ", " : "", e->labels[3 * i], e->labels[3 * i + 1],
			e->labels[3 * i + 2]);
	fputs("]}", f);
}

static void unique(FILE *f, const struct neighbor_report_session *s, const char *mac, const char *what)
{
	const char *const part[] = {s->my_id, s->ifname, mac, s->peer_id, what};
	fputs("\"unique\": [", f);
	for (size_t i = 0; i < 5; i++) {
		fputs(i ? ", " : "", f);
		string(f, part[i]);
	}
	putc(']', f);
}

char *neighbor_report_body(
	const struct neighbor_report_session *s, uint8_t type, const struct lsoe_list *list, size_t *n)
{
	char *text = NULL, mac[18];
	struct lsoe_entry e;
	size_t at = 0;
	FILE *f = open_memstream(&text, n);
	if (!f)
		return NULL;
	snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", s->mac[0], s->mac[1], s->mac[2], s->mac[3],
		s->mac[4], s->mac[5]);
	putc('{', f);
	member(f, "my_switch_id", s->my_id);
	fprintf(f, "\"session_pyid\": %" PRIu64 ", ", s->session);
	member(f, "ifname", s->ifname);
	member(f, "peer_macaddr", mac);
	member(f, "peer_switch_id", s->peer_id);
	fputs("\"peer_attributes\": [", f);
	for (size_t i = 0; i < s->n_attrs; i++)
		fprintf(f, "%s%u", i ? ", " : "", s->attrs[i]);
	fprintf(f, "], \"pdu_type\": %u, ", type);
	member(f, "pdu_name", name[type - LSOE_IPV4]);
	fputs("\"encaps\": [", f);
	for (bool first = true; list && lsoe_list_next(list, type, &at, &e); first = false) {
		fputs(first ? "" : ", ", f);
		entry(f, type, &e);
	}
	fputs("], ", f);
	unique(f, s, mac, name[type - LSOE_IPV4]);
	putc('}', f);
	bool whole = !ferror(f);
	if (fclose(f) == 0 && whole)
		return text;
	free(text);
	return NULL;
}
