/*
 * coap_nets.c - the networks of a handle of <lanyard/coap.h>: those of its configuration, and those that a
 * URI asks for, opened by the first request that does. For UDP one socket for each IP version is enough.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/coap_int.h"
#include "io/resolve.h"

void talk_net_state(void *ctx, uint32_t link, bool up, enum lan_err err, const char *why)
{
	struct lan_coap *c = ctx;
	if (link < 1 || link > c->n_nets)
		return;
	struct talk_net *n = &c->net[link - 1];
	n->news |= n->up != up || n->err != err;
	n->up = up;
	n->err = err;
	snprintf(n->why, sizeof n->why, "%s", why ? why : "");
	if (n->news)
		lan_task_queue(c->loop, &c->wake);
}

enum lan_err talk_net_add(struct lan_coap *c, const struct lan_net_spec *spec, const char *text,
	uint32_t *link, const char **why)
{
	if (c->n_nets == TALK_NETS_MAX)
		return talk_why(why, LAN_ERR_LIMIT, "more than %d networks", TALK_NETS_MAX);
	struct talk_net *n = &c->net[c->n_nets];
	*n = (struct talk_net){.spec = *spec, .used = true};
	snprintf(n->text, sizeof n->text, "%s", text);
	uint32_t l = (uint32_t)++c->n_nets;
	enum lan_err e = coap_link(c->core, l, lan_net_datagram(spec), false);
	if (!e)
		e = lan_nets_add(c->nets, l, spec, false, why);
	if (e) {
		c->n_nets--;
		return e;
	}
	if (spec->kind == LAN_NET_ETHERNET)
		coap_share(c->core, l);
	*link = l;
	return LAN_OK;
}

/* Both may say /dev/ttyUSB0 as ttyUSB0. */
static bool same_device(const char *a, const char *b)
{
	if (strncmp(a, "/dev/", 5) == 0)
		a += 5;
	if (strncmp(b, "/dev/", 5) == 0)
		b += 5;
	return strcmp(a, b) == 0;
}

/* The network of that kind and name, opened if it is not; `text` is its text. */
static enum lan_err named_net(struct lan_coap *c, enum lan_net_kind kind, const char *name, const char *text,
	uint32_t *link, const char **why)
{
	for (size_t i = 0; i < c->n_nets; i++) {
		const struct lan_net_spec *s = &c->net[i].spec;
		if (s->kind == kind &&
			(kind == LAN_NET_XBEE ? same_device(s->name, name) : strcmp(s->name, name) == 0)) {
			*link = (uint32_t)i + 1;
			return LAN_OK;
		}
	}
	struct lan_net_spec spec;
	enum lan_err e = lan_net_parse(text, &spec, why);
	return e ? LAN_ERR_ADDR : talk_net_add(c, &spec, text, link, why);
}

/* A UDP network by which this IP version can be reached. */
static enum lan_err udp_net(struct lan_coap *c, bool v6, uint32_t *link, const char **why)
{
	for (size_t i = 0; i < c->n_nets; i++)
		if (c->net[i].spec.kind == LAN_NET_UDP && (c->net[i].spec.name[0] == '[') == v6) {
			*link = (uint32_t)i + 1;
			return LAN_OK;
		}
	const char *text = v6 ? "udp:[::]:0" : "udp:0.0.0.0:0";
	return named_net(c, LAN_NET_UDP, v6 ? "[::]:0" : "0.0.0.0:0", text, link, why);
}

static enum lan_err udp_where(
	struct lan_coap *c, const struct talk_uri *u, struct lan_ep *to, bool *name, const char **why)
{
	struct lan_hostport hp = {.port = u->port};
	union lan_sockaddr sa;
	char text[LAN_ADDR_TEXT_MAX];
	uint32_t link = 0;
	snprintf(hp.host, sizeof hp.host, "%s", u->host);
	enum lan_err e = lan_sockaddr_numeric(&hp, &sa);
	*name = e != LAN_OK;
	if (e)
		e = lan_resolve_now(&hp, &sa);
	if (e)
		return talk_why(why, LAN_ERR_ADDR, "%s: %s", u->host,
			e == LAN_ERR_ADDR ? "there is no such name" : lan_err_text(e));
	e = udp_net(c, sa.any.sa_family == AF_INET6, &link, why);
	return e ? e : lan_nets_ep(c->nets, link, lan_sockaddr_text(&sa, text), to);
}

enum lan_err talk_where(
	struct lan_coap *c, const struct talk_uri *u, struct lan_ep *to, bool *name, const char **why)
{
	char text[300];
	uint32_t link = 0;
	bool eth = u->scheme == TALK_ETHERNET;
	*name = false;
	if (u->scheme == TALK_UDP)
		return udp_where(c, u, to, name, why);
	snprintf(text, sizeof text, "%s:%s", eth ? "ethernet" : "xbee", u->host);
	enum lan_err e = named_net(c, eth ? LAN_NET_ETHERNET : LAN_NET_XBEE, u->host, text, &link, why);
	if (e)
		return e;
	if (lan_nets_ep(c->nets, link, u->peer, to))
		return talk_why(why, LAN_ERR_ADDR, "'%s' is no address there, e.g. %s", u->peer,
			eth ? "02:00:00:00:00:0b" : "45:67");
	return LAN_OK;
}
