/*
 * fuzz_script.h - a fuzzer's input as a script for one core: streams that open
 * and end, bytes in any pieces, time, writes, pulled events, partial sends.
 *
 * One byte is an operation: its low half says which (enum below), its high half
 * is a small number; some take more bytes. Every input is a valid script. The
 * harness plays a correct driver - slow, but correct - so whatever goes wrong is
 * the core's doing. After each step the invariants of fuzz_script.c are checked.
 */
#ifndef FUZZ_SCRIPT_H
#define FUZZ_SCRIPT_H

#include "proto/iot/iot.h"

enum {
	OP_OPEN,      /* a stream (a server's; a client's dial succeeds) */
	OP_DIAL_FAIL, /* a client's dial fails */
	OP_RAW,       /* n, then n bytes, on stream `a` */
	OP_ID,        /* id line number `a` */
	OP_MSG,       /* mid, which text: a message on stream `a` */
	OP_ACK,       /* mid */
	OP_LF,
	OP_LONG,  /* a * 40 bytes without LF */
	OP_TIME,  /* (a + 1) sixteenths of the timeout pass */
	OP_NEXT,  /* time goes to the deadline */
	OP_WRITE, /* flags and id in `a`, then a length */
	OP_DROP,
	OP_PULL,    /* a + 1 events */
	OP_SEND,    /* n bytes of stream `a` leave */
	OP_SENDALL, /* all bytes of stream `a` leave */
	OP_LOST,    /* stream `a` ends */
	OP_N
};

/* The one that differs: server or client. */
struct fuzz_role {
	bool server;
	const struct lan_stream_ops *ops;
	void *(*make)(const struct lan_env *env, const struct iot_config *cfg);
	void (*free)(void *core);
	bool (*event)(void *core, lan_time now, struct iot_event *ev);
	enum lan_err (*write)(void *core, lan_time now, const char *id, const char *line, size_t n,
		unsigned flags, uint64_t *token);
	enum lan_err (*drop)(void *core, lan_time now, const char *id);
	size_t (*pending)(const void *core);
};

void fuzz_script(const struct fuzz_role *role, const uint8_t *p, size_t n);

/* Say what is wrong and die. */
#define FUZZ_CHECK(ok, ...) ((ok) ? (void)0 : fuzz_die(__FILE__, __LINE__, __VA_ARGS__))
__attribute__((noreturn, format(printf, 3, 4))) void fuzz_die(
	const char *file, int line, const char *fmt, ...);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
