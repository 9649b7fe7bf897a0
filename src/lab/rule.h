/*
 * rule.h - aimed faults as text, and how a unit is told what it is.
 *
 *      c2s:msg:03:1:drop       s2c:ack:01:1:delay:3000     c2s:msg:03:1:cut:4
 *      dir:kind:mid-or-*:count-or-*:action[:arg[:arg]]
 */
#ifndef LAN_LAB_RULE_H
#define LAN_LAB_RULE_H

#include "lab/fault.h"

/* LAN_ERR_INVAL: not understood; err says where. */
LAN_WUR enum lan_err lab_rule_parse(const char *text, struct lab_rule *out, char *err, size_t cap);

/* What one unit is; `line` without its LF. */
enum lab_kind lab_classify(bool chunks, bool first, size_t len);

/* The first rule that is meant for this unit and has fires left, or NULL. */
struct lab_rule *lab_rule_match(
	struct lab_faults *f, enum lab_dir d, enum lab_kind k, const uint8_t *line, size_t len);

/* 64 well-mixed bits, a function of what it is asked about. */
uint64_t lab_chance(
	uint64_t seed, uint32_t conn, enum lab_dir d, enum lab_kind k, uint64_t nth, uint32_t what);

/* Does a chance of `ppm` in a million come true for these bits? */
static inline bool lab_hits(uint64_t bits, uint32_t ppm)
{
	return (bits >> 32) * LAB_PPM >> 32 < ppm;
}

#endif
