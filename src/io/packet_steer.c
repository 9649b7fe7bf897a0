/*
 * packet_steer.c - to which of its two sockets the kernel gives a frame of a busy link: the program of their
 * fanout group, see packet_int.h.
 *
 * While there is a ring, frames of known senders go to the plain socket nevertheless, where they do not wait
 * behind a flood of others and are not lost with it. It is a chain of comparisons, for a link has few
 * neighbours. The socket's filter sees frames from their Ethernet header on, but this program from what
 * follows it: the header lies at SKF_LL_OFF.
 *
 * The kernel takes some 10 ms to change it (synchronize_net). Documentation/networking/filter.rst of Linux.
 */
#include <linux/filter.h>
#include <sys/socket.h>
#include "base/bytes.h"
#include "io/packet_int.h"

#define SOURCE (SKF_LL_OFF + 6)
#define EACH   5 /* instructions for a sender */

bool packet_steer(const struct lan_packet *p, enum packet_to to, const struct packet_known *known)
{
	struct sock_filter code[2 + EACH * PACKET_KNOWN] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SOURCE)};
	unsigned n = 1;
	for (unsigned i = 0; to == PACKET_TO_RING && i < known->n; i++) {
		const struct sock_filter one[EACH] = {
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, lan_get_be32(known->mac[i]), 0, 4),
			BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SOURCE + 4)),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, lan_get_be16(known->mac[i] + 4), 0, 1),
			BPF_STMT(BPF_RET | BPF_K, PACKET_TO_PLAIN),
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SOURCE), /* for the next */
		};
		memcpy(code + n, one, sizeof one);
		n += EACH;
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, to);
	struct sock_fprog prog = {.len = (unsigned short)n, .filter = code};
	return setsockopt(p->fd, SOL_PACKET, PACKET_FANOUT_DATA, &prog, sizeof prog) == 0;
}
