/*
 * sensor_device_opts.c - options of `lanyard sensor device`, and the resources given with them:
 *
 *      PATH[;title=TEXT][;rt=TEXT][;obs][;ro]=VALUE | =@FILE | =!COMMAND
 *
 * A TEXT ends at ';' or '=', or is put into double quotes. A word that begins with '@', '!' or '\' is written
 * with a '\' before it.
 */
#include <stdlib.h>
#include <string.h>
#include "cli/sensor_device.h"
#include "cli/wait.h"

const struct opt sensor_device_opts[] = {
	{"net", 0, ARG_TEXT, "NET",
		"ethernet:IFACE, xbee:DEVICE[,addr=A:B][,panid=A:B][,channel=N] or udp:ADDR:PORT; needed",
		NULL},
	{"id", 0, ARG_COUNT, "N", "the slave id its master knows; needed but for udp", NULL},
	{"resource", 0, ARG_TEXT, "PATH=WHAT",
		"VALUE, @FILE or !COMMAND; PATH;title=..;rt=..;obs;ro=WHAT; may be repeated", NULL},
	{"mtu", 0, ARG_COUNT, "N", "announce this instead of the network's", NULL},
	{"epoch", 0, ARG_CHOICE, "WHICH",
		"casan (the default), sos (before 2015), or both: whose master is heard first",
		"casan|sos|both"},
	{"compat", 0, ARG_NONE, NULL, "be the original slave to the octet", NULL},
	{"key-file", 0, ARG_FILE, "FILE",
		"shared with the master: no other is followed, nothing else is believed", NULL},
	{"poll", 0, ARG_DURATION, "TIME", "how often an observed file or command is looked at (1s)", NULL},
	{"command-timeout", 0, ARG_DURATION, "TIME", "a command that takes longer is ended (10s)", NULL},
	{"max-body", 0, ARG_SIZE, "SIZE", "longest value either way (4K)", NULL},
	{"echo", 0, ARG_NONE, NULL, "udp: long answers only to addresses that have proved to be theirs",
		NULL},
	{"for", 0, ARG_DURATION, "TIME", "end after this time", NULL},
	{0},
};

const char *const sensor_device_examples[] = {
	"sudo lanyard sensor device --net ethernet:eth0 --id 169 --resource 't1;rt=celsius;obs=@/run/temp'",
	"what stands in this file; who observes it is told when it changes",
	"sudo lanyard sensor device --net xbee:ttyUSB0,addr=45:67,panid=ca:fe --id 170 --resource led=0 -J",
	"a value that PUT replaces, on a serial radio; what happens as JSON",
	"lanyard sensor device --net udp:[::1]:5683 --resource 'up;title=Uptime=!uptime -p'",
	"a plain CoAP server; each GET runs the command", NULL};

const char sensor_device_more[] =
	"VALUE is kept as it is; PUT replaces it, and observers are told. @FILE is read at each GET; PUT "
	"writes it, "
	"if it is there. !COMMAND is run by sh at each GET, PUT and POST: its output is the answer, the "
	"payload its "
	"input, LANYARD_METHOD, LANYARD_QUERY, LANYARD_FROM and LANYARD_PATH are in its environment; it "
	"fails: 5.00. "
	"One newline at the end of a file or output is left out. ;ro refuses all but GET; ;obs lets masters "
	"observe. "
	"A network that is not there is waited for. State changes are told on stderr; with -v requests, too; "
	"with -J "
	"all as JSON lines on stdout. SIGINT and SIGTERM end it. ethernet: needs root or CAP_NET_RAW. "
	"Without "
	"--key-file whoever is on the network is believed to be the master: see lanyard-sensor(7).";

/* ---- one resource ---------------------------------------------------------------------------------------
 */

/* The text of a parameter, ended with a NUL in place; *stop: the character it ended at. NULL: a quote is
 * open. */
static char *text_of(char **at, char *stop)
{
	char *text = *at, *end;
	if (*text == '"') {
		text++;
		end = strchr(text, '"');
		if (!end)
			return NULL;
		*end++ = '\0';
	} else {
		end = text + strcspn(text, ";=");
	}
	*stop = *end;
	*at = *end ? end + 1 : end;
	*end = '\0';
	return text;
}

/* One parameter behind a ';'. NULL: fine; else what is wrong with it. */
static const char *parameter(struct source_of *s, char **at, char *stop)
{
	char *name = *at, *end = name + strcspn(name, ";=");
	*stop = *end;
	*at = *end ? end + 1 : end;
	*end = '\0';
	if (!strcmp(name, "obs")) {
		s->observable = true;
		return NULL;
	}
	if (!strcmp(name, "ro")) {
		s->read_only = true;
		return NULL;
	}
	bool title = !strcmp(name, "title");
	if ((!title && strcmp(name, "rt")) || *stop != '=')
		return "of the parameters title=TEXT, rt=TEXT, obs and ro one is wrong";
	char *text = text_of(at, stop);
	if (!text || (*stop && *stop != ';' && *stop != '='))
		return "a text in quotes does not end";
	if (title)
		s->title = text;
	else
		s->rt = text;
	return NULL;
}

static const char *parse(struct source_of *s)
{
	char *at = s->text + strcspn(s->text, ";="), stop = *at;
	const char *wrong = NULL;
	s->path = s->text;
	if (*at)
		*at++ = '\0';
	while (!wrong && stop == ';')
		wrong = parameter(s, &at, &stop);
	if (wrong)
		return wrong;
	if (stop != '=')
		return "there is no '='";
	s->from = *at == '@' ? FROM_FILE : *at == '!' ? FROM_COMMAND : FROM_WORD;
	s->arg = *at == '@' || *at == '!' || *at == '\\' ? at + 1 : at;
	if (s->from != FROM_WORD && !*s->arg)
		return s->from == FROM_FILE ? "there is no file behind '@'"
					    : "there is no command behind '!'";
	return NULL;
}

static int resource(struct device *d, size_t i, const char *text)
{
	struct source_of *s = &d->sources[i];
	*s = (struct source_of){.d = d,
		.index = i,
		.text = strdup(text),
		.value = malloc(d->max ? d->max : 1),
		.format = -1,
		.etag = cli_now()};
	if (!s->text || !s->value)
		return cli_error(d->cli, EXIT_FAILED, NULL, "out of memory");
	const char *wrong = parse(s);
	if (wrong)
		return cli_error(d->cli, EXIT_USAGE,
			"write e.g. t1=21.5, t1;obs=@/path or 't1;title=Desk=!command'",
			"--resource '%s': %s", text, wrong);
	if (s->from == FROM_WORD) {
		if (strlen(s->arg) > d->max)
			return cli_error(d->cli, EXIT_USAGE, NULL,
				"--resource %s: the value is longer than --max-body", s->path);
		device_keep(s, s->arg, strlen(s->arg));
	}
	d->resources[i] = (struct lan_sensor_resource){
		.path = s->path, .title = s->title, .rt = s->rt, .observable = s->observable, .ctx = s};
	device_handlers(s, &d->resources[i]);
	if (s->observable && s->from != FROM_WORD)
		d->resources[i].poll = cli_duration(d->cli, "poll", LAN_SEC(1));
	else
		d->resources[i].changed = NULL;
	return EXIT_OK;
}

static int resources(struct device *d)
{
	while (cli_opt_at(d->cli, "resource", d->n))
		d->n++;
	if (!d->n)
		return cli_error(d->cli, EXIT_USAGE, "give at least one, e.g. --resource t1=21.5",
			"no --resource: there is nothing to ask this device for");
	d->sources = calloc(d->n, sizeof *d->sources);
	d->resources = calloc(d->n, sizeof *d->resources);
	d->scratch = malloc(d->max ? d->max : 1);
	if (!d->sources || !d->resources || !d->scratch)
		return cli_error(d->cli, EXIT_FAILED, NULL, "out of memory");
	int rc = EXIT_OK;
	for (size_t i = 0; rc == EXIT_OK && i < d->n; i++)
		rc = resource(d, i, cli_opt_at(d->cli, "resource", i));
	return rc;
}

/* ---- all ------------------------------------------------------------------------------------------------
 */

int device_options(struct device *d)
{
	const struct cli *cli = d->cli;
	int epoch = cli_choice(cli, "epoch", 0);
	d->max = (size_t)cli_size(cli, "max-body", 4096);
	d->patience = cli_duration(cli, "command-timeout", LAN_SEC(10));
	if (d->max > 16u << 20)
		return cli_error(cli, EXIT_USAGE, NULL, "--max-body: at most 16M");
	if (!cli_opt(cli, "net"))
		return cli_error(cli, EXIT_USAGE, "e.g. --net ethernet:eth0", "no --net");
	int rc = resources(d);
	if (rc != EXIT_OK)
		return rc;
	d->cfg = (struct lan_sensor_config)LAN_SENSOR_CONFIG_INIT;
	d->cfg.net = cli_opt(cli, "net");
	d->cfg.id = (uint32_t)cli_number(cli, "id", 0);
	d->cfg.mtu = (uint32_t)cli_number(cli, "mtu", 0);
	d->cfg.casan = epoch != 1;
	d->cfg.sos = epoch != 0;
	d->cfg.compat = cli_flag(cli, "compat");
	d->cfg.echo = cli_flag(cli, "echo");
	d->cfg.key_file = cli_opt(cli, "key-file");
	d->cfg.resources = d->resources;
	d->cfg.n_resources = d->n;
	d->cfg.max_later = DEVICE_JOBS;
	d->cfg.max_body = (uint32_t)d->max;
	if (cli_number(cli, "id", 0) > INT32_MAX)
		return cli_error(cli, EXIT_USAGE, NULL, "--id: 1 to 2147483647");
	return EXIT_OK;
}

void device_fini(struct device *d)
{
	for (size_t i = 0; d->sources && i < d->n; i++) {
		free(d->sources[i].text);
		free(d->sources[i].value);
	}
	free(d->scratch);
	free(d->sources);
	free(d->resources);
}
