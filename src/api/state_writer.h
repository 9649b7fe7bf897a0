/*
 * state_writer.h - puts the text of a state file on the disk: now, or by a
 * thread, because a sync may take a tenth of a second and the loop must not wait
 * for it. Whatever comes last is what stays: texts are numbered in the order
 * they were made, and an older one never replaces a newer one, nor anything at
 * all after the close.
 */
#ifndef LAN_API_STATE_WRITER_H
#define LAN_API_STATE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/err.h>

struct state_writer;

/* `dir`: a directory's descriptor, taken over also on failure; `file`: the name in it. LAN_ERR_NOMEM. */
LAN_WUR enum lan_err state_writer_new(int dir, const char *file, struct state_writer **out);
/* Waits for a write that is under way. NULL is fine. */
void state_writer_free(struct state_writer *w);

/* `text` is malloc'ed and taken. On the disk when it returns: LAN_ERR_IO, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err state_writer_now(struct state_writer *w, char *text, size_t n);
/* The same by a thread. LAN_ERR_AGAIN: one is at it still; LAN_ERR_NOMEM: no thread. Nothing is written then.
 */
LAN_WUR enum lan_err state_writer_later(struct state_writer *w, char *text, size_t n);
/* True once after each state_writer_later that has come to its end: *result. */
bool state_writer_done(struct state_writer *w, enum lan_err *result);

#endif
