/*
 * Unit tests of api/state_writer.h: the file a channel's state is in. Each text
 * here is longer than one write, so that a torn or mixed file would be seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "api/state_writer.h"

enum { SIZE = 20000, ROUNDS = 300 };

static char folder[] = "/tmp/lanyard-writer-XXXXXX";
static struct state_writer *w;

static char *text_of(int number)
{
	char *text = malloc(SIZE);
	assert_non_null(text);
	memset(text, 'a' + number % 26, SIZE);
	snprintf(text, 16, "%d", number);
	return text;
}

/* The number of the text in the file, which must be whole. */
static int number_in_file(void)
{
	char path[64], text[SIZE + 1];
	snprintf(path, sizeof path, "%s/state", folder);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fread(text, 1, sizeof text, f), SIZE);
	fclose(f);
	int number = atoi(text);
	char *whole = text_of(number);
	assert_memory_equal(text, whole, SIZE);
	free(whole);
	return number;
}

static int begin(void **unused)
{
	return !mkdtemp(folder) ||
	       state_writer_new(open(folder, O_RDONLY | O_DIRECTORY), "state", &w) != LAN_OK;
}

static int end(void **unused)
{
	char command[64];
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

static enum lan_err wait_done(void)
{
	enum lan_err e = LAN_ERR_INVAL;
	for (int i = 0; i < 5000 && !state_writer_done(w, &e); i++)
		usleep(1000);
	return e;
}

static void a_text_written_by_a_thread_is_there_when_it_is_done(void **unused)
{
	assert_int_equal(state_writer_later(w, text_of(7), SIZE), LAN_OK);
	assert_int_equal(state_writer_later(w, text_of(8), SIZE), LAN_ERR_AGAIN);
	assert_int_equal(wait_done(), LAN_OK);
	assert_int_equal(number_in_file(), 7);
}

static void what_was_made_last_stays_whoever_writes_first(void **unused)
{
	for (int i = 100; i < 100 + ROUNDS; i += 2) {
		assert_int_equal(state_writer_later(w, text_of(i), SIZE), LAN_OK);
		assert_int_equal(state_writer_now(w, text_of(i + 1), SIZE), LAN_OK);
		assert_int_equal(number_in_file(), i + 1);
		assert_int_equal(wait_done(), LAN_OK);
		assert_int_equal(number_in_file(), i + 1);
	}
}

static void nothing_is_written_after_the_end(void **unused)
{
	struct state_writer *other;
	assert_int_equal(state_writer_now(w, text_of(1), SIZE), LAN_OK);
	assert_int_equal(state_writer_later(w, text_of(2), SIZE), LAN_OK);
	state_writer_free(w);
	int left = number_in_file();
	assert_true(left == 1 || left == 2);
	assert_int_equal(state_writer_new(open(folder, O_RDONLY | O_DIRECTORY), "state", &other), LAN_OK);
	assert_int_equal(state_writer_now(other, text_of(3), SIZE), LAN_OK);
	usleep(50000);
	assert_int_equal(number_in_file(), 3);
	state_writer_free(other);
}

static void a_folder_that_is_gone_is_an_error_from_both(void **unused)
{
	char path[80];
	snprintf(path, sizeof path, "%s/gone", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(state_writer_new(open(path, O_RDONLY | O_DIRECTORY), "state", &w), LAN_OK);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(state_writer_now(w, text_of(1), SIZE), LAN_ERR_IO);
	assert_int_equal(state_writer_later(w, text_of(2), SIZE), LAN_OK);
	assert_int_equal(wait_done(), LAN_ERR_IO);
	state_writer_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_written_by_a_thread_is_there_when_it_is_done),
		cmocka_unit_test(what_was_made_last_stays_whoever_writes_first),
		cmocka_unit_test(nothing_is_written_after_the_end),
		cmocka_unit_test(a_folder_that_is_gone_is_an_error_from_both),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
