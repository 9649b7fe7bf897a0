/*
 * key_sign.c - keys that sign by algorithm, for neighbours: secret ones (an
 * identity, or RSA in PEM), their public halves as files, and certificates, which
 * are an anchor's bare signature of a public key. lanyard-key(1), FILES;
 * docs/protocols/lsoe.md, section 2.7.
 *
 * Refused: an algorithm not known here, lengths that are not the algorithm's,
 * a certificate by an anchor of another algorithm than the key's, PEM with a
 * passphrase. Files are judged as all key files are (key_file.c).
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/key_int.h"
#include "base/base64.h"

#define PUBLIC_MAGIC "lanyard-public 1"
#define CERT_MAGIC   "lanyard-certificate 1"
#define OCTETS_MAX   600 /* of a public key or a signature */

static const struct {
	uint8_t alg;
	const char *name;
} algorithm[] = {{LSOE_ALG_ED25519, "ed25519"}, {LSOE_ALG_RSASHA256, "rsasha256"}};

const char *key_algorithm_name(uint8_t alg)
{
	for (size_t i = 0; i < sizeof algorithm / sizeof *algorithm; i++)
		if (algorithm[i].alg == alg)
			return algorithm[i].name;
	return "unknown";
}

uint8_t key_algorithm_of(const char *name)
{
	for (size_t i = 0; i < sizeof algorithm / sizeof *algorithm; i++)
		if (strcmp(algorithm[i].name, name) == 0)
			return algorithm[i].alg;
	return LSOE_ALG_NONE;
}

bool key_text_is_pem(const char *text)
{
	for (const char *p = text; p && *p; p = strchr(p, '\n'), p += p != NULL)
		if (strncmp(p, "-----BEGIN ", 11) == 0) {
			size_t n = strcspn(p, "\r\n");
			return n >= 27 && memcmp(p + n - 16, "PRIVATE KEY-----", 16) == 0;
		}
	return false;
}

static enum lan_err from_pem(
	const char *path, const struct key_text *t, struct lan_signer **out, const char **why)
{
	enum lan_err e = lan_signer_rsa(t->text, t->len, out);
	if (e == LAN_ERR_NOTSUP)
		return key_why(why, LAN_ERR_CONFIG,
			"%s: only RSA keys of 2048 to 4096 bits are read from PEM; for Ed25519 make an "
			"identity "
			"with: lanyard key identity",
			path);
	if (e == LAN_ERR_NOMEM)
		return key_why(why, e, "%s: out of memory", path);
	return e ? key_why(why, LAN_ERR_CONFIG,
			   "%s: not understood as a secret RSA key; it is to be PEM without a passphrase "
			   "(openssl pkey -in FILE -out NEW removes one)",
			   path)
		 : LAN_OK;
}

enum lan_err key_signer_load(const char *path, struct lan_signer **out, const char **why)
{
	struct key_text t;
	uint8_t secret[LAN_SIGN_SECRET];
	enum lan_err e = key_read(path, true, KEY_FILE_MAX, &t, why);
	if (e)
		return e;
	if (key_text_is_pem(t.text)) {
		e = from_pem(path, &t, out, why);
	} else {
		e = key_identity_parse(path, t.text, secret, why);
		if (!e && lan_signer_ed25519(secret, out)) /* its first half is the seed */
			e = key_why(why, LAN_ERR_NOMEM, "%s: out of memory", path);
		lan_wipe(secret, sizeof secret);
	}
	key_text_free(&t);
	return e;
}

/* "MAGIC", then one line "ALGORITHM BASE64", in a file that is no secret. */
static enum lan_err octets_load(const char *path, const char *want, const char *what, uint8_t *alg,
	uint8_t out[OCTETS_MAX], size_t *len, const char **why)
{
	struct key_text t;
	char said[200] = "";
	enum lan_err e = key_read(path, false, KEY_FILE_MAX, &t, why);
	if (e)
		return e;
	struct key_lines l = {.path = path, .at = t.text};
	e = key_magic(&l, want, why);
	size_t n = !e && key_line(&l) && l.n == 2 ? strlen(l.word[1]) : 0;
	if (!e && (!n || n / 4 * 3 > OCTETS_MAX))
		snprintf(said, sizeof said, "expected one line: ALGORITHM and %s in base64", what);
	else if (!e && !(*alg = key_algorithm_of(l.word[0])))
		snprintf(said, sizeof said, "no such algorithm; there are ed25519 and rsasha256");
	else if (!e && lan_base64_decode(l.word[1], n, out, len))
		snprintf(said, sizeof said, "%s is not base64; copy the file again", what);
	else if (!e && key_line(&l))
		snprintf(said, sizeof said, "a second line; a file has one %s", what);
	if (!e && *said)
		e = key_why(why, LAN_ERR_CONFIG, "%s:%u: %s", path, l.number, said);
	key_text_free(&t);
	return e;
}

enum lan_err key_public_load(const char *path, struct lsoe_key *out, const char **why)
{
	uint8_t alg = LSOE_ALG_NONE, key[OCTETS_MAX];
	size_t n = 0;
	enum lan_err e = octets_load(path, PUBLIC_MAGIC, "the public key", &alg, key, &n, why);
	if (!e && !lan_public_ok(alg, key, n))
		e = key_why(why, LAN_ERR_CONFIG,
			"%s: the octets are no public key of %s; copy the file again", path,
			key_algorithm_name(alg));
	if (!e && lsoe_key_set(out, alg, key, (uint16_t)n))
		e = key_why(why, LAN_ERR_NOMEM, "%s: out of memory", path);
	return e;
}

enum lan_err key_cert_load(const char *path, uint8_t *alg, uint8_t **out, uint16_t *len, const char **why)
{
	uint8_t sig[OCTETS_MAX], *copy = NULL;
	size_t n = 0;
	enum lan_err e = octets_load(path, CERT_MAGIC, "the signature", alg, sig, &n, why);
	if (!e && (n > LAN_SIGNER_MAX || (*alg == LSOE_ALG_ED25519 && n != LAN_SIGN_SIZE)))
		e = key_why(why, LAN_ERR_CONFIG, "%s: %zu octets are no signature of %s; copy the file again",
			path, n, key_algorithm_name(*alg));
	if (!e && !(copy = malloc(n ? n : 1)))
		e = key_why(why, LAN_ERR_NOMEM, "%s: out of memory", path);
	if (e)
		return e;
	memcpy(copy, sig, n);
	*out = copy;
	*len = (uint16_t)n;
	return LAN_OK;
}

enum lan_err lan_key_identity_rsa(const char *path, unsigned bits, const char **why)
{
	char pem[LAN_RSA_PEM_MAX];
	size_t n;
	enum lan_err e = key_ready(path, why);
	if (e)
		return e;
	e = lan_rsa_generate(bits, pem, sizeof pem, &n);
	if (e == LAN_ERR_INVAL)
		return key_why(why, e, "RSA keys have 2048 to 4096 bits here, in steps of 8");
	if (e)
		return key_why(why, e, "%s: the key could not be made", path);
	e = key_write(path, pem, n, NULL, why);
	lan_wipe(pem, sizeof pem);
	return e;
}

/* The public half of a secret file, or what a public file says. */
static enum lan_err public_of(const char *path, struct lsoe_key *out, const char **why)
{
	struct lan_signer *s;
	enum key_kind kind;
	size_t n;
	enum lan_err e = key_ready(path, why);
	if (!e)
		e = key_kind_of(path, &kind, why);
	if (e || kind == KEY_PUBLIC)
		return e ? e : key_public_load(path, out, why);
	e = key_signer_load(path, &s, why);
	if (e)
		return e;
	const uint8_t *key = lan_signer_public(s, &n);
	if (lsoe_key_set(out, lan_signer_alg(s), key, (uint16_t)n))
		e = key_why(why, LAN_ERR_NOMEM, "%s: out of memory", path);
	lan_signer_free(s);
	return e;
}

static int print_octets(
	char *to, size_t cap, const char *comment, const char *magic, uint8_t alg, const uint8_t *p, size_t n)
{
	char text[OCTETS_MAX / 3 * 4 + 4];
	lan_base64_encode(p, n, text);
	text[lan_base64_len(n)] = '\0';
	return snprintf(
		to, cap, "# %s. lanyard-key(1)\n%s\n%s %s\n", comment, magic, key_algorithm_name(alg), text);
}

enum lan_err lan_key_export(const char *path, char text[LAN_KEY_EXPORT], const char **why)
{
	struct lsoe_key key = {0};
	char print[17], comment[80];
	enum lan_err e = public_of(path, &key, why);
	if (e)
		return e;
	lsoe_key_fingerprint(&key, print);
	snprintf(comment, sizeof comment, "A public key, no secret: fingerprint %s", print);
	print_octets(text, LAN_KEY_EXPORT, comment, PUBLIC_MAGIC, key.alg, key.key, key.len);
	lsoe_key_fini(&key);
	return LAN_OK;
}

enum lan_err lan_key_signing(const char *path, struct lan_key_signing *out, const char **why)
{
	struct lsoe_key key = {0};
	enum lan_err e = public_of(path, &key, why);
	if (e)
		return e;
	*out = (struct lan_key_signing){.algorithm = key_algorithm_name(key.alg),
		.bits = key.alg == LSOE_ALG_ED25519 ? 256 : 8u * (unsigned)(key.len - 1 - key.key[0])};
	lsoe_key_fingerprint(&key, out->fingerprint);
	lsoe_key_fini(&key);
	return LAN_OK;
}

static enum lan_err certify(struct lan_signer *anchor, const struct lsoe_key *node, const char *anchor_path,
	const char *cert_path, const char **why)
{
	uint8_t sig[LAN_SIGNER_MAX];
	char text[LAN_KEY_EXPORT], print[17], comment[80];
	if (lan_signer_alg(anchor) != node->alg)
		return key_why(why, LAN_ERR_INVAL,
			"%s: the anchor signs with %s, but the key is of %s; both need the same algorithm",
			anchor_path, key_algorithm_name(lan_signer_alg(anchor)),
			key_algorithm_name(node->alg));
	if (lan_signer_sign(anchor, node->key, node->len, sig))
		return key_why(why, LAN_ERR_NOMEM, "%s: out of memory", anchor_path);
	lsoe_key_fingerprint(node, print);
	snprintf(comment, sizeof comment, "An anchor's signature of the key with fingerprint %s", print);
	int n = print_octets(text, sizeof text, comment, CERT_MAGIC, node->alg, sig, lan_signer_size(anchor));
	return key_write(cert_path, text, (size_t)n, NULL, why);
}

enum lan_err lan_key_certify(
	const char *anchor_path, const char *public_path, const char *cert_path, const char **why)
{
	struct lan_signer *anchor = NULL;
	struct lsoe_key node = {0};
	enum lan_err e = key_ready(anchor_path, why);
	if (!e)
		e = key_ready(cert_path, why);
	if (!e)
		e = key_signer_load(anchor_path, &anchor, why);
	if (e)
		return e;
	e = public_of(public_path, &node, why);
	if (!e)
		e = certify(anchor, &node, anchor_path, cert_path, why);
	lsoe_key_fini(&node);
	lan_signer_free(anchor);
	return e;
}
