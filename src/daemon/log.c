/*
 * log.c - where log records go.
 *
 * Under systemd stderr is a stream to the journal ($JOURNAL_STREAM names its
 * device and inode): then records go to the journal's own socket with their
 * fields. If that fails, or text is asked for, they go to stderr with the "<N>"
 * priority prefix that sd-daemon(3) defines. Anywhere else: plain lines with a
 * time in front, no prefix. A log that cannot be written is counted, and the
 * count is written when it works again; logging never blocks the loop for long
 * and never ends the daemon.
 */
#include "daemon/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static struct {
	enum log_level level;
	enum log_format format;
	bool under_journal; /* stderr leads there */
	int journal;        /* the native socket, or -1 */
	uint64_t lost;
} out = {.level = LOG_L_INFO, .journal = -1};

static bool stderr_is_journal(void)
{
	const char *env = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;
	return env && sscanf(env, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == dev && st.st_ino == ino;
}

void log_open(void)
{
	out.under_journal = stderr_is_journal();
	if (out.under_journal && out.journal < 0)
		out.journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

void log_setup(enum log_level level, enum log_format format)
{
	out.level = level;
	out.format = format;
}

bool log_enabled(enum log_level level)
{
	return level <= out.level;
}

static bool send_journal(const struct log_record *r)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET};
	struct text t = {0};
	bool ok;
	if (out.journal < 0)
		return false;
	log_as_journal(&t, r);
	ok = !t.bad && sendto(out.journal, t.p, t.len, MSG_NOSIGNAL, (struct sockaddr *)&sa, sizeof sa) ==
			       (ssize_t)t.len;
	text_fini(&t);
	return ok;
}

static bool send_stderr(const struct log_record *r)
{
	struct timespec ts;
	struct text t = {0};
	char time[64];
	ssize_t n;
	clock_gettime(CLOCK_REALTIME, &ts);
	text_time(ts, time, sizeof time);
	if (out.format == LOG_F_JSON) {
		log_as_json(&t, r, time);
	} else {
		static const char *const word[] = {[LOG_L_ERROR] = "error",
			[LOG_L_WARN] = "warn",
			[LOG_L_INFO] = "info",
			[LOG_L_DEBUG] = "debug"};
		if (out.under_journal)
			text_printf(&t, "<%d>", (int)r->level);
		else
			text_printf(&t, "time=%s level=%s ", time, word[r->level]);
		log_as_text(&t, r);
	}
	text_puts(&t, "\n");
	do
		n = t.bad ? -1 : write(STDERR_FILENO, t.p, t.len);
	while (n < 0 && !t.bad && errno == EINTR);
	text_fini(&t);
	return n > 0;
}

static bool deliver(const struct log_record *r)
{
	if (out.under_journal && out.format == LOG_F_AUTO && send_journal(r))
		return true;
	return send_stderr(r);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
	struct log_record r = {level, event, fields, n};
	if (!log_enabled(level))
		return;
	if (out.lost) {
		struct log_field f = LOG_U("records", out.lost);
		struct log_record lost = {LOG_L_WARN, "log-lost", &f, 1};
		if (deliver(&lost))
			out.lost = 0;
	}
	if (!deliver(&r))
		out.lost++;
}

enum log_level log_level_of(const char *w)
{
	if (strcmp(w, "error") == 0)
		return LOG_L_ERROR;
	if (strcmp(w, "warn") == 0)
		return LOG_L_WARN;
	return strcmp(w, "debug") == 0 ? LOG_L_DEBUG : LOG_L_INFO;
}

enum log_format log_format_of(const char *w)
{
	if (strcmp(w, "text") == 0)
		return LOG_F_TEXT;
	return strcmp(w, "json") == 0 ? LOG_F_JSON : LOG_F_AUTO;
}
