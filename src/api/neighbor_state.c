/*
 * neighbor_state.c - the directory of a node's state: its lock, when pins and
 * sessions are written, and what is read again. See neighbor_state.h.
 *
 * Pins are rendered when one is learned and written by a thread (state_writer.h);
 * what is learned meanwhile goes with the next text. Sessions that changed wait
 * in a list, each once, and are written some at a time, so that a thousand
 * neighbours that come at once do not stop the loop.
 *
 * Refused: a directory another process uses; pins that are not understood.
 */
#include "api/neighbor_state_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "api/key_int.h"
#include "api/state_writer.h"
#include "io/errno_map.h"

#define AT_ONCE 32 /* sessions written in one turn of the loop */
#define POLL    LAN_MS(20)

struct dirty {
	char ifname[SESSION_IFNAME];
	uint8_t mac[6];
};

struct neighbor_state {
	struct neighbor_state_config cfg; /* dir is ours */
	char *dir;
	int fd, lock;
	struct neighbor_pins pins;
	struct state_writer *writer;
	bool pins_dirty, writing;
	struct dirty *dirty; /* some may be there twice, until it is compacted */
	size_t n, cap;
	struct lan_deadline due;
};

static void tell(struct neighbor_state *s, enum lan_err e, const char *what, const char *name, int code)
{
	const char *why;
	(void)key_why(
		&why, e, "%s/%s: %s%s%s", s->dir, name, what, code ? ": " : "", code ? strerror(code) : "");
	s->cfg.failed(s->cfg.ctx, e, why);
}

/* The text of the pins to the writer; what cannot be now stays dirty. */
static void write_pins(struct neighbor_state *s, bool now)
{
	enum lan_err result;
	size_t n;
	if (s->writing && state_writer_done(s->writer, &result)) {
		s->writing = false;
		if (result)
			tell(s, result, "the learned keys cannot be written", "pins", 0);
	}
	if (!s->pins_dirty || (s->writing && !now))
		return;
	char *text = neighbor_pins_text(&s->pins, &n);
	enum lan_err e = !text ? LAN_ERR_NOMEM
			 : now ? state_writer_now(s->writer, text, n)
			       : state_writer_later(s->writer, text, n);
	s->pins_dirty = false;
	s->writing = !e && !now;
	if (e)
		tell(s, e, "the learned keys cannot be written", "pins", 0);
}

static void write_session(struct neighbor_state *s, const struct dirty *d)
{
	char name[SESSION_NAME];
	uint8_t *p;
	size_t n;
	enum lan_err e = s->cfg.session(s->cfg.ctx, d->ifname, d->mac, &p, &n);
	session_name(d->ifname, d->mac, name);
	if (e == LAN_ERR_NOTFOUND) {
		unlinkat(s->fd, name, 0);
		return;
	}
	if (!e) {
		e = session_write(s->fd, d->ifname, d->mac, p, n, time(NULL));
		free(p);
	}
	if (e)
		tell(s, e, "cannot be written", name, e == LAN_ERR_IO ? errno : 0);
}

static int order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct dirty));
}

static void compact(struct neighbor_state *s)
{
	size_t n = 0;
	if (s->n)
		qsort(s->dirty, s->n, sizeof *s->dirty, order);
	for (size_t i = 0; i < s->n; i++)
		if (!n || order(&s->dirty[n - 1], &s->dirty[i]) != 0)
			s->dirty[n++] = s->dirty[i];
	s->n = n;
}

static void write_sessions(struct neighbor_state *s, size_t most)
{
	compact(s);
	for (; most && s->n; most--)
		write_session(s, &s->dirty[--s->n]);
}

static void arm(struct neighbor_state *s, lan_time after)
{
	if (!lan_timer_armed(&s->due.t))
		lan_deadline_arm(s->cfg.loop, &s->due, lan_loop_now(s->cfg.loop) + after);
}

static void on_due(void *ctx)
{
	struct neighbor_state *s = ctx;
	write_sessions(s, AT_ONCE);
	write_pins(s, false);
	if (s->n || s->writing || s->pins_dirty)
		arm(s, s->n ? LAN_MS(1) : POLL);
}

const struct neighbor_pins *neighbor_state_pins(const struct neighbor_state *s)
{
	return &s->pins;
}

static void pins_changed(struct neighbor_state *s)
{
	s->pins_dirty = true;
	write_pins(s, false);
	arm(s, POLL);
}

enum lan_err neighbor_state_keep(
	struct neighbor_state *s, const uint8_t *id, uint8_t id_len, const struct lsoe_key *key)
{
	enum lan_err e = neighbor_pins_set(&s->pins, id, id_len, key, time(NULL));
	if (!e)
		pins_changed(s);
	return e;
}

enum lan_err neighbor_state_forget(struct neighbor_state *s, const uint8_t *id, uint8_t id_len)
{
	if (!neighbor_pins_remove(&s->pins, id, id_len))
		return LAN_ERR_NOTFOUND;
	pins_changed(s);
	return LAN_OK;
}

enum lan_err neighbor_state_changed(struct neighbor_state *s, const char *ifname, const uint8_t mac[6])
{
	struct dirty d = {0};
	snprintf(d.ifname, sizeof d.ifname, "%s", ifname);
	memcpy(d.mac, mac, 6);
	if (s->n == s->cap)
		compact(s);
	if (s->n >= s->cap / 2) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct dirty *more = realloc(s->dirty, cap * sizeof *more);
		if (!more && s->n == s->cap)
			return LAN_ERR_NOMEM;
		s->dirty = more ? more : s->dirty;
		s->cap = more ? cap : s->cap;
	}
	s->dirty[s->n++] = d;
	arm(s, NEIGHBOR_STATE_PAUSE);
	return LAN_OK;
}

struct each {
	void (*fn)(void *ctx, const uint8_t mac[6], const uint8_t *p, size_t n);
	void *ctx;
};

/* One file: handed out, or removed because it is of no use to anybody any more. */
static void read_session(
	struct neighbor_state *s, const char *ifname, const uint8_t mac[6], const struct each *each)
{
	char name[SESSION_NAME];
	uint8_t *all = NULL;
	const uint8_t *p;
	size_t n;
	int64_t saved, now = time(NULL), resume = (int64_t)(s->cfg.resume / LAN_SEC(1));
	session_name(ifname, mac, name);
	enum lan_err e = session_read(s->fd, ifname, mac, &all, &p, &n, &saved);
	if (!e && (saved > now + resume || now - saved > resume))
		e = LAN_ERR_TIMEOUT;
	if (!e) {
		each->fn(each->ctx, mac, p, n);
	} else {
		if (e == LAN_ERR_CONFIG)
			tell(s, e, "damaged, so that session begins afresh", name, 0);
		else if (e != LAN_ERR_TIMEOUT && e != LAN_ERR_NOTFOUND)
			tell(s, e, "cannot be read, so that session begins afresh", name, 0);
		if (e == LAN_ERR_CONFIG || e == LAN_ERR_TIMEOUT)
			unlinkat(s->fd, name, 0);
	}
	free(all);
}

void neighbor_state_each(struct neighbor_state *s, const char *ifname,
	void (*fn)(void *ctx, const uint8_t mac[6], const uint8_t *p, size_t n), void *ctx)
{
	const struct each each = {fn, ctx};
	char of[SESSION_IFNAME];
	uint8_t mac[6];
	DIR *d = opendir(s->dir);
	if (!d) {
		tell(s, lan_err_from_errno(errno), "cannot be looked into", "", errno);
		return;
	}
	for (const struct dirent *entry; (entry = readdir(d));)
		if (session_of_name(entry->d_name, of, mac) && strcmp(of, ifname) == 0)
			read_session(s, ifname, mac, &each);
	closedir(d);
}

/* What no interface will ask for any more. */
static void sweep(struct neighbor_state *s)
{
	time_t now = time(NULL), resume = (time_t)(s->cfg.resume / LAN_SEC(1));
	char ifname[SESSION_IFNAME];
	uint8_t mac[6];
	struct stat st;
	DIR *d = opendir(s->dir);
	for (const struct dirent *entry; d && (entry = readdir(d));)
		if (session_of_name(entry->d_name, ifname, mac) &&
			fstatat(s->fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			now - st.st_mtime > resume)
			unlinkat(s->fd, entry->d_name, 0);
	if (d)
		closedir(d);
}

static enum lan_err take_lock(struct neighbor_state *s, const char **why)
{
	s->lock = openat(s->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock < 0)
		return key_why(why, lan_err_from_errno(errno), "the lock %s/lock cannot be made: %s", s->dir,
			strerror(errno));
	if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return LAN_OK;
	return key_why(why, errno == EWOULDBLOCK ? LAN_ERR_EXISTS : lan_err_from_errno(errno),
		"the state directory %s is in use by another process; give each its own", s->dir);
}

static enum lan_err enter(struct neighbor_state *s, const char **why)
{
	if (mkdir(s->dir, 0700) != 0 && errno != EEXIST)
		return key_why(why, lan_err_from_errno(errno), "the state directory %s cannot be made: %s",
			s->dir, strerror(errno));
	if ((s->fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return key_why(why, lan_err_from_errno(errno), "the state directory %s cannot be opened: %s",
			s->dir, strerror(errno));
	enum lan_err e = take_lock(s, why);
	if (e)
		return e;
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/pins", s->dir) >= (int)sizeof path)
		return key_why(why, LAN_ERR_INVAL, "%s: the name is too long", s->dir);
	e = neighbor_pins_read(path, &s->pins, why);
	if (e)
		return e;
	int copy = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0 || state_writer_new(copy, "pins", &s->writer))
		return key_why(why, LAN_ERR_NOMEM, "out of memory or descriptors");
	sweep(s);
	return LAN_OK;
}

enum lan_err neighbor_state_open(
	const struct neighbor_state_config *cfg, struct neighbor_state **out, const char **why)
{
	struct neighbor_state *s = calloc(1, sizeof *s);
	if (!s || lan_deadline_init(cfg->loop, &s->due, on_due, s)) {
		free(s);
		return key_why(why, LAN_ERR_NOMEM, "out of memory");
	}
	s->cfg = *cfg;
	s->fd = s->lock = -1;
	s->dir = strdup(cfg->dir);
	enum lan_err e = !s->dir             ? key_why(why, LAN_ERR_NOMEM, "out of memory")
			 : lan_crypto_init() ? key_why(why, LAN_ERR_NOTSUP,
						       "the crypto libraries of this host do not work")
					     : enter(s, why);
	if (e) {
		neighbor_state_close(s);
		return e;
	}
	*out = s;
	return LAN_OK;
}

void neighbor_state_close(struct neighbor_state *s)
{
	if (!s)
		return;
	write_sessions(s, SIZE_MAX);
	if (s->writer) {
		s->pins_dirty |= s->writing; /* the thread may not have begun */
		write_pins(s, true);
	}
	state_writer_free(s->writer); /* before the lock is given back */
	lan_deadline_fini(s->cfg.loop, &s->due);
	neighbor_pins_fini(&s->pins);
	if (s->lock >= 0)
		close(s->lock); /* the file stays: removing it would let two processes lock different ones */
	if (s->fd >= 0)
		close(s->fd);
	free(s->dirty);
	free(s->dir);
	free(s);
}
