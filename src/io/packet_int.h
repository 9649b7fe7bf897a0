/*
 * packet_int.h - what the files of io/packet share.
 *
 * A link that takes part in the switch between recvmmsg and the ring has two sockets while it is busy: the
 * plain one, which is always there, and one with the ring. Both are members of one fanout group, whose
 * program says to which of the two the kernel gives a frame: changing that program is the switch, and each
 * frame goes to exactly one of them. (A ring set up on a socket that is in use loses what waits in it and
 * what comes meanwhile.) The plain socket goes on for senders that are known, see packet_steer.c.
 */
#ifndef LAN_IO_PACKET_INT_H
#define LAN_IO_PACKET_INT_H

#include <linux/if_packet.h>
#include "io/packet.h"
#include "io/watch.h"

#define PACKET_HEADER 14 /* octets: destination, source, EtherType */

/* In which order the sockets of a link joined its group. */
enum packet_to { PACKET_TO_PLAIN = 0, PACKET_TO_RING = 1 };

/* Of that many senders on a link the frames may have their own way. */
#define PACKET_KNOWN 32

struct packet_known {
	unsigned n;
	uint8_t mac[PACKET_KNOWN][6];
};

struct packet_ring;

struct lan_packet {
	struct lan_watch watch; /* the first member: it outlives the rest */
	struct lan_loop *loop;
	struct lan_packet_config cfg;
	struct lan_packet_stats stats;
	struct lan_deadline look; /* is the interface gone, or the ring not needed any more? */
	lan_time wait;            /* the last pause before a look at an interface that is down; 0: it is up */
	lan_time window;          /* since when frames are counted .. */
	lan_time no_ring;         /* not before this moment: it failed, or was there until now */
	struct packet_ring *ring; /* NULL: read by recvmmsg */
	uint32_t in_window;       /* .. and how many came to the plain socket */
	int fd;
	uint8_t ask;  /* slots of the next recvmmsg */
	bool grouped; /* in a fanout group */
};

/* What the kernel says about a frame. */
struct packet_about {
	const struct sockaddr_ll *ll;
	uint16_t tci; /* VLAN tag; 0: none, or one that only says a priority */
	bool cut;     /* longer than what is here */
};

/* packet.c */
/* Judge a frame, Ethernet header first, and hand it over. */
void packet_take(struct lan_packet *p, const struct packet_about *a, const uint8_t *frame, size_t n);
/* All that waits in the plain socket. */
void packet_drain(struct lan_packet *p);
/* The socket said an error. False: the link is broken, its owner was told, it may be closed: do not touch. */
bool packet_judge_error(struct lan_packet *p, int fd);
/* The common part of both sockets: not bound yet, the kernel's filter on. An errno, 0: *fd. */
int packet_socket(const struct lan_packet *p, bool deaf, int *fd);
int packet_listen(int fd, uint16_t ethertype); /* until now it was deaf */
int packet_bind(const struct lan_packet *p, int fd);
uint64_t packet_drops(int fd); /* since the last time */

/* packet_ring.c */
bool packet_group_join(struct lan_packet *p);
void packet_ring_enter(struct lan_packet *p);  /* if it can be had */
void packet_ring_look(struct lan_packet *p);   /* the deadline */
void packet_ring_spared(struct lan_packet *p); /* many frames come to the plain socket nevertheless */
void packet_ring_close(struct lan_packet *p);  /* at once, with what is in it */
bool packet_ring_used(const struct lan_packet *p);
uint64_t packet_ring_drops(const struct lan_packet *p);

/* packet_steer.c */
/* Frames go there from now on; those of known senders to the plain socket in any case. False: as before. */
bool packet_steer(const struct lan_packet *p, enum packet_to to, const struct packet_known *known);

/* packet_close.c */
/* Close a packet socket, which takes the kernel long, elsewhere. */
void packet_let_go(int fd);

#endif
