/*
 * mcast_recv.c - datagrams in: batches of the kernel (recvmmsg), within them
 * batches of the wire (UDP_GRO), one by one to the owner.
 *
 * The owner is asked before each datagram whether it has room. If not, the
 * rest of the batch is parked where it is and the socket left alone until
 * lan_mcast_resume. A turn of the loop reads a bounded amount, so that a flood
 * starves nobody. Refused, with a counter each: what came in by an interface
 * that is not joined, to another address, from an address that is not one of
 * `sources`, or longer than a datagram can be.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "io/errno_map.h"
#include "io/mcast_int.h"
#include "io/udp_msg.h"

/* What one turn reads at most. The application pulls at the end of a turn: what it gets should still be in
 * the cache. */
#define TURN_SLOTS 1024
#define TURN_BYTES (256u << 10)

/* Slots asked for after a batch of large ones: what was read should still be in the cache. */
#define FEW_SLOTS 8

struct mcast_rx {
	struct mmsghdr msgs[MCAST_SLOTS];
	struct iovec iov[MCAST_SLOTS];
	union lan_sockaddr from[MCAST_SLOTS];
	_Alignas(struct cmsghdr) uint8_t control[MCAST_SLOTS][MCAST_CONTROL];
	uint8_t *buf;   /* MCAST_SLOTS of MCAST_SLOT bytes; pages that are not used cost nothing */
	unsigned ask;   /* slots of the next call */
	unsigned dirty; /* slots whose headers the kernel has written to */
	unsigned n, at; /* slots filled; the one to go on with */
	size_t off;     /* in slot `at` */
	size_t segment; /* of slot `at`; 0: not looked at yet */
	uint32_t ifindex;
	struct mcast_row *row;
};

enum lan_err mcast_rx_new(struct lan_mcast *m)
{
	struct mcast_rx *rx = calloc(1, sizeof *rx);
	uint8_t *buf = malloc((size_t)MCAST_SLOTS * MCAST_SLOT);
	if (!rx || !buf) {
		free(rx);
		free(buf);
		return LAN_ERR_NOMEM;
	}
	rx->buf = buf;
	rx->ask = rx->dirty = MCAST_SLOTS;
	for (unsigned i = 0; i < MCAST_SLOTS; i++) {
		rx->iov[i] = (struct iovec){.iov_base = buf + (size_t)i * MCAST_SLOT, .iov_len = MCAST_SLOT};
		rx->msgs[i].msg_hdr = (struct msghdr){.msg_name = &rx->from[i],
			.msg_iov = &rx->iov[i],
			.msg_iovlen = 1,
			.msg_control = rx->control[i]};
	}
	m->rx = rx;
	return LAN_OK;
}

void mcast_rx_free(struct lan_mcast *m)
{
	if (m->rx)
		free(m->rx->buf);
	free(m->rx);
	m->rx = NULL;
}

bool mcast_rx_parked(const struct lan_mcast *m)
{
	return m->rx->at < m->rx->n;
}

/* ---- judging ---------------------------------------------------------------- */

static void on_drops(struct lan_mcast *m, uint32_t total)
{
	m->stats.kernel_drops += (uint32_t)(total - m->drops);
	m->drops = total;
}

static struct mcast_row *joined_row(struct lan_mcast *m, uint32_t ifindex)
{
	for (size_t i = 0; i < m->n_rows; i++)
		if (m->rows[i].index == ifindex && m->rows[i].joined)
			return &m->rows[i];
	return NULL;
}

static bool is_source(const struct lan_mcast *m, const union lan_sockaddr *from)
{
	for (size_t i = 0; i < m->n_sources; i++)
		if (mcast_same_addr(&m->sources[i], from))
			return true;
	return m->n_sources == 0;
}

/* Whether slot `at` is for us; how it is to be cut. Refused ones are counted as many as they are. */
static bool judge(struct lan_mcast *m, struct mcast_rx *rx)
{
	struct mmsghdr *msg = &rx->msgs[rx->at];
	struct udp_about a = {.segment = 0};
	udp_msg_read(&msg->msg_hdr, &a);
	if (a.have_drops)
		on_drops(m, a.drops);
	rx->segment = a.segment && a.segment < msg->msg_len ? a.segment : msg->msg_len ? msg->msg_len : 1;
	uint64_t count = msg->msg_len ? (msg->msg_len + rx->segment - 1) / rx->segment : 1;
	rx->ifindex = a.ifindex;
	rx->row = joined_row(m, a.ifindex);
	uint64_t *refused = NULL;
	if (msg->msg_hdr.msg_flags & MSG_TRUNC)
		refused = &m->stats.truncated;
	else if (!a.have_to || !mcast_same_addr(&a.to, &m->group))
		refused = &m->stats.wrong_group;
	else if (!rx->row)
		refused = &m->stats.wrong_iface;
	else if (!is_source(m, &rx->from[rx->at]))
		refused = &m->stats.wrong_source;
	if (refused) {
		*refused += count;
		return false;
	}
	m->stats.rx_datagrams += count;
	rx->row->rx_datagrams += count;
	return true;
}

/* ---- handing over -------------------------------------------------------------- */

static void next_slot(struct mcast_rx *rx)
{
	rx->at++;
	rx->off = rx->segment = 0;
}

/* False: the owner has no more room; the rest is parked. */
static bool hand_over(struct lan_mcast *m)
{
	struct mcast_rx *rx = m->rx;
	while (rx->at < rx->n) {
		if (!rx->segment && !judge(m, rx)) {
			next_slot(rx);
			continue;
		}
		uint8_t *slot = rx->iov[rx->at].iov_base;
		size_t len = rx->msgs[rx->at].msg_len;
		do { /* an empty datagram is one, too */
			if (!m->cfg.open(m->cfg.ctx))
				return false;
			size_t n = len - rx->off < rx->segment ? len - rx->off : rx->segment;
			uint8_t *at = slot + rx->off;
			rx->off += n;
			m->cfg.datagram(m->cfg.ctx, &rx->from[rx->at], rx->ifindex, at, n);
		} while (rx->off < len);
		next_slot(rx);
	}
	return true;
}

/* One batch from the kernel; how many bytes. */
static size_t read_batch(struct lan_mcast *m)
{
	struct mcast_rx *rx = m->rx;
	for (unsigned i = 0; i < rx->dirty; i++) {
		rx->msgs[i].msg_hdr.msg_namelen = sizeof rx->from[i];
		rx->msgs[i].msg_hdr.msg_controllen = MCAST_CONTROL;
	}
	int n;
	do
		n = recvmmsg(m->fd, rx->msgs, rx->ask, MSG_DONTWAIT, NULL);
	while (n < 0 && errno == EINTR);
	rx->n = n > 0 ? (unsigned)n : 0;
	rx->dirty = rx->n;
	rx->at = 0;
	rx->off = rx->segment = 0;
	size_t bytes = 0;
	for (unsigned i = 0; i < rx->n; i++)
		bytes += rx->msgs[i].msg_len;
	return bytes;
}

void mcast_rx_read(struct lan_mcast *m)
{
	struct mcast_rx *rx = m->rx;
	unsigned slots = 0;
	size_t bytes = 0;
	bool full = true;
	while (full && slots < TURN_SLOTS && bytes < TURN_BYTES) {
		if (!mcast_rx_parked(m)) {
			if (!m->cfg.open(m->cfg.ctx)) {
				m->paused = true;
				break;
			}
			size_t got = read_batch(m);
			if (rx->n == 0)
				break;
			full = rx->n == rx->ask;
			slots += rx->n;
			bytes += got;
			rx->ask = got / rx->n > MCAST_SLOT / 8 ? FEW_SLOTS : MCAST_SLOTS;
		}
		m->paused = !hand_over(m);
		m->cfg.batch_done(m->cfg.ctx);
		if (m->paused)
			break;
	}
	mcast_interest(m);
}
