/*
 * complete.c - `lanyard __complete`: what shells and the man pages take from
 * the table.
 *
 *      __complete bash|zsh|fish   the script to source
 *      __complete words WORD..    candidates for the last WORD, one a line,
 *                                 WORD<TAB>help; a line ":files" asks the shell
 *                                 to offer file names
 *      __complete man OBJECT      the synopsis of OBJECT's verbs in scdoc
 *
 * The scripts are small and know nothing: they ask this program each time, so
 * they never age. Names of links, channels, streams, neighbours and
 * numbers of slaves come from the daemon if it answers at once.
 */
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/ctl.h"
#include "cli/help.h"
#include "cli/out.h"
#include "cli/wait.h"

static const char bash_script[] =
	"# bash completion of lanyard: source this, or put it into "
	"/usr/share/bash-completion/completions/lanyard\n"
	"_lanyard() {\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} word candidate\n"
	"\tlocal -a words\n"
	"\t# Words by blanks alone: bash would split HOST:PORT and --option=value.\n"
	"\tread -ra words <<<\"$line\"\n"
	"\t[[ $line == *[[:blank:]] ]] && words+=(\"\")\n"
	"\tword=${words[${#words[@]}-1]}\n"
	"\tlocal shown=${COMP_WORDS[COMP_CWORD]}\n"
	"\t[[ $shown == [:=] ]] && shown=\n"
	"\tlocal prefix=${word%\"$shown\"}\n"
	"\tCOMPREPLY=()\n"
	"\twhile IFS=$'\\t' read -r candidate _; do\n"
	"\t\tif [[ $candidate == :files ]]; then\n"
	"\t\t\tcompopt -o default 2>/dev/null\n"
	"\t\telse\n"
	"\t\t\tCOMPREPLY+=(\"${candidate#\"$prefix\"}\")\n"
	"\t\tfi\n"
	"\tdone < <(\"${words[0]}\" __complete words \"${words[@]:1}\" 2>/dev/null)\n"
	"}\n"
	"complete -F _lanyard lanyard\n";

static const char zsh_script[] =
	"#compdef lanyard\n"
	"# zsh completion of lanyard: source this, or put it as _lanyard into a directory of $fpath\n"
	"_lanyard() {\n"
	"\tlocal line word help\n"
	"\tlocal -a candidates shown\n"
	"\tlocal files=0\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tword=${line%%$'\\t'*}\n"
	"\t\thelp=${line#*$'\\t'}\n"
	"\t\tif [[ $word == :files ]]; then\n"
	"\t\t\tfiles=1\n"
	"\t\telse\n"
	"\t\t\tcandidates+=(\"$word\")\n"
	"\t\t\tshown+=(\"$word  -- $help\")\n"
	"\t\tfi\n"
	"\tdone < <(\"${words[1]}\" __complete words \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
	"\t(( ${#candidates} )) && compadd -l -d shown -- \"${candidates[@]}\"\n"
	"\t(( files )) && _files\n"
	"}\n"
	"if [[ $funcstack[1] == _lanyard ]]; then _lanyard \"$@\"; else compdef _lanyard lanyard; fi\n";

static const char fish_script[] =
	"# fish completion of lanyard: source this, or put it into ~/.config/fish/completions/lanyard.fish\n"
	"function __lanyard_complete\n"
	"\tset -l words (commandline -opc)\n"
	"\tset -l now (commandline -ct)\n"
	"\tfor line in ($words[1] __complete words $words[2..-1] \"$now\" 2>/dev/null)\n"
	"\t\tif test \"$line\" = ':files'\n"
	"\t\t\t__fish_complete_path \"$now\"\n"
	"\t\telse\n"
	"\t\t\techo $line\n"
	"\t\tend\n"
	"\tend\n"
	"end\n"
	"complete -c lanyard -f -a '(__lanyard_complete)'\n";

struct completion {
	struct cli *cli;
	struct out out;
	const char *word; /* to be completed */
};

static void offer(struct completion *c, const char *word, const char *help)
{
	if (strncmp(word, c->word, strlen(c->word)) != 0)
		return;
	out_text(&c->out, word);
	if (help && *help)
		out_printf(&c->out, "\t%s", help);
	out_char(&c->out, '\n');
}

static const struct opt *find_opt(const struct verb *verb, const char *word)
{
	for (int pass = 0; pass < 2; pass++)
		for (const struct opt *o = pass ? cli_globals : verb ? verb->opts : NULL; o && o->name; o++)
			if ((strncmp(word, "--", 2) == 0 && strcmp(word + 2, o->name) == 0) ||
				(o->letter && word[0] == '-' && word[1] == o->letter && !word[2]))
				return o;
	return NULL;
}

static void offer_options(struct completion *c, const struct verb *verb)
{
	char name[64];
	for (int pass = 0; pass < 2; pass++)
		for (const struct opt *o = pass ? cli_globals : verb ? verb->opts : NULL; o && o->name; o++) {
			snprintf(name, sizeof name, "--%s", o->name);
			if (pass == 0 || find_opt(verb, name) == o)
				offer(c, name, o->help);
		}
}

static void offer_values(struct completion *c, const struct opt *o)
{
	char word[64];
	if (o->kind == ARG_FILE)
		out_text(&c->out, ":files\n");
	for (const char *at = o->kind == ARG_CHOICE ? o->choices : ""; *at; at += *at == '|') {
		snprintf(word, sizeof word, "%.*s", (int)strcspn(at, "|"), at);
		at += strcspn(at, "|");
		offer(c, word, NULL);
	}
}

static void offer_objects(struct completion *c)
{
	for (const struct object *o = cli_objects; o->name; o++)
		offer(c, o->name, o->help);
}

static void offer_verbs(struct completion *c, const char *object)
{
	for (const struct verb *v = cli_verbs; v->object; v++)
		if (strcmp(v->object, object) == 0 && *v->name)
			offer(c, v->name, v->help);
}

/* Names of links and peers, if the daemon answers at once. */
static void offer_links(struct completion *c)
{
	struct ctl ctl = {.silent = true};
	json_t *result = NULL;
	const json_t *link, *peer;
	size_t i, k;
	if (ctl_open(&ctl, c->cli) == EXIT_OK) {
		ctl.deadline = cli_now() + LAN_MS(500);
		if (ctl_call(&ctl, "link.list", NULL, &result) == EXIT_OK)
			json_array_foreach(json_object_get(result, "links"), i, link)
			{
				offer(c, ctl_str(link, "name"), ctl_str(link, "address"));
				json_array_foreach(json_object_get(link, "peers"), k, peer)
					offer(c, ctl_str(peer, "name"), ctl_is(peer, "up") ? "up" : "down");
			}
	}
	json_decref(result);
	ctl_close(&ctl);
}

/* Names of channels, streams or neighbours, if the daemon answers at once. */
static void offer_names(struct completion *c, const char *verb, const char *list)
{
	struct ctl ctl = {.silent = true};
	json_t *result = NULL;
	const json_t *one;
	size_t i;
	if (ctl_open(&ctl, c->cli) == EXIT_OK) {
		ctl.deadline = cli_now() + LAN_MS(500);
		if (ctl_call(&ctl, verb, NULL, &result) == EXIT_OK)
			json_array_foreach(json_object_get(result, list), i, one)
				offer(c, ctl_str(one, "name"), ctl_str(one, "address"));
	}
	json_decref(result);
	ctl_close(&ctl);
}

/* Numbers of slaves of the daemon's masters, if it answers at once. */
static void offer_slaves(struct completion *c)
{
	struct ctl ctl = {.silent = true};
	json_t *result = NULL;
	const json_t *master, *slave;
	size_t i, k;
	char id[24];
	if (ctl_open(&ctl, c->cli) == EXIT_OK) {
		ctl.deadline = cli_now() + LAN_MS(500);
		if (ctl_call(&ctl, "sensor.list", NULL, &result) == EXIT_OK)
			json_array_foreach(json_object_get(result, "sensors"), i, master)
				json_array_foreach(json_object_get(master, "slaves"), k, slave)
			{
				snprintf(id, sizeof id, "%llu", (unsigned long long)ctl_num(slave, "id"));
				offer(c, id, ctl_str(slave, "state"));
			}
	}
	json_decref(result);
	ctl_close(&ctl);
}

/* The network interfaces of this host. */
static void offer_ifaces(struct completion *c)
{
	struct if_nameindex *all = if_nameindex();
	for (struct if_nameindex *f = all; f && f->if_index; f++)
		offer(c, f->if_name, NULL);
	if (all)
		if_freenameindex(all);
}

static const struct object *object_of(const char *word)
{
	for (const struct object *o = cli_objects; o->name; o++)
		if (strncmp(o->name, word, strlen(word)) == 0)
			return o;
	return NULL;
}

static const struct verb *verb_of(const struct object *object, const char *word)
{
	for (const struct verb *v = cli_verbs; object && v->object; v++)
		if (strcmp(v->object, object->name) == 0 && strncmp(v->name, word, strlen(word)) == 0)
			return v;
	return NULL;
}

static void offer_position(struct completion *c, const struct object *object, const struct verb *verb, int n)
{
	if (!object)
		offer_objects(c);
	else if (!verb && !strcmp(object->name, "help"))
		n == 0 ? offer_objects(c) : (void)0;
	else if (!verb)
		offer_verbs(c, object->name);
	else if (verb->word == WORD_LINK && n == 0)
		offer_links(c);
	else if (verb->word == WORD_CHANNEL && n == 0)
		offer_names(c, "channel.list", "channels");
	else if (verb->word == WORD_STREAM && n == 0)
		offer_names(c, "stream.list", "streams");
	else if (verb->word == WORD_NEIGHBOR && n == 0)
		offer_names(c, "neighbor.list", "neighbors");
	else if (verb->word == WORD_SLAVE && n == 0)
		offer_slaves(c);
	else if (verb->word == WORD_URI && n == 0)
		offer(c, "coap://localhost/", NULL);
	else if (verb->word == WORD_IFACE && (n == 0 || verb->max_args < 0))
		offer_ifaces(c);
	else if (verb->word == WORD_FILE && n == 0)
		out_text(&c->out, ":files\n");
	else if (verb->word == WORD_OBJECT && n == 0)
		offer_objects(c);
	else if (verb->word == WORD_FILE_HOST && n == 0)
		out_text(&c->out, ":files\n");
	else if (verb->word == WORD_HOST && n == 0)
		offer(c, "localhost:8123", NULL);
	else if ((verb->word == WORD_STREAM_HOST && n == 0) || (verb->word == WORD_FILE_HOST && n == 1))
		offer(c, "localhost:8000", NULL);
}

/* Follows the words before the last one, as parse.c would. */
static void words(struct completion *c, int argc, char **argv)
{
	const struct object *object = NULL, *topic = NULL;
	const struct verb *verb = NULL;
	const struct opt *wants = NULL;
	bool only_words = false;
	int n = 0;
	c->word = argc ? argv[argc - 1] : "";
	for (int i = 0; i + 1 < argc; i++) {
		const char *w = argv[i];
		if (wants) {
			if (wants->letter == 's')
				c->cli->socket = w;
			wants = NULL;
		} else if (!only_words && w[0] == '-' && w[1]) {
			const struct opt *o = find_opt(verb, w);
			only_words = strcmp(w, "--") == 0;
			wants = o && o->kind ? o : NULL;
		} else if (!object) {
			object = object_of(w);
			verb = object ? verb_of(object, "") : NULL;
			verb = verb && !*verb->name ? verb : NULL;
			if (!object)
				return;
		} else if (!verb) {
			verb = verb_of(object, w);
			if (!verb)
				return;
		} else {
			topic = n++ == 0 ? object_of(w) : topic;
		}
	}
	if (wants)
		offer_values(c, wants);
	else if (c->word[0] == '-' && !only_words)
		offer_options(c, verb);
	else if (verb && verb->word == WORD_OBJECT && n == 1 && topic)
		offer_verbs(c, topic->name);
	else
		offer_position(c, object, verb, n);
}

/* "_NAME_" in scdoc; underscores and the like inside are escaped. */
static void scdoc(struct out *o, const char *mark, const char *text)
{
	out_text(o, mark);
	for (; *text; text++) {
		if (strchr("_*\\#[]", *text) && !(strchr("[]", *text)))
			out_char(o, '\\');
		out_char(o, *text);
	}
	out_text(o, mark);
}

static void synopsis(struct out *o, const struct verb *v)
{
	char head[64];
	snprintf(head, sizeof head, "lanyard %s%s%s", v->object, *v->name ? " " : "", v->name);
	scdoc(o, "*", head);
	if (*v->args) {
		out_char(o, ' ');
		scdoc(o, "", v->args);
	}
	for (const struct opt *x = v->opts; x && x->name; x++) {
		char name[48];
		snprintf(name, sizeof name, "--%s ", x->name);
		if (strstr(v->args, name)) /* needed, so it stands among the words already */
			continue;
		name[strlen(name) - 1] = '\0';
		out_text(o, " [");
		scdoc(o, "*", name);
		if (x->arg) {
			out_char(o, ' ');
			scdoc(o, "_", x->arg);
		}
		out_char(o, ']');
	}
	out_text(o, "\n");
}

static int man(struct completion *c, const char *object)
{
	bool any = false;
	for (const struct verb *v = cli_verbs; v->object; v++)
		if (strcmp(v->object, object) == 0) {
			if (any)
				out_char(&c->out, '\n');
			synopsis(&c->out, v);
			any = true;
		}
	return any ? EXIT_OK
		   : cli_error(
			     c->cli, EXIT_USAGE, "'lanyard help' lists them", "unknown object '%s'", object);
}

int complete_main(struct cli *cli, int argc, char **argv)
{
	struct completion c = {.cli = cli};
	const char *what = argc ? argv[0] : "";
	int rc = EXIT_OK;
	out_init(&c.out, STDOUT_FILENO);
	if (strcmp(what, "bash") == 0)
		out_text(&c.out, bash_script);
	else if (strcmp(what, "zsh") == 0)
		out_text(&c.out, zsh_script);
	else if (strcmp(what, "fish") == 0)
		out_text(&c.out, fish_script);
	else if (strcmp(what, "words") == 0)
		words(&c, argc - 1, argv + 1);
	else if (strcmp(what, "man") == 0 && argc == 2)
		rc = man(&c, argv[1]);
	else
		rc = cli_error(cli, EXIT_USAGE, "__complete bash|zsh|fish|words WORD..|man OBJECT",
			"which completion?");
	out_drain(&c.out, LAN_NEVER, cli_signals());
	out_fini(&c.out);
	return rc;
}
