/*
 * coap_load.c - see coap_load.h. Slots of the window are told by the token; a request without an answer for
 * half a second is asked again under a new token and counted as lost.
 */
#include "coap_load.h"

#include <errno.h>
#include <string.h>
#include <sys/time.h>

#define PATIENCE 500000000u /* ns */
#define WARM     0.2        /* seconds before the measurement */

struct batch {
	struct mmsghdr msgs[LOAD_BATCH];
	struct iovec iov[LOAD_BATCH];
	uint8_t buf[LOAD_BATCH][LOAD_MAX];
	struct sockaddr_storage from[LOAD_BATCH];
	unsigned n;
};

static void batch_in(struct batch *b)
{
	for (unsigned i = 0; i < LOAD_BATCH; i++) {
		b->iov[i] = (struct iovec){b->buf[i], LOAD_MAX};
		b->msgs[i].msg_hdr = (struct msghdr){.msg_name = &b->from[i],
			.msg_namelen = sizeof b->from[i],
			.msg_iov = &b->iov[i],
			.msg_iovlen = 1};
	}
}

static void batch_send(struct batch *b, int fd)
{
	for (unsigned at = 0; at < b->n;) {
		int n = sendmmsg(fd, b->msgs + at, b->n - at, 0);
		if (n < 0 && errno != EINTR && errno != ENOBUFS)
			bench_die("sendmmsg");
		at += n > 0 ? (unsigned)n : 0;
	}
	b->n = 0;
}

static void put_length(uint8_t *p, size_t pre, size_t n)
{
	if (!pre)
		return;
	p[0] = (uint8_t)((pre + n) >> 8);
	p[1] = (uint8_t)(pre + n);
}

/* The message in a frame: cut at its length field. */
static size_t take_length(const uint8_t *p, size_t pre, size_t n)
{
	if (!pre)
		return n;
	size_t said = n >= pre ? (size_t)(p[0] << 8 | p[1]) : 0;
	return said >= pre && said <= n ? said - pre : 0;
}

size_t load_get(uint8_t *buf, uint16_t mid, uint32_t token)
{
	uint8_t head[] = {0x44, 1, (uint8_t)(mid >> 8), (uint8_t)mid};
	memcpy(buf, head, 4);
	memcpy(buf + 4, &token, 4);
	buf[8] = 0xb0 | (sizeof LOAD_PATH - 1);
	memcpy(buf + 9, LOAD_PATH, sizeof LOAD_PATH - 1);
	return 8 + sizeof LOAD_PATH;
}

size_t load_answer(uint8_t *out, const uint8_t *request, size_t n)
{
	static const uint8_t tail[] = {0xc0, 0xff, '2', '1', '.', '5'}; /* Content-Format 0, payload */
	size_t tkl = n >= 4 ? request[0] & 15 : 16;
	if (tkl > 8 || n < 4 + tkl || (request[0] & 0xf0) != 0x40)
		return 0;
	out[0] = (uint8_t)(0x60 | tkl);
	out[1] = 0x45;
	memcpy(out + 2, request + 2, 2 + tkl);
	memcpy(out + 4 + tkl, tail, sizeof tail);
	return 4 + tkl + sizeof tail;
}

_Noreturn void load_serve(int fd, size_t pre)
{
	static struct batch in, out;
	for (;;) {
		batch_in(&in);
		int n = recvmmsg(fd, in.msgs, LOAD_BATCH, MSG_WAITFORONE, NULL);
		if (n < 0 && errno != EINTR)
			bench_die("recvmmsg");
		for (int i = 0; i < n; i++) {
			size_t len = take_length(in.buf[i], pre, in.msgs[i].msg_len);
			uint8_t *to = out.buf[out.n];
			len = load_answer(to + pre, in.buf[i] + pre, len);
			if (!len)
				continue;
			put_length(to, pre, len);
			out.iov[out.n] = (struct iovec){to, pre + len};
			out.msgs[out.n].msg_hdr = in.msgs[i].msg_hdr; /* back to where it came from */
			out.msgs[out.n].msg_hdr.msg_iov = &out.iov[out.n];
			out.n++;
		}
		batch_send(&out, fd);
	}
}

/* --- the client ------------------------------------------------------------------- */

struct slots {
	uint64_t at[LOAD_WINDOW];    /* when asked; 0: free */
	uint32_t token[LOAD_WINDOW]; /* serial * LOAD_WINDOW + slot */
	uint32_t serial;
};

static void ask(struct load *l, struct slots *s, unsigned slot, uint64_t now, struct batch *out)
{
	uint8_t *p = out->buf[out->n];
	s->at[slot] = now;
	s->token[slot] = ++s->serial * LOAD_WINDOW + slot;
	size_t n = load_get(p + l->pre, (uint16_t)s->serial, s->token[slot]);
	put_length(p, l->pre, n);
	out->iov[out->n] = (struct iovec){p, l->pre + n};
	out->msgs[out->n].msg_hdr = (struct msghdr){.msg_name = l->to_len ? &l->to : NULL,
		.msg_namelen = l->to_len,
		.msg_iov = &out->iov[out->n],
		.msg_iovlen = 1};
	if (++out->n == LOAD_BATCH)
		batch_send(out, l->fd);
}

/* The payload ends the message and is what was asked for. */
static bool is_value(const uint8_t *p, size_t n)
{
	size_t want = sizeof LOAD_VALUE - 1;
	return n > want + 8 && p[n - want - 1] == 0xff && !memcmp(p + n - want, LOAD_VALUE, want);
}

static void take(struct load *l, struct slots *s, const uint8_t *p, size_t n)
{
	uint32_t token;
	if (n < 8 || p[0] != 0x64)
		return; /* Discover and the like: none of the load's business */
	memcpy(&token, p + 4, 4);
	unsigned slot = token % LOAD_WINDOW;
	if (!s->at[slot] || s->token[slot] != token)
		return; /* asked again already */
	uint16_t mid = (uint16_t)(token / LOAD_WINDOW);
	if (p[1] != 0x45 || p[2] != mid >> 8 || p[3] != (mid & 0xff) || !is_value(p, n))
		bench_die("a wrong answer");
	s->at[slot] = 0;
	l->answers++;
}

void load_run(struct load *l, double seconds)
{
	static struct batch in, out;
	static struct slots s;
	uint64_t now = bench_now(), end = now + (uint64_t)(seconds * 1e9);
	struct timeval tv = {.tv_usec = 50000};
	setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	for (; now < end; now = bench_now()) {
		for (unsigned i = 0; i < l->window; i++) {
			if (s.at[i] && now - s.at[i] > PATIENCE)
				l->lost++, s.at[i] = 0;
			if (!s.at[i])
				ask(l, &s, i, now, &out);
		}
		batch_send(&out, l->fd);
		batch_in(&in);
		int n = recvmmsg(l->fd, in.msgs, LOAD_BATCH, MSG_WAITFORONE, NULL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			bench_die("recvmmsg");
		for (int i = 0; i < n; i++)
			take(l, &s, in.buf[i] + l->pre, take_length(in.buf[i], l->pre, in.msgs[i].msg_len));
	}
}

void load_measure(struct load *l, const struct bench_opt *o, pid_t server)
{
	l->window = o->window < LOAD_WINDOW ? o->window : LOAD_WINDOW;
	load_run(l, WARM);
	l->answers = l->lost = 0;
	uint64_t start = bench_now(), cpu = bench_cpu(), other = bench_cpu_of(server);
	load_run(l, o->seconds);
	uint64_t ns = bench_now() - start;
	if (!l->answers || l->lost > l->answers / 1000)
		bench_die("no answers, or many are lost");
	bench_print_rate("coap", l->answers, ns, bench_cpu() - cpu, bench_cpu_of(server) - other);
}
