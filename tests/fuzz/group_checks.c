/*
 * group_checks.c - see group_run.h. In the modes with order, messages of an instance
 * ascend and what was reported lost is past; a sender's messages say which of its
 * instances sent them.
 */
#include <string.h>
#include "fuzz_script.h"
#include "group_run.h"

#define MEMORY (4u << 20)

__attribute__((weak)) size_t __sanitizer_get_current_allocated_bytes(void);

size_t group_allocated(void)
{
	return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes() : 0;
}

/* Which counters are refusals; looked up by name once. */
static uint64_t refused(const struct run *r)
{
	static const char *const names[] = {"malformed", "version", "self", "epoch", "replay", "forged",
		"signature", "member", "frame", "full"};
	static bool is_refusal[64];
	static size_t known;
	const char *name, *help;
	uint64_t sum = 0, value;

	for (size_t i = 0; chan_counter(r->c, i, &name, &help, &value) && i < 64; i++) {
		if (i == known) {
			for (size_t k = 0; k < sizeof names / sizeof *names; k++)
				is_refusal[i] |= !strcmp(name, names[k]);
			known++;
		}
		sum += is_refusal[i] ? value : 0;
	}
	return sum;
}

void group_check(const struct run *r)
{
	struct chan_status st;
	struct chan_sender s;
	uint64_t sender, mark;
	size_t n = 0, marks = 0;

	chan_status(r->c, &st);
	FUZZ_CHECK(st.rx_refused == refused(r), "the refusals do not add up");
	while (chan_sender(r->c, n, &s))
		n++;
	FUZZ_CHECK(n <= r->cfg.max_senders && st.members <= n + 1, "too many senders");
	while (marks <= n + SENDERS && chan_mark(r->c, marks, &sender, &mark))
		marks++;
	FUZZ_CHECK(marks >= n && marks <= SENDERS + n, "marks of senders there never were");
	FUZZ_CHECK(
		group_allocated() <= r->memory + MEMORY, "%zu bytes are held", group_allocated() - r->memory);
}

/* --- events ------------------------------------------------------------------------ */

static struct sender *sender_of(struct run *r, uint64_t id)
{
	for (int i = 0; i < SENDERS; i++)
		if (r->s[i].as.id == id)
			return &r->s[i];
	return NULL;
}

/* Messages say which instance sent them; what parity made up may say anything. False: it does not tell. */
static bool told_instance(struct sender *s, const struct chan_event *ev)
{
	struct tag t;

	if (ev->len < sizeof t)
		return false;
	memcpy(&t, ev->data, sizeof t);
	if (t.magic != MAGIC || t.boot > s->as.boot || t.boot < FIRST_BOOT)
		return false;
	FUZZ_CHECK(!s->begun || t.boot >= s->out, "an older instance after a newer one");
	if (t.boot != s->out)
		s->begun = false;
	s->out = t.boot;
	return true;
}

static void check_message(struct run *r, const struct chan_event *ev)
{
	struct sender *s = sender_of(r, ev->sender);

	FUZZ_CHECK(ev->data || !ev->len, "no data");
	FUZZ_CHECK(ev->len <= r->cfg.max_message, "a message of %zu bytes", ev->len);
	FUZZ_CHECK(!ev->data || ev->data[ev->len] == 0, "no NUL behind the message");
	if (ev->sender == r->me) {
		FUZZ_CHECK(r->cfg.hear_self, "it hears itself");
		return;
	}
	FUZZ_CHECK(s && ev->seq, "a message of nobody");
	FUZZ_CHECK(ev->verified == (s->as.secret != NULL), "verified or not");
	FUZZ_CHECK(!r->cfg.members.n || ev->verified, "a stranger speaks");
	if (r->cfg.mode == CHAN_BEST_EFFORT || !told_instance(s, ev))
		return;
	FUZZ_CHECK(!s->begun || ev->seq >= s->next_out, "message %llu after %llu",
		(unsigned long long)ev->seq, (unsigned long long)s->next_out);
	s->next_out = ev->seq + 1;
	s->begun = true;
}

static void check_lost(struct run *r, const struct chan_event *ev)
{
	struct sender *s = sender_of(r, ev->sender);

	FUZZ_CHECK(s || (ev->sender == r->me && r->cfg.hear_self), "a loss of nobody");
	FUZZ_CHECK(ev->first && ev->first <= ev->last && ev->count == ev->last - ev->first + 1,
		"lost %llu to %llu are not %llu", (unsigned long long)ev->first, (unsigned long long)ev->last,
		(unsigned long long)ev->count);
	if (!s || r->cfg.mode == CHAN_BEST_EFFORT || s->out != s->as.boot)
		return;
	FUZZ_CHECK(!s->begun || ev->first >= s->next_out, "lost %llu, but %llu is past",
		(unsigned long long)ev->first, (unsigned long long)s->next_out);
	s->next_out = ev->last + 1;
}

void group_pull(struct run *r, unsigned n)
{
	struct chan_event ev;

	while (n-- && chan_event(r->c, &ev)) {
		FUZZ_CHECK(ev.kind >= CHAN_MESSAGE && ev.kind <= CHAN_KEY && ev.kind != CHAN_IFACE,
			"an event of kind %d", (int)ev.kind);
		FUZZ_CHECK(ev.name && strlen(ev.name) < CHAN_NAME_MAX, "no name");
		if (ev.kind == CHAN_MESSAGE)
			check_message(r, &ev);
		else if (ev.kind == CHAN_LOST)
			check_lost(r, &ev);
		else if (ev.kind == CHAN_JOINED && sender_of(r, ev.sender))
			sender_of(r, ev.sender)->begun = false; /* it may have been forgotten meanwhile */
		else if (ev.kind == CHAN_REFUSED)
			FUZZ_CHECK(ev.reason && ev.count, "refused without a reason");
	}
}
