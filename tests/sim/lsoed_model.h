/*
 * lsoed_model.h - how the original daemon behaves, as a pure core behind
 * `struct lan_frame_ops`: docs/protocols/lsoe.md, sections 1.5 to 1.9, with its
 * faults. It discards a repeated OPEN without acknowledging it, goes deaf to a
 * neighbour after a leftover fragment, takes another nonce for a restart and
 * answers with a new one of its own, and ends when it is sent what the original
 * ends at (section 1.14). It keeps its own simple codec: what ours has wrong is
 * not wrong here in the same way.
 *
 * Not modelled: reports, netlink, logs.
 */
#ifndef LSOED_MODEL_H
#define LSOED_MODEL_H

#include "proto/proto.h"

#define LSOED_LINKS 8

struct lsoed_config {
	uint8_t id[10];
	lan_time hello, keepalive, dead, retransmit;
	bool no_backoff;
	uint32_t tries;
	uint8_t hello_to[6];
};

struct lsoed;

extern const struct lan_frame_ops lsoed_ops;
struct lsoed *lsoed_new(
	const struct lan_env *env, lan_time now, const struct lsoed_config *cfg); /* NULL: memory */
void lsoed_free(struct lsoed *m);

/* A link is there and up, or down. Sessions stay, as with the original. */
void lsoed_link(struct lsoed *m, uint32_t link, bool up);
/* The entries of type 4 or 5 on all links, as they stand in a PDU; sent to all established sessions. */
void lsoed_announce(
	struct lsoed *m, lan_time now, uint8_t type, uint16_t count, const uint8_t *entries, size_t n);

/* What it ended of; NULL: it lives. */
const char *lsoed_died(const struct lsoed *m);
bool lsoed_open(const struct lsoed *m, const uint8_t mac[6]);
/* It does not hear this address any more: a leftover fragment, or first heard on another link. NULL: it does.
 */
const char *lsoed_deaf(const struct lsoed *m, uint32_t link, const uint8_t mac[6]);
/* The value of the last PDU of a type from an established neighbour, behind its 3 octets; NULL: none came. */
const uint8_t *lsoed_heard(const struct lsoed *m, const uint8_t mac[6], uint8_t type, size_t *n);
size_t lsoed_waiting(const struct lsoed *m, const uint8_t mac[6]); /* PDUs not acknowledged */

#endif
