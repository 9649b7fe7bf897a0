/*
 * serpy_end.c - our end of a stream for the tests against other implementations:
 * the public interface, driven by the same lines of JSON as serpy_peer.py.
 *
 *      serpy_end serve|connect serpy1|serpy2 ADDRESS ENCODING|- [resend] [pieces]
 *
 * stdin, one command a line; "to" is the connection (default: that of a client):
 *      {"str": "text"} {"bytes": "HEX"} {"int": 1} {"float": "0x1.8p+0"} {"object": JSON}, with "mode",
 *      "force", "timeout" (ms); {"numbers": N, "first": I, "mode": M}; {"blob": FILE};
 *      {"hold": true|false}; {"finish": true}; {"drop": true}; {"close": true}
 * stdout: every event as one line. What is longer than 4 KiB is shown as its
 * SHA-256, pieces as the SHA-256 of the whole once the last has come.
 *
 * A full queue is waited for: the next command is read when this one is done.
 */
#include <lanyard/stream.h>

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOWN (4 * 1024)
#define PIECE (64 * 1024)

static struct lan_loop *loop;
static struct lan_stream *stream;
static crypto_hash_sha256_state hash; /* of the pieces so far: the tests send one blob at a time */

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "serpy_end: %s: %s\n", what, why);
	exit(1);
}

static void must(enum lan_err e, const char *what)
{
	if (e)
		die(what, *lan_stream_why() ? lan_stream_why() : lan_err_text(e));
}

static void say(json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);
	puts(text);
	fflush(stdout);
	free(text);
	json_decref(o);
}

/* --- events ---------------------------------------------------------------------- */

static void put_hex(json_t *o, const char *name, const void *data, size_t n)
{
	char *hex = malloc(2 * n + 1);
	sodium_bin2hex(hex, 2 * n + 1, data, n);
	json_object_set_new(o, name, json_string(hex));
	free(hex);
}

static void put_data(json_t *o, const struct lan_stream_value *v)
{
	unsigned char sum[crypto_hash_sha256_BYTES];
	json_object_set_new(o, "len", json_integer((json_int_t)v->len));
	if (v->len <= SHOWN) {
		put_hex(o, "hex", v->data, v->len);
		return;
	}
	crypto_hash_sha256(sum, v->data, v->len);
	put_hex(o, "sha256", sum, sizeof sum);
}

static void put_value(json_t *o, const struct lan_stream_value *v)
{
	char text[64];
	json_object_set_new(o, "type", json_string(lan_stream_type_name(v->type)));
	if (v->type == LAN_STREAM_INT && !v->wide)
		json_object_set_new(o, "value", json_integer(v->integer));
	else if (v->type == LAN_STREAM_FLOAT) {
		snprintf(text, sizeof text, "%a", v->real);
		json_object_set_new(o, "value", json_string(text));
	} else
		put_data(o, v);
	if (v->type == LAN_STREAM_OBJECT && v->json)
		json_object_set_new(o, "json", json_loads(v->json, JSON_DECODE_ANY, NULL));
}

/* True: there is nothing to say yet. */
static bool more_pieces(json_t *o, const struct lan_stream_event *ev)
{
	unsigned char sum[crypto_hash_sha256_BYTES];
	if (ev->offset == 0 && !ev->err)
		crypto_hash_sha256_init(&hash);
	crypto_hash_sha256_update(&hash, ev->value.data, ev->value.len);
	if (!ev->last)
		return true;
	crypto_hash_sha256_final(&hash, sum);
	put_hex(o, "sha256", sum, sizeof sum);
	json_object_set_new(o, "len", json_integer((json_int_t)(ev->offset + ev->value.len)));
	return false;
}

static void show(const struct lan_stream_event *ev)
{
	json_t *o = json_pack("{s:s, s:I, s:i, s:b, s:I, s:I, s:I, s:I, s:i}", "event",
		lan_stream_event_name(ev->kind), "conn", (json_int_t)ev->conn, "mode", ev->mode, "stale",
		ev->stale, "token", (json_int_t)ev->token, "lost", (json_int_t)ev->lost, "doubled",
		(json_int_t)ev->doubled, "cut", (json_int_t)ev->cut, "connects", (int)ev->connects);
	if (ev->reason)
		json_object_set_new(o, "reason", json_string(ev->reason));
	if (ev->err)
		json_object_set_new(o, "err", json_string(lan_err_text(ev->err)));
	if (ev->kind == LAN_STREAM_MESSAGE)
		put_value(o, &ev->value);
	if (ev->kind == LAN_STREAM_PIECE && more_pieces(o, ev))
		json_decref(o);
	else
		say(o);
}

/* Wait for the loop, or for stdin if it is asked for; true: stdin has something. */
static bool turn(bool with_stdin)
{
	struct lan_stream_event ev;
	struct pollfd fds[2] = {{lan_loop_fd(loop), POLLIN, 0}, {0, POLLIN, 0}};
	if (poll(fds, with_stdin ? 2 : 1, lan_loop_timeout(loop)) < 0)
		die("poll", "failed");
	lan_loop_process(loop);
	while (lan_stream_event(stream, &ev))
		show(&ev);
	return with_stdin && fds[1].revents;
}

/* --- commands -------------------------------------------------------------------- */

static struct lan_stream_how how_of(json_t *c)
{
	struct lan_stream_how how = LAN_STREAM_HOW_INIT;
	how.mode = (int)json_integer_value(json_object_get(c, "mode"));
	how.force = json_is_true(json_object_get(c, "force"));
	how.timeout = LAN_MS(json_integer_value(json_object_get(c, "timeout")));
	return how;
}

/* What could not be sent is an event, too. */
static void send_value(uint64_t conn, const struct lan_stream_value *v, const struct lan_stream_how *how)
{
	enum lan_err e;
	while ((e = lan_stream_send(stream, conn, v, how, NULL)) == LAN_ERR_FULL)
		turn(false);
	if (e)
		say(json_pack("{s:s, s:s}", "event", "unsent", "reason",
			*lan_stream_why() ? lan_stream_why() : lan_err_text(e)));
}

static void send_hex(json_t *c, uint64_t conn, const char *hex)
{
	size_t room = strlen(hex) / 2, n = 0;
	unsigned char *data = malloc(room + 1);
	struct lan_stream_how how = how_of(c);
	if (sodium_hex2bin(data, room + 1, hex, strlen(hex), NULL, &n, NULL))
		die("bytes", "no hex");
	struct lan_stream_value v = lan_stream_bytes(data, n);
	send_value(conn, &v, &how);
	free(data);
}

static void send_numbers(json_t *c, uint64_t conn)
{
	struct lan_stream_how how = how_of(c);
	json_int_t first = json_integer_value(json_object_get(c, "first"));
	json_int_t n = json_integer_value(json_object_get(c, "numbers"));
	for (json_int_t i = first; i < first + n; i++) {
		char text[40];
		int len = snprintf(text, sizeof text, "message %lld", (long long)i);
		struct lan_stream_value v = lan_stream_str(text, (size_t)len);
		send_value(conn, &v, &how);
	}
}

static void send_blob(json_t *c, uint64_t conn, const char *file)
{
	struct lan_stream_how how = how_of(c);
	struct stat st;
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		die("open", file);
	size_t n = (size_t)st.st_size, at = 0, took;
	char *data = n ? mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	enum lan_err e;
	while ((e = lan_stream_blob_begin(stream, conn, n, lan_stream_sum(0, data, n), &how, NULL)) ==
		LAN_ERR_FULL)
		turn(false);
	must(e, "blob_begin");
	while (at < n) {
		e = lan_stream_blob_write(stream, conn, data + at, n - at, &took);
		if (e == LAN_ERR_FULL) {
			turn(false);
			continue;
		}
		must(e, "blob_write");
		at += took;
	}
	if (n)
		munmap(data, n);
	close(fd);
}

static void send_object(json_t *c, uint64_t conn, json_t *object)
{
	struct lan_stream_how how = how_of(c);
	char *text = json_dumps(object, JSON_ENCODE_ANY);
	struct lan_stream_value v = {.type = LAN_STREAM_OBJECT, .json = text};
	send_value(conn, &v, &how);
	free(text);
}

static void send_typed(json_t *c, uint64_t conn)
{
	struct lan_stream_how how = how_of(c);
	struct lan_stream_value v;
	json_t *x;
	if ((x = json_object_get(c, "str")))
		v = lan_stream_str(json_string_value(x), json_string_length(x));
	else if ((x = json_object_get(c, "int")))
		v = lan_stream_int(json_integer_value(x));
	else if ((x = json_object_get(c, "float")))
		v = lan_stream_float(strtod(json_string_value(x), NULL));
	else
		die("command", "not understood");
	send_value(conn, &v, &how);
}

static void control(json_t *c, uint64_t conn)
{
	json_t *hold = json_object_get(c, "hold");
	if (hold) {
		must(lan_stream_hold(stream, conn, json_is_true(hold)), "hold");
		say(json_pack("{s:s}", "event", json_is_true(hold) ? "held" : "let go"));
	} else if (json_object_get(c, "finish"))
		must(lan_stream_finish(stream, conn), "finish");
	else if (json_object_get(c, "drop"))
		must(lan_stream_drop(stream, conn), "drop");
	else
		send_typed(c, conn);
}

/* False: "close". */
static bool command(char *line)
{
	json_error_t why;
	json_t *c = json_loads(line, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why), *x;
	if (!c)
		die(line, why.text);
	uint64_t conn = (uint64_t)json_integer_value(json_object_get(c, "to"));
	bool on = !json_object_get(c, "close");
	if ((x = json_object_get(c, "bytes")))
		send_hex(c, conn, json_string_value(x));
	else if ((x = json_object_get(c, "object")))
		send_object(c, conn, x);
	else if ((x = json_object_get(c, "blob")))
		send_blob(c, conn, json_string_value(x));
	else if (json_object_get(c, "numbers"))
		send_numbers(c, conn);
	else if (on)
		control(c, conn);
	json_decref(c);
	return on;
}

/* All whole lines that came; false: the end. */
static bool commands(void)
{
	static char *buf;
	static size_t have, room;
	bool on = true;
	if (have == room && !(buf = realloc(buf, room = 2 * room + 65536)))
		die("realloc", "out of memory");
	ssize_t n = read(0, buf + have, room - have);
	if (n <= 0)
		return false;
	have += (size_t)n;
	char *end, *at = buf;
	while (on && (end = memchr(at, '\n', have - (size_t)(at - buf)))) {
		*end = 0;
		on = command(at);
		at = end + 1;
	}
	memmove(buf, at, have -= (size_t)(at - buf));
	return on;
}

static void open_stream(int argc, char **argv)
{
	struct lan_stream_config cfg = LAN_STREAM_CONFIG_INIT;
	if (argc < 5)
		die("usage", "serve|connect serpy1|serpy2 ADDRESS ENCODING|- [resend] [pieces]");
	cfg.dialect = strcmp(argv[2], "serpy1") ? LAN_STREAM_SERPY2 : LAN_STREAM_SERPY1;
	cfg.address = argv[3];
	cfg.encoding = strcmp(argv[4], "-") ? argv[4] : NULL;
	cfg.objects = true;
	for (int i = 5; i < argc; i++)
		if (!strcmp(argv[i], "resend"))
			cfg.resend = true;
		else if (!strcmp(argv[i], "pieces")) {
			cfg.pieces = true;
			cfg.piece = PIECE;
		}
	must(lan_loop_new(&loop), "loop");
	if (!strcmp(argv[1], "serve"))
		must(lan_stream_serve(loop, &cfg, &stream), "serve");
	else
		must(lan_stream_connect(loop, &cfg, &stream), "connect");
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	open_stream(argc, argv);
	say(json_pack("{s:s, s:s}", "event", "open", "address", lan_stream_address(stream)));
	while (!turn(true) || commands())
		;
	lan_stream_close(stream);
	lan_loop_free(loop);
	return 0;
}
