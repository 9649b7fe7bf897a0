/* channel_end.c - see channel_end.h. */
#include "channel_end.h"

#include <stdlib.h>

void channel_must(enum lan_err e, const char *what)
{
	if (e) {
		fprintf(stderr, "%s: %s\n", what, lan_err_text(e));
		exit(1);
	}
}

void channel_open(
	struct channel_end *e, const struct mcast_opt *o, void (*more)(struct lan_channel_config *cfg))
{
	struct lan_channel_config cfg = LAN_CHANNEL_CONFIG_INIT;
	const char *why = "";
	char address[64];
	snprintf(address, sizeof address, "%s:%u", MCAST_GROUP, o->port);
	cfg.address = address;
	cfg.ifaces = &o->iface;
	cfg.n_ifaces = 1;
	cfg.key_file = o->key;
	cfg.no_offload = !o->offload;
	if (more)
		more(&cfg);
	channel_must(lan_loop_new(&e->loop), "loop");
	enum lan_err err = lan_channel_open(e->loop, &cfg, &e->ch, &why);
	channel_must(err, err ? why : "");
}

void channel_take(struct channel_end *e, const struct mcast_opt *o, struct bench_shared *mine)
{
	struct lan_channel_event ev;
	uint64_t seen = mine->done;
	lan_loop_run(e->loop, LAN_NEVER);
	while (lan_channel_event(e->ch, &ev)) {
		if (ev.kind == LAN_CHANNEL_MESSAGE)
			mine->bad += !mcast_is(ev.data, ev.len, o->size, seen++);
		else if (ev.kind == LAN_CHANNEL_LOST) {
			fprintf(stderr, "lost %llu..%llu: %s\n", (unsigned long long)ev.first,
				(unsigned long long)ev.last, ev.reason ? ev.reason : "");
			mine->bad++;
		}
	}
	mine->done = seen;
}
