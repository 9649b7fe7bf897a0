/*
 * daemon.c - the life of the daemon between its start and its end: loading and
 * reloading the configuration, the status line.
 *
 * A reload is refused as a whole if anything is wrong with it; what runs then
 * is what ran before. Only the socket cannot change while the daemon runs.
 */
#include "daemon/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/control_socket.h"
#include "daemon/sd.h"

static enum log_level moved(enum log_level level, int verbosity)
{
	static const enum log_level order[] = {LOG_L_ERROR, LOG_L_WARN, LOG_L_INFO, LOG_L_DEBUG};
	int at = 0;
	while (order[at] != level)
		at++;
	at += verbosity;
	return order[at < 0 ? 0 : at > 3 ? 3 : at];
}

void daemon_log_setup(const struct daemon *d, const struct config_set *set)
{
	const struct config_log *log = set->config->daemon->log;
	log_setup(moved(log_level_of(log->level), d->verbosity), log_format_of(log->format));
}

bool daemon_config(struct daemon *d, struct config_set **out, struct config_notes *errors)
{
	struct config_set *set = NULL;
	struct config_daemon *dm;
	struct text what = {0};
	if (!config_load(d->config_path, &set, errors))
		return false;
	dm = set->config->daemon;
	if (d->socket_path) {
		free(dm->socket);
		dm->socket = strdup(d->socket_path);
	} else if (!dm->socket || getenv("LANYARD_SOCKET")) {
		free(dm->socket);
		dm->socket = control_socket_default(&what);
	}
	if (!dm->socket) {
		config_note(errors, "%s", what.len ? text_str(&what) : "out of memory");
		config_set_free(set);
		text_fini(&what);
		return false;
	}
	text_fini(&what);
	*out = set;
	return true;
}

static void put_in_force(struct daemon *d, struct config_set *set)
{
	config_set_free(d->set);
	d->set = set;
	d->loaded_ns = text_wall_ns();
	daemon_log_setup(d, set);
	events_limit(d->events, *set->config->daemon->events);
	for (size_t i = 0; i < set->warnings.n; i++)
		log_event(LOG_L_WARN, "config", LOG_S("warning", set->warnings.note[i]));
}

/* The links, all or nothing; then, as nothing can fail any more, the others. */
static bool apply(struct daemon *d, const struct config *next, const char *cause,
	struct daemon_change *change, struct text *what)
{
	struct entries_plan *channels = entries_plan(&d->channels, next),
			    *streams = entries_plan(&d->streams, next),
			    *neighbors = entries_plan(&d->neighbors, next),
			    *sensors = entries_plan(&d->sensors, next);
	bool planned = channels && streams && neighbors && sensors;
	if (!planned)
		text_puts(what, "out of memory");
	if (!planned || !links_apply(&d->links, next, cause, &change->links, what)) {
		entries_plan_free(channels);
		entries_plan_free(streams);
		entries_plan_free(neighbors);
		entries_plan_free(sensors);
		return false;
	}
	entries_commit(channels, cause, &change->channels);
	entries_commit(streams, cause, &change->streams);
	entries_commit(neighbors, cause, &change->neighbors);
	entries_commit(sensors, cause, &change->sensors);
	return true;
}

bool daemon_start(struct daemon *d, struct config_set *set, struct text *what)
{
	struct daemon_change change = {0};
	bool ok = apply(d, set->config, "start", &change, what);
	daemon_change_fini(&change);
	if (ok)
		put_in_force(d, set);
	return ok;
}

void daemon_change_fini(struct daemon_change *c)
{
	links_change_fini(&c->links);
	entries_change_fini(&c->channels);
	entries_change_fini(&c->streams);
	entries_change_fini(&c->neighbors);
	entries_change_fini(&c->sensors);
}

static void end_watchers(struct daemon *d, const char *family, const struct text *removed)
{
	char *names = strdup(text_str(removed)), *save = NULL;
	for (char *n = names ? strtok_r(names, "\n", &save) : NULL; n; n = strtok_r(NULL, "\n", &save))
		control_removed(&d->control, family, n);
	free(names);
}

/* A list of names, one a line, on one line for the log; it lives in `t`. */
static const char *joined(struct text *t, const struct text *names)
{
	text_puts(t, text_str(names));
	for (size_t i = 0; i < t->len; i++)
		if (t->p[i] == '\n')
			t->p[i] = i + 1 < t->len ? ',' : 0;
	return t->len ? text_str(t) : NULL;
}

static void say_reloaded(struct daemon *d, const struct daemon_change *change)
{
	const struct links_change *l = &change->links;
	const struct entries_change *c = &change->channels, *s = &change->streams, *n = &change->neighbors,
				    *m = &change->sensors;
	struct text t[20] = {0};
	struct event_fields f = EVENT_FIELDS(.reason = d->set->source);
	log_event(LOG_L_INFO, "config-reloaded", LOG_S("source", d->set->source),
		LOG_S("added", joined(&t[0], &l->added)), LOG_S("removed", joined(&t[1], &l->removed)),
		LOG_S("changed", joined(&t[2], &l->changed)),
		LOG_S("unchanged", joined(&t[3], &l->unchanged)),
		LOG_S("channels_added", joined(&t[4], &c->added)),
		LOG_S("channels_removed", joined(&t[5], &c->removed)),
		LOG_S("channels_changed", joined(&t[6], &c->changed)),
		LOG_S("channels_unchanged", joined(&t[7], &c->unchanged)),
		LOG_S("streams_added", joined(&t[8], &s->added)),
		LOG_S("streams_removed", joined(&t[9], &s->removed)),
		LOG_S("streams_changed", joined(&t[10], &s->changed)),
		LOG_S("streams_unchanged", joined(&t[11], &s->unchanged)),
		LOG_S("neighbors_added", joined(&t[12], &n->added)),
		LOG_S("neighbors_removed", joined(&t[13], &n->removed)),
		LOG_S("neighbors_changed", joined(&t[14], &n->changed)),
		LOG_S("neighbors_unchanged", joined(&t[15], &n->unchanged)),
		LOG_S("sensors_added", joined(&t[16], &m->added)),
		LOG_S("sensors_removed", joined(&t[17], &m->removed)),
		LOG_S("sensors_changed", joined(&t[18], &m->changed)),
		LOG_S("sensors_unchanged", joined(&t[19], &m->unchanged)));
	events_publish(d->events, "reloaded", NULL, NULL, &f);
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
		text_fini(&t[i]);
}

/* Sentences, one a line. */
static void add_notes(struct config_notes *notes, const struct text *lines)
{
	const char *p = text_str(lines);
	for (const char *end; (end = strchr(p, '\n')); p = end + 1)
		config_note(notes, "%.*s", (int)(end - p), p);
}

bool daemon_drop_privileges(struct daemon *d, struct text *what)
{
	struct text left = {0};
	bool had = d->privileges.dropped;
	if (!privileges_drop(&d->privileges, d->set->config, what))
		return false;
	privileges_text(&left);
	if (d->privileges.dropped && !had)
		log_event(
			LOG_L_INFO, "privileges-dropped", LOG_S("left", left.len ? text_str(&left) : "none"));
	text_fini(&left);
	return true;
}

static bool try_reload(struct daemon *d, struct daemon_change *change, struct config_notes *errors)
{
	struct config_set *set = NULL;
	struct text what = {0};
	if (!daemon_config(d, &set, errors)) {
		const char *excuse = errors->n ? privileges_excuse(&d->privileges, errors->note[0]) : "";
		if (*excuse)
			config_note(errors, "%s%s", errors->note[0], excuse);
		return false;
	}
	if (!privileges_suffice(&d->privileges, d->set->config, set->config, errors)) {
		config_set_free(set);
		return false;
	}
	if (!apply(d, set->config, "reload", change, &what)) {
		config_note(errors, "%s", text_str(&what));
		add_notes(errors, &change->links.unsent);
		text_fini(&what);
		config_set_free(set);
		return false;
	}
	text_fini(&what);
	if (strcmp(set->config->daemon->socket, d->socket) != 0)
		config_note(&set->warnings, "daemon.socket: %s is used until the next start", d->socket);
	put_in_force(d, set);
	/* Not before: the log has them already. */
	add_notes(&set->warnings, &change->links.unsent);
	add_notes(&set->warnings, &change->channels.notes);
	add_notes(&set->warnings, &change->streams.notes);
	add_notes(&set->warnings, &change->neighbors.notes);
	add_notes(&set->warnings, &change->sensors.notes);
	daemon_drop_privileges(d, &what);
	if (what.len)
		config_note(&set->warnings, "%s", text_str(&what));
	text_fini(&what);
	return true;
}

bool daemon_reload(struct daemon *d, struct daemon_change *change, struct config_notes *errors)
{
	struct text status = {0};
	bool ok;
	sd_reloading();
	ok = try_reload(d, change, errors);
	free(d->reload_error);
	d->reload_error = NULL;
	if (ok) {
		d->reloads++;
		say_reloaded(d, change);
		end_watchers(d, "link", &change->links.removed);
		end_watchers(d, "channel", &change->channels.removed);
		end_watchers(d, "stream", &change->streams.removed);
		end_watchers(d, "neighbor", &change->neighbors.removed);
		end_watchers(d, "sensor", &change->sensors.removed);
	} else {
		struct event_fields f = EVENT_FIELDS(.reason = errors->n ? errors->note[0] : "out of memory");
		d->reload_error = strdup(f.reason);
		for (size_t i = 0; i < errors->n; i++)
			log_event(LOG_L_ERROR, "config-refused", LOG_S("reason", errors->note[i]));
		log_event(LOG_L_ERROR, "config-kept", LOG_S("source", d->set->source),
			LOG_U("errors", errors->n + errors->more));
		events_publish(d->events, "reload-failed", NULL, NULL, &f);
	}
	daemon_status_text(d, &status);
	sd_ready(text_str(&status));
	text_fini(&status);
	return ok;
}

static void add_count(struct text *t, size_t n, const char *what, size_t failed)
{
	text_printf(t, "%s%zu %s%s", t->len ? ", " : "", n, what, n == 1 ? "" : "s");
	if (failed)
		text_printf(t, ", %zu failed", failed);
}

void daemon_status_text(const struct daemon *d, struct text *t)
{
	size_t failed = 0;
	for (size_t i = 0; i < d->links.n; i++)
		failed += !d->links.link[i]->l;
	add_count(t, d->links.n, "link", failed);
	if (d->channels.n)
		add_count(t, d->channels.n, "channel", entries_failed(&d->channels));
	if (d->streams.n)
		add_count(t, d->streams.n, "stream", entries_failed(&d->streams));
	if (d->neighbors.n)
		add_count(t, d->neighbors.n, "neighbor", entries_failed(&d->neighbors));
	if (d->sensors.n)
		add_count(t, d->sensors.n, "sensor", entries_failed(&d->sensors));
	if (d->reload_error)
		text_printf(t, ", last reload refused: %s", d->reload_error);
}
