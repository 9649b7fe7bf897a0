/*
 * config_entry.c - what holds for the entries of any list in the configuration:
 * which role an entry has, whether two are the same, what their checked texts
 * are as numbers. Everything is read from the table of keys (config_keys.c).
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/units.h"
#include "daemon/config.h"

const struct config_key *config_key_named(const struct config_key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (strcmp(keys->name, name) == 0)
			return keys;
	return NULL;
}

static const char *text_of(const void *entry, const struct config_key *k)
{
	return *(char *const *)((const char *)entry + k->offset);
}

const char *config_default(const struct config_key *k, int role)
{
	for (size_t i = 0; i < sizeof k->def_for / sizeof k->def_for[0]; i++)
		if (k->def_for[i].roles & role)
			return k->def_for[i].text;
	return k->def;
}

/* Where the service manager says, else where the system keeps such things for
 * root and for others. */
char *config_state_dir(const char *family, const char *name)
{
	const char *service = getenv("STATE_DIRECTORY"), *xdg = getenv("XDG_STATE_HOME"),
		   *home = getenv("HOME");
	struct text t = {0};
	if (service && service[0] == '/')
		text_printf(&t, "%.*s/%s/%s", (int)strcspn(service, ":"), service, family, name);
	else if (geteuid() == 0)
		text_printf(&t, "/var/lib/lanyard/%s/%s", family, name);
	else if (xdg && xdg[0] == '/')
		text_printf(&t, "%s/lanyard/%s/%s", xdg, family, name);
	else if (home && home[0] == '/')
		text_printf(&t, "%s/.local/state/lanyard/%s/%s", home, family, name);
	else
		text_puts(&t, "none");
	return text_take(&t);
}

int config_role_of(const struct config_key *maps, const void *entry)
{
	int role = CONFIG_ANY;
	for (const struct config_choice *c = maps->entry->choice; c->key; c++) {
		const struct config_key *k = config_key_named(maps->sub, c->key);
		const char *given = text_of(entry, k), *word = given ? given : k->def;
		for (size_t i = 0; word && k->words[i]; i++)
			if (strcmp(k->words[i], word) == 0)
				role &= c->roles[i];
	}
	for (const struct config_either *e = maps->entry->either; e->key; e++)
		if (text_of(entry, config_key_named(maps->sub, e->key)))
			role &= e->roles;
	return role;
}

static bool same_list(const struct config_key *k, const char *a, const char *b)
{
	uint32_t n = *(const uint32_t *)(a + k->count_offset);
	char *const *x = *(char *const *const *)(a + k->offset), *const *y = *(
									 char *const *const *)(b + k->offset);
	if (n != *(const uint32_t *)(b + k->count_offset))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(x[i], y[i]) != 0)
			return false;
	return true;
}

static bool same_maps(const struct config_key *k, const char *a, const char *b)
{
	uint32_t n = *(const uint32_t *)(a + k->count_offset);
	const char *x = *(char *const *)(a + k->offset), *y = *(char *const *)(b + k->offset);
	if (n != *(const uint32_t *)(b + k->count_offset))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!config_entry_same(k->sub, x + i * k->size, y + i * k->size, SIZE_MAX))
			return false;
	return true;
}

static bool same_key(const struct config_key *k, const char *a, const char *b)
{
	const void *x = *(void *const *)(a + k->offset), *y = *(void *const *)(b + k->offset);
	if (k->kind == CONFIG_LIST)
		return same_list(k, a, b);
	if (k->kind == CONFIG_MAPS)
		return same_maps(k, a, b);
	if (!x || !y)
		return x == y;
	if (k->kind == CONFIG_MAP)
		return config_entry_same(k->sub, x, y, SIZE_MAX);
	if (k->kind == CONFIG_COUNT)
		return *(const uint32_t *)x == *(const uint32_t *)y;
	if (k->kind == CONFIG_BOOL)
		return *(const bool *)x == *(const bool *)y;
	return strcmp(x, y) == 0;
}

bool config_entry_same(const struct config_key *keys, const void *a, const void *b, size_t but)
{
	for (const struct config_key *k = keys; k->name; k++)
		if (k->offset != but && !same_key(k, a, b))
			return false;
	return true;
}

uint32_t config_entries(const struct config *c, const struct config_key *maps)
{
	return *(const uint32_t *)((const char *)c + maps->count_offset);
}

const void *config_entry_at(const struct config *c, const struct config_key *maps, uint32_t i)
{
	return *(char *const *)((const char *)c + maps->offset) + i * maps->size;
}

bool config_may_repeat(const struct config_key *key, const char *value)
{
	size_t n = strlen(value);
	return key->kind == CONFIG_LISTEN && n > 2 && strcmp(value + n - 2, ":0") == 0;
}

/* The entry was checked: text that is there parses. */
lan_time config_duration(const char *s)
{
	lan_time t = 0;
	enum lan_err e = s ? lan_parse_duration(s, &t) : LAN_OK;
	assert(e == LAN_OK);
	(void)e;
	return t;
}

uint64_t config_size(const char *s)
{
	uint64_t n = 0;
	enum lan_err e = s ? lan_parse_size(s, &n) : LAN_OK;
	assert(e == LAN_OK);
	(void)e;
	return n;
}
