/*
 * mcast_send.c - datagrams out, on every joined interface: many of one size in
 * one system call with segmentation offload (UDP_SEGMENT), else sendmmsg, else,
 * with offload switched off, one sendto each.
 *
 * An interface that refuses offload (no checksums there, segments above its
 * MTU) gets single datagrams from then on; the kernel cuts what is above the
 * MTU into IP fragments. An interface that refuses to send is counted, and the
 * owner told when it has refused for a second. Only a full socket stops the
 * rest: each row then remembers how far it is, so that nothing is sent twice.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include "io/errno_map.h"
#include "io/mcast_int.h"
#include "io/udp_msg.h"

#define UDP_MAX 65507

/* An interface that has refused for so long is worth a word. */
#define PERSISTS LAN_SEC(1)

/* Pause when the kernel has no memory: the socket would say at once that it is writable. */
#define BREATH LAN_MS(1)

/* A message to one interface, with room for its control data. */
struct tx {
	struct msghdr h;
	union lan_sockaddr to;
	_Alignas(struct cmsghdr)
		uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
};

static void put(struct tx *t, int level, int type, const void *data, size_t n)
{
	udp_msg_put(&t->h, t->control, level, type, data, n);
}

/* Control data only where the socket's own settings would not do. */
static void address(const struct lan_mcast *m, const struct mcast_row *r, struct tx *t)
{
	memset(&t->h, 0, sizeof t->h);
	t->to = m->group;
	t->h.msg_name = &t->to;
	t->h.msg_namelen = lan_sockaddr_len(&t->to);
	if (r->index == m->default_if)
		return;
	if (mcast_v6(m)) {
		struct in6_pktinfo p = {.ipi6_ifindex = r->index};
		t->to.v6.sin6_scope_id = r->index;
		put(t, IPPROTO_IPV6, IPV6_PKTINFO, &p, sizeof p);
	} else {
		struct in_pktinfo p = {.ipi_ifindex = (int)r->index};
		if (r->src.any.sa_family == AF_INET)
			p.ipi_spec_dst = r->src.v4.sin_addr;
		put(t, IPPROTO_IP, IP_PKTINFO, &p, sizeof p);
	}
}

static int send_one(int fd, struct tx *t, const uint8_t *buf, size_t n)
{
	ssize_t r;
	if (t->h.msg_controllen == 0) {
		do
			r = sendto(fd, buf, n, MSG_DONTWAIT, &t->to.any, t->h.msg_namelen);
		while (r < 0 && errno == EINTR);
		return r < 0 ? errno : 0;
	}
	struct iovec iov = {.iov_base = (void *)buf, .iov_len = n};
	t->h.msg_iov = &iov;
	t->h.msg_iovlen = 1;
	do
		r = sendmsg(fd, &t->h, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	return r < 0 ? errno : 0;
}

/* All of it in one call. */
static int send_segmented(int fd, const struct tx *base, const uint8_t *buf, size_t n, size_t segment)
{
	struct tx t = *base;
	uint16_t size = (uint16_t)segment;
	t.h.msg_name = &t.to;
	put(&t, SOL_UDP, UDP_SEGMENT, &size, sizeof size);
	return send_one(fd, &t, buf, n);
}

/* Up to MCAST_SEGMENTS in one call; *sent bytes of them left. */
static int send_many(int fd, struct tx *t, const uint8_t *buf, size_t n, size_t segment, size_t *sent)
{
	struct mmsghdr msgs[MCAST_SEGMENTS];
	struct iovec iov[MCAST_SEGMENTS];
	unsigned k = 0;
	int r;
	for (size_t off = 0; off < n && k < MCAST_SEGMENTS; off += segment, k++) {
		iov[k] = (struct iovec){
			.iov_base = (void *)(buf + off), .iov_len = n - off < segment ? n - off : segment};
		msgs[k].msg_hdr = t->h;
		msgs[k].msg_hdr.msg_iov = &iov[k];
		msgs[k].msg_hdr.msg_iovlen = 1;
	}
	do
		r = sendmmsg(fd, msgs, k, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	*sent = 0;
	if (r < 0)
		return errno;
	for (int i = 0; i < r; i++)
		*sent += iov[i].iov_len;
	return 0;
}

/* ---- one interface -------------------------------------------------------------- */

static bool is_full(int err)
{
	return err == EAGAIN || err == EWOULDBLOCK || err == ENOBUFS || err == ENOMEM;
}

/* The kernel's words for "not with offload, not here". */
static bool refuses_offload(int err)
{
	return err == EIO || err == EINVAL || err == EMSGSIZE || err == EOPNOTSUPP || err == ENOPROTOOPT;
}

static uint64_t datagrams(size_t n, size_t segment)
{
	return n <= segment ? 1 : (n + segment - 1) / segment;
}

static void went_well(struct lan_mcast *m, struct mcast_row *r, uint64_t count)
{
	r->tx_datagrams += count;
	m->stats.tx_datagrams += count;
	if (r->failing) {
		r->failing = 0;
		mcast_row_state(m, r, LAN_OK);
	}
}

static void went_wrong(struct lan_mcast *m, struct mcast_row *r, uint64_t count, int err)
{
	lan_time now = lan_loop_stamp(m->loop);
	r->tx_errors += count;
	m->stats.tx_errors += count;
	if (!r->failing)
		r->failing = now;
	else if (now - r->failing >= PERSISTS)
		mcast_row_state(m, r, lan_err_from_errno(err));
}

static bool offload_fits(const struct lan_mcast *m, const struct mcast_row *r, size_t segment)
{
	size_t headers = mcast_v6(m) ? 48 : 28;
	return m->cfg.offload && !r->no_gso && (r->mtu == 0 || segment + headers <= r->mtu);
}

/* Send what is next of this row: *sent bytes are done with, sent or refused. 0 or an errno that says full. */
static int step(struct lan_mcast *m, struct mcast_row *r, struct tx *t, const uint8_t *buf, size_t n,
	size_t segment, size_t *sent)
{
	int err;
	if (n > segment && offload_fits(m, r, segment)) {
		err = send_segmented(m->fd, t, buf, n, segment);
		if (!refuses_offload(err))
			goto judged;
		r->no_gso = true;
	}
	if (n > segment && m->cfg.offload) {
		err = send_many(m->fd, t, buf, n, segment, sent);
		n = err ? segment : *sent;
	} else {
		n = n < segment ? n : segment;
		err = send_one(m->fd, t, buf, n);
	}
judged:
	if (is_full(err))
		return err;
	if (err)
		went_wrong(m, r, datagrams(n, segment), err);
	else
		went_well(m, r, datagrams(n, segment));
	*sent = n;
	return 0;
}

static int send_row(
	struct lan_mcast *m, struct mcast_row *r, const uint8_t *buf, size_t total, size_t segment)
{
	struct tx t;
	address(m, r, &t);
	do {
		size_t sent = 0;
		int err = step(m, r, &t, buf + r->sent, total - r->sent, segment, &sent);
		if (err)
			return err;
		r->sent += sent;
	} while (r->sent < total);
	return 0;
}

/* ---- face -------------------------------------------------------------------------- */

/* Rows that have all of it keep `sent` until the last row has, too. */
static void begin(struct lan_mcast *m)
{
	for (size_t i = 0; i < m->n_rows; i++) {
		m->rows[i].sent = 0;
		m->rows[i].done = false;
	}
}

static enum lan_err wait_for_room(struct lan_mcast *m, int err)
{
	m->blocked = true;
	if (err == ENOBUFS || err == ENOMEM)
		lan_deadline_arm(m->loop, &m->breath, lan_loop_now(m->loop) + BREATH);
	else
		m->want_out = true;
	mcast_interest(m);
	return LAN_ERR_AGAIN;
}

enum lan_err lan_mcast_send(struct lan_mcast *m, const uint8_t *buf, size_t total, size_t segment)
{
	bool any = false;
	assert(total <= UDP_MAX && total <= segment * MCAST_SEGMENTS);
	if (!m->blocked)
		begin(m);
	for (size_t i = 0; i < m->n_rows; i++) {
		struct mcast_row *r = &m->rows[i];
		if (!r->joined)
			continue;
		any = true;
		int err = r->done ? 0 : send_row(m, r, buf, total, segment);
		if (err)
			return wait_for_room(m, err);
		r->done = true;
	}
	m->blocked = false;
	if (!any)
		m->stats.tx_errors += datagrams(total, segment);
	return LAN_OK;
}
