/*
 * channel_status.c - what is known of a channel: status, senders, interfaces,
 * counters. All of it is read where it is kept, in the core and in the sockets;
 * refusals of both are added up.
 */
#include <string.h>
#include "api/channel_int.h"
#include "crypto/crypto.h"

static uint64_t socket_refusals(const struct lan_mcast_stats *s)
{
	return s->wrong_iface + s->wrong_group + s->wrong_source + s->truncated;
}

static const char *security(const struct lan_channel *c)
{
	static const char *const sealed[2][4] = {
		{"sealed: xchacha20-poly1305", "sealed: xchacha20-poly1305, signed",
			"sealed: xchacha20-poly1305, members only",
			"sealed: xchacha20-poly1305, signed, members only"},
		{"sealed: aes-256-gcm", "sealed: aes-256-gcm, signed", "sealed: aes-256-gcm, members only",
			"sealed: aes-256-gcm, signed, members only"}};
	if (c->msock)
		return c->encrypted ? "insecure: fixed IV, no integrity, replay"
				    : "insecure: plaintext, no integrity, replay";
	return sealed[c->cipher == LAN_AEAD_AES256GCM][c->is_signed + 2 * c->members_only];
}

static const char *cipher(const struct lan_channel *c)
{
	if (c->msock)
		return c->encrypted ? "aes-256-cbc" : "none";
	return c->cipher == LAN_AEAD_AES256GCM ? "aes-256-gcm" : "xchacha20-poly1305";
}

void lan_channel_status(const struct lan_channel *c, struct lan_channel_status *out)
{
	const struct lan_mcast *m = lan_gdrv_mcast(c->drv);
	struct lan_mcast_stats io;
	struct chan_status s;
	lan_mcast_stats(m, &io);
	if (c->msock)
		msock_status(c->msock, &s);
	else
		chan_status(c->chan, &s);
	*out = (struct lan_channel_status){.address = lan_mcast_address(m),
		.dialect = c->msock ? LAN_CHANNEL_MULTISOCK : LAN_CHANNEL_SEALED,
		.mode = c->mode,
		.encrypted = c->encrypted,
		.security = security(c),
		.cipher = cipher(c),
		.sender = c->msock ? lan_mcast_own(m) : c->own,
		.epoch = s.epoch,
		.members = s.members,
		.tx_messages = s.tx_messages,
		.tx_bytes = s.tx_bytes,
		.tx_datagrams = s.tx_datagrams,
		.rx_messages = s.rx_messages,
		.rx_bytes = s.rx_bytes,
		.rx_datagrams = s.rx_datagrams,
		.tx_repairs = s.tx_repairs,
		.tx_parity = s.tx_parity,
		.tx_feedback = s.tx_feedback,
		.rx_refused = s.rx_refused + socket_refusals(&io),
		.rx_kernel_drops = io.kernel_drops,
		.lost_messages = s.lost_messages,
		.queued_bytes = s.queued_bytes,
		.unconfirmed = s.unconfirmed};
}

bool lan_channel_sender(const struct lan_channel *c, size_t i, struct lan_channel_sender *out)
{
	struct chan_sender s;
	if (c->msock ? !msock_sender(c->msock, i, &s) : !chan_sender(c->chan, i, &s))
		return false;
	/* The texts are a cache: they change no answer. */
	const struct channel_text *t = channel_text((struct lan_channel *)(uintptr_t)c, s.id, &s.from);
	*out = (struct lan_channel_sender){.id = c->msock ? t->address : t->id,
		.name = s.name ? s.name : "",
		.from = t->address,
		.present = s.present,
		.verified = s.verified,
		.since = s.since,
		.last = s.last,
		.epoch = s.epoch,
		.rx_messages = s.rx_messages,
		.rx_bytes = s.rx_bytes,
		.rx_datagrams = s.rx_datagrams,
		.lost_datagrams = s.lost_datagrams,
		.repaired = s.repaired,
		.duplicates = s.duplicates,
		.reordered = s.reordered,
		.lost_messages = s.lost_messages};
	return true;
}

bool lan_channel_iface(const struct lan_channel *c, size_t i, struct lan_channel_iface *out)
{
	struct lan_mcast_iface it;
	if (!lan_mcast_iface(lan_gdrv_mcast(c->drv), i, &it))
		return false;
	*out = (struct lan_channel_iface){.name = it.name,
		.index = it.index,
		.joined = it.joined,
		.err = it.err,
		.rx_datagrams = it.rx_datagrams,
		.tx_datagrams = it.tx_datagrams,
		.tx_errors = it.tx_errors};
	return true;
}

bool lan_channel_counter(
	const struct lan_channel *c, size_t i, const char **name, const char **help, uint64_t *value)
{
	if (i < c->counters)
		return c->msock ? msock_counter(c->msock, i, name, help, value)
				: chan_counter(c->chan, i, name, help, value);
	struct lan_mcast_stats s;
	lan_mcast_stats(lan_gdrv_mcast(c->drv), &s);
	const struct {
		const char *name, *help;
		uint64_t value;
	} more[] = {
		{"rx_kernel_drops", "datagrams dropped by the kernel: the receive buffer was full",
			s.kernel_drops},
		{"rx_wrong_iface", "datagrams refused: came in by an interface that was not asked for",
			s.wrong_iface},
		{"rx_wrong_group", "datagrams refused: sent to another address", s.wrong_group},
		{"rx_wrong_source", "datagrams refused: not one of the sources", s.wrong_source},
		{"rx_truncated", "datagrams refused: longer than the buffer", s.truncated},
		{"tx_errors", "datagrams an interface did not take", s.tx_errors},
		{"state_errors", "writes of the state directory that failed", c->state_failures},
	};
	i -= c->counters;
	if (i >= sizeof more / sizeof *more)
		return false;
	*name = more[i].name;
	*help = more[i].help;
	*value = more[i].value;
	return true;
}
