/*
 * key_file.c - how key files are read and written.
 *
 * Reading: open first, then judge what was opened by its descriptor, so that
 * nothing can be swapped in between; then read within a bound. Writing: a
 * temporary file beside it, flushed to the disk, takes the name at once or not
 * at all. A file that replaces another keeps its owner and mode, and is
 * written under a lock on the one it replaces.
 *
 * Refused: what is no regular file, belongs to somebody else, may be read (if
 * it is secret) or written (if not) by others, or is too long. Each with the
 * command that helps.
 */
#include "api/key_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum lan_err key_why(const char **why, enum lan_err e, const char *fmt, ...)
{
	static _Thread_local char sentence[1024];
	if (why) {
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(sentence, sizeof sentence, fmt, ap);
		va_end(ap);
		*why = sentence;
	}
	return e;
}

static enum lan_err failed(const char **why, const char *path, const char *doing)
{
	int code = errno;
	enum lan_err e = code == ENOENT || code == ENOTDIR ? LAN_ERR_NOTFOUND
			 : code == EACCES || code == EPERM ? LAN_ERR_PERM
			 : code == EEXIST                  ? LAN_ERR_EXISTS
			 : code == ENOMEM                  ? LAN_ERR_NOMEM
							   : LAN_ERR_IO;
	return key_why(why, e, "%s: %s: %s%s", path, doing, strerror(code),
		e == LAN_ERR_NOTFOUND ? "; lanyard-key(1) says how to make it"
		: e == LAN_ERR_EXISTS ? "; it is not overwritten: take another name or remove it"
				      : "");
}

static enum lan_err judge(const char *path, const struct stat *st, bool secret, size_t max, const char **why)
{
	unsigned mode = st->st_mode & 07777;
	if (!S_ISREG(st->st_mode))
		return key_why(why, LAN_ERR_CONFIG, "%s: not a regular file", path);
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return key_why(why, LAN_ERR_PERM,
			"%s: belongs to user %u, so that one decides what is in it; run: chown %u '%s'", path,
			(unsigned)st->st_uid, (unsigned)geteuid(), path);
	if (secret && (mode & 077))
		return key_why(why, LAN_ERR_PERM,
			"%s: mode %04o lets others have the secret; run: chmod 600 '%s'", path, mode, path);
	if (mode & 022)
		return key_why(why, LAN_ERR_PERM, "%s: mode %04o lets others change it; run: chmod go-w '%s'",
			path, mode, path);
	if ((uintmax_t)st->st_size > max)
		return key_why(why, LAN_ERR_CONFIG, "%s: %ju bytes are too many, at most %zu", path,
			(uintmax_t)st->st_size, max);
	return LAN_OK;
}

/* The whole file, though it may have grown since: to the bound, not to its size. */
static enum lan_err read_all(const char *path, int fd, size_t max, char *text, size_t *len, const char **why)
{
	size_t n = 0;
	for (;;) {
		ssize_t r = read(fd, text + n, max + 1 - n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return failed(why, path, "cannot read");
		if (r == 0)
			break;
		n += (size_t)r;
		if (n > max)
			return key_why(why, LAN_ERR_CONFIG, "%s: more than %zu bytes", path, max);
	}
	if (memchr(text, 0, n))
		return key_why(why, LAN_ERR_CONFIG, "%s: not a text file (it has a NUL byte)", path);
	text[n] = '\0';
	*len = n;
	return LAN_OK;
}

static enum lan_err read_fd(const char *path, bool secret, size_t max, struct key_text *t, const char **why)
{
	if (fstat(t->fd, &t->st))
		return failed(why, path, "cannot look at it");
	enum lan_err e = judge(path, &t->st, secret, max, why);
	if (e)
		return e;
	t->text = calloc(1, max + 2);
	if (!t->text)
		return key_why(why, LAN_ERR_NOMEM, "%s: out of memory", path);
	t->len = max + 2; /* to be wiped, if reading fails */
	return read_all(path, t->fd, max, t->text, &t->len, why);
}

static int open_read(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

void key_text_free(struct key_text *t)
{
	if (t->text)
		lan_wipe(t->text, t->len);
	free(t->text);
	if (t->fd >= 0)
		close(t->fd);
	*t = (struct key_text){.fd = -1};
}

enum lan_err key_read(const char *path, bool secret, size_t max, struct key_text *out, const char **why)
{
	struct key_text t = {.fd = open_read(path)};
	if (t.fd < 0)
		return failed(why, path, "cannot open");
	enum lan_err e = read_fd(path, secret, max, &t, why);
	if (e) {
		key_text_free(&t);
		return e;
	}
	close(t.fd);
	t.fd = -1;
	*out = t;
	return LAN_OK;
}

enum lan_err key_read_locked(const char *path, struct key_text *out, const char **why)
{
	for (;;) {
		struct key_text t = {.fd = open_read(path)};
		struct stat now;
		if (t.fd < 0)
			return failed(why, path, "cannot open");
		enum lan_err e = LAN_OK;
		while (flock(t.fd, LOCK_EX) && !e)
			if (errno != EINTR)
				e = failed(why, path, "cannot lock");
		if (!e)
			e = read_fd(path, true, KEY_FILE_MAX, &t, why);
		if (e) {
			key_text_free(&t);
			return e;
		}
		/* Whoever had the lock before has put another file in its place. */
		if (stat(path, &now) || now.st_ino != t.st.st_ino || now.st_dev != t.st.st_dev) {
			key_text_free(&t);
			continue;
		}
		*out = t;
		return LAN_OK;
	}
}

static bool write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t r = write(fd, text, len);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return false;
		text += r;
		len -= (size_t)r;
	}
	return fsync(fd) == 0;
}

/* The name itself is on the disk once its folder is. */
static void sync_folder(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int n = snprintf(
		folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	int fd = n < (int)sizeof folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
}

static bool give_owner(int fd, const struct key_text *old)
{
	struct stat st;
	if (!old)
		return true;
	return fstat(fd, &st) == 0 &&
	       ((st.st_uid == old->st.st_uid && st.st_gid == old->st.st_gid) ||
		       fchown(fd, old->st.st_uid, old->st.st_gid) == 0) &&
	       fchmod(fd, old->st.st_mode & 0700) == 0;
}

/* As a new name (never over an existing one), or in the place of the old file. */
static bool take_name(const char *temporary, const char *path, bool replace)
{
	if (replace)
		return rename(temporary, path) == 0;
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return true;
	/* Some file systems cannot do that, but link. */
	return (errno == EINVAL || errno == ENOSYS) && link(temporary, path) == 0 && unlink(temporary) == 0;
}

/* Hidden, in the same folder: `.plant.key.XXXXXX`. */
static int open_temporary(const char *path, char *buf, size_t cap)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	snprintf(buf, cap, "%.*s.%s.XXXXXX", (int)(base - path), path, base);
	return mkostemp(buf, O_CLOEXEC); /* 0600, whatever the umask */
}

enum lan_err key_write(
	const char *path, const char *text, size_t len, const struct key_text *old, const char **why)
{
	char real[PATH_MAX], temporary[PATH_MAX + 16];
	if (old && !realpath(path, real)) /* a symbolic link stays one */
		return failed(why, path, "cannot find");
	if (!old && snprintf(real, sizeof real, "%s", path) >= (int)sizeof real)
		return key_why(why, LAN_ERR_INVAL, "%s: the name is too long", path);
	if (!old && access(path, F_OK) == 0) {
		errno = EEXIST;
		return failed(why, path, "cannot make it");
	}
	int fd = open_temporary(real, temporary, sizeof temporary);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? key_why(why, LAN_ERR_NOTFOUND, "%s: the folder it should be in is not there",
					 path)
			       : failed(why, path, "cannot make a file beside it");
	bool ok = give_owner(fd, old) && write_all(fd, text, len);
	int code = errno;
	close(fd); /* before it has its name: who watches the folder then hears of it once */
	errno = code;
	ok = ok && take_name(temporary, real, old != NULL);
	enum lan_err e = ok ? LAN_OK : failed(why, path, "cannot write");
	if (ok)
		sync_folder(real);
	else
		unlink(temporary);
	return e;
}
