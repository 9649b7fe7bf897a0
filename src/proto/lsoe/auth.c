/*
 * auth.c - whose PDUs are believed (L3DL, docs/protocols/lsoe.md section 2.7). An OPEN brings a key and is
 * signed with it; all later PDUs but HELLO, and KEEPALIVE unless configured, must be signed with the same.
 * Which keys are believed is policy: any, the first one seen of a node (kept by the owner, given back with
 * lsoe_pin), or those signed by the anchor. Once the key of a node is known, nothing else speaks for that
 * node.
 */
#include "proto/lsoe/lsoe_int.h"

#include <stdlib.h>
#include "crypto/crypto.h"

#define HINT_OPEN 1 /* section 4: error code 3 serves OPENs and other PDUs, the hint tells which */
#define HINT_PDU  2

/* ---- known keys ------------------------------------------------------------------------------------ */

static struct lsoe_pin *find_pin(const struct lsoe *n, const uint8_t *id, uint8_t len)
{
	struct lsoe_pin *k = n->pins;
	while (k && (k->id_len != len || memcmp(k->id, id, len)))
		k = k->next;
	return k;
}

enum lan_err lsoe_pin(struct lsoe *n, const uint8_t *id, uint8_t id_len, const struct lsoe_key *key)
{
	struct lsoe_pin *k = find_pin(n, id, id_len);
	if (k)
		return lsoe_key_set(&k->key, key->alg, key->key, key->len);
	k = n->n_pins < LSOE_PINS ? calloc(1, sizeof *k + id_len) : NULL;
	if (!k)
		return n->n_pins < LSOE_PINS ? LAN_ERR_NOMEM : LAN_ERR_FULL;
	k->id_len = id_len;
	memcpy(k->id, id, id_len);
	enum lan_err e = lsoe_key_set(&k->key, key->alg, key->key, key->len);
	if (e) {
		free(k);
		return e;
	}
	k->next = n->pins;
	n->pins = k;
	n->n_pins++;
	return LAN_OK;
}

void lsoe_pins_free(struct lsoe *n)
{
	for (struct lsoe_pin *k = n->pins, *next; k; k = next) {
		next = k->next;
		lsoe_key_fini(&k->key);
		free(k);
	}
	n->pins = NULL;
}

bool lsoe_is_pinned(const struct lsoe *n, const struct lsoe_peer *p)
{
	return p->id && p->key.alg && find_pin(n, p->id, p->id_len) != NULL;
}

/* A session stands: the key is worth remembering. Not before, or a flood of OPENs would fill the table. */
void lsoe_key_established(struct lsoe *n, struct lsoe_peer *p)
{
	if (!p->key.alg || find_pin(n, p->id, p->id_len))
		return;
	if (lsoe_pin(n, p->id, p->id_len, &p->key)) {
		lsoe_count(p->link, LSOE_C_drop_memory);
		return;
	}
	p->news_key_learned = true;
	lsoe_news(n, p);
}

/* ---- refusing ----------------------------------------------------------------------------------------- */

static bool refuse_open(
	struct lsoe *n, lan_time now, struct lsoe_peer *p, enum lsoe_counter why, const char *text)
{
	lsoe_count(p->link, why);
	lsoe_refused(n, now, p->link, p, text);
	if (!p->established) {
		p->reason = text;
		p->since = now;
		if (p->auth_failures < n->cfg.auth_failures)
			p->auth_failures++;
	}
	/* Beyond the limit it is left alone (section 2.3): no answer any more. A session that stands is not
	 * touched by what somebody else may have sent. */
	if (p->auth_failures < n->cfg.auth_failures && !p->established)
		lsoe_ack(n, p, LSOE_OPEN, LSOE_ACK_RESTART, n->rules->code_auth, HINT_OPEN);
	return false;
}

static bool anchored(const struct lsoe *n, uint8_t alg, const uint8_t *key, uint16_t len, const uint8_t *cert,
	uint16_t cert_len)
{
	return n->anchor.alg == alg && cert_len && lsoe_verify(&n->anchor, key, len, cert, cert_len);
}

/* ---- OPEN ------------------------------------------------------------------------------------------------
 */

static bool unsigned_open(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_open *o)
{
	if (find_pin(n, o->id, o->id_len) || (p->established && p->key.alg))
		return refuse_open(
			n, now, p, LSOE_C_drop_signature, "its key is known, and it came unsigned");
	if (n->cfg.trust != LSOE_TRUST_ANY)
		return refuse_open(n, now, p, LSOE_C_drop_signature, "it does not sign");
	return true;
}

static bool key_trusted(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_open *o)
{
	const struct lsoe_pin *pin = find_pin(n, o->id, o->id_len);
	bool by_anchor = anchored(n, o->auth_type, o->key, o->key_len, o->cert, o->cert_len);
	if (n->cfg.trust == LSOE_TRUST_ANCHOR && !by_anchor)
		return refuse_open(n, now, p, LSOE_C_drop_key, "the anchor did not sign its key");
	if (pin && !by_anchor && !lsoe_key_same(&pin->key, o->auth_type, o->key, o->key_len))
		return refuse_open(n, now, p, LSOE_C_drop_key, "its key is not the one that is known of it");
	if (p->established && p->key.alg && !by_anchor &&
		!lsoe_key_same(&p->key, o->auth_type, o->key, o->key_len))
		return refuse_open(n, now, p, LSOE_C_drop_key, "its key is not that of the session");
	return true;
}

bool lsoe_open_allowed(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_pdu *pdu,
	const uint8_t *raw, struct lsoe_key *key)
{
	const struct lsoe_open *o = &pdu->u.open;
	if (!n->rules->trailer) {
		if (!o->auth_len)
			return true;
		lsoe_count(p->link, LSOE_C_drop_pdu_auth);
		return refuse_open(n, now, p, LSOE_C_drop_key, "it authenticates, and LSOE does not say how");
	}
	if (!o->auth_type)
		return unsigned_open(n, now, p, o);
	/* Policy before arithmetic: what is refused anyway costs no verification. */
	if (!lsoe_alg_supported(o->auth_type) || pdu->sig_type != o->auth_type)
		return refuse_open(
			n, now, p, LSOE_C_drop_signature, "its signature is of a kind not supported here");
	if (!key_trusted(n, now, p, o))
		return false;
	/* Who failed too often is not answered any more, but still heard, now and then: the failures may have
	 * been somebody else's, and to lock a neighbour out must not be so easy. */
	if (p->auth_failures >= n->cfg.auth_failures && now - p->verified_at < LAN_SEC(1)) {
		lsoe_count(p->link, LSOE_C_drop_held);
		return false;
	}
	p->verified_at = now;
	struct lsoe_key k = {0};
	if (lsoe_key_set(&k, o->auth_type, o->key, o->key_len)) {
		lsoe_count(p->link, LSOE_C_drop_memory);
		return false;
	}
	if (!lsoe_verify(&k, raw, pdu->signed_len, pdu->sig, pdu->sig_len)) {
		lsoe_key_fini(&k);
		return refuse_open(n, now, p, LSOE_C_drop_signature, "the signature of its OPEN is wrong");
	}
	p->auth_failures = 0;
	*key = k;
	return true;
}

void lsoe_key_taken(struct lsoe *n, struct lsoe_peer *p, const struct lsoe_open *o, struct lsoe_key *key)
{
	lsoe_key_fini(&p->key);
	lsoe_key_fini(&p->old_key);
	p->key = *key;
	*key = (struct lsoe_key){0};
	p->anchored = p->key.alg && anchored(n, o->auth_type, o->key, o->key_len, o->cert, o->cert_len);
}

/* ---- other PDUs
 * -------------------------------------------------------------------------------------------- */

static bool signed_well(
	const struct lsoe_peer *p, lan_time now, const struct lsoe_pdu *pdu, const uint8_t *raw)
{
	if (pdu->sig_type == p->key.alg && lsoe_verify(&p->key, raw, pdu->signed_len, pdu->sig, pdu->sig_len))
		return true;
	return p->old_key.alg && now < p->old_key_until && pdu->sig_type == p->old_key.alg &&
	       lsoe_verify(&p->old_key, raw, pdu->signed_len, pdu->sig, pdu->sig_len);
}

bool lsoe_pdu_allowed(
	struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_pdu *pdu, const uint8_t *raw)
{
	if (!n->rules->trailer || pdu->type == LSOE_HELLO)
		return true;
	bool may_be_unsigned = !p->key.alg || (pdu->type == LSOE_KEEPALIVE && !n->cfg.sign_keepalive);
	if (!pdu->sig_type && may_be_unsigned)
		return true;
	/* The ACK of our OPEN may come before its OPEN, and with it its key. Believing it alone establishes
	 * nothing. */
	if (pdu->type == LSOE_ACK && !p->have_nonce)
		return true;
	if (p->key.alg && signed_well(p, now, pdu, raw))
		return true;
	if (!p->key.alg && pdu->type == LSOE_KEEPALIVE)
		return true;
	lsoe_count(p->link, LSOE_C_drop_signature);
	lsoe_refused(n, now, p->link, p,
		pdu->sig_type ? "the signature of a PDU is wrong"
			      : "a PDU came unsigned in a signed session");
	/* Not acknowledged with an error: whoever forged it would end the session with that. */
	return false;
}

/* ---- NEWKEY
 * -------------------------------------------------------------------------------------------------- */

void lsoe_newkey_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_newkey *k)
{
	if (!p->key.alg || !lsoe_alg_supported(k->type)) {
		lsoe_count(p->link, LSOE_C_drop_key);
		lsoe_ack(n, p, LSOE_NEWKEY, LSOE_ACK_RESTART, n->rules->code_auth, HINT_PDU);
		return;
	}
	if (lsoe_key_same(&p->key, k->type, k->key, k->key_len)) { /* again: the ACK was lost */
		lsoe_ack(n, p, LSOE_NEWKEY, 0, 0, 0);
		return;
	}
	bool by_anchor = anchored(n, k->type, k->key, k->key_len, k->cert, k->cert_len);
	if (n->cfg.trust == LSOE_TRUST_ANCHOR && !by_anchor) {
		lsoe_count(p->link, LSOE_C_drop_key);
		lsoe_refused(n, now, p->link, p, "the anchor did not sign its new key");
		lsoe_ack(n, p, LSOE_NEWKEY, LSOE_ACK_RESTART, n->rules->code_auth, HINT_PDU);
		return;
	}
	struct lsoe_key fresh = {0};
	struct lsoe_misc *m = NULL;
	if (lsoe_key_set(&fresh, k->type, k->key, k->key_len) || lsoe_pin(n, p->id, p->id_len, &fresh)) {
		lsoe_key_fini(&fresh);
		lsoe_count(p->link, LSOE_C_drop_memory);
		return;
	}
	lsoe_key_fini(&p->old_key);
	p->old_key = p->key;
	p->old_key_until = now + n->cfg.key_overlap;
	p->key = fresh;
	p->anchored = by_anchor;
	lsoe_ack(n, p, LSOE_NEWKEY, 0, 0, 0);
	m = lsoe_tell(n, now, p->link, p, LSOE_EV_KEY, "rolled");
	if (m && lsoe_key_set(&m->key, k->type, k->key, k->key_len))
		lsoe_count(p->link, LSOE_C_events_dropped);
}

enum lan_err lsoe_roll(
	struct lsoe *n, lan_time now, struct lan_signer *signer, const uint8_t *cert, uint16_t cert_len)
{
	(void)now;
	if (!n->rules->trailer || !n->signer)
		return LAN_ERR_NOTSUP;
	uint8_t *c = malloc((size_t)cert_len + 1);
	if (!c)
		return LAN_ERR_NOMEM;
	if (cert_len)
		memcpy(c, cert, cert_len);
	free((void *)n->cfg.cert);
	n->cfg.cert = c, n->cfg.cert_len = cert_len;
	lan_signer_free(n->old_signer);
	n->old_signer = n->signer;
	n->signer = signer;
	for (uint32_t i = 0; i < n->n_peers; i++) {
		struct lsoe_peer *p = n->peers[i];
		if (!p->established)
			continue;
		p->newkey_due = p->old_signer = true;
		lsoe_fill(n, p);
	}
	return LAN_OK;
}

/* ---- ULPC
 * -------------------------------------------------------------------------------------------------------- */

/* Section 2.8: a newer one replaces. It has no number, so that one which was replaced and comes again, signed
 * as it is, is a replay. */
void lsoe_ulpc_heard(struct lsoe *n, lan_time now, struct lsoe_peer *p, const struct lsoe_ulpc *u,
	const uint8_t *raw, size_t len)
{
	uint8_t sum[16];
	lan_blake2b(sum, sizeof sum, NULL, 0, raw, len);
	if (p->have_ulpc && !memcmp(sum, p->ulpc_now, sizeof sum)) {
		lsoe_ack(n, p, LSOE_ULPC, 0, 0, 0);
		return;
	}
	for (unsigned i = 0; p->key.alg && i < p->n_ulpc; i++)
		if (!memcmp(sum, p->ulpc_past[i], sizeof sum)) {
			lsoe_count(p->link, LSOE_C_drop_replay);
			return;
		}
	lsoe_ack(n, p, LSOE_ULPC, 0, 0, 0);
	if (p->have_ulpc) {
		if (p->n_ulpc == 4)
			memmove(p->ulpc_past[0], p->ulpc_past[1], --p->n_ulpc * 16u);
		memcpy(p->ulpc_past[p->n_ulpc++], p->ulpc_now, 16);
	}
	memcpy(p->ulpc_now, sum, sizeof sum);
	p->have_ulpc = true;
	struct lsoe_misc *m = lsoe_tell(n, now, p->link, p, LSOE_EV_ULPC, "");
	uint8_t *bytes = m ? realloc(m->bytes, m->ev.id_len + (size_t)u->auth_len + 1) : NULL;
	if (!bytes) {
		lsoe_count(p->link, LSOE_C_events_dropped);
		return;
	}
	m->bytes = bytes;
	m->ev.id = bytes;
	if (u->auth_len)
		memcpy(bytes + m->ev.id_len, u->auth, u->auth_len);
	m->ev.ulpc = *u;
	m->ev.ulpc.auth = bytes + m->ev.id_len;
}
