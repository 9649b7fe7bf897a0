/*
 * channel_keys.c - the key files of a sealed channel, read for its core: see
 * channel_keys.h. The digest tells a file that was rotated from one that was only
 * looked at again; it covers keys, times as they stand in the file, and members.
 */
#include "api/channel_keys.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "api/key_int.h"

static void digest(struct channel_keys *k, const struct lan_key_info *info)
{
	struct {
		uint32_t epoch;
		int64_t after, until;
		uint8_t key[32];
	} row;
	struct {
		uint8_t before[32], now[32];
	} chain = {0};
	for (size_t i = 0; i < k->keys.n; i++) {
		memset(&row, 0, sizeof row);
		row.epoch = k->keys.key[i].epoch;
		row.after = i < info->n ? info->epoch[i].send_after : 0;
		row.until = i < info->n ? info->epoch[i].accept_until : 0;
		memcpy(row.key, k->keys.key[i].key, sizeof row.key);
		lan_blake2b(chain.now, sizeof chain.now, NULL, 0, &row, sizeof row);
		lan_blake2b(chain.before, sizeof chain.before, NULL, 0, &chain, sizeof chain);
	}
	for (size_t i = 0; i < k->members.n; i++) {
		memcpy(chain.now, k->members.member[i].public_key, sizeof chain.now);
		lan_blake2b(chain.before, sizeof chain.before, NULL, 0, &chain, sizeof chain);
	}
	memcpy(k->digest, chain.before, sizeof k->digest);
	lan_wipe(&row, sizeof row);
}

enum lan_err channel_keys_read(
	const char *key, const char *members, lan_time now, struct channel_keys *out, const char **why)
{
	struct channel_keys k = {0};
	struct lan_key_info info;
	struct lan_members *list = NULL;
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	k.clock = (int64_t)ts.tv_sec * (int64_t)LAN_SEC(1) + ts.tv_nsec - (int64_t)now;
	enum lan_err e = lan_key_info(key, &info, why);
	if (!e)
		e = lan_key_load(key, now, ts.tv_sec, &k.keys, why);
	if (!e && members)
		e = lan_members_load(members, &list, why);
	if (e) {
		channel_keys_wipe(&k);
		return e;
	}
	if (list)
		k.members = list->members;
	k.owned = list;
	digest(&k, &info);
	*out = k;
	lan_wipe(&k.keys, sizeof k.keys);
	return LAN_OK;
}

void channel_keys_wipe(struct channel_keys *k)
{
	free(k->owned);
	lan_wipe(k, sizeof *k);
}

enum lan_err channel_identity_read(const char *path, uint8_t secret[LAN_SIGN_SECRET], const char **why)
{
	return lan_identity_load(path, secret, why);
}
