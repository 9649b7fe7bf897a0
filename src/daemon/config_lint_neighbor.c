/*
 * config_lint_neighbor.c - what only the keys of one entry of `neighbor:` together
 * show, and what two entries may not have in common: interface and EtherType. A
 * frame belongs to one of them only, so the two dialects cannot share these
 * either. The interfaces need not exist; that they could is enough (config_globs.c).
 */
#include <string.h>
#include "daemon/config_lint.h"

#define LSOE_ID_MAX 10

static const char *text_of(struct lint *l, const yaml_node_t *map, const char *key)
{
	const yaml_node_t *n = lint_value(l, map, key);
	const char *given = n ? lint_scalar(n) : NULL;
	return given ? given : config_key_named(config_neighbor_keys, key)->def;
}

static void check_id(struct lint *l, const yaml_node_t *entry)
{
	const yaml_node_t *id = lint_value(l, entry, "id");
	const char *text = id ? lint_scalar(id) : NULL;
	size_t n = text ? config_hex(text, NULL, 0) : 0;
	if (n > LSOE_ID_MAX && n <= 255 && strcmp(text_of(l, entry, "dialect"), "lsoe") == 0)
		lint_complain(l, &id->start_mark,
			"bad id: with dialect lsoe it has at most %d octets, not %zu", LSOE_ID_MAX, n);
}

/* At least one that is not taken out. */
static void check_ifaces(struct lint *l, const yaml_node_t *entry)
{
	const yaml_node_t *list = lint_value(l, entry, "ifaces");
	if (!list || list->type != YAML_SEQUENCE_NODE)
		return;
	for (yaml_node_item_t *i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++) {
		const char *v = lint_scalar(lint_node(l, *i));
		if (!v || v[0] != '!')
			return;
	}
	lint_complain(l, &list->start_mark, "\"ifaces\" names no interface: [eth0, 'swp*']");
}

static void check_bgp(struct lint *l, const yaml_node_t *entry)
{
	const yaml_node_t *bgp = lint_value(l, entry, "bgp");
	if (!bgp || bgp->type != YAML_MAPPING_NODE)
		return;
	if (!lint_value(l, bgp, "asn"))
		lint_complain(l, &bgp->start_mark, "bgp has no \"asn\"");
	if (!lint_value(l, bgp, "address4") && !lint_value(l, bgp, "address6"))
		lint_complain(l, &bgp->start_mark, "bgp has neither \"address4\" nor \"address6\"");
}

void lint_neighbor(struct lint *l, struct yaml_node_s *entry)
{
	check_id(l, entry);
	check_ifaces(l, entry);
	check_bgp(l, entry);
}

void lint_labels(struct lint *l, struct yaml_node_s *entry)
{
	const yaml_node_t *list = lint_value(l, entry, "labels");
	if (list && list->type == YAML_SEQUENCE_NODE &&
		list->data.sequence.items.start == list->data.sequence.items.top)
		lint_complain(l, &list->start_mark, "\"labels\" is empty");
}

static bool is_l3dl(const char *dialect)
{
	return dialect && strcmp(dialect, "l3dl") == 0;
}

static const char *ethertype_of(const char *given, const char *dialect)
{
	const struct config_key *k = config_key_named(config_neighbor_keys, "ethertype");
	return given ? given : config_default(k, is_l3dl(dialect) ? CONFIG_L3DL : CONFIG_LSOE);
}

const char *config_claims_meet(const struct config_claim *a, const struct config_claim *b, struct text *t)
{
	uint64_t x, y;
	char name[64];
	if (!config_number(a->ethertype, &x) || !config_number(b->ethertype, &y) || x != y ||
		!config_globs_meet(a->ifaces, a->n, b->ifaces, b->n, name, sizeof name))
		return NULL;
	text_clear(t);
	text_puts(t, "interface ");
	text_quoted(t, name, strlen(name), 20);
	text_printf(t, " with EtherType 0x%04x", (unsigned)x);
	return text_str(t);
}

struct config_claim config_neighbor_claim(const struct config_neighbor *n)
{
	return (struct config_claim){
		(const char *const *)n->ifaces, n->ifaces_count, ethertype_of(n->ethertype, n->dialect)};
}

const char *config_neighbor_clash(const void *one, const void *other, struct text *t)
{
	const struct config_claim x = config_neighbor_claim(one), y = config_neighbor_claim(other);
	return config_claims_meet(&x, &y, t);
}

/* What an entry claims; false while that is not readable. */
static bool take_claim(struct lint *l, const yaml_node_t *entry, struct config_claim *c, const char **list)
{
	const yaml_node_t *ifaces;
	if (entry->type != YAML_MAPPING_NODE)
		return false;
	ifaces = lint_value(l, entry, "ifaces");
	if (!ifaces || ifaces->type != YAML_SEQUENCE_NODE)
		return false;
	*c = (struct config_claim){
		list, 0, ethertype_of(text_of(l, entry, "ethertype"), text_of(l, entry, "dialect"))};
	for (yaml_node_item_t *i = ifaces->data.sequence.items.start;
		i < ifaces->data.sequence.items.top && c->n < CONFIG_IFACES_MAX; i++) {
		list[c->n] = lint_scalar(lint_node(l, *i));
		c->n += list[c->n] != NULL;
	}
	return true;
}

static void check_two(struct lint *l, const yaml_node_t *entry, const struct config_claim *a,
	const yaml_node_t *before, const struct config_claim *b)
{
	struct text t = {0}, qa = {0}, qb = {0};
	const char *na = text_of(l, entry, "name"), *nb = text_of(l, before, "name");
	const char *what = config_claims_meet(a, b, &t);
	if (what)
		lint_complain(l, &lint_value(l, entry, "ifaces")->start_mark,
			"neighbor %s claims %s as neighbor %s does (line %zu): a frame belongs to one of "
			"them",
			lint_quoted(&qa, na ? na : "?"), what, lint_quoted(&qb, nb ? nb : "?"),
			before->start_mark.line + 1);
	text_fini(&t);
	text_fini(&qa);
	text_fini(&qb);
}

void lint_neighbors(struct lint *l, struct yaml_node_s *list)
{
	const char *names[2][CONFIG_IFACES_MAX];
	struct config_claim a, b;
	const yaml_node_item_t *items = list->data.sequence.items.start;
	size_t n = (size_t)(list->data.sequence.items.top - items);
	for (size_t i = 0; n <= CONFIG_NEIGHBORS_MAX && i < n; i++)
		for (size_t j = 0; j < i; j++) {
			const yaml_node_t *entry = lint_node(l, items[i]), *before = lint_node(l, items[j]);
			if (take_claim(l, entry, &a, names[0]) && take_claim(l, before, &b, names[1]))
				check_two(l, entry, &a, before, &b);
		}
}
