/*
 * fuzz_serpy_codec.c - bytes into the codecs of the streams. The first byte
 * chooses: base85, numbers as text, a number, text and its encodings, the
 * checksum. What is read is written again and must come to the same; where a
 * simple way of doing it exists, both must agree.
 */
#include <stdlib.h>
#include <string.h>
#include "fuzz_script.h"
#include "proto/serpy/base85.h"
#include "proto/serpy/encoding.h"
#include "proto/serpy/hexfloat.h"
#include "proto/serpy/sum.h"

/* A block of exactly this size, so that a sanitizer sees what goes beyond; one of nothing, too. */
static void *block(const void *p, size_t n)
{
	void *b = malloc(n);

	if (!b && n)
		abort();
	if (p && n)
		memcpy(b, p, n);
	return b;
}

/* --- base85 ------------------------------------------------------------------ */

static void written_base85_is_read(const uint8_t *p, size_t n)
{
	size_t len = base85_encoded(n);
	char *text = block(NULL, len);

	FUZZ_CHECK(base85_decoded(len) == n, "base85 takes another room than it needs");
	base85_encode(p, n, text);
	for (size_t i = 0; i < len; i++)
		FUZZ_CHECK(text[i] > ' ' && text[i] < 127 && !strchr("\"',./:[\\]", text[i]),
			"a foreign character was written");
	FUZZ_CHECK(base85_decode((uint8_t *)text, len, (uint8_t *)text) == LAN_OK && memcmp(text, p, n) == 0,
		"what base85 wrote is not read as it was");
	free(text);
}

static void read_base85_is_written(const uint8_t *p, size_t n)
{
	size_t len = base85_decoded(n), whole = n / 5 * 5;
	uint8_t *out = block(NULL, len), *in_place = block(p, n);
	enum lan_err e = base85_decode(p, n, out);

	FUZZ_CHECK(e == LAN_OK || e == LAN_ERR_PROTO, "another error");
	FUZZ_CHECK(base85_decode(in_place, n, in_place) == e, "the end depends on the place");
	FUZZ_CHECK(e || memcmp(in_place, out, len) == 0, "the bytes depend on the place");
	enum lan_err first = base85_decode(p, whole, in_place);
	enum lan_err second = base85_decode(p + whole, n - whole, in_place + base85_decoded(whole));
	FUZZ_CHECK((first || second) == (e != LAN_OK), "the end depends on the pieces");
	if (!e) {
		char *text = block(NULL, base85_encoded(len));
		base85_encode(out, len, text);
		FUZZ_CHECK(memcmp(text, p, whole) == 0, "what was read is written otherwise");
		free(text);
		written_base85_is_read(out, len);
	}
	free(out);
	free(in_place);
}

/* --- numbers ----------------------------------------------------------------- */

static bool same(double a, double b)
{
	return memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);
}

static void number(double v)
{
	char *hex = block(NULL, HEXFLOAT_TEXT), *decimal = block(NULL, DECIMAL_TEXT), *end;
	size_t n = hexfloat_format(v, hex);
	double back = 0;

	FUZZ_CHECK(n == strlen(hex), "the length of a float");
	FUZZ_CHECK(hexfloat_parse((uint8_t *)hex, n, &back) == LAN_OK && same(v, back),
		"a float is read otherwise than written");
	n = decimal_format(v, decimal);
	FUZZ_CHECK(n == strlen(decimal), "the length of a decimal");
	FUZZ_CHECK(same(strtod(decimal, &end), v) && !*end, "a decimal is not the number");
	int64_t i;
	memcpy(&i, &v, sizeof i);
	n = decimal_int_format(i, decimal);
	FUZZ_CHECK(n == strlen(decimal) && strtoll(decimal, &end, 10) == i && !*end,
		"an integer is not the number");
	free(hex);
	free(decimal);
}

static void number_text(const uint8_t *p, size_t n)
{
	double v = 0, again = 0;
	enum lan_err e = hexfloat_parse(p, n, &v);
	uint8_t *wider = block(NULL, n + 3);

	FUZZ_CHECK(e == LAN_OK || e == LAN_ERR_PROTO, "another error");
	if (!e)
		number(v);
	wider[0] = '\t';
	memcpy(wider + 1, p, n);
	wider[n + 1] = '\n';
	FUZZ_CHECK(
		hexfloat_parse(wider, n + 2, &again) == e && (e || same(v, again)), "blanks change a number");
	wider[n + 1] = 'g';
	wider[n + 2] = ' ';
	FUZZ_CHECK(hexfloat_parse(wider, n + 3, &again) == LAN_ERR_PROTO, "a foreign character is taken");
	free(wider);
}

/* --- encodings --------------------------------------------------------------- */

static size_t put_utf8(uint8_t *p, uint32_t c)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		p[i] = (uint8_t)(0x80 | (c & 0x3f));
	p[0] = (uint8_t)(n == 1 ? c : (0xf00u >> n & 0xff) | c);
	return n;
}

/* Of the order of bytes, in UTF-16. */
static bool has_mark(const uint8_t *p, size_t n)
{
	return n >= 2 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff));
}

/* Valid text of an encoding as UTF-8. */
static size_t decode(enum serpy_encoding e, const uint8_t *p, size_t n, uint8_t *out)
{
	bool mark = has_mark(p, n), swap = mark && p[0] == 0xfe;
	uint32_t high = 0;
	size_t len = 0;

	if (e != ENCODING_UTF16) {
		for (size_t i = 0; i < n; i++)
			len += e == ENCODING_LATIN1 ? put_utf8(out + len, p[i]) : (out[len] = p[i], 1);
		return len;
	}
	for (size_t i = mark ? 2 : 0; i < n; i += 2) {
		uint32_t c = (uint32_t)p[i + swap] | (uint32_t)p[i + !swap] << 8;
		if (c >> 10 == 0x36)
			high = c;
		else
			len += put_utf8(out + len,
				c >> 10 == 0x37 ? 0x10000 + ((high & 0x3ff) << 10 | (c & 0x3ff)) : c);
	}
	return len;
}

static void text(enum serpy_encoding e, const uint8_t *p, size_t n)
{
	size_t need = 0, len = 0;
	enum lan_err err = encoding_encode(e, p, n, NULL, &need);

	FUZZ_CHECK(err == LAN_OK || err == LAN_ERR_UTF8, "another error");
	FUZZ_CHECK(err || encoding_valid(ENCODING_UTF8, p, n), "what is not UTF-8 was encoded");
	if (!err) {
		uint8_t *out = block(NULL, need), *back = block(NULL, n + 1);
		FUZZ_CHECK(
			encoding_encode(e, p, n, out, &len) == LAN_OK && len == need, "the length of a text");
		FUZZ_CHECK(encoding_valid(e, out, len), "what was encoded is not valid");
		FUZZ_CHECK(decode(e, out, len, back) == n && memcmp(back, p, n) == 0, "a text has changed");
		free(out);
		free(back);
	}
	if (encoding_valid(e, p, n)) {
		uint8_t *utf8 = block(NULL, 2 * n + 1);
		len = decode(e, p, n, utf8);
		FUZZ_CHECK(encoding_encode(e, utf8, len, NULL, &need) == LAN_OK, "valid text is not text");
		FUZZ_CHECK(need == n + (e == ENCODING_UTF16 && !has_mark(p, n) ? 2 : 0),
			"a part of valid text says nothing");
		free(utf8);
	}
}

/* --- the checksum ------------------------------------------------------------ */

static void checksum(const uint8_t *p, size_t n)
{
	size_t times = n ? p[0] + 1u : 0; /* long enough for several blocks */
	uint8_t *many = block(NULL, n * times);
	uint32_t plain = 0;

	for (size_t i = 0; i < times; i++)
		memcpy(many + i * n, p, n);
	for (size_t i = 0; i < n * times; i++)
		plain += many[i];
	FUZZ_CHECK(serpy_sum(0, many, n * times) == plain, "the sum is wrong");
	FUZZ_CHECK(serpy_sum(serpy_sum(0, many, n), many + n, n * times - n) == plain,
		"the sum depends on the pieces");
	free(many);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	const uint8_t *p = data + 1;
	size_t n = size - 1;
	double v = 0;

	switch (data[0] & 7) {
	case 0:
		written_base85_is_read(p, n);
		break;
	case 1:
		read_base85_is_written(p, n);
		break;
	case 2:
		number_text(p, n);
		break;
	case 3:
		memcpy(&v, p, n < sizeof v ? n : sizeof v);
		number(v);
		break;
	case 4:
		checksum(p, n);
		break;
	default:
		text((enum serpy_encoding)(data[0] >> 3 & 3), p, n);
	}
	return 0;
}
