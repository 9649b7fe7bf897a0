/*
 * fuzz_serpy_core.c - the whole core under a script: connections that come and
 * go, bytes of any kind, time, messages and blobs out in any pieces, everything
 * the application can ask for, in any order. The harness is a correct driver and
 * a correct application, so whatever goes wrong is the core's doing. Held against
 * it at each step:
 *
 *  - wants are of streams that are open, and a client dials once at a time;
 *  - what it sends is frames with the right sum, or blocks; an unfinished one is
 *    only ever at the end of a stream; no data leave in a mode that is not set;
 *  - each connection is told UP, then what it brings, then DOWN, then at most one
 *    LOST with no more messages than were queued;
 *  - tokens count 1, 2, 3 .., and each message ends at most once;
 *  - lent bytes are released once;
 *  - a tick leaves a deadline in the future.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../unit/serpy_step.h"
#include "fuzz_script.h"

enum {
	DO_OPEN,
	DO_REFUSE,
	DO_RAW,
	DO_MESSAGE,
	DO_ANSWER,
	DO_TIME,
	DO_NEXT,
	DO_SAY,
	DO_PULL,
	DO_TAKE,
	DO_TAKE_ALL,
	DO_LOSE,
	DO_HOLD,
	DO_END,
	DO_BLOB,
	DO_REF
};

#define STREAMS 4
#define CONNS   128
#define TOKENS  512

enum told { NOT_YET, TOLD_UP, TOLD_DOWN, TOLD_LOST };

/* What was sent on one stream, as far as it is read. */
struct wire {
	uint8_t head[16];
	size_t n_head;
	uint32_t left, sum, want;
	bool in_frame;
	int mode, asked; /* serpy1: of the wire, and what an unanswered SETMODE asks for; else the same */
	bool waits;      /* a SETMODE is not answered */
};

struct queue { /* messages towards one connection; a client has one */
	uint64_t last;
	uint8_t fate[TOKENS];
};

struct fuzz {
	struct step st;
	bool server;
	enum serpy_dialect dialect;
	struct wire wire[STREAMS];
	enum told told[CONNS];
	struct queue queue[CONNS];
	uint64_t ids, lent, released;
	bool held[CONNS];
	const uint8_t *p, *end;
};

static struct fuzz f;
static const uint8_t content[256] = "0123456789abcdef";

static uint8_t take(void)
{
	return f.p < f.end ? *f.p++ : 0;
}

/* Open stream number n of those there are, STREAMS: none. */
static uint32_t nth(unsigned n)
{
	uint32_t open[STREAMS], count = 0;

	for (uint32_t i = 0; i < STREAMS; i++)
		if (f.st.at[i].open)
			open[count++] = i;
	return count ? open[n % count] : STREAMS;
}

/* A connection that there is or was. */
static uint64_t some_id(unsigned n)
{
	return f.server && f.ids ? 1 + (f.ids > 3 ? f.ids - 1 - n % 3 : n % f.ids) : 0;
}

/* --- what it sends ------------------------------------------------------------------------- */

static void check_byte2(struct wire *w, uint8_t byte)
{
	if (w->in_frame) {
		w->sum += byte;
		if (--w->left)
			return;
		FUZZ_CHECK(w->sum == w->want, "sent a wrong sum");
		w->in_frame = false;
		return;
	}
	w->head[w->n_head++] = byte;
	if (w->n_head == 13 && memcmp(w->head, "lanyard-blob?", 13) == 0)
		w->n_head = 0;
	if (w->n_head < 14)
		return;
	FUZZ_CHECK(memcmp(w->head, "\xde\xca\xfe\xca\xfe", 5) == 0, "sent no frame: %.14s", w->head);
	memcpy(&w->want, w->head + 6, 4);
	memcpy(&w->left, w->head + 10, 4);
	w->n_head = 0;
	w->sum = 0;
	w->in_frame = w->left > 0;
	FUZZ_CHECK(w->left || !w->want, "sent a sum of nothing");
}

/* A control word of serpy, without its end. */
static void check_word(struct wire *w)
{
	if (w->n_head == 9 && memcmp(w->head, "\001SETMODE", 8) == 0) {
		FUZZ_CHECK(!w->waits, "asks for a mode before the last was answered");
		FUZZ_CHECK(w->head[8] >= '0' && w->head[8] <= '5', "asks for mode %c", w->head[8]);
		w->asked = w->head[8] - '0';
		w->waits = true;
		return;
	}
	FUZZ_CHECK(w->n_head == 9 && (memcmp(w->head, "\001ACKMODCG", 9) == 0 ||
					     memcmp(w->head, "\001ACKEOT!!", 9) == 0),
		"sent a foreign word");
}

static void check_byte1(struct wire *w, uint8_t byte)
{
	if (byte != 0x1f) {
		if (w->n_head < sizeof w->head)
			w->head[w->n_head] = byte;
		w->n_head++;
		return;
	}
	FUZZ_CHECK(w->n_head, "sent an empty block");
	if (w->head[0] == 1)
		check_word(w);
	else
		FUZZ_CHECK(w->mode == w->asked, "sent data in a mode that was not answered");
	w->n_head = 0;
}

static void send_some(uint32_t conn, size_t most)
{
	uint8_t piece[4096];
	size_t n;

	while (conn < STREAMS && most &&
		(n = step_take(&f.st, conn, piece, most < sizeof piece ? most : sizeof piece))) {
		most -= n;
		for (size_t i = 0; i < n; i++)
			if (f.dialect == SERPY2)
				check_byte2(&f.wire[conn], piece[i]);
			else
				check_byte1(&f.wire[conn], piece[i]);
	}
}

/* --- what comes in --------------------------------------------------------------------------- */

static void feed(uint32_t conn, const void *p, size_t n)
{
	if (conn < STREAMS)
		step_feed(&f.st, conn, p, n); /* the rest is lost: another input will wait */
}

static void feed_message(uint32_t conn, unsigned a)
{
	static const char *const texts[] = {"hello\x1f", "m\x04\x1f", "\001SETMODE1\x1f", "VPaz\x04\x1f",
		"\001SETMODE2\x1f", "VPaz\x1f", "\001SETMODE0\x1f", "part\x1f"};
	uint8_t frame[14 + 255] = "\xde\xca\xfe\xca\xfe";
	unsigned n = take(), sum = 0;

	if (f.dialect == SERPY1) {
		feed(conn, texts[n % 8], strlen(texts[n % 8]));
		return;
	}
	frame[5] = (uint8_t[]){0x01, 0x21, 0x81, 0x11}[a % 4];
	for (unsigned i = 0; i < n; i++)
		sum += frame[14 + i] = a % 4 == 3 ? '1' : content[i % 16];
	memcpy(frame + 6, &sum, 4);
	frame[10] = (uint8_t)n;
	feed(conn, frame, 14 + n);
}

/* What a peer answers; a SETMODE only if one was sent. */
static void answer(uint32_t conn, unsigned a)
{
	if (conn == STREAMS || f.dialect == SERPY2)
		return;
	if (a & 1) {
		feed(conn, "\001ACKEOT!!\x1f", 10);
	} else if (f.wire[conn].waits) {
		f.wire[conn].waits = false;
		f.wire[conn].mode = f.wire[conn].asked;
		feed(conn, "\001ACKMODCG\x1f", 10);
	}
}

/* --- what is told ------------------------------------------------------------------------------ */

static void check_ending(const struct serpy_event *ev, struct queue *q)
{
	FUZZ_CHECK(ev->token && ev->token <= q->last, "an end for a message that was never sent");
	if (ev->token >= TOKENS)
		return;
	FUZZ_CHECK(ev->kind == SERPY_SENT || q->fate[ev->token] <= 1, "two ends of message %u",
		(unsigned)ev->token);
	q->fate[ev->token] = ev->kind == SERPY_SENT ? q->fate[ev->token] | 1 : 2;
}

static void check_event(const struct serpy_event *ev)
{
	enum told *told;

	if (ev->kind == SERPY_REFUSED || ev->kind == SERPY_RETRY || ev->kind == SERPY_GAVE_UP) {
		FUZZ_CHECK(ev->reason && *ev->reason, "event %d without a reason", (int)ev->kind);
		return;
	}
	FUZZ_CHECK(f.server ? ev->conn && ev->conn <= f.ids : !ev->conn, "an event of connection %u",
		(unsigned)ev->conn);
	told = &f.told[ev->conn];
	switch (ev->kind) {
	case SERPY_UP:
		FUZZ_CHECK(*told == NOT_YET || (!f.server && *told >= TOLD_DOWN), "up twice");
		FUZZ_CHECK(ev->peer, "up, but who?");
		*told = TOLD_UP;
		break;
	case SERPY_DOWN:
		FUZZ_CHECK(*told == TOLD_UP, "down without up (%d)", (int)*told);
		FUZZ_CHECK(ev->reason && *ev->reason, "down without a reason");
		*told = TOLD_DOWN;
		break;
	case SERPY_LOST:
		FUZZ_CHECK(ev->reason && *ev->reason && ev->lost + ev->doubled,
			"nothing is lost: %s, %u + %u", ev->reason, (unsigned)ev->lost,
			(unsigned)ev->doubled);
		FUZZ_CHECK(ev->lost + ev->doubled <= f.queue[ev->conn].last &&
				   ev->unreached <= ev->lost + ev->doubled,
			"more is lost than was ever sent");
		break;
	case SERPY_ACKED:
	case SERPY_EXPIRED:
	case SERPY_SENT:
		check_ending(ev, &f.queue[ev->conn]);
		break;
	case SERPY_MESSAGE:
	case SERPY_PIECE:
	case SERPY_DAMAGED:
	case SERPY_ASKED:
		FUZZ_CHECK(*told == TOLD_UP, "event %d of a connection that is not up", (int)ev->kind);
		FUZZ_CHECK(ev->value.len == 0 || ev->value.data, "bytes from nowhere");
		break;
	default:
		break;
	}
}

/* Told of what is sent, not of what came: a connection that is held says it all the same. */
static bool of_a_queue(const struct serpy_event *ev)
{
	return ev->kind == SERPY_SENT || ev->kind == SERPY_EXPIRED || ev->kind == SERPY_WRITABLE ||
	       ev->kind == SERPY_LOST || ev->kind == SERPY_RETRY || ev->kind == SERPY_GAVE_UP ||
	       ev->kind == SERPY_REFUSED;
}

static void pull(unsigned n, uint64_t of)
{
	struct serpy_event ev;

	while (n--) {
		if (of == UINT64_MAX ? !step_pull(&f.st, &ev) : !serpy_next(f.st.s, f.st.now, of, &ev))
			break;
		FUZZ_CHECK(of != UINT64_MAX || !f.held[ev.conn] || of_a_queue(&ev),
			"an event of a held connection");
		check_event(&ev);
	}
	step_wants(&f.st);
}

/* --- what the application does -------------------------------------------------------------------- */

static void queued(uint64_t id, uint64_t token, enum lan_err err)
{
	if (err)
		return;
	FUZZ_CHECK(token == f.queue[id].last + 1, "token %u after %u", (unsigned)token,
		(unsigned)f.queue[id].last);
	f.queue[id].last = token;
}

static void say_something(unsigned a)
{
	static const enum serpy_type types[] = {SERPY_STR, SERPY_BYTES, SERPY_INT, SERPY_FLOAT, SERPY_OBJECT};
	unsigned b = take(), n = take();
	uint64_t id = some_id(b >> 6), token = 0;
	struct serpy_value v = {.type = types[a % 5], .data = content, .len = n, .integer = n, .real = n};
	struct serpy_how how = {.mode = (int)(b % 8), .timeout = b & 8 ? LAN_SEC(1) : 0, .force = b & 16};
	const char *why = NULL;

	if (f.dialect == SERPY2)
		how = (struct serpy_how){0};
	if (how.force && how.mode < 2)
		how.force = false; /* what is then on the wire is the application's own doing */
	if (v.type == SERPY_STR)
		v.len %= 16; /* no NULs */
	enum lan_err err = serpy_send(f.st.s, f.st.now, id, &v, &how, &token, &why);
	FUZZ_CHECK(!err || why, "an error without its why");
	if (!err && token) /* or it is dropped */
		queued(id, token, err);
}

static void release(void *ctx)
{
	f.released++;
	FUZZ_CHECK(ctx == &f && f.released <= f.lent, "released twice");
}

/* What the core gives back, as its caller has to ask after every call. */
static void collect(void)
{
	void (*give_back)(void *ctx);
	void *ctx;

	while (serpy_released(f.st.s, &give_back, &ctx))
		give_back(ctx);
}

static void lend(unsigned a)
{
	uint64_t id = some_id(a), token = 0;
	const char *why = NULL;
	static uint8_t large[70000];
	size_t n = take() * 256u + a;

	enum lan_err err = serpy_send_ref(f.st.s, f.st.now, id, large, n, release, &f, &token, &why);
	f.lent += !err;
	collect();
	if (!err && token)
		queued(id, token, err);
}

static void blob(unsigned a)
{
	uint64_t id = some_id(a >> 2), token = 0;
	struct serpy_how how = {.mode = f.dialect == SERPY1 ? 2 + (int)(a & 1) : 0};
	uint32_t sum = 0;
	size_t n = take(), took = 0;
	const char *why = NULL;
	enum lan_err err;

	switch (a & 3) {
	case 0:
		for (size_t i = 0; i < n; i++)
			sum += 'x';
		err = serpy_blob_begin(f.st.s, f.st.now, id, n, sum, &how, &token, &why);
		if (!err && token)
			queued(id, token, err);
		break;
	case 3:
		(void)!serpy_blob_end(f.st.s, f.st.now, id);
		break;
	default: {
		char x[255];
		memset(x, 'x', sizeof x);
		n = n < sizeof x ? n : sizeof x;
		err = serpy_blob_write(f.st.s, f.st.now, id, x, n, &took);
		FUZZ_CHECK(err || took <= n, "took more than there was");
	}
	}
}

static void end_something(unsigned a)
{
	uint64_t id = some_id(a >> 2);

	if ((a & 3) == 0)
		(void)!serpy_finish(f.st.s, f.st.now, id);
	else if ((a & 3) == 1)
		f.queue[id].last += serpy_ask(f.st.s, f.st.now, id) == LAN_OK; /* it has a number, too */
	else
		(void)!serpy_drop(f.st.s, f.st.now, id);
}

static void hold(unsigned a)
{
	uint64_t id = some_id(a >> 1);

	if (serpy_hold(f.st.s, f.st.now, id, a & 1) == LAN_OK)
		f.held[id] = a & 1;
}

static void open_stream(void)
{
	unsigned open = 0;

	for (int i = 0; i < STREAMS; i++)
		open += f.st.at[i].open;
	if (open == STREAMS - 1 || f.ids == CONNS - 2 || (!f.server && !f.st.dial))
		return;
	uint32_t conn = step_open(&f.st);
	if (conn == LAN_NO_CONN)
		return;
	FUZZ_CHECK(conn < STREAMS, "stream number %u of %u", conn, open + 1);
	f.ids++;
	f.wire[conn] = (struct wire){0};
}

static void pass(lan_time d)
{
	f.st.now += d;
	if (serpy_ops.deadline(f.st.s) > f.st.now)
		return;
	serpy_ops.tick(f.st.s, f.st.now);
	FUZZ_CHECK(serpy_ops.deadline(f.st.s) > f.st.now, "a tick leaves its deadline in the past");
}

static void step(uint8_t byte)
{
	unsigned a = byte >> 4, n;
	uint32_t conn = nth(a);
	lan_time at;

#ifdef TRACE_STEPS
	static const char *const names[] = {"OPEN", "REFUSE", "RAW", "MESSAGE", "ANSWER", "TIME", "NEXT",
		"SAY", "PULL", "TAKE", "TAKE_ALL", "LOSE", "HOLD", "END", "BLOB", "REF"};
	fprintf(stderr, "%s %u\n", names[byte & 15], a);
#endif
	switch (byte & 15) {
	case DO_OPEN:
		open_stream();
		break;
	case DO_REFUSE:
		if (!f.server && f.st.dial)
			step_refuse(&f.st, a & 1 ? LAN_ERR_REFUSED : LAN_ERR_TIMEOUT);
		break;
	case DO_RAW:
		n = take();
		n = n < (size_t)(f.end - f.p) ? n : (unsigned)(f.end - f.p);
		feed(conn, f.p, n);
		f.p += n;
		break;
	case DO_MESSAGE:
		feed_message(conn, a);
		break;
	case DO_ANSWER:
		answer(conn, a >> 1);
		break;
	case DO_TIME:
		pass(LAN_MS(50) << a);
		break;
	case DO_NEXT:
		at = serpy_ops.deadline(f.st.s);
		if (at != LAN_NEVER)
			pass(at > f.st.now ? at - f.st.now : 0);
		break;
	case DO_SAY:
		say_something(a);
		break;
	case DO_PULL:
		pull(a == 15 ? 1000 : a % 8 + 1, a & 8 ? some_id(a) : UINT64_MAX);
		break;
	case DO_TAKE:
		send_some(conn, take());
		break;
	case DO_TAKE_ALL:
		send_some(conn, SIZE_MAX);
		break;
	case DO_LOSE:
		if (conn < STREAMS && a & 8 && a & 4)
			serpy_ops.unreached(f.st.s, conn, a * 7);
		if (conn < STREAMS)
			step_lose(&f.st, conn, a & 8 ? LAN_ERR_RESET : LAN_ERR_CLOSED);
		break;
	case DO_HOLD:
		hold(a);
		break;
	case DO_END:
		end_something(a);
		break;
	case DO_BLOB:
		blob(a);
		break;
	case DO_REF:
		lend(a);
		break;
	}
	step_wants(&f.st);
	collect();
	FUZZ_CHECK(serpy_conns(f.st.s) < STREAMS + 1, "more connections than streams");
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n < 2)
		return 0;
	struct serpy_config cfg = {.dialect = p[0] & 1 ? SERPY1 : SERPY2,
		.server = p[0] & 2,
		.max_message = p[0] & 4 ? 400 : 0,
		.pieces = p[0] & 8,
		.piece = p[0] & 8 ? 50 : 0,
		.max_queue = p[0] & 16 ? 500 : 0,
		.full = (enum serpy_full)((p[0] >> 5) % 3),
		.frame_timeout = LAN_SEC(3),
		.max_conns = 3,
		.retries = p[1] & 1 ? 4 : 0,
		.once = (p[1] & 14) == 14,
		.resend = p[1] & 16,
		.window = p[1] & 32 ? 2 : 0,
		.confirm = p[1] & 64 ? LAN_SEC(1) : 0,
		.resync = p[1] & 128};

	memset(&f, 0, sizeof f);
	f.server = cfg.server;
	f.dialect = cfg.dialect;
	f.p = p + 2;
	f.end = p + n;
	if (step_init(&f.st, &cfg))
		abort();
	step_wants(&f.st);
	while (f.p < f.end)
		step(*f.p++);
	serpy_give_up(f.st.s);
	collect();
	serpy_free(f.st.s);
	FUZZ_CHECK(
		f.released == f.lent, "%u of %u lent were released", (unsigned)f.released, (unsigned)f.lent);
	return 0;
}
