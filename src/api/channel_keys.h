/*
 * channel_keys.h - the key files of a sealed channel in the form its core wants:
 * times by the loop's clock, secrets in one piece that is wiped after use.
 */
#ifndef LAN_API_CHANNEL_KEYS_H
#define LAN_API_CHANNEL_KEYS_H

#include <stdbool.h>
#include "crypto/crypto.h"
#include "proto/channel/channel.h"

struct channel_keys {
	struct chan_keys keys;
	struct chan_members members;
	void *owned;        /* the members' memory */
	int64_t clock;      /* wall clock less loop clock, ns */
	uint8_t digest[32]; /* of all that was read: has anything changed? */
};

/* `members`: path or NULL; `now` by the loop's clock. Errors and sentences of <lanyard/key.h>. */
LAN_WUR enum lan_err channel_keys_read(
	const char *key, const char *members, lan_time now, struct channel_keys *out, const char **why);
void channel_keys_wipe(struct channel_keys *k);

LAN_WUR enum lan_err channel_identity_read(
	const char *path, uint8_t secret[LAN_SIGN_SECRET], const char **why);

#endif
