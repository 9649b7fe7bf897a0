/*
 * sensor_master_file.c - the configuration of `lanyard sensor master -c FILE`: the sensor section of a
 * lanyard.yaml, or a casand.conf or sosd.conf of the originals, which is converted first. lanyardd reads and
 * checks it (daemon_run.h) and prints it as JSON, with all defaults.
 */
#include <stdlib.h>
#include <string.h>
#include "base/units.h"
#include "cli/config.h"
#include "cli/ctl.h"
#include "cli/daemon_run.h"
#include "cli/sensor_master.h"

#define OUTPUT_MAX (16u << 20)

/* ---- JSON to numbers: checked already --------------------------------------------------------------------
 */

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static lan_time time_of(const json_t *o, const char *key)
{
	const char *v = text_of(o, key);
	lan_time t = 0;
	return v && lan_parse_duration(v, &t) == LAN_OK ? t : 0;
}

static uint32_t seconds_of(const json_t *o, const char *key)
{
	return (uint32_t)((time_of(o, key) + LAN_SEC(1) - 1) / LAN_SEC(1));
}

static uint32_t count_of(const json_t *o, const char *key)
{
	return (uint32_t)ctl_num(o, key);
}

static uint32_t size_of(const json_t *o, const char *key)
{
	const char *v = text_of(o, key);
	uint64_t n = 0;
	return v && lan_parse_size(v, &n) == LAN_OK ? (uint32_t)n : 0;
}

/* "none": not served, not kept. */
static const char *unless_none(const json_t *o, const char *key)
{
	const char *v = text_of(o, key);
	return v && strcmp(v, "none") != 0 ? v : NULL;
}

/* ---- the entry -------------------------------------------------------------------------------------------
 */

static void take_networks(struct master_options *o, const json_t *entry)
{
	const json_t *v;
	size_t i;
	json_array_foreach(json_object_get(entry, "networks"), i, v) if (i < MASTER_NETS)
		o->nets[o->cfg.n_nets++] = json_string_value(v);
	o->cfg.nets = o->nets;
}

static bool take_slaves(struct master_options *o, const json_t *entry)
{
	const json_t *list = json_object_get(entry, "slaves"), *s;
	size_t i;
	o->slaves = calloc(json_array_size(list) + 1, sizeof *o->slaves);
	if (!o->slaves)
		return false;
	json_array_foreach(list, i, s) o->slaves[i] = (struct lan_sensor_slave_config){
		count_of(s, "id"), seconds_of(s, "ttl"), count_of(s, "mtu"), text_of(s, "key_file")};
	o->cfg.slaves = o->slaves;
	o->cfg.n_slaves = json_array_size(list);
	return true;
}

static void take_master(struct lan_sensor_master_config *c, const json_t *entry)
{
	const json_t *timers = json_object_get(entry, "timers"), *v;
	const char *unlisted = text_of(entry, "unlisted");
	size_t i;
	json_array_foreach(json_object_get(entry, "epochs"), i, v) *
		(strcmp(json_string_value(v), "sos") == 0 ? &c->sos : &c->casan) = true;
	c->unlisted = strcmp(unlisted, "admit") == 0  ? LAN_SENSOR_ADMIT
		      : strcmp(unlisted, "list") == 0 ? LAN_SENSOR_LIST
						      : LAN_SENSOR_IGNORE;
	c->first_hello = time_of(timers, "first_hello");
	c->hello = time_of(timers, "hello");
	c->ttl = seconds_of(timers, "ttl");
	c->give_up = time_of(timers, "give_up");
	c->queue = count_of(entry, "queue");
	c->max_requests = count_of(entry, "max_requests");
	c->max_candidates = count_of(entry, "max_candidates");
	c->max_body = size_of(entry, "max_body");
	c->event_log = unless_none(entry, "event_log");
	c->event_log_size = count_of(entry, "event_log_size");
	c->no_cache = !ctl_is(entry, "cache");
	c->cache_entries = count_of(entry, "cache_entries");
	c->cache_bytes = size_of(entry, "cache_bytes");
}

static void take_listen(struct master_options *o, const json_t *list, const char *cert, const char *key)
{
	const json_t *v;
	size_t i;
	json_array_foreach(list, i, v) if (o->http.n_listen < MASTER_LISTEN) o->listen[o->http.n_listen++] =
		(struct lan_sensor_http_listen){json_string_value(v), cert, key};
}

static void take_http(struct master_options *o, const json_t *h)
{
	const json_t *n = json_object_get(h, "namespaces"), *l = json_object_get(h, "limits"),
		     *tls = json_object_get(h, "tls");
	struct lan_sensor_http_config *c = &o->http;
	o->has_http = true;
	take_listen(o, json_object_get(h, "listen"), NULL, NULL);
	take_listen(o, json_object_get(tls, "listen"), text_of(tls, "cert_file"), text_of(tls, "key_file"));
	c->listen = o->listen;
	c->admin = unless_none(n, "admin");
	c->casan = unless_none(n, "casan");
	c->observe = unless_none(n, "observe");
	c->evlog = unless_none(n, "evlog");
	c->well_known = unless_none(n, "well_known");
	c->compat = ctl_is(h, "compat");
	c->evlog_add = ctl_is(h, "evlog_add");
	c->token_file = text_of(h, "token_file");
	c->max_connections = count_of(l, "connections");
	c->max_per_address = count_of(l, "per_address");
	c->max_body = size_of(l, "body");
	c->max_viewers = count_of(l, "viewers");
	c->idle = time_of(l, "idle");
	c->header = time_of(l, "header");
}

/* ---- the file --------------------------------------------------------------------------------------------
 */

/* The one that is meant. NULL after having said why not. */
static const json_t *entry_of(const struct cli *cli, const json_t *file, const char *path, int *rc)
{
	const json_t *list = json_object_get(file, "sensor"), *e;
	const char *name = cli_opt(cli, "name");
	size_t i, n = json_array_size(list);
	json_array_foreach(list, i, e) if (name ? strcmp(ctl_str(e, "name"), name) == 0 : n == 1) return e;
	if (name)
		*rc = cli_error(cli, EXIT_NOT_FOUND, NULL, "%s: no sensor is named \"%s\"", path, name);
	else if (n)
		*rc = cli_error(cli, EXIT_USAGE, "say which with --name NAME", "%s has %zu masters", path, n);
	else
		*rc = cli_error(cli, EXIT_FAILED, "see lanyard.yaml(5)", "%s has no sensor section", path);
	return NULL;
}

/* What lanyardd makes of it, as JSON. It says itself what is wrong. */
static int read_file(struct master_options *o, const struct cli *cli, const char *path)
{
	char *yaml = NULL, *warnings = NULL, *out = malloc(OUTPUT_MAX);
	bool original = config_is_original(path);
	int rc = out ? EXIT_OK : cli_error(cli, EXIT_FAILED, NULL, "out of memory");
	if (rc == EXIT_OK && original)
		rc = config_imported(cli, path, &yaml, &warnings);
	if (rc == EXIT_OK) {
		const char *args[] = {"--print-config", "--json", "-c", original ? "/dev/stdin" : path, NULL};
		struct daemon_run r = {.args = args, .input = yaml, .out = out, .cap = OUTPUT_MAX};
		int status = daemon_run(&r);
		o->file = status == 0 ? json_loads(out, 0, NULL) : NULL;
		if (status == 127 || status < 0)
			rc = cli_error(cli, EXIT_FAILED, "install lanyardd, or put it into PATH",
				"cannot run lanyardd");
		else if (!o->file)
			rc = cli_error(cli, EXIT_FAILED, NULL, "%s is not usable", path);
	}
	for (const char *p = warnings; rc == EXIT_OK && p && *p; p += strcspn(p, "\n") + 1)
		cli_detail(cli, "warning: %.*s", (int)strcspn(p, "\n"), p);
	free(yaml);
	free(warnings);
	free(out);
	return rc;
}

int master_options_file(struct master_options *o, const struct cli *cli, const char *path)
{
	int rc = read_file(o, cli, path);
	const json_t *entry = rc == EXIT_OK ? entry_of(cli, o->file, path, &rc) : NULL;
	if (!entry)
		return rc;
	take_networks(o, entry);
	take_master(&o->cfg, entry);
	if (json_object_get(entry, "http"))
		take_http(o, json_object_get(entry, "http"));
	return take_slaves(o, entry) ? EXIT_OK : cli_error(cli, EXIT_FAILED, NULL, "out of memory");
}
