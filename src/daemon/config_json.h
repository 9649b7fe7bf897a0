/*
 * config_json.h - a configuration as JSON, key by key as the table has them; secrets are masked.
 */
#ifndef LANYARDD_CONFIG_JSON_H
#define LANYARDD_CONFIG_JSON_H

#include <jansson.h>
#include "daemon/config.h"

json_t *config_json(const struct config *c);

#endif
