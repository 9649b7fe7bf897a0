/*
 * file_mark.h - has a file of the configuration (a key) another content than when it was read?
 */
#ifndef LANYARDD_FILE_MARK_H
#define LANYARDD_FILE_MARK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/* Which content of a file was read. */
struct file_mark {
	uint64_t dev, ino, size;
	struct timespec changed;
};

/* `path` may be NULL, and the file need not be there. */
static inline void file_mark(const char *path, struct file_mark *m)
{
	struct stat st;
	*m = (struct file_mark){0};
	if (path && stat(path, &st) == 0)
		*m = (struct file_mark){st.st_dev, st.st_ino, (uint64_t)st.st_size, st.st_ctim};
}

static inline bool file_mark_same(const char *path, const struct file_mark *m)
{
	struct file_mark now;
	file_mark(path, &now);
	return now.dev == m->dev && now.ino == m->ino && now.size == m->size &&
	       now.changed.tv_sec == m->changed.tv_sec && now.changed.tv_nsec == m->changed.tv_nsec;
}

#endif
