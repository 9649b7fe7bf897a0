/*
 * config.h - the configuration of lanyardd: lanyard.yaml(5).
 *
 * A file is looked at twice. First config_lint walks it with libyaml against
 * the table of keys and reports everything that is wrong, each at its own line
 * and column; then libcyaml fills the structs through a schema made from the
 * same table. After config_load every value is there (defaults filled in) and
 * valid, as the text the user would write; config_link_open_args and
 * its like convert.
 */
#ifndef LANYARDD_CONFIG_H
#define LANYARDD_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <lanyard/channel.h>
#include <lanyard/link.h>
#include <lanyard/stream.h>
#include "daemon/text.h"

#define CONFIG_DEFAULT_FILE "/etc/lanyard/lanyard.yaml"
#define CONFIG_FILE_MAX     (1u << 20)
#define CONFIG_LINKS_MAX    1024
#define CONFIG_EXPECT_MAX   16384
#define CONFIG_CHANNELS_MAX 256
#define CONFIG_IFACES_MAX   64
#define CONFIG_STREAMS_MAX  256
/* What stands for a secret wherever a configuration is shown. */
#define CONFIG_SECRET_SHOWN "***"

struct config_log {
	char *level, *format;
};

struct config_daemon {
	char *name, *socket;
	struct config_log *log;
	uint32_t *events;
};

/* NULL: does not apply to this role. */
struct config_link {
	char *name, *role, *listen, *connect, *id, *timeout;
	char **expect;
	uint32_t expect_count;
	bool *only_expected;
	char *duplicate;
	uint32_t *window;
	char *max_line, *max_queue;
	uint32_t *max_clients, *max_handshakes;
	char *hold_off, *retry_min, *retry_max;
	bool *echo, *heartbeat;
};

/* NULL: does not apply to this dialect or mode. */
struct config_channel {
	char *name, *address, *dialect, *mode;
	char **ifaces, **sources;
	uint32_t ifaces_count, sources_count;
	uint32_t *ttl;
	bool *loopback, *hear_self;
	char *max_message, *max_queue, *max_events, *receive_buffer;
	char *key, *iv;
	bool *objects;
	char *key_file, *identity_file, *members_file, *channel, *display_name, *state;
	bool *silent, *flow;
	char *reorder, *presence, *rate;
	uint32_t *history, *late, *parity, *block, *max_senders;
};

/* NULL: does not apply to this dialect or role. */
struct config_stream {
	char *name, *serve, *connect, *dialect;
	char *encoding;
	char *max_message, *piece;
	bool *pieces;
	char *max_queue, *full, *max_events, *max_partial, *frame_timeout, *dead_after;
	uint32_t *max_conns;
	bool *once;
	uint32_t *retries;
	char *retry_min, *retry_max;
	bool *resend;
	uint32_t *window;
	char *confirm;
	bool *objects, *resync, *echo;
};

/* What a file holds, and what the daemon runs on. */
struct config {
	struct config_daemon *daemon;
	struct config_link *link;
	struct config_channel *channel;
	struct config_stream *stream;
	uint32_t link_count, channel_count, stream_count;
};

/* A list of sentences, each "FILE:LINE:COL: what". Bounded; the rest is counted. */
#define CONFIG_NOTES_MAX 50
struct config_notes {
	char *note[CONFIG_NOTES_MAX];
	size_t n, more;
};
void config_note(struct config_notes *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void config_notes_fini(struct config_notes *n);

struct config_set {
	struct config *config;
	char *source; /* path of the main file, or "built-in" */
	char **files; /* all files read, n_files of them */
	size_t n_files;
	struct config_notes warnings;
};

/* Read everything. `path` NULL: $LANYARD_CONFIG, else the default file, else built-in values.
 * False: `errors` says why, and *out is untouched. */
bool config_load(const char *path, struct config_set **out, struct config_notes *errors);
void config_set_free(struct config_set *s);

/* --- the table of keys ------------------------------------------------- */

enum config_kind {
	CONFIG_MAP,      /* a mapping: sub */
	CONFIG_MAPS,     /* a list of mappings: sub, entry */
	CONFIG_LIST,     /* a list of single values: of */
	CONFIG_NAME,     /* [A-Za-z0-9._-]{1,64} */
	CONFIG_WORD,     /* one of words */
	CONFIG_PATH,     /* absolute, fits sun_path */
	CONFIG_FILE,     /* absolute */
	CONFIG_STATE,    /* absolute, or "none" */
	CONFIG_LISTEN,   /* ADDR:PORT */
	CONFIG_CONNECT,  /* HOST[:PORT] */
	CONFIG_GROUP,    /* GROUP:PORT */
	CONFIG_ADDRESS,  /* a numeric address */
	CONFIG_IFACE,    /* an interface's name or address, or "all" */
	CONFIG_ID,       /* 1..255 bytes of text */
	CONFIG_TEXT,     /* min..max bytes of text */
	CONFIG_SECRET,   /* min..max ASCII characters, never shown */
	CONFIG_DURATION, /* min..max nanoseconds */
	CONFIG_SIZE,     /* min..max bytes */
	CONFIG_COUNT,    /* min..max */
	CONFIG_BOOL
};

/* The roles of an entry: of a link, of a channel, of a stream. A key says which it is for. */
enum { CONFIG_SERVER = 1, CONFIG_CLIENT = 2, CONFIG_ANY = 15 };
enum {
	CONFIG_MULTISOCK = 1,
	CONFIG_BEST_EFFORT = 2,
	CONFIG_ORDERED = 4,
	CONFIG_RELIABLE = 8,
	CONFIG_SEALED = CONFIG_BEST_EFFORT | CONFIG_ORDERED | CONFIG_RELIABLE
};
enum {
	CONFIG_SERPY1_SERVE = 1,
	CONFIG_SERPY1_CONNECT = 2,
	CONFIG_SERPY2_SERVE = 4,
	CONFIG_SERPY2_CONNECT = 8,
	CONFIG_SERPY1 = CONFIG_SERPY1_SERVE | CONFIG_SERPY1_CONNECT,
	CONFIG_SERPY2 = CONFIG_SERPY2_SERVE | CONFIG_SERPY2_CONNECT,
	CONFIG_SERVE = CONFIG_SERPY1_SERVE | CONFIG_SERPY2_SERVE,
	CONFIG_CONNECTS = CONFIG_SERPY1_CONNECT | CONFIG_SERPY2_CONNECT
};

struct config_key {
	const char *name;
	enum config_kind kind;
	int roles;            /* of an entry: which it is for */
	size_t offset;        /* of the member; its count follows at count_offset */
	size_t count_offset;  /* CONFIG_MAPS, CONFIG_LIST */
	const char *def;      /* default as text; NULL: none, or computed */
	uint64_t min, max;    /* CONFIG_DURATION, _SIZE, _COUNT, _TEXT, _SECRET; max: entries of a list */
	bool zero;            /* 0 is allowed too, whatever min: it means none */
	size_t size;          /* of the struct of a CONFIG_MAP, or of one entry of a CONFIG_MAPS */
	enum config_kind of;  /* CONFIG_LIST */
	const char *words[5]; /* CONFIG_WORD */
	const struct config_key *sub;
	const struct config_entry *entry; /* CONFIG_MAPS */
};

/* What holds for the entries of one list of mappings beyond their single keys. */
struct config_entry {
	const char *name; /* "link": what one is called */
	/* Which roles each word of a key stands for: together they make the role of the entry. */
	struct config_choice {
		const char *key, *article;
		int roles[5]; /* by word */
	} choice[3];
	/* Exactly one of these keys is given, which makes the role of the entry, too. */
	struct config_either {
		const char *key;
		int roles;
		const char *hint; /* what to write there */
	} either[3];
	struct config_need {
		const char *key;
		int roles;
		const char *hint; /* what to write there; may be NULL */
	} need[5];
	struct config_pair {
		const char *a, *b;
	} order[3],          /* a is not greater than b */
		together[2]; /* both or none */
	struct config_distinct {
		const char *key, *verb; /* no two entries have the same; verb: how one "listens on" it */
	} distinct[3];
};

/* Arrays ended by a NULL name. */
extern const struct config_key config_top_keys[], config_daemon_keys[], config_log_keys[], config_link_keys[],
	config_channel_keys[], config_stream_keys[];

/* --- between the files of this module ---------------------------------- */

/* config_schema.c: libcyaml over the table. NULL: `errors` says why. */
struct config *config_parse(const char *file, const char *yaml, size_t len, struct config_notes *errors);
void config_free(struct config *c);
/* The whole as a YAML document that config_parse reads back; free it. NULL: out of memory. */
char *config_yaml(const struct config *c);
/* Set the absent keys of a struct to their defaults. False: out of memory. */
bool config_fill(void *obj, const struct config_key *keys, int role);

/* config_lint.c: every problem of one file into `errors`; true if there was none.
 * *empty: nothing but blanks and comments. */
bool config_lint(const char *file, const char *yaml, size_t len, struct config_notes *errors, bool *empty);
/* config_check.c: NULL if the text suits the key, else what is wrong with it (static or in buf). */
const char *config_check(const struct config_key *key, const char *value, char *buf, size_t cap);
/* config_suggest.c: the key of the table that `word` is probably meant to be, or NULL. */
const char *config_suggest(const struct config_key *keys, const char *word);
/* The same over a NULL-terminated list of words. */
const char *config_suggest_word(const char *const *words, const char *word);

/* --- entries: config_entry.c -------------------------------------------- */

/* The roles a filled entry has, or one whose words were checked. */
int config_role_of(const struct config_key *maps, const void *entry);
/* Entries of one list alike in everything but the key at offset `but` (SIZE_MAX: none). */
bool config_entry_same(const struct config_key *keys, const void *a, const void *b, size_t but);
/* The list of a CONFIG_MAPS of a configuration: how many entries, and number i of them. */
uint32_t config_entries(const struct config *c, const struct config_key *maps);
const void *config_entry_at(const struct config *c, const struct config_key *maps, uint32_t i);
/* Two entries may both have this value: port 0 is any. */
bool config_may_repeat(const struct config_key *key, const char *value);
const struct config_key *config_key_named(const struct config_key *keys, const char *name);
/* The text of a checked value as a number; NULL: 0. */
lan_time config_duration(const char *text);
uint64_t config_size(const char *text);

int config_role(const struct config_link *l); /* CONFIG_SERVER or CONFIG_CLIENT */
/* Entries alike in everything. */
bool config_link_same(const struct config_link *a, const struct config_link *b);
/* A link open by `b` goes on by `a` without being opened anew: they differ at most in echo. */
bool config_link_keeps(const struct config_link *a, const struct config_link *b);
/* The defaults that are not one text for all. False: out of memory. */
bool config_link_fill(struct config_link *l);
/* What to open it with: views into `l`. */
struct lan_link_config config_link_open_args(const struct config_link *l);

bool config_channel_same(const struct config_channel *a, const struct config_channel *b);
bool config_channel_fill(struct config_channel *c, const struct config_daemon *d);
struct lan_channel_config config_channel_open_args(const struct config_channel *c);
/* The defaults that depend on others. False: out of memory. */
bool config_stream_fill(struct config_stream *s);
struct lan_stream_config config_stream_open_args(const struct config_stream *s);
/* Does it hold a secret in the file itself? */
bool config_channel_secret(const struct config_channel *c);

#endif
