/*
 * serpy_replay.h - captured talks of serpy and serpy2 replayed against our core,
 * and what came of it as text.
 */
#ifndef SERPY_REPLAY_H
#define SERPY_REPLAY_H

#include "../unit/serpy_step.h"
#include "book.h"

/* How a captured stream is cut into reads, and when the application pulls. */
enum cut { CUT_AS_CAPTURED, CUT_NOWHERE, CUT_EVERYWHERE, CUT_PULLED_LATE, CUTS };

/* A growing text. */
struct text {
	char *p;
	size_t n;
};
void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_hex(struct text *t, const uint8_t *p, size_t n);

/* A value of the file as a value to send; what it points to is in *memory (to be freed). False: there is no
 * such value. */
bool value_of(const json_t *input, enum serpy_dialect d, int mode, struct serpy_value *v, uint8_t **memory);
/* A described value, and a delivered one, as text: "bytes 6162", "text 6162", "int 5", "float 0x1.8p+0",
 * "{'a': 1}". */
char *described(const json_t *value);
char *delivered(const struct serpy_event *ev, bool raw_objects);

struct talk {          /* each malloc'ed */
	char *values;  /* delivered, joined by ", " */
	char *answers; /* sent, in hex */
	char *fate;    /* "works", "ended: end_type", "closed", with " dropped", " skipped", " cut" */
	int in_mode;
};
/* `bytes` come in, the captured segments ending at `ends`; then, with `fin`, the end of the stream. */
struct talk replay(const struct serpy_config *cfg, const struct buf *segment, size_t n, bool fin,
	enum cut cut, bool raw_objects);
void talk_fini(struct talk *t);

/* All that a core sends now, added as hex. */
void take_all(struct step *st, uint32_t conn, struct text *t);

#endif
