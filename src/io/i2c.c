/*
 * i2c.c - one thread per open bus, see i2c.h.
 *
 * Loop and thread share `struct shared`, which goes when both have let go of
 * it: a thread that hangs in a stuck bus can be left behind. A transfer belongs
 * to the thread from `go` until it writes to the eventfd, to the loop otherwise,
 * so the mutex guards the flags alone. linux/i2c-dev.h, I2C_RDWR.
 */
#include "io/i2c.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "io/errno_map.h"
#include "io/watch.h"
#include "io/thread.h"

/* The board raises syn first and offers its bytes right after. */
#define BOARD_READY_US 20

struct shared {
	atomic_int holders;
	int fd, news;
	uint16_t address;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool go, quit;
	bool reading;
	uint8_t buf[LAN_I2C_MAX];
	size_t n;
	enum lan_err result;
};

struct lan_i2c {
	struct lan_watch watch; /* first: freed through it */
	struct shared *shared;
	void (*fn)(void *ctx, enum lan_err result, const uint8_t *buf, size_t n);
	void *ctx;
};

static void let_go(struct shared *s)
{
	if (atomic_fetch_sub(&s->holders, 1) > 1)
		return;
	if (s->fd >= 0)
		close(s->fd);
	if (s->news >= 0)
		close(s->news);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->wake);
	free(s);
}

static enum lan_err transfer(struct shared *s)
{
	struct i2c_msg msg = {
		.addr = s->address, .flags = s->reading ? I2C_M_RD : 0, .len = (uint16_t)s->n, .buf = s->buf};
	struct i2c_rdwr_ioctl_data one = {.msgs = &msg, .nmsgs = 1};
	usleep(BOARD_READY_US);
	int rc = ioctl(s->fd, I2C_RDWR, &one);
	return rc == 1 ? LAN_OK : rc < 0 ? lan_err_from_errno(errno) : LAN_ERR_IO;
}

static void *run(void *arg)
{
	struct shared *s = arg;
	for (;;) {
		pthread_mutex_lock(&s->lock);
		while (!s->go && !s->quit)
			pthread_cond_wait(&s->wake, &s->lock);
		bool quit = s->quit;
		s->go = false;
		pthread_mutex_unlock(&s->lock);
		if (quit)
			break;
		s->result = transfer(s);
		eventfd_write(s->news, 1);
	}
	let_go(s);
	return NULL;
}

static void on_news(void *ctx, int events)
{
	struct lan_i2c *b = ctx;
	eventfd_t count;
	uint8_t buf[LAN_I2C_MAX];
	(void)events;
	if (eventfd_read(b->shared->news, &count) < 0)
		return;
	size_t n = b->shared->reading ? b->shared->n : 0;
	memcpy(buf, b->shared->buf, n); /* fn may start the next transfer */
	b->fn(b->ctx, b->shared->result, buf, n);
}

static enum lan_err fail(int err, const char **why)
{
	switch (err) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		*why = "there is no such I2C bus (is the module i2c-dev loaded?)";
		return LAN_ERR_NOTFOUND;
	case EACCES:
	case EPERM:
		*why = "no permission to use the I2C bus (is the user in the group i2c?)";
		return LAN_ERR_PERM;
	case ENOTTY:
		*why = "this is not an I2C bus";
		return LAN_ERR_NOTSUP;
	default:
		*why = "the I2C bus cannot be opened";
		return lan_err_from_errno(err);
	}
}

static enum lan_err open_bus(const char *path, int *out, const char **why)
{
	char full[128];
	unsigned long functions = 0;
	bool number = *path && path[strspn(path, "0123456789")] == '\0';
	int n = snprintf(full, sizeof full, "%s%s", number ? "/dev/i2c-" : "", path);
	if (n < 0 || (size_t)n >= sizeof full)
		return fail(ENOENT, why);
	int fd = open(full, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return fail(errno, why);
	enum lan_err e = ioctl(fd, I2C_FUNCS, &functions) < 0 ? fail(errno, why) : LAN_OK;
	if (!e && !(functions & I2C_FUNC_I2C)) {
		*why = "the bus does SMBus only, plain I2C transfers are needed";
		e = LAN_ERR_NOTSUP;
	}
	if (e) {
		close(fd);
		return e;
	}
	*out = fd;
	return LAN_OK;
}

static struct shared *new_shared(uint16_t address)
{
	struct shared *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	atomic_init(&s->holders, 1);
	s->fd = s->news = -1;
	s->address = address;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wake, NULL);
	return s;
}

enum lan_err lan_i2c_open(struct lan_loop *l, const char *path, uint16_t address,
	void (*fn)(void *ctx, enum lan_err result, const uint8_t *buf, size_t n), void *ctx,
	struct lan_i2c **out, const char **why)
{
	enum lan_err e = LAN_ERR_NOMEM;
	struct lan_i2c *b = calloc(1, sizeof *b);
	struct shared *s = new_shared(address);
	*why = lan_err_text(e);
	if (!b || !s)
		goto failed;
	b->shared = s;
	b->fn = fn;
	b->ctx = ctx;
	e = open_bus(path, &s->fd, why);
	if (e)
		goto failed;
	s->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e = s->news < 0 ? lan_err_from_errno(errno) : lan_watch_init(&b->watch, l, s->news, on_news, b);
	*why = lan_err_text(e);
	if (e)
		goto failed;
	atomic_fetch_add(&s->holders, 1);
	int rc = lan_thread_start(run, s);
	if (rc) {
		atomic_fetch_sub(&s->holders, 1);
		lan_i2c_close(b);
		e = rc == EAGAIN ? LAN_ERR_LIMIT : lan_err_from_errno(rc);
		*why = lan_err_text(e);
		return e;
	}
	lan_watch_set(&b->watch, LAN_READABLE);
	*out = b;
	return LAN_OK;
failed:
	if (s)
		let_go(s);
	free(b);
	return e;
}

static void on_closed(struct lan_watch *w)
{
	free(w);
}

void lan_i2c_close(struct lan_i2c *b)
{
	if (!b)
		return;
	struct shared *s = b->shared;
	lan_watch_close(&b->watch, on_closed);
	pthread_mutex_lock(&s->lock);
	s->quit = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	let_go(s);
}

static void start(struct shared *s)
{
	pthread_mutex_lock(&s->lock);
	s->go = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
}

void lan_i2c_read(struct lan_i2c *b, size_t n)
{
	assert(n <= LAN_I2C_MAX);
	b->shared->reading = true;
	b->shared->n = n;
	start(b->shared);
}

void lan_i2c_write(struct lan_i2c *b, const uint8_t *buf, size_t n)
{
	assert(n <= LAN_I2C_MAX);
	b->shared->reading = false;
	b->shared->n = n;
	memcpy(b->shared->buf, buf, n);
	start(b->shared);
}
