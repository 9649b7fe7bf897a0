/*
 * scenario.c - reading a scenario, declaring its parties, running its steps.
 *
 * Declarations are carried out while reading; `at` and `expect` are kept and
 * become events of the simulation. Every promise of the ledger is checked in
 * every scenario, whatever it expects besides.
 */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/units.h"

#define START LAN_SEC(1) /* the simulator's clock does not begin at 0 */

int scenario_party(struct scenario *s, struct words *w, const char *what)
{
	const char *name = words_name(w, what);

	for (int i = 0; name && i < s->w.n_p; i++)
		if (strcmp(s->w.p[i].name, name) == 0)
			return i;
	if (name)
		words_error(w, "nobody is called %s", name);
	return -1;
}

int scenario_client(struct scenario *s, struct words *w, const char *what)
{
	int i = scenario_party(s, w, what);

	if (i >= 0 && s->w.p[i].server) {
		words_error(w, "%s is a server, %s must be a client", s->w.p[i].name, what);
		return -1;
	}
	return i;
}

int scenario_dir(struct words *w)
{
	if (words_eat(w, "c2s"))
		return 0;
	if (words_eat(w, "s2c"))
		return 1;
	if (!words_eat(w, "both"))
		words_error(w, "c2s, s2c or both is missing");
	return -1;
}

bool scenario_kind(struct words *w, enum what *what)
{
	static const struct {
		const char *name;
		enum what what;
	} kinds[] = {{"msg", W_MSG}, {"ack", W_ACK}, {"keepalive", W_KEEPALIVE}, {"id-line", W_ID},
		{"line", W_ANY}};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (words_eat(w, kinds[i].name)) {
			*what = kinds[i].what;
			return true;
		}
	return false;
}

static uint64_t size_of(struct words *w)
{
	const char *text = words_name(w, "a size (600, 64K)");
	uint64_t n = 0;

	if (text && lan_parse_size(text, &n) != LAN_OK)
		words_error(w, "%s is no size (600, 64K)", text);
	return n;
}

static void dup_option(struct words *w, struct iot_config *cfg)
{
	if (words_eat(w, "silent"))
		cfg->dup = IOT_DUP_SILENT;
	else if (words_eat(w, "refuse"))
		cfg->dup = IOT_DUP_REFUSE;
	else if (words_eat(w, "replace"))
		cfg->dup = IOT_DUP_REPLACE;
	else
		words_error(w, "silent, refuse or replace is missing");
}

static void core_options(struct words *w, struct iot_config *cfg)
{
	while (w->at < w->n && !w->bad) {
		if (words_eat(w, "window"))
			cfg->window = (uint32_t)words_number(w);
		else if (words_eat(w, "queue"))
			cfg->max_queue = (uint32_t)size_of(w);
		else if (words_eat(w, "events"))
			cfg->max_events = (uint32_t)size_of(w);
		else if (words_eat(w, "max-line"))
			cfg->max_line = (uint32_t)size_of(w);
		else if (words_eat(w, "hold-off"))
			cfg->hold_off = words_eat(w, "none") ? LAN_NEVER : words_duration(w);
		else if (words_eat(w, "retry"))
			cfg->retry_min = cfg->retry_max = words_duration(w);
		else if (words_eat(w, "duplicate"))
			dup_option(w, cfg);
		else if (words_eat(w, "only-expected"))
			cfg->only_expected = true;
		else if (words_eat(w, "give-up"))
			cfg->give_up_first = true;
		else
			words_end(w);
	}
}

static int of_server(struct scenario *s, struct words *w)
{
	int server;

	if (!words_eat(w, "of"))
		words_error(w, "\"of SERVER\" is missing");
	server = w->bad ? -1 : scenario_party(s, w, "a server's name");
	if (server >= 0 && !s->w.p[server].server)
		words_error(w, "%s is no server", s->w.p[server].name);
	return server;
}

static void declare_client(struct scenario *s, struct words *w, const char *name, struct iot_config *cfg)
{
	const struct word *id = NULL;
	int server;

	if (words_eat(w, "id"))
		id = words_text(w, "an id");
	else
		words_error(w, "id \"ID\" is missing");
	server = of_server(s, w);
	core_options(w, cfg);
	if (!w->bad)
		world_client(&s->w, name, id->text, server, cfg);
}

static void declare_raw(struct scenario *s, struct words *w, const char *name)
{
	const struct word *id = words_eat(w, "id") ? words_text(w, "an id") : NULL;
	int server = words_eat(w, "server") ? -1 : of_server(s, w), self;

	words_end(w);
	if (w->bad)
		return;
	self = world_raw(&s->w, name, server);
	if (id)
		snprintf(s->w.p[self].id, sizeof s->w.p[self].id, "%s", id->text);
}

static bool declare_party(struct scenario *s, struct words *w)
{
	bool server = words_eat(w, "server"), client = !server && words_eat(w, "client");
	bool raw = !server && !client && words_eat(w, "raw");
	struct iot_config cfg = {.timeout = s->T};
	const char *name;

	if (!server && !client && !raw)
		return false;
	name = words_name(w, "a name");
	if (s->ready)
		words_error(w, "parties are declared before the first rule, at and expect");
	if (w->bad)
		return true;
	for (int i = 0; i < s->w.n_p; i++)
		if (strcmp(s->w.p[i].name, name) == 0)
			words_error(w, "%s is declared twice", name);
	if (client) {
		declare_client(s, w, name, &cfg);
	} else if (raw) {
		declare_raw(s, w, name);
	} else {
		core_options(w, &cfg);
		world_server(&s->w, name, &cfg);
	}
	return true;
}

/* The world is made when its first party is. */
static bool declare_world(struct scenario *s, struct words *w)
{
	if (words_eat(w, "timeout"))
		s->T = words_duration(w);
	else if (words_eat(w, "seed"))
		s->seed = words_number(w);
	else if (words_eat(w, "latency"))
		s->net.latency = words_duration(w);
	else if (words_eat(w, "jitter"))
		s->net.jitter = words_duration(w);
	else if (words_eat(w, "window"))
		s->net.window = (uint32_t)size_of(w);
	else if (words_eat(w, "split"))
		s->net.split_ppm = (uint32_t)words_number(w) * 10000;
	else if (words_eat(w, "until"))
		s->until = words_duration(w);
	else if (words_eat(w, "expect-ids"))
		s->expect_ids = true;
	else
		return false;
	if (s->w.sim && w->at > 0 && strcmp(w->w[0].text, "until") != 0 &&
		strcmp(w->w[0].text, "expect-ids") != 0)
		words_error(w, "%s comes before the parties", w->w[0].text);
	words_end(w);
	return true;
}

static void make_world(struct scenario *s)
{
	if (s->w.sim)
		return;
	s->net.verbose = s->verbose;
	s->net.boot_may_fail = s->oom;
	world_init(&s->w, &s->net, s->seed, s->T);
	s->w.keep_wire = true;
	s->w.oom = s->oom;
}

static void make_ready(struct scenario *s)
{
	make_world(s);
	if (!s->ready)
		world_ready(&s->w, s->expect_ids);
	s->ready = true;
}

static void keep_step(struct scenario *s, struct words *w, bool expect)
{
	struct step st = {.at = LAN_NEVER, .expect = expect, .s = s};

	if (!expect || words_eat(w, "by") || words_eat(w, "at"))
		st.at = words_duration(w);
	st.w = *w;
	if (w->at >= w->n)
		words_error(w, "nothing to %s", expect ? "expect" : "do");
	s->steps = realloc(s->steps, (s->n_steps + 1) * sizeof *s->steps);
	if (!s->steps)
		abort();
	s->steps[s->n_steps++] = st;
	if (st.at != LAN_NEVER && st.at + 4 * s->T > s->until)
		s->until = st.at + 4 * s->T;
}

/* True: the words are kept (and so must be the text they live in). */
static bool read_line(struct scenario *s, struct words *w)
{
	if (!w->n || w->bad || declare_world(s, w))
		return false;
	make_world(s);
	if (declare_party(s, w))
		return false;
	make_ready(s);
	if (words_eat(w, "rule")) {
		scenario_rule(s, w);
		return false;
	}
	bool expect = words_eat(w, "expect");

	if (!expect && !words_eat(w, "at")) {
		words_error(w, "%s is no statement", w->w[0].text);
		return false;
	}
	keep_step(s, w, expect);
	return true;
}

static bool read_file(struct scenario *s)
{
	FILE *f = fopen(s->file, "r");
	char *line = NULL;
	size_t cap = 0;
	unsigned no = 0;
	bool ok = true;

	if (!f) {
		perror(s->file);
		return false;
	}
	while (getline(&line, &cap, f) >= 0) {
		struct words w;

		words_split(&w, s->file, ++no, line);
		if (read_line(s, &w)) {
			s->steps[s->n_steps - 1].text = line;
			line = NULL;
			cap = 0;
		}
		ok = ok && !w.bad;
	}
	free(line);
	fclose(f);
	if (ok && !s->ready)
		fprintf(stderr, "%s: nothing happens in it\n", s->file);
	return ok && s->ready;
}

static void do_step(void *ctx, uint64_t i)
{
	struct scenario *s = ctx;
	struct step *st = &s->steps[i];

	if (!st->expect)
		scenario_do(s, &st->w);
	else if (!s->oom)
		scenario_expect(s, &st->w);
	s->failed += st->w.bad;
}

static bool open_lines(struct scenario *s)
{
	for (int i = 0; i < s->w.n_f; i++) {
		const struct flow *f = &s->w.f[i];

		if (f->open && !s->w.p[f->to].raw && s->w.p[f->from].core && s->w.p[f->to].core)
			return true;
	}
	return false;
}

static void run_steps(struct scenario *s)
{
	for (size_t i = 0; i < s->n_steps; i++)
		if (s->steps[i].at != LAN_NEVER)
			sim_at(s->w.sim, START + s->steps[i].at, do_step, s, i);
	sim_run(s->w.sim, START + s->until);
	/* Whatever failed to be allocated once must not be missing for ever. */
	for (int n = 0; s->oom && n < 40 && open_lines(s) && !sim_failure(s->w.sim); n++)
		sim_run(s->w.sim, sim_now(s->w.sim) + s->T);
	if (s->oom && open_lines(s))
		sim_fail(s->w.sim, "lines are still open long after the end");
	for (size_t i = 0; i < s->n_steps && !sim_failure(s->w.sim); i++)
		if (s->steps[i].at == LAN_NEVER)
			do_step(s, i);
}

bool scenario_run(const char *file, bool verbose, void (*oom)(bool on))
{
	struct scenario s = {
		.file = file, .seed = 1, .T = LAN_SEC(2), .verbose = verbose, .oom = oom != NULL};
	bool ok;

	s.net = (struct sim_config){
		.latency = LAN_MS(1), .dial_timeout = LAN_SEC(1), .window = 65536, .plain = true};
	ok = read_file(&s);
	if (ok) {
		if (oom)
			oom(true);
		run_steps(&s);
		if (oom)
			oom(false);
		ok = !s.failed && !sim_failure(s.w.sim);
		if (sim_failure(s.w.sim))
			fprintf(stderr, "%s: %s\n", file, sim_failure(s.w.sim));
		if (!ok && !verbose && !oom)
			sim_dump(s.w.sim, 40);
	}
	if (s.w.sim)
		world_fini(&s.w);
	for (size_t i = 0; i < s.n_steps; i++)
		free(s.steps[i].text);
	free(s.steps);
	return ok;
}
