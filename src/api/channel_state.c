/*
 * channel_state.c - the state file of a sealed channel: see channel_state.h.
 *
 *      lanyard channel state 1
 *      channel 239.1.2.3:5000
 *      sender 0123456789abcdef
 *      counter 1763679686891000
 *      mark fedcba9876543210 1763679680000123
 *      end 6f1c0e2f3b6a4d58              first 8 bytes of BLAKE2b-256 of all above
 */
#include "api/channel_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "api/channel_int.h"
#include "crypto/crypto.h"
#include "io/errno_map.h"

#define FIRST_LINE "lanyard channel state 1\n"
#define FILE_MAX   (1u << 20)
#define MARKS_MAX  16384

/* Readable, unique, and a file name whatever the channel is called. */
static void file_name(const char *channel, char out[128])
{
	uint8_t hash[16];
	size_t n = 0;
	lan_blake2b(hash, sizeof hash, NULL, 0, channel, strlen(channel));
	for (; channel[n] && n < 60; n++) {
		char c = channel[n];
		bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    c == '.' || c == '-';
		out[n] = fine && (c != '.' || n) ? c : '_';
	}
	snprintf(out + n, 128 - n, "-%02x%02x%02x%02x.state", hash[0], hash[1], hash[2], hash[3]);
}

static void checksum(const char *text, size_t n, char out[17])
{
	uint8_t hash[32];
	lan_blake2b(hash, sizeof hash, NULL, 0, text, n);
	for (size_t i = 0; i < 8; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

enum lan_err channel_state_mark(struct channel_state *s, uint64_t sender, uint64_t counter)
{
	if (s->n == MARKS_MAX)
		return LAN_ERR_LIMIT;
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct channel_mark *mark = realloc(s->mark, cap * sizeof *mark);
		if (!mark)
			return LAN_ERR_NOMEM;
		s->mark = mark;
		s->cap = cap;
	}
	s->mark[s->n++] = (struct channel_mark){sender, counter};
	return LAN_OK;
}

void channel_state_clear_marks(struct channel_state *s)
{
	s->n = 0;
}

/* A hexadecimal or decimal number that ends at `end` exactly. */
static bool number(const char *p, const char *end, int base, uint64_t *out)
{
	char *stop;
	if (p >= end || !((*p >= '0' && *p <= '9') || (base == 16 && *p >= 'a' && *p <= 'f')))
		return false;
	errno = 0;
	*out = strtoull(p, &stop, base);
	return !errno && stop == end;
}

static bool starts(const char *line, const char *word)
{
	return strncmp(line, word, strlen(word)) == 0;
}

/* One line without its end; false: not understood. */
static bool take_line(struct channel_state *s, const char *line, const char *end)
{
	uint64_t sender, counter;
	if (starts(line, "channel "))
		return (size_t)(end - line) == 8 + strlen(s->channel) &&
		       memcmp(line + 8, s->channel, strlen(s->channel)) == 0;
	if (starts(line, "sender "))
		return number(line + 7, end, 16, &s->sender);
	if (starts(line, "counter "))
		return number(line + 8, end, 10, &s->counter) && s->counter > 0;
	if (starts(line, "mark "))
		return end - line > 22 && line[21] == ' ' && number(line + 5, line + 21, 16, &sender) &&
		       number(line + 22, end, 10, &counter) &&
		       channel_state_mark(s, sender, counter) == LAN_OK;
	return false;
}

static bool parse(struct channel_state *s, const char *text, size_t n)
{
	const char *at = text + strlen(FIRST_LINE), *last;
	char sum[17];
	if (n < strlen(FIRST_LINE) + 21 || !starts(text, FIRST_LINE) || memchr(text, '\0', n))
		return false;
	last = text + n - 21; /* "end " 16 LF */
	checksum(text, (size_t)(last - text), sum);
	if (memcmp(last, "end ", 4) != 0 || memcmp(last + 4, sum, 16) != 0 || last[20] != '\n')
		return false;
	while (at < last) {
		const char *end = memchr(at, '\n', (size_t)(last - at));
		if (!end || !take_line(s, at, end))
			return false;
		at = end + 1;
	}
	return s->counter > 0;
}

static enum lan_err read_file(struct channel_state *s, const char *dir, const char **why)
{
	int fd = openat(s->dir, s->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t n = 0;
	ssize_t r = 1;
	if (fd < 0 && errno == ENOENT) {
		s->fresh = true;
		return LAN_OK;
	}
	if (fd < 0)
		return channel_why(why, lan_err_from_errno(errno), "the state file %s/%s cannot be read: %s",
			dir, s->file, strerror(errno));
	char *text = malloc(FILE_MAX + 1);
	while (text && n < FILE_MAX && (r = read(fd, text + n, FILE_MAX - n)) > 0)
		n += (size_t)r;
	close(fd);
	if (!text)
		return channel_why(why, LAN_ERR_NOMEM, "out of memory");
	text[n] = '\0';
	bool good = r == 0 && parse(s, text, n);
	free(text);
	if (good)
		return LAN_OK;
	return channel_why(why, LAN_ERR_CONFIG,
		"the state file %s/%s is damaged; counters must not be used twice, so it is not guessed: put "
		"back a newer copy, or remove it and let the key rotate (lanyard key rotate)",
		dir, s->file);
}

static enum lan_err take_lock(struct channel_state *s, const char *dir, const char **why)
{
	char name[160];
	snprintf(name, sizeof name, "%s.lock", s->file);
	s->lock = openat(s->dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock < 0)
		return channel_why(why, lan_err_from_errno(errno), "the lock %s/%s cannot be made: %s", dir,
			name, strerror(errno));
	if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return LAN_OK;
	return channel_why(why, errno == EWOULDBLOCK ? LAN_ERR_EXISTS : lan_err_from_errno(errno),
		"the state of this channel in %s is in use by another process; give each its own directory",
		dir);
}

enum lan_err channel_state_open(
	const char *dir, const char *channel, struct channel_state **out, const char **why)
{
	struct channel_state *s = calloc(1, sizeof *s);
	if (!s)
		return channel_why(why, LAN_ERR_NOMEM, "out of memory");
	s->lock = -1;
	s->dir = -1;
	s->channel = strdup(channel);
	file_name(channel, s->file);
	enum lan_err e = s->channel ? LAN_OK : channel_why(why, LAN_ERR_NOMEM, "out of memory");
	if (!e && strchr(channel, '\n'))
		e = channel_why(why, LAN_ERR_INVAL, "a channel with a state has no line break in its name");
	if (!e && mkdir(dir, 0700) != 0 && errno != EEXIST)
		e = channel_why(why, lan_err_from_errno(errno), "the state directory %s cannot be made: %s",
			dir, strerror(errno));
	if (!e && (s->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		e = channel_why(why, lan_err_from_errno(errno), "the state directory %s cannot be opened: %s",
			dir, strerror(errno));
	if (!e)
		e = take_lock(s, dir, why);
	if (!e)
		e = read_file(s, dir, why);
	int copy = e ? -1 : fcntl(s->dir, F_DUPFD_CLOEXEC, 3);
	if (!e && (copy < 0 || state_writer_new(copy, s->file, &s->writer)))
		e = channel_why(why, LAN_ERR_NOMEM, "out of memory or descriptors");
	if (e) {
		channel_state_close(s);
		return e;
	}
	*out = s;
	return LAN_OK;
}

/* The whole file as text; NULL: no memory. */
static char *render(const struct channel_state *s, size_t *n)
{
	char *text = NULL, sum[17];
	FILE *f = open_memstream(&text, n);
	if (!f)
		return NULL;
	fprintf(f, FIRST_LINE "channel %s\nsender %016" PRIx64 "\ncounter %" PRIu64 "\n", s->channel,
		s->sender, s->reserved);
	for (size_t i = 0; i < s->n; i++)
		fprintf(f, "mark %016" PRIx64 " %" PRIu64 "\n", s->mark[i].sender, s->mark[i].counter);
	if (fflush(f) == 0) {
		checksum(text, *n, sum);
		fprintf(f, "end %s\n", sum);
	}
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

enum lan_err channel_state_write(struct channel_state *s)
{
	size_t n;
	char *text = render(s, &n);
	return text ? state_writer_now(s->writer, text, n) : LAN_ERR_NOMEM;
}

enum lan_err channel_state_write_later(struct channel_state *s)
{
	size_t n;
	char *text = render(s, &n);
	return text ? state_writer_later(s->writer, text, n) : LAN_ERR_NOMEM;
}

void channel_state_close(struct channel_state *s)
{
	if (!s)
		return;
	state_writer_free(s->writer); /* before the lock is given back */
	if (s->lock >= 0)
		close(s->lock); /* the file stays: removing it would let two processes lock different ones */
	if (s->dir >= 0)
		close(s->dir);
	free(s->channel);
	free(s->mark);
	free(s);
}
