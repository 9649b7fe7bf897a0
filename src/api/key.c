/*
 * key.c - <lanyard/key.h>: make, rotate and describe key files. lanyard-key(1).
 *
 * Rotation keeps what people wrote into the file: comments stay where they
 * are, epochs whose accept-until has passed go, older ones get an end, and the
 * new one comes last.
 *
 * Refused: a rotation when eight epochs are still accepted.
 */
#include <lanyard/key.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "api/entropy.h"
#include "api/key_int.h"
#include "proto/channel/seal.h"

#define SECOND INT64_C(1000000000)

const char *lan_cipher_name(enum lan_cipher cipher)
{
	return cipher == LAN_CIPHER_XCHACHA20_POLY1305 ? "xchacha20-poly1305"
	       : cipher == LAN_CIPHER_AES_256_GCM      ? "aes-256-gcm"
						       : "unknown";
}

static int64_t wall_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

enum lan_err key_ready(const char *path, const char **why)
{
	if (!path || !*path)
		return key_why(why, LAN_ERR_INVAL, "no file is named");
	if (lan_crypto_init())
		return key_why(why, LAN_ERR_NOTSUP, "the crypto libraries of this host do not work");
	return LAN_OK;
}

enum lan_err lan_key_generate(const char *path, enum lan_cipher cipher, const char **why)
{
	struct key_epoch epoch = {.epoch = 1};
	char text[512], line[KEY_EPOCH_LINE];
	enum lan_err e = key_ready(path, why);
	if (e)
		return e;
	if (cipher != LAN_CIPHER_XCHACHA20_POLY1305 && cipher != LAN_CIPHER_AES_256_GCM)
		return key_why(why, LAN_ERR_INVAL, "no such cipher");
	lan_entropy(NULL, epoch.key, sizeof epoch.key);
	key_epoch_print(&epoch, line);
	int n = snprintf(text, sizeof text,
		"# The key of a group: who has it can read and speak. lanyard-key(1)\n" KEY_MAGIC
		"\ncipher %s\n%s",
		lan_cipher_name(cipher), line);
	e = key_write(path, text, (size_t)n, NULL, why);
	lan_wipe(&epoch, sizeof epoch);
	lan_wipe(line, sizeof line);
	lan_wipe(text, sizeof text);
	return e;
}

/* Does this line of the file hold an epoch? */
static bool is_epoch(const char *line)
{
	line += strspn(line, " \t\r");
	return strncmp(line, "epoch", 5) == 0 && strchr(" \t", line[5]);
}

/* The file as it was, with the epochs as they are in `g`; epoch 0..old-1 were in it, keep[] says which stay.
 */
static size_t rewrite(const char *text, const struct key_group *g, size_t old, const bool *keep, char *out)
{
	size_t n = 0, i = 0;
	while (*text) {
		size_t len = strcspn(text, "\n");
		if (!is_epoch(text)) {
			memcpy(out + n, text, len);
			n += len;
			out[n++] = '\n';
		} else {
			if (i < old && keep[i])
				n += key_epoch_print(&g->epoch[i], out + n);
			i++;
		}
		text += len + (text[len] != '\0');
	}
	return n;
}

/* Ends for the old epochs, and the new one. */
static enum lan_err add_epoch(const char *path, struct key_group *g, bool *keep, struct key_epoch *fresh,
	int64_t overlap, const char **why)
{
	int64_t now = wall_now();
	size_t live = 0;
	for (size_t i = 0; i < g->n; i++) {
		struct key_epoch *e = &g->epoch[i];
		keep[i] = !e->accept_until || e->accept_until > now;
		live += keep[i];
		if (!e->accept_until)
			e->accept_until = fresh->send_after + overlap;
	}
	if (live == LAN_KEY_EPOCHS)
		return key_why(why, LAN_ERR_LIMIT,
			"%s: 8 epochs are still accepted; wait until the first one's accept-until, or remove "
			"its line",
			path);
	if (g->epoch[g->n - 1].epoch == UINT32_MAX)
		return key_why(why, LAN_ERR_LIMIT,
			"%s: there is no number left for another epoch; generate a new file", path);
	fresh->epoch = g->epoch[g->n - 1].epoch + 1;
	return LAN_OK;
}

/* Seconds, rounded up; sums with the time of day must not overflow. */
static bool seconds(lan_time t, int64_t *out)
{
	*out = (int64_t)(t / SECOND + (t % SECOND != 0));
	return t != LAN_NEVER && *out <= INT64_C(100) * 366 * 86400;
}

/* `copy` is cut up by parsing; `text` has room for the new file. Both are the caller's to wipe. */
static enum lan_err rotate(const char *path, const struct key_text *t, char *copy, char *text, int64_t lead,
	int64_t overlap, const char **why)
{
	struct key_group g;
	struct key_epoch fresh = {.send_after = wall_now() + lead};
	bool keep[LAN_KEY_EPOCHS];
	enum lan_err e = key_group_parse(path, copy, &g, why);
	if (e)
		return e;
	e = add_epoch(path, &g, keep, &fresh, overlap, why);
	if (!e) {
		lan_entropy(NULL, fresh.key, sizeof fresh.key);
		size_t len = rewrite(t->text, &g, g.n, keep, text);
		len += key_epoch_print(&fresh, text + len);
		e = len > KEY_FILE_MAX
			    ? key_why(why, LAN_ERR_CONFIG, "%s: becomes too long; remove comments", path)
			    : key_write(path, text, len, t, why);
	}
	lan_wipe(&g, sizeof g);
	lan_wipe(&fresh, sizeof fresh);
	return e;
}

enum lan_err lan_key_rotate(const char *path, lan_time lead, lan_time overlap, const char **why)
{
	struct key_text t;
	int64_t ahead = 0, beyond = 0;
	enum lan_err e = key_ready(path, why);
	if (!e && (!seconds(lead, &ahead) || !seconds(overlap, &beyond)))
		e = key_why(why, LAN_ERR_INVAL, "lead and overlap are at most 100 years");
	if (!e)
		e = key_read_locked(path, &t, why);
	if (e)
		return e;
	size_t cap = t.len + (LAN_KEY_EPOCHS + 1) * KEY_EPOCH_LINE + 2;
	char *both = malloc(t.len + 1 + cap);
	if (both) {
		memcpy(both, t.text, t.len + 1);
		e = rotate(path, &t, both, both + t.len + 1, ahead, beyond, why);
		lan_wipe(both, t.len + 1 + cap);
		free(both);
	} else {
		e = key_why(why, LAN_ERR_NOMEM, "%s: out of memory", path);
	}
	key_text_free(&t);
	return e;
}

static void hex(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
}

enum lan_err lan_key_info(const char *path, struct lan_key_info *out, const char **why)
{
	struct key_group g;
	enum lan_err e = key_ready(path, why);
	if (!e)
		e = key_group_read(path, &g, why);
	if (e)
		return e;
	*out = (struct lan_key_info){.cipher = (enum lan_cipher)g.cipher, .n = g.n};
	for (size_t i = 0; i < g.n; i++) {
		struct lan_key_epoch *to = &out->epoch[i];
		uint8_t print[32];
		lan_blake2b(print, sizeof print, NULL, 0, g.epoch[i].key, sizeof g.epoch[i].key);
		hex(print, 8, to->fingerprint);
		to->epoch = g.epoch[i].epoch;
		to->send_after = g.epoch[i].send_after;
		to->accept_until = g.epoch[i].accept_until;
	}
	lan_wipe(&g, sizeof g);
	return LAN_OK;
}

enum lan_err lan_key_identity(const char *path, const char **why)
{
	uint8_t seed[32];
	char key[KEY_BASE64 + 1], text[256];
	enum lan_err e = key_ready(path, why);
	if (e)
		return e;
	lan_entropy(NULL, seed, sizeof seed);
	lan_secret_encode(seed, sizeof seed, key);
	int n = snprintf(text, sizeof text,
		"# The signing key of one member: who has it can speak as it. lanyard-key(1)\n" IDENTITY_MAGIC
		"\nseed %s\n",
		key);
	e = key_write(path, text, (size_t)n, NULL, why);
	lan_wipe(seed, sizeof seed);
	lan_wipe(key, sizeof key);
	lan_wipe(text, sizeof text);
	return e;
}

enum lan_err lan_key_public(const char *path, char id[17], char public_key[45], const char **why)
{
	uint8_t secret[LAN_SIGN_SECRET];
	enum lan_err e = key_ready(path, why);
	if (!e)
		e = lan_identity_load(path, secret, why);
	if (e)
		return e;
	const uint8_t *key = secret + LAN_SIGN_SECRET - LAN_SIGN_PUBLIC;
	snprintf(id, 17, "%016llx", (unsigned long long)chan_sender_of(key));
	lan_secret_encode(key, LAN_SIGN_PUBLIC, public_key);
	lan_wipe(secret, sizeof secret);
	return LAN_OK;
}
