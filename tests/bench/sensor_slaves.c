/*
 * sensor_slaves.c - so many slaves of CASAN on one interface, each with an address of its own, by the least
 * code that can answer for them:
 *
 *     bench-sensor_slaves IFACE N
 *
 * Ids 1..N. Each sends Discover every two seconds while it is not associated, whatever it hears; all within
 * the pace of PACE a second, so that no buffer of the master's system overflows. Resources: "u", never
 * fresh (Max-Age 0), and "c", fresh for an hour. Runs until it is killed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "frames_wire.h"

#define BATCH 64
#define HEAD  16 /* Ethernet and the length field */
#define FRAME 256
#define PACE  20000
#define AGAIN 2000000000u /* ns */

struct slaves {
	int fd;
	uint32_t n, next; /* next: whose turn it is to discover */
	uint64_t *asked;  /* when it last sent Discover; UINT64_MAX: associated */
	uint64_t paced;
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_iov[BATCH], out_iov[BATCH];
	uint8_t in_buf[BATCH][FRAME], out_buf[BATCH][FRAME];
	unsigned n_out;
};

static void mac_of(uint8_t mac[6], uint32_t i)
{
	uint8_t m[6] = {2, 0, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
	memcpy(mac, m, 6);
}

static void flush(struct slaves *s)
{
	for (unsigned at = 0; at < s->n_out;) {
		int n = sendmmsg(s->fd, s->out + at, s->n_out - at, 0);
		if (n < 0 && errno != EINTR && errno != ENOBUFS)
			bench_die("sendmmsg");
		at += n > 0 ? (unsigned)n : 0;
	}
	s->n_out = 0;
}

static void put(struct slaves *s, uint32_t i, const uint8_t to[6], const uint8_t *msg, size_t n)
{
	uint8_t *p = s->out_buf[s->n_out];
	memcpy(p, to, 6);
	mac_of(p + 6, i);
	p[12] = WIRE_ETHERTYPE >> 8;
	p[13] = WIRE_ETHERTYPE & 0xff;
	p[14] = (uint8_t)((n + 2) >> 8);
	p[15] = (uint8_t)(n + 2);
	memcpy(p + HEAD, msg, n);
	s->out_iov[s->n_out] = (struct iovec){p, HEAD + n};
	s->out[s->n_out].msg_hdr = (struct msghdr){.msg_iov = &s->out_iov[s->n_out], .msg_iovlen = 1};
	if (++s->n_out == BATCH)
		flush(s);
}

static void discover(struct slaves *s, uint32_t i, uint64_t now)
{
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
	static const char path[] = "\xbb.well-known\x05"
				   "casan";
	uint8_t msg[80] = {0x50, 2, 0, 1};
	char id[32];
	int n = snprintf(id, sizeof id, "slave=%u", i);
	size_t at = 4;
	memcpy(msg + at, path, sizeof path - 1);
	at += sizeof path - 1;
	msg[at++] = (uint8_t)(0x40 | n); /* at most 12 octets */
	memcpy(msg + at, id, (size_t)n);
	at += (size_t)n;
	memcpy(msg + at, "\x08mtu=1518", 9);
	put(s, i, all, msg, at + 9);
	s->asked[i] = now;
}

/* Whose turn it is, as far as the pace allows. */
static void discover_some(struct slaves *s)
{
	uint64_t now = bench_now();
	uint32_t looked = 0;
	for (; now - s->paced > 1000000000u / PACE && looked < s->n; looked++) {
		uint32_t i = s->next = s->next % s->n + 1;
		if (s->asked[i] == UINT64_MAX || (s->asked[i] && now - s->asked[i] < AGAIN))
			continue;
		discover(s, i, now);
		s->paced = now - s->paced > 10000000u ? now : s->paced + 1000000000u / PACE;
	}
	flush(s);
}

/* ACK to a request: the same MID and token. */
static size_t answer(uint8_t *out, const uint8_t *q, const char *tail, size_t n)
{
	size_t head = 4 + (q[0] & 15u);
	memcpy(out, q, head);
	out[0] = (uint8_t)(0x60 | (q[0] & 15));
	out[1] = 0x45;
	memcpy(out + head, tail, n);
	return head + n;
}

static void take(struct slaves *s, const uint8_t *f, size_t n)
{
	static const char list[] = "\xc0\xff<u>;title=\"\";rt=\"\",<c>;title=\"\";rt=\"\"",
			  u[] = "\xc0\x20\xff"
				"21.5",
			  c[] = "\xc0\x22\x0e\x10\xff"
				"21.5";
	uint8_t out[FRAME];
	const uint8_t *q = f + HEAD;
	uint32_t i = (uint32_t)(f[3] << 16 | f[4] << 8 | f[5]);
	size_t said = n >= HEAD + 4 ? (size_t)(f[14] << 8 | f[15]) : 0, at;
	if (said < 6 || said + 14 > n)
		return;
	if (f[0] != 2 || !i || i > s->n)
		return;
	at = 4 + (q[0] & 15u);
	if ((q[0] & 0xf0) != 0x40 || said - 2 < at + 2)
		return;
	if (q[1] == 2) {
		put(s, i, f + 6, out, answer(out, q, list, sizeof list - 1));
		s->asked[i] = UINT64_MAX;
		return;
	}
	bool fresh = q[at] == 0xb1 && q[at + 1] == 'c';
	put(s, i, f + 6, out, fresh ? answer(out, q, c, sizeof c - 1) : answer(out, q, u, sizeof u - 1));
}

static void open_socket(struct slaves *s, const char *ifname)
{
	uint32_t ifindex = if_nametoindex(ifname);
	struct sockaddr_ll a = {
		.sll_family = AF_PACKET, .sll_protocol = htons(WIRE_ETHERTYPE), .sll_ifindex = (int)ifindex};
	struct packet_mreq all = {.mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_PROMISC};
	struct timeval tv = {.tv_usec = 1000};
	int size = 16 << 20;
	s->fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&a, sizeof a) ||
		setsockopt(s->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all))
		bench_die("packet socket");
	setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
}

int main(int argc, char **argv)
{
	static struct slaves s;
	if (argc != 3)
		bench_die("which interface, and how many slaves?");
	open_socket(&s, argv[1]);
	s.n = (uint32_t)atol(argv[2]);
	s.asked = calloc(s.n + 1, sizeof *s.asked);
	if (!s.n || !s.asked)
		bench_die("how many slaves?");
	for (;;) {
		for (unsigned i = 0; i < BATCH; i++) {
			s.in_iov[i] = (struct iovec){s.in_buf[i], FRAME};
			s.in[i].msg_hdr = (struct msghdr){.msg_iov = &s.in_iov[i], .msg_iovlen = 1};
		}
		int n = recvmmsg(s.fd, s.in, BATCH, MSG_WAITFORONE, NULL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			bench_die("recvmmsg");
		for (int i = 0; i < n; i++)
			take(&s, s.in_buf[i], s.in[i].msg_len);
		flush(&s);
		discover_some(&s);
	}
}
