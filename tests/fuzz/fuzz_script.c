/*
 * fuzz_script.c - see fuzz_script.h. What is held against the core at each step:
 *
 *  - wants are of streams that are open;
 *  - what it sends is the grammar and nothing else: keepalives, acknowledgements
 *    of lines this stream brought and the application pulled, and whole lines
 *    that were written, under a stable mid;
 *  - events carry no LF and end in a NUL, deliver only what a stream brought, and
 *    acknowledge only what was written, once;
 *  - a tick leaves a deadline in the future;
 *  - nothing is pending that was not written.
 */
#include "fuzz_script.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS 8
#define LINES   512
#define TIMEOUT LAN_MS(1600)

enum state { UNWRITTEN, OPEN, ACKED, LOST };

struct stream {
	bool open, id_said;
	uint32_t conn;
	unsigned opened;  /* at which step */
	uint8_t out[600]; /* the line being sent */
	size_t n_out;
	bool brought[256]; /* message lines by mid */
};

struct line {
	enum state state;
	unsigned flags, id;
	uint64_t token;
	int mid;
	unsigned ended;
};

struct fuzz {
	const struct fuzz_role *role;
	void *core;
	lan_time now;
	struct stream s[STREAMS];
	struct line l[LINES];
	unsigned n_lines, steps;
	bool dial;
	bool pulled[256]; /* by the application, from whichever stream: a copy is not pulled again */
	const uint8_t *p, *end;
	uint64_t rng;
};

static const char *const ids[] = {"1", "board", "\xc3\xa4", "3"};

void fuzz_die(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

static void entropy(void *ctx, void *buf, size_t n)
{
	struct fuzz *f = ctx;

	for (size_t i = 0; i < n; i++) {
		f->rng = f->rng * 6364136223846793005u + 1442695040888963407u;
		((uint8_t *)buf)[i] = (uint8_t)(f->rng >> 56);
	}
}

static uint8_t take(struct fuzz *f)
{
	return f->p < f->end ? *f->p++ : 0;
}

static struct stream *by_conn(struct fuzz *f, uint32_t conn)
{
	for (int i = 0; i < STREAMS; i++)
		if (f->s[i].open && f->s[i].conn == conn)
			return &f->s[i];
	return NULL;
}

static struct stream *nth(struct fuzz *f, unsigned n)
{
	unsigned open = 0;

	for (int i = 0; i < STREAMS; i++)
		open += f->s[i].open;
	if (!open)
		return NULL;
	n %= open;
	for (int i = 0; i < STREAMS; i++)
		if (f->s[i].open && n-- == 0)
			return &f->s[i];
	return NULL;
}

/* --- what the core sends ------------------------------------------------------ */

static int hex2(const uint8_t *p)
{
	int v = 0;

	for (int i = 0; i < 2; i++) {
		if (p[i] >= '0' && p[i] <= '9')
			v = v * 16 + p[i] - '0';
		else if (p[i] >= 'a' && p[i] <= 'f')
			v = v * 16 + p[i] - 'a' + 10;
		else
			return -1;
	}
	return v;
}

static size_t make_text(unsigned number, size_t len, char *buf)
{
	size_t n = (size_t)sprintf(buf, "w%u.%zu.", number, len);

	while (n < len)
		buf[n] = "abcdefgh"[(number + n) % 8], n++;
	buf[n] = 0;
	return n;
}

static void check_message(struct fuzz *f, const struct stream *s, const uint8_t *p, size_t n, int mid)
{
	char text[400];
	unsigned number = 0;
	size_t len = 0;

	FUZZ_CHECK(n < sizeof text && sscanf((const char *)p + 2, "w%u.%zu.", &number, &len) == 2 &&
			   number < f->n_lines && len < 300,
		"sent a line that was never written: %.*s", (int)n, p);
	FUZZ_CHECK(make_text(number, len, text) == n - 2 && memcmp(text, p + 2, n - 2) == 0,
		"sent a damaged line: %.*s", (int)n, p);
	FUZZ_CHECK(f->l[number].mid < 0 || f->l[number].mid == mid, "line %u was sent as %02x and as %02x",
		number, (unsigned)f->l[number].mid, (unsigned)mid);
	/* it may end while a copy still waits in the stream's buffer, but no new stream brings it up */
	FUZZ_CHECK(f->l[number].state == OPEN || f->l[number].ended > s->opened,
		"line %u was sent after its end", number);
	f->l[number].mid = mid;
}

static void check_line(struct fuzz *f, struct stream *s, const uint8_t *p, size_t n)
{
	int mid;

	if (!f->role->server && !s->id_said) {
		s->id_said = true;
		FUZZ_CHECK(n == strlen(ids[0]) && memcmp(p, ids[0], n) == 0, "first line is not the id: %.*s",
			(int)n, p);
		return;
	}
	if (n == 0)
		return;
	mid = n >= 2 ? hex2(p) : -1;
	FUZZ_CHECK(mid >= 0, "sent a line without mid: %.*s", (int)n, p);
	if (n == 2)
		FUZZ_CHECK(s->brought[mid] && f->pulled[mid], "acknowledged %02x, which was not %s",
			(unsigned)mid, s->brought[mid] ? "pulled" : "brought");
	else
		check_message(f, s, p, n, mid);
}

static void check_sent(struct fuzz *f, struct stream *s, const uint8_t *p, size_t n)
{
	for (; n; p++, n--) {
		if (*p != '\n') {
			FUZZ_CHECK(s->n_out < sizeof s->out - 1, "sent a line that is too long");
			s->out[s->n_out++] = *p;
			continue;
		}
		s->out[s->n_out] = 0;
		check_line(f, s, s->out, s->n_out);
		s->n_out = 0;
	}
}

static void send_some(struct fuzz *f, struct stream *s, size_t most)
{
	while (s && s->open && most) {
		size_t n = 0;
		const uint8_t *p = f->role->ops->pending(f->core, s->conn, &n);

		if (!n)
			return;
		n = n < most ? n : most;
		check_sent(f, s, p, n);
		most -= n;
		f->role->ops->sent(f->core, f->now, s->conn, n);
	}
}

/* --- what the core wants ------------------------------------------------------- */

static void serve(struct fuzz *f)
{
	struct lan_want w;

	while (f->role->ops->want(f->core, &w)) {
		if (w.kind == LAN_WANT_DIAL) {
			FUZZ_CHECK(!f->role->server && !f->dial, "dials twice");
			f->dial = true;
			continue;
		}
		struct stream *s = by_conn(f, w.conn);

		FUZZ_CHECK(s, "wants %d of stream %u, which is not open", (int)w.kind, w.conn);
		if (w.kind == LAN_WANT_CLOSE)
			s->open = false;
	}
	FUZZ_CHECK(f->role->pending(f->core) <= f->n_lines, "more lines pending than were written");
}

/* --- what comes in --------------------------------------------------------------- */

static void feed(struct fuzz *f, struct stream *s, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	while (s && s->open && n) {
		size_t room = 0;
		uint8_t *to = f->role->ops->room(f->core, s->conn, &room);

		if (!room)
			return; /* the rest is lost: a driver would wait, another input will */
		room = room < n ? room : n;
		memcpy(to, p, room);
		p += room;
		n -= room;
		if (f->role->ops->commit(f->core, f->now, s->conn, room) != LAN_OK)
			serve(f);
	}
}

/* Raw bytes may bring any message: allow what they could mean. */
static void feed_raw(struct fuzz *f, struct stream *s, size_t n)
{
	n = n < (size_t)(f->end - f->p) ? n : (size_t)(f->end - f->p);
	if (s)
		memset(s->brought, 1, sizeof s->brought);
	feed(f, s, f->p, n);
	f->p += n;
}

static void feed_msg(struct fuzz *f, struct stream *s)
{
	uint8_t mid = take(f), which = take(f);
	char line[40];
	int n = sprintf(line, which < 128 ? "%02xm%u\n" : "%02xx\xc3\xa9%u\n", mid, which & 127u);

	if (s)
		s->brought[mid] = true;
	feed(f, s, line, (size_t)n);
}

static void feed_long(struct fuzz *f, struct stream *s, unsigned n)
{
	char x[40];

	memset(x, 'a', sizeof x);
	if (s)
		memset(s->brought, 1, sizeof s->brought);
	while (n--)
		feed(f, s, x, sizeof x);
}

/* --- what the application does ------------------------------------------------------ */

static struct line *by_token(struct fuzz *f, const struct iot_event *ev)
{
	for (unsigned i = 0; i < f->n_lines; i++)
		if (f->l[i].state != UNWRITTEN && f->l[i].token == ev->token &&
			(!f->role->server || strcmp(ids[f->l[i].id], ev->id) == 0))
			return &f->l[i];
	return NULL;
}

static void check_event(struct fuzz *f, const struct iot_event *ev)
{
	struct line *l;

	switch (ev->kind) {
	case IOT_MESSAGE:
		FUZZ_CHECK(ev->line[ev->len] == 0 && !memchr(ev->line, '\n', ev->len),
			"an odd line was delivered");
		f->pulled[ev->mid] = true;
		break;
	case IOT_ACKED:
	case IOT_LOST:
		l = by_token(f, ev);
		FUZZ_CHECK(l, "an end for a line that was never written");
		FUZZ_CHECK(l->state == OPEN, "two ends of line %u", (unsigned)(l - f->l));
		FUZZ_CHECK(ev->kind == IOT_ACKED || !(l->flags & IOT_QOS), "a qos line was given up");
		l->state = ev->kind == IOT_ACKED ? ACKED : LOST;
		l->ended = f->steps;
		break;
	default:
		FUZZ_CHECK(ev->id && ev->peer && ev->reason, "an event without its texts");
	}
}

static void pull(struct fuzz *f, unsigned n)
{
	struct iot_event ev;

	while (n-- && f->role->event(f->core, f->now, &ev))
		check_event(f, &ev);
}

static void write_line(struct fuzz *f, unsigned a)
{
	unsigned flags = a & 3, id = a >> 2 & 3, len = take(f) % 200;
	struct line *l = &f->l[f->n_lines];
	char text[400];
	enum lan_err err;

	if (f->n_lines == LINES)
		return;
	size_t n = make_text(f->n_lines, len, text);
	uint64_t token = 0;

	*l = (struct line){.state = OPEN, .flags = flags, .id = f->role->server ? id : 0, .mid = -1};
	f->n_lines++; /* it may be sent from inside the call's consequences */
	err = f->role->write(f->core, f->now, ids[l->id], text, n, flags, &token);
	l->token = token;
	if (err != LAN_OK)
		*l = (struct line){.state = UNWRITTEN};
}

static void open_stream(struct fuzz *f, enum lan_err result)
{
	int i = 0;

	if (!f->role->server && !f->dial)
		return;
	while (i < STREAMS && f->s[i].open)
		i++;
	if (i == STREAMS || (f->role->server && result))
		return;
	f->dial = false;
	memset(&f->s[i], 0, sizeof f->s[i]);
	f->s[i].conn = LAN_NO_CONN;
	f->s[i].opened = f->steps;
	if (f->role->ops->open(f->core, f->now, result, "fuzz:1", &f->s[i].conn) == LAN_OK &&
		result == LAN_OK) {
		FUZZ_CHECK(f->s[i].conn != LAN_NO_CONN && !by_conn(f, f->s[i].conn),
			"a stream without a free number");
		f->s[i].open = true;
	}
}

static void lose(struct fuzz *f, struct stream *s, unsigned a)
{
	if (!s)
		return;
	s->open = false;
	f->role->ops->lost(f->core, f->now, s->conn, a & 8 ? LAN_ERR_RESET : LAN_ERR_CLOSED);
}

static void tick(struct fuzz *f)
{
	f->role->ops->tick(f->core, f->now);
	FUZZ_CHECK(f->role->ops->deadline(f->core) > f->now, "a tick leaves its deadline in the past");
}

static void pass_time(struct fuzz *f, lan_time d)
{
	f->now += d;
	if (f->role->ops->deadline(f->core) <= f->now)
		tick(f);
}

static void step(struct fuzz *f, uint8_t byte)
{
	unsigned a = byte >> 4;
	struct stream *s = nth(f, a);
	lan_time at;
	char id[16];

	switch (byte & 15) {
	case OP_OPEN:
		open_stream(f, LAN_OK);
		break;
	case OP_DIAL_FAIL:
		open_stream(f, a & 1 ? LAN_ERR_REFUSED : LAN_ERR_TIMEOUT);
		break;
	case OP_RAW:
		feed_raw(f, s, take(f));
		break;
	case OP_ID:
		feed(f, nth(f, take(f)), id, (size_t)sprintf(id, "%s\n", ids[a & 3]));
		break;
	case OP_MSG:
		feed_msg(f, s);
		break;
	case OP_ACK:
		feed(f, s, id, (size_t)sprintf(id, "%02x\n", take(f)));
		break;
	case OP_LF:
		feed(f, s, "\n", 1);
		break;
	case OP_LONG:
		feed_long(f, s, a);
		break;
	case OP_TIME:
		pass_time(f, (a + 1) * (TIMEOUT / 16));
		break;
	case OP_NEXT:
		at = f->role->ops->deadline(f->core);
		if (at == LAN_NEVER)
			break;
		f->now = at > f->now ? at : f->now;
		tick(f);
		break;
	case OP_WRITE:
		write_line(f, a);
		break;
	case OP_DROP:
		(void)!f->role->drop(f->core, f->now, ids[a & 3]);
		break;
	case OP_PULL:
		pull(f, a == 15 ? 1000 : a + 1);
		break;
	case OP_SEND:
		send_some(f, s, take(f));
		break;
	case OP_SENDALL:
		send_some(f, s, SIZE_MAX);
		break;
	case OP_LOST:
		lose(f, s, a);
		break;
	}
	serve(f);
}

void fuzz_script(const struct fuzz_role *role, const uint8_t *p, size_t n)
{
	static const char *const expect[] = {"1", "3"};
	struct fuzz *f = calloc(1, sizeof *f);
	struct lan_env env = {.ctx = f, .entropy = entropy};
	uint8_t opts = n ? *p : 0;
	struct iot_config cfg = {.timeout = TIMEOUT,
		.window = opts & 1 ? 3 : 0,
		.max_line = 300,
		.max_queue = opts & 2 ? 400 : 0,
		.max_events = opts & 4 ? 300 : 0,
		.heartbeat = opts & 8,
		.id = ids[0],
		.expect = expect,
		.n_expect = opts & 16 ? 2 : 0,
		.only_expected = opts & 32,
		.dup = (enum iot_dup)((opts >> 6) % 3),
		.max_partial = 700,
		.max_clients = 3,
		.max_handshakes = 3,
		.give_up_first = opts & 32};

	if (!f)
		abort();
	*f = (struct fuzz){.role = role, .now = LAN_SEC(5), .p = p + (n > 0), .end = p + n};
	f->core = role->make(&env, &cfg);
	serve(f);
	while (f->p < f->end) {
		f->steps++;
		step(f, *f->p++);
	}
	role->free(f->core);
	free(f);
}
