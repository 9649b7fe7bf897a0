/*
 * channel_state.h - what a sealed channel must not forget: the first counter it
 * may use after a restart, its sender id, and how far it has heard each other
 * sender. One small text file per channel in a directory, replaced as a whole,
 * with a checksum; a lock keeps a second process out.
 *
 * Refused, with a sentence: a file that is damaged, of another channel or of a
 * later version. Nothing is guessed: a counter used twice is worse than a channel
 * that does not open. docs/protocols/channel.md sections 1 and 3.
 */
#ifndef LAN_API_CHANNEL_STATE_H
#define LAN_API_CHANNEL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <lanyard/err.h>
#include "api/state_writer.h"

struct channel_mark {
	uint64_t sender, counter;
};

struct channel_state {
	int dir, lock;
	struct state_writer *writer;
	char file[128];    /* its name in the directory */
	char *channel;     /* the name it belongs to */
	bool fresh;        /* there was none */
	uint64_t sender;   /* unsigned id; 0: none yet */
	uint64_t counter;  /* first one never used */
	uint64_t reserved; /* up to here, excluded, may be used */
	struct channel_mark *mark;
	size_t n, cap;
};

/* Takes the lock and reads. LAN_ERR_EXISTS (in use), LAN_ERR_PERM, LAN_ERR_IO, LAN_ERR_CONFIG (damaged),
 * LAN_ERR_NOMEM. */
LAN_WUR enum lan_err channel_state_open(
	const char *dir, const char *channel, struct channel_state **out, const char **why);
/* Forget the marks in memory and note others, before channel_state_write. */
void channel_state_clear_marks(struct channel_state *s);
LAN_WUR enum lan_err channel_state_mark(struct channel_state *s, uint64_t sender, uint64_t counter);
/* On the disk when it returns: LAN_ERR_IO, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err channel_state_write(struct channel_state *s);
/* The same by a thread; ask state_writer_done. LAN_ERR_AGAIN: the last one is not done yet. */
LAN_WUR enum lan_err channel_state_write_later(struct channel_state *s);
void channel_state_close(struct channel_state *s); /* NULL is fine */

#endif
