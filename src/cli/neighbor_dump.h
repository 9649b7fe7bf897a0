/*
 * neighbor_dump.h - what `lanyard neighbor capture` and `lanyard neighbor decode` share: the options that say
 * what is looked at, and frames printed one after the other.
 */
#ifndef LAN_CLI_NEIGHBOR_DUMP_H
#define LAN_CLI_NEIGHBOR_DUMP_H

#include "api/neighbor_wire.h"
#include "base/pcap.h"
#include "cli/out.h"
#include "cli/verb.h"

extern const struct opt neighbor_capture_opts[], neighbor_decode_opts[];
extern const char *const neighbor_capture_examples[], *const neighbor_decode_examples[];
extern const char neighbor_capture_more[], neighbor_decode_more[];

struct ndump {
	struct cli *cli;
	struct out out;
	struct nwire *wire;
	struct nwire_config cfg;
	uint64_t want;                  /* -n; 0: no limit */
	lan_time ends;                  /* --timeout */
	uint64_t frames, others, wrong; /* printed; of other protocols; printed with a fault */
};

/* A frame as it was captured. */
struct ndump_frame {
	uint32_t iface;
	const char *ifname;
	uint64_t at;
	enum lan_pcap_way way;
	const uint8_t *p;
	size_t n;
	uint32_t length;
};

/* Reads the options; nothing is open yet but stdout. EXIT_OK, or another code after having said why. */
int ndump_begin(struct ndump *d, struct cli *cli);
void ndump_end(struct ndump *d);

/* Prints a frame, if it is of the family: a line, with -v all its fields below, or JSON. */
void ndump_frame(struct ndump *d, const struct ndump_frame *f);
/* Frames, and what else is to be said of them, on stderr; with -j the document is closed. */
void ndump_account(struct ndump *d);
bool ndump_enough(const struct ndump *d);
/* Of the end: EXIT_OK, or another code after having said why. */
int ndump_verdict(const struct ndump *d);

#endif
