/*
 * curl.h - the functions of libcurl that http.c uses, found at run time: the
 * library is loaded when the first client is opened (docs/decisions/), so that a
 * program that posts nothing does not carry it and the thirty libraries it needs.
 */
#ifndef LAN_IO_CURL_H
#define LAN_IO_CURL_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#define LAN_CURL_FUNCTIONS(X)                                                                      \
	X(CURLcode, global_init, (long flags))                                                     \
	X(CURL *, easy_init, (void))                                                               \
	X(CURLcode, easy_setopt, (CURL * e, CURLoption option, ...))                               \
	X(CURLcode, easy_getinfo, (CURL * e, CURLINFO info, ...))                                  \
	X(void, easy_cleanup, (CURL * e))                                                          \
	X(const char *, easy_strerror, (CURLcode c))                                               \
	X(CURLM *, multi_init, (void))                                                             \
	X(CURLMcode, multi_setopt, (CURLM * m, CURLMoption option, ...))                           \
	X(CURLMcode, multi_add_handle, (CURLM * m, CURL * e))                                      \
	X(CURLMcode, multi_remove_handle, (CURLM * m, CURL * e))                                   \
	X(CURLMcode, multi_socket_action, (CURLM * m, curl_socket_t fd, int events, int *running)) \
	X(CURLMsg *, multi_info_read, (CURLM * m, int *left))                                      \
	X(CURLMcode, multi_cleanup, (CURLM * m))                                                   \
	X(struct curl_slist *, slist_append, (struct curl_slist * list, const char *text))         \
	X(void, slist_free_all, (struct curl_slist * list))                                        \
	X(CURLU *, url, (void))                                                                    \
	X(CURLUcode, url_set, (CURLU * u, CURLUPart part, const char *text, unsigned flags))       \
	X(CURLUcode, url_get, (const CURLU *u, CURLUPart part, char **text, unsigned flags))       \
	X(void, url_cleanup, (CURLU * u))                                                          \
	X(void, free, (void *p))

/* Each under its name without "curl_", with an underscore before it: curl's own names may be macros. */
struct lan_curl {
#define X(type, name, args) type(*_##name) args;
	LAN_CURL_FUNCTIONS(X)
#undef X
};

/* NULL: there is no libcurl here that has all of them. */
const struct lan_curl *lan_curl(void);

#endif
