/*
 * sensor_master_config.c - networks and slaves of a sensor master, from the application's words.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/sensor_key.h"
#include "api/sensor_master_int.h"
#include "crypto/crypto.h"

static _Thread_local char sentence[512];

enum lan_err master_why(const char **why, enum lan_err e, const char *fmt, ...)
{
	va_list ap;
	char text[sizeof sentence]; /* an argument may be the sentence itself */
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	memcpy(sentence, text, sizeof sentence);
	*why = sentence;
	return e;
}

static const char *const kinds[] = {
	[LAN_NET_ETHERNET] = "ethernet", [LAN_NET_XBEE] = "xbee", [LAN_NET_UDP] = "udp"};

static enum lan_err net_spec(struct lan_sensor_master *m, size_t i, const char *text, const char **why)
{
	struct master_net *n = &m->nets[i];
	enum lan_err e = lan_net_parse(text, &n->spec, why);
	if (e)
		return e;
	if (n->spec.kind == LAN_NET_UDP)
		return master_why(why, LAN_ERR_INVAL,
			"%s: slaves are found on ethernet: and xbee: networks; over UDP there is lanyard "
			"coap",
			text);
	for (size_t k = 0; k < i; k++)
		if (m->nets[k].spec.kind == n->spec.kind && !strcmp(m->nets[k].spec.name, n->spec.name) &&
			m->nets[k].spec.ethertype == n->spec.ethertype)
			return master_why(why, LAN_ERR_EXISTS, "%s: the same network twice", text);
	snprintf(n->name, sizeof n->name, "%s:%s", kinds[n->spec.kind], n->spec.name);
	return LAN_OK;
}

enum lan_err master_nets(
	struct lan_sensor_master *m, const struct lan_sensor_master_config *cfg, const char **why)
{
	if (!cfg->n_nets)
		return master_why(why, LAN_ERR_INVAL, "no network: give ethernet:IFACE or xbee:DEVICE");
	m->nets = calloc(cfg->n_nets, sizeof *m->nets);
	if (!m->nets)
		return LAN_ERR_NOMEM;
	enum lan_err e = LAN_OK;
	for (size_t i = 0; !e && i < cfg->n_nets; i++)
		e = net_spec(m, i, cfg->nets[i], why);
	if (e)
		return e;
	m->n_nets = cfg->n_nets;
	for (size_t i = 0; !e && i < m->n_nets; i++)
		e = lan_nets_add(m->drv, (uint32_t)i + 1, &m->nets[i].spec, true, why);
	return e;
}

enum lan_err master_slave(
	struct lan_sensor_master *m, const struct lan_sensor_slave_config *s, const char **why)
{
	uint8_t key[32];
	if (!s->id || s->id > SOS_ID_MAX)
		return master_why(why, LAN_ERR_INVAL, "slave id %u: ids are 1..%u", s->id, SOS_ID_MAX);
	enum lan_err e = s->key_file ? sensor_key_load(s->key_file, key, why) : LAN_OK;
	if (e)
		return e;
	struct sos_member_config c = {
		.id = s->id, .ttl = s->ttl, .mtu = s->mtu, .key = s->key_file ? key : NULL};
	e = sos_master_add(m->core, lan_loop_stamp(m->loop), &c);
	lan_wipe(key, sizeof key);
	return e;
}
