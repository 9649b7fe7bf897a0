/*
 * fuzz_coap_linkformat.c - a list of resources of whatever octets. Its links and their parameters lie inside
 * the text, as many as are counted; what was understood, written down plainly, is understood as the same.
 * Then the octets as title and type of a link of our own, which must come back.
 */
#include <stdlib.h>
#include <string.h>
#include "fuzz_script.h"
#include "proto/coap/linkformat.h"

#define MAX 4200

static const char *from;
static size_t from_len;

static void view(const char *p, size_t n)
{
	FUZZ_CHECK(p >= from && n <= from_len && p <= from + from_len - n, "a view elsewhere");
}

/* One link, plainly. */
static void write_link(struct lan_wr *w, const struct coap_link *l)
{
	struct coap_link_param p;

	lan_wr_bytes(w, "<", 1);
	lan_wr_bytes(w, l->target, l->target_len);
	lan_wr_bytes(w, ">", 1);
	for (size_t at = 0; coap_link_param(l, &at, &p);) {
		view(p.name, p.name_len);
		FUZZ_CHECK(p.name_len && at <= l->params_len, "a parameter without name");
		if (p.value)
			view(p.value, p.value_len);
		FUZZ_CHECK(p.value || (!p.quoted && !p.value_len), "a value that is none");
		lan_wr_bytes(w, ";", 1);
		lan_wr_bytes(w, p.name, p.name_len);
		if (p.value)
			lan_wr_bytes(w, p.quoted ? "=\"" : "=", 1u + p.quoted);
		lan_wr_bytes(w, p.value, p.value_len);
		if (p.quoted)
			lan_wr_bytes(w, "\"", 1);
	}
}

/* Plainly, with a comma behind each; links that were understood. */
static size_t write_list(const char *text, size_t n, uint8_t *out, size_t cap, size_t *len)
{
	struct coap_links l = coap_links_of(text, n);
	struct lan_wr w = lan_wr_of(out, cap);
	struct coap_link link;
	size_t links = 0;

	from = text, from_len = n;
	for (; coap_links_next(&l, &link); links++) {
		view(link.target, link.target_len);
		view(link.params, link.params_len);
		FUZZ_CHECK(coap_link_is(&link, link.target + (link.target_len && *link.target == '/'),
				   link.target_len - (link.target_len && *link.target == '/')),
			"not its own name");
		write_link(&w, &link);
		lan_wr_bytes(&w, ",", 1);
	}
	FUZZ_CHECK(!l.bad || l.at <= n, "a fault behind the end");
	FUZZ_CHECK(!w.bad, "longer than it was");
	*len = w.off;
	return links;
}

static void check_list(const char *text, size_t n)
{
	static uint8_t once[2 * MAX], twice[2 * MAX];
	size_t len, again, count, at, links = write_list(text, n, once, sizeof once, &len);
	bool ok = coap_links_ok(text, n, &count, &at);

	FUZZ_CHECK(count == links && at <= n && (!ok || at == n), "%zu links, and %zu counted", links, count);
	FUZZ_CHECK(coap_links_ok((const char *)once, len, &count, &at) && count == links,
		"not understood when plain");
	write_list((const char *)once, len, twice, sizeof twice, &again);
	FUZZ_CHECK(again == len && memcmp(once, twice, len) == 0, "the second time it comes out differently");
}

static bool get(const struct coap_link *l, const char *name, struct coap_link_param *out)
{
	size_t len = strlen(name);
	for (size_t at = 0; coap_link_param(l, &at, out);)
		if (out->name_len == len && memcmp(out->name, name, len) == 0)
			return true;
	return false;
}

static void check_back(const struct coap_link *l, const char *name, const char *want)
{
	struct coap_link_param p;

	FUZZ_CHECK(get(l, name, &p) && p.quoted, "%s is not there", name);
	for (size_t i = 0; i < p.value_len; i++, want++) {
		if (p.value[i] == '\\')
			i++;
		FUZZ_CHECK(i < p.value_len && p.value[i] == *want, "%s comes back as another", name);
	}
	FUZZ_CHECK(!*want, "%s comes back shorter", name);
}

/* The text cut in two as title and type; control characters have no place in either. */
static void check_put(const char *text, size_t n)
{
	static char title[MAX], rt[MAX];
	static uint8_t out[3 * MAX];
	struct lan_wr w = lan_wr_of(out, sizeof out);
	struct coap_link link;

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ')
			return;
	memcpy(title, text, n / 2), title[n / 2] = 0;
	memcpy(rt, text + n / 2, n - n / 2), rt[n - n / 2] = 0;
	coap_link_put(&w, true, "/t1", title, rt, n & 1);
	coap_link_put(&w, false, "b", NULL, rt, false);
	struct coap_links l = coap_links_of((const char *)out, w.off);
	FUZZ_CHECK(!w.bad && coap_links_next(&l, &link), "ours is not understood");
	check_back(&link, "title", title);
	check_back(&link, "rt", rt);
	struct coap_link_param p;
	FUZZ_CHECK(get(&link, "obs", &p) == (n & 1), "obs");
	FUZZ_CHECK(coap_links_next(&l, &link) && coap_link_is(&link, "b", 1), "the second is not understood");
	check_back(&link, "rt", rt);
	FUZZ_CHECK(!coap_links_next(&l, &link) && !l.bad, "ours does not end");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > MAX - 100)
		return 0;
	char *text = malloc(size ? size : 1);
	if (size)
		memcpy(text, data, size);
	check_list(text, size);
	check_put(text, size);
	free(text);
	return 0;
}
