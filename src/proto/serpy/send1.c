/*
 * send1.c - values as the wire of serpy has them: section 1.4.
 *
 * The original sends what its receiver takes apart: a 0x1F in a text, an empty
 * one. Ours refuses those and says which mode carries them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "proto/serpy/base85.h"
#include "proto/serpy/hexfloat.h"
#include "proto/serpy/out.h"

/* The mode the original makes of the one asked for: the table of section 1.4. */
static uint8_t mode_for(enum serpy_type type, int mode)
{
	if (type == SERPY_BYTES && mode != 2 && mode != 3)
		return SERPY_MODE_ACKED(mode) ? 3 : 2;
	if (type == SERPY_OBJECT)
		return SERPY_MODE_ACKED(mode) ? 5 : 4;
	return (uint8_t)mode;
}

/* What the receiver would take apart. NULL: nothing. */
static const char *unfit(const struct serpy *s, uint8_t mode, const uint8_t *p, size_t n)
{
	if (!n && !SERPY_MODE_ACKED(mode))
		return "an empty message does not arrive in modes 0, 2 and 4: use mode 1 or 3";
	if (mode > 1 || !n)
		return NULL;
	if (memchr(p, 0x1f, n))
		return "text with the character 0x1F needs mode 2 or 3";
	if (p[0] == 0x01)
		return "text that begins with the character 0x01 needs mode 2 or 3";
	if (mode == 0 && recv1_looks_stale(s, p, n))
		return "text that ends with the character 0x04 needs mode 2 or 3";
	return mode == 1 && memchr(p, 0x04, n) ? "text with the character 0x04 needs mode 2 or 3" : NULL;
}

/* The body: text in the connection's encoding, bytes and pickles as they are. `to` NULL: its length only. */
static enum lan_err body(const struct serpy *s, const struct serpy_value *v, uint8_t *to, size_t *n)
{
	char text[DECIMAL_TEXT];
	size_t len = v->len;
	const void *from = v->data;
	if (v->type == SERPY_BYTES || v->type == SERPY_OBJECT) {
		*n = len;
		if (to && len)
			memcpy(to, from, len);
		return LAN_OK;
	}
	if (v->type != SERPY_STR) {
		len = v->type == SERPY_INT ? decimal_int_format(v->integer, text)
					   : decimal_format(v->real, text);
		from = text;
	}
	return encoding_encode(s->encoding, from, len, to, n);
}

static enum lan_err check(
	const struct serpy_value *v, const struct serpy_how *how, uint8_t mode, const char **why)
{
	*why = "";
	if (how->mode < 0 || how->mode >= SERPY_MODES)
		*why = "modes are 0 to 5";
	else if (v->type < SERPY_STR || v->type > SERPY_OBJECT ||
		 (v->type > SERPY_BYTES && v->type < SERPY_OBJECT))
		*why = "no such type";
	else if (v->wide)
		*why = "the integer is wider than 64 bits: send it as text";
	else if (mode >= 4 && v->type != SERPY_OBJECT)
		*why = "modes 4 and 5 carry objects";
	return **why ? LAN_ERR_INVAL : LAN_OK;
}

/* Before anything is done for it: may the body go in the mode of the wire? Base85 and numbers may, unless
 * empty. */
static enum lan_err check_body(const struct serpy *s, const struct serpy_value *v, uint8_t mode, uint8_t wire,
	size_t raw, const char **why)
{
	const uint8_t *p = v->data;
	size_t n = v->len;
	uint8_t *wide = NULL;
	if (mode < 2 && v->type == SERPY_STR && s->encoding == ENCODING_UTF16) {
		if (!(wide = malloc(raw ? raw : 1)) || body(s, v, wide, &n)) {
			free(wide);
			return LAN_ERR_NOMEM;
		}
		p = wide;
	}
	bool text = mode < 2 && v->type == SERPY_STR;
	const char *bad = text || !raw ? unfit(s, wire, p, raw ? n : 0) : NULL;
	free(wide);
	*why = bad ? bad : "";
	return bad ? LAN_ERR_INVAL : LAN_OK;
}

enum lan_err send1(struct serpy *s, struct serpy_out *o, const struct serpy_value *v,
	const struct serpy_how *how, const char **why)
{
	uint8_t mode = mode_for(v->type, how->mode), wire = how->force ? (uint8_t)how->mode : mode, *to;
	size_t raw;
	enum lan_err e = check(v, how, mode, why);
	if (!e)
		e = body(s, v, NULL, &raw);
	if (!e && raw > s->cfg.max_message)
		e = LAN_ERR_TOOBIG;
	if (!e)
		e = check_body(s, v, mode, wire, raw, why);
	if (e)
		return e;
	size_t n = mode >= 2 ? base85_encoded(raw) : raw, acked = SERPY_MODE_ACKED(wire);
	/* Base85 is made from its source, which lies at the end of the room made for both. */
	size_t space = mode >= 2 && v->type <= SERPY_FLOAT ? raw : 0;
	e = send_room(s, o, n + acked + 1 + space, &to);
	if (e || !to)
		return e;
	const uint8_t *from = v->data;
	if (space || mode < 2) {
		e = body(s, v, space ? to + n + acked + 1 : to, &raw);
		from = to + n + acked + 1;
	}
	if (e)
		return e;
	if (mode >= 2)
		base85_encode(from, raw, (char *)to);
	if (acked)
		to[n] = 0x04;
	to[n + acked] = 0x1f;
	send_commit(o, n + acked + 1, wire, 0);
	return LAN_OK;
}
