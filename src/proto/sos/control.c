/*
 * control.c - see control.h (docs/protocols/sos.md, sections 2.3, 5 and 17).
 *
 * Refused, with the control path and method: any query that is none of ours, one that comes twice, a number
 * with anything but digits in it, a slave id outside 1..SOS_ID_MAX, a time or an mtu of 0 where one must be
 * said, a combination of queries and type that is none of the three messages, a critical option that is not
 * understood.
 */
#include "proto/sos/control.h"

#define WELL_KNOWN ".well-known"

const char *sos_epoch_name(enum sos_epoch e)
{
	return e == SOS_EPOCH_CASAN ? "casan" : e == SOS_EPOCH_SOS ? "sos" : "";
}

/* --- reading ---------------------------------------------------------------------- */

enum query { Q_HELLO = 1, Q_SLAVE = 2, Q_MTU = 4, Q_TTL = 8, Q_NONCE = 16, Q_PROOF = 32 };

static bool is_text(const uint8_t *p, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(p, text, len) == 0;
}

/* Exactly .well-known and an epoch's name, whatever stands around them. */
static bool control_path(const struct coap_msg *m, enum sos_epoch *epoch)
{
	const uint8_t *p;
	size_t len;

	if (!coap_find(m, COAP_URI_PATH, 0, &p, &len) || !is_text(p, len, WELL_KNOWN))
		return false;
	if (!coap_find(m, COAP_URI_PATH, 1, &p, &len))
		return false;
	*epoch = is_text(p, len, sos_epoch_name(SOS_EPOCH_SOS)) ? SOS_EPOCH_SOS : SOS_EPOCH_CASAN;
	return is_text(p, len, sos_epoch_name(*epoch)) && !coap_find(m, COAP_URI_PATH, 2, &p, &len);
}

static bool take_number(const uint8_t *p, size_t len, uint32_t *out)
{
	uint64_t v = 0;

	if (!len)
		return false;
	for (; len; p++, len--)
		if (*p < '0' || *p > '9' || (v = 10 * v + (*p - '0')) > SOS_ID_MAX)
			return false;
	*out = (uint32_t)v;
	return true;
}

static int digit_of(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_octets(const uint8_t *p, size_t len, uint8_t out[8])
{
	for (size_t i = 0; len == 16 && i < 8; i++) {
		int hi = digit_of(p[2 * i]), lo = digit_of(p[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return len == 16;
}

/* One query; which it is, 0: none of ours, or its value is not well formed. */
static unsigned take_query(const uint8_t *p, size_t len, struct sos_control *c)
{
	const struct {
		const char *name;
		enum query query;
		uint32_t *number;
		uint8_t *octets;
	} queries[] = {
		{"hello=", Q_HELLO, &c->hello, NULL},
		{"slave=", Q_SLAVE, &c->slave, NULL},
		{"mtu=", Q_MTU, &c->mtu, NULL},
		{"ttl=", Q_TTL, &c->ttl, NULL},
		{"n=", Q_NONCE, NULL, c->nonce},
		{"p=", Q_PROOF, NULL, c->proof},
	};

	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
		size_t n = strlen(queries[i].name);
		if (len < n || memcmp(p, queries[i].name, n) != 0)
			continue;
		bool ok = queries[i].number ? take_number(p + n, len - n, queries[i].number)
					    : take_octets(p + n, len - n, queries[i].octets);
		return ok ? queries[i].query : 0;
	}
	return 0;
}

/* Which of the three it is, by its type and its queries. */
static enum sos_kind kind_of(enum coap_type type, unsigned queries, const struct sos_control *c)
{
	unsigned plain = queries & ~(unsigned)(Q_NONCE | Q_PROOF);
	bool keyed = plain != queries;

	if (keyed && (queries & (Q_NONCE | Q_PROOF)) != (Q_NONCE | Q_PROOF))
		return SOS_OTHER;
	if (type == COAP_NON && queries == Q_HELLO)
		return SOS_HELLO;
	if (type == COAP_NON && (plain == Q_SLAVE || plain == (Q_SLAVE | Q_MTU)) && c->slave)
		return SOS_DISCOVER;
	if (type == COAP_CON && plain == (Q_TTL | Q_MTU) && c->ttl)
		return SOS_ASSOC_REQUEST;
	return SOS_OTHER;
}

enum lan_err sos_control_read(const struct coap_msg *m, struct sos_control *out)
{
	struct sos_control c = {.kind = SOS_OTHER};
	struct coap_options o = coap_options_of(m);
	unsigned seen = 0;

	if (m->code != COAP_POST || m->type > COAP_NON || !control_path(m, &c.epoch)) {
		*out = (struct sos_control){.kind = SOS_OTHER};
		return LAN_OK;
	}
	if (coap_bad_option(m))
		return LAN_ERR_PROTO;
	while (coap_options_next(&o)) {
		if (o.number != COAP_URI_QUERY)
			continue;
		unsigned query = take_query(o.value, o.len, &c);
		if (!query || seen & query)
			return LAN_ERR_PROTO;
		seen |= query;
	}
	c.kind = kind_of(m->type, seen, &c);
	if (!c.kind)
		return LAN_ERR_PROTO;
	c.keyed = seen & Q_NONCE;
	*out = c;
	return LAN_OK;
}

/* --- writing -------------------------------------------------------------------------- */

static void put_number(struct coap_wr *w, const char *name, uint32_t value)
{
	uint8_t text[6 + 10], digits[10];
	size_t n = strlen(name), k = 0;

	memcpy(text, name, n);
	do {
		digits[k++] = (uint8_t)('0' + value % 10);
	} while (value /= 10);
	while (k)
		text[n++] = digits[--k];
	coap_put(w, COAP_URI_QUERY, text, n);
}

static void put_octets(struct coap_wr *w, char name, const uint8_t octets[8])
{
	static const char digit[] = "0123456789abcdef";
	uint8_t text[2 + 16] = {(uint8_t)name, '='};

	for (size_t i = 0; i < 8; i++) {
		text[2 + 2 * i] = (uint8_t)digit[octets[i] >> 4];
		text[3 + 2 * i] = (uint8_t)digit[octets[i] & 15];
	}
	coap_put(w, COAP_URI_QUERY, text, sizeof text);
}

static void put_options(struct coap_wr *w, const struct sos_control *c)
{
	coap_put_text(w, COAP_URI_PATH, WELL_KNOWN);
	coap_put_text(w, COAP_URI_PATH, sos_epoch_name(c->epoch));
	if (c->kind == SOS_HELLO) {
		put_number(w, "hello=", c->hello);
		return;
	}
	if (c->kind == SOS_DISCOVER)
		put_number(w, "slave=", c->slave);
	else
		put_number(w, "ttl=", c->ttl);
	if (c->mtu || c->kind == SOS_ASSOC_REQUEST)
		put_number(w, "mtu=", c->mtu);
	if (c->keyed) {
		put_octets(w, 'n', c->nonce);
		put_octets(w, 'p', c->proof);
	}
}

size_t sos_control_write(uint8_t *buf, size_t cap, uint16_t mid, const struct sos_control *c)
{
	if (c->kind < SOS_HELLO || c->kind > SOS_ASSOC_REQUEST)
		return 0;
	struct coap_wr w = coap_begin(
		buf, cap, c->kind == SOS_ASSOC_REQUEST ? COAP_CON : COAP_NON, COAP_POST, mid, NULL, 0);
	put_options(&w, c);
	return coap_end(&w);
}

size_t sos_assoc_options(uint8_t *buf, size_t cap, const struct sos_control *c)
{
	struct coap_wr w = coap_begin_options(buf, cap);

	put_options(&w, c);
	return coap_end(&w);
}

/* --- section 2.3 ------------------------------------------------------------------------ */

/* What is asked for, if it is something and not more than there is. */
static uint32_t within(uint32_t wanted, uint32_t most)
{
	return wanted && wanted <= most ? wanted : most;
}

uint32_t sos_mtu_master(uint32_t l2, uint32_t conf, uint32_t announced)
{
	return within(announced, within(conf, l2));
}

uint32_t sos_mtu_slave(uint32_t defmtu, uint32_t given)
{
	return within(given, defmtu);
}
