/*
 * air_int.h - what the files of the simulated modules share.
 */
#ifndef LAN_LAB_AIR_INT_H
#define LAN_LAB_AIR_INT_H

#include "lab/air.h"
#include "proto/xbee/xbee.h"

#define AIR_IN  202 /* octets a module keeps of what its host sends (Digi) */
#define AIR_OUT 8192
#define AIR_TX  3 /* packets that wait for the air */

enum air_set {
	SET_CH,
	SET_ID,
	SET_MY,
	SET_DH,
	SET_DL,
	SET_MM,
	SET_AP,
	SET_BD,
	SET_GT,
	SET_CT,
	SET_RO,
	SET_RR,
	SETS
};

struct air_packet {
	uint8_t id; /* of its status; 0: none wanted */
	uint16_t to;
	uint8_t options;
	uint8_t n;
	uint8_t data[XBEE_RF_MAX];
};

/* Octets for a host that are due later. */
struct air_later {
	struct air_later *next;
	lan_time due;
	uint32_t module;
	bool status; /* the module is free for its next packet */
	size_t n;
	uint8_t p[XBEE_WIRE_MAX];
};

struct air_module {
	bool on;
	bool command;         /* in AT command mode */
	uint32_t set[SETS];   /* .. */
	uint32_t saved[SETS]; /* in its flash memory */
	uint32_t mode, speed; /* AP and BD as they are in force */
	lan_time heard;       /* the last octet of the host */
	unsigned plus;        /* of +++ */
	lan_time plus_due;    /* then it is command mode, if nothing follows */
	uint8_t in[AIR_IN];
	size_t in_n;
	lan_time in_next; /* the first octet of `in` has come */
	uint8_t out[AIR_OUT];
	size_t out_n;
	lan_time out_next; /* the first octet of `out` may go */
	char line[40];
	size_t line_n;
	uint8_t text[XBEE_RF_MAX]; /* of transparent mode */
	size_t text_n;
	uint8_t rssi; /* of the last packet */
	struct xbee_parser parser;
	struct air_packet tx[AIR_TX];
	unsigned tx_n;
	bool busy; /* the first of `tx` is on the air */
};

struct lab_air {
	struct lab_air_config cfg;
	struct air_module module[LAB_MODULES_MAX];
	struct air_later *later;
	uint64_t rolls;
	uint64_t counter[LAB_AIR_N];
};

/* air.c */
void air_say(struct lab_air *a, uint32_t i, lan_time now, const void *p, size_t n);
void air_say_frame(struct lab_air *a, uint32_t i, lan_time now, const struct xbee_frame *f);
void air_send(struct lab_air *a, uint32_t i, lan_time now, const struct air_packet *p);
lan_time air_octet(const struct lab_air *a); /* what one takes on a line */

/* module.c */
void air_defaults(const struct lab_air *a, uint32_t *set);
void air_octets(struct lab_air *a, uint32_t i, lan_time now); /* of the host, as far as they have come */
void air_moments(struct lab_air *a, uint32_t i, lan_time now);
lan_time air_due(const struct lab_air *a, uint32_t i);

/* module_at.c */
void air_at_line(struct lab_air *a, uint32_t i, lan_time now);
void air_at_frame(struct lab_air *a, uint32_t i, lan_time now, const struct xbee_frame *f);

#endif
