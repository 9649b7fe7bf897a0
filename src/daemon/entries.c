/*
 * entries.c - opening and closing the entries of a family, finding them by name,
 * trying failed ones again.
 *
 * The states are closed, up and failed; each change is one log record with its
 * cause ("channel-state") and one event ("channel-opened", "-closed", "-failed").
 */
#include "daemon/entries.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RETRY_EVERY LAN_SEC(5)

const char *entry_name(const struct entry *e)
{
	return *(char *const *)e->cfg;
}

const char *entry_reason(const struct entry *e)
{
	return e->reason ? e->reason : lan_err_text(e->error);
}

bool entry_may_log(struct entry *e, const char *what, const char *reason)
{
	char key[96];
	snprintf(key, sizeof key, "%s %s=%s%s%s", what, e->all->kind->family, entry_name(e),
		reason && *reason ? " reason=" : "", reason ? reason : "");
	return log_limit_take(&e->all->limit, key, lan_loop_now(e->all->loop));
}

void entry_publish(struct entry *e, const char *kind, const char *reason, struct text *members)
{
	struct event_fields f = EVENT_FIELDS(.reason = reason);
	if (members->bad) {
		events_lose(e->all->events);
	} else {
		f.members = text_str(members);
		events_publish(e->all->events, kind, e->all->kind->family, entry_name(e), &f);
	}
	/* A big message does not keep its memory. */
	if (members->cap > 1u << 16)
		text_fini(members);
}

static void say_state(struct entry *e, const char *from, const char *to, const char *cause)
{
	const struct entry_kind *k = e->all->kind;
	bool failed = strcmp(to, "failed") == 0;
	struct text address = {0};
	char name[40];
	snprintf(name, sizeof name, "%s-state", k->family);
	log_event(failed ? LOG_L_ERROR : LOG_L_INFO, name, LOG_S(k->family, entry_name(e)),
		LOG_S("from", from), LOG_S("to", to), LOG_S("cause", cause), LOG_S("dialect", k->dialect(e)),
		LOG_S(k->detail, k->detail_of(e)), LOG_S("address", k->address(e)));
	snprintf(name, sizeof name, "%s-%s", k->family,
		failed                  ? "failed"
		: strcmp(to, "up") == 0 ? "opened"
					: "closed");
	text_puts(&address, ",\"address\":");
	text_json(&address, k->address(e), strlen(k->address(e)));
	entry_publish(e, name, cause, &address);
	text_fini(&address);
}

void entry_make_parents(const char *path)
{
	char *copy = strdup(path);
	for (char *slash = copy ? strchr(copy + 1, '/') : NULL; slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			break;
		*slash = '/';
	}
	free(copy);
}

/* The sentence of a failure, with what may be behind it. NULL: out of memory. */
static char *reason_for(const struct entry *e, const char *why)
{
	const char *what = why && *why ? why : lan_err_text(e->error);
	const struct privileges *p = e->all->privileges;
	struct text t = {0};
	text_printf(&t, "%s%s", what, p ? privileges_excuse(p, what) : "");
	return text_take(&t);
}

static enum lan_err open_now(struct entry *e)
{
	const char *why = NULL;
	e->error = e->all->kind->open(e, &why);
	e->open = e->error == LAN_OK;
	free(e->reason);
	e->reason = NULL;
	if (e->open) {
		lan_task_queue(e->all->loop, &e->pump);
	} else {
		e->reason = reason_for(e, why);
		e->retry_at = lan_loop_now(e->all->loop) + RETRY_EVERY;
	}
	return e->error;
}

struct entry *entry_new(struct entries *s, const void *cfg)
{
	struct entry *e = calloc(1, s->kind->size);
	if (e)
		*e = (struct entry){.all = s, .cfg = cfg, .pump = {.fn = s->kind->pump, .ctx = e}};
	return e;
}

void entry_open(struct entry *e, const char *cause)
{
	if (open_now(e) == LAN_OK) {
		say_state(e, "closed", "up", cause);
		e->all->kind->opened(e);
	} else {
		say_state(e, "closed", "failed", entry_reason(e));
	}
}

/* Another reason than before is news. */
void entry_retry(struct entry *e)
{
	char *before = e->reason;
	e->reason = NULL;
	if (open_now(e) == LAN_OK) {
		say_state(e, "failed", "up", "retry");
		e->all->kind->opened(e);
	} else if (!before || strcmp(before, entry_reason(e)) != 0) {
		say_state(e, "failed", "failed", entry_reason(e));
	}
	free(before);
}

void entry_close(struct entry *e, const char *cause, struct text *notes)
{
	struct text unread = {0};
	bool up = e->open;
	lan_task_cancel(e->all->loop, &e->pump);
	if (up)
		e->all->kind->close(e, cause, notes ? notes : &unread);
	say_state(e, up ? "up" : "failed", "closed", cause);
	text_fini(&unread);
	free(e->reason);
	free(e);
}

struct entry *entries_by_name(const struct entries *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(entry_name(s->entry[i]), name) == 0)
			return s->entry[i];
	return NULL;
}

size_t entries_failed(const struct entries *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		n += !s->entry[i]->open;
	return n;
}

void entry_ready(void *ctx)
{
	struct entry *e = ctx;
	lan_task_queue(e->all->loop, &e->pump);
}

static void report_suppressed(struct entries *s, lan_time now)
{
	char key[96];
	uint64_t n;
	while (log_limit_ended(&s->limit, now, key, sizeof key, &n))
		log_event(LOG_L_WARN, "suppressed", LOG_S("records", key), LOG_U("count", n),
			LOG_U("seconds", LIMIT_WINDOW / LAN_SEC(1)));
}

static void plan_tick(struct entries *s)
{
	lan_time at = lan_loop_now(s->loop) + RETRY_EVERY;
	for (size_t i = 0; i < s->n; i++)
		if (!s->entry[i]->open && s->entry[i]->retry_at < at)
			at = s->entry[i]->retry_at;
	lan_deadline_arm(s->loop, &s->tick, at);
}

static void tick(void *ctx)
{
	struct entries *s = ctx;
	lan_time now = lan_loop_now(s->loop);
	report_suppressed(s, now);
	for (size_t i = 0; i < s->n; i++)
		if (!s->entry[i]->open && now >= s->entry[i]->retry_at)
			entry_retry(s->entry[i]);
	plan_tick(s);
}

enum lan_err entries_init(
	struct entries *s, const struct entry_kind *kind, struct lan_loop *loop, struct events *events)
{
	*s = (struct entries){.kind = kind, .loop = loop, .events = events};
	enum lan_err e = lan_deadline_init(loop, &s->tick, tick, s);
	if (e == LAN_OK)
		plan_tick(s);
	return e;
}

void entries_fini(struct entries *s)
{
	if (!s->loop)
		return;
	for (size_t i = 0; i < s->n; i++)
		entry_close(s->entry[i], "shutdown", NULL);
	free(s->entry);
	lan_deadline_fini(s->loop, &s->tick);
	report_suppressed(s, lan_loop_now(s->loop) + LIMIT_WINDOW);
	text_fini(&s->scratch);
	*s = (struct entries){0};
}
