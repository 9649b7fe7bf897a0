/*
 * channel.c - how fast a channel is: one member sends, another one, in another
 * process, takes the events. Best effort, so that it can be held against bare
 * system calls; plain multisock without a key file, sealed with one. Flags a and
 * x: only make that key file, for AES-256-GCM or XChaCha20-Poly1305.
 */
#include <lanyard/key.h>
#include "channel_end.h"

#define BURST 64

static void receive(const struct mcast_opt *o, struct bench_shared *mine)
{
	struct channel_end e;
	channel_open(&e, o, NULL);
	mcast_ready(mine);
	for (;;)
		channel_take(&e, o, mine);
}

/* On a wire the sender need not hear itself; on the loopback interface every member hears all (the bare loop
 * then gets a sender that is a member, too). */
static void no_echo(struct lan_channel_config *cfg)
{
	cfg->no_loopback = true;
}

struct sender {
	const struct mcast_opt *o;
	struct channel_end e;
	uint8_t buf[BENCH_MAX];
};

static unsigned send_some(void *ctx, uint64_t next, unsigned room)
{
	struct sender *s = ctx;
	struct lan_channel_event ev;
	unsigned n = 0;
	for (; n < room && n < BURST; n++) {
		mcast_number(s->buf, next + n);
		enum lan_err e = lan_channel_send(s->e.ch, s->buf, s->o->size, 0, NULL);
		if (e == LAN_ERR_FULL)
			break;
		channel_must(e, "send");
	}
	lan_loop_process(s->e.loop);
	while (lan_channel_event(s->e.ch, &ev))
		;
	return n;
}

static int make_key(const struct mcast_opt *o)
{
	const char *why = "";
	enum lan_cipher c = mcast_flag(o, 'a') ? LAN_CIPHER_AES_256_GCM : LAN_CIPHER_XCHACHA20_POLY1305;
	enum lan_err e = lan_key_generate(o->key, c, &why);
	channel_must(e, e ? why : "");
	return 0;
}

int main(int argc, char **argv)
{
	static struct sender s;
	struct mcast_opt o;
	pid_t child[MCAST_RECEIVERS];
	mcast_options(argc, argv, &o);
	if (mcast_flag(&o, 'a') || mcast_flag(&o, 'x'))
		return make_key(&o);
	struct bench_shared *sh = bench_share(o.receivers);
	mcast_receivers(&o, sh, child, receive);
	s.o = &o;
	channel_open(&s.e, &o, no_echo);
	bench_fill((char *)s.buf, o.size);
	mcast_race(&o, sh, child[0], o.key ? "sealed" : "multisock", send_some, &s);
	lan_channel_close(s.e.ch);
	lan_loop_free(s.e.loop);
	return 0;
}
