/*
 * mcast.c - the limit for the channels: a bare loop of sendto and recv to a
 * multicast group, or with -o of sendmsg with UDP_SEGMENT and recvmsg with
 * UDP_GRO. No encryption, no sequence, no repair. Flag m: the sender is a member
 * of the group as well and takes what it hears of itself from the kernel, which
 * is what a member of a channel has to do on the loopback interface.
 */
#include "mcast.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#define BURST       32
#define RECEIVE_BUF (4 << 20)

static struct sockaddr_in group_of(const struct mcast_opt *o)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(o->port)};
	inet_pton(AF_INET, MCAST_GROUP, &a.sin_addr);
	return a;
}

static struct ip_mreqn member_of(const struct mcast_opt *o)
{
	struct ip_mreqn m = {.imr_multiaddr = group_of(o).sin_addr};
	m.imr_ifindex = (int)if_nametoindex(o->iface);
	if (!m.imr_ifindex)
		bench_die(o->iface);
	return m;
}

/* --- receiving ------------------------------------------------------------------- */

static int listener(const struct mcast_opt *o)
{
	struct sockaddr_in a = group_of(o);
	struct ip_mreqn m = member_of(o);
	int one = 1, size = RECEIVE_BUF, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) ||
		bind(fd, (struct sockaddr *)&a, sizeof a) ||
		setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m))
		bench_die("listen");
	if (o->offload && setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof one))
		bench_die("UDP_GRO");
	return fd;
}

static size_t segment_of(struct msghdr *m, size_t n)
{
	int size;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&size, CMSG_DATA(c), sizeof size);
			return (size_t)size;
		}
	return n;
}

static size_t receive_batch(int fd, uint8_t *buf, size_t *segment)
{
	char control[64];
	struct iovec v = {.iov_base = buf, .iov_len = BENCH_MAX};
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	ssize_t n = recvmsg(fd, &m, 0);
	if (n < 0)
		bench_die("recvmsg");
	*segment = segment_of(&m, (size_t)n);
	return (size_t)n;
}

static void receive(const struct mcast_opt *o, struct bench_shared *mine)
{
	static uint8_t buf[BENCH_MAX];
	int fd = listener(o);
	uint64_t seen = 0;
	mcast_ready(mine);
	for (;;) {
		size_t segment, n;
		if (o->offload)
			n = receive_batch(fd, buf, &segment);
		else
			segment = n = (size_t)recv(fd, buf, sizeof buf, 0);
		for (size_t at = 0; at < n; at += segment)
			if (!mcast_is(buf + at, n - at < segment ? n - at : segment, o->size, seen++))
				mine->bad++;
		mine->done = seen;
	}
}

/* --- sending --------------------------------------------------------------------- */

struct sender {
	const struct mcast_opt *o;
	int fd, own;
	unsigned batch; /* datagrams in a call */
	struct sockaddr_in to;
	uint8_t buf[BENCH_MAX];
};

static void hear_self(const struct sender *s)
{
	static uint8_t heard[BENCH_MAX];
	while (s->own >= 0 && recv(s->own, heard, sizeof heard, MSG_DONTWAIT) >= 0)
		;
}

static unsigned send_single(void *ctx, uint64_t next, unsigned room)
{
	struct sender *s = ctx;
	room = room < BURST ? room : BURST;
	for (unsigned i = 0; i < room; i++) {
		mcast_number(s->buf, next + i);
		if (sendto(s->fd, s->buf, s->o->size, 0, (struct sockaddr *)&s->to, sizeof s->to) < 0)
			bench_die("sendto");
	}
	hear_self(s);
	return room;
}

static unsigned send_batch(void *ctx, uint64_t next, unsigned room)
{
	struct sender *s = ctx;
	char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
	struct iovec v = {.iov_base = s->buf, .iov_len = s->batch * s->o->size};
	struct msghdr m = {.msg_name = &s->to,
		.msg_namelen = sizeof s->to,
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	uint16_t segment = (uint16_t)s->o->size;
	if (room < s->batch)
		return 0;
	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof segment);
	memcpy(CMSG_DATA(c), &segment, sizeof segment);
	for (unsigned i = 0; i < s->batch; i++)
		mcast_number(s->buf + i * s->o->size, next + i);
	if (sendmsg(s->fd, &m, 0) < 0)
		bench_die("sendmsg");
	hear_self(s);
	return s->batch;
}

static void open_sender(struct sender *s, const struct mcast_opt *o)
{
	struct ip_mreqn m = member_of(o);
	s->o = o;
	s->to = group_of(o);
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || setsockopt(s->fd, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof m))
		bench_die("IP_MULTICAST_IF");
	s->own = mcast_flag(o, 'm') ? listener(o) : -1;
	s->batch = (unsigned)(MCAST_BATCH / o->size);
	s->batch = s->batch < MCAST_SEGMENTS ? s->batch : MCAST_SEGMENTS;
	for (unsigned i = 0; i < s->batch; i++)
		bench_fill((char *)s->buf + i * o->size, o->size);
}

int main(int argc, char **argv)
{
	static struct sender s;
	struct mcast_opt o;
	pid_t child[MCAST_RECEIVERS];
	mcast_options(argc, argv, &o);
	struct bench_shared *sh = bench_share(o.receivers);
	mcast_receivers(&o, sh, child, receive);
	open_sender(&s, &o);
	mcast_race(&o, sh, child[0], o.offload ? "bare GSO/GRO" : "bare sendto/recv",
		o.offload ? send_batch : send_single, &s);
	return 0;
}
