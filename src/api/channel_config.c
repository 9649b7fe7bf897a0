/*
 * channel_config.c - is a channel's configuration sensible? Each refusal is a
 * sentence that names the value and says what to do. What only the kernel knows
 * (interfaces, routes, the port) is left to the sockets, what the key file says
 * to its reader.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "api/channel_int.h"
#include "base/utf8.h"
#include "proto/channel/multisock.h"

static _Thread_local char sentence[400];

enum lan_err channel_why(const char **why, enum lan_err e, const char *fmt, ...)
{
	va_list ap;
	char text[sizeof sentence]; /* an argument may be the sentence itself */
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	memcpy(sentence, text, sizeof sentence);
	if (why)
		*why = sentence;
	return e;
}

static enum lan_err check_address(const struct lan_channel_config *cfg, char *name, const char **why)
{
	static const char form[] = "give GROUP:PORT, e.g. 239.1.2.3:5000 or [ff02::1:5]:5000";
	struct lan_hostport hp;
	union lan_sockaddr a;
	if (!cfg->address || !*cfg->address)
		return channel_why(why, LAN_ERR_ADDR, "no address; %s", form);
	if (lan_hostport_parse(cfg->address, 0, &hp) || lan_sockaddr_numeric(&hp, &a) || !*hp.host)
		return channel_why(why, LAN_ERR_ADDR, "'%s' is not a group and port; %s", cfg->address, form);
	bool v6 = a.any.sa_family == AF_INET6;
	if (v6 ? !IN6_IS_ADDR_MULTICAST(&a.v6.sin6_addr) : !IN_MULTICAST(ntohl(a.v4.sin_addr.s_addr)))
		return channel_why(why, LAN_ERR_ADDR,
			"%s is not a multicast group; those of IPv4 are 224.0.0.0 to 239.255.255.255 "
			"(239.x.x.x for "
			"your own use), those of IPv6 begin with ff",
			hp.host);
	if (hp.port == 0)
		return channel_why(
			why, LAN_ERR_ADDR, "'%s' has port 0; members must agree on a port", cfg->address);
	if (v6)
		a.v6.sin6_scope_id = 0;
	lan_sockaddr_text(&a, name);
	return LAN_OK;
}

static enum lan_err check_multisock(const struct lan_channel_config *cfg, const char **why)
{
	const char *sealed_only = cfg->channel         ? "channel"
				  : cfg->name          ? "name"
				  : cfg->identity_file ? "identity_file"
				  : cfg->members_file  ? "members_file"
				  : cfg->state_dir     ? "state_dir"
				  : cfg->late          ? "late"
				  : cfg->parity        ? "parity"
				  : cfg->flow          ? "flow"
				  : cfg->rate          ? "rate"
				  : cfg->silent        ? "silent"
						       : NULL;
	if (cfg->key_file)
		return channel_why(why, LAN_ERR_INVAL,
			"a key file belongs to the sealed dialect; multisock takes key and iv");
	if (cfg->mode != LAN_CHANNEL_BEST_EFFORT)
		return channel_why(why, LAN_ERR_INVAL,
			"multisock knows best effort only; ordered and reliable need the sealed dialect and "
			"its key "
			"file");
	if (sealed_only)
		return channel_why(why, LAN_ERR_INVAL,
			"'%s' belongs to the sealed dialect; multisock has nothing like it", sealed_only);
	if (!cfg->key != !cfg->iv)
		return channel_why(why, LAN_ERR_INVAL,
			"%s without %s; multisock's encryption needs key and iv, or neither",
			cfg->key ? "a key" : "an iv", cfg->key ? "an iv" : "a key");
	if (cfg->max_message > MSOCK_DATAGRAM_MAX)
		return channel_why(why, LAN_ERR_INVAL,
			"max_message is %u; a datagram of multisock has at most %d bytes", cfg->max_message,
			MSOCK_DATAGRAM_MAX);
	return LAN_OK;
}

static enum lan_err check_sealed_numbers(const struct lan_channel_config *cfg, const char **why)
{
	bool reliable = cfg->mode == LAN_CHANNEL_RELIABLE;
	const char *reliable_only = cfg->late ? "late" : cfg->history ? "history" : cfg->flow ? "flow" : NULL;
	if (!reliable && reliable_only)
		return channel_why(why, LAN_ERR_INVAL, "'%s' needs the reliable mode", reliable_only);
	if (cfg->reorder && cfg->mode != LAN_CHANNEL_ORDERED)
		return channel_why(why, LAN_ERR_INVAL, "'reorder' needs the ordered mode");
	if (cfg->history && (cfg->history < 64 || cfg->history > 65536))
		return channel_why(why, LAN_ERR_INVAL, "history is %u; 64 to 65536 datagrams", cfg->history);
	if (cfg->parity > 16)
		return channel_why(
			why, LAN_ERR_INVAL, "parity is %u; at most 16 datagrams per block", cfg->parity);
	if (cfg->block > 64)
		return channel_why(why, LAN_ERR_INVAL, "block is %u; 1 to 64 datagrams", cfg->block);
	if (cfg->max_message > CHAN_MESSAGE_MAX)
		return channel_why(why, LAN_ERR_INVAL, "max_message is %u; a message has at most 1 MiB",
			cfg->max_message);
	if (cfg->presence && (cfg->presence < LAN_MS(20) || cfg->presence > LAN_SEC(3600)))
		return channel_why(why, LAN_ERR_INVAL, "presence is outside 20ms to 1h");
	if (cfg->reorder > LAN_SEC(60))
		return channel_why(why, LAN_ERR_INVAL, "reorder is over a minute");
	return LAN_OK;
}

static enum lan_err check_sealed(const struct lan_channel_config *cfg, const char **why)
{
	if (cfg->key || cfg->iv)
		return channel_why(why, LAN_ERR_INVAL,
			"key and iv are multisock's; a sealed channel takes a key file (lanyard key "
			"generate)");
	if (!cfg->key_file)
		return channel_why(why, LAN_ERR_INVAL,
			"a sealed channel needs a key file: make one with lanyard key generate and give it "
			"to each "
			"member");
	if (cfg->objects)
		return channel_why(why, LAN_ERR_INVAL,
			"objects are multisock's; send JSON as a message on a sealed channel");
	if (cfg->channel && (!*cfg->channel || !lan_utf8_valid(cfg->channel, strlen(cfg->channel))))
		return channel_why(why, LAN_ERR_INVAL, "the channel's name is empty or not UTF-8");
	if (cfg->name && strlen(cfg->name) > 63)
		return channel_why(
			why, LAN_ERR_INVAL, "the name has %zu bytes; at most 63", strlen(cfg->name));
	if (cfg->name && !lan_utf8_valid(cfg->name, strlen(cfg->name)))
		return channel_why(why, LAN_ERR_INVAL, "the name is not UTF-8");
	return check_sealed_numbers(cfg, why);
}

enum lan_err channel_check(struct lan_channel_config *cfg, char *name, const char **why)
{
	enum lan_err e = check_address(cfg, name, why);
	if (e)
		return e;
	if ((unsigned)cfg->dialect > LAN_CHANNEL_SEALED || (unsigned)cfg->mode > LAN_CHANNEL_RELIABLE)
		return channel_why(why, LAN_ERR_INVAL, "no such dialect or mode");
	if ((cfg->n_ifaces && !cfg->ifaces) || (cfg->n_sources && !cfg->sources))
		return channel_why(why, LAN_ERR_INVAL, "a list of interfaces or sources is NULL");
	if (cfg->ttl < 0 || cfg->ttl > LAN_CHANNEL_TTL_HOST)
		return channel_why(why, LAN_ERR_INVAL, "ttl is %d; 1 to 255", cfg->ttl);
	if (cfg->max_senders > 4096)
		return channel_why(why, LAN_ERR_INVAL, "max_senders is %u; at most 4096", cfg->max_senders);
	if (cfg->dialect == LAN_CHANNEL_AUTO)
		cfg->dialect = cfg->key_file ? LAN_CHANNEL_SEALED : LAN_CHANNEL_MULTISOCK;
	if (cfg->ttl == 0)
		cfg->ttl = cfg->dialect == LAN_CHANNEL_MULTISOCK ? 32 : 1;
	else if (cfg->ttl == LAN_CHANNEL_TTL_HOST)
		cfg->ttl = 0;
	return cfg->dialect == LAN_CHANNEL_MULTISOCK ? check_multisock(cfg, why) : check_sealed(cfg, why);
}
