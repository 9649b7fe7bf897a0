/*
 * io_packet_end.h - for tests of raw frames: one receiving end that keeps what
 * it heard, and a raw socket that puts any octets on the wire.
 */
#ifndef LAN_TEST_PACKET_END_H
#define LAN_TEST_PACKET_END_H

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>
#include "io/packet.h"
#include "netns.h"

#define TYPE 0x88b5

static const uint8_t GROUP[6] = {0x01, 0x80, 0xc2, 0, 0, 0x0e}, OTHER[6] = {2, 0, 0, 0, 0, 0x99};

struct end {
	struct lan_packet *p;
	struct lan_packet_config cfg;
	unsigned heard, batches, broke;
	enum lan_err why;
	uint8_t last[LAN_PACKET_MAX + 64], src[6], dst[6];
	size_t last_n;
	void (*check)(struct end *e, const uint8_t *p, size_t n);
	uint32_t next; /* of `check` */
};

static struct lan_loop *loop;

static void end_frame(
	void *ctx, uint32_t ifindex, const uint8_t src[6], const uint8_t dst[6], const uint8_t *p, size_t n)
{
	struct end *e = ctx;
	assert_int_equal(ifindex, e->cfg.ifindex);
	assert_true(n <= LAN_PACKET_MAX);
	e->heard++;
	memcpy(e->src, src, 6);
	memcpy(e->dst, dst, 6);
	memcpy(e->last, p, n);
	e->last_n = n;
	if (e->check)
		e->check(e, p, n);
}

static void end_batch(void *ctx, uint32_t ifindex)
{
	struct end *e = ctx;
	assert_int_equal(ifindex, e->cfg.ifindex);
	e->batches++;
}

static void end_broken(void *ctx, uint32_t ifindex, enum lan_err why)
{
	struct end *e = ctx;
	assert_int_equal(ifindex, e->cfg.ifindex);
	e->broke++;
	e->why = why;
	lan_packet_close(e->p);
	e->p = NULL;
}

static struct end *end_new(const char *iface)
{
	struct end *e = calloc(1, sizeof *e);
	assert_non_null(e);
	e->cfg = (struct lan_packet_config){.ifindex = if_nametoindex(iface),
		.ethertype = TYPE,
		.groups = &GROUP,
		.n_groups = 1,
		.frame = end_frame,
		.batch_done = end_batch,
		.broken = end_broken,
		.ctx = e};
	return e;
}

static inline struct end *end_open(const char *iface)
{
	struct end *e = end_new(iface);
	assert_int_equal(lan_packet_open(loop, &e->cfg, &e->p), LAN_OK);
	return e;
}

static inline void end_close(struct end *e)
{
	lan_packet_close(e->p);
	lan_packet_settle();
	free(e);
}

static inline struct lan_packet_stats stats(struct end *e)
{
	struct lan_packet_stats s;
	lan_packet_stats(e->p, &s);
	return s;
}

/* Until it is so, or not within seconds. */
#define WAIT(cond)                                                 \
	do {                                                       \
		lan_time until_ = lan_loop_now(loop) + LAN_SEC(5); \
		while (!(cond) && lan_loop_now(loop) < until_)     \
			lan_loop_run(loop, LAN_MS(10));            \
		assert_true(cond);                                 \
	} while (0)

static inline void settle(void)
{
	for (int i = 0; i < 4; i++)
		lan_loop_run(loop, LAN_MS(10));
}

/* ---- the wire ---- */

static inline int raw_open(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	assert_true(fd >= 0);
	return fd;
}

/* These octets, beginning with the destination, leave by an interface. */
static void raw_send(int fd, const char *iface, const void *frame, size_t n)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
		.sll_protocol = htons(TYPE),
		.sll_ifindex = (int)if_nametoindex(iface),
		.sll_halen = 6};
	assert_int_equal(sendto(fd, frame, n, 0, (struct sockaddr *)&to, sizeof to), n);
}

/* A frame: destination, source 02:..:01, `tag` (NULL: none), EtherType, text. */
static inline void inject(
	int fd, const char *iface, const uint8_t to[6], const char *tag, int type, const char *text)
{
	uint8_t f[128];
	size_t n = 12;
	memcpy(f, to, 6);
	memcpy(f + 6, "\x02\0\0\0\0\x01", 6);
	if (tag) {
		memcpy(f + n, tag, 4);
		n += 4;
	}
	f[n++] = (uint8_t)(type >> 8);
	f[n++] = (uint8_t)type;
	memcpy(f + n, text, strlen(text));
	raw_send(fd, iface, f, n + strlen(text));
}

static inline bool heard(const struct end *e, const char *text)
{
	return e->last_n == strlen(text) && memcmp(e->last, text, e->last_n) == 0;
}

#endif
