/*
 * key_parse.c - what stands in key files: lines of words, comments that begin
 * with #, times of RFC 3339. lanyard-key(1), FILES.
 *
 * Refused, with file, line and what to do: words that are not known here (a key
 * file of a later version is not half understood), what is there twice, keys
 * that are no 32 bytes of base64, epochs that do not ascend.
 */
#include "api/key_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool key_line(struct key_lines *l)
{
	while (l->at && *l->at) {
		char *word, *rest = NULL;
		l->line = l->at;
		l->at = strchr(l->at, '\n');
		if (l->at)
			*l->at++ = '\0';
		l->number++;
		l->n = 0;
		if (l->line[strspn(l->line, " \t\r")] == '#')
			continue;
		for (word = strtok_r(l->line, " \t\r", &rest); word; word = strtok_r(NULL, " \t\r", &rest)) {
			if (l->n < KEY_WORDS)
				l->word[l->n] = word;
			if (l->n <= KEY_WORDS)
				l->n++;
		}
		if (l->n)
			return true;
	}
	return false;
}

/* Two or four digits; -1: not digits. */
static int digits(const char **at, int n)
{
	int value = 0;
	for (; n > 0; n--, ++*at) {
		if (**at < '0' || **at > '9')
			return -1;
		value = value * 10 + (**at - '0');
	}
	return value;
}

static bool literal(const char **at, char c)
{
	return *(*at)++ == c;
}

static bool zone(const char *at, int64_t *east)
{
	*east = 0;
	if (*at == 'Z')
		return at[1] == '\0';
	int sign = *at == '+' ? 1 : *at == '-' ? -1 : 0;
	if (!sign)
		return false;
	at++;
	int hours = digits(&at, 2);
	if (hours < 0 || hours > 23 || *at++ != ':')
		return false;
	int minutes = digits(&at, 2);
	*east = sign * (hours * 60 + minutes) * 60;
	return minutes >= 0 && minutes < 60 && *at == '\0';
}

bool key_time_parse(const char *text, int64_t *out)
{
	struct tm tm = {0};
	int64_t east;
	const char *at = text;
	if ((tm.tm_year = digits(&at, 4)) < 1970 || !literal(&at, '-'))
		return false;
	if ((tm.tm_mon = digits(&at, 2)) < 1 || !literal(&at, '-'))
		return false;
	if ((tm.tm_mday = digits(&at, 2)) < 1 || !literal(&at, 'T'))
		return false;
	if ((tm.tm_hour = digits(&at, 2)) < 0 || !literal(&at, ':'))
		return false;
	if ((tm.tm_min = digits(&at, 2)) < 0 || !literal(&at, ':'))
		return false;
	if ((tm.tm_sec = digits(&at, 2)) < 0 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	int mon = tm.tm_mon;
	int64_t t = timegm(&tm); /* would turn the 31st of June into the 1st of July */
	if (mon > 11 || tm.tm_mon != mon || !zone(at, &east) || t - east <= 0)
		return false;
	*out = t - east;
	return true;
}

void key_time_print(int64_t t, char buf[KEY_TIME_TEXT])
{
	struct tm tm;
	time_t when = (time_t)t;
	if (!gmtime_r(&when, &tm) || !strftime(buf, KEY_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(buf, KEY_TIME_TEXT, "-");
}

static enum lan_err wrong(const struct key_lines *l, const char **why, const char *what)
{
	return key_why(why, LAN_ERR_CONFIG, "%s:%u: %s", l->path, l->number, what);
}

static enum lan_err cipher_line(struct key_lines *l, struct key_group *g, const char **why)
{
	if (l->n != 2)
		return wrong(l, why, "expected: cipher NAME");
	if (g->cipher)
		return wrong(l, why, "a second cipher; a file has one, remove the other");
	for (int c = LAN_CIPHER_XCHACHA20_POLY1305; c <= LAN_CIPHER_AES_256_GCM; c++)
		if (strcmp(l->word[1], lan_cipher_name((enum lan_cipher)c)) == 0)
			g->cipher = c;
	return g->cipher ? LAN_OK
			 : wrong(l, why, "no such cipher; there are xchacha20-poly1305 and aes-256-gcm");
}

static bool number(const char *text, uint32_t *out)
{
	char *end;
	errno = 0;
	unsigned long v = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || v > UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

static enum lan_err epoch_times(struct key_lines *l, struct key_epoch *e, const char **why)
{
	for (size_t i = 3; i < l->n; i += 2) {
		int64_t *to = strcmp(l->word[i], "send-after") == 0     ? &e->send_after
			      : strcmp(l->word[i], "accept-until") == 0 ? &e->accept_until
									: NULL;
		if (!to)
			return wrong(l, why, "expected send-after TIME or accept-until TIME behind the key");
		if (*to)
			return wrong(l, why, "the same time twice");
		if (i + 1 == l->n || !key_time_parse(l->word[i + 1], to))
			return wrong(l, why, "not a time; write it as 2026-11-21T08:00:00Z");
	}
	return LAN_OK;
}

static enum lan_err epoch_line(struct key_lines *l, struct key_group *g, const char **why)
{
	if (l->n < 3 || l->n > KEY_WORDS)
		return wrong(l, why, "expected: epoch NUMBER KEY [send-after TIME] [accept-until TIME]");
	if (g->n == LAN_KEY_EPOCHS)
		return wrong(l, why, "more than 8 epochs; remove the oldest lines");
	struct key_epoch *e = &g->epoch[g->n];
	*e = (struct key_epoch){0};
	if (!number(l->word[1], &e->epoch))
		return wrong(l, why, "not the number of an epoch (0 to 4294967295)");
	if (g->n && e->epoch <= e[-1].epoch)
		return wrong(l, why, "epochs must ascend; put the lines in order, each number once");
	if (!lan_secret_decode(l->word[2], strlen(l->word[2]), e->key, sizeof e->key))
		return wrong(
			l, why, "the key is not 32 bytes of base64 (44 characters); copy the file again");
	g->n++;
	return epoch_times(l, e, why);
}

enum lan_err key_magic(struct key_lines *l, const char *want, const char **why)
{
	static const char *const kinds[][2] = {
		{"lanyard-key ", "this is a group key"},
		{"lanyard-identity ", "this is an identity"},
		{"lanyard-public ", "this is a public key"},
		{"lanyard-certificate ", "this is a certificate"},
	};
	char found[64] = "";
	if (key_line(l) && l->n == 2)
		snprintf(found, sizeof found, "%s %s", l->word[0], l->word[1]);
	if (strcmp(found, want) == 0)
		return LAN_OK;
	const char *is = "this is not such a file";
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strncmp(found, kinds[i][0], strlen(kinds[i][0])) == 0)
			is = kinds[i][1];
	if (l->n && strcmp(l->word[0], "-----BEGIN") == 0)
		is = "this is PEM";
	if (strncmp(found, want, strcspn(want, " ") + 1) == 0)
		is = "this file is of another version of Lanyard";
	return key_why(
		why, LAN_ERR_CONFIG, "%s:%u: expected the line \"%s\"; %s", l->path, l->number, want, is);
}

enum lan_err key_group_parse(const char *path, char *text, struct key_group *out, const char **why)
{
	struct key_lines l = {.path = path, .at = text};
	struct key_group g = {0};
	enum lan_err e = key_magic(&l, KEY_MAGIC, why);
	while (!e && key_line(&l))
		if (strcmp(l.word[0], "cipher") == 0)
			e = cipher_line(&l, &g, why);
		else if (strcmp(l.word[0], "epoch") == 0)
			e = epoch_line(&l, &g, why);
		else
			e = wrong(&l, why, "expected cipher or epoch");
	if (!e && !g.cipher)
		e = wrong(&l, why, "no cipher; add a line: cipher xchacha20-poly1305, or aes-256-gcm");
	if (!e && !g.n)
		e = wrong(&l, why, "no epoch; make a new file with: lanyard key generate");
	if (!e)
		*out = g;
	lan_wipe(&g, sizeof g);
	return e;
}

enum lan_err key_identity_parse(
	const char *path, char *text, uint8_t secret[LAN_SIGN_SECRET], const char **why)
{
	struct key_lines l = {.path = path, .at = text};
	uint8_t seed[32], public_key[LAN_SIGN_PUBLIC];
	bool have = false;
	enum lan_err e = key_magic(&l, IDENTITY_MAGIC, why);
	while (!e && key_line(&l)) {
		if (l.n != 2 || strcmp(l.word[0], "seed") != 0 || have)
			e = wrong(&l, why, "expected one line: seed KEY");
		else if (!lan_secret_decode(l.word[1], strlen(l.word[1]), seed, sizeof seed))
			e = wrong(&l, why, "the seed is not 32 bytes of base64 (44 characters)");
		have = true;
	}
	if (!e && !have)
		e = wrong(&l, why, "no seed; make a new file with: lanyard key identity");
	if (!e)
		lan_sign_keypair(seed, public_key, secret);
	lan_wipe(seed, sizeof seed);
	return e;
}

size_t key_epoch_print(const struct key_epoch *e, char buf[KEY_EPOCH_LINE])
{
	char key[KEY_BASE64 + 1], after[KEY_TIME_TEXT] = "", until[KEY_TIME_TEXT] = "";
	lan_secret_encode(e->key, sizeof e->key, key);
	if (e->send_after)
		key_time_print(e->send_after, after);
	if (e->accept_until)
		key_time_print(e->accept_until, until);
	int n = snprintf(buf, KEY_EPOCH_LINE, "epoch %u %s%s%s%s%s\n", (unsigned)e->epoch, key,
		*after ? " send-after " : "", after, *until ? " accept-until " : "", until);
	lan_wipe(key, sizeof key);
	return (size_t)n;
}
