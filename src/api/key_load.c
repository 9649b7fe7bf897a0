/*
 * key_load.c - key files in the form a channel wants them: times by the loop's
 * clock, a member's secret, the list of members. lanyard-key(1), FILES.
 *
 * Refused beyond what key_file.c and key_parse.c refuse: a list of members with
 * no member (that would silence everybody) or with more than a channel knows, a
 * name or key that stands in it twice.
 */
#include <stdlib.h>
#include <string.h>
#include "api/key_int.h"
#include "base/utf8.h"
#include "proto/channel/seal.h"

#define KEY_MEMBERS 4096
#define SECOND      INT64_C(1000000000)

/* A moment of the wall clock by the loop's: 0 if it is past, LAN_NEVER if it is farther than that clock goes.
 */
static lan_time moment(int64_t t, lan_time now, int64_t wall)
{
	if (t <= wall)
		return 0;
	if ((uint64_t)(t - wall) > (LAN_NEVER - now) / (uint64_t)SECOND)
		return LAN_NEVER;
	return now + (lan_time)(t - wall) * (lan_time)SECOND;
}

enum lan_err key_group_read(const char *path, struct key_group *out, const char **why)
{
	struct key_text t;
	enum lan_err e = key_read(path, true, KEY_FILE_MAX, &t, why);
	if (e)
		return e;
	e = key_group_parse(path, t.text, out, why);
	key_text_free(&t);
	return e;
}

enum lan_err lan_key_load(
	const char *path, lan_time now, int64_t wall, struct chan_keys *out, const char **why)
{
	struct key_group g;
	enum lan_err e = key_group_read(path, &g, why);
	if (e)
		return e;
	*out = (struct chan_keys){.cipher = g.cipher, .n = g.n};
	for (size_t i = 0; i < g.n; i++) {
		struct chan_key *to = &out->key[i];
		to->epoch = g.epoch[i].epoch;
		memcpy(to->key, g.epoch[i].key, sizeof to->key);
		to->send_after = moment(g.epoch[i].send_after, now, wall);
		to->accept_until =
			g.epoch[i].accept_until ? moment(g.epoch[i].accept_until, now, wall) : LAN_NEVER;
	}
	lan_wipe(&g, sizeof g);
	return LAN_OK;
}

enum lan_err lan_identity_load(const char *path, uint8_t secret[LAN_SIGN_SECRET], const char **why)
{
	struct key_text t;
	enum lan_err e = key_read(path, true, KEY_FILE_MAX, &t, why);
	if (e)
		return e;
	e = key_identity_parse(path, t.text, secret, why);
	key_text_free(&t);
	return e;
}

static bool good_name(const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return false;
	return n <= KEY_NAME_MAX && lan_utf8_valid(name, n);
}

/* The line's member into *m, if it is one that is not there yet. */
static const char *take_member(
	struct key_lines *l, struct chan_member *m, const struct chan_member *first, size_t n)
{
	if (n == KEY_MEMBERS)
		return "more than 4096 members; nobody can have that many";
	if (l->n != 2)
		return "expected: NAME KEY, as lanyard key public prints it";
	if (!good_name(l->word[0]))
		return "the name is not 1 to 63 bytes of UTF-8 without control characters";
	if (!lan_secret_decode(l->word[1], strlen(l->word[1]), m->public_key, sizeof m->public_key))
		return "the key is not 32 bytes of base64 (44 characters); see lanyard key public";
	for (size_t i = 0; i < n; i++) {
		if (strcmp(first[i].name, l->word[0]) == 0)
			return "this name stands in the list already; remove one of the lines";
		if (memcmp(first[i].public_key, m->public_key, sizeof m->public_key) == 0)
			return "this key stands in the list already; remove one of the lines";
	}
	m->name = l->word[0];
	return NULL;
}

/* Members behind the struct, the names behind them: in the text itself, which is moved there first. */
enum lan_err lan_members_load(const char *path, struct lan_members **out, const char **why)
{
	struct key_text t;
	size_t count = 1, n = 0;
	enum lan_err e = key_read(path, false, KEY_MEMBERS_MAX, &t, why);
	if (e)
		return e;
	for (const char *p = t.text; (p = strchr(p, '\n')); p++)
		count++;
	size_t head = sizeof(struct lan_members) + count * sizeof(struct chan_member);
	struct lan_members *list = calloc(1, head + t.len + 1);
	if (!list) {
		key_text_free(&t);
		return key_why(why, LAN_ERR_NOMEM, "%s: out of memory", path);
	}
	struct chan_member *member = (struct chan_member *)(list + 1);
	struct key_lines l = {.path = path, .at = memcpy((char *)list + head, t.text, t.len + 1)};
	key_text_free(&t);
	while (!e && key_line(&l)) {
		const char *what = take_member(&l, &member[n], member, n);
		if (what)
			e = key_why(why, LAN_ERR_CONFIG, "%s:%u: %s", path, l.number, what);
		n++;
	}
	if (!e && !n)
		e = key_why(why, LAN_ERR_CONFIG,
			"%s: no member, so nobody could speak; add lines of lanyard key public", path);
	if (e) {
		free(list);
		return e;
	}
	list->members.n = n;
	list->members.member = member;
	*out = list;
	return LAN_OK;
}

enum lan_err key_kind_of(const char *path, enum key_kind *out, const char **why)
{
	static const struct {
		const char *word;
		enum key_kind kind;
	} kinds[] = {
		{"lanyard-key", KEY_GROUP},
		{"lanyard-identity", KEY_IDENTITY},
		{"lanyard-public", KEY_PUBLIC},
		{"lanyard-certificate", KEY_CERT},
	};
	struct key_text t;
	enum lan_err e =
		key_read(path, false, KEY_MEMBERS_MAX, &t, why); /* secret or not: that is what is asked */
	if (e)
		return e;
	bool pem = key_text_is_pem(t.text);
	struct key_lines l = {.path = path, .at = t.text};
	bool any = key_line(&l);
	*out = pem ? KEY_RSA : KEY_OTHER;
	for (size_t i = 0; any && i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(l.word[0], kinds[i].word) == 0)
			*out = kinds[i].kind;
	key_text_free(&t);
	return LAN_OK;
}
