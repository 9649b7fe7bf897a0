/*
 * neighbor_keys.c - see neighbor_keys.h. What can be known to be wrong before
 * the first neighbour refuses it is refused here.
 *
 * Refused: a certificate without the key it is of, of another algorithm, or,
 * when the anchor is known, one that is not by it.
 */
#include "api/neighbor_keys.h"

#include <stdlib.h>
#include "api/key_int.h"

static enum lan_err judge_cert(const struct neighbor_keys *k, uint8_t alg, const char *cert_file,
	const char *key_file, const char *anchor_file, const char **why)
{
	size_t n;
	const uint8_t *key = lan_signer_public(k->signer, &n);
	if (alg != lan_signer_alg(k->signer))
		return key_why(why, LAN_ERR_CONFIG,
			"%s: a signature with %s, but the key %s is of %s; both need the same algorithm",
			cert_file, key_algorithm_name(alg), key_file,
			key_algorithm_name(lan_signer_alg(k->signer)));
	if (anchor_file && (k->anchor.alg != alg || !lsoe_verify(&k->anchor, key, n, k->cert, k->cert_len)))
		return key_why(why, LAN_ERR_CONFIG,
			"%s: not the signature of the key %s by the anchor %s; make it with: lanyard key "
			"certify",
			cert_file, key_file, anchor_file);
	return LAN_OK;
}

enum lan_err neighbor_keys_load(const char *key_file, const char *cert_file, const char *anchor_file,
	struct neighbor_keys *out, const char **why)
{
	struct neighbor_keys k = {0};
	uint8_t alg = LSOE_ALG_NONE;
	enum lan_err e = LAN_OK;
	if ((key_file || cert_file || anchor_file) && lan_crypto_init())
		return key_why(why, LAN_ERR_NOTSUP, "the crypto libraries of this host do not work");
	if (cert_file && !key_file)
		return key_why(why, LAN_ERR_INVAL, "%s: a certificate is of a key, and no key file is given",
			cert_file);
	if (key_file)
		e = key_signer_load(key_file, &k.signer, why);
	if (!e && anchor_file)
		e = key_public_load(anchor_file, &k.anchor, why);
	if (!e && cert_file)
		e = key_cert_load(cert_file, &alg, &k.cert, &k.cert_len, why);
	if (!e && cert_file)
		e = judge_cert(&k, alg, cert_file, key_file, anchor_file, why);
	if (e) {
		neighbor_keys_fini(&k);
		return e;
	}
	*out = k;
	return LAN_OK;
}

void neighbor_keys_fini(struct neighbor_keys *k)
{
	lan_signer_free(k->signer);
	free(k->cert);
	lsoe_key_fini(&k->anchor);
	*k = (struct neighbor_keys){0};
}
