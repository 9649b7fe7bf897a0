/*
 * config.h - the configuration of lanyardd: lanyard.yaml(5).
 *
 * A file is looked at twice. First config_lint walks it with libyaml against
 * the table of keys and reports everything that is wrong, each at its own line
 * and column; then libcyaml fills the structs through a schema made from the
 * same table. After config_load every value is there (defaults filled in) and
 * valid, as the text the user would write; config_link_open_args and
 * its like convert.
 */
#ifndef LANYARDD_CONFIG_H
#define LANYARDD_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <lanyard/channel.h>
#include <lanyard/link.h>
#include <lanyard/neighbor.h>
#include <lanyard/sensor_http.h>
#include <lanyard/sensor_master.h>
#include <lanyard/stream.h>
#include "daemon/config_table.h"
#include "api/text.h"

#define CONFIG_DEFAULT_FILE  "/etc/lanyard/lanyard.yaml"
#define CONFIG_FILE_MAX      (1u << 20)
#define CONFIG_LINKS_MAX     1024
#define CONFIG_EXPECT_MAX    16384
#define CONFIG_CHANNELS_MAX  256
#define CONFIG_IFACES_MAX    64
#define CONFIG_STREAMS_MAX   256
#define CONFIG_NEIGHBORS_MAX 64
#define CONFIG_LABELS_MAX    4096
#define CONFIG_SENSORS_MAX   64
#define CONFIG_NETWORKS_MAX  64
#define CONFIG_SLAVES_MAX    16384
#define CONFIG_LISTENERS_MAX 16
/* What stands for a secret wherever a configuration is shown. */
#define CONFIG_SECRET_SHOWN "***"

struct config_log {
	char *level, *format;
};

struct config_daemon {
	char *name, *socket, *privileges;
	struct config_log *log;
	uint32_t *events;
};

/* NULL: does not apply to this role. */
struct config_link {
	char *name, *role, *listen, *connect, *id, *timeout;
	char **expect;
	uint32_t expect_count;
	bool *only_expected;
	char *duplicate;
	uint32_t *window;
	char *max_line, *max_queue;
	uint32_t *max_clients, *max_handshakes;
	char *hold_off, *retry_min, *retry_max;
	bool *echo, *heartbeat;
};

/* NULL: does not apply to this dialect or mode. */
struct config_channel {
	char *name, *address, *dialect, *mode;
	char **ifaces, **sources;
	uint32_t ifaces_count, sources_count;
	uint32_t *ttl;
	bool *loopback, *hear_self;
	char *max_message, *max_queue, *max_events, *receive_buffer;
	char *key, *iv;
	bool *objects;
	char *key_file, *identity_file, *members_file, *channel, *display_name, *state;
	bool *silent, *flow;
	char *reorder, *presence, *rate;
	uint32_t *history, *late, *parity, *block, *max_senders;
};

/* NULL: does not apply to this dialect or role. */
struct config_stream {
	char *name, *serve, *connect, *dialect;
	char *encoding;
	char *max_message, *piece;
	bool *pieces;
	char *max_queue, *full, *max_events, *max_partial, *frame_timeout, *dead_after;
	uint32_t *max_conns;
	bool *once;
	uint32_t *retries;
	char *retry_min, *retry_max;
	bool *resend;
	uint32_t *window;
	char *confirm;
	bool *objects, *resync, *echo;
};

struct config_labels {
	char *prefix;
	char **labels;
	uint32_t labels_count;
};

struct config_bgp {
	uint32_t *asn;
	char *address4, *address6, *auth_file;
	bool *gtsm;
};

/* NULL: does not apply to this dialect. */
struct config_neighbor {
	char *name, *dialect;
	char **ifaces, **attributes, **loopbacks;
	uint32_t ifaces_count, attributes_count, loopbacks_count;
	char *ethertype, *id, *hello_to;
	char *hello, *keepalive, *dead, *retransmit;
	bool *backoff;
	uint32_t *tries;
	char *reassembly, *open_jitter;
	bool *multi_link;
	char *announce;
	bool *link_local;
	char *primary;
	struct config_labels *labels;
	uint32_t labels_count;
	bool *labels_to_all;
	struct config_bgp *bgp;
	char *measure;
	char *key_file, *cert_file, *anchor_file, *trust;
	bool *sign_keepalive;
	char *key_overlap;
	uint32_t *auth_failures;
	char *state, *resume, *report_url;
	uint32_t *max_peers, *max_half_open, *max_prefixes;
	char *receive_buffer;
};

struct config_slave {
	uint32_t *id;
	char *ttl;
	uint32_t *mtu;
	char *key_file;
};

struct config_timers {
	char *first_hello, *hello, *ttl, *give_up;
};

struct config_tls {
	char **listen;
	uint32_t listen_count;
	char *cert_file, *key_file;
};

struct config_namespaces {
	char *admin, *casan, *observe, *evlog, *well_known;
};

struct config_http_limits {
	uint32_t *connections, *per_address, *viewers;
	char *body, *idle, *header;
};

struct config_http {
	char **listen;
	uint32_t listen_count;
	struct config_tls *tls; /* NULL: none */
	struct config_namespaces *namespaces;
	bool *compat, *evlog_add;
	char *token_file;
	struct config_http_limits *limits;
};

struct config_sensor {
	char *name;
	char **networks, **epochs;
	uint32_t networks_count, epochs_count;
	struct config_slave *slaves;
	uint32_t slaves_count;
	char *unlisted;
	struct config_timers *timers;
	uint32_t *queue, *max_requests, *max_candidates, *event_log_size, *cache_entries;
	char *max_body, *event_log, *cache_bytes;
	bool *cache;
	struct config_http *http; /* NULL: none */
};

/* What a file holds, and what the daemon runs on. */
struct config {
	struct config_daemon *daemon;
	struct config_link *link;
	struct config_channel *channel;
	struct config_stream *stream;
	struct config_neighbor *neighbor;
	struct config_sensor *sensor;
	uint32_t link_count, channel_count, stream_count, neighbor_count, sensor_count;
};

/* A list of sentences, each "FILE:LINE:COL: what". Bounded; the rest is counted. */
#define CONFIG_NOTES_MAX 50
struct config_notes {
	char *note[CONFIG_NOTES_MAX];
	size_t n, more;
};
void config_note(struct config_notes *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void config_notes_fini(struct config_notes *n);

struct config_set {
	struct config *config;
	char *source; /* path of the main file, or "built-in" */
	char **files; /* all files read, n_files of them */
	size_t n_files;
	struct config_notes warnings;
};

/* Read everything. `path` NULL: $LANYARD_CONFIG, else the default file, else built-in values.
 * False: `errors` says why, and *out is untouched. */
bool config_load(const char *path, struct config_set **out, struct config_notes *errors);
void config_set_free(struct config_set *s);

int config_role(const struct config_link *l); /* CONFIG_SERVER or CONFIG_CLIENT */
/* Entries alike in everything. */
bool config_link_same(const struct config_link *a, const struct config_link *b);
/* A link open by `b` goes on by `a` without being opened anew: they differ at most in echo. */
bool config_link_keeps(const struct config_link *a, const struct config_link *b);
/* The defaults that are not one text for all. False: out of memory. */
bool config_link_fill(struct config_link *l);
/* What to open it with: views into `l`. */
struct lan_link_config config_link_open_args(const struct config_link *l);

bool config_channel_same(const struct config_channel *a, const struct config_channel *b);
bool config_channel_fill(struct config_channel *c, const struct config_daemon *d);
struct lan_channel_config config_channel_open_args(const struct config_channel *c);
/* The defaults that depend on others. False: out of memory. */
bool config_stream_fill(struct config_stream *s);
struct lan_stream_config config_stream_open_args(const struct config_stream *s);
bool config_neighbor_fill(struct config_neighbor *n);
/* config_neighbor.c: what to open it with. Some of it needs memory, which config_neighbor_args_free takes
 * back. NULL: out of memory. The file with authentication data of BGP is not read here. */
struct config_neighbor_args {
	struct lan_neighbor_config cfg;
	uint8_t *attributes;
	struct lan_neighbor_labels *labels;
	uint32_t *label;
};
struct config_neighbor_args *config_neighbor_open_args(const struct config_neighbor *n);
void config_neighbor_args_free(struct config_neighbor_args *a);
/* config_sensor.c: the same for a master and its HTTP server. */
struct config_sensor_args {
	struct lan_sensor_master_config cfg;
	struct lan_sensor_slave_config *slaves;
	bool has_http;
	struct lan_sensor_http_config http;
	struct lan_sensor_http_listen *listen;
};
struct config_sensor_args *config_sensor_open_args(const struct config_sensor *s);
void config_sensor_args_free(struct config_sensor_args *a);
struct lan_sensor_slave_config config_slave_args(const struct config_slave *s);

/* Does it hold a secret in the file itself? */
bool config_channel_secret(const struct config_channel *c);

#endif
