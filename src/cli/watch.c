/*
 * watch.c - events of the daemon: `watch [NAME]` of links, channels, streams,
 * neighbours and (through sensor_daemon.c) sensors, `lanyard event watch`, `lanyard event list`. As text for
 * people, or with -j/-J one JSON object a line exactly as the daemon sent it.
 *
 * A stream must not pile up: while stdout is full the socket is not read, and
 * the daemon then drops and counts for this stream (docs/control.md).
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "api/number.h"
#include "cli/ctl.h"
#include "cli/show.h"
#include "cli/text.h"
#include "cli/wait.h"
#include "cli/watch.h"

static enum cell_color color_of(const char *kind)
{
	static const struct {
		const char *kind;
		enum cell_color color;
	} colors[] = {{"up", GREEN}, {"all-up", GREEN}, {"link-opened", GREEN}, {"reloaded", GREEN},
		{"joined", GREEN}, {"channel-opened", GREEN}, {"left", RED}, {"channel-failed", RED},
		{"down", RED}, {"lost", RED}, {"link-failed", RED}, {"reload-failed", RED}, {"dropped", RED},
		{"stream-opened", GREEN}, {"stream-failed", RED}, {"gave-up", RED}, {"damaged", YELLOW},
		{"expired", YELLOW}, {"refused", YELLOW}, {"retry", YELLOW}, {"first-failed", YELLOW}};
	for (size_t i = 0; i < sizeof colors / sizeof *colors; i++)
		if (strcmp(colors[i].kind, kind) == 0)
			return colors[i].color;
	return PLAIN;
}

static void number_of(struct out *o, const json_t *e, const char *name, const char *before, const char *after)
{
	if (json_is_integer(json_object_get(e, name)))
		out_printf(o, "%s%llu%s", before, (unsigned long long)ctl_num(e, name), after);
}

/* "  NAME", "  LINK/ID" or "  STREAM/CONN": what an event is about. */
static void show_subject(struct out *o, const json_t *e)
{
	static const char *const families[] = {"link", "channel", "stream", "neighbor", "sensor", NULL};
	const char *const *f = families, *id = ctl_str(e, "id");
	while (*f && !*ctl_str(e, *f))
		f++;
	if (!*f)
		return;
	out_foreign(o, ctl_str(e, *f), strlen(ctl_str(e, *f)));
	if (*id && strcmp(*f, "neighbor") != 0 && strcmp(*f, "sensor") != 0) {
		out_char(o, '/');
		out_foreign(o, id, strlen(id));
	} else if (ctl_num(e, "conn")) {
		number_of(o, e, "conn", "/", "");
	}
	out_text(o, "  ");
}

static void show_counts(struct out *o, const json_t *e, const char *kind)
{
	if (strcmp(kind, "up") == 0)
		number_of(o, e, "connects", "  (connection ", ")");
	if (strcmp(kind, "unsent") == 0)
		number_of(o, e, "count", "  ", " line(s) not acknowledged yet were dropped");
	else if (strcmp(kind, "dropped") == 0)
		number_of(o, e, "count", "  ", " events were dropped: this reader is too slow");
	else if (strcmp(kind, "refused") == 0)
		number_of(o, e, "count", "  ", " datagram(s)");
	else
		number_of(o, e, "count", "  ", " message(s)");
	number_of(o, e, "first", "  from number ", "");
	number_of(o, e, "last", " to ", "");
	number_of(o, e, "epoch", "  epoch ", "");
	number_of(o, e, "token", "  token ", "");
	if (strcmp(kind, "iface") == 0)
		out_text(o, ctl_is(e, "joined") ? "  joined" : "  not joined");
	if (*ctl_str(e, "base64") && !json_object_get(e, "json") && !json_object_get(e, "text"))
		number_of(o, e, "size", "  ", " bytes of binary data");
	if (*ctl_str(e, "opaque"))
		number_of(o, e, "size", "  an object of ", " bytes");
}

/* Of events of streams. */
static void show_stream_counts(struct out *o, const json_t *e, const char *kind)
{
	if (strcmp(kind, "lost") == 0) {
		number_of(o, e, "lost", "  ", " message(s) may be lost");
		number_of(o, e, "doubled", ", ", " doubled");
		number_of(o, e, "unreached", ", ", " of them did not reach the peer's system");
	}
	if (ctl_num(e, "cut"))
		number_of(o, e, "cut", "  ", " bytes of an unfinished message thrown away");
	if (strcmp(kind, "damaged") == 0)
		number_of(o, e, "bytes", "  ", " bytes thrown away");
	if (strcmp(kind, "piece") == 0) {
		number_of(o, e, "size", "  ", " bytes");
		number_of(o, e, "offset", " from byte ", "");
		out_text(o, ctl_is(e, "last") ? ", the last" : "");
	}
	number_of(o, e, "attempts", "  attempt ", "");
	number_of(o, e, "pause_ms", ", the next in ", " ms");
}

/* The value of a message: an object, or what came through a stream; a text as it is. */
static char *value_of(const json_t *e)
{
	const json_t *object = json_object_get(e, "json"), *value = json_object_get(e, "value");
	char buf[NUMBER_FLOAT];
	if (!object && json_is_string(value))
		return strdup(json_string_value(value));
	if (!object && json_is_real(value))
		return strdup(number_float(json_real_value(value), buf));
	return json_dumps(object ? object : value, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* A sender that has a name is known by it, and one of multisock is its address. */
static bool is_repeated(const json_t *e, const char *field)
{
	return strcmp(field, "sender") == 0 &&
	       (*ctl_str(e, "name") || strcmp(ctl_str(e, "sender"), ctl_str(e, "from")) == 0);
}

void show_event(struct out *o, bool color, const json_t *e)
{
	static const char *const texts[] = {
		"peer", "name", "sender", "from", "ifname", "address", "reason", "line", "text", NULL};
	const char *kind = ctl_str(e, "event");
	char clock[32], *value = value_of(e);
	out_text(o, text_clock(ctl_str(e, "time"), clock));
	out_text(o, "  ");
	show_subject(o, e);
	if (*ctl_str(e, "neighbor") || *ctl_str(e, "sensor")) {
		*ctl_str(e, "sensor") ? show_sensor_news(o, color, e) : show_neighbor_news(o, color, e);
		free(value);
		return;
	}
	text_colored(o, color, color_of(kind), kind);
	for (const char *const *f = texts; *f; f++)
		if (*ctl_str(e, *f) && !is_repeated(e, *f) && !(value && strcmp(*f, "text") == 0)) {
			out_text(o, "  ");
			out_foreign(o, ctl_str(e, *f), strlen(ctl_str(e, *f)));
		}
	if (value) {
		out_text(o, "  ");
		out_foreign(o, value, strlen(value));
	}
	show_counts(o, e, kind);
	if (*ctl_str(e, "stream"))
		show_stream_counts(o, e, kind);
	out_char(o, '\n');
	free(value);
}

void watch_print(struct watching *w, const json_t *event)
{
	char *text;
	if (w->ctl.cli->mode == MODE_TEXT) {
		show_event(&w->out, w->color, event);
		return;
	}
	text = json_dumps(event, JSON_COMPACT);
	if (text)
		out_text(&w->out, text);
	out_char(&w->out, '\n');
	free(text);
}

/* One message of the stream; sets `over` when it is the last. */
static void take(struct watching *w, const json_t *msg)
{
	const json_t *event = json_object_get(msg, "event"), *error = json_object_get(msg, "error"),
		     *end = json_object_get(msg, "end");
	if (event && w->print)
		w->seen += w->print(w, event);
	else if (event)
		watch_print(w, event);
	w->seen += event && !w->print;
	w->over = error || end || (w->want && w->seen >= w->want);
	if (error)
		w->rc = ctl_error(&w->ctl, error);
	else if (end && strcmp(ctl_str(end, "reason"), "shutdown") == 0)
		w->rc = cli_error(w->ctl.cli, EXIT_UNREACHABLE, "'lanyard status' tells whether it is back",
			"the daemon ended");
	else if (end)
		w->rc = cli_error(w->ctl.cli, EXIT_NOT_FOUND, "see what there is: lanyard status",
			"the daemon ended the stream: %s", ctl_str(end, "reason"));
}

static void wait_for(struct watching *w)
{
	bool full = out_full(&w->out);
	struct pollfd p[2] = {{.fd = full ? -1 : w->ctl.fd, .events = POLLIN},
		{.fd = w->out.file ? -1 : w->out.fd, .events = out_waiting(&w->out) ? POLLOUT : 0}};
	if (cli_poll(p, 2, cli_ms_until(w->ctl.deadline)) > 0 && (p[1].revents & (POLLERR | POLLNVAL)))
		w->out.gone = true;
}

static void follow(struct watching *w)
{
	while (!w->over) {
		json_t *msg = out_full(&w->out) ? NULL : ctl_ready(&w->ctl);
		if (msg) {
			take(w, msg);
			json_decref(msg);
			if (!out_full(&w->out) && !w->over && (msg = ctl_buffered(&w->ctl))) {
				take(w, msg);
				json_decref(msg);
				continue;
			}
		}
		out_flush(&w->out);
		if (w->out.gone || w->over)
			return;
		if (cli_signals()) {
			w->rc = EXIT_INTERRUPTED;
			return;
		}
		if (w->ctl.eof) {
			w->rc = cli_error(w->ctl.cli, EXIT_UNREACHABLE,
				"'lanyard status' tells whether it is back",
				"the daemon closed the connection");
			return;
		}
		if (cli_now() >= w->ctl.deadline) {
			w->rc = w->want ? cli_error(w->ctl.cli, EXIT_TIMEOUT, NULL,
						  "%llu of %llu %s within --timeout",
						  (unsigned long long)w->seen, (unsigned long long)w->want,
						  w->what)
					: EXIT_TIMEOUT;
			return;
		}
		if (!msg)
			wait_for(w);
	}
}

int watch_follow(struct watching *w, struct cli *cli, const char *verb, json_t *args)
{
	w->want = cli_number(cli, "count", 0);
	w->color = cli_color(cli, STDOUT_FILENO);
	w->rc = ctl_open(&w->ctl, cli);
	out_init(&w->out, STDOUT_FILENO);
	if (w->rc == EXIT_OK)
		w->rc = ctl_send(&w->ctl, 1, verb, args);
	else
		json_decref(args);
	if (w->rc == EXIT_OK)
		follow(w);
	out_drain(&w->out, LAN_NEVER, cli_signals());
	if (w->out.error && w->rc == EXIT_OK)
		w->rc = cli_error(
			cli, EXIT_FAILED, NULL, "cannot write to stdout: %s", strerror(w->out.error));
	ctl_close(&w->ctl);
	out_fini(&w->out);
	return w->rc;
}

static int watch(struct cli *cli, const char *verb, json_t *args)
{
	struct watching w = {.what = "events"};
	return watch_follow(&w, cli, verb, args);
}

/* The verbs watch [NAME] of an object. */
static int watch_named(struct cli *cli, const char *verb, int argc, char **argv)
{
	json_t *args = json_object();
	if (argc)
		json_object_set_new(args, "name", json_string(argv[0]));
	return watch(cli, verb, args);
}

/* --since: a count of digits is a sequence number, all else the daemon's to judge. */
static void add_since(const struct cli *cli, json_t *args)
{
	const char *since = cli_opt(cli, "since");
	if (since && strspn(since, "0123456789") == strlen(since))
		json_object_set_new(args, "since", json_integer(strtoll(since, NULL, 10)));
	else if (since)
		json_object_set_new(args, "since", json_string(since));
}

int link_watch_main(struct cli *cli, int argc, char **argv)
{
	return watch_named(cli, "link.watch", argc, argv);
}

int channel_watch_main(struct cli *cli, int argc, char **argv)
{
	return watch_named(cli, "channel.watch", argc, argv);
}

int stream_watch_main(struct cli *cli, int argc, char **argv)
{
	return watch_named(cli, "stream.watch", argc, argv);
}

int neighbor_watch_main(struct cli *cli, int argc, char **argv)
{
	return watch_named(cli, "neighbor.watch", argc, argv);
}

int event_watch_main(struct cli *cli, int argc, char **argv)
{
	json_t *args = json_object();
	add_since(cli, args);
	return watch(cli, "event.watch", args);
}

int event_list_main(struct cli *cli, int argc, char **argv)
{
	json_t *args = json_object(), *result;
	const json_t *e;
	struct out o;
	size_t i;
	add_since(cli, args);
	if (cli_flag(cli, "count"))
		json_object_set_new(args, "n", json_integer((json_int_t)cli_number(cli, "count", 1000)));
	int rc = ctl_once(cli, "event.list", args, &result);
	if (rc != EXIT_OK)
		return rc;
	if (!text_document(cli, result, "events")) {
		out_init(&o, STDOUT_FILENO);
		json_array_foreach(json_object_get(result, "events"), i, e)
			show_event(&o, cli_color(cli, STDOUT_FILENO), e);
		out_drain(&o, LAN_NEVER, cli_signals());
		out_fini(&o);
		if (ctl_num(result, "left_out"))
			cli_say(cli, "%llu older events are not shown: ask with -n for more",
				(unsigned long long)ctl_num(result, "left_out"));
	}
	json_decref(result);
	return EXIT_OK;
}
