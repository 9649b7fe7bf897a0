/*
 * data_crypto.c - the original's cipher on its own (lan_data_crypto_*): a thin
 * face of the multisock codec for programs that carry the text some other way.
 * Insecure by construction, see lanyard-channel(7), SECURITY.
 */
#include <lanyard/channel.h>

#include <stdlib.h>
#include <string.h>
#include "api/entropy.h"
#include "proto/channel/multisock.h"

#define LETTERS 16

struct lan_data_crypto {
	struct msock_crypto *crypto;
};

enum lan_err lan_data_crypto_new(const char *key, const char *passphrase, struct lan_data_crypto **out)
{
	if (!key || !passphrase)
		return LAN_ERR_INVAL;
	struct lan_data_crypto *d = calloc(1, sizeof *d);
	enum lan_err e = d ? lan_crypto_init() : LAN_ERR_NOMEM;
	if (!e)
		e = msock_crypto_new(key, passphrase, &d->crypto, NULL);
	if (e) {
		free(d);
		return e;
	}
	*out = d;
	return LAN_OK;
}

void lan_data_crypto_free(struct lan_data_crypto *d)
{
	if (!d)
		return;
	msock_crypto_free(d->crypto);
	free(d);
}

enum lan_err lan_data_crypto_encrypt(
	struct lan_data_crypto *d, const void *data, size_t len, unsigned form, char **out, size_t *out_len)
{
	uint8_t letters[LETTERS], random[LETTERS];
	if (len > MSOCK_DATAGRAM_MAX)
		return LAN_ERR_TOOBIG;
	size_t cap = msock_sealed_len(len + LETTERS), n = 0;
	char *text = malloc(cap + 1);
	if (!text)
		return LAN_ERR_NOMEM;
	lan_entropy(NULL, random, sizeof random);
	for (size_t i = 0; i < LETTERS; i++)
		letters[i] = (uint8_t)('a' + random[i] % 26);
	enum lan_err e = msock_encrypt(d->crypto, form, letters, data, len, (uint8_t *)text, cap, &n);
	if (e) {
		free(text);
		return e;
	}
	text[n] = '\0';
	*out = text;
	*out_len = n;
	return LAN_OK;
}

enum lan_err lan_data_crypto_decrypt(
	struct lan_data_crypto *d, const void *in, size_t len, void **out, size_t *out_len, bool *text)
{
	uint8_t *copy = malloc(len + 1), *plain;
	size_t n;
	bool is_text;
	if (!copy)
		return LAN_ERR_NOMEM;
	if (len)
		memcpy(copy, in, len);
	enum lan_err e = msock_decrypt(d->crypto, copy, len, &plain, &n, &is_text, NULL);
	if (e) {
		free(copy);
		return e;
	}
	memmove(copy, plain, n);
	copy[n] = '\0';
	*out = copy;
	*out_len = n;
	*text = is_text;
	return LAN_OK;
}
