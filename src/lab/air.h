/*
 * air.h - radio modules (XBee 802.15.4, Series 1) on one air, without a radio: a pure engine. Each has a
 * serial line with octets in and out, paced as its speed has it; what they say to each other is lost now and
 * then, said again as IEEE 802.15.4 does, and acknowledged. sos.md sections 3.2 and 3.3; Digi, "XBee/XBee-PRO
 * RF Modules", 90000982.
 */
#ifndef LAN_LAB_AIR_H
#define LAN_LAB_AIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/err.h>

#define LAB_MODULES_MAX 64

struct lab_air_config {
	uint32_t modules;
	uint32_t baud;  /* of the serial lines; 0: they and the air take no time */
	uint32_t loss;  /* in a million: of each packet, and of each acknowledgement */
	lan_time delay; /* of each packet, besides what the air takes */
	uint64_t seed;
};

#define LAB_AIR_COUNTERS(X)                                                  \
	X(said, "packets the hosts sent")                                    \
	X(tried, "packets and repetitions on the air")                       \
	X(lost, "of them lost on their way, for each who should have heard") \
	X(heard, "packets handed to a host")                                 \
	X(doubled, "repetitions dropped: the first was heard")               \
	X(acks_lost, "acknowledgements lost")                                \
	X(unanswered, "packets nobody acknowledged")                         \
	X(foreign, "packets dropped: with or without Digi's header")         \
	X(overrun, "octets lost: the host does not read")
enum lab_air_counter {
#define X(name, help) LAB_AIR_##name,
	LAB_AIR_COUNTERS(X)
#undef X
		LAB_AIR_N
};
const char *lab_air_counter_name(enum lab_air_counter c);

struct lab_air;
/* NULL: no memory. The modules are off, with the settings of the factory (and the speed of the line). */
struct lab_air *lab_air_new(const struct lab_air_config *cfg);
void lab_air_free(struct lab_air *a);
/* Loss and delay may change. */
struct lab_air_config *lab_air_settings(struct lab_air *a);
uint64_t lab_air_counter(const struct lab_air *a, enum lab_air_counter c);

/* Power comes or goes: a module begins with the settings it saved (ATWR). */
void lab_module_power(struct lab_air *a, uint32_t i, lan_time now, bool on);
/* As if by its watchdog. */
void lab_module_reset(struct lab_air *a, uint32_t i, lan_time now);
/* How many octets of the host it can take. */
size_t lab_module_room(const struct lab_air *a, uint32_t i);
void lab_module_input(struct lab_air *a, uint32_t i, lan_time now, const uint8_t *p, size_t n);
/* Octets for the host, *n of them; and that n were taken. */
const uint8_t *lab_module_pending(const struct lab_air *a, uint32_t i, lan_time now, size_t *n);
void lab_module_sent(struct lab_air *a, uint32_t i, lan_time now, size_t n);
/* Octets that are no frame, in between. */
void lab_module_noise(struct lab_air *a, uint32_t i, lan_time now, const uint8_t *p, size_t n);

void lab_air_tick(struct lab_air *a, lan_time now);
lan_time lab_air_deadline(const struct lab_air *a, lan_time now);

#endif
