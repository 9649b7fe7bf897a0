/*
 * serpy_hostile.h - strangers at the server's door: raw peers that send rubbish,
 * mutated messages, lengths that lie, messages without end, single bytes.
 */
#ifndef SERPY_HOSTILE_H
#define SERPY_HOSTILE_H

#include "serpy_world.h"

/* After the parties. */
void hostile_init(struct sworld *w, int n);
/* They all leave. */
void hostile_stop(struct sworld *w);
void hostile_free(struct sworld *w);
uint64_t hostile_attacks(const struct sworld *w);

#endif
