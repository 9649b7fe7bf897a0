/*
 * packet.c - frames in, one interface each, see packet.h and packet_int.h.
 *
 * Before the socket hears anything it has its filter: protocol 0 until bind. What is bound to one EtherType
 * sees neither our own frames nor those of other EtherTypes; only to capture is it bound to all of them, and
 * the filter decides. A tag with a VLAN of ours has been taken off by the kernel and the frame moved to the
 * VLAN's interface; one of no VLAN of ours reaches us as a frame for another host, the tag gone. Only the
 * taps of a capture still see the tag.
 *
 * The slots of recvmmsg are on the stack: a link that is quiet costs no buffer. A turn reads a bounded number
 * of frames of each link, what is left is reported again.
 *
 * An interface that goes down says so once (ENETDOWN) and later comes back without a word. One that is
 * deleted while it is down says nothing at all, therefore we look now and then. packet(7).
 */
#include "io/packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "io/errno_map.h"
#include "io/packet_int.h"

#define SLOTS      16
#define SLOT       (2 + PACKET_HEADER + LAN_PACKET_MAX) /* the content aligned to 16 */
#define FEW        4                                    /* slots asked for while little comes */
#define TURN_SLOTS 128

/* So many frames in such a time make a link busy. */
#define WINDOW LAN_MS(100)
#define BUSY   800

/* Pauses between two looks at an interface that is down. */
#define LOOK_FIRST LAN_MS(250)
#define LOOK_LAST  LAN_SEC(32)

/* ---- judging ------------------------------------------------------------------------ */

static bool is_for_us(struct lan_packet *p, const struct packet_about *a, const uint8_t *frame)
{
	switch (a->ll->sll_pkttype) {
	case PACKET_HOST:
	case PACKET_BROADCAST:
	case PACKET_MULTICAST:
		return true;
	case PACKET_OTHERHOST:
		/* Nobody is another host to a group: the kernel says so of a VLAN it does not know. */
		if (frame[0] & 1) {
			p->stats.drop_vlan++;
			return false;
		}
		break;
	}
	p->stats.drop_other_host++;
	return false;
}

void packet_take(struct lan_packet *p, const struct packet_about *a, const uint8_t *frame, size_t n)
{
	if (n < PACKET_HEADER || a->cut)
		p->stats.drop_truncated++;
	else if ((uint32_t)a->ll->sll_ifindex != p->cfg.ifindex)
		p->stats.drop_iface++;
	else if (a->tci & 0x0fff)
		p->stats.drop_vlan++;
	else if (is_for_us(p, a, frame)) {
		p->stats.rx_frames++;
		p->cfg.frame(p->cfg.ctx, p->cfg.ifindex, frame + 6, frame, frame + PACKET_HEADER,
			n - PACKET_HEADER);
	}
}

/* ---- recvmmsg ------------------------------------------------------------------------- */

struct batch {
	struct mmsghdr msgs[SLOTS];
	struct iovec iov[SLOTS];
	struct sockaddr_ll from[SLOTS];
	_Alignas(struct cmsghdr) uint8_t control[SLOTS][CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	_Alignas(16) uint8_t buf[SLOTS][SLOT + 16 - SLOT % 16];
};

/* How many, or -1 with errno. */
static int receive(int fd, struct batch *b, unsigned ask)
{
	int n;
	for (unsigned i = 0; i < ask; i++) {
		b->iov[i] = (struct iovec){.iov_base = b->buf[i] + 2, .iov_len = SLOT - 2};
		b->msgs[i].msg_hdr = (struct msghdr){.msg_name = &b->from[i],
			.msg_namelen = sizeof b->from[i],
			.msg_iov = &b->iov[i],
			.msg_iovlen = 1,
			.msg_control = b->control[i],
			.msg_controllen = sizeof b->control[i]};
	}
	do
		n = recvmmsg(fd, b->msgs, ask, MSG_DONTWAIT, NULL);
	while (n < 0 && errno == EINTR);
	return n;
}

static uint16_t tag_of(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		struct tpacket_auxdata aux;
		memcpy(&aux, CMSG_DATA(c), sizeof aux);
		return aux.tp_status & TP_STATUS_VLAN_VALID ? aux.tp_vlan_tci : 0;
	}
	return 0;
}

/* One batch; how many there were, -1: none, see errno. */
static int read_batch(struct lan_packet *p)
{
	struct batch b;
	unsigned ask = p->ask;
	int n = receive(p->fd, &b, ask);
	if (n <= 0)
		return n;
	for (int i = 0; i < n; i++) {
		struct packet_about a = {.ll = &b.from[i],
			.tci = tag_of(&b.msgs[i].msg_hdr),
			.cut = b.msgs[i].msg_hdr.msg_flags & MSG_TRUNC};
		packet_take(p, &a, b.buf[i] + 2, b.msgs[i].msg_len);
	}
	p->wait = 0;
	p->in_window += (uint32_t)n;
	p->ask = (unsigned)n < ask ? FEW : SLOTS;
	return n;
}

/* Up to `most` frames. False: the socket said an error. */
static bool read_some(struct lan_packet *p, unsigned most)
{
	unsigned got = 0;
	int n, ask;
	do {
		ask = p->ask;
		n = read_batch(p);
		got += n > 0 ? (unsigned)n : 0;
	} while (n == ask && got < most);
	if (got)
		p->cfg.batch_done(p->cfg.ctx, p->cfg.ifindex);
	return n >= 0 || errno == EAGAIN || errno == EWOULDBLOCK;
}

void packet_drain(struct lan_packet *p)
{
	(void)read_some(p, UINT32_MAX);
}

static void count(struct lan_packet *p)
{
	lan_time now = lan_loop_stamp(p->loop);
	if (now - p->window >= WINDOW) {
		p->window = now;
		p->in_window = 0;
	}
}

/* ---- events ------------------------------------------------------------------------- */

static bool is_gone(int fd)
{
	struct sockaddr_ll a;
	socklen_t len = sizeof a;
	return getsockname(fd, (struct sockaddr *)&a, &len) != 0 || a.sll_ifindex <= 0;
}

static void look_later(struct lan_packet *p)
{
	p->wait = p->wait == 0 ? LOOK_FIRST : p->wait < LOOK_LAST ? p->wait * 2 : LOOK_LAST;
	lan_deadline_arm(p->loop, &p->look, lan_loop_now(p->loop) + p->wait);
}

bool packet_judge_error(struct lan_packet *p, int fd)
{
	int err = 0;
	socklen_t len = sizeof err;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (is_gone(fd)) {
		p->cfg.broken(p->cfg.ctx, p->cfg.ifindex, LAN_ERR_NOTFOUND);
		return false;
	}
	return true;
}

static void on_look(void *ctx)
{
	struct lan_packet *p = ctx;
	if (p->ring)
		packet_ring_look(p);
	else if (p->wait && packet_judge_error(p, p->fd))
		look_later(p);
}

static void on_socket(void *ctx, int events)
{
	struct lan_packet *p = ctx;
	bool fine = !(events & LAN_BROKEN);
	count(p);
	if (!read_some(p, TURN_SLOTS))
		fine = false;
	if (!fine) {
		if (!packet_judge_error(p, p->fd))
			return;
		if (p->ring)
			p->wait = LOOK_FIRST; /* when it has gone */
		else
			look_later(p);
		lan_watch_set(&p->watch, LAN_READABLE);
	}
	if (p->in_window >= BUSY && p->ring)
		packet_ring_spared(p);
	else if (p->in_window >= BUSY && !p->cfg.prompt && lan_loop_stamp(p->loop) >= p->no_ring)
		packet_ring_enter(p);
}

/* ---- open and close ------------------------------------------------------------------- */

int packet_listen(int fd, uint16_t ethertype)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ethertype, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {.len = sizeof code / sizeof *code, .filter = code};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof prog) == 0 ? 0 : errno;
}

static int make_deaf(int fd)
{
	struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
	struct sock_fprog prog = {.len = 1, .filter = code};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof prog) == 0 ? 0 : errno;
}

int packet_socket(const struct lan_packet *p, bool deaf, int *fd)
{
	int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return errno;
	int err = deaf ? make_deaf(s) : packet_listen(s, p->cfg.ethertype);
	if (err) {
		packet_let_go(s);
		return err;
	}
	*fd = s;
	return 0;
}

int packet_bind(const struct lan_packet *p, int fd)
{
	struct sockaddr_ll a = {.sll_family = AF_PACKET,
		.sll_protocol = htons(p->cfg.ethertype),
		.sll_ifindex = (int)p->cfg.ifindex};
	socklen_t len = sizeof a;
	if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
		getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		return errno;
	return a.sll_hatype == ARPHRD_ETHER || a.sll_hatype == ARPHRD_LOOPBACK ? 0 : EOPNOTSUPP;
}

static void join_groups(struct lan_packet *p)
{
	for (size_t i = 0; i < p->cfg.n_groups; i++) {
		struct packet_mreq m = {
			.mr_ifindex = (int)p->cfg.ifindex, .mr_type = PACKET_MR_MULTICAST, .mr_alen = 6};
		memcpy(m.mr_address, p->cfg.groups[i], 6);
		if (setsockopt(p->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof m) != 0)
			p->stats.groups_failed++;
	}
	p->cfg.groups = NULL;
}

static int set_up(struct lan_packet *p)
{
	int on = 1, size = (int)p->cfg.receive_buffer;
	int err = packet_socket(p, false, &p->fd);
	if (err)
		return err;
	if (size && setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
		setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	setsockopt(p->fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on);
	join_groups(p);
	return packet_bind(p, p->fd);
}

static enum lan_err attach(struct lan_packet *p)
{
	enum lan_err e = lan_deadline_init(p->loop, &p->look, on_look, p);
	if (e)
		return e;
	e = lan_watch_init(&p->watch, p->loop, p->fd, on_socket, p);
	if (e)
		lan_deadline_fini(p->loop, &p->look);
	return e;
}

enum lan_err lan_packet_open(struct lan_loop *l, const struct lan_packet_config *cfg, struct lan_packet **out)
{
	struct lan_packet *p = calloc(1, sizeof *p);
	if (!p)
		return LAN_ERR_NOMEM;
	p->loop = l;
	p->cfg = *cfg;
	p->fd = -1;
	p->ask = FEW;
	enum lan_err e = lan_err_from_errno(set_up(p));
	if (!e)
		e = attach(p);
	if (e) {
		if (p->fd >= 0)
			packet_let_go(p->fd);
		free(p);
		return e;
	}
	if (!p->cfg.prompt)
		(void)packet_group_join(p);
	lan_watch_set(&p->watch, LAN_READABLE);
	*out = p;
	return LAN_OK;
}

static void on_closed(struct lan_watch *w)
{
	free(w);
}

void lan_packet_close(struct lan_packet *p)
{
	if (!p)
		return;
	packet_ring_close(p);
	lan_deadline_fini(p->loop, &p->look);
	lan_watch_close(&p->watch, on_closed);
	packet_let_go(p->fd);
}

uint64_t packet_drops(int fd)
{
	struct tpacket_stats_v3 s = {0};
	socklen_t len = sizeof s;
	return getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) == 0 ? s.tp_drops : 0;
}

void lan_packet_stats(struct lan_packet *p, struct lan_packet_stats *out)
{
	p->stats.kernel_drops += packet_drops(p->fd) + packet_ring_drops(p);
	p->stats.ring = packet_ring_used(p);
	*out = p->stats;
}
