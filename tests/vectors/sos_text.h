/*
 * sos_text.h - messages of CoAP between bytes and what sos.json says of them.
 */
#ifndef SOS_TEXT_H
#define SOS_TEXT_H

#include "book.h"
#include "proto/sos/control.h"

/* A message in words: "NON 0.02 4660 token aabb 11=.. 15=.. payload ..". */
char *message_text(const struct coap_msg *m, bool with_token);
/* The same of a described one: `fields` of a case, what a decoder made of it, `coap` of a frame. */
char *described_text(const json_t *o, bool with_token);
/* A described message as our encoder writes it: hex. */
char *written_hex(const json_t *o);
/* Why a datagram is refused; "" if it is well formed; "bad option N" if it must not be taken all the same. */
const char *verdict(const struct buf *b, struct coap_msg *m);

#endif
