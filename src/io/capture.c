/*
 * capture.c - see capture.h. Before the socket hears anything it has its filter: protocol 0 until bind.
 *
 * An interface that goes down says so once (ENETDOWN) and later comes back without a word; one that is
 * deleted says no more than that. So it is looked at now and then until frames come again. packet(7).
 */
#include "io/capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "io/errno_map.h"
#include "io/watch.h"

#define LOOK LAN_MS(250)

enum { TAG = 4, ADDRESSES = 12, SLOTS = 16, SLOT = TAG + LAN_CAPTURE_MAX, TURN = 8 };

struct slot {
	uint8_t buf[SLOT]; /* room for a tag in front */
	_Alignas(struct cmsghdr) uint8_t control[256];
};

struct lan_capture {
	struct lan_watch watch; /* the first member: it outlives the rest */
	struct lan_capture_config cfg;
	struct lan_loop *loop;
	struct lan_deadline look;
	int fd;
	bool held;
	uint64_t frames, drops, seen; /* handed over; the kernel's counts */
	struct slot slots[SLOTS];
};

struct about {
	struct tpacket_auxdata aux;
	bool have_aux;
	uint64_t at;
};

static uint64_t nanoseconds(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

static struct about about_of(struct msghdr *m)
{
	struct about a = {0};
	struct timespec t;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) {
			memcpy(&a.aux, CMSG_DATA(c), sizeof a.aux);
			a.have_aux = true;
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&t, CMSG_DATA(c), sizeof t);
			a.at = nanoseconds(&t);
		}
	}
	if (!a.at && clock_gettime(CLOCK_REALTIME, &t) == 0)
		a.at = nanoseconds(&t);
	return a;
}

static void give(struct lan_capture *p, struct slot *s, struct msghdr *m, size_t n, bool outgoing)
{
	struct about a = about_of(m);
	uint8_t *frame = s->buf + TAG;
	uint32_t length = a.have_aux && a.aux.tp_len > n ? a.aux.tp_len : (uint32_t)n;
	if (n > ADDRESSES && a.have_aux && a.aux.tp_status & TP_STATUS_VLAN_VALID) {
		uint16_t tpid =
			a.aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? a.aux.tp_vlan_tpid : ETHERTYPE_VLAN;
		uint16_t tag[2] = {htons(tpid), htons(a.aux.tp_vlan_tci)};
		frame -= TAG;
		memmove(frame, frame + TAG, ADDRESSES);
		memcpy(frame + ADDRESSES, tag, TAG);
		n += TAG;
		length += TAG;
	}
	p->frames++;
	p->cfg.frame(p->cfg.ctx,
		&(struct lan_captured){
			.at = a.at, .outgoing = outgoing, .frame = frame, .n = n, .length = length});
}

/* One batch; how many there were. */
static int read_batch(struct lan_capture *p)
{
	struct mmsghdr msgs[SLOTS];
	struct iovec iov[SLOTS];
	struct sockaddr_ll from[SLOTS];
	for (int i = 0; i < SLOTS; i++) {
		iov[i] = (struct iovec){.iov_base = p->slots[i].buf + TAG, .iov_len = LAN_CAPTURE_MAX};
		msgs[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
			.msg_namelen = sizeof from[i],
			.msg_iov = &iov[i],
			.msg_iovlen = 1,
			.msg_control = p->slots[i].control,
			.msg_controllen = sizeof p->slots[i].control};
	}
	int n = recvmmsg(p->fd, msgs, SLOTS, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		if ((uint32_t)from[i].sll_ifindex == p->cfg.ifindex)
			give(p, &p->slots[i], &msgs[i].msg_hdr, msgs[i].msg_len,
				from[i].sll_pkttype == PACKET_OUTGOING);
	return n;
}

/* A socket whose interface was deleted is bound to none. */
static bool is_gone(int fd)
{
	struct sockaddr_ll a;
	socklen_t len = sizeof a;
	return getsockname(fd, (struct sockaddr *)&a, &len) != 0 || a.sll_ifindex <= 0;
}

static void on_look(void *ctx)
{
	struct lan_capture *p = ctx;
	if (is_gone(p->fd)) {
		p->cfg.broken(p->cfg.ctx);
		return;
	}
	lan_deadline_arm(p->loop, &p->look, lan_loop_now(p->loop) + LOOK);
}

static void on_socket(void *ctx, int events)
{
	struct lan_capture *p = ctx;
	int n = SLOTS, err;
	socklen_t len = sizeof err;
	for (int i = 0; i < TURN && n == SLOTS && !p->held; i++)
		if ((n = read_batch(p)) > 0) {
			lan_deadline_arm(p->loop, &p->look, LAN_NEVER);
			p->cfg.batch_done(p->cfg.ctx);
		}
	if (!(events & LAN_BROKEN) && (n >= 0 || errno == EAGAIN || errno == EINTR))
		return;
	getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	lan_capture_hold(p, p->held); /* watch on */
	lan_deadline_arm(p->loop, &p->look, lan_loop_now(p->loop));
}

/* Keep what has one of the EtherTypes. The kernel has taken out a VLAN's tag before, but not what a program
 * wrote into a frame that it sends. */
static int filter(int fd, const struct lan_capture_config *cfg)
{
	enum { HEAD = 4 };
	struct sock_filter code[HEAD + LAN_CAPTURE_TYPES + 2] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_VLAN, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_8021AD, 0, 1),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12 + TAG),
	};
	unsigned n = (unsigned)cfg->n_ethertypes;
	for (unsigned i = 0; i < n; i++)
		code[HEAD + i] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, cfg->ethertypes[i], (uint8_t)(n - i), 0);
	code[HEAD + n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	code[HEAD + n + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	struct sock_fprog prog = {.len = (unsigned short)(HEAD + n + 2), .filter = code};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof prog);
}

static int set_up(struct lan_capture *p)
{
	int on = 1, size = (int)p->cfg.receive_buffer;
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)p->cfg.ifindex};
	struct packet_mreq promisc = {.mr_ifindex = (int)p->cfg.ifindex, .mr_type = PACKET_MR_PROMISC};
	socklen_t len = sizeof at;
	p->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->fd < 0 || filter(p->fd, &p->cfg) != 0 ||
		setsockopt(p->fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) != 0 ||
		setsockopt(p->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0)
		return errno;
	if (size && setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
		setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (setsockopt(p->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, sizeof promisc) != 0 ||
		bind(p->fd, (struct sockaddr *)&at, sizeof at) != 0 ||
		getsockname(p->fd, (struct sockaddr *)&at, &len) != 0)
		return errno;
	return at.sll_hatype == ARPHRD_ETHER || at.sll_hatype == ARPHRD_LOOPBACK ? 0 : EOPNOTSUPP;
}

static enum lan_err attach(struct lan_capture *p)
{
	enum lan_err e = lan_deadline_init(p->loop, &p->look, on_look, p);
	if (e)
		return e;
	e = lan_watch_init(&p->watch, p->loop, p->fd, on_socket, p);
	if (e)
		lan_deadline_fini(p->loop, &p->look);
	return e;
}

enum lan_err lan_capture_open(
	struct lan_loop *l, const struct lan_capture_config *cfg, struct lan_capture **out)
{
	struct lan_capture *p = calloc(1, sizeof *p);
	if (!p)
		return LAN_ERR_NOMEM;
	p->cfg = *cfg;
	p->loop = l;
	int err = set_up(p);
	enum lan_err e = lan_err_from_errno(err);
	if (!e)
		e = attach(p);
	if (e) {
		if (p->fd >= 0)
			close(p->fd);
		free(p);
		return err == ENODEV || err == ENXIO ? LAN_ERR_NOTFOUND : e;
	}
	lan_watch_set(&p->watch, LAN_READABLE);
	*out = p;
	return LAN_OK;
}

static void on_closed(struct lan_watch *w)
{
	free(w);
}

void lan_capture_close(struct lan_capture *p)
{
	if (!p)
		return;
	lan_deadline_fini(p->loop, &p->look);
	lan_watch_close(&p->watch, on_closed);
	close(p->fd);
}

void lan_capture_hold(struct lan_capture *p, bool hold)
{
	p->held = hold;
	lan_watch_set(&p->watch, hold ? 0 : LAN_READABLE);
}

void lan_capture_counts(struct lan_capture *p, struct lan_capture_counts *out)
{
	struct tpacket_stats s = {0};
	socklen_t len = sizeof s;
	if (getsockopt(p->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) == 0) {
		p->seen += s.tp_packets; /* drops included */
		p->drops += s.tp_drops;
	}
	uint64_t done = p->frames + p->drops;
	*out = (struct lan_capture_counts){p->frames, p->drops, p->seen > done ? p->seen - done : 0};
}
