/*
 * Unit tests of <lanyard/link.h>: both roles in one process over real sockets,
 * through the public header alone. The protocol itself is tested at its cores;
 * here it is the API's own promises: configuration, views, flags, back-pressure,
 * embedding, closing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>
#include <lanyard/link.h>

static struct lan_loop *loop;
static struct lan_link *server, *client;
static char log_of[2][4096]; /* events of server and client as text, one a line */
static size_t got[2][LAN_LINK_WRITABLE + 1];

static void record(int who, const struct lan_link_event *ev)
{
	char *to = log_of[who];
	size_t n = strlen(to), room = sizeof log_of[who] - n;
	got[who][ev->kind]++;
	switch (ev->kind) {
	case LAN_LINK_MESSAGE:
		assert_int_equal(strlen(ev->line), ev->len);
		snprintf(to + n, room, "%s:%.40s\n", ev->id, ev->line);
		break;
	case LAN_LINK_UP:
		assert_int_not_equal(strlen(ev->peer), 0);
		snprintf(to + n, room, "%s up %u\n", ev->id, ev->connects);
		break;
	case LAN_LINK_DOWN:
		snprintf(to + n, room, "%s down %s\n", ev->id, ev->reason);
		break;
	case LAN_LINK_ACKED:
		snprintf(to + n, room, "acked %llu\n", (unsigned long long)ev->token);
		break;
	default:
		break;
	}
}

static void pull(struct lan_link *l, int who)
{
	struct lan_link_event ev;
	while (l && lan_link_event(l, &ev)) {
		assert_true(ev.at > 0 && ev.at <= lan_loop_now(loop));
		record(who, &ev);
	}
}

/* Run and pull until `who` has had `n` events of `kind`, at most 10 s. */
static void run_until(int who, enum lan_link_event_kind kind, size_t n)
{
	lan_time end = lan_loop_now(loop) + LAN_SEC(10);
	while (got[who][kind] < n && lan_loop_now(loop) < end) {
		lan_loop_run(loop, LAN_MS(100));
		pull(server, 0);
		pull(client, 1);
	}
	assert_int_equal(got[who][kind], n);
}

enum { S, C };

static struct lan_link_config base(const char *address)
{
	struct lan_link_config cfg = LAN_LINK_CONFIG_INIT;
	cfg.address = address;
	return cfg;
}

static void serve(const struct lan_link_config *cfg)
{
	assert_int_equal(lan_link_serve(loop, cfg, &server), LAN_OK);
}

static void connect_as(const char *id)
{
	struct lan_link_config cfg = base(lan_link_address(server));
	cfg.id = id;
	assert_int_equal(lan_link_connect(loop, &cfg, &client), LAN_OK);
}

static void both_up(void)
{
	struct lan_link_config cfg = base("127.0.0.1:0");
	serve(&cfg);
	connect_as("7");
	run_until(C, LAN_LINK_UP, 1);
	run_until(S, LAN_LINK_UP, 1);
}

static int set_up(void **state)
{
	memset(log_of, 0, sizeof log_of);
	memset(got, 0, sizeof got);
	server = client = NULL;
	return lan_loop_new(&loop) != LAN_OK;
}

static int tear_down(void **state)
{
	lan_link_close(client);
	lan_link_close(server);
	lan_loop_free(loop);
	return 0;
}

static void lines_travel_both_ways_and_are_acknowledged_by_token(void **state)
{
	uint64_t t1 = 0, t2 = 0, t3 = 0;
	char want[64];
	both_up();
	log_of[S][0] = log_of[C][0] = '\0';
	assert_int_equal(lan_link_write(client, NULL, "to server", 9, LAN_LINK_QOS, &t1), LAN_OK);
	assert_int_equal(lan_link_write(server, "7", "to client\n", 10, LAN_LINK_QOS, &t2), LAN_OK);
	assert_int_equal(
		lan_link_write(client, NULL, "ordered", 7, LAN_LINK_QOS | LAN_LINK_WAIT, &t3), LAN_OK);
	assert_int_equal(lan_link_pending(client), 2);
	run_until(C, LAN_LINK_ACKED, 2);
	run_until(S, LAN_LINK_ACKED, 1);
	assert_string_not_equal(strstr(log_of[S], "7:to server\n"), "");
	snprintf(want, sizeof want, "acked %llu\nacked %llu\n", (unsigned long long)t1,
		(unsigned long long)t3);
	assert_non_null(strstr(log_of[C], "7:to client\n"));
	assert_non_null(strstr(log_of[S], "7:ordered\n"));
	assert_true(t1 != t3);
	assert_int_equal(lan_link_pending(client), 0);
	assert_int_equal(lan_link_pending(server), 0);
}

static void a_line_without_qos_arrives_and_is_not_waited_for(void **state)
{
	both_up();
	assert_int_equal(lan_link_write(client, NULL, "[1]", 3, 0, NULL), LAN_OK);
	run_until(S, LAN_LINK_MESSAGE, 1);
	assert_non_null(strstr(log_of[S], "7:[1]\n"));
}

static void bad_lines_are_refused_with_a_reason(void **state)
{
	static char big[2 << 20];
	both_up();
	memset(big, 'x', sizeof big);
	assert_int_equal(lan_link_write(client, NULL, NULL, 0, 0, NULL), LAN_ERR_INVAL);
	assert_int_equal(lan_link_write(client, NULL, "", 0, LAN_LINK_QOS, NULL), LAN_ERR_INVAL);
	assert_int_equal(lan_link_write(client, NULL, "\n", 1, LAN_LINK_QOS, NULL), LAN_ERR_INVAL);
	assert_int_equal(lan_link_write(client, NULL, "a\nb", 3, LAN_LINK_QOS, NULL), LAN_ERR_INVAL);
	assert_int_equal(lan_link_write(client, NULL, "a\0b", 3, LAN_LINK_QOS, NULL), LAN_ERR_INVAL);
	assert_int_equal(lan_link_write(client, NULL, "a\r", 2, LAN_LINK_QOS, NULL), LAN_ERR_INVAL);
	assert_int_equal(lan_link_write(client, NULL, "\xff", 1, LAN_LINK_QOS, NULL), LAN_ERR_UTF8);
	assert_int_equal(lan_link_write(client, NULL, big, sizeof big, LAN_LINK_QOS, NULL), LAN_ERR_TOOBIG);
	assert_int_equal(lan_link_write(client, NULL, "a", 1, 4, NULL), LAN_ERR_INVAL);
	assert_int_equal(lan_link_write(client, "8", "a", 1, 0, NULL), LAN_ERR_NOTFOUND);
	assert_int_equal(lan_link_write(client, "7", "a", 1, 0, NULL), LAN_OK);
	assert_int_equal(lan_link_write(server, "stranger", "a", 1, LAN_LINK_QOS, NULL), LAN_ERR_NOTFOUND);
	assert_int_equal(lan_link_write(server, NULL, "a", 1, LAN_LINK_QOS, NULL), LAN_ERR_NOTFOUND);
}

static void configurations_that_cannot_work_are_refused(void **state)
{
	struct lan_link_config cfg = base("127.0.0.1:0");
	struct lan_link *l = NULL;
	cfg.id = "a\nb";
	assert_int_equal(lan_link_connect(loop, &cfg, &l), LAN_ERR_INVAL);
	cfg.id = NULL;
	cfg.address = "127.0.0.1:1";
	assert_int_equal(lan_link_connect(loop, &cfg, &l), LAN_ERR_INVAL);
	cfg.id = "1";
	cfg.address = NULL;
	assert_int_equal(lan_link_connect(loop, &cfg, &l), LAN_ERR_ADDR);
	cfg.address = "::1:80:";
	assert_int_equal(lan_link_connect(loop, &cfg, &l), LAN_ERR_ADDR);
	cfg = base("192.0.2.1:0");
	assert_int_equal(lan_link_serve(loop, &cfg, &l), LAN_ERR_ADDR);
	cfg = base("127.0.0.1:0");
	cfg.timeout = LAN_MS(1);
	assert_int_equal(lan_link_serve(loop, &cfg, &l), LAN_ERR_INVAL);
	cfg = base("127.0.0.1:0");
	cfg.window = 121;
	assert_int_equal(lan_link_serve(loop, &cfg, &l), LAN_ERR_INVAL);
	cfg = base("127.0.0.1:0");
	cfg.dup = 3;
	assert_int_equal(lan_link_serve(loop, &cfg, &l), LAN_ERR_INVAL);
	cfg = base("127.0.0.1:0");
	cfg.n_expect = 1;
	assert_int_equal(lan_link_serve(loop, &cfg, &l), LAN_ERR_INVAL);
	assert_int_equal(lan_link_serve(loop, NULL, &l), LAN_ERR_INVAL);
	cfg = base("127.0.0.1:0");
	serve(&cfg);
	cfg.address = lan_link_address(server);
	assert_int_equal(lan_link_serve(loop, &cfg, &l), LAN_ERR_ADDRINUSE);
	assert_null(l);
}

static void older_and_newer_callers_are_understood_by_the_size_they_give(void **state)
{
	struct {
		struct lan_link_config cfg;
		char more[64];
	} newer = {.cfg = base("127.0.0.1:0")};
	struct lan_link *l = NULL;
	newer.cfg.size = sizeof newer;
	serve(&newer.cfg); /* longer, but asks for nothing unknown */
	newer.more[40] = 1;
	assert_int_equal(lan_link_serve(loop, &newer.cfg, &l), LAN_ERR_NOTSUP);
	struct lan_link_config older = base("127.0.0.1:0");
	older.size = offsetof(struct lan_link_config, timeout);
	older.timeout = 1; /* beyond its size: not looked at */
	assert_int_equal(lan_link_serve(loop, &older, &l), LAN_OK);
	lan_link_close(l);
	older.size = 0;
	l = NULL;
	assert_int_equal(lan_link_serve(loop, &older, &l), LAN_ERR_INVAL);
	assert_null(l);
}

static void status_counters_and_missing_tell_what_happened(void **state)
{
	static const char *const expect[] = {"7", "8"};
	struct lan_link_config cfg = base("127.0.0.1:0");
	struct lan_link_status st;
	cfg.expect = expect;
	cfg.n_expect = 2;
	serve(&cfg);
	assert_int_equal(lan_link_missing(server), 2);
	connect_as("7");
	run_until(C, LAN_LINK_UP, 1);
	assert_int_equal(lan_link_write(client, NULL, "x", 1, LAN_LINK_QOS, NULL), LAN_OK);
	run_until(C, LAN_LINK_ACKED, 1);
	assert_int_equal(lan_link_missing(server), 1);
	assert_int_equal(lan_link_status(server, "7", &st), LAN_OK);
	assert_true(st.up && st.expected && st.connects == 1 && st.rx_lines == 1);
	assert_memory_equal(st.peer, "127.0.0.1:", 10);
	assert_true(lan_link_peer(server, 1, &st));
	assert_string_equal(st.id, "8");
	assert_false(st.up);
	assert_false(lan_link_peer(server, 2, &st));
	assert_int_equal(lan_link_status(server, "9", &st), LAN_ERR_NOTFOUND);
	assert_int_equal(lan_link_status(client, NULL, &st), LAN_OK);
	assert_true(st.up && st.tx_lines == 1 && st.rtt > 0);
	assert_string_equal(st.peer, lan_link_address(server));
	assert_true(lan_link_peer(client, 0, &st));
	assert_false(lan_link_peer(client, 1, &st));
	const char *name, *help;
	uint64_t value, lines = 0, i = 0;
	for (; lan_link_counter(server, i, &name, &help, &value); i++) {
		assert_true(strlen(name) > 0 && strlen(help) > 0);
		if (strcmp(name, "rx_lines") == 0)
			lines = value;
	}
	assert_true(i > 20);
	assert_int_equal(lines, 1);
}

static void a_dropped_client_comes_back_by_itself(void **state)
{
	both_up();
	assert_int_equal(lan_link_drop(server, "nobody"), LAN_ERR_NOTFOUND);
	assert_int_equal(lan_link_drop(server, "7"), LAN_OK);
	lan_time t0 = lan_loop_now(loop);
	lan_loop_run(loop, LAN_SEC(5)); /* an event waits: returns at once */
	assert_true(lan_loop_now(loop) - t0 < LAN_SEC(1));
	run_until(S, LAN_LINK_DOWN, 1);
	run_until(S, LAN_LINK_UP, 2);
	assert_non_null(strstr(log_of[S], "7 up 1\n7 down "));
	assert_non_null(strstr(log_of[S], "\n7 up 2\n"));
}

static void ready_pings(void *ctx)
{
	struct lan_link_event ev;
	while (lan_link_event(server, &ev)) {
		record(S, &ev);
		if (ev.kind == LAN_LINK_MESSAGE)
			assert_int_equal(
				lan_link_write(server, ev.id, "pong", 4, LAN_LINK_QOS, NULL), LAN_OK);
	}
	(*(int *)ctx)++;
}

/* A client as anybody would write it, for looking at single turns of the loop. */
static int plain_client(const char *hello)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	to.sin_port = htons((uint16_t)atoi(strchr(lan_link_address(server), ':') + 1));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(send(fd, hello, strlen(hello), 0), strlen(hello));
	return fd;
}

static void on_ready_is_called_from_the_loop_and_answers_leave_in_the_same_turn(void **state)
{
	struct lan_link_config cfg = base("127.0.0.1:0");
	char buf[64] = "";
	int calls = 0;
	cfg.hold_off = LAN_NEVER;
	serve(&cfg);
	lan_link_on_ready(server, ready_pings, &calls);
	int fd = plain_client("7\n");
	while (got[S][LAN_LINK_UP] == 0)
		lan_loop_run(loop, LAN_SEC(1));
	assert_int_equal(recv(fd, buf, sizeof buf, 0), 1); /* the first keepalive */
	int before = calls;
	assert_int_equal(send(fd, "00ping\n", 7, 0), 7);
	lan_loop_run(loop, LAN_MS(100)); /* one turn */
	ssize_t n = recv(fd, buf, sizeof buf - 1, MSG_DONTWAIT);
	assert_int_equal(n, strlen("00\n00pong\n"));
	assert_memory_equal(buf, "00\n00pong\n", (size_t)n);
	assert_true(calls > before);
	close(fd);
}

static void a_link_whose_events_nobody_pulls_still_keeps_its_connections_alive(void **state)
{
	struct lan_link_config cfg = base("127.0.0.1:0");
	char buf[64];
	cfg.timeout = LAN_MS(200); /* a keepalive every 50 ms */
	serve(&cfg);
	int fd = plain_client("7\n");
	size_t got_bytes = 0;
	lan_time end = lan_loop_now(loop) + LAN_SEC(5);
	while (got_bytes < 4 && lan_loop_now(loop) < end) {
		lan_loop_run(loop, LAN_MS(20));
		ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
		assert_true(n != 0);
		if (n > 0) {
			got_bytes += (size_t)n;
			assert_int_equal(send(fd, "\n", 1, 0), 1);
		}
	}
	assert_int_equal(got_bytes, 4);
	close(fd);
}

/* Run and pull at the client only, until it has had n acknowledgements or for `max`. */
static void run_client(size_t n, lan_time max)
{
	lan_time end = lan_loop_now(loop) + max;
	while (got[C][LAN_LINK_ACKED] < n && lan_loop_now(loop) < end) {
		lan_loop_run(loop, end - lan_loop_now(loop));
		pull(client, C);
	}
}

static void lines_are_acknowledged_when_pulled_even_if_not_all_are(void **state)
{
	struct lan_link_event ev = {0};
	both_up();
	/* The first line of a life goes alone, by the wire's rules. */
	assert_int_equal(lan_link_write(client, NULL, "first", 5, LAN_LINK_QOS, NULL), LAN_OK);
	run_until(C, LAN_LINK_ACKED, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(lan_link_write(client, NULL, &"abc"[i], 1, LAN_LINK_QOS, NULL), LAN_OK);
	run_client(2, LAN_MS(100)); /* nothing is pulled at the server */
	assert_int_equal(got[C][LAN_LINK_ACKED], 1);
	assert_true(lan_link_event(server, &ev)); /* one line, no more */
	assert_int_equal(ev.kind, LAN_LINK_MESSAGE);
	run_client(2, LAN_SEC(5));
	run_client(3, LAN_MS(50));
	assert_int_equal(got[C][LAN_LINK_ACKED], 2);
	run_until(C, LAN_LINK_ACKED, 4);
}

static void a_full_queue_says_so_and_says_when_it_has_room(void **state)
{
	static char line[1000];
	struct lan_link_config cfg = base("127.0.0.1:0");
	memset(line, 'q', sizeof line);
	serve(&cfg);
	cfg = base(lan_link_address(server));
	cfg.id = "7";
	cfg.max_queue = 10000;
	cfg.max_line = 1000;
	assert_int_equal(lan_link_connect(loop, &cfg, &client), LAN_OK);
	size_t n = 0;
	while (n < 100 && lan_link_write(client, NULL, line, sizeof line, LAN_LINK_QOS, NULL) == LAN_OK)
		n++;
	assert_in_range(n, 5, 10);
	assert_int_equal(lan_link_write(client, NULL, line, sizeof line, LAN_LINK_QOS, NULL), LAN_ERR_FULL);
	run_until(C, LAN_LINK_WRITABLE, 1);
	assert_int_equal(lan_link_write(client, NULL, line, sizeof line, LAN_LINK_QOS, NULL), LAN_OK);
	run_until(C, LAN_LINK_ACKED, n + 1);
	run_until(S, LAN_LINK_MESSAGE, n + 1);
}

static void a_client_reports_a_first_attempt_that_fails(void **state)
{
	struct lan_link_config cfg = base("127.0.0.1:0");
	serve(&cfg);
	char address[64];
	strcpy(address, lan_link_address(server));
	lan_link_close(server);
	server = NULL;
	cfg = base(address);
	cfg.id = "7";
	assert_int_equal(lan_link_connect(loop, &cfg, &client), LAN_OK);
	assert_string_equal(lan_link_address(client), address);
	run_until(C, LAN_LINK_FIRST_FAILED, 1);
	cfg = base(address);
	serve(&cfg); /* it keeps trying */
	run_until(C, LAN_LINK_UP, 1);
}

static void closing_sends_what_was_written_before(void **state)
{
	both_up();
	/* The first line of a life goes alone, by the wire's rules. */
	assert_int_equal(lan_link_write(client, NULL, "first", 5, LAN_LINK_QOS, NULL), LAN_OK);
	run_until(C, LAN_LINK_ACKED, 1);
	for (int i = 0; i < 10; i++)
		assert_int_equal(lan_link_write(client, NULL, "last words", 10, LAN_LINK_QOS, NULL), LAN_OK);
	lan_link_close(client); /* without another turn of the loop */
	client = NULL;
	run_until(S, LAN_LINK_DOWN, 1);
	assert_int_equal(got[S][LAN_LINK_MESSAGE], 11);
	assert_non_null(strstr(log_of[S], "7 down closed"));
}

static void a_foreign_poll_loop_needs_only_one_descriptor_and_one_timeout(void **state)
{
	struct lan_link_config cfg = base("127.0.0.1:0");
	serve(&cfg);
	connect_as("7");
	lan_time end = lan_loop_now(loop) + LAN_SEC(10), t0 = lan_loop_now(loop);
	size_t sent = 0, wakes = 0;
	while (got[C][LAN_LINK_ACKED] < 200 && lan_loop_now(loop) < end) {
		struct pollfd p = {.fd = lan_loop_fd(loop), .events = POLLIN};
		int ms = lan_loop_timeout(loop);
		assert_true(poll(&p, 1, ms < 0 ? 5000 : ms) >= 0);
		wakes++;
		lan_loop_process(loop);
		pull(server, S);
		pull(client, C);
		if (sent == got[C][LAN_LINK_ACKED] &&
			lan_link_write(client, NULL, "line", 4, LAN_LINK_QOS, NULL) == LAN_OK)
			sent++;
	}
	assert_int_equal(got[C][LAN_LINK_ACKED], 200);
	assert_int_equal(got[S][LAN_LINK_MESSAGE], 200);
	assert_true(lan_loop_now(loop) - t0 < LAN_SEC(3)); /* no line waited for a timer */
	assert_true(wakes < 200 * 10);
}

static void ready_on_uv(void *ctx)
{
	pull(server, S);
	pull(client, C);
	if (got[S][LAN_LINK_MESSAGE] > 0 && got[C][LAN_LINK_ACKED] > 0)
		uv_stop(ctx);
}

static void the_users_own_uv_loop_runs_it_all(void **state)
{
	uv_loop_t uv;
	lan_loop_free(loop);
	assert_int_equal(uv_loop_init(&uv), 0);
	assert_int_equal(lan_loop_new_on_uv(&loop, &uv), LAN_OK);
	struct lan_link_config cfg = base("127.0.0.1:0");
	serve(&cfg);
	connect_as("7");
	lan_link_on_ready(server, ready_on_uv, &uv);
	lan_link_on_ready(client, ready_on_uv, &uv);
	assert_int_equal(lan_link_write(client, NULL, "hello", 5, LAN_LINK_QOS, NULL), LAN_OK);
	uv_run(&uv, UV_RUN_DEFAULT);
	assert_non_null(strstr(log_of[S], "7:hello\n"));
	lan_link_close(client);
	lan_link_close(server);
	client = server = NULL;
	lan_loop_free(loop);
	assert_int_equal(uv_run(&uv, UV_RUN_DEFAULT), 0); /* nothing is left behind */
	assert_int_equal(uv_loop_close(&uv), 0);
	assert_int_equal(lan_loop_new(&loop), LAN_OK);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(lines_travel_both_ways_and_are_acknowledged_by_token),
		T(a_line_without_qos_arrives_and_is_not_waited_for),
		T(bad_lines_are_refused_with_a_reason),
		T(configurations_that_cannot_work_are_refused),
		T(older_and_newer_callers_are_understood_by_the_size_they_give),
		T(status_counters_and_missing_tell_what_happened),
		T(a_dropped_client_comes_back_by_itself),
		T(on_ready_is_called_from_the_loop_and_answers_leave_in_the_same_turn),
		T(a_link_whose_events_nobody_pulls_still_keeps_its_connections_alive),
		T(lines_are_acknowledged_when_pulled_even_if_not_all_are),
		T(a_full_queue_says_so_and_says_when_it_has_room),
		T(a_client_reports_a_first_attempt_that_fails),
		T(closing_sends_what_was_written_before),
		T(a_foreign_poll_loop_needs_only_one_descriptor_and_one_timeout),
		T(the_users_own_uv_loop_runs_it_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
