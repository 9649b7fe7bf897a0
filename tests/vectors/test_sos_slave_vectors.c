/*
 * test_sos_slave_vectors.c - how the original Arduino library behaved on a virtual clock (sos.json,
 * slave_behaviour), event by event, with ours in its place in `compat`: what it sends when and to whom, its
 * states, its mtu; then single requests to one that is associated.
 *
 *      test_sos_slave_vectors FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "book.h"
#include "proto/sos/slave.h"

enum { EVENTS, REPLIES };
static const char *const words[] = {[EVENTS] = "events", [REPLIES] = "replies"};

static const struct difference differences[] = {
	{"running slave: GET t, token 8", REPLIES, "684500160102030405060708c0ff3432 ",
		"a token of 8 octets comes back whole (S2)"},
	{"running slave: GET .well-known/casan", REPLIES, "60840020 ",
		"only POST is a control message; another request is answered"},
	{"running slave: RST", REPLIES, "", "a RST is answered by nothing (S8)"},
	{"running slave: CON ping", REPLIES, "70000018 ", "a ping is answered by RST (S8)"},
	{"running slave: GET t from another node", REPLIES, "",
		"who is not the master is not answered, and the master not told what it did not ask (S12)"},
	{"running slave: L2 says truncated", REPLIES, "6045001dc0ff3432 ",
		"a frame that is cut is dropped by the driver; what reaches a core is whole"},
	{"running slave: GET t with Observe=0, not observable", REPLIES, "6045001fc0ff3432 ",
		"no Observe option where there is no observation (S4)"},
	{"running slave: code 0.05", REPLIES, "60800020 ", "a method without handler is answered (S6)"},
};

static struct book book = {.words = words,
	.differences = differences,
	.n_differences = sizeof differences / sizeof *differences};

static const struct sos_resource only[] = {{.path = "t", .title = "T", .rt = "c"}};
static const struct lan_ep master = {.link = 1, .len = 2, .addr = {0x12, 0x34}},
			   other_node = {.link = 1, .len = 2, .addr = {0x56, 0x78}};

static void entropy(void *ctx, void *buf, size_t n)
{
	(void)ctx;
	memset(buf, 7, n);
}

struct play {
	struct sos_slave *s;
	lan_time now;
	FILE *f;
	char *text;
	size_t len;
};

static void play_begin(struct play *p)
{
	static const struct lan_env env = {.entropy = entropy};
	struct sos_slave_config cfg = {.id = 169,
		.link = 1,
		.mtu = 127,
		.overhead = 11,
		.resources = only,
		.n_resources = 1,
		.compat = true};
	*p = (struct play){.now = LAN_SEC(1000)};
	if (sos_slave_new(&env, &cfg, &p->s))
		abort();
	p->f = open_memstream(&p->text, &p->len);
}

/* What was said since; to be freed. */
static char *play_said(struct play *p)
{
	fclose(p->f);
	char *text = p->text;
	p->f = open_memstream(&p->text, &p->len);
	return text;
}

static void play_end(struct play *p)
{
	fclose(p->f);
	free(p->text);
	sos_slave_free(p->s);
}

static void print_time(FILE *f, double seconds)
{
	fprintf(f, "%.3f ", seconds);
}

static double seconds(const struct play *p)
{
	return (double)(p->now - LAN_SEC(1000)) / 1e9;
}

/* The sketch's one resource. */
static void serve(struct play *p, bool *changed)
{
	struct sos_slave_event ev;
	uint8_t options[8];
	while (sos_slave_event(p->s, p->now, &ev)) {
		struct coap_wr w = coap_begin_options(options, sizeof options);
		struct coap_response r = {.code = COAP_BAD_REQUEST, .options = options};
		*changed |= ev.kind == SOS_SLAVE_EV_STATE && ev.state != ev.was;
		if (ev.kind == SOS_SLAVE_EV_STATE && ev.state != ev.was)
			fprintf(p->f, "(%s->%s) ", sos_slave_state_name(ev.was),
				sos_slave_state_name(ev.state));
		if (ev.kind != SOS_SLAVE_EV_REQUEST)
			continue;
		if (ev.req.code == COAP_GET) {
			coap_put_uint(&w, COAP_CONTENT_FORMAT, 0);
			r.code = COAP_CONTENT, r.payload = "42", r.len = 2, r.observe = ev.req.observing;
		}
		r.options_len = coap_end(&w);
		if (sos_slave_respond(p->s, p->now, ev.req.id, &r))
			abort();
	}
}

static void print_hex(FILE *f, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%02x", p[i]);
	fprintf(f, " ");
}

/* The original sends, then its state changes. */
static void flush(struct play *p, bool whole)
{
	uint8_t buf[256];
	struct lan_ep to;
	struct sos_slave_status st;
	bool changed = false;
	size_t n;
	for (int round = 0; round < 2; round++) {
		while ((n = sos_slave_ops.output(p->s, p->now, &to, buf, sizeof buf)) > 0) {
			sos_slave_status(p->s, &st);
			if (whole) {
				print_time(p->f, seconds(p));
				fprintf(p->f, "%s mtu %u ",
					!to.len              ? "ffff"
					: to.addr[0] == 0x12 ? "1234"
							     : "5678",
					st.mtu);
			}
			print_hex(p->f, buf, n);
		}
		serve(p, &changed);
	}
}

/* Until just before `end`, or with what is due then. */
static void until(struct play *p, lan_time end, bool inclusive)
{
	lan_time due;
	while ((due = sos_slave_ops.deadline(p->s)) < end || (inclusive && due == end)) {
		p->now = due > p->now ? due : p->now;
		sos_slave_ops.tick(p->s, p->now);
		flush(p, true);
	}
	p->now = end;
}

static void hear(struct play *p, const struct lan_ep *from, const char *hex)
{
	struct buf b = unhex(hex);
	(void)sos_slave_ops.input(p->s, p->now, from, false, b.p, b.n);
	free(b.p);
}

/* ---- scripts: T MS, M HEX (from the master), B HEX (from another)
 * ------------------------------------------ */

static char *played(const char *script)
{
	struct play p;
	play_begin(&p);
	char *lines = strdup(script), *at = lines, *line;
	while ((line = strsep(&at, "\n"))) {
		if (*line == 'T') {
			const char *rest = at ? at : "";
			until(&p, LAN_SEC(1000) + LAN_MS(strtoull(line + 2, NULL, 10)), !*rest);
		} else if (*line) {
			print_time(p.f, seconds(&p));
			fprintf(p.f, "heard %s ", line + 2);
			hear(&p, *line == 'M' ? &master : &other_node, line + 2);
			flush(&p, true);
		}
	}
	free(lines);
	char *text = play_said(&p);
	play_end(&p);
	return text;
}

/* "SL_WAITING_UNKNOWN" as ours is called. */
static void print_state(FILE *f, const char *change)
{
	for (change += 3; *change; change++)
		if (!strncmp(change, ">SL_", 4))
			fprintf(f, ">"), change += 3;
		else
			fprintf(f, "%c",
				*change == '_'                     ? '-'
				: *change >= 'A' && *change <= 'Z' ? *change | 32
								   : *change);
}

static char *captured(const json_t *events)
{
	char *text;
	size_t len, i;
	json_t *e;
	FILE *f = open_memstream(&text, &len);
	json_array_foreach(events, i, e)
	{
		if (str_of(e, "state")) {
			fprintf(f, "(");
			print_state(f, str_of(e, "state"));
			fprintf(f, ") ");
			continue;
		}
		print_time(f, json_number_value(json_object_get(e, "t")));
		if (str_of(e, "recv"))
			fprintf(f, "heard %s ", str_of(e, "recv"));
		else
			fprintf(f, "%s mtu %d %s ", str_of(e, "send_to"),
				(int)json_number_value(json_object_get(e, "l2_mtu")), str_of(e, "hex"));
	}
	fclose(f);
	return text;
}

static void check_script(const json_t *e)
{
	char *theirs = captured(json_object_get(e, "events"));
	book_begin(&book);
	book_compare(&book, str_of(e, "name"), EVENTS, theirs, played(str_of(e, "script")));
	book_end(&book, str_of(e, "name"));
	free(theirs);
}

/* ---- requests to one that is associated -------------------------------------------------------------------
 */

static void check_request(const json_t *e)
{
	struct play p;
	char *theirs;
	size_t len, i;
	json_t *reply;
	FILE *f = open_memstream(&theirs, &len);
	json_array_foreach(json_object_get(e, "replies"), i, reply)
	{
		fprintf(f, "%s ", json_string_value(reply));
	}
	fclose(f);
	play_begin(&p);
	sos_slave_ops.tick(p.s, p.now);
	hear(&p, &master, "40020007bb2e77656c6c2d6b6e6f776e05636173616e4674746c3d3630076d74753d313131");
	flush(&p, false);
	free(play_said(&p));
	hear(&p, strcmp(str_of(e, "from"), "master") ? &other_node : &master, str_of(e, "request"));
	flush(&p, false);
	book_begin(&book);
	book_compare(&book, str_of(e, "name"), REPLIES, theirs, play_said(&p));
	book_end(&book, str_of(e, "name"));
	free(theirs);
	play_end(&p);
}

int main(int argc, char **argv)
{
	json_error_t err = {.text = ""};
	json_t *file = argc == 2 ? json_load_file(argv[1], JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &err)
				 : NULL,
	       *e;
	size_t i;

	if (!file) {
		fprintf(stderr, "test_sos_slave_vectors: %s\n",
			argc == 2 ? err.text : "usage: test_sos_slave_vectors FILE");
		return 2;
	}
	json_array_foreach(json_object_get(file, "slave_behaviour"), i, e)
	{
		if (str_of(e, "script"))
			check_script(e);
		else
			check_request(e);
	}
	json_decref(file);
	return book_close(&book);
}
