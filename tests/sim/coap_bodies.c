/*
 * coap_bodies.c - bodies that say what they are, to the last octet.
 */
#include <string.h>
#include "base/bytes.h"
#include "coap_world.h"

#define HEAD 13

static size_t make(uint8_t *out, uint8_t kind, uint32_t a, uint32_t b, uint32_t len)
{
	uint32_t n = len < HEAD ? HEAD : len;

	out[0] = kind;
	lan_put_be32(out + 1, a);
	lan_put_be32(out + 5, b);
	lan_put_be32(out + 9, n);
	for (uint32_t i = HEAD; i < n; i++)
		out[i] = (uint8_t)(a * 31 + b * 17 + i + (i >> 8));
	return n;
}

static bool is(const uint8_t *p, size_t n, uint8_t kind, uint32_t *a, uint32_t *b)
{
	if (n < HEAD || p[0] != kind || lan_get_be32(p + 9) != n)
		return false;
	*a = lan_get_be32(p + 1);
	*b = lan_get_be32(p + 5);
	for (uint32_t i = HEAD; i < n; i++)
		if (p[i] != (uint8_t)(*a * 31 + *b * 17 + i + (i >> 8)))
			return false;
	return true;
}

size_t cbody_state(uint8_t *out, int server, int resource, uint32_t state, uint32_t len)
{
	return make(out, 'S', (uint32_t)(server << 8 | resource), state, len);
}

size_t cbody_number(uint8_t *out, int client, uint32_t number, uint32_t len, bool up)
{
	return make(out, up ? 'U' : 'D', (uint32_t)client, number, len);
}

bool cbody_is_state(const uint8_t *p, size_t n, int server, int resource, uint32_t *state)
{
	uint32_t a;

	return is(p, n, 'S', &a, state) && a == (uint32_t)(server << 8 | resource);
}

bool cbody_is_number(const uint8_t *p, size_t n, int *client, uint32_t *number, bool up)
{
	uint32_t a;

	if (!is(p, n, up ? 'U' : 'D', &a, number))
		return false;
	*client = (int)a;
	return true;
}
