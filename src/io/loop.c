/*
 * loop.c - the event loop: libuv below, a heap of deadlines and a list of tasks
 * above. See io/loop.h for the order of one turn.
 *
 * The uv_timer is only an alarm clock: it bounds how long libuv sleeps, at a
 * resolution of one millisecond, rounded up. It is moved earlier at once and
 * later lazily, when it rings. The deadlines themselves run from a uv_check,
 * that is after the I/O of the same turn. While tasks wait, a uv_idle keeps
 * libuv from sleeping.
 *
 * Two properties of libuv matter to foreign loops: descriptors reach the kernel
 * only at the next poll (uv_backend_timeout says 0 until then, since 1.44), and
 * uv_backend_timeout counts from a clock that stood still since the last turn,
 * so lan_loop_timeout counts for itself.
 */
#include "io/loop.h"

#include <stdlib.h>
#include <time.h>
#include "io/errno_map.h"

/* A deadline later than this gets a second look at the sockets first: the poll
 * may have been cut short (EINTR after SIGSTOP and SIGCONT) before it saw them. */
#define LATE LAN_MS(20)

/* Turns that lan_loop_free gives libuv to let go of closed handles. */
#define LAST_TURNS 8

struct lan_loop_sig {
	uv_signal_t handle;
	struct lan_loop_sig *next;
	void (*fn)(void *ctx, int signum);
	void *ctx;
};

struct lan_loop {
	uv_loop_t *uv;
	uv_loop_t own; /* in use when uv == &own */
	uv_timer_t alarm;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_idle_t idle;
	uv_async_t wake;
	struct lan_timers timers;
	uint32_t deadlines;        /* places reserved in the heap */
	struct lan_deadline bound; /* of lan_loop_run */
	struct lan_task *first, *last;
	uint32_t tasks;
	struct lan_loop_sig *signals;
	uint64_t alarm_ms; /* moment the alarm is set to, on libuv's clock */
	lan_time stamp;    /* the time, as it was first asked for in this turn; 0: not yet */
	bool in_turn;
	bool looked_again;
	bool noted;
	bool rang;   /* a deadline is due, and the poll before it still to come */
	int closing; /* handles that lan_loop_free waits for */
};

uv_loop_t *lan_loop_uv(struct lan_loop *l)
{
	return l->uv;
}

lan_time lan_loop_now(const struct lan_loop *l)
{
	(void)l;
	return uv_hrtime();
}

lan_time lan_loop_recent(struct lan_loop *l)
{
	return l->stamp ? l->stamp : (l->stamp = uv_hrtime());
}

lan_time lan_loop_stamp(struct lan_loop *l)
{
	struct timespec ts;
	if (l->in_turn)
		return lan_loop_recent(l);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts); /* a tick old, but a fifth of the price */
	if (LAN_SEC(ts.tv_sec) + (lan_time)ts.tv_nsec > l->stamp)
		l->stamp = uv_hrtime();
	return l->stamp;
}

void lan_loop_note(struct lan_loop *l)
{
	l->noted = true;
}

static uint64_t ceil_ms(lan_time t)
{
	return t / LAN_MS(1) + (t % LAN_MS(1) != 0);
}

static void on_idle(uv_idle_t *h)
{
	(void)h; /* its existence makes the poll return at once */
}

static void on_alarm(uv_timer_t *h);

/* Set the alarm no later than the first deadline. libuv's clock has the same
 * zero as ours but may stand still since the turn began, so the alarm is
 * computed as a point in time and only then as a distance. */
static void set_alarm(struct lan_loop *l)
{
	lan_time next = lan_timers_next(&l->timers);
	if (next == LAN_NEVER) {
		uv_timer_stop(&l->alarm);
		return;
	}
	uint64_t due = ceil_ms(next), now = uv_now(l->uv);
	if (uv_is_active((uv_handle_t *)&l->alarm) && l->alarm_ms <= due)
		return;
	l->alarm_ms = due;
	uv_timer_start(&l->alarm, on_alarm, due > now ? due - now : 0, 0);
}

static void on_alarm(uv_timer_t *h)
{
	struct lan_loop *l = h->data;
	/* Starting a timer of 0 ms from a timer callback would never leave libuv's
	 * timer phase; what is due by now only needs a poll that does not sleep. */
	if (lan_timers_next(&l->timers) <= uv_hrtime()) {
		l->rang = true;
		uv_idle_start(&l->idle, on_idle);
	} else
		set_alarm(l);
}

static void run_due(struct lan_loop *l)
{
	lan_time now = l->stamp = uv_hrtime(), next = lan_timers_next(&l->timers);
	if (next > now) {
		l->looked_again = false;
		return;
	}
	if (now - next > LATE && !l->looked_again) {
		l->looked_again = true;
		return;
	}
	l->looked_again = false;
	struct lan_timer *t;
	while ((t = lan_timers_due(&l->timers, now))) {
		struct lan_deadline *d = (struct lan_deadline *)t;
		d->fn(d->ctx);
	}
}

/* As many as are queued now; what they queue is for the next turn. */
static void run_tasks(struct lan_loop *l)
{
	for (uint32_t n = l->tasks; n && l->first; n--) {
		struct lan_task *t = l->first;
		lan_task_cancel(l, t);
		t->fn(t->ctx);
	}
}

static bool may_sleep(const struct lan_loop *l)
{
	return !l->first && !l->looked_again && !l->rang;
}

static void on_prepare(uv_prepare_t *h)
{
	struct lan_loop *l = h->data;
	l->stamp = 0; /* what follows may sleep */
	l->in_turn = true;
}

static void on_check(uv_check_t *h)
{
	struct lan_loop *l = h->data;
	l->rang = false;
	run_due(l);
	run_tasks(l);
	if (may_sleep(l))
		uv_idle_stop(&l->idle);
	else
		uv_idle_start(&l->idle, on_idle);
	set_alarm(l);
	l->in_turn = false;
}

static void on_wake(uv_async_t *h)
{
	(void)h; /* the poll has returned, which was the point */
}

static void on_bound(void *ctx)
{
	(void)ctx;
}

enum lan_err lan_deadline_init(struct lan_loop *l, struct lan_deadline *d, void (*fn)(void *ctx), void *ctx)
{
	enum lan_err e = lan_timers_reserve(&l->timers, l->deadlines + 1);
	if (e)
		return e;
	l->deadlines++;
	*d = (struct lan_deadline){.fn = fn, .ctx = ctx};
	return LAN_OK;
}

void lan_deadline_arm(struct lan_loop *l, struct lan_deadline *d, lan_time at)
{
	if (lan_timers_at(&l->timers, &d->t) == at)
		return;
	lan_timers_set(&l->timers, &d->t, at);
	set_alarm(l);
}

void lan_deadline_fini(struct lan_loop *l, struct lan_deadline *d)
{
	lan_deadline_arm(l, d, LAN_NEVER);
	l->deadlines--;
}

void lan_task_queue(struct lan_loop *l, struct lan_task *t)
{
	if (t->queued)
		return;
	t->queued = true;
	l->tasks++;
	t->next = NULL;
	t->prev = l->last;
	*(l->last ? &l->last->next : &l->first) = t;
	l->last = t;
	uv_idle_start(&l->idle, on_idle);
}

void lan_task_cancel(struct lan_loop *l, struct lan_task *t)
{
	if (!t->queued)
		return;
	t->queued = false;
	l->tasks--;
	*(t->prev ? &t->prev->next : &l->first) = t->next;
	*(t->next ? &t->next->prev : &l->last) = t->prev;
	/* The idle handle stays until on_check or lan_loop_run stops it: it may be there for a deadline, too.
	 */
}

static void on_signal(uv_signal_t *h, int signum)
{
	struct lan_loop_sig *s = h->data;
	s->fn(s->ctx, signum);
}

static void on_signal_closed(uv_handle_t *h)
{
	free(h->data);
}

enum lan_err lan_loop_signal(struct lan_loop *l, int signum, void (*fn)(void *ctx, int signum), void *ctx)
{
	struct lan_loop_sig *s = calloc(1, sizeof *s);
	if (!s)
		return LAN_ERR_NOMEM;
	s->fn = fn;
	s->ctx = ctx;
	int rc = uv_signal_init(l->uv, &s->handle);
	if (rc) {
		free(s);
		return lan_err_from_errno(rc);
	}
	s->handle.data = s;
	rc = uv_signal_start(&s->handle, on_signal, signum);
	if (rc) {
		uv_close((uv_handle_t *)&s->handle, on_signal_closed);
		return lan_err_from_errno(rc);
	}
	uv_unref((uv_handle_t *)&s->handle);
	s->next = l->signals;
	l->signals = s;
	return LAN_OK;
}

static enum lan_err init(struct lan_loop *l, uv_loop_t *uv)
{
	l->uv = uv;
	l->alarm_ms = 0;
	lan_timers_init(&l->timers);
	enum lan_err e = lan_deadline_init(l, &l->bound, on_bound, NULL);
	if (e)
		return e;
	int rc = uv_async_init(uv, &l->wake, on_wake);
	if (rc) {
		lan_timers_fini(&l->timers);
		return lan_err_from_errno(rc);
	}
	uv_timer_init(uv, &l->alarm);
	uv_prepare_init(uv, &l->prepare);
	uv_check_init(uv, &l->check);
	uv_idle_init(uv, &l->idle);
	l->alarm.data = l->prepare.data = l->check.data = l->idle.data = l->wake.data = l;
	uv_prepare_start(&l->prepare, on_prepare);
	uv_unref((uv_handle_t *)&l->prepare);
	uv_check_start(&l->check, on_check);
	uv_unref((uv_handle_t *)&l->check);
	return LAN_OK;
}

enum lan_err lan_loop_new(struct lan_loop **out)
{
	struct lan_loop *l = calloc(1, sizeof *l);
	if (!l)
		return LAN_ERR_NOMEM;
	int rc = uv_loop_init(&l->own);
	if (rc) {
		free(l);
		return lan_err_from_errno(rc);
	}
	enum lan_err e = init(l, &l->own);
	if (e) {
		uv_loop_close(&l->own);
		free(l);
		return e;
	}
	*out = l;
	return LAN_OK;
}

enum lan_err lan_loop_new_on_uv(struct lan_loop **out, void *uv_loop)
{
	struct lan_loop *l = calloc(1, sizeof *l);
	if (!l)
		return LAN_ERR_NOMEM;
	enum lan_err e = init(l, uv_loop);
	if (e) {
		free(l);
		return e;
	}
	/* The user's loop ends when the user's work and our handles have: the
	 * bare existence of this object is no reason to run. */
	uv_unref((uv_handle_t *)&l->wake);
	*out = l;
	return LAN_OK;
}

static void on_closed(uv_handle_t *h)
{
	struct lan_loop *l = h->data;
	if (--l->closing == 0 && l->uv != &l->own)
		free(l);
}

void lan_loop_free(struct lan_loop *l)
{
	if (!l)
		return;
	while (l->signals) {
		struct lan_loop_sig *s = l->signals;
		l->signals = s->next;
		uv_close((uv_handle_t *)&s->handle, on_signal_closed);
	}
	lan_deadline_fini(l, &l->bound);
	lan_timers_fini(&l->timers);
	l->closing = 5;
	uv_close((uv_handle_t *)&l->alarm, on_closed);
	uv_close((uv_handle_t *)&l->prepare, on_closed);
	uv_close((uv_handle_t *)&l->check, on_closed);
	uv_close((uv_handle_t *)&l->idle, on_closed);
	uv_close((uv_handle_t *)&l->wake, on_closed);
	if (l->uv != &l->own)
		return; /* the last on_closed frees it, when the user's loop runs */
	/* Handles the user forgot to close stay with their memory: rather a leak
	 * than a wait without end. */
	int rc = UV_EBUSY;
	for (int i = 0; i < LAST_TURNS && rc == UV_EBUSY; i++) {
		uv_run(&l->own, UV_RUN_NOWAIT);
		rc = uv_loop_close(&l->own);
	}
	if (rc == 0)
		free(l);
}

int lan_loop_fd(const struct lan_loop *l)
{
	return uv_backend_fd(l->uv);
}

int lan_loop_timeout(const struct lan_loop *l)
{
	if (l->first || uv_backend_timeout(l->uv) == 0)
		return 0;
	lan_time next = lan_timers_next(&l->timers);
	if (next == LAN_NEVER)
		return -1;
	lan_time now = uv_hrtime();
	uint64_t ms = next > now ? ceil_ms(next - now) : 0;
	return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

void lan_loop_process(struct lan_loop *l)
{
	run_tasks(l);
	uv_run(l->uv, UV_RUN_NOWAIT);
	l->noted = false;
}

void lan_loop_run(struct lan_loop *l, lan_time max)
{
	/* Tasks that waited are something that was done: after them the poll only looks. Those that were
	 * cancelled because the application did their work are not, and are no reason to look twice. */
	if (l->first)
		run_tasks(l);
	else if (may_sleep(l))
		uv_idle_stop(&l->idle);
	if (max != LAN_NEVER && max) {
		lan_time now = uv_hrtime();
		lan_deadline_arm(l, &l->bound, max < LAN_NEVER - now ? now + max : LAN_NEVER);
	}
	uv_run(l->uv, l->noted || max == 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
	lan_deadline_arm(l, &l->bound, LAN_NEVER);
	l->noted = false;
}

void lan_loop_wake(struct lan_loop *l)
{
	uv_async_send(&l->wake);
}
