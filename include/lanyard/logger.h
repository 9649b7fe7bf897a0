/*
 * logger.h - the logger multisock's first documentation shows: named after a
 * component, to the console or to a dated file. Each line:
 *
 *      2026-11-20 21:01:26,891|mycom|INF|Hello world!
 *
 * The name is the first 5 characters of the component; the file is
 * <prefix>_<YYYYMMDD>.log, appended to, missing directories made. Two loggers of
 * one name do not double lines. Man page: liblanyard(3).
 */
#ifndef LANYARD_LOGGER_H
#define LANYARD_LOGGER_H

#include <lanyard/err.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lan_logger;

enum lan_logger_level {
	LAN_LOGGER_DEBUG,
	LAN_LOGGER_INFO,
	LAN_LOGGER_WARNING,
	LAN_LOGGER_ERROR,
	LAN_LOGGER_CRITICAL
};

/* component NULL: "undef". file_prefix NULL: stderr only; else the file also.
 * LAN_ERR_PERM, LAN_ERR_NOTFOUND, LAN_ERR_IO, LAN_ERR_NOMEM. */
LAN_API LAN_WUR enum lan_err lan_logger_open(
	const char *component, const char *file_prefix, struct lan_logger **out);
/* Line breaks inside the message are written as spaces. Never fails; what could not
 * be written to the file is counted and said on stderr once. */
LAN_API void lan_logger_write(struct lan_logger *g, enum lan_logger_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
LAN_API void lan_logger_close(struct lan_logger *g); /* NULL is fine */

#ifdef __cplusplus
}
#endif
#endif
