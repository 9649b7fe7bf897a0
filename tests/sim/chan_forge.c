/*
 * chan_forge.c - two receivers under a flood of datagrams that must not be
 * accepted: noise, true headers with false bodies, datagrams of another channel,
 * key or epoch, bits turned over, replays within and beyond the window, signed
 * ids claimed by others, earlier boots, clones, broken frames from an insider.
 *
 * Of none of them may anything come: nothing delivered, nothing answered, no
 * sender more in the table, not one block of memory more than after the first
 * thousands; and each is counted under a reason. Time stands still meanwhile,
 * so that whatever is sent is sent because of them.
 *
 *      chan_forge [COUNT [SEED]]      default 200,000 and 1; one line of TAP
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "oom_alloc.h"
#include "proto/channel/channel.h"
#include "proto/channel/frame.h"
#include "proto/channel/seal.h"
#include "rng.h"

#define KEPT    4096
#define BUFFER  1472
#define WARM    20000
#define CHANNEL "plant"

struct kept {
	size_t n, len[KEPT];
	uint8_t bytes[KEPT][BUFFER];
};

/* The table of kinds: what a forger may have. */
enum { HEARD, OLD_BOOT, OTHER_CHANNEL, OTHER_KEY, OTHER_EPOCH, LISTS };

static struct rng g;
static struct lan_env env;
static struct kept kept[LISTS];
static struct chan *receiver[2]; /* the second has a list of members */
static lan_time now = LAN_SEC(1);
static uint8_t key[32], other_key[32], secret[LAN_SIGN_SECRET], stranger[LAN_SIGN_SECRET];
static uint8_t member_key[LAN_SIGN_PUBLIC], channel_id[CHAN_ID_SIZE];
static const uint64_t unsigned_id = 0x1234567890abcdef;
static uint64_t signed_id;
static struct lan_aead *insider[2]; /* of the unsigned and the signed instance */
static struct chan_header last[2];  /* of the newest datagram of each */

static void die(const char *what)
{
	printf("not ok 1 - forged datagrams\n# %s\n", what);
	exit(1);
}

static void entropy(void *ctx, void *buf, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] = (uint8_t)rng_next(&g);
}

static struct chan *make(uint64_t id, const uint8_t *sign, uint64_t counter, const char *channel,
	const uint8_t *k, uint32_t epoch)
{
	struct chan_config cfg = {.mode = CHAN_RELIABLE,
		.channel = channel,
		.sender = id,
		.identity = sign,
		.counter = counter,
		.parity = 2,
		.history = 64,
		.max_senders = 16};
	struct chan *c;

	cfg.keys = (struct chan_keys){.cipher = LAN_AEAD_XCHACHA20, .n = 1};
	cfg.keys.key[0] = (struct chan_key){.epoch = epoch, .accept_until = LAN_NEVER};
	memcpy(cfg.keys.key[0].key, k, 32);
	if (chan_new(&env, now, &cfg, &c) != LAN_OK)
		die("no core");
	return c;
}

static struct chan *make_receiver(bool members_only)
{
	struct chan_member list = {.name = "the only one"};
	struct chan_config cfg = {
		.mode = CHAN_RELIABLE, .channel = CHANNEL, .history = 64, .max_senders = 16};
	struct chan *c;

	memcpy(list.public_key, member_key, sizeof list.public_key);
	cfg.members = (struct chan_members){.n = members_only, .member = &list};
	cfg.keys = (struct chan_keys){.cipher = LAN_AEAD_XCHACHA20, .n = 2};
	cfg.keys.key[0] = (struct chan_key){.epoch = 6, .accept_until = now + 1}; /* over when it begins */
	cfg.keys.key[1] = (struct chan_key){.epoch = 7, .accept_until = LAN_NEVER};
	memcpy(cfg.keys.key[0].key, key, 32);
	memcpy(cfg.keys.key[1].key, key, 32);
	if (chan_new(&env, now, &cfg, &c) != LAN_OK)
		die("no receiver");
	return c;
}

static void keep(struct kept *k, const uint8_t *bytes, size_t n)
{
	if (k->n == KEPT)
		return;
	memcpy(k->bytes[k->n], bytes, n);
	k->len[k->n++] = n;
}

static void pull(struct chan *c, uint64_t *messages)
{
	struct chan_event ev;

	while (chan_event(c, &ev))
		if (messages)
			*messages +=
				ev.kind == CHAN_MESSAGE || ev.kind == CHAN_JOINED || ev.kind == CHAN_LOST;
}

/* What c sends reaches `to` (n of them), and is kept. */
static void carry(struct chan *c, struct chan **to, int n, struct kept *k)
{
	static const struct lan_from from = {.port = 5000};
	uint8_t buf[BUFFER], copy[BUFFER];
	size_t len;

	chan_ops.tick(c, now);
	while ((len = chan_ops.output(c, now, buf, sizeof buf))) {
		if (k)
			keep(k, buf, len);
		for (int i = 0; i < n; i++) {
			memcpy(copy, buf, len);
			if (to[i] != c)
				(void)chan_ops.input(to[i], now, &from, copy, len);
		}
	}
}

/* A while of talk by one sender: messages short and long, parity, presence. */
static void talk(struct chan *c, struct chan **to, int n, struct kept *k, int rounds)
{
	uint8_t message[3000];

	entropy(NULL, message, sizeof message);
	for (int i = 0; i < rounds; i++) {
		if (chan_send(c, now, message, rng_below(&g, 10) ? rng_below(&g, 200) : sizeof message, NULL))
			die("a message was not taken");
		carry(c, to, n, k);
		for (int r = 0; r < n; r++) {
			carry(to[r], &c, 1, NULL);
			pull(to[r], NULL);
		}
		pull(c, NULL);
		now += LAN_MS(1);
	}
}

static void collect(
	int list, uint64_t id, const uint8_t *sign, const char *channel, const uint8_t *k, uint32_t epoch)
{
	struct chan *c = make(id, sign, 1u << 20, channel, k, epoch);

	talk(c, NULL, 0, &kept[list], 60);
	chan_free(c);
}

/* The instance key of the sender of a kept datagram, as a member gone bad can make it. */
static void turn(int who, const struct kept *k)
{
	uint8_t instance[LAN_AEAD_KEY], prefix[16];

	if (chan_header_decode(k->bytes[k->n - 1], k->len[k->n - 1], &last[who]) != LAN_OK)
		die("no header");
	chan_instance_key(
		LAN_AEAD_XCHACHA20, key, 7, channel_id, last[who].sender, last[who].boot, instance, prefix);
	if (lan_aead_new(LAN_AEAD_XCHACHA20, instance, prefix, &insider[who]) != LAN_OK)
		die("no key");
}

static void prepare(void)
{
	uint8_t seed[32], public_key[LAN_SIGN_PUBLIC];
	struct chan *c;

	env.entropy = entropy;
	entropy(NULL, key, sizeof key);
	entropy(NULL, other_key, sizeof other_key);
	entropy(NULL, seed, sizeof seed);
	lan_sign_keypair(seed, public_key, secret);
	signed_id = chan_sender_of(public_key);
	entropy(NULL, seed, sizeof seed);
	lan_sign_keypair(seed, public_key, stranger);
	entropy(NULL, member_key, sizeof member_key);
	chan_id_of(CHANNEL, channel_id);
	receiver[0] = make_receiver(false);
	receiver[1] = make_receiver(true);
	now += 1;
	c = make(unsigned_id, NULL, 1, CHANNEL, key, 7);
	talk(c, receiver, 2, &kept[OLD_BOOT], 100);
	chan_free(c);
	c = make(signed_id, secret, 1, CHANNEL, key, 7);
	talk(c, receiver, 2, &kept[HEARD], 150);
	turn(1, &kept[HEARD]);
	chan_free(c);
	c = make(unsigned_id, NULL, 1u << 20, CHANNEL, key, 7);
	talk(c, receiver, 2, &kept[HEARD], 1500); /* more than a window */
	turn(0, &kept[HEARD]);
	chan_free(c);
	collect(OTHER_CHANNEL, unsigned_id, NULL, "another plant", key, 7);
	collect(OTHER_CHANNEL, 0, secret, "another plant", key, 7);
	collect(OTHER_KEY, unsigned_id, NULL, CHANNEL, other_key, 7);
	collect(OTHER_EPOCH, unsigned_id, NULL, CHANNEL, key, 6);
	collect(OTHER_EPOCH, unsigned_id, NULL, CHANNEL, key, 8);
}

/* --- forging ------------------------------------------------------------------------------- */

static size_t pick(int list, uint8_t *out)
{
	const struct kept *k = &kept[list];
	size_t i = rng_below(&g, k->n);

	memcpy(out, k->bytes[i], k->len[i]);
	return k->len[i];
}

static size_t noise(uint8_t *out)
{
	size_t n = rng_below(&g, 8) ? rng_below(&g, 120) : rng_below(&g, BUFFER);

	entropy(NULL, out, n);
	if (n > 4 && rng_below(&g, 2))
		memcpy(out, "LC\001", 3);
	return n;
}

static size_t false_body(uint8_t *out)
{
	size_t n = CHAN_OVERHEAD + 1 + rng_below(&g, 200);
	struct chan_header h = last[rng_below(&g, 2)];

	h.counter += rng_below(&g, 2) ? 1 : rng_below(&g, 1u << 30);
	entropy(NULL, out, n);
	chan_header_encode(&h, out);
	return n;
}

static size_t flipped(uint8_t *out)
{
	size_t n = pick(HEARD, out), bit = rng_below(&g, n * 8);

	for (uint64_t i = 1 + rng_below(&g, 8); i; i--) {
		out[bit / 8] ^= (uint8_t)(1u << bit % 8);
		bit = (bit + 1 + rng_below(&g, 20)) % (n * 8);
	}
	return n;
}

/* Under a signed id: without a signature, or with a stranger's. */
static size_t claimed(uint8_t *out)
{
	struct chan_frame f = {.type = CHAN_F_LATE, .u.late = {.sender = 1, .boot = 1, .n = 1}};
	struct chan_header h = last[1];
	uint8_t frame[64];
	size_t n = chan_frame_encode(&f, frame, sizeof frame);
	bool sign = rng_below(&g, 2);

	h.counter += 1 + rng_below(&g, 1000);
	h.flags = sign ? CHAN_SIGNED : 0;
	n = chan_seal(insider[1], &h, channel_id, sign ? stranger : NULL, frame, n, out, BUFFER);
	if (!sign && rng_below(&g, 2))
		out[3] |= CHAN_SIGNED;
	return n;
}

/* Authentic, and not a frame. */
static size_t broken(uint8_t *out)
{
	struct chan_header h = last[0];
	uint8_t frame[40];
	size_t n = 1 + rng_below(&g, 10);

	entropy(NULL, frame, sizeof frame);
	frame[0] = (uint8_t)(1 + rng_below(&g, 6));
	h.counter += 1 + rng_below(&g, 1000);
	return chan_seal(insider[0], &h, channel_id, NULL, frame, n, out, BUFFER);
}

static size_t clone(struct chan *c, uint8_t *out)
{
	struct chan_status st;
	size_t n = pick(HEARD, out);
	struct chan_header h = last[0];

	chan_status(c, &st);
	h.sender = st.sender;
	chan_header_encode(&h, out);
	return n;
}

static size_t forge(struct chan *c, uint64_t kind, uint8_t *out)
{
	switch (kind) {
	case 0:
		return noise(out);
	case 1:
		return false_body(out);
	case 2:
		return pick(OTHER_CHANNEL, out);
	case 3:
		return pick(OTHER_KEY, out);
	case 4:
		return pick(OTHER_EPOCH, out);
	case 5:
		return pick(OLD_BOOT, out);
	case 6:
		return claimed(out);
	case 7:
		return broken(out);
	case 8:
		return clone(c, out);
	case 9:
		return pick(HEARD, out);
	default:
		return flipped(out);
	}
}

/* --- judging ---------------------------------------------------------------------------------- */

static uint64_t refused(struct chan *c)
{
	struct chan_status st;

	chan_status(c, &st);
	return st.rx_refused;
}

static size_t senders(struct chan *c)
{
	struct chan_sender s;
	size_t n = 0;

	while (chan_sender(c, n, &s))
		n++;
	return n;
}

static void strike(struct chan *c, uint64_t kind)
{
	static const struct lan_from from = {.port = 6000};
	static uint8_t out[BUFFER];
	uint64_t before = refused(c), told = 0;
	size_t n = forge(c, kind, out);
	char text[160];
	uint8_t *bytes = malloc(n + 1); /* its own, so that the sanitizer sees every step beyond */

	if (!bytes)
		die("no memory");
	memcpy(bytes, out, n);
	enum lan_err e = chan_ops.input(c, now, &from, bytes, n);
	free(bytes);
	pull(c, &told);
	snprintf(text, sizeof text, "kind %d, %zu bytes: %s, counted %d, %d events", (int)kind, n,
		lan_err_name(e), (int)(refused(c) - before), (int)told);
	if (e == LAN_OK || refused(c) != before + 1 || told)
		die(text);
	if (chan_ops.output(c, now, out, sizeof out))
		die("something was answered");
}

/* Sum of the counters of refusals, by their names: those that a status adds up. */
static void report(uint64_t count)
{
	const char *name, *help;
	uint64_t a, b;

	for (size_t i = 0; chan_counter(receiver[0], i, &name, &help, &a); i++)
		if (chan_counter(receiver[1], i, &name, &help, &b) && a + b)
			printf("# %s: %llu\n", name, (unsigned long long)(a + b));
	printf("ok 1 - %llu forged datagrams: none delivered, none answered, each counted, nothing "
	       "kept\n1..1\n",
		(unsigned long long)count);
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000, start[2];
	size_t known[2];
	int64_t live = 0;

	rng_init(&g, argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
	if (lan_crypto_init() != LAN_OK)
		die("no cryptography");
	prepare();
	now += LAN_SEC(20); /* everybody else is gone by now, and all is said */
	for (int i = 0; i < 2; i++) {
		carry(receiver[i], NULL, 0, NULL);
		pull(receiver[i], NULL);
		known[i] = senders(receiver[i]);
		start[i] = refused(receiver[i]);
	}
	if (known[0] != 2 || known[1] != 0)
		die("not everybody was heard before");
	for (uint64_t i = 0; i < count; i++) {
		strike(receiver[i & 1], rng_below(&g, 14));
		if (i == WARM)
			live = oom_live();
	}
	if (count > WARM && oom_live() != live)
		die("memory was kept");
	for (int i = 0; i < 2; i++)
		if (senders(receiver[i]) != known[i])
			die("senders were kept");
	if (refused(receiver[0]) + refused(receiver[1]) != start[0] + start[1] + count)
		die("not every one was counted");
	report(count);
	for (int i = 0; i < 2; i++) {
		chan_free(receiver[i]);
		lan_aead_free(insider[i]);
	}
	return 0;
}
