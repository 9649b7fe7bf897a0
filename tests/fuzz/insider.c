/* insider.c - see insider.h. */
#include "insider.h"
#include "fuzz_script.h"

#include <string.h>

#define EPOCHS 2
#define CACHED 16

uint8_t fuzz_u8(struct fuzz_in *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

uint64_t fuzz_number(struct fuzz_in *in)
{
	uint8_t b = fuzz_u8(in);
	uint64_t n = 0;

	if (b < 200)
		return b;
	if (b < 255)
		return (UINT64_C(1) << (b - 200)) * 512 + fuzz_u8(in) - 128;
	for (int i = 0; i < 8; i++)
		n = n << 8 | fuzz_u8(in);
	return n;
}

static void entropy(void *ctx, void *buf, size_t n)
{
	uint64_t *x = ctx;
	uint8_t *p = buf;

	for (size_t i = 0; i < n; i++) {
		*x = *x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		p[i] = (uint8_t)(*x >> 56);
	}
}

struct lan_env fuzz_env(uint64_t *seed)
{
	return (struct lan_env){.ctx = seed, .entropy = entropy};
}

struct chan_keys fuzz_keys(int cipher)
{
	struct chan_keys k = {.cipher = cipher, .n = EPOCHS};

	for (uint32_t i = 0; i < EPOCHS; i++) {
		k.key[i] = (struct chan_key){.epoch = i + 1, .accept_until = LAN_NEVER};
		memset(k.key[i].key, (int)i + 1, sizeof k.key[i].key);
	}
	k.key[1].send_after = LAN_SEC(100);
	return k;
}

/* Deriving a key costs more than sealing: the last ones are kept. */
static struct lan_aead *key_of(int cipher, uint32_t epoch, uint64_t sender, uint64_t boot)
{
	static struct cached {
		struct lan_aead *a;
		int cipher;
		uint32_t epoch;
		uint64_t sender, boot;
	} cache[CACHED];
	static unsigned next;
	struct chan_keys k = fuzz_keys(cipher);
	uint8_t id[CHAN_ID_SIZE], key[LAN_AEAD_KEY], prefix[16];

	for (unsigned i = 0; i < CACHED; i++)
		if (cache[i].a && cache[i].cipher == cipher && cache[i].epoch == epoch &&
			cache[i].sender == sender && cache[i].boot == boot)
			return cache[i].a;
	struct cached *c = &cache[next++ % CACHED];
	lan_aead_free(c->a);
	*c = (struct cached){.cipher = cipher, .epoch = epoch, .sender = sender, .boot = boot};
	chan_id_of(FUZZ_CHANNEL, id);
	chan_instance_key(cipher, k.key[(epoch - 1) % EPOCHS].key, epoch, id, sender, boot, key, prefix);
	FUZZ_CHECK(lan_aead_new(cipher, key, prefix, &c->a) == LAN_OK, "no key");
	return c->a;
}

static const uint8_t *channel_id(void)
{
	static uint8_t id[CHAN_ID_SIZE];
	static bool made;

	if (!made)
		chan_id_of(FUZZ_CHANNEL, id);
	made = true;
	return id;
}

size_t fuzz_seal(
	const struct fuzz_sender *s, int cipher, const uint8_t *frame, size_t n, uint8_t *out, size_t cap)
{
	struct chan_header h = {.flags = s->secret ? CHAN_SIGNED : 0,
		.epoch = s->epoch,
		.sender = s->id,
		.boot = s->boot,
		.counter = s->counter};

	return chan_seal(
		key_of(cipher, s->epoch, s->id, s->boot), &h, channel_id(), s->secret, frame, n, out, cap);
}

bool fuzz_unseal(int cipher, uint8_t *buf, size_t n, struct chan_header *h, uint8_t **frame, size_t *len)
{
	const uint8_t *public_key;

	return chan_header_decode(buf, n, h) == LAN_OK && h->epoch >= 1 && h->epoch <= EPOCHS &&
	       chan_unseal(key_of(cipher, h->epoch, h->sender, h->boot), h, channel_id(), buf, n, frame, len,
		       &public_key) == LAN_OK;
}
