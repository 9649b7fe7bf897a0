/*
 * nets_int.h - what the files of drv/nets share: a network, and what each kind of them can do.
 */
#ifndef LAN_DRV_NETS_INT_H
#define LAN_DRV_NETS_INT_H

#include <sys/types.h>
#include "drv/nets.h"
#include "io/netlink.h"
#include "io/packet.h"
#include "io/serial.h"
#include "io/udp.h"
#include "proto/xbee/xbee.h"

#define NETS_MAX   64
#define NETS_PATHS 256
#define NETS_BUF   LAN_UDP_MAX /* octets of a message, whatever carries it */
#define NETS_UDP   5683

struct net;

struct net_kind {
	unsigned burst; /* messages after which the core is looked after, even if more are to be read */
	enum lan_err (*open)(struct net *t, bool wait, const char **why);
	void (*close)(struct net *t);
	/* Queue a message. LAN_ERR_AGAIN: the batch is full, flush first; others: it will not leave. */
	enum lan_err (*put)(struct net *t, const struct lan_ep *to, const uint8_t *p, size_t n);
	bool (*flush)(struct net *t); /* false: the socket is full */
	void (*resume)(struct net *t);
	void (*stats)(struct net *t, struct lan_net_stats *out);
	void (*text)(struct net *t, const struct lan_ep *ep, char *out, size_t cap);
	enum lan_err (*ep)(const struct net *t, const char *text, struct lan_ep *out);
};
extern const struct net_kind nets_ether, nets_udp, nets_xbee;

struct net_ether {
	struct lan_packet_tx *tx;
	struct lan_packet *packet; /* NULL: not open */
	uint32_t ifindex;          /* of `packet` */
	uint64_t other, kernel;    /* counters of packets that were closed */
};

struct net_xbee {
	struct lan_serial *serial;
	struct xbee_modem *modem;
	struct lan_deadline due;
	uint8_t *rssi; /* of the last packet, by address; 0: none yet */
	bool pumping, due_set;
};

struct net {
	struct lan_nets *n;
	const struct net_kind *kind;
	struct lan_net_spec spec;
	struct lan_net_stats stats;
	uint32_t link;
	bool up, told_up, told; /* told: the owner knows of `up`, `err`, `why` */
	bool dead;              /* removed; closed when nobody reads it any more */
	bool dirty;             /* something waits to be flushed */
	enum lan_err err;
	char why[128];
	union {
		struct net_ether ether;
		struct net_xbee xbee;
		struct lan_udp *udp;
	} u;
};

struct lan_nets {
	struct lan_nets_config cfg;
	const struct lan_ep_ops *ops;
	void *core;
	pid_t owner; /* the process that opened it */
	struct lan_deadline due;
	struct lan_task task;
	struct lan_netlink *netlink; /* NULL: no Ethernet so far */
	struct net *nets[NETS_MAX];
	size_t count;
	unsigned reading; /* inside of a network's reading: none may be closed */
	unsigned burst;   /* messages since the core was looked after */
	bool input;       /* the core was told something since `ready` was last considered */
	bool in_task;     /* sending follows anyway */
	size_t held;      /* octets of a message that its network has no room for; 0: none */
	struct lan_ep held_to;
	struct net_path { /* by which address of ours UDP messages came; [0]: not told */
		struct lan_udp_path path;
		lan_time used;
	} paths[NETS_PATHS];
	unsigned n_paths, last_path;
	uint8_t buf[NETS_BUF];
};

/* nets.c */
static inline lan_time nets_now(const struct lan_nets *n)
{
	return lan_loop_stamp(n->cfg.loop);
}
void nets_touched(struct lan_nets *n);
void nets_deliver(struct net *t, const struct lan_ep *from, bool group, const uint8_t *p, size_t len);
void nets_unsent(struct net *t, const struct lan_ep *to, enum lan_err why);
/* `why` is copied. */
void nets_state(struct net *t, bool up, enum lan_err err, const char *why);
bool nets_open_core(const struct lan_nets *n);

/* nets_path.c */
uint8_t nets_path_number(struct lan_nets *n, const struct lan_udp_path *path);
const struct lan_udp_path *nets_path(struct lan_nets *n, uint8_t number);

/* nets_parse.c: LAN_ERR_ADDR. Pairs of hexadecimal digits with colons between them. */
enum lan_err nets_hex(const char *text, uint8_t *out, size_t n);

/* nets_text.c; the end of what was written, without NUL. */
char *nets_put_number(char *p, unsigned v);
char *nets_put_hex(char *p, const uint8_t *octets, size_t n); /* with colons between */
void nets_say(char *out, size_t cap, const char *text, size_t n);

/* nets_ether.c */
void nets_ether_link(void *nets, enum lan_netlink_what what, const struct lan_link_info *link,
	const union lan_sockaddr *addr);

#endif
