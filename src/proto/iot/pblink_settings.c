/*
 * pblink_settings.c - the board's configuration line: one flat JSON list,
 * ["id\n", port, "server", timeout_ms, report_s, "ssid", "pw", "cfg"].
 *
 * A reader for just this shape (RFC 8259 strings and numbers, no nesting),
 * since cores link no library. Lists may be longer than eight: what follows the
 * seven fields is checked as JSON and dropped, as are ssid and pw.
 *
 * Refused, each with a sentence: what is not such a list, fields of the wrong
 * type or out of range. docs/protocols/pblink.md, section 4.1.
 */
#include "base/bytes.h"
#include "proto/iot/pblink.h"

#include <limits.h>

enum value_kind { V_TEXT = 1, V_NUMBER, V_WORD };

struct value {
	enum value_kind kind;
	char text[PBLINK_BUF]; /* NUL-terminated */
	size_t len;
	uint64_t milli; /* of a number, saturating */
	bool negative, whole;
};

static uint8_t peek(const struct lan_rd *r)
{
	return lan_rd_left(r) ? r->buf[r->off] : 0;
}

static void skip_blanks(struct lan_rd *r)
{
	while (peek(r) == ' ' || peek(r) == '\t' || peek(r) == '\r')
		lan_rd_u8(r);
}

static bool accept_byte(struct lan_rd *r, uint8_t c)
{
	skip_blanks(r);
	if (peek(r) != c)
		return false;
	lan_rd_u8(r);
	return true;
}

static bool hex4(struct lan_rd *r, uint32_t *out)
{
	uint32_t v = 0;
	for (int i = 0; i < 4; i++) {
		uint8_t c = lan_rd_u8(r), low = c | 0x20;
		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if (low >= 'a' && low <= 'f')
			v = v << 4 | (uint32_t)(low - 'a' + 10);
		else
			return false;
	}
	*out = v;
	return true;
}

static void put_utf8(struct lan_wr *w, uint32_t c)
{
	if (c < 0x80) {
		lan_wr_u8(w, (uint8_t)c);
		return;
	}
	if (c < 0x800) {
		lan_wr_u8(w, (uint8_t)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			lan_wr_u8(w, (uint8_t)(0xe0 | c >> 12));
		} else {
			lan_wr_u8(w, (uint8_t)(0xf0 | c >> 18));
			lan_wr_u8(w, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
		}
		lan_wr_u8(w, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
	}
	lan_wr_u8(w, (uint8_t)(0x80 | (c & 0x3f)));
}

/* After \u: one unit, or a surrogate pair. */
static bool unicode_escape(struct lan_rd *r, struct lan_wr *w)
{
	uint32_t c, low;
	if (!hex4(r, &c))
		return false;
	if (c >= 0xdc00 && c <= 0xdfff)
		return false;
	if (c >= 0xd800 && c <= 0xdbff) {
		if (lan_rd_u8(r) != '\\' || lan_rd_u8(r) != 'u' || !hex4(r, &low) || low < 0xdc00 ||
			low > 0xdfff)
			return false;
		c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
	}
	put_utf8(w, c);
	return true;
}

static bool escape(struct lan_rd *r, struct lan_wr *w)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	uint8_t c = lan_rd_u8(r);
	if (c == 'u')
		return unicode_escape(r, w);
	const char *at = c ? strchr(from, c) : NULL;
	if (!at)
		return false;
	lan_wr_u8(w, (uint8_t)to[at - from]);
	return true;
}

/* After the opening quote. */
static bool read_text(struct lan_rd *r, struct value *v)
{
	struct lan_wr w = lan_wr_of(v->text, sizeof v->text - 1);
	v->kind = V_TEXT;
	while (!r->bad && !w.bad) {
		uint8_t c = lan_rd_u8(r);
		if (c == '"') {
			v->len = w.off;
			v->text[w.off] = '\0';
			return !r->bad;
		}
		if (c < 0x20)
			return false;
		if (c != '\\')
			lan_wr_u8(&w, c);
		else if (!escape(r, &w))
			return false;
	}
	return false;
}

static bool digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* 2000, 1.5; no exponent: no field needs one, and no board writes one here. */
static bool read_number(struct lan_rd *r, struct value *v)
{
	v->kind = V_NUMBER;
	v->whole = true;
	if (peek(r) == '-') {
		v->negative = true;
		lan_rd_u8(r);
	}
	if (!digit(peek(r)))
		return false;
	while (digit(peek(r))) {
		uint64_t d = (uint64_t)(lan_rd_u8(r) - '0') * 1000;
		v->milli = v->milli > (UINT64_MAX - d) / 10 ? UINT64_MAX : v->milli * 10 + d;
	}
	if (peek(r) != '.')
		return true;
	lan_rd_u8(r);
	v->whole = false;
	if (!digit(peek(r)))
		return false;
	for (uint64_t unit = 100; digit(peek(r)); unit /= 10) {
		uint64_t d = (uint64_t)(lan_rd_u8(r) - '0') * unit;
		v->milli = v->milli > UINT64_MAX - d ? UINT64_MAX : v->milli + d;
	}
	return true;
}

static bool read_word(struct lan_rd *r, struct value *v)
{
	static const char *const words[] = {"true", "false", "null"};
	v->kind = V_WORD;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t n = strlen(words[i]);
		if (lan_rd_left(r) >= n && memcmp(r->buf + r->off, words[i], n) == 0) {
			lan_rd_take(r, n);
			return true;
		}
	}
	return false;
}

static bool read_value(struct lan_rd *r, struct value *v)
{
	v->kind = V_WORD;
	v->len = 0;
	v->milli = 0;
	v->negative = v->whole = false;
	skip_blanks(r);
	if (accept_byte(r, '"'))
		return read_text(r, v);
	if (peek(r) == '-' || digit(peek(r)))
		return read_number(r, v);
	return read_word(r, v);
}

/* NULL, or what is wrong with field number `i`. */
static const char *field(size_t i, struct value *v, struct pblink_settings *s)
{
	bool natural = v->kind == V_NUMBER && v->whole && !v->negative;
	switch (i) {
	case 0: /* conn_id: the sample configuration ends it with LF */
		if (v->kind != V_TEXT)
			return "the id is not a text";
		if (v->len && v->text[v->len - 1] == '\n')
			v->text[--v->len] = '\0';
		if (!v->len)
			return "the id is empty";
		for (size_t k = 0; k < v->len; k++)
			if ((uint8_t)v->text[k] < 0x20 || v->text[k] == 0x7f)
				return "the id holds a control character";
		memcpy(s->id, v->text, v->len + 1);
		return NULL;
	case 1:
		if (!natural || v->milli < 1000 || v->milli > 65535 * 1000ull)
			return "the port is not a number in 1..65535";
		s->port = (uint16_t)(v->milli / 1000);
		return NULL;
	case 2:
		if (v->kind != V_TEXT || !v->len)
			return "the server is not a text";
		for (size_t k = 0; k < v->len; k++)
			if ((uint8_t)v->text[k] <= 0x20 || v->text[k] == 0x7f)
				return "the server holds a blank or a control character";
		memcpy(s->server, v->text, v->len + 1);
		return NULL;
	case 3:
		if (!natural || v->milli < 100 * 1000ull || v->milli > 3600 * 1000 * 1000ull)
			return "the timeout is not a number of milliseconds in 100..3600000";
		s->timeout = LAN_MS(v->milli / 1000);
		return NULL;
	case 4:
		if (v->kind != V_NUMBER || v->negative || v->milli > 86400 * 1000ull)
			return "the report interval is not a number of seconds in 0..86400";
		s->report = LAN_MS(v->milli);
		return NULL;
	case 5:
	case 6: /* WLAN name and password: taken, not kept */
		return v->kind == V_TEXT ? NULL : "WLAN name or password is not a text";
	default:
		return NULL;
	}
}

enum lan_err pblink_settings_parse(
	const char *line, size_t len, struct pblink_settings *out, const char **reason)
{
	struct lan_rd r = lan_rd_of(line, len);
	struct value v;
	size_t n = 0;
	*reason = "the configuration is not a JSON list";
	if (!accept_byte(&r, '['))
		return LAN_ERR_CONFIG;
	do {
		if (!read_value(&r, &v))
			return LAN_ERR_CONFIG;
		const char *wrong = field(n++, &v, out);
		if (wrong) {
			*reason = wrong;
			return LAN_ERR_CONFIG;
		}
	} while (accept_byte(&r, ','));
	if (!accept_byte(&r, ']'))
		return LAN_ERR_CONFIG;
	skip_blanks(&r);
	if (r.bad || lan_rd_left(&r))
		return LAN_ERR_CONFIG;
	if (n < 7) {
		*reason = "the configuration has fewer than seven fields";
		return LAN_ERR_CONFIG;
	}
	return LAN_OK;
}
