/*
 * neighbor_pdu.h - one captured frame of the neighbour family as a line, as a list of all its fields, as
 * JSON. Fields have the same names in the list and in JSON; lanyard-neighbor(7) says what they mean.
 */
#ifndef LAN_CLI_NEIGHBOR_PDU_H
#define LAN_CLI_NEIGHBOR_PDU_H

#include "api/neighbor_wire.h"
#include "base/pcap.h"
#include "cli/out.h"

struct nview {
	uint64_t number; /* of the frame in its capture, from 1 */
	uint64_t at;     /* nanoseconds since 1970 */
	const char *ifname;
	enum lan_pcap_way way;
	uint32_t length; /* octets of the frame on the wire */
	uint32_t captured;
	const struct nwire_frame *f;
};

/* "12:00:00.123456 lan0 in 02:.. > 02:.. lsoe OPEN nonce .."; `date`: with date and nanoseconds, in UTC. */
void nview_line(struct out *o, const struct nview *v, bool date);
void nview_fields(struct out *o, const struct nview *v);
void nview_json(struct out *o, const struct nview *v); /* an object, no line end */

#endif
