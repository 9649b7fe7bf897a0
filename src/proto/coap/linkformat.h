/*
 * linkformat.h - lists of resources: CoRE Link Format (RFC 6690), read and written without memory of its own,
 * and the looser form the original slaves send (sos.md section 5.1: names without a leading '/', a comma at
 * the end). Refuses what is neither, with the place where it stopped.
 */
#ifndef LAN_PROTO_COAP_LINKFORMAT_H
#define LAN_PROTO_COAP_LINKFORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/err.h>
#include "base/bytes.h"

/* Views into the text. `target` is what stands between < and >. */
struct coap_link {
	const char *target;
	size_t target_len;
	const char *params; /* what follows, from the first ';' on */
	size_t params_len;
};
struct coap_links {
	const char *p, *end;
	bool bad;         /* stopped because of a fault, not at the end */
	size_t at;        /* offset of the fault */
	const char *text; /* the beginning */
};
struct coap_links coap_links_of(const char *text, size_t n);
bool coap_links_next(struct coap_links *l, struct coap_link *out);

/* One parameter: name, and its value unquoted in place (views; escapes \" and \\ are left in: raw says so).
 */
struct coap_link_param {
	const char *name, *value; /* value NULL: none (";obs") */
	size_t name_len, value_len;
	bool quoted;
};
/* Start with *at = 0. False: no more. */
bool coap_link_param(const struct coap_link *l, size_t *at, struct coap_link_param *out);

/* Is the whole list well formed (an empty one is; so is one with a comma at the end)? *n: links in it. */
bool coap_links_ok(const char *text, size_t len, size_t *n, size_t *bad_at);

/* Does the link's target name this path, given without leading '/' ("t1", "a/b")? <t1> and </t1> both do. */
bool coap_link_is(const struct coap_link *l, const char *path, size_t len);

/* Appends one link; the first of a list has no comma before it. title and rt may be NULL; quoted and escaped.
 */
void coap_link_put(
	struct lan_wr *w, bool first, const char *target, const char *title, const char *rt, bool observable);

#endif
