/*
 * store.c - received bytes as files in a folder: see store.h. Everything is done
 * relative to the descriptor of the folder, so that renaming it meanwhile, or a
 * link put in the way, leads nowhere else.
 */
#include "cli/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/utf8.h"

enum { ATTEMPTS = 100000 };

int store_open(struct store *s, const char *path)
{
	*s = (struct store){.path = path, .next = 1};
	if (mkdir(path, 0777) < 0 && errno != EEXIST) {
		s->dir = -1;
		return errno;
	}
	s->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return s->dir < 0 ? errno : 0;
}

void store_close(struct store *s)
{
	if (s->dir >= 0)
		close(s->dir);
	s->dir = -1;
}

static void fail(struct store *s, struct store_file *f, int error)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	if (!f->error)
		f->error = error;
	if (*f->temporary)
		unlinkat(s->dir, f->temporary, 0);
	*f->temporary = '\0';
}

void store_begin(struct store *s, struct store_file *f)
{
	*f = (struct store_file){.open = true, .fd = -1};
	for (int i = 0; i < ATTEMPTS && f->fd < 0; i++) {
		snprintf(f->temporary, sizeof f->temporary, ".lanyard-%ld-%" PRIu64 ".part", (long)getpid(),
			++s->serial);
		f->fd = openat(
			s->dir, f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
		if (f->fd < 0 && errno != EEXIST)
			break;
	}
	if (f->fd < 0) {
		f->error = errno;
		*f->temporary = '\0';
	}
}

void store_write(struct store *s, struct store_file *f, const void *data, size_t n)
{
	const char *at = data;
	f->size += n;
	while (n && f->fd >= 0) {
		ssize_t w = write(f->fd, at, n);
		if (w > 0) {
			at += w;
			n -= (size_t)w;
		} else if (errno != EINTR) {
			fail(s, f, errno);
		}
	}
}

void store_refuse(struct store *s, struct store_file *f, int error)
{
	if (f->open && !f->error)
		fail(s, f, error);
}

int store_done(struct store *s, struct store_file *f)
{
	if (f->fd >= 0 && close(f->fd) < 0) {
		f->fd = -1;
		fail(s, f, errno);
	}
	f->fd = -1;
	return f->error;
}

void store_drop(struct store *s, struct store_file *f)
{
	if (f->open)
		fail(s, f, 0);
	f->open = false;
}

/* Like rename, but refuses a name that is taken. */
static int rename_new(int dir, const char *from, const char *to)
{
	if (renameat2(dir, from, dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	/* A file system without it: take the name with an empty file, then put ours there. */
	int fd = openat(dir, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return errno;
	close(fd);
	if (renameat(dir, from, dir, to) == 0)
		return 0;
	int error = errno;
	unlinkat(dir, to, 0);
	return error;
}

/* "data.bin" and 2 make "data-2.bin"; what would get too long loses the end of its stem. */
static void numbered(const char *name, unsigned number, char out[STORE_NAME])
{
	const char *dot = strrchr(name, '.');
	char tail[64];
	if (!dot || dot == name || strlen(dot) > 32)
		dot = name + strlen(name);
	int n = snprintf(tail, sizeof tail, "-%u%s", number, dot);
	size_t stem = (size_t)(dot - name), room = STORE_NAME - 1 - (size_t)n;
	if (stem > room)
		stem = room;
	while (stem && !lan_utf8_valid(name, stem)) /* not in the middle of a character */
		stem--;
	memcpy(out, name, stem);
	memcpy(out + stem, tail, (size_t)n + 1);
}

int store_keep(struct store *s, struct store_file *f, const char *name, char final[STORE_NAME])
{
	int error = store_done(s, f);
	for (unsigned i = 1; !error && i <= ATTEMPTS; i++) {
		if (!name)
			snprintf(final, STORE_NAME, "blob-%06" PRIu64, s->next++);
		else if (i == 1)
			snprintf(final, STORE_NAME, "%s", name);
		else
			numbered(name, i, final);
		error = rename_new(s->dir, f->temporary, final);
		if (!error) {
			*f->temporary = '\0';
			f->open = false;
			return 0;
		}
		if (error == EEXIST && i < ATTEMPTS)
			error = 0;
	}
	store_drop(s, f);
	return error;
}

static bool has_controls(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++)
		if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0))
			return true;
	return false;
}

const char *store_name(const char *given, char name[STORE_NAME])
{
	const char *slash = strrchr(given, '/'), *last = slash ? slash + 1 : given;
	if (!*last)
		return "an empty name";
	if (strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
		return "a name that is a folder";
	if (strlen(last) >= STORE_NAME)
		return "a name of more than 255 bytes";
	if (has_controls(last))
		return "a name with control characters";
	if (!lan_utf8_valid(last, strlen(last)))
		return "a name that is not UTF-8";
	snprintf(name, STORE_NAME, "%s", last);
	return NULL;
}
