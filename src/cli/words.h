/*
 * words.h - the values of an option that may be repeated and may hold several
 * words with commas between them: --iface eth0,eth1 --iface wlan0.
 */
#ifndef LAN_CLI_WORDS_H
#define LAN_CLI_WORDS_H

#include "cli/verb.h"

struct words {
	const char **list; /* NULL if there are none */
	size_t n;
	char *text; /* what they point into */
};

/* All words of --name, in order; an option that was not given has none. EXIT_OK, or another code after
 * having said why. */
int words_init(struct words *w, const struct cli *cli, const char *name);
void words_fini(struct words *w);

#endif
