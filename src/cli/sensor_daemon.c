/*
 * sensor_daemon.c - `lanyard sensor get|put|post|delete|observe ID PATH` and `watch [ID]`: requests to slaves
 * through the daemon, which holds them associated; answers are printed as `lanyard coap` prints them.
 */
#include "cli/sensor_daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "base/utf8.h"
#include "cli/coap.h"
#include "cli/say.h"
#include "cli/show.h"
#include "cli/text.h"
#include "cli/watch.h"

#define BODY_MAX (1u << 20)

#define OPT_NAME                                                                                            \
	{                                                                                                   \
		"name", 0, ARG_TEXT, "NAME", "which master of the daemon, if several know this slave", NULL \
	}
#define OPT_ASK                                                                                           \
	OPT_NAME, {"accept", 'a', ARG_TEXT, "TYPE", "the form wanted: a media type or its number", NULL}, \
		{"query", 0, ARG_TEXT, "QUERY", "a=1&b, percent-encoded", NULL},                          \
	{                                                                                                 \
		"output", 'o', ARG_FILE, "FILE", "bodies go there instead of stdout", NULL                \
	}

const struct opt sensor_get_opts[] = {
	OPT_ASK, {"no-cache", 0, ARG_NONE, NULL, "ask the slave, whatever is remembered", NULL}, {0}};
const struct opt sensor_put_opts[] = {OPT_ASK,
	{"file", 'f', ARG_FILE, "FILE", "the body is in this file; - is stdin", NULL},
	{"content-format", 't', ARG_TEXT, "TYPE", "what the body is: a media type or its number", NULL}, {0}};
const struct opt sensor_observe_opts[] = {OPT_ASK, {0}};
const struct opt sensor_name_opts[] = {OPT_NAME, {0}};
const struct opt sensor_log_opts[] = {OPT_NAME,
	{"since", 0, ARG_TEXT, "WHEN", "a duration (5m) or a time (2026-03-01T12:00:00Z)", NULL}, {0}};

const char *const sensor_list_examples[] = {"lanyard sensor list",
	"every slave: is it there, where, since when",
	"lanyard sensor list -j | jq '.sensors[].slaves[] | select(.state!=\"running\").id'",
	"the numbers of those that are not", NULL};
const char *const sensor_show_examples[] = {
	"lanyard sensor show 169", "when it was heard, what it offers, and why it is not there", NULL};
const char *const sensor_watch_examples[] = {"lanyard sensor watch", "who comes and goes, as it happens",
	"lanyard sensor watch 169 -J", "one slave, as JSON", NULL};
const char *const sensor_get_examples[] = {"lanyard sensor get 169 t1", "the value of a resource",
	"lanyard sensor get 169 t1 -j --no-cache", "with all that came along, asked anew", NULL};
const char *const sensor_put_examples[] = {"lanyard sensor put 169 led on", "set a value", NULL};
const char *const sensor_post_examples[] = {
	"lanyard sensor post 169 log -f report.json -t application/json", "a file, as JSON", NULL};
const char *const sensor_delete_examples[] = {"lanyard sensor delete 169 log", "remove a resource", NULL};
const char *const sensor_observe_examples[] = {"lanyard sensor observe 169 t1",
	"each new value on a line; through restarts of the slave, too", NULL};
const char *const sensor_log_examples[] = {
	"lanyard sensor log --since 1h", "what happened to the slaves in the last hour", NULL};
const char *const sensor_poke_examples[] = {
	"lanyard sensor poke 169", "have it associate anew", "lanyard sensor poke all", "all of them", NULL};

json_t *sensor_args(const struct cli *cli, const char *id)
{
	const char *name = cli_opt(cli, "name");
	unsigned long n = 0;
	char *end = NULL;
	if (id) {
		errno = 0;
		n = strtoul(id, &end, 10);
		if (*id < '0' || *id > '9' || *end || errno || !n || n > INT32_MAX) {
			cli_error(cli, EXIT_USAGE, "see what there is: lanyard sensor list",
				"'%s' is not the number of a slave: 1 to 2147483647", id);
			return NULL;
		}
	}
	json_t *args = json_object();
	if (id)
		json_object_set_new(args, "slave", json_integer((json_int_t)n));
	if (name)
		json_object_set_new(args, "name", json_string(name));
	return args;
}

/* ---- requests --------------------------------------------------------------------------------------------
 */

/* A little less than what the daemon is waited for, so that it is the one who says what was missing. */
static void add_timeout(const struct cli *cli, json_t *args)
{
	lan_time t = cli_duration(cli, "timeout", 0), less = t / 10 < LAN_MS(200) ? t / 10 : LAN_MS(200);
	if (t)
		json_object_set_new(
			args, "timeout_ms", json_integer((json_int_t)((t - less) / LAN_MS(1)) + 1));
}

static json_t *ask_args(const struct cli *cli, char **argv, int *rc)
{
	int32_t accept, format;
	const char *query = cli_opt(cli, "query");
	*rc = coap_format(cli, "accept", &accept);
	if (*rc == EXIT_OK)
		*rc = coap_format(cli, "content-format", &format);
	json_t *args = *rc == EXIT_OK ? sensor_args(cli, argv[0]) : NULL;
	if (!args) {
		*rc = *rc ? *rc : EXIT_USAGE;
		return NULL;
	}
	json_object_set_new(args, "path", json_string(argv[1]));
	if (query)
		json_object_set_new(args, "query", json_string(query));
	if (accept >= 0)
		json_object_set_new(args, "accept", json_integer(accept));
	if (format >= 0)
		json_object_set_new(args, "content_format", json_integer(format));
	if (cli_flag(cli, "no-cache"))
		json_object_set_new(args, "no_cache", json_true());
	add_timeout(cli, args);
	return args;
}

/* The body: VALUE, or a file. */
static int add_body(const struct cli *cli, json_t *args, const char *value)
{
	struct coap_body body = {.p = value ? value : "", .len = value ? strlen(value) : 0};
	int rc = EXIT_OK;
	if (value && cli_flag(cli, "file"))
		return cli_error(cli, EXIT_USAGE, "leave one of them out", "VALUE and -f are both the body");
	if (cli_flag(cli, "file"))
		rc = coap_body(&body, cli, BODY_MAX);
	if (rc == EXIT_OK && lan_utf8_valid(body.p, body.len) && !memchr(body.p, '\0', body.len)) {
		json_object_set_new(args, "payload", json_stringn(body.p, body.len));
	} else if (rc == EXIT_OK) {
		char *text = malloc(lan_base64_len(body.len) + 1);
		if (text) {
			lan_base64_encode(body.p, body.len, text);
			json_object_set_new(args, "base64", json_stringn(text, lan_base64_len(body.len)));
		}
		free(text);
	}
	coap_body_fini(&body);
	return rc;
}

/* "4.04" as one octet. */
static unsigned code_of(const json_t *answer)
{
	const char *c = ctl_str(answer, "code");
	return *c ? (unsigned)strtoul(c, NULL, 10) * 32 + (c[1] ? (unsigned)strtoul(c + 2, NULL, 10) : 0) : 0;
}

static bool put_body(struct coap_sink *s, const json_t *answer, bool line)
{
	const json_t *text = json_object_get(answer, "payload");
	const char *base64 = ctl_str(answer, "base64");
	char *data;
	size_t n = 0;
	bool there = true;
	if (text)
		return coap_sink_body(s, json_string_value(text), json_string_length(text), line);
	data = malloc(strlen(base64) + 1);
	if (data && lan_base64_decode(base64, strlen(base64), data, &n) == LAN_OK)
		there = coap_sink_body(s, data, n, line);
	free(data);
	return there;
}

/* Class 4 or 5 is an error, with the answer beside it in JSON. */
static int print_answer(const struct cli *cli, struct coap_sink *s, json_t *answer)
{
	enum exit_code rc = coap_exit(code_of(answer));
	char what[400];
	if (cli->mode == MODE_TEXT && rc == EXIT_OK) {
		put_body(s, answer, false);
		return EXIT_OK;
	}
	if (rc != EXIT_OK) {
		snprintf(what, sizeof what, "slave %llu, %.100s: %.60s%s%.200s",
			(unsigned long long)ctl_num(answer, "slave"), ctl_str(answer, "path"),
			ctl_str(answer, "code_text"), *ctl_str(answer, "payload") ? ": " : "",
			ctl_str(answer, "payload"));
		say_error_text(what, NULL);
		json_object_set_new(
			answer, "error", json_pack("{s:s,s:s}", "code", cli_code_name(rc), "what", what));
	} else if (s->file) {
		put_body(s, answer, false);
	}
	text_document(cli, answer, NULL);
	return rc;
}

static int ask(struct cli *cli, const char *verb, bool body, int argc, char **argv)
{
	struct coap_sink sink;
	json_t *answer = NULL;
	int rc;
	json_t *args = ask_args(cli, argv, &rc);
	if (args && body)
		rc = add_body(cli, args, argc > 2 ? argv[2] : NULL);
	if (rc == EXIT_OK)
		rc = coap_sink_open(&sink, cli);
	if (rc != EXIT_OK) {
		json_decref(args);
		return rc;
	}
	rc = ctl_once(cli, verb, args, &answer);
	if (rc == EXIT_OK)
		rc = print_answer(cli, &sink, answer);
	int written = coap_sink_close(&sink, cli);
	json_decref(answer);
	return rc ? rc : written;
}

int sensor_get_main(struct cli *cli, int argc, char **argv)
{
	return ask(cli, "sensor.get", false, argc, argv);
}

int sensor_put_main(struct cli *cli, int argc, char **argv)
{
	if (argc < 3 && !cli_flag(cli, "file"))
		return cli_error(cli, EXIT_USAGE, "give VALUE, or -f FILE", "there is no value to put");
	return ask(cli, "sensor.put", true, argc, argv);
}

int sensor_post_main(struct cli *cli, int argc, char **argv)
{
	return ask(cli, "sensor.post", true, argc, argv);
}

int sensor_delete_main(struct cli *cli, int argc, char **argv)
{
	return ask(cli, "sensor.delete", false, argc, argv);
}

/* ---- streams ---------------------------------------------------------------------------------------------
 */

/* A value on a line; with JSON as it came. */
static bool print_value(struct watching *w, const json_t *e)
{
	const json_t *text = json_object_get(e, "payload");
	const char *base64 = ctl_str(e, "base64");
	char *data = NULL;
	size_t n = 0;
	bool dropped = strcmp(ctl_str(e, "event"), "dropped") == 0;
	if (w->ctl.cli->mode != MODE_TEXT) {
		watch_print(w, e);
		return !dropped;
	}
	if (dropped) {
		cli_say(w->ctl.cli, "%llu values were left out: this reader is too slow",
			(unsigned long long)ctl_num(e, "count"));
		return false;
	}
	if (text)
		out_foreign(&w->out, json_string_value(text), json_string_length(text));
	else if ((data = malloc(strlen(base64) + 1)) &&
		 lan_base64_decode(base64, strlen(base64), data, &n) == LAN_OK)
		out_bytes(&w->out, data, n);
	out_char(&w->out, '\n');
	free(data);
	return code_of(e) >> 5 == 2;
}

int sensor_observe_main(struct cli *cli, int argc, char **argv)
{
	struct watching w = {.print = print_value, .what = "values"};
	int rc;
	json_t *args = ask_args(cli, argv, &rc);
	(void)argc;
	if (!args)
		return rc;
	json_object_del(args, "timeout_ms"); /* of the whole, here */
	rc = watch_follow(&w, cli, "sensor.observe", args);
	return rc == EXIT_TIMEOUT && !w.want && w.seen ? EXIT_OK : rc;
}

/* Of one slave, or (0) of all. */
struct slave_watching {
	struct watching w; /* first */
	uint64_t slave;
};

static bool print_event(struct watching *w, const json_t *e)
{
	uint64_t slave = ((const struct slave_watching *)w)->slave;
	if (slave && ctl_num(e, "slave") != slave)
		return false;
	watch_print(w, e);
	return true;
}

int sensor_watch_main(struct cli *cli, int argc, char **argv)
{
	struct slave_watching s = {.w = {.print = print_event, .what = "events"}};
	json_t *args = sensor_args(cli, argc ? argv[0] : NULL);
	if (!args)
		return EXIT_USAGE;
	s.slave = ctl_num(args, "slave");
	json_object_del(args, "slave");
	return watch_follow(&s.w, cli, "sensor.watch", args);
}
