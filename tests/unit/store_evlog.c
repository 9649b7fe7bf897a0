/*
 * store_evlog.c - the event log keeps order and bound, can be read at once, survives kill -9 in its file,
 * says what is wrong with a file, and outlives a disk that is full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "store/evlog.h"

static char dir[64], path[96];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/lanyard-evlog-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/events", dir);
	return 0;
}

static int remove_dir(void **state)
{
	char cmd[128];
	(void)state;
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	return system(cmd);
}

static struct evlog *opened(const char *file, uint32_t size)
{
	struct evlog *e;
	const char *why;
	enum lan_err err = evlog_open(file, size, &e, &why);
	if (err)
		fail_msg("%s: %s", lan_err_name(err), why);
	return e;
}

static void add(struct evlog *e, int n)
{
	char msg[32];
	snprintf(msg, sizeof msg, "message %d", n);
	assert_int_equal(evlog_add(e, 1000 * n, "master", msg), LAN_OK);
}

/* Walks from `after`: ids and messages are from..to, nothing else. */
static void holds(struct evlog *e, int64_t since, uint64_t after, int from, int to)
{
	struct evlog_entry x;
	char msg[32];
	for (int n = from; n <= to; n++) {
		assert_true(evlog_next(e, since, after, &x));
		snprintf(msg, sizeof msg, "message %d", n);
		assert_int_equal(x.id, n);
		assert_string_equal(x.msg, msg);
		assert_string_equal(x.src, "master");
		assert_int_equal(x.date_ms, 1000 * n);
		after = x.id;
	}
	assert_false(evlog_next(e, since, after, &x));
}

static void walk(struct evlog *e)
{
	for (int n = 1; n <= 20; n++)
		add(e, n);
	holds(e, 0, 0, 1, 20);
	holds(e, 0, 12, 13, 20);
	holds(e, 15000, 0, 15, 20);
	holds(e, 15001, 0, 16, 20);
	holds(e, 0, evlog_tail(e, 3), 18, 20);
	holds(e, 0, evlog_tail(e, 100), 1, 20);
	holds(e, 0, UINT64_MAX, 1, 0);
}

static void the_memory_log_is_walked_by_id_and_date(void **state)
{
	struct evlog *e = opened(NULL, 0);
	enum lan_err why;
	walk(e);
	assert_int_equal(evlog_unwritten(e, &why), 0);
	evlog_close(e);
}

static void the_memory_log_keeps_the_newest(void **state)
{
	struct evlog *e = opened(NULL, 5);
	for (int n = 1; n <= 12; n++)
		add(e, n);
	holds(e, 0, 0, 8, 12);
	holds(e, 0, evlog_tail(e, 2), 11, 12);
	evlog_close(e);
}

static void a_file_is_walked_before_and_after_it_is_written(void **state)
{
	struct evlog *e = opened(path, 0);
	enum lan_err why;
	walk(e); /* some in memory, some perhaps written already */
	assert_int_equal(evlog_sync(e), LAN_OK);
	assert_int_equal(evlog_unwritten(e, &why), 0);
	holds(e, 0, 0, 1, 20);
	holds(e, 15001, 0, 16, 20);
	add(e, 21);
	holds(e, 0, 0, 1, 21);
	evlog_close(e);
	e = opened(path, 0);
	holds(e, 0, 0, 1, 21);
	add(e, 22); /* ids go on */
	holds(e, 0, 20, 21, 22);
	evlog_close(e);
}

static void a_file_keeps_the_newest(void **state)
{
	struct evlog *e = opened(path, 10);
	for (int n = 1; n <= 25; n++)
		add(e, n);
	assert_int_equal(evlog_sync(e), LAN_OK);
	holds(e, 0, 0, 16, 25);
	evlog_close(e);
	e = opened(path, 4); /* smaller from now on */
	holds(e, 0, 0, 22, 25);
	evlog_close(e);
}

static void what_is_too_long_or_no_text_is_refused(void **state)
{
	char longest[EVLOG_MSG_MAX + 2];
	struct evlog *e = opened(NULL, 0);
	memset(longest, 'x', sizeof longest);
	longest[EVLOG_MSG_MAX + 1] = '\0';
	assert_int_equal(evlog_add(e, 0, "s", longest), LAN_ERR_TOOBIG);
	longest[EVLOG_MSG_MAX] = '\0';
	assert_int_equal(evlog_add(e, 0, "s", longest), LAN_OK);
	longest[EVLOG_SRC_MAX + 1] = '\0';
	assert_int_equal(evlog_add(e, 0, longest, "m"), LAN_ERR_TOOBIG);
	assert_int_equal(evlog_add(e, 0, "s", "\xff"), LAN_ERR_UTF8);
	assert_int_equal(evlog_tail(e, 0), 1); /* the refused ones have no id */
	evlog_close(e);
}

static void a_file_belongs_to_one_log_at_a_time(void **state)
{
	struct evlog *e = opened(path, 0), *second = NULL;
	const char *why;
	assert_int_equal(evlog_open(path, 0, &second, &why), LAN_ERR_EXISTS);
	assert_non_null(strstr(why, "another process"));
	assert_null(second);
	evlog_close(e);
	evlog_close(opened(path, 0));
}

/* Adds and syncs, and says each id that is on the disk; then dies in the middle of more. */
static void child(int to)
{
	struct evlog *e = opened(path, 0);
	for (int n = 1;; n++) {
		add(e, n);
		if (n % 7 == 0 && (evlog_sync(e) != LAN_OK || write(to, &n, sizeof n) < 0))
			_exit(1);
	}
}

static void what_was_synced_survives_a_kill(void **state)
{
	int p[2], n = 0, status;
	struct evlog_entry x;
	assert_int_equal(pipe(p), 0);
	pid_t pid = fork();
	if (pid == 0)
		child(p[1]);
	close(p[1]);
	for (int i = 0; i < 20; i++)
		assert_int_equal(read(p[0], &n, sizeof n), sizeof n);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	while (read(p[0], &n, sizeof n) == sizeof n)
		; /* what it said last */
	close(p[0]);
	struct evlog *e = opened(path, 0);
	int last = (int)evlog_tail(e, 0);
	assert_true(last >= n && n >= 140);
	holds(e, 0, 0, 1, last);
	assert_false(evlog_next(e, 0, (uint64_t)last, &x));
	evlog_close(e);
}

static void refused(enum lan_err expected, const char *text)
{
	struct evlog *e;
	const char *why = "";
	enum lan_err err = evlog_open(path, 0, &e, &why);
	if (err != expected || !strstr(why, text))
		fail_msg("%s: %s", lan_err_name(err), why);
}

static void put(const char *text, size_t n, off_t at, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);
	assert_int_equal(pwrite(fd, text, n, at), n);
	close(fd);
}

static void sql(const char *text)
{
	sqlite3 *c;
	assert_int_equal(sqlite3_open(path, &c), SQLITE_OK);
	assert_int_equal(sqlite3_exec(c, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(c);
}

static void another_file_is_not_touched(void **state)
{
	char junk[4096], back[4096];
	memset(junk, 'j', sizeof junk);
	put(junk, sizeof junk, 0, 0);
	refused(LAN_ERR_CONFIG, "no event log");
	int fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, back, sizeof back), sizeof back);
	assert_memory_equal(junk, back, sizeof back);
	close(fd);
	unlink(path);
	sql("CREATE TABLE somebody (s)");
	refused(LAN_ERR_CONFIG, "no event log");
}

static void a_later_version_is_refused(void **state)
{
	evlog_close(opened(path, 0));
	sql("PRAGMA user_version = 2");
	refused(LAN_ERR_CONFIG, "later version");
}

static void a_damaged_file_is_refused(void **state)
{
	char junk[600];
	struct evlog *e = opened(path, 0);
	for (int n = 1; n <= 2000; n++)
		add(e, n);
	evlog_close(e);
	memset(junk, 0xa5, sizeof junk);
	put(junk, sizeof junk, 3 * 4096 + 8, 0);
	refused(LAN_ERR_CONFIG, "damaged");
}

static void text_that_is_none_is_passed_over(void **state)
{
	struct evlog_entry x;
	struct evlog *e = opened(path, 0);
	add(e, 1), add(e, 2), add(e, 3);
	evlog_close(e);
	sql("UPDATE log SET msg = CAST(x'6dff' AS TEXT) WHERE id = 2");
	e = opened(path, 0);
	assert_true(evlog_next(e, 0, 1, &x));
	assert_int_equal(x.id, 3);
	evlog_close(e);
}

static void a_folder_that_is_not_there_is_said(void **state)
{
	snprintf(path, sizeof path, "%s/not/there", dir);
	refused(LAN_ERR_NOTFOUND, "No such file");
}

static void limit_files(rlim_t n)
{
	struct rlimit r;
	getrlimit(RLIMIT_FSIZE, &r);
	r.rlim_cur = n;
	setrlimit(RLIMIT_FSIZE, &r);
}

static void a_full_disk_is_said_and_waited_for(void **state)
{
	struct rlimit before;
	enum lan_err why;
	getrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, SIG_IGN);
	struct evlog *e = opened(path, 0);
	add(e, 1);
	assert_int_equal(evlog_sync(e), LAN_OK);
	assert_int_equal(evlog_unwritten(e, &why), 0);
	limit_files(16);
	add(e, 2);
	assert_int_not_equal(evlog_sync(e), LAN_OK);
	assert_int_equal(evlog_unwritten(e, &why), 1);
	assert_int_not_equal(why, LAN_OK);
	holds(e, 0, 0, 1, 2);
	char msg[EVLOG_MSG_MAX + 1];
	memset(msg, 'm', EVLOG_MSG_MAX);
	msg[EVLOG_MSG_MAX] = '\0';
	enum lan_err err = LAN_OK;
	int more = 0;
	for (; !err && more < 10000; more++)
		err = evlog_add(e, 0, "s", msg);
	assert_int_equal(err, LAN_ERR_FULL); /* memory is bounded */
	assert_true(more > 1000);
	limit_files(before.rlim_cur);
	assert_int_equal(evlog_sync(e), LAN_OK);
	assert_int_equal(evlog_unwritten(e, &why), 0);
	assert_int_equal(why, LAN_OK);
	assert_int_equal(evlog_add(e, 0, "s", msg), LAN_OK);
	evlog_close(e);
	e = opened(path, 0);
	assert_int_equal(evlog_tail(e, 0), 2 + (more - 1) + 1);
	evlog_close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_memory_log_is_walked_by_id_and_date),
		cmocka_unit_test(the_memory_log_keeps_the_newest),
		cmocka_unit_test(what_is_too_long_or_no_text_is_refused),
		cmocka_unit_test_setup_teardown(
			a_file_is_walked_before_and_after_it_is_written, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_file_keeps_the_newest, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_file_belongs_to_one_log_at_a_time, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(what_was_synced_survives_a_kill, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(another_file_is_not_touched, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_later_version_is_refused, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_damaged_file_is_refused, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(text_that_is_none_is_passed_over, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_folder_that_is_not_there_is_said, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_full_disk_is_said_and_waited_for, make_dir, remove_dir),
	};
	return cmocka_run_group_tests_name("store_evlog", tests, NULL, NULL);
}
