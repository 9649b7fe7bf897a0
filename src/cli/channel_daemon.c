/*
 * channel_daemon.c - `lanyard channel send NAME` and `recv NAME` where NAME is a
 * channel of the daemon (a word without ':'; GROUP:PORT opens a channel of one's
 * own). The daemon has the keys and the options, so those of the command line
 * that would open a channel are refused instead of ignored.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "cli/channel.h"
#include "cli/ctl.h"
#include "cli/daemon_send.h"
#include "cli/show.h"
#include "cli/watch.h"

static int refuse_options(const struct cli *cli, const char *name, const char *const *mine)
{
	char what[320];
	snprintf(what, sizeof what, "'%.256s', a channel of the daemon", name);
	return daemon_send_options(cli, what, mine,
		"a channel of one's own is named GROUP:PORT; a daemon's is set up in lanyard.yaml(5)");
}

static bool add_message(struct daemon_send *s, json_t *args, const char *data, size_t n)
{
	json_t *value;
	if (cli_flag(s->ctl.cli, "object")) {
		value = json_loadb(data, n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
		if (!value)
			daemon_send_refused(s, NULL, "is not JSON");
		json_object_set_new(args, "object", value);
		return value != NULL;
	}
	value = memchr(data, '\0', n) ? NULL : json_stringn(data, n);
	if (value)
		json_object_set_new(args, "text", value);
	else
		daemon_send_base64(args, data, n);
	return true;
}

int channel_send_daemon_main(struct cli *cli, int argc, char **argv)
{
	static const char *const mine[] = {"object", "stdin-raw", NULL};
	struct daemon_send s = {
		.family = "channel", .name = argv[0], .verb = "channel.send", .add = add_message};
	int rc = refuse_options(cli, argv[0], mine);
	return rc != EXIT_OK ? rc : daemon_send(&s, cli, argc - 1, argv + 1, cli_flag(cli, "stdin-raw"));
}

/* The bytes of a message as `recv GROUP:PORT` prints them. */
static void print_message(struct watching *w, const json_t *e)
{
	const json_t *text = json_object_get(e, "text"), *json = json_object_get(e, "json");
	const char *base64 = ctl_str(e, "base64");
	bool raw = cli_flag(w->ctl.cli, "raw");
	char *data = NULL;
	size_t n = 0;
	if (json && !raw) {
		data = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
		channel_print_line(&w->out, data ? data : "?", data ? strlen(data) : 1, true);
	} else if (text) {
		if (raw)
			out_bytes(&w->out, json_string_value(text), json_string_length(text));
		else
			channel_print_line(&w->out, json_string_value(text), json_string_length(text), true);
	} else if ((data = malloc(strlen(base64) + 1)) &&
		   lan_base64_decode(base64, strlen(base64), data, &n) == LAN_OK) {
		if (raw)
			out_bytes(&w->out, data, n);
		else
			channel_print_line(&w->out, data, n, false);
	}
	free(data);
}

static bool print_event(struct watching *w, const json_t *e)
{
	const char *kind = ctl_str(e, "event");
	bool message = strcmp(kind, "message") == 0;
	bool presence = strcmp(kind, "joined") == 0 || strcmp(kind, "left") == 0 || strcmp(kind, "lost") == 0;
	if (w->ctl.cli->mode != MODE_TEXT)
		watch_print(w, e);
	else if (message)
		print_message(w, e);
	else if (strcmp(kind, "dropped") == 0)
		cli_say(w->ctl.cli, "%llu messages were dropped: this reader is too slow",
			(unsigned long long)ctl_num(e, "count"));
	else if (presence && cli_flag(w->ctl.cli, "presence"))
		show_event(&w->out, w->color, e);
	return message;
}

int channel_recv_daemon_main(struct cli *cli, int argc, char **argv)
{
	static const char *const mine[] = {"raw", "object", "presence", NULL};
	struct watching w = {.print = print_event, .what = "messages"};
	int rc = refuse_options(cli, argv[0], mine);
	if (rc != EXIT_OK)
		return rc;
	rc = watch_follow(&w, cli, "channel.watch", json_pack("{s:s}", "name", argv[0]));
	return rc == EXIT_TIMEOUT && !w.want && w.seen ? EXIT_OK : rc;
}
