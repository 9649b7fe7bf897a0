/*
 * key_int.h - key files from the inside: what the channel loads, and what the
 * files key*.c share. Formats: lanyard-key(1), FILES.
 *
 * One way to read (key_file.c: open, then look at what was opened, then read
 * within a bound), one way to write (a temporary file that takes the name), one
 * sentence that says what is wrong, where, and what to do about it.
 */
#ifndef LAN_API_KEY_INT_H
#define LAN_API_KEY_INT_H

#include <lanyard/key.h>
#include <stdint.h>
#include <sys/stat.h>
#include "crypto/crypto.h"
#include "proto/channel/channel.h"
#include "proto/lsoe/sign.h"

/* --- for the channel ------------------------------------------------------ */

/* A group key file in the form the core wants. `now`: the loop's clock; `wall`: seconds since 1970 at
 * that moment. Times that have passed become 0. Errors of <lanyard/key.h>; `out` is untouched then. Wipe it
 * after use. */
LAN_WUR enum lan_err lan_key_load(
	const char *path, lan_time now, int64_t wall, struct chan_keys *out, const char **why);

/* An identity file: the Ed25519 secret. */
LAN_WUR enum lan_err lan_identity_load(const char *path, uint8_t secret[LAN_SIGN_SECRET], const char **why);

/* A members file; at least one member. One allocation, freed with free(): `out->members` points into it. */
struct lan_members {
	struct chan_members members;
};
LAN_WUR enum lan_err lan_members_load(const char *path, struct lan_members **out, const char **why);

/* --- for neighbours --------------------------------------------------------- */

/* A secret key that signs: an identity file, or RSA in PEM. */
LAN_WUR enum lan_err key_signer_load(const char *path, struct lan_signer **out, const char **why);
/* The file of a public key; lsoe_key_fini(out). */
LAN_WUR enum lan_err key_public_load(const char *path, struct lsoe_key *out, const char **why);
/* A certificate: *out is malloc'ed. */
LAN_WUR enum lan_err key_cert_load(
	const char *path, uint8_t *alg, uint8_t **out, uint16_t *len, const char **why);
/* "ed25519", "rsasha256". Static text. */
const char *key_algorithm_name(uint8_t alg);
/* LSOE_ALG_NONE: no such algorithm. */
uint8_t key_algorithm_of(const char *name);

/* --- for the command line --------------------------------------------------- */

/* What a file is, by its first line; RSA: by the line PEM begins with. KEY_OTHER: a members file, say. */
enum key_kind { KEY_OTHER = 0, KEY_GROUP, KEY_IDENTITY, KEY_RSA, KEY_PUBLIC, KEY_CERT };
LAN_WUR enum lan_err key_kind_of(const char *path, enum key_kind *out, const char **why);

/* RFC 3339, in whole seconds. */
bool key_time_parse(const char *text, int64_t *out);
#define KEY_TIME_TEXT 32
void key_time_print(int64_t t, char buf[KEY_TIME_TEXT]);

/* --- shared by key*.c ------------------------------------------------------ */

#define KEY_FILE_MAX    (64u << 10)
#define KEY_MEMBERS_MAX (1u << 20)
#define KEY_NAME_MAX    63
#define KEY_BASE64      44 /* characters of 32 bytes */
#define KEY_MAGIC       "lanyard-key 1"
#define IDENTITY_MAGIC  "lanyard-identity 1"

/* The sentence, thread-local; returns e. */
enum lan_err key_why(const char **why, enum lan_err e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A file is named, and the crypto libraries work. */
LAN_WUR enum lan_err key_ready(const char *path, const char **why);

/* What a file holds; a NUL follows. `secret`: nobody else may read it; else, nobody else may write it. */
struct key_text {
	char *text;
	size_t len;
	int fd; /* with key_read_locked, else -1 */
	struct stat st;
};
LAN_WUR enum lan_err key_read(
	const char *path, bool secret, size_t max, struct key_text *out, const char **why);
/* The same, of a secret file that is about to be replaced: locked until key_text_free. */
LAN_WUR enum lan_err key_read_locked(const char *path, struct key_text *out, const char **why);
void key_text_free(struct key_text *t); /* wipes */

/* Write `text` as a new file (LAN_ERR_EXISTS), or in place of `old`, with its owner and mode. */
LAN_WUR enum lan_err key_write(
	const char *path, const char *text, size_t len, const struct key_text *old, const char **why);

/* One line and its words, without comments and blank lines. The text is cut up in place. */
#define KEY_WORDS 8
struct key_lines {
	const char *path;
	char *at; /* what follows */
	unsigned number;
	char *line;
	size_t n;
	char *word[KEY_WORDS];
};
/* False: no more lines. n is KEY_WORDS + 1 if there are too many words. */
bool key_line(struct key_lines *l);

/* The first line that is not a comment is `want`. LAN_ERR_CONFIG, with what the file is instead. */
LAN_WUR enum lan_err key_magic(struct key_lines *l, const char *want, const char **why);
/* Does the text hold a secret key in PEM? */
bool key_text_is_pem(const char *text);

/* A group key file, parsed. */
struct key_epoch {
	uint32_t epoch;
	uint8_t key[32];
	int64_t send_after, accept_until; /* 0: none */
};
struct key_group {
	int cipher;
	size_t n;
	struct key_epoch epoch[LAN_KEY_EPOCHS]; /* ascending */
};
LAN_WUR enum lan_err key_group_parse(const char *path, char *text, struct key_group *out, const char **why);
/* Read the file and parse it. Errors of both; wipe *out after use. */
LAN_WUR enum lan_err key_group_read(const char *path, struct key_group *out, const char **why);
/* One epoch's line into buf, newline and NUL included; its length. */
#define KEY_EPOCH_LINE 160
size_t key_epoch_print(const struct key_epoch *e, char buf[KEY_EPOCH_LINE]);
LAN_WUR enum lan_err key_identity_parse(
	const char *path, char *text, uint8_t secret[LAN_SIGN_SECRET], const char **why);

#endif
