/*
 * impair_opts.c - the words of `lanyard lab impair` into settings.
 *
 * The same table serves the command line (`--loss 10%`) and the live commands
 * on stdin (`loss 10%`). What an interface cannot do is refused here by name,
 * with the form that can, rather than being ignored.
 */
#include "lab/impair.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/units.h"
#include "lab/rule.h"

enum { BUFFER_DEFAULT = 2 << 20, BUFFER_MIN = 1024, BUFFER_MAX = 256 << 20, CONNS_DEFAULT = 4096 };

#define HOLE_DEFAULT LAN_SEC(3)

const char *lab_impair_help(void)
{
	return "usage: lanyard lab impair ADDR:PORT HOST:PORT [options]   a TCP relay that hurts lines\n"
	       "       lanyard lab impair IFACE [--loss P]                packets lost into an interface\n"
	       "       lanyard lab impair IFACE IFACE [options]           a wire that hurts frames\n"
	       "\n"
	       "  --loss P             lose a line (packet, frame); P as 10% or 0.5%\n"
	       "  --delay TIME         each is TIME late, in order\n"
	       "  --jitter TIME        ... give or take TIME\n"
	       "  --dup P              send one twice\n"
	       "  --reorder P          send one after its successor\n"
	       "relay only:\n"
	       "  --cut P              close the connection inside a line\n"
	       "  --cut-with HOW       fin, rst or either (default)\n"
	       "  --blackhole P[:TIME] nothing passes for TIME (3s), the connection stays open\n"
	       "  --half-open P        close one side, leave the other open\n"
	       "  --swallow-close P    lose a line and the connection with it\n"
	       "  --rule RULE          DIR:KIND:MID:COUNT:ACTION[:ARG], e.g. c2s:msg:03:1:cut:4\n"
	       "  --only c2s|s2c       chance touches this direction only\n"
	       "  --unit line|chunk    what is lost, doubled, cut (default line)\n"
	       "  --spare N            never lose the first N units of a client (1: its id)\n"
	       "  --buffer SIZE        bytes held per direction before the sender waits (2M)\n"
	       "  --max-conns N        connections at a time (4096)\n"
	       "all:\n"
	       "  --seed N             same seed and traffic, same faults\n"
	       "  -v  say each fault   -q  say nothing   -J  events as JSON lines on stdout\n"
	       "\n"
	       "While it runs, stdin takes: loss P, delay TIME, cut P, ... (any option above),\n"
	       "rule RULE, cut now [rst], half-open now [client|server], blackhole TIME,\n"
	       "pause, resume, stats, quit.  Man page: lanyard-lab(7)\n";
}

bool lab_parse_rate(const char *s, uint32_t *ppm)
{
	char *end;
	if (*s < '0' || *s > '9')
		return false;
	double v = strtod(s, &end);
	if (*end == '%')
		end++;
	if (*end || !(v <= 100))
		return false;
	*ppm = (uint32_t)(v * (LAB_PPM / 100) + 0.5);
	return true;
}

static bool set_rate(struct lab_faults *f, enum lab_fault what, const char *v)
{
	return lab_parse_rate(v, &f->rate[what]);
}

static bool set_hole(struct lab_faults *f, const char *v)
{
	char rate[32];
	size_t n = strcspn(v, ":");
	lan_time t = f->hole;
	if (n >= sizeof rate || (v[n] && lan_parse_duration(v + n + 1, &t)))
		return false;
	memcpy(rate, v, n);
	rate[n] = '\0';
	if (!set_rate(f, LAB_HOLE, rate))
		return false;
	f->hole = t;
	return true;
}

static bool set_word(const char *v, const char *const *words, unsigned n, unsigned *out)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(v, words[i])) {
			*out = i;
			return true;
		}
	return false;
}

static bool set_only(struct lab_faults *f, const char *v)
{
	static const char *const words[] = {"", "c2s", "s2c", "both"};
	unsigned w;
	if (!set_word(v, words, 4, &w) || !w)
		return false;
	f->only = (uint8_t)w;
	return true;
}

static bool set_cut_with(struct lab_faults *f, const char *v)
{
	static const char *const words[] = {"either", "fin", "rst"};
	unsigned w = f->cut;
	bool ok = set_word(v, words, 3, &w);
	f->cut = (enum lab_cut)w;
	return ok;
}

static bool set_number(const char *v, uint64_t max, uint64_t *out)
{
	char *end;
	if (*v < '0' || *v > '9')
		return false;
	uint64_t n = strtoull(v, &end, 0);
	if (*end || n > max)
		return false;
	*out = n;
	return true;
}

static bool set_spare(struct lab_faults *f, const char *v)
{
	uint64_t n;
	bool ok = set_number(v, UINT32_MAX, &n);
	if (ok)
		f->spare = (uint32_t)n;
	return ok;
}

enum { OPT_UNIT = 256, OPT_BUFFER, OPT_SEED, OPT_CONNS, OPT_LIVE };

/* What may change while running; the index is the getopt value minus OPT_LIVE. */
enum live { DELAY, JITTER, HOLE, ONLY, CUT_WITH, SPARE, RULE, RATE };
static const struct setting {
	const char *name, *want;
	enum live what;
	enum lab_fault fault; /* RATE */
	uint8_t forms;        /* a bit per lab_form that can do it */
} settings[] = {
	{"loss", "a rate such as 10%", RATE, LAB_DROP, 7},
	{"delay", "a duration such as 20ms", DELAY, 0, 5},
	{"jitter", "a duration such as 5ms", JITTER, 0, 5},
	{"dup", "a rate such as 1%", RATE, LAB_DUP, 5},
	{"reorder", "a rate such as 5%", RATE, LAB_REORDER, 5},
	{"cut", "a rate such as 1%", RATE, LAB_CUT, 1},
	{"cut-with", "fin, rst or either", CUT_WITH, 0, 1},
	{"blackhole", "a rate and perhaps a time, such as 0.5%:3s", HOLE, 0, 1},
	{"half-open", "a rate such as 0.5%", RATE, LAB_HALF_OPEN, 1},
	{"swallow-close", "a rate such as 1%", RATE, LAB_SWALLOW, 1},
	{"rule", "DIR:KIND:MID:COUNT:ACTION[:ARG]", RULE, 0, 1},
	{"only", "c2s, s2c or both", ONLY, 0, 1},
	{"spare", "a number", SPARE, 0, 1},
};
enum { N_SETTINGS = sizeof settings / sizeof *settings };

static bool set_rule(struct lab_faults *f, const char *v, char *err, size_t cap)
{
	if (f->n_rules == LAB_RULES_MAX) {
		snprintf(err, cap, "no more than %d rules", LAB_RULES_MAX);
		return false;
	}
	if (lab_rule_parse(v, &f->rules[f->n_rules], err, cap))
		return false;
	f->n_rules++;
	return true;
}

static bool apply(struct lab_faults *f, const struct setting *s, const char *v, char *err, size_t cap)
{
	switch (s->what) {
	case DELAY:
		return lan_parse_duration(v, &f->delay) == LAN_OK;
	case JITTER:
		return lan_parse_duration(v, &f->jitter) == LAN_OK;
	case HOLE:
		return set_hole(f, v);
	case ONLY:
		return set_only(f, v);
	case CUT_WITH:
		return set_cut_with(f, v);
	case SPARE:
		return set_spare(f, v);
	case RULE:
		return set_rule(f, v, err, cap);
	case RATE:
		return set_rate(f, s->fault, v);
	}
	return false;
}

enum lan_err lab_setting(struct lab_faults *f, const char *name, const char *value, char *err, size_t cap)
{
	for (unsigned i = 0; i < N_SETTINGS; i++) {
		if (strcmp(name, settings[i].name))
			continue;
		*err = '\0';
		if (apply(f, &settings[i], value, err, cap))
			return LAN_OK;
		if (!*err)
			snprintf(err, cap, "%s wants %s, not '%s'", name, settings[i].want, value);
		return LAN_ERR_INVAL;
	}
	snprintf(err, cap, "unknown word '%s'", name);
	return LAN_ERR_NOTFOUND;
}

static void make_options(struct option *o)
{
	static const struct option fixed[] = {{"unit", 1, NULL, OPT_UNIT}, {"buffer", 1, NULL, OPT_BUFFER},
		{"seed", 1, NULL, OPT_SEED}, {"max-conns", 1, NULL, OPT_CONNS}, {"jsonl", 0, NULL, 'J'},
		{"json", 0, NULL, 'J'}, {"verbose", 0, NULL, 'v'}, {"quiet", 0, NULL, 'q'},
		{"help", 0, NULL, 'h'}, {0}};
	for (int i = 0; i < N_SETTINGS; i++)
		*o++ = (struct option){settings[i].name, 1, NULL, OPT_LIVE + i};
	memcpy(o, fixed, sizeof fixed);
}

/* One fixed option; false: its value makes no sense. */
static bool take(struct lab_impair *out, int opt, const char *v)
{
	static const char *const units[] = {"line", "chunk"};
	unsigned unit;
	uint64_t n;
	switch (opt) {
	case OPT_UNIT:
		if (!set_word(v, units, 2, &unit))
			return false;
		out->faults.chunks = unit == 1;
		return true;
	case OPT_BUFFER:
		if (lan_parse_size(v, &n) || n < BUFFER_MIN || n > BUFFER_MAX)
			return false;
		out->faults.buffer = (uint32_t)n;
		return true;
	case OPT_SEED:
		out->have_seed = true;
		return set_number(v, UINT64_MAX, &out->faults.seed);
	case OPT_CONNS:
		if (!set_number(v, 65536, &n) || !n)
			return false;
		out->max_conns = (uint32_t)n;
		return true;
	case 'J':
	case 'j':
		return out->json = true;
	case 'v':
		return out->verbose = true;
	case 'q':
		return out->quiet = true;
	case 'h':
		return out->help = true;
	default:
		return false;
	}
}

/* Which form the positional arguments mean; false with the reason in err. */
static bool choose_form(struct lab_impair *o, int n, char *const *arg, char *err, size_t cap)
{
	if (n < 1 || n > 2) {
		snprintf(err, cap,
			"give ADDR:PORT HOST:PORT, one interface, or two interfaces (got %d arguments)", n);
		return false;
	}
	o->a = arg[0];
	o->b = n == 2 ? arg[1] : NULL;
	bool addr_a = strchr(o->a, ':') != NULL, addr_b = o->b && strchr(o->b, ':');
	if (n == 1 && addr_a)
		snprintf(err, cap, "where should connections to %s go? Give HOST:PORT after it", o->a);
	else if (n == 2 && addr_a != addr_b)
		snprintf(err, cap,
			"'%s' and '%s' do not go together: two addresses with ports, or two interfaces", o->a,
			o->b);
	else {
		o->form = n == 1 ? LAB_INGRESS : addr_a ? LAB_RELAY : LAB_WIRE;
		return true;
	}
	return false;
}

static bool allowed(const struct lab_impair *o, const struct setting *s, char *err, size_t cap)
{
	if (s->forms >> o->form & 1)
		return true;
	snprintf(err, cap, "--%s is not possible on %s; 'lanyard lab impair %s' can do it", s->name,
		o->form == LAB_INGRESS ? "one interface" : "two interfaces",
		o->form == LAB_INGRESS && s->forms >> LAB_WIRE & 1
			? "IFACE IFACE' (to frames) or 'lanyard lab impair ADDR:PORT HOST:PORT"
			: "ADDR:PORT HOST:PORT");
	return false;
}

int lab_impair_parse(int argc, char **argv, struct lab_impair *out, char *err, size_t cap)
{
	struct option options[N_SETTINGS + 10];
	bool used[N_SETTINGS] = {false};
	int opt, at = 0;
	*out = (struct lab_impair){.max_conns = CONNS_DEFAULT,
		.limit = LAN_NEVER,
		.faults = {.only = 3, .spare = 1, .hole = HOLE_DEFAULT, .buffer = BUFFER_DEFAULT}};
	make_options(options);
	optind = 0; /* this program may have parsed other words before */
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "jJvqh", options, &at)) != -1) {
		if (opt == '?') {
			snprintf(err, cap, "'%s' is not an option here or lacks its value", argv[optind - 1]);
			return LAB_EXIT_USAGE;
		}
		if (opt >= OPT_LIVE) {
			used[opt - OPT_LIVE] = true;
			if (lab_setting(&out->faults, settings[opt - OPT_LIVE].name, optarg, err, cap))
				return LAB_EXIT_USAGE;
		} else if (!take(out, opt, optarg)) {
			snprintf(err, cap, "--%s does not take '%s'", options[at].name, optarg);
			return LAB_EXIT_USAGE;
		}
	}
	if (out->help)
		return LAB_EXIT_OK;
	if (!choose_form(out, argc - optind, argv + optind, err, cap))
		return LAB_EXIT_USAGE;
	for (int i = 0; i < N_SETTINGS; i++)
		if (used[i] && !allowed(out, &settings[i], err, cap))
			return LAB_EXIT_USAGE;
	return LAB_EXIT_OK;
}
