/*
 * out.h - stdout, buffered and never waited for.
 *
 * What is printed goes into a buffer; out_flush writes as much as stdout takes
 * without blocking. A reader that is slow is seen by out_full: the producer
 * then stops producing, and the buffer stays within OUT_HIGH plus one record.
 * A reader that went away is seen by out_gone. The descriptor itself is left in
 * the mode it came in, because other processes may share it.
 */
#ifndef LAN_CLI_OUT_H
#define LAN_CLI_OUT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/base.h>

#define OUT_HIGH (64u << 10)

struct out {
	int fd;
	bool tty, file, gone;
	int error;    /* why it is gone, unless the reader just left (EPIPE) */
	size_t chunk; /* what one write takes without blocking once poll says so */
	char *buf;
	size_t off, len, cap;
	bool no_memory;
};

void out_init(struct out *o, int fd);
void out_fini(struct out *o);

void out_bytes(struct out *o, const void *p, size_t n);
void out_text(struct out *o, const char *s);
void out_char(struct out *o, char c);
void out_printf(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Text of others: on a terminal its control characters are shown, not obeyed. */
void out_foreign(struct out *o, const char *s, size_t n);

static inline size_t out_waiting(const struct out *o)
{
	return o->len - o->off;
}
static inline bool out_full(const struct out *o)
{
	return out_waiting(o) >= OUT_HIGH;
}

/* The errno that stdout was last lost with; 0: none, or the reader just left. */
int out_stdout_error(void);

/* Write what stdout takes now. */
void out_flush(struct out *o);
/* Write everything, waiting for the reader until `deadline` or until more than
 * `signals` signals have arrived. False: some of it was not written. */
bool out_drain(struct out *o, lan_time deadline, int signals);

#endif
