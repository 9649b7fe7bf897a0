/*
 * links.c - opening and closing the links of the configuration, finding them by
 * name, trying failed ones again.
 *
 * The states of a link are closed, open and failed; each change is one log
 * record with its cause and one event.
 */
#include "daemon/links.h"

#include <stdlib.h>
#include <string.h>
#include "daemon/links_pump.h"

#define RETRY_EVERY LAN_SEC(5)
#define IN_USE      " (is another program, or another lanyardd, using it? lanyard status)"

const char *link_name(const struct link *k)
{
	return k->cfg->name;
}

bool link_is_server(const struct link *k)
{
	return config_role(k->cfg) == CONFIG_SERVER;
}

const char *link_address(const struct link *k)
{
	return k->l ? lan_link_address(k->l) : link_is_server(k) ? k->cfg->listen : k->cfg->connect;
}

static void say_state(const struct link *k, const char *from, const char *to, const char *cause)
{
	bool failed = strcmp(to, "failed") == 0;
	struct event_fields f = EVENT_FIELDS(.peer = link_address(k), .reason = cause);
	log_event(failed ? LOG_L_ERROR : LOG_L_INFO, "link-state", LOG_S("link", link_name(k)),
		LOG_S("from", from), LOG_S("to", to), LOG_S("cause", cause), LOG_S("role", k->cfg->role),
		LOG_S("address", link_address(k)));
	events_publish(k->all->events,
		failed                    ? "link-failed"
		: strcmp(to, "open") == 0 ? "link-opened"
					  : "link-closed",
		"link", link_name(k), &f);
}

static enum lan_err open_now(struct link *k)
{
	struct lan_link_config args = config_link_open_args(k->cfg);
	struct lan_link *l = NULL;
	enum lan_err e = link_is_server(k) ? lan_link_serve(k->all->loop, &args, &l)
					   : lan_link_connect(k->all->loop, &args, &l);
	k->error = e;
	k->l = l;
	if (e == LAN_OK) {
		lan_link_on_ready(l, link_ready, k);
		lan_task_queue(k->all->loop, &k->pump);
	}
	return e;
}

struct link *link_open(struct links *s, const struct config_link *cfg, const char *cause, struct text *what)
{
	struct link *k = calloc(1, sizeof *k);
	if (!k) {
		text_puts(what, "out of memory");
		return NULL;
	}
	k->all = s;
	k->cfg = cfg;
	k->pump.fn = link_pump;
	k->pump.ctx = k;
	if (open_now(k) != LAN_OK) {
		text_printf(what, "link \"%s\": cannot %s %s: %s%s", cfg->name,
			link_is_server(k) ? "listen on" : "connect to", link_address(k),
			lan_err_text(k->error), k->error == LAN_ERR_ADDRINUSE ? IN_USE : "");
		free(k);
		return NULL;
	}
	say_state(k, "closed", "open", cause);
	return k;
}

size_t link_shut(struct link *k, const char *cause)
{
	size_t left = k->l ? lan_link_pending(k->l) : 0;
	if (left) {
		struct event_fields f = EVENT_FIELDS(.count = left, .reason = cause);
		log_event(LOG_L_WARN, "link-unsent", LOG_S("link", link_name(k)), LOG_U("lines", left),
			LOG_S("cause", cause));
		events_publish(k->all->events, "unsent", "link", link_name(k), &f);
	}
	link_sends_fail(k);
	say_state(k, k->l ? "open" : "failed", "closed", cause);
	lan_task_cancel(k->all->loop, &k->pump);
	lan_link_close(k->l);
	k->l = NULL;
	return left;
}

void link_close(struct link *k, const char *cause)
{
	link_shut(k, cause);
	free(k);
}

void link_reopen(struct link *k, const char *cause)
{
	if (open_now(k) == LAN_OK) {
		say_state(k, "closed", "open", cause);
		return;
	}
	k->retry_at = lan_loop_now(k->all->loop) + RETRY_EVERY;
	say_state(k, "closed", "failed", lan_err_text(k->error));
}

struct link *links_by_name(const struct links *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(link_name(s->link[i]), name) == 0)
			return s->link[i];
	return NULL;
}

size_t links_pending(const struct links *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		n += s->link[i]->l ? lan_link_pending(s->link[i]->l) : 0;
	return n;
}

static void report_suppressed(struct links *s, lan_time now)
{
	char key[96];
	uint64_t n;
	while (log_limit_ended(&s->limit, now, key, sizeof key, &n))
		log_event(LOG_L_WARN, "suppressed", LOG_S("records", key), LOG_U("count", n),
			LOG_U("seconds", LIMIT_WINDOW / LAN_SEC(1)));
}

static void tick(void *ctx)
{
	struct links *s = ctx;
	lan_time now = lan_loop_now(s->loop);
	report_suppressed(s, now);
	for (size_t i = 0; i < s->n; i++) {
		struct link *k = s->link[i];
		if (k->l || now < k->retry_at)
			continue;
		k->retry_at = now + RETRY_EVERY;
		if (open_now(k) == LAN_OK)
			say_state(k, "failed", "open", "retry");
	}
	lan_deadline_arm(s->loop, &s->tick, now + RETRY_EVERY);
}

enum lan_err links_init(struct links *s, struct lan_loop *loop, struct events *events)
{
	*s = (struct links){.loop = loop, .events = events};
	enum lan_err e = lan_deadline_init(loop, &s->tick, tick, s);
	if (e == LAN_OK)
		lan_deadline_arm(loop, &s->tick, lan_loop_now(loop) + RETRY_EVERY);
	return e;
}

void links_fini(struct links *s)
{
	if (!s->loop)
		return;
	for (size_t i = 0; i < s->n; i++)
		link_close(s->link[i], "shutdown");
	free(s->link);
	lan_deadline_fini(s->loop, &s->tick);
	report_suppressed(s, lan_loop_now(s->loop) + LIMIT_WINDOW);
	text_fini(&s->scratch);
	*s = (struct links){0};
}
