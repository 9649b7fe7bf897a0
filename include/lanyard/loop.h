/*
 * loop.h - the one event loop all handles live on. Single-threaded: a loop and
 * every handle opened on it belong to one thread. It never blocks unless told
 * to (lan_loop_run), so it can be embedded in a foreign loop by one file
 * descriptor and one timeout. Man page: liblanyard(3).
 */
#ifndef LANYARD_LOOP_H
#define LANYARD_LOOP_H

#include <lanyard/err.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lan_loop;

/* Make a loop of its own. LAN_ERR_NOMEM, LAN_ERR_LIMIT (out of descriptors). */
LAN_API LAN_WUR enum lan_err lan_loop_new(struct lan_loop **out);

/* Make a loop on top of the caller's `uv_loop_t *` (borrowed until
 * lan_loop_free). The caller runs its uv loop as ever; lan_loop_fd, _timeout,
 * _process and _run are not needed then. LAN_ERR_NOMEM. */
LAN_API LAN_WUR enum lan_err lan_loop_new_on_uv(struct lan_loop **out, void *uv_loop);

/* Free a loop. Close its handles first. NULL is fine. */
LAN_API void lan_loop_free(struct lan_loop *l);

/* A descriptor that polls readable when lan_loop_process has work. Owned by the loop. */
LAN_API int lan_loop_fd(const struct lan_loop *l);

/* How long, in milliseconds, lan_loop_process may stay uncalled if the
 * descriptor stays silent: 0 = call now, -1 = for ever. */
LAN_API int lan_loop_timeout(const struct lan_loop *l);

/* Do what is due, without blocking. Afterwards pull the events of the handles. */
LAN_API void lan_loop_process(struct lan_loop *l);

/* Block until something was done or `max` has passed (LAN_NEVER: no limit),
 * then return. Afterwards pull the events of the handles. */
LAN_API void lan_loop_run(struct lan_loop *l, lan_time max);

/* Make a blocked lan_loop_run return soon. The one call that any thread and
 * any signal handler may make. */
LAN_API void lan_loop_wake(struct lan_loop *l);

/* The loop's clock (monotonic, nanoseconds), read afresh. */
LAN_API lan_time lan_loop_now(const struct lan_loop *l);

#ifdef __cplusplus
}
#endif
#endif
