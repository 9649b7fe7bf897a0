/*
 * parse.c - from argv to a verb and its options.
 *
 * Global options may stand anywhere, so argv is walked in three steps, each a
 * getopt_long of its own: globals up to OBJECT, globals up to VERB, then globals
 * and the verb's own options among the rest. An option that a verb has under
 * the name of a global one (link's --timeout) is the verb's, wherever it stands.
 * OBJECT and VERB may be shortened as long as they stay unique. What is not
 * understood ends with exit code 2 and the nearest word that would have been.
 */
#include "cli/parse.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/value.h"

enum { OPTIONS_MAX = 64, LONG = 1000 /* getopt values of long options, above every letter */ };

/* Globals and the options of one verb, in the form getopt_long wants. */
struct optset {
	struct option longs[OPTIONS_MAX + 1];
	const struct opt *opts[OPTIONS_MAX];
	char shorts[2 * OPTIONS_MAX + 4];
	int n;
};

unsigned cli_distance(const char *a, const char *b)
{
	unsigned row[64];
	size_t nb = strlen(b);
	if (nb >= 64 || strlen(a) >= 64)
		return 64;
	for (size_t j = 0; j <= nb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[nb];
}

/* Keeps the nearest of the words offered, if it is near enough to be a slip. */
static void nearest(const char *word, const char *candidate, const char **best, unsigned *distance)
{
	unsigned d = cli_distance(word, candidate);
	if (d < *distance && d <= 1 + strlen(candidate) / 3) {
		*distance = d;
		*best = candidate;
	}
}

static void did_you_mean(char *hint, size_t cap, const char *best, const char *otherwise)
{
	if (best)
		snprintf(hint, cap, "did you mean '%s'?", best);
	else
		snprintf(hint, cap, "%s", otherwise);
}

/* A set of words met by a beginning, for "could be a, b". */
struct matches {
	char text[128];
	int n;
};

static void match(struct matches *m, const char *name)
{
	size_t at = strlen(m->text);
	snprintf(m->text + at, sizeof m->text - at, "%s%s", m->n++ ? ", " : "", name);
}

const struct object *cli_find_object(const struct cli *cli, const char *word)
{
	const struct object *found = NULL;
	const char *best = NULL;
	unsigned distance = 64;
	struct matches m = {0};
	char hint[96];
	for (const struct object *o = cli_objects; o->name; o++) {
		if (strcmp(o->name, word) == 0)
			return o;
		if (*word && strncmp(o->name, word, strlen(word)) == 0) {
			match(&m, o->name);
			found = o;
		}
		nearest(word, o->name, &best, &distance);
	}
	if (m.n == 1)
		return found;
	if (m.n > 1) {
		cli_error(cli, EXIT_USAGE, "type more of it", "'%s' could be %s", word, m.text);
		return NULL;
	}
	did_you_mean(hint, sizeof hint, best, "'lanyard help' lists what there is");
	cli_error(cli, EXIT_USAGE, hint, "unknown object '%s'", word);
	return NULL;
}

const struct verb *cli_find_verb(const struct cli *cli, const struct object *object, const char *word)
{
	const struct verb *found = NULL;
	const char *best = NULL;
	unsigned distance = 64;
	struct matches m = {0};
	char hint[96], list[64];
	for (const struct verb *v = cli_verbs; v->object; v++) {
		if (strcmp(v->object, object->name) != 0)
			continue;
		if (strcmp(v->name, word) == 0)
			return v;
		if (*word && strncmp(v->name, word, strlen(word)) == 0) {
			match(&m, v->name);
			found = v;
		}
		nearest(word, v->name, &best, &distance);
	}
	if (m.n == 1)
		return found;
	if (m.n > 1) {
		cli_error(cli, EXIT_USAGE, "type more of it", "'%s %s' could be %s", object->name, word,
			m.text);
		return NULL;
	}
	snprintf(list, sizeof list, "'lanyard help %s' lists what there is", object->name);
	did_you_mean(hint, sizeof hint, best, list);
	cli_error(cli, EXIT_USAGE, hint, "'%s' has no verb '%s'", object->name, word);
	return NULL;
}

const struct verb *cli_default_verb(const struct object *object)
{
	for (const struct verb *v = cli_verbs; v->object; v++)
		if (strcmp(v->object, object->name) == 0 && (v->is_default || !*v->name))
			return v;
	return NULL;
}

static void add_opts(struct optset *s, const struct opt *opts, const struct opt *hide)
{
	size_t at = strlen(s->shorts);
	for (const struct opt *o = opts; o && o->name && s->n < OPTIONS_MAX; o++) {
		bool hidden = false;
		for (const struct opt *h = hide; h && h->name; h++)
			hidden |= strcmp(h->name, o->name) == 0;
		if (hidden)
			continue;
		s->opts[s->n] = o;
		s->longs[s->n] = (struct option){
			o->name, o->kind ? required_argument : no_argument, NULL, LONG + s->n};
		s->n++;
		if (o->letter) {
			s->shorts[at++] = o->letter;
			if (o->kind)
				s->shorts[at++] = ':';
		}
	}
	s->shorts[at] = '\0';
}

static void optset_init(struct optset *s, const struct verb *verb)
{
	*s = (struct optset){0};
	strcpy(s->shorts, verb ? ":" : "+:");
	add_opts(s, cli_globals, verb ? verb->opts : NULL);
	if (verb)
		add_opts(s, verb->opts, NULL);
}

static const struct opt *by_letter(const struct optset *s, int letter)
{
	for (int i = 0; i < s->n; i++)
		if (s->opts[i]->letter == letter)
			return s->opts[i];
	return NULL;
}

static int unknown_option(const struct cli *cli, const struct optset *s, const char *word)
{
	const char *best = NULL;
	unsigned distance = 64;
	char name[64], hint[128];
	struct matches m = {0};
	if (strncmp(word, "--", 2) != 0)
		return cli_error(cli, EXIT_USAGE, "see --help", "unknown option -%c", optopt);
	snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
	for (int i = 0; i < s->n; i++) {
		nearest(name, s->opts[i]->name, &best, &distance);
		if (strncmp(name, s->opts[i]->name, strlen(name)) == 0)
			match(&m, s->opts[i]->name);
		if (strcmp(name, s->opts[i]->name) == 0)
			return cli_error(cli, EXIT_USAGE, NULL, "--%s takes no value", name);
	}
	if (m.n > 1)
		return cli_error(cli, EXIT_USAGE, "type more of it", "--%s could be %s", name, m.text);
	if (best)
		snprintf(hint, sizeof hint, "did you mean --%s?", best);
	else if (cli->verb)
		snprintf(hint, sizeof hint, "see lanyard %s%s%s --help", cli->verb->object,
			*cli->verb->name ? " " : "", cli->verb->name);
	else
		snprintf(hint, sizeof hint, "options of a verb stand behind it; see lanyard --help");
	return cli_error(cli, EXIT_USAGE, hint, "unknown option --%s", name);
}

/* What the options everybody has mean; the others stay in given[]. */
static void note_global(struct cli *cli, const struct opt *o, const char *value)
{
	switch (o->letter) {
	case 'j':
		cli->mode = MODE_JSON;
		break;
	case 'J':
		cli->mode = MODE_JSONL;
		break;
	case 'q':
		cli->quiet = true;
		break;
	case 'v':
		cli->verbose++;
		break;
	case 's':
		cli->socket = value;
		break;
	case 'c':
		cli->config = value;
		break;
	case 'h':
		cli->want_help = true;
		break;
	default:
		if (strcmp(o->name, "version") == 0)
			cli->want_version = true;
		else if (strcmp(o->name, "color") == 0)
			cli->color = strcmp(value, "auto") == 0     ? COLOR_AUTO
				     : strcmp(value, "always") == 0 ? COLOR_ALWAYS
								    : COLOR_NEVER;
	}
}

static int take_option(struct cli *cli, const struct opt *o, const char *value)
{
	bool global = false;
	char why[160];
	for (const struct opt *g = cli_globals; g->name; g++)
		global |= g == o;
	if (cli->n_given == CLI_GIVEN_MAX)
		return cli_error(cli, EXIT_USAGE, NULL, "more than %d options", CLI_GIVEN_MAX);
	if (value && !value_ok(o, value, why, sizeof why))
		return cli_error(cli, EXIT_USAGE, NULL, "--%s %s: %s", o->name, value, why);
	cli->given[cli->n_given++] = (struct given){o, value};
	if (global)
		note_global(cli, o, value);
	return EXIT_OK;
}

/* One step: options of `s` in argv[1..]; optind is where the words begin. */
static int step(struct cli *cli, struct optset *s, int argc, char **argv)
{
	int c;
	optind = 0; /* a full restart, GNU */
	opterr = 0;
	while ((c = getopt_long(argc, argv, s->shorts, s->longs, NULL)) != -1) {
		const struct opt *o;
		int rc;
		if (c == '?')
			return unknown_option(cli, s, argv[optind - 1]);
		if (c == ':')
			return cli_error(cli, EXIT_USAGE, NULL, "%s needs a value", argv[optind - 1]);
		o = c >= LONG ? s->opts[c - LONG] : by_letter(s, c);
		rc = take_option(cli, o, o->kind ? optarg : NULL);
		if (rc != EXIT_OK)
			return rc;
		if (cli->want_help && cli->verb)
			return EXIT_OK;
	}
	return EXIT_OK;
}

/* -n, --timeout and the like were taken as global before the verb was known. */
static int recheck(struct cli *cli)
{
	char why[160];
	for (size_t i = 0; cli->verb->opts && i < cli->n_given; i++)
		for (const struct opt *o = cli->verb->opts; o->name; o++) {
			struct given *g = &cli->given[i];
			if (strcmp(o->name, g->opt->name) != 0 || g->opt == o)
				continue;
			g->opt = o;
			if (g->value && !value_ok(o, g->value, why, sizeof why))
				return cli_error(
					cli, EXIT_USAGE, NULL, "--%s %s: %s", o->name, g->value, why);
		}
	return EXIT_OK;
}

static int check_words(const struct cli *cli, int n, char **words)
{
	const struct verb *v = cli->verb;
	char usage[160];
	snprintf(usage, sizeof usage, "usage: lanyard %s%s%s%s%s; see --help", v->object, *v->name ? " " : "",
		v->name, *v->args ? " " : "", v->args);
	if (n < v->min_args)
		return cli_error(cli, EXIT_USAGE, usage, "%s%s%s: something is missing", v->object,
			*v->name ? " " : "", v->name);
	if (v->max_args >= 0 && n > v->max_args)
		return cli_error(cli, EXIT_USAGE, usage, "%s%s%s: '%s' is one word too many", v->object,
			*v->name ? " " : "", v->name, words[v->max_args]);
	return EXIT_OK;
}

/* Steps one and two: OBJECT and VERB, with globals around them. Moves argv to
 * the last word that was understood, which is argv[0] of the third step. Leaves
 * cli->verb NULL where help is all that can be given. */
static int find_words(struct cli *cli, int *argc, char ***argv, const struct object **object)
{
	struct optset globals;
	optset_init(&globals, NULL);
	int rc = step(cli, &globals, *argc, *argv);
	if (rc != EXIT_OK || optind >= *argc)
		return rc;
	*argc -= optind;
	*argv += optind;
	*object = cli_find_object(cli, (*argv)[0]);
	if (!*object)
		return EXIT_USAGE;
	cli->verb = cli_default_verb(*object);
	/* An object that is its own verb (status, help) takes words, not a verb. */
	if (cli->verb && !*cli->verb->name)
		return EXIT_OK;
	const struct verb *alone = cli->verb;
	cli->verb = NULL;
	rc = step(cli, &globals, *argc, *argv);
	if (rc != EXIT_OK)
		return rc;
	int words = *argc - optind;
	*argc -= words ? optind : optind - 1;
	*argv += words ? optind : optind - 1;
	if (!words)
		cli->verb = cli->want_help ? NULL : alone;
	else if (strcmp((*argv)[0], "help") != 0 && !(cli->verb = cli_find_verb(cli, *object, (*argv)[0])))
		return EXIT_USAGE;
	cli->want_help |= !cli->verb;
	return EXIT_OK;
}

int cli_parse(struct cli *cli, int argc, char **argv, const struct object **object, int *pos_n, char ***pos)
{
	struct optset all;
	*object = NULL;
	int rc = find_words(cli, &argc, &argv, object);
	if (rc != EXIT_OK || !cli->verb)
		return rc;
	optset_init(&all, cli->verb);
	rc = recheck(cli);
	if (rc == EXIT_OK)
		rc = step(cli, &all, argc, argv);
	if (rc != EXIT_OK || cli->want_help || cli->want_version)
		return rc;
	*pos_n = argc - optind;
	*pos = argv + optind;
	return check_words(cli, *pos_n, *pos);
}
