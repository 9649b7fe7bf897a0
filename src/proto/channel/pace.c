/*
 * pace.c - how fast: a token bucket of bytes. With `adapt` its rate goes down by
 * a quarter when a receiver tells that its kernel had no room, at most once in
 * 20 ms, and up again while sending goes well. Loss on the wire does not slow
 * the sender down: repair is for that. docs/protocols/channel.md section 7.
 */
#include "proto/channel/group_int.h"

#define BURST_MIN  131072
#define RATE_FIRST UINT64_C(50000000)
#define RATE_MIN   UINT64_C(1000000)
#define RATE_MAX   UINT64_C(4000000000)
#define UP_BYTES   UINT64_C(5000000) /* a second, for each 10 ms of sending */
#define DOWN_PAUSE LAN_MS(20)
#define STEP       LAN_MS(10)

void chan_pace_init(struct chan_pace *p, uint64_t limit, bool adapt, lan_time now)
{
	uint64_t first = limit && limit < RATE_FIRST ? limit : RATE_FIRST;
	*p = (struct chan_pace){.limit = limit,
		.adapt = adapt,
		.rate = adapt ? first : limit,
		.tokens = BURST_MIN,
		.at = now,
		.down_at = now};
}

static int64_t burst(const struct chan_pace *p)
{
	uint64_t two_ms = p->rate / 500;
	return two_ms < BURST_MIN ? BURST_MIN : (int64_t)two_ms;
}

static void refill(struct chan_pace *p, lan_time now)
{
	lan_time passed = now > p->at ? now - p->at : 0;
	if (passed > LAN_SEC(1))
		passed = LAN_SEC(1);
	uint64_t more = p->rate / 1000 * (passed / 1000) / 1000;
	if (!more && passed < LAN_MS(1))
		return; /* too soon to count: let it add up */
	p->at = now;
	p->tokens += (int64_t)more;
	if (p->tokens > burst(p))
		p->tokens = burst(p);
}

/* Up by a step for each STEP in which the rate was made use of. */
static void rise(struct chan_pace *p, lan_time now)
{
	uint64_t most = p->limit ? p->limit : RATE_MAX;
	if (!p->adapt || p->since_up < p->rate / (LAN_SEC(1) / STEP) || now < p->down_at + STEP)
		return;
	p->since_up = 0;
	p->rate = p->rate + UP_BYTES < most ? p->rate + UP_BYTES : most;
}

bool chan_pace_ready(struct chan_pace *p, lan_time now)
{
	if (!p->rate || p->tokens > 0)
		return true;
	refill(p, now);
	rise(p, now);
	return p->tokens > 0;
}

void chan_pace_spend(struct chan_pace *p, size_t n)
{
	if (!p->rate)
		return;
	p->tokens -= (int64_t)n;
	p->since_up += n;
}

lan_time chan_pace_when(const struct chan_pace *p)
{
	if (!p->rate || p->tokens > 0)
		return 0;
	uint64_t lack = (uint64_t)(1 - p->tokens);
	return p->at + lack * 1000 / (p->rate / 1000000 + 1) + LAN_US(20);
}

void chan_pace_overrun(struct chan_pace *p, lan_time now)
{
	if (!p->adapt || now < p->down_at + DOWN_PAUSE)
		return;
	p->down_at = now;
	p->since_up = 0;
	p->rate -= p->rate / 4;
	if (p->rate < RATE_MIN)
		p->rate = RATE_MIN;
}
