/*
 * frames_bare.c - the least that receiving raw frames can cost: a TPACKET_V3
 * ring of the size Lanyard uses, poll, and a walk over the blocks that counts
 * frames of our EtherType and looks at nothing else.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "frames_wire.h"

#define BLOCK  (64u << 10)
#define BLOCKS 64

struct ring {
	uint8_t *map;
	unsigned at;
	int fd;
	uint64_t frames, wrong;
};

static void ring_open(struct ring *r, uint32_t ifindex)
{
	int version = TPACKET_V3;
	struct tpacket_req3 req = {.tp_block_size = BLOCK,
		.tp_block_nr = BLOCKS,
		.tp_frame_size = 2048,
		.tp_frame_nr = BLOCK / 2048 * BLOCKS,
		.tp_retire_blk_tov = 4};
	struct sockaddr_ll a = {
		.sll_family = AF_PACKET, .sll_protocol = htons(WIRE_ETHERTYPE), .sll_ifindex = (int)ifindex};
	r->fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (r->fd < 0 || setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) ||
		setsockopt(r->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof req))
		bench_die("ring");
	r->map = mmap(NULL, (size_t)BLOCK * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (r->map == MAP_FAILED || bind(r->fd, (struct sockaddr *)&a, sizeof a))
		bench_die("ring");
}

static void walk(struct ring *r)
{
	for (;;) {
		struct tpacket_block_desc *b = (void *)(r->map + (size_t)r->at * BLOCK);
		if (!(__atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			return;
		const uint8_t *at = (const uint8_t *)b + b->hdr.bh1.offset_to_first_pkt;
		for (uint32_t n = b->hdr.bh1.num_pkts; n; n--) {
			const struct tpacket3_hdr *h = (const void *)at;
			const uint8_t *type = at + h->tp_mac + 12;
			r->frames++;
			r->wrong += type[0] << 8 != (WIRE_ETHERTYPE & 0xff00);
			at += h->tp_next_offset;
		}
		__atomic_store_n(&b->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		r->at = (r->at + 1) % BLOCKS;
	}
}

static void run_for(struct ring *r, double seconds)
{
	struct pollfd p = {.fd = r->fd, .events = POLLIN};
	uint64_t end = bench_now() + (uint64_t)(seconds * 1e9);
	while (bench_now() < end) {
		walk(r);
		poll(&p, 1, 10);
	}
}

static uint64_t drops(const struct ring *r)
{
	struct tpacket_stats_v3 s = {0};
	socklen_t len = sizeof s;
	getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len);
	return s.tp_drops;
}

int main(int argc, char **argv)
{
	struct bench_opt o;
	uint32_t rx, tx;
	struct ring r = {.at = 0};
	bench_options(argc, argv, &o);
	struct bench_shared *sh = bench_share(1);
	wire_make(&rx, &tx);
	ring_open(&r, rx);
	pid_t child = bench_fork(&o);
	if (!child)
		wire_flood(rx, tx, sh);
	run_for(&r, WIRE_WARM);
	(void)drops(&r);
	uint64_t before = r.frames, start = bench_now(), cpu = bench_cpu(), cpu_tx = bench_cpu_of(child);
	run_for(&r, o.seconds);
	struct wire_count c = {.frames = r.frames - before,
		.lost = drops(&r),
		.ns = bench_now() - start,
		.cpu_tx = bench_cpu_of(child) - cpu_tx,
		.cpu_rx = bench_cpu() - cpu};
	sh->at = 1;
	bench_await(child);
	if (r.wrong || !c.frames)
		bench_die("frames that are none of ours");
	wire_print("frames", &c);
	return 0;
}
