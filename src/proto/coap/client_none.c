/*
 * client_none.c - the engine without its client, for a server that has to be small: linked in the place of
 * client*.c by who builds a slave for a small machine (a lint measures it); no part of the library. Requests
 * of its own it cannot make, so responses belong to nothing.
 */
#include "proto/coap/coap_int.h"

enum lan_err coap_take_response(
	struct coap *c, lan_time now, const struct lan_ep *from, const struct coap_msg *m)
{
	(void)now, (void)from, (void)m;
	coap_count(c, COAP_C_drop_unmatched);
	return LAN_ERR_NOTFOUND;
}

void coap_forget(struct coap *c, lan_time now, const struct lan_ep *ep)
{
	struct coap_peer *p = coap_peer(c, ep, false);
	if (p)
		coap_peer_drop(c, p);
	coap_unobserve_peer(c, now, ep);
	coap_dedup_forget(c, ep);
}

/* Of requests of our own, of which there are none. */
void coap_x_due(struct coap *c, lan_time now, struct coap_x *x)
{
	(void)c, (void)now, (void)x;
}

void coap_x_fail(struct coap *c, lan_time now, struct coap_x *x, enum lan_err err, const char *text)
{
	(void)c, (void)now, (void)x, (void)err, (void)text;
}

void coap_x_free(struct coap *c, struct coap_x *x)
{
	(void)c, (void)x;
}

void coap_x_acked(struct coap *c, lan_time now, struct coap_x *x)
{
	(void)c, (void)now, (void)x;
}

void coap_x_reset(struct coap *c, lan_time now, struct coap_x *x)
{
	(void)c, (void)now, (void)x;
}

void coap_buf_give(struct coap *c, const uint8_t *buf)
{
	(void)c, (void)buf;
}
