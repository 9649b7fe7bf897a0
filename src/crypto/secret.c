/*
 * secret.c - secrets as text and back, in constant time (libsodium's). Standard
 * alphabet with padding, nothing between the characters.
 */
#include "crypto/crypto.h"

#include <sodium.h>

void lan_secret_encode(const uint8_t *p, size_t n, char *out)
{
	(void)sodium_bin2base64(out, LAN_BASE64(n) + 1, p, n, sodium_base64_VARIANT_ORIGINAL);
}

bool lan_secret_decode(const char *text, size_t len, uint8_t *out, size_t n)
{
	size_t got = 0;
	return len == LAN_BASE64(n) &&
	       sodium_base642bin(out, n, text, len, NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       got == n;
}
