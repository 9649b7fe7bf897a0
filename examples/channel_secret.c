/*
 * channel_secret.c - what multisock's first documentation shows, in C: a channel
 * that is encrypted with a key and a passphrase (its DataCrypto), and a logger
 * named after the component. Programs of the original understand each other with
 * it. The cipher is weak (fixed IV, no integrity): new channels should be sealed.
 *
 *      channel_secret COMPONENT GROUP:PORT IFACE say TEXT
 *      channel_secret COMPONENT GROUP:PORT IFACE hear
 */
#include <lanyard/channel.h>
#include <lanyard/logger.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* DataCrypto on its own: what stands on the wire, and what a receiver makes of it. */
static void show(struct lan_logger *log, const char *text)
{
	struct lan_data_crypto *crypto;
	char *wire;
	void *back;
	size_t n;
	bool is_text;
	if (lan_data_crypto_new("pwd", "passphrase", &crypto))
		return;
	if (lan_data_crypto_encrypt(crypto, text, strlen(text), LAN_CHANNEL_TEXT, &wire, &n) == LAN_OK) {
		if (lan_data_crypto_decrypt(crypto, wire, n, &back, &n, &is_text) == LAN_OK) {
			lan_logger_write(log, LAN_LOGGER_DEBUG, "%s is %s", wire, (char *)back);
			free(back);
		}
		free(wire);
	}
	lan_data_crypto_free(crypto);
}

int main(int argc, char **argv)
{
	struct lan_channel_config cfg = LAN_CHANNEL_CONFIG_INIT;
	struct lan_channel_event ev;
	struct lan_channel *ch;
	struct lan_loop *loop;
	struct lan_logger *log;
	const char *why = "out of memory";

	if (argc < 5 || lan_logger_open(argv[1], NULL, &log)) {
		fprintf(stderr, "usage: %s COMPONENT GROUP:PORT IFACE say TEXT | hear\n", argv[0]);
		return 2;
	}
	cfg.address = argv[2];
	cfg.ifaces = (const char *const *)&argv[3];
	cfg.n_ifaces = 1;
	cfg.key = "pwd";
	cfg.iv = "passphrase";
	if (lan_loop_new(&loop) || lan_channel_open(loop, &cfg, &ch, &why)) {
		lan_logger_write(log, LAN_LOGGER_ERROR, "%s", why);
		return 1;
	}
	lan_logger_write(log, LAN_LOGGER_INFO, "Creating UDP Channel on %s", argv[2]);
	if (argc > 5) {
		show(log, argv[5]);
		if (lan_channel_send(ch, argv[5], strlen(argv[5]), LAN_CHANNEL_TEXT, NULL))
			lan_logger_write(log, LAN_LOGGER_ERROR, "cannot send");
	}
	while (argc == 5) {
		lan_loop_run(loop, LAN_NEVER);
		while (lan_channel_event(ch, &ev))
			if (ev.kind == LAN_CHANNEL_MESSAGE)
				lan_logger_write(
					log, LAN_LOGGER_INFO, "%s says %s", ev.from, (char *)ev.data);
	}
	lan_channel_close(ch);
	lan_loop_free(loop);
	lan_logger_close(log);
	return 0;
}
