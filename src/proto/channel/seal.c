/*
 * seal.c - see seal.h; docs/protocols/channel.md sections 2 and 3.
 *
 * Nothing is allocated. What Ed25519 signs (context, channel id, header, frame)
 * must lie in one piece; the datagram's own buffer has room for it, because
 * key, signature and tag behind the frame are longer than the context before it:
 * the frame steps aside and comes back.
 *
 * Refused: what the key does not open; a signature or a public key that does
 * not belong to the sender id.
 */
#include "proto/channel/seal.h"

#include <assert.h>
#include <string.h>
#include "base/bytes.h"

static const char id_context[] = "lanyard channel id v1";               /* its NUL belongs to it */
static const char signature_context[] = "lanyard channel signature v1"; /* here too */
static const char key_context[] = "lanyard channel v1";                 /* here not */

#define KEY_CONTEXT      (sizeof key_context - 1)
#define SIGNED_AT        (sizeof signature_context + CHAN_ID_SIZE)
#define SIGNED_FRAME_AT  (SIGNED_AT + CHAN_HEADER)
#define SIGNATURE_OFFSET LAN_SIGN_PUBLIC

_Static_assert(
	SIGNED_FRAME_AT + LAN_SIGN_PUBLIC <= CHAN_OVERHEAD + CHAN_SIGNATURE, "the frame can step aside");
_Static_assert(CHAN_SIGNATURE == LAN_SIGN_PUBLIC + LAN_SIGN_SIZE, "key and signature");

void chan_id_of(const char *channel, uint8_t out[CHAN_ID_SIZE])
{
	uint8_t text[sizeof id_context + CHAN_CHANNEL_MAX];
	size_t n = strnlen(channel, CHAN_CHANNEL_MAX);
	memcpy(text, id_context, sizeof id_context);
	memcpy(text + sizeof id_context, channel, n);
	lan_blake2b(out, CHAN_ID_SIZE, NULL, 0, text, sizeof id_context + n);
}

uint64_t chan_sender_of(const uint8_t public_key[LAN_SIGN_PUBLIC])
{
	uint8_t hash[32];
	lan_blake2b(hash, sizeof hash, NULL, 0, public_key, LAN_SIGN_PUBLIC);
	return lan_get_be64(hash) | CHAN_SIGNED_BIT;
}

void chan_instance_key(int cipher, const uint8_t epoch_key[32], uint32_t epoch,
	const uint8_t id[CHAN_ID_SIZE], uint64_t sender, uint64_t boot, uint8_t key[LAN_AEAD_KEY],
	uint8_t prefix[16])
{
	uint8_t text[KEY_CONTEXT + 1 + 4 + CHAN_ID_SIZE + 16], *at = text;
	memcpy(at, key_context, KEY_CONTEXT);
	at += KEY_CONTEXT;
	*at++ = (uint8_t)cipher;
	lan_put_be32(at, epoch);
	memcpy(at + 4, id, CHAN_ID_SIZE);
	at += 4 + CHAN_ID_SIZE;
	lan_put_be64(at, sender);
	lan_put_be64(at + 8, boot);
	memcpy(prefix, at, 16);
	lan_blake2b(key, LAN_AEAD_KEY, epoch_key, 32, text, sizeof text);
}

/* Lay out what is signed at the front of buf, where header and frame are or may be; its length. */
static size_t lay_out(uint8_t *buf, const uint8_t header[CHAN_HEADER], const uint8_t id[CHAN_ID_SIZE],
	const uint8_t *frame, size_t n)
{
	memmove(buf + SIGNED_FRAME_AT, frame, n);
	memcpy(buf, signature_context, sizeof signature_context);
	memcpy(buf + sizeof signature_context, id, CHAN_ID_SIZE);
	memcpy(buf + SIGNED_AT, header, CHAN_HEADER);
	return SIGNED_FRAME_AT + n;
}

/* The frame at its place with key and signature behind it; the length of all. */
static size_t sign(const uint8_t header[CHAN_HEADER], const uint8_t id[CHAN_ID_SIZE], const uint8_t *secret,
	const uint8_t *frame, size_t n, uint8_t *out)
{
	uint8_t *inner = out + CHAN_HEADER, signature[LAN_SIGN_SIZE];
	size_t len = lay_out(out, header, id, frame, n);
	lan_sign(signature, secret, out, len);
	memmove(inner, out + SIGNED_FRAME_AT, n);
	memcpy(inner + n, secret + LAN_SIGN_SECRET - LAN_SIGN_PUBLIC, LAN_SIGN_PUBLIC);
	memcpy(inner + n + SIGNATURE_OFFSET, signature, LAN_SIGN_SIZE);
	return n + CHAN_SIGNATURE;
}

size_t chan_seal(struct lan_aead *a, const struct chan_header *h, const uint8_t id[CHAN_ID_SIZE],
	const uint8_t *secret, const uint8_t *frame, size_t n, uint8_t *out, size_t cap)
{
	size_t overhead = CHAN_OVERHEAD + (secret ? CHAN_SIGNATURE : 0);
	if (cap < overhead || n > cap - overhead)
		return 0;
	assert(!secret == !(h->flags & CHAN_SIGNED));
	uint8_t header[CHAN_HEADER];
	chan_header_encode(h, header);
	if (secret) {
		n = sign(header, id, secret, frame, n, out);
		frame = out + CHAN_HEADER;
	}
	memcpy(out, header, CHAN_HEADER);
	lan_aead_seal(a, h->counter, out, CHAN_HEADER, frame, n, out + CHAN_HEADER);
	return CHAN_OVERHEAD + n;
}

/* buf: header and n bytes of opened inner part, with the tag's room behind. */
static enum lan_err verify(const struct chan_header *h, const uint8_t id[CHAN_ID_SIZE], uint8_t *buf,
	size_t n, uint8_t **frame, size_t *frame_len, const uint8_t **public_key)
{
	if (n < CHAN_SIGNATURE)
		return LAN_ERR_PERM;
	n -= CHAN_SIGNATURE;
	uint8_t header[CHAN_HEADER], tail[CHAN_SIGNATURE];
	memcpy(tail, buf + CHAN_HEADER + n, CHAN_SIGNATURE);
	if (chan_sender_of(tail) != h->sender)
		return LAN_ERR_PERM;
	memcpy(header, buf, CHAN_HEADER);
	size_t len = lay_out(buf, header, id, buf + CHAN_HEADER, n);
	if (!lan_sign_verify(tail + SIGNATURE_OFFSET, tail, buf, len))
		return LAN_ERR_PERM;
	memcpy(buf + len, tail, LAN_SIGN_PUBLIC);
	*frame = buf + SIGNED_FRAME_AT;
	*frame_len = n;
	*public_key = buf + len;
	return LAN_OK;
}

enum lan_err chan_unseal(struct lan_aead *a, const struct chan_header *h, const uint8_t id[CHAN_ID_SIZE],
	uint8_t *buf, size_t n, uint8_t **frame, size_t *frame_len, const uint8_t **public_key)
{
	uint8_t *inner = buf + CHAN_HEADER;
	if (n < CHAN_OVERHEAD ||
		!lan_aead_open(a, h->counter, buf, CHAN_HEADER, inner, n - CHAN_HEADER, inner))
		return LAN_ERR_PROTO;
	if (h->flags & CHAN_SIGNED)
		return verify(h, id, buf, n - CHAN_OVERHEAD, frame, frame_len, public_key);
	*frame = inner;
	*frame_len = n - CHAN_OVERHEAD;
	*public_key = NULL;
	return LAN_OK;
}
