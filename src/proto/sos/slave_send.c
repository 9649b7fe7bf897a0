/*
 * slave_send.c - what leaves a slave: Discover and AssocAnswer, made when the driver asks for them, then what
 * the CoAP engine has; with a key, all but Discover in the session's seal.
 */
#include "proto/sos/slave_int.h"

#define CUT_MOST 11 /* octets of ETag, with four of value, and of Size2: delta 16, up to four of value */

void slave_discover(struct sos_slave *s, const struct lan_ep *to)
{
	struct lan_ep everybody = {.link = s->cfg.link};
	/* Who has not proved the key is told nothing that everybody is not: a forged Hello cannot silence us.
	 */
	bool trust = !s->seal || slave_associated(s);
	s->discover_to = to ? *to : s->have_master && trust ? s->master : everybody;
	s->discover = true;
	s->discover_epochs = 0;
	for (int e = 0; e < SOS_EPOCHS; e++)
		if (s->cfg.epochs[e] && (!s->epoch_known || !trust || e == (int)s->epoch))
			s->discover_epochs |= (uint8_t)(1 << e);
}

void slave_answer(struct sos_slave *s, const struct lan_ep *to, uint16_t mid)
{
	for (size_t i = 0; i < s->n_answers; i++)
		if (s->answers[i].mid == mid && slave_same(&s->answers[i].to, to))
			return;
	if (s->n_answers == SLAVE_ANSWERS) /* the master asks again */
		return;
	s->answers[s->n_answers].to = *to;
	s->answers[s->n_answers++].mid = mid;
}

/* Each Discover has a nonce of its own: each is answered by a request of its own. */
static const uint8_t *new_nonce(struct sos_slave *s)
{
	if (s->n_nonces == SLAVE_NONCES)
		memmove(s->nonces[0], s->nonces[1], --s->n_nonces * SOS_NONCE);
	s->env->entropy(s->env->ctx, s->nonces[s->n_nonces], SOS_NONCE);
	return s->nonces[s->n_nonces++];
}

static size_t discover(struct sos_slave *s, struct lan_ep *to, uint8_t *buf, size_t cap)
{
	struct sos_control c = {.kind = SOS_DISCOVER, .slave = s->cfg.id, .mtu = s->cfg.mtu};
	c.epoch = s->discover_epochs & 1 << SOS_EPOCH_CASAN ? SOS_EPOCH_CASAN : SOS_EPOCH_SOS;
	s->discover_epochs &= (uint8_t) ~(1 << c.epoch);
	s->discover = s->discover_epochs != 0;
	if (s->seal) {
		c.keyed = true;
		memcpy(c.nonce, new_nonce(s), SOS_NONCE);
		sos_proof(c.proof, s->key, &c, c.nonce, NULL, s->cfg.id);
	}
	*to = s->discover_to;
	slave_count(s, SOS_SLAVE_C_tx_discover);
	size_t n = sos_control_write(buf, cap, s->mid, &c);
	s->mid = s->mid == 0xffff ? 1 : (uint16_t)(s->mid + 1);
	return n;
}

/* ACK 2.05 with the list. By Content-Format 40 a master of ours knows a slave of ours; by Size2 it knows that
 * this is not all of the list, which is at /.well-known/core then, and by ETag whether it has read it
 * already. The originals look at none of them. */
static size_t answer(struct sos_slave *s, struct lan_ep *to, uint8_t *buf, size_t cap)
{
	struct coap_wr w = coap_begin(buf, cap, COAP_ACK, COAP_CONTENT, s->answers[0].mid, NULL, 0);
	size_t room = slave_room(s) - COAP_HEADER - (s->cfg.compat ? 2 : 3);
	bool cut = !s->cfg.compat && s->list.len > room;
	*to = s->answers[0].to;
	s->answers[0] = s->answers[1];
	s->n_answers--;
	if (cut)
		coap_put(&w, COAP_ETAG, s->list.tag, sizeof s->list.tag);
	coap_put_uint(&w, COAP_CONTENT_FORMAT, s->cfg.compat ? 0 : 40);
	if (cut)
		coap_put_uint(&w, COAP_SIZE2, s->list.len);
	coap_put_payload(&w, s->list.text, slave_list_cut(s, cut ? room - CUT_MOST : room));
	slave_count(s, SOS_SLAVE_C_tx_assoc_answer);
	return coap_end(&w);
}

static size_t plain(struct sos_slave *s, lan_time now, struct lan_ep *to, uint8_t *buf, size_t cap)
{
	if (s->n_answers)
		return answer(s, to, buf, cap);
	return coap_ops.output(s->coap, now, to, buf, cap);
}

size_t slave_output(struct sos_slave *s, lan_time now, struct lan_ep *to, uint8_t *buf, size_t cap)
{
	if (!s->cfg.id)
		return coap_ops.output(s->coap, now, to, buf, cap);
	if (s->discover)
		return discover(s, to, buf, cap);
	if (!s->seal)
		return plain(s, now, to, buf, cap);
	size_t n;
	for (;;) {
		/* An AssocAnswer begins the session; all else goes by the one that the master is seen to use:
		 * of two AssocRequests that crossed on their way, ours may be the one it has given up. */
		struct sos_seal *seal = s->use_old && !s->n_answers ? s->old : s->seal;
		n = plain(s, now, to, s->scratch, sizeof s->scratch);
		if (!n)
			return 0;
		/* Without a session: left over from one that has ended. */
		size_t sealed = s->session ? sos_seal_close(seal, s->scratch, n, buf, cap) : 0;
		if (sealed)
			return sealed;
		if (s->session && n + SOS_SEAL_OVERHEAD <= cap)
			slave_lost(s, now, "the seal's counter is used up");
		if (s->discover)
			return discover(s, to, buf, cap);
	}
}
