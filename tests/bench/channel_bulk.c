/*
 * channel_bulk.c - a reliable sealed channel brings a bulk of messages to many
 * receivers, each a process in a namespace of its own, which all have to take
 * every message once and in order. Settings are the caller's: datagrams per
 * block (-K), history (-F), parity (-A), bytes a second (-r), flag n: without
 * confirmations.
 */
#include "channel_end.h"

static const struct mcast_opt *opt;

static void reliable(struct lan_channel_config *cfg)
{
	cfg->mode = LAN_CHANNEL_RELIABLE;
	cfg->flow = !mcast_flag(opt, 'n');
	cfg->block = opt->block;
	cfg->history = opt->parity;
	cfg->parity = opt->extra;
	cfg->rate = (uint64_t)opt->rate;
}

static void receive(const struct mcast_opt *o, struct bench_shared *mine)
{
	struct channel_end e;
	uint64_t n = o->total / o->size;
	channel_open(&e, o, reliable);
	mcast_ready(mine);
	for (;;) {
		uint64_t seen = mine->done;
		channel_take(&e, o, mine);
		if (seen < n && mine->done >= n)
			mine->at = bench_now();
	}
}

static void turn(void *ctx)
{
	struct channel_end *e = ctx;
	struct lan_channel_event ev;
	lan_loop_run(e->loop, LAN_MS(1));
	while (lan_channel_event(e->ch, &ev))
		if (ev.kind == LAN_CHANNEL_LOST)
			bench_die("the sender lost something");
}

static void wait_for_members(struct channel_end *e, const struct mcast_opt *o)
{
	struct lan_channel_status st;
	uint64_t until = bench_now() + 10000000000u;
	do {
		turn(e);
		lan_channel_status(e->ch, &st);
		if (bench_now() > until)
			bench_die("not all members came");
	} while (st.members <= o->receivers);
}

static void send_all(struct channel_end *e, const struct mcast_opt *o, uint64_t n)
{
	static uint8_t buf[BENCH_MAX];
	struct lan_channel_event ev;
	uint64_t until = bench_now() + (uint64_t)(o->limit * 1e9);
	bench_fill((char *)buf, o->size);
	for (uint64_t i = 0; i < n;) {
		mcast_number(buf, i);
		enum lan_err err = lan_channel_send(e->ch, buf, o->size, 0, NULL);
		if (!err) {
			i++;
			continue;
		}
		channel_must(err == LAN_ERR_FULL ? LAN_OK : err, "send");
		lan_loop_run(e->loop, LAN_MS(100));
		while (lan_channel_event(e->ch, &ev))
			;
		if (bench_now() > until)
			return;
	}
}

int main(int argc, char **argv)
{
	struct mcast_opt o;
	pid_t child[MCAST_RECEIVERS];
	struct channel_end e;
	struct lan_channel_status st;
	mcast_options(argc, argv, &o);
	opt = &o;
	struct bench_shared *sh = bench_share(o.receivers);
	uint64_t n = o.total / o.size;
	mcast_receivers(&o, sh, child, receive);
	channel_open(&e, &o, reliable);
	wait_for_members(&e, &o);
	uint64_t start = bench_now();
	send_all(&e, &o, n);
	uint64_t end = mcast_finish(&o, sh, n, start, turn, &e);
	lan_channel_status(e.ch, &st);
	for (unsigned i = 0; i < o.receivers; i++)
		bench_reap(child[i]);
	printf("{\"what\":\"sealed reliable\",\"n\":%llu,\"seconds\":%.4f,\"rate\":%.1f,\"datagrams\":%llu,"
	       "\"repairs\":%llu,\"parity\":%llu}\n",
		(unsigned long long)n, (double)(end - start) / 1e9, (double)n * 1e9 / (double)(end - start),
		(unsigned long long)st.tx_datagrams, (unsigned long long)st.tx_repairs,
		(unsigned long long)st.tx_parity);
	lan_channel_close(e.ch);
	lan_loop_free(e.loop);
	return 0;
}
