/*
 * channel_reliable.c - a sealed channel on which nothing is lost: members come
 * and go, each says "NAME n" now and then, and everybody who is there hears all
 * of it, once and in order, whatever the network drops. Losses that cannot be
 * repaired are said with their exact numbers.
 *
 *      channel_reliable GROUP:PORT IFACE KEY_FILE NAME [PERIOD_MS]
 *
 * Make the key with `lanyard key generate KEY_FILE`.
 */
#include <lanyard/channel.h>
#include <stdio.h>
#include <stdlib.h>

static void tell(const struct lan_channel_event *ev)
{
	switch (ev->kind) {
	case LAN_CHANNEL_MESSAGE:
		printf("%s: %s\n", ev->name, (const char *)ev->data);
		break;
	case LAN_CHANNEL_JOINED:
		printf("joined: %s\n", ev->sender);
		break;
	case LAN_CHANNEL_LEFT:
		printf("left: %s, %s\n", ev->name, ev->reason);
		break;
	case LAN_CHANNEL_LOST:
		printf("lost: %llu messages of %s: %s\n", (unsigned long long)ev->count, ev->name,
			ev->reason);
		break;
	default:
		break;
	}
}

int main(int argc, char **argv)
{
	struct lan_channel_config cfg = LAN_CHANNEL_CONFIG_INIT;
	struct lan_channel_event ev;
	struct lan_channel *ch;
	struct lan_loop *loop;
	const char *why = "out of memory";
	char text[100];

	if (argc < 5) {
		fprintf(stderr, "usage: %s GROUP:PORT IFACE KEY_FILE NAME [PERIOD_MS]\n", argv[0]);
		return 2;
	}
	cfg.address = argv[1];
	cfg.ifaces = (const char *const *)&argv[2];
	cfg.n_ifaces = 1;
	cfg.key_file = argv[3];
	cfg.name = argv[4];
	cfg.mode = LAN_CHANNEL_RELIABLE;
	if (lan_loop_new(&loop) || lan_channel_open(loop, &cfg, &ch, &why)) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	lan_time period = LAN_MS(argc > 5 ? strtoul(argv[5], NULL, 10) : 1000), next = lan_loop_now(loop);
	for (unsigned n = 0;;) {
		lan_time now = lan_loop_now(loop);
		if (now >= next) {
			int len = snprintf(text, sizeof text, "%u", n);
			/* a full queue: the slowest member is behind; say it next time */
			if (lan_channel_send(ch, text, (size_t)len, 0, NULL) == LAN_OK)
				n++;
			next = now + period;
		}
		lan_loop_run(loop, next > now ? next - now : 0);
		while (lan_channel_event(ch, &ev))
			tell(&ev);
	}
}
