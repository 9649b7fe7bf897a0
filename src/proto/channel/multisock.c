/*
 * multisock.c - see multisock.h: what is on the wire of an encrypted multisock
 * channel. A datagram is made in place: padded plaintext at the end of the
 * caller's memory, encrypted there, and spread to base64 towards the front; and
 * it is read in place the other way round.
 *
 * What the original would turn into garbage or an exception (lengths, padding,
 * binary data too short to have its sixteen letters) is refused here with a
 * reason; what it accepts is accepted with the same result. What it cannot
 * tell, a wrong passphrase among it, cannot be told here either.
 * docs/protocols/multisock.md sections 3 and 4.
 */
#include "proto/channel/multisock.h"

#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"

#define BLOCK   16
#define KEY_MAX 32
#define IV_MAX  15
#define LINE    57 /* bytes on a line of base64 */

struct msock_crypto {
	struct lan_cbc *cbc;
};

#define X(name, help) const char msock_##name[] = #name;
MSOCK_REFUSALS(X)
#undef X

/* --- key and passphrase ---------------------------------------------------- */

/* Whether one of the original's checks, or its cipher, would fail on it; why. */
static const char *unusable(const char *text, size_t max, bool key)
{
	size_t n = strlen(text), blank = 0;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)text[i];

		if (c >= 0x80)
			return key ? "the key has a character that is not ASCII"
				   : "the passphrase has a character that is not ASCII";
		blank += c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
	}
	if (blank == n)
		return key ? "the key is empty or blank" : "the passphrase is empty or blank";
	if (n > max)
		return key ? "the key is longer than 32 characters"
			   : "the passphrase is longer than 15 characters";
	return NULL;
}

/* The text, then as many bytes of the value "bytes missing" as are missing. */
static void fill(uint8_t *out, size_t size, const char *text)
{
	size_t n = strlen(text);

	memcpy(out, text, n);
	memset(out + n, (int)(size - n), size - n);
}

enum lan_err msock_crypto_new(const char *key, const char *iv, struct msock_crypto **out, const char **why)
{
	uint8_t k[KEY_MAX], v[BLOCK];
	const char *bad = !key  ? "there is no key"
			  : !iv ? "there is no passphrase"
				: unusable(key, KEY_MAX, true);

	if (!bad)
		bad = unusable(iv, IV_MAX, false);
	if (bad) {
		if (why)
			*why = bad;
		return LAN_ERR_INVAL;
	}
	struct msock_crypto *c = calloc(1, sizeof *c);
	if (!c)
		return LAN_ERR_NOMEM;
	fill(k, sizeof k, key);
	fill(v, sizeof v, iv);
	enum lan_err e = lan_cbc_new(k, v, &c->cbc);
	lan_wipe(k, sizeof k);
	lan_wipe(v, sizeof v);
	if (e) {
		free(c);
		return e;
	}
	*out = c;
	return LAN_OK;
}

void msock_crypto_free(struct msock_crypto *c)
{
	if (!c)
		return;
	lan_cbc_free(c->cbc);
	free(c);
}

/* --- base64 ------------------------------------------------------------------ */

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of a character; over 63: not of the alphabet. */
/* clang-format off */
#define V(c) (uint8_t)((c) >= 'A' && (c) <= 'Z' ? (c) - 'A' : (c) >= 'a' && (c) <= 'z' ? (c) - 'a' + 26 : \
	(c) >= '0' && (c) <= '9' ? (c) - '0' + 52 : (c) == '+' ? 62 : (c) == '/' ? 63 : 0xff)
#define V4(c)  V(c), V((c) + 1), V((c) + 2), V((c) + 3)
#define V16(c) V4(c), V4((c) + 4), V4((c) + 8), V4((c) + 12)
#define V64(c) V16(c), V16((c) + 16), V16((c) + 32), V16((c) + 48)
/* clang-format on */
static const uint8_t value_of[256] = {V64(0), V64(64), V64(128), V64(192)};

size_t msock_base64_encode(const uint8_t *in, size_t n, bool broken, uint8_t *out)
{
	uint8_t *o = out;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t w = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
			     (left > 2 ? in[i + 2] : 0);

		*o++ = (uint8_t)alphabet[w >> 18];
		*o++ = (uint8_t)alphabet[w >> 12 & 63];
		*o++ = left > 1 ? (uint8_t)alphabet[w >> 6 & 63] : '=';
		*o++ = left > 2 ? (uint8_t)alphabet[w & 63] : '=';
		if (broken && (left <= 3 || i % LINE == LINE - 3))
			*o++ = '\n';
	}
	return (size_t)(o - out);
}

/* Whole groups of four characters without anything between, as long as there are such. */
static const uint8_t *plain_groups(const uint8_t *p, const uint8_t *end, uint8_t **out)
{
	for (; end - p >= 4; p += 4) {
		uint8_t a = value_of[p[0]], b = value_of[p[1]], c = value_of[p[2]], d = value_of[p[3]];

		if ((a | b | c | d) & 0xc0)
			break;
		uint32_t w = (uint32_t)a << 18 | (uint32_t)b << 12 | (uint32_t)c << 6 | d;
		(*out)[0] = (uint8_t)(w >> 16);
		(*out)[1] = (uint8_t)(w >> 8);
		(*out)[2] = (uint8_t)w;
		*out += 3;
	}
	return p;
}

enum lan_err msock_base64_decode(uint8_t *buf, size_t n, size_t *out_len, const char **why)
{
	const uint8_t *p = buf, *end = buf + n;
	uint8_t *o = buf;
	unsigned have = 0, pads = 0; /* characters of the group; "=" after them */
	uint32_t w = 0;

	while (have || (p = plain_groups(p, end, &o)) < end) {
		if (p == end) {
			*why = have == 1 ? msock_base64_length : msock_base64_padding;
			return LAN_ERR_PROTO;
		}
		uint8_t c = *p++, v = value_of[c];
		if (c == '=') {
			if (have >= 2 && have + ++pads == 4)
				break; /* what follows is not looked at */
			continue;
		}
		if (v > 63)
			continue;
		pads = 0;
		w = w << 6 | v;
		if (++have == 4) {
			*o++ = (uint8_t)(w >> 16);
			*o++ = (uint8_t)(w >> 8);
			*o++ = (uint8_t)w;
			have = 0;
			w = 0;
		}
	}
	if (have == 2)
		*o++ = (uint8_t)(w >> 4);
	if (have == 3) {
		*o++ = (uint8_t)(w >> 10);
		*o++ = (uint8_t)(w >> 2);
	}
	*out_len = (size_t)(o - buf);
	return LAN_OK;
}

/* --- datagrams --------------------------------------------------------------- */

static size_t padded(size_t n)
{
	return n - n % BLOCK + BLOCK;
}

size_t msock_sealed_len(size_t n)
{
	size_t c = padded(n);

	return (c + 2) / 3 * 4 + (c + LINE - 1) / LINE;
}

/* The form of the message: with 0, what the original would have to use so that nothing is lost. */
static enum lan_err form_of(unsigned *form, const void *in, size_t n)
{
	bool text = *form & MSOCK_TEXT || !*form ? lan_utf8_valid(in, n) : false;

	switch (*form) {
	case 0:
		*form = text ? MSOCK_TEXT : MSOCK_BYTEARRAY;
		return LAN_OK;
	case MSOCK_TEXT:
		return text ? LAN_OK : LAN_ERR_UTF8;
	case MSOCK_BYTES:
	case MSOCK_BYTEARRAY:
		return LAN_OK;
	}
	return LAN_ERR_INVAL;
}

enum lan_err msock_encrypt(struct msock_crypto *c, unsigned form, const uint8_t *letters, const void *in,
	size_t n, uint8_t *out, size_t cap, size_t *out_len)
{
	enum lan_err e = form_of(&form, in, n);

	if (e)
		return e;
	size_t prefix = form == MSOCK_BYTEARRAY ? BLOCK : 0;
	if (n > MSOCK_PLAIN_MAX - prefix || msock_sealed_len(n + prefix) > cap)
		return LAN_ERR_TOOBIG;
	size_t total = padded(n + prefix), pad = total - n - prefix;
	uint8_t *at = out + msock_sealed_len(n + prefix) - total;

	if (prefix)
		memcpy(at, letters, prefix);
	if (n)
		memcpy(at + prefix, in, n);
	memset(at + prefix + n, (int)pad, pad);
	e = lan_cbc_encrypt(c->cbc, at, total, at);
	if (e)
		return e;
	/* Never overtakes what it reads: the lead is as long as all that the text is longer. */
	*out_len = msock_base64_encode(at, total, true, out);
	return LAN_OK;
}

/* Length without the padding, or SIZE_MAX. Not in constant time: no datagram is ever answered, so nobody
 * learns how long it took. */
static size_t unpadded(const uint8_t *p, size_t n)
{
	uint8_t pad = p[n - 1];

	if (pad < 1 || pad > BLOCK)
		return SIZE_MAX;
	for (size_t i = n - pad; i < n; i++)
		if (p[i] != pad)
			return SIZE_MAX;
	return n - pad;
}

enum lan_err msock_decrypt(struct msock_crypto *c, uint8_t *buf, size_t n, uint8_t **out, size_t *out_len,
	bool *text, const char **why)
{
	const char *unused;
	size_t len;

	why = why ? why : &unused;
	if (n == 0) {
		*why = msock_empty;
		return LAN_ERR_PROTO;
	}
	enum lan_err e = msock_base64_decode(buf, n, &len, why);
	if (e)
		return e;
	if (len == 0 || len % BLOCK) {
		*why = len ? msock_block_length : msock_no_ciphertext;
		return LAN_ERR_PROTO;
	}
	e = lan_cbc_decrypt(c->cbc, buf, len, buf);
	if (e)
		return e;
	len = unpadded(buf, len);
	if (len == SIZE_MAX) {
		*why = msock_padding;
		return LAN_ERR_PROTO;
	}
	bool is_text = lan_utf8_valid(buf, len);
	if (!is_text && len <= BLOCK) {
		*why = msock_short_binary;
		return LAN_ERR_PROTO;
	}
	*out = buf + (is_text ? 0 : BLOCK);
	*out_len = len - (is_text ? 0 : BLOCK);
	*text = is_text;
	return LAN_OK;
}
