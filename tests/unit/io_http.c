/*
 * Unit tests of POST requests: a server in a child process that answers, fails,
 * is slow, or breaks off.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "http_server.h"
#include "io/http.h"

static struct lan_loop *loop;
static struct http_server server;
static struct lan_http *http;

struct answer {
	int n, again, lost;
	enum lan_err err;
	int status;
	char why[300];
};
static struct answer last;

static void on_done(void *ctx, enum lan_err err, int status, const char *why)
{
	last.n++;
	last.err = err;
	last.status = status;
	snprintf(last.why, sizeof last.why, "%s", why);
	if (last.again-- > 0)
		assert_int_equal(lan_http_post(http, "text/plain", "again", 5, LAN_SEC(2)), LAN_OK);
}

static int set_up(void **state)
{
	http_start(&server, 0);
	return lan_loop_new(&loop) != LAN_OK;
}

static int tear_down(void **state)
{
	lan_http_close(http);
	http = NULL;
	lan_loop_free(loop);
	http_stop(&server);
	return 0;
}

static void open_path(const char *path)
{
	char url[100];
	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server.port, path);
	lan_http_close(http);
	http = NULL;
	last = (struct answer){0};
	assert_int_equal(lan_http_open(loop, url, on_done, NULL, &http), LAN_OK);
}

/* Post, and run the loop until `n` answers are there in all. */
static void post(const char *body, lan_time timeout, int n)
{
	assert_int_equal(lan_http_post(http, "application/json", body, strlen(body), timeout), LAN_OK);
	lan_time end = lan_loop_now(loop) + LAN_SEC(5);
	while (last.n < n && lan_loop_now(loop) < end)
		lan_loop_run(loop, LAN_MS(100));
	assert_int_equal(last.n, n);
}

static void a_body_arrives_as_it_was_given_with_its_type_and_length(void **state)
{
	open_path("/ok");
	post("{\"a\": 1}", LAN_SEC(2), 1);
	assert_int_equal(last.err, LAN_OK);
	assert_int_equal(last.status, 200);
	assert_string_equal(last.why, "");
	assert_memory_equal(server.seen->head, "POST /ok HTTP/1.1\r\n", 19);
	assert_string_equal(server.seen->body, "{\"a\": 1}");
	assert_non_null(strstr(server.seen->head, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(server.seen->head, "\r\nContent-Length: 8\r\n"));
	assert_non_null(strstr(server.seen->head, "\r\nUser-Agent: lanyard/"));
	assert_null(strstr(server.seen->head, "Expect"));
}

static void requests_share_a_connection_while_the_server_keeps_it(void **state)
{
	open_path("/ok");
	last.again = 3;
	post("x", LAN_SEC(2), 4);
	assert_int_equal(server.seen->requests, 4);
	assert_int_equal(server.seen->connections, 1);
	assert_string_equal(server.seen->body, "again");
	open_path("/close");
	last.again = 2;
	post("x", LAN_SEC(2), 3);
	assert_int_equal(server.seen->connections, 1 + 3);
	open_path("/silent-close"); /* an old connection that died is no failure */
	for (int i = 1; i <= 3; i++) {
		post("x", LAN_SEC(2), i);
		assert_int_equal(last.err, LAN_OK);
		usleep(20000);
	}
	assert_int_equal(server.seen->requests, 4 + 3 + 3);
}

static void on_lost(void *ctx)
{
	last.lost++;
}

static void a_kept_connection_that_ends_is_told_and_one_that_was_not_kept_is_not(void **state)
{
	open_path("/close");
	lan_http_on_lost(http, on_lost);
	post("x", LAN_SEC(2), 1);
	post("x", LAN_SEC(2), 2);
	lan_loop_run(loop, LAN_MS(50));
	assert_int_equal(last.lost, 0);
	open_path("/ok");
	lan_http_on_lost(http, on_lost);
	post("x", LAN_SEC(2), 1);
	post("x", LAN_SEC(2), 2);
	lan_loop_run(loop, LAN_MS(50));
	assert_int_equal(last.lost, 0);
	http_stop(&server);
	for (int i = 0; i < 20 && !last.lost; i++)
		lan_loop_run(loop, LAN_MS(50));
	assert_int_equal(last.lost, 1);
	http_start(&server, server.port);
	post("x", LAN_SEC(2), 3);
	assert_int_equal(last.err, LAN_OK);
	assert_int_equal(last.lost, 1); /* once */
	http_stop(&server);             /* and again, but the loop has not run before the next request */
	http_start(&server, server.port);
	post("x", LAN_SEC(2), 4);
	assert_int_equal(last.err, LAN_OK);
	assert_int_equal(last.lost, 2);
}

static void a_long_body_arrives_whole(void **state)
{
	static char body[900001];
	memset(body, 'b', sizeof body - 1);
	open_path("/ok");
	post(body, LAN_SEC(5), 1);
	assert_int_equal(last.status, 200);
	assert_int_equal(server.seen->body_len, sizeof body - 1);
}

static void an_answer_that_is_no_success_is_handed_on_and_redirections_are_not_followed(void **state)
{
	open_path("/500");
	post("x", LAN_SEC(2), 1);
	assert_int_equal(last.err, LAN_OK);
	assert_int_equal(last.status, 500);
	open_path("/redirect");
	post("x", LAN_SEC(2), 1);
	assert_int_equal(last.status, 302);
	assert_int_equal(server.seen->requests, 2);
}

static void one_request_at_a_time(void **state)
{
	open_path("/slow");
	assert_int_equal(lan_http_post(http, "text/plain", "1", 1, LAN_SEC(2)), LAN_OK);
	assert_int_equal(lan_http_post(http, "text/plain", "2", 1, LAN_SEC(2)), LAN_ERR_AGAIN);
	lan_http_wait(http, lan_loop_now(loop) + LAN_SEC(2)); /* without the loop */
	assert_int_equal(last.n, 1);
	assert_int_equal(last.status, 200);
	assert_string_equal(server.seen->body, "1");
}

static void a_slow_answer_is_waited_for_within_its_time_alone(void **state)
{
	open_path("/slow");
	post("x", LAN_SEC(2), 1);
	assert_int_equal(last.err, LAN_OK);
	open_path("/never");
	lan_time begin = lan_loop_now(loop);
	post("x", LAN_MS(200), 1);
	assert_int_equal(last.err, LAN_ERR_TIMEOUT);
	assert_true(lan_loop_now(loop) - begin >= LAN_MS(199) && lan_loop_now(loop) - begin < LAN_SEC(2));
}

static void waiting_without_the_loop_ends_in_time(void **state)
{
	open_path("/never");
	assert_int_equal(lan_http_post(http, "text/plain", "1", 1, LAN_SEC(20)), LAN_OK);
	lan_time begin = lan_loop_now(loop);
	lan_http_wait(http, begin + LAN_MS(300));
	assert_true(lan_loop_now(loop) - begin >= LAN_MS(300) && lan_loop_now(loop) - begin < LAN_SEC(1));
	assert_int_equal(last.n, 0);
}

static void what_breaks_off_is_an_error_with_a_sentence(void **state)
{
	static const struct {
		const char *path;
		enum lan_err err;
	} row[] = {{"/drop", LAN_ERR_RESET}, {"/cut", LAN_ERR_RESET}};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		open_path(row[i].path);
		post("x", LAN_SEC(2), 1);
		assert_int_equal(last.err, row[i].err);
		assert_true(strlen(last.why) > 5);
	}
	open_path("/garbage");
	post("x", LAN_SEC(2), 1);
	assert_true(last.err != LAN_OK);
	open_path("/fail-first"); /* and the next one is a fresh start */
	server.seen->requests = 0;
	post("x", LAN_SEC(2), 1);
	assert_int_equal(last.err, LAN_ERR_RESET);
	post("x", LAN_SEC(2), 2);
	assert_int_equal(last.err, LAN_OK);
}

static void a_refused_connection_is_told_as_such(void **state)
{
	open_path("/ok");
	http_stop(&server);
	post("x", LAN_SEC(2), 1);
	assert_int_equal(last.err, LAN_ERR_REFUSED);
	http_start(&server, server.port); /* it comes back */
	post("x", LAN_SEC(2), 2);
	assert_int_equal(last.err, LAN_OK);
}

static void closing_in_the_middle_of_a_request_says_nothing_more(void **state)
{
	open_path("/slow");
	assert_int_equal(lan_http_post(http, "text/plain", "1", 1, LAN_SEC(2)), LAN_OK);
	lan_loop_run(loop, LAN_MS(50));
	lan_loop_run(loop, LAN_MS(50));
	lan_http_close(http);
	http = NULL;
	for (int i = 0; i < 5; i++)
		lan_loop_run(loop, LAN_MS(100));
	assert_int_equal(last.n, 0);
}

static void only_http_urls_are_taken(void **state)
{
	static const char *const bad[] = {"", "kriek", "ftp://127.0.0.1/", "file:///etc/passwd", "http://",
		"http://[::1/", "http://127.0.0.1:99999/", "gopher://x/"};
	struct lan_http *h = NULL;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(lan_http_open(loop, bad[i], on_done, NULL, &h), LAN_ERR_ADDR);
	assert_null(h);
	assert_int_equal(lan_http_open(loop, "https://[::1]:8443/mutate", on_done, NULL, &h), LAN_OK);
	lan_http_close(h);
}

static void proxies_of_the_environment_do_not_count(void **state)
{
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	open_path("/ok");
	post("x", LAN_SEC(2), 1);
	assert_int_equal(last.err, LAN_OK);
	unsetenv("http_proxy");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(a_body_arrives_as_it_was_given_with_its_type_and_length),
		T(requests_share_a_connection_while_the_server_keeps_it),
		T(a_kept_connection_that_ends_is_told_and_one_that_was_not_kept_is_not),
		T(a_long_body_arrives_whole),
		T(an_answer_that_is_no_success_is_handed_on_and_redirections_are_not_followed),
		T(one_request_at_a_time),
		T(a_slow_answer_is_waited_for_within_its_time_alone),
		T(waiting_without_the_loop_ends_in_time),
		T(what_breaks_off_is_an_error_with_a_sentence),
		T(a_refused_connection_is_told_as_such),
		T(closing_in_the_middle_of_a_request_says_nothing_more),
		T(only_http_urls_are_taken),
		T(proxies_of_the_environment_do_not_count),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
