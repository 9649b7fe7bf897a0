/*
 * drv_echo.h - the smallest core there is, for the tests of the driver: it sends
 * back what it receives. It keeps a journal of what it was told, wants READ
 * after the test has made room, and ends a connection on demand.
 */
#ifndef DRV_ECHO_H
#define DRV_ECHO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "drv/stream.h"
#include "io/addr.h"
#include "io/tcp.h"

#define CONNS 8
#define ROOM  65536

struct echo_conn {
	bool used, send, read, close, finish;
	uint64_t sent;
	uint8_t buf[ROOM]; /* [out, in): waiting to be sent back */
	size_t out, in;
};

struct echo {
	struct echo_conn conn[CONNS];
	char journal[64]; /* o open, f failed, l lost, t tick */
	enum lan_err last_err;
	char peer[64];
	bool dial;
	bool held; /* pretend that the application does not read */
	bool answer;
	bool news; /* an event waits for the application */
	size_t room_max;
	lan_time deadline;
	unsigned commits, ready_calls;
	uint64_t unreached;
	struct lan_sdrv *drv;
};

extern const struct lan_stream_ops echo_ops;
extern struct lan_loop *loop;
extern struct echo *echo;

bool echo_ready(const void *core);
void start_with(const struct lan_stream_ops *ops, const char *address, bool listen);
void start(const char *address, bool listen);
int set_up(void **state);
int tear_down(void **state);
int plain_connect(void);
/* Turn the loop until the journal is at least this long, at most 5 s. */
void run_until_journal(const char *want);
/* Turn the loop until fd has n bytes (or its end), read them, at most 5 s. */
size_t run_and_read(int fd, char *buf, size_t n);
/* The core of the first connection sends a text. */
void say(const char *text);
void reset(int fd);

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
