/*
 * value.h - values of options, by kind. See value.c.
 */
#ifndef LAN_CLI_VALUE_H
#define LAN_CLI_VALUE_H

#include "cli/verb.h"

/* Does `value` make sense for `o`? If not, `why` says what is expected. */
bool value_ok(const struct opt *o, const char *value, char *why, size_t cap);

#endif
