/*
 * config_json.c - see config_json.h.
 */
#include "daemon/config_json.h"

static json_t *map_json(const void *obj, const struct config_key *keys);

static json_t *value_json(const char *obj, const struct config_key *k)
{
	const void *at = *(void *const *)(obj + k->offset);
	const uint32_t *count = (const uint32_t *)(obj + k->count_offset);
	json_t *list;
	switch (k->kind) {
	case CONFIG_MAP:
		return at ? map_json(at, k->sub) : NULL;
	case CONFIG_MAPS:
		list = json_array();
		for (uint32_t i = 0; i < *count; i++)
			json_array_append_new(list, map_json((const char *)at + i * k->size, k->sub));
		return list;
	case CONFIG_LIST:
		list = *count ? json_array() : NULL;
		for (uint32_t i = 0; i < *count; i++)
			json_array_append_new(list, json_string(((char *const *)at)[i]));
		return list;
	case CONFIG_COUNT:
		return at ? json_integer(*(const uint32_t *)at) : NULL;
	case CONFIG_BOOL:
		return at ? json_boolean(*(const bool *)at) : NULL;
	case CONFIG_SECRET:
		return at ? json_string(CONFIG_SECRET_SHOWN) : NULL;
	default:
		return at ? json_string(at) : NULL;
	}
}

static json_t *map_json(const void *obj, const struct config_key *keys)
{
	json_t *j = json_object(), *v;
	for (const struct config_key *k = keys; k->name; k++)
		if ((v = value_json(obj, k)))
			json_object_set_new(j, k->name, v);
	return j;
}

json_t *config_json(const struct config *c)
{
	return map_json(c, config_top_keys);
}
