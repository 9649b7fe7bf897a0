/*
 * lsoe_play.h - one node of ours on one link, with what it hears played into it and what it
 * says taken down: the captured talk of two lsoeds with one of them replaced, and the malformed cases
 * against a session.
 */
#ifndef LSOE_PLAY_H
#define LSOE_PLAY_H

#include "lsoe_text.h"
#include "proto/lsoe/lsoe.h"

/* What a case did to a node. Each text is to be freed. */
struct played {
	char *answers; /* PDUs sent as summaries, joined by ", "; no HELLO, KEEPALIVE or repetition */
	char *counted; /* counters of drops and the like that went up, joined by ", " */
	bool hears;    /* a KEEPALIVE afterwards is heard */
	bool up;       /* the session is established at the end */
};
/* A case of the file. Frames that the socket does not hand on (for another host, tagged) do not come in. */
struct played play_case(const json_t *e);
void played_fini(struct played *p);

/* The captured talk with ours in place of `side` ("A" or "B"). What the capture has from that side and
 * what ours sent in its place, by kind of PDU, repetitions of KEEPALIVE and HELLO left out. To be freed. */
void play_talk(const json_t *items, const char *side, char **captured, char **ours);

#endif
