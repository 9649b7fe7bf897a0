/*
 * channels.c - opening and closing the channels of the configuration, finding
 * them by name, trying failed ones again.
 *
 * The states of a channel are closed, up and failed; each change is one log
 * record with its cause and one event. A channel whose wire is not secure says
 * so, and why, each time it is opened.
 */
#include "daemon/channels.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RETRY_EVERY LAN_SEC(5)

const char *channel_name(const struct channel *k)
{
	return k->cfg->name;
}

const char *channel_dialect(const struct channel *k)
{
	return k->cfg->dialect;
}

const char *channel_mode(const struct channel *k)
{
	return k->cfg->mode ? k->cfg->mode : "best-effort";
}

bool channel_may_log(struct channel *k, const char *what, const char *reason)
{
	char key[96];
	snprintf(key, sizeof key, "%s channel=%s%s%s", what, channel_name(k),
		reason && *reason ? " reason=" : "", reason ? reason : "");
	return log_limit_take(&k->all->limit, key, lan_loop_now(k->all->loop));
}

static void say_state(const struct channel *k, const char *from, const char *to, const char *cause)
{
	bool failed = strcmp(to, "failed") == 0;
	struct text address = {0};
	struct event_fields f = EVENT_FIELDS(.reason = cause);
	text_puts(&address, ",\"address\":");
	text_json(&address, k->cfg->address, strlen(k->cfg->address));
	f.members = text_str(&address);
	log_event(failed ? LOG_L_ERROR : LOG_L_INFO, "channel-state", LOG_S("channel", channel_name(k)),
		LOG_S("from", from), LOG_S("to", to), LOG_S("cause", cause),
		LOG_S("dialect", channel_dialect(k)), LOG_S("mode", channel_mode(k)),
		LOG_S("address", k->cfg->address));
	events_publish(k->all->events,
		failed                  ? "channel-failed"
		: strcmp(to, "up") == 0 ? "channel-opened"
					: "channel-closed",
		"channel", channel_name(k), &f);
	text_fini(&address);
}

static void say_security(const struct channel *k)
{
	struct lan_channel_status st;
	lan_channel_status(k->c, &st);
	if (strncmp(st.security, "insecure", 8) == 0)
		log_event(LOG_L_WARN, "channel-security", LOG_S("channel", channel_name(k)),
			LOG_S("security", st.security), LOG_S("sender", st.sender));
	else
		log_event(LOG_L_INFO, "channel-security", LOG_S("channel", channel_name(k)),
			LOG_S("security", st.security), LOG_S("sender", st.sender), LOG_U("epoch", st.epoch));
}

/* What stands above the folder of the state; the last one is the channel's own to make. What cannot
 * be made here is said when the channel is opened. */
static void make_parents(const char *path)
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

static enum lan_err open_now(struct channel *k)
{
	struct lan_channel_config args = config_channel_open_args(k->cfg);
	const char *why = NULL;
	if (args.state_dir)
		make_parents(args.state_dir);
	k->error = lan_channel_open(k->all->loop, &args, &k->c, &why);
	free(k->reason);
	k->reason = NULL;
	if (k->error == LAN_OK) {
		lan_channel_on_ready(k->c, channel_ready, k);
		lan_task_queue(k->all->loop, &k->pump);
	} else {
		k->reason = strdup(why && *why ? why : lan_err_text(k->error));
		k->retry_at = lan_loop_now(k->all->loop) + RETRY_EVERY;
	}
	return k->error;
}

static const char *reason_of(const struct channel *k)
{
	return k->reason ? k->reason : lan_err_text(k->error);
}

struct channel *channel_new(struct channels *s, const struct config_channel *cfg)
{
	struct channel *k = calloc(1, sizeof *k);
	if (k)
		*k = (struct channel){.all = s, .cfg = cfg, .pump = {.fn = channel_pump, .ctx = k}};
	return k;
}

static void plan_tick(struct channels *s)
{
	lan_time at = lan_loop_now(s->loop) + RETRY_EVERY;
	for (size_t i = 0; i < s->n; i++)
		if (!s->channel[i]->c && s->channel[i]->retry_at < at)
			at = s->channel[i]->retry_at;
	lan_deadline_arm(s->loop, &s->tick, at);
}

void channel_open(struct channel *k, const char *cause)
{
	if (open_now(k) == LAN_OK) {
		say_state(k, "closed", "up", cause);
		say_security(k);
	} else {
		say_state(k, "closed", "failed", reason_of(k));
	}
}

void channel_close(struct channel *k, const char *cause)
{
	bool up = k->c != NULL;
	size_t left = up ? lan_channel_pending(k->c) : 0;
	if (left)
		log_event(LOG_L_WARN, "channel-unsent", LOG_S("channel", channel_name(k)),
			LOG_U("bytes", left), LOG_S("cause", cause));
	lan_task_cancel(k->all->loop, &k->pump);
	lan_channel_close(k->c);
	say_state(k, up ? "up" : "failed", "closed", cause);
	free(k->reason);
	free(k);
}

struct channel *channels_by_name(const struct channels *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(channel_name(s->channel[i]), name) == 0)
			return s->channel[i];
	return NULL;
}

size_t channels_pending(const struct channels *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		n += s->channel[i]->c ? lan_channel_pending(s->channel[i]->c) : 0;
	return n;
}

static void report_suppressed(struct channels *s, lan_time now)
{
	char key[96];
	uint64_t n;
	while (log_limit_ended(&s->limit, now, key, sizeof key, &n))
		log_event(LOG_L_WARN, "suppressed", LOG_S("records", key), LOG_U("count", n),
			LOG_U("seconds", LIMIT_WINDOW / LAN_SEC(1)));
}

/* Another reason than before is news. */
void channel_retry(struct channel *k)
{
	char *before = k->reason;
	k->reason = NULL;
	if (open_now(k) == LAN_OK) {
		say_state(k, "failed", "up", "retry");
		say_security(k);
	} else if (!before || strcmp(before, reason_of(k)) != 0) {
		say_state(k, "failed", "failed", reason_of(k));
	}
	free(before);
}

static void tick(void *ctx)
{
	struct channels *s = ctx;
	lan_time now = lan_loop_now(s->loop);
	report_suppressed(s, now);
	for (size_t i = 0; i < s->n; i++)
		if (!s->channel[i]->c && now >= s->channel[i]->retry_at)
			channel_retry(s->channel[i]);
	plan_tick(s);
}

enum lan_err channels_init(struct channels *s, struct lan_loop *loop, struct events *events)
{
	*s = (struct channels){.loop = loop, .events = events};
	enum lan_err e = lan_deadline_init(loop, &s->tick, tick, s);
	if (e == LAN_OK)
		plan_tick(s);
	return e;
}

void channels_fini(struct channels *s)
{
	if (!s->loop)
		return;
	for (size_t i = 0; i < s->n; i++)
		channel_close(s->channel[i], "shutdown");
	free(s->channel);
	lan_deadline_fini(s->loop, &s->tick);
	report_suppressed(s, lan_loop_now(s->loop) + LIMIT_WINDOW);
	text_fini(&s->scratch);
	*s = (struct channels){0};
}
