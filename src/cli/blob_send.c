/*
 * blob_send.c - `lanyard blob send FILE HOST:PORT`: one file, in constant memory.
 *
 * A file of up to 4 GiB is one message of bytes, exactly as the original library
 * would send it. Then the other end is asked whether it is Lanyard: if it is, it
 * gets the name and confirms that the file is stored; an original notices
 * nothing, and confirms nothing. A larger file goes in parts, to Lanyard only.
 * On serpy1 it is a message of mode 3, whose acknowledgement is all there is.
 * docs/protocols/serpy-blob.md, lanyard-stream(7).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/blob.h"
#include "cli/out_json.h"
#include "cli/progress.h"
#include "cli/say.h"
#include "cli/wait.h"

#define LINGER  LAN_MS(500)
#define GOODBYE LAN_SEC(2) /* for the end of the connection in good order */
#define LANDING LAN_MS(20) /* nothing tells when the other system has got the last bytes */
enum { CHUNK = 256 << 10, BEHIND = 16 << 20 };

struct sending {
	struct strm m;
	struct source src;
	struct progress bar;
	const char *path;
	bool serpy1, up, down, acked;
	uint64_t sent; /* bytes handed over */
	uint64_t token, done_token;
	struct talk answer; /* the last word of the other end; kind 0: none yet */
	lan_time linger, began;
	uint64_t rate; /* bytes a second; 0: as fast as it goes */
	double budget; /* bytes that may go now */
	lan_time filled;
	lan_time held_up; /* waited for room during the last of it, which may still be in buffers */
	char reason[160]; /* why the connection ended */
	bool over;
	int rc; /* valid once it is over */
	char buf[CHUNK];
};

/* The end, with what is said about it. Always false. */
static bool fail(struct sending *s, enum exit_code code, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static bool fail(struct sending *s, enum exit_code code, const char *hint, const char *fmt, ...)
{
	va_list ap;
	if (s->over)
		return false;
	progress_end(&s->bar);
	va_start(ap, fmt);
	s->rc = cli_verror(s->m.cli, code, hint, fmt, ap);
	va_end(ap);
	s->over = true;
	return false;
}

static void note(struct sending *s, const struct lan_stream_event *ev)
{
	struct talk t;
	switch (ev->kind) {
	case LAN_STREAM_UP:
		s->up = true;
		break;
	case LAN_STREAM_DOWN:
	case LAN_STREAM_GAVE_UP:
		if (!s->down)
			snprintf(s->reason, sizeof s->reason, "%s",
				ev->reason && *ev->reason ? ev->reason : lan_err_text(ev->err));
		s->down = true;
		break;
	case LAN_STREAM_ACKED:
		s->acked |= ev->token == s->token;
		break;
	case LAN_STREAM_SENT:
		s->done_token = ev->token;
		break;
	case LAN_STREAM_MESSAGE:
		talk_read(&ev->value, &t);
		if (t.kind)
			s->answer = t;
		else
			cli_detail(s->m.cli, "a message of the other end was ignored");
		break;
	default:
		break;
	}
	if (s->m.cli->verbose && ev->kind != LAN_STREAM_MESSAGE && ev->kind != LAN_STREAM_GAVE_UP &&
		!s->m.json)
		strm_tell(&s->m, ev);
}

/* Waits for something to happen, at most until `until`. False: it is over. */
static bool turn(struct sending *s, lan_time until)
{
	struct lan_stream_event ev;
	strm_wait(&s->m, -1, until < s->m.ends ? until : s->m.ends);
	lan_loop_process(s->m.loop);
	while (lan_stream_event(s->m.stream, &ev))
		note(s, &ev);
	if (cli_signals() && !s->over) {
		progress_end(&s->bar);
		s->over = true;
		s->rc = EXIT_INTERRUPTED;
	}
	if (!s->over && cli_now() >= s->m.ends)
		return fail(s, EXIT_TIMEOUT, "give it more time with --timeout",
			"--timeout %s was not enough", cli_opt(s->m.cli, "timeout"));
	return !s->over;
}

static bool lost(struct sending *s)
{
	char sent[HUMAN_SIZE], all[HUMAN_SIZE];
	return fail(s, EXIT_FAILED, "nothing of it is kept there if that was lanyard blob recv",
		"the connection to %s ended after %s of %s: %s", lan_stream_address(s->m.stream),
		human_size((double)s->sent, sent), human_size((double)s->src.size, all), s->reason);
}

static bool refused(struct sending *s)
{
	return fail(s, EXIT_FAILED, NULL, "%s refused it: %.200s", lan_stream_address(s->m.stream),
		s->answer.text);
}

/* Waits until the other end has said something. True: it has; else it is over, or silent. */
static bool heard(struct sending *s, lan_time patience)
{
	lan_time until = patience == LAN_NEVER ? LAN_NEVER : cli_now() + patience;
	while (!s->answer.kind && !s->down && cli_now() < until)
		if (!turn(s, until))
			return false;
	return s->answer.kind != TALK_NONE;
}

/* Waits until the system of the other end has all of it. False: it is over. */
static bool landed(struct sending *s)
{
	while (!s->down && (lan_stream_pending(s->m.stream) || lan_stream_under_way(s->m.stream)))
		if (!turn(s, cli_now() + LANDING))
			return false;
	return !s->down || lost(s);
}

/* Asks the other end whether it is Lanyard. Its program may be as far behind as it was slow until now. */
static bool ask(struct sending *s)
{
	s->answer.kind = TALK_NONE;
	if (!landed(s))
		return false;
	enum lan_err err = lan_stream_ask(s->m.stream, 0);
	if (err)
		return fail(s, EXIT_FAILED, NULL, "cannot ask %s: %s", lan_stream_address(s->m.stream),
			lan_err_text(err));
	return heard(s, s->linger + s->held_up);
}

static bool say(struct sending *s, uint64_t parts)
{
	struct talk t = {.kind = TALK_BLOB, .size = s->src.size, .parts = parts};
	snprintf(t.text, sizeof t.text, "%s", s->src.name);
	t.named = *t.text;
	s->answer.kind = TALK_NONE;
	enum lan_err err = talk_send(s->m.stream, 0, &t);
	return err ? fail(s, EXIT_FAILED, NULL, "cannot tell the name: %s", lan_err_text(err)) : true;
}

/* How many of n bytes may go now; else waits. 0: not now, or it is over. */
static size_t allowed(struct sending *s, size_t n)
{
	lan_time now = cli_now();
	double most = (double)s->rate / 10 > 4096 ? (double)s->rate / 10 : 4096;
	if (!s->rate)
		return n;
	s->budget += (double)(now - s->filled) / 1e9 * (double)s->rate;
	s->filled = now;
	if (s->budget > most)
		s->budget = most;
	/* Small steps would be many: wait for a tenth of the pool. */
	double least = (double)n < most / 10 ? (double)n : most / 10;
	if (s->budget < least) {
		turn(s, now + (lan_time)((least - s->budget) / (double)s->rate * 1e9) + LAN_MS(1));
		return 0;
	}
	return (double)n < s->budget ? n : (size_t)s->budget;
}

/* Hands over n bytes of s->buf. */
static bool push(struct sending *s, size_t n)
{
	for (size_t off = 0; off < n && !s->over;) {
		size_t some = allowed(s, n - off), took = 0;
		enum lan_err err =
			some ? lan_stream_blob_write(s->m.stream, 0, s->buf + off, some, &took) : LAN_OK;
		off += took;
		s->sent += took;
		s->budget -= (double)took;
		progress_at(&s->bar, s->sent);
		if (s->answer.kind == TALK_REFUSED)
			return refused(s);
		if (s->down)
			return lost(s);
		if (err && err != LAN_ERR_FULL && err != LAN_ERR_CLOSED)
			return fail(s, EXIT_FAILED, NULL, "cannot send: %s", lan_err_text(err));
		bool full = err || took < some;
		lan_time since = cli_now();
		if (some && !turn(s, full ? LAN_NEVER : 0))
			return false;
		if (s->src.size - s->sent < BEHIND)
			s->held_up += full ? cli_now() - since : 0;
	}
	return !s->over;
}

static bool unreadable(struct sending *s, int error)
{
	if (error == EIO)
		return fail(s, EXIT_FAILED, "send it when nothing writes to it any more",
			"%s got shorter while it was sent", s->path);
	return fail(s, EXIT_FAILED, NULL, "cannot read %s: %s", s->path, strerror(error));
}

/* The checksum of a part, which stands in front of it on serpy2. */
static bool checksum(struct sending *s, uint64_t from, uint64_t size, uint32_t *sum)
{
	*sum = 0;
	for (uint64_t at = 0; at < size && !s->serpy1;) {
		size_t n = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
		int error = source_read(&s->src, from + at, s->buf, n);
		if (error)
			return unreadable(s, error);
		*sum = lan_stream_sum(*sum, s->buf, n);
		at += n;
		if (!turn(s, 0))
			return false;
		if (s->down)
			return lost(s);
	}
	return true;
}

static bool begin(struct sending *s, uint64_t size, uint32_t sum)
{
	struct lan_stream_how how = LAN_STREAM_HOW_INIT;
	how.mode = s->serpy1 ? 3 : 0;
	for (;;) {
		enum lan_err err = lan_stream_blob_begin(s->m.stream, 0, size, sum, &how, &s->token);
		if (!err)
			return true;
		if (err != LAN_ERR_FULL && err != LAN_ERR_AGAIN)
			return fail(s, EXIT_FAILED, NULL, "cannot send: %s",
				*lan_stream_why() ? lan_stream_why() : lan_err_text(err));
		if (!turn(s, LAN_NEVER))
			return false;
		if (s->down)
			return lost(s);
	}
}

static bool send_part(struct sending *s, uint64_t from, uint64_t size)
{
	uint32_t sum, again = 0;
	if (!checksum(s, from, size, &sum) || !begin(s, size, sum))
		return false;
	for (uint64_t at = 0; at < size;) {
		size_t n = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
		int error = source_read(&s->src, from + at, s->buf, n);
		if (error)
			return unreadable(s, error);
		again = s->serpy1 ? 0 : lan_stream_sum(again, s->buf, n);
		if (!push(s, n))
			return false;
		at += n;
	}
	if (again != sum && !s->serpy1)
		return fail(s, EXIT_FAILED, "send it again when nothing writes to it any more",
			"%s was changed while it was sent: the other end throws it away", s->path);
	return true;
}

static bool connected(struct sending *s)
{
	while (!s->up && !s->down)
		if (!turn(s, LAN_NEVER))
			return false;
	return s->up || fail(s, EXIT_FAILED, "is a receiver there? lanyard blob recv ADDR:PORT --dir DIR",
				"cannot connect to %s: %s", lan_stream_address(s->m.stream), s->reason);
}

/* What came of it. */
static bool judged(struct sending *s)
{
	if (s->answer.kind == TALK_REFUSED)
		return refused(s);
	if (s->answer.kind == TALK_STORED)
		return true;
	return s->down ? lost(s) : fail(s, EXIT_FAILED, NULL, "the other end speaks out of turn");
}

static bool in_parts(struct sending *s)
{
	uint64_t parts = (s->src.size + BLOB_PART - 1) / BLOB_PART;
	if (!ask(s) && !s->over)
		return fail(s, EXIT_FAILED, "split it, e.g. with split -b 1G",
			"%s has not answered that it is Lanyard, and others take at most 4 GiB",
			lan_stream_address(s->m.stream));
	if (s->over || (s->answer.kind != TALK_WHO && !judged(s)) || !say(s, parts))
		return false;
	for (uint64_t i = 0, at = 0; i < parts; i++, at += BLOB_PART)
		if (!send_part(s, at, s->src.size - at < BLOB_PART ? s->src.size - at : BLOB_PART))
			return false;
	if (!s->answer.kind && !heard(s, LAN_NEVER) && !s->down)
		return false;
	return judged(s);
}

/* serpy1: the acknowledgement, and a moment for the other end to decode it. */
static bool acknowledged(struct sending *s)
{
	while (!s->acked && !s->down)
		if (!turn(s, LAN_NEVER))
			return false;
	for (lan_time until = cli_now() + s->linger; s->acked && !s->down && cli_now() < until;)
		if (!turn(s, until))
			return false;
	return s->acked || lost(s);
}

static bool whole(struct sending *s)
{
	if (!send_part(s, 0, s->src.size))
		return false;
	if (s->serpy1)
		return acknowledged(s);
	if (!ask(s)) {
		if (!s->over && !s->down)
			cli_detail(s->m.cli, "%s is no Lanyard, or slow to answer: it cannot confirm",
				lan_stream_address(s->m.stream));
		return s->down ? lost(s) : !s->over;
	}
	if (s->answer.kind != TALK_WHO)
		return judged(s);
	if (!say(s, 0) || (!heard(s, LAN_NEVER) && !s->down))
		return false;
	return judged(s);
}

static void report(struct sending *s)
{
	double seconds = (double)(cli_now() - s->began) / 1e9;
	char size[HUMAN_SIZE], rate[HUMAN_SIZE];
	bool stored = s->answer.kind == TALK_STORED;
	struct out *o = &s->m.out;
	progress_end(&s->bar);
	cli_say(s->m.cli, "sent %s in %.1f s (%s/s)%s%.255s", human_size((double)s->src.size, size), seconds,
		human_size(seconds > 0 ? (double)s->src.size / seconds : 0, rate),
		stored ? ", stored as " : "",
		stored      ? s->answer.text
		: s->serpy1 ? ", acknowledged"
			    : "");
	if (!s->m.json)
		return;
	strm_json(&s->m, "sent", NULL);
	out_json_text(o, "file", s->path, false);
	out_json_number(o, "size", s->src.size, false);
	out_printf(o, ",\"seconds\":%.3f", seconds);
	out_json_bool(o, "confirmed", stored || s->serpy1, false);
	if (stored)
		out_json_text(o, "stored", s->answer.text, false);
	out_text(o, "}\n");
	out_drain(o, LAN_NEVER, cli_signals());
}

static void goodbye(struct sending *s)
{
	lan_time until = cli_now() + GOODBYE;
	s->m.ends = LAN_NEVER; /* it is sent: late or not */
	if (lan_stream_finish(s->m.stream, 0) != LAN_OK)
		return;
	while (!s->down && cli_now() < until)
		if (!turn(s, until))
			return;
}

static int run(struct sending *s, const struct lan_stream_config *cfg)
{
	int rc = strm_open(&s->m, cfg);
	if (rc != EXIT_OK)
		return rc;
	if (connected(s)) {
		s->began = s->filled = cli_now();
		progress_begin(&s->bar, s->m.cli, s->src.size);
		bool large = s->src.size > BLOB_FRAME_MAX && !s->serpy1;
		if (large ? in_parts(s) : whole(s)) {
			report(s);
			goodbye(s);
		}
	}
	return s->over ? s->rc : EXIT_OK;
}

int blob_send_main(struct cli *cli, int argc, char **argv)
{
	static struct sending s;
	struct lan_stream_config cfg = LAN_STREAM_CONFIG_INIT;
	const char *name = cli_opt(cli, "name"), *why;
	s = (struct sending){.src.fd = -1, .path = argv[0]};
	int rc = strm_init(&s.m, cli, &cfg, false);
	s.serpy1 = cfg.dialect == LAN_STREAM_SERPY1;
	s.rate = cli_rate(cli, "limit", 0);
	s.linger = cli_duration(cli, "linger", LINGER);
	cfg.address = argv[1];
	cfg.once = true;
	cfg.objects = false;
	cfg.pieces = true; /* whatever an original sends back is not kept */
	if (rc == EXIT_OK)
		rc = source_open(&s.src, cli, s.path);
	if (rc == EXIT_OK && name && (why = store_name(name, s.src.name)))
		rc = cli_error(cli, EXIT_USAGE, "give the name of a file, without a folder", "--name %s: %s",
			name, why);
	if (rc == EXIT_OK)
		rc = run(&s, &cfg);
	strm_fini(&s.m);
	source_close(&s.src);
	return rc;
}
