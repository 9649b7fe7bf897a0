/*
 * logger.c - <lanyard/logger.h>: lines of one component, on stderr and in a
 * dated file. A line is one write(2) to a descriptor opened for appending, so
 * those of several loggers, threads and processes never mix. The file follows
 * the date: the first line after midnight begins a new one.
 *
 * Layout of the line: multisock's first documentation.
 */
#include <lanyard/logger.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/utf8.h"
#include "io/errno_map.h"

enum { NAME_CHARACTERS = 5 };

struct lan_logger {
	char name[4 * NAME_CHARACTERS + 1 + NAME_CHARACTERS]; /* padded with blanks */
	char *prefix;
	int fd;      /* -1: none */
	int day;     /* the file's, as YYYYMMDD */
	bool failed; /* said so on stderr */
	unsigned long long lost;
};

/* The first 5 characters, at least 5 wide. */
static void set_name(struct lan_logger *g, const char *component)
{
	size_t n = 0, characters = 0;
	while (component[n] && characters < NAME_CHARACTERS) {
		size_t len = 1;
		while ((component[n + len] & 0xc0) == 0x80)
			len++;
		if (len > 4 || !lan_utf8_valid(component + n, len) || (unsigned char)component[n] < 0x20)
			break;
		n += len;
		characters++;
	}
	memcpy(g->name, component, n);
	for (; characters < NAME_CHARACTERS; characters++)
		g->name[n++] = ' ';
	g->name[n] = '\0';
}

/* mkdir -p of what stands in front of the last slash. */
static enum lan_err make_folders(const char *path)
{
	char *copy = strdup(path);
	enum lan_err e = copy ? LAN_OK : LAN_ERR_NOMEM;
	for (char *at = copy ? strchr(copy + 1, '/') : NULL; at && !e; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(copy, 0777) != 0 && errno != EEXIST)
			e = lan_err_from_errno(-errno);
		*at = '/';
	}
	free(copy);
	return e;
}

static enum lan_err open_file(struct lan_logger *g, int day)
{
	char *path;
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
	g->day = day;
	if (asprintf(&path, "%s_%08d.log", g->prefix, day) < 0)
		return LAN_ERR_NOMEM;
	enum lan_err e = make_folders(path);
	if (!e) {
		g->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
		if (g->fd < 0)
			e = lan_err_from_errno(-errno);
	}
	free(path);
	return e;
}

static int today(const struct tm *tm)
{
	return (tm->tm_year + 1900) * 10000 + (tm->tm_mon + 1) * 100 + tm->tm_mday;
}

enum lan_err lan_logger_open(const char *component, const char *file_prefix, struct lan_logger **out)
{
	struct lan_logger *g = calloc(1, sizeof *g);
	time_t now = time(NULL);
	struct tm tm;
	enum lan_err e = LAN_OK;
	if (!g)
		return LAN_ERR_NOMEM;
	g->fd = -1;
	set_name(g, component && *component ? component : "undef");
	if (file_prefix) {
		g->prefix = strdup(file_prefix);
		localtime_r(&now, &tm);
		e = g->prefix ? open_file(g, today(&tm)) : LAN_ERR_NOMEM;
	}
	if (e) {
		lan_logger_close(g);
		return e;
	}
	*out = g;
	return LAN_OK;
}

void lan_logger_close(struct lan_logger *g)
{
	if (!g)
		return;
	if (g->fd >= 0)
		close(g->fd);
	free(g->prefix);
	free(g);
}

/* One line means one line, and no terminal is to obey it. */
static void flatten(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = *s == '\t' ? '\t' : ' ';
}

static bool write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return false;
		p += w;
		n -= (size_t)w;
	}
	return true;
}

static void to_file(struct lan_logger *g, const struct tm *tm, const char *line, size_t n)
{
	if (!g->prefix)
		return;
	/* A file that could not be opened is tried again with each new day. */
	if ((g->day == today(tm) || open_file(g, today(tm)) == LAN_OK) && g->fd >= 0 &&
		write_all(g->fd, line, n))
		return;
	g->lost++;
	if (!g->failed)
		fprintf(stderr, "%s: the log file %s_%08d.log cannot be written: %s\n", g->name, g->prefix,
			g->day, strerror(errno));
	g->failed = true;
}

void lan_logger_write(struct lan_logger *g, enum lan_logger_level level, const char *fmt, ...)
{
	static const char levels[][4] = {"DEB", "INF", "WAR", "ERR", "CRI"};
	struct timespec ts;
	struct tm tm;
	char date[32], *text, *line;
	va_list ap;
	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &tm);
	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		g->lost++;
		return;
	}
	flatten(text);
	n = asprintf(&line, "%s,%03ld|%s|%s|%s\n", date, ts.tv_nsec / 1000000, g->name,
		levels[(unsigned)level <= LAN_LOGGER_CRITICAL ? level : LAN_LOGGER_CRITICAL], text);
	free(text);
	if (n < 0) {
		g->lost++;
		return;
	}
	if (!write_all(STDERR_FILENO, line, (size_t)n))
		g->lost++;
	to_file(g, &tm, line, (size_t)n);
	free(line);
}
