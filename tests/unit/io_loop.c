/*
 * Unit tests of the loop (io/loop.h, io/watch.h, <lanyard/loop.h>) with real
 * descriptors, real time and, where it matters, a real stopped process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "io/watch.h"

static char journal[64];

static void note(char c)
{
	size_t n = strlen(journal);
	assert_true(n + 1 < sizeof journal);
	journal[n] = c;
	journal[n + 1] = '\0';
}

static void note_ctx(void *ctx)
{
	note(*(const char *)ctx);
}

static void sleep_ms(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static struct lan_loop *new_loop(void)
{
	struct lan_loop *l = NULL;
	assert_int_equal(lan_loop_new(&l), LAN_OK);
	journal[0] = '\0';
	return l;
}

/* Run until `until` characters are in the journal, at most 5 s. */
static void run(struct lan_loop *l, size_t until)
{
	lan_time end = lan_loop_now(l) + LAN_SEC(5);
	while (strlen(journal) < until && lan_loop_now(l) < end)
		lan_loop_run(l, end - lan_loop_now(l));
	assert_int_equal(strlen(journal), until);
}

struct pipe_end {
	struct lan_watch w;
	int fd, other;
	int closed;
};

static void on_pipe(void *ctx, int events)
{
	struct pipe_end *p = ctx;
	char c;
	if (events & LAN_READABLE && read(p->fd, &c, 1) == 1)
		note(c);
}

static void open_pipe(struct lan_loop *l, struct pipe_end *p)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	*p = (struct pipe_end){.fd = fds[0], .other = fds[1]};
	assert_int_equal(lan_watch_init(&p->w, l, p->fd, on_pipe, p), LAN_OK);
	lan_watch_set(&p->w, LAN_READABLE);
}

static void on_pipe_closed(struct lan_watch *w)
{
	((struct pipe_end *)w)->closed = 1;
}

static void close_pipe(struct pipe_end *p)
{
	lan_watch_close(&p->w, on_pipe_closed);
	close(p->fd);
	close(p->other);
}

static void deadlines_come_in_order_and_never_early(void **state)
{
	struct lan_loop *l = new_loop();
	struct lan_deadline d[3];
	lan_time t0 = lan_loop_now(l);
	for (int i = 0; i < 3; i++)
		assert_int_equal(lan_deadline_init(l, &d[i], note_ctx, (void *)&"abc"[i]), LAN_OK);
	lan_deadline_arm(l, &d[2], t0 + LAN_US(30500));
	lan_deadline_arm(l, &d[0], t0 + LAN_US(10500));
	lan_deadline_arm(l, &d[1], t0 + LAN_MS(500));
	lan_deadline_arm(l, &d[1], t0 + LAN_US(20500)); /* moved earlier */
	run(l, 1);
	assert_true(lan_loop_now(l) - t0 >= LAN_US(10500));
	run(l, 3);
	assert_string_equal(journal, "abc");
	assert_true(lan_loop_now(l) - t0 >= LAN_US(30500));
	assert_true(lan_loop_now(l) - t0 < LAN_MS(400));
	for (int i = 0; i < 3; i++)
		lan_deadline_fini(l, &d[i]);
	lan_loop_free(l);
}

static void a_deadline_moved_later_or_disarmed_does_not_ring_at_its_old_moment(void **state)
{
	struct lan_loop *l = new_loop();
	struct lan_deadline a, b;
	lan_time t0 = lan_loop_now(l);
	assert_int_equal(lan_deadline_init(l, &a, note_ctx, (void *)"a"), LAN_OK);
	assert_int_equal(lan_deadline_init(l, &b, note_ctx, (void *)"b"), LAN_OK);
	lan_deadline_arm(l, &a, t0 + LAN_MS(5));
	lan_deadline_arm(l, &b, t0 + LAN_MS(6));
	lan_deadline_arm(l, &a, t0 + LAN_MS(60));
	lan_deadline_arm(l, &b, LAN_NEVER);
	run(l, 1);
	assert_string_equal(journal, "a");
	assert_true(lan_loop_now(l) - t0 >= LAN_MS(60));
	lan_deadline_fini(l, &a);
	lan_deadline_fini(l, &b);
	lan_loop_free(l);
}

static void run_returns_at_its_bound_when_nothing_happens(void **state)
{
	struct lan_loop *l = new_loop();
	lan_time t0 = lan_loop_now(l);
	while (lan_loop_now(l) < t0 + LAN_MS(30))
		lan_loop_run(l, t0 + LAN_MS(30) - lan_loop_now(l));
	assert_true(lan_loop_now(l) < t0 + LAN_MS(500));
	lan_loop_run(l, 0);
	assert_true(lan_loop_now(l) < t0 + LAN_MS(500));
	lan_loop_free(l);
}

static void *wake_later(void *l)
{
	sleep_ms(30);
	lan_loop_wake(l);
	return NULL;
}

static void another_thread_wakes_a_blocked_loop(void **state)
{
	struct lan_loop *l = new_loop();
	pthread_t t;
	lan_time t0 = lan_loop_now(l);
	assert_int_equal(pthread_create(&t, NULL, wake_later, l), 0);
	while (lan_loop_now(l) < t0 + LAN_MS(25))
		lan_loop_run(l, LAN_SEC(5));
	assert_true(lan_loop_now(l) < t0 + LAN_SEC(2));
	pthread_join(t, NULL);
	lan_loop_free(l);
}

static void sockets_are_read_before_deadlines_are_declared(void **state)
{
	struct lan_loop *l = new_loop();
	struct lan_deadline d;
	struct pipe_end p;
	assert_int_equal(lan_deadline_init(l, &d, note_ctx, (void *)"d"), LAN_OK);
	open_pipe(l, &p);
	lan_loop_run(l, 0);
	lan_deadline_arm(l, &d, lan_loop_now(l) + LAN_MS(2));
	sleep_ms(5); /* both are due when the loop looks next */
	assert_int_equal(write(p.other, "r", 1), 1);
	run(l, 2);
	assert_string_equal(journal, "rd");
	close_pipe(&p);
	lan_deadline_fini(l, &d);
	lan_loop_free(l);
}

/* In a child: a byte and a deadline, the order in which they arrive is the exit code. */
static void stopped_child(int fd, int ready)
{
	struct lan_loop *l;
	struct lan_deadline d;
	struct pipe_end p = {.fd = fd, .other = -1};
	journal[0] = '\0';
	if (lan_loop_new(&l) || lan_deadline_init(l, &d, note_ctx, (void *)"d") ||
		lan_watch_init(&p.w, l, fd, on_pipe, &p))
		_exit(3);
	lan_watch_set(&p.w, LAN_READABLE);
	lan_deadline_arm(l, &d, lan_loop_now(l) + LAN_MS(150));
	if (write(ready, "!", 1) != 1)
		_exit(3);
	while (strlen(journal) < 2)
		lan_loop_run(l, LAN_NEVER);
	_exit(strcmp(journal, "rd") == 0 ? 0 : 1);
}

static void a_process_that_was_stopped_reads_its_sockets_before_its_deadlines_run(void **state)
{
	int data[2], ready[2], status = -1;
	char c;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, data), 0);
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0)
		stopped_child(data[0], ready[1]);
	assert_true(pid > 0);
	assert_int_equal(read(ready[0], &c, 1), 1);
	sleep_ms(50); /* it sleeps in its poll by now */
	assert_int_equal(kill(pid, SIGSTOP), 0);
	sleep_ms(50);
	assert_int_equal(write(data[1], "r", 1), 1);
	sleep_ms(150); /* past its deadline */
	assert_int_equal(kill(pid, SIGCONT), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(data[0]), close(data[1]), close(ready[0]), close(ready[1]);
}

struct again {
	struct lan_loop *l;
	struct lan_task t;
	int left;
};

static void requeue(void *ctx)
{
	struct again *a = ctx;
	note('t');
	lan_loop_note(a->l);
	if (a->left-- > 0)
		lan_task_queue(a->l, &a->t);
}

static void a_queued_task_runs_once_and_without_waiting(void **state)
{
	struct lan_loop *l = new_loop();
	struct again a = {.l = l, .left = 2}, b = {.l = l};
	a.t = (struct lan_task){.fn = requeue, .ctx = &a};
	b.t = (struct lan_task){.fn = requeue, .ctx = &b};
	lan_task_queue(l, &a.t);
	lan_task_queue(l, &a.t);
	lan_task_queue(l, &b.t);
	lan_task_cancel(l, &b.t);
	assert_int_equal(lan_loop_timeout(l), 0);
	lan_time t0 = lan_loop_now(l);
	run(l, 3); /* it queued itself twice */
	assert_true(lan_loop_now(l) - t0 < LAN_SEC(1));
	lan_loop_run(l, LAN_MS(5));
	assert_int_equal(strlen(journal), 3);
	lan_loop_free(l);
}

static void on_sig(void *ctx, int signum)
{
	note(signum == SIGHUP ? 'h' : signum == SIGTERM ? 't' : '?');
}

static void signals_arrive_in_the_loop(void **state)
{
	struct lan_loop *l = new_loop();
	assert_int_equal(lan_loop_signal(l, SIGHUP, on_sig, NULL), LAN_OK);
	assert_int_equal(lan_loop_signal(l, SIGTERM, on_sig, NULL), LAN_OK);
	assert_int_equal(lan_loop_signal(l, 9999, on_sig, NULL), LAN_ERR_INVAL);
	raise(SIGHUP);
	run(l, 1);
	raise(SIGTERM);
	run(l, 2);
	assert_string_equal(journal, "ht");
	lan_loop_free(l);
}

/* A foreign loop: poll(2) on lan_loop_fd, for as long as lan_loop_timeout says. */
static void poll_foreign(struct lan_loop *l, size_t until)
{
	lan_time end = lan_loop_now(l) + LAN_SEC(5);
	while (strlen(journal) < until && lan_loop_now(l) < end) {
		struct pollfd pfd = {.fd = lan_loop_fd(l), .events = POLLIN};
		int ms = lan_loop_timeout(l);
		assert_true(poll(&pfd, 1, ms < 0 || ms > 5000 ? 5000 : ms) >= 0);
		lan_loop_process(l);
	}
	assert_int_equal(strlen(journal), until);
}

static void a_foreign_loop_sees_descriptors_that_were_added_a_moment_ago(void **state)
{
	struct lan_loop *l = new_loop();
	struct pipe_end p;
	lan_loop_process(l);
	open_pipe(l, &p);
	assert_int_equal(lan_loop_timeout(l), 0); /* the kernel does not know it yet */
	lan_loop_process(l);
	assert_int_equal(lan_loop_timeout(l), -1);
	lan_time t0 = lan_loop_now(l);
	assert_int_equal(write(p.other, "x", 1), 1);
	poll_foreign(l, 1);
	assert_true(lan_loop_now(l) - t0 < LAN_SEC(1));
	close_pipe(&p);
	assert_int_equal(lan_loop_timeout(l), 0);
	lan_loop_process(l);
	assert_int_equal(p.closed, 1);
	lan_loop_free(l);
}

static void a_foreign_loop_is_told_the_next_deadline_afresh(void **state)
{
	struct lan_loop *l = new_loop();
	struct lan_deadline d;
	assert_int_equal(lan_deadline_init(l, &d, note_ctx, (void *)"d"), LAN_OK);
	lan_loop_process(l);
	assert_int_equal(lan_loop_timeout(l), -1);
	lan_deadline_arm(l, &d, lan_loop_now(l) + LAN_MS(80));
	int before = lan_loop_timeout(l);
	assert_in_range(before, 1, 80);
	sleep_ms(40);
	assert_in_range(lan_loop_timeout(l), 0, 40); /* not counted from a cached clock */
	poll_foreign(l, 1);
	assert_int_equal(lan_loop_timeout(l), -1);
	lan_deadline_fini(l, &d);
	lan_loop_free(l);
}

static void a_loop_on_the_users_uv_loop_works_and_lets_it_end(void **state)
{
	uv_loop_t uv;
	struct lan_loop *l = NULL;
	struct lan_deadline d;
	struct pipe_end p;
	journal[0] = '\0';
	assert_int_equal(uv_loop_init(&uv), 0);
	assert_int_equal(lan_loop_new_on_uv(&l, &uv), LAN_OK);
	assert_int_equal(uv_run(&uv, UV_RUN_DEFAULT), 0); /* nothing open: returns */
	assert_int_equal(lan_deadline_init(l, &d, note_ctx, (void *)"d"), LAN_OK);
	lan_deadline_arm(l, &d, lan_loop_now(l) + LAN_MS(10));
	assert_int_equal(uv_run(&uv, UV_RUN_DEFAULT), 0); /* waits for the deadline, then returns */
	assert_string_equal(journal, "d");
	open_pipe(l, &p);
	assert_int_equal(write(p.other, "x", 1), 1);
	while (strlen(journal) < 2)
		uv_run(&uv, UV_RUN_ONCE);
	close_pipe(&p);
	lan_deadline_fini(l, &d);
	lan_loop_free(l);
	assert_int_equal(uv_run(&uv, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&uv), 0);
}

static void a_closed_watch_is_silent_even_with_bytes_waiting(void **state)
{
	struct lan_loop *l = new_loop();
	struct pipe_end p, q;
	open_pipe(l, &p);
	open_pipe(l, &q);
	assert_int_equal(write(p.other, "p", 1), 1);
	assert_int_equal(write(q.other, "q", 1), 1);
	close_pipe(&p);
	run(l, 1);
	assert_string_equal(journal, "q");
	assert_int_equal(p.closed, 1);
	close_pipe(&q);
	lan_loop_free(l);
	assert_int_equal(q.closed, 1); /* freeing the loop finishes what was closing */
}

static void a_regular_file_cannot_be_watched(void **state)
{
	struct lan_loop *l = new_loop();
	struct lan_watch w;
	FILE *f = tmpfile();
	assert_non_null(f);
	assert_int_equal(lan_watch_init(&w, l, fileno(f), on_pipe, NULL), LAN_ERR_PERM);
	fclose(f);
	lan_loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deadlines_come_in_order_and_never_early),
		cmocka_unit_test(a_deadline_moved_later_or_disarmed_does_not_ring_at_its_old_moment),
		cmocka_unit_test(run_returns_at_its_bound_when_nothing_happens),
		cmocka_unit_test(another_thread_wakes_a_blocked_loop),
		cmocka_unit_test(sockets_are_read_before_deadlines_are_declared),
		cmocka_unit_test(a_process_that_was_stopped_reads_its_sockets_before_its_deadlines_run),
		cmocka_unit_test(a_queued_task_runs_once_and_without_waiting),
		cmocka_unit_test(signals_arrive_in_the_loop),
		cmocka_unit_test(a_foreign_loop_sees_descriptors_that_were_added_a_moment_ago),
		cmocka_unit_test(a_foreign_loop_is_told_the_next_deadline_afresh),
		cmocka_unit_test(a_loop_on_the_users_uv_loop_works_and_lets_it_end),
		cmocka_unit_test(a_closed_watch_is_silent_even_with_bytes_waiting),
		cmocka_unit_test(a_regular_file_cannot_be_watched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
