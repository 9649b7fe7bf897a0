/*
 * Unit tests of what programs moved from multisock find again: its cipher on its
 * own (lan_data_crypto_*) and its logger (<lanyard/logger.h>).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <lanyard/channel.h>
#include <lanyard/logger.h>

static char folder[] = "/tmp/lanyard-logger-XXXXXX";

static void the_old_cipher_on_its_own_makes_the_text_of_the_original_and_reads_it(void **unused)
{
	struct lan_data_crypto *d, *none = NULL;
	char *text;
	void *back;
	size_t n;
	bool is_text = false;
	assert_int_equal(lan_data_crypto_new("", "x", &none), LAN_ERR_INVAL);
	assert_int_equal(lan_data_crypto_new("x", "1234567890123456", &none), LAN_ERR_INVAL);
	assert_null(none);
	assert_int_equal(lan_data_crypto_new("pwd", "passphrase", &d), LAN_OK);
	assert_int_equal(lan_data_crypto_encrypt(d, "Hello world!", 12, LAN_CHANNEL_TEXT, &text, &n), LAN_OK);
	assert_int_equal(n, 25);
	assert_int_equal(text[24], '\n');
	assert_int_equal(strlen(text), n);
	assert_int_equal(lan_data_crypto_decrypt(d, text, n, &back, &n, &is_text), LAN_OK);
	assert_true(is_text && n == 12);
	assert_string_equal(back, "Hello world!");
	free(back);
	text[0] ^= 1;
	assert_int_equal(lan_data_crypto_decrypt(d, text, 25, &back, &n, &is_text), LAN_ERR_PROTO);
	free(text);
	unsigned char bytes[40];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(0x80 + i);
	assert_int_equal(lan_data_crypto_encrypt(d, bytes, sizeof bytes, 0, &text, &n), LAN_OK);
	assert_int_equal(lan_data_crypto_decrypt(d, text, n, &back, &n, &is_text), LAN_OK);
	assert_true(!is_text && n == sizeof bytes);
	assert_memory_equal(back, bytes, n);
	free(back);
	free(text);
	lan_data_crypto_free(d);
}

static void a_line_of_the_logger_has_date_name_level_and_stays_one_line(void **unused)
{
	char prefix[100], name[160], line[200] = "", more[200];
	struct lan_logger *g, *h;
	time_t now = time(NULL);
	snprintf(prefix, sizeof prefix, "%s/a/b/log", folder);
	assert_int_equal(lan_logger_open("mycomponent", prefix, &g), LAN_OK);
	assert_int_equal(lan_logger_open("mycomponent", prefix, &h), LAN_OK);
	lan_logger_write(g, LAN_LOGGER_INFO, "Hello %s\nand more", "world!");
	lan_logger_write(h, LAN_LOGGER_CRITICAL, "x");
	lan_logger_close(g);
	lan_logger_close(h);
	strftime(more, sizeof more, "_%Y%m%d.log", localtime(&now));
	snprintf(name, sizeof name, "%s%.40s", prefix, more);
	FILE *f = fopen(name, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof line, f));
	assert_int_equal(line[4], '-');
	assert_int_equal(line[19], ',');
	assert_string_equal(line + 23, "|mycom|INF|Hello world! and more\n");
	assert_non_null(fgets(line, sizeof line, f));
	assert_string_equal(line + 23, "|mycom|CRI|x\n");
	assert_null(fgets(line, sizeof line, f));
	fclose(f);
	assert_int_equal(lan_logger_open("ab", NULL, &g), LAN_OK);
	lan_logger_close(g);
	assert_int_equal(lan_logger_open(NULL, "/proc/none/x", &g), LAN_ERR_NOTFOUND);
}

static int begin(void **unused)
{
	return mkdtemp(folder) == NULL;
}

static int end(void **unused)
{
	char command[100];
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_old_cipher_on_its_own_makes_the_text_of_the_original_and_reads_it),
		cmocka_unit_test(a_line_of_the_logger_has_date_name_level_and_stays_one_line),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
