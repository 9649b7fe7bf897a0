/*
 * base.h - what every Lanyard header needs: the visibility mark, the scalar
 * type of time, the version. Man page: liblanyard(3).
 */
#ifndef LANYARD_BASE_H
#define LANYARD_BASE_H

#include <stdint.h>

#if defined(__GNUC__)
#define LAN_API __attribute__((visibility("default")))
#define LAN_WUR __attribute__((warn_unused_result))
#else
#define LAN_API
#define LAN_WUR
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* A point in time or a duration, in nanoseconds. Points are monotonic and
 * count from an arbitrary zero; only differences mean anything. */
typedef uint64_t lan_time;

#define LAN_NEVER  UINT64_MAX
#define LAN_US(n)  ((lan_time)(n)*1000u)
#define LAN_MS(n)  ((lan_time)(n)*1000000u)
#define LAN_SEC(n) ((lan_time)(n)*1000000000u)

#define LAN_VERSION_MAJOR 0
#define LAN_VERSION_MINOR 1
#define LAN_VERSION_PATCH 0
#define LAN_VERSION       "0.1.0"

/* The version of the library that is running, e.g. "0.1.0". Static text. */
LAN_API const char *lan_version(void);

#ifdef __cplusplus
}
#endif
#endif
