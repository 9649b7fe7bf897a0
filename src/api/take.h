/*
 * take.h - reading a caller's configuration, whose first member is its size.
 */
#ifndef LAN_API_TAKE_H
#define LAN_API_TAKE_H

#include <string.h>
#include <lanyard/err.h>

/* Copy `cfg` into `out` of `known` bytes. A caller compiled against an older
 * header gives a shorter structure; one against a newer header a longer one,
 * which is fine while it asks for nothing that is unknown here (LAN_ERR_NOTSUP).
 * LAN_ERR_INVAL: none, or no size. */
LAN_WUR static inline enum lan_err lan_take_config(const void *cfg, void *out, size_t known)
{
	size_t size;
	if (!cfg)
		return LAN_ERR_INVAL;
	memcpy(&size, cfg, sizeof size);
	if (size < sizeof size)
		return LAN_ERR_INVAL;
	for (size_t i = known; i < size; i++)
		if (((const char *)cfg)[i] != 0)
			return LAN_ERR_NOTSUP;
	memset(out, 0, known);
	memcpy(out, cfg, size < known ? size : known);
	return LAN_OK;
}

#endif
