/*
 * slave.h - a slave of SOS/CASAN as one pure core: the automaton that finds a master and stays associated
 * (sos.md section 2.1) over a server of CoAP (coap.h). One slave speaks one epoch, or both: then the one of
 * the first master it hears. Over UDP there is no master to find: a plain CoAP server.
 *
 * The owner answers requests; resources are told here so that the list (AssocAnswer, /.well-known/core) is
 * the core's. No memory is taken after sos_slave_new: fit for small machines.
 *
 * Implements struct lan_ep_ops.
 */
#ifndef LAN_PROTO_SOS_SLAVE_H
#define LAN_PROTO_SOS_SLAVE_H

#include "proto/coap/coap.h"
#include "proto/sos/control.h"

enum sos_slave_state { SOS_COLDSTART = 0, SOS_WAITING_UNKNOWN, SOS_WAITING_KNOWN, SOS_RUNNING, SOS_RENEW };
const char *sos_slave_state_name(enum sos_slave_state s); /* "coldstart", "waiting-unknown", .. */

struct sos_resource {
	const char *path, *title, *rt; /* borrowed for the life of the core; title, rt may be NULL */
	bool observable;
};

struct sos_slave_config {
	uint32_t id;             /* 1..SOS_ID_MAX; 0: a plain CoAP server, no automaton */
	bool epochs[SOS_EPOCHS]; /* none: casan */
	uint32_t link;           /* of the network with masters */
	uint32_t mtu;            /* announced: the network's, or smaller (section 2.3) */
	uint32_t overhead;       /* octets of the mtu that are no message: 20 Ethernet, 11 radio */
	const struct sos_resource *resources;
	size_t n_resources;
	const uint8_t *key; /* 32 octets; NULL: none. With a key only a master that proves it is followed */
	bool compat;        /* as the original to the octet: notifications in ACKs, one observer a resource, a
			       plain GET ends an observation, its list without what does not fit.
			       Without: notifications NON/CON (RFC 7641) to a master that asked by RFC 7641 */
	struct coap_config coap; /* tables; sos_server, no_server and sos_client are the slave's to set */
};

enum sos_slave_event_kind {
	SOS_SLAVE_EV_STATE = 1, /* state, was, master (if known), ttl, mtu */
	SOS_SLAVE_EV_REQUEST,   /* req: answer by sos_slave_respond(req.id); resource: index, or SIZE_MAX: no
				   such   path (answered by the core already unless `wildcard`) */
	SOS_SLAVE_EV_UNOBSERVED
};
struct sos_slave_event {
	enum sos_slave_event_kind kind;
	enum sos_slave_state state, was;
	struct lan_ep master;
	bool have_master;
	uint32_t ttl, mtu, hello;
	enum sos_epoch epoch;
	size_t resource;
	struct coap_event req;
	const char *text; /* STATE: why */
};

#define SOS_SLAVE_COUNTERS(X)                                                \
	X(rx_hello, "Hellos received")                                       \
	X(rx_assoc_request, "AssocRequests received")                        \
	X(tx_discover, "Discovers sent")                                     \
	X(tx_assoc_answer, "AssocAnswers sent")                              \
	X(drop_waiting, "messages dropped: not associated")                  \
	X(drop_other_master, "messages dropped: not from our master")        \
	X(drop_format, "messages dropped: not CoAP, or not well formed")     \
	X(drop_control, "control messages dropped: malformed")               \
	X(drop_epoch, "control messages dropped: of an epoch not spoken")    \
	X(drop_key, "control messages dropped: key not proved")              \
	X(drop_sealed, "messages dropped: seal missing, broken or repeated") \
	X(masters, "changes of master")                                      \
	X(expired, "associations that ended without renewal")
enum sos_slave_counter {
#define X(name, help) SOS_SLAVE_C_##name,
	SOS_SLAVE_COUNTERS(X)
#undef X
		SOS_SLAVE_C_N
};
const char *sos_slave_counter_name(enum sos_slave_counter c);
const char *sos_slave_counter_help(enum sos_slave_counter c);

struct sos_slave;
/* LAN_ERR_NOMEM, LAN_ERR_INVAL (id, mtu, a path that is empty or too long). `env` must outlive the core. */
LAN_WUR enum lan_err sos_slave_new(
	const struct lan_env *env, const struct sos_slave_config *cfg, struct sos_slave **out);
void sos_slave_free(struct sos_slave *s);
extern const struct lan_ep_ops sos_slave_ops;

/* Starts with the first tick or input. A network that came back (plugged in): begins anew with Discover. */
void sos_slave_network(struct sos_slave *s, lan_time now, uint32_t link, bool up);
bool sos_slave_event(struct sos_slave *s, lan_time now, struct sos_slave_event *ev);
/* Errors of coap_respond. `observe` of the answer is honoured for observable resources; resource is set here.
 */
LAN_WUR enum lan_err sos_slave_respond(
	struct sos_slave *s, lan_time now, uint32_t id, const struct coap_response *r);
void sos_slave_ignore(struct sos_slave *s, lan_time now, uint32_t id);
/* The resource's state has changed: observers are told (by REQUEST events with `notifying`). */
void sos_slave_changed(struct sos_slave *s, lan_time now, size_t resource);

struct sos_slave_status {
	enum sos_slave_state state;
	bool have_master;
	struct lan_ep master;
	enum sos_epoch epoch;
	bool keyed;
	uint32_t hello, ttl, mtu;
	lan_time since, expires; /* LAN_NEVER: not associated */
};
void sos_slave_status(const struct sos_slave *s, struct sos_slave_status *out);
uint64_t sos_slave_counter(const struct sos_slave *s, enum sos_slave_counter c);
struct coap *sos_slave_coap(struct sos_slave *s); /* view: for counters and observers */

#endif
