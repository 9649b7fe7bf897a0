/*
 * serial.c - termios and patience, see serial.h.
 *
 * An unplugged device shows itself as end of file, EIO or ENXIO, depending on
 * its driver; all mean the same here. The speed is one of the kernel's list:
 * other divisors are a matter of luck on most adapters. HUPCL is cleared so that
 * closing does not drop DTR, with which many boards are reset. The device is
 * locked (flock, as picocom and minicom do) and made exclusive: two programs on
 * one serial line steal each other's bytes.
 */
#include "io/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "io/errno_map.h"
#include "io/watch.h"

#define RETRY_MIN LAN_MS(100)
#define RETRY_MAX LAN_SEC(2)
/* .. of a device that was there once: whoever pulled it will plug it in again, and waits for it. */
#define RETRY_KNOWN LAN_MS(250)

struct lan_serial {
	struct lan_loop *loop;
	char *path;
	speed_t speed;
	const struct lan_serial_ops *ops;
	void *ctx;
	struct lan_watch *watch; /* NULL: not there */
	int fd;
	lan_time backoff;
	bool known; /* it was there */
	struct lan_deadline again;
	struct lan_task news; /* the loss a write noticed, told outside of it */
	enum lan_err lost_err;
	const char *lost_why;
};

static bool speed_of(uint32_t baud, speed_t *out)
{
	static const struct {
		uint32_t baud;
		speed_t speed;
	} known[] = {{1200, B1200}, {2400, B2400}, {4800, B4800}, {9600, B9600}, {19200, B19200},
		{38400, B38400}, {57600, B57600}, {115200, B115200}, {230400, B230400}, {460800, B460800},
		{500000, B500000}, {576000, B576000}, {921600, B921600}, {1000000, B1000000},
		{1500000, B1500000}, {2000000, B2000000}, {3000000, B3000000}, {4000000, B4000000}};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (known[i].baud == baud) {
			*out = known[i].speed;
			return true;
		}
	}
	return false;
}

static enum lan_err fail(int err, const char **why)
{
	switch (err) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		*why = "there is no such device";
		return LAN_ERR_NOTFOUND;
	case EACCES:
	case EPERM:
		*why = "no permission to use the device (is the user in the group dialout?)";
		return LAN_ERR_PERM;
	case EBUSY:
	case EWOULDBLOCK:
		*why = "another program uses the device";
		return LAN_ERR_EXISTS;
	case ENOTTY:
	case EISDIR:
		*why = "this is not a serial device";
		return LAN_ERR_NOTSUP;
	default:
		*why = "the device cannot be opened";
		return lan_err_from_errno(err);
	}
}

static enum lan_err configure(int fd, speed_t speed, const char **why)
{
	struct termios t, got;
	if (tcgetattr(fd, &t) < 0)
		return fail(errno, why);
	cfmakeraw(&t);
	t.c_cflag &= ~(tcflag_t)(CSTOPB | PARENB | CRTSCTS | HUPCL);
	t.c_cflag |= CLOCAL | CREAD | CS8;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	cfsetispeed(&t, speed);
	cfsetospeed(&t, speed);
	/* tcsetattr succeeds if any part of it could be done. */
	if (tcsetattr(fd, TCSANOW, &t) < 0 || tcgetattr(fd, &got) < 0)
		return fail(errno, why);
	if (cfgetospeed(&got) != speed) {
		*why = "the device cannot do this speed";
		return LAN_ERR_NOTSUP;
	}
	tcflush(fd, TCIOFLUSH); /* what was there before belongs to nobody */
	return LAN_OK;
}

static enum lan_err open_device(const char *path, speed_t speed, int *out, const char **why)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return fail(errno, why);
	enum lan_err e = LAN_OK;
	if (!isatty(fd))
		e = fail(ENOTTY, why);
	else if (flock(fd, LOCK_EX | LOCK_NB) < 0 || ioctl(fd, TIOCEXCL) < 0)
		e = fail(errno, why);
	if (!e)
		e = configure(fd, speed, why);
	if (e) {
		close(fd);
		return e;
	}
	*out = fd;
	return LAN_OK;
}

static void on_closed(struct lan_watch *w)
{
	free(w);
}

static void let_go(struct lan_serial *s)
{
	if (!s->watch)
		return;
	ioctl(s->fd, TIOCNXCL);
	lan_watch_close(s->watch, on_closed);
	close(s->fd);
	s->watch = NULL;
	s->fd = -1;
}

static void retry_later(struct lan_serial *s)
{
	lan_deadline_arm(s->loop, &s->again, lan_loop_now(s->loop) + s->backoff);
	lan_time most = s->known ? RETRY_KNOWN : RETRY_MAX;
	s->backoff = s->backoff * 2 > most ? most : s->backoff * 2;
}

static void lost(struct lan_serial *s, int err)
{
	s->lost_why = "the device was unplugged";
	s->lost_err = err == 0 || err == EIO || err == ENXIO || err == ENODEV ? LAN_ERR_CLOSED
									      : lan_err_from_errno(err);
	let_go(s);
	s->backoff = RETRY_MIN;
	retry_later(s);
	lan_task_queue(s->loop, &s->news);
}

static void tell_lost(void *ctx)
{
	struct lan_serial *s = ctx;
	s->ops->state(s->ctx, false, s->lost_err, s->lost_why);
}

static void on_ready(void *ctx, int events)
{
	struct lan_serial *s = ctx;
	uint8_t buf[4096];
	if (events & (LAN_READABLE | LAN_BROKEN)) {
		ssize_t n = read(s->fd, buf, sizeof buf);
		if (n > 0) {
			s->ops->data(s->ctx, buf, (size_t)n);
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			lost(s, n == 0 ? 0 : errno);
			return;
		}
	}
	if (s->watch && (events & LAN_WRITABLE)) {
		lan_watch_set(s->watch, LAN_READABLE);
		s->ops->writable(s->ctx);
	}
}

static enum lan_err attach(struct lan_serial *s, const char **why)
{
	enum lan_err e = open_device(s->path, s->speed, &s->fd, why);
	if (e)
		return e;
	struct lan_watch *w = calloc(1, sizeof *w);
	e = w ? lan_watch_init(w, s->loop, s->fd, on_ready, s) : LAN_ERR_NOMEM;
	if (e) {
		*why = lan_err_text(e);
		free(w);
		close(s->fd);
		s->fd = -1;
		return e;
	}
	s->watch = w;
	s->known = true;
	s->backoff = RETRY_MIN;
	lan_watch_set(w, LAN_READABLE);
	return LAN_OK;
}

static void try_again(void *ctx)
{
	struct lan_serial *s = ctx;
	const char *why;
	if (attach(s, &why) == LAN_OK)
		s->ops->state(s->ctx, true, LAN_OK, "");
	else
		retry_later(s);
}

enum lan_err lan_serial_open(struct lan_loop *l, const char *path, uint32_t baud, bool wait,
	const struct lan_serial_ops *ops, void *ctx, struct lan_serial **out, const char **why)
{
	speed_t speed;
	if (!speed_of(baud, &speed)) {
		*why = "no such speed: 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600 and the "
		       "other standard ones up to 4000000";
		return LAN_ERR_INVAL;
	}
	*why = lan_err_text(LAN_ERR_NOMEM);
	struct lan_serial *s = calloc(1, sizeof *s);
	if (!s)
		return LAN_ERR_NOMEM;
	*s = (struct lan_serial){
		.loop = l, .speed = speed, .ops = ops, .ctx = ctx, .fd = -1, .backoff = RETRY_MIN};
	s->news = (struct lan_task){.fn = tell_lost, .ctx = s};
	s->path = strdup(path);
	enum lan_err e = s->path ? lan_deadline_init(l, &s->again, try_again, s) : LAN_ERR_NOMEM;
	if (e) {
		free(s->path);
		free(s);
		return e;
	}
	e = attach(s, why);
	if (e && wait) {
		retry_later(s);
		e = LAN_OK;
	}
	if (e) {
		lan_serial_close(s);
		return e;
	}
	*out = s;
	return LAN_OK;
}

void lan_serial_close(struct lan_serial *s)
{
	if (!s)
		return;
	let_go(s);
	lan_task_cancel(s->loop, &s->news);
	lan_deadline_fini(s->loop, &s->again);
	free(s->path);
	free(s);
}

bool lan_serial_there(const struct lan_serial *s)
{
	return s->watch != NULL;
}

enum lan_err lan_serial_write(struct lan_serial *s, const void *buf, size_t n, size_t *took)
{
	if (!s->watch)
		return LAN_ERR_CLOSED;
	ssize_t r = write(s->fd, buf, n);
	if (r > 0) {
		*took = (size_t)r;
		return LAN_OK;
	}
	if (r == 0 || errno == EAGAIN || errno == EINTR) {
		lan_watch_set(s->watch, LAN_READABLE | LAN_WRITABLE);
		return LAN_ERR_AGAIN;
	}
	lost(s, errno);
	return LAN_ERR_CLOSED;
}
