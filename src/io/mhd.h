/*
 * mhd.h - the functions of libmicrohttpd that httpd*.c use, found at run time: the library is loaded when the
 * first server is opened (docs/decisions/0012), so that a program that serves no HTTP does not carry it and
 * the TLS library it needs.
 */
#ifndef LAN_IO_MHD_H
#define LAN_IO_MHD_H

#include <microhttpd.h>

#define LAN_MHD_FUNCTIONS(X)                                                                              \
	X(struct MHD_Daemon *, start_daemon,                                                              \
		(unsigned flags, uint16_t port, MHD_AcceptPolicyCallback apc, void *apc_cls,              \
			MHD_AccessHandlerCallback dh, void *dh_cls, ...))                                 \
	X(enum MHD_Result, add_connection,                                                                \
		(struct MHD_Daemon * d, MHD_socket fd, const struct sockaddr *addr, socklen_t len))       \
	X(void, stop_daemon, (struct MHD_Daemon * d))                                                     \
	X(enum MHD_Result, run, (struct MHD_Daemon * d))                                                  \
	X(enum MHD_Result, get_timeout, (struct MHD_Daemon * d, MHD_UNSIGNED_LONG_LONG * ms))             \
	X(const union MHD_DaemonInfo *, get_daemon_info,                                                  \
		(struct MHD_Daemon * d, enum MHD_DaemonInfoType type, ...))                               \
	X(const union MHD_ConnectionInfo *, get_connection_info,                                          \
		(struct MHD_Connection * c, enum MHD_ConnectionInfoType type, ...))                       \
	X(const char *, lookup_connection_value,                                                          \
		(struct MHD_Connection * c, enum MHD_ValueKind kind, const char *key))                    \
	X(int, get_connection_values,                                                                     \
		(struct MHD_Connection * c, enum MHD_ValueKind kind, MHD_KeyValueIterator it, void *cls)) \
	X(void, suspend_connection, (struct MHD_Connection * c))                                          \
	X(void, resume_connection, (struct MHD_Connection * c))                                           \
	X(struct MHD_Response *, create_response_from_buffer,                                             \
		(size_t n, void *p, enum MHD_ResponseMemoryMode mode))                                    \
	X(struct MHD_Response *, create_response_from_callback,                                           \
		(uint64_t size, size_t block, MHD_ContentReaderCallback crc, void *cls,                   \
			MHD_ContentReaderFreeCallback free_cls))                                          \
	X(enum MHD_Result, add_response_header,                                                           \
		(struct MHD_Response * r, const char *name, const char *value))                           \
	X(enum MHD_Result, queue_response,                                                                \
		(struct MHD_Connection * c, unsigned status, struct MHD_Response *r))                     \
	X(void, destroy_response, (struct MHD_Response * r))

/* Each under its name without "MHD_". */
struct lan_mhd {
#define X(type, name, args) type(*name) args;
	LAN_MHD_FUNCTIONS(X)
#undef X
};

/* NULL: there is no libmicrohttpd here that has all of them. */
const struct lan_mhd *lan_mhd(void);

#endif
