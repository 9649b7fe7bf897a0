/*
 * nets_text.c - addresses for people, without printf: some owners want one with each message.
 */
#include <string.h>
#include "drv/nets_int.h"

char *nets_put_number(char *p, unsigned v)
{
	char digits[10];
	size_t n = 0;
	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		*p++ = digits[--n];
	return p;
}

char *nets_put_hex(char *p, const uint8_t *octets, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		if (i)
			*p++ = ':';
		*p++ = digits[octets[i] >> 4];
		*p++ = digits[octets[i] & 15];
	}
	return p;
}

void nets_say(char *out, size_t cap, const char *text, size_t n)
{
	if (cap == 0)
		return;
	n = n < cap ? n : cap - 1;
	memcpy(out, text, n);
	out[n] = '\0';
}
