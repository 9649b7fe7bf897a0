/*
 * list.c - lists of entries in neutral form, one octet string each: flags, label count and labels (MPLS types
 * only), address, prefix length. See lsoe.h.
 */
#include "proto/lsoe/lsoe.h"

#include <stdlib.h>

void lsoe_list_fini(struct lsoe_list *l)
{
	free(l->p);
	*l = (struct lsoe_list){0};
}

enum lan_err lsoe_list_add(struct lsoe_list *l, uint8_t type, const struct lsoe_entry *e)
{
	size_t labels = lsoe_has_labels(type) ? 1 + 3 * (size_t)e->n_labels : 0;
	size_t need = 1 + labels + lsoe_addr_len(type) + 1;
	if (l->len + need > l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 4 * need;
		while (cap < l->len + need)
			cap *= 2;
		uint8_t *p = realloc(l->p, cap);
		if (!p)
			return LAN_ERR_NOMEM;
		l->p = p, l->cap = cap;
	}
	struct lan_wr w = lan_wr_of(l->p + l->len, l->cap - l->len);
	lan_wr_u8(&w, (uint8_t)e->flags);
	if (lsoe_has_labels(type)) {
		lan_wr_u8(&w, e->n_labels);
		lan_wr_bytes(&w, e->labels, 3 * (size_t)e->n_labels);
	}
	lan_wr_bytes(&w, e->addr, lsoe_addr_len(type));
	lan_wr_u8(&w, e->prefix);
	l->len += w.off;
	l->count++;
	return LAN_OK;
}

bool lsoe_list_next(const struct lsoe_list *l, uint8_t type, size_t *at, struct lsoe_entry *out)
{
	if (*at >= l->len)
		return false;
	struct lan_rd r = lan_rd_of(l->p + *at, l->len - *at);
	*out = (struct lsoe_entry){.flags = lan_rd_u8(&r)};
	if (lsoe_has_labels(type)) {
		out->n_labels = lan_rd_u8(&r);
		out->labels = lan_rd_take(&r, 3 * (size_t)out->n_labels);
	}
	out->addr = lan_rd_take(&r, lsoe_addr_len(type));
	out->prefix = lan_rd_u8(&r);
	*at += r.off;
	return !r.bad;
}
