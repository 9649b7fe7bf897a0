/*
 * key.h - what the verbs of `lanyard key` share: a key file as a document,
 * without its secrets, and errors of key files as exit codes.
 */
#ifndef LAN_CLI_KEY_H
#define LAN_CLI_KEY_H

#include <jansson.h>
#include <lanyard/key.h>
#include "cli/verb.h"

/* {"file":.., "kind":"group","cipher":..,"epochs":[..]} or
 * {"file":..,"kind":"identity","id":..,"public_key":..}. NULL: *e and *why say why not; LAN_ERR_PROTO:
 * neither of the two. */
json_t *key_document(const char *path, enum lan_err *e, const char **why);

/* Reports an error of a key file; returns its exit code. */
int key_failed(const struct cli *cli, enum lan_err e, const char *why);

/* Where key files lie if nothing else is said: /etc/lanyard/keys for root, else the user's configuration. */
const char *key_folder(char *buf, size_t cap);

#endif
