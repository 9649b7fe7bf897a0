/*
 * err.h - one enum for everything that can go wrong. 0 is success; values are
 * written down, never renumbered and never reused. Man page: liblanyard(3).
 */
#ifndef LANYARD_ERR_H
#define LANYARD_ERR_H

#include <lanyard/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* name, value, text: "what went wrong", completed by the caller's "where". */
#define LAN_ERR_LIST(X)                                        \
	X(OK, 0, "success")                                    \
	X(INVAL, 1, "invalid argument")                        \
	X(NOMEM, 2, "out of memory")                           \
	X(FULL, 3, "queue full")                               \
	X(AGAIN, 4, "not possible right now")                  \
	X(CLOSED, 5, "closed")                                 \
	X(NOTFOUND, 6, "not found")                            \
	X(EXISTS, 7, "exists already")                         \
	X(TIMEOUT, 8, "timed out")                             \
	X(PROTO, 9, "protocol violation")                      \
	X(TOOBIG, 10, "too big")                               \
	X(REFUSED, 11, "refused by the peer")                  \
	X(UNREACH, 12, "network or host unreachable")          \
	X(PERM, 13, "permission denied")                       \
	X(IO, 14, "input/output error")                        \
	X(ADDRINUSE, 15, "address in use")                     \
	X(ADDR, 16, "address not understood or not available") \
	X(CONFIG, 17, "configuration error")                   \
	X(VERSION, 18, "version not supported")                \
	X(LIMIT, 19, "limit reached")                          \
	X(UTF8, 20, "not valid UTF-8")                         \
	X(RESET, 21, "connection reset by peer")               \
	X(NOTSUP, 22, "not supported here")

enum lan_err {
#define X(name, value, text) LAN_ERR_##name = value,
	LAN_ERR_LIST(X)
#undef X
};
#define LAN_OK LAN_ERR_OK

/* "LAN_ERR_FULL"; "LAN_ERR_?" for a value that is none of ours. Static text. */
LAN_API const char *lan_err_name(enum lan_err e);
/* "queue full"; "unknown error" for a value that is none of ours. Static text. */
LAN_API const char *lan_err_text(enum lan_err e);

#ifdef __cplusplus
}
#endif
#endif
