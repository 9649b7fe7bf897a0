/*
 * blob_source.c - the bytes of `lanyard blob send`. They are read twice, because
 * serpy2 wants a checksum first; what cannot be read twice (stdin, a pipe) is
 * copied into a file without a name, in $TMPDIR, where it may take as much room
 * as it needs, not in memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/blob.h"
#include "cli/wait.h"

static int temporary(const char *folder)
{
	char path[4096];
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	/* A file system without files that have no name. */
	if ((size_t)snprintf(path, sizeof path, "%s/lanyard-XXXXXX", folder) >= sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

/* All of n bytes; 0, or an errno. */
static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);
		if (w > 0) {
			p += w;
			n -= (size_t)w;
		} else if (errno != EINTR) {
			return errno;
		}
	}
	return 0;
}

static int spool(struct source *src, const struct cli *cli, const char *path)
{
	static char buf[64 << 10];
	const char *folder = getenv("TMPDIR");
	folder = folder && *folder ? folder : "/tmp";
	int fd = temporary(folder), error = fd < 0 ? errno : 0;
	for (ssize_t n = 1; !error && n; src->size += (uint64_t)(n > 0 ? n : 0)) {
		struct pollfd p = {.fd = src->fd, .events = POLLIN};
		if (cli_signals()) {
			close(fd);
			return EXIT_INTERRUPTED;
		}
		if (cli_poll(&p, 1, -1) <= 0)
			continue;
		n = read(src->fd, buf, sizeof buf);
		if (n < 0 && errno != EINTR && errno != EAGAIN) {
			close(fd);
			return cli_error(cli, EXIT_FAILED, NULL, "cannot read %s: %s", path, strerror(errno));
		}
		error = n > 0 ? write_all(fd, buf, (size_t)n) : 0;
	}
	if (error) {
		if (fd >= 0)
			close(fd);
		return cli_error(cli, EXIT_FAILED, "set TMPDIR to a folder with room",
			"cannot keep %s in %s meanwhile: %s", path, folder, strerror(error));
	}
	close(src->fd);
	src->fd = fd;
	return EXIT_OK;
}

int source_open(struct source *src, const struct cli *cli, const char *path)
{
	struct stat st;
	bool is_stdin = strcmp(path, "-") == 0;
	*src = (struct source){.fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)};
	if (src->fd < 0 || fstat(src->fd, &st) < 0) {
		int error = errno;
		return cli_error(cli,
			error == ENOENT   ? EXIT_NOT_FOUND
			: error == EACCES ? EXIT_PERMISSION
					  : EXIT_FAILED,
			NULL, "cannot open %s: %s", path, strerror(error));
	}
	if (S_ISDIR(st.st_mode))
		return cli_error(cli, EXIT_USAGE,
			"pack it: tar c DIR | lanyard blob send - HOST:PORT --name DIR.tar", "%s is a folder",
			path);
	if (is_stdin || store_name(path, src->name))
		*src->name = '\0';
	if (is_stdin || !S_ISREG(st.st_mode))
		return spool(src, cli, is_stdin ? "standard input" : path);
	src->size = (uint64_t)st.st_size;
	return EXIT_OK;
}

void source_close(struct source *src)
{
	if (src->fd >= 0)
		close(src->fd);
	src->fd = -1;
}

int source_read(const struct source *src, uint64_t at, void *buf, size_t n)
{
	char *to = buf;
	while (n) {
		ssize_t r = pread(src->fd, to, n, (off_t)at);
		if (r > 0) {
			to += r;
			at += (uint64_t)r;
			n -= (size_t)r;
		} else if (r == 0) {
			return EIO;
		} else if (errno != EINTR) {
			return errno;
		}
	}
	return 0;
}
