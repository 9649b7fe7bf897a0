/*
 * key.h - key files: the group key of a sealed channel with its epochs, a
 * member's own signing key, the list of members allowed to speak; the keys and
 * certificates of neighbours that sign. Files of text; secrets are refused when group or others may read
 * them. Man page: lanyard-key(1) for the formats and `lanyard key`.
 *
 * A group key file holds up to 8 epochs. The one sent with is the newest whose
 * `send-after` has come; received is every epoch that is there and whose
 * `accept-until` has not passed. Rotating adds an epoch: distribute the file
 * within `lead`, and nothing is lost.
 */
#ifndef LANYARD_KEY_H
#define LANYARD_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/err.h>

#ifdef __cplusplus
extern "C" {
#endif

enum lan_cipher { LAN_CIPHER_XCHACHA20_POLY1305 = 1, LAN_CIPHER_AES_256_GCM = 2 };

#define LAN_KEY_EPOCHS 8

/* What a key file says, without its secrets. Times: seconds since 1970, 0: no limit. */
struct lan_key_info {
	enum lan_cipher cipher;
	size_t n;
	struct lan_key_epoch {
		uint32_t epoch;
		int64_t send_after, accept_until;
		char fingerprint[17]; /* first 8 bytes of BLAKE2b-256 of the key, hex */
	} epoch[LAN_KEY_EPOCHS];
};

/* All of these: `why` (may be NULL) gets a thread-local sentence that says what
 * is wrong and what to do. LAN_ERR_EXISTS (never overwrites), LAN_ERR_NOTFOUND,
 * LAN_ERR_PERM (readable by others, or not ours to read), LAN_ERR_CONFIG (not
 * understood, with line), LAN_ERR_IO, LAN_ERR_NOMEM. New files have mode 0600
 * and appear whole or not at all. */

/* Make a group key file with one epoch. */
LAN_API LAN_WUR enum lan_err lan_key_generate(const char *path, enum lan_cipher cipher, const char **why);

/* Add an epoch that is sent with `lead` from now; the older ones are accepted
 * until `overlap` after that, and forgotten by a later rotation. */
LAN_API LAN_WUR enum lan_err lan_key_rotate(
	const char *path, lan_time lead, lan_time overlap, const char **why);

LAN_API LAN_WUR enum lan_err lan_key_info(const char *path, struct lan_key_info *out, const char **why);

/* Make a signing key (Ed25519). `public_text`: the line for a members file. */
LAN_API LAN_WUR enum lan_err lan_key_identity(const char *path, const char **why);
/* id: the sender id it speaks as; public_key: base64, both NUL-terminated. */
LAN_API LAN_WUR enum lan_err lan_key_public(
	const char *path, char id[17], char public_key[45], const char **why);

/* A signing key of RSA (PKCS #8, PEM), for neighbours: bits 2048..4096. Takes seconds. LAN_ERR_INVAL. */
LAN_API LAN_WUR enum lan_err lan_key_identity_rsa(const char *path, unsigned bits, const char **why);

/* What neighbours know a signing key by: of an identity, an RSA key, or the file of a public key. */
struct lan_key_signing {
	const char *algorithm; /* "ed25519", "rsasha256"; static text */
	unsigned bits;
	char fingerprint[17]; /* first 8 bytes of BLAKE2b-256 of algorithm number and public key, hex */
};
LAN_API LAN_WUR enum lan_err lan_key_signing(const char *path, struct lan_key_signing *out, const char **why);
/* The file of the public key that belongs to it, as text: for `anchor_file`, or to be certified. */
#define LAN_KEY_EXPORT 1024
LAN_API LAN_WUR enum lan_err lan_key_export(const char *path, char text[LAN_KEY_EXPORT], const char **why);
/* Make the file of a certificate: the signature by an anchor's secret key of a node's public key (a public
 * file, or its secret one). LAN_ERR_INVAL: they are of different algorithms. */
LAN_API LAN_WUR enum lan_err lan_key_certify(
	const char *anchor_path, const char *public_path, const char *cert_path, const char **why);

/* "aes-256-gcm". Static text. */
LAN_API const char *lan_cipher_name(enum lan_cipher cipher);

#ifdef __cplusplus
}
#endif
#endif
