/*
 * coap.c - `lanyard coap get|put|post|delete|observe|discover URI`: one request with the library itself, over
 * UDP, raw Ethernet or serial radio: lanyard-coap(1). The body of the answer is what stdout gets, as it came.
 */
#include "cli/coap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "api/coap_json.h"
#include "cli/say.h"
#include "cli/text.h"
#include "cli/wait.h"

#define NETS_MAX    16
#define OPTIONS_MAX 16
#define BODY_MAX    (16u << 20)

struct asking {
	struct cli *cli;
	struct lan_loop *loop;
	struct lan_coap *coap;
	struct coap_sink sink;
	struct lan_coap_request r;
	const char *nets[NETS_MAX];
	struct lan_coap_option options[OPTIONS_MAX];
	uint8_t *values; /* of the options */
	uint32_t id;
	uint64_t seen, want; /* -n */
	lan_time ends;       /* --timeout */
	bool discover, over;
	int rc;
};

/* ---- the request --------------------------------------------------------------------------------------- */

static int hex_octets(const char *v, uint8_t *out)
{
	int n = 0;
	unsigned octet;
	for (; v[0]; v += 2, n++)
		if (strspn(v, "0123456789abcdefABCDEF") < 2 || sscanf(v, "%2x", &octet) != 1)
			return -1;
		else
			out[n] = (uint8_t)octet;
	return n;
}

/* N=VALUE. */
static int one_option(struct asking *a, const char *v, uint8_t **at)
{
	struct lan_coap_option *o = &a->options[a->r.n_options];
	char *end;
	unsigned long number = strtoul(v, &end, 10);
	if (*v < '0' || *v > '9' || *end != '=' || !number || number > 65535)
		return cli_error(a->cli, EXIT_USAGE, NULL, "--option %s: not NUMBER=VALUE, e.g. 4=0xbeef", v);
	const char *value = end + 1;
	int n = (int)strlen(value);
	if (strncmp(value, "0x", 2) == 0)
		n = hex_octets(value + 2, *at);
	else
		memcpy(*at, value, (size_t)n);
	if (n < 0)
		return cli_error(a->cli, EXIT_USAGE, NULL, "--option %s: not pairs of hexadecimal digits", v);
	*o = (struct lan_coap_option){(uint16_t)number, *at, (size_t)n};
	*at += n;
	a->r.n_options++;
	return EXIT_OK;
}

static int options(struct asking *a)
{
	size_t n = 0, bytes = 0;
	const char *v;
	int rc = EXIT_OK;
	for (; (v = cli_opt_at(a->cli, "option", n)); n++)
		bytes += strlen(v);
	if (n > OPTIONS_MAX)
		return cli_error(a->cli, EXIT_USAGE, NULL, "more than %d options", OPTIONS_MAX);
	a->values = malloc(bytes + 1);
	if (!a->values)
		return cli_error(a->cli, EXIT_FAILED, NULL, "out of memory");
	uint8_t *at = a->values;
	for (size_t i = 0; rc == EXIT_OK && i < n; i++)
		rc = one_option(a, cli_opt_at(a->cli, "option", i), &at);
	a->r.options = a->options;
	return rc;
}

static enum exit_code code_of(enum lan_err e)
{
	return e == LAN_ERR_PERM                                                ? EXIT_PERMISSION
	       : e == LAN_ERR_NOTFOUND                                          ? EXIT_NOT_FOUND
	       : e == LAN_ERR_TIMEOUT                                           ? EXIT_TIMEOUT
	       : e == LAN_ERR_INVAL || e == LAN_ERR_ADDR || e == LAN_ERR_TOOBIG ? EXIT_USAGE
										: EXIT_FAILED;
}

static const char *hint_of(enum lan_err e)
{
	return e == LAN_ERR_PERM ? "raw Ethernet needs root or CAP_NET_RAW; a serial device the right to it"
				 : NULL;
}

static int open_handle(struct asking *a)
{
	struct lan_coap_config cfg = LAN_COAP_CONFIG_INIT;
	const char *why = NULL, *v, *block = cli_opt(a->cli, "block");
	for (; (v = cli_opt_at(a->cli, "net", cfg.n_nets)); cfg.n_nets++) {
		if (cfg.n_nets == NETS_MAX)
			return cli_error(a->cli, EXIT_USAGE, NULL, "more than %d networks", NETS_MAX);
		a->nets[cfg.n_nets] = v;
	}
	cfg.nets = a->nets;
	cfg.max_body = BODY_MAX;
	cfg.block = block ? (uint32_t)strtoul(block, NULL, 10) : 0;
	if (lan_loop_new(&a->loop))
		return cli_error(a->cli, EXIT_FAILED, NULL, "out of memory or descriptors");
	enum lan_err e = lan_coap_open(a->loop, &cfg, &a->coap, &why);
	return e ? cli_error(a->cli, code_of(e), hint_of(e), "%s", why ? why : lan_err_text(e)) : EXIT_OK;
}

/* ---- the answer ---------------------------------------------------------------------------------------- */

/* To stdout, wherever the bodies go. */
static void put_document(struct asking *a, json_t *o)
{
	text_document(a->cli, o, NULL);
	json_decref(o);
}

/* Class 4 and 5: what went wrong is often said in the body. */
static void refused(struct asking *a, const struct lan_coap_event *ev)
{
	char what[600];
	bool text =
		ev->len && ev->len <= 200 && (ev->content_format <= 0) && !memchr(ev->payload, '\0', ev->len);
	a->rc = coap_exit(ev->code);
	snprintf(what, sizeof what, "%s: %s%s%.*s", a->r.uri, ev->code_text, text ? ": " : "",
		text ? (int)ev->len : 0, text ? (const char *)ev->payload : "");
	say_error_text(what, NULL);
	if (a->cli->mode == MODE_TEXT)
		return;
	json_t *o = coap_answer_json(ev);
	json_object_set_new(o, "uri", json_string(a->r.uri));
	json_object_set_new(o, "error",
		json_pack("{s:s,s:s}", "code", cli_code_name((enum exit_code)a->rc), "what", what));
	put_document(a, o);
}

static void discovered(struct asking *a, const struct lan_coap_event *ev)
{
	json_t *links = coap_json_links(ev->payload ? ev->payload : "", ev->len);
	if (!links) {
		a->rc = cli_error(
			a->cli, EXIT_FAILED, NULL, "%s: the list of resources is not well formed", a->r.uri);
		return;
	}
	if (a->cli->mode == MODE_TEXT) {
		coap_links_table(&a->sink.out, cli_color(a->cli, STDOUT_FILENO), links);
		out_flush(&a->sink.out);
		json_decref(links);
		return;
	}
	json_t *doc = json_pack("{s:i,s:s,s:o}", "schema", 1, "uri", a->r.uri, "resources", links);
	text_document(a->cli, doc, "resources");
	json_decref(doc);
}

static void answered(struct asking *a, const struct lan_coap_event *ev)
{
	bool lines = a->r.observe && a->cli->mode == MODE_TEXT;
	if (ev->code >> 5 != 2) {
		refused(a, ev);
		return;
	}
	if (a->discover) {
		discovered(a, ev);
		return;
	}
	if (a->cli->mode == MODE_TEXT || a->sink.file)
		coap_sink_body(&a->sink, ev->payload ? ev->payload : "", ev->len, lines);
	if (a->cli->mode == MODE_TEXT) {
		cli_detail(a->cli, "%s from %s%s%s%s%s, %zu bytes, %.3f ms", ev->code_text, ev->from,
			*ev->media_type ? ", " : "", ev->media_type, *ev->location ? ", " : "", ev->location,
			ev->len, (double)ev->rtt / 1e6);
		return;
	}
	json_t *o = coap_answer_json(ev);
	json_object_set_new(o, "uri", json_string(a->r.uri));
	if (a->r.observe)
		json_object_set_new(
			o, "event", json_string(ev->kind == LAN_COAP_NOTIFY ? "notify" : "response"));
	put_document(a, o);
}

static void failed(struct asking *a, const struct lan_coap_event *ev)
{
	a->over = true;
	a->rc = cli_error(a->cli, ev->err == LAN_ERR_UNREACH ? EXIT_FAILED : code_of(ev->err), NULL, "%s: %s",
		a->r.uri, *ev->text ? ev->text : lan_err_text(ev->err));
}

static void net_news(struct asking *a, const struct lan_coap_event *ev)
{
	if (ev->err)
		cli_say(a->cli, "%s", ev->text);
	else if (strncmp(ev->text, "udp:", 4) != 0)
		cli_detail(a->cli, "%s can be used", ev->text);
}

static void take(struct asking *a, const struct lan_coap_event *ev)
{
	switch (ev->kind) {
	case LAN_COAP_FAILED:
		failed(a, ev);
		return;
	case LAN_COAP_NET:
		net_news(a, ev);
		return;
	case LAN_COAP_RESPONSE:
	case LAN_COAP_NOTIFY:
		answered(a, ev);
		a->seen += a->rc == EXIT_OK;
		a->over = !ev->observing || a->rc != EXIT_OK || (a->want && a->seen >= a->want);
		if (a->r.observe && a->rc == EXIT_OK && !ev->observing && !(a->want && a->seen >= a->want))
			a->rc = cli_error(a->cli, EXIT_FAILED, NULL, "%s: %s", a->r.uri,
				a->seen > 1 ? "the server ended the observation" : "it cannot be observed");
		return;
	}
}

/* ---- the loop --------------------------------------------------------------------------------------------
 */

static void wait_for(struct asking *a)
{
	int ms = lan_loop_timeout(a->loop), limit = cli_ms_until(a->ends);
	struct out *o = &a->sink.out;
	struct pollfd p[2] = {{.fd = lan_loop_fd(a->loop), .events = POLLIN},
		{.fd = o->file ? -1 : o->fd, .events = out_waiting(o) ? POLLOUT : 0}};
	if (limit >= 0 && (ms < 0 || limit < ms))
		ms = limit;
	if (cli_poll(p, 2, ms) > 0 && p[1].revents & (POLLERR | POLLNVAL))
		o->gone = true;
	lan_loop_process(a->loop);
}

static void time_is_over(struct asking *a)
{
	if (a->r.observe && !a->want && a->seen)
		return;
	a->rc = a->want ? cli_error(a->cli, EXIT_TIMEOUT, NULL, "%s: %llu of %llu values within --timeout %s",
				  a->r.uri, (unsigned long long)a->seen, (unsigned long long)a->want,
				  cli_opt(a->cli, "timeout"))
			: cli_error(a->cli, EXIT_TIMEOUT, NULL, "%s: no answer within --timeout %s", a->r.uri,
				  cli_opt(a->cli, "timeout"));
}

static void follow(struct asking *a)
{
	struct lan_coap_event ev;
	while (!a->over) {
		while (!a->over && !out_full(&a->sink.out) && lan_coap_event(a->coap, &ev))
			take(a, &ev);
		out_flush(&a->sink.out);
		if (a->over || a->sink.out.gone)
			break;
		if (cli_signals()) {
			a->rc = EXIT_INTERRUPTED;
			break;
		}
		if (cli_now() >= a->ends) {
			time_is_over(a);
			break;
		}
		wait_for(a);
	}
	lan_coap_cancel(a->coap, a->id); /* ends an observation at the server, too */
}

static int ask(struct asking *a, const struct coap_body *body)
{
	const char *why = NULL;
	a->r.payload = body->p;
	a->r.len = body->len;
	int rc = open_handle(a);
	if (rc != EXIT_OK)
		return rc;
	enum lan_err e = lan_coap_request(a->coap, &a->r, &a->id, &why);
	if (e)
		return cli_error(
			a->cli, code_of(e), hint_of(e), "%s: %s", a->r.uri, why ? why : lan_err_text(e));
	cli_signals_init();
	follow(a);
	return a->rc;
}

static int begin(struct asking *a)
{
	struct coap_body body = {0};
	int rc = coap_format(a->cli, "accept", &a->r.accept);
	if (rc == EXIT_OK)
		rc = coap_format(a->cli, "content-format", &a->r.content_format);
	if (rc == EXIT_OK)
		rc = options(a);
	if (rc == EXIT_OK)
		rc = coap_body(&body, a->cli, BODY_MAX);
	if (rc == EXIT_OK)
		rc = coap_sink_open(&a->sink, a->cli);
	if (rc == EXIT_OK) {
		rc = ask(a, &body);
		int written = coap_sink_close(&a->sink, a->cli);
		rc = rc ? rc : written;
	}
	coap_body_fini(&body);
	lan_coap_close(a->coap);
	lan_loop_free(a->loop);
	free(a->values);
	return rc;
}

static int request(struct cli *cli, const char *uri, uint8_t code, bool observe, bool discover)
{
	lan_time lasts = cli_duration(cli, "timeout", LAN_NEVER);
	struct asking a = {.cli = cli,
		.r = LAN_COAP_REQUEST_INIT,
		.want = cli_number(cli, "count", 0),
		.ends = lasts == LAN_NEVER ? LAN_NEVER : cli_now() + lasts,
		.discover = discover};
	a.r.uri = uri;
	a.r.code = code;
	a.r.observe = observe;
	a.r.non = cli_flag(cli, "non");
	if (observe && cli->mode == MODE_JSON)
		cli->mode = MODE_JSONL; /* there is no end to wait for: always lines */
	return begin(&a);
}

int coap_get_main(struct cli *cli, int argc, char **argv)
{
	(void)argc;
	return request(cli, argv[0], LAN_COAP_GET, false, false);
}

int coap_put_main(struct cli *cli, int argc, char **argv)
{
	(void)argc;
	return request(cli, argv[0], LAN_COAP_PUT, false, false);
}

int coap_post_main(struct cli *cli, int argc, char **argv)
{
	(void)argc;
	return request(cli, argv[0], LAN_COAP_POST, false, false);
}

int coap_delete_main(struct cli *cli, int argc, char **argv)
{
	(void)argc;
	return request(cli, argv[0], LAN_COAP_DELETE, false, false);
}

int coap_observe_main(struct cli *cli, int argc, char **argv)
{
	(void)argc;
	return request(cli, argv[0], LAN_COAP_GET, true, false);
}

/* HOST is a URI without a path, or a host alone. */
int coap_discover_main(struct cli *cli, int argc, char **argv)
{
	bool uri = strstr(argv[0], "://") != NULL;
	size_t n = strlen(argv[0]);
	char *text;
	(void)argc;
	if (asprintf(&text, "%s%s%s.well-known/core", uri ? "" : "coap://", argv[0],
		    n && argv[0][n - 1] == '/' ? "" : "/") < 0)
		return cli_error(cli, EXIT_FAILED, NULL, "out of memory");
	int rc = request(cli, text, LAN_COAP_GET, false, true);
	free(text);
	return rc;
}
