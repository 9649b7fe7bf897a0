/*
 * slave_list.c - the resources as text (sos.md section 5.1, RFC 6690): for AssocAnswer and `resources` with
 * names that do not begin with '/', for /.well-known/core with names that do. Made once; what does not fit a
 * message is cut behind a whole entry, in `compat` where the original cuts (S9: behind the comma).
 *
 * Refuses paths that are empty, too long for a Uri-Path option, or not to be written between < and >.
 */
#include "proto/sos/slave_int.h"

#include <stdlib.h>
#include "base/map.h"

#define PATH_MAX_OCTETS 255

static bool path_ok(const char *path, bool one_segment)
{
	size_t n = path ? strlen(path) : 0, segment = 0;
	if (!n || n > PATH_MAX_OCTETS)
		return false;
	for (size_t i = 0; i <= n; i++) {
		if (path[i] && path[i] != '/') {
			segment++;
			if ((uint8_t)path[i] <= ' ' || strchr("<>\"\\\x7f", path[i]))
				return false;
			continue;
		}
		if (!segment || (path[i] && one_segment))
			return false;
		segment = 0;
	}
	return true;
}

/* Text that would end or break a quoted string of the list. */
static bool text_ok(const char *text, bool bare)
{
	for (; text && *text; text++)
		if ((uint8_t)*text < ' ' || *text == 0x7f || (bare && *text == '"'))
			return false;
	return true;
}

static bool resources_ok(const struct sos_slave_config *c)
{
	for (size_t i = 0; i < c->n_resources; i++) {
		const struct sos_resource *r = &c->resources[i];
		if (!path_ok(r->path, c->compat) || !text_ok(r->title, c->compat) ||
			!text_ok(r->rt, c->compat))
			return false;
		for (size_t k = 0; k < i; k++)
			if (!strcmp(c->resources[k].path, r->path))
				return false;
	}
	return true;
}

static void put(struct lan_wr *w, const char *text)
{
	lan_wr_bytes(w, text, strlen(text));
}

/* As the original writes it: always with title and rt. */
static void put_original(struct lan_wr *w, const struct sos_resource *r)
{
	put(w, "<");
	put(w, r->path);
	put(w, ">;title=\"");
	put(w, r->title ? r->title : "");
	put(w, "\";rt=\"");
	put(w, r->rt ? r->rt : "");
	put(w, r->observable ? "\";obs" : "\"");
}

/* An upper bound of one entry: every octet of title and rt escaped. */
static size_t entry_most(const struct sos_resource *r)
{
	size_t n = sizeof ",</>;title=\"\";rt=\"\";obs" + strlen(r->path);
	return n + 2 * ((r->title ? strlen(r->title) : 0) + (r->rt ? strlen(r->rt) : 0));
}

static enum lan_err make(const struct sos_slave_config *c, bool slash, struct slave_list *l)
{
	size_t cap = 1;
	char target[PATH_MAX_OCTETS + 2] = "/";
	for (size_t i = 0; i < c->n_resources; i++)
		cap += entry_most(&c->resources[i]);
	l->text = calloc(1, cap);
	l->ends = calloc(c->n_resources + 1, sizeof *l->ends);
	if (!l->text || !l->ends)
		return LAN_ERR_NOMEM;
	struct lan_wr w = lan_wr_of(l->text, cap - 1);
	for (size_t i = 0; i < c->n_resources; i++) {
		const struct sos_resource *r = &c->resources[i];
		memcpy(target + 1, r->path, strlen(r->path) + 1);
		if (!c->compat || slash) {
			coap_link_put(&w, i == 0, slash ? target : r->path, r->title, r->rt, r->observable);
		} else {
			if (i)
				put(&w, ",");
			put_original(&w, r);
		}
		l->ends[i] = w.off;
	}
	l->len = w.off;
	lan_put_be32(l->tag, (uint32_t)lan_siphash((const uint64_t[2]){0}, l->text, l->len));
	return w.bad ? LAN_ERR_INVAL : LAN_OK;
}

enum lan_err slave_lists_init(struct sos_slave *s)
{
	if (!resources_ok(&s->cfg))
		return LAN_ERR_INVAL;
	enum lan_err e = make(&s->cfg, false, &s->list);
	return e ? e : make(&s->cfg, true, &s->core);
}

void slave_lists_fini(struct sos_slave *s)
{
	free(s->list.text);
	free(s->list.ends);
	free(s->core.text);
	free(s->core.ends);
}

/* The original keeps an octet for a NUL behind what it has written, and writes a comma before it looks
 * whether the next entry fits. */
static size_t cut_original(const struct slave_list *l, size_t n, size_t room)
{
	size_t len = 0;
	for (size_t i = 0; i < n; i++) {
		if (len && len + 2 >= room)
			break;
		if (len)
			len++;
		if (l->ends[i] + 1 > room)
			return len;
		len = l->ends[i];
	}
	return len;
}

size_t slave_list_cut(const struct sos_slave *s, size_t room)
{
	const struct slave_list *l = &s->list;
	if (s->cfg.compat)
		return cut_original(l, s->cfg.n_resources, room);
	size_t len = 0;
	for (size_t i = 0; i < s->cfg.n_resources && l->ends[i] <= room; i++)
		len = l->ends[i];
	return len;
}
