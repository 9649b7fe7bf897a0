/*
 * pcap_write.c - blocks of pcapng, written into the caller's buffer (draft-ietf-opsawg-pcapng, section 4).
 *
 * Little-endian, whatever this machine is: the order most readers meet most often. A block is written with
 * its length left open, which is filled in at both ends when it is known.
 */
#include "base/pcap.h"

enum { SECTION = 0x0a0d0d0a, IFACE = 1, STATS = 5, FRAME = 6 };
enum { OPT_END = 0, SHB_APPLICATION = 4, IF_NAME = 2, IF_RESOLUTION = 9, EPB_FLAGS = 2 };
enum { ISB_START = 2, ISB_END = 3, ISB_RECEIVED = 4, ISB_DROPPED = 5 };

static void le16(struct lan_wr *w, uint16_t v)
{
	lan_wr_bytes(w, (uint8_t[]){(uint8_t)v, (uint8_t)(v >> 8)}, 2);
}

static void le32(struct lan_wr *w, uint32_t v)
{
	le16(w, (uint16_t)v);
	le16(w, (uint16_t)(v >> 16));
}

static void padded(struct lan_wr *w, const void *p, size_t n)
{
	lan_wr_bytes(w, p, n);
	lan_wr_bytes(w, "\0\0\0", -n & 3);
}

static void option(struct lan_wr *w, uint16_t code, const void *p, size_t n)
{
	le16(w, code);
	le16(w, (uint16_t)n);
	padded(w, p, n);
}

static void option_text(struct lan_wr *w, uint16_t code, const char *text)
{
	option(w, code, text, strnlen(text, LAN_PCAP_NAME - 1));
}

/* Times are two halves, the high one first; other numbers of 64 bits are not. */
static void option_time(struct lan_wr *w, uint16_t code, uint64_t at)
{
	le16(w, code);
	le16(w, 8);
	le32(w, (uint32_t)(at >> 32));
	le32(w, (uint32_t)at);
}

static void option_64(struct lan_wr *w, uint16_t code, uint64_t v)
{
	le16(w, code);
	le16(w, 8);
	le32(w, (uint32_t)v);
	le32(w, (uint32_t)(v >> 32));
}

static size_t begin(struct lan_wr *w, uint32_t type)
{
	size_t at = w->off;
	le32(w, type);
	le32(w, 0);
	return at;
}

static void end(struct lan_wr *w, size_t at)
{
	size_t total = w->off + 4 - at;
	le16(w, OPT_END);
	le16(w, 0);
	total += 4;
	le32(w, (uint32_t)total);
	if (w->bad)
		return;
	struct lan_wr head = lan_wr_of(w->buf + at + 4, 4);
	le32(&head, (uint32_t)total);
}

void lan_pcap_put_section(struct lan_wr *w, const char *application)
{
	size_t at = begin(w, SECTION);
	le32(w, 0x1a2b3c4d);
	le16(w, 1);
	le16(w, 0);
	le32(w, UINT32_MAX); /* length of the section: not known */
	le32(w, UINT32_MAX);
	option_text(w, SHB_APPLICATION, application);
	end(w, at);
}

void lan_pcap_put_iface(struct lan_wr *w, const char *name, uint16_t linktype)
{
	size_t at = begin(w, IFACE);
	le16(w, linktype);
	le16(w, 0);
	le32(w, 0); /* frames are not cut off */
	option_text(w, IF_NAME, name);
	option(w, IF_RESOLUTION, "\x09", 1);
	end(w, at);
}

void lan_pcap_put_frame(struct lan_wr *w, uint32_t iface, uint64_t when, enum lan_pcap_way way,
	const void *frame, size_t n, uint32_t length)
{
	size_t at = begin(w, FRAME);
	le32(w, iface);
	le32(w, (uint32_t)(when >> 32));
	le32(w, (uint32_t)when);
	le32(w, (uint32_t)n);
	le32(w, length);
	padded(w, frame, n);
	if (way != LAN_PCAP_UNKNOWN) {
		le16(w, EPB_FLAGS);
		le16(w, 4);
		le32(w, way);
	}
	end(w, at);
}

void lan_pcap_put_stats(
	struct lan_wr *w, uint32_t iface, uint64_t start, uint64_t stop, uint64_t received, uint64_t dropped)
{
	size_t at = begin(w, STATS);
	le32(w, iface);
	le32(w, (uint32_t)(stop >> 32));
	le32(w, (uint32_t)stop);
	option_time(w, ISB_START, start);
	option_time(w, ISB_END, stop);
	option_64(w, ISB_RECEIVED, received);
	option_64(w, ISB_DROPPED, dropped);
	end(w, at);
}
