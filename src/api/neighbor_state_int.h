/*
 * neighbor_state_int.h - the files of sessions, between neighbor_state.c (when)
 * and neighbor_session.c (what).
 */
#ifndef LAN_API_NEIGHBOR_STATE_INT_H
#define LAN_API_NEIGHBOR_STATE_INT_H

#include <limits.h>
#include "api/neighbor_state.h"

#define SESSION_IFNAME 16 /* octets of an interface's name, NUL included */
#define SESSION_NAME   64 /* of a file, NUL included */
#define SESSION_FILE   (16u << 20)

/* A file of session state in the directory `dir`. Its name, from the peer and back. */
void session_name(const char *ifname, const uint8_t mac[6], char out[SESSION_NAME]);
bool session_of_name(const char *name, char ifname[SESSION_IFNAME], uint8_t mac[6]);
/* Replaced as a whole. LAN_ERR_IO, LAN_ERR_NOMEM. */
LAN_WUR enum lan_err session_write(
	int dir, const char *ifname, const uint8_t mac[6], const uint8_t *p, size_t n, int64_t now);
/* *all: malloc'ed, *p points into it. LAN_ERR_NOTFOUND, LAN_ERR_CONFIG (damaged), LAN_ERR_IO, LAN_ERR_NOMEM.
 */
LAN_WUR enum lan_err session_read(int dir, const char *ifname, const uint8_t mac[6], uint8_t **all,
	const uint8_t **p, size_t *n, int64_t *saved);

#endif
