/*
 * http.h - POST requests to one URL, one after the other, over libcurl's multi interface in our loop. libcurl
 * is loaded when the first client is opened, so that programs without one do not carry it (docs/decisions/).
 */
#ifndef LAN_IO_HTTP_H
#define LAN_IO_HTTP_H

#include "io/loop.h"

struct lan_http;

/* `done`: the request under way ended: err LAN_OK and the status, or why not. It may call lan_http_post.
 * LAN_ERR_NOTSUP (no libcurl here), LAN_ERR_ADDR (not an http or https URL), LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_http_open(struct lan_loop *l, const char *url,
	void (*done)(void *ctx, enum lan_err err, int status, const char *why), void *ctx,
	struct lan_http **out);
/* `lost`: the connection that was kept after a request has been closed by the other side, or turned out to be
 * dead when the next request wanted it (then it is called before `done`, and the request goes on by a new
 * one). A server that closes because nothing happened does so too: ask it. Not to be answered with a call of
 * this. */
void lan_http_on_lost(struct lan_http *h, void (*lost)(void *ctx));
void lan_http_close(struct lan_http *h); /* NULL is fine; not from inside `done` */
/* Body is copied; the content type is that of the first request. LAN_ERR_AGAIN: one is under way.
 * LAN_ERR_NOMEM. */
LAN_WUR enum lan_err lan_http_post(
	struct lan_http *h, const char *content_type, const void *body, size_t n, lan_time timeout);
/* Outside of the loop, when there will be no more turns of it: block until nothing is under way, or until a
 * moment of the loop's clock. `done` is called from here, and may post the next one. */
void lan_http_wait(struct lan_http *h, lan_time until);

#endif
