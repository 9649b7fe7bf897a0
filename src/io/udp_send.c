/*
 * udp_send.c - datagrams out, see udp.h: they lie one behind the other in one buffer and leave by sendmmsg,
 * in order. Neighbours in the batch that go to the same peer and have the same size are one message that the
 * kernel cuts (UDP_SEGMENT, udp(7)): what a peer with many requests under way is answered costs little more
 * than one datagram. What the peer gets is the same.
 *
 * sendmmsg tells an error only if it is about its first message, or about an earlier one of which ICMP spoke
 * meanwhile; the latter are in the socket's error queue, and the message is tried again. Of a message of
 * several datagrams the first is then cut off and tried alone: an error is about one datagram.
 *
 * A full socket stops the batch until there is room, but not for ever: a device that takes nothing for
 * some time loses what waits for it, since the peers have long given up.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>
#include "io/errno_map.h"
#include "io/udp_int.h"

/* Pause when the kernel's memory is full: the socket would say at once that it is writable. */
#define BREATH LAN_MS(1)

/* How long the batch waits for room, at most. */
#define PATIENCE LAN_MS(100)

/* How often a datagram is tried after errors that were about others. */
#define TRIES 16

void udp_tx_init(struct lan_udp *u)
{
	int none = 0;
	u->tx.head = u->tx.end = 1;
	u->tx.single = setsockopt(u->fd, SOL_UDP, UDP_SEGMENT, &none, sizeof none) != 0;
}

uint8_t *lan_udp_room(struct lan_udp *u)
{
	struct udp_tx *t = &u->tx;
	return t->end <= UDP_SLOTS && t->used + LAN_UDP_MAX <= sizeof t->buf ? t->buf + t->used : NULL;
}

/* In the family of the socket. False: it cannot be. */
static bool translate(const struct lan_udp *u, const union lan_sockaddr *to, union lan_sockaddr *out)
{
	if (to->any.sa_family == AF_INET6) {
		*out = *to;
		return u->v6;
	}
	if (!u->v4)
		return false;
	if (!u->v6) {
		*out = *to;
		return true;
	}
	memset(&out->v6, 0, sizeof out->v6);
	out->v6.sin6_family = AF_INET6;
	out->v6.sin6_port = to->v4.sin_port;
	out->v6.sin6_addr.s6_addr[10] = out->v6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(&out->v6.sin6_addr.s6_addr[12], &to->v4.sin_addr, 4);
	return true;
}

static void put_path(
	const struct lan_udp *u, struct msghdr *h, void *control, const struct lan_udp_path *path)
{
	static const uint8_t none[16];
	if (!u->any || (!path->ifindex && !memcmp(path->local, none, 16)))
		return;
	if (u->v6) {
		struct in6_pktinfo p = {.ipi6_ifindex = path->ifindex};
		memcpy(&p.ipi6_addr, path->local, 16);
		udp_msg_put(h, control, IPPROTO_IPV6, IPV6_PKTINFO, &p, sizeof p);
	} else {
		struct in_pktinfo p = {.ipi_ifindex = (int)path->ifindex};
		memcpy(&p.ipi_spec_dst, path->local + 12, 4);
		udp_msg_put(h, control, IPPROTO_IP, IP_PKTINFO, &p, sizeof p);
	}
}

/* Whether message `i`, which is complete, goes where the one before it goes, and may be its tail. */
static bool follows(const struct udp_tx *t, unsigned i)
{
	unsigned b = i - 1;
	size_t len = t->iov[b].iov_len, n = t->iov[i].iov_len;
	return !t->single && i > t->head && t->parts[b] < UDP_SEGMENTS && n && n <= t->segment[b] &&
	       t->segment[b] <= UDP_MERGED && len == (size_t)t->segment[b] * t->parts[b] &&
	       t->msgs[b].msg_hdr.msg_namelen == t->msgs[i].msg_hdr.msg_namelen &&
	       !memcmp(&t->to[b], &t->to[i], t->msgs[i].msg_hdr.msg_namelen) && t->about[b] == t->about[i] &&
	       !memcmp(t->control[b], t->control[i], t->about[i]);
}

/* How the control data ends: a size only if the message is to be cut. */
static void put_segment(struct udp_tx *t, unsigned i)
{
	struct msghdr *h = &t->msgs[i].msg_hdr;
	h->msg_control = t->about[i] ? t->control[i] : NULL;
	h->msg_controllen = t->about[i];
	if (t->parts[i] > 1)
		udp_msg_put(h, t->control[i], SOL_UDP, UDP_SEGMENT, &t->segment[i], sizeof t->segment[i]);
}

enum lan_err lan_udp_add(
	struct lan_udp *u, const union lan_sockaddr *to, const struct lan_udp_path *path, size_t n)
{
	struct udp_tx *t = &u->tx;
	unsigned i = t->end;
	if (!translate(u, to, &t->to[i]))
		return LAN_ERR_ADDR;
	t->iov[i] = (struct iovec){.iov_base = t->buf + t->used, .iov_len = n};
	t->msgs[i].msg_hdr = (struct msghdr){.msg_name = &t->to[i],
		.msg_namelen = lan_sockaddr_len(&t->to[i]),
		.msg_iov = &t->iov[i],
		.msg_iovlen = 1};
	if (path)
		put_path(u, &t->msgs[i].msg_hdr, t->control[i], path);
	t->about[i] = (uint16_t)t->msgs[i].msg_hdr.msg_controllen;
	t->segment[i] = (uint16_t)n;
	t->parts[i] = 1;
	t->used += n;
	if (!follows(t, i)) {
		t->end++;
		return LAN_OK;
	}
	t->iov[i - 1].iov_len += n;
	t->parts[i - 1]++;
	put_segment(t, i - 1);
	return LAN_OK;
}

/* The first datagram of the message at `head` becomes a message of its own. False: it is one. */
static bool cut(struct udp_tx *t)
{
	unsigned i = t->head, one = i - 1;
	if (t->parts[i] < 2)
		return false;
	t->segment[one] = t->segment[i];
	t->parts[one] = 1;
	t->about[one] = t->about[i];
	t->to[one] = t->to[i];
	memcpy(t->control[one], t->control[i], t->about[i]);
	t->iov[one] = (struct iovec){t->iov[i].iov_base, t->segment[i]};
	t->msgs[one].msg_hdr = (struct msghdr){.msg_name = &t->to[one],
		.msg_namelen = t->msgs[i].msg_hdr.msg_namelen,
		.msg_iov = &t->iov[one],
		.msg_iovlen = 1};
	t->iov[i].iov_base = (uint8_t *)t->iov[i].iov_base + t->segment[i];
	t->iov[i].iov_len -= t->segment[i];
	t->parts[i]--;
	put_segment(t, i);
	put_segment(t, one);
	t->head = one;
	t->tries = 0;
	return true;
}

/* As many as the kernel takes; 0, or the error of the datagram at `head`. */
static int send_some(struct lan_udp *u)
{
	struct udp_tx *t = &u->tx;
	int r;
	do
		r = sendmmsg(u->fd, t->msgs + t->head, t->end - t->head, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno;
	for (int i = 0; i < r; i++)
		u->stats.tx_datagrams += t->parts[t->head++];
	if (r > 0) {
		t->tries = 0;
		u->stuck = 0;
	}
	return 0;
}

static void drop_first(struct lan_udp *u, int err)
{
	struct udp_tx *t = &u->tx;
	union lan_sockaddr to = t->to[t->head++];
	t->tries = 0;
	u->stats.tx_errors++;
	udp_canonical(&to);
	if (u->cfg.failed)
		u->cfg.failed(u->cfg.ctx, &to, lan_err_from_errno(err));
}

/* Whether this error is about room that may come. */
static bool wait_for_room(struct lan_udp *u, int err)
{
	bool full = err == EAGAIN || err == EWOULDBLOCK;
	if (!full && err != ENOBUFS && err != ENOMEM)
		return false;
	lan_time now = lan_loop_now(u->loop);
	if (!u->stuck)
		u->stuck = now;
	if (now - u->stuck >= PATIENCE)
		return false;
	u->want_out = full;
	udp_interest(u);
	lan_deadline_arm(u->loop, &u->breath, full ? u->stuck + PATIENCE : now + BREATH);
	return true;
}

/* The address it was to leave from may be ours no more: then from any. */
static bool without_path(struct lan_udp *u, int err)
{
	struct msghdr *h = &u->tx.msgs[u->tx.head].msg_hdr;
	if (!h->msg_controllen || (err != EINVAL && err != EADDRNOTAVAIL && err != ENODEV))
		return false;
	h->msg_control = NULL;
	h->msg_controllen = 0;
	return true;
}

/* The error was about what is at `head`, or about an earlier datagram: then it is tried again. */
static void sort_out(struct lan_udp *u, int err)
{
	struct udp_tx *t = &u->tx;
	bool again = !u->stuck && t->tries++ < TRIES;
	if (again && udp_errors(u))
		return;
	if (err == EIO || err == EOPNOTSUPP) /* udp(7): a device that computes no checksums */
		t->single = true;
	if (!cut(t) && !(again && without_path(u, err)))
		drop_first(u, err);
}

enum lan_err lan_udp_flush(struct lan_udp *u)
{
	struct udp_tx *t = &u->tx;
	while (t->head < t->end) {
		int err = send_some(u);
		if (!err)
			continue;
		if (wait_for_room(u, err))
			return LAN_ERR_AGAIN;
		sort_out(u, err);
	}
	t->head = t->end = 1;
	t->used = 0;
	u->stuck = 0;
	return LAN_OK;
}

void udp_tx_wake(struct lan_udp *u)
{
	u->want_out = false;
	lan_deadline_arm(u->loop, &u->breath, LAN_NEVER);
	if (u->cfg.writable)
		u->cfg.writable(u->cfg.ctx);
	udp_interest(u);
}
