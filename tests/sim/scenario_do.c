/*
 * scenario_do.c - what happens in a scenario: `at TIME ...` and `rule ...`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "scenario.h"

static enum sim_how how_of(struct words *w, enum sim_how otherwise)
{
	if (words_eat(w, "fin"))
		return SIM_FIN;
	if (words_eat(w, "reset"))
		return SIM_RST;
	if (words_eat(w, "silent"))
		return SIM_SILENT;
	return otherwise;
}

static void rule_action(struct scenario *s, struct words *w, struct sim_verdict *v)
{
	v->why = "rule";
	if (words_eat(w, "drop")) {
		v->drop = true;
	} else if (words_eat(w, "double")) {
		v->copies = 1;
		v->copy_delay = words_eat(w, "after") ? words_duration(w) : 0;
	} else if (words_eat(w, "delay")) {
		v->delay = words_duration(w);
	} else if (words_eat(w, "swap")) {
		v->swap = true;
	} else if (words_eat(w, "stall")) {
		v->stall = words_duration(w);
	} else if (words_eat(w, "hole")) {
		v->stall = LAN_NEVER;
	} else if (words_eat(w, "cut")) {
		v->cut = true;
		v->cut_at = (uint32_t)words_number(w);
		v->tell_sender = words_eat(w, "sender") ? how_of(w, SIM_FIN) : SIM_FIN;
		v->tell_receiver = words_eat(w, "receiver") ? how_of(w, SIM_FIN) : SIM_FIN;
	} else {
		words_error(w, "drop, double, delay, swap, stall, hole or cut is missing");
	}
}

static bool hex_word(struct words *w, int *mid)
{
	const struct word *x = &w->w[w->at];

	if (w->at >= w->n || x->quoted || x->len != 2 || strspn(x->text, "0123456789abcdef") != 2)
		return false;
	*mid = (int)strtol(x->text, NULL, 16);
	w->at++;
	return true;
}

void scenario_rule(struct scenario *s, struct words *w)
{
	struct rule r = {.client = -1, .mid = -1, .times = UINT32_MAX};
	const struct word *text;

	r.dir = scenario_dir(w);
	rule_action(s, w, &r.v);
	while (w->at < w->n && !w->bad) {
		if (scenario_kind(w, &r.what) || hex_word(w, &r.mid))
			continue;
		if ((text = words_quoted(w)))
			snprintf(r.text, sizeof r.text, "%s", text->text);
		else if (words_eat(w, "of"))
			r.client = scenario_client(s, w, "a client's name");
		else if (words_eat(w, "skip"))
			r.skip = (unsigned)words_number(w);
		else if (words_eat(w, "once"))
			r.times = 1;
		else if (words_eat(w, "times"))
			r.times = (unsigned)words_number(w);
		else if (!words_eat(w, "always"))
			words_end(w);
	}
	if (w->bad)
		return;
	s->w.rules = realloc(s->w.rules, (s->w.n_rules + 1) * sizeof *s->w.rules);
	if (!s->w.rules)
		abort();
	s->w.rules[s->w.n_rules++] = r;
}

static unsigned flags_of(struct words *w)
{
	unsigned flags = words_eat(w, "qos") ? IOT_QOS : 0;

	if (words_eat(w, "wait"))
		flags |= IOT_WAIT;
	if (flags == IOT_WAIT)
		words_error(w, "wait goes with qos");
	return flags;
}

static int flow_from(struct scenario *s, struct words *w, int party)
{
	if (!s->w.p[party].server)
		return s->w.p[party].out;
	if (!words_eat(w, "to")) {
		words_error(w, "\"to CLIENT\" is missing");
		return -1;
	}
	int client = scenario_client(s, w, "a client's name");

	return client < 0 ? -1 : s->w.p[client].in;
}

/* A sends "text" [to C] [qos [wait]]; A sends N lines "c" ...: c0, c1, ...; a long line: sends N bytes */
static void sends(struct scenario *s, struct words *w, int party)
{
	uint64_t lines = 1, bytes = 0, n;
	const struct word *text;
	int flow;

	if (words_maybe_number(w, &n)) {
		if (words_eat(w, "bytes"))
			bytes = n;
		else if (words_eat(w, "lines"))
			lines = n;
		else
			words_error(w, "lines or bytes is missing");
	}
	text = words_text(w, "a text");
	flow = w->bad ? -1 : flow_from(s, w, party);
	unsigned flags = flags_of(w);

	words_end(w);
	for (uint64_t i = 0; i < lines && !w->bad; i++) {
		size_t cap = bytes > text->len ? bytes + 1 : text->len + 24;
		char *line = calloc(1, cap);

		if (!line)
			abort();
		size_t len = (size_t)snprintf(
			line, cap, lines > 1 ? "%s%llu" : "%s", text->text, (unsigned long long)i);

		for (; len < bytes; len++)
			line[len] = "abcdefghijklmnop"[len % 16];
		enum lan_err err = world_write(&s->w, flow, line, len, flags);

		if (err != LAN_OK && !s->oom)
			words_error(w, "%s cannot send \"%.20s\": %s", s->w.p[party].name, line,
				lan_err_text(err));
		free(line);
	}
}

static void raw_does(struct scenario *s, struct words *w, struct party *p)
{
	const struct word *text;

	if (words_eat(w, "connects")) {
		p->raw->want_dial = true;
	} else if (words_eat(w, "writes")) {
		if ((text = words_text(w, "bytes")))
			raw_peer_write(p->raw, text->text, text->len);
	} else if (words_eat(w, "closes")) {
		p->raw->want_close = true;
	} else if (words_eat(w, "stops-reading")) {
		p->raw->deaf = true;
	} else {
		words_error(w, "connects, writes, closes or stops-reading is missing");
	}
	words_end(w);
	sim_poke(s->w.sim, p->node);
}

static void party_does(struct scenario *s, struct words *w)
{
	int party = scenario_party(s, w, "somebody who does something");
	struct party *p = party < 0 ? NULL : &s->w.p[party];

	if (!p)
		return;
	if (!p->core) {
		if (!s->oom)
			words_error(w, "%s is not running", p->name);
		return;
	}
	if (p->raw) {
		raw_does(s, w, p);
	} else if (words_eat(w, "sends")) {
		sends(s, w, party);
	} else if (words_eat(w, "drops")) {
		int client = p->server ? scenario_client(s, w, "a client's name") : party;
		enum lan_err err = client < 0 ? LAN_ERR_INVAL
				   : p->server
					   ? iot_server_drop(p->core, sim_now(s->w.sim), s->w.p[client].id)
					   : iot_client_drop(p->core, sim_now(s->w.sim));

		if (err != LAN_OK && !s->oom)
			words_error(w, "%s cannot drop it: %s", p->name, lan_err_text(err));
		sim_poke(s->w.sim, p->node);
	} else {
		words_error(w, "sends or drops is missing");
	}
}

static void for_parties(struct scenario *s, struct words *w, void (*fn)(struct scenario *s, int party))
{
	do {
		int party = scenario_party(s, w, "a name");

		if (party >= 0)
			fn(s, party);
	} while (w->at < w->n && !w->bad);
}

static void start_one(struct scenario *s, int party)
{
	world_start(&s->w, party);
}

static void part_one(struct scenario *s, int party)
{
	sim_group(s->w.sim, s->w.p[party].node, 1);
}

static void heal(struct scenario *s)
{
	for (int i = 0; i < s->w.n_p; i++)
		sim_group(s->w.sim, s->w.p[i].node, 0);
}

static void cut(struct scenario *s, struct words *w)
{
	int party = scenario_party(s, w, "a name");
	enum sim_how near = how_of(w, SIM_FIN), far = how_of(w, near);

	words_end(w);
	if (!w->bad)
		sim_cut(s->w.sim, s->w.p[party].node, near, far);
}

void scenario_do(struct scenario *s, struct words *w)
{
	int party;

	if (words_eat(w, "start")) {
		for_parties(s, w, start_one);
	} else if (words_eat(w, "crash")) {
		party = scenario_party(s, w, "a name");
		enum sim_how how = how_of(w, SIM_RST);

		words_end(w);
		if (!w->bad)
			world_crash(&s->w, party, how);
	} else if (words_eat(w, "nap")) {
		party = scenario_party(s, w, "a name");
		lan_time d = words_duration(w);

		words_end(w);
		if (!w->bad)
			world_nap(&s->w, party, d);
	} else if (words_eat(w, "partition")) {
		for_parties(s, w, part_one);
	} else if (words_eat(w, "heal")) {
		words_end(w);
		heal(s);
	} else if (words_eat(w, "cut")) {
		cut(s, w);
	} else if (words_eat(w, "hole")) {
		party = scenario_party(s, w, "a name");
		words_end(w);
		if (!w->bad)
			sim_stall(s->w.sim, s->w.p[party].node, LAN_NEVER);
	} else if (words_eat(w, "rule")) {
		scenario_rule(s, w);
	} else {
		party_does(s, w);
	}
}
