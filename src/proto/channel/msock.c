/*
 * msock.c - the core of a multisock channel (channel.h, msock_*): datagrams to
 * be sent wait in one bounded queue, already in the form they have on the wire;
 * datagrams that come are read and put into the inbox; everything refused has a
 * counter with a reason, and an event at most once a second for each reason.
 *
 * There is nothing on this wire to check but the padding of encrypted
 * datagrams: no sender, no number, no signature. An empty datagram is an empty
 * message on a plain channel and refused on an encrypted one; a datagram longer
 * than the buffer size is refused, never cut. docs/protocols/multisock.md
 * sections 1, 2 and 5.
 */
#include "proto/channel/channel.h"

#include <stdlib.h>
#include <string.h>
#include "base/ring.h"
#include "base/utf8.h"
#include "proto/channel/msock_senders.h"
#include "proto/channel/multisock.h"

#define BUFSIZE_DEFAULT 4096
#define QUEUE_DEFAULT   (4u << 20)
#define EVENTS_DEFAULT  (4u << 20)
#define SENDERS_DEFAULT 256
#define SENDERS_MAX     4096
#define LETTERS         16
#define TELL_PAUSE      LAN_SEC(1)

#define MSOCK_COUNTERS(X)                                                       \
	X(tx_full, "messages not taken because the queue was full")             \
	X(events_lost, "senders' coming and going not told for lack of memory") \
	X(senders_evicted, "senders forgotten because more than max_senders were heard")

enum counter {
#define X(name, help) C_##name,
	MSOCK_REFUSALS(X) C_REFUSALS,
	C_LAST_REFUSAL = C_REFUSALS - 1,
	MSOCK_COUNTERS(X) C_N
#undef X
};

static const struct {
	const char *name, *help;
} counters[] = {
#define X(name, help) {msock_##name, help},
	MSOCK_REFUSALS(X)
#undef X
#define X(name, help) {#name, help},
		MSOCK_COUNTERS(X)
#undef X
};

struct msock {
	struct lan_env env;
	struct msock_crypto *crypto; /* NULL: plain */
	uint32_t bufsize, max_queue;
	struct lan_ring queue; /* a length of four bytes before each datagram */
	size_t queued;         /* bytes of datagrams in it */
	bool was_full;
	struct chan_inbox inbox;
	struct msock_senders senders;
	struct refusal {
		lan_time next;   /* no event before this */
		uint64_t untold; /* refused since the last one */
		struct lan_from from;
	} refusal[C_REFUSALS];
	uint64_t count[C_N];
	struct chan_status status;
};

/* --- life -------------------------------------------------------------------- */

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

enum lan_err msock_new(const struct lan_env *env, const struct msock_config *cfg, struct msock **out)
{
	uint32_t bufsize = or_default(cfg->bufsize, BUFSIZE_DEFAULT);
	uint32_t senders = or_default(cfg->max_senders, SENDERS_DEFAULT);
	uint64_t seed[2];

	if (bufsize > MSOCK_DATAGRAM_MAX || senders > SENDERS_MAX || !cfg->key != !cfg->iv)
		return LAN_ERR_INVAL;
	struct msock *m = calloc(1, sizeof *m);
	if (!m)
		return LAN_ERR_NOMEM;
	*m = (struct msock){
		.env = *env, .bufsize = bufsize, .max_queue = or_default(cfg->max_queue, QUEUE_DEFAULT)};
	/* One datagram always fits into an empty queue, and one message into an empty inbox. */
	if (m->max_queue < MSOCK_DATAGRAM_MAX + sizeof(uint32_t))
		m->max_queue = MSOCK_DATAGRAM_MAX + sizeof(uint32_t);
	uint32_t events = or_default(cfg->max_events, EVENTS_DEFAULT);
	lan_ring_init(&m->queue, m->max_queue);
	chan_inbox_init(&m->inbox, events > 2 * bufsize + 1024 ? events : 2 * bufsize + 1024);
	env->entropy(env->ctx, seed, sizeof seed);
	enum lan_err e = msock_senders_init(&m->senders, senders, seed);
	if (!e && cfg->key)
		e = msock_crypto_new(cfg->key, cfg->iv, &m->crypto, NULL);
	if (e) {
		msock_free(m);
		return e;
	}
	*out = m;
	return LAN_OK;
}

void msock_free(struct msock *m)
{
	if (!m)
		return;
	msock_crypto_free(m->crypto);
	msock_senders_fini(&m->senders);
	chan_inbox_fini(&m->inbox);
	lan_ring_fini(&m->queue);
	free(m);
}

/* --- sending ----------------------------------------------------------------- */

static enum lan_err check_plain(const void *data, size_t n, unsigned form)
{
	if (form & (form - 1) || form > MSOCK_BYTEARRAY || n == 0)
		return LAN_ERR_INVAL; /* an empty datagram stops receivers of the original */
	if (n > MSOCK_DATAGRAM_MAX)
		return LAN_ERR_TOOBIG;
	return form == MSOCK_TEXT && !lan_utf8_valid(data, n) ? LAN_ERR_UTF8 : LAN_OK;
}

static enum lan_err encrypt(
	struct msock *m, const void *data, size_t n, unsigned form, uint8_t *to, size_t cap, size_t *len)
{
	uint8_t letters[LETTERS];

	m->env.entropy(m->env.ctx, letters, sizeof letters);
	for (size_t i = 0; i < sizeof letters; i++)
		letters[i] = (uint8_t)('a' + letters[i] % 26);
	return msock_encrypt(m->crypto, form, letters, data, n, to, cap, len);
}

enum lan_err msock_send(struct msock *m, lan_time now, const void *data, size_t n, unsigned form)
{
	size_t len = n;
	uint32_t size;
	uint8_t *to;
	enum lan_err e =
		m->crypto ? n > MSOCK_PLAIN_MAX ? LAN_ERR_TOOBIG : LAN_OK : check_plain(data, n, form);

	if (e)
		return e;
	if (m->crypto) {
		len = msock_sealed_len(n + LETTERS);
		len = len > MSOCK_DATAGRAM_MAX ? MSOCK_DATAGRAM_MAX : len;
	}
	e = lan_ring_room(&m->queue, sizeof size + len, &to);
	if (e) {
		m->was_full |= e == LAN_ERR_FULL;
		m->count[C_tx_full] += e == LAN_ERR_FULL;
		return e;
	}
	if (m->crypto)
		e = encrypt(m, data, n, form, to + sizeof size, len, &len);
	else
		memcpy(to + sizeof size, data, n);
	if (e)
		return e;
	size = (uint32_t)len;
	memcpy(to, &size, sizeof size);
	lan_ring_commit(&m->queue, sizeof size + len);
	m->queued += len;
	m->status.tx_messages++;
	m->status.tx_bytes += n;
	return LAN_OK;
}

static size_t msock_output(void *core, lan_time now, uint8_t *buf, size_t cap)
{
	struct msock *m = core;
	uint32_t size;

	if (!lan_ring_len(&m->queue))
		return 0;
	const uint8_t *at = lan_ring_at(&m->queue, m->queue.head);
	memcpy(&size, at, sizeof size);
	if (size > cap)
		return 0;
	memcpy(buf, at + sizeof size, size);
	lan_ring_drop(&m->queue, sizeof size + size);
	m->queued -= size;
	m->status.tx_datagrams++;
	if (m->was_full && lan_ring_len(&m->queue) <= m->max_queue / 2)
		m->was_full = !chan_inbox_put(
			&m->inbox, &(struct chan_event){.kind = CHAN_WRITABLE, .name = "", .at = now});
	return size;
}

/* --- receiving --------------------------------------------------------------- */

static void tell_refused(struct msock *m, lan_time now, enum counter why)
{
	struct refusal *r = &m->refusal[why];
	struct chan_event ev = {.kind = CHAN_REFUSED,
		.name = "",
		.from = r->from,
		.reason = counters[why].name,
		.count = r->untold,
		.at = now};

	r->next = now + TELL_PAUSE;
	if (chan_inbox_put(&m->inbox, &ev))
		r->untold = 0;
}

static enum lan_err refuse(
	struct msock *m, lan_time now, const struct lan_from *from, enum counter why, enum lan_err err)
{
	struct refusal *r = &m->refusal[why];

	m->count[why]++;
	m->status.rx_refused++;
	r->untold++;
	r->from = *from;
	if (m->env.trace)
		m->env.trace(m->env.ctx, &(struct lan_trace){.now = now,
						 .kind = LAN_TRACE_REFUSED,
						 .proto = msock_ops.name,
						 .what = counters[why].name});
	if (now >= r->next)
		tell_refused(m, now, why);
	return err;
}

static void tell_sender(struct msock *m, lan_time now, enum chan_event_kind kind, const struct lan_from *from,
	const char *reason)
{
	struct chan_event ev = {.kind = kind, .name = "", .from = *from, .reason = reason, .at = now};

	m->count[C_events_lost] += !chan_inbox_put(&m->inbox, &ev);
}

static void forget(struct msock *m, lan_time now, struct msock_sender_entry *e, const char *reason)
{
	tell_sender(m, now, CHAN_LEFT, &e->from, reason);
	msock_senders_remove(&m->senders, e);
}

static struct msock_sender_entry *heard(struct msock *m, lan_time now, const struct lan_from *from)
{
	struct msock_sender_entry *e = msock_senders_find(&m->senders, from);

	if (e) {
		msock_senders_touch(&m->senders, e, now);
		return e;
	}
	if (m->senders.n == m->senders.max) {
		m->count[C_senders_evicted]++;
		forget(m, now, msock_senders_oldest(&m->senders), "evicted");
	}
	tell_sender(m, now, CHAN_JOINED, from, NULL);
	return msock_senders_add(&m->senders, from, now);
}

static enum lan_err deliver(
	struct msock *m, lan_time now, const struct lan_from *from, const uint8_t *data, size_t n, bool text)
{
	if (!chan_inbox_fits(&m->inbox, n))
		return refuse(m, now, from, C_inbox_full, LAN_ERR_FULL);
	struct msock_sender_entry *e = heard(m, now, from);
	struct chan_event ev = {.kind = CHAN_MESSAGE,
		.name = "",
		.from = *from,
		.len = n,
		.text = text && !(n && memchr(data, 0, n)),
		.at = now};
	uint8_t *to = n ? chan_inbox_room(&m->inbox, n) : NULL;

	if (to)
		memcpy(to, data, n);
	if ((n && !to) || !chan_inbox_put(&m->inbox, &ev))
		return refuse(m, now, from, C_no_memory, LAN_ERR_NOMEM);
	e->messages++;
	e->bytes += n;
	m->status.rx_messages++;
	m->status.rx_bytes += n;
	return LAN_OK;
}

static enum counter reason_of(const char *name)
{
	unsigned i = 0;

	while (i < C_LAST_REFUSAL && counters[i].name != name)
		i++;
	return i;
}

static enum lan_err msock_input(void *core, lan_time now, const struct lan_from *from, uint8_t *buf, size_t n)
{
	struct msock *m = core;
	const char *why = msock_no_memory;
	bool text;

	m->status.rx_datagrams++;
	if (n > m->bufsize)
		return refuse(m, now, from, C_oversize, LAN_ERR_TOOBIG);
	if (!m->crypto)
		return deliver(m, now, from, buf, n, lan_utf8_valid(buf, n));
	enum lan_err e = msock_decrypt(m->crypto, buf, n, &buf, &n, &text, &why);
	return e ? refuse(m, now, from, reason_of(why), e) : deliver(m, now, from, buf, n, text);
}

/* --- time -------------------------------------------------------------------- */

static void msock_tick(void *core, lan_time now)
{
	struct msock *m = core;
	struct msock_sender_entry *e;

	while ((e = msock_senders_oldest(&m->senders)) && now >= e->last + MSOCK_SILENCE)
		forget(m, now, e, "silent");
	for (unsigned why = 0; why < C_REFUSALS; why++)
		if (m->refusal[why].untold && now >= m->refusal[why].next)
			tell_refused(m, now, why);
}

static lan_time msock_deadline(const void *core)
{
	const struct msock *m = core;
	lan_time at = LAN_NEVER;

	if (m->senders.n)
		at = m->senders.entry[m->senders.oldest].last + MSOCK_SILENCE;
	for (unsigned why = 0; why < C_REFUSALS; why++)
		if (m->refusal[why].untold && m->refusal[why].next < at)
			at = m->refusal[why].next;
	return at;
}

static bool msock_ready(const void *core)
{
	return !chan_inbox_empty(&((const struct msock *)core)->inbox);
}

static bool msock_open(const void *core)
{
	const struct msock *m = core;

	return chan_inbox_fits(&m->inbox, m->bufsize);
}

const struct lan_dgram_ops msock_ops = {
	.name = "channel-multisock",
	.input = msock_input,
	.output = msock_output,
	.tick = msock_tick,
	.deadline = msock_deadline,
	.ready = msock_ready,
	.open = msock_open,
};

/* --- looking ----------------------------------------------------------------- */

bool msock_event(struct msock *m, struct chan_event *ev)
{
	return chan_inbox_pull(&m->inbox, ev);
}

size_t msock_pending(const struct msock *m)
{
	return m->queued;
}

void msock_status(const struct msock *m, struct chan_status *out)
{
	*out = m->status;
	out->members = m->senders.n;
	out->queued_bytes = m->queued;
}

bool msock_sender(const struct msock *m, size_t i, struct chan_sender *out)
{
	const struct msock_sender_entry *e = msock_senders_at(&m->senders, i);

	if (!e)
		return false;
	*out = (struct chan_sender){.name = "",
		.from = e->from,
		.present = true,
		.since = e->since,
		.last = e->last,
		.rx_messages = e->messages,
		.rx_bytes = e->bytes,
		.rx_datagrams = e->messages};
	return true;
}

bool msock_counter(const struct msock *m, size_t i, const char **name, const char **help, uint64_t *value)
{
	if (i >= C_N)
		return false;
	*name = counters[i].name;
	*help = counters[i].help;
	*value = m->count[i];
	return true;
}
