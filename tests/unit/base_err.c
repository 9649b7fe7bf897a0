/*
 * Unit tests of err.h: every error has its own value, name and text, and the
 * numbers are the ones written in the header for good (they are part of the
 * ABI: the expectations below are literals, not the list again).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include <lanyard/err.h>

static const enum lan_err all[] = {
#define X(name, value, text) LAN_ERR_##name,
	LAN_ERR_LIST(X)
#undef X
};
enum { COUNT = sizeof all / sizeof *all };

static void every_error_has_its_own_number_name_and_text(void **state)
{
	for (size_t i = 0; i < COUNT; i++)
		for (size_t k = i + 1; k < COUNT; k++) {
			assert_int_not_equal(all[i], all[k]);
			assert_string_not_equal(lan_err_name(all[i]), lan_err_name(all[k]));
			assert_string_not_equal(lan_err_text(all[i]), lan_err_text(all[k]));
		}
}

static void the_names_are_those_of_the_enumerators(void **state)
{
	assert_string_equal(lan_err_name(LAN_OK), "LAN_ERR_OK");
	assert_string_equal(lan_err_name(LAN_ERR_FULL), "LAN_ERR_FULL");
	assert_string_equal(lan_err_name(LAN_ERR_NOTSUP), "LAN_ERR_NOTSUP");
	assert_string_equal(lan_err_text(LAN_ERR_FULL), "queue full");
}

static void the_numbers_never_change(void **state)
{
	assert_int_equal(LAN_OK, 0);
	assert_int_equal(LAN_ERR_INVAL, 1);
	assert_int_equal(LAN_ERR_FULL, 3);
	assert_int_equal(LAN_ERR_TIMEOUT, 8);
	assert_int_equal(LAN_ERR_CONFIG, 17);
	assert_int_equal(LAN_ERR_NOTSUP, 22);
}

static void a_foreign_number_is_named_as_unknown(void **state)
{
	assert_string_equal(lan_err_name((enum lan_err)9999), "LAN_ERR_?");
	assert_string_equal(lan_err_text((enum lan_err)9999), "unknown error");
}

static void the_library_tells_the_version_of_its_headers(void **state)
{
	assert_string_equal(lan_version(), LAN_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_has_its_own_number_name_and_text),
		cmocka_unit_test(the_names_are_those_of_the_enumerators),
		cmocka_unit_test(the_numbers_never_change),
		cmocka_unit_test(a_foreign_number_is_named_as_unknown),
		cmocka_unit_test(the_library_tells_the_version_of_its_headers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
