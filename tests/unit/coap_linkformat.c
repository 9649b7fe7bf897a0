/*
 * Unit tests of coap/linkformat.h: lists as RFC 6690 has them and as the original slaves send them, where the
 * fault of a wrong one is, quotes and escapes, and that a list that was written is read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proto/coap/linkformat.h"

/* A list in words: targets and parameters between bars, "!3" for a fault at 3. */
static void words(const char *text, size_t len, char *out)
{
	char *copy = malloc(len ? len : 1); /* its exact size, for the sanitizer */
	size_t n, at, count = 0;
	struct coap_link link;

	memcpy(copy, text, len);
	struct coap_links l = coap_links_of(copy, len);
	*out = 0;
	for (; coap_links_next(&l, &link); count++) {
		struct coap_link_param p;
		out += sprintf(out, "<%.*s>", (int)link.target_len, link.target);
		for (size_t i = 0; coap_link_param(&link, &i, &p);)
			out += sprintf(out, " %.*s%s%.*s%s", (int)p.name_len, p.name,
				!p.value   ? ""
				: p.quoted ? "='"
					   : "=",
				(int)p.value_len, p.value ? p.value : "", p.quoted ? "'" : "");
	}
	if (l.bad)
		sprintf(out, "!%zu", l.at);
	assert_false(coap_links_next(&l, &link)); /* the end is the end */
	assert_int_equal(coap_links_ok(copy, len, &n, &at), !l.bad);
	assert_int_equal(n, count);
	assert_int_equal(at, l.bad ? l.at : len);
	free(copy);
}

static const struct {
	const char *text, *words;
} lists[] = {
	{"", ""},
	{"</>", "</>"},
	{"<>", "<>"},
	{"<t1>", "<t1>"},
	{"<t1>,", "<t1>"},
	{"<a>;title=\"\";rt=\"\",<b>;title=\"\";rt=\"\",", "<a> title='' rt=''<b> title='' rt=''"},
	{"</t1>;rt=\"a b\";obs,</t2>;ct=40;sz=5", "</t1> rt='a b' obs</t2> ct=40 sz=5"},
	{"<a>;obs", "<a> obs"},
	{"<a>;title=\"x,y;z=<w>\"", "<a> title='x,y;z=<w>'"},
	{"<a>;title=\"q\\\"q\\\\\";rt=\"b\"", "<a> title='q\\\"q\\\\' rt='b'"},
	{"<a>;rt=\"x\";rt=\"y\"", "<a> rt='x' rt='y'"},
	{"<a>; ct=0 , <b> ;ct=0", "<a> ct=0<b> ct=0"},
	{"<a>;rt = \"x\"", "<a> rt='x'"},
	{"<coap://[::1]:5683/x?y>;anchor=\"/z\"", "<coap://[::1]:5683/x?y> anchor='/z'"},
	{"<a>;title*=UTF-8'en'%e2%82%ac", "<a> title*=UTF-8'en'%e2%82%ac"},
	{"<a>;x=a=b", "<a> x=a=b"},
	{"<a>;title=\"\xc3(\"", "<a> title='\xc3('"},
	{"\r\n<a>\r\n", "<a>"},
	{"<a>;title=\"a\tb\"", "<a> title='a\tb'"},
	/* refused */
	{",", "!0"},
	{"a", "!0"},
	{",<a>", "!0"},
	{"<a>,,<b>", "<a>!4"},
	{"<a>,b", "<a>!4"},
	{"<a><b>", "!3"},
	{"<a>b", "!3"},
	{"<a", "!2"},
	{"<", "!1"},
	{"<a;ct=0", "!7"},
	{"<a b>", "!2"},
	{"<a<b>", "!2"},
	{"<a>;", "!4"},
	{"<a>;;ct=0", "!4"},
	{"<a>;=x", "!4"},
	{"<a>;ct=", "!7"},
	{"<a>;ct=,<b>", "!7"},
	{"<a>;ct=0;", "!9"},
	{"<a>;rt=\"x", "!7"},
	{"<a>;rt=\"", "!7"},
	{"<a>;rt=\"x\\\"", "!7"},
	{"<a>;rt=\"x\\", "!7"},
	{"<a>;rt=\"x\"y", "!10"},
	{"<a>;rt=x\"y", "!8"},
	{"<a>;rt=\"x\ny\"", "!7"},
	{"<a>;rt=\"x\\\x01\"", "!7"},
	{"<a>;r\x7ft=1", "!5"},
	{"</foo>;if=\"clock\";rt=\"Ticks;title=\"My clock\";ct=0;obs", "!35"},
};

static void lists_are_read_or_refused_with_the_place(void **state)
{
	char out[200];

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		words(lists[i].text, strlen(lists[i].text), out);
		if (strcmp(out, lists[i].words) != 0)
			print_message("%s\n", lists[i].text);
		assert_string_equal(out, lists[i].words);
	}
	words("<a>;rt=\"\0\"", 10, out);
	assert_string_equal(out, "!7");
	words("<\0>", 3, out);
	assert_string_equal(out, "!1");
	struct coap_links l = coap_links_of(NULL, 0);
	struct coap_link link;
	assert_false(coap_links_next(&l, &link));
}

/* A slave that cuts its list where it is full: what is left is read as far as it goes, or refused. */
static void every_truncation_is_read_as_far_as_it_goes(void **state)
{
	static const char list[] = "<t1>;title=\"Desk, \\\"temp\\\"\";rt=\"celsius\";obs,</t2>;ct=0,";
	char out[200];

	for (size_t n = 0; n < sizeof list; n++) {
		words(list, n, out);
		/* at the end of a target, of a name, of a value, or behind a comma */
		bool whole = n == 0 || n == 4 || (n >= 6 && n <= 10) || n == 27 || n == 29 || n == 30 ||
			     n == 40 || (n >= 42 && n <= 45) || n == 50 || n == 52 || n == 53 || n == 55 ||
			     n == 56;
		if ((strchr(out, '!') == NULL) != whole)
			print_message("%zu: %.*s: %s\n", n, (int)n, list, out);
		assert_int_equal(strchr(out, '!') == NULL, whole);
	}
}

static void a_target_is_the_path_with_and_without_slash(void **state)
{
	static const struct {
		const char *text, *path;
		bool is;
	} targets[] = {
		{"<t1>", "t1", true},
		{"</t1>", "t1", true},
		{"<//t1>", "t1", false},
		{"<t1>", "t", false},
		{"<t>", "t1", false},
		{"</a/b>", "a/b", true},
		{"</a/b>", "a", false},
		{"</>", "", true},
		{"<>", "", true},
		{"<t1/>", "t1", false},
	};

	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		struct coap_links l = coap_links_of(targets[i].text, strlen(targets[i].text));
		struct coap_link link;
		assert_true(coap_links_next(&l, &link));
		assert_int_equal(
			coap_link_is(&link, targets[i].path, strlen(targets[i].path)), targets[i].is);
	}
}

static void what_is_written_is_read(void **state)
{
	char buf[200], out[200];
	struct lan_wr w = lan_wr_of(buf, sizeof buf);

	coap_link_put(&w, true, "t1", "Desk \"temp\" \\ x", "celsius", true);
	coap_link_put(&w, false, "/a/b", NULL, NULL, false);
	coap_link_put(&w, false, "c", "", NULL, false);
	assert_false(w.bad);
	size_t n = w.off;
	assert_memory_equal(
		buf, "<t1>;title=\"Desk \\\"temp\\\" \\\\ x\";rt=\"celsius\";obs,</a/b>,<c>;title=\"\"", n);
	words(buf, n, out);
	assert_string_equal(out, "<t1> title='Desk \\\"temp\\\" \\\\ x' rt='celsius' obs</a/b><c> title=''");
	for (size_t cap = 0; cap < n; cap++) {
		w = lan_wr_of(buf, cap);
		coap_link_put(&w, true, "t1", "Desk \"temp\" \\ x", "celsius", true);
		coap_link_put(&w, false, "/a/b", NULL, NULL, false);
		coap_link_put(&w, false, "c", "", NULL, false);
		assert_true(w.bad);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_read_or_refused_with_the_place),
		cmocka_unit_test(every_truncation_is_read_as_far_as_it_goes),
		cmocka_unit_test(a_target_is_the_path_with_and_without_slash),
		cmocka_unit_test(what_is_written_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
