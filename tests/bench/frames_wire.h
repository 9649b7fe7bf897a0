/*
 * frames_wire.h - what the two contenders of the raw frames share: a veth pair
 * in a network namespace of their own, and a process at its other end that
 * floods the wire with valid KEEPALIVEs of LSOE-01.
 */
#ifndef FRAMES_WIRE_H
#define FRAMES_WIRE_H

#include "bench.h"

#define WIRE_ETHERTYPE 0x88b5
#define WIRE_WARM      0.3 /* seconds before the measurement */

/* The interfaces of the receiver and of the sender, up, in a namespace for this process and its children. */
void wire_make(uint32_t *rx, uint32_t *tx);
void wire_mac(uint32_t ifindex, uint8_t mac[6]);

/* Send until sh->at is set: does not return. sh->done counts. */
_Noreturn void wire_flood(uint32_t rx, uint32_t tx, struct bench_shared *sh);

/* A measurement of so many frames, of which `lost` were sent and found no room. */
struct wire_count {
	uint64_t frames, lost, ns, cpu_tx, cpu_rx;
};
void wire_print(const char *what, const struct wire_count *c);

#endif
