/*
 * seal.h - one sender instance's key: deriving it, sealing and opening its
 * datagrams, the signature inside. No state beyond the key: counters and
 * windows are the caller's. docs/protocols/channel.md sections 2 and 3.
 */
#ifndef CHAN_SEAL_H
#define CHAN_SEAL_H

#include "crypto/crypto.h"
#include "proto/channel/frame.h"

#define CHAN_ID_SIZE  16
#define CHAN_OVERHEAD (CHAN_HEADER + LAN_AEAD_TAG)

#define CHAN_CHANNEL_MAX 1024 /* bytes of a channel's name */

/* Longer names are refused by chan_new; of such a one only the beginning would count. */
void chan_id_of(const char *channel, uint8_t out[CHAN_ID_SIZE]);
/* The sender id of a signing key. */
uint64_t chan_sender_of(const uint8_t public_key[LAN_SIGN_PUBLIC]);

/* Who seals: key and prefix of an instance, for lan_aead_new/rekey. */
void chan_instance_key(int cipher, const uint8_t epoch_key[32], uint32_t epoch,
	const uint8_t id[CHAN_ID_SIZE], uint64_t sender, uint64_t boot, uint8_t key[LAN_AEAD_KEY],
	uint8_t prefix[16]);

/* Header, sealed frame and tag into out; with `secret` (64 bytes, may be NULL) signed. The frame may
 * lie at out + CHAN_HEADER already. Returns the datagram's length; 0: cap too small. */
size_t chan_seal(struct lan_aead *a, const struct chan_header *h, const uint8_t id[CHAN_ID_SIZE],
	const uint8_t *secret, const uint8_t *frame, size_t n, uint8_t *out, size_t cap);

/* Open buf (n bytes, header decoded into h) in place. *frame: view into buf. With the signed flag,
 * *public_key is a view too (else NULL), and the signature and that the key hashes to the sender were
 * verified. LAN_ERR_PROTO: not authentic; LAN_ERR_PERM: signature. */
LAN_WUR enum lan_err chan_unseal(struct lan_aead *a, const struct chan_header *h,
	const uint8_t id[CHAN_ID_SIZE], uint8_t *buf, size_t n, uint8_t **frame, size_t *frame_len,
	const uint8_t **public_key);

#endif
