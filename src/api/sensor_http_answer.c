/*
 * sensor_http_answer.c - answers that are not a slave's: problems, JSON, text; and who may change something.
 *
 * A request that changes something is refused without the token, if there is one, and when a browser says
 * that a page of another site made it (Origin, Sec-Fetch-Site). GET never changes anything, but for one URL
 * of the original that does (sensor_http_log.c), which is treated like a POST.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/sensor_http_int.h"
#include "base/utf8.h"
#include "crypto/crypto.h"

#define MORE_MAX 8

void http_send(struct lan_httpd_req *r, unsigned status, const char *type, const void *body, size_t len,
	const struct lan_httpd_header *more, size_t n_more)
{
	struct lan_httpd_header headers[MORE_MAX + 2];
	size_t n = 0;
	if (type)
		headers[n++] = (struct lan_httpd_header){"Content-Type", type};
	headers[n++] = (struct lan_httpd_header){"X-Content-Type-Options", "nosniff"};
	for (size_t i = 0; i < n_more && i < MORE_MAX; i++)
		headers[n++] = more[i];
	lan_httpd_answer(r, status, headers, n, body, len);
}

void http_problem_with(struct lan_httpd_req *r, unsigned status, const char *what, const char *hint,
	const struct lan_httpd_header *more, size_t n_more)
{
	struct text t = {0};
	text_printf(&t, "{\"schema\":1,\"error\":{\"code\":%u,\"what\":", status);
	text_json(&t, what, strlen(what));
	if (hint && *hint) {
		text_puts(&t, ",\"hint\":");
		text_json(&t, hint, strlen(hint));
	}
	text_puts(&t, "}}\n");
	http_send(r, status, "application/json", text_str(&t), t.bad ? 0 : t.len, more, n_more);
	text_fini(&t);
}

void http_problem(struct lan_httpd_req *r, unsigned status, const char *what, const char *hint)
{
	http_problem_with(r, status, what, hint, NULL, 0);
}

void http_json(struct lan_httpd_req *r, unsigned status, json_t *j)
{
	static const struct lan_httpd_header fresh = {"Cache-Control", "no-store"};
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	if (text)
		http_send(r, status, "application/json", text, strlen(text), &fresh, 1);
	else
		http_problem(r, 500, "out of memory", "");
	free(text);
}

void http_text(struct lan_httpd_req *r, const char *type, struct text *t)
{
	static const struct lan_httpd_header more[] = {{"Cache-Control", "no-store"},
		{"Content-Security-Policy",
			"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}};
	if (t->bad)
		http_problem(r, 500, "out of memory", "");
	else
		http_send(r, 200, type, text_str(t), t->len, more, 2);
	text_fini(t);
}

void http_not_found(const struct http_call *c)
{
	c->h->counters[HTTP_refused_path]++;
	http_problem(c->r, 404, "there is no such page here", "slaves are listed at " HTTP_API);
}

/* ---- who may do what ------------------------------------------------------------------ */

bool http_allowed(const struct http_call *c, const char *allow)
{
	const char *method = lan_httpd_method(c->r), *at = strstr(allow, method);
	size_t n = strlen(method);
	struct lan_httpd_header header = {"Allow", allow};
	if (c->method == HTTP_OPTIONS) {
		http_send(c->r, 204, NULL, "", 0, &header, 1);
		return false;
	}
	if (c->method != HTTP_OTHER && at && (at == allow || at[-1] == ' ') && (!at[n] || at[n] == ','))
		return true;
	c->h->counters[HTTP_refused_method]++;
	http_problem_with(c->r, 405, "this method is not allowed here", allow, &header, 1);
	return false;
}

static bool has_token(const struct http_call *c)
{
	const char *given = lan_httpd_header(c->r, "Authorization");
	if (!c->h->token)
		return true;
	if (!given || strncasecmp(given, "Bearer ", 7) != 0)
		return false;
	given += 7;
	given += strspn(given, " ");
	return strlen(given) == c->h->token_len && lan_equal(given, c->h->token, c->h->token_len);
}

static bool is_same_site(const struct http_call *c)
{
	const char *origin = lan_httpd_header(c->r, "Origin");
	const char *site = lan_httpd_header(c->r, "Sec-Fetch-Site");
	if (origin)
		return http_map_same_site(origin, lan_httpd_header(c->r, "Host"), lan_httpd_tls(c->r));
	return !site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
}

bool http_may_change(const struct http_call *c)
{
	static const struct lan_httpd_header challenge = {"WWW-Authenticate", "Bearer realm=\"lanyard\""};
	if (!is_same_site(c)) {
		c->h->counters[HTTP_refused_origin]++;
		http_problem(c->r, 403, "a page of another site may not change anything here", "");
		return false;
	}
	if (has_token(c))
		return true;
	c->h->counters[HTTP_refused_token]++;
	http_problem_with(c->r, 401, "what changes something needs the token",
		"send \"Authorization: Bearer TOKEN\" with what is in token_file", &challenge, 1);
	return false;
}

/* ---- JSON ------------------------------------------------------------------------------- */

json_t *http_json_text(const char *s, size_t n)
{
	if (s && lan_utf8_valid(s, n) && !memchr(s, 0, n))
		return json_stringn(s, n);
	return json_string(s ? "?" : "");
}
