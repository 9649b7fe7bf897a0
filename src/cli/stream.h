/*
 * stream.h - what `lanyard stream serve|connect` and `lanyard blob send|recv`
 * share: the open stream, its options, and one place that says what happens.
 * The first two also share a loop over stdin and stdout, see struct session.
 */
#ifndef LAN_CLI_STREAM_H
#define LAN_CLI_STREAM_H

#include <lanyard/stream.h>
#include "cli/conns.h"
#include "cli/lines.h"
#include "cli/out.h"
#include "cli/store.h"
#include "cli/verb.h"

extern const struct opt stream_serve_opts[], stream_connect_opts[], blob_send_opts[], blob_recv_opts[];
extern const char *const stream_serve_examples[], *const stream_connect_examples[];
extern const char *const blob_send_examples[], *const blob_recv_examples[];
extern const char stream_serve_more[], stream_connect_more[], blob_send_more[], blob_recv_more[];

/* An open stream with the program around it (stream.c). */
struct strm {
	struct cli *cli;
	struct lan_loop *loop;
	struct lan_stream *stream;
	struct out out;
	bool server, json;
	bool goes_on;     /* --reconnect: an orderly end is no goodbye but one break of several */
	bool said_failed; /* a failing connection was reported, say no more until it is up */
	bool leaving;     /* this end is closing its connections: their ends are no news */
	lan_time ends;    /* --timeout */
};

/* Reads the options all four verbs have into `cfg`. EXIT_OK, or another code after having said why. */
int strm_init(struct strm *m, struct cli *cli, struct lan_stream_config *cfg, bool server);
int strm_open(struct strm *m, const struct lan_stream_config *cfg);
void strm_fini(struct strm *m);
/* Waits for the loop, for `fd` to be readable (-1: not) and for stdout, at most until `until`.
 * True: fd is readable. */
bool strm_wait(struct strm *m, int fd, lan_time until);
/* Room for what an event prints, and somebody to read it? */
bool strm_ready(const struct strm *m);

/* What happened but for values (stream_events.c): JSON on stdout with -J, a sentence on stderr. */
void strm_tell(struct strm *m, const struct lan_stream_event *ev);
/* The beginning of a JSON line, "conn" if the event has one; end it with "}\n". */
void strm_json(struct strm *m, const char *event, const struct lan_stream_event *ev);

/* A value as a line of text, as fields of JSON (stream_print.c). */
void value_text(struct out *o, const struct lan_stream_value *v);
void value_json(struct out *o, const struct lan_stream_value *v);

enum session_end {
	SESSION_GOES_ON = 0,
	SESSION_INPUT,  /* connect: end of stdin, everything sent, lingered */
	SESSION_COUNT,  /* -n values were received */
	SESSION_SIGNAL, /* SIGINT or SIGTERM */
	SESSION_TIME,   /* --timeout is over */
	SESSION_GONE,   /* nobody reads stdout any more */
	SESSION_FAILED  /* connect: the connection could not be made, or is lost; said already */
};

/* A connection that is up, or a client's one. */
struct late_echo { /* --echo: a value that found the queue full */
	struct lan_stream_value value;
	int mode;
	lan_time since;
	char data[]; /* of the value */
};

struct peer { /* thousands of idle ones are nothing special: what few need is apart */
	struct conn at;
	struct store_file *file; /* --dir: bytes that come in pieces */
	struct child *child;     /* --exec */
	struct late_echo *echo;
};

enum bytes_form { BYTES_TEXT = 0, BYTES_HEX, BYTES_BASE64 };

/* `stream serve` or `stream connect`. */
struct session {
	struct strm m;
	struct lines in;
	struct store store; /* --dir */
	struct conns conns;
	struct child *children;
	size_t n_children, max_children;
	enum lan_stream_dialect dialect;
	enum lan_stream_type type;
	enum bytes_form bytes;
	struct lan_stream_how how;
	bool echo, numbered, reconnect, utf8;
	const char *dir, *exec;
	uint32_t max_message;
	uint64_t received, want;
	uint64_t bad, lost, expired,
		failed;     /* input refused, messages lost, not acknowledged in time, not kept */
	uint64_t cursor;    /* serve: of a line that found a queue full: the connection it is for next */
	uint64_t rate;      /* lines a second */
	lan_time next_line; /* with a rate: not before */
	lan_time linger, linger_until;
	char *scratch; /* a value decoded from a line */
	size_t scratch_cap;
	size_t waiting; /* connections with an echo that waits */
	bool blocked, was_up, down;
	bool landing; /* connect: all is sent, not all of it has arrived */
	enum session_end end;
};

int session_init(struct session *s, struct cli *cli, struct lan_stream_config *cfg, bool server);
int session_run(struct session *s);
void session_fini(struct session *s);
struct peer *session_peer(const struct session *s, uint64_t id);
/* Forgets all that is kept for a connection. */
void session_forget(struct session *s, struct peer *p);

/* session_events.c: takes one event in. */
void session_event(struct session *s, const struct lan_stream_event *ev);
/* Echoes that found a queue full. */
void session_echo(struct session *s);
/* Out of memory ends the program. */
void session_no_memory(struct session *s);

/* session_input.c */
enum offer { OFFER_TAKEN = 0, OFFER_FULL };
void session_input(struct session *s);
/* A line as a message to one connection; what is wrong with it is said, with its source and number. */
enum offer session_offer(
	struct session *s, const char *source, uint64_t number, uint64_t conn, const char *line, size_t n);
/* Is stdin wanted now? Else, and if time alone is missing, `*until` is when. */
bool session_wants_input(const struct session *s, lan_time *until);

/* session_exec.c */
int exec_init(struct session *s);
void exec_up(struct session *s, struct peer *p);
void exec_value(struct session *s, struct peer *p, const struct lan_stream_value *v);
void exec_down(struct session *s, struct peer *p);
void exec_writable(struct session *s, struct peer *p);
/* Ends all commands; their last words are still sent. */
void exec_end(struct session *s);

#endif
