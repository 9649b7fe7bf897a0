/*
 * channel.h - a channel: programs that talk to a group on the LAN without
 * knowing one another, over UDP multicast. Two dialects: `multisock`, the wire
 * of the Python library of that name, plain or encrypted (insecure; for its
 * users), and `sealed`, our own: authenticated encryption, replay windows,
 * repair, messages up to 1 MiB (docs/protocols/channel.md). Man pages:
 * liblanyard(3), lanyard-channel(7).
 *
 * Nothing here blocks and nothing calls back into the application with data:
 * run the loop, then pull events with lan_channel_event until it returns false.
 *
 *      struct lan_channel_config cfg = LAN_CHANNEL_CONFIG_INIT;
 *      cfg.address = "239.1.2.3:5000";
 *      cfg.key_file = "/etc/lanyard/keys/plant.key";
 *      if (lan_channel_open(loop, &cfg, &ch) == LAN_OK)
 *              e = lan_channel_send(ch, "hello", 5, 0, NULL);
 *
 * While events are left unpulled the channel stops reading its sockets; what
 * the kernel then drops is counted (rx_kernel_drops) and, in the reliable mode,
 * repaired.
 *
 * Threads: a handle belongs to the thread of its loop.
 */
#ifndef LANYARD_CHANNEL_H
#define LANYARD_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <lanyard/err.h>
#include <lanyard/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lan_channel;

enum lan_channel_dialect {
	LAN_CHANNEL_AUTO = 0,  /* sealed if there is a key_file, else multisock */
	LAN_CHANNEL_MULTISOCK, /* the original's wire; encrypted if key and iv are given */
	LAN_CHANNEL_SEALED
};

/* How messages are delivered (sealed; multisock is always best effort). All
 * members of a channel should be opened with the same mode. */
enum lan_channel_mode {
	LAN_CHANNEL_BEST_EFFORT = 0, /* at most once, as they arrive */
	LAN_CHANNEL_ORDERED, /* at most once, in order per sender; a gap is given up after `reorder` */
	LAN_CHANNEL_RELIABLE /* once, in order per sender, lost datagrams sent again; what is beyond
				the sender's history is reported as LAN_CHANNEL_LOST with exact numbers */
};

/* What form a multisock message takes on the wire; flags of lan_channel_send.
 * 0 with encryption: text if it is valid UTF-8, else the form that keeps binary
 * data whole; 0 without: the bytes. Sealed messages have no forms. */
enum {
	LAN_CHANNEL_TEXT = 1, /* the original's str: LAN_ERR_UTF8 if it is not UTF-8 */
	LAN_CHANNEL_BYTES =
		2, /* the original's bytes: over 16 binary bytes lose 16 at an original receiver */
	LAN_CHANNEL_BYTEARRAY = 4 /* the original's bytearray: encrypted, 16 letters go before the data */
};

/* Zero or NULL in any field means its default. Borrowed during open only. */
struct lan_channel_config {
	size_t size;         /* sizeof(struct lan_channel_config): set by the INIT macro */
	const char *address; /* GROUP:PORT, "239.1.2.3:5000" or "[ff02::1:5]:5000"; a multicast group */
	enum lan_channel_dialect dialect;
	enum lan_channel_mode mode;
	const char *const *ifaces; /* interfaces (n_ifaces) by name or by address of this host; "all": every
				      one that can multicast, also those that come later. None: the one the
				      routing table has for the group */
	size_t n_ifaces;
	const char *const *sources; /* source-specific: accept only datagrams of these addresses */
	size_t n_sources;
	int ttl;          /* 1..255; default 1, multisock 32. LAN_CHANNEL_TTL_HOST: not beyond this host */
	bool no_loopback; /* this host's own members (this one too) do not hear what is sent */
	bool hear_self;   /* sealed: own messages are events too (multisock always hears itself) */
	uint32_t max_message;    /* sealed: longest message either way, default and most 1 MiB;
				    multisock: longest datagram accepted, default 4096 as the original */
	uint32_t max_queue;      /* bytes queued to be sent before LAN_ERR_FULL; default 4 MiB */
	uint32_t max_events;     /* bytes of received messages held until pulled; default 4 MiB */
	uint32_t receive_buffer; /* of the socket, bytes; default 4 MiB (bounded by the kernel's rmem_max) */
	bool no_offload;         /* a system call per datagram, no segmentation offload */

	/* multisock */
	const char *key, *iv; /* key 1..32 and passphrase 1..15 ASCII characters, both or none */
	bool objects;         /* received messages are Python objects: event.json has them */

	/* sealed */
	const char *key_file;      /* group key (lanyard-key(1)); refused if group- or world-readable */
	const char *channel;       /* name bound into every datagram, default the address as text */
	const char *name;          /* what this member is called in others' listings, 0..63 bytes of UTF-8 */
	const char *identity_file; /* Ed25519 secret key: sign every datagram */
	const char *members_file;  /* public keys allowed to speak: unsigned and other senders are refused */
	const char *state_dir;     /* where the sender's counter and the others' marks survive restarts.
				      None: a new sender id at each open, and no memory of replays */
	bool silent;               /* never announce this member and never ask for repair: receive only */
	lan_time reorder;          /* ordered: how long a gap is waited for; default 20 ms */
	uint32_t history;          /* reliable: datagrams kept for repair, 64..65536, default 4096 */
	uint32_t late;        /* reliable: how many of the last messages a newcomer asks for; default 0 */
	uint32_t parity;      /* parity datagrams per block, 0..16: repair without asking; default 0 */
	uint32_t block;       /* datagrams per block, 1..64; default 32 */
	uint64_t rate;        /* bytes a second sent at most; 0: no limit */
	lan_time presence;    /* pause between announcements in a small group; default 1 s */
	bool flow;            /* reliable: send no faster than every present receiver confirms
				 (LAN_ERR_FULL instead of a loss beyond the history) */
	uint32_t max_senders; /* table of senders, 1..4096; default 256 */
};
#define LAN_CHANNEL_CONFIG_INIT                           \
	{                                                 \
		.size = sizeof(struct lan_channel_config) \
	}
#define LAN_CHANNEL_TTL_HOST 256

enum lan_channel_event_kind {
	LAN_CHANNEL_MESSAGE = 1, /* sender, from, ifname, data/len, text, seq; json with config.objects */
	LAN_CHANNEL_JOINED,      /* a sender or member was heard for the first time: sender, name, from */
	LAN_CHANNEL_LEFT,        /* it said goodbye or fell silent: sender, name, reason */
	LAN_CHANNEL_LOST,        /* messages of a sender will not be delivered: sender, first, last (message
				    numbers, both included), count, reason */
	LAN_CHANNEL_WRITABLE,    /* after LAN_ERR_FULL: half of the queue is free again */
	LAN_CHANNEL_IFACE,   /* the group was joined on an interface, or not any more: ifname, err, reason */
	LAN_CHANNEL_REFUSED, /* datagrams were refused: reason, count, from (the last one). At most one
				event a second for each reason; every one is in the counters */
	LAN_CHANNEL_KEY      /* another epoch is in use for sending, or keys were read anew: epoch, reason */
};

/* sender, name, from, ifname, data, json and reason are views: they die at the
 * next call on the channel. */
struct lan_channel_event {
	enum lan_channel_event_kind kind;
	const char *sender; /* sealed: the sender's id, 16 hex digits; multisock: its ADDR:PORT */
	const char *name;   /* sealed: what it calls itself, "" if nothing */
	const char *from;   /* "192.0.2.7:5000" */
	const char *ifname; /* where it came in */
	const void *data;   /* one NUL follows it */
	size_t len;
	bool text;     /* data is valid UTF-8 without NUL */
	bool verified; /* signed by the sender's own key */
	const char
		*json; /* the object as JSON; NULL: not an object. `reason` then says what is opaque in it */
	uint64_t seq;  /* sealed: the sender's number of the message, 1.. */
	uint64_t first, last, count;
	uint32_t epoch;
	enum lan_err err;
	const char *reason;
	lan_time at;
};

/* A snapshot. Counts are since the channel was opened. Texts are views. */
struct lan_channel_status {
	const char *address;
	enum lan_channel_dialect dialect; /* never AUTO */
	enum lan_channel_mode mode;
	bool encrypted;
	const char *security; /* one sentence: "insecure: fixed IV, no integrity, replay" .. */
	const char *cipher;   /* "aes-256-gcm", "aes-256-cbc", "none" .. */
	const char *sender;   /* own id, or own address with multisock */
	uint32_t epoch;
	uint32_t members; /* heard and not gone, this one included */
	uint64_t tx_messages, tx_bytes, tx_datagrams, rx_messages, rx_bytes, rx_datagrams;
	uint64_t tx_repairs, tx_parity, tx_feedback; /* of tx_datagrams: sent again, parity, requests */
	uint64_t rx_refused;                         /* sum of the counters of refusals */
	uint64_t rx_kernel_drops;                    /* datagrams the kernel had no room for */
	uint64_t lost_messages;                      /* sum of LAN_CHANNEL_LOST */
	uint64_t queued_bytes;                       /* not yet sent */
	uint32_t unconfirmed;                        /* flow: datagrams some present receiver lacks */
};

struct lan_channel_sender {
	const char *id, *name, *from;
	bool present, verified;
	lan_time since, last; /* loop clock */
	uint32_t epoch;
	uint64_t rx_messages, rx_bytes, rx_datagrams;
	uint64_t lost_datagrams; /* numbers never seen; falls again when late ones arrive */
	uint64_t repaired;       /* datagrams recovered by repair or parity */
	uint64_t duplicates;     /* the network's, and replays */
	uint64_t reordered;      /* arrived after a later one */
	uint64_t lost_messages;
};

struct lan_channel_iface {
	const char *name;
	uint32_t index;
	bool joined;
	enum lan_err err; /* why not joined */
	uint64_t rx_datagrams, tx_datagrams, tx_errors;
};

/* Open a channel. *takes nothing*; `out` is untouched on failure, and `why` (may
 * be NULL) gets a static or thread-local sentence that says what is wrong.
 * LAN_ERR_ADDR (not a multicast GROUP:PORT; an interface or address that is none: one that is merely
 * not there yet is waited for, and told by LAN_CHANNEL_IFACE),
 * LAN_ERR_UNREACH (no route to the group), LAN_ERR_ADDRINUSE (the port is held
 * exclusively), LAN_ERR_INVAL, LAN_ERR_PERM (key file readable by others),
 * LAN_ERR_NOTFOUND (key file), LAN_ERR_CONFIG (key file not understood),
 * LAN_ERR_EXISTS (state_dir in use by another process), LAN_ERR_IO,
 * LAN_ERR_NOMEM, LAN_ERR_LIMIT. */
LAN_API LAN_WUR enum lan_err lan_channel_open(struct lan_loop *loop, const struct lan_channel_config *cfg,
	struct lan_channel **out, const char **why);

/* Say goodbye (sealed), close and free. What is queued is tried once more.
 * NULL is fine. */
LAN_API void lan_channel_close(struct lan_channel *c);

/* Queue a message of `len` bytes (0 is a message too; multisock plain: an empty
 * datagram stops an original receiver and is refused with LAN_ERR_INVAL).
 * `seq` (may be NULL) gets its number. LAN_ERR_FULL: wait for
 * LAN_CHANNEL_WRITABLE. LAN_ERR_TOOBIG, LAN_ERR_UTF8, LAN_ERR_INVAL (flags),
 * LAN_ERR_NOMEM. */
LAN_API LAN_WUR enum lan_err lan_channel_send(
	struct lan_channel *c, const void *data, size_t len, unsigned flags, uint64_t *seq);

/* multisock: send a JSON text as a Python object (lanyard-channel(7), OBJECTS).
 * LAN_ERR_INVAL (not JSON, or not to be mapped), LAN_ERR_NOTSUP (sealed), and
 * those of lan_channel_send. */
LAN_API LAN_WUR enum lan_err lan_channel_send_object(struct lan_channel *c, const char *json);

/* Pull the next event. False: none left. Pulling also lets the channel read on. */
LAN_API bool lan_channel_event(struct lan_channel *c, struct lan_channel_event *ev);

/* Bytes not yet handed to the kernel; with `flow`, also what present receivers
 * have not confirmed. 0: all done. */
LAN_API size_t lan_channel_pending(const struct lan_channel *c);

LAN_API void lan_channel_status(const struct lan_channel *c, struct lan_channel_status *out);

/* Sender or member number i (0..); false past the end. */
LAN_API bool lan_channel_sender(const struct lan_channel *c, size_t i, struct lan_channel_sender *out);

/* Interface number i (0..); false past the end. */
LAN_API bool lan_channel_iface(const struct lan_channel *c, size_t i, struct lan_channel_iface *out);

/* Counters with reasons, number i (0..): its name, what it means, its value; false past the end. */
LAN_API bool lan_channel_counter(
	const struct lan_channel *c, size_t i, const char **name, const char **help, uint64_t *value);

/* Read the key and members files again (after `lanyard key rotate`). On failure
 * the old keys stay in use. Errors of lan_channel_open for these files. A
 * channel does this by itself when it meets an epoch it does not know, at most
 * once a second, and looks every 5 s whether the files have changed. */
LAN_API LAN_WUR enum lan_err lan_channel_rekey(struct lan_channel *c, const char **why);

/* Have `fn(ctx)` called, from inside the loop, whenever events became
 * available. It may call anything but lan_channel_close and the loop. */
LAN_API void lan_channel_on_ready(struct lan_channel *c, void (*fn)(void *ctx), void *ctx);

/* "message", "joined", ..: the kind as a word, for logs and JSON. Static text. */
LAN_API const char *lan_channel_event_name(enum lan_channel_event_kind kind);

/* The original's cipher on its own (its class Crypter; DataCrypto in its first
 * documentation): AES-256-CBC with a constant IV made from the passphrase,
 * base64 with line breaks. Insecure; for its users. */
struct lan_data_crypto;
/* key: 1..32, passphrase: 1..15 ASCII characters, not blank. LAN_ERR_INVAL, LAN_ERR_NOMEM. */
LAN_API LAN_WUR enum lan_err lan_data_crypto_new(
	const char *key, const char *passphrase, struct lan_data_crypto **out);
LAN_API void lan_data_crypto_free(struct lan_data_crypto *d);
/* `form` as the flags of lan_channel_send. *out: malloc'ed text of *out_len bytes, NUL after it. */
LAN_API LAN_WUR enum lan_err lan_data_crypto_encrypt(
	struct lan_data_crypto *d, const void *data, size_t len, unsigned form, char **out, size_t *out_len);
/* *out: malloc'ed, NUL after it; *text: it is UTF-8. LAN_ERR_PROTO: not made with this key. */
LAN_API LAN_WUR enum lan_err lan_data_crypto_decrypt(
	struct lan_data_crypto *d, const void *in, size_t len, void **out, size_t *out_len, bool *text);

#ifdef __cplusplus
}
#endif
#endif
