/*
 * control_channel.c - the verbs channel.list, channel.show, channel.watch and
 * channel.send. Channels, their members and interfaces become JSON here and
 * nowhere else, so every listing has the same fields. No key is in any of them.
 */
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "daemon/control_answer.h"
#include "daemon/control_conn.h"
#include "daemon/daemon.h"

static const char listing[] = "see what there is: lanyard channel list";

/* The channel that args.name names; else answered, NULL. */
static struct channel *find(struct request *r)
{
	return (struct channel *)request_entry(r, &r->c->d->channels, listing);
}

static void set_number(json_t *j, const char *key, uint64_t n)
{
	json_object_set_new(j, key, json_of_number(n));
}

static json_t *ifaces_json(const struct channel *k)
{
	json_t *list = json_array();
	struct lan_channel_iface f;
	for (size_t i = 0; k->c && lan_channel_iface(k->c, i, &f); i++) {
		json_t *j = json_pack("{s:o, s:I, s:b}", "name", json_of_text(f.name), "index",
			(json_int_t)f.index, "joined", f.joined);
		if (!f.joined)
			json_object_set_new(j, "reason", json_of_text(lan_err_text(f.err)));
		set_number(j, "rx_datagrams", f.rx_datagrams);
		set_number(j, "tx_datagrams", f.tx_datagrams);
		set_number(j, "tx_errors", f.tx_errors);
		json_array_append_new(list, j);
	}
	return list;
}

static void add_status(json_t *j, const struct lan_channel_status *st)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {{"epoch", st->epoch}, {"members", st->members}, {"tx_messages", st->tx_messages},
		{"tx_bytes", st->tx_bytes}, {"tx_datagrams", st->tx_datagrams},
		{"rx_messages", st->rx_messages}, {"rx_bytes", st->rx_bytes},
		{"rx_datagrams", st->rx_datagrams}, {"tx_repairs", st->tx_repairs},
		{"tx_parity", st->tx_parity}, {"tx_feedback", st->tx_feedback},
		{"rx_refused", st->rx_refused}, {"rx_kernel_drops", st->rx_kernel_drops},
		{"lost_messages", st->lost_messages}, {"queued_bytes", st->queued_bytes},
		{"unconfirmed", st->unconfirmed}};
	json_object_set_new(j, "encrypted", json_boolean(st->encrypted));
	json_object_set_new(j, "security", json_of_text(st->security));
	json_object_set_new(j, "cipher", json_of_text(st->cipher));
	json_object_set_new(j, "sender", json_of_text(st->sender));
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		set_number(j, numbers[i].name, numbers[i].value);
}

/* Of a channel that is not open: what it would be. */
static const char *security_of(const struct config_channel *c)
{
	if (strcmp(c->dialect, "sealed") == 0)
		return "sealed";
	return c->key ? "insecure: fixed IV, no integrity, replay"
		      : "insecure: plaintext, no integrity, replay";
}

static json_t *channel_json(const struct channel *k)
{
	struct lan_channel_status st;
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", channel_name(k), "address",
		channel_cfg(k)->address, "dialect", channel_dialect(k), "mode", channel_mode(k), "state",
		k->c ? "up" : "failed");
	if (k->c) {
		lan_channel_status(k->c, &st);
		add_status(j, &st);
	} else {
		json_object_set_new(j, "security", json_string(security_of(channel_cfg(k))));
		json_object_set_new(j, "reason", json_of_text(entry_reason(&k->e)));
	}
	json_object_set_new(j, "ifaces", ifaces_json(k));
	return j;
}

void verb_channel_list(struct request *r)
{
	const struct entries *s = &r->c->d->channels;
	json_t *list = json_array();
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(list, channel_json(channel_at(s, i)));
	reply_result(r, json_pack("{s:i, s:o}", "schema", 1, "channels", list));
}

static json_t *member_json(const struct lan_channel_sender *m, lan_time now)
{
	json_t *j = json_pack("{s:o, s:o, s:o, s:b, s:b, s:o, s:o}", "sender", json_of_text(m->id), "name",
		json_of_text(m->name), "from", json_of_text(m->from), "present", m->present, "verified",
		m->verified, "since", json_of_moment(now, m->since), "idle_ms", json_of_idle(now, m->last));
	set_number(j, "epoch", m->epoch);
	set_number(j, "rx_messages", m->rx_messages);
	set_number(j, "rx_bytes", m->rx_bytes);
	set_number(j, "rx_datagrams", m->rx_datagrams);
	set_number(j, "lost_datagrams", m->lost_datagrams);
	set_number(j, "repaired", m->repaired);
	set_number(j, "duplicates", m->duplicates);
	set_number(j, "reordered", m->reordered);
	set_number(j, "lost_messages", m->lost_messages);
	return j;
}

static json_t *members_json(const struct channel *k)
{
	json_t *list = json_array();
	struct lan_channel_sender m;
	for (size_t i = 0; k->c && lan_channel_sender(k->c, i, &m); i++)
		json_array_append_new(list, member_json(&m, lan_loop_now(k->e.all->loop)));
	return list;
}

static json_t *counters_json(const struct channel *k)
{
	json_t *list = json_array();
	const char *name, *help;
	uint64_t value;
	for (size_t i = 0; k->c && lan_channel_counter(k->c, i, &name, &help, &value); i++)
		json_array_append_new(list, json_of_counter(name, help, value));
	return list;
}

void verb_channel_show(struct request *r)
{
	struct channel *k = find(r);
	if (!k)
		return;
	reply_with_recent(r,
		json_pack("{s:i, s:o, s:o, s:o}", "schema", 1, "channel", channel_json(k), "members",
			members_json(k), "counters", counters_json(k)),
		"channel", channel_name(k), NULL);
}

void verb_channel_watch(struct request *r)
{
	struct channel *k = NULL;
	if (json_object_get(r->args, "name") && !(k = find(r)))
		return;
	watch_open(r, "channel", k ? channel_name(k) : NULL, NULL);
}

static void reply_send_error(struct request *r, const struct channel *k, enum lan_err e)
{
	const char *name = channel_name(k);
	if (e == LAN_ERR_FULL)
		reply_error(r, "failed", "wait: the event \"writable\" tells when there is room again",
			json_pack("{s:b}", "full", 1), "the queue of channel \"%s\" is full (max_queue: %s)",
			name, channel_cfg(k)->max_queue);
	else if (e == LAN_ERR_TOOBIG)
		reply_error(r, "usage", NULL, NULL,
			"the message is longer than channel \"%s\" carries (max_message: %s)", name,
			channel_cfg(k)->max_message);
	else if (e == LAN_ERR_NOTSUP)
		reply_error(r, "usage", "send JSON as text instead", NULL,
			"channel \"%s\" is sealed: Python objects are for the dialect multisock", name);
	else if (e == LAN_ERR_INVAL || e == LAN_ERR_UTF8)
		reply_error(r, "usage", NULL, NULL, "channel \"%s\" cannot carry this message: %s", name,
			lan_err_text(e));
	else
		reply_error(r, "failed", NULL, NULL, "channel \"%s\": %s", name, lan_err_text(e));
}

/* The text of `object` as JSON, handed on as it is. */
static enum lan_err send_object(struct channel *k, const json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_ENCODE_ANY);
	enum lan_err e = text ? lan_channel_send_object(k->c, text) : LAN_ERR_NOMEM;
	free(text);
	return e;
}

static enum lan_err send_base64(struct channel *k, const json_t *base64, uint64_t *seq)
{
	size_t n = json_string_length(base64), len = 0;
	char *buf = malloc(n + 1);
	enum lan_err e = LAN_ERR_NOMEM;
	if (buf && (e = lan_base64_decode(json_string_value(base64), n, buf, &len)) == LAN_OK)
		e = lan_channel_send(k->c, buf, len, 0, seq);
	free(buf);
	return e;
}

void verb_channel_send(struct request *r)
{
	json_t *text = json_object_get(r->args, "text"), *base64 = json_object_get(r->args, "base64"),
	       *object = json_object_get(r->args, "object"), *result;
	struct channel *k = find(r);
	uint64_t seq = 0;
	enum lan_err e;
	if (!k)
		return;
	if (!!text + !!base64 + !!object != 1) {
		reply_error(r, "usage", NULL, NULL,
			"channel.send takes one of \"text\", \"base64\" and \"object\"");
		return;
	}
	if (!k->c) {
		reply_error(r, "failed", NULL, NULL, "channel \"%s\" is not open: %s", channel_name(k),
			entry_reason(&k->e));
		return;
	}
	if (text)
		e = lan_channel_send(k->c, json_string_value(text), json_string_length(text), 0, &seq);
	else if (base64)
		e = send_base64(k, base64, &seq);
	else
		e = send_object(k, object);
	if (e != LAN_OK) {
		reply_send_error(r, k, e);
		return;
	}
	result = json_pack("{s:i, s:b}", "schema", 1, "sent", 1);
	if (seq)
		set_number(result, "number", seq);
	reply_result(r, result);
}
