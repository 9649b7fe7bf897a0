/*
 * fuzz_multisock.c - the codec of encrypted multisock datagrams. An input is a
 * datagram from a stranger, and a message to be sent. The datagram's base64 must
 * come to what a decoder written character by character comes to, and what it
 * says, if it says something, must survive being sent; the message must come
 * back whole, or lose what its form loses.
 */
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "fuzz_script.h"
#include "proto/channel/multisock.h"

static const uint8_t letters[17] = "abcdefghijklmnop";

/* CPython's rule, one character at a time. -1: refused. */
static long reference(const uint8_t *p, size_t n, uint8_t *out)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned place = 0, pads = 0, left = 0;
	long len = 0;

	for (size_t i = 0; i < n; i++) {
		const char *at = p[i] ? strchr(set, p[i]) : NULL;
		if (p[i] == '=' && place >= 2 && place + ++pads >= 4)
			return len;
		if (!at)
			continue;
		unsigned v = (unsigned)(at - set);
		pads = 0;
		if (place)
			out[len++] = (uint8_t)(left << 2 * place | v >> (6 - 2 * place));
		left = place == 3 ? 0 : v & (0x3fu >> 2 * place);
		place = (place + 1) % 4;
	}
	return place ? -1 : len;
}

static void check_base64(const uint8_t *p, size_t n)
{
	uint8_t *want = malloc(n + 1), *got = malloc(n + 1);
	const char *why;
	size_t len;
	long wanted = reference(p, n, want);

	memcpy(got, p, n);
	enum lan_err e = msock_base64_decode(got, n, &len, &why);
	FUZZ_CHECK((e == LAN_OK) == (wanted >= 0), "base64: %d, not %ld", e, wanted);
	FUZZ_CHECK(e || (len == (size_t)wanted && memcmp(got, want, len) == 0),
		"base64 comes to something else");
	free(want);
	free(got);
}

/* Send and receive; what form loses is `lost` bytes at the front. */
static void round_trip(struct msock_crypto *c, unsigned form, const uint8_t *p, size_t n)
{
	uint8_t *wire = malloc(MSOCK_DATAGRAM_MAX), *out;
	const char *why;
	size_t len, got;
	bool text, utf8 = lan_utf8_valid(p, n);
	enum lan_err e = msock_encrypt(c, form, letters, p, n, wire, MSOCK_DATAGRAM_MAX, &len);

	if (form == MSOCK_TEXT && !utf8) {
		FUZZ_CHECK(e == LAN_ERR_UTF8, "binary was sent as text");
		free(wire);
		return;
	}
	FUZZ_CHECK(!e, "not sent: %d", e);
	FUZZ_CHECK(len == msock_sealed_len(n + (form == MSOCK_BYTEARRAY || (!form && !utf8) ? 16 : 0)),
		"length");
	e = msock_decrypt(c, wire, len, &out, &got, &text, &why);
	if (form == MSOCK_BYTES && !utf8) {
		FUZZ_CHECK((e == LAN_OK) == (n > 16), "binary of %zu bytes", n);
		FUZZ_CHECK(e || (!text && got == n - 16 && memcmp(out, p + 16, got) == 0), "binary changed");
	} else if (form == MSOCK_BYTEARRAY && utf8) { /* as with the original, the letters stay */
		FUZZ_CHECK(!e && text && got == n + 16 && memcmp(out, letters, 16) == 0, "letters changed");
		FUZZ_CHECK(memcmp(out + 16, p, n) == 0, "text behind letters changed");
	} else
		FUZZ_CHECK(!e && text == utf8 && got == n && memcmp(out, p, n) == 0, "message changed");
	free(wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct msock_crypto *c;
	static const unsigned forms[] = {0, MSOCK_TEXT, MSOCK_BYTES, MSOCK_BYTEARRAY};
	uint8_t *copy, *out;
	const char *why;
	size_t len;
	bool text;

	if (!c)
		FUZZ_CHECK(
			!lan_crypto_init() && !msock_crypto_new("pwd", "passphrase", &c, NULL), "no cipher");
	if (size == 0 || size > MSOCK_PLAIN_MAX - 16)
		return 0;
	round_trip(c, forms[data[0] % 4], data + 1, size - 1);
	data++;
	size--;
	check_base64(data, size);
	copy = malloc(size + 1);
	memcpy(copy, data, size);
	enum lan_err e = msock_decrypt(c, copy, size, &out, &len, &text, &why);
	FUZZ_CHECK(e == LAN_OK || (e == LAN_ERR_PROTO && why && *why), "refused as %d", e);
	if (!e) {
		FUZZ_CHECK(out >= copy && out + len <= copy + size, "outside the datagram");
		FUZZ_CHECK(!text || lan_utf8_valid(out, len), "text that is none");
		round_trip(c, 0, out, len);
	}
	free(copy);
	return 0;
}
