/*
 * neighbor_pdu.c - every field of a captured frame, as JSON or, one a line, as text. Both come from one walk
 * over the fields, so they cannot differ.
 */
#include "cli/neighbor_pdu.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "cli/out_json.h"

struct fields {
	struct out *o;
	bool json, first;
	int depth;
};

/* ---- one field */

static void name_of(struct fields *w, const char *name)
{
	if (w->json)
		out_printf(w->o, "%s\"%s\":", w->first ? "" : ",", name);
	else
		out_printf(w->o, "%*s%s: ", 4 * w->depth, "", name);
	w->first = false;
}

static void done(struct fields *w)
{
	if (!w->json)
		out_char(w->o, '\n');
}

static void number(struct fields *w, const char *name, uint64_t v)
{
	name_of(w, name);
	out_printf(w->o, "%llu", (unsigned long long)v);
	done(w);
}

static void flag(struct fields *w, const char *name, bool v)
{
	name_of(w, name);
	out_text(w->o, v ? "true" : "false");
	done(w);
}

static void text(struct fields *w, const char *name, const char *v)
{
	name_of(w, name);
	if (w->json)
		out_json_string(w->o, v, strlen(v));
	else
		out_foreign(w->o, v, strlen(v));
	done(w);
}

static void hex(struct fields *w, const char *name, const uint8_t *p, size_t n, const char *between)
{
	name_of(w, name);
	out_text(w->o, w->json ? "\"" : "");
	for (size_t i = 0; i < n; i++)
		out_printf(w->o, "%s%02x", i ? between : "", p[i]);
	out_text(w->o, w->json ? "\"" : "");
	done(w);
}

static void word(struct fields *w, const char *name, const char *format, unsigned v)
{
	char buf[16];
	snprintf(buf, sizeof buf, format, v);
	text(w, name, buf);
}

static void begin(struct fields *w, const char *name)
{
	if (w->json)
		out_printf(w->o, "%s\"%s\":{", w->first ? "" : ",", name);
	else
		out_printf(w->o, "%*s%s\n", 4 * w->depth, "", name);
	w->first = true;
	w->depth++;
}

static void end(struct fields *w)
{
	out_text(w->o, w->json ? "}" : "");
	w->first = false;
	w->depth--;
}

/* Lists: of scalars on one line, of objects one below the other. */
static void list(struct fields *w, const char *name)
{
	name_of(w, name);
	out_text(w->o, w->json ? "[" : "");
}

static void list_end(struct fields *w)
{
	out_text(w->o, w->json ? "]" : "\n");
}

/* ---- PDUs */

static void open_pdu(struct fields *w, const struct nwire_frame *f)
{
	const struct lsoe_open *p = &f->pdu.u.open;
	hex(w, "nonce", p->nonce, sizeof p->nonce, "");
	hex(w, "id", p->id, p->id_len, ":");
	list(w, "attributes");
	for (unsigned i = 0; i < p->n_attrs; i++)
		out_printf(w->o, "%s%u", i ? "," : "", p->attrs[i]);
	list_end(w);
	if (f->dialect == LSOE_01) {
		hex(w, "auth", p->auth, p->auth_len, "");
		return;
	}
	number(w, "auth_type", p->auth_type);
	hex(w, "key", p->key, p->key_len, "");
	if (p->auth_type)
		hex(w, "cert", p->cert, p->cert_len, "");
	number(w, "serial", p->serial);
}

static void ack_pdu(struct fields *w, const struct lsoe_ack *a)
{
	number(w, "acks", a->type);
	text(w, "acks_name", lsoe_type_name(a->type));
	number(w, "etype", a->etype);
	number(w, "code", a->code);
	number(w, "hint", a->hint);
}

static void address(struct fields *w, const char *name, bool wide, const uint8_t *p)
{
	char buf[INET6_ADDRSTRLEN];
	text(w, name, inet_ntop(wide ? AF_INET6 : AF_INET, p, buf, sizeof buf));
}

static void labels(struct fields *w, const struct lsoe_entry *e)
{
	list(w, "labels");
	for (unsigned i = 0; i < e->n_labels; i++)
		out_printf(w->o, "%s%u", i ? "," : "", lsoe_label(e->labels + (size_t)3 * i));
	list_end(w);
	hex(w, "label_octets", e->labels, (size_t)3 * e->n_labels, "");
}

static void entry(struct fields *w, enum lsoe_dialect d, uint8_t type, const struct lsoe_entry *e)
{
	bool wide = type == LSOE_IPV6 || type == LSOE_MPLS6;
	address(w, "address", wide, e->addr);
	number(w, "length", e->prefix);
	if (d == LSOE_L3DL)
		flag(w, "announce", !(e->flags & LSOE_F_WITHDRAW));
	flag(w, "primary", e->flags & LSOE_F_PRIMARY);
	flag(w, "loopback", e->flags & LSOE_F_LOOPBACK);
	if (d == LSOE_L3DL)
		flag(w, "overlay", e->flags & LSOE_F_OVERLAY);
	if (type == LSOE_MPLS4 || type == LSOE_MPLS6)
		labels(w, e);
}

static void entries_pdu(struct fields *w, const struct nwire_frame *f)
{
	const struct lsoe_entries *p = &f->pdu.u.entries;
	struct lsoe_entry e;
	size_t at = 0;
	number(w, "count", p->count);
	if (f->dialect == LSOE_L3DL)
		number(w, "serial", p->serial);
	if (p->bad)
		number(w, "impossible", p->bad);
	if (w->json)
		list(w, "prefixes");
	for (bool more = false; lsoe_entry_next(p, &at, &e); more = true) {
		if (w->json)
			out_text(w->o, more ? ",{" : "{");
		else
			out_printf(w->o, "%*sprefix\n", 4 * w->depth, "");
		w->first = true;
		w->depth++;
		entry(w, f->dialect, p->type, &e);
		end(w);
	}
	if (w->json)
		list_end(w);
}

static void measure(struct fields *w, const struct nwire_measure *m)
{
	begin(w, "measure");
	number(w, "sequence", m->sequence);
	number(w, "time", m->time);
	number(w, "echo", m->echo);
	number(w, "held", m->held);
	number(w, "sent", m->sent);
	number(w, "received", m->received);
	end(w);
}

static void vendor_pdu(struct fields *w, const struct nwire_frame *f)
{
	const struct lsoe_vendor *v = &f->pdu.u.vendor;
	if (f->dialect == LSOE_L3DL)
		number(w, "serial", v->serial);
	number(w, "enterprise", v->enterprise);
	number(w, "vendor_type", v->type);
	hex(w, "data", v->data, v->len, "");
	if (f->measured)
		measure(w, &f->measure);
}

static void newkey_pdu(struct fields *w, const struct lsoe_newkey *k)
{
	number(w, "key_type", k->type);
	hex(w, "key", k->key, k->key_len, "");
	hex(w, "cert", k->cert, k->cert_len, "");
}

static void ulpc_pdu(struct fields *w, const struct lsoe_ulpc *u)
{
	number(w, "asn", u->asn);
	if (u->have4) {
		address(w, "address4", false, u->addr4);
		number(w, "length4", u->prefix4);
	}
	if (u->have6) {
		address(w, "address6", true, u->addr6);
		number(w, "length6", u->prefix6);
	}
	hex(w, "auth", u->auth, u->auth_len, "");
	flag(w, "gtsm", u->gtsm);
}

static void payload(struct fields *w, const struct nwire_frame *f)
{
	switch (f->pdu.type) {
	case LSOE_HELLO:
	case LSOE_KEEPALIVE:
		return;
	case LSOE_OPEN:
		open_pdu(w, f);
		return;
	case LSOE_ACK:
		ack_pdu(w, &f->pdu.u.ack);
		return;
	case LSOE_VENDOR:
		vendor_pdu(w, f);
		return;
	case LSOE_NEWKEY:
		newkey_pdu(w, &f->pdu.u.newkey);
		return;
	case LSOE_ULPC:
		ulpc_pdu(w, &f->pdu.u.ulpc);
		return;
	default:
		entries_pdu(w, f);
	}
}

static void pdu(struct fields *w, const struct nwire_frame *f)
{
	begin(w, "pdu");
	if (f->n_octets) {
		number(w, "type", f->octets[0]);
		if (lsoe_known(f->dialect, f->octets[0]))
			text(w, "name", lsoe_type_name(f->octets[0]));
	}
	number(w, "octets", f->n_octets);
	if (f->pdu_fault) {
		text(w, "fault", lsoe_pdu_fault_text(f->pdu_fault));
		hex(w, "raw", f->octets, f->n_octets, "");
	} else {
		payload(w, f);
		if (f->dialect == LSOE_L3DL) {
			number(w, "signature_type", f->pdu.sig_type);
			hex(w, "signature", f->pdu.sig, f->pdu.sig_len, "");
		}
	}
	end(w);
}

/* ---- frames */

static void datagram(struct fields *w, const struct nwire_frame *f)
{
	begin(w, "datagram");
	number(w, "version", f->version);
	if (f->dialect == LSOE_L3DL)
		number(w, "tsn", f->tsn);
	flag(w, "last", f->last);
	number(w, "number", f->number);
	number(w, "length", f->length);
	word(w, "checksum", "0x%08x", f->checksum);
	if (f->fault == LSOE_FRAME_CHECKSUM)
		word(w, "checksum_right", "0x%08x", f->right);
	end(w);
}

static void when(struct fields *w, uint64_t at)
{
	time_t seconds = (time_t)(at / 1000000000u);
	char day[40] = "", buf[64];
	struct tm tm;
	if (!gmtime_r(&seconds, &tm) || !strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm))
		return;
	snprintf(buf, sizeof buf, "%s.%09uZ", day, (unsigned)(at % 1000000000u));
	text(w, "time", buf);
}

static void addresses(struct fields *w, const struct nwire_frame *f)
{
	hex(w, "src", f->src, 6, ":");
	hex(w, "dst", f->dst, 6, ":");
	if (f->tagged) {
		number(w, "vlan", f->tci & 0xfff);
		number(w, "priority", f->tci >> 13);
	}
	word(w, "ethertype", "0x%04x", f->ethertype);
	text(w, "dialect", lsoe_rules[f->dialect].name);
}

static void frame(struct fields *w, const struct nview *v)
{
	static const char *const ways[] = {"unknown", "in", "out"};
	const struct nwire_frame *f = v->f;
	number(w, "frame", v->number);
	when(w, v->at);
	text(w, "ifname", v->ifname);
	text(w, "direction", ways[v->way]);
	number(w, "size", v->length);
	if (v->captured < v->length)
		number(w, "captured", v->captured);
	addresses(w, f);
	if (f->have_header)
		datagram(w, f);
	if (f->fault)
		text(w, "fault", f->fault_text);
	if (*f->note)
		text(w, "note", f->note);
	if (f->padding_len)
		hex(w, "padding", f->padding, f->padding_len, "");
	if (f->lanyard) {
		begin(w, "lanyard");
		flag(w, "measures", f->measures);
		end(w);
	}
	if (f->have_pdu)
		pdu(w, f);
}

void nview_json(struct out *o, const struct nview *v)
{
	struct fields w = {.o = o, .json = true};
	out_text(o, "{\"schema\":1,\"event\":\"frame\"");
	frame(&w, v);
	out_char(o, '}');
}

void nview_fields(struct out *o, const struct nview *v)
{
	struct fields w = {.o = o, .depth = 1};
	frame(&w, v);
}
