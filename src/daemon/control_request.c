/*
 * control_request.c - one line of the control protocol: taken apart, checked
 * against the table of verbs, answered.
 *
 * Refused before any verb sees it: what is not one JSON object, repeated names,
 * unknown members, ids out of range or in use, unknown verbs and arguments,
 * arguments of the wrong type, admin verbs from those who may not.
 */
#include <stdarg.h>
#include <string.h>
#include "daemon/control_conn.h"

#define ID_MAX   9007199254740991 /* what every JSON reader keeps exactly */
#define ARGS_MAX 10

struct arg {
	const char *name;
	char type; /* s string, i integer, b boolean, w string or integer, a anything; upper case: required */
};

struct verb {
	const char *name;
	void (*fn)(struct request *r);
	bool admin;
	struct arg args[ARGS_MAX];
};

/* Of requests to slaves. */
#define SENSOR_ARGS                                                                    \
	{"slave", 'I'}, {"path", 'S'}, {"query", 's'}, {"name", 's'}, {"accept", 'i'}, \
	{                                                                              \
		"timeout_ms", 'i'                                                      \
	}
#define SENSOR_BODY                        \
	{"payload", 's'}, {"base64", 's'}, \
	{                                  \
		"content_format", 'i'      \
	}

static const struct verb verbs[] = {
	{"status", verb_status},
	{"link.list", verb_link_list},
	{"link.show", verb_link_show, .args = {{"name", 'S'}}},
	{"link.watch", verb_link_watch, .args = {{"name", 's'}}},
	{"link.send", verb_link_send, true,
		{{"name", 'S'}, {"line", 'S'}, {"qos", 'b'}, {"wait", 'b'}, {"timeout_ms", 'i'}}},
	{"channel.list", verb_channel_list},
	{"channel.show", verb_channel_show, .args = {{"name", 'S'}}},
	{"channel.watch", verb_channel_watch, .args = {{"name", 's'}}},
	{"channel.send", verb_channel_send, true,
		{{"name", 'S'}, {"text", 's'}, {"base64", 's'}, {"object", 'a'}}},
	{"stream.list", verb_stream_list},
	{"stream.show", verb_stream_show, .args = {{"name", 'S'}}},
	{"stream.watch", verb_stream_watch, .args = {{"name", 's'}}},
	{"stream.send", verb_stream_send, true,
		{{"name", 'S'}, {"value", 'a'}, {"base64", 's'}, {"type", 's'}, {"conn", 'i'},
			{"mode", 'i'}}},
	{"neighbor.list", verb_neighbor_list},
	{"neighbor.show", verb_neighbor_show, .args = {{"name", 'S'}, {"ifname", 's'}, {"mac", 's'}}},
	{"neighbor.watch", verb_neighbor_watch, .args = {{"name", 's'}}},
	{"neighbor.reset", verb_neighbor_reset, true, {{"name", 'S'}, {"ifname", 'S'}, {"mac", 's'}}},
	{"neighbor.roll", verb_neighbor_roll, true, {{"name", 'S'}, {"key_file", 's'}, {"cert_file", 's'}}},
	{"sensor.list", verb_sensor_list},
	{"sensor.show", verb_sensor_show, .args = {{"name", 's'}, {"slave", 'i'}}},
	{"sensor.watch", verb_sensor_watch, .args = {{"name", 's'}}},
	{"sensor.get", verb_sensor_get, .args = {SENSOR_ARGS, {"no_cache", 'b'}}},
	{"sensor.observe", verb_sensor_observe, .args = {SENSOR_ARGS}},
	{"sensor.put", verb_sensor_put, true, {SENSOR_ARGS, SENSOR_BODY}},
	{"sensor.post", verb_sensor_post, true, {SENSOR_ARGS, SENSOR_BODY}},
	{"sensor.delete", verb_sensor_delete, true, {SENSOR_ARGS}},
	{"sensor.log", verb_sensor_log, .args = {{"name", 's'}, {"since", 'w'}, {"n", 'i'}}},
	{"sensor.poke", verb_sensor_poke, true, {{"name", 's'}, {"slave", 'I'}}},
	{"stats.list", verb_stats_list},
	{"event.list", verb_event_list, .args = {{"since", 'w'}, {"n", 'i'}}},
	{"event.watch", verb_event_watch, .args = {{"since", 'w'}}},
	{"config.show", verb_config_show},
	{"config.reload", verb_config_reload, true},
};
#define N_VERBS (sizeof verbs / sizeof verbs[0])

static void put(struct request *r, json_t *answer)
{
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	static const char sorry[] =
		"{\"id\":null,\"error\":{\"code\":\"failed\",\"what\":\"out of memory\"}}";
	conn_put(r->conn, text ? text : sorry, text ? strlen(text) : sizeof sorry - 1);
	free(text);
	json_decref(answer);
}

static json_t *id_of(const struct request *r)
{
	return r->has_id ? json_integer(r->id) : json_null();
}

void reply_result(struct request *r, json_t *result)
{
	if (result)
		put(r, json_pack("{s:o, s:o}", "id", id_of(r), "result", result));
	else
		reply_error(r, "failed", NULL, NULL, "out of memory");
}

void reply_text(struct request *r, const struct text *json)
{
	struct text t = {0};
	text_printf(&t, "{\"id\":%lld,\"result\":", (long long)r->id);
	text_add(&t, text_str(json), json->len);
	text_puts(&t, "}");
	if (json->bad || t.bad)
		reply_error(r, "failed", NULL, NULL, "out of memory");
	else
		conn_put(r->conn, t.p, t.len);
	text_fini(&t);
}

void reply_error(struct request *r, const char *code, const char *hint, json_t *extra, const char *fmt, ...)
{
	struct text what = {0};
	json_t *error = json_object();
	va_list ap;
	va_start(ap, fmt);
	text_vprintf(&what, fmt, ap);
	va_end(ap);
	r->c->errors++;
	json_object_set_new(error, "code", json_string(code));
	json_object_set_new(error, "what", json_string(text_str(&what)));
	if (hint)
		json_object_set_new(error, "hint", json_string(hint));
	if (extra)
		json_object_update(error, extra);
	json_decref(extra);
	text_fini(&what);
	put(r, json_pack("{s:o, s:o}", "id", id_of(r), "error", error));
}

/* Words of a table for "did you mean", through the same judge as the configuration's. */
static const char *nearest(const char *const *words, const char *word, char *buf, size_t cap)
{
	const char *guess = config_suggest_word(words, word);
	if (guess)
		snprintf(buf, cap, "did you mean \"%s\"?", guess);
	return guess ? buf : NULL;
}

static const struct verb *find_verb(struct request *r, const char *name)
{
	const char *words[N_VERBS + 1] = {0};
	struct text q = {0};
	char hint[80];
	for (size_t i = 0; i < N_VERBS; i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
		words[i] = verbs[i].name;
	}
	text_quoted(&q, name, strlen(name), 60);
	reply_error(
		r, "usage", nearest(words, name, hint, sizeof hint), NULL, "unknown verb %s", text_str(&q));
	text_fini(&q);
	return NULL;
}

static bool is_type(const json_t *v, char type)
{
	switch (type) {
	case 's':
	case 'S':
		return json_is_string(v);
	case 'i':
	case 'I':
		return json_is_integer(v);
	case 'b':
		return json_is_boolean(v);
	case 'a':
		return true;
	default:
		return json_is_string(v) || json_is_integer(v);
	}
}

static const char *type_word(char type)
{
	switch (type) {
	case 's':
	case 'S':
		return "a string";
	case 'i':
	case 'I':
		return "an integer";
	case 'b':
		return "true or false";
	default:
		return "a string or an integer";
	}
}

static bool check_arg(struct request *r, const struct verb *v, const char *key, const json_t *value)
{
	const char *words[ARGS_MAX + 1] = {0};
	struct text q = {0};
	char hint[80];
	for (size_t i = 0; i < ARGS_MAX && v->args[i].name; i++) {
		words[i] = v->args[i].name;
		if (strcmp(v->args[i].name, key) != 0)
			continue;
		if (is_type(value, v->args[i].type))
			return true;
		reply_error(r, "usage", NULL, NULL, "%s: argument \"%s\" must be %s", v->name, key,
			type_word(v->args[i].type));
		return false;
	}
	text_quoted(&q, key, strlen(key), 60);
	reply_error(r, "usage", nearest(words, key, hint, sizeof hint), NULL, "%s: unknown argument %s",
		v->name, text_str(&q));
	text_fini(&q);
	return false;
}

static bool check_args(struct request *r, const struct verb *v)
{
	const char *key;
	json_t *value;
	json_object_foreach(r->args, key, value) if (!check_arg(r, v, key, value)) return false;
	for (size_t i = 0; i < ARGS_MAX && v->args[i].name; i++)
		if ((v->args[i].type == 'S' || v->args[i].type == 'I') &&
			!json_object_get(r->args, v->args[i].name)) {
			reply_error(r, "usage", NULL, NULL, "%s: argument \"%s\" is missing", v->name,
				v->args[i].name);
			return false;
		}
	return true;
}

/* The three members of a request; false: answered. */
static bool take_apart(struct request *r, json_t *line, const char **verb)
{
	json_t *id = json_object_get(line, "id"), *name = json_object_get(line, "verb");
	const char *key;
	json_t *value;
	r->args = json_object_get(line, "args");
	if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > ID_MAX) {
		reply_error(r, "usage", NULL, NULL, "a request needs an \"id\": an integer from 0 to %lld",
			(long long)ID_MAX);
		return false;
	}
	r->id = json_integer_value(id);
	r->has_id = true;
	json_object_foreach(line, key,
		value) if (strcmp(key, "id") != 0 && strcmp(key, "verb") != 0 && strcmp(key, "args") != 0)
	{
		struct text q = {0};
		text_quoted(&q, key, strlen(key), 60);
		reply_error(r, "usage", "arguments belong into \"args\"", NULL,
			"unknown member %s of a request", text_str(&q));
		text_fini(&q);
		return false;
	}
	if (!json_is_string(name) || (r->args && !json_is_object(r->args))) {
		reply_error(r, "usage", NULL, NULL, "%s",
			json_is_string(name) ? "\"args\" must be an object"
					     : "a request needs a \"verb\": a string");
		return false;
	}
	*verb = json_string_value(name);
	return true;
}

static void dispatch(struct request *r, json_t *line)
{
	const char *name = NULL;
	const struct verb *v;
	if (!take_apart(r, line, &name))
		return;
	if (watcher_has(r->conn, r->id) || sends_has(r->conn, r->id) || asks_has(r->conn, r->id)) {
		reply_error(r, "usage", NULL, NULL, "id %lld is in use by an open request", (long long)r->id);
		return;
	}
	v = find_verb(r, name);
	if (!v)
		return;
	if (v->admin && !r->conn->admin) {
		reply_error(r, "permission", "run it as root or as the user the daemon runs as", NULL,
			"%s is for root and the daemon's own user, not for uid %u", v->name,
			(unsigned)r->conn->uid);
		return;
	}
	if (r->c->draining)
		reply_error(r, "failed", NULL, NULL, "the daemon is shutting down");
	else if (check_args(r, v))
		v->fn(r);
}

void control_line(struct control *c, struct conn *conn, const char *line, size_t len)
{
	struct request r = {.c = c, .conn = conn};
	json_error_t err;
	json_t *j;
	if (len > CONTROL_LINE_MAX) {
		reply_error(&r, "usage", NULL, NULL, "a request line has at most %u bytes", CONTROL_LINE_MAX);
		conn->closing = true;
		return;
	}
	while (len && (line[len - 1] == '\r' || line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	if (!len)
		return;
	c->requests++;
	j = json_loadb(line, len, JSON_REJECT_DUPLICATES, &err);
	if (!j)
		reply_error(&r, "usage", NULL, NULL, "not JSON: %s (column %d)", err.text, err.column);
	else if (!json_is_object(j))
		reply_error(&r, "usage", NULL, NULL, "a request is one JSON object");
	else
		dispatch(&r, j);
	json_decref(j);
}
