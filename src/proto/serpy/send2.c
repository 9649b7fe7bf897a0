/*
 * send2.c - values as the wire of serpy2 has them: section 2.1.
 */
#include <string.h>

#include "base/utf8.h"
#include "proto/serpy/hexfloat.h"
#include "proto/serpy/out.h"
#include "proto/serpy/sum.h"
#include "proto/serpy/wire2.h"

/* Section 2.1 */
void wire2_header(uint8_t *to, uint8_t type, uint32_t sum, uint32_t len)
{
	memcpy(to, WIRE2_MAGIC, WIRE2_MAGIC_LEN);
	to[5] = type;
	for (int i = 0; i < 4; i++) {
		to[6 + i] = (uint8_t)(sum >> 8 * i);
		to[10 + i] = (uint8_t)(len >> 8 * i);
	}
}

static enum lan_err put(struct serpy *s, struct serpy_out *o, uint8_t type, const void *data, size_t n)
{
	uint8_t *to;
	enum lan_err e = send_room(s, o, SERPY_HEAD + n, &to);
	if (e || !to)
		return e;
	if (n)
		memcpy(to + SERPY_HEAD, data, n);
	wire2_header(to, type, serpy_sum(0, to + SERPY_HEAD, n), (uint32_t)n);
	send_commit(o, SERPY_HEAD + n, 0, 0);
	return LAN_OK;
}

enum lan_err send2(struct serpy *s, struct serpy_out *o, const struct serpy_value *v, const char **why)
{
	char text[HEXFLOAT_TEXT];
	uint8_t integer[8];
	switch (v->type) {
	case SERPY_INT:
		*why = v->wide ? "the wire carries integers of 64 bits" : "";
		if (v->wide)
			return LAN_ERR_INVAL;
		for (int i = 0; i < 8; i++)
			integer[i] = (uint8_t)((uint64_t)v->integer >> 8 * i);
		return put(s, o, WIRE2_INT, integer, sizeof integer);
	case SERPY_FLOAT:
		return put(s, o, WIRE2_FLOAT, text, hexfloat_format(v->real, text));
	case SERPY_STR:
	case SERPY_BYTES:
		if (v->len > s->cfg.max_message)
			return LAN_ERR_TOOBIG;
		if (v->type == SERPY_BYTES)
			return put(s, o, WIRE2_BYTES, v->data, v->len);
		return lan_utf8_valid(v->data, v->len) ? put(s, o, WIRE2_STR, v->data, v->len) : LAN_ERR_UTF8;
	case SERPY_OBJECT:
		*why = "serpy2 has no objects";
		return LAN_ERR_NOTSUP;
	}
	*why = "no such type";
	return LAN_ERR_INVAL;
}

enum lan_err serpy_send_ref(struct serpy *s, lan_time now, uint64_t conn, const void *data, size_t len,
	void (*release)(void *ctx), void *ctx, uint64_t *token, const char **why)
{
	struct serpy_out *o;
	uint8_t *to;
	bool forget;
	*why = "";
	if (s->cfg.dialect != SERPY2)
		return LAN_ERR_NOTSUP;
	if (len > s->cfg.max_message)
		return LAN_ERR_TOOBIG;
	enum lan_err e = serpy_open_out(s, conn, &o, why);
	if (!e)
		e = out_room(s, o, SERPY_HEAD + (uint64_t)len, &forget);
	if (!e && lan_ring_room(&s->done, (s->n_refs + 1) * sizeof(struct out_done), &to))
		e = LAN_ERR_NOMEM;
	if (!e && !forget)
		e = lan_ring_room(&o->data, SERPY_HEAD, &to) ? LAN_ERR_NOMEM : out_reserve(o, true);
	if (e)
		return e;
	struct out_long l = {.len = SERPY_HEAD + (uint64_t)len, .data = data, .release = release, .ctx = ctx};
	s->n_refs += release != NULL;
	if (token)
		*token = forget ? 0 : o->last + 1;
	if (forget) {
		out_release(s, &l);
		return LAN_OK;
	}
	wire2_header(to, WIRE2_BYTES, serpy_sum(0, data, len), (uint32_t)len);
	lan_ring_commit(&o->data, SERPY_HEAD);
	out_add(o, (struct out_mark){.len = SERPY_HEAD, .kind = OUT_REF}, &l);
	serpy_queued(s, now, o);
	return LAN_OK;
}
