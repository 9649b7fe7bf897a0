/*
 * linkformat.c - see linkformat.h (RFC 6690 section 2, sos.md section 5.1).
 *
 * The list is judged as it is walked: `links_next` takes a link only if all of its parameters are well
 * formed, so what it hands out can be read without looking for faults again. Blanks around separators are
 * passed over, as HTTP's Link header has them (RFC 8288).
 *
 * Refused: a target that is empty or not closed, a parameter without a name, a quote that does not end,
 * anything between links but one comma; octets below the blank outside of it.
 */
#include "proto/coap/linkformat.h"

struct coap_links coap_links_of(const char *text, size_t n)
{
	return (struct coap_links){.p = text, .end = text ? text + n : text, .text = text};
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	return p;
}

/* Characters of a name and of a value without quotes (RFC 6690: parmname, ptoken): visible, and none that
 * separates. */
static bool in_token(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && !strchr("\",;<=>", c);
}

/* In a value '<', '=' and '>' are common: rt=a=b. */
static bool in_value(char c)
{
	return in_token(c) || c == '=' || c == '<' || c == '>';
}

/* A quoted string from its opening quote on; its end behind the closing one, NULL: it has none. */
static const char *quoted_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if ((*p == '\\' && ++p == end) || ((unsigned char)*p < ' ' && *p != '\t'))
			return NULL;
	return p < end ? p + 1 : NULL;
}

/* One parameter, from behind its ';'. What follows it, or NULL: not well formed, and *bad says where. */
static const char *take_param(const char *p, const char *end, struct coap_link_param *out, const char **bad)
{
	*out = (struct coap_link_param){.name = p = skip_blanks(p, end)};
	while (p < end && in_token(*p))
		p++;
	*bad = p;
	out->name_len = (size_t)(p - out->name);
	if (!out->name_len)
		return NULL;
	p = skip_blanks(p, end);
	if (p == end || *p != '=')
		return p;
	*bad = p = skip_blanks(p + 1, end);
	out->value = p;
	if (p < end && *p == '"') {
		p = quoted_end(p, end);
		if (!p)
			return NULL;
		out->quoted = true, out->value++;
		out->value_len = (size_t)(p - out->value) - 1;
	} else {
		while (p < end && in_value(*p))
			p++;
		out->value_len = (size_t)(p - out->value);
		if (!out->value_len)
			return NULL;
	}
	return skip_blanks(p, end);
}

static bool fail(struct coap_links *l, const char *at)
{
	l->bad = true;
	l->at = (size_t)(at - l->text);
	return false;
}

/* From '<' to '>'. */
static const char *take_target(struct coap_links *l, const char *p, struct coap_link *out)
{
	const char *start = p + 1;

	if (*p != '<') {
		fail(l, p);
		return NULL;
	}
	for (p = start; p < l->end && *p != '>'; p++)
		if ((unsigned char)*p <= ' ' || *p == '<' || *p == '"' || *p == 0x7f)
			break;
	if (p == l->end || *p != '>') {
		fail(l, p);
		return NULL;
	}
	out->target = start, out->target_len = (size_t)(p - start);
	return p + 1;
}

bool coap_links_next(struct coap_links *l, struct coap_link *out)
{
	struct coap_link_param param;
	struct coap_link link;
	const char *bad;

	l->p = l->bad ? l->end : skip_blanks(l->p, l->end);
	if (l->p == l->end)
		return false;
	const char *p = take_target(l, l->p, &link);
	if (!p)
		return false;
	p = skip_blanks(p, l->end);
	for (link.params = p; p < l->end && *p == ';';) {
		p = take_param(p + 1, l->end, &param, &bad);
		if (!p)
			return fail(l, bad);
	}
	if (p < l->end && *p != ',')
		return fail(l, p);
	link.params_len = (size_t)(p - link.params);
	l->p = p + (p < l->end);
	*out = link;
	return true;
}

bool coap_link_param(const struct coap_link *l, size_t *at, struct coap_link_param *out)
{
	const char *end = l->params + l->params_len, *bad;
	const char *p = l->params_len ? skip_blanks(l->params + *at, end) : end;

	if (p == end || *p != ';')
		return false;
	p = take_param(p + 1, end, out, &bad);
	*at = p ? (size_t)(p - l->params) : l->params_len;
	return p != NULL;
}

bool coap_links_ok(const char *text, size_t len, size_t *n, size_t *bad_at)
{
	struct coap_links l = coap_links_of(text, len);
	struct coap_link link;
	size_t count = 0;

	while (coap_links_next(&l, &link))
		count++;
	*n = count;
	*bad_at = l.bad ? l.at : len;
	return !l.bad;
}

bool coap_link_is(const struct coap_link *l, const char *path, size_t len)
{
	size_t skip = l->target_len && *l->target == '/';

	return l->target_len - skip == len && (!len || memcmp(l->target + skip, path, len) == 0);
}

/* --- writing --------------------------------------------------------------------------------- */

static void put_text(struct lan_wr *w, const char *text)
{
	lan_wr_bytes(w, text, strlen(text));
}

static void put_quoted(struct lan_wr *w, const char *name, const char *value)
{
	if (!value)
		return;
	put_text(w, name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			lan_wr_u8(w, '\\');
		lan_wr_u8(w, (uint8_t)*value);
	}
	lan_wr_u8(w, '"');
}

void coap_link_put(
	struct lan_wr *w, bool first, const char *target, const char *title, const char *rt, bool observable)
{
	put_text(w, first ? "<" : ",<");
	put_text(w, target);
	put_text(w, ">");
	put_quoted(w, ";title=\"", title);
	put_quoted(w, ";rt=\"", rt);
	put_text(w, observable ? ";obs" : "");
}
