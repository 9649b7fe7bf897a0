/*
 * io_httpd.c - the HTTP server: requests reach their owner whole and as they were written, answers come now,
 * later or by and by, and no client takes more than its share of time, memory or connections.
 *
 * The owner here answers by path: /echo says what it got, /later after 50 ms, /never not, /stream a stream.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include "io/httpd.h"

static struct lan_loop *loop;
static struct lan_httpd *server;
static uint16_t port;
static struct lan_httpd_req *held, *stream;
static struct lan_deadline later;
static int n_gone;
static const struct lan_httpd_header text[] = {{"Content-Type", "text/plain"}};

static void on_later(void *ctx)
{
	if (held)
		lan_httpd_answer(held, 200, text, 1, "later", 5);
	held = NULL;
}

static void echo(struct lan_httpd_req *r)
{
	char out[4096];
	size_t n;
	const char *body = lan_httpd_body(r, &n), *x = lan_httpd_header(r, "X-Test"), *q = lan_httpd_query(r);
	int len = snprintf(out, sizeof out, "%s %s ? %s [%s] %zu:%.*s", lan_httpd_method(r),
		lan_httpd_path(r), q ? q : "-", x ? x : "-", n, (int)(n < 100 ? n : 100), n ? body : "");
	lan_httpd_answer(r, 200, text, 1, out, (size_t)len);
}

static void on_request(void *ctx, struct lan_httpd_req *r)
{
	const char *path = lan_httpd_path(r);
	if (lan_httpd_too_big(r))
		lan_httpd_answer(r, 413, NULL, 0, "too big", 7);
	else if (strcmp(path, "/later") == 0) {
		held = r;
		lan_deadline_arm(loop, &later, lan_loop_now(loop) + LAN_MS(50));
	} else if (strcmp(path, "/never") == 0)
		held = r;
	else if (strcmp(path, "/stream") == 0) {
		assert_int_equal(lan_httpd_stream(r, text, 1), LAN_OK);
		stream = r;
	} else
		echo(r);
}

static void on_gone(void *ctx, struct lan_httpd_req *r)
{
	n_gone++;
	if (r == held)
		held = NULL;
	if (r == stream)
		stream = NULL;
}

static void serve(uint32_t connections, uint32_t per_address)
{
	struct lan_httpd_config cfg = {.request = on_request,
		.gone = on_gone,
		.max_connections = connections,
		.max_per_address = per_address,
		.max_body = 1000,
		.max_queued = 4096,
		.idle = LAN_MS(400),
		.header = LAN_MS(200)};
	struct lan_hostport at = {.host = "127.0.0.1"};
	n_gone = 0;
	held = stream = NULL;
	assert_int_equal(lan_loop_new(&loop), LAN_OK);
	assert_int_equal(lan_deadline_init(loop, &later, on_later, NULL), LAN_OK);
	assert_int_equal(lan_httpd_open(loop, &cfg, &server), LAN_OK);
	assert_int_equal(lan_httpd_listen(server, &at, NULL, NULL, &port), LAN_OK);
}

static int set_up(void **state)
{
	serve(16, 8);
	return 0;
}

static int tear_down(void **state)
{
	lan_httpd_close(server);
	lan_deadline_fini(loop, &later);
	lan_loop_free(loop);
	return 0;
}

static int dial_from(const char *source)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)},
			   from = {.sin_family = AF_INET};
	inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	inet_pton(AF_INET, source, &from.sin_addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static int dial(void)
{
	return dial_from("127.0.0.1");
}

static void say(int fd, const char *s)
{
	assert_int_equal(send(fd, s, strlen(s), MSG_NOSIGNAL), strlen(s));
}

/* Turns the loop until the text has come (false: the connection ended), at most 3 s. */
static char heard[1 << 16];
static bool hear(int fd, const char *until)
{
	size_t n = 0;
	lan_time end = lan_loop_now(loop) + LAN_SEC(3);
	heard[0] = '\0';
	for (;;) {
		ssize_t got = recv(fd, heard + n, sizeof heard - n - 1, 0);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			return false;
		n += got > 0 ? (size_t)got : 0;
		heard[n] = '\0';
		if (strstr(heard, until))
			return true;
		if (lan_loop_now(loop) > end)
			fail_msg("'%s' did not come; so far: '%s'", until, heard);
		lan_loop_run(loop, LAN_MS(10));
	}
}

static void run_for(lan_time t)
{
	lan_time end = lan_loop_now(loop) + t;
	while (lan_loop_now(loop) < end)
		lan_loop_run(loop, LAN_MS(10));
}

static void a_request_is_heard_as_it_was_written(void **state)
{
	int fd = dial();
	say(fd, "GET /a%2Fb//c%20d?x=1&y=a+b%26 HTTP/1.1\r\nHost: h\r\nX-Test: yes\r\n\r\n");
	assert_true(hear(fd, "GET /a%2Fb//c%20d ? x=1&y=a+b%26 [yes] 0:"));
	assert_non_null(strstr(heard, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(heard, "Content-Type: text/plain\r\n"));
	close(fd);
}

static void requests_follow_each_other_on_a_connection(void **state)
{
	int fd = dial();
	say(fd, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(hear(fd, "GET /1 ?"));
	say(fd, "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
		"GET /3 HTTP/1.1\r\nHost: h\r\n\r\n"); /* two at once */
	assert_true(hear(fd, "GET /3 ? - [-] 0:"));
	assert_non_null(strstr(heard, "POST /2 ? - [-] 5:hello"));
	assert_int_equal(lan_httpd_counter(server, LAN_HTTPD_requests), 3);
	assert_int_equal(lan_httpd_counter(server, LAN_HTTPD_connections), 1);
	close(fd);
}

/* More answers than are remembered, each again and again, two of them on their way at once. */
static void answers_that_come_again_are_the_right_ones(void **state)
{
	char ask[120], expected[60];
	int one = dial(), two = dial();
	for (int i = 0; i < 400; i++) {
		for (int k = 0; k < 2; k++) {
			snprintf(ask, sizeof ask, "GET /%d HTTP/1.1\r\nHost: h\r\nX-Test: %d\r\n\r\n",
				(i + 50 * k) % 150, i % 7);
			say(k ? two : one, ask);
		}
		for (int k = 0; k < 2; k++) {
			snprintf(expected, sizeof expected, "GET /%d ? - [%d] 0:", (i + 50 * k) % 150, i % 7);
			assert_true(hear(k ? two : one, expected));
		}
	}
	close(one);
	close(two);
}

static void bodies_come_in_pieces_and_chunks(void **state)
{
	int fd = dial();
	say(fd, "PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello");
	run_for(LAN_MS(30));
	say(fd, " world");
	assert_true(hear(fd, "11:hello world"));
	say(fd, "PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
	run_for(LAN_MS(30));
	say(fd, "1\r\n!\r\n0\r\n\r\n");
	assert_true(hear(fd, "6:hello!"));
	close(fd);
}

static void a_body_that_is_too_long_is_refused(void **state)
{
	char big[1100];
	memset(big, 'b', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	int fd = dial();
	say(fd, "PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n"); /* said before it is sent */
	assert_true(hear(fd, "HTTP/1.1 413"));
	close(fd);
	fd = dial();
	say(fd, "PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n44b\r\n");
	say(fd, big);
	say(fd, "\r\n0\r\n\r\n");
	assert_true(hear(fd, "HTTP/1.1 413"));
	close(fd);
	fd = dial(); /* without an end */
	say(fd, "PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
	bool open = true;
	for (int i = 0; i < 30 && open; i++) {
		char head[] = "44b\r\n";
		if (send(fd, head, 5, MSG_NOSIGNAL) < 0 || send(fd, big, 1099, MSG_NOSIGNAL) < 0 ||
			send(fd, "\r\n", 2, MSG_NOSIGNAL) < 0)
			open = false;
		run_for(LAN_MS(2));
	}
	assert_false(open);
	assert_int_equal(lan_httpd_counter(server, LAN_HTTPD_refused_body), 2);
	close(fd);
}

static void headers_without_end_are_refused(void **state)
{
	char junk[600];
	memset(junk, 'j', sizeof junk - 1);
	junk[sizeof junk - 1] = '\0';
	int fd = dial();
	say(fd, "GET / HTTP/1.1\r\nHost: h\r\n");
	for (int i = 0; i < 40; i++) {
		char line[700];
		snprintf(line, sizeof line, "X-%d: %s\r\n", i, junk);
		if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
			break;
		run_for(LAN_MS(1));
	}
	hear(fd, "HTTP/1.1 4");
	assert_non_null(strstr(heard, "HTTP/1.1 4")); /* 413 or 431 */
	close(fd);
}

static void an_answer_may_come_later(void **state)
{
	int fd = dial();
	say(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(hear(fd, "\r\n\r\nlater"));
	say(fd, "GET /after HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(hear(fd, "GET /after ?"));
	assert_int_equal(n_gone, 0);
	close(fd);
}

static void a_client_that_leaves_is_told(void **state)
{
	struct linger now = {1, 0};
	int fd = dial();
	say(fd, "GET /never HTTP/1.1\r\nHost: h\r\n\r\n");
	run_for(LAN_MS(50));
	assert_non_null(held);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd); /* by a reset */
	run_for(LAN_MS(200));
	assert_null(held);
	assert_int_equal(n_gone, 1);
	assert_int_equal(lan_httpd_connections(server), 0);
}

static void who_ends_only_his_own_direction_is_answered(void **state)
{
	int fd = dial();
	say(fd, "GET /later HTTP/1.0\r\n\r\n");
	shutdown(fd, SHUT_WR);
	hear(fd, "\r\n\r\nlater");
	assert_non_null(strstr(heard, "later"));
	close(fd);
}

static void a_request_that_waits_is_told_when_the_server_closes(void **state)
{
	int fd = dial();
	say(fd, "GET /never HTTP/1.1\r\nHost: h\r\n\r\n");
	run_for(LAN_MS(50));
	assert_non_null(held);
	lan_httpd_close(server);
	assert_int_equal(n_gone, 1);
	server = NULL;
	close(fd);
}

/* An octet every 20 ms would keep a connection for ever, if silence alone counted. */
static lan_time drip(int fd, const char *s)
{
	lan_time begin = lan_loop_now(loop);
	while (lan_loop_now(loop) - begin < LAN_SEC(3)) {
		char octet;
		if (*s && send(fd, s++, 1, MSG_NOSIGNAL) < 0)
			break;
		ssize_t n = recv(fd, &octet, 1, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
		run_for(LAN_MS(20));
	}
	return lan_loop_now(loop) - begin;
}

static void a_slow_request_is_closed_in_time(void **state)
{
	int fd = dial();
	lan_time took = drip(
		fd, "GET /a-very-long-path-that-takes-its-time-to-be-written HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_in_range(took, LAN_MS(150), LAN_MS(600));
	close(fd);
	fd = dial();
	say(fd, "GET / HTTP/1.1\r\n");
	took = drip(fd, "X-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\nX-Four: 4\r\nX-Five: 5\r\nX-Six: 6\r\n\r\n");
	assert_in_range(took, LAN_MS(150), LAN_MS(600));
	close(fd);
	fd = dial();
	say(fd, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n");
	took = drip(fd, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
	assert_in_range(took, LAN_MS(150), LAN_MS(600));
	close(fd);
	assert_int_equal(lan_httpd_counter(server, LAN_HTTPD_timeout_request), 3);
	run_for(LAN_MS(50));
	assert_int_equal(lan_httpd_connections(server), 0);
}

static void a_connection_on_which_nothing_happens_is_closed(void **state)
{
	int fd = dial();
	say(fd, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(hear(fd, "GET /1 ?"));
	run_for(LAN_MS(250));
	say(fd, "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n"); /* in time */
	assert_true(hear(fd, "GET /2 ?"));
	assert_false(hear(fd, "more"));
	assert_int_equal(lan_httpd_counter(server, LAN_HTTPD_timeout_idle), 1);
	close(fd);
}

static bool is_closed(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);
	return n == 0 || (n < 0 && errno != EAGAIN);
}

/* Altogether: one of the address that has most goes, the one whose time is over first, if its request is not
 * complete; where all are, the newcomer goes. */
static void connections_are_bounded_by_address_and_altogether(void **state)
{
	int fd[24];
	for (int i = 0; i < 10; i++)
		fd[i] = dial();
	run_for(LAN_MS(20));
	assert_int_equal(lan_httpd_connections(server), 8);
	assert_int_equal(lan_httpd_counter(server, LAN_HTTPD_refused_address), 2);
	say(fd[0], "GET /never HTTP/1.1\r\nHost: h\r\n\r\n");
	say(fd[1], "GET /half HTTP/1.1\r\nHost: ");
	run_for(LAN_MS(20));
	for (int i = 10; i < 20; i++) {
		fd[i] = dial_from(i % 2 ? "127.0.0.2" : "127.0.0.3");
		run_for(LAN_MS(2));
	}
	run_for(LAN_MS(20));
	assert_int_equal(lan_httpd_connections(server), 16);
	assert_int_equal(lan_httpd_counter(server, LAN_HTTPD_displaced), 2);
	assert_int_equal(lan_httpd_counter(server, LAN_HTTPD_refused_connections), 0);
	int closed = 0;
	for (int i = 0; i < 8; i++)
		closed += is_closed(fd[i]);
	assert_int_equal(closed, 2);
	assert_false(is_closed(fd[0]) || is_closed(fd[1])); /* it has asked; its time has begun anew */
	for (int i = 0; i < 20; i++)
		close(fd[i]);
	run_for(LAN_MS(20));
	fd[0] = dial();
	say(fd[0], "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(hear(fd[0], "GET /1 ?"));
	close(fd[0]);
}

/* Each counted, also where libmicrohttpd answers by itself, or not at all. */
static void what_is_no_request_is_refused_and_counted(void **state)
{
	static const struct {
		const char *said, *answer; /* NULL: none */
	} lies[] = {
		{"PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 4\r\n\r\noops", " 400 "},
		{"PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n0\r\n\r\n",
			" 400 "},
		{"PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: -2\r\n\r\n", " 400 "},
		{"GET /p HTTP/9.9\r\nHost: h\r\n\r\n", " 505 "},
		{"word\r\n\r\n", NULL},
	};
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		int fd = dial();
		say(fd, lies[i].said);
		assert_int_equal(hear(fd, lies[i].answer ? lies[i].answer : "HTTP"), lies[i].answer != NULL);
		run_for(LAN_MS(20));
		assert_true(is_closed(fd) || is_closed(fd));
		assert_int_equal(lan_httpd_counter(server, LAN_HTTPD_refused_format), i + 1);
		close(fd);
	}
	int fd = dial();
	say(fd, "PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\non");
	assert_true(hear(fd, "2:on")); /* twice the same is one */
	close(fd);
	fd = dial();
	close(fd); /* who only looks is not refused */
	run_for(LAN_MS(20));
	assert_int_equal(lan_httpd_counter(server, LAN_HTTPD_refused_format), 5);
}

/* Nobody who waits for an answer makes place. */
static void where_all_requests_are_complete_the_newcomer_is_refused(void **state)
{
	static const char *const from[] = {"127.0.0.1", "127.0.0.2"};
	int fd[17];
	for (int i = 0; i < 16; i++) {
		fd[i] = dial_from(from[i % 2]);
		say(fd[i], "GET /never HTTP/1.1\r\nHost: h\r\n\r\n");
	}
	run_for(LAN_MS(20));
	assert_int_equal(lan_httpd_connections(server), 16);
	fd[16] = dial_from("127.0.0.3");
	run_for(LAN_MS(20));
	assert_true(is_closed(fd[16]));
	assert_int_equal(lan_httpd_counter(server, LAN_HTTPD_refused_connections), 1);
	assert_int_equal(lan_httpd_counter(server, LAN_HTTPD_displaced), 0);
	for (int i = 0; i < 16; i++)
		assert_false(is_closed(fd[i]));
	for (int i = 0; i < 17; i++)
		close(fd[i]);
}

/* Octets of memory in use. */
#if defined(__SANITIZE_ADDRESS__)
size_t __sanitizer_get_current_allocated_bytes(void);
static size_t in_use(void)
{
	return __sanitizer_get_current_allocated_bytes();
}
#else
static size_t in_use(void)
{
	return mallinfo2().uordblks;
}
#endif

/* Rounds of half-sent requests: what the first one takes is enough for all. */
static void half_sent_requests_take_no_more_memory_each_time(void **state)
{
	int fd[200];
	size_t after_first = 0;
	lan_httpd_close(server);
	lan_deadline_fini(loop, &later);
	lan_loop_free(loop);
	serve(256, 256);
	for (int round = 0; round < 6; round++) {
		for (int i = 0; i < 200; i++) {
			fd[i] = dial();
			say(fd[i], "GET /half HTTP/1.1\r\nHost: h\r\nX-Half: ");
		}
		run_for(LAN_MS(30));
		assert_int_equal(lan_httpd_connections(server), 200);
		for (int i = 0; i < 200; i++)
			close(fd[i]);
		run_for(LAN_MS(30));
		assert_int_equal(lan_httpd_connections(server), 0);
		if (round == 1)
			after_first = in_use();
	}
	assert_true(in_use() < after_first + (64 << 10));
}

static void a_stream_brings_what_is_pushed(void **state)
{
	int fd = dial();
	say(fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(hear(fd, "Transfer-Encoding: chunked\r\n\r\n"));
	assert_non_null(stream);
	assert_int_equal(lan_httpd_push(stream, "one\n", 4), LAN_OK);
	assert_true(hear(fd, "4\r\none\n\r\n"));
	run_for(LAN_MS(600)); /* longer than any limit of time */
	assert_int_equal(lan_httpd_push(stream, "two\n", 4), LAN_OK);
	assert_int_equal(lan_httpd_push(stream, "three\n", 6), LAN_OK);
	assert_true(hear(fd, "three\n"));
	lan_httpd_end(stream);
	assert_true(hear(fd, "0\r\n\r\n"));
	assert_int_equal(n_gone, 0);
	say(fd, "GET /after HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(hear(fd, "GET /after ?"));
	close(fd);
}

static void a_stream_whose_client_leaves_is_told(void **state)
{
	int fd = dial();
	say(fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(hear(fd, "\r\n\r\n"));
	close(fd);
	run_for(LAN_MS(200));
	assert_null(stream);
	assert_int_equal(n_gone, 1);
}

static void a_stream_that_is_not_read_is_full(void **state)
{
	char line[1000];
	memset(line, 'l', sizeof line);
	int fd = dial();
	say(fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(hear(fd, "\r\n\r\n"));
	enum lan_err e = LAN_OK;
	int n = 0;
	for (; !e && n < 20000; n++) {
		e = lan_httpd_push(stream, line, sizeof line);
		if (n % 3 == 0)
			lan_loop_run(loop, 0);
	}
	assert_int_equal(e, LAN_ERR_FULL);
	assert_int_equal(lan_httpd_counter(server, LAN_HTTPD_stream_full), 1);
	lan_httpd_end(stream);
	run_for(LAN_MS(700)); /* it is not taken in time */
	assert_int_equal(lan_httpd_connections(server), 0);
	close(fd);
}

static void a_certificate_that_is_none_is_refused(void **state)
{
	struct lan_hostport at = {.host = "127.0.0.1"};
	uint16_t p;
	assert_int_equal(lan_httpd_listen(server, &at, "junk", "junk", &p), LAN_ERR_CONFIG);
	at.port = port;
	assert_int_equal(lan_httpd_listen(server, &at, NULL, NULL, &p), LAN_ERR_ADDRINUSE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_request_is_heard_as_it_was_written),
		T(requests_follow_each_other_on_a_connection),
		T(answers_that_come_again_are_the_right_ones),
		T(bodies_come_in_pieces_and_chunks),
		T(a_body_that_is_too_long_is_refused),
		T(headers_without_end_are_refused),
		T(an_answer_may_come_later),
		T(a_client_that_leaves_is_told),
		T(who_ends_only_his_own_direction_is_answered),
		T(a_request_that_waits_is_told_when_the_server_closes),
		T(a_slow_request_is_closed_in_time),
		T(a_connection_on_which_nothing_happens_is_closed),
		T(connections_are_bounded_by_address_and_altogether),
		T(where_all_requests_are_complete_the_newcomer_is_refused),
		T(what_is_no_request_is_refused_and_counted),
		T(half_sent_requests_take_no_more_memory_each_time),
		T(a_stream_brings_what_is_pushed),
		T(a_stream_whose_client_leaves_is_told),
		T(a_stream_that_is_not_read_is_full),
		T(a_certificate_that_is_none_is_refused),
	};
	return cmocka_run_group_tests_name("io_httpd", tests, NULL, NULL);
}
