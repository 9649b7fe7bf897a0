/*
 * help.c - help texts out of the table: an overview, the verbs of an object,
 * one verb. Examples come first, because they are what is looked for.
 */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/out.h"
#include "cli/parse.h"
#include "cli/wait.h"

enum { COLUMN = 26, WIDTH = 100 };

struct page {
	struct out out;
	bool color;
};

static void page_open(struct page *p, const struct cli *cli)
{
	out_init(&p->out, STDOUT_FILENO);
	p->color = cli_color(cli, STDOUT_FILENO);
}

static int page_close(struct page *p)
{
	out_drain(&p->out, LAN_NEVER, cli_signals());
	out_fini(&p->out);
	return EXIT_OK;
}

static void heading(struct page *p, const char *text)
{
	out_printf(&p->out, p->color ? "\n\033[1m%s\033[0m\n" : "\n%s\n", text);
}

/* `text` wrapped at WIDTH, its lines indented by `indent`; the first has `used` columns. */
static void wrapped(struct out *o, const char *text, int indent, int used)
{
	int at = used;
	while (*text) {
		int n = (int)strcspn(text, " ");
		if (at > indent && at + 1 + n > WIDTH) {
			out_printf(o, "\n%*s", indent, "");
			at = indent;
		} else if (at > indent) {
			out_char(o, ' ');
			at++;
		}
		out_bytes(o, text, (size_t)n);
		at += n;
		text += n;
		text += *text == ' ';
	}
	out_char(o, '\n');
}

static void row(struct out *o, const char *left, const char *text)
{
	int n = (int)strlen(left);
	out_printf(o, "  %s", left);
	if (n + 2 >= COLUMN)
		out_printf(o, "\n%*s", COLUMN, "");
	else
		out_printf(o, "%*s", COLUMN - n - 2, "");
	wrapped(o, text, COLUMN, COLUMN);
}

static void option_rows(struct page *p, const struct opt *opts, const struct opt *hide)
{
	for (const struct opt *o = opts; o && o->name; o++) {
		char left[96];
		bool hidden = false;
		for (const struct opt *h = hide; h && h->name; h++)
			hidden |= strcmp(h->name, o->name) == 0;
		if (hidden)
			continue;
		snprintf(left, sizeof left, "%c%c%c --%s%s%s", o->letter ? '-' : ' ',
			o->letter ? o->letter : ' ', o->letter ? ',' : ' ', o->name, o->arg ? " " : "",
			o->arg ? o->arg : "");
		row(&p->out, left, o->help);
	}
}

void help_synopsis(struct out *o, const struct verb *v)
{
	out_printf(o, "lanyard %s%s%s%s%s%s", v->object, *v->name ? " " : "", v->name, *v->args ? " " : "",
		v->args, v->opts ? " [options]" : "");
}

int help_verb(struct cli *cli, const struct verb *v)
{
	struct page p;
	page_open(&p, cli);
	wrapped(&p.out, v->help, 0, 0);
	if (v->examples) {
		heading(&p, "Examples");
		for (const char *const *e = v->examples; *e; e += 2)
			out_printf(&p.out, "  %s\n      %s\n", e[0], e[1]);
	}
	heading(&p, "Usage");
	out_text(&p.out, "  ");
	help_synopsis(&p.out, v);
	out_char(&p.out, '\n');
	if (v->opts) {
		heading(&p, "Options");
		option_rows(&p, v->opts, NULL);
	}
	heading(&p, "Options everywhere");
	option_rows(&p, cli_globals, v->opts);
	if (v->more) {
		out_char(&p.out, '\n');
		wrapped(&p.out, v->more, 0, 0);
	}
	return page_close(&p);
}

static void verb_rows(struct page *p, const struct object *object)
{
	for (const struct verb *v = cli_verbs; v->object; v++) {
		char left[96];
		if (strcmp(v->object, object->name) != 0)
			continue;
		snprintf(left, sizeof left, "%s%s%s%s%s", v->object, *v->name ? " " : "", v->name,
			*v->args ? " " : "", v->args);
		row(&p->out, left, v->help);
	}
}

int help_object(struct cli *cli, const struct object *object)
{
	struct page p;
	page_open(&p, cli);
	wrapped(&p.out, object->help, 0, 0);
	heading(&p, "Verbs");
	verb_rows(&p, object);
	out_printf(&p.out, "\nlanyard help %s VERB tells more.\n", object->name);
	return page_close(&p);
}

int help_overview(struct cli *cli)
{
	struct page p;
	page_open(&p, cli);
	out_text(&p.out, "lanyard [options] OBJECT VERB [NAME] [options]\n");
	heading(&p, "Try");
	out_text(&p.out,
		"  lanyard link serve                              a server; who connects is shown\n"
		"  lanyard link connect localhost:8123 --id 1      a client; type lines, Ctrl-D ends\n"
		"  lanyard link watch                              what the daemon's links are doing\n");
	heading(&p, "Objects and verbs");
	for (const struct object *o = cli_objects; o->name; o++)
		verb_rows(&p, o);
	heading(&p, "Options everywhere");
	option_rows(&p, cli_globals, NULL);
	out_text(&p.out,
		"\nObjects and verbs may be shortened while they stay unique. lanyard alone prints a "
		"status.\n"
		"Exit status: 0 ok, 1 failed, 2 usage, 3 not found, 4 daemon unreachable, 5 permission,\n"
		"6 timeout, 7 partial, 130 interrupted. Man pages: lanyard(1), lanyard-link(7).\n");
	return page_close(&p);
}

int help_main(struct cli *cli, int argc, char **argv)
{
	const struct object *object;
	const struct verb *verb;
	if (argc == 0)
		return help_overview(cli);
	object = cli_find_object(cli, argv[0]);
	if (!object)
		return EXIT_USAGE;
	verb = cli_default_verb(object);
	if (verb && !*verb->name)
		return help_verb(cli, verb);
	if (argc == 1)
		return help_object(cli, object);
	verb = cli_find_verb(cli, object, argv[1]);
	return verb ? help_verb(cli, verb) : EXIT_USAGE;
}

int version_main(struct cli *cli, int argc, char **argv)
{
	struct out o;
	out_init(&o, STDOUT_FILENO);
	if (cli->mode == MODE_TEXT)
		out_printf(&o, "lanyard %s\n", lan_version());
	else
		out_printf(&o, "{\"schema\":1,\"version\":\"%s\"}\n", lan_version());
	out_drain(&o, LAN_NEVER, cli_signals());
	out_fini(&o);
	return EXIT_OK;
}
