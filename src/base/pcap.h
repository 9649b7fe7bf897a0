/*
 * pcap.h - captures of frames as files: writing pcapng, reading pcapng and classic pcap, in either byte
 * order. Pure: buffers in, buffers out, so that a live stream of a pipe is read like a file.
 *
 * Formats: draft-ietf-opsawg-pcapng (section header, interface description, enhanced, simple and the obsolete
 * packet block, interface statistics; other blocks are stepped over) and draft-ietf-opsawg-pcap (microseconds
 * and nanoseconds). Memory is bounded: LAN_PCAP_IFACES interfaces of a section, blocks of LAN_PCAP_BLOCK
 * octets. Whatever does not come out exactly is refused, with its offset and what is wrong.
 *
 * Why not libpcap: docs/decisions.
 */
#ifndef LAN_BASE_PCAP_H
#define LAN_BASE_PCAP_H

#include <lanyard/err.h>
#include "base/bytes.h"

#define LAN_PCAP_ETHERNET 1u           /* link type */
#define LAN_PCAP_FRAME    (256u << 10) /* octets of the longest frame read */
#define LAN_PCAP_BLOCK    (1u << 20)   /* of the longest block that is read as a whole */
#define LAN_PCAP_IFACES   4096u        /* in one section */
#define LAN_PCAP_NAME     64           /* octets of a name, with its NUL; longer ones are cut off */

enum lan_pcap_way { LAN_PCAP_UNKNOWN = 0, LAN_PCAP_IN = 1, LAN_PCAP_OUT = 2 };

/* ---- writing: little-endian, nanoseconds. Sticky failure of `w`: too small. */

/* Every file begins with this. */
void lan_pcap_put_section(struct lan_wr *w, const char *application);
/* Interfaces are numbered from 0 in the order in which they are put. */
void lan_pcap_put_iface(struct lan_wr *w, const char *name, uint16_t linktype);
/* `at`: nanoseconds since 1970. `length`: what the frame had before it was cut to n octets. */
#define LAN_PCAP_OVERHEAD 48 /* octets at most around a frame of n */
void lan_pcap_put_frame(struct lan_wr *w, uint32_t iface, uint64_t at, enum lan_pcap_way way,
	const void *frame, size_t n, uint32_t length);
void lan_pcap_put_stats(
	struct lan_wr *w, uint32_t iface, uint64_t start, uint64_t end, uint64_t received, uint64_t dropped);

/* ---- reading */

enum lan_pcap_result {
	LAN_PCAP_MORE, /* give the octets from *used on again, and at least `need` in all */
	LAN_PCAP_FRAME_READ,
	LAN_PCAP_STATS_READ,
	LAN_PCAP_END, /* in good order */
	LAN_PCAP_CUT, /* it ends inside a block, which begins at `bad_at` */
	LAN_PCAP_BAD  /* at `bad_at`: `why`. For good */
};

/* One frame, or what an interface counted; pointers are views until the next call. */
struct lan_pcap_item {
	uint32_t iface;
	const char *ifname; /* "": not told */
	uint32_t linktype;
	uint64_t at;
	enum lan_pcap_way way;
	const uint8_t *data;
	uint32_t len, length;       /* octets here; octets of the frame on the wire */
	uint64_t received, dropped; /* statistics; UINT64_MAX: not told */
};

struct lan_pcap_iface {
	char name[LAN_PCAP_NAME];
	uint32_t linktype, snaplen;
	uint8_t resolution; /* 10^-n s, or with the high bit 2^-n */
	int64_t offset;     /* seconds */
};

struct lan_pcap {
	enum { LAN_PCAP_NEW = 0, LAN_PCAP_CLASSIC, LAN_PCAP_NG } format;
	bool big;
	uint64_t off;  /* in the file, of the next octet */
	size_t need;   /* with LAN_PCAP_MORE */
	uint64_t skip; /* of a block that is stepped over, its last 4 octets included */
	uint32_t total;
	uint64_t block_at;
	struct lan_pcap_iface *ifaces;
	uint32_t n_ifaces, cap_ifaces;
	enum lan_pcap_result final;
	uint64_t bad_at;
	const char *why;
};

void lan_pcap_init(struct lan_pcap *r);
void lan_pcap_fini(struct lan_pcap *r);
/* The next thing in n octets at p, which follow those used so far; `end`: nothing follows them. *used of them
 * are done with. */
enum lan_pcap_result lan_pcap_next(
	struct lan_pcap *r, const uint8_t *p, size_t n, bool end, size_t *used, struct lan_pcap_item *out);

#endif
