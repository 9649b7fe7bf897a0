/*
 * packet_ring.c - the ring of a busy link (TPACKET_V3), and the switch to it and back, see packet_int.h.
 *
 * Into the ring: the plain socket is a fanout group of one from the beginning. The ring's socket joins it
 * while it is deaf and the group's program still says "plain"; then it listens, and the program says "ring".
 * What was given to the plain socket until then is read before the first block of the ring: no frame is lost,
 * doubled or overtaken. And back: the program says "plain", and that call returns when no processor goes by
 * the old one any more; the plain socket is left alone until the last block was retired and read.
 *
 * Setting up a ring and changing the program take the kernel some 10 ms each (synchronize_net), so both are
 * done by a thread, while the plain socket, or the ring, is read on.
 *
 * Frames of senders that are known go to the plain socket all the time; who becomes known meanwhile is told
 * to the program a little later, and its frames may then overtake those of it that wait in the ring. Should
 * the known ones be the flood themselves, nobody is spared any more until the link was quiet.
 *
 * Rings are for the few that are flooded: of a bounded number, and given back after some quiet seconds.
 * Documentation/networking/packet_mmap.rst of Linux.
 */
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "io/packet_int.h"
#include "io/thread.h"

#define BLOCK       (64u << 10)
#define BLOCKS_MIN  16 /* more where a large receive buffer was asked for */
#define BLOCKS_MAX  128
#define SLOT        2048 /* only a unit for the kernel's arithmetic: frames lie one behind the other */
#define TURN_BLOCKS 4

/* After this a block that is not full is handed over: what a frame waits at most. In ms. */
#define RETIRE_MS 4

#define RINGS_MAX 16
#define LOOK      LAN_SEC(1)
#define QUIET     1000 /* fewer frames than this between two looks .. */
#define QUIETS    2    /* .. so often in a row: no ring needed */
#define PAUSE     LAN_SEC(1)
#define RETRY     LAN_SEC(10) /* when there was none to be had */

/* How long the last block is waited for, and how often at most: its timer is the kernel's. */
#define LAST  LAN_MS(3 * RETIRE_MS)
#define LASTS 100

enum stage {
	OPENING, /* a thread sets it up */
	IN_USE,
	AMENDING, /* the same, while a thread tells the program who is known */
	LEAVING,  /* a thread changes the program */
	RUNNING_DRY
};

struct packet_ring {
	struct lan_watch watch;   /* of `fd`; the first member: it outlives the rest */
	struct lan_watch working; /* of `event` */
	struct lan_packet *p;
	uint8_t *map;
	int fd;
	int event;   /* the thread has finished */
	int closing; /* watches that are */
	pid_t owner;
	enum stage stage;
	bool done;                 /* it did what it should */
	unsigned blocks, at;       /* how many; the next one */
	struct packet_known known; /* as the program has it */
	bool spares_none;          /* since they are the flood */
	uint32_t frames;           /* since the last look */
	uint8_t quiets, lasts;
	bool fresh;   /* the plain socket is to be read first */
	bool watched; /* `watch` is one */
};

static atomic_uint rings;

bool packet_group_join(struct lan_packet *p)
{
	const uint16_t type = PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_UNIQUEID;
	struct fanout_args args = {.type_flags = type, .max_num_members = 2};
	int value = type << 16; /* before Linux 5.13 */
	p->grouped = setsockopt(p->fd, SOL_PACKET, PACKET_FANOUT, &args, sizeof args) == 0 ||
		     setsockopt(p->fd, SOL_PACKET, PACKET_FANOUT, &value, sizeof value) == 0;
	return p->grouped;
}

/* ---- reading -------------------------------------------------------------------------- */

static struct tpacket_block_desc *block(const struct packet_ring *r)
{
	return (struct tpacket_block_desc *)(r->map + (size_t)r->at * BLOCK);
}

static bool is_ready(const struct packet_ring *r)
{
	return __atomic_load_n(&block(r)->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
}

static void take_block(struct packet_ring *r)
{
	struct tpacket_block_desc *b = block(r);
	const uint8_t *at = (const uint8_t *)b + b->hdr.bh1.offset_to_first_pkt;
	for (uint32_t n = b->hdr.bh1.num_pkts; n; n--) {
		const struct tpacket3_hdr *h = (const struct tpacket3_hdr *)at;
		struct packet_about a = {.ll = (const struct sockaddr_ll *)(at + TPACKET_ALIGN(sizeof *h)),
			.tci = h->tp_status & TP_STATUS_VLAN_VALID ? (uint16_t)h->hv1.tp_vlan_tci : 0,
			.cut = h->tp_snaplen < h->tp_len || h->tp_len > PACKET_HEADER + LAN_PACKET_MAX};
		packet_take(r->p, &a, at + h->tp_mac, h->tp_snaplen);
		at += h->tp_next_offset;
	}
	r->frames += b->hdr.bh1.num_pkts;
	__atomic_store_n(&b->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	r->at = (r->at + 1) % r->blocks;
}

static void read_blocks(struct packet_ring *r, unsigned most)
{
	struct lan_packet *p = r->p;
	if (!is_ready(r))
		return;
	/* What was given to the plain socket before the program sent the like of it here. */
	if (r->fresh || r->stage == AMENDING)
		packet_drain(p);
	r->fresh = false;
	while (most-- && is_ready(r))
		take_block(r);
	p->cfg.batch_done(p->cfg.ctx, p->cfg.ifindex);
}

/* ---- the thread ------------------------------------------------------------------------- */

static bool map_ring(struct packet_ring *r)
{
	int version = TPACKET_V3;
	struct tpacket_req3 req = {.tp_block_size = BLOCK,
		.tp_block_nr = r->blocks,
		.tp_frame_size = SLOT,
		.tp_frame_nr = BLOCK / SLOT * r->blocks,
		.tp_retire_blk_tov = RETIRE_MS};
	if (setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0 ||
		setsockopt(r->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof req) != 0)
		return false;
	void *map = mmap(NULL, (size_t)BLOCK * r->blocks, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (map == MAP_FAILED)
		return false;
	r->map = map;
	return true;
}

static bool join(const struct lan_packet *p, int fd)
{
	int group;
	socklen_t len = sizeof group;
	return getsockopt(p->fd, SOL_PACKET, PACKET_FANOUT, &group, &len) == 0 &&
	       setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &group, sizeof group) == 0;
}

/* Of the link it only reads what does not change. */
static void *work(void *ring)
{
	struct packet_ring *r = ring;
	const struct lan_packet *p = r->p;
	if (r->stage == LEAVING)
		r->done = packet_steer(p, PACKET_TO_PLAIN, &r->known);
	else if (r->stage == AMENDING)
		r->done = packet_steer(p, PACKET_TO_RING, &r->known);
	else
		r->done = map_ring(r) && packet_bind(p, r->fd) == 0 && join(p, r->fd) &&
			  packet_listen(r->fd, p->cfg.ethertype) == 0 &&
			  packet_steer(p, PACKET_TO_RING, &r->known);
	eventfd_write(r->event, 1); /* from here on it is the loop's again */
	return NULL;
}

static void begin(struct packet_ring *r, enum stage stage)
{
	r->stage = stage;
	lan_watch_set(&r->working, LAN_READABLE);
	if (lan_thread_start(work, r) != 0)
		work(r);
}

/* ---- back --------------------------------------------------------------------------------- */

static void let_go(struct packet_ring *r)
{
	if (--r->closing == 0)
		free(r);
}

static void on_watch_closed(struct lan_watch *w)
{
	let_go((struct packet_ring *)w); /* the watch is the first member */
}

static void on_working_closed(struct lan_watch *w)
{
	let_go((struct packet_ring *)((char *)w - offsetof(struct packet_ring, working)));
}

/* A child of fork(2) does not have the thread, and leaves the notice to its parent. */
static void await_thread(const struct packet_ring *r)
{
	struct pollfd wait = {.fd = r->event, .events = POLLIN};
	bool working = r->stage == OPENING || r->stage == AMENDING || r->stage == LEAVING;
	if (working && r->owner == getpid())
		while (poll(&wait, 1, -1) != 1)
			;
}

void packet_ring_close(struct lan_packet *p)
{
	struct packet_ring *r = p->ring;
	if (!r)
		return;
	p->ring = NULL;
	await_thread(r);
	p->stats.kernel_drops += packet_drops(r->fd);
	if (r->map)
		munmap(r->map, (size_t)BLOCK * r->blocks);
	r->closing = r->watched ? 2 : 1;
	if (r->watched)
		lan_watch_close(&r->watch, on_watch_closed);
	lan_watch_close(&r->working, on_working_closed);
	packet_let_go(r->fd);
	close(r->event);
	atomic_fetch_sub(&rings, 1);
}

/* Without the ring. The group takes no third member: the next ring must wait until the socket is closed. */
static void finish(struct lan_packet *p, lan_time pause)
{
	packet_ring_close(p);
	p->no_ring = lan_loop_now(p->loop) + pause;
	p->in_window = 0;
	lan_watch_set(&p->watch, LAN_READABLE);
	if (p->wait)
		lan_deadline_arm(p->loop, &p->look, lan_loop_now(p->loop) + p->wait);
}

static void leave(struct packet_ring *r)
{
	struct lan_packet *p = r->p;
	if (r->stage != IN_USE)
		return;
	if (r->fresh)
		packet_drain(p);
	r->fresh = false;
	lan_watch_set(&p->watch, 0);
	begin(r, LEAVING);
}

/* ---- who is known -------------------------------------------------------------------------- */

static void ask(const struct packet_ring *r, struct packet_known *known)
{
	const struct lan_packet_config *cfg = &r->p->cfg;
	memset(known, 0, sizeof *known);
	if (cfg->known && !r->spares_none)
		known->n = (unsigned)cfg->known(cfg->ctx, cfg->ifindex, known->mac, PACKET_KNOWN);
}

/* Tell the program, if it is news. */
static void amend(struct packet_ring *r)
{
	struct packet_known known;
	ask(r, &known);
	if (r->stage != IN_USE || !memcmp(&known, &r->known, sizeof known))
		return;
	r->known = known;
	begin(r, AMENDING);
}

void packet_ring_spared(struct lan_packet *p)
{
	struct packet_ring *r = p->ring;
	if (r->stage != IN_USE || r->spares_none)
		return;
	r->spares_none = true;
	amend(r);
}

/* The kernel still has a block that is neither empty nor handed over. */
static bool unfinished(const struct packet_ring *r)
{
	return !is_ready(r) && __atomic_load_n(&block(r)->hdr.bh1.num_pkts, __ATOMIC_RELAXED) > 0;
}

void packet_ring_look(struct lan_packet *p)
{
	struct packet_ring *r = p->ring;
	lan_time pause = LOOK;
	if (r->stage == RUNNING_DRY) {
		read_blocks(r, r->blocks);
		if (!unfinished(r) || ++r->lasts == LASTS) {
			finish(p, PAUSE);
			return;
		}
		pause = LAST;
	} else if (r->stage == IN_USE) {
		r->quiets = r->frames < QUIET ? r->quiets + 1 : 0;
		r->frames = 0;
		if (r->quiets == QUIETS) {
			leave(r);
			return;
		}
		amend(r);
	}
	lan_deadline_arm(p->loop, &p->look, lan_loop_now(p->loop) + pause);
}

/* ---- into ----------------------------------------------------------------------------------- */

static void on_ring(void *ctx, int events)
{
	struct packet_ring *r = ctx;
	if (events & LAN_BROKEN) {
		if (!packet_judge_error(r->p, r->fd))
			return;
		lan_watch_set(&r->watch, LAN_READABLE);
		leave(r); /* the interface is down */
	}
	read_blocks(r, TURN_BLOCKS);
}

static void on_work(void *ctx, int events)
{
	struct packet_ring *r = ctx;
	struct lan_packet *p = r->p;
	eventfd_t finished;
	(void)events;
	if (eventfd_read(r->event, &finished) != 0)
		return;
	lan_watch_set(&r->working, 0);
	bool opening = r->stage == OPENING;
	if (r->stage == AMENDING && !r->done)
		memset(&r->known, 0, sizeof r->known); /* try again */
	r->stage = r->stage == LEAVING && r->done ? RUNNING_DRY : IN_USE;
	if (r->stage == IN_USE)
		lan_watch_set(&p->watch, LAN_READABLE);
	r->fresh = r->stage == IN_USE;
	if (opening && r->done)
		r->watched = lan_watch_init(&r->watch, p->loop, r->fd, on_ring, r) == LAN_OK;
	if (opening && !r->watched) {
		if (r->done)
			(void)!packet_steer(p, PACKET_TO_PLAIN, &r->known);
		finish(p, RETRY);
		return;
	}
	lan_watch_set(&r->watch, LAN_READABLE);
	lan_deadline_arm(p->loop, &p->look, lan_loop_now(p->loop) + (r->stage == RUNNING_DRY ? LAST : LOOK));
}

static struct packet_ring *new_ring(struct lan_packet *p)
{
	struct packet_ring *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->p = p;
	r->owner = getpid();
	r->fresh = true;
	r->blocks = p->cfg.receive_buffer / BLOCK;
	r->blocks = r->blocks < BLOCKS_MIN ? BLOCKS_MIN : r->blocks > BLOCKS_MAX ? BLOCKS_MAX : r->blocks;
	if (packet_socket(p, true, &r->fd)) {
		free(r);
		return NULL;
	}
	r->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->event >= 0 && lan_watch_init(&r->working, p->loop, r->event, on_work, r) == LAN_OK)
		return r;
	if (r->event >= 0)
		close(r->event);
	packet_let_go(r->fd);
	free(r);
	return NULL;
}

void packet_ring_enter(struct lan_packet *p)
{
	struct packet_ring *r = NULL;
	if (atomic_fetch_add(&rings, 1) < RINGS_MAX && (p->grouped || packet_group_join(p)))
		r = new_ring(p);
	if (!r) {
		atomic_fetch_sub(&rings, 1);
		p->no_ring = lan_loop_now(p->loop) + RETRY;
		return;
	}
	p->ring = r;
	ask(r, &r->known);
	begin(r, OPENING);
}

bool packet_ring_used(const struct lan_packet *p)
{
	return p->ring && p->ring->stage != OPENING;
}

uint64_t packet_ring_drops(const struct lan_packet *p)
{
	return packet_ring_used(p) ? packet_drops(p->ring->fd) : 0;
}
