/*
 * verb.h - what one subcommand is, and what it may use.
 *
 * The command line is `lanyard [global options] OBJECT VERB [NAME] [options]`.
 * One table (table.c) describes every verb: its words, options, help, examples
 * and function. Parsing (parse.c), help (help.c), shell completions and the
 * synopses of the man pages (complete.c) are all read from it, so they cannot
 * disagree.
 *
 * A verb's function gets its positional words in argc/argv and asks for its
 * options by name. Values were checked against their kind before it runs, so
 * asking cannot fail. What it returns is the exit code of the process; errors
 * go through cli_error, which prints them as text and, with -j, as JSON.
 */
#ifndef LAN_CLI_VERB_H
#define LAN_CLI_VERB_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/base.h>

/* Exit codes are interface: lanyard(1), EXIT STATUS. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_UNREACHABLE = 4,
	EXIT_PERMISSION = 5,
	EXIT_TIMEOUT = 6,
	EXIT_PARTIAL = 7,
	EXIT_INTERRUPTED = 130
};

enum arg_kind {
	ARG_NONE = 0, /* a flag */
	ARG_TEXT,     /* any word */
	ARG_LIST,     /* words with commas between them; may be repeated */
	ARG_DURATION, /* 250ms, 2s, 5m */
	ARG_SIZE,     /* 64K, 10M */
	ARG_COUNT,    /* a whole number, 1 or more */
	ARG_NUMBER,   /* a whole number, 0 or more */
	ARG_RATE,     /* 10M or 10M/s, 100/s: bytes or pieces a second */
	ARG_PERCENT,  /* 10% or 10, fractions allowed, 0 to 100 */
	ARG_CHOICE,   /* one of opt.choices */
	ARG_FILE,     /* a path: completed as one */
	ARG_ADDR      /* ADDR:PORT or HOST:PORT */
};

struct opt {
	const char *name; /* without the dashes; NULL ends a list of options */
	char letter;      /* 0: long form only */
	enum arg_kind kind;
	const char *arg; /* the placeholder in help texts, e.g. "SECS"; NULL for a flag */
	const char *help;
	const char *choices; /* "a|b|c" for ARG_CHOICE */
};

/* What a positional word is, for completion. */
enum word_kind {
	WORD_NONE = 0,
	WORD_LINK,
	WORD_FILE,
	WORD_OBJECT,
	WORD_HOST,
	WORD_SHELL,
	WORD_CHANNEL,
	WORD_FILE_HOST,
	WORD_STREAM_HOST,
	WORD_STREAM,
	WORD_NEIGHBOR,
	WORD_IFACE,
	WORD_SLAVE,
	WORD_URI
};

struct cli;

struct verb {
	const char *object;
	const char *name;       /* "" for an object that is its own verb (status, help) */
	const char *args;       /* positional words as shown in the synopsis; "" for none */
	int min_args, max_args; /* -1: any number */
	enum word_kind word;
	const char *help;            /* one line */
	const char *more;            /* what else --help should say; may be NULL */
	const struct opt *opts;      /* may be NULL */
	const char *const *examples; /* pairs: command, comment; NULL ends */
	int (*fn)(struct cli *cli, int argc, char **argv);
	bool is_default; /* what `lanyard OBJECT` alone means */
};

struct object {
	const char *name;
	const char *help;
};

extern const struct object cli_objects[]; /* ends with name NULL, in the order of help */
extern const struct verb cli_verbs[];     /* ends with object NULL */
extern const struct opt cli_globals[];    /* ends with name NULL */

enum out_mode { MODE_TEXT = 0, MODE_JSON, MODE_JSONL };

#define CLI_GIVEN_MAX 128
struct cli {
	const struct verb *verb;
	enum out_mode mode;
	bool quiet;
	int verbose;
	enum { COLOR_AUTO = 0, COLOR_ALWAYS, COLOR_NEVER } color;
	bool want_help, want_version;
	const char *socket, *config; /* -s, -c; NULL if not given */
	const char *program;         /* argv[0] */
	size_t n_given;
	struct given {
		const struct opt *opt;
		const char *value;
	} given[CLI_GIVEN_MAX];
};

/* The last value given to --name, or NULL. */
const char *cli_opt(const struct cli *cli, const char *name);
/* Value number i of an option that may be repeated, or NULL. */
const char *cli_opt_at(const struct cli *cli, const char *name, size_t i);
bool cli_flag(const struct cli *cli, const char *name);
/* Typed values, `dflt` where the option was not given. */
lan_time cli_duration(const struct cli *cli, const char *name, lan_time dflt);
uint64_t cli_size(const struct cli *cli, const char *name, uint64_t dflt);
uint64_t cli_rate(const struct cli *cli, const char *name, uint64_t dflt);
uint64_t cli_number(const struct cli *cli, const char *name, uint64_t dflt);
double cli_percent(const struct cli *cli, const char *name, double dflt); /* "10%" is 10.0 */
/* The place of the word given among the choices of an ARG_CHOICE, from 0. */
int cli_choice(const struct cli *cli, const char *name, int dflt);

/* Reports an error, as text on stderr and, with -j or -J, as a document on
 * stdout; returns `code`. `what` names what failed, where and why; `hint` says
 * what to do (may be NULL). */
int cli_error(const struct cli *cli, enum exit_code code, const char *hint, const char *what, ...)
	__attribute__((format(printf, 4, 5)));
int cli_verror(const struct cli *cli, enum exit_code code, const char *hint, const char *what, va_list ap)
	__attribute__((format(printf, 4, 0)));
/* The name of an exit code in {"error":{"code":..}}: "not-found"; and back. */
const char *cli_code_name(enum exit_code code);
enum exit_code cli_code_of(const char *name);

/* A line on stderr: not with -q; cli_detail only with -v. */
void cli_say(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cli_detail(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Colour for text on `fd`? --color, NO_COLOR, CLICOLOR_FORCE, TERM=dumb, is it a terminal. */
bool cli_color(const struct cli *cli, int fd);

/* The functions of the table. */
int link_serve_main(struct cli *cli, int argc, char **argv);
int link_connect_main(struct cli *cli, int argc, char **argv);
int link_list_main(struct cli *cli, int argc, char **argv);
int link_show_main(struct cli *cli, int argc, char **argv);
int link_watch_main(struct cli *cli, int argc, char **argv);
int link_send_main(struct cli *cli, int argc, char **argv);
int bridge_main(struct cli *cli, int argc, char **argv);
int channel_send_main(struct cli *cli, int argc, char **argv);
int channel_recv_main(struct cli *cli, int argc, char **argv);
int channel_list_main(struct cli *cli, int argc, char **argv);
int channel_show_main(struct cli *cli, int argc, char **argv);
int channel_watch_main(struct cli *cli, int argc, char **argv);
int stream_serve_main(struct cli *cli, int argc, char **argv);
int stream_connect_main(struct cli *cli, int argc, char **argv);
int blob_send_main(struct cli *cli, int argc, char **argv);
int blob_recv_main(struct cli *cli, int argc, char **argv);
int stream_list_main(struct cli *cli, int argc, char **argv);
int stream_show_main(struct cli *cli, int argc, char **argv);
int stream_watch_main(struct cli *cli, int argc, char **argv);
int stream_send_main(struct cli *cli, int argc, char **argv);
int neighbor_run_main(struct cli *cli, int argc, char **argv);
int neighbor_list_main(struct cli *cli, int argc, char **argv);
int neighbor_show_main(struct cli *cli, int argc, char **argv);
int neighbor_watch_main(struct cli *cli, int argc, char **argv);
int neighbor_reset_main(struct cli *cli, int argc, char **argv);
int neighbor_roll_main(struct cli *cli, int argc, char **argv);
int neighbor_capture_main(struct cli *cli, int argc, char **argv);
int neighbor_decode_main(struct cli *cli, int argc, char **argv);
int sensor_device_main(struct cli *cli, int argc, char **argv);
int sensor_master_main(struct cli *cli, int argc, char **argv);
int sensor_list_main(struct cli *cli, int argc, char **argv);
int sensor_show_main(struct cli *cli, int argc, char **argv);
int sensor_watch_main(struct cli *cli, int argc, char **argv);
int sensor_get_main(struct cli *cli, int argc, char **argv);
int sensor_put_main(struct cli *cli, int argc, char **argv);
int sensor_post_main(struct cli *cli, int argc, char **argv);
int sensor_delete_main(struct cli *cli, int argc, char **argv);
int sensor_observe_main(struct cli *cli, int argc, char **argv);
int sensor_log_main(struct cli *cli, int argc, char **argv);
int sensor_poke_main(struct cli *cli, int argc, char **argv);
int coap_get_main(struct cli *cli, int argc, char **argv);
int coap_put_main(struct cli *cli, int argc, char **argv);
int coap_post_main(struct cli *cli, int argc, char **argv);
int coap_delete_main(struct cli *cli, int argc, char **argv);
int coap_observe_main(struct cli *cli, int argc, char **argv);
int coap_discover_main(struct cli *cli, int argc, char **argv);
int key_generate_main(struct cli *cli, int argc, char **argv);
int key_rotate_main(struct cli *cli, int argc, char **argv);
int key_show_main(struct cli *cli, int argc, char **argv);
int key_list_main(struct cli *cli, int argc, char **argv);
int key_watch_main(struct cli *cli, int argc, char **argv);
int key_identity_main(struct cli *cli, int argc, char **argv);
int key_public_main(struct cli *cli, int argc, char **argv);
int key_export_main(struct cli *cli, int argc, char **argv);
int key_certify_main(struct cli *cli, int argc, char **argv);
int key_pins_main(struct cli *cli, int argc, char **argv);
int key_forget_main(struct cli *cli, int argc, char **argv);
int config_check_main(struct cli *cli, int argc, char **argv);
int config_show_main(struct cli *cli, int argc, char **argv);
int config_reload_main(struct cli *cli, int argc, char **argv);
int config_import_main(struct cli *cli, int argc, char **argv);
int event_list_main(struct cli *cli, int argc, char **argv);
int event_watch_main(struct cli *cli, int argc, char **argv);
int stats_list_main(struct cli *cli, int argc, char **argv);
int status_main(struct cli *cli, int argc, char **argv);
int lab_impair_main(struct cli *cli, int argc, char **argv);
int lab_xbee_main(struct cli *cli, int argc, char **argv);
int help_main(struct cli *cli, int argc, char **argv);
int version_main(struct cli *cli, int argc, char **argv);
int complete_main(struct cli *cli, int argc, char **argv);

#endif
