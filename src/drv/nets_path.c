/*
 * nets_path.c - by which address of ours a UDP message came, as one octet: an endpoint has no room for two
 * IPv6 addresses. A host has few addresses; when they are more than numbers, the one that was not used for
 * the longest time makes room.
 */
#include <string.h>
#include "drv/nets_int.h"

static bool is_same(const struct lan_udp_path *a, const struct lan_udp_path *b)
{
	return a->ifindex == b->ifindex && !memcmp(a->local, b->local, sizeof a->local);
}

static unsigned place(struct lan_nets *n)
{
	if (n->n_paths < NETS_PATHS)
		return n->n_paths++;
	unsigned oldest = 1;
	for (unsigned i = 2; i < NETS_PATHS; i++)
		if (n->paths[i].used < n->paths[oldest].used)
			oldest = i;
	return oldest;
}

uint8_t nets_path_number(struct lan_nets *n, const struct lan_udp_path *path)
{
	unsigned i = n->last_path;
	if (!is_same(&n->paths[i].path, path)) {
		for (i = 0; i < n->n_paths && !is_same(&n->paths[i].path, path);)
			i++;
		if (i == n->n_paths) {
			i = place(n);
			n->paths[i].path = *path;
		}
		n->last_path = i;
	}
	n->paths[i].used = nets_now(n);
	return (uint8_t)i;
}

const struct lan_udp_path *nets_path(struct lan_nets *n, uint8_t number)
{
	n->paths[number].used = nets_now(n);
	return number ? &n->paths[number].path : NULL;
}
