/*
 * test_channel_vectors.c - the vectors of an independent implementation of the
 * sealed wire (channel.py) against ours: what a sender makes of a frame, byte for
 * byte, and back; which frames parse, and that these are written again as they
 * were; whole sessions at a receiver's core, where each datagram must raise the
 * one counter that the vector names, and no other.
 *
 *      test_channel_vectors channel.json
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "proto/channel/channel.h"
#include "proto/channel/seal.h"

#define DATAGRAM_MAX 4096
#define COUNTERS_MAX 64
#define MEMBERS_MAX  8

static int count, failures;
static char trouble[512];

static bool wrong(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(trouble, sizeof trouble, fmt, ap);
	va_end(ap);
	return false;
}

static const char *text(const json_t *e, const char *name)
{
	const char *s = json_string_value(json_object_get(e, name));
	return s ? s : "";
}

static uint64_t number(const json_t *e, const char *name)
{
	return strtoull(text(e, name), NULL, 16);
}

static size_t bytes_of(const char *hex, uint8_t *out, size_t cap)
{
	size_t n = strlen(hex) / 2;
	if (n > cap) {
		fprintf(stderr, "a value of %zu bytes is too long for this program\n", n);
		exit(2);
	}
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)strtoul((char[]){hex[2 * i], hex[2 * i + 1], 0}, NULL, 16);
	return n;
}

static size_t bytes(const json_t *e, const char *name, uint8_t *out, size_t cap)
{
	return bytes_of(text(e, name), out, cap);
}

/* --- seal: both ways -------------------------------------------------------- */

struct sealed {
	int cipher;
	bool is_signed;
	struct chan_header h;
	uint8_t id[CHAN_ID_SIZE], key[32], prefix[16], secret[LAN_SIGN_SECRET], public_key[LAN_SIGN_PUBLIC];
	uint8_t frame[DATAGRAM_MAX], datagram[DATAGRAM_MAX];
	size_t frame_len, n;
};

static bool derive(const json_t *e, struct sealed *s)
{
	uint8_t epoch_key[32], seed[32], want[32];
	s->cipher = (int)json_integer_value(json_object_get(e, "cipher"));
	s->is_signed = json_is_string(json_object_get(e, "seed"));
	s->h = (struct chan_header){.flags = s->is_signed ? CHAN_SIGNED : 0,
		.epoch = (uint32_t)json_integer_value(json_object_get(e, "epoch")),
		.sender = number(e, "sender"),
		.boot = number(e, "boot"),
		.counter = number(e, "counter")};
	s->frame_len = bytes(e, "frame", s->frame, sizeof s->frame);
	s->n = bytes(e, "datagram", s->datagram, sizeof s->datagram);
	bytes(e, "epoch_key", epoch_key, sizeof epoch_key);
	chan_id_of(text(e, "channel"), s->id);
	bytes(e, "channel_id", want, sizeof want);
	if (memcmp(s->id, want, CHAN_ID_SIZE) != 0)
		return wrong("another channel id");
	chan_instance_key(s->cipher, epoch_key, s->h.epoch, s->id, s->h.sender, s->h.boot, s->key, s->prefix);
	bytes(e, "instance_key", want, sizeof want);
	if (memcmp(s->key, want, sizeof want) != 0)
		return wrong("another instance key");
	if (s->is_signed) {
		bytes(e, "seed", seed, sizeof seed);
		lan_sign_keypair(seed, s->public_key, s->secret);
		if (chan_sender_of(s->public_key) != s->h.sender)
			return wrong("another sender id");
	}
	return true;
}

static bool sealed_the_same(struct sealed *s, struct lan_aead *a)
{
	uint8_t out[DATAGRAM_MAX];
	size_t n = chan_seal(
		a, &s->h, s->id, s->is_signed ? s->secret : NULL, s->frame, s->frame_len, out, sizeof out);
	if (n != s->n)
		return wrong("%zu bytes instead of %zu", n, s->n);
	for (size_t i = 0; i < n; i++)
		if (out[i] != s->datagram[i])
			return wrong("another byte at %zu of %zu", i, n);
	return true;
}

static bool opened_to_the_frame(struct sealed *s, struct lan_aead *a)
{
	struct chan_header h;
	const uint8_t *public_key = NULL;
	uint8_t *frame;
	size_t len;
	if (chan_header_decode(s->datagram, s->n, &h))
		return wrong("its header is refused");
	if (h.flags != s->h.flags || h.epoch != s->h.epoch || h.sender != s->h.sender ||
		h.boot != s->h.boot || h.counter != s->h.counter)
		return wrong("another header");
	enum lan_err e = chan_unseal(a, &h, s->id, s->datagram, s->n, &frame, &len, &public_key);
	if (e)
		return wrong("does not open: %s", lan_err_name(e));
	if (len != s->frame_len || memcmp(frame, s->frame, len) != 0)
		return wrong("another frame comes out");
	if (s->is_signed ? !public_key || memcmp(public_key, s->public_key, sizeof s->public_key) != 0
			 : public_key != NULL)
		return wrong("another public key comes out");
	return true;
}

static bool check_seal(const json_t *e)
{
	static struct sealed s;
	struct lan_aead *a = NULL;
	if (!derive(e, &s))
		return false;
	if (lan_aead_new(s.cipher, s.key, s.prefix, &a))
		return wrong("no cipher");
	bool ok = sealed_the_same(&s, a) && opened_to_the_frame(&s, a);
	lan_aead_free(a);
	return ok;
}

/* --- frames ------------------------------------------------------------------ */

static bool check_frame(const json_t *e)
{
	uint8_t frame[DATAGRAM_MAX], again[DATAGRAM_MAX];
	const char *want = text(e, "result");
	struct chan_frame f;
	size_t n = bytes(e, "frame", frame, sizeof frame);
	enum lan_err got = chan_frame_decode(frame, n, &f);
	const char *result = got == LAN_OK ? "ok" : got == LAN_ERR_NOTSUP ? "unknown" : "refused";
	if (strcmp(result, want) != 0)
		return wrong("%s instead of %s", result, want);
	if (got)
		return true;
	size_t len = chan_frame_encode(&f, again, sizeof again);
	if (len != n || memcmp(again, frame, n) != 0)
		return wrong("written again it is another one");
	return true;
}

/* --- sessions ------------------------------------------------------------------ */

static void constant(void *ctx, void *buf, size_t n)
{
	memset(buf, 0x42, n);
}

static struct chan *receiver(const json_t *e)
{
	static const struct lan_env env = {.entropy = constant};
	static struct chan_member member[MEMBERS_MAX];
	struct chan_config cfg = {.mode = (enum chan_mode)json_integer_value(json_object_get(e, "mode")),
		.channel = text(e, "channel"),
		.sender = number(e, "sender"),
		.members.member = member};
	struct chan *c = NULL;
	const json_t *item;
	size_t i;
	cfg.keys.cipher = (int)json_integer_value(json_object_get(e, "cipher"));
	json_array_foreach(json_object_get(e, "epochs"), i, item)
	{
		struct chan_key *key = &cfg.keys.key[cfg.keys.n++];
		key->epoch = (uint32_t)json_integer_value(json_object_get(item, "epoch"));
		key->accept_until = LAN_NEVER;
		bytes(item, "key", key->key, sizeof key->key);
	}
	json_array_foreach(json_object_get(e, "members"), i, item)
	{
		bytes_of(json_string_value(item), member[i].public_key, LAN_SIGN_PUBLIC);
		member[i].name = "";
		cfg.members.n = i + 1;
	}
	return chan_new(&env, LAN_SEC(1), &cfg, &c) == LAN_OK ? c : NULL;
}

static size_t counters(const struct chan *c, uint64_t *value, const char **name)
{
	const char *help;
	size_t n = 0;
	while (n < COUNTERS_MAX && chan_counter(c, n, &name[n], &help, &value[n]))
		n++;
	return n;
}

/* One datagram: which counter did it raise? Frames given back by parity count too, but are no refusal. */
static bool give(struct chan *c, lan_time now, const json_t *item)
{
	static const struct lan_from from = {
		.addr = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 7}, .port = 5000};
	const char *name[COUNTERS_MAX], *want = text(item, "expect"), *raised = "ok";
	uint64_t before[COUNTERS_MAX], after[COUNTERS_MAX];
	uint8_t buf[DATAGRAM_MAX];
	struct chan_status was, is;
	size_t n = bytes(item, "hex", buf, sizeof buf);
	size_t k = counters(c, before, name);
	chan_status(c, &was);
	(void)chan_ops.input(c, now, &from, buf, n);
	chan_status(c, &is);
	counters(c, after, name);
	bool taken = is.rx_datagrams > was.rx_datagrams;
	for (size_t i = 0; i < k; i++) {
		if (after[i] == before[i] || strcmp(name[i], "decoded") == 0)
			continue;
		if (strcmp(raised, "ok") != 0 || after[i] != before[i] + 1)
			return wrong("'%s' raises more than one counter: %s and %s", text(item, "what"),
				raised, name[i]);
		raised = name[i];
	}
	if (strcmp(raised, "ok") == 0 && !taken)
		raised = "own";
	if (taken != (strcmp(want, "ok") == 0 || strcmp(want, "unknown") == 0))
		return wrong("'%s' is %s", text(item, "what"), taken ? "taken" : "not taken");
	return strcmp(raised, want) == 0 ||
	       wrong("'%s' gives %s instead of %s", text(item, "what"), raised, want);
}

/* Messages that wait, against those that are to come. */
static bool pull(struct chan *c, const json_t *messages, size_t *seen)
{
	struct chan_event ev;
	uint8_t want[DATAGRAM_MAX];
	while (chan_event(c, &ev)) {
		if (ev.kind == CHAN_LOST)
			return wrong("messages %" PRIu64 " to %" PRIu64 " are reported as lost", ev.first,
				ev.last);
		if (ev.kind != CHAN_MESSAGE)
			continue;
		const char *hex = json_string_value(json_array_get(messages, *seen));
		if (!hex)
			return wrong("a message too many");
		size_t n = bytes_of(hex, want, sizeof want);
		if (ev.len != n || (n && memcmp(ev.data, want, n) != 0))
			return wrong("message %zu is another one", *seen);
		++*seen;
	}
	return true;
}

static bool check_session(const json_t *e)
{
	const json_t *item, *messages = json_object_get(e, "messages");
	struct chan *c = receiver(e);
	size_t i, seen = 0;
	bool ok = c != NULL || wrong("there is no receiver");
	json_array_foreach(json_object_get(e, "datagrams"), i, item)
	{
		lan_time now = LAN_SEC(1) + LAN_SEC(i) / 1000;
		ok = ok && give(c, now, item) && pull(c, messages, &seen);
	}
	if (ok && seen != json_array_size(messages))
		ok = wrong("%zu messages instead of %zu", seen, json_array_size(messages));
	chan_free(c);
	return ok;
}

static void part(const json_t *file, const char *name, bool (*check)(const json_t *e))
{
	const json_t *e;
	size_t i;
	if (json_array_size(json_object_get(file, name)) == 0) {
		printf("not ok %d - %s: there are entries\n", ++count, name);
		failures++;
	}
	json_array_foreach(json_object_get(file, name), i, e)
	{
		bool ok = check(e);
		printf("%s %d - %s: %s\n", ok ? "ok" : "not ok", ++count, name, text(e, "name"));
		if (!ok) {
			printf("# %s\n", trouble);
			failures++;
		}
	}
}

int main(int argc, char **argv)
{
	json_error_t error;
	json_t *file = argc == 2 ? json_load_file(argv[1], 0, &error) : NULL;
	if (!file || lan_crypto_init()) {
		fprintf(stderr, "usage: test_channel_vectors channel.json\n");
		return 2;
	}
	part(file, "seal", check_seal);
	part(file, "frames", check_frame);
	part(file, "sessions", check_session);
	printf("1..%d\n", count);
	json_decref(file);
	return failures != 0;
}
