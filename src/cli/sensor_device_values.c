/*
 * sensor_device_values.c - what a device's resources answer: a word that PUT replaces, a file, a command
 * (whose output comes later, sensor_device_jobs.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/sensor_device.h"

enum {
	CHANGED = 2 << 5 | 4,
	NOT_FOUND = 4 << 5 | 4,
	TOO_LARGE = 4 << 5 | 13,
	FAILED = 5 << 5,
	BUSY = 5 << 5 | 3
};

static void refuse(struct lan_sensor_reply *r, uint8_t code, const char *text)
{
	r->code = code;
	r->len = strlen(text) < r->cap ? strlen(text) : r->cap;
	memcpy(r->buf, text, r->len);
}

bool device_keep(struct source_of *s, const char *data, size_t len)
{
	bool other = !s->known || len != s->len || memcmp(s->value, data, len) != 0;
	if (len)
		memcpy(s->value, data, len);
	s->len = len;
	s->known = true;
	s->etag += other;
	return other;
}

/* The original slaves have none. */
static void put_etag(const struct source_of *s, struct lan_sensor_reply *r)
{
	if (s->d->cfg.compat)
		return;
	r->etag = (const uint8_t *)&s->etag;
	r->etag_len = 4;
}

/* ---- a word ---------------------------------------------------------------------------------------------
 */

static void word_get(void *ctx, const struct lan_sensor_request *q, struct lan_sensor_reply *r)
{
	const struct source_of *s = ctx;
	(void)q;
	r->payload = s->value;
	r->len = s->len;
	put_etag(s, r);
	if (s->format >= 0)
		r->content_format = s->format;
}

static void word_put(void *ctx, const struct lan_sensor_request *q, struct lan_sensor_reply *r)
{
	struct source_of *s = ctx;
	if (q->len > s->d->max) {
		refuse(r, TOO_LARGE, "");
		return;
	}
	bool other = device_keep(s, q->payload, q->len);
	s->format = q->content_format;
	if (other)
		lan_sensor_changed(s->d->handle, s->index);
}

/* ---- a file ---------------------------------------------------------------------------------------------
 */

/* Octets read, a newline at the end left out; -1: errno says why. */
static ssize_t read_file(const char *path, char *buf, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t n = 0;
	ssize_t got = 1;
	if (fd < 0)
		return -1;
	while (got > 0 && n < cap)
		if ((got = read(fd, buf + n, cap - n)) > 0)
			n += (size_t)got;
	char more;
	if (got > 0 && n == cap && read(fd, &more, 1) > 0 && (more != '\n' || read(fd, &more, 1) > 0))
		got = -1, errno = EFBIG;
	int kept = errno;
	close(fd);
	errno = kept;
	return got < 0 ? -1 : (ssize_t)(n && buf[n - 1] == '\n' ? n - 1 : n);
}

static void file_failed(const struct source_of *s, struct lan_sensor_reply *r)
{
	cli_detail(s->d->cli, "%s: %s", s->arg, strerror(errno));
	refuse(r, errno == ENOENT ? NOT_FOUND : FAILED,
		errno == EFBIG ? "longer than this device sends" : strerror(errno));
}

static void file_get(void *ctx, const struct lan_sensor_request *q, struct lan_sensor_reply *r)
{
	struct source_of *s = ctx;
	(void)q;
	ssize_t n = read_file(s->arg, r->buf, r->cap);
	if (n < 0) {
		file_failed(s, r);
		return;
	}
	r->len = (size_t)n;
	device_keep(s, r->buf, r->len);
	put_etag(s, r);
}

static void file_put(void *ctx, const struct lan_sensor_request *q, struct lan_sensor_reply *r)
{
	struct source_of *s = ctx;
	int fd = open(s->arg, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : write(fd, q->payload ? q->payload : "", q->len);
	if (n >= 0 && (size_t)n < q->len)
		n = -1, errno = EIO;
	if (n < 0)
		file_failed(s, r);
	else
		lan_sensor_changed(s->d->handle, s->index);
	if (fd >= 0)
		close(fd);
}

static bool file_changed(void *ctx)
{
	struct source_of *s = ctx;
	ssize_t n = read_file(s->arg, s->d->scratch, s->d->max);
	return n >= 0 && device_keep(s, s->d->scratch, (size_t)n);
}

/* ---- a command ------------------------------------------------------------------------------------------
 */

static void command(void *ctx, const struct lan_sensor_request *q, struct lan_sensor_reply *r)
{
	struct source_of *s = ctx;
	/* Its output is the reason of this, or the rest of it is wanted. */
	if ((q->notifying || q->offset) && s->known) {
		r->payload = s->value;
		r->len = s->len;
		return;
	}
	r->later = device_job(s, q);
	if (!r->later)
		refuse(r, BUSY, "too many commands at a time");
}

static bool command_changed(void *ctx)
{
	struct source_of *s = ctx;
	struct lan_sensor_request q = {.code = 1, .query = "", .from = ""};
	if (!s->polling)
		s->polling = device_job(s, &q);
	return false;
}

void device_handlers(struct source_of *s, struct lan_sensor_resource *r)
{
	static lan_sensor_handler *const get[] = {word_get, file_get, command}, *const put[] = {word_put,
											file_put, command};
	static bool (*const changed[])(void *ctx) = {NULL, file_changed, command_changed};
	r->get = get[s->from];
	r->changed = changed[s->from];
	if (s->read_only)
		return;
	r->put = put[s->from];
	r->post = s->from == FROM_COMMAND ? command : NULL;
}
