/*
 * io_mcast_end.h - one member of a group for tests: it keeps what it heard and
 * what it was told, and takes datagrams only while it is asked to.
 */
#ifndef LAN_TEST_MCAST_END_H
#define LAN_TEST_MCAST_END_H

#include <arpa/inet.h>
#include <net/if.h>
#include <unistd.h>
#include "io/mcast.h"
#include "netns.h"

struct end {
	struct lan_mcast *m;
	struct lan_mcast_config cfg;
	const char *ifaces[8], *sources[32];
	unsigned heard, batches, writable;
	unsigned room; /* datagrams that may still be handed over */
	uint8_t last[65536];
	size_t last_n;
	union lan_sockaddr from;
	uint32_t ifindex;
	char said[512]; /* "+v0 " joined, "-v0 " not */
	void (*check)(struct end *e, const uint8_t *buf, size_t n);
};

static struct lan_loop *loop;

static void end_datagram(void *ctx, const union lan_sockaddr *from, uint32_t ifindex, uint8_t *buf, size_t n)
{
	struct end *e = ctx;
	assert_true(e->room > 0);
	e->room--;
	if (e->check)
		e->check(e, buf, n);
	e->heard++;
	e->from = *from;
	e->ifindex = ifindex;
	memcpy(e->last, buf, n);
	e->last_n = n;
	memset(buf, 0xee, n); /* the memory is ours during the call */
}

static bool end_open(void *ctx)
{
	return ((struct end *)ctx)->room > 0;
}

static void end_batch(void *ctx)
{
	((struct end *)ctx)->batches++;
}

static void end_iface(void *ctx, const char *name, enum lan_err err)
{
	struct end *e = ctx;
	size_t n = strlen(e->said);
	snprintf(e->said + n, sizeof e->said - n, "%c%s ", err ? '-' : '+', name);
}

static void end_writable(void *ctx)
{
	((struct end *)ctx)->writable++;
}

static struct end *end_new(const char *address, const char *iface)
{
	struct end *e = calloc(1, sizeof *e);
	assert_non_null(e);
	e->room = UINT32_MAX;
	e->ifaces[0] = iface;
	e->cfg = (struct lan_mcast_config){.address = address,
		.ifaces = e->ifaces,
		.n_ifaces = iface ? 1 : 0,
		.sources = e->sources,
		.ttl = 1,
		.loopback = true,
		.offload = true,
		.datagram = end_datagram,
		.open = end_open,
		.batch_done = end_batch,
		.iface = end_iface,
		.ctx = e};
	return e;
}

static struct end *end_start(struct end *e)
{
	const char *why = "nothing was said";
	enum lan_err err = lan_mcast_open(loop, &e->cfg, &e->m, &why);
	if (err)
		fail_msg("%s: %s", lan_err_name(err), why);
	lan_mcast_on_writable(e->m, end_writable);
	return e;
}

static struct end *end_open_on(const char *address, const char *iface)
{
	return end_start(end_new(address, iface));
}

static void end_close(struct end *e)
{
	lan_mcast_close(e->m);
	free(e);
}

/* Let pass what is on its way. */
static void settle(void)
{
	for (int i = 0; i < 4; i++)
		lan_loop_run(loop, LAN_MS(10));
}

/* Wait until the condition holds, two seconds at most. */
#define WAIT(condition)                                                                        \
	do {                                                                                   \
		lan_time until_ = lan_loop_now(loop) + LAN_SEC(2);                             \
		while (!(condition) && lan_loop_now(loop) < until_)                            \
			lan_loop_run(loop, LAN_MS(20));                                        \
		if (!(condition))                                                              \
			fail_msg("%s:%d: never happened: %s", __FILE__, __LINE__, #condition); \
	} while (0)

static void say(struct end *e, const char *text)
{
	assert_int_equal(lan_mcast_send(e->m, (const uint8_t *)text, strlen(text), strlen(text)), LAN_OK);
}

static bool heard(const struct end *e, const char *text)
{
	return e->last_n == strlen(text) && memcmp(e->last, text, e->last_n) == 0;
}

static struct lan_mcast_stats stats(const struct end *e)
{
	struct lan_mcast_stats s;
	lan_mcast_stats(e->m, &s);
	return s;
}

#endif
