/*
 * lsoe_text.c - see lsoe_text.h.
 */
#include "lsoe_text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY 8 /* entries are not shortened up to here */

static const char *name_of(uint8_t type)
{
	return type == LSOE_MPLS4 ? "MPLSV4" : type == LSOE_MPLS6 ? "MPLSV6" : lsoe_type_name(type);
}

static void set_hex(json_t *o, const char *key, const uint8_t *p, size_t n)
{
	char *text = malloc(2 * n + 1);

	for (size_t i = 0; i < n; i++)
		sprintf(text + 2 * i, "%02x", p[i]);
	text[2 * n] = 0;
	json_object_set_new(o, key, json_string(text));
	free(text);
}

static void set_int(json_t *o, const char *key, json_int_t v)
{
	json_object_set_new(o, key, json_integer(v));
}

static json_t *labels_of(const struct lsoe_entry *e)
{
	json_t *all = json_array();

	for (const uint8_t *p = e->labels; p < e->labels + 3 * e->n_labels; p += 3) {
		json_t *l = json_object();
		set_hex(l, "hex", p, 3);
		set_int(l, "label", lsoe_label(p));
		set_int(l, "exp", p[2] >> 1 & 7);
		set_int(l, "s", p[2] & 1);
		json_array_append_new(all, l);
	}
	return all;
}

static json_t *entry_of(uint8_t type, const struct lsoe_entry *e)
{
	char text[INET6_ADDRSTRLEN];
	json_t *o = json_object();

	json_object_set_new(o, "primary", json_boolean(e->flags & LSOE_F_PRIMARY));
	json_object_set_new(o, "loopback", json_boolean(e->flags & LSOE_F_LOOPBACK));
	if (e->labels)
		json_object_set_new(o, "labels", labels_of(e));
	inet_ntop(type % 2 ? AF_INET6 : AF_INET, e->addr, text, sizeof text);
	json_object_set_new(o, "address", json_string(text));
	set_int(o, "prefixlen", e->prefix);
	return o;
}

/* Long lists as the files have them: the first three and the last two. */
static json_t *entries_of(const struct lsoe_entries *all)
{
	json_t *list = json_array();
	struct lsoe_entry e;
	uint32_t i = 0;

	for (size_t at = 0; lsoe_entry_next(all, &at, &e); i++)
		if (all->count <= MANY || i < 3 || i >= all->count - 2)
			json_array_append_new(list, entry_of(all->type, &e));
		else if (i == 3)
			json_array_append_new(list, json_sprintf("... %u more ...", all->count - 5));
	return list;
}

static void describe_open(json_t *o, const struct lsoe_open *open)
{
	json_t *attrs = json_array();

	set_hex(o, "nonce", open->nonce, 4);
	set_hex(o, "my_id", open->id, open->id_len);
	set_int(o, "attr_count", open->n_attrs);
	for (size_t i = 0; i < open->n_attrs; i++)
		json_array_append_new(attrs, json_integer(open->attrs[i]));
	json_object_set_new(o, "attributes", attrs);
	set_int(o, "auth_length", open->auth_len);
	set_hex(o, "auth_data", open->auth, open->auth_len);
}

char *lsoe_decoded(const struct lsoe_pdu *pdu, size_t n)
{
	json_t *o = json_object();

	set_int(o, "pdu_type", pdu->type);
	set_int(o, "pdu_length", (json_int_t)n);
	json_object_set_new(o, "pdu_name", json_string(name_of(pdu->type)));
	if (pdu->type == LSOE_OPEN) {
		describe_open(o, &pdu->u.open);
	} else if (pdu->type == LSOE_ACK) {
		set_int(o, "acked_type", pdu->u.ack.type);
		set_int(o, "etype", pdu->u.ack.etype);
		set_int(o, "error_code", pdu->u.ack.code);
		set_int(o, "error_hint", pdu->u.ack.hint);
	} else if (pdu->type == LSOE_VENDOR) {
		set_int(o, "enterprise_number", pdu->u.vendor.enterprise);
		set_int(o, "enterprise_type", pdu->u.vendor.type);
		set_hex(o, "enterprise_data", pdu->u.vendor.data, pdu->u.vendor.len);
	} else if (pdu->type >= LSOE_IPV4) {
		set_int(o, "count", pdu->u.entries.count);
		json_object_set_new(o, "entries", entries_of(&pdu->u.entries));
	}
	char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(o);
	return text;
}

static void hex(FILE *f, const char *before, const uint8_t *p, size_t n)
{
	fprintf(f, "%s", before);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%02x", p[i]);
}

static void summarise_open(FILE *f, enum lsoe_dialect d, const struct lsoe_open *o)
{
	hex(f, " nonce=", o->nonce, 4);
	hex(f, " id=", o->id, o->id_len);
	if (o->n_attrs)
		hex(f, " attributes=", o->attrs, o->n_attrs);
	if (o->auth_len)
		hex(f, " auth=", o->auth, o->auth_len);
	if (o->auth_type)
		hex(f, " key=", o->key, o->key_len);
	if (d == LSOE_L3DL)
		fprintf(f, " serial=%u", o->serial);
}

static void summarise_entries(FILE *f, enum lsoe_dialect d, const struct lsoe_entries *all)
{
	struct lsoe_entry e;

	fprintf(f, " count=%u", all->count);
	if (d == LSOE_01)
		return;
	fprintf(f, " serial=%u", all->serial);
	for (size_t at = 0; all->count < 3 && lsoe_entry_next(all, &at, &e);) {
		char text[INET6_ADDRSTRLEN];
		inet_ntop(all->type % 2 ? AF_INET6 : AF_INET, e.addr, text, sizeof text);
		fprintf(f, " %c%s%s%s%s/%u", e.flags & LSOE_F_WITHDRAW ? '-' : '+',
			e.flags & LSOE_F_PRIMARY ? "primary " : "",
			e.flags & LSOE_F_LOOPBACK ? "loopback " : "",
			e.flags & LSOE_F_OVERLAY ? "overlay " : "", text, e.prefix);
		for (unsigned i = 0; i < e.n_labels; i++)
			fprintf(f, " label %u", lsoe_label(e.labels + 3 * i));
	}
}

static void summarise_ulpc(FILE *f, const struct lsoe_ulpc *u)
{
	char text[INET6_ADDRSTRLEN];

	fprintf(f, " AS%u", u->asn);
	if (u->have4)
		fprintf(f, " %s/%u", inet_ntop(AF_INET, u->addr4, text, sizeof text), u->prefix4);
	if (u->have6)
		fprintf(f, " %s/%u", inet_ntop(AF_INET6, u->addr6, text, sizeof text), u->prefix6);
	fprintf(f, u->gtsm ? " GTSM" : "");
}

char *lsoe_summary(enum lsoe_dialect d, const struct lsoe_pdu *pdu)
{
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	fprintf(f, "%s", name_of(pdu->type));
	if (pdu->type == LSOE_OPEN)
		summarise_open(f, d, &pdu->u.open);
	else if (pdu->type == LSOE_ACK)
		fprintf(f, " of %s etc=0x%04x hint=%u", name_of(pdu->u.ack.type),
			pdu->u.ack.etype << 12 | pdu->u.ack.code, pdu->u.ack.hint);
	else if (pdu->type == LSOE_VENDOR)
		hex(f, " ", pdu->u.vendor.data, pdu->u.vendor.len < 40 ? pdu->u.vendor.len : 40);
	else if (pdu->type == LSOE_ULPC)
		summarise_ulpc(f, &pdu->u.ulpc);
	else if (pdu->type >= LSOE_IPV4 && pdu->type <= LSOE_MPLS6)
		summarise_entries(f, d, &pdu->u.entries);
	fclose(f);
	return text;
}

char *lsoe_heard_of(struct lsoe_reasm *r, struct lsoe_reasm_budget *b, enum lsoe_dialect d,
	const struct buf *content, struct lsoe_pdu *pdu)
{
	static const char *const frames[] = {"", "short", "version", "length", "checksum"};
	static const char *const parts[] = {
		"kept", "", "repeated", "anew", "old", "number", "too long", "full"};
	struct lsoe_frame f;
	const uint8_t *whole = NULL;
	size_t n = 0;

	enum lsoe_frame_fault fault = lsoe_frame_decode(d, content->p, content->n, &f);
	if (fault)
		return text_of("dropped:", frames[fault]);
	enum lsoe_reasm_result res = lsoe_reasm_add(r, b, d, 0, LAN_SEC(1), &f, &whole, &n);
	if (res != LSOE_REASM_PDU)
		return strdup(parts[res]);
	enum lsoe_pdu_fault wrong = lsoe_pdu_decode(d, whole, n, pdu);
	return wrong ? text_of("dropped:", lsoe_pdu_fault_text(wrong)) : lsoe_summary(d, pdu);
}

char *lsoe_cut(enum lsoe_dialect d, uint16_t tsn, const uint8_t *pdu, size_t n)
{
	size_t header = lsoe_rules[d].header, most = LSOE_MTU - header;
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (uint32_t number = 0; number == 0 || n; number++) {
		uint8_t buf[LSOE_MTU];
		size_t part = n < most ? n : most;
		memcpy(buf + header, pdu, part);
		hex(f, number ? " " : "", buf, lsoe_frame_finish(d, tsn, number, part == n, buf, part));
		pdu += part;
		n -= part;
	}
	fclose(f);
	return text;
}
