/*
 * coap_oracle.c - see coap_oracle.h.
 */
#include "coap_oracle.h"

#ifdef LAN_LIBCOAP
#include <coap3/coap.h>

static coap_pdu_t *pdu;
static coap_opt_iterator_t walk;

bool coap_judge(const uint8_t *p, size_t n, struct coap_judged *out)
{
	static bool quiet;

	if (!quiet)
		coap_set_log_level(LOG_EMERG);
	quiet = true;
	if (pdu)
		coap_delete_pdu(pdu);
	pdu = coap_pdu_init(COAP_MESSAGE_CON, COAP_EMPTY_CODE, 0, n);
	*out = (struct coap_judged){.taken = pdu && coap_pdu_parse(COAP_PROTO_UDP, p, n, pdu)};
	if (!out->taken)
		return true;
	coap_bin_const_t token = coap_pdu_get_token(pdu);
	out->type = coap_pdu_get_type(pdu);
	out->code = coap_pdu_get_code(pdu);
	out->mid = (unsigned)coap_pdu_get_mid(pdu);
	out->token = token.s, out->tkl = token.length;
	coap_get_data(pdu, &out->len, &out->payload);
	coap_option_iterator_init(pdu, &walk, COAP_OPT_ALL);
	return true;
}

bool coap_judge_option(struct coap_judged_option *out)
{
	coap_opt_t *o = coap_option_next(&walk);

	if (!o)
		return false;
	*out = (struct coap_judged_option){
		.number = walk.number, .value = coap_opt_value(o), .len = coap_opt_length(o)};
	return true;
}
#else
bool coap_judge(const uint8_t *p, size_t n, struct coap_judged *out)
{
	(void)p, (void)n, (void)out;
	return false;
}

bool coap_judge_option(struct coap_judged_option *out)
{
	(void)out;
	return false;
}
#endif
