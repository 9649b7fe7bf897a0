/*
 * Unit tests of addresses, listener, dialling and the error map, with real
 * sockets on the loopback interface. Running out of descriptors happens in a
 * child, whose limit is its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "io/dial.h"
#include "io/errno_map.h"
#include "io/tcp.h"

static struct lan_loop *loop;

static int set_up(void **state)
{
	return lan_loop_new(&loop) != LAN_OK;
}

static int tear_down(void **state)
{
	lan_loop_free(loop);
	return 0;
}

static struct lan_hostport hp(const char *text)
{
	struct lan_hostport out;
	assert_int_equal(lan_hostport_parse(text, 0, &out), LAN_OK);
	return out;
}

static void addresses_are_read_as_people_type_them(void **state)
{
	static const struct {
		const char *text, *back;
	} good[] = {
		{"192.0.2.7:80", "192.0.2.7:80"},
		{"boards.lan", "boards.lan:8123"},
		{"0.0.0.0:0", "0.0.0.0:0"},
		{":99", ":99"},
		{"[::1]:5", "[::1]:5"},
		{"[fe80::1%eth0]", "[fe80::1%eth0]:8123"},
		{"h:65535", "h:65535"},
	};
	static const char *const bad[] = {"", ":", "h:", "h:x", "h:65536", "h:123456", "h: 1", "h:-1", "::1",
		"::1:80", "[::1", "[]:1", "[::1]x", "[::1]80", "a b:1", "a/b:1", "h:1 "};
	struct lan_hostport got;
	char text[300], buf[300];
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(lan_hostport_parse(good[i].text, 8123, &got), LAN_OK);
		assert_string_equal(lan_hostport_text(&got, buf, sizeof buf), good[i].back);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(lan_hostport_parse(bad[i], 8123, &got), LAN_ERR_ADDR);
	assert_int_equal(lan_hostport_parse("host", 0, &got), LAN_ERR_ADDR); /* no port at all */
	memset(text, 'a', sizeof text);
	text[253] = '\0';
	assert_int_equal(lan_hostport_parse(text, 1, &got), LAN_OK);
	text[253] = 'a';
	text[254] = '\0';
	assert_int_equal(lan_hostport_parse(text, 1, &got), LAN_ERR_ADDR);
}

static void addresses_are_printed_the_way_they_are_read(void **state)
{
	static const char *const texts[] = {"192.0.2.7:80", "[2001:db8::7]:65535", "0.0.0.0:0"};
	char buf[LAN_ADDR_TEXT_MAX];
	union lan_sockaddr a;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct lan_hostport h = hp(texts[i]);
		assert_int_equal(lan_sockaddr_numeric(&h, &a), LAN_OK);
		assert_string_equal(lan_sockaddr_text(&a, buf), texts[i]);
	}
	struct lan_hostport mapped = hp("[::ffff:192.0.2.7]:9"), name = hp("boards.lan:1"),
			    scope = hp("[fe80::1%no-such-interface]:1");
	assert_int_equal(lan_sockaddr_numeric(&mapped, &a), LAN_OK);
	assert_string_equal(lan_sockaddr_text(&a, buf), "192.0.2.7:9");
	assert_int_equal(lan_sockaddr_numeric(&name, &a), LAN_ERR_ADDR);
	assert_int_equal(lan_sockaddr_numeric(&scope, &a), LAN_ERR_ADDR);
}

static void kernel_errors_become_ours(void **state)
{
	assert_int_equal(lan_err_from_errno(0), LAN_OK);
	assert_int_equal(lan_err_from_errno(ECONNREFUSED), LAN_ERR_REFUSED);
	assert_int_equal(lan_err_from_errno(-ECONNREFUSED), LAN_ERR_REFUSED); /* libuv's sign */
	assert_int_equal(lan_err_from_errno(EPIPE), LAN_ERR_RESET);
	assert_int_equal(lan_err_from_errno(EMFILE), LAN_ERR_LIMIT);
	assert_int_equal(lan_err_from_errno(EADDRNOTAVAIL), LAN_ERR_ADDR);
	assert_int_equal(lan_err_from_errno(ELOOP), LAN_ERR_IO);
	assert_int_equal(lan_err_from_eai(EAI_NONAME, 0), LAN_ERR_ADDR);
	assert_int_equal(lan_err_from_eai(EAI_AGAIN, 0), LAN_ERR_UNREACH);
	assert_int_equal(lan_err_from_eai(EAI_SYSTEM, EMFILE), LAN_ERR_LIMIT);
}

struct accepted {
	int n, last;
	char peer[LAN_ADDR_TEXT_MAX];
};

static void on_accept(void *ctx, int fd, const char *peer)
{
	struct accepted *a = ctx;
	if (a->last >= 0)
		close(a->last);
	a->last = fd;
	a->n++;
	strcpy(a->peer, peer);
}

/* A plain blocking connection, the way anybody else would make it. */
static int plain_connect(const char *address)
{
	struct lan_hostport h = hp(address);
	union lan_sockaddr a;
	assert_int_equal(lan_sockaddr_numeric(&h, &a), LAN_OK);
	int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, &a.any, lan_sockaddr_len(&a)), 0);
	return fd;
}

static struct lan_listener *listen_on(const char *address, struct accepted *a)
{
	struct lan_listener *s = NULL;
	struct lan_hostport h = hp(address);
	*a = (struct accepted){.last = -1};
	assert_int_equal(lan_listener_open(loop, &h, on_accept, a, &s), LAN_OK);
	return s;
}

static void a_listener_takes_a_crowd_and_names_each_peer(void **state)
{
	struct accepted a;
	struct lan_listener *s = listen_on("localhost:0", &a);
	int fds[150];
	assert_memory_equal(lan_listener_address(s), "127.0.0.1:", 10);
	assert_string_not_equal(lan_listener_address(s), "127.0.0.1:0");
	for (int i = 0; i < 150; i++) /* none is accepted yet: the backlog holds them */
		fds[i] = plain_connect(lan_listener_address(s));
	lan_time end = lan_loop_now(loop) + LAN_SEC(5);
	while (a.n < 150 && lan_loop_now(loop) < end)
		lan_loop_run(loop, LAN_SEC(1));
	assert_int_equal(a.n, 150);
	union lan_sockaddr own;
	socklen_t len = sizeof own;
	char text[LAN_ADDR_TEXT_MAX];
	assert_int_equal(getsockname(fds[149], &own.any, &len), 0);
	assert_string_equal(a.peer, lan_sockaddr_text(&own, text));
	for (int i = 0; i < 150; i++)
		close(fds[i]);
	close(a.last);
	lan_listener_close(s);
}

static void a_listener_says_why_it_cannot(void **state)
{
	struct accepted a;
	struct lan_listener *s = listen_on("127.0.0.1:0", &a), *t = NULL;
	struct lan_hostport same = hp(lan_listener_address(s)), name = hp("boards.lan:1"),
			    foreign = hp("192.0.2.1:0");
	assert_int_equal(lan_listener_open(loop, &same, on_accept, &a, &t), LAN_ERR_ADDRINUSE);
	assert_int_equal(lan_listener_open(loop, &name, on_accept, &a, &t), LAN_ERR_ADDR);
	assert_int_equal(lan_listener_open(loop, &foreign, on_accept, &a, &t), LAN_ERR_ADDR);
	assert_null(t);
	lan_listener_close(s);
}

static double cpu_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

enum { NOT_HERE = 77 };

/* In a child: the exit code is the line that failed, more or less. */
#define CHECK(what)                                  \
	do {                                         \
		if (!(what)) {                       \
			_exit(__LINE__ % 150 + 100); \
		}                                    \
	} while (0)

/* In a child: with not one descriptor left newcomers are turned away at once
 * and counted, the loop sleeps, and with a higher limit it serves again. */
static void starve(void)
{
	struct accepted a;
	struct lan_listener *s = listen_on("127.0.0.1:0", &a);
	struct lan_hostport h = hp(lan_listener_address(s));
	union lan_sockaddr to;
	CHECK(lan_sockaddr_numeric(&h, &to) == LAN_OK);
	int c[3], spare = dup(0);
	for (int i = 0; i < 3; i++)
		c[i] = socket(AF_INET, SOCK_STREAM, 0);
	struct rlimit before, none = {0};
	CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
	none.rlim_max = before.rlim_max;
	none.rlim_cur = (rlim_t)spare; /* new descriptors would have to be below `spare` */
	CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
	while (open("/dev/null", O_RDONLY) >= 0)
		;
	CHECK(errno == EMFILE);
	CHECK(connect(c[0], &to.any, sizeof to.v4) == 0);
	CHECK(connect(c[1], &to.any, sizeof to.v4) == 0);
	lan_time end = lan_loop_now(loop) + LAN_MS(400);
	double cpu = cpu_seconds();
	while (lan_loop_now(loop) < end)
		lan_loop_run(loop, end - lan_loop_now(loop));
	CHECK(cpu_seconds() - cpu < 0.1);
	CHECK(a.n == 0);
	CHECK(lan_listener_refused(s) == 2);
	char b;
	CHECK(recv(c[0], &b, 1, MSG_DONTWAIT) == 0); /* closed, not left hanging */
	CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
	CHECK(connect(c[2], &to.any, sizeof to.v4) == 0);
	end = lan_loop_now(loop) + LAN_SEC(5);
	while (a.n == 0 && lan_loop_now(loop) < end)
		lan_loop_run(loop, LAN_MS(100));
	CHECK(a.n == 1);
	_exit(0);
}

static int in_child(void (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		CHECK(lan_loop_new(&loop) == LAN_OK); /* the parent's is the parent's */
		fn();
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void out_of_descriptors_newcomers_are_turned_away_and_nothing_spins(void **state)
{
	assert_int_equal(in_child(starve), 0);
}

struct dialled {
	int calls, fd;
	enum lan_err e;
	char peer[300];
};

static void on_dialled(void *ctx, enum lan_err e, int fd, const char *peer)
{
	struct dialled *d = ctx;
	d->calls++;
	d->e = e;
	d->fd = fd;
	strcpy(d->peer, peer);
}

static struct dialled dial(const char *address, lan_time timeout)
{
	struct dialled r = {.fd = -1};
	struct lan_dial *d;
	struct lan_hostport h = hp(address);
	assert_int_equal(lan_dial_start(loop, &h, timeout, on_dialled, &r, &d), LAN_OK);
	assert_int_equal(r.calls, 0); /* never from within the call */
	lan_time end = lan_loop_now(loop) + LAN_SEC(20);
	while (!r.calls && lan_loop_now(loop) < end)
		lan_loop_run(loop, LAN_SEC(1));
	assert_int_equal(r.calls, 1);
	return r;
}

static void dialling_connects_to_an_address(void **state)
{
	struct accepted a;
	struct lan_listener *s = listen_on("127.0.0.1:0", &a);
	struct dialled r = dial(lan_listener_address(s), LAN_SEC(5));
	assert_int_equal(r.e, LAN_OK);
	assert_string_equal(r.peer, lan_listener_address(s));
	size_t n = 0;
	assert_int_equal(lan_tcp_send(r.fd, "hi", 2, &n), LAN_OK);
	while (a.n == 0)
		lan_loop_run(loop, LAN_SEC(1));
	char buf[8];
	assert_int_equal(recv(a.last, buf, sizeof buf, 0), 2);
	assert_int_equal(lan_tcp_recv(r.fd, buf, sizeof buf, &n), LAN_ERR_AGAIN);
	close(a.last);
	while (lan_tcp_recv(r.fd, buf, sizeof buf, &n) == LAN_ERR_AGAIN)
		;
	assert_int_equal(lan_tcp_recv(r.fd, buf, sizeof buf, &n), LAN_ERR_CLOSED);
	close(r.fd);
	lan_listener_close(s);
}

/* In a child with an /etc/hosts of its own: a name of three addresses, of which
 * only the last one tried has a listener. */
static void dial_name(void)
{
	static const char hosts[] = "127.0.0.2 three.lanyard.invalid\n127.0.0.3 three.lanyard.invalid\n"
				    "127.0.0.4 three.lanyard.invalid\n";
	char file[] = "/tmp/hosts-XXXXXX", name[64], address[LAN_ADDR_TEXT_MAX];
	int fd = mkstemp(file);
	CHECK(fd >= 0 && write(fd, hosts, sizeof hosts - 1) == sizeof hosts - 1);
	bool own = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		   mount(file, "/etc/hosts", NULL, MS_BIND, NULL) == 0;
	unlink(file);
	if (!own)
		_exit(NOT_HERE);
	struct addrinfo *list, hints = {.ai_socktype = SOCK_STREAM};
	CHECK(getaddrinfo("three.lanyard.invalid", "0", &hints, &list) == 0);
	union lan_sockaddr last;
	int n = 0;
	for (struct addrinfo *i = list; i; i = i->ai_next, n++)
		memcpy(&last.v4, i->ai_addr, sizeof last.v4);
	CHECK(n == 3);
	struct accepted a;
	struct lan_listener *s = listen_on(lan_sockaddr_text(&last, address), &a);
	snprintf(name, sizeof name, "three.lanyard.invalid:%u", hp(lan_listener_address(s)).port);
	struct dialled r = dial(name, LAN_SEC(5));
	CHECK(r.e == LAN_OK);
	CHECK(strcmp(r.peer, lan_listener_address(s)) == 0);
	_exit(0);
}

static void dialling_a_name_tries_each_of_its_addresses(void **state)
{
	int code = in_child(dial_name);
	if (code == NOT_HERE)
		skip(); /* needs the right to mount */
	assert_int_equal(code, 0);
}

static void dialling_a_name_looks_it_up(void **state)
{
	struct accepted a;
	struct lan_listener *s = listen_on("127.0.0.1:0", &a);
	char name[64];
	snprintf(name, sizeof name, "localhost:%u", hp(lan_listener_address(s)).port);
	struct dialled r = dial(name, LAN_SEC(5));
	assert_int_equal(r.e, LAN_OK);
	assert_string_equal(r.peer, lan_listener_address(s));
	close(r.fd);
	lan_listener_close(s);
}

static void dialling_says_why_it_failed(void **state)
{
	struct accepted a;
	struct lan_listener *s = listen_on("127.0.0.1:0", &a);
	char gone[LAN_ADDR_TEXT_MAX];
	strcpy(gone, lan_listener_address(s));
	lan_listener_close(s);
	struct dialled r = dial(gone, LAN_SEC(5));
	assert_int_equal(r.e, LAN_ERR_REFUSED);
	assert_int_equal(r.fd, -1);
	assert_string_equal(r.peer, gone);
	r = dial("no-such-host.invalid:1", LAN_SEC(10));
	assert_true(r.e == LAN_ERR_ADDR || r.e == LAN_ERR_UNREACH || r.e == LAN_ERR_TIMEOUT);
	assert_string_equal(r.peer, "no-such-host.invalid:1");
}

static void dialling_a_silent_address_ends_at_its_timeout(void **state)
{
	/* A listener that never accepts and whose queue is full ignores the SYN. */
	int lfd = socket(AF_INET, SOCK_STREAM, 0), filler[4];
	union lan_sockaddr to = {.v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}};
	socklen_t len = sizeof to.v4;
	char text[LAN_ADDR_TEXT_MAX];
	assert_int_equal(bind(lfd, &to.any, len), 0);
	assert_int_equal(listen(lfd, 0), 0);
	assert_int_equal(getsockname(lfd, &to.any, &len), 0);
	for (int i = 0; i < 4; i++) {
		filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(filler[i], &to.any, sizeof to.v4);
	}
	lan_time t0 = lan_loop_now(loop);
	struct dialled r = dial(lan_sockaddr_text(&to, text), LAN_MS(100));
	assert_int_equal(r.e, LAN_ERR_TIMEOUT);
	assert_true(lan_loop_now(loop) - t0 >= LAN_MS(100));
	assert_true(lan_loop_now(loop) - t0 < LAN_SEC(1));
	for (int i = 0; i < 4; i++)
		close(filler[i]);
	close(lfd);
}

static void a_cancelled_dial_is_silent_and_holds_up_nothing(void **state)
{
	static const char *const targets[] = {"127.0.0.1:1", "no-such-host.invalid:1"};
	struct dialled r = {0};
	for (int i = 0; i < 2; i++) {
		struct lan_hostport h = hp(targets[i]);
		struct lan_dial *d;
		assert_int_equal(lan_dial_start(loop, &h, LAN_SEC(5), on_dialled, &r, &d), LAN_OK);
		if (i == 0)
			lan_loop_run(loop, 0);
		if (!r.calls)
			lan_dial_cancel(d);
	}
	lan_time t0 = lan_loop_now(loop);
	int calls = r.calls;
	lan_loop_run(loop, LAN_MS(20));
	lan_loop_free(loop); /* although the name may still be looked up */
	assert_true(lan_loop_now(NULL) - t0 < LAN_SEC(1));
	assert_int_equal(r.calls, calls);
	assert_int_equal(lan_loop_new(&loop), LAN_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_as_people_type_them),
		cmocka_unit_test(addresses_are_printed_the_way_they_are_read),
		cmocka_unit_test(kernel_errors_become_ours),
		cmocka_unit_test(a_listener_takes_a_crowd_and_names_each_peer),
		cmocka_unit_test(a_listener_says_why_it_cannot),
		cmocka_unit_test(out_of_descriptors_newcomers_are_turned_away_and_nothing_spins),
		cmocka_unit_test(dialling_connects_to_an_address),
		cmocka_unit_test(dialling_a_name_looks_it_up),
		cmocka_unit_test(dialling_a_name_tries_each_of_its_addresses),
		cmocka_unit_test(dialling_says_why_it_failed),
		cmocka_unit_test(dialling_a_silent_address_ends_at_its_timeout),
		cmocka_unit_test(a_cancelled_dial_is_silent_and_holds_up_nothing),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
