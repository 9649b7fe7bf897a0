/*
 * config_lint_sensor.c - what only the keys of one entry of `sensor:` together show: slaves of one id, an
 * HTTP server without an address, files that go in pairs; and what two entries may not share: a network. Two
 * masters on one interface confuse every slave there. With a neighbor a sensor may not share interface and
 * EtherType: L3DL and CASAN have the same by default, and each would be given the frames of the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/sensor_net.h"
#include "daemon/config_lint.h"

static size_t length_of(const yaml_node_t *list)
{
	return list && list->type == YAML_SEQUENCE_NODE
		       ? (size_t)(list->data.sequence.items.top - list->data.sequence.items.start)
		       : 0;
}

static yaml_node_t *item(struct lint *l, const yaml_node_t *list, size_t i)
{
	return lint_node(l, list->data.sequence.items.start[i]);
}

/* ---- slaves: many, so they are sorted */

struct id {
	unsigned long value;
	size_t at;
	const yaml_node_t *node;
};

static int by_value(const void *a, const void *b)
{
	const struct id *x = a, *y = b;
	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static size_t take_ids(struct lint *l, const yaml_node_t *list, struct id *ids)
{
	size_t n = 0;
	for (size_t i = 0; i < length_of(list); i++) {
		const yaml_node_t *slave = item(l, list, i);
		const yaml_node_t *id = slave->type == YAML_MAPPING_NODE ? lint_value(l, slave, "id") : NULL;
		const char *text = id ? lint_scalar(id) : NULL;
		if (text && *text && strspn(text, "0123456789") == strlen(text))
			ids[n++] = (struct id){strtoul(text, NULL, 10), i, id};
	}
	return n;
}

static void check_ids(struct lint *l, const yaml_node_t *list)
{
	size_t n = length_of(list);
	struct id *ids = n && n <= CONFIG_SLAVES_MAX ? calloc(n, sizeof *ids) : NULL;
	if (!ids)
		return;
	n = take_ids(l, list, ids);
	qsort(ids, n, sizeof *ids, by_value);
	for (size_t i = 1; i < n; i++)
		if (ids[i].value == ids[i - 1].value)
			lint_complain(l, &ids[i].node->start_mark,
				"two slaves have the id %lu (first in line %zu)", ids[i].value,
				ids[i - 1].node->start_mark.line + 1);
	free(ids);
}

/* ---- HTTP */

static void check_tls(struct lint *l, const yaml_node_t *tls)
{
	static const char *const keys[] = {"listen", "cert_file", "key_file"};
	if (!tls || tls->type != YAML_MAPPING_NODE)
		return;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (!lint_value(l, tls, keys[i]))
			lint_complain(l, &tls->start_mark, "tls has no \"%s\"", keys[i]);
}

static void check_http(struct lint *l, const yaml_node_t *http)
{
	if (!http || http->type != YAML_MAPPING_NODE)
		return;
	const yaml_node_t *listen = lint_value(l, http, "listen"), *tls = lint_value(l, http, "tls");
	if (!listen && !tls)
		lint_complain(l, &http->start_mark,
			"http has neither \"listen\" ([ADDRESS:PORT], e.g. ['127.0.0.1:8004']) nor \"tls\"");
	if (listen && listen->type == YAML_SEQUENCE_NODE && !length_of(listen))
		lint_complain(l, &listen->start_mark, "\"listen\" is empty");
	check_tls(l, tls);
}

/* ---- networks */

static void check_networks(struct lint *l, const yaml_node_t *list)
{
	struct text q = {0};
	if (list && list->type == YAML_SEQUENCE_NODE && !length_of(list))
		lint_complain(l, &list->start_mark, "\"networks\" is empty");
	for (size_t i = 0; i < length_of(list) && length_of(list) <= CONFIG_NETWORKS_MAX; i++)
		for (size_t j = 0; j < i; j++) {
			const char *a = lint_scalar(item(l, list, i)), *b = lint_scalar(item(l, list, j));
			if (a && b && sensor_net_same(a, b))
				lint_complain(l, &item(l, list, i)->start_mark,
					"network %s is in this list twice", lint_quoted(&q, a));
		}
	text_fini(&q);
}

void lint_sensor(struct lint *l, struct yaml_node_s *entry)
{
	check_networks(l, lint_value(l, entry, "networks"));
	check_ids(l, lint_value(l, entry, "slaves"));
	check_http(l, lint_value(l, entry, "http"));
}

/* One network of `list` that is in `other`, too; NULL: none. */
static yaml_node_t *shared(struct lint *l, const yaml_node_t *list, const yaml_node_t *other)
{
	for (size_t i = 0; i < length_of(list); i++)
		for (size_t j = 0; j < length_of(other); j++) {
			const char *a = lint_scalar(item(l, list, i)), *b = lint_scalar(item(l, other, j));
			if (a && b && sensor_net_same(a, b))
				return item(l, list, i);
		}
	return NULL;
}

static const yaml_node_t *networks_of(struct lint *l, const yaml_node_t *entry)
{
	const yaml_node_t *list = entry->type == YAML_MAPPING_NODE ? lint_value(l, entry, "networks") : NULL;
	return length_of(list) <= CONFIG_NETWORKS_MAX ? list : NULL;
}

void lint_sensors(struct lint *l, struct yaml_node_s *list)
{
	struct text q = {0};
	size_t n = length_of(list);
	for (size_t i = 0; n <= CONFIG_SENSORS_MAX && i < n; i++)
		for (size_t j = 0; j < i; j++) {
			const yaml_node_t *before = item(l, list, j);
			yaml_node_t *net =
				shared(l, networks_of(l, item(l, list, i)), networks_of(l, before));
			if (net)
				lint_complain(l, &net->start_mark,
					"network %s has a master already (line %zu): two confuse the slaves",
					lint_quoted(&q, lint_scalar(net)), before->start_mark.line + 1);
		}
	text_fini(&q);
}

const char *config_sensor_clash(const void *one, const void *other, struct text *t)
{
	const struct config_sensor *a = one, *b = other;
	for (uint32_t i = 0; i < a->networks_count; i++)
		for (uint32_t j = 0; j < b->networks_count; j++) {
			if (!sensor_net_same(a->networks[i], b->networks[j]))
				continue;
			text_clear(t);
			text_puts(t, "network ");
			text_quoted(t, b->networks[j], strlen(b->networks[j]), 60);
			return text_str(t);
		}
	return NULL;
}

const char *config_frames_meet(const struct config_neighbor *n, const struct config_sensor *s, struct text *t)
{
	const struct config_claim a = config_neighbor_claim(n);
	for (uint32_t i = 0; i < s->networks_count; i++) {
		char iface[SENSOR_NET_NAME], number[8];
		const char *name = iface, *what;
		uint16_t ethertype;
		if (!sensor_net_frames(s->networks[i], iface, &ethertype))
			continue;
		snprintf(number, sizeof number, "0x%04x", ethertype);
		what = config_claims_meet(&a, &(struct config_claim){&name, 1, number}, t);
		if (what)
			return what;
	}
	return NULL;
}
