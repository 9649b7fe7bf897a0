/*
 * scenario_expect.c - what a scenario may ask of the world: what was seen by
 * whom how often, what was acknowledged or lost, who is up, what stood on the
 * wire, what a counter says, since when it is quiet.
 */
#include <stdio.h>
#include <string.h>
#include "scenario.h"

static void compare(struct words *w, const char *what, uint64_t expected, uint64_t found)
{
	if (!w->bad && expected != found)
		words_error(w, "%s: expected %llu, found %llu", what, (unsigned long long)expected,
			(unsigned long long)found);
}

static uint64_t times_of(struct words *w)
{
	uint64_t n = words_eat(w, "times") ? words_number(w) : words_eat(w, "never") ? 0 : 1;

	words_end(w);
	return n;
}

/* Which flow does `gets ... from X` speak of? X is a name or an id. */
static struct flow *flow_to(struct scenario *s, struct words *w, int to)
{
	const struct word *from;

	if (!words_eat(w, "from")) {
		words_error(w, "\"from WHOM\" is missing");
		return NULL;
	}
	from = words_text(w, "a name or an id");
	for (int i = 0; from && i < s->w.n_f; i++) {
		const struct party *p = &s->w.p[s->w.f[i].from];

		if (s->w.f[i].to == to &&
			(strcmp(p->name, from->text) == 0 || strcmp(p->id, from->text) == 0))
			return &s->w.f[i];
	}
	words_error(w, "nobody called %s writes to %s", from ? from->text : "?", s->w.p[to].name);
	return NULL;
}

static void gets(struct scenario *s, struct words *w, int party)
{
	unsigned written, acked, lost, seen;
	const struct word *text = words_quoted(w);
	uint64_t n = 0;
	struct flow *f;

	if (!text && !words_eat(w, "nothing")) {
		n = words_number(w);
		if (!words_eat(w, "lines"))
			words_error(w, "lines is missing");
	}
	f = flow_to(s, w, party);
	if (!f)
		return;
	if (text)
		n = times_of(w);
	words_end(w);
	seen = ledger_count(f, text ? text->text : NULL, &written, &acked, &lost);
	if (text && n && !written)
		words_error(w, "\"%s\" was never written", text->text);
	compare(w, text ? text->text : "lines", n, seen);
}

/* Over all lines the party's present life wrote. */
static void acked(struct scenario *s, struct words *w, int party)
{
	const struct word *text = words_quoted(w);
	unsigned lines = 0, done = 0;

	words_end(w);
	for (int i = 0; i < s->w.n_f; i++) {
		struct flow *f = &s->w.f[i];

		for (uint32_t k = f->base; f->from == party && k < f->n; k++) {
			if (text && (f->lines[k].len != text->len ||
					    memcmp(f->text + f->lines[k].text, text->text, text->len) != 0))
				continue;
			if (!text && !(f->lines[k].flags & IOT_QOS))
				continue;
			lines++;
			done += f->lines[k].acked;
		}
	}
	if (!lines)
		words_error(w, "nothing of the kind was written");
	compare(w, "acknowledged lines", lines, done);
}

static void streams(struct scenario *s, struct words *w, int party)
{
	compare(w, "streams", words_number(w), s->w.p[party].streams);
	words_end(w);
}

static void counter(struct scenario *s, struct words *w, int party)
{
	const struct party *p = &s->w.p[party];
	const char *name = words_name(w, "a counter's name");
	const struct iot_counters *c;
	bool least = words_eat(w, "at-least");
	uint64_t n = words_number(w);

	words_end(w);
	if (w->bad)
		return;
	c = p->server ? iot_server_counters(p->core) : iot_client_counters(p->core);
	for (int i = 0; i < IOT_C_N; i++)
		if (strcmp(iot_counter_name((enum iot_counter)i), name) == 0) {
			if (!least || c->v[i] < n)
				compare(w, name, n, c->v[i]);
			return;
		}
	words_error(w, "there is no counter %s", name);
}

static void raw_clause(struct scenario *s, struct words *w, const struct raw_peer *r)
{
	const struct word *text;

	if (words_eat(w, "receives")) {
		bool never = words_eat(w, "never");

		text = words_text(w, "bytes");
		if (text && never == (r->n_in && memmem(r->in, r->n_in, text->text, text->len)))
			words_error(w, "received: \"%.*s\"", (int)r->n_in, r->n_in ? (char *)r->in : "");
	} else if (words_eat(w, "closed")) {
		compare(w, "ended streams", 1, r->ended && !r->open);
	} else if (words_eat(w, "open")) {
		compare(w, "open streams", 1, r->open);
	} else {
		words_error(w, "receives, open or closed is missing");
	}
	words_end(w);
}

static void wire(struct scenario *s, struct words *w)
{
	int dir = scenario_dir(w), client = -1;
	enum what what = W_ANY;
	const struct word *text = words_quoted(w);
	uint64_t n = 0, expected;

	if (!text && !scenario_kind(w, &what))
		words_error(w, "a \"line\\n\" or msg, ack, keepalive is missing");
	if (words_eat(w, "of"))
		client = scenario_client(s, w, "a client's name");
	bool least = words_eat(w, "at-least");

	expected = least ? words_number(w) : times_of(w);
	words_end(w);
	for (size_t i = 0; i < s->w.n_wire && !w->bad; i++) {
		const struct wire_line *l = &s->w.wire[i];
		const char *p = s->w.wire_text + l->text;

		if ((dir >= 0 && l->from != dir) || (client >= 0 && l->client != client))
			continue;
		if (text)
			n += l->len == text->len && memcmp(p, text->text, l->len) == 0;
		else
			n += what == W_ANY || what == l->what;
	}
	if (!least || n < expected)
		compare(w, "lines on the wire", expected, n);
}

static void quiet(struct scenario *s, struct words *w)
{
	lan_time since;

	if (!words_eat(w, "since"))
		words_error(w, "\"since TIME\" is missing");
	since = LAN_SEC(1) + words_duration(w);
	words_end(w);
	for (size_t i = 0; i < s->w.n_wire && !w->bad; i++) {
		const struct wire_line *l = &s->w.wire[i];

		if (l->at >= since && l->what != W_KEEPALIVE)
			words_error(w, "not quiet: \"%.*s\"", (int)l->len - 1, s->w.wire_text + l->text);
	}
}

static void link_clause(struct scenario *s, struct words *w, int party)
{
	struct party *p = &s->w.p[party];

	if (words_eat(w, "up")) {
		words_end(w);
		compare(w, "both ends say up", 1, !p->server && world_agree_up(&s->w, party));
	} else if (words_eat(w, "down")) {
		words_end(w);
		compare(w, "the client says up", 0, !p->server && world_status(&s->w, party, false).up);
	} else if (words_eat(w, "connects")) {
		compare(w, "connects", words_number(w), world_status(&s->w, party, true).connects);
	} else if (words_eat(w, "streams")) {
		streams(s, w, party);
	} else if (words_eat(w, "lost")) {
		compare(w, "LOST events", words_number(w), p->lost);
	} else if (words_eat(w, "refused")) {
		compare(w, "REFUSED events", words_number(w), p->refused);
	} else if (words_eat(w, "all-up")) {
		compare(w, "ALL_UP events", words_number(w), p->all_up);
	} else if (words_eat(w, "first-failed")) {
		compare(w, "FIRST_FAILED events", words_number(w), p->first_failed);
	} else if (words_eat(w, "writable")) {
		compare(w, "WRITABLE events", words_number(w), p->writable);
	} else if (words_eat(w, "pending")) {
		compare(w, "pending lines", words_number(w), world_pending(&s->w, party));
	} else {
		words_error(w, "\"%s\" cannot be expected", w->at < w->n ? w->w[w->at].text : "nothing");
	}
}

void scenario_expect(struct scenario *s, struct words *w)
{
	int party;

	if (words_eat(w, "wire")) {
		wire(s, w);
		return;
	}
	if (words_eat(w, "quiet")) {
		quiet(s, w);
		return;
	}
	party = scenario_party(s, w, "somebody to expect something of");
	if (party < 0)
		return;
	if (!s->w.p[party].core)
		words_error(w, "%s is not running", s->w.p[party].name);
	else if (s->w.p[party].raw)
		raw_clause(s, w, s->w.p[party].raw);
	else if (words_eat(w, "gets"))
		gets(s, w, party);
	else if (words_eat(w, "acked"))
		acked(s, w, party);
	else if (words_eat(w, "counter"))
		counter(s, w, party);
	else
		link_clause(s, w, party);
}
