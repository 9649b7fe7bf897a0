/*
 * fuzz_lsoe_pdu.c - PDUs of the neighbour family; the first byte chooses the
 * dialect. What is accepted is written and read again, and must come out the same to
 * the octet, but for what the specification lets be ignored; its views must lie
 * inside the input, and walking its entries must find as many as were counted.
 * What is refused must leave no trace. Each input is tried as it is and
 * with its lengths put right.
 */
#include <stdlib.h>
#include <string.h>
#include "fuzz_script.h"
#include "proto/lsoe/pdu.h"

static const uint8_t *from;
static size_t from_len;

static void view(const uint8_t *p, size_t n)
{
	FUZZ_CHECK(!n || (p >= from && n <= from_len && p <= from + from_len - n), "a view elsewhere");
}

static void check_entries(const struct lsoe_entries *all)
{
	uint32_t n = 0;
	size_t octets = 0;
	struct lsoe_entry e;

	view(all->p, all->len);
	for (size_t at = 0; lsoe_entry_next(all, &at, &e); n++) {
		view(e.addr, all->type % 2 ? 16 : 4);
		view(e.labels, 3 * e.n_labels);
		FUZZ_CHECK(e.prefix <= (all->type % 2 ? 128 : 32), "an impossible prefix");
		octets += lsoe_entry_size(all->type, e.n_labels);
	}
	FUZZ_CHECK(n + all->bad == all->count, "%u entries and %u bad ones of %u", n, all->bad, all->count);
	FUZZ_CHECK(all->bad || octets == all->len, "entries of another size");
}

static void check_views(enum lsoe_dialect d, const struct lsoe_pdu *u)
{
	view(u->sig, u->sig_len);
	switch (u->type) {
	case LSOE_OPEN:
		view(u->u.open.id, u->u.open.id_len);
		view(u->u.open.attrs, u->u.open.n_attrs);
		view(u->u.open.auth, u->u.open.auth_len);
		view(u->u.open.key, u->u.open.key_len);
		view(u->u.open.cert, u->u.open.cert_len);
		FUZZ_CHECK(u->u.open.key_len <= LSOE_KEY_MAX && u->u.open.cert_len <= LSOE_SIG_MAX, "long");
		FUZZ_CHECK(!u->u.open.auth_type == !u->u.open.key_len, "a key without an algorithm");
		break;
	case LSOE_ACK:
		FUZZ_CHECK(lsoe_acked(d, u->u.ack.type) && u->u.ack.etype <= 3, "an impossible ACK");
		break;
	case LSOE_VENDOR:
		view(u->u.vendor.data, u->u.vendor.len);
		break;
	case LSOE_NEWKEY:
		view(u->u.newkey.key, u->u.newkey.key_len);
		view(u->u.newkey.cert, u->u.newkey.cert_len);
		break;
	case LSOE_ULPC:
		view(u->u.ulpc.auth, u->u.ulpc.auth_len);
		FUZZ_CHECK(u->u.ulpc.asn && (u->u.ulpc.have4 || u->u.ulpc.have6), "nothing to peer with");
		break;
	case LSOE_HELLO:
	case LSOE_KEEPALIVE:
		break;
	default:
		check_entries(&u->u.entries);
	}
}

static size_t encode(enum lsoe_dialect d, const struct lsoe_pdu *u, uint8_t *to, size_t cap)
{
	struct lan_wr w = lan_wr_of(to, cap);

	lsoe_pdu_encode(&w, d, u, u->sig_type, u->sig_len);
	return w.bad ? 0 : w.off;
}

static void check_pdu(enum lsoe_dialect d, const uint8_t *p, size_t n)
{
	static uint8_t once[70000], twice[70000];
	struct lsoe_pdu u, same;

	from = p, from_len = n;
	memset(&u, 0x5a, sizeof u);
	memcpy(&same, &u, sizeof u);
	enum lsoe_pdu_fault f = lsoe_pdu_decode(d, p, n, &u);
	if (f) {
		FUZZ_CHECK(f < LSOE_PDU_FAULTS_N && *lsoe_pdu_fault_text(f), "no such fault %d", f);
		FUZZ_CHECK(memcmp(&u, &same, sizeof u) == 0, "a refused PDU left a trace");
		return;
	}
	FUZZ_CHECK(lsoe_known(d, u.type), "a type that is none");
	FUZZ_CHECK(u.signed_len + u.sig_len == n, "signed octets of another number");
	check_views(d, &u);
	size_t len = encode(d, &u, once, sizeof once);
	bool loose = (d == LSOE_01 && u.type == LSOE_OPEN) || u.type == LSOE_ULPC;
	FUZZ_CHECK(len && len <= n, "written as %zu octets of %zu", len, n);
	FUZZ_CHECK(loose || (len == n && memcmp(once, p, u.signed_len) == 0), "it comes out differently");
	FUZZ_CHECK(encode(d, &u, twice, len - 1) == 0, "written where it has no room");
	from = once, from_len = len;
	FUZZ_CHECK(lsoe_pdu_decode(d, once, len, &u) == LSOE_PDU_none, "what we write we do not read");
	check_views(d, &u);
	FUZZ_CHECK(encode(d, &u, twice, sizeof twice) == len && memcmp(once, twice, len) == 0,
		"the second time it comes out differently");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	enum lsoe_dialect d = data[0] & 1 ? LSOE_L3DL : LSOE_01;
	size_t n = size - 1;
	uint8_t *p = malloc(n); /* of its exact size, so that a sanitizer sees every step outside */
	memcpy(p, data + 1, n);
	check_pdu(d, p, n);
	if (d == LSOE_01 && n >= 3) {
		lan_put_be16(p + 1, (uint16_t)n);
		check_pdu(d, p, n);
	} else if (n >= 8) { /* a null signature at the end */
		lan_put_be32(p + 1, (uint32_t)n - 8);
		memset(p + n - 3, 0, 3);
		check_pdu(d, p, n);
	}
	free(p);
	return 0;
}
