/*
 * coap_frames.c - CoAP over raw Ethernet frames on a veth pair in a namespace of its own: the load at one
 * end, and a slave at the other: ours, or (-e) the least one can cost, a bare socket with recvmmsg and
 * sendmmsg. The load plays the master: it associates the slave first, as sos.md section 2 says.
 *
 *     bench-coap_frames [-e] [-w WINDOW] [-d SECONDS] [-p PLACE]
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>
#include "coap_load.h"
#include "frames_wire.h"

#define PRE 2 /* the length field */

static int packet_socket(uint32_t ifindex)
{
	struct sockaddr_ll a = {
		.sll_family = AF_PACKET, .sll_protocol = htons(WIRE_ETHERTYPE), .sll_ifindex = (int)ifindex};
	int size = 4 << 20, fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a))
		bench_die("packet socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	return fd;
}

/* AssocRequest, CASAN: CON POST /.well-known/casan?ttl=3600&mtu=1500. */
static size_t assoc_request(uint8_t *p)
{
	static const char text[] = "\0\0"
				   "\x40\x02\x77\x77\xbb.well-known\x05"
				   "casan\x48ttl=3600\x08mtu=1500";
	size_t n = sizeof text - 1;
	memcpy(p, text, n);
	p[1] = (uint8_t)n;
	return n;
}

/* Until the slave has answered with its list. */
static void associate(struct load *l)
{
	uint8_t buf[2048];
	struct timeval tv = {.tv_usec = 100000};
	setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	for (int i = 0; i < 100; i++) {
		size_t n = assoc_request(buf);
		if (sendto(l->fd, buf, n, 0, (struct sockaddr *)&l->to, l->to_len) < 0)
			bench_die("sendto");
		for (ssize_t got; (got = recv(l->fd, buf, sizeof buf, 0)) > 0;)
			if (got > PRE + 4 && buf[PRE] >> 4 == 6 && buf[PRE + 1] == 0x45 &&
				buf[PRE + 2] == 0x77 && buf[PRE + 3] == 0x77)
				return;
	}
	bench_die("no AssocAnswer");
}

static _Noreturn void slave(const struct bench_opt *o, uint32_t ifindex, const char *self)
{
	char program[512], net[64], name[IF_NAMESIZE];
	const char *slash = strrchr(self, '/');
	if (o->epoll)
		load_serve(packet_socket(ifindex), PRE);
	snprintf(program, sizeof program, "%.*sbench-coap_sensor", slash ? (int)(slash - self + 1) : 0, self);
	snprintf(net, sizeof net, "ethernet:%s", if_indextoname(ifindex, name));
	execl(program, program, net, "169", (char *)NULL);
	bench_die(program);
}

int main(int argc, char **argv)
{
	struct bench_opt o;
	struct load l = {.pre = PRE};
	struct sockaddr_ll *to = (struct sockaddr_ll *)&l.to;
	uint32_t rx, tx;
	bench_options(argc, argv, &o);
	wire_make(&rx, &tx);
	pid_t child = bench_fork(&o);
	if (!child)
		slave(&o, rx, argv[0]);
	l.fd = packet_socket(tx);
	*to = (struct sockaddr_ll){.sll_family = AF_PACKET,
		.sll_protocol = htons(WIRE_ETHERTYPE),
		.sll_ifindex = (int)tx,
		.sll_halen = 6};
	wire_mac(rx, to->sll_addr);
	l.to_len = sizeof *to;
	if (!o.epoll)
		associate(&l);
	else
		bench_sleep(0.05);
	load_measure(&l, &o, child);
	bench_reap(child);
	return 0;
}
