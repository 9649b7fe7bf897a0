/*
 * fuzz_pickle.c - a stranger's pickle: it may be refused, or it is a tree that
 * can be written, read again and written again, with the same tokens and the
 * same bytes each time; and its dump is printable and no longer than its room.
 */
#include <stdlib.h>
#include <string.h>
#include "fuzz_script.h"
#include "proto/pickle/pickle.h"

static bool same(const struct pickle_token *a, const struct pickle_token *b)
{
	return a->kind == b->kind && a->b == b->b && a->i == b->i && memcmp(&a->f, &b->f, sizeof a->f) == 0 &&
	       a->n == b->n && !a->bytes == !b->bytes && (!a->bytes || memcmp(a->bytes, b->bytes, a->n) == 0);
}

static uint8_t *write_out(const struct pickle_tree *t, size_t *n)
{
	*n = pickle_encode(t->token, t->n, NULL, 0);
	FUZZ_CHECK(*n, "what was read cannot be written");
	uint8_t *p = malloc(*n);
	FUZZ_CHECK(pickle_encode(t->token, t->n, p, *n) == *n, "another length the second time");
	return p;
}

static void check_dump(const uint8_t *in, size_t n)
{
	char text[2000];
	size_t cap = n % sizeof text + 1, len = pickle_dump(in, n, text, cap);

	FUZZ_CHECK(len < cap && text[len] == 0, "the dump does not keep to its room");
	for (size_t i = 0; i < len; i++)
		FUZZ_CHECK(
			text[i] == '\n' || (text[i] >= 0x20 && text[i] < 0x7f), "the dump is not printable");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pickle_tree a, b;
	const char *why = NULL;
	size_t n, again;

	check_dump(data, size);
	enum lan_err e = pickle_decode(data, size, &a, &why);
	FUZZ_CHECK(e == LAN_OK || e == LAN_ERR_PROTO || e == LAN_ERR_NOTSUP || e == LAN_ERR_TOOBIG, "%d", e);
	FUZZ_CHECK(!e || why, "refused without a reason");
	if (e)
		return 0;
	uint8_t *first = write_out(&a, &n);
	e = pickle_decode(first, n, &b, &why);
	FUZZ_CHECK(!e, "what was written is not read: %s", why);
	FUZZ_CHECK(a.n == b.n, "%zu tokens became %zu", a.n, b.n);
	for (size_t i = 0; i < a.n; i++)
		FUZZ_CHECK(same(&a.token[i], &b.token[i]), "token %zu changed", i);
	uint8_t *second = write_out(&b, &again);
	FUZZ_CHECK(n == again && memcmp(first, second, n) == 0, "written in two ways");
	free(first);
	free(second);
	pickle_tree_fini(&a);
	pickle_tree_fini(&b);
	return 0;
}
