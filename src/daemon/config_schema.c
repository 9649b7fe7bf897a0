/*
 * config_schema.c - the table of keys, and libcyaml made from it.
 *
 * One table says everything about a key: its kind, where it lives in its
 * struct, whom it is for, its default and its range. The libcyaml schema is
 * built from the table at first use, so the two cannot disagree. Every member
 * is a pointer: NULL means "not given", which a merge and the defaults need to
 * know. libcyaml reads only what config_lint passed; if it still objects, its
 * own words are reported.
 */
#include "daemon/config.h"

#include <assert.h>
#include <cyaml/cyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/units.h"

#define AT(type, member)   .offset = offsetof(type, member)
#define MANY(type, member) .count_offset = offsetof(type, member)

const struct config_key config_log_keys[] = {
	{"level", CONFIG_WORD, CONFIG_BOTH, AT(struct config_log, level), .def = "info",
		.words = {"error", "warn", "info", "debug"}},
	{"format", CONFIG_WORD, CONFIG_BOTH, AT(struct config_log, format), .def = "auto",
		.words = {"auto", "text", "json"}},
	{NULL},
};

const struct config_key config_daemon_keys[] = {
	{"name", CONFIG_NAME, CONFIG_BOTH, AT(struct config_daemon, name)},
	{"socket", CONFIG_PATH, CONFIG_BOTH, AT(struct config_daemon, socket)},
	{"log", CONFIG_MAP, CONFIG_BOTH, AT(struct config_daemon, log), .size = sizeof(struct config_log),
		.sub = config_log_keys},
	{"events", CONFIG_COUNT, CONFIG_BOTH, AT(struct config_daemon, events), .def = "4096", .min = 16,
		.max = 1000000},
	{NULL},
};

#define LINK(member) AT(struct config_link, member)
const struct config_key config_link_keys[] = {
	{"name", CONFIG_NAME, CONFIG_BOTH, LINK(name)},
	{"role", CONFIG_WORD, CONFIG_BOTH, LINK(role), .words = {"server", "client"}},
	{"listen", CONFIG_LISTEN, CONFIG_SERVER, LINK(listen)},
	{"connect", CONFIG_CONNECT, CONFIG_CLIENT, LINK(connect)},
	{"id", CONFIG_ID, CONFIG_CLIENT, LINK(id)},
	{"timeout", CONFIG_DURATION, CONFIG_BOTH, LINK(timeout), .def = "2s", .min = LAN_MS(100),
		.max = LAN_SEC(3600)},
	{"expect", CONFIG_IDS, CONFIG_SERVER, LINK(expect), MANY(struct config_link, expect_count),
		.max = CONFIG_EXPECT_MAX},
	{"only_expected", CONFIG_BOOL, CONFIG_SERVER, LINK(only_expected), .def = "false"},
	{"duplicate", CONFIG_WORD, CONFIG_SERVER, LINK(duplicate), .def = "refuse-unless-silent",
		.words = {"refuse-unless-silent", "refuse", "replace"}},
	{"window", CONFIG_COUNT, CONFIG_BOTH, LINK(window), .min = 1, .max = 100},
	{"max_line", CONFIG_SIZE, CONFIG_BOTH, LINK(max_line), .def = "1M", .min = 1, .max = 16u << 20},
	{"max_queue", CONFIG_SIZE, CONFIG_BOTH, LINK(max_queue), .def = "1M", .min = 1024, .max = 1u << 30},
	{"max_clients", CONFIG_COUNT, CONFIG_SERVER, LINK(max_clients), .def = "16384", .min = 1,
		.max = 1000000},
	{"max_handshakes", CONFIG_COUNT, CONFIG_SERVER, LINK(max_handshakes), .def = "16384", .min = 1,
		.max = 1000000},
	{"hold_off", CONFIG_DURATION, CONFIG_SERVER, LINK(hold_off), .def = "200ms", .min = 0,
		.max = LAN_SEC(10)},
	{"retry_min", CONFIG_DURATION, CONFIG_CLIENT, LINK(retry_min), .def = "20ms", .min = LAN_MS(1),
		.max = LAN_SEC(3600)},
	{"retry_max", CONFIG_DURATION, CONFIG_CLIENT, LINK(retry_max), .def = "5s", .min = LAN_MS(1),
		.max = LAN_SEC(86400)},
	{"echo", CONFIG_BOOL, CONFIG_BOTH, LINK(echo), .def = "false"},
	{"heartbeat", CONFIG_BOOL, CONFIG_BOTH, LINK(heartbeat), .def = "false"},
	{NULL},
};

const struct config_key config_top_keys[] = {
	{"daemon", CONFIG_MAP, CONFIG_BOTH, AT(struct config, daemon), .size = sizeof(struct config_daemon),
		.sub = config_daemon_keys},
	{"link", CONFIG_MAPS, CONFIG_BOTH, AT(struct config, link), MANY(struct config, link_count),
		.size = sizeof(struct config_link), .sub = config_link_keys, .max = CONFIG_LINKS_MAX},
	{NULL},
};

/* Quoted when printed: an id is text, and stays text for other readers of YAML even if it is 7 or ~. */
static const cyaml_schema_value_t id_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER | CYAML_FLAG_SCALAR_QUOTE_SINGLE, char, 0, CYAML_UNLIMITED)};

static const cyaml_schema_field_t *fields_of(const struct config_key *keys);

static cyaml_schema_field_t field_of(const struct config_key *k)
{
	static cyaml_schema_value_t maps_entry;
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
		maps_entry = (cyaml_schema_value_t){.type = CYAML_MAPPING,
			.flags = CYAML_FLAG_DEFAULT,
			.data_size = (uint32_t)k->size,
			.mapping.fields = fields_of(k->sub)};
		/* fall through */
	case CONFIG_IDS:
		f.value.type = CYAML_SEQUENCE;
		f.value.flags |= k->kind == CONFIG_IDS ? CYAML_FLAG_FLOW : 0;
		f.value.data_size = (uint32_t)(k->kind == CONFIG_IDS ? sizeof(char *) : k->size);
		f.value.sequence.entry = k->kind == CONFIG_IDS ? &id_entry : &maps_entry;
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
	case CONFIG_NAME:
	case CONFIG_WORD:
	case CONFIG_PATH:
	case CONFIG_LISTEN:
	case CONFIG_CONNECT:
	case CONFIG_ID:
	case CONFIG_DURATION:
	case CONFIG_SIZE:
		f.value.type = CYAML_STRING;
		f.value.flags |= k->kind == CONFIG_ID ? CYAML_FLAG_SCALAR_QUOTE_SINGLE : 0;
		f.value.data_size = sizeof(char);
		f.value.string.max = CYAML_UNLIMITED;
		break;
	}
	return f;
}

static const cyaml_schema_field_t *fields_of(const struct config_key *keys)
{
	static cyaml_schema_field_t pool[48];
	static size_t used;
	size_t n = 0, first = used;
	while (keys[n].name)
		n++;
	assert(used + n + 1 <= sizeof pool / sizeof pool[0]);
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

char *config_yaml(const struct config *c)
{
	cyaml_config_t cfg = cyaml_of(NULL);
	char *out = NULL, *copy = NULL;
	size_t len = 0;
	if (cyaml_save_data(&out, &len, &cfg, schema(), c, 0) == CYAML_OK)
		copy = strndup(out, len);
	cyaml_mem(NULL, out, 0);
	return copy;
}

static bool fill_one(char *obj, const struct config_key *k, int role)
{
	void **at = (void **)(obj + k->offset);
	uint32_t *num;
	bool *yes;
	if (k->kind == CONFIG_MAP) {
		if (!*at)
			*at = calloc(1, k->size);
		return *at && config_fill(*at, k->sub, role);
	}
	if (*at || !k->def)
		return true;
	if (k->kind == CONFIG_COUNT) {
		*at = num = malloc(sizeof *num);
		if (num)
			*num = (uint32_t)strtoul(k->def, NULL, 10);
	} else if (k->kind == CONFIG_BOOL) {
		*at = yes = malloc(sizeof *yes);
		if (yes)
			*yes = strcmp(k->def, "true") == 0;
	} else {
		*at = strdup(k->def);
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
