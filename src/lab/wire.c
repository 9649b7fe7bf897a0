/*
 * wire.c - the form with two interfaces: a cable between them that loses,
 * delays, doubles and reorders frames, both ways, whatever they carry.
 *
 * Packet sockets take frames as they arrive (not what this host sends there
 * itself) and put them out on the other side. Offloads travel along in the
 * virtio header the kernel offers for this (PACKET_VNET_HDR): a frame whose
 * checksum or segmentation is still to be done stays that way. A VLAN tag, which
 * the kernel takes out of the frame, is put back.
 *
 * The queue of each direction is bounded; what does not fit is lost, as in a
 * switch. The host's own stack sees the frames too: interfaces without
 * addresses are what this is for.
 */
#include "lab/impair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lab/control.h"
#include "lab/out.h"
#include "lab/rule.h"
#include "lab/way.h"

#define REORDER_WAIT LAN_MS(50)

enum { VNET = sizeof(struct virtio_net_hdr), TAG = 4, FRAME_MAX = VNET + TAG + 65536 + 64, BURST = 64 };
enum { DICE_JITTER = 100, KERNEL_QUEUE = 8 << 20 }; /* a burst must not be lost before it is looked at */

struct end {
	struct wire *wire;
	enum lab_dir d; /* of what comes in here */
	int fd;
	struct lan_watch watch;
	bool watching;
	struct lab_way way;
};

struct wire {
	const struct lab_impair *opt;
	struct lab_faults faults;
	struct lab_out out;
	struct lan_loop *loop;
	struct lan_deadline due;
	bool have_due;
	struct lab_control control;
	struct end end[2];
	bool quit;
	uint8_t frame[FRAME_MAX];
};

static bool chance(const struct end *e, enum lab_fault what)
{
	const struct lab_faults *f = &e->wire->faults;
	return lab_hits(lab_chance(f->seed, 0, e->d, LAB_MSG, e->way.units, what), f->rate[what]);
}

static lan_time due_at(const struct end *e, lan_time now)
{
	const struct lab_faults *f = &e->wire->faults;
	if (!f->jitter)
		return now + f->delay;
	uint64_t bits = lab_chance(f->seed, 0, e->d, LAB_MSG, e->way.units, DICE_JITTER);
	lan_time late = f->delay + bits % (2 * f->jitter + 1);
	return late > f->jitter ? now + late - f->jitter : now;
}

static void take(struct end *e, lan_time now, const uint8_t *p, size_t n)
{
	struct lab_faults *f = &e->wire->faults;
	struct lab_way *w = &e->way;
	lan_time due = due_at(e, now);
	bool lost = chance(e, LAB_DROP) || f->paused || now < f->hole_until || w->queued + n > f->buffer;
	bool twice = !lost && chance(e, LAB_DUP), later = !lost && !twice && chance(e, LAB_REORDER);
	f->count[LAB_DROP] += lost;
	f->count[LAB_DUP] += twice;
	f->count[LAB_REORDER] += later;
	f->units[e->d]++;
	f->bytes[e->d] += n - VNET;
	w->units++;
	if (later) {
		lab_way_unpark(w, due);
		w->parked = lab_unit_new(w, due, p, n, END_NONE);
		w->park_end = due + REORDER_WAIT;
		return;
	}
	for (int i = 0; i < !lost + twice; i++)
		lab_way_append(w, due, p, n, END_NONE);
}

/* Put out what is due; a frame the other interface does not take is lost. */
static void give(struct end *e, lan_time now)
{
	struct lab_way *w = &e->way;
	const struct end *to = &e->wire->end[!e->d];
	struct lab_unit *u;
	if (w->parked && w->park_end <= now)
		lab_way_unpark(w, now);
	while ((u = w->head) && u->due <= now) {
		w->head = u->next;
		w->queued -= (uint32_t)(sizeof *u + u->len);
		if (send(to->fd, u->bytes, u->len, MSG_DONTWAIT) < 0)
			e->wire->faults.count[LAB_DROP]++;
		free(u);
	}
}

static lan_time next_due(const struct lab_way *w)
{
	lan_time at = w->head ? w->head->due : LAN_NEVER;
	return w->parked && w->park_end < at ? w->park_end : at;
}

static void settle(struct wire *w)
{
	lan_time now = lan_loop_now(w->loop);
	for (int i = 0; i < 2; i++)
		give(&w->end[i], now);
	lan_time a = next_due(&w->end[0].way), b = next_due(&w->end[1].way);
	lan_deadline_arm(w->loop, &w->due, a < b ? a : b);
}

static void on_due(void *ctx)
{
	settle(ctx);
}

/* The tag goes back behind the two addresses; offsets behind it move along. */
static size_t put_tag_back(uint8_t *p, size_t n, const struct tpacket_auxdata *aux)
{
	uint16_t tpid = aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : ETHERTYPE_VLAN;
	uint16_t tag[2] = {htons(tpid), htons(aux->tp_vlan_tci)};
	struct virtio_net_hdr h;
	uint8_t *at = p + VNET + 2 * ETH_ALEN;
	memmove(at + TAG, at, n - VNET - 2 * ETH_ALEN);
	memcpy(at, tag, TAG);
	memcpy(&h, p, VNET);
	if (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		h.csum_start = (uint16_t)(h.csum_start + TAG);
	if (h.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		h.hdr_len = (uint16_t)(h.hdr_len + TAG);
	memcpy(p, &h, VNET);
	return n + TAG;
}

/* One frame with its header; 0: none right now, or none of use. */
static size_t receive(struct end *e, bool *more)
{
	union {
		char space[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct cmsghdr align;
	} control;
	struct iovec io = {e->wire->frame, FRAME_MAX - TAG};
	struct msghdr m = {
		.msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t n = recvmsg(e->fd, &m, MSG_DONTWAIT);
	*more = n >= 0;
	if (n < VNET + ETH_HLEN || m.msg_flags & MSG_TRUNC)
		return 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct tpacket_auxdata aux;
		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof aux);
		if (aux.tp_status & TP_STATUS_VLAN_VALID)
			return put_tag_back(e->wire->frame, (size_t)n, &aux);
	}
	return (size_t)n;
}

static void on_frames(void *ctx, int events)
{
	struct end *e = ctx;
	bool more = true;
	(void)events;
	for (int i = 0; i < BURST && more; i++) {
		size_t n = receive(e, &more);
		if (n)
			take(e, lan_loop_now(e->wire->loop), e->wire->frame, n);
	}
	/* After an interface went down the watch is off; it may come back. */
	lan_watch_set(&e->watch, LAN_READABLE);
	settle(e->wire);
}

static void on_command(void *ctx, const char *line)
{
	struct wire *w = ctx;
	struct lab_command cmd;
	lab_command_parse(line, &w->faults, &cmd);
	switch (cmd.kind) {
	case LAB_CMD_NONE:
		return;
	case LAB_CMD_BAD:
		lab_out_control(&w->out, line, cmd.text);
		return;
	case LAB_CMD_CUT:
	case LAB_CMD_HALF_OPEN:
		lab_out_control(&w->out, line, "a wire has no connections to cut");
		return;
	case LAB_CMD_HOLE:
		w->faults.hole_until = lan_loop_now(w->loop) + cmd.time;
		break;
	case LAB_CMD_PAUSE:
	case LAB_CMD_RESUME:
		w->faults.paused = cmd.kind == LAB_CMD_PAUSE;
		w->faults.hole_until = 0;
		break;
	case LAB_CMD_STATS:
		lab_out_summary(&w->out, &w->faults, "frames");
		break;
	case LAB_CMD_QUIT:
		w->quit = true;
		break;
	case LAB_CMD_SET:
		break;
	}
	lab_out_control(&w->out, line, NULL);
}

static void on_signal(void *ctx, int signum)
{
	struct wire *w = ctx;
	(void)signum;
	w->quit = true;
}

static int set(int fd, int option, const void *value, socklen_t n)
{
	return setsockopt(fd, SOL_PACKET, option, value, n);
}

static int open_end(struct wire *w, int i, const char *iface)
{
	struct end *e = &w->end[i];
	int on = 1, queue = KERNEL_QUEUE;
	unsigned index = if_nametoindex(iface);
	if (!index)
		return lab_out_error(&w->out, LAB_EXIT_NOTFOUND, "'ip link' lists them",
			"there is no interface '%s' here", iface);
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_ifindex = (int)index, .sll_protocol = htons(ETH_P_ALL)};
	struct packet_mreq promisc = {.mr_ifindex = (int)index, .mr_type = PACKET_MR_PROMISC};
	/* Protocol 0: nothing is received before the socket is bound to its interface. */
	e->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (e->fd < 0 || set(e->fd, PACKET_VNET_HDR, &on, sizeof on) ||
		set(e->fd, PACKET_AUXDATA, &on, sizeof on) ||
		set(e->fd, PACKET_IGNORE_OUTGOING, &on, sizeof on) ||
		set(e->fd, PACKET_ADD_MEMBERSHIP, &promisc, sizeof promisc) ||
		bind(e->fd, (struct sockaddr *)&at, sizeof at)) {
		bool denied = errno == EPERM;
		return lab_out_error(&w->out, denied ? LAB_EXIT_PERM : LAB_EXIT_FAILED,
			denied ? "root or CAP_NET_RAW is needed" : NULL, "cannot take frames from '%s': %s",
			iface, strerror(errno));
	}
	if (setsockopt(e->fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof queue)) /* needs CAP_NET_ADMIN */
		setsockopt(e->fd, SOL_SOCKET, SO_RCVBUF, &queue, sizeof queue);
	enum lan_err err = lan_watch_init(&e->watch, w->loop, e->fd, on_frames, e);
	if (err)
		return lab_out_error(
			&w->out, LAB_EXIT_FAILED, NULL, "cannot watch '%s': %s", iface, lan_err_text(err));
	e->watching = true;
	lan_watch_set(&e->watch, LAN_READABLE);
	return LAB_EXIT_OK;
}

static int start(struct wire *w)
{
	enum lan_err e = lan_loop_new(&w->loop);
	e = e ? e : lan_loop_signal(w->loop, SIGINT, on_signal, w);
	e = e ? e : lan_loop_signal(w->loop, SIGTERM, on_signal, w);
	e = e ? e : lan_deadline_init(w->loop, &w->due, on_due, w);
	if (e)
		return lab_out_error(
			&w->out, LAB_EXIT_FAILED, NULL, "cannot make an event loop: %s", lan_err_text(e));
	w->have_due = true;
	int rc = open_end(w, 0, w->opt->a);
	return rc ? rc : open_end(w, 1, w->opt->b);
}

static void stop(struct wire *w)
{
	for (int i = 0; i < 2; i++) {
		struct end *e = &w->end[i];
		if (e->watching)
			lan_watch_close(&e->watch, NULL);
		if (e->fd >= 0)
			close(e->fd);
		lab_way_clear(&e->way);
	}
	lab_control_close(&w->control);
	if (w->have_due)
		lan_deadline_fini(w->loop, &w->due);
	lan_loop_free(w->loop);
}

int lab_wire_run(const struct lab_impair *opt)
{
	static struct wire w; /* its frame is too big for the stack */
	w = (struct wire){.opt = opt, .faults = opt->faults};
	w.out = lab_out_of(opt);
	for (int i = 0; i < 2; i++)
		w.end[i] = (struct end){.wire = &w, .d = (enum lab_dir)i, .fd = -1};
	int rc = start(&w);
	bool ready = rc == LAB_EXIT_OK;
	if (ready) {
		lab_out_ready(&w.out, opt, opt->a, w.faults.seed);
		lab_control_open(&w.control, w.loop, on_command, &w);
		rc = lab_turns(w.loop, opt, &w.quit);
	}
	stop(&w);
	if (ready)
		lab_out_summary(&w.out, &w.faults, "frames");
	return rc;
}
