/*
 * neighbor.h - neighbours on the wire: who is at the other end of each Ethernet
 * link, which addresses and labels it announces, and whether it is alive. Raw
 * Ethernet, no IP. Two dialects: LSOE-01, the wire of the Python daemon `lsoed`,
 * and L3DL, its successor, which can be signed. Man pages: lanyard-neighbor(7),
 * liblanyard-neighbor(3).
 *
 * Nothing here blocks and nothing calls back into the application with data
 * (but the two hooks at the end): run the loop, then pull events with
 * lan_neighbor_event until it returns false.
 *
 *      const char *ifaces[] = {"eth*"};
 *      struct lan_neighbor_config cfg = LAN_NEIGHBOR_CONFIG_INIT;
 *      cfg.ifaces = ifaces, cfg.n_ifaces = 1;
 *      if (lan_neighbor_open(loop, &cfg, &n, &why) == LAN_OK)
 *              for (;; lan_loop_run(loop, LAN_NEVER))
 *                      while (lan_neighbor_event(n, &ev)) ...
 *
 * Needs CAP_NET_RAW. Threads: a handle belongs to the thread of its loop.
 */
#ifndef LANYARD_NEIGHBOR_H
#define LANYARD_NEIGHBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/err.h>
#include <lanyard/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lan_neighbor;

enum lan_neighbor_dialect { LAN_NEIGHBOR_LSOE = 0, LAN_NEIGHBOR_L3DL };

/* Whose keys are believed (L3DL). Once a key is known for a node, it alone is. */
enum lan_neighbor_trust {
	LAN_NEIGHBOR_TRUST_ANY = 0, /* unsigned ones too; the first key seen of a node is remembered */
	LAN_NEIGHBOR_TRUST_TOFU,    /* signed ones only; the first key seen is remembered */
	LAN_NEIGHBOR_TRUST_ANCHOR   /* only keys signed by the anchor */
};

/* Which addresses are announced on a link. */
enum lan_neighbor_announce {
	LAN_NEIGHBOR_ANNOUNCE_OWN = 0, /* its own, and those of `loopbacks` */
	LAN_NEIGHBOR_ANNOUNCE_ALL,     /* all of the node, as lsoed does */
	LAN_NEIGHBOR_ANNOUNCE_NONE
};

/* MPLS labels accepted for a prefix: "192.0.2.0/24", 20-bit labels, outermost first. */
struct lan_neighbor_labels {
	const char *prefix;
	const uint32_t *labels;
	size_t n;
};

/* What a BGP speaker at the other end should know (L3DL, ULPC). */
struct lan_neighbor_bgp {
	uint32_t asn;                    /* 0: no ULPC */
	const char *address4, *address6; /* "10.0.0.1/30"; at least one */
	const void *auth;                /* authentication data, at most 253 bytes: a secret. NULL: none */
	size_t auth_len;
	bool gtsm;
};

/* Zero or NULL in any field means its default. Borrowed during open only. */
struct lan_neighbor_config {
	size_t size; /* sizeof(struct lan_neighbor_config): set by the INIT macro */
	enum lan_neighbor_dialect dialect;
	const char *const *ifaces; /* names or globs ("eth*"); "!eth7" takes out again. Those that come later
				      are taken too. None is LAN_ERR_INVAL */
	size_t n_ifaces;
	uint16_t ethertype; /* default 0x8885 (LSOE), 0x88b5 (L3DL) */
	const char *id;     /* hex octets, may be separated by : - or blanks. LSOE: 10 octets, shorter is
			       padded with zeros at its end. L3DL: the LLEI, 1..255 octets. Default:
			       made of the machine's id; L3DL: of MAC address and interface index */
	const uint8_t *attributes; /* of the OPEN, one octet each */
	size_t n_attributes;       /* at most 255 */
	const char *hello_to;      /* "nearest-bridge" (01-80-C2-00-00-0E, the default), "non-tpmr"
				      (01-80-C2-00-00-03), "broadcast" or any MAC address */
	lan_time hello;            /* pause between HELLOs; default 60 s */
	lan_time keepalive;        /* default 1 s; at least 10 ms */
	lan_time dead;             /* silence after which a neighbour is gone: default 60 s, L3DL 30 s */
	lan_time retransmit;       /* first pause; default 1 s */
	bool no_backoff;           /* pauses stay the same; default doubled each time */
	uint32_t tries;            /* transmissions without acknowledgement; default 3 */
	lan_time reassembly;       /* how long fragments wait for the rest; default 1 s */
	lan_time open_jitter;      /* OPEN is delayed by up to this; default 0 */
	bool multi_link;           /* L3DL: HELLOs go on when there is a session (always so with LSOE) */
	enum lan_neighbor_announce announce;
	const char *const *loopbacks; /* interfaces, names or globs, whose addresses are announced as loopback
					 on every link */
	size_t n_loopbacks;
	bool link_local;     /* announce fe80:: addresses too */
	const char *primary; /* address that is marked primary; default: the only one, if there is one only */
	const struct lan_neighbor_labels *labels;
	size_t n_labels;
	struct lan_neighbor_bgp bgp; /* sent to every L3DL neighbour */
	bool no_measure;             /* do not measure loss and round trip with neighbours that are Lanyard */
	lan_time measure;            /* pause between measurements; default 10 s */

	/* L3DL */
	const char *key_file;    /* secret key (lanyard-key(1)): sign what is sent */
	const char *cert_file;   /* the anchor's signature of that key */
	const char *anchor_file; /* the anchor's public key */
	enum lan_neighbor_trust trust;
	bool sign_keepalive;    /* sign KEEPALIVEs, and refuse unsigned ones of signing neighbours */
	lan_time key_overlap;   /* how long an old key is accepted after a roll; default 30 s */
	uint32_t auth_failures; /* after so many a neighbour is left alone; default 8 */
	const char *state_dir;  /* where known keys and what is needed to resume survive restarts */
	lan_time resume;        /* how long a lost neighbour's data can be resumed; default 60 s */

	const char *report_url; /* POST every change there, as lsoed does ("http://127.0.0.1:8080/mutate");
				   changes are what was pulled as events */

	uint32_t max_peers;      /* sessions on one link, default 1024 */
	uint32_t max_half_open;  /* of these not established, default 64 */
	uint32_t max_prefixes;   /* a neighbour announces at most, default 65536 */
	uint32_t receive_buffer; /* of each socket, bytes; default 256 KiB */
	bool vendor_to_all;      /* lan_neighbor_vendor, and labels, also to LSOE neighbours that are not
				    Lanyard: the original lsoed dies of either */
};
#define LAN_NEIGHBOR_CONFIG_INIT                           \
	{                                                  \
		.size = sizeof(struct lan_neighbor_config) \
	}

enum lan_neighbor_event_kind {
	LAN_NEIGHBOR_UP = 1,   /* session established: id, attributes */
	LAN_NEIGHBOR_DOWN,     /* reason; all it announced is void */
	LAN_NEIGHBOR_ENCAPS,   /* what it announces of one type has changed: type, n_prefixes;
				  lan_neighbor_prefix tells them */
	LAN_NEIGHBOR_LINK,     /* a link is used (`up`) or not any more: reason */
	LAN_NEIGHBOR_SELF,     /* both ends of a cable are ours: mac is the other's */
	LAN_NEIGHBOR_CONFLICT, /* the neighbour announces an address of ours: address */
	LAN_NEIGHBOR_ERROR,    /* it sent an error acknowledgement: type, etype, code, hint, reason */
	LAN_NEIGHBOR_REFUSED, /* it was refused: reason (authentication, table full, ..). At most one a second
				for each link and reason; every one is in the counters */
	LAN_NEIGHBOR_KEY,     /* a key was learned or rolled: reason, fingerprint */
	LAN_NEIGHBOR_ULPC,    /* BGP parameters of the neighbour: bgp */
	LAN_NEIGHBOR_REPORT   /* the collector at report_url is reached (`up`) or not any more: reason */
};

enum lan_neighbor_type { LAN_NEIGHBOR_IPV4 = 4, LAN_NEIGHBOR_IPV6, LAN_NEIGHBOR_MPLS4, LAN_NEIGHBOR_MPLS6 };

/* Pointers are views: they die at the next call on the handle. */
struct lan_neighbor_event {
	enum lan_neighbor_event_kind kind;
	const char *ifname; /* "" for LAN_NEIGHBOR_REPORT */
	const char *mac;    /* "02:00:00:00:00:0b"; "" if it is not about a neighbour */
	const char *id;     /* hex octets joined by ":", "" if unknown */
	const uint8_t *attributes;
	size_t n_attributes;
	enum lan_neighbor_type type; /* also the PDU type of ERROR */
	size_t n_prefixes;
	bool up;
	unsigned etype, code, hint;
	const char *address;     /* of CONFLICT */
	const char *fingerprint; /* 16 hex digits */
	struct lan_neighbor_bgp bgp;
	enum lan_err err;
	const char *reason; /* "" if none */
	lan_time at;        /* loop clock */
};

struct lan_neighbor_prefix {
	const char *address; /* "10.0.0.1" */
	uint8_t length;
	bool primary, loopback, overlay;
	const uint32_t *labels; /* MPLS types: 20 bits each */
	size_t n_labels;
};

enum lan_neighbor_state {
	LAN_NEIGHBOR_HEARD = 1, /* something came, no OPEN yet */
	LAN_NEIGHBOR_OPENING,   /* one of the two OPENs is missing or not acknowledged */
	LAN_NEIGHBOR_ESTABLISHED,
	LAN_NEIGHBOR_HELD,   /* refused by either side: left alone until something changes */
	LAN_NEIGHBOR_OURSELF /* our own port */
};

struct lan_neighbor_peer {
	const char *ifname, *mac, *id;
	const uint8_t *attributes;
	size_t n_attributes;
	enum lan_neighbor_state state;
	bool lanyard;                              /* the other end is Lanyard */
	lan_time since;                            /* of the state, loop clock */
	lan_time last_rx, last_tx, last_keepalive; /* 0: never */
	const char *last_rx_what, *last_tx_what;   /* "OPEN", .. or "" */
	const char *why;      /* one sentence: what is missing, what to look at; "" when all is well */
	const char *reason;   /* of the last down, "" if none */
	uint32_t restarts;    /* sessions that ended */
	size_t n_prefixes[4]; /* by type, from IPv4 */
	size_t tx_unacked;    /* PDUs that wait for an acknowledgement */
	uint64_t rx_frames, tx_frames, tx_retransmits;
	bool measured;           /* the following are valid */
	lan_time rtt, jitter;    /* smoothed round trip and its mean deviation */
	double loss_rx, loss_tx; /* share of KEEPALIVEs lost, 0..1, over the last measurements */
	const char *key;         /* L3DL: fingerprint of its key, "" if it does not sign */
	const char *key_state;   /* "pinned", "anchored", "new", "" */
	uint32_t serial_rx, serial_tx;
};

struct lan_neighbor_iface {
	const char *name, *mac;
	uint32_t index, mtu;
	bool up;         /* used: there, up, carrier */
	const char *why; /* if not */
	const char *hello_to;
	lan_time last_hello; /* sent; 0: never */
	uint32_t peers, established;
	size_t n_prefixes[4]; /* announced */
	uint64_t rx_frames, tx_frames, rx_dropped, kernel_drops;
};

/* Open on the interfaces of `cfg`. *takes nothing*; `out` is untouched on failure, and `why` (may be NULL)
 * gets a static or thread-local sentence. LAN_ERR_INVAL (a value that cannot be), LAN_ERR_PERM (no
 * CAP_NET_RAW; a key file readable by others), LAN_ERR_NOTFOUND (a key file), LAN_ERR_CONFIG (a key file not
 * understood), LAN_ERR_EXISTS (state_dir in use), LAN_ERR_IO, LAN_ERR_NOTSUP (report_url without libcurl),
 * LAN_ERR_LIMIT, LAN_ERR_NOMEM. An interface that is not there yet is waited for. */
LAN_API LAN_WUR enum lan_err lan_neighbor_open(struct lan_loop *loop, const struct lan_neighbor_config *cfg,
	struct lan_neighbor **out, const char **why);
/* Withdraw northbound (one bounded attempt), close and free. NULL is fine. */
LAN_API void lan_neighbor_close(struct lan_neighbor *n);

/* Pull the next event. False: none left. */
LAN_API bool lan_neighbor_event(struct lan_neighbor *n, struct lan_neighbor_event *ev);

/* Neighbour number i (0..), whatever its state; false past the end. */
LAN_API bool lan_neighbor_peer(const struct lan_neighbor *n, size_t i, struct lan_neighbor_peer *out);
/* Entry i of what a neighbour announces of a type; false past the end or if there is no such neighbour. */
LAN_API bool lan_neighbor_prefix(const struct lan_neighbor *n, const char *ifname, const char *mac,
	enum lan_neighbor_type type, size_t i, struct lan_neighbor_prefix *out);
/* Entry i of what is announced on an interface. */
LAN_API bool lan_neighbor_announced(const struct lan_neighbor *n, const char *ifname,
	enum lan_neighbor_type type, size_t i, struct lan_neighbor_prefix *out);
/* Interface number i (0..), used or matching but not usable, or named and not there (index 0); false past the
 * end. */
LAN_API bool lan_neighbor_iface(const struct lan_neighbor *n, size_t i, struct lan_neighbor_iface *out);
/* Counters with reasons, number i, of the node (ifname NULL) or an interface; false past the end. */
LAN_API bool lan_neighbor_counter(const struct lan_neighbor *n, const char *ifname, size_t i,
	const char **name, const char **help, uint64_t *value);

/* End a session and begin anew, also one that is held. mac NULL: all of the interface. LAN_ERR_NOTFOUND. */
LAN_API LAN_WUR enum lan_err lan_neighbor_reset(struct lan_neighbor *n, const char *ifname, const char *mac);

/* Sign with another key from now on (L3DL): NEWKEY goes to all. Errors of lan_neighbor_open for files. */
LAN_API LAN_WUR enum lan_err lan_neighbor_roll(
	struct lan_neighbor *n, const char *key_file, const char *cert_file, const char **why);

/* Send a VENDOR PDU: at most 1024 bytes. LAN_ERR_NOTFOUND, LAN_ERR_AGAIN (not established), LAN_ERR_FULL (one
 * is under way), LAN_ERR_NOTSUP (an LSOE neighbour that is not Lanyard), LAN_ERR_TOOBIG, LAN_ERR_NOMEM. */
LAN_API LAN_WUR enum lan_err lan_neighbor_vendor(struct lan_neighbor *n, const char *ifname, const char *mac,
	uint32_t enterprise, uint8_t type, const void *data, size_t len);

struct lan_neighbor_vendor_pdu {
	const char *ifname, *mac;
	uint32_t enterprise, serial;
	uint8_t type;
	const void *data;
	size_t len;
};
struct lan_neighbor_ack {
	const char *ifname, *mac;
	uint8_t type; /* of the PDU acknowledged */
	unsigned etype, code, hint;
};
/* Called from inside the loop; may call anything but lan_neighbor_close and the loop. VENDOR PDUs of other
 * enterprises are acknowledged, counted and dropped. fn NULL: no more. LAN_ERR_NOMEM. */
LAN_API LAN_WUR enum lan_err lan_neighbor_on_vendor(struct lan_neighbor *n, uint32_t enterprise,
	void (*fn)(void *ctx, const struct lan_neighbor_vendor_pdu *pdu), void *ctx);
LAN_API void lan_neighbor_on_ack(
	struct lan_neighbor *n, void (*fn)(void *ctx, const struct lan_neighbor_ack *ack), void *ctx);

/* Have `fn(ctx)` called, from inside the loop, whenever events became available. */
LAN_API void lan_neighbor_on_ready(struct lan_neighbor *n, void (*fn)(void *ctx), void *ctx);

/* "neighbor", "encapsulations", ..; "established", ..: as words, for logs and JSON. Static text. */
LAN_API const char *lan_neighbor_event_name(enum lan_neighbor_event_kind kind);
LAN_API const char *lan_neighbor_state_name(enum lan_neighbor_state state);

#ifdef __cplusplus
}
#endif
#endif
