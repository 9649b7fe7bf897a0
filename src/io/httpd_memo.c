/*
 * httpd_memo.c - answers of the HTTP server that are given again and again: what is polled rarely changes
 * between two looks, and making an answer for libmicrohttpd costs twenty allocations. Answers that are given
 * at once are remembered by all their octets; the same ones lend what was made before.
 *
 * Only those given from inside the server's callback: they are queued before any other can take their place.
 */
#include <stdlib.h>
#include <string.h>
#include "base/map.h"
#include "io/httpd_int.h"

bool httpd_add_headers(const struct lan_mhd *mhd, struct MHD_Response *response,
	const struct lan_httpd_header *headers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (mhd->add_response_header(response, headers[i].name, headers[i].value) != MHD_YES)
			return false;
	return true;
}

static struct MHD_Response *make(const struct lan_mhd *mhd, const struct lan_httpd_header *headers, size_t n,
	const void *body, size_t len)
{
	struct MHD_Response *response =
		mhd->create_response_from_buffer(len, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
	if (response && !httpd_add_headers(mhd, response, headers, n)) {
		mhd->destroy_response(response);
		response = NULL;
	}
	return response;
}

static bool put(uint8_t *text, size_t *at, const void *p, size_t n)
{
	if (n > MEMO_TEXT - *at)
		return false;
	if (n)
		memcpy(text + *at, p, n);
	*at += n;
	return true;
}

/* Octets of an answer's text; 0: too long for a memo. */
static size_t write_down(uint8_t text[MEMO_TEXT], const struct lan_httpd_header *headers, size_t n,
	const void *body, size_t len)
{
	size_t at = 0;
	for (size_t i = 0; i < n; i++)
		if (!put(text, &at, headers[i].name, strlen(headers[i].name) + 1) ||
			!put(text, &at, headers[i].value, strlen(headers[i].value) + 1))
			return 0;
	return put(text, &at, "", 1) && put(text, &at, body, len) ? at : 0;
}

struct MHD_Response *httpd_response(struct lan_httpd_req *r, const struct lan_httpd_header *headers,
	size_t n_headers, const void *body, size_t len)
{
	struct lan_httpd *h = r->server;
	uint8_t text[MEMO_TEXT];
	if (r->in_handler && !h->memos)
		h->memos = calloc(MEMOS, sizeof *h->memos);
	size_t n = r->in_handler && h->memos ? write_down(text, headers, n_headers, body, len) : 0;
	if (!n)
		return make(h->mhd, headers, n_headers, body, len);
	uint64_t hash = lan_siphash(h->seed, text, n);
	struct httpd_memo *m = &h->memos[hash & (MEMOS - 1)];
	if (!m->response || m->hash != hash || m->len != n || memcmp(m->text, text, n) != 0) {
		struct MHD_Response *fresh = make(h->mhd, headers, n_headers, body, len);
		if (!fresh)
			return NULL;
		if (m->response)
			h->mhd->destroy_response(m->response); /* who is still sending it has it, too */
		m->response = fresh;
		m->hash = hash, m->len = n;
		memcpy(m->text, text, n);
	}
	r->lent = true;
	return m->response;
}

void httpd_memo_fini(struct lan_httpd *h)
{
	for (size_t i = 0; h->memos && i < MEMOS; i++)
		if (h->memos[i].response)
			h->mhd->destroy_response(h->memos[i].response);
	free(h->memos);
}
