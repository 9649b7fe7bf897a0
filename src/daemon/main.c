/*
 * main.c - lanyardd: options, signals, the order of starting and ending.
 *
 * Starting: configuration, control socket, links, channels, streams, neighbors and sensors; then privileges
 * are dropped, then "ready". Whatever fails on the way ends the daemon with one clear sentence and a status;
 * nothing runs half. SIGHUP reloads. SIGTERM and SIGINT drain: no new requests, up to 5 s for lines to be
 * acknowledged, messages to be sent and connections of streams to be finished, then everything is closed
 * (channels say goodbye) and the status is 0. A second one ends it at once.
 *
 * Always in the foreground; a service manager does the rest. Man page:
 * lanyardd(8).
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "daemon/config_json.h"
#include "daemon/daemon.h"
#include "daemon/sd.h"
#include "io/process.h"

#define DRAIN_MAX  LAN_SEC(5)
#define DRAIN_LOOK LAN_MS(10)

enum { EXIT_USAGE = 2 };

static const char usage[] =
	"Usage: lanyardd [-c FILE] [-s SOCKET] [--check] [--print-config [--json]] [-v] [-q]\n"
	"Serve the links, channels, streams, neighbors and sensors of the configuration; runs in the "
	"foreground.\n"
	"\n"
	"  -c, --config FILE    configuration (default $LANYARD_CONFIG, then " CONFIG_DEFAULT_FILE ",\n"
	"                       then one link on 127.0.0.1:8123); conf.d/*.yaml beside it is read too\n"
	"  -s, --socket SOCKET  control socket (default $LANYARD_SOCKET, then the configuration's,\n"
	"                       then /run/lanyard/lanyard.sock or $XDG_RUNTIME_DIR/lanyard.sock)\n"
	"      --check          check the configuration, say what is wrong with it, and end\n"
	"      --print-config   print the configuration with all defaults as YAML, and end\n"
	"      --json           ... as JSON\n"
	"  -v, --verbose        log more (twice: all)\n"
	"  -q, --quiet          log less (twice: errors only)\n"
	"  -h, --help           this text\n"
	"      --version        print the version\n"
	"\n"
	"SIGHUP reloads the configuration, SIGTERM and SIGINT drain for up to 5 s and end.\n"
	"See lanyardd(8), lanyard.yaml(5); look inside with: lanyard link list\n";

struct options {
	const char *config, *socket;
	bool check, print, json;
	int verbosity;
};

/* Returns -1 to go on, else the exit status. */
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
		{"socket", required_argument, NULL, 's'}, {"check", no_argument, NULL, 'C'},
		{"print-config", no_argument, NULL, 'P'}, {"json", no_argument, NULL, 'J'},
		{"verbose", no_argument, NULL, 'v'}, {"quiet", no_argument, NULL, 'q'},
		{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
	for (int c; (c = getopt_long(argc, argv, "c:s:vqh", longs, NULL)) != -1;) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 's':
			o->socket = optarg;
			break;
		case 'C':
			o->check = true;
			break;
		case 'P':
			o->print = true;
			break;
		case 'J':
			o->json = true;
			break;
		case 'v':
			o->verbosity++;
			break;
		case 'q':
			o->verbosity--;
			break;
		case 'h':
			fputs(usage, stdout);
			return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
		case 'V':
			printf("lanyardd %s\n", lan_version());
			return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
		default:
			fputs("Try: lanyardd --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (o->json && !o->print) {
		fputs("lanyardd: --json goes with --print-config\nTry: lanyardd --help\n", stderr);
		return EXIT_USAGE;
	}
	if (optind < argc) {
		fprintf(stderr, "lanyardd: unexpected argument \"%s\"\nTry: lanyardd --help\n", argv[optind]);
		return EXIT_USAGE;
	}
	return -1;
}

static void print_notes(const char *head, const struct config_notes *n)
{
	for (size_t i = 0; i < n->n; i++)
		fprintf(stderr, "%s%s\n", head, n->note[i]);
	if (n->more)
		fprintf(stderr, "%sand %zu more\n", head, n->more);
}

static void print_ok(const struct config_set *set)
{
	uint32_t links = set->config->link_count, channels = set->config->channel_count,
		 streams = set->config->stream_count, neighbors = set->config->neighbor_count,
		 sensors = set->config->sensor_count;
	printf("%s: ok, %u link%s", set->source, links, links == 1 ? "" : "s");
	if (channels)
		printf(", %u channel%s", channels, channels == 1 ? "" : "s");
	if (streams)
		printf(", %u stream%s", streams, streams == 1 ? "" : "s");
	if (neighbors)
		printf(", %u neighbor%s", neighbors, neighbors == 1 ? "" : "s");
	if (sensors)
		printf(", %u sensor%s", sensors, sensors == 1 ? "" : "s");
	putchar('\n');
}

/* Free it. NULL: out of memory. */
static char *printed(const struct config *c, bool as_json)
{
	json_t *j = as_json ? config_json(c) : NULL;
	char *text = as_json ? json_dumps(j, JSON_INDENT(2)) : config_yaml(c);
	json_decref(j);
	return text;
}

/* --check and --print-config: nothing is opened, no socket's directory is made. */
static int look_at_config(const struct options *o)
{
	struct config_set *set = NULL;
	struct config_notes errors = {0};
	char *yaml;
	bool ok = config_load(o->config, &set, &errors);
	print_notes("", &errors);
	config_notes_fini(&errors);
	if (!ok)
		return EXIT_FAILURE;
	if (o->socket) {
		free(set->config->daemon->socket);
		set->config->daemon->socket = strdup(o->socket);
	}
	print_notes("warning: ", &set->warnings);
	yaml = o->print ? printed(set->config, o->json) : NULL;
	if (o->print && yaml)
		fputs(yaml, stdout);
	else if (!o->print && o->verbosity >= 0)
		print_ok(set);
	ok = (!o->print || yaml) && fflush(stdout) == 0;
	free(yaml);
	config_set_free(set);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void on_hup(void *ctx, int signum)
{
	struct daemon *d = ctx;
	struct daemon_change change = {0};
	struct config_notes errors = {0};
	(void)signum;
	if (d->stopping)
		return;
	log_event(LOG_L_INFO, "reloading", LOG_S("cause", "SIGHUP"));
	daemon_reload(d, &change, &errors);
	daemon_change_fini(&change);
	config_notes_fini(&errors);
}

static void on_drain(void *ctx)
{
	struct daemon *d = ctx;
	lan_time now = lan_loop_now(d->loop);
	bool quiet = links_pending(&d->links) == 0 && channels_pending(&d->channels) == 0 &&
		     streams_pending(&d->streams) == 0 && streams_conns(&d->streams) == 0;
	d->stopped |= quiet || now >= d->drain_until;
	lan_deadline_arm(d->loop, &d->drain, now + DRAIN_LOOK);
}

static void on_term(void *ctx, int signum)
{
	struct daemon *d = ctx;
	if (d->stopping) {
		d->stopped = true;
		return;
	}
	d->stopping = true;
	control_drain(&d->control);
	streams_finish(&d->streams);
	log_event(LOG_L_INFO, "daemon-state", LOG_S("from", "running"), LOG_S("to", "draining"),
		LOG_S("cause", signum == SIGINT ? "SIGINT" : "SIGTERM"),
		LOG_U("pending", links_pending(&d->links)),
		LOG_U("pending_bytes", channels_pending(&d->channels)),
		LOG_U("pending_messages", streams_pending(&d->streams)),
		LOG_U("conns", streams_conns(&d->streams)));
	sd_stopping();
	d->drain_until = lan_loop_now(d->loop) + DRAIN_MAX;
	on_drain(d);
}

static void on_watchdog(void *ctx)
{
	struct daemon *d = ctx;
	sd_watchdog();
	lan_deadline_arm(d->loop, &d->watchdog, lan_loop_now(d->loop) + sd_watchdog_every());
}

static enum lan_err open_loop(struct daemon *d)
{
	enum lan_err e = lan_loop_new(&d->loop);
	if (e == LAN_OK)
		e = lan_loop_signal(d->loop, SIGHUP, on_hup, d);
	if (e == LAN_OK)
		e = lan_loop_signal(d->loop, SIGTERM, on_term, d);
	if (e == LAN_OK)
		e = lan_loop_signal(d->loop, SIGINT, on_term, d);
	if (e == LAN_OK)
		e = lan_deadline_init(d->loop, &d->watchdog, on_watchdog, d);
	if (e == LAN_OK)
		e = lan_deadline_init(d->loop, &d->drain, on_drain, d);
	if (e == LAN_OK)
		d->events = events_new(16, control_on_event, &d->control);
	if (e == LAN_OK && !d->events)
		e = LAN_ERR_NOMEM;
	if (e == LAN_OK)
		e = links_init(&d->links, d->loop, d->events);
	if (e == LAN_OK)
		e = entries_init(&d->channels, &channel_kind, d->loop, d->events);
	if (e == LAN_OK)
		e = entries_init(&d->streams, &stream_kind, d->loop, d->events);
	if (e == LAN_OK)
		e = entries_init(&d->neighbors, &neighbor_kind, d->loop, d->events);
	if (e == LAN_OK)
		e = entries_init(&d->sensors, &sensor_kind, d->loop, d->events);
	d->channels.privileges = d->streams.privileges = d->neighbors.privileges = &d->privileges;
	d->sensors.privileges = &d->privileges;
	return e;
}

/* The socket, then the links: a second daemon ends before it touches a port. Who connects meanwhile is
 * greeted when the loop runs, and finds everything open. */
static bool start(struct daemon *d, struct text *what)
{
	struct config_notes errors = {0};
	struct config_set *set = NULL;
	enum lan_err e = open_loop(d);
	if (e != LAN_OK) {
		text_puts(what, lan_err_text(e));
		return false;
	}
	if (!daemon_config(d, &set, &errors)) {
		print_notes("lanyardd: ", &errors);
		config_notes_fini(&errors);
		text_puts(what, "the configuration is not usable");
		return false;
	}
	daemon_log_setup(d, set);
	d->socket = strdup(set->config->daemon->socket);
	if (d->socket && control_open(&d->control, d->loop, d->socket, what) && daemon_start(d, set, what))
		return daemon_drop_privileges(d, what);
	config_set_free(set);
	return false;
}

static void say_hello(const struct daemon *d)
{
	struct text status = {0};
	daemon_status_text(d, &status);
	log_event(LOG_L_INFO, "daemon-state", LOG_S("from", "starting"), LOG_S("to", "running"),
		LOG_S("cause", "start"), LOG_S("version", lan_version()), LOG_S("config", d->set->source),
		LOG_S("socket", d->socket), LOG_S("look", "lanyard link list"));
	sd_ready(text_str(&status));
	text_fini(&status);
}

static void stop(struct daemon *d)
{
	size_t left = d->links.loop ? links_pending(&d->links) : 0;
	size_t bytes = d->channels.loop ? channels_pending(&d->channels) : 0;
	uint64_t messages = d->streams.loop ? streams_pending(&d->streams) : 0;
	bool over = left || bytes || messages;
	if (d->stopping)
		log_event(over ? LOG_L_WARN : LOG_L_INFO, "daemon-state", LOG_S("from", "draining"),
			LOG_S("to", "ended"), LOG_S("cause", over ? "drain limit" : "drained"),
			LOG_U("unacknowledged", left), LOG_U("unsent_bytes", bytes),
			LOG_U("unsent_messages", messages));
	entries_fini(&d->sensors);
	entries_fini(&d->neighbors);
	entries_fini(&d->streams);
	entries_fini(&d->channels);
	links_fini(&d->links);
	control_close(&d->control);
	if (d->loop) {
		lan_deadline_fini(d->loop, &d->watchdog);
		lan_deadline_fini(d->loop, &d->drain);
	}
	events_free(d->events);
	config_set_free(d->set);
	lan_loop_free(d->loop);
	free(d->reload_error);
	free(d->socket);
	sd_close();
}

int main(int argc, char **argv)
{
	static struct daemon d;
	struct options o = {0};
	struct text what = {0};
	if (!lan_process_init())
		return EXIT_FAILURE;
	int status = parse(argc, argv, &o);
	if (status >= 0)
		return status;
	if (o.check || o.print)
		return look_at_config(&o);
	d = (struct daemon){.config_path = o.config,
		.socket_path = o.socket,
		.verbosity = o.verbosity,
		.started_ns = text_wall_ns(),
		.control.d = &d};
	signal(SIGPIPE, SIG_IGN);
	sd_open();
	log_open();
	status = EXIT_SUCCESS;
	if (start(&d, &what)) {
		d.started = lan_loop_now(d.loop);
		say_hello(&d);
		if (sd_watchdog_every())
			on_watchdog(&d);
		while (!d.stopped)
			lan_loop_run(d.loop, LAN_NEVER);
	} else {
		log_event(LOG_L_ERROR, "start-failed", LOG_S("reason", text_str(&what)));
		status = EXIT_FAILURE;
	}
	stop(&d);
	text_fini(&what);
	return status;
}
