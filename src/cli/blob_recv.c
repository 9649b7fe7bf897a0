/*
 * blob_recv.c - `lanyard blob recv ADDR:PORT --dir DIR`: every message of bytes is
 * a file. It is written as it comes, under a temporary name, and named when it
 * is whole: by the sender if that is Lanyard (docs/protocols/serpy-blob.md), else
 * blob-000001, .. in DIR. What is cut off, damaged or too large leaves nothing,
 * and neither does a full disk; that ends one file and not the program.
 *
 * --stdout writes to stdout instead, for one connection at a time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/blob.h"
#include "cli/out_json.h"
#include "cli/wait.h"

#define UNNAMED LAN_SEC(1)  /* a whole file waits so long for its name */
#define ASKED   LAN_SEC(10) /* and so long once its sender is known to be Lanyard */
#define DRAIN   LAN_SEC(5)
#define PIECE   (64u << 10)
#define TEXT    (1u << 20) /* the longest message that is no file */

/* A connection and the file that comes through it. */
struct incoming {
	struct conn at;
	struct store_file file;
	bool writing;          /* a file is coming in */
	bool whole;            /* all of it is there, and it has no name yet */
	lan_time named_by;     /* for `whole`: then it gets a name of our own */
	struct talk announced; /* parts: a file in several messages */
	uint64_t part;         /* of them that are there */
	bool ignoring;         /* what still comes of a file in parts that was refused */
	bool chatted;          /* that it sends other messages was said */
	char refusal[160];     /* why the last file was not kept; "": it was */
};

struct receiving {
	struct strm m;
	struct store store;
	struct conns conns;
	bool to_stdout;
	bool spoilt; /* a part of a file that is not whole stands on stdout: nothing may follow it */
	uint64_t max_size, want, received, failed;
	size_t unnamed; /* connections with a whole file */
};

static struct incoming *incoming_of(struct receiving *r, uint64_t conn)
{
	return (struct incoming *)conns_find(&r->conns, conn);
}

/* ---- what is said ---- */

static void tell(struct receiving *r, struct incoming *in, const struct talk *t)
{
	enum lan_err err = talk_send(r->m.stream, in->at.id, t);
	if (err && err != LAN_ERR_NOTFOUND)
		cli_say(r->m.cli, "connection %llu: cannot answer: %s", (unsigned long long)in->at.id,
			lan_err_text(err));
}

static void tell_refused(struct receiving *r, struct incoming *in)
{
	struct talk t = {.kind = TALK_REFUSED};
	snprintf(t.text, sizeof t.text, "%s", in->refusal);
	tell(r, in, &t);
}

static void json_event(struct receiving *r, const char *event, const struct incoming *in)
{
	struct lan_stream_event ev = {.kind = LAN_STREAM_MESSAGE, .conn = in->at.id};
	strm_json(&r->m, event, &ev);
	out_json_text(&r->m.out, "peer", in->at.peer, false);
	out_json_number(&r->m.out, "size", in->file.size, false);
}

static void stored(struct receiving *r, const struct incoming *in, const char *name)
{
	struct out *o = &r->m.out;
	char *path;
	r->received++;
	if (r->to_stdout || asprintf(&path, "%s/%s", r->store.path, name) < 0)
		return;
	if (r->m.json) {
		json_event(r, "blob", in);
		out_json_text(o, "file", path, false);
		out_text(o, "}\n");
	} else {
		struct lan_stream_value v = lan_stream_str(path, strlen(path));
		value_text(o, &v);
	}
	free(path);
}

/* A file ends here and is not kept. */
static void not_kept(struct receiving *r, struct incoming *in, const char *why)
{
	snprintf(in->refusal, sizeof in->refusal, "%s", why);
	r->failed++;
	r->spoilt |= r->to_stdout && in->file.size;
	if (r->m.json && !r->to_stdout) {
		json_event(r, "failed", in);
		out_json_text(&r->m.out, "reason", why, false);
		out_text(&r->m.out, "}\n");
	}
	if (!r->m.json || r->m.cli->verbose)
		cli_say(r->m.cli, "%llu bytes from %s were not kept: %s", (unsigned long long)in->file.size,
			in->at.peer, why);
	store_drop(&r->store, &in->file);
	in->writing = false;
	in->announced = (struct talk){0};
}

static const char *store_why(const struct receiving *r, int error)
{
	return error == EFBIG && r->max_size ? "larger than --max-size" : strerror(error);
}

/* ---- a file ---- */

static void set_whole(struct receiving *r, struct incoming *in, bool whole, lan_time patience)
{
	r->unnamed -= in->whole;
	in->whole = whole;
	r->unnamed += in->whole;
	in->named_by = whole ? cli_now() + patience : LAN_NEVER;
}

/* `name` NULL: of our own. True: it has it. */
static bool keep(struct receiving *r, struct incoming *in, const char *name, char final[STORE_NAME])
{
	int error = 0;
	set_whole(r, in, false, 0);
	in->writing = false;
	if (r->to_stdout)
		strcpy(final, "-");
	else
		error = store_keep(&r->store, &in->file, name, final);
	if (error) {
		not_kept(r, in, store_why(r, error));
		return false;
	}
	stored(r, in, final);
	return true;
}

static void keep_unnamed(struct receiving *r, struct incoming *in)
{
	char final[STORE_NAME];
	if (in->whole)
		keep(r, in, NULL, final);
}

/* A name has come for a file that is whole, or its last part. */
static void name_it(struct receiving *r, struct incoming *in, const struct talk *t)
{
	struct talk answer = {.kind = TALK_STORED, .size = in->file.size, .named = true};
	char name[STORE_NAME], final[STORE_NAME];
	const char *why = t->named ? store_name(t->text, name) : NULL;
	if (!why && t->size != in->file.size)
		why = "its size is another than was announced";
	if (why) {
		set_whole(r, in, false, 0);
		not_kept(r, in, why);
		tell_refused(r, in);
	} else if (keep(r, in, t->named ? name : NULL, final)) {
		snprintf(answer.text, sizeof answer.text, "%s", final);
		tell(r, in, &answer);
	} else {
		tell_refused(r, in);
	}
}

static void begin(struct receiving *r, struct incoming *in, uint64_t total)
{
	if (in->writing && in->announced.parts && in->part)
		return; /* the next part of the same */
	keep_unnamed(r, in);
	*in->refusal = '\0';
	in->writing = true;
	in->part = 0;
	in->file = (struct store_file){.fd = -1, .open = r->to_stdout};
	if (!r->to_stdout)
		store_begin(&r->store, &in->file);
	if (r->max_size && total != LAN_STREAM_UNKNOWN && total > r->max_size)
		store_refuse(&r->store, &in->file, EFBIG);
}

static void put(struct receiving *r, struct incoming *in, const void *data, size_t n)
{
	if (r->to_stdout && !in->file.error) {
		in->file.size += n;
		out_bytes(&r->m.out, data, n);
	} else {
		store_write(&r->store, &in->file, data, n);
	}
	if (r->max_size && in->file.size > r->max_size)
		store_refuse(&r->store, &in->file, EFBIG);
}

static void end(struct receiving *r, struct incoming *in)
{
	if (in->announced.parts && ++in->part < in->announced.parts && !in->file.error)
		return;
	int error = r->to_stdout ? in->file.error : store_done(&r->store, &in->file);
	struct talk announced = in->announced;
	in->announced = (struct talk){0};
	if (error)
		not_kept(r, in, store_why(r, error));
	in->ignoring = error && announced.parts;
	if (in->ignoring)
		tell_refused(r, in);
	else if (announced.parts)
		name_it(r, in, &announced);
	else if (!error)
		set_whole(r, in, true, UNNAMED);
}

static void data(struct receiving *r, struct incoming *in, const struct lan_stream_event *ev)
{
	bool piece = ev->kind == LAN_STREAM_PIECE;
	if (in->ignoring)
		return;
	if (!piece || ev->offset == 0)
		begin(r, in, piece ? ev->total : ev->value.len);
	if (!in->writing)
		return; /* the rest of what was given up */
	if (piece && ev->err) {
		not_kept(r, in, ev->reason && *ev->reason ? ev->reason : lan_err_text(ev->err));
		return;
	}
	put(r, in, ev->value.data, ev->value.len);
	if (!piece || ev->last)
		end(r, in);
}

/* ---- talk ---- */

static void asked(struct receiving *r, struct incoming *in)
{
	struct talk t = {.kind = TALK_WHO};
	in->ignoring = false;
	if (*in->refusal) {
		tell_refused(r, in);
		return;
	}
	if (in->whole)
		in->named_by = cli_now() + ASKED;
	tell(r, in, &t);
}

static void announce(struct receiving *r, struct incoming *in, const struct talk *t)
{
	keep_unnamed(r, in);
	in->announced = *t;
	in->part = 0;
	in->writing = in->ignoring = false;
	*in->refusal = '\0';
	if (!r->max_size || t->size <= r->max_size)
		return;
	in->file = (struct store_file){.fd = -1, .size = t->size};
	not_kept(r, in, store_why(r, EFBIG));
	in->ignoring = true;
	tell_refused(r, in);
}

static void message(struct receiving *r, struct incoming *in, const struct lan_stream_event *ev)
{
	struct talk t;
	talk_read(&ev->value, &t);
	if (t.kind == TALK_BLOB && t.parts) {
		announce(r, in, &t);
	} else if (t.kind == TALK_BLOB && in->whole) {
		name_it(r, in, &t);
	} else if (t.kind == TALK_BLOB) {
		if (!*in->refusal)
			snprintf(in->refusal, sizeof in->refusal, "there is no file to give a name to");
		tell_refused(r, in);
	} else if (!in->chatted) {
		cli_say(r->m.cli, "%s sends messages that are no bytes: they are ignored", in->at.peer);
		in->chatted = true;
	}
}

/* ---- events ---- */

static bool enough(const struct receiving *r)
{
	return r->spoilt || (r->want && r->received >= r->want);
}

static void up(struct receiving *r, const struct lan_stream_event *ev)
{
	struct incoming *in = (struct incoming *)conns_add(&r->conns, sizeof *in, ev->conn, ev->peer);
	if (!in) {
		r->m.out.no_memory = true;
		return;
	}
	in->file.fd = -1;
	in->named_by = LAN_NEVER;
}

static void down(struct receiving *r, struct incoming *in, const char *reason)
{
	if (!enough(r)) /* -n is exact */
		keep_unnamed(r, in);
	if (in->writing || in->announced.parts)
		not_kept(r, in, reason);
	conns_remove(&r->conns, in->at.id);
}

/* A whole message with a wrong checksum: a small file, perhaps. */
static void damaged(struct receiving *r, struct incoming *in)
{
	keep_unnamed(r, in);
	r->failed++;
	snprintf(in->refusal, sizeof in->refusal, "its checksum was wrong");
}

static void event(struct receiving *r, const struct lan_stream_event *ev)
{
	struct incoming *in = incoming_of(r, ev->conn);
	bool bytes = ev->kind == LAN_STREAM_PIECE ||
		     (ev->kind == LAN_STREAM_MESSAGE && ev->value.type == LAN_STREAM_BYTES);
	if (ev->kind == LAN_STREAM_UP)
		up(r, ev);
	else if (in && bytes)
		data(r, in, ev);
	else if (in && ev->kind == LAN_STREAM_MESSAGE)
		message(r, in, ev);
	else if (in && ev->kind == LAN_STREAM_DAMAGED)
		damaged(r, in);
	else if (in && ev->kind == LAN_STREAM_ASKED)
		asked(r, in);
	else if (in && ev->kind == LAN_STREAM_DOWN)
		down(r, in, ev->reason && *ev->reason ? ev->reason : lan_err_text(ev->err));
	/* Who comes and goes is news only to those who ask. */
	if (ev->kind == LAN_STREAM_REFUSED || ev->kind == LAN_STREAM_DAMAGED || r->m.cli->verbose)
		if (ev->kind != LAN_STREAM_MESSAGE && ev->kind != LAN_STREAM_PIECE)
			strm_tell(&r->m, ev);
}

/* Names of our own for those that waited long enough; *until is when the next one will have. */
static void overdue(struct receiving *r, lan_time *until)
{
	lan_time now = cli_now();
	for (size_t i = 0; r->unnamed && i < r->conns.n && !enough(r); i++) {
		struct incoming *in = (struct incoming *)r->conns.list[i];
		if (in->whole && in->named_by <= now)
			keep_unnamed(r, in);
		else if (in->whole && in->named_by < *until)
			*until = in->named_by;
	}
}

/* Until there is none, or no room for what it prints: nothing wakes the loop for what is there already. */
static void pull(struct receiving *r)
{
	struct lan_stream_event ev;
	do {
		while (strm_ready(&r->m) && !enough(r)) {
			if (!lan_stream_event(r->m.stream, &ev))
				return;
			event(r, &ev);
		}
		out_flush(&r->m.out);
	} while (strm_ready(&r->m) && !enough(r));
}

/* ---- the program ---- */

static int verdict(struct receiving *r, bool signalled)
{
	const struct cli *cli = r->m.cli;
	int partial = r->failed ? EXIT_PARTIAL : EXIT_OK;
	if (r->m.out.no_memory)
		return cli_error(cli, EXIT_FAILED, NULL, "out of memory");
	if (r->m.out.error)
		return cli_error(cli, EXIT_FAILED, NULL, "cannot write to standard output: %s",
			strerror(r->m.out.error));
	if (enough(r) || r->m.out.gone || signalled)
		return partial;
	if (!r->want && r->received)
		return partial;
	return cli_error(cli, EXIT_TIMEOUT, NULL, "%llu of %llu files within --timeout %s",
		(unsigned long long)r->received, (unsigned long long)(r->want ? r->want : 1),
		cli_opt(cli, "timeout"));
}

static int run(struct receiving *r)
{
	bool signalled = false;
	for (;;) {
		lan_time until = r->m.ends;
		lan_loop_process(r->m.loop);
		pull(r);
		overdue(r, &until);
		out_flush(&r->m.out);
		signalled = cli_signals() > 0;
		if (signalled || enough(r) || r->m.out.gone || r->m.out.no_memory || cli_now() >= r->m.ends)
			break;
		strm_wait(&r->m, -1, until);
	}
	/* The answers that were given are still sent. */
	int signals = cli_signals();
	lan_stream_stop(r->m.stream);
	lan_time until = cli_now() + DRAIN;
	while (lan_stream_pending(r->m.stream) && cli_now() < until && cli_signals() == signals) {
		strm_wait(&r->m, -1, until);
		lan_loop_process(r->m.loop);
	}
	while (r->conns.n)
		down(r, (struct incoming *)r->conns.list[0], "this end is shutting down");
	if (!r->m.out.gone)
		out_drain(&r->m.out, signalled ? cli_now() + DRAIN : LAN_NEVER, signals);
	return verdict(r, signalled);
}

static int open_folder(struct receiving *r, const char *dir)
{
	const char *output = cli_opt(r->m.cli, "output");
	if (output && strcmp(output, "-") != 0)
		return cli_error(r->m.cli, EXIT_USAGE, "files go to a folder: --dir DIR",
			"-o takes - alone, not %s", output);
	r->to_stdout = output || cli_flag(r->m.cli, "stdout");
	if (r->to_stdout && (dir || r->m.json))
		return cli_error(r->m.cli, EXIT_USAGE, "leave one of them out",
			"--stdout prints the bytes; --dir and -J have another use for it");
	if (r->to_stdout)
		return EXIT_OK;
	if (!dir)
		return cli_error(
			r->m.cli, EXIT_USAGE, "the folder the files go to: --dir DIR", "--dir is missing");
	int error = store_open(&r->store, dir);
	if (error)
		return cli_error(r->m.cli, error == EACCES ? EXIT_PERMISSION : EXIT_FAILED, NULL,
			"cannot use the folder %s: %s", dir, strerror(error));
	return EXIT_OK;
}

int blob_recv_main(struct cli *cli, int argc, char **argv)
{
	struct lan_stream_config cfg = LAN_STREAM_CONFIG_INIT;
	struct receiving r = {.store.dir = -1, .max_size = cli_size(cli, "max-size", 0)};
	int rc = strm_init(&r.m, cli, &cfg, true);
	r.want = cli_number(cli, "count", 0);
	if (rc == EXIT_OK)
		rc = open_folder(&r, cli_opt(cli, "dir"));
	cfg.address = argv[0];
	cfg.pieces = true;
	cfg.piece = PIECE;
	cfg.max_message = TEXT;
	if (r.to_stdout)
		cfg.max_conns = 1;
	if (rc == EXIT_OK)
		rc = strm_open(&r.m, &cfg);
	if (rc == EXIT_OK)
		rc = run(&r);
	conns_fini(&r.conns);
	strm_fini(&r.m);
	store_close(&r.store);
	return rc;
}
