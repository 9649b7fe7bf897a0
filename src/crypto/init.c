/*
 * init.c - make the crypto libraries ready, once for the process: libsodium
 * chooses its code for this processor, OpenSSL's ciphers are fetched. What
 * comes after makes no system call.
 *
 * Refused: an OpenSSL that does not have our ciphers (a configuration in FIPS
 * mode has no ChaCha20).
 */
#include "crypto/crypto.h"

#include <pthread.h>
#include <sodium.h>
#include "crypto/aead_int.h"
#include "crypto/evp.h"

struct lan_evp lan_evp;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static enum lan_err result = LAN_ERR_NOTSUP;

static void init(void)
{
	if (sodium_init() < 0)
		return;
	lan_evp.chacha20_poly1305 = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
	lan_evp.aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	lan_evp.aes_256_cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	lan_evp.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (lan_evp.chacha20_poly1305 && lan_evp.aes_256_gcm && lan_evp.aes_256_cbc && lan_evp.sha256) {
		lan_aead_mb_init();
		result = LAN_OK;
	}
}

enum lan_err lan_crypto_init(void)
{
	return pthread_once(&once, init) == 0 ? result : LAN_ERR_NOTSUP;
}
