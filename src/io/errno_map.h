/*
 * errno_map.h - the one place where the kernel's error numbers become enum
 * lan_err. Above io/ nobody looks at errno.
 */
#ifndef LAN_IO_ERRNO_MAP_H
#define LAN_IO_ERRNO_MAP_H

#include <lanyard/err.h>

/* `err` as in errno; a negative number (libuv's habit) means the same as its
 * positive one. 0 is LAN_OK; a number nobody listed is LAN_ERR_IO. */
enum lan_err lan_err_from_errno(int err);

/* The result of getaddrinfo (EAI_*), with errno for EAI_SYSTEM. */
enum lan_err lan_err_from_eai(int eai, int err);

#endif
