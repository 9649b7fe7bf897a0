/*
 * channels.c - what is particular to channels among the entries of the daemon:
 * how one is opened, closed, and given its keys anew by a reload.
 *
 * A channel whose wire is not secure says so, and why, each time it is opened.
 * A reload reads the key and member files of those that stay open again, which
 * is how a rotated key comes into force without an outage.
 */
#include "daemon/channels.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(offsetof(struct config_channel, name) == 0, "an entry begins with its name");
_Static_assert(offsetof(struct channel, e) == 0, "a channel begins with its entry");

const char *channel_dialect(const struct channel *k)
{
	return channel_cfg(k)->dialect;
}

const char *channel_mode(const struct channel *k)
{
	return channel_cfg(k)->mode ? channel_cfg(k)->mode : "best-effort";
}

static void say_security(const struct entry *e)
{
	const struct channel *k = (const struct channel *)e;
	struct lan_channel_status st;
	lan_channel_status(k->c, &st);
	if (strncmp(st.security, "insecure", 8) == 0)
		log_event(LOG_L_WARN, "channel-security", LOG_S("channel", channel_name(k)),
			LOG_S("security", st.security), LOG_S("sender", st.sender));
	else
		log_event(LOG_L_INFO, "channel-security", LOG_S("channel", channel_name(k)),
			LOG_S("security", st.security), LOG_S("sender", st.sender), LOG_U("epoch", st.epoch));
}

static enum lan_err open_channel(struct entry *e, const char **why)
{
	struct channel *k = (struct channel *)e;
	struct lan_channel_config args = config_channel_open_args(channel_cfg(k));
	enum lan_err err;
	if (args.state_dir)
		entry_make_parents(args.state_dir);
	err = lan_channel_open(e->all->loop, &args, &k->c, why);
	if (err == LAN_OK)
		lan_channel_on_ready(k->c, entry_ready, e);
	return err;
}

static void close_channel(struct entry *e, const char *cause, struct text *notes)
{
	struct channel *k = (struct channel *)e;
	size_t left = lan_channel_pending(k->c);
	(void)notes;
	if (left)
		log_event(LOG_L_WARN, "channel-unsent", LOG_S("channel", channel_name(k)),
			LOG_U("bytes", left), LOG_S("cause", cause));
	lan_channel_close(k->c);
	k->c = NULL;
}

static void keys_stay(const struct channel *k, const char *why, struct text *notes)
{
	log_event(LOG_L_ERROR, "channel-keys", LOG_S("channel", channel_name(k)), LOG_S("reason", why),
		LOG_S("kept", "the old keys stay in use"));
	text_printf(notes, "channel \"%s\": the old keys stay in use: %s\n", channel_name(k), why);
}

/* The same files may hold other keys now. */
static void rekey(struct entry *e, struct text *notes)
{
	struct channel *k = (struct channel *)e;
	const char *why = NULL;
	enum lan_err err;
	if (channel_cfg(k)->key_file && (err = lan_channel_rekey(k->c, &why)) != LAN_OK)
		keys_stay(k, why && *why ? why : lan_err_text(err), notes);
	else
		entry_ready(e); /* whether something changed is told by an event */
}

static const char *address_of(const struct entry *e)
{
	return channel_cfg((const struct channel *)e)->address;
}

static const char *dialect_of(const struct entry *e)
{
	return channel_dialect((const struct channel *)e);
}

static const char *mode_of(const struct entry *e)
{
	return channel_mode((const struct channel *)e);
}

const struct entry_kind channel_kind = {
	.family = "channel",
	.size = sizeof(struct channel),
	.but = SIZE_MAX,
	.open = open_channel,
	.opened = say_security,
	.close = close_channel,
	.kept = rekey,
	.pump = channel_pump,
	.address = address_of,
	.dialect = dialect_of,
	.detail = "mode",
	.detail_of = mode_of,
};

size_t channels_pending(const struct entries *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		n += channel_at(s, i)->c ? lan_channel_pending(channel_at(s, i)->c) : 0;
	return n;
}
