/*
 * sensor_master.h - what the files of `lanyard sensor master` share: the configuration, made of options or of
 * a file, and the open handles.
 */
#ifndef LAN_CLI_SENSOR_MASTER_H
#define LAN_CLI_SENSOR_MASTER_H

#include <jansson.h>
#include <lanyard/sensor_http.h>
#include <lanyard/sensor_master.h>
#include "cli/out.h"
#include "cli/verb.h"

enum { MASTER_NETS = 64, MASTER_LISTEN = 32 };

/* The configuration and the memory it borrows. */
struct master_options {
	struct lan_sensor_master_config cfg;
	struct lan_sensor_http_config http;
	bool has_http;
	const char *nets[MASTER_NETS];
	struct lan_sensor_http_listen listen[MASTER_LISTEN];
	struct lan_sensor_slave_config *slaves;
	char *texts;  /* of slaves, from the command line */
	json_t *file; /* -c: the whole configuration; texts are views of it */
};

struct master {
	struct cli *cli;
	struct lan_loop *loop;
	struct lan_sensor_master *handle;
	struct lan_sensor_http *http;
	struct out out;
	bool json, color;
	uint64_t running, want; /* slaves that came to run; -n */
	lan_time ends;          /* --timeout */
};

extern const struct opt sensor_master_opts[];
extern const char *const sensor_master_examples[];
extern const char sensor_master_more[];

/* Reads the options, or the file of -c. EXIT_OK, or another code after having said why; master_options_fini
 * either way. */
int master_options(struct master_options *o, const struct cli *cli);
void master_options_fini(struct master_options *o);
/* sensor_master_file.c: the same from a lanyard.yaml, or from a configuration of the originals. */
int master_options_file(struct master_options *o, const struct cli *cli, const char *path);

/* An event as a line on stdout (sensor_master_print.c); and, once, where HTTP is. */
void master_print(struct master *m, const struct lan_sensor_master_event *ev);
void master_print_http(struct master *m, const char *address, bool tls, unsigned port);

#endif
