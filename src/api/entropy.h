/*
 * entropy.h - randomness of the kernel, in the form cores ask for it.
 */
#ifndef LAN_API_ENTROPY_H
#define LAN_API_ENTROPY_H

#include <stdint.h>
#include <sys/random.h>

/* For struct lan_env. Never fails: getrandom only waits, early at boot, or is interrupted. */
static inline void lan_entropy(void *ctx, void *buf, size_t n)
{
	uint8_t *to = buf;
	(void)ctx;
	while (n > 0) {
		ssize_t r = getrandom(to, n, 0);
		if (r > 0) {
			to += r;
			n -= (size_t)r;
		}
	}
}

#endif
