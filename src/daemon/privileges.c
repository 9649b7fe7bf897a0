/*
 * privileges.c - see privileges.h. Capabilities belong to threads: those that
 * begin later inherit what is left; a look-up of a name that is under way at that
 * moment ends with what it had.
 *
 * Who runs without privileges has none to drop: then only the way to new ones is
 * closed (no_new_privs). Refused: a reload that would need a privilege which is
 * gone, before it has touched anything.
 */
#include "daemon/privileges.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

static const cap_value_t network[] = {CAP_NET_RAW, CAP_NET_ADMIN};
#define N_NETWORK (sizeof network / sizeof network[0])

static bool is_network(cap_value_t v)
{
	for (size_t i = 0; i < N_NETWORK; i++)
		if (network[i] == v)
			return true;
	return false;
}

static bool permitted(cap_t caps, cap_value_t v)
{
	cap_flag_value_t set = CAP_CLEAR;
	return cap_get_flag(caps, v, CAP_PERMITTED, &set) == 0 && set == CAP_SET;
}

/* No program this one might start gets more. Without CAP_SETPCAP the kernel refuses, and no_new_privs has to
 * do. */
static void limit_bounds(bool keep_network)
{
	for (cap_value_t v = 0; v < cap_max_bits(); v++)
		if (!(keep_network && is_network(v)) && cap_get_bound(v) > 0)
			cap_drop_bound(v);
	cap_reset_ambient();
}

static bool limit_own(cap_t had, bool keep_network)
{
	cap_t caps = cap_init();
	bool ok = caps != NULL;
	for (size_t i = 0; ok && keep_network && i < N_NETWORK; i++)
		if (permitted(had, network[i]))
			ok = cap_set_flag(caps, CAP_PERMITTED, 1, &network[i], CAP_SET) == 0 &&
			     cap_set_flag(caps, CAP_EFFECTIVE, 1, &network[i], CAP_SET) == 0;
	ok = ok && cap_set_proc(caps) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
	cap_free(caps);
	return ok;
}

/* What goes on needing raw Ethernet, as "neighbor \"a\""; NULL: nothing. Interfaces come and go. */
static const char *raw_user(const struct config *c)
{
	static char who[96];
	if (c->neighbor_count) {
		snprintf(who, sizeof who, "neighbor \"%s\"", c->neighbor[0].name);
		return who;
	}
	for (uint32_t i = 0; i < c->sensor_count; i++)
		for (uint32_t n = 0; n < c->sensor[i].networks_count; n++)
			if (strncmp(c->sensor[i].networks[n], "ethernet:", 9) == 0) {
				snprintf(who, sizeof who, "sensor \"%s\"", c->sensor[i].name);
				return who;
			}
	return NULL;
}

bool privileges_drop(struct privileges *p, const struct config *c, struct text *what)
{
	bool keep_network = raw_user(c) != NULL;
	cap_t had;
	if (p->dropped || strcmp(c->daemon->privileges, "keep") == 0)
		return true;
	had = cap_get_proc();
	if (had)
		limit_bounds(keep_network);
	if (!had || !limit_own(had, keep_network)) {
		text_printf(what, "privileges cannot be dropped: %s", strerror(errno));
		cap_free(had);
		return false;
	}
	*p = (struct privileges){.dropped = true,
		.lost_ports = permitted(had, CAP_NET_BIND_SERVICE),
		.lost_raw = !keep_network && permitted(had, CAP_NET_RAW),
		.lost_files = permitted(had, CAP_DAC_OVERRIDE) || permitted(had, CAP_DAC_READ_SEARCH)};
	cap_free(had);
	return true;
}

/* --- a reload ------------------------------------------------------------------ */

static const char advice[] = "restart the daemon, or set daemon.privileges to keep before that";

static unsigned long first_free_port(void)
{
	char buf[16] = "";
	FILE *f = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
	size_t n = f ? fread(buf, 1, sizeof buf - 1, f) : 0;
	if (f)
		fclose(f);
	return n ? strtoul(buf, NULL, 10) : 1024;
}

/* Of ADDRESS:PORT; 0: any. */
static unsigned long port_of(const char *address)
{
	const char *colon = address ? strrchr(address, ':') : NULL;
	return colon ? strtoul(colon + 1, NULL, 10) : 0;
}

static bool check_port(const char *family, const char *name, const char *address, struct config_notes *errors)
{
	unsigned long port = port_of(address);
	if (port == 0 || port >= first_free_port())
		return true;
	config_note(errors,
		"%s \"%s\": port %lu needs CAP_NET_BIND_SERVICE, which was dropped at the start: %s", family,
		name, port, advice);
	return false;
}

/* The entry of this name among those of a list, or NULL. */
static const void *named(const struct config *c, const struct config_key *maps, const char *name)
{
	for (uint32_t i = 0; i < config_entries(c, maps); i++)
		if (strcmp(*(char *const *)config_entry_at(c, maps, i), name) == 0)
			return config_entry_at(c, maps, i);
	return NULL;
}

/* Entries that listen: not those that stay as they are. */
static bool check_ports(const char *family, const char *key, const struct config *now,
	const struct config *next, struct config_notes *errors)
{
	const struct config_key *maps = config_key_named(config_top_keys, family),
				*address = config_key_named(maps->sub, key),
				*echo = config_key_named(maps->sub, "echo");
	bool ok = true;
	for (uint32_t i = 0; i < config_entries(next, maps); i++) {
		const char *entry = config_entry_at(next, maps, i), *name = *(char *const *)entry;
		const void *old = named(now, maps, name);
		if (!old || !config_entry_same(maps->sub, old, entry, echo->offset))
			ok &= check_port(family, name, *(char *const *)(entry + address->offset), errors);
	}
	return ok;
}

bool privileges_suffice(const struct privileges *p, const struct config *now, const struct config *next,
	struct config_notes *errors)
{
	bool ok = true;
	if (p->lost_ports) {
		ok = check_ports("link", "listen", now, next, errors);
		ok = check_ports("stream", "serve", now, next, errors) && ok;
	}
	if (p->lost_raw && raw_user(next)) {
		config_note(errors,
			"%s: needs CAP_NET_RAW, which was dropped at the start, because nothing that was "
			"configured needed it: %s",
			raw_user(next), advice);
		ok = false;
	}
	return ok;
}

const char *privileges_excuse(const struct privileges *p, const char *reason)
{
	bool denied = strstr(reason, strerror(EACCES)) || strstr(reason, lan_err_text(LAN_ERR_PERM));
	return p->lost_files && denied
		       ? " (the daemon dropped its privileges at the start and opens only what "
			 "its user may: lanyardd(8), PRIVILEGES)"
		       : "";
}

void privileges_text(struct text *t)
{
	cap_t caps = cap_get_proc();
	cap_value_t all = cap_max_bits(), held = 0;
	for (cap_value_t v = 0; caps && v < all; v++)
		held += permitted(caps, v);
	if (caps && held == all)
		text_puts(t, "all");
	for (cap_value_t v = 0; caps && held < all && v < all; v++) {
		char *name = permitted(caps, v) ? cap_to_name(v) : NULL;
		if (name)
			text_printf(t, "%s%s", t->len ? "," : "", name);
		cap_free(name);
	}
	cap_free(caps);
}
