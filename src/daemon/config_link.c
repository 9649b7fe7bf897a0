/*
 * config_link.c - what one entry of `link:` means to the link itself: the text
 * of a checked entry turned into the arguments of lan_link_serve and
 * lan_link_connect, and whether two entries are the same, or as good as that
 * to an open link (a reload leaves such a link alone).
 */
#include "daemon/config.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>
#include "base/units.h"

int config_role(const struct config_link *l)
{
	return strcmp(l->role, "client") == 0 ? CONFIG_CLIENT : CONFIG_SERVER;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_ids(const struct config_link *a, const struct config_link *b)
{
	if (a->expect_count != b->expect_count)
		return false;
	for (uint32_t i = 0; i < a->expect_count; i++)
		if (strcmp(a->expect[i], b->expect[i]) != 0)
			return false;
	return true;
}

static bool same_key(const struct config_key *k, const struct config_link *a, const struct config_link *b)
{
	void *const *x = (void *const *)((const char *)a + k->offset);
	void *const *y = (void *const *)((const char *)b + k->offset);
	if (k->kind == CONFIG_IDS)
		return same_ids(a, b);
	if (!*x || !*y)
		return *x == *y;
	if (k->kind == CONFIG_COUNT)
		return *(uint32_t *)*x == *(uint32_t *)*y;
	if (k->kind == CONFIG_BOOL)
		return *(bool *)*x == *(bool *)*y;
	return same_text(*x, *y);
}

bool config_link_keeps(const struct config_link *a, const struct config_link *b)
{
	for (const struct config_key *k = config_link_keys; k->name; k++)
		if (k->offset != offsetof(struct config_link, echo) && !same_key(k, a, b))
			return false;
	return true;
}

bool config_link_same(const struct config_link *a, const struct config_link *b)
{
	return config_link_keeps(a, b) && *a->echo == *b->echo;
}

/* The entry was checked: text that is there parses. */
static lan_time duration(const char *s)
{
	lan_time t = 0;
	enum lan_err e = s ? lan_parse_duration(s, &t) : LAN_OK;
	assert(e == LAN_OK);
	(void)e;
	return t;
}

static uint32_t bytes(const char *s)
{
	uint64_t n = 0;
	enum lan_err e = s ? lan_parse_size(s, &n) : LAN_OK;
	assert(e == LAN_OK && n <= UINT32_MAX);
	(void)e;
	return (uint32_t)n;
}

static enum lan_link_dup duplicate(const char *s)
{
	if (s && strcmp(s, "refuse") == 0)
		return LAN_LINK_DUP_REFUSE;
	return s && strcmp(s, "replace") == 0 ? LAN_LINK_DUP_REPLACE : LAN_LINK_DUP_SILENT;
}

struct lan_link_config config_link_open_args(const struct config_link *l)
{
	struct lan_link_config c = LAN_LINK_CONFIG_INIT;
	c.address = config_role(l) == CONFIG_SERVER ? l->listen : l->connect;
	c.id = l->id;
	c.timeout = duration(l->timeout);
	c.expect = (const char *const *)l->expect;
	c.n_expect = l->expect_count;
	c.dup = duplicate(l->duplicate);
	c.first = LAN_LINK_FIRST_RETRY;
	c.window = *l->window;
	c.max_line = bytes(l->max_line);
	c.max_queue = bytes(l->max_queue);
	c.max_clients = l->max_clients ? *l->max_clients : 0;
	c.max_handshakes = l->max_handshakes ? *l->max_handshakes : 0;
	c.hold_off = duration(l->hold_off);
	if (l->hold_off && c.hold_off == 0)
		c.hold_off = LAN_NEVER; /* 0 in the struct means the default; none has its own value */
	c.retry_min = duration(l->retry_min);
	c.retry_max = duration(l->retry_max);
	c.heartbeat = l->heartbeat && *l->heartbeat;
	c.only_expected = l->only_expected && *l->only_expected;
	return c;
}
