/*
 * neighbors.c - what is particular to neighbors among the entries of the daemon:
 * how one is opened and closed, and given its key anew by a reload.
 *
 * The authentication data for BGP is a secret of its own file, which nobody else
 * may read; it is forgotten as soon as the library has it.
 */
#include "daemon/neighbors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AUTH_MAX 253

_Static_assert(offsetof(struct config_neighbor, name) == 0, "an entry begins with its name");
_Static_assert(offsetof(struct neighbors, e) == 0, "neighbors begin with their entry");

const char *neighbors_security(const struct neighbors *k)
{
	const struct config_neighbor *c = neighbors_cfg(k);
	if (strcmp(c->dialect, "l3dl") != 0)
		return "insecure";
	if (!c->key_file)
		return "unsigned";
	return strcmp(c->trust, "anchor") == 0 ? "anchored" : "signed";
}

static void mark_keys(struct neighbors *k)
{
	file_mark(neighbors_cfg(k)->key_file, &k->key);
	file_mark(neighbors_cfg(k)->cert_file, &k->cert);
}

/* A whole small secret without the newline at its end. *why: in a buffer of this function. */
static enum lan_err read_auth(const char *path, char *buf, size_t cap, size_t *len, const char **why)
{
	static char said[256];
	struct stat st;
	ssize_t n = -1;
	enum lan_err e = LAN_OK;
	const char *what = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		what = strerror(errno), e = errno == ENOENT ? LAN_ERR_NOTFOUND : LAN_ERR_PERM;
	else if (!S_ISREG(st.st_mode))
		what = "is not a regular file", e = LAN_ERR_CONFIG;
	else if (st.st_mode & (S_IRGRP | S_IROTH))
		what = "others may read it (chmod 600)", e = LAN_ERR_PERM;
	else if ((n = read(fd, buf, cap)) < 0)
		what = strerror(errno), e = LAN_ERR_IO;
	else if ((n -= n > 0 && buf[n - 1] == '\n') < 1 || n > AUTH_MAX)
		what = "authentication data has 1 to 253 bytes", e = LAN_ERR_CONFIG;
	if (fd >= 0)
		close(fd);
	*len = e == LAN_OK ? (size_t)n : 0;
	if (e != LAN_OK) {
		snprintf(said, sizeof said, "%s: %s", path, what);
		*why = said;
	}
	return e;
}

static enum lan_err open_with(struct neighbors *k, struct lan_neighbor_config *cfg, const char **why)
{
	const struct config_bgp *bgp = neighbors_cfg(k)->bgp;
	char auth[AUTH_MAX + 2];
	enum lan_err e = LAN_OK;
	if (bgp && bgp->auth_file) {
		e = read_auth(bgp->auth_file, auth, sizeof auth, &cfg->bgp.auth_len, why);
		cfg->bgp.auth = auth;
	}
	if (e == LAN_OK && cfg->state_dir)
		entry_make_parents(cfg->state_dir);
	mark_keys(k); /* before they are read: what changes meanwhile is read again by the next reload */
	if (e == LAN_OK)
		e = lan_neighbor_open(k->e.all->loop, cfg, &k->n, why);
	explicit_bzero(auth, sizeof auth);
	return e;
}

static enum lan_err open_neighbors(struct entry *e, const char **why)
{
	struct neighbors *k = (struct neighbors *)e;
	struct config_neighbor_args *args = config_neighbor_open_args(neighbors_cfg(k));
	enum lan_err err = args ? open_with(k, &args->cfg, why) : LAN_ERR_NOMEM;
	config_neighbor_args_free(args);
	if (err == LAN_OK)
		lan_neighbor_on_ready(k->n, entry_ready, e);
	return err;
}

static void say_security(const struct entry *e)
{
	const struct neighbors *k = (const struct neighbors *)e;
	const char *security = neighbors_security(k);
	bool secure = strcmp(security, "signed") == 0 || strcmp(security, "anchored") == 0;
	log_event(secure ? LOG_L_INFO : LOG_L_WARN, "neighbor-security", LOG_S("neighbor", neighbors_name(k)),
		LOG_S("security", security), LOG_S("dialect", neighbors_cfg(k)->dialect));
}

static void close_neighbors(struct entry *e, const char *cause, struct text *notes)
{
	struct neighbors *k = (struct neighbors *)e;
	(void)cause;
	(void)notes;
	lan_neighbor_close(k->n);
	k->n = NULL;
}

enum lan_err neighbors_roll(
	struct neighbors *k, const char *key_file, const char *cert_file, const char **why)
{
	if (key_file)
		return lan_neighbor_roll(k->n, key_file, cert_file, why);
	mark_keys(k);
	return lan_neighbor_roll(k->n, neighbors_cfg(k)->key_file, neighbors_cfg(k)->cert_file, why);
}

/* The same files may hold another key now. */
static void reread_keys(struct entry *e, struct text *notes)
{
	struct neighbors *k = (struct neighbors *)e;
	const struct config_neighbor *c = neighbors_cfg(k);
	const char *why = NULL;
	enum lan_err err;
	if (!c->key_file || (file_mark_same(c->key_file, &k->key) && file_mark_same(c->cert_file, &k->cert)))
		return;
	err = neighbors_roll(k, NULL, NULL, &why);
	if (err == LAN_OK) {
		entry_ready(e); /* what came of it is told by an event */
		return;
	}
	why = why && *why ? why : lan_err_text(err);
	log_event(LOG_L_ERROR, "neighbor-key", LOG_S("neighbor", neighbors_name(k)), LOG_S("reason", why),
		LOG_S("kept", "the old key stays in use"));
	text_printf(notes, "neighbor \"%s\": the old key stays in use: %s\n", neighbors_name(k), why);
}

void neighbors_add_sums(const struct neighbors *k, struct neighbors_sums *sums)
{
	struct lan_neighbor_iface f;
	for (size_t i = 0; k->n && lan_neighbor_iface(k->n, i, &f); i++) {
		sums->links += f.up;
		sums->peers += f.peers;
		sums->established += f.established;
	}
}

/* "eth*,!eth7". */
static const char *ifaces_of(const struct entry *e)
{
	const struct config_neighbor *c = neighbors_cfg((const struct neighbors *)e);
	struct text *t = &e->all->scratch;
	text_clear(t);
	for (uint32_t i = 0; i < c->ifaces_count; i++)
		text_printf(t, "%s%s", i ? "," : "", c->ifaces[i]);
	return text_str(t);
}

static const char *dialect_of(const struct entry *e)
{
	return neighbors_cfg((const struct neighbors *)e)->dialect;
}

static const char *ethertype_of(const struct entry *e)
{
	return neighbors_cfg((const struct neighbors *)e)->ethertype;
}

const struct entry_kind neighbor_kind = {
	.family = "neighbor",
	.size = sizeof(struct neighbors),
	.but = SIZE_MAX,
	.open = open_neighbors,
	.opened = say_security,
	.close = close_neighbors,
	.kept = reread_keys,
	.pump = neighbors_pump,
	.address = ifaces_of,
	.dialect = dialect_of,
	.detail = "ethertype",
	.detail_of = ethertype_of,
};
