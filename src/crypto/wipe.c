/*
 * wipe.c - secrets leave memory when they are done with, and are compared
 * without telling by time where they differ.
 */
#include "crypto/crypto.h"

#include <sodium.h>

void lan_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

bool lan_equal(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}
