/*
 * control_daemon.c - the verbs about the daemon itself: status, stats.list,
 * event.list, event.watch, config.show, config.reload.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/units.h"
#include "daemon/config_json.h"
#include "daemon/control_answer.h"
#include "daemon/control_conn.h"
#include "daemon/daemon.h"

static json_t *files_json(const struct config_set *set)
{
	json_t *files = json_array();
	for (size_t i = 0; i < set->n_files; i++)
		json_array_append_new(files, json_string(set->files[i]));
	return files;
}

static json_t *links_summary(const struct links *s)
{
	struct lan_link_status st;
	json_int_t peers = 0, up = 0, missing = 0, failed = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct lan_link *l = s->link[i]->l;
		failed += !l;
		missing += l ? (json_int_t)lan_link_missing(l) : 0;
		for (size_t k = 0; l && lan_link_peer(l, k, &st); k++) {
			peers++;
			up += st.up;
		}
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "total", (json_int_t)s->n, "failed", failed,
		"peers", peers, "up", up, "missing", missing, "queued", (json_int_t)links_pending(s));
}

static json_t *channels_summary(const struct entries *s)
{
	struct lan_channel_status st;
	json_int_t members = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (!s->entry[i]->open)
			continue;
		lan_channel_status(channel_at(s, i)->c, &st);
		members += st.members;
	}
	return json_pack("{s:I, s:I, s:I, s:I}", "total", (json_int_t)s->n, "failed",
		(json_int_t)entries_failed(s), "members", members, "queued_bytes",
		(json_int_t)channels_pending(s));
}

static json_t *streams_summary(const struct entries *s)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "total", (json_int_t)s->n, "failed",
		(json_int_t)entries_failed(s), "connections", (json_int_t)streams_conns(s), "queued",
		(json_int_t)streams_pending(s));
}

static json_t *neighbors_summary(const struct entries *s)
{
	struct neighbors_sums sums = {0};
	for (size_t i = 0; i < s->n; i++)
		neighbors_add_sums(neighbors_at(s, i), &sums);
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "total", (json_int_t)s->n, "failed",
		(json_int_t)entries_failed(s), "links", (json_int_t)sums.links, "peers",
		(json_int_t)sums.peers, "established", (json_int_t)sums.established);
}

static json_t *sensors_summary(const struct entries *s)
{
	struct sensors_sums sums = {0};
	for (size_t i = 0; i < s->n; i++)
		sensors_add_sums(sensors_at(s, i), &sums);
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "total", (json_int_t)s->n, "failed",
		(json_int_t)entries_failed(s), "slaves", (json_int_t)sums.slaves, "running",
		(json_int_t)sums.running, "candidates", (json_int_t)sums.candidates);
}

static json_t *privileges_json(void)
{
	struct text t = {0};
	json_t *j;
	privileges_text(&t);
	j = json_of_text(text_str(&t));
	text_fini(&t);
	return j;
}

void verb_status(struct request *r)
{
	struct daemon *d = r->c->d;
	json_t *config = json_pack("{s:s, s:o, s:o, s:I, s:o}", "source", d->set->source, "files",
		files_json(d->set), "loaded", json_of_wall(d->loaded_ns), "reloads", (json_int_t)d->reloads,
		"error", d->reload_error ? json_string(d->reload_error) : json_null());
	json_t *events = json_pack("{s:I, s:I, s:I}", "kept", (json_int_t)events_kept(d->events), "limit",
		(json_int_t)events_limit_of(d->events), "next", (json_int_t)events_next(d->events));
	json_t *control = json_pack("{s:I, s:I, s:I}", "connections", (json_int_t)r->c->n, "limit",
		(json_int_t)CONTROL_CLIENTS_MAX, "watchers", (json_int_t)watchers_open(r->c));
	json_t *you = json_pack("{s:I, s:b}", "uid", (json_int_t)r->conn->uid, "admin", r->conn->admin);
	reply_result(r,
		json_pack("{s:i, s:s, s:s, s:I, s:o, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
			  "s:o}",
			"schema", 1, "name", d->set->config->daemon->name, "version", lan_version(), "pid",
			(json_int_t)getpid(), "started", json_of_wall(d->started_ns), "uptime_ms",
			(json_int_t)((lan_loop_now(d->loop) - d->started) / LAN_MS(1)), "socket", d->socket,
			"config", config, "links", links_summary(&d->links), "channels",
			channels_summary(&d->channels), "streams", streams_summary(&d->streams), "neighbors",
			neighbors_summary(&d->neighbors), "sensors", sensors_summary(&d->sensors),
			"privileges", privileges_json(), "events", events, "control", control, "you", you));
}

/* `object`: "link", "channel", "stream", "neighbor", "sensor" with its name, or "daemon". */
static void add_stat(
	json_t *stats, const char *object, const char *of, const char *name, const char *help, uint64_t value)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:I}", "object", object, "name", name, "help", help, "value",
		(json_int_t)value);
	if (of)
		json_object_set_new(j, object, json_string(of));
	json_array_append_new(stats, j);
}

static void add_sensor_stats(json_t *stats, const struct sensors *k)
{
	char name[64];
	const char *help;
	uint64_t value;
	for (size_t c = 0; sensors_counter(k, c, name, &help, &value); c++)
		add_stat(stats, "sensor", sensors_name(k), name, help, value);
}

void verb_stats_list(struct request *r)
{
	const struct daemon *d = r->c->d;
	json_t *stats = json_array();
	const char *name, *help;
	uint64_t value;
	for (size_t i = 0; i < d->links.n; i++) {
		const struct link *k = d->links.link[i];
		for (size_t c = 0; k->l && lan_link_counter(k->l, c, &name, &help, &value); c++)
			add_stat(stats, "link", link_name(k), name, help, value);
		add_stat(stats, "link", link_name(k), "echo_lost", "received lines that could not be echoed",
			k->echo_lost);
	}
	for (size_t i = 0; i < d->channels.n; i++) {
		const struct channel *k = channel_at(&d->channels, i);
		for (size_t c = 0; k->c && lan_channel_counter(k->c, c, &name, &help, &value); c++)
			add_stat(stats, "channel", channel_name(k), name, help, value);
	}
	for (size_t i = 0; i < d->streams.n; i++) {
		const struct stream *k = stream_at(&d->streams, i);
		for (size_t c = 0; k->s && lan_stream_counter(k->s, c, &name, &help, &value); c++)
			add_stat(stats, "stream", stream_name(k), name, help, value);
		add_stat(stats, "stream", stream_name(k), "echo_lost",
			"received messages that could not be echoed", k->echo_lost);
	}
	for (size_t i = 0; i < d->neighbors.n; i++) {
		const struct neighbors *k = neighbors_at(&d->neighbors, i);
		for (size_t c = 0; k->n && lan_neighbor_counter(k->n, NULL, c, &name, &help, &value); c++)
			add_stat(stats, "neighbor", neighbors_name(k), name, help, value);
	}
	for (size_t i = 0; i < d->sensors.n; i++)
		add_sensor_stats(stats, sensors_at(&d->sensors, i));
	add_stat(stats, "daemon", NULL, "events", "events that happened", events_next(d->events) - 1);
	add_stat(stats, "daemon", NULL, "events_lost", "events not kept: out of memory",
		events_lost(d->events));
	add_stat(stats, "daemon", NULL, "watch_dropped", "events not delivered to a slow watcher",
		r->c->dropped);
	add_stat(stats, "daemon", NULL, "control_accepted", "control connections accepted", r->c->accepted);
	add_stat(stats, "daemon", NULL, "control_refused", "control connections refused", r->c->refused);
	add_stat(stats, "daemon", NULL, "control_requests", "control requests", r->c->requests);
	add_stat(stats, "daemon", NULL, "control_errors", "control requests answered with an error",
		r->c->errors);
	add_stat(stats, "daemon", NULL, "reloads", "configurations loaded after the first", d->reloads);
	reply_result(r, json_pack("{s:i, s:o}", "schema", 1, "stats", stats));
}

/* The first kept event that is younger than args.since. */
static bool request_since(struct request *r, size_t *first)
{
	const struct events *e = r->c->d->events;
	json_t *since = json_object_get(r->args, "since");
	const char *text = json_string_value(since);
	uint64_t seq = 0, ns = 0, now = text_wall_ns();
	lan_time back;
	if (json_is_integer(since)) {
		seq = json_integer_value(since) < 0 ? 0 : (uint64_t)json_integer_value(since);
	} else if (text && lan_parse_duration(text, &back) == LAN_OK) {
		ns = back < now ? now - back : 0;
	} else if (text && !text_parse_time(text, &ns)) {
		reply_error(r, "usage", "a time (2026-03-01T12:00:00Z), a duration (5m) or a seq", NULL,
			"argument \"since\" is not understood");
		return false;
	}
	*first = 0;
	while (*first < events_kept(e) &&
		(events_at(e, *first)->seq <= seq || events_at(e, *first)->wall_ns <= ns))
		++*first;
	return true;
}

void verb_event_list(struct request *r)
{
	const struct events *e = r->c->d->events;
	json_t *arg = json_object_get(r->args, "n");
	json_int_t n = arg ? json_integer_value(arg) : 1000;
	struct text t = {0};
	size_t first, left_out = 0;
	if (n < 0) {
		reply_error(r, "usage", NULL, NULL, "argument \"n\" is not negative");
		return;
	}
	if (!request_since(r, &first))
		return;
	if (events_kept(e) - first > (uint64_t)n) {
		left_out = events_kept(e) - first - (size_t)n;
		first += left_out;
	}
	text_puts(&t, "{\"schema\":1,\"events\":[");
	for (size_t i = first; i < events_kept(e); i++) {
		text_puts(&t, i > first ? "," : "");
		text_add(&t, events_at(e, i)->json, events_at(e, i)->json_len);
	}
	text_printf(&t, "],\"kept\":%zu,\"next\":%llu,\"left_out\":%zu}", events_kept(e),
		(unsigned long long)events_next(e), left_out);
	reply_text(r, &t);
	text_fini(&t);
}

void verb_event_watch(struct request *r)
{
	size_t first = events_kept(r->c->d->events);
	if (json_object_get(r->args, "since") && !request_since(r, &first))
		return;
	if (watch_open(r, NULL, NULL, NULL))
		watcher_backlog(r->conn, r->id, r->c->d->events, first);
}

void verb_config_show(struct request *r)
{
	const struct config_set *set = r->c->d->set;
	char *yaml = config_yaml(set->config);
	reply_result(
		r, yaml ? json_pack("{s:i, s:s, s:o, s:o, s:s}", "schema", 1, "source", set->source, "files",
				  files_json(set), "config", config_json(set->config), "yaml", yaml)
			: NULL);
	free(yaml);
}

static json_t *lines_json(const struct text *t)
{
	json_t *list = json_array();
	const char *p = text_str(t);
	for (const char *end; (end = strchr(p, '\n')); p = end + 1)
		json_array_append_new(list, json_stringn(p, (size_t)(end - p)));
	return list;
}

static json_t *notes_json(const struct config_notes *n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n->n; i++)
		json_array_append_new(list, json_string(n->note[i]));
	return list;
}

static json_t *changed_json(const struct text *added, const struct text *removed, const struct text *changed,
	const struct text *same)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "added", lines_json(added), "removed", lines_json(removed),
		"changed", lines_json(changed), "unchanged", lines_json(same));
}

static json_t *entries_changed_json(const struct entries_change *c)
{
	return changed_json(&c->added, &c->removed, &c->changed, &c->unchanged);
}

void verb_config_reload(struct request *r)
{
	struct daemon_change change = {0};
	const struct links_change *l = &change.links;
	struct config_notes errors = {0};
	struct daemon *d = r->c->d;
	if (daemon_reload(d, &change, &errors)) {
		json_t *j = json_pack("{s:i}", "schema", 1);
		json_t *links = changed_json(&l->added, &l->removed, &l->changed, &l->unchanged);
		json_object_update(j, links);
		json_decref(links);
		json_object_set_new(j, "channels", entries_changed_json(&change.channels));
		json_object_set_new(j, "streams", entries_changed_json(&change.streams));
		json_object_set_new(j, "neighbors", entries_changed_json(&change.neighbors));
		json_object_set_new(j, "sensors", entries_changed_json(&change.sensors));
		json_object_set_new(j, "warnings", notes_json(&d->set->warnings));
		reply_result(r, j);
	} else {
		reply_error(r, "failed", "the old configuration stays in force; check with: lanyardd --check",
			json_pack("{s:o}", "details", notes_json(&errors)), "%s",
			errors.n ? errors.note[0] : "out of memory");
	}
	daemon_change_fini(&change);
	config_notes_fini(&errors);
}
