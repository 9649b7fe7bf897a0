/*
 * state_writer.c - see state_writer.h. One mutex is held for the whole of a
 * write, so that close and a write that must be now wait for the thread; the
 * loop's own questions only read a flag. A file is written beside the old one,
 * synced, and renamed over it: a power cut leaves one or the other.
 */
#include "api/state_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "io/thread.h"

struct state_writer {
	pthread_mutex_t lock; /* all below */
	unsigned refs;        /* the owner, and the thread while there is one */
	uint64_t written;     /* number of the text on the disk */
	bool closed;
	int dir;
	char file[128];
	/* the loop's */
	uint64_t made; /* texts numbered so far */
	bool waiting;  /* a thread was started and its result not yet asked for */
	/* the thread's answer */
	atomic_bool finished;
	enum lan_err result;
};

struct job {
	struct state_writer *w;
	uint64_t number;
	char *text;
	size_t n;
};

enum lan_err state_writer_new(int dir, const char *file, struct state_writer **out)
{
	struct state_writer *w = calloc(1, sizeof *w);
	if (!w || pthread_mutex_init(&w->lock, NULL) != 0) {
		free(w);
		close(dir);
		return LAN_ERR_NOMEM;
	}
	w->refs = 1;
	w->dir = dir;
	snprintf(w->file, sizeof w->file, "%s", file);
	*out = w;
	return LAN_OK;
}

static void unref(struct state_writer *w)
{
	pthread_mutex_lock(&w->lock);
	bool last = --w->refs == 0;
	pthread_mutex_unlock(&w->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&w->lock);
	close(w->dir);
	free(w);
}

void state_writer_free(struct state_writer *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->closed = true;
	pthread_mutex_unlock(&w->lock);
	unref(w);
}

static bool put_file(int dir, const char *name, const char *text, size_t n)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good = fd >= 0;
	while (good && n > 0) {
		ssize_t w = write(fd, text, n);
		if (w < 0 && errno == EINTR)
			continue;
		good = w > 0;
		text += good ? w : 0;
		n -= good ? (size_t)w : 0;
	}
	good = good && fsync(fd) == 0;
	if (fd >= 0 && close(fd) != 0)
		good = false;
	return good;
}

static enum lan_err put(struct state_writer *w, uint64_t number, char *text, size_t n)
{
	char name[160];
	bool good = true;
	pthread_mutex_lock(&w->lock);
	if (!w->closed && number > w->written) {
		snprintf(name, sizeof name, "%s.new", w->file);
		good = put_file(w->dir, name, text, n) && renameat(w->dir, name, w->dir, w->file) == 0 &&
		       fsync(w->dir) == 0;
		if (good)
			w->written = number;
	}
	pthread_mutex_unlock(&w->lock);
	free(text);
	return good ? LAN_OK : LAN_ERR_IO;
}

enum lan_err state_writer_now(struct state_writer *w, char *text, size_t n)
{
	return put(w, ++w->made, text, n);
}

static void *work(void *arg)
{
	struct job *job = arg;
	struct state_writer *w = job->w;
	w->result = put(w, job->number, job->text, job->n);
	free(job);
	atomic_store(&w->finished, true);
	unref(w);
	return NULL;
}

enum lan_err state_writer_later(struct state_writer *w, char *text, size_t n)
{
	struct job *job = w->waiting ? NULL : malloc(sizeof *job);
	if (!job) {
		free(text);
		return w->waiting ? LAN_ERR_AGAIN : LAN_ERR_NOMEM;
	}
	*job = (struct job){.w = w, .number = ++w->made, .text = text, .n = n};
	atomic_store(&w->finished, false);
	pthread_mutex_lock(&w->lock);
	w->refs++;
	pthread_mutex_unlock(&w->lock);
	if (lan_thread_start(work, job) != 0) {
		free(text);
		free(job);
		unref(w);
		return LAN_ERR_NOMEM;
	}
	w->waiting = true;
	return LAN_OK;
}

bool state_writer_done(struct state_writer *w, enum lan_err *result)
{
	if (!w->waiting || !atomic_load(&w->finished))
		return false;
	w->waiting = false;
	*result = w->result;
	return true;
}
