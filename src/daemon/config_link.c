/*
 * config_link.c - what one entry of `link:` means to the link itself: the text
 * of a checked entry turned into the arguments of lan_link_serve and
 * lan_link_connect, and whether two entries are the same, or as good as that
 * to an open link (a reload leaves such a link alone).
 */
#include "daemon/config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int config_role(const struct config_link *l)
{
	return strcmp(l->role, "client") == 0 ? CONFIG_CLIENT : CONFIG_SERVER;
}

bool config_link_keeps(const struct config_link *a, const struct config_link *b)
{
	return config_entry_same(config_link_keys, a, b, offsetof(struct config_link, echo));
}

bool config_link_same(const struct config_link *a, const struct config_link *b)
{
	return config_entry_same(config_link_keys, a, b, SIZE_MAX);
}

bool config_link_fill(struct config_link *l)
{
	if (l->window)
		return true;
	l->window = malloc(sizeof *l->window);
	if (l->window)
		*l->window = config_role(l) == CONFIG_SERVER ? 16 : 100;
	return l->window != NULL;
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
	c.timeout = config_duration(l->timeout);
	c.expect = (const char *const *)l->expect;
	c.n_expect = l->expect_count;
	c.dup = duplicate(l->duplicate);
	c.first = LAN_LINK_FIRST_RETRY;
	c.window = *l->window;
	c.max_line = (uint32_t)config_size(l->max_line);
	c.max_queue = (uint32_t)config_size(l->max_queue);
	c.max_clients = l->max_clients ? *l->max_clients : 0;
	c.max_handshakes = l->max_handshakes ? *l->max_handshakes : 0;
	c.hold_off = config_duration(l->hold_off);
	if (l->hold_off && c.hold_off == 0)
		c.hold_off = LAN_NEVER; /* 0 in the struct means the default; none has its own value */
	c.retry_min = config_duration(l->retry_min);
	c.retry_max = config_duration(l->retry_max);
	c.heartbeat = l->heartbeat && *l->heartbeat;
	c.only_expected = l->only_expected && *l->only_expected;
	return c;
}
