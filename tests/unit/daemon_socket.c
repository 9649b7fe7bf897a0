/*
 * Unit tests of making the control socket: that there is no moment at which
 * somebody else could connect to it, and that of those who want the same socket
 * one gets it.
 *
 * chmod and unlink are ours in this program: they look at what is there before
 * they do what the real ones do.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "daemon/control_socket.h"

static char dir[] = "/tmp/lanyard-socket-XXXXXX";
static char path[64];
static int bind_mode = -1, unlinked;

int chmod(const char *file, mode_t mode)
{
	struct stat st;
	if (stat(file, &st) == 0 && S_ISSOCK(st.st_mode))
		bind_mode = (int)(st.st_mode & 0777);
	return (int)syscall(SYS_fchmodat, AT_FDCWD, file, mode);
}

int unlink(const char *file)
{
	unlinked += strcmp(file, path) == 0;
	return (int)syscall(SYS_unlinkat, AT_FDCWD, file, 0);
}

static int try_connect(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), rc;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	rc = connect(fd, (struct sockaddr *)&sa, sizeof sa);
	close(fd);
	return rc;
}

static int open_it(int *lock, char *said, size_t cap)
{
	struct text what = {0};
	int fd = control_socket_open(path, lock, &what);
	snprintf(said, cap, "%s", text_str(&what));
	text_fini(&what);
	return fd;
}

static void nobody_else_can_connect_before_the_mode_is_set(void **state)
{
	char said[256];
	int lock;
	mode_t before = umask(0);
	int fd = open_it(&lock, said, sizeof said);
	assert_true(fd >= 0);
	assert_int_equal(bind_mode, 0600);
	assert_int_equal(umask(before), 0);
	assert_int_equal(try_connect(), 0);
	control_socket_close(path, fd, lock);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rmdir(dir), 0); /* the lock is gone as well */
	assert_int_equal(mkdir(dir, 0700), 0);
}

static void while_one_has_the_lock_another_touches_nothing(void **state)
{
	char said[256];
	int lock, other, fd = open_it(&lock, said, sizeof said);
	assert_true(fd >= 0);
	/* As between its bind and its listen: a connect is refused, and yet it lives. */
	shutdown(fd, SHUT_RDWR);
	unlinked = 0;
	assert_int_equal(open_it(&other, said, sizeof said), -1);
	assert_non_null(strstr(said, "another lanyardd is running"));
	assert_int_equal(unlinked, 0);
	control_socket_close(path, fd, lock);
}

static void what_a_dead_one_left_is_replaced(void **state)
{
	char said[256];
	int lock, fd = open_it(&lock, said, sizeof said);
	assert_true(fd >= 0);
	close(fd); /* as the kernel does for who is killed */
	close(lock);
	assert_int_equal(try_connect(), -1);
	fd = open_it(&lock, said, sizeof said);
	assert_true(fd >= 0);
	assert_int_equal(try_connect(), 0);
	control_socket_close(path, fd, lock);
}

static void a_path_that_does_not_fit_is_told_and_leaves_nothing(void **state)
{
	struct text what = {0};
	char longest[200], lock_path[sizeof longest + 8];
	int lock;
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;
	memcpy(longest, "/tmp/", 5);
	assert_int_equal(control_socket_open(longest, &lock, &what), -1);
	assert_non_null(strstr(text_str(&what), "at most 107 bytes"));
	text_fini(&what);
	snprintf(lock_path, sizeof lock_path, "%s.lock", longest);
	assert_int_equal(access(lock_path, F_OK), -1);
}

static void a_folder_that_is_not_there_is_told(void **state)
{
	struct text what = {0};
	int lock;
	assert_int_equal(control_socket_open("/nowhere/at/all.sock", &lock, &what), -1);
	assert_non_null(strstr(text_str(&what), "No such file or directory"));
	text_fini(&what);
}

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/control.sock", dir);
	return 0;
}

static int remove_dir(void **state)
{
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_else_can_connect_before_the_mode_is_set),
		cmocka_unit_test(while_one_has_the_lock_another_touches_nothing),
		cmocka_unit_test(what_a_dead_one_left_is_replaced),
		cmocka_unit_test(a_path_that_does_not_fit_is_told_and_leaves_nothing),
		cmocka_unit_test(a_folder_that_is_not_there_is_told),
	};
	return cmocka_run_group_tests_name("the control socket as a file", tests, make_dir, remove_dir);
}
