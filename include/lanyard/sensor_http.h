/*
 * sensor_http.h - slaves shown to the web: an HTTP server over a sensor master, with the URLs of the original
 * masters and the same under /api/v1/sensor, mapped as RFC 8075 says. Man page: lanyard-sensor(7), HTTP.
 *
 * It takes the master's events of requests it made itself out of the stream before the application sees them.
 * Close it before the master. Threads: belongs to the thread of the master's loop.
 */
#ifndef LANYARD_SENSOR_HTTP_H
#define LANYARD_SENSOR_HTTP_H

#include <lanyard/sensor_master.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lan_sensor_http;

struct lan_sensor_http_listen {
	const char *address;              /* "ADDR:PORT", "[::1]:8080"; port 0: any */
	const char *cert_file, *key_file; /* PEM: HTTPS; both or none */
};

/* Zero or NULL in any field means its default. Borrowed during open only. */
struct lan_sensor_http_config {
	size_t size; /* sizeof(struct lan_sensor_http_config): set by the INIT macro */
	const struct lan_sensor_http_listen *listen;
	size_t n_listen;
	/* Paths of the originals' namespaces ("/casan"); NULL: not served. */
	const char *admin, *casan, *observe, *evlog, *well_known;
	bool compat;    /* answers as the original Python master where they differ (lanyard-sensor(7)) */
	bool evlog_add; /* events may be added by HTTP */
	const char
		*token_file; /* requests that change something need "Authorization: Bearer <its content>" */
	uint32_t max_connections; /* default 1024 */
	uint32_t max_per_address; /* default 256 */
	uint32_t max_body;        /* of a request; default 64 KiB */
	uint32_t max_viewers;     /* server-sent event streams; default 256 */
	lan_time idle;            /* a connection on which nothing moves is closed after; default 30 s */
	lan_time header;          /* ..and one whose request is not complete; default 10 s */
};
#define LAN_SENSOR_HTTP_CONFIG_INIT                           \
	{                                                     \
		.size = sizeof(struct lan_sensor_http_config) \
	}

struct lan_sensor_http_status {
	uint32_t connections, viewers;
	uint64_t requests, refused, timeouts;
	uint16_t port; /* of the first listener */
};

/* LAN_ERR_INVAL, LAN_ERR_ADDR, LAN_ERR_ADDRINUSE, LAN_ERR_PERM, LAN_ERR_NOTFOUND and LAN_ERR_CONFIG (files),
 * LAN_ERR_NOTSUP (libmicrohttpd is not installed), LAN_ERR_NOMEM, LAN_ERR_LIMIT; *why is a static or
 * thread-local sentence. */
LAN_API LAN_WUR enum lan_err lan_sensor_http_open(struct lan_sensor_master *m,
	const struct lan_sensor_http_config *cfg, struct lan_sensor_http **out, const char **why);
LAN_API void lan_sensor_http_close(struct lan_sensor_http *h); /* NULL is fine */
LAN_API void lan_sensor_http_status(const struct lan_sensor_http *h, struct lan_sensor_http_status *out);
LAN_API bool lan_sensor_http_counter(
	const struct lan_sensor_http *h, size_t i, const char **name, const char **help, uint64_t *value);

#ifdef __cplusplus
}
#endif
#endif
