/*
 * links_find.c - from a NAME as people type it to a link and a peer: LINK/ID,
 * LINK, or ID where only one link knows it (docs/control.md, "Names").
 */
#include "daemon/links.h"

#include <stdlib.h>
#include <string.h>

enum lan_err link_peer(const struct link *k, const char *id, struct lan_link_status *out)
{
	if (!k->l)
		return LAN_ERR_NOTFOUND;
	if (link_is_server(k))
		return lan_link_status(k->l, id, out);
	/* A client has one peer, its server, listed under the client's own id. */
	return strcmp(id, k->cfg->id) == 0 ? lan_link_status(k->l, NULL, out) : LAN_ERR_NOTFOUND;
}

/* `id` on whichever link knows it. */
static enum lan_err find_id(const struct links *s, const char *id, struct link **k, struct text *what)
{
	struct lan_link_status st;
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (link_peer(s->link[i], id, &st) != LAN_OK)
			continue;
		if (n++ == 0)
			*k = s->link[i];
		text_printf(what, "%s%s/", n > 1 ? ", " : "", link_name(s->link[i]));
		text_escaped(what, id, strlen(id));
	}
	return n == 0 ? LAN_ERR_NOTFOUND : n == 1 ? LAN_OK : LAN_ERR_EXISTS;
}

enum lan_err links_find(
	const struct links *s, const char *name, struct link **k, char **id, struct text *what)
{
	const char *slash = strchr(name, '/');
	char *copy = NULL;
	struct link *found = links_by_name(s, name);
	enum lan_err e = LAN_OK;
	if (!found && slash) {
		char *head = strndup(name, (size_t)(slash - name));
		if (!head)
			return LAN_ERR_NOMEM;
		found = links_by_name(s, head);
		free(head);
		if (found && !(copy = strdup(slash + 1)))
			return LAN_ERR_NOMEM;
	}
	if (!found) {
		e = find_id(s, name, &found, what);
		if (e == LAN_OK && !(copy = strdup(name)))
			e = LAN_ERR_NOMEM;
	}
	if (e != LAN_OK)
		return e;
	*k = found;
	*id = copy;
	return LAN_OK;
}
