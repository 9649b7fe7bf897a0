/*
 * neighbor_table.c - who is at the other end of each link: one line for each
 * neighbour that comes, goes, or changes its addresses. Needs CAP_NET_RAW.
 *
 *      neighbor_table IFACE..         names or globs: neighbor_table 'eth*'
 */
#include <lanyard/neighbor.h>
#include <stdio.h>
#include <string.h>

/* All it announces of one type; the words of the event die with the first question. */
static void print_prefixes(const struct lan_neighbor *n, const struct lan_neighbor_event *ev)
{
	char ifname[32], mac[32];
	struct lan_neighbor_prefix p;
	enum lan_neighbor_type type = ev->type;
	snprintf(ifname, sizeof ifname, "%s", ev->ifname);
	snprintf(mac, sizeof mac, "%s", ev->mac);
	printf("%s %s has", ifname, mac);
	for (size_t i = 0; lan_neighbor_prefix(n, ifname, mac, type, i, &p); i++)
		printf(" %s/%u", p.address, p.length);
	printf("\n");
}

static void print_event(const struct lan_neighbor *n, const struct lan_neighbor_event *ev)
{
	if (ev->kind == LAN_NEIGHBOR_UP)
		printf("%s %s is up, id %s\n", ev->ifname, ev->mac, ev->id);
	else if (ev->kind == LAN_NEIGHBOR_DOWN)
		printf("%s %s is down: %s\n", ev->ifname, ev->mac, ev->reason);
	else if (ev->kind == LAN_NEIGHBOR_ENCAPS)
		print_prefixes(n, ev);
	else if (ev->kind == LAN_NEIGHBOR_LINK)
		printf("%s %s\n", ev->ifname, ev->up ? "is used" : ev->reason);
}

int main(int argc, char **argv)
{
	struct lan_neighbor_config cfg = LAN_NEIGHBOR_CONFIG_INIT;
	struct lan_neighbor_event ev;
	struct lan_neighbor *n;
	struct lan_loop *loop;
	const char *why = "out of memory";

	cfg.ifaces = (const char *const *)&argv[1];
	cfg.n_ifaces = (size_t)argc - 1;
	if (lan_loop_new(&loop) || lan_neighbor_open(loop, &cfg, &n, &why)) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (;; lan_loop_run(loop, LAN_NEVER))
		while (lan_neighbor_event(n, &ev))
			print_event(n, &ev);
}
