/*
 * frames_wire.c - see frames_wire.h. The sender passes no queue
 * (PACKET_QDISC_BYPASS) and hands over 64 frames in a system call; what its
 * end of the veth pair delivers is put into the receiver's socket on its
 * account.
 */
#include "frames_wire.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "proto/lsoe/frame.h"
#include "proto/lsoe/pdu.h"

#define BATCH 64
#define FRAME 60 /* the shortest on Ethernet */

void wire_make(uint32_t *rx, uint32_t *tx)
{
	if (unshare(CLONE_NEWNET))
		bench_die("no right to make a network namespace");
	/* No IPv6: its own traffic is none of ours. */
	if (system("{ sysctl -qw net.ipv6.conf.default.disable_ipv6=1; ip link add w0 type veth peer name w1 "
		   "&& "
		   "ip link set w0 up && ip link set w1 up; } >/dev/null && for i in $(seq 200); do "
		   "ip link show dev w1 | grep -q 'state UP' && exit 0; sleep 0.01; done; exit 1"))
		bench_die("ip link");
	*tx = if_nametoindex("w0");
	*rx = if_nametoindex("w1");
}

void wire_mac(uint32_t ifindex, uint8_t mac[6])
{
	struct ifreq q;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	memset(&q, 0, sizeof q);
	if (fd < 0 || !if_indextoname(ifindex, q.ifr_name) || ioctl(fd, SIOCGIFHWADDR, &q))
		bench_die("SIOCGIFHWADDR");
	memcpy(mac, q.ifr_hwaddr.sa_data, 6);
	close(fd);
}

static void keepalive(uint32_t rx, uint32_t tx, uint8_t frame[FRAME])
{
	struct lsoe_pdu pdu = {.type = LSOE_KEEPALIVE};
	uint8_t *datagram = frame + 14;
	struct lan_wr w = lan_wr_of(datagram + lsoe_rules[LSOE_01].header, 32);
	memset(frame, 0, FRAME);
	wire_mac(rx, frame);
	wire_mac(tx, frame + 6);
	frame[12] = WIRE_ETHERTYPE >> 8;
	frame[13] = WIRE_ETHERTYPE & 0xff;
	lsoe_pdu_encode(&w, LSOE_01, &pdu, 0, 0);
	(void)lsoe_frame_finish(LSOE_01, 0, 0, true, datagram, w.off);
}

_Noreturn void wire_flood(uint32_t rx, uint32_t tx, struct bench_shared *sh)
{
	static struct mmsghdr msgs[BATCH];
	static uint8_t frame[FRAME];
	int on = 1, size = 4 << 20, fd = socket(AF_PACKET, SOCK_RAW, 0);
	struct iovec iov = {frame, FRAME};
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = htons(WIRE_ETHERTYPE), .sll_ifindex = (int)tx};
	keepalive(rx, tx, frame);
	if (fd < 0 || bind(fd,
			      (struct sockaddr *)&(struct sockaddr_ll){
				      .sll_family = AF_PACKET, .sll_ifindex = (int)tx},
			      sizeof to))
		bench_die("packet socket");
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	for (unsigned i = 0; i < BATCH; i++)
		msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov, .msg_iovlen = 1};
	while (!sh->at) {
		int n = sendmmsg(fd, msgs, BATCH, 0);
		if (n < 0)
			bench_die("sendmmsg");
		sh->done += (unsigned)n;
	}
	_exit(0);
}

void wire_print(const char *what, const struct wire_count *c)
{
	printf("{\"what\":\"%s\",\"rate\":%.0f,\"cpu_tx_ns\":%.1f,\"cpu_rx_ns\":%.1f,\"lost\":%" PRIu64 "}\n",
		what, (double)c->frames * 1e9 / (double)c->ns, (double)c->cpu_tx / (double)c->frames,
		(double)c->cpu_rx / (double)c->frames, c->lost);
}
