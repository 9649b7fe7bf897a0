/*
 * neighbor_wire.h - frames of the neighbour family as a bystander reads them: who to whom, which dialect, the
 * datagram's header, what is wrong with it, and the PDU, put together over frames where it came in several.
 *
 * For captures, live or from a file. Time is that of the frames. Nothing is refused without a word: whatever
 * the receiver would drop (docs/protocols/lsoe.md, sections 1.3 to 1.6 and 2.1 to 2.8) is said with its
 * reason. Memory is bounded, whatever is captured.
 */
#ifndef LAN_API_NEIGHBOR_WIRE_H
#define LAN_API_NEIGHBOR_WIRE_H

#include "proto/lsoe/frame.h"
#include "proto/lsoe/pdu.h"

#define NWIRE_TYPES 16 /* EtherTypes at most */

struct nwire_config {
	uint16_t ethertypes[NWIRE_TYPES];
	size_t n_ethertypes; /* 0: the defaults of both dialects */
	bool forced;         /* all frames are of `dialect`; else told by checksum, then EtherType */
	enum lsoe_dialect dialect;
};

/* What two of ours tell each other in VENDOR (section 3). */
struct nwire_measure {
	uint32_t sequence, sent, received;
	uint64_t time, echo, held;
};

/* One frame. Pointers are views into it, or until the next call. */
struct nwire_frame {
	bool family; /* one of the EtherTypes; else only the following line is set */
	const uint8_t *dst, *src;
	uint16_t ethertype;
	bool tagged;
	uint16_t tci; /* of the VLAN tag */
	enum lsoe_dialect dialect;

	bool have_header; /* the octets of one were there */
	uint8_t version;
	bool last;
	uint16_t tsn;
	uint32_t number;
	uint16_t length;
	uint32_t checksum, right; /* as it stands there; as it should be, if length allows to say */
	enum lsoe_frame_fault fault;
	const char *fault_text; /* "" if none */

	const uint8_t *padding;
	size_t padding_len;
	bool lanyard, measures; /* the sender told itself to be Lanyard */

	bool fragment;    /* a datagram of several */
	const char *note; /* what became of it, where that is worth a word; "" else */

	bool have_pdu;
	const uint8_t *octets;
	size_t n_octets;
	enum lsoe_pdu_fault pdu_fault;
	struct lsoe_pdu pdu; /* without a fault only */
	bool measured;       /* `measure` is set */
	struct nwire_measure measure;
};

struct nwire;
LAN_WUR enum lan_err nwire_new(const struct nwire_config *cfg, struct nwire **out); /* LAN_ERR_NOMEM */
void nwire_free(struct nwire *w);
/* A whole Ethernet frame that passed on an interface at a time. */
void nwire_read(
	struct nwire *w, uint32_t iface, uint64_t at, const uint8_t *p, size_t n, struct nwire_frame *out);
/* PDUs of which not everything came. */
size_t nwire_unfinished(const struct nwire *w);

#endif
