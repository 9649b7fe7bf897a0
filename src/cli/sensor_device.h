/*
 * sensor_device.h - what the files of `lanyard sensor device` share: the resources of the command line, where
 * their values come from (a word, a file, a command), and the commands that run.
 */
#ifndef LAN_CLI_SENSOR_DEVICE_H
#define LAN_CLI_SENSOR_DEVICE_H

#include <poll.h>
#include <sys/types.h>
#include <lanyard/sensor.h>
#include "cli/out.h"
#include "cli/verb.h"

#define DEVICE_JOBS 16 /* commands that run at a time */

enum source { FROM_WORD = 0, FROM_FILE, FROM_COMMAND };

struct device;

struct source_of { /* one resource */
	struct device *d;
	size_t index;
	enum source from;
	char *text; /* owned: path, title, rt and what follows '=' point into it */
	const char *path, *title, *rt, *arg;
	bool observable, read_only;
	char *value; /* the word; or what was last read or said, for observers */
	size_t len;
	int32_t format; /* of the value, as it was PUT */
	uint64_t etag;  /* another one with each change; begins anywhere */
	bool known;     /* value is what the file or command gave last */
	bool polling;   /* its command runs to see whether its output has changed */
};

struct job {
	bool used, poll; /* poll: nobody waits for the answer */
	struct source_of *of;
	uint32_t id; /* the request */
	uint8_t code;
	pid_t pid;
	int in, out; /* -1: closed */
	char *give;  /* for its stdin */
	size_t give_len, given;
	char *got;
	size_t got_len;
	lan_time ends;
	bool timed_out, too_long;
	char from[96];
};

struct device {
	struct cli *cli;
	struct lan_loop *loop;
	struct lan_sensor *handle;
	struct out out;
	bool json;
	struct lan_sensor_config cfg;
	struct source_of *sources;
	struct lan_sensor_resource *resources;
	size_t n;
	size_t max;        /* octets of a value */
	char *scratch;     /* as many */
	lan_time patience; /* with a command */
	struct job jobs[DEVICE_JOBS];
	uint64_t answered, want;
	lan_time ends;
};

extern const struct opt sensor_device_opts[];
extern const char *const sensor_device_examples[];
extern const char sensor_device_more[];

/* sensor_device_opts.c. EXIT_OK, or another code after having said why; device_fini either way. */
int device_options(struct device *d);
void device_fini(struct device *d);

/* sensor_device_values.c: the handlers. */
void device_handlers(struct source_of *s, struct lan_sensor_resource *r);
/* A new value; true: it is another one. */
bool device_keep(struct source_of *s, const char *data, size_t len);

/* sensor_device_jobs.c. False: no place for one more. */
bool device_job(struct source_of *s, const struct lan_sensor_request *q);
/* Descriptors to wait for; how many. What they bring; the earliest deadline. */
size_t device_job_polls(const struct device *d, struct pollfd *p, size_t cap);
void device_jobs_run(struct device *d);
lan_time device_jobs_until(const struct device *d);
bool device_jobs_any(const struct device *d);
void device_jobs_end(struct device *d);

/* sensor_device_print.c */
void device_print(struct device *d, const struct lan_sensor_event *ev);
/* A request was answered with a code (class * 32 + detail). */
void device_print_request(struct device *d, uint8_t method, const char *path, const char *from, uint8_t code);

#endif
