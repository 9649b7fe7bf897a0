/*
 * Unit tests of the multisock core: what it makes of messages and datagrams,
 * its bounds, its senders, what it says of what it refuses, and that running
 * out of memory at any place loses at most one message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "oom_alloc.h"
#include "proto/channel/channel.h"
#include "proto/channel/multisock.h"

#define NOW LAN_SEC(1000)

static uint8_t wire[MSOCK_DATAGRAM_MAX + 100];
static uint64_t traced;

static void entropy(void *ctx, void *buf, size_t n)
{
	static uint8_t x;

	while (n--)
		((uint8_t *)buf)[n] = x += 7;
}

static void trace(void *ctx, const struct lan_trace *t)
{
	traced += t->kind == LAN_TRACE_REFUSED;
}

static const struct lan_env env = {.entropy = entropy, .trace = trace};

static struct msock *core(const struct msock_config *cfg)
{
	struct msock *m = NULL;

	assert_int_equal(msock_new(&env, cfg, &m), LAN_OK);
	return m;
}

static struct msock *plain(void)
{
	return core(&(struct msock_config){0});
}

static struct msock *encrypted(void)
{
	return core(&(struct msock_config){.key = "pwd", .iv = "passphrase"});
}

static struct lan_from address(uint16_t i)
{
	return (struct lan_from){
		.addr = {[10] = 0xff, 0xff, 10, 0, (uint8_t)(i >> 8), (uint8_t)i}, .port = 1234};
}

static enum lan_err give(struct msock *m, lan_time now, uint16_t from, const void *p, size_t n)
{
	struct lan_from f = address(from);

	memmove(wire, p, n);
	return msock_ops.input(m, now, &f, wire, n);
}

static size_t take(struct msock *m)
{
	return msock_ops.output(m, NOW, wire, sizeof wire);
}

static struct chan_event next(struct msock *m)
{
	struct chan_event ev = {0};

	assert_true(msock_ops.ready(m) == msock_event(m, &ev));
	return ev;
}

static struct chan_event next_of(struct msock *m, enum chan_event_kind kind)
{
	struct chan_event ev;

	do
		ev = next(m);
	while (ev.kind && ev.kind != kind);
	assert_int_equal(ev.kind, kind);
	return ev;
}

static uint64_t counter(struct msock *m, const char *wanted)
{
	const char *name, *help;
	uint64_t v;

	for (size_t i = 0; msock_counter(m, i, &name, &help, &v); i++) {
		assert_true(*help);
		if (strcmp(name, wanted) == 0)
			return v;
	}
	fail_msg("no counter %s", wanted);
	return 0;
}

/* --- messages ------------------------------------------------------------------------ */

static void plain_messages_are_the_datagrams(void **state)
{
	struct msock *m = plain();
	struct chan_event ev;

	assert_int_equal(msock_send(m, NOW, "Hello", 5, 0), LAN_OK);
	assert_int_equal(msock_send(m, NOW, "\xff\0\1", 3, MSOCK_BYTES), LAN_OK);
	assert_int_equal(msock_send(m, NOW, "x", 1, MSOCK_BYTEARRAY), LAN_OK);
	assert_int_equal(msock_pending(m), 9);
	assert_int_equal(take(m), 5);
	assert_memory_equal(wire, "Hello", 5);
	assert_int_equal(give(m, NOW, 1, wire, 5), LAN_OK);
	assert_int_equal(take(m), 3);
	assert_int_equal(give(m, NOW, 1, wire, 3), LAN_OK);
	assert_int_equal(take(m), 1);
	assert_int_equal(take(m), 0);
	assert_int_equal(msock_pending(m), 0);
	assert_int_equal(next(m).kind, CHAN_JOINED);
	ev = next(m);
	assert_int_equal(ev.kind, CHAN_MESSAGE);
	assert_true(ev.len == 5 && ev.text && memcmp(ev.data, "Hello", 6) == 0 && ev.at == NOW);
	assert_int_equal(ev.from.port, 1234);
	ev = next(m);
	assert_true(
		ev.kind == CHAN_MESSAGE && ev.len == 3 && !ev.text && memcmp(ev.data, "\xff\0\1", 4) == 0);
	assert_int_equal(next(m).kind, 0);
	msock_free(m);
}

static void an_empty_plain_datagram_is_an_empty_message_and_is_never_sent(void **state)
{
	struct msock *m = plain();

	assert_int_equal(msock_send(m, NOW, "", 0, 0), LAN_ERR_INVAL);
	assert_int_equal(take(m), 0);
	assert_int_equal(give(m, NOW, 1, "", 0), LAN_OK);
	struct chan_event ev = next_of(m, CHAN_MESSAGE);
	assert_true(ev.len == 0 && ev.text);
	msock_free(m);
}

static void an_empty_encrypted_message_is_a_message_and_an_empty_datagram_is_none(void **state)
{
	struct msock *m = encrypted();

	assert_int_equal(msock_send(m, NOW, "", 0, 0), LAN_OK);
	assert_int_equal(take(m), 25);
	assert_int_equal(give(m, NOW, 1, wire, 25), LAN_OK);
	struct chan_event ev = next_of(m, CHAN_MESSAGE);
	assert_true(ev.len == 0 && ev.text);
	assert_int_equal(give(m, NOW, 1, "", 0), LAN_ERR_PROTO);
	ev = next(m);
	assert_int_equal(ev.kind, CHAN_REFUSED);
	assert_string_equal(ev.reason, "empty");
	msock_free(m);
}

static void every_length_and_form_comes_back_as_the_original_would_have_it(void **state)
{
	struct msock *m = encrypted();
	char data[200];
	struct chan_event ev;

	for (size_t n = 0; n < sizeof data; n++) {
		memset(data, 'a', sizeof data);
		assert_int_equal(msock_send(m, NOW, data, n, 0), LAN_OK);
		assert_int_equal(give(m, NOW, 1, wire, take(m)), LAN_OK);
		ev = next_of(m, CHAN_MESSAGE);
		assert_true(ev.len == n && ev.text && memcmp(ev.data, data, n) == 0);
		if (n == 0)
			continue;
		data[n - 1] = (char)0xff; /* binary: kept whole by the form that is chosen */
		assert_int_equal(msock_send(m, NOW, data, n, 0), LAN_OK);
		assert_int_equal(give(m, NOW, 1, wire, take(m)), LAN_OK);
		ev = next_of(m, CHAN_MESSAGE);
		assert_true(ev.len == n && !ev.text && memcmp(ev.data, data, n) == 0);
		assert_int_equal(msock_send(m, NOW, data, n, MSOCK_TEXT), LAN_ERR_UTF8);
		/* as the original's bytes the first sixteen are lost, or all */
		assert_int_equal(msock_send(m, NOW, data, n, MSOCK_BYTES), LAN_OK);
		assert_int_equal(give(m, NOW, 1, wire, take(m)), n > 16 ? LAN_OK : LAN_ERR_PROTO);
		if (n > 16) {
			ev = next_of(m, CHAN_MESSAGE);
			assert_true(ev.len == n - 16 && memcmp(ev.data, data + 16, n - 16) == 0);
		}
	}
	assert_int_equal(counter(m, "short_binary"), 16);
	msock_free(m);
}

static void letters_before_binary_data_differ_from_message_to_message(void **state)
{
	struct msock *m = encrypted();
	uint8_t first[100];

	assert_int_equal(msock_send(m, NOW, "\xff", 1, 0), LAN_OK);
	size_t n = take(m);
	memcpy(first, wire, n);
	assert_int_equal(msock_send(m, NOW, "\xff", 1, 0), LAN_OK);
	assert_int_equal(take(m), n);
	assert_memory_not_equal(first, wire, n);
	msock_free(m);
}

static void flags_and_sizes_that_cannot_be_are_refused(void **state)
{
	static char big[MSOCK_DATAGRAM_MAX + 1];
	struct msock *m = plain();

	memset(big, 'b', sizeof big);
	for (unsigned form = 3; form < 20; form++)
		if (form != MSOCK_BYTEARRAY)
			assert_int_equal(msock_send(m, NOW, "x", 1, form), LAN_ERR_INVAL);
	assert_int_equal(msock_send(m, NOW, "\xff", 1, MSOCK_TEXT), LAN_ERR_UTF8);
	assert_int_equal(msock_send(m, NOW, big, sizeof big, 0), LAN_ERR_TOOBIG);
	assert_int_equal(msock_send(m, NOW, big, MSOCK_DATAGRAM_MAX, 0), LAN_OK);
	assert_int_equal(take(m), MSOCK_DATAGRAM_MAX);
	msock_free(m);
	m = encrypted();
	assert_int_equal(msock_send(m, NOW, "x", 1, 3), LAN_ERR_INVAL);
	assert_int_equal(msock_send(m, NOW, big, MSOCK_PLAIN_MAX + 1, 0), LAN_ERR_TOOBIG);
	assert_int_equal(msock_send(m, NOW, big, MSOCK_PLAIN_MAX - 15, MSOCK_BYTEARRAY), LAN_ERR_TOOBIG);
	assert_int_equal(msock_send(m, NOW, big, SIZE_MAX, 0), LAN_ERR_TOOBIG);
	assert_int_equal(msock_send(m, NOW, big, MSOCK_PLAIN_MAX - 16, MSOCK_BYTEARRAY), LAN_OK);
	assert_int_equal(msock_send(m, NOW, big, MSOCK_PLAIN_MAX, MSOCK_TEXT), LAN_OK);
	assert_int_equal(take(m), 65491);
	assert_int_equal(take(m), 65491);
	msock_free(m);
}

static void keys_that_can_never_work_are_refused_at_once(void **state)
{
	static const struct {
		const char *key, *iv, *why;
	} bad[] = {{"", "p", "the key is empty or blank"}, {" \t\x1c", "p", "the key is empty or blank"},
		{"k", "", "the passphrase is empty or blank"},
		{"k", "\n ", "the passphrase is empty or blank"},
		{"012345678901234567890123456789012", "p", "the key is longer than 32 characters"},
		{"k", "0123456789012345", "the passphrase is longer than 15 characters"},
		{"k\xc3\xa9", "p", "the key has a character that is not ASCII"},
		{"k", "\xc3\xa9", "the passphrase has a character that is not ASCII"},
		{NULL, "p", "there is no key"}, {"k", NULL, "there is no passphrase"}};
	static const struct msock_config odd[] = {
		{.key = "k"}, {.iv = "p"}, {.bufsize = 65508}, {.max_senders = 4097}};
	struct msock_crypto *c = NULL;
	struct msock *m = NULL;
	const char *why;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		why = NULL;
		assert_int_equal(msock_crypto_new(bad[i].key, bad[i].iv, &c, &why), LAN_ERR_INVAL);
		assert_string_equal(why, bad[i].why);
		assert_int_equal(msock_crypto_new(bad[i].key, bad[i].iv, &c, NULL), LAN_ERR_INVAL);
		assert_int_equal(
			msock_new(&env, &(struct msock_config){.key = bad[i].key, .iv = bad[i].iv}, &m),
			LAN_ERR_INVAL);
	}
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		assert_int_equal(msock_new(&env, &odd[i], &m), LAN_ERR_INVAL);
	assert_int_equal(oom_live(), 0);
	assert_int_equal(
		msock_crypto_new("01234567890123456789012345678901", "012345678901234", &c, &why), LAN_OK);
	msock_crypto_free(c);
}

/* --- what is refused ------------------------------------------------------------------- */

static void refusals_are_told_at_most_once_a_second_for_each_reason_and_all_are_counted(void **state)
{
	struct msock *m = encrypted();
	struct chan_event ev;

	traced = 0;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(give(m, NOW + LAN_MS(i), (uint16_t)i, "A", 1), LAN_ERR_PROTO);
	assert_int_equal(give(m, NOW + LAN_MS(100), 7, "AAAA", 4), LAN_ERR_PROTO);
	ev = next(m);
	assert_true(ev.kind == CHAN_REFUSED && ev.count == 1 && ev.from.addr[15] == 0);
	assert_string_equal(ev.reason, "base64_length");
	ev = next(m);
	assert_true(ev.kind == CHAN_REFUSED && ev.count == 1 && ev.from.addr[15] == 7);
	assert_string_equal(ev.reason, "block_length");
	assert_int_equal(next(m).kind, 0);
	assert_int_equal(msock_ops.deadline(m), NOW + LAN_SEC(1));
	msock_ops.tick(m, NOW + LAN_MS(999));
	assert_false(msock_ops.ready(m));
	msock_ops.tick(m, NOW + LAN_SEC(1));
	ev = next(m);
	assert_true(ev.kind == CHAN_REFUSED && ev.count == 99 && ev.from.addr[15] == 99);
	assert_int_equal(msock_ops.deadline(m), LAN_NEVER);
	msock_ops.tick(m, NOW + LAN_SEC(9));
	assert_false(msock_ops.ready(m));
	assert_int_equal(counter(m, "base64_length"), 100);
	struct chan_status s;
	msock_status(m, &s);
	assert_true(s.rx_refused == 101 && s.rx_datagrams == 101 && s.rx_messages == 0 && s.members == 0);
	assert_int_equal(traced, 101);
	msock_free(m);
}

static void longer_than_the_buffer_is_refused_and_not_cut(void **state)
{
	static char data[5000];
	struct msock *m = core(&(struct msock_config){.bufsize = 2048}), *d = plain();

	assert_int_equal(give(m, NOW, 1, data, 2048), LAN_OK);
	assert_int_equal(next_of(m, CHAN_MESSAGE).len, 2048);
	assert_int_equal(give(m, NOW, 1, data, 2049), LAN_ERR_TOOBIG);
	assert_string_equal(next_of(m, CHAN_REFUSED).reason, "oversize");
	assert_int_equal(counter(m, "oversize"), 1);
	assert_int_equal(give(d, NOW, 1, data, 4096), LAN_OK); /* the original's default */
	assert_int_equal(give(d, NOW, 1, data, 4097), LAN_ERR_TOOBIG);
	msock_free(m);
	msock_free(d);
}

static void another_key_is_refused_but_for_what_cannot_be_told(void **state)
{
	struct msock *a = encrypted(), *b;
	char key[3] = "k0";
	int passed = 0;

	for (int i = 0; i < 500; i++) {
		key[0] = (char)('A' + i % 50);
		key[1] = (char)('a' + i / 50);
		b = core(&(struct msock_config){.key = key, .iv = "passphrase"});
		assert_int_equal(msock_send(a, NOW, "sixteen letters and some more", 29, 0), LAN_OK);
		passed += give(b, NOW, 1, wire, take(a)) == LAN_OK;
		msock_free(b);
	}
	assert_true(passed < 15); /* 1 in 255 has a last byte of 1, fewer more */
	/* another passphrase changes the first sixteen bytes and nothing else */
	b = core(&(struct msock_config){.key = "pwd", .iv = "passphrasf"});
	assert_int_equal(msock_send(a, NOW, "sixteen letters and some more", 29, 0), LAN_OK);
	assert_int_equal(give(b, NOW, 1, wire, take(a)), LAN_OK);
	struct chan_event ev = next_of(b, CHAN_MESSAGE);
	assert_int_equal(ev.len, 29);
	assert_memory_equal(ev.data + 16, "and some more", 13);
	assert_memory_not_equal(ev.data, "sixteen letters ", 16);
	msock_free(a);
	msock_free(b);
}

/* --- bounds ----------------------------------------------------------------------------- */

static void a_full_queue_refuses_and_tells_when_half_is_free(void **state)
{
	static char data[60000];
	struct msock *m = core(&(struct msock_config){.max_queue = 200000});
	unsigned n = 0;

	while (msock_send(m, NOW, data, sizeof data, 0) == LAN_OK)
		n++;
	assert_int_equal(n, 3);
	assert_int_equal(msock_send(m, NOW, data, 30000, 0), LAN_ERR_FULL);
	assert_int_equal(msock_send(m, NOW, data, 1000, 0), LAN_OK);
	assert_int_equal(counter(m, "tx_full"), 2);
	assert_int_equal(take(m), sizeof data);
	assert_int_equal(next(m).kind, 0);
	assert_int_equal(take(m), sizeof data);
	assert_int_equal(next(m).kind, CHAN_WRITABLE);
	assert_int_equal(take(m), sizeof data);
	assert_int_equal(take(m), 1000);
	assert_int_equal(next(m).kind, 0);
	/* the smallest queue holds one datagram of any size */
	msock_free(m);
	m = core(&(struct msock_config){.max_queue = 1});
	assert_int_equal(msock_send(m, NOW, data, sizeof data, 0), LAN_OK);
	assert_int_equal(msock_send(m, NOW, data, sizeof data, 0), LAN_ERR_FULL);
	assert_int_equal(take(m), sizeof data);
	assert_int_equal(next(m).kind, CHAN_WRITABLE);
	msock_free(m);
}

static void a_full_inbox_stops_reading(void **state)
{
	static char data[4096];
	struct msock *m = core(&(struct msock_config){.max_events = 100000});
	unsigned n = 0, got = 0;

	for (; msock_ops.open(m); n++)
		assert_int_equal(give(m, NOW, 1, data, sizeof data), LAN_OK);
	assert_in_range(n, 20, 24);
	/* a driver that does not listen is no harm */
	while (give(m, NOW, 1, data, sizeof data) == LAN_OK)
		n++;
	assert_int_equal(counter(m, "inbox_full"), 1);
	for (struct chan_event ev; msock_event(m, &ev);)
		got += ev.kind == CHAN_MESSAGE;
	assert_int_equal(got, n);
	assert_true(msock_ops.open(m));
	msock_free(m);
	/* the smallest inbox holds one message of any size accepted */
	m = core(&(struct msock_config){.max_events = 1, .bufsize = 4096});
	assert_true(msock_ops.open(m));
	assert_int_equal(give(m, NOW, 1, data, sizeof data), LAN_OK);
	msock_free(m);
}

/* --- senders ------------------------------------------------------------------------------ */

static void senders_join_when_heard_and_leave_after_a_minute_of_silence(void **state)
{
	struct msock *m = plain();
	struct chan_sender s;
	struct chan_event ev;

	assert_false(msock_sender(m, 0, &s));
	assert_int_equal(msock_ops.deadline(m), LAN_NEVER);
	assert_int_equal(give(m, NOW, 1, "a", 1), LAN_OK);
	assert_int_equal(give(m, NOW + LAN_SEC(1), 2, "b", 1), LAN_OK);
	assert_int_equal(give(m, NOW + LAN_SEC(30), 1, "cd", 2), LAN_OK);
	assert_int_equal(msock_ops.deadline(m), NOW + LAN_SEC(61));
	assert_true(msock_sender(m, 0, &s));
	assert_true(s.rx_messages == 2 && s.rx_bytes == 3 && s.rx_datagrams == 2 && s.present &&
		    s.from.addr[15] == 1);
	assert_true(s.since == NOW && s.last == NOW + LAN_SEC(30));
	assert_true(msock_sender(m, 1, &s));
	assert_false(msock_sender(m, 2, &s));
	for (unsigned i = 0, joined = 0; i < 5; i++) {
		joined += next(m).kind == CHAN_JOINED;
		assert_int_equal(joined, i < 2 ? 1 : 2);
	}
	msock_ops.tick(m, NOW + LAN_SEC(61) - 1);
	assert_false(msock_ops.ready(m));
	msock_ops.tick(m, NOW + LAN_SEC(61));
	msock_ops.tick(m, NOW + LAN_SEC(61));
	ev = next(m);
	assert_true(ev.kind == CHAN_LEFT && ev.from.addr[15] == 2);
	assert_string_equal(ev.reason, "silent");
	assert_int_equal(next(m).kind, 0);
	assert_true(msock_sender(m, 0, &s) && !msock_sender(m, 1, &s));
	msock_ops.tick(m, NOW + LAN_SEC(1000));
	assert_int_equal(next(m).kind, CHAN_LEFT);
	assert_int_equal(msock_ops.deadline(m), LAN_NEVER);
	/* and it may come again */
	assert_int_equal(give(m, NOW + LAN_SEC(1001), 2, "b", 1), LAN_OK);
	assert_int_equal(next(m).kind, CHAN_JOINED);
	msock_free(m);
}

static void a_full_table_forgets_who_was_silent_longest(void **state)
{
	struct msock *m = core(&(struct msock_config){.max_senders = 8});
	struct chan_event ev;
	struct chan_sender s;

	for (uint16_t i = 0; i < 8; i++)
		assert_int_equal(give(m, NOW + i, i, "a", 1), LAN_OK);
	assert_int_equal(give(m, NOW + 8, 0, "a", 1), LAN_OK); /* 1 is the oldest now */
	while (msock_event(m, &ev))
		;
	assert_int_equal(give(m, NOW + 9, 100, "a", 1), LAN_OK);
	ev = next(m);
	assert_true(ev.kind == CHAN_LEFT && ev.from.addr[15] == 1);
	assert_string_equal(ev.reason, "evicted");
	assert_int_equal(next(m).kind, CHAN_JOINED);
	/* ten thousand strangers */
	for (unsigned i = 0; i < 10000; i++) {
		assert_int_equal(give(m, NOW + 10 + i, (uint16_t)(1000 + i), "a", 1), LAN_OK);
		while (msock_event(m, &ev))
			;
	}
	assert_true(msock_sender(m, 7, &s) && !msock_sender(m, 8, &s));
	assert_int_equal(counter(m, "senders_evicted"), 10001);
	struct chan_status st;
	msock_status(m, &st);
	assert_int_equal(st.members, 8);
	/* a refused datagram makes no sender */
	assert_int_equal(give(m, NOW + 20000, 1, wire, 5000), LAN_ERR_TOOBIG);
	assert_int_equal(counter(m, "senders_evicted"), 10001);
	msock_free(m);
}

static void the_status_counts_messages_and_bytes(void **state)
{
	struct msock *m = encrypted();
	struct chan_status s;

	assert_int_equal(msock_send(m, NOW, "hello", 5, 0), LAN_OK);
	msock_status(m, &s);
	assert_true(s.queued_bytes == 25 && s.tx_messages == 1 && s.tx_bytes == 5 && s.tx_datagrams == 0);
	assert_int_equal(give(m, NOW, 1, wire, take(m)), LAN_OK);
	msock_status(m, &s);
	assert_true(s.queued_bytes == 0 && s.tx_datagrams == 1 && s.members == 1);
	assert_true(s.rx_datagrams == 1 && s.rx_messages == 1 && s.rx_bytes == 5 && s.rx_refused == 0);
	msock_free(m);
}

/* --- memory -------------------------------------------------------------------------------- */

/* A short life; what it delivered. */
static unsigned life(const struct msock_config *cfg)
{
	struct msock *m;
	unsigned got = 0;

	if (msock_new(&env, cfg, &m))
		return 0;
	for (uint16_t i = 0; i < 20; i++) {
		bool sent = msock_send(m, NOW, "some message", 12, i % 2 ? MSOCK_BYTEARRAY : 0) == LAN_OK;
		size_t n = take(m);
		assert_true(sent == (n > 0));
		if (sent)
			(void)!give(m, NOW, i, wire, n);
		(void)!give(m, NOW, i, wire, 5000);
		msock_ops.tick(m, NOW + LAN_SEC(i));
	}
	for (struct chan_event ev; msock_event(m, &ev);)
		got += ev.kind == CHAN_MESSAGE;
	msock_free(m);
	return got;
}

static void running_out_of_memory_loses_at_most_one_message(void **state)
{
	static const struct msock_config cfgs[] = {{0}, {.key = "pwd", .iv = "passphrase"}};

	for (unsigned c = 0; c < 2; c++) {
		oom_arm(0);
		assert_int_equal(life(&cfgs[c]), 20);
		uint64_t n = oom_count();
		assert_true(n >= 5);
		for (uint64_t k = 1; k <= n; k++) {
			oom_arm(k);
			unsigned got = life(&cfgs[c]);
			oom_disarm();
			assert_true(got == 0 || got >= 19);
			assert_int_equal(oom_live(), 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_messages_are_the_datagrams),
		cmocka_unit_test(an_empty_plain_datagram_is_an_empty_message_and_is_never_sent),
		cmocka_unit_test(an_empty_encrypted_message_is_a_message_and_an_empty_datagram_is_none),
		cmocka_unit_test(every_length_and_form_comes_back_as_the_original_would_have_it),
		cmocka_unit_test(letters_before_binary_data_differ_from_message_to_message),
		cmocka_unit_test(flags_and_sizes_that_cannot_be_are_refused),
		cmocka_unit_test(keys_that_can_never_work_are_refused_at_once),
		cmocka_unit_test(refusals_are_told_at_most_once_a_second_for_each_reason_and_all_are_counted),
		cmocka_unit_test(longer_than_the_buffer_is_refused_and_not_cut),
		cmocka_unit_test(another_key_is_refused_but_for_what_cannot_be_told),
		cmocka_unit_test(a_full_queue_refuses_and_tells_when_half_is_free),
		cmocka_unit_test(a_full_inbox_stops_reading),
		cmocka_unit_test(senders_join_when_heard_and_leave_after_a_minute_of_silence),
		cmocka_unit_test(a_full_table_forgets_who_was_silent_longest),
		cmocka_unit_test(the_status_counts_messages_and_bytes),
		cmocka_unit_test(running_out_of_memory_loses_at_most_one_message),
	};

	if (lan_crypto_init())
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
