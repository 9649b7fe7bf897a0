/*
 * channel_event.c - pulling events of a channel. First what the sockets and the
 * key files have to tell, then the core's own. Texts (ids, addresses) are made
 * once per sender and found again by a hash: thousands of messages of one sender
 * format nothing.
 */
#include <stdio.h>
#include <string.h>
#include "api/channel_int.h"

void channel_address(const struct lan_from *from, char *buf)
{
	union lan_sockaddr a = {.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(from->port)}};
	memcpy(&a.v6.sin6_addr, from->addr, sizeof from->addr);
	lan_sockaddr_text(&a, buf);
}

/* The interface is one of those joined, whose names need no system call. */
static void iface_name(const struct lan_channel *c, uint32_t index, char out[IF_NAMESIZE])
{
	struct lan_mcast_iface it;
	*out = '\0';
	for (size_t i = 0; c->drv && lan_mcast_iface(lan_gdrv_mcast(c->drv), i, &it); i++)
		if (it.index == index) {
			snprintf(out, IF_NAMESIZE, "%s", it.name);
			return;
		}
	if (index && !if_indextoname(index, out))
		*out = '\0';
}

const struct channel_text *channel_text(struct lan_channel *c, uint64_t sender, const struct lan_from *from)
{
	uint64_t a, b;
	memcpy(&a, from->addr, 8);
	memcpy(&b, from->addr + 8, 8);
	uint64_t hash = (sender ^ a ^ b ^ from->port ^ from->ifindex) * UINT64_C(0x9e3779b97f4a7c15);
	struct channel_text *t = &c->texts[hash >> 58];
	if (t->used && t->sender == sender && t->from.port == from->port &&
		t->from.ifindex == from->ifindex && memcmp(t->from.addr, from->addr, sizeof from->addr) == 0)
		return t;
	*t = (struct channel_text){.used = true, .sender = sender, .from = *from};
	if (a || b || from->port)
		channel_address(from, t->address);
	iface_name(c, from->ifindex, t->ifname);
	if (sender)
		snprintf(t->id, sizeof t->id, "%016llx", (unsigned long long)sender);
	return t;
}

/* What this layer tells itself. False: nothing. */
static bool own_event(struct lan_channel *c, struct lan_channel_event *ev)
{
	*ev = (struct lan_channel_event){.sender = "", .name = "", .from = "", .ifname = "", .reason = ""};
	if (c->n_notes) {
		memcpy(c->told_iface, c->notes[0].ifname, sizeof c->told_iface);
		ev->kind = LAN_CHANNEL_IFACE;
		ev->ifname = c->told_iface;
		ev->err = c->notes[0].err;
		ev->reason = ev->err ? lan_err_text(ev->err) : "";
		memmove(c->notes, c->notes + 1, --c->n_notes * sizeof *c->notes);
	} else if (c->tell_key) {
		struct chan_status st;
		chan_status(c->chan, &st);
		c->tell_key = false;
		ev->kind = LAN_CHANNEL_KEY;
		ev->epoch = st.epoch;
		ev->err = c->key_err;
		ev->reason = c->key_why;
	} else {
		return false;
	}
	ev->at = lan_loop_recent(c->loop);
	return true;
}

bool lan_channel_event(struct lan_channel *c, struct lan_channel_event *ev)
{
	struct chan_event from;
	if ((c->n_notes || c->tell_key) && own_event(c, ev))
		return true;
	if (c->msock ? !msock_event(c->msock, &from) : !chan_event(c->chan, &from)) {
		c->since_pump = 0;
		lan_gdrv_pump(c->drv);
		return false;
	}
	const struct channel_text *t = channel_text(c, from.sender, &from.from);
	*ev = (struct lan_channel_event){.kind = (enum lan_channel_event_kind)from.kind,
		.sender = c->msock ? t->address : t->id,
		.name = from.name ? from.name : "",
		.from = *t->address || from.kind != CHAN_MESSAGE ? t->address
								 : lan_mcast_own(lan_gdrv_mcast(c->drv)),
		.ifname = t->ifname,
		.data = from.data,
		.len = from.len,
		.text = from.text,
		.verified = from.verified,
		.seq = from.seq,
		.first = from.first,
		.last = from.last,
		.count = from.count,
		.epoch = from.epoch,
		.reason = from.reason ? from.reason : "",
		.at = from.at};
	if (from.kind == CHAN_MESSAGE && c->objects)
		channel_object(c, ev);
	else if (from.kind == CHAN_MESSAGE)
		ev->reason = NULL;
	lan_gdrv_kick(c->drv);
	return true;
}

const char *lan_channel_event_name(enum lan_channel_event_kind kind)
{
	static const char *const names[] = {
		"", "message", "joined", "left", "lost", "writable", "iface", "refused", "key"};
	return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "";
}
