/*
 * sos_ledger.c - see sos_world.h: what must never happen, checked at each answer, each message and each time
 * something is run; and what must have happened once the faults are over.
 *
 * An answer is right if it names the slave and the resource that were asked, and was true at some moment
 * since the question was put (from the cache: at some moment that is not longer ago than its freshness).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sos_world.h"

#define ULL(x) ((unsigned long long)(x))
#define SLACK  LAN_SEC(1) /* Max-Age counts whole seconds */
#define LATE \
	LAN_SEC(12) /* ..from when the answer came: it may have been on its way, or have waited, so long */

bool sledger_value(const uint8_t *p, size_t n, uint32_t *id, uint32_t *boot, char *res, uint64_t *number)
{
	char text[64];
	unsigned long long x;

	if (n >= sizeof text)
		n = sizeof text - 1; /* the big one: the rest is filler */
	if (n)
		memcpy(text, p, n);
	text[n] = 0;
	if (sscanf(text, "%u.%u.%c.%llu", id, boot, res, &x) != 4)
		return false;
	*number = x;
	return true;
}

__attribute__((format(printf, 3, 4))) static void wrong(
	struct sw_master *m, const struct sw_req *r, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	sim_fail(m->w->sim, "%s: %s %llu to %s %s: %s", m->name, r->watch ? "observation" : "request",
		ULL(r - m->w->req) + 1, m->w->slave[r->slave].name, sw_names[r->res], text);
}

/* The big one is of one piece: each octet is that of its version. */
static bool whole(const uint8_t *p, size_t n, uint64_t version)
{
	size_t i = n;

	if (n != 2000)
		return false;
	while (i > 40 && p[i - 1] == 'a' + version % 26)
		i--;
	return i == 40;
}

static void judge_number(struct sw_master *m, struct sw_req *r, const uint8_t *p, size_t n, uint64_t number,
	bool cached, lan_time now)
{
	const struct sw_slave *s = &m->w->slave[r->slave];
	lan_time since = r->at, fresh = LAN_SEC(s->max_age) + SLACK + (m->w->calm ? 0 : LATE);

	if (r->res == SW_U || r->res == SW_P) {
		if (number != (uint64_t)(r - m->w->req) + 1)
			wrong(m, r, "the answer to request %llu", ULL(number));
		return;
	}
	if (cached)
		since = r->at > fresh ? r->at - fresh : 0;
	if (!sapp_was_current(r->res == SW_C ? &s->c : &s->b, (uint32_t)number, since))
		wrong(m, r, "version %llu is stale%s", ULL(number), cached ? " (cached)" : "");
	if (r->res == SW_C && r->code == COAP_GET && number < r->least)
		wrong(m, r, "version %llu, though %u was made by our own PUT%s", ULL(number), r->least,
			cached ? " (cached)" : "");
	if (r->res == SW_B && !whole(p, n, number))
		wrong(m, r, "%zu octets of different versions", n);
	if (r->res == SW_C && r->code == COAP_PUT && m->least_c[r->slave] < number)
		m->least_c[r->slave] = (uint32_t)number;
}

void sledger_answer(struct sw_master *m, struct sw_req *r, uint8_t code, const uint8_t *p, size_t n,
	bool cached, lan_time now)
{
	struct sworld *w = m->w;
	const struct sw_slave *s = &w->slave[r->slave];
	uint8_t want = r->code == COAP_GET ? COAP_CONTENT : COAP_CHANGED;
	uint32_t id, boot;
	uint64_t number;
	char res;

	w->answered++;
	/* It has no room; or somebody gave the original an mtu in which nothing fits: answers, too. */
	if (!w->calm && (code == COAP_UNAVAILABLE || (code == COAP_REQUEST_TOO_LARGE && w->hostile)))
		return;
	if (code != want)
		wrong(m, r, "answered with %u.%02u", code >> 5, code & 31);
	else if (!sledger_value(p, n, &id, &boot, &res, &number))
		wrong(m, r, "the answer is no value of ours");
	else if (id != s->id || res != sw_names[r->res][0])
		wrong(m, r, "the answer is of slave %u, resource %c", id, res);
	else if (boot > s->boot)
		wrong(m, r, "the answer is of a life to come");
	else
		judge_number(m, r, p, n, number, cached, now);
}

void sledger_notify(struct sw_master *m, struct sw_req *r, uint8_t code, const uint8_t *p, size_t n)
{
	struct sworld *w = m->w;
	const struct sw_slave *s = &w->slave[r->slave];
	struct sw_watch *o = &m->watch[r->slave];
	uint32_t id, boot;
	uint64_t number;
	char res;

	w->notified++;
	if (w->verbose)
		sim_note(w->sim, "%s is told %.*s by %s", m->name, (int)n, (const char *)p, s->name);
	if (code == COAP_REQUEST_TOO_LARGE && w->hostile && !w->calm)
		return;
	if (code != COAP_CONTENT || !o->on) {
		wrong(m, r, "ended with %u.%02u", code >> 5, code & 31);
		return;
	}
	if (!sledger_value(p, n, &id, &boot, &res, &number) || id != s->id || res != 'v' ||
		number > s->v.version) {
		wrong(m, r, "a notification that is none of %s", s->name);
		return;
	}
	/* The original asked twice begins to count again: what it said between is late, and looks new. */
	if (o->heard && number < o->version && (sworld_is_ours(s) || w->calm))
		wrong(m, r, "went back from version %u to %llu", o->version, ULL(number));
	o->heard = true;
	o->boot = boot;
	o->version = (uint32_t)number;
}

/* Ours runs what is not safe once for each request in each of its lives, and only what was asked. */
void sledger_ran(struct sw_slave *s, uint64_t tag, enum sw_resource res)
{
	struct sworld *w = s->w;
	struct sw_req *r = tag && tag <= w->n_req ? &w->req[tag - 1] : NULL;

	s->executed++;
	if (!r || r->slave != s->index || r->res != res || r->code == COAP_GET) {
		if (s->kind == SW_KEYED || !w->hostile)
			sim_fail(w->sim, "%s runs %llu, which nobody asked it", s->name, ULL(tag));
		return;
	}
	if (r->ran_boot != s->boot)
		r->ran = 0;
	r->ran_boot = s->boot;
	if (++r->ran > 1 && sworld_is_ours(s))
		sim_fail(w->sim, "%s runs request %llu %u times", s->name, ULL(tag), r->ran);
}

/* --- on the wire ------------------------------------------------------------------------ */

static bool has(const struct ep_packet *p, const char *text)
{
	return memmem(p->data, p->len, text, strlen(text)) != NULL;
}

void sledger_sent(void *world, struct ep_packet *p)
{
	struct sworld *w = world;

	w->wire++;
	if (w->hostile)
		shostile_heard(w->hostile, p);
	if (p->port < 0)
		return;
	if (has(p, "hello="))
		w->hellos++;
	else if (has(p, "slave="))
		w->discovers++;
	else if (!has(p, "ttl="))
		w->noise++;
	if (w->verbose)
		sim_note(w->sim, "#%llu from port %d, %zu octets, to %02x%02x: %02x%02x%02x%02x %.40s",
			ULL(p->id), p->port, p->len, p->to.a[0], p->to.a[1], p->data[0], p->data[1],
			p->data[2], p->data[3],
			has(p, "hello=")   ? "Hello"
			: has(p, "slave=") ? "Discover"
			: has(p, "ttl=")   ? "AssocRequest"
					   : "");
}

/* --- in the end --------------------------------------------------------------------------- */

/* NULL: the two agree that the slave is associated. */
static const char *disagree(struct sw_master *m, const struct sw_slave *s)
{
	struct ep_addr at = sworld_address(m->w, s->segment, s->node, s->moves);
	struct sos_member_status st;
	int with;

	if (!sworld_runs(s, &with))
		return "the slave does not run";
	if (with != m->index)
		return "the slave has another master";
	if (sos_master_find(m->core, s->id, &st))
		return "the master does not know it";
	if (st.state != SOS_ASSOCIATED)
		return "the master has not associated it";
	if (st.ep.link != (uint32_t)s->segment + 1 || memcmp(st.ep.addr, at.a, at.len) != 0)
		return "the master knows an old address";
	if (st.state != m->state[s->index])
		return "the application was not told";
	return NULL;
}

bool sledger_agreed(struct sworld *w, bool say)
{
	for (int i = 0; i < w->n_slave; i++) {
		const char *why = disagree(&w->master[0], &w->slave[i]);

		if (why && say)
			sim_fail(w->sim, "%s (id %u, kind %d): %s", w->slave[i].name, w->slave[i].id,
				(int)w->slave[i].kind, why);
		if (why)
			return false;
	}
	return true;
}

bool sledger_answered(struct sworld *w, bool say)
{
	for (size_t i = 0; i < w->n_req; i++) {
		const struct sw_req *r = &w->req[i];

		if (r->done || r->watch)
			continue;
		if (say)
			sim_fail(w->sim, "request %zu to %s %s has no outcome after %llu s", i + 1,
				w->slave[r->slave].name, sw_names[r->res],
				ULL((sim_now(w->sim) - r->at) / LAN_SEC(1)));
		return false;
	}
	return true;
}

bool sledger_observed(struct sworld *w, bool say)
{
	for (int k = 0; k < w->n_master; k++)
		for (int i = 0; i < w->n_slave && w->master[k].core; i++) {
			const struct sw_watch *o = &w->master[k].watch[i];
			const struct sw_slave *s = &w->slave[i];

			if (!o->on || (o->heard && o->boot == s->boot && o->version == s->v.version))
				continue;
			if (say)
				sim_fail(w->sim,
					"%s observes %s (kind %d), which is at %u.v.%u, and knows %u.v.%u",
					w->master[k].name, s->name, (int)s->kind, s->boot, s->v.version,
					o->boot, o->version);
			return false;
		}
	return true;
}

/* Nothing grows beyond what the configuration says. */
void sledger_tables(struct sworld *w)
{
	for (int k = 0; k < w->n_master; k++) {
		struct sw_master *m = &w->master[k];
		struct sos_member_status st;
		struct sos_cache_stats c;
		size_t n = 0;

		if (!m->core)
			continue;
		while (sos_master_member(m->core, n, &st))
			n++;
		if (n > (size_t)w->n_slave + m->cfg.max_candidates)
			sim_fail(w->sim, "%s remembers %zu slaves", m->name, n);
		sos_cache_stats(m->cache, &c);
		if (c.entries > 32 || c.octets > 8192)
			sim_fail(w->sim, "%s: %u entries, %zu octets in the cache", m->name, c.entries,
				c.octets);
		if (sos_master_counter(m->core, SOS_MASTER_C_events_dropped))
			sim_fail(w->sim, "%s dropped events of an application that pulls all", m->name);
	}
}

static void dump_engine(const char *name, const struct coap *c)
{
	for (enum coap_counter k = 0; k < COAP_C_N; k++)
		if (coap_counter(c, k))
			fprintf(stderr, "  %s: %s %llu\n", name, coap_counter_name(k),
				ULL(coap_counter(c, k)));
}

void sledger_dump(const struct sworld *w)
{
	for (int i = 0; i < w->n_master; i++) {
		const struct sw_master *m = &w->master[i];

		for (enum sos_master_counter k = 0; m->core && k < SOS_MASTER_C_N; k++)
			if (sos_master_counter(m->core, k))
				fprintf(stderr, "  %s: %s %llu\n", m->name, sos_master_counter_name(k),
					ULL(sos_master_counter(m->core, k)));
		if (m->core)
			dump_engine(m->name, sos_master_coap(m->core));
	}
	for (int i = 0; i < w->n_slave; i++) {
		const struct sw_slave *s = &w->slave[i];

		for (enum sos_slave_counter k = 0; s->core && k < SOS_SLAVE_C_N; k++)
			if (sos_slave_counter(s->core, k))
				fprintf(stderr, "  %s: %s %llu\n", s->name, sos_slave_counter_name(k),
					ULL(sos_slave_counter(s->core, k)));
		if (s->core)
			dump_engine(s->name, sos_slave_coap(s->core));
	}
}
