/*
 * packet_tx.c - frames out, see packet.h: one socket for all interfaces.
 *
 * It is bound to nothing and has protocol 0, so that it receives nothing; each frame brings interface,
 * destination and EtherType along, and the kernel writes the header. Frames lie one behind the other in one
 * buffer and leave by sendmmsg, in order. That call tells an error only if it is about its first frame:
 * otherwise it says how many left, and the next call tells.
 *
 * A full socket stops the batch until there is room. A full queue of one interface (ENOBUFS) does so only for
 * some milliseconds: the other interfaces have something to say, too. What an interface refuses is dropped,
 * and told. The send buffer is made larger than the queues of some interfaces, so that one that is stuck
 * does not hold all of it. packet(7), sendmmsg(2).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "io/errno_map.h"
#include "io/packet_int.h"
#include "io/watch.h"

#define FRAMES    64
#define BUF_SIZE  (48u << 10)
#define SEND_BUF  (4 << 20)
#define ETH_OCTET 6

/* Pause when an interface's queue or the kernel's memory is full: the socket would say at once that it is
 * writable. And how many of them a frame is worth. */
#define BREATH  LAN_MS(1)
#define BREATHS 5

struct lan_packet_tx {
	struct lan_watch watch; /* the first member: it outlives the rest */
	struct lan_loop *loop;
	struct lan_deadline breath;
	void (*failed)(void *ctx, uint32_t ifindex, const uint8_t to[6], enum lan_err why);
	void (*writable)(void *ctx);
	void *ctx;
	int fd;
	pid_t owner; /* a child of fork(2) has the batch, too, but must not send it */
	uint16_t ethertype;
	unsigned head, count; /* frames: the first that has not left; all */
	unsigned breaths;     /* that the first one has waited for */
	size_t used;          /* of buf */
	struct mmsghdr msgs[FRAMES];
	struct iovec iov[FRAMES];
	struct sockaddr_ll to[FRAMES];
	uint8_t buf[BUF_SIZE];
};

static void on_room(struct lan_packet_tx *t)
{
	lan_watch_set(&t->watch, 0);
	lan_deadline_arm(t->loop, &t->breath, LAN_NEVER);
	if (t->writable)
		t->writable(t->ctx);
}

static void on_socket(void *ctx, int events)
{
	struct lan_packet_tx *t = ctx;
	if (events & LAN_BROKEN) { /* an error nobody fetched: it is of no frame any more */
		int err;
		socklen_t len = sizeof err;
		getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	}
	on_room(t);
}

static void on_breath(void *ctx)
{
	on_room(ctx);
}

enum lan_err lan_packet_tx_open(struct lan_loop *l, uint16_t ethertype, struct lan_packet_tx **out)
{
	int size = SEND_BUF;
	struct lan_packet_tx *t = malloc(sizeof *t);
	if (!t)
		return LAN_ERR_NOMEM;
	memset(t, 0, offsetof(struct lan_packet_tx, buf));
	t->loop = l;
	t->ethertype = ethertype;
	t->owner = getpid();
	enum lan_err e = LAN_OK;
	t->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0) {
		e = lan_err_from_errno(errno);
		free(t);
		return e;
	}
	if (setsockopt(t->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
		setsockopt(t->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	e = lan_deadline_init(l, &t->breath, on_breath, t);
	if (!e) {
		e = lan_watch_init(&t->watch, l, t->fd, on_socket, t);
		if (e)
			lan_deadline_fini(l, &t->breath);
	}
	if (e) {
		close(t->fd);
		free(t);
		return e;
	}
	*out = t;
	return LAN_OK;
}

static void on_closed(struct lan_watch *w)
{
	free(w);
}

void lan_packet_tx_close(struct lan_packet_tx *t)
{
	if (!t)
		return;
	t->failed = NULL;
	t->writable = NULL;
	if (t->owner == getpid())
		(void)!lan_packet_tx_flush(t);
	lan_deadline_fini(t->loop, &t->breath);
	lan_watch_close(&t->watch, on_closed);
	packet_let_go(t->fd);
}

void lan_packet_tx_on(struct lan_packet_tx *t,
	void (*failed)(void *ctx, uint32_t ifindex, const uint8_t to[6], enum lan_err why),
	void (*writable)(void *ctx), void *ctx)
{
	t->failed = failed;
	t->writable = writable;
	t->ctx = ctx;
}

/* ---- the batch ------------------------------------------------------------------ */

uint8_t *lan_packet_tx_room(struct lan_packet_tx *t)
{
	if (t->count == FRAMES || BUF_SIZE - t->used < LAN_PACKET_MAX)
		return NULL;
	return t->buf + t->used;
}

void lan_packet_tx_add(struct lan_packet_tx *t, uint32_t ifindex, const uint8_t to[6], size_t n)
{
	unsigned i = t->count++;
	t->to[i] = (struct sockaddr_ll){.sll_family = AF_PACKET,
		.sll_protocol = htons(t->ethertype),
		.sll_ifindex = (int)ifindex,
		.sll_halen = ETH_OCTET};
	memcpy(t->to[i].sll_addr, to, ETH_OCTET);
	t->iov[i] = (struct iovec){.iov_base = t->buf + t->used, .iov_len = n};
	t->msgs[i].msg_hdr = (struct msghdr){.msg_name = &t->to[i],
		.msg_namelen = sizeof t->to[i],
		.msg_iov = &t->iov[i],
		.msg_iovlen = 1};
	t->used += n;
}

/* As many as the kernel takes; 0, or the error of the frame at `head`. */
static int send_some(struct lan_packet_tx *t)
{
	unsigned left = t->count - t->head;
	int r;
	do
		r = sendmmsg(t->fd, t->msgs + t->head, left, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno;
	t->head += (unsigned)r;
	if (r > 0)
		t->breaths = 0;
	return 0;
}

/* Whether this error is about room that may come. */
static bool wait_for_room(struct lan_packet_tx *t, int err)
{
	if (err == EAGAIN || err == EWOULDBLOCK) {
		lan_watch_set(&t->watch, LAN_WRITABLE);
		return true;
	}
	if ((err != ENOBUFS && err != ENOMEM) || t->breaths >= BREATHS)
		return false;
	t->breaths++;
	lan_deadline_arm(t->loop, &t->breath, lan_loop_now(t->loop) + BREATH);
	return true;
}

enum lan_err lan_packet_tx_flush(struct lan_packet_tx *t)
{
	while (t->head < t->count) {
		int err = send_some(t);
		if (!err)
			continue;
		if (wait_for_room(t, err))
			return LAN_ERR_AGAIN;
		const struct sockaddr_ll *to = &t->to[t->head++];
		t->breaths = 0;
		if (t->failed)
			t->failed(t->ctx, (uint32_t)to->sll_ifindex, to->sll_addr, lan_err_from_errno(err));
	}
	t->head = t->count = 0;
	t->used = 0;
	return LAN_OK;
}
