/*
 * insider.h - what the fuzz targets of the sealed core share: keys, entropy from a seed, and an outsider
 * who holds the group key and seals what he likes.
 */
#ifndef FUZZ_INSIDER_H
#define FUZZ_INSIDER_H

#include "proto/channel/channel.h"
#include "proto/channel/seal.h"

#define FUZZ_CHANNEL  "fuzz"
#define FUZZ_DATAGRAM 600

/* The input, byte by byte; zeros at its end. */
struct fuzz_in {
	const uint8_t *p, *end;
};
uint8_t fuzz_u8(struct fuzz_in *in);
/* One to nine bytes: small numbers, numbers near powers of two, or any. */
uint64_t fuzz_number(struct fuzz_in *in);

struct lan_env fuzz_env(uint64_t *seed);
/* Two epochs, 1 and 2; `cipher` LAN_AEAD_*. */
struct chan_keys fuzz_keys(int cipher);

/* A sender of ours, with what it takes to seal as it. */
struct fuzz_sender {
	uint64_t id, boot, counter;
	uint32_t epoch;
	const uint8_t *secret; /* signing, or NULL */
};
/* The datagram's length; the key is kept for the next call. */
size_t fuzz_seal(
	const struct fuzz_sender *s, int cipher, const uint8_t *frame, size_t n, uint8_t *out, size_t cap);
/* Open what a core has sent, of an epoch of fuzz_keys. */
bool fuzz_unseal(int cipher, uint8_t *buf, size_t n, struct chan_header *h, uint8_t **frame, size_t *len);

#endif
