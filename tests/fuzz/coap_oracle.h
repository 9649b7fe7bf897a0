/*
 * coap_oracle.h - what libcoap makes of a datagram (coap_pdu_parse over UDP): the judge of our decoder. Its
 * headers and ours use the same names, so only coap_oracle.c sees them.
 */
#ifndef COAP_ORACLE_H
#define COAP_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct coap_judged {
	bool taken;
	unsigned type, code, mid;
	const uint8_t *token, *payload; /* views that die at the next call */
	size_t tkl, len;
};
struct coap_judged_option {
	unsigned number;
	const uint8_t *value;
	size_t len;
};

/* False: built without libcoap. */
bool coap_judge(const uint8_t *p, size_t n, struct coap_judged *out);
/* The options of the message judged last, in order. False: no more. */
bool coap_judge_option(struct coap_judged_option *out);

#endif
