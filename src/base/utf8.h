/*
 * utf8.h - is this text? (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF)
 */
#ifndef LAN_BASE_UTF8_H
#define LAN_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool lan_utf8_valid(const void *p, size_t n);

#endif
