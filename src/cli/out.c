/*
 * out.c - stdout, buffered and never waited for: see out.h.
 *
 * Not blocking without O_NONBLOCK: after poll(2) says a pipe is writable, Linux
 * and POSIX both promise that a write of up to PIPE_BUF bytes goes through at
 * once; terminals get smaller pieces; files never block.
 */
#include "cli/out.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/wait.h"

static int stdout_error; /* outlives the buffers: main asks at the end */

int out_stdout_error(void)
{
	return stdout_error;
}

void out_init(struct out *o, int fd)
{
	struct stat st;
	*o = (struct out){.fd = fd, .tty = isatty(fd) == 1, .chunk = PIPE_BUF};
	o->file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	if (o->file)
		o->chunk = OUT_HIGH;
	else if (o->tty)
		o->chunk = 1024;
}

void out_fini(struct out *o)
{
	free(o->buf);
	*o = (struct out){.fd = -1};
}

static bool make_room(struct out *o, size_t n)
{
	if (o->off && (o->off == o->len || o->len + n > o->cap)) {
		memmove(o->buf, o->buf + o->off, o->len - o->off);
		o->len -= o->off;
		o->off = 0;
	}
	if (o->len + n <= o->cap)
		return true;
	size_t cap = o->cap ? o->cap : 4096;
	while (cap < o->len + n)
		cap *= 2;
	char *buf = realloc(o->buf, cap);
	if (!buf) {
		o->no_memory = true;
		return false;
	}
	o->buf = buf;
	o->cap = cap;
	return true;
}

void out_bytes(struct out *o, const void *p, size_t n)
{
	if (n == 0 || o->gone || !make_room(o, n))
		return;
	memcpy(o->buf + o->len, p, n);
	o->len += n;
}

void out_text(struct out *o, const char *s)
{
	out_bytes(o, s, strlen(s));
}

void out_char(struct out *o, char c)
{
	out_bytes(o, &c, 1);
}

void out_printf(struct out *o, const char *fmt, ...)
{
	char small[512];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n < sizeof small) {
		out_bytes(o, small, (size_t)n);
		return;
	}
	if (!make_room(o, (size_t)n + 1))
		return;
	va_start(ap, fmt);
	vsnprintf(o->buf + o->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	o->len += (size_t)n;
}

void out_foreign(struct out *o, const char *s, size_t n)
{
	size_t from = 0;
	if (!o->tty) {
		out_bytes(o, s, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		bool c1 = c == 0xc2 && i + 1 < n && (unsigned char)s[i + 1] < 0xa0; /* U+0080..U+009F */
		if ((c >= 0x20 && c != 0x7f && !c1) || c == '\t')
			continue;
		out_bytes(o, s + from, i - from);
		i += c1;
		out_printf(o, "\\x%02x", (unsigned char)s[i]);
		from = i + 1;
	}
	out_bytes(o, s + from, n - from);
}

static bool writable(const struct out *o, int ms)
{
	struct pollfd p = {.fd = o->fd, .events = POLLOUT};
	return o->file || cli_poll(&p, 1, ms) > 0;
}

void out_flush(struct out *o)
{
	while (out_waiting(o) && !o->gone && writable(o, 0)) {
		size_t n = out_waiting(o) < o->chunk ? out_waiting(o) : o->chunk;
		ssize_t w = write(o->fd, o->buf + o->off, n);
		if (w > 0)
			o->off += (size_t)w;
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR) {
			o->gone = true;
			o->error = errno == EPIPE ? 0 : errno;
			if (o->fd == STDOUT_FILENO)
				stdout_error = o->error;
		}
	}
	if (o->off == o->len || o->gone)
		o->off = o->len = 0;
}

bool out_drain(struct out *o, lan_time deadline, int signals)
{
	for (;;) {
		out_flush(o);
		if (!out_waiting(o))
			return !o->gone && !o->no_memory;
		int ms = cli_ms_until(deadline);
		if (ms == 0 || cli_signals() > signals)
			return false;
		writable(o, ms);
	}
}
