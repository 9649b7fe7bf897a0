/*
 * norm.c - the peer for reliable multicast: NORM (RFC 5740) through libnorm, one
 * sender and its receivers, each a process in a namespace of its own.
 *
 * The payload goes as data objects, which is NORM's best way for a bulk: every
 * one of them stays repairable to the end. Receivers look at the number in each
 * 1400 bytes of what they got. Settings are the caller's: rate (-r, bits a
 * second), block and parity (-K, -F), parity sent without being asked (-A),
 * objects (-w); flag c: NORM's own congestion control, u: requests for repair
 * by unicast.
 *
 * libnorm's header is C++ in two places, which are kept out of sight here.
 */
#include "mcast.h"

#define NormGetRxBindAddress(...) bench_norm_unused_1(void)
#define NormStreamGetVacancy(...) bench_norm_unused_2(void)
#include <normApi.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER   (128u << 20)
#define SOCKET   (4u << 20)
#define GRTT     0.002 /* seconds: a LAN */
#define SLOT_MAX 0.1

static NormSessionHandle open_session(const struct mcast_opt *o, NormInstanceHandle *instance, NormNodeId id)
{
	*instance = NormCreateInstance(false);
	NormSessionHandle s = NormCreateSession(*instance, MCAST_GROUP, o->port, id);
	if (s == NORM_SESSION_INVALID)
		bench_die("NormCreateSession");
	NormSetMulticastInterface(s, o->iface);
	NormSetGrttEstimate(s, GRTT);
	NormSetGrttMax(s, SLOT_MAX);
	NormSetGroupSize(s, o->receivers);
	return s;
}

/* --- receiving ------------------------------------------------------------------- */

static void take_object(const struct mcast_opt *o, struct bench_shared *mine, NormObjectHandle object)
{
	size_t n = (size_t)NormObjectGetSize(object);
	const char *p = NormDataAccessData(object);
	uint64_t first;
	if (n < o->size || !p)
		bench_die("object without data");
	memcpy(&first, p, sizeof first);
	for (size_t at = 0; at < n; at += o->size)
		mine->bad += !mcast_is(p + at, o->size, o->size, first + at / o->size);
	mine->at = bench_now();
	mine->done += n / o->size;
	NormObjectRelease(object);
}

static void receive(const struct mcast_opt *o, struct bench_shared *mine)
{
	NormInstanceHandle instance;
	NormSessionHandle s = open_session(o, &instance, (NormNodeId)(getpid() & 0x7fffffff));
	NormEvent ev;
	NormSetRxCacheLimit(s, (unsigned short)(o->window + 16));
	if (mcast_flag(o, 'u'))
		NormSetDefaultUnicastNack(s, true);
	if (!NormStartReceiver(s, BUFFER) || !NormSetRxSocketBuffer(s, SOCKET))
		bench_die("NormStartReceiver");
	mcast_ready(mine);
	while (NormGetNextEvent(instance, &ev, true)) {
		if (ev.type == NORM_RX_OBJECT_NEW)
			NormObjectRetain(ev.object);
		else if (ev.type == NORM_RX_OBJECT_COMPLETED)
			take_object(o, mine, ev.object);
		else if (ev.type == NORM_RX_OBJECT_ABORTED)
			bench_die("an object was given up");
	}
}

/* --- sending --------------------------------------------------------------------- */

static char *payload(const struct mcast_opt *o, uint64_t n)
{
	char *p = malloc(n * o->size);
	if (!p)
		bench_die("malloc");
	bench_fill(p, n * o->size);
	for (uint64_t i = 0; i < n; i++)
		mcast_number(p + i * o->size, i);
	return p;
}

static void idle(void *ctx)
{
	bench_sleep(0.0005);
}

static void start_sender(const struct mcast_opt *o, NormSessionHandle s)
{
	bool cc = mcast_flag(o, 'c');
	NormSetTxRate(s, o->rate);
	NormSetCongestionControl(s, cc, true);
	if (!NormStartSender(s, 1, BUFFER, (UINT16)o->size, (UINT16)o->block, (UINT16)o->parity, 0) ||
		!NormSetTxSocketBuffer(s, SOCKET))
		bench_die("NormStartSender");
	NormSetAutoParity(s, (unsigned char)o->extra);
	NormSetTxCacheBounds(s, 2 * (NormSize)o->total, o->window + 16, o->window + 16);
	NormSetBackoffFactor(s, 1.0);
}

int main(int argc, char **argv)
{
	struct mcast_opt o;
	pid_t child[MCAST_RECEIVERS];
	NormInstanceHandle instance;
	mcast_options(argc, argv, &o);
	struct bench_shared *sh = bench_share(o.receivers);
	uint64_t n = o.total / o.size, each = (n + o.window - 1) / o.window;
	char *p = payload(&o, n);
	mcast_receivers(&o, sh, child, receive);
	NormSessionHandle s = open_session(&o, &instance, 1);
	start_sender(&o, s);
	uint64_t start = bench_now();
	for (uint64_t at = 0; at < n; at += each) {
		uint64_t some = n - at < each ? n - at : each;
		if (NormDataEnqueue(s, p + at * o.size, (UINT32)(some * o.size), NULL, 0) ==
			NORM_OBJECT_INVALID)
			bench_die("NormDataEnqueue");
	}
	uint64_t end = mcast_finish(&o, sh, n, start, idle, NULL);
	for (unsigned i = 0; i < o.receivers; i++)
		bench_reap(child[i]);
	printf("{\"what\":\"norm\",\"n\":%llu,\"seconds\":%.4f,\"rate\":%.1f}\n", (unsigned long long)n,
		(double)(end - start) / 1e9, (double)n * 1e9 / (double)(end - start));
	return 0;
}
