/*
 * channel_int.h - the inside of a channel, shared by the files channel*.c: one of
 * the two cores, the driver that moves it, and what the public header promises
 * beyond the core: sentences, texts of addresses, key files, a state directory.
 */
#ifndef LAN_API_CHANNEL_INT_H
#define LAN_API_CHANNEL_INT_H

#include <lanyard/channel.h>
#include <net/if.h>
#include "api/channel_state.h"
#include "api/objects.h"
#include "drv/group.h"
#include "io/loop.h"
#include "proto/channel/channel.h"

/* Texts of a sender, made once and used until another takes the place. */
#define CHANNEL_TEXTS 64
struct channel_text {
	struct lan_from from;
	uint64_t sender;
	bool used;
	char id[24], address[LAN_ADDR_TEXT_MAX], ifname[IF_NAMESIZE];
};

/* What the driver or this layer has to tell, before the core's own events. One
 * entry per interface: the latest state counts. */
#define CHANNEL_NOTES 64
struct channel_note {
	char ifname[IF_NAMESIZE];
	enum lan_err err;
};

struct channel_files { /* copies of the configuration's, for reading them again */
	char *key, *members;
};

struct lan_channel {
	struct lan_loop *loop;
	struct lan_gdrv *drv;
	struct lan_env env;
	struct chan *chan; /* one of the two */
	struct msock *msock;
	enum lan_channel_mode mode;
	bool encrypted, objects, closing;
	int cipher; /* LAN_AEAD_*, sealed */
	bool is_signed, members_only;
	char own[24]; /* own id, sealed */
	void (*on_ready)(void *ctx);
	void *on_ready_ctx;
	size_t since_pump; /* bytes queued since the driver was last made to send */
	size_t counters;   /* of the core; those of the sockets follow */

	struct channel_files files;
	uint8_t digest[32]; /* of what they said */
	int64_t clock;      /* wall clock less loop clock when the keys were read, ns */
	lan_time keys_read; /* last attempt to read them */
	enum lan_err rekey_err;
	bool keys_wanted; /* the core met an epoch it does not know */
	bool tell_key;    /* LAN_CHANNEL_KEY waits */
	enum lan_err key_err;
	char key_why[320]; /* its reason */
	struct lan_deadline chores;
	bool has_chores;

	struct channel_state *state;
	lan_time save_at;
	uint64_t marked_at;  /* datagrams received when the marks were last written */
	uint64_t marking_at; /* .. when those were made that a thread is writing */
	enum lan_err state_err;
	uint64_t state_failures;

	struct channel_note notes[CHANNEL_NOTES];
	size_t n_notes;
	char told_iface[IF_NAMESIZE];

	struct channel_text texts[CHANNEL_TEXTS];
	struct lan_object_text json;
	uint8_t *pickle; /* room for a received object */
	size_t pickle_cap;
};

/* The sentence of lan_channel_open and lan_channel_rekey; returns e. */
enum lan_err channel_why(const char **why, enum lan_err e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Is the configuration sensible? Makes dialect and ttl definite; `name`: the channel's name
 * if none is given, LAN_ADDR_TEXT_MAX bytes (channel_config.c). */
LAN_WUR enum lan_err channel_check(struct lan_channel_config *cfg, char *name, const char **why);

/* Open what a sealed channel needs: keys, members, identity, state, core (channel_sealed.c). */
LAN_WUR enum lan_err channel_sealed_open(
	struct lan_channel *c, const struct lan_channel_config *cfg, const char *name, const char **why);
void channel_sealed_close(struct lan_channel *c);
extern const struct lan_dgram_ops channel_kept_ops; /* chan_ops with a state; core: struct lan_channel */
/* Keys were asked for, or time passed. */
void channel_look_after(struct lan_channel *c);

/* Texts of a sender; valid until the next call. */
const struct channel_text *channel_text(struct lan_channel *c, uint64_t sender, const struct lan_from *from);
/* Plain text of an address. */
void channel_address(const struct lan_from *from, char *buf);

/* The object in a message as ev->json (channel_object.c). */
void channel_object(struct lan_channel *c, struct lan_channel_event *ev);

#endif
