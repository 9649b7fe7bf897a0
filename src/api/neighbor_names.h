/*
 * neighbor_names.h - PDU types of neighbours as words of JSON and of logs, one
 * spelling for the command line and the daemon: an encapsulation is called after
 * what it carries.
 */
#ifndef LAN_API_NEIGHBOR_NAMES_H
#define LAN_API_NEIGHBOR_NAMES_H

/* "ipv4", "mpls-ipv6", "open", ..; "unknown" for types that no dialect has. Static text. */
static inline const char *neighbor_type_name(unsigned type)
{
	static const char *const names[] = {"hello", "open", "keepalive", "ack", "ipv4", "ipv6", "mpls-ipv4",
		"mpls-ipv6", "newkey", "ulpc"};
	if (type == 255)
		return "vendor";
	return type < sizeof names / sizeof *names ? names[type] : "unknown";
}

#endif
