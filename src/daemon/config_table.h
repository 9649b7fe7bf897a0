/*
 * config_table.h - what every key of a configuration is: its kind, its place, its
 * range, whom it is for. config_keys.c, config_keys_neighbor.c and
 * config_keys_sensor.c fill the table, everything that reads, checks, compares or prints a configuration
 * reads it.
 */
#ifndef LANYARDD_CONFIG_TABLE_H
#define LANYARDD_CONFIG_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include "api/text.h"

struct config;
struct config_notes;

/* --- the table of keys ------------------------------------------------- */

enum config_kind {
	CONFIG_MAP,       /* a mapping: sub */
	CONFIG_MAPS,      /* a list of mappings: sub, entry */
	CONFIG_LIST,      /* a list of single values: of */
	CONFIG_NAME,      /* [A-Za-z0-9._-]{1,64} */
	CONFIG_WORD,      /* one of words */
	CONFIG_PATH,      /* absolute, fits sun_path */
	CONFIG_FILE,      /* absolute */
	CONFIG_STATE,     /* absolute, or "none" */
	CONFIG_LISTEN,    /* ADDR:PORT */
	CONFIG_CONNECT,   /* HOST[:PORT] */
	CONFIG_GROUP,     /* GROUP:PORT */
	CONFIG_ADDRESS,   /* a numeric address */
	CONFIG_IFACE,     /* an interface's name or address, or "all" */
	CONFIG_GLOB,      /* an interface's name, with * and ? for others; "!" in front takes out again */
	CONFIG_HEX,       /* min..max octets */
	CONFIG_OCTET,     /* 0..255, also as 0x1f */
	CONFIG_ETHERTYPE, /* 0x0600..0xffff */
	CONFIG_HELLO,     /* a MAC address, or a word for one */
	CONFIG_PREFIX,    /* ADDRESS/LENGTH; min: of this IP version only */
	CONFIG_LABEL,     /* an MPLS label: 20 bits */
	CONFIG_URL,       /* http://.. or https://.. */
	CONFIG_NETWORK,   /* a network of sensors: ethernet:eth0,.. */
	CONFIG_URI,       /* a path of a URL, or "none" */
	CONFIG_ID,        /* 1..255 bytes of text */
	CONFIG_TEXT,      /* min..max bytes of text */
	CONFIG_SECRET,    /* min..max ASCII characters, never shown */
	CONFIG_DURATION,  /* min..max nanoseconds */
	CONFIG_SIZE,      /* min..max bytes */
	CONFIG_COUNT,     /* min..max */
	CONFIG_BOOL
};

/* The roles of an entry: of a link, of a channel, of a stream, of a neighbor. A key says which it is for. */
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

enum {
	CONFIG_LSOE = 1,
	CONFIG_TRUST_ANY = 2,
	CONFIG_TRUST_TOFU = 4,
	CONFIG_TRUST_ANCHOR = 8,
	CONFIG_L3DL = CONFIG_TRUST_ANY | CONFIG_TRUST_TOFU | CONFIG_TRUST_ANCHOR
};

struct config_key {
	const char *name;
	enum config_kind kind;
	int roles;           /* of an entry: which it is for */
	size_t offset;       /* of the member; its count follows at count_offset */
	size_t count_offset; /* CONFIG_MAPS, CONFIG_LIST */
	const char *def;     /* default as text; NULL: none, or computed, or */
	struct config_default {
		int roles;
		const char *text;
	} def_for[2];         /* depending on the role */
	uint64_t min, max;    /* CONFIG_DURATION, _SIZE, _COUNT, _TEXT, _SECRET; max: entries of a list */
	bool optional;        /* CONFIG_MAP: absent if it is not given */
	bool zero;            /* 0 is allowed too, whatever min: it means none */
	size_t size;          /* of the struct of a CONFIG_MAP, or of one entry of a CONFIG_MAPS */
	enum config_kind of;  /* CONFIG_LIST */
	const char *words[5]; /* CONFIG_WORD */
	const struct config_key *sub;
	const struct config_entry *entry; /* CONFIG_MAPS */
};

struct lint;
struct yaml_node_s;

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
		together[2], /* both or none */
		with[3];     /* no a without b */
	struct config_distinct {
		const char *key, *verb; /* no two entries have the same; verb: how one "listens on" it */
	} distinct[3];
	/* What else: of one entry, of all of a file, of two of different files (what, or NULL, is said then).
	 */
	void (*lint)(struct lint *l, struct yaml_node_s *entry);
	void (*lint_all)(struct lint *l, struct yaml_node_s *list);
	const char *(*clash)(const void *a, const void *b, struct text *t);
};

/* Arrays ended by a NULL name. */
extern const struct config_key config_top_keys[], config_daemon_keys[], config_log_keys[], config_link_keys[],
	config_channel_keys[], config_stream_keys[], config_neighbor_keys[], config_sensor_keys[];
extern const struct config_entry config_neighbor_entry, config_sensor_entry;

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
/* config_check_wire.c: the same for what only neighbors and sensors have. */
const char *config_check_wire(const struct config_key *key, const char *value, char *buf, size_t cap);
/* How many octets the text is (written into `out`, as many as fit); 0: it is not that. */
size_t config_hex(const char *text, uint8_t *out, size_t cap);
/* 17 or 0x11. */
bool config_number(const char *text, uint64_t *out);
/* config_globs.c: can an interface be in both of these lists of names and globs? *name (of at least 64
 * bytes) becomes one, or a pattern of them. */
bool config_globs_meet(
	const char *const *a, size_t na, const char *const *b, size_t nb, char *name, size_t cap);
/* Interfaces and EtherType of an entry of neighbors; views. */
struct config_claim {
	const char *const *ifaces;
	size_t n;
	const char *ethertype;
};
/* Both may get the same frames: where, as "interface \"eth0\" with EtherType 0x8885"; NULL: they cannot. */
const char *config_claims_meet(const struct config_claim *a, const struct config_claim *b, struct text *t);
/* config_lint_neighbor.c: the rules of config_neighbor_entry. */
void lint_neighbor(struct lint *l, struct yaml_node_s *entry);
void lint_labels(struct lint *l, struct yaml_node_s *entry);
void lint_neighbors(struct lint *l, struct yaml_node_s *list);
const char *config_neighbor_clash(const void *a, const void *b, struct text *t);
struct config_neighbor;
struct config_claim config_neighbor_claim(const struct config_neighbor *n);
/* config_lint_sensor.c: those of config_sensor_entry. */
void lint_sensor(struct lint *l, struct yaml_node_s *entry);
void lint_sensors(struct lint *l, struct yaml_node_s *list);
const char *config_sensor_clash(const void *a, const void *b, struct text *t);
struct config_sensor;
/* Both get the same frames: where, as config_claims_meet says it; NULL: they do not. */
const char *config_frames_meet(
	const struct config_neighbor *n, const struct config_sensor *s, struct text *t);
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
/* The default of a key in a role; NULL: none, or computed. */
const char *config_default(const struct config_key *key, int role);
/* Where an entry keeps what survives restarts, or "none"; free it. NULL: out of memory. */
char *config_state_dir(const char *family, const char *name);
/* The text of a checked value as a number; NULL: 0. */
lan_time config_duration(const char *text);
uint64_t config_size(const char *text);

#endif
