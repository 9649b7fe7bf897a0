/*
 * control_socket.c - making the control socket.
 *
 * The socket is bound under a umask that gives nobody but us access, then given
 * its group, then its mode 0660: at no moment can anybody connect who may not.
 * A file that is in the way is looked at first: if it is a socket and a connect
 * to it is refused, its daemon is dead and it is removed; if the connect works,
 * a daemon is alive and this one gives up; anything else is left alone. A lock
 * file beside the socket keeps two daemons that start together from both
 * finding the same dead socket.
 */
#include "daemon/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64
#define RUNNING "%s: another lanyardd is running (stop it, or choose another socket with -s)"

static bool private_dir(const char *dir, struct text *what)
{
	struct stat st;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		text_printf(what, "%s: %s", dir, strerror(errno));
	else if (lstat(dir, &st) < 0)
		text_printf(what, "%s: %s", dir, strerror(errno));
	else if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
		text_printf(what,
			"%s: must be a directory of yours with mode 0700 (or name a socket with -s)", dir);
	else
		return true;
	return false;
}

char *control_socket_default(struct text *what)
{
	const char *env = getenv("LANYARD_SOCKET"), *run = getenv("XDG_RUNTIME_DIR");
	struct text path = {0};
	if (env && *env) {
		text_puts(&path, env);
	} else if (geteuid() == 0) {
		if (mkdir("/run/lanyard", 0755) < 0 && errno != EEXIST)
			text_printf(what, "/run/lanyard: %s", strerror(errno));
		text_puts(&path, "/run/lanyard/lanyard.sock");
	} else if (run && *run == '/') {
		text_printf(&path, "%s/lanyard.sock", run);
	} else {
		text_printf(&path, "/tmp/lanyard-%u", (unsigned)geteuid());
		private_dir(text_str(&path), what);
		text_puts(&path, "/lanyard.sock");
	}
	if (what->len) {
		text_fini(&path);
		return NULL;
	}
	return text_take(&path);
}

static bool address(const char *path, struct sockaddr_un *sa, struct text *what)
{
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof sa->sun_path) {
		text_printf(what, "%s: the path of a socket has at most 107 bytes", path);
		return false;
	}
	memcpy(sa->sun_path, path, strlen(path) + 1);
	return true;
}

/* Remove what a dead daemon left; false: something is there that may not be removed. */
static bool clear_stale(const struct sockaddr_un *sa, struct text *what)
{
	struct stat st;
	int fd, e;
	if (lstat(sa->sun_path, &st) < 0)
		return errno == ENOENT || (text_printf(what, "%s: %s", sa->sun_path, strerror(errno)), false);
	if (!S_ISSOCK(st.st_mode)) {
		text_printf(what, "%s: exists and is not a socket", sa->sun_path);
		return false;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	e = fd < 0 || connect(fd, (const struct sockaddr *)sa, sizeof *sa) == 0 ? 0 : errno;
	if (fd >= 0)
		close(fd);
	if (e == ECONNREFUSED)
		return unlink(sa->sun_path) == 0 ||
		       (text_printf(what, "%s: %s", sa->sun_path, strerror(errno)), false);
	if (fd >= 0 && (e == 0 || e == EAGAIN))
		text_printf(what, RUNNING, sa->sun_path);
	else
		text_printf(what, "%s: %s", sa->sun_path, strerror(fd < 0 ? errno : e));
	return false;
}

static void lock_path(struct text *t, const char *path)
{
	text_printf(t, "%s.lock", path);
}

/* Who removes a lock file holds its lock: a file that has no name any more once
 * we hold it was removed in between, and the next one counts. */
static int lock(const char *path, struct text *what)
{
	struct text t = {0};
	struct stat st;
	int fd;
	lock_path(&t, path);
	for (;;) {
		fd = open(text_str(&t), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0) {
			text_printf(what, "%s: %s", text_str(&t), strerror(errno));
			break;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			text_printf(what, RUNNING, path);
			close(fd);
			fd = -1;
			break;
		}
		if (fstat(fd, &st) == 0 && st.st_nlink > 0)
			break;
		close(fd);
	}
	text_fini(&t);
	return fd;
}

static void unlock(const char *path, int fd)
{
	struct text t = {0};
	lock_path(&t, path);
	unlink(text_str(&t));
	close(fd);
	text_fini(&t);
}

static int bind_private(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t old = umask(0177);
	int e = fd < 0 || bind(fd, (const struct sockaddr *)sa, sizeof *sa) < 0 ? errno : 0;
	umask(old);
	if (e && fd >= 0)
		close(fd);
	errno = e;
	return e ? -1 : fd;
}

static int open_locked(const char *path, struct text *what)
{
	struct sockaddr_un sa;
	struct group *gr = geteuid() == 0 ? getgrnam("lanyard") : NULL;
	int fd;
	if (!address(path, &sa, what) || !clear_stale(&sa, what))
		return -1;
	fd = bind_private(&sa);
	if (fd >= 0 && (!gr || lchown(path, (uid_t)-1, gr->gr_gid) == 0) && chmod(path, 0660) == 0 &&
		listen(fd, BACKLOG) == 0)
		return fd;
	text_printf(what, "%s: %s", sa.sun_path, strerror(errno));
	if (fd >= 0) {
		unlink(path);
		close(fd);
	}
	return -1;
}

int control_socket_open(const char *path, int *lock_fd, struct text *what)
{
	int fd = -1, locked = lock(path, what);
	if (locked >= 0)
		fd = open_locked(path, what);
	if (fd >= 0)
		*lock_fd = locked;
	else if (locked >= 0)
		unlock(path, locked);
	return fd;
}

void control_socket_close(const char *path, int fd, int lock_fd)
{
	unlink(path);
	if (fd >= 0)
		close(fd);
	unlock(path, lock_fd);
}
