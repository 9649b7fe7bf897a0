/*
 * neighbor_line.c - a captured frame as one line: when, where, who to whom, what, and what is wrong with it.
 * Of many entries the first few are shown.
 */
#include "cli/neighbor_pdu.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

enum { ENTRIES = 4, LABELS = 4 };

static void clock_of(struct out *o, uint64_t at, bool date)
{
	time_t seconds = (time_t)(at / 1000000000u);
	unsigned rest = (unsigned)(at % 1000000000u);
	char text[64] = "";
	struct tm tm;
	if (date && gmtime_r(&seconds, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm))
		out_printf(o, "%s.%09uZ", text, rest);
	else if (!date && localtime_r(&seconds, &tm) && strftime(text, sizeof text, "%H:%M:%S", &tm))
		out_printf(o, "%s.%06u", text, rest / 1000);
	else
		out_printf(o, "%llu.%09u", (unsigned long long)seconds, rest);
}

static void octets(struct out *o, const uint8_t *p, size_t n, const char *between)
{
	for (size_t i = 0; i < n; i++)
		out_printf(o, "%s%02x", i ? between : "", p[i]);
}

static const char *algorithm(uint8_t type)
{
	switch (type) {
	case 0:
		return "none";
	case 8:
		return "RSASHA256";
	case 15:
		return "ED25519";
	default:
		return NULL;
	}
}

static void key(struct out *o, const char *what, uint8_t type, size_t n)
{
	out_printf(o, " %s ", what);
	if (algorithm(type))
		out_text(o, algorithm(type));
	else
		out_printf(o, "algorithm %u", type);
	if (n)
		out_printf(o, " of %zu octets", n);
}

static void open_pdu(struct out *o, const struct nwire_frame *f)
{
	const struct lsoe_open *p = &f->pdu.u.open;
	out_text(o, " nonce ");
	octets(o, p->nonce, sizeof p->nonce, "");
	out_text(o, " id ");
	octets(o, p->id, p->id_len, ":");
	for (unsigned i = 0; i < p->n_attrs; i++)
		out_printf(o, "%s%u", i ? "," : " attributes ", p->attrs[i]);
	if (p->auth_len)
		out_printf(o, " authentication of %u octets", p->auth_len);
	if (p->auth_type)
		key(o, "key", p->auth_type, p->key_len);
	if (p->cert_len)
		out_printf(o, " certificate of %u octets", p->cert_len);
	if (p->serial)
		out_printf(o, " goes on after %u", p->serial);
}

/* Sections 1.6 and 2.4. */
static const char *code_text(enum lsoe_dialect d, uint16_t code)
{
	static const char *const of_01[] = {"", "link addressing conflict", "authorisation failure in OPEN"};
	static const char *const of_l3dl[] = {"", "checksum error", "link addressing conflict",
		"authorisation failure", "announce/withdraw error"};
	if (d == LSOE_01)
		return code < 3 ? of_01[code] : "";
	return code < 5 ? of_l3dl[code] : "";
}

static void ack_pdu(struct out *o, const struct nwire_frame *f)
{
	static const char *const etypes[] = {"", "warning", "restart the session", "hopeless"};
	const struct lsoe_ack *a = &f->pdu.u.ack;
	out_printf(o, " of %s", lsoe_type_name(a->type));
	if (a->etype)
		out_printf(o, ", %s: %s (hint %u)", etypes[a->etype & 3], code_text(f->dialect, a->code),
			a->hint);
}

static void entry(struct out *o, uint8_t type, const struct lsoe_entry *e)
{
	char text[INET6_ADDRSTRLEN];
	bool wide = type == LSOE_IPV6 || type == LSOE_MPLS6;
	inet_ntop(wide ? AF_INET6 : AF_INET, e->addr, text, sizeof text);
	out_printf(o, "%s%s/%u", e->flags & LSOE_F_WITHDRAW ? "-" : "", text, e->prefix);
	for (unsigned i = 0; i < e->n_labels && i < LABELS; i++)
		out_printf(o, "%s%u", i ? "," : " label ", lsoe_label(e->labels + (size_t)3 * i));
	if (e->n_labels > LABELS)
		out_printf(o, " and %d more", e->n_labels - LABELS);
	out_text(o, e->flags & LSOE_F_PRIMARY ? " primary" : "");
	out_text(o, e->flags & LSOE_F_LOOPBACK ? " loopback" : "");
	out_text(o, e->flags & LSOE_F_OVERLAY ? " overlay" : "");
}

static void entries_pdu(struct out *o, const struct nwire_frame *f)
{
	const struct lsoe_entries *p = &f->pdu.u.entries;
	struct lsoe_entry e;
	size_t at = 0;
	uint32_t shown = 0, good = p->count - p->bad;
	if (f->dialect == LSOE_L3DL)
		out_printf(o, " serial %u,", p->serial);
	out_printf(o, " %u %s", p->count, p->count == 1 ? "entry" : "entries");
	for (; shown < ENTRIES && lsoe_entry_next(p, &at, &e); shown++) {
		out_text(o, shown ? ", " : ": ");
		entry(o, p->type, &e);
	}
	if (good > shown)
		out_printf(o, " and %u more", good - shown);
	if (p->bad)
		out_printf(o, " [%u with an impossible prefix length]", p->bad);
}

static void vendor_pdu(struct out *o, const struct nwire_frame *f)
{
	const struct lsoe_vendor *v = &f->pdu.u.vendor;
	const struct nwire_measure *m = &f->measure;
	if (f->measured)
		out_printf(o, " measurement of Lanyard, sequence %u, KEEPALIVEs sent %u, received %u",
			m->sequence, m->sent, m->received);
	else
		out_printf(o, " enterprise %u type %u, %zu octets", v->enterprise, v->type, v->len);
	if (f->dialect == LSOE_L3DL)
		out_printf(o, ", serial %u", v->serial);
}

static void ulpc_pdu(struct out *o, const struct lsoe_ulpc *u)
{
	char text[INET6_ADDRSTRLEN];
	out_printf(o, " BGP AS %u", u->asn);
	if (u->have4)
		out_printf(o, " %s/%u", inet_ntop(AF_INET, u->addr4, text, sizeof text), u->prefix4);
	if (u->have6)
		out_printf(o, " %s/%u", inet_ntop(AF_INET6, u->addr6, text, sizeof text), u->prefix6);
	if (u->auth_len)
		out_printf(o, " authentication of %u octets", u->auth_len);
	out_text(o, u->gtsm ? " GTSM" : "");
}

static void pdu_line(struct out *o, const struct nwire_frame *f)
{
	if (f->n_octets && lsoe_known(f->dialect, f->octets[0]))
		out_printf(o, " %s", lsoe_type_name(f->octets[0]));
	else if (f->n_octets)
		out_printf(o, " type %u", f->octets[0]);
	if (f->pdu_fault) {
		out_printf(o, " [%s]", lsoe_pdu_fault_text(f->pdu_fault));
		return;
	}
	switch (f->pdu.type) {
	case LSOE_HELLO:
	case LSOE_KEEPALIVE:
		break;
	case LSOE_OPEN:
		open_pdu(o, f);
		break;
	case LSOE_ACK:
		ack_pdu(o, f);
		break;
	case LSOE_VENDOR:
		vendor_pdu(o, f);
		break;
	case LSOE_NEWKEY:
		key(o, "key", f->pdu.u.newkey.type, f->pdu.u.newkey.key_len);
		break;
	case LSOE_ULPC:
		ulpc_pdu(o, &f->pdu.u.ulpc);
		break;
	default:
		entries_pdu(o, f);
	}
	if (f->pdu.sig_type)
		key(o, "signed by", f->pdu.sig_type, 0);
}

void nview_line(struct out *o, const struct nview *v, bool date)
{
	static const char *const ways[] = {"-", "in", "out"};
	const struct nwire_frame *f = v->f;
	clock_of(o, v->at, date);
	out_char(o, ' ');
	if (*v->ifname) {
		out_foreign(o, v->ifname, strlen(v->ifname));
		out_char(o, ' ');
	}
	out_printf(o, "%s ", ways[v->way]);
	octets(o, f->src, 6, ":");
	out_text(o, " > ");
	octets(o, f->dst, 6, ":");
	if (f->tagged)
		out_printf(o, " vlan %u", f->tci & 0xfff);
	out_printf(o, " %s", lsoe_rules[f->dialect].name);
	if (f->fragment)
		out_printf(o, " datagram %u%s", f->number, f->last ? ", the last" : "");
	if (f->have_pdu)
		pdu_line(o, f);
	if (f->lanyard)
		out_text(o, " (Lanyard)");
	if (f->fault == LSOE_FRAME_CHECKSUM)
		out_printf(o, " [wrong checksum %08x, should be %08x]", f->checksum, f->right);
	else if (f->fault)
		out_printf(o, " [%s]", f->fault_text);
	if (*f->note)
		out_printf(o, " [%s]", f->note);
	if (v->captured < v->length)
		out_printf(o, " [%u of %u octets were captured]", v->captured, v->length);
	out_char(o, '\n');
}
