/*
 * config_schema.c - libcyaml, made from the table of keys at first use, so that
 * the two cannot disagree; and the defaults.
 *
 * libcyaml reads only what config_lint passed; if it still objects, its own
 * words are reported. What is printed has every value but the secrets: in their
 * place stands CONFIG_SECRET_SHOWN, which is not accepted as one.
 */
#include "daemon/config.h"

#include <assert.h>
#include <cyaml/cyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTIONS_MAX 8
#define FIELDS_MAX   320

/* Quoted when printed: text stays text for other readers of YAML even if it is 7 or ~. */
static const cyaml_schema_value_t text_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER | CYAML_FLAG_SCALAR_QUOTE_SINGLE, char, 0, CYAML_UNLIMITED)};

static const cyaml_schema_field_t *fields_of(const struct config_key *keys);

/* What other readers of YAML might take for a number, or for nothing. */
static bool is_quoted(enum config_kind kind)
{
	return kind == CONFIG_ID || kind == CONFIG_TEXT || kind == CONFIG_SECRET || kind == CONFIG_HEX ||
	       kind == CONFIG_HELLO || kind == CONFIG_NETWORK || kind == CONFIG_ADDRESS ||
	       kind == CONFIG_PREFIX;
}

static cyaml_schema_field_t field_of(const struct config_key *k)
{
	static cyaml_schema_value_t maps_entry[SECTIONS_MAX];
	static size_t sections;
	const cyaml_schema_value_t *entry = &text_entry;
	cyaml_schema_field_t f = {.key = k->name,
		.data_offset = (uint32_t)k->offset,
		.value.flags = CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER};
	switch (k->kind) {
	case CONFIG_MAP:
		f.value.type = CYAML_MAPPING;
		f.value.data_size = (uint32_t)k->size;
		f.value.mapping.fields = fields_of(k->sub);
		break;
	case CONFIG_MAPS:
		assert(sections < SECTIONS_MAX);
		entry = &maps_entry[sections];
		maps_entry[sections++] = (cyaml_schema_value_t){.type = CYAML_MAPPING,
			.flags = CYAML_FLAG_DEFAULT,
			.data_size = (uint32_t)k->size,
			.mapping.fields = fields_of(k->sub)};
		/* fall through */
	case CONFIG_LIST:
		f.value.type = CYAML_SEQUENCE;
		f.value.flags |= k->kind == CONFIG_LIST ? CYAML_FLAG_FLOW : 0;
		f.value.data_size = (uint32_t)(k->kind == CONFIG_LIST ? sizeof(char *) : k->size);
		f.value.sequence.entry = entry;
		f.value.sequence.max = (uint32_t)k->max;
		f.count_offset = (uint32_t)k->count_offset;
		f.count_size = sizeof(uint32_t);
		break;
	case CONFIG_COUNT:
		f.value.type = CYAML_UINT;
		f.value.data_size = sizeof(uint32_t);
		break;
	case CONFIG_BOOL:
		f.value.type = CYAML_BOOL;
		f.value.data_size = sizeof(bool);
		break;
	default:
		f.value.type = CYAML_STRING;
		f.value.flags |= is_quoted(k->kind) ? CYAML_FLAG_SCALAR_QUOTE_SINGLE : 0;
		f.value.data_size = sizeof(char);
		f.value.string.max = CYAML_UNLIMITED;
		break;
	}
	return f;
}

static const cyaml_schema_field_t *fields_of(const struct config_key *keys)
{
	static cyaml_schema_field_t pool[FIELDS_MAX];
	static size_t used;
	size_t n = 0, first = used;
	while (keys[n].name)
		n++;
	assert(used + n + 1 <= FIELDS_MAX);
	used += n + 1;
	for (size_t i = 0; i < n; i++)
		pool[first + i] = field_of(&keys[i]);
	return pool + first;
}

static const cyaml_schema_value_t *schema(void)
{
	static cyaml_schema_value_t top;
	if (!top.mapping.fields)
		top = (cyaml_schema_value_t){.type = CYAML_MAPPING,
			.flags = CYAML_FLAG_POINTER,
			.data_size = sizeof(struct config),
			.mapping.fields = fields_of(config_top_keys)};
	return &top;
}

static void collect(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct text *t = ctx;
	(void)level;
	if (t)
		text_vprintf(t, fmt, args);
}

static cyaml_config_t cyaml_of(struct text *log)
{
	return (cyaml_config_t){.log_fn = collect,
		.log_ctx = log,
		.mem_fn = cyaml_mem,
		.log_level = CYAML_LOG_ERROR,
		.flags = CYAML_CFG_STYLE_BLOCK};
}

struct config *config_parse(const char *file, const char *yaml, size_t len, struct config_notes *errors)
{
	struct text log = {0};
	cyaml_config_t cfg = cyaml_of(&log);
	cyaml_data_t *data = NULL;
	cyaml_err_t e = cyaml_load_data((const uint8_t *)yaml, len, &cfg, schema(), &data, NULL);
	if (e != CYAML_OK) {
		for (char *p = log.p; p && *p; p++)
			if (*p == '\n')
				*p = p[1] ? ';' : 0;
		config_note(errors, "%s: %s (%s)", file, cyaml_strerror(e), text_str(&log));
	}
	text_fini(&log);
	return e == CYAML_OK ? data : NULL;
}

void config_free(struct config *c)
{
	cyaml_config_t cfg = cyaml_of(NULL);
	if (c)
		cyaml_free(&cfg, schema(), c, 0);
}

/* A shallow copy of the entries of a list, its secrets exchanged; free it. */
static char *masked_entries(const struct config_key *maps, const char *entries, uint32_t n)
{
	static char shown[] = CONFIG_SECRET_SHOWN;
	char *copy = malloc(n * maps->size + 1);
	for (uint32_t i = 0; copy && i < n; i++) {
		char *obj = copy + i * maps->size;
		memcpy(obj, entries + i * maps->size, maps->size);
		for (const struct config_key *k = maps->sub; k->name; k++) {
			char **at = (char **)(obj + k->offset);
			if (k->kind == CONFIG_SECRET && *at)
				*at = shown;
		}
	}
	return copy;
}

char *config_yaml(const struct config *c)
{
	cyaml_config_t cfg = cyaml_of(NULL);
	struct config shown = *c;
	char *out = NULL, *copy = NULL;
	size_t len = 0;
	bool ok = true;
	for (const struct config_key *k = config_top_keys; k->name; k++) {
		char **at = (char **)((char *)&shown + k->offset);
		if (k->kind == CONFIG_MAPS && *at)
			ok &= (*at = masked_entries(
				       k, *at, *(uint32_t *)((char *)&shown + k->count_offset))) != NULL;
	}
	if (ok && cyaml_save_data(&out, &len, &cfg, schema(), &shown, 0) == CYAML_OK)
		copy = strndup(out, len);
	for (const struct config_key *k = config_top_keys; k->name; k++)
		if (k->kind == CONFIG_MAPS)
			free(*(char **)((char *)&shown + k->offset));
	cyaml_mem(NULL, out, 0);
	return copy;
}

static bool fill_one(char *obj, const struct config_key *k, int role)
{
	void **at = (void **)(obj + k->offset);
	const char *def = config_default(k, role);
	uint32_t *num;
	bool *yes;
	if (k->kind == CONFIG_MAP) {
		if (!*at && k->optional)
			return true;
		if (!*at)
			*at = calloc(1, k->size);
		return *at && config_fill(*at, k->sub, role);
	}
	if (*at || !def)
		return true;
	if (k->kind == CONFIG_COUNT) {
		*at = num = malloc(sizeof *num);
		if (num)
			*num = (uint32_t)strtoul(def, NULL, 10);
	} else if (k->kind == CONFIG_BOOL) {
		*at = yes = malloc(sizeof *yes);
		if (yes)
			*yes = strcmp(def, "true") == 0;
	} else {
		*at = strdup(def);
	}
	return *at != NULL;
}

bool config_fill(void *obj, const struct config_key *keys, int role)
{
	for (const struct config_key *k = keys; k->name; k++)
		if ((k->roles & role) && !fill_one(obj, k, role))
			return false;
	return true;
}
