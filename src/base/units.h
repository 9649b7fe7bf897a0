/*
 * units.h - durations and sizes as people type them: "250ms", "2s", "5m", "1h",
 * "100us"; "64K", "10M", "1G" (powers of 1024). A bare number is seconds, or bytes.
 */
#ifndef LAN_BASE_UNITS_H
#define LAN_BASE_UNITS_H

#include <stddef.h>
#include <lanyard/err.h>

/* LAN_ERR_INVAL: not a number with a known unit; LAN_ERR_TOOBIG: over 64 bits. */
LAN_WUR enum lan_err lan_parse_duration(const char *text, lan_time *out);
LAN_WUR enum lan_err lan_parse_size(const char *text, uint64_t *out);

/* The shortest exact form, e.g. "250ms"; buf of at least 24 bytes; returns buf. */
char *lan_format_duration(lan_time t, char *buf, size_t cap);

#endif
