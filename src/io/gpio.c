/*
 * gpio.c - GPIO lines, see gpio.h. Thin: a request, a get, a set, and reading
 * edge events. linux/gpio.h, GPIO_V2_*.
 */
#include "io/gpio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "io/errno_map.h"
#include "io/watch.h"

#define EVENTS 16

struct lan_gpio {
	struct lan_watch watch; /* first: freed through it */
	int fd;
	bool watched;
	uint32_t seqno; /* of the last event */
	void (*fn)(void *ctx, bool level);
	void *ctx;
};

static enum lan_err fail(int err, const char **why)
{
	switch (err) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		*why = "there is no such GPIO chip";
		return LAN_ERR_NOTFOUND;
	case EINVAL:
		*why = "the GPIO chip has no such line";
		return LAN_ERR_NOTFOUND;
	case EACCES:
	case EPERM:
		*why = "no permission to use the GPIO chip (is the user in the group gpio?)";
		return LAN_ERR_PERM;
	case EBUSY:
		*why = "the GPIO line is in use";
		return LAN_ERR_EXISTS;
	case ENOTTY:
		*why = "this is not a GPIO chip (or the kernel is older than 5.10)";
		return LAN_ERR_NOTSUP;
	default:
		*why = "the GPIO line cannot be opened";
		return lan_err_from_errno(err);
	}
}

/* "0:17" -> "/dev/gpiochip0", 17 */
static bool parse(const char *name, char *path, size_t cap, uint32_t *line)
{
	const char *colon = strrchr(name, ':');
	if (!colon || colon == name || colon[1] < '0' || colon[1] > '9')
		return false;
	char *end;
	unsigned long v = strtoul(colon + 1, &end, 10);
	if (*end || v > UINT32_MAX)
		return false;
	*line = (uint32_t)v;
	int chip = (int)(colon - name);
	bool number = strspn(name, "0123456789") == (size_t)chip;
	const char *before = name[0] == '/' ? "" : number ? "/dev/gpiochip" : "/dev/";
	int n = snprintf(path, cap, "%s%.*s", before, chip, name);
	return n > 0 && (size_t)n < cap;
}

static int request(int chip, uint32_t line, uint64_t flags, bool level)
{
	struct gpio_v2_line_request r = {.offsets = {line}, .num_lines = 1, .consumer = "lanyard"};
	r.config.flags = flags;
	if (flags & GPIO_V2_LINE_FLAG_OUTPUT) {
		r.config.num_attrs = 1;
		r.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
		r.config.attrs[0].attr.values = level;
		r.config.attrs[0].mask = 1;
	}
	if (ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &r) < 0)
		return -1;
	return r.fd;
}

static enum lan_err open_line(
	const char *name, uint64_t flags, bool level, struct lan_gpio **out, const char **why)
{
	char path[128];
	uint32_t line;
	if (!parse(name, path, sizeof path, &line)) {
		*why = "a GPIO line is given as CHIP:LINE, e.g. gpiochip0:17";
		return LAN_ERR_INVAL;
	}
	int chip = open(path, O_RDWR | O_CLOEXEC);
	if (chip < 0)
		return fail(errno, why);
	int fd = request(chip, line, flags, level);
	if (fd < 0 && (flags & GPIO_V2_LINE_FLAG_BIAS_PULL_UP) && errno != EBUSY)
		fd = request(chip, line, flags & ~(uint64_t)GPIO_V2_LINE_FLAG_BIAS_PULL_UP, level);
	int err = errno;
	close(chip);
	if (fd < 0)
		return fail(err, why);
	struct lan_gpio *g = calloc(1, sizeof *g);
	if (!g) {
		close(fd);
		*why = lan_err_text(LAN_ERR_NOMEM);
		return LAN_ERR_NOMEM;
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	g->fd = fd;
	*out = g;
	return LAN_OK;
}

enum lan_err lan_gpio_output(
	struct lan_loop *l, const char *name, bool level, struct lan_gpio **out, const char **why)
{
	(void)l;
	return open_line(name, GPIO_V2_LINE_FLAG_OUTPUT, level, out, why);
}

static void on_events(void *ctx, int events)
{
	struct lan_gpio *g = ctx;
	struct gpio_v2_line_event ev[EVENTS];
	(void)events;
	ssize_t n = read(g->fd, ev, sizeof ev);
	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof *ev; i++) {
		bool level = ev[i].id == GPIO_V2_LINE_EVENT_RISING_EDGE;
		/* Events were dropped in between: an even number of edges cancels out. */
		if (g->seqno && ev[i].line_seqno != g->seqno + 1)
			g->fn(g->ctx, !level);
		g->seqno = ev[i].line_seqno;
		g->fn(g->ctx, level);
	}
}

enum lan_err lan_gpio_input(struct lan_loop *l, const char *name, void (*fn)(void *ctx, bool level),
	void *ctx, struct lan_gpio **out, const char **why)
{
	struct lan_gpio *g;
	enum lan_err e = open_line(name,
		GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING |
			GPIO_V2_LINE_FLAG_BIAS_PULL_UP,
		false, &g, why);
	if (e)
		return e;
	g->fn = fn;
	g->ctx = ctx;
	e = lan_watch_init(&g->watch, l, g->fd, on_events, g);
	if (e) {
		*why = lan_err_text(e);
		lan_gpio_close(g);
		return e;
	}
	g->watched = true;
	lan_watch_set(&g->watch, LAN_READABLE);
	*out = g;
	return LAN_OK;
}

static void on_closed(struct lan_watch *w)
{
	free(w);
}

void lan_gpio_close(struct lan_gpio *g)
{
	if (!g)
		return;
	if (g->watched)
		lan_watch_close(&g->watch, on_closed);
	close(g->fd);
	if (!g->watched)
		free(g);
}

enum lan_err lan_gpio_get(const struct lan_gpio *g, bool *level)
{
	struct gpio_v2_line_values v = {.mask = 1};
	if (ioctl(g->fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &v) < 0)
		return lan_err_from_errno(errno);
	*level = v.bits & 1;
	return LAN_OK;
}

enum lan_err lan_gpio_set(struct lan_gpio *g, bool level)
{
	struct gpio_v2_line_values v = {.bits = level, .mask = 1};
	return ioctl(g->fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &v) < 0 ? lan_err_from_errno(errno) : LAN_OK;
}
