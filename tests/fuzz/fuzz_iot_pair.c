/*
 * fuzz_iot_pair.c - a server and a client of ours with the simulator between
 * them; the input decides what the relay does to each line and what the two
 * applications do. Every promise of the simulator's ledger is checked, and in
 * the end everything taken has to arrive.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz_script.h"
#include "iot_world.h"

#define T          LAN_MS(400)
#define HOLD_LINES 20
#define ZERO_HURT \
	3 /* who misses 00 over five timeouts of listening takes the next one for a restart: seen.h */

struct pair {
	struct world w;
	const uint8_t *p, *end;
	unsigned lines;
	unsigned zero_hurt[2]; /* by direction: how often line 00 was */
};

static struct pair *now_running;

static uint8_t take(struct pair *f)
{
	return f->p < f->end ? *f->p++ : 0;
}

static struct sim_verdict relay(void *ctx, uint32_t stream, int from, const uint8_t *line, size_t len)
{
	struct pair *f = now_running;
	struct sim_verdict v = iot_relay(&f->w, stream, from, line, len); /* counts */
	bool id = from == 0 && f->w.id_line;
	uint8_t b;

	if (len == 1 && !id) /* keepalives pass; they would eat the script */
		return v;
	b = take(f);
	if (len > 3 && !id && hex_mid(line, len) == 0 && (b & 15) && f->zero_hurt[from]++ >= ZERO_HURT)
		return v;
	switch (b & 15) {
	case 1:
	case 2:
		v.drop = true;
		break;
	case 3:
		v.copies = id ? 0 : 1;
		v.copy_delay = (b >> 4) * (T / 8);
		break;
	case 4:
		v.delay = id ? 0 : (b >> 4) * (T / 8);
		break;
	case 5:
		v.swap = !id;
		break;
	case 6:
		v = (struct sim_verdict){
			.cut = true, .cut_at = b >> 4, .tell_sender = SIM_FIN, .tell_receiver = SIM_RST};
		break;
	case 7:
		v = (struct sim_verdict){
			.cut = true, .cut_at = b >> 4, .tell_sender = SIM_RST, .tell_receiver = SIM_FIN};
		break;
	case 8:
		v = (struct sim_verdict){.cut = true,
			.cut_at = (uint32_t)len,
			.tell_sender = b & 16 ? SIM_SILENT : SIM_RST,
			.tell_receiver = b & 16 ? SIM_RST : SIM_SILENT};
		break;
	case 9:
		v.stall = b & 128 ? LAN_NEVER : (b >> 4) * (T / 4);
		break;
	}
	v.hold_lines = HOLD_LINES;
	return v;
}

static void write_some(struct pair *f, uint8_t b)
{
	char text[40];

	for (unsigned i = 0; i <= (b >> 5) && f->lines < 400; i++, f->lines++) {
		size_t n = (size_t)sprintf(text, "line %u", f->lines);

		(void)!world_write(&f->w, b & 8 ? 0 : 1, text, n,
			b & 16  ? IOT_QOS | IOT_WAIT
			: b & 4 ? IOT_QOS
				: 0);
	}
}

static void act(struct pair *f)
{
	uint8_t b = take(f);
	int party = b >> 7;

	switch (b & 3) {
	case 0:
	case 1:
		write_some(f, b);
		break;
	case 2:
		sim_run(f->w.sim, sim_now(f->w.sim) + (b >> 2) * (T / 16));
		break;
	case 3:
		if ((b & 0x1c) == 0) {
			world_crash(&f->w, party, (enum sim_how)((b >> 5 & 3) % 3));
			world_start(&f->w, party);
		} else if ((b & 0x1c) == 4) {
			world_nap(&f->w, party, (b >> 5 & 3) * T);
		} else {
			sim_run(f->w.sim, sim_now(f->w.sim) + T / 8);
		}
		break;
	}
}

static bool done(struct pair *f)
{
	return !f->w.f[0].open && !f->w.f[1].open;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sim_config net = {
		.latency = LAN_MS(3), .dial_timeout = T, .window = 4096, .plain = true, .relay = relay};
	struct iot_config cfg = {.timeout = T, .retry_max = T, .window = 100, .hold_off = LAN_NEVER};
	struct pair f = {.p = data, .end = data + size};

	now_running = &f;
	world_init(&f.w, &net, 1, T);
	world_server(&f.w, "s", &cfg);
	world_client(&f.w, "c", "c", 0, &cfg);
	world_ready(&f.w, true);
	world_start(&f.w, 0);
	world_start(&f.w, 1);
	while (f.p < f.end && !sim_failure(f.w.sim))
		act(&f);
	for (int i = 0; i < 60 && !done(&f) && !sim_failure(f.w.sim); i++)
		sim_run(f.w.sim, sim_now(f.w.sim) + 2 * T);
	if (!done(&f))
		sim_fail(f.w.sim, "not everything arrived");
	if (sim_failure(f.w.sim)) {
		sim_dump(f.w.sim, 60);
		fuzz_die(__FILE__, __LINE__, "%s", sim_failure(f.w.sim));
	}
	world_fini(&f.w);
	return 0;
}
