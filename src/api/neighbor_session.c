/*
 * neighbor_session.c - one file of session state: see neighbor_state.h.
 *
 *      lanyard neighbor session 1 LF
 *      link eth0 LF
 *      peer 02:00:00:00:00:0b LF
 *      saved 1763679686 LF             seconds since 1970
 *      octets 1234 LF                  so many follow, then the line
 *      end 6f1c0e2f3b6a4d58 LF         first 8 bytes of BLAKE2b-256 of all above
 *
 * Refused: what is not exactly that, of this peer. It is not guessed: who cannot
 * resume begins afresh.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "api/neighbor_state_int.h"
#include "crypto/crypto.h"
#include "io/errno_map.h"

#define HEAD_MAX 160
#define TAIL     21 /* "end " 16 LF */

void session_name(const char *ifname, const uint8_t mac[6], char out[SESSION_NAME])
{
	snprintf(out, SESSION_NAME, "session-%.15s-%02x%02x%02x%02x%02x%02x.state", ifname, mac[0], mac[1],
		mac[2], mac[3], mac[4], mac[5]);
}

bool session_of_name(const char *name, char ifname[SESSION_IFNAME], uint8_t mac[6])
{
	static const char first[] = "session-", last[] = ".state";
	char back[SESSION_NAME];
	size_t n = strlen(name), rest = sizeof first - 1 + 1 + 12 + sizeof last - 1;
	if (n <= rest || n - rest >= SESSION_IFNAME)
		return false;
	memcpy(ifname, name + sizeof first - 1, n - rest);
	ifname[n - rest] = '\0';
	const char *hex = name + n - (sizeof last - 1) - 12;
	for (size_t i = 0; i < 6; i++) {
		char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
		mac[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	session_name(ifname, mac, back);
	return strcmp(back, name) == 0;
}

static int head(char out[HEAD_MAX], const char *ifname, const uint8_t mac[6], int64_t saved, size_t n)
{
	return snprintf(out, HEAD_MAX,
		"lanyard neighbor session 1\nlink %.15s\npeer %02x:%02x:%02x:%02x:%02x:%02x\nsaved %" PRId64
		"\noctets %zu\n",
		ifname, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], saved, n);
}

static void tail(const uint8_t *p, size_t n, char out[TAIL + 1])
{
	uint8_t hash[32];
	lan_blake2b(hash, sizeof hash, NULL, 0, p, n);
	memcpy(out, "end ", 4);
	for (size_t i = 0; i < 8; i++)
		snprintf(out + 4 + 2 * i, 4, "%02x\n", hash[i]);
}

static bool put(int dir, const char *name, const uint8_t *p, size_t n)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good = fd >= 0;
	while (good && n > 0) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		good = w > 0;
		p += good ? w : 0;
		n -= good ? (size_t)w : 0;
	}
	if (fd >= 0 && close(fd) != 0)
		good = false;
	return good;
}

enum lan_err session_write(
	int dir, const char *ifname, const uint8_t mac[6], const uint8_t *p, size_t n, int64_t now)
{
	char first[HEAD_MAX], name[SESSION_NAME], temporary[SESSION_NAME + 8], last[TAIL + 1];
	size_t h = (size_t)head(first, ifname, mac, now, n);
	uint8_t *all = malloc(h + n + TAIL);
	if (!all)
		return LAN_ERR_NOMEM;
	memcpy(all, first, h);
	memcpy(all + h, p, n);
	tail(all, h + n, last);
	memcpy(all + h + n, last, TAIL);
	session_name(ifname, mac, name);
	snprintf(temporary, sizeof temporary, "%s.new", name);
	bool good = put(dir, temporary, all, h + n + TAIL) && renameat(dir, temporary, dir, name) == 0;
	int code = errno;
	if (!good)
		unlinkat(dir, temporary, 0);
	free(all);
	errno = code;
	return good ? LAN_OK : LAN_ERR_IO;
}

/* The whole file; one octet more than its bound is too much. */
static enum lan_err slurp(int fd, uint8_t **out, size_t *len)
{
	size_t n = 0, cap = 4096;
	uint8_t *all = malloc(cap);
	ssize_t r = 1;
	while (all && n <= SESSION_FILE && (r = read(fd, all + n, cap - n)) != 0) {
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			break;
		n += (size_t)r;
		uint8_t *more = n < cap ? all : realloc(all, cap *= 2);
		if (!more)
			free(all);
		all = more;
	}
	if (all && r == 0) {
		*out = all;
		*len = n;
		return LAN_OK;
	}
	free(all);
	return !all ? LAN_ERR_NOMEM : r < 0 ? LAN_ERR_IO : LAN_ERR_CONFIG;
}

/* How long the payload is and when it was written, if all is as it was. */
static bool judge(const char *ifname, const uint8_t mac[6], const uint8_t *all, size_t len, size_t *h,
	size_t *n, int64_t *saved)
{
	char again[HEAD_MAX], last[TAIL + 1], first[HEAD_MAX];
	size_t take = len < HEAD_MAX - 1 ? len : HEAD_MAX - 1;
	memcpy(first, all, take);
	first[take] = '\0';
	const char *at = strstr(first, "\nsaved ");
	if (len < TAIL || !at || sscanf(at, "\nsaved %" SCNd64 "\noctets %zu\n", saved, n) != 2)
		return false;
	*h = (size_t)head(again, ifname, mac, *saved, *n);
	if (*n > len || *h + *n + TAIL != len || memcmp(all, again, *h) != 0)
		return false;
	tail(all, *h + *n, last);
	return memcmp(all + *h + *n, last, TAIL) == 0;
}

enum lan_err session_read(int dir, const char *ifname, const uint8_t mac[6], uint8_t **all, const uint8_t **p,
	size_t *n, int64_t *saved)
{
	char name[SESSION_NAME];
	uint8_t *got;
	size_t len, h;
	session_name(ifname, mac, name);
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return lan_err_from_errno(errno);
	enum lan_err e = slurp(fd, &got, &len);
	close(fd);
	if (e)
		return e;
	if (!judge(ifname, mac, got, len, &h, n, saved)) {
		free(got);
		return LAN_ERR_CONFIG;
	}
	*all = got;
	*p = got + h;
	return LAN_OK;
}
