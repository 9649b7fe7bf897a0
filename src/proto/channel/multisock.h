/*
 * multisock.h - the codec of multisock's encrypted datagrams: key and IV filler,
 * the three forms of plaintext, base64 with line breaks, the lenient base64 of
 * its receiver. Pure, one datagram at a time; the core that queues and counts
 * is msock.c. Specification: docs/protocols/multisock.md.
 *
 * Refused, where the original stumbles later or never: keys and passphrases
 * that can never work, padding that is not a padding.
 */
#ifndef CHAN_MULTISOCK_H
#define CHAN_MULTISOCK_H

#include "crypto/crypto.h"
#include "proto/channel/channel.h"

#define MSOCK_DATAGRAM_MAX 65507
#define MSOCK_PLAIN_MAX    48479 /* largest encrypted payload */

struct msock_crypto; /* the original's Crypter */

/* Why a datagram is refused: the texts of *why below and counters of the core: name, help. */
#define MSOCK_REFUSALS(X)                                                                             \
	X(oversize, "datagrams longer than the buffer size: the original would have cut them")        \
	X(empty, "empty datagrams on an encrypted channel: the original would have died of them")     \
	X(base64_length, "one character of base64 too many: no datagram of such a channel")           \
	X(base64_padding, "base64 that ends within a group: cut, or no datagram of such a channel")   \
	X(no_ciphertext, "no base64 at all: no datagram of such a channel")                           \
	X(block_length, "ciphertext that is not whole blocks: no datagram of such a channel")         \
	X(padding, "padding that is none: another key, or damaged on purpose or on the way")          \
	X(short_binary, "binary data of at most 16 bytes, all lost by the original's way of sending") \
	X(inbox_full, "datagrams that came although there was no room for them")                      \
	X(no_memory, "datagrams there was no memory for")
#define X(name, help) extern const char msock_##name[];
MSOCK_REFUSALS(X)
#undef X

/* LAN_ERR_INVAL, LAN_ERR_NOMEM. *why (may be NULL): static text. */
LAN_WUR enum lan_err msock_crypto_new(
	const char *key, const char *iv, struct msock_crypto **out, const char **why);
void msock_crypto_free(struct msock_crypto *c);

/* Bytes of the datagram for n bytes of payload (prefix of 16 included by the caller where there is one). */
size_t msock_sealed_len(size_t n);

/* form: one of MSOCK_*, 0: text if valid UTF-8, else bytearray. `letters`: 16 random lowercase letters
 * (used by the bytearray form only). out: cap bytes, not `in`. LAN_ERR_TOOBIG, LAN_ERR_UTF8, LAN_ERR_INVAL,
 * LAN_ERR_NOMEM. */
LAN_WUR enum lan_err msock_encrypt(struct msock_crypto *c, unsigned form, const uint8_t *letters,
	const void *in, size_t n, uint8_t *out, size_t cap, size_t *out_len);

/* What a received datagram says: decrypts in place. Binary loses its 16 letters as the original's
 * receiver does it. LAN_ERR_PROTO; *why (may be NULL): one of the texts above. LAN_ERR_NOMEM. */
LAN_WUR enum lan_err msock_decrypt(struct msock_crypto *c, uint8_t *buf, size_t n, uint8_t **out,
	size_t *out_len, bool *text, const char **why);

/* CPython's lenient base64 (3.5): in place. LAN_ERR_PROTO; *why is set then. */
LAN_WUR enum lan_err msock_base64_decode(uint8_t *buf, size_t n, size_t *out_len, const char **why);
/* Standard alphabet; line breaks after each 76 characters and at the end if `broken`. Returns the length
 * written; out holds at least 4*ceil(n/3) + ceil(n/57). `in` may be the last n bytes of that. */
size_t msock_base64_encode(const uint8_t *in, size_t n, bool broken, uint8_t *out);

#endif
