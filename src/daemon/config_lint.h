/*
 * config_lint.h - between config_lint.c, which walks a file key by key, and
 * config_lint_entry.c, which knows what the keys of one entry must be together.
 */
#ifndef LANYARDD_CONFIG_LINT_H
#define LANYARDD_CONFIG_LINT_H

#include <yaml.h>
#include "daemon/config.h"

struct lint {
	yaml_document_t doc;
	const char *file;
	struct config_notes *errors;
	bool bad;
	size_t base;                        /* of the errors, this file's begin here */
	yaml_mark_t mark[CONFIG_NOTES_MAX]; /* where each of the errors is */
};

/* One more error of this file, sorted in where it belongs. */
void lint_complain(struct lint *l, const yaml_mark_t *m, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
yaml_node_t *lint_node(struct lint *l, int index);
/* The text of a scalar without NUL in it, or NULL. */
const char *lint_scalar(const yaml_node_t *n);
/* `s` in quotes, cut; a view into `t`. */
const char *lint_quoted(struct text *t, const char *s);
/* What the mapping has under `key`, or NULL. */
yaml_node_t *lint_value(struct lint *l, const yaml_node_t *map, const char *key);
/* Each key of a mapping by itself. */
void lint_map(struct lint *l, yaml_node_t *node, const struct config_key *keys, const char *what);

/* One entry of the list `maps`: its keys, and all of them together. */
void lint_entry(struct lint *l, yaml_node_t *node, const struct config_key *maps);
/* What the entries of the list may not have in common. */
void lint_entries(struct lint *l, yaml_node_t *list, const struct config_key *maps);

#endif
