/*
 * channel.h - what `lanyard channel send` and `lanyard channel recv` share: the
 * options, the open channel, one place that says things.
 */
#ifndef LAN_CLI_CHANNEL_H
#define LAN_CLI_CHANNEL_H

#include <lanyard/channel.h>
#include <lanyard/logger.h>
#include "cli/out.h"
#include "cli/verb.h"
#include "cli/words.h"

#define CHANNEL_LIST_MAX 64

struct channel {
	struct cli *cli;
	struct lan_loop *loop;
	struct lan_channel *handle;
	struct lan_logger *log; /* --component, --log-file */
	struct out out;
	char address[80]; /* canonical */
	bool json, raw, presence, object, reliable, sealed;
	unsigned form; /* of lan_channel_send */
	uint32_t max_message;
	uint64_t received;
	lan_time ends; /* --timeout */
	char *key, *iv;
	struct words ifaces, sources;
};

extern const struct opt channel_send_opts[], channel_recv_opts[];
extern const char *const channel_send_examples[], *const channel_recv_examples[];
extern const char channel_send_more[], channel_recv_more[];

/* Reads the options and opens. EXIT_OK, or another code after having said why. */
int channel_begin(struct channel *c, struct cli *cli, const char *address, bool sending);
void channel_end(struct channel *c);

/* To the logger if there is one, else a line on stderr (debug: with -v only). */
void channel_say(const struct channel *c, enum lan_logger_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Waits for the loop, for `fd` to be readable (-1: not) and for stdout, at most until `until`.
 * True: fd is readable. */
bool channel_wait(struct channel *c, int fd, lan_time until);

/* An event, printed and told (channel_print.c). Messages count as received. */
void channel_event(struct channel *c, const struct lan_channel_event *ev);
/* The bytes of a message as one line; `text`: they are UTF-8 (channel_print.c). */
void channel_print_line(struct out *o, const char *p, size_t n, bool text);
/* What was refused or lost, in the end; with -v all counters. */
void channel_account(const struct channel *c);

/* Is it the name of a channel of the daemon? Numbers and dots alone are a group without its port. */
bool channel_is_name(const char *word);
/* The same verbs with a NAME, a word without ':', for a channel of the daemon (channel_daemon.c). */
int channel_send_daemon_main(struct cli *cli, int argc, char **argv);
int channel_recv_daemon_main(struct cli *cli, int argc, char **argv);

#endif
