/*
 * addr.h - addresses as people type them, and back: HOST:PORT, [V6]:PORT,
 * :PORT, and HOST or [V6] alone where there is a default port. Names are looked
 * up elsewhere (io/dial.h); here nothing waits for a network.
 */
#ifndef LAN_IO_ADDR_H
#define LAN_IO_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <lanyard/err.h>

#define LAN_ADDR_TEXT_MAX 64 /* "[v6%scope]:port" with room to spare */

struct lan_hostport {
	char host[254]; /* "" : any (listening) */
	uint16_t port;
};

union lan_sockaddr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* `default_port` 0: the text must name a port. Port 0 in the text is accepted.
 * LAN_ERR_ADDR: none of the forms above. */
LAN_WUR enum lan_err lan_hostport_parse(const char *text, uint16_t default_port, struct lan_hostport *out);

/* "host:port" or "[v6]:port"; returns buf. */
char *lan_hostport_text(const struct lan_hostport *hp, char *buf, size_t cap);

/* A numeric address or "" (any, IPv4). LAN_ERR_ADDR: a name. */
LAN_WUR enum lan_err lan_sockaddr_numeric(const struct lan_hostport *hp, union lan_sockaddr *out);

/* "192.0.2.7:49152", "[2001:db8::7]:49152"; an IPv4 peer of an IPv6 socket
 * reads as IPv4. Returns buf, of LAN_ADDR_TEXT_MAX bytes. */
char *lan_sockaddr_text(const union lan_sockaddr *a, char *buf);

static inline socklen_t lan_sockaddr_len(const union lan_sockaddr *a)
{
	return a->any.sa_family == AF_INET6 ? sizeof a->v6 : sizeof a->v4;
}

#endif
