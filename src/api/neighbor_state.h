/*
 * neighbor_state.h - what a node of the neighbour family must not forget: the
 * keys it has learned of other nodes (pins), and what is needed to resume the
 * sessions with them. A directory with a lock, so that no second process writes
 * there; lanyard-neighbor(7), FILES.
 *
 *      pins                        all keys, text: one line a node
 *      session-IFNAME-MAC.state    one peer; as lsoe_save wrote it, with a checksum
 *
 * A pin is on the disk soon after it was learned (written by a thread, synced,
 * renamed). Sessions are written a moment after they changed and not synced: a
 * power cut costs a fresh session, nothing more.
 */
#ifndef LAN_API_NEIGHBOR_STATE_H
#define LAN_API_NEIGHBOR_STATE_H

#include "io/loop.h"
#include "proto/lsoe/sign.h"

struct neighbor_pin {
	uint8_t id_len;
	uint8_t id[LSOE_ID_MAX];
	struct lsoe_key key;
	int64_t first_seen; /* seconds since 1970 */
};

/* The file alone, in order of ids. neighbor_pins.c */
struct neighbor_pins {
	struct neighbor_pin *pin;
	size_t n, cap;
};
#define NEIGHBOR_PINS_MAX 16384
/* No file is no pins. Errors as key files have them; a line that is not understood is LAN_ERR_CONFIG with its
 * number. */
LAN_WUR enum lan_err neighbor_pins_read(const char *path, struct neighbor_pins *out, const char **why);
/* The text of the file, malloc'ed; NULL: no memory. */
char *neighbor_pins_text(const struct neighbor_pins *p, size_t *n);
/* Add one, or replace the key of one that is there. LAN_ERR_NOMEM, LAN_ERR_LIMIT. */
LAN_WUR enum lan_err neighbor_pins_set(
	struct neighbor_pins *p, const uint8_t *id, uint8_t id_len, const struct lsoe_key *key, int64_t now);
bool neighbor_pins_remove(struct neighbor_pins *p, const uint8_t *id, uint8_t id_len);
void neighbor_pins_fini(struct neighbor_pins *p);

/* Hexadecimal octets, ":" or "-" between them allowed. */
bool neighbor_id_parse(const char *text, uint8_t out[LSOE_ID_MAX], uint8_t *len);

struct neighbor_state;

struct neighbor_state_config {
	struct lan_loop *loop;
	const char *dir; /* made if it is not there */
	lan_time resume; /* sessions older than this are of no use */
	/* What a session's file is to hold now; LAN_ERR_NOTFOUND: there is to be none. *out is malloc'ed. */
	enum lan_err (*session)(
		void *ctx, const char *ifname, const uint8_t mac[6], uint8_t **out, size_t *len);
	/* A file could not be written, or not be read and is left out; `why` is borrowed. */
	void (*failed)(void *ctx, enum lan_err e, const char *why);
	void *ctx;
};

/* LAN_ERR_EXISTS (in use), LAN_ERR_PERM, LAN_ERR_CONFIG (pins not understood), LAN_ERR_IO, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err neighbor_state_open(
	const struct neighbor_state_config *cfg, struct neighbor_state **out, const char **why);
/* Everything that waits is on the disk when this returns, or `failed` was told; calls `session`. NULL is
 * fine.
 */
void neighbor_state_close(struct neighbor_state *s);

/* What was known when it was opened and was learned since; view. */
const struct neighbor_pins *neighbor_state_pins(const struct neighbor_state *s);
/* Keep a key from now on. LAN_ERR_NOMEM, LAN_ERR_LIMIT (NEIGHBOR_PINS_MAX); errors of the disk go to
 * `failed`.
 */
LAN_WUR enum lan_err neighbor_state_keep(
	struct neighbor_state *s, const uint8_t *id, uint8_t id_len, const struct lsoe_key *key);
/* LAN_ERR_NOTFOUND. */
LAN_WUR enum lan_err neighbor_state_forget(struct neighbor_state *s, const uint8_t *id, uint8_t id_len);

/* The session with this peer has changed: `session` is asked for it within NEIGHBOR_STATE_PAUSE.
 * LAN_ERR_NOMEM.
 */
#define NEIGHBOR_STATE_PAUSE LAN_MS(200)
LAN_WUR enum lan_err neighbor_state_changed(
	struct neighbor_state *s, const char *ifname, const uint8_t mac[6]);
/* Every session of the interface that is on the disk and young enough. Damaged files are told to `failed` and
 * removed, old ones removed. */
void neighbor_state_each(struct neighbor_state *s, const char *ifname,
	void (*fn)(void *ctx, const uint8_t mac[6], const uint8_t *p, size_t n), void *ctx);

#endif
