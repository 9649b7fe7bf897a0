/*
 * trace.h - what a core tells about itself while it runs: records, not text.
 * A record is a kind, up to three numbers and up to two views; the daemon
 * formats it as key=value, tests compare it, most builds drop it. The views
 * live only during the call of the sink.
 */
#ifndef LAN_BASE_TRACE_H
#define LAN_BASE_TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <lanyard/base.h>

enum lan_trace_kind {
	LAN_TRACE_STATE = 1, /* a state change: what = machine, from -> to, a = cause text */
	LAN_TRACE_REFUSED,   /* input refused: what = reason name, n1 = conn */
	LAN_TRACE_RX,        /* a frame or line came in: what = kind, n1 = conn, n2 = id, a = bytes */
	LAN_TRACE_TX         /* a frame or line went out: same */
};

struct lan_trace {
	lan_time now;
	enum lan_trace_kind kind;
	const char *proto; /* "iot-server" */
	const char *what;
	const char *from, *to;
	uint64_t n1, n2;
	const void *a;
	size_t a_len;
	const char *peer; /* id or address of the other end, NUL-terminated, may be NULL */
};

#endif
