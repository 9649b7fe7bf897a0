/*
 * channel_object.c - messages of the multisock dialect that are Python objects:
 * base64 (lenient, as the original reads it) around a pickle. A message that is
 * none keeps its data and says why; nothing is ever executed.
 */
#include <stdlib.h>
#include <string.h>
#include "api/channel_int.h"
#include "proto/channel/multisock.h"

void channel_object(struct lan_channel *c, struct lan_channel_event *ev)
{
	const char *why = "";
	size_t n;
	if (ev->len > c->pickle_cap) {
		uint8_t *p = realloc(c->pickle, ev->len);
		if (!p) {
			ev->reason = lan_err_text(LAN_ERR_NOMEM);
			return;
		}
		c->pickle = p;
		c->pickle_cap = ev->len;
	}
	if (ev->len)
		memcpy(c->pickle, ev->data, ev->len);
	enum lan_err e = ev->len ? msock_base64_decode(c->pickle, ev->len, &n, &why) : LAN_ERR_PROTO;
	if (!e)
		e = lan_object_to_json(c->pickle, n, &c->json, &why);
	ev->json = e ? NULL : c->json.buf;
	ev->reason = e == LAN_ERR_NOMEM ? lan_err_text(e) : why ? why : "";
}

enum lan_err lan_channel_send_object(struct lan_channel *c, const char *json)
{
	const char *why;
	uint8_t *pickle = NULL;
	size_t n = 0;
	if (!json)
		return LAN_ERR_INVAL;
	if (!c->msock)
		return LAN_ERR_NOTSUP;
	enum lan_err e = lan_object_from_json(json, &pickle, &n, &why);
	uint8_t *text = e ? NULL : malloc(n / 3 * 4 + 8);
	if (!e && !text)
		e = LAN_ERR_NOMEM;
	if (!e) {
		n = msock_base64_encode(pickle, n, false, text);
		e = lan_channel_send(c, text, n, LAN_CHANNEL_BYTES, NULL);
	}
	free(text);
	free(pickle);
	return e;
}
