/*
 * control_stream.c - the verbs stream.list, stream.show, stream.watch and
 * stream.send. Streams and their connections become JSON here and nowhere else,
 * so every listing has the same fields.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "daemon/control_answer.h"
#include "daemon/control_conn.h"
#include "daemon/daemon.h"

static const char listing[] = "see what there is: lanyard stream list";

/* The stream that args.name names; else answered, NULL. */
static struct stream *find(struct request *r)
{
	return (struct stream *)request_entry(r, &r->c->d->streams, listing);
}

static json_t *conn_json(const struct stream *k, const struct lan_stream_status *st)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {{"connects", st->connects}, {"rx_messages", st->rx_messages},
		{"tx_messages", st->tx_messages}, {"rx_bytes", st->rx_bytes}, {"tx_bytes", st->tx_bytes},
		{"queued", st->queued}, {"queued_bytes", st->queued_bytes}, {"unacked", st->unacked},
		{"lost", st->lost}, {"doubled", st->doubled}};
	lan_time now = lan_loop_now(k->e.all->loop);
	json_t *j = json_pack("{s:o, s:o, s:b, s:b, s:o, s:o}", "conn", json_of_number(st->conn), "peer",
		json_of_text(st->peer), "up", st->up, "closing", st->closing, "since",
		json_of_moment(now, st->since), "idle_ms", json_of_idle(now, st->last_rx));
	if (strcmp(stream_cfg(k)->dialect, "serpy1") == 0) {
		json_object_set_new(j, "in_mode", json_integer(st->in_mode));
		json_object_set_new(j, "out_mode", json_integer(st->out_mode));
	}
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		json_object_set_new(j, numbers[i].name, json_of_number(numbers[i].value));
	return j;
}

/* What all connections have queued now, and the sums since the stream was opened. */
static void add_sums(json_t *j, const struct stream *k)
{
	static const struct {
		const char *name, *counter;
	} sums[] = {{"rx_messages", "rx_messages"}, {"tx_messages", "tx_messages"}, {"lost", "tx_lost"},
		{"doubled", "tx_doubled"}, {"dropped", "tx_dropped"}};
	struct lan_stream_status st;
	uint64_t queued = 0, bytes = 0, unacked = 0;
	for (size_t i = 0; lan_stream_conn(k->s, i, &st); i++) {
		queued += st.queued;
		bytes += st.queued_bytes;
		unacked += st.unacked;
	}
	json_object_set_new(j, "connections", json_of_number(lan_stream_conns(k->s)));
	json_object_set_new(j, "queued", json_of_number(queued));
	json_object_set_new(j, "queued_bytes", json_of_number(bytes));
	json_object_set_new(j, "unacked", json_of_number(unacked));
	for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++)
		json_object_set_new(j, sums[i].name, json_of_number(stream_count(k, sums[i].counter)));
}

static json_t *stream_json(const struct stream *k)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s}", "name", stream_name(k), "role",
		stream_is_server(k) ? "server" : "client", "dialect", stream_cfg(k)->dialect, "security",
		"insecure", "legacy", 1, "state", stream_state(k), "address", stream_address(k));
	if (stream_cfg(k)->encoding)
		json_object_set_new(j, "encoding", json_string(stream_cfg(k)->encoding));
	if (k->s)
		add_sums(j, k);
	else
		json_object_set_new(j, "reason", json_of_text(entry_reason(&k->e)));
	return j;
}

void verb_stream_list(struct request *r)
{
	const struct entries *s = &r->c->d->streams;
	json_t *list = json_array();
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(list, stream_json(stream_at(s, i)));
	reply_result(r, json_pack("{s:i, s:o}", "schema", 1, "streams", list));
}

static json_t *conns_json(const struct stream *k)
{
	json_t *list = json_array();
	struct lan_stream_status st;
	for (size_t i = 0; k->s && lan_stream_conn(k->s, i, &st); i++)
		json_array_append_new(list, conn_json(k, &st));
	return list;
}

static json_t *counters_json(const struct stream *k)
{
	json_t *list = json_array();
	const char *name, *help;
	uint64_t value;
	for (size_t i = 0; k->s && lan_stream_counter(k->s, i, &name, &help, &value); i++)
		json_array_append_new(list, json_of_counter(name, help, value));
	json_array_append_new(list,
		json_of_counter("echo_lost", "received messages that could not be echoed", k->echo_lost));
	return list;
}

void verb_stream_show(struct request *r)
{
	struct stream *k = find(r);
	if (!k)
		return;
	reply_with_recent(r,
		json_pack("{s:i, s:o, s:o, s:o}", "schema", 1, "stream", stream_json(k), "conns",
			conns_json(k), "counters", counters_json(k)),
		"stream", stream_name(k), NULL);
}

void verb_stream_watch(struct request *r)
{
	struct stream *k = NULL;
	if (json_object_get(r->args, "name") && !(k = find(r)))
		return;
	watch_open(r, "stream", k ? stream_name(k) : NULL, NULL);
}

/* --- sending ------------------------------------------------------------------ */

/* The message a request asks to send; `owned` is memory behind it. */
struct sending {
	struct lan_stream_value value;
	struct lan_stream_how how;
	char *owned;
};

static bool is_number_word(const char *s)
{
	return strcmp(s, "nan") == 0 || strcmp(s, "inf") == 0 || strcmp(s, "-inf") == 0;
}

static bool take_float(const json_t *v, struct lan_stream_value *out)
{
	const char *word = json_string_value(v);
	if (!json_is_number(v) && !(word && is_number_word(word)))
		return false;
	*out = lan_stream_float(word ? strtod(word, NULL) : json_number_value(v));
	return true;
}

static bool take_object(const json_t *v, struct sending *s)
{
	s->owned = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	s->value = (struct lan_stream_value){.type = LAN_STREAM_OBJECT, .json = s->owned};
	return s->owned != NULL;
}

static bool take_bytes(const json_t *base64, struct sending *s)
{
	size_t n = json_string_length(base64), len = 0;
	s->owned = malloc(n + 1);
	if (!s->owned || lan_base64_decode(json_string_value(base64), n, s->owned, &len) != LAN_OK)
		return false;
	s->value = lan_stream_bytes(s->owned, len);
	return true;
}

/* Without a type, what the JSON is. */
static const char *type_of(const json_t *value, const char *type)
{
	if (type)
		return type;
	return json_is_integer(value)  ? "int"
	       : json_is_real(value)   ? "float"
	       : json_is_string(value) ? "str"
				       : "object";
}

static bool take_value(const json_t *value, const char *type, struct sending *s)
{
	if (strcmp(type, "object") == 0)
		return take_object(value, s);
	if (strcmp(type, "float") == 0)
		return take_float(value, &s->value);
	if (strcmp(type, "int") == 0 && json_is_integer(value)) {
		s->value = lan_stream_int(json_integer_value(value));
		return true;
	}
	if (strcmp(type, "str") == 0 && json_is_string(value)) {
		s->value = lan_stream_str(json_string_value(value), json_string_length(value));
		return true;
	}
	return false;
}

/* False: answered. */
static bool take_message(struct request *r, struct sending *s)
{
	const json_t *value = json_object_get(r->args, "value"), *base64 = json_object_get(r->args, "base64"),
		     *mode = json_object_get(r->args, "mode");
	const char *type = json_string_value(json_object_get(r->args, "type"));
	json_int_t m = mode ? json_integer_value(mode) : 0;
	s->how = (struct lan_stream_how)LAN_STREAM_HOW_INIT;
	s->how.mode = m < 0 || m > 5 ? -1 : (int)m;
	if (!value == !base64)
		reply_error(r, "usage", NULL, NULL, "stream.send takes one of \"value\" and \"base64\"");
	else if (base64 && type && strcmp(type, "bytes") != 0)
		reply_error(r, "usage", NULL, NULL, "\"base64\" is of the type bytes");
	else if (s->how.mode < 0)
		reply_error(r, "usage", NULL, NULL, "\"mode\" is 0 to 5");
	else if (base64 ? take_bytes(base64, s) : take_value(value, type_of(value, type), s))
		return true;
	else if (base64)
		reply_error(r, "usage", NULL, NULL, "\"base64\" is not base64 (RFC 4648, with padding)");
	else
		reply_error(r, "usage", "types: str, int, float, object; bytes go as \"base64\"", NULL,
			"\"value\" is not of the type \"%s\"", type_of(value, type));
	return false;
}

static void reply_send_error(struct request *r, const struct stream *k, json_t *full, enum lan_err e)
{
	const char *name = stream_name(k), *why = lan_stream_why();
	json_int_t conn = json_integer_value(json_object_get(r->args, "conn"));
	if (e == LAN_ERR_FULL)
		reply_error(r, "failed", "wait: the event \"writable\" tells when there is room again",
			json_pack("{s:O}", "full", full),
			"the queue of stream \"%s\" is full (max_queue: %s)", name, stream_cfg(k)->max_queue);
	else if (e == LAN_ERR_NOTFOUND && json_object_get(r->args, "conn"))
		reply_error(r, "not-found", "see who is connected: lanyard stream show", NULL,
			"stream \"%s\" has no connection %lld", name, (long long)conn);
	else if (e == LAN_ERR_NOTFOUND)
		reply_error(r, "not-found", "see who is connected: lanyard stream show", NULL,
			"nobody is connected to stream \"%s\"", name);
	else if (e == LAN_ERR_TOOBIG)
		reply_error(r, "usage", NULL, NULL,
			"the message is longer than stream \"%s\" carries (max_message: %s)", name,
			stream_cfg(k)->max_message);
	else if (e == LAN_ERR_NOTSUP || e == LAN_ERR_INVAL || e == LAN_ERR_UTF8)
		reply_error(r, "usage", NULL, NULL, "stream \"%s\" cannot carry this message: %s", name,
			*why ? why : lan_err_text(e));
	else
		reply_error(r, "failed", NULL, NULL, "stream \"%s\": %s", name, *why ? why : lan_err_text(e));
}

/* To each connection there is; those whose queue is full go into `full`. The first other error ends it. */
static enum lan_err send_all(struct stream *k, const struct sending *s, json_int_t *sent, json_t *full)
{
	size_t n = lan_stream_conns(k->s), have = 0;
	uint64_t *conn = malloc((n + 1) * sizeof *conn);
	struct lan_stream_status st;
	enum lan_err e = conn ? LAN_OK : LAN_ERR_NOMEM;
	while (conn && have < n && lan_stream_conn(k->s, have, &st))
		conn[have++] = st.conn;
	for (size_t i = 0; i < have && e == LAN_OK; i++) {
		e = lan_stream_send(k->s, conn[i], &s->value, &s->how, NULL);
		*sent += e == LAN_OK;
		if (e == LAN_ERR_FULL)
			json_array_append_new(full, json_of_number(conn[i]));
		if (e == LAN_ERR_FULL || e == LAN_ERR_NOTFOUND) /* it has just ended */
			e = LAN_OK;
	}
	free(conn);
	if (e != LAN_OK || *sent)
		return *sent ? LAN_OK : e;
	return json_array_size(full) ? LAN_ERR_FULL : LAN_ERR_NOTFOUND;
}

static enum lan_err send_message(
	struct request *r, struct stream *k, const struct sending *s, json_int_t *sent, json_t *full)
{
	const json_t *arg = json_object_get(r->args, "conn");
	uint64_t conn = (uint64_t)json_integer_value(arg);
	enum lan_err e;
	if (stream_is_server(k) && !arg)
		return send_all(k, s, sent, full);
	e = lan_stream_send(k->s, conn, &s->value, &s->how, NULL);
	*sent += e == LAN_OK;
	if (e == LAN_ERR_FULL)
		json_array_append_new(full, json_of_number(conn));
	return e;
}

void verb_stream_send(struct request *r)
{
	struct stream *k = find(r);
	struct sending s = {0};
	json_t *full = json_array();
	json_int_t sent = 0;
	enum lan_err e;
	if (k && !k->s)
		reply_error(r, "failed", NULL, NULL, "stream \"%s\" is not open: %s", stream_name(k),
			entry_reason(&k->e));
	else if (k && k->ended)
		reply_error(r, "failed",
			"lanyard stream show tells why; a reload of a changed entry opens it anew", NULL,
			"stream \"%s\" does not connect any more", stream_name(k));
	else if (k && take_message(r, &s)) {
		e = send_message(r, k, &s, &sent, full);
		if (e == LAN_OK)
			reply_result(
				r, json_pack("{s:i, s:I, s:O}", "schema", 1, "sent", sent, "full", full));
		else
			reply_send_error(r, k, full, e);
	}
	free(s.owned);
	json_decref(full);
}
