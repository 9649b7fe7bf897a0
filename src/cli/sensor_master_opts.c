/*
 * sensor_master_opts.c - options, examples and further help of `lanyard sensor master`, and the options made
 * into a configuration. Networks, files and addresses are judged by the library, in one place for everybody.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/units.h"
#include "cli/sensor_master.h"

const struct opt sensor_master_opts[] = {
	{"net", 0, ARG_TEXT, "NET", "ethernet:IFACE or xbee:DEVICE, with settings; may be repeated", NULL},
	{"slave", 0, ARG_TEXT, "ID[,ttl=S][,mtu=N][,key=FILE]", "a slave that is served; may be repeated",
		NULL},
	{"unlisted", 0, ARG_CHOICE, "WHAT",
		"slaves that are not listed: ignore (the default), list as candidates, admit",
		"ignore|list|admit"},
	{"epoch", 0, ARG_CHOICE, "WHICH", "the wire: casan, sos or both (the default)", "casan|sos|both"},
	{"http", 0, ARG_ADDR, "ADDR:PORT", "show the slaves to the web there; may be repeated", NULL},
	{"tls-cert", 0, ARG_FILE, "FILE", "with this certificate: HTTPS", NULL},
	{"tls-key", 0, ARG_FILE, "FILE", "and its key", NULL},
	{"token-file", 0, ARG_FILE, "FILE", "requests that change something need this token", NULL},
	{"compat", 0, ARG_NONE, NULL, "answer as the original Python master where that differs", NULL},
	{"evlog-add", 0, ARG_NONE, NULL, "events may be added by HTTP", NULL},
	{"event-log", 0, ARG_FILE, "FILE", "keep the event log in this file (in memory)", NULL},
	{"event-log-size", 0, ARG_COUNT, "N", "events kept (1000; in a file 100000)", NULL},
	{"first-hello", 0, ARG_DURATION, "TIME", "delay of the first Hello (3s)", NULL},
	{"hello", 0, ARG_DURATION, "TIME", "pause between Hellos (10s)", NULL},
	{"ttl", 0, ARG_DURATION, "TIME", "of slaves that are given none (1h)", NULL},
	{"give-up", 0, ARG_DURATION, "TIME", "a request without answer is given up after (23s)", NULL},
	{"no-cache", 0, ARG_NONE, NULL, "ask the slave each time", NULL},
	{"name", 0, ARG_TEXT, "NAME", "with -c: which master of the file", NULL},
	{0},
};

const char *const sensor_master_examples[] = {
	"sudo lanyard sensor master --net ethernet:eth0 --slave 169,ttl=600 --http 127.0.0.1:8004",
	"pair sensor 169 over eth0; curl http://127.0.0.1:8004/casan/169/t1 reads it",
	"sudo lanyard sensor master --net xbee:ttyUSB0,panid=ca:fe --unlisted list -J",
	"who speaks on the radio? as JSON events", "sudo lanyard sensor master -c casand.conf",
	"what a casand.conf of the originals says, either syntax", NULL};

const char sensor_master_more[] =
	"FILE of -c is a lanyard.yaml with a sensor section, or a configuration of the original masters. "
	"Each "
	"event is a line on stdout. With -n it ends when that many slaves came to run. SIGINT and SIGTERM "
	"end "
	"it. Raw Ethernet needs root or CAP_NET_RAW. Whoever is on the network can be any slave that has no "
	"key: see lanyard-sensor(7).";

/* ---- slaves ----------------------------------------------------------------------------------------------
 */

static bool whole(const char *text, unsigned long max, unsigned long *out)
{
	char *end;
	errno = 0;
	if (*text < '0' || *text > '9')
		return false;
	*out = strtoul(text, &end, 10);
	return !*end && !errno && *out <= max;
}

static int wrong_slave(const struct cli *cli, const char *shown, const char *why)
{
	return cli_error(cli, EXIT_USAGE, NULL, "--slave %s: %s", shown, why);
}

static int slave_setting(
	const struct cli *cli, const char *shown, char *word, struct lan_sensor_slave_config *s)
{
	char *value = strchr(word, '=');
	unsigned long n;
	lan_time t;
	if (!value)
		return wrong_slave(cli, shown, "not ID[,ttl=S][,mtu=N][,key=FILE]");
	*value++ = '\0';
	if (strcmp(word, "key") == 0) {
		s->key_file = value;
	} else if (strcmp(word, "mtu") == 0) {
		if (!whole(value, 1518, &n) || n < 64)
			return wrong_slave(cli, shown, "mtu is 64 to 1518");
		s->mtu = (uint32_t)n;
	} else if (strcmp(word, "ttl") == 0) {
		if (lan_parse_duration(value, &t) || t < LAN_SEC(1) || t > LAN_SEC(INT32_MAX))
			return wrong_slave(cli, shown, "ttl is a time of at least 1s, e.g. 600 or 10m");
		s->ttl = (uint32_t)((t + LAN_SEC(1) - 1) / LAN_SEC(1));
	} else {
		return wrong_slave(cli, shown, "the settings of a slave are ttl, mtu and key");
	}
	return EXIT_OK;
}

/* `text` is a copy of `shown`. */
static int one_slave(const struct cli *cli, const char *shown, char *text, struct lan_sensor_slave_config *s)
{
	unsigned long id;
	char *save, *word = strtok_r(text, ",", &save);
	int rc = EXIT_OK;
	if (!word || !whole(word, INT32_MAX, &id) || !id)
		return wrong_slave(cli, shown, "an id is a number 1 to 2147483647");
	*s = (struct lan_sensor_slave_config){.id = (uint32_t)id};
	while (rc == EXIT_OK && (word = strtok_r(NULL, ",", &save)))
		rc = slave_setting(cli, shown, word, s);
	return rc;
}

static int slaves(struct master_options *o, const struct cli *cli)
{
	size_t n = 0, bytes = 0;
	const char *v;
	int rc = EXIT_OK;
	for (; (v = cli_opt_at(cli, "slave", n)); n++)
		bytes += strlen(v) + 1;
	o->slaves = calloc(n + 1, sizeof *o->slaves);
	o->texts = malloc(bytes + 1);
	if (!o->slaves || !o->texts)
		return cli_error(cli, EXIT_FAILED, NULL, "out of memory");
	char *at = o->texts;
	for (size_t i = 0; rc == EXIT_OK && i < n; i++) {
		v = cli_opt_at(cli, "slave", i);
		rc = one_slave(cli, v, memcpy(at, v, strlen(v) + 1), &o->slaves[i]);
		at += strlen(v) + 1;
		for (size_t k = 0; rc == EXIT_OK && k < i; k++)
			if (o->slaves[k].id == o->slaves[i].id)
				rc = cli_error(cli, EXIT_USAGE, "give all of it in one --slave",
					"slave %u is there twice", o->slaves[i].id);
	}
	o->cfg.slaves = o->slaves;
	o->cfg.n_slaves = n;
	return rc;
}

/* ---- the rest --------------------------------------------------------------------------------------------
 */

static int networks(struct master_options *o, const struct cli *cli)
{
	const char *v;
	for (; (v = cli_opt_at(cli, "net", o->cfg.n_nets)); o->cfg.n_nets++) {
		if (o->cfg.n_nets == MASTER_NETS)
			return cli_error(cli, EXIT_USAGE, NULL, "more than %d networks", MASTER_NETS);
		o->nets[o->cfg.n_nets] = v;
	}
	o->cfg.nets = o->nets;
	if (!o->cfg.n_nets)
		return cli_error(cli, EXIT_USAGE, "name one: --net ethernet:eth0, or a file with -c",
			"a master needs a network");
	return EXIT_OK;
}

static int listeners(struct master_options *o, const struct cli *cli)
{
	static const char *const need[] = {"tls-cert", "tls-key", "token-file", "compat", "evlog-add"};
	const char *v, *cert = cli_opt(cli, "tls-cert"), *key = cli_opt(cli, "tls-key");
	size_t n = 0;
	if (!cert != !key)
		return cli_error(cli, EXIT_USAGE, NULL, "--tls-cert and --tls-key: both or none");
	for (; (v = cli_opt_at(cli, "http", n)); n++) {
		if (n == MASTER_LISTEN)
			return cli_error(cli, EXIT_USAGE, NULL, "more than %d addresses", MASTER_LISTEN);
		o->listen[n] = (struct lan_sensor_http_listen){v, cert, key};
	}
	for (size_t i = 0; !n && i < sizeof need / sizeof need[0]; i++)
		if (cli_flag(cli, need[i]))
			return cli_error(cli, EXIT_USAGE, "add --http ADDR:PORT",
				"--%s: there is no HTTP server", need[i]);
	o->has_http = n > 0;
	o->http.listen = o->listen;
	o->http.n_listen = n;
	o->http.admin = "/admin";
	o->http.casan = "/casan";
	o->http.observe = "/obs";
	o->http.evlog = "/evlog";
	o->http.well_known = "/.well-known/casan";
	o->http.compat = cli_flag(cli, "compat");
	o->http.evlog_add = cli_flag(cli, "evlog-add");
	o->http.token_file = cli_opt(cli, "token-file");
	return EXIT_OK;
}

static int plain(struct master_options *o, const struct cli *cli)
{
	struct lan_sensor_master_config *c = &o->cfg;
	lan_time ttl = cli_duration(cli, "ttl", 0);
	uint64_t size = cli_number(cli, "event-log-size", 0);
	int epoch = cli_choice(cli, "epoch", 2);
	if (ttl > LAN_SEC(INT32_MAX) || (ttl && ttl < LAN_SEC(1)))
		return cli_error(cli, EXIT_USAGE, NULL, "--ttl %s: at least 1s", cli_opt(cli, "ttl"));
	if (size > UINT32_MAX)
		return cli_error(cli, EXIT_USAGE, NULL, "--event-log-size: at most 4294967295");
	c->unlisted = (enum lan_sensor_unlisted)cli_choice(cli, "unlisted", LAN_SENSOR_IGNORE);
	c->casan = epoch != 1;
	c->sos = epoch != 0;
	c->first_hello = cli_duration(cli, "first-hello", 0);
	c->hello = cli_duration(cli, "hello", 0);
	c->ttl = (uint32_t)((ttl + LAN_SEC(1) - 1) / LAN_SEC(1));
	c->give_up = cli_duration(cli, "give-up", 0);
	c->event_log = cli_opt(cli, "event-log");
	c->event_log_size = (uint32_t)size;
	c->no_cache = cli_flag(cli, "no-cache");
	return EXIT_OK;
}

/* With -c the file says it all. */
static int refuse_with_file(const struct cli *cli)
{
	for (const struct opt *o = sensor_master_opts; o->name; o++)
		if (strcmp(o->name, "name") != 0 && cli_flag(cli, o->name))
			return cli_error(cli, EXIT_USAGE, "write it there, or leave -c out",
				"--%s: with -c the file says it", o->name);
	return EXIT_OK;
}

int master_options(struct master_options *o, const struct cli *cli)
{
	*o = (struct master_options){
		.cfg = LAN_SENSOR_MASTER_CONFIG_INIT, .http = LAN_SENSOR_HTTP_CONFIG_INIT};
	int rc = cli->config ? refuse_with_file(cli) : EXIT_OK;
	if (rc == EXIT_OK && cli->config)
		return master_options_file(o, cli, cli->config);
	if (rc == EXIT_OK && cli_flag(cli, "name"))
		rc = cli_error(cli, EXIT_USAGE, "leave it out", "--name goes with -c");
	if (rc == EXIT_OK)
		rc = networks(o, cli);
	if (rc == EXIT_OK)
		rc = slaves(o, cli);
	if (rc == EXIT_OK)
		rc = listeners(o, cli);
	if (rc == EXIT_OK)
		rc = plain(o, cli);
	if (rc == EXIT_OK && !o->cfg.n_slaves && o->cfg.unlisted == LAN_SENSOR_IGNORE)
		cli_say(cli, "no --slave, and unlisted ones are ignored: nobody is served (--unlisted list "
			     "shows who is there)");
	return rc;
}

void master_options_fini(struct master_options *o)
{
	free(o->slaves);
	free(o->texts);
	json_decref(o->file);
}
