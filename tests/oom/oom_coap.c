/*
 * oom_coap.c - the engine of CoAP takes all its memory when it is made: whichever of those allocations fails,
 * none is made and nothing leaks; from then on nothing is allocated, as a conversation with long bodies, an
 * observer and a repeated registration shows.
 */
#include <stdio.h>
#include <string.h>
#include "oom_alloc.h"
#include "proto/coap/coap.h"

static uint64_t rng = 1;

static void entropy(void *ctx, void *buf, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] = (uint8_t)((rng = rng * 6364136223846793005u + 1) >> 56);
}

static struct coap *pair[2];
static lan_time now = LAN_SEC(10);

static enum lan_err make(int i)
{
	struct lan_env env = {.entropy = entropy};
	struct coap_config cfg = {.max_requests = 8};

	return coap_new(&env, &cfg, &pair[i]);
}

static struct lan_ep ep_of(int i)
{
	return (struct lan_ep){.link = 1, .len = 1, .addr = {(uint8_t)i}};
}

static void answer(struct coap *c, uint32_t id)
{
	static uint8_t body[5000];

	(void)!coap_respond(c, now, id,
		&(struct coap_response){.code = COAP_CONTENT,
			.payload = body,
			.len = sizeof body,
			.observe = true,
			.resource = 1});
}

/* Until both are silent: how many answers and states came whole. */
static unsigned talk(void)
{
	uint8_t buf[COAP_DATAGRAM];
	struct coap_event ev;
	struct lan_ep to;
	unsigned whole = 0;
	bool more = true;

	while (more) {
		more = false;
		for (int i = 0; i < 2; i++) {
			size_t n;

			while ((n = coap_ops.output(pair[i], now, &to, buf, sizeof buf))) {
				struct lan_ep from = ep_of(i);

				more = true;
				(void)!coap_ops.input(pair[1 - i], now, &from, false, buf, n);
			}
			while (coap_event(pair[i], now, &ev)) {
				more = true;
				if (ev.kind == COAP_EV_REQUEST)
					answer(pair[i], ev.id);
				else if (ev.kind != COAP_EV_FAILED)
					whole += ev.msg.len == 5000;
			}
		}
	}
	return whole;
}

static unsigned converse(void)
{
	static uint8_t body[3000];
	struct coap_request r = {.to = ep_of(1), .code = COAP_GET, .observe = true};
	uint32_t id;
	unsigned whole;

	(void)!coap_request(pair[0], now, &r, &id);
	whole = talk();
	coap_changed(pair[1], now, 1);
	whole += talk();
	r = (struct coap_request){.to = ep_of(1), .code = COAP_POST, .payload = body, .len = sizeof body};
	(void)!coap_request(pair[0], now, &r, &id);
	whole += talk();
	now += LAN_SEC(300);
	coap_ops.tick(pair[0], now);
	coap_ops.tick(pair[1], now);
	return whole + talk();
}

int main(void)
{
	int64_t before = oom_live();
	uint64_t k = 0;
	bool refused = true;

	printf("1..2\n");
	do {
		enum lan_err e;

		oom_arm(++k);
		e = make(0);
		if (e == LAN_OK) {
			coap_free(pair[0]);
			refused = refused && oom_count() < k;
		} else {
			refused = refused && e == LAN_ERR_NOMEM;
		}
		refused = refused && oom_live() == before;
	} while (refused && oom_count() >= k);
	printf("%sok 1 - whichever of %llu allocations fails, no engine is made and nothing leaks\n",
		refused ? "" : "not ", (unsigned long long)k - 1);
	oom_arm(0);
	bool made = make(0) == LAN_OK && make(1) == LAN_OK;
	uint64_t count = oom_count();
	bool still = made && converse() == 4 && oom_count() == count;
	printf("%sok 2 - a conversation with long bodies and an observer allocates nothing\n",
		still ? "" : "not ");
	coap_free(pair[0]);
	coap_free(pair[1]);
	return !(refused && still && oom_live() == before);
}
