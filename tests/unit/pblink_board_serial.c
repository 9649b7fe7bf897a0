/*
 * pblink_board_serial.c - a board on a serial line, as docs/protocols/pblink.md
 * asks for, and a line that can lose, change and add bytes. Time advances in
 * steps of 1 ms; a byte takes none.
 */
#include "pblink_board.h"

#include <assert.h>
#include <string.h>

static uint32_t dice(struct serial_board *b)
{
	b->seed = b->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(b->seed >> 33);
}

/* What of one byte comes out at the other end. */
static size_t through(struct serial_board *b, uint8_t c, uint8_t out[2])
{
	if (b->unplugged)
		return 0;
	out[0] = c;
	if (!b->hurt || dice(b) % b->hurt)
		return 1;
	switch (dice(b) % 3) {
	case 0:
		return 0;
	case 1:
		out[0] = (uint8_t)dice(b);
		return 1;
	default:
		out[1] = (uint8_t)dice(b);
		return 2;
	}
}

static void to_bridge(struct serial_board *b, const uint8_t *buf, size_t n)
{
	uint8_t hurt[2];
	for (size_t i = 0; i < n; i++) {
		size_t k = through(b, buf[i], hurt);
		if (k)
			pblink_serial_input(b->core, b->now, hurt, k);
	}
}

static void checks(const uint8_t *buf, size_t n, uint8_t out[2])
{
	unsigned a = 1, c = 0;
	for (size_t i = 0; i < n; i++) {
		a = (a + buf[i]) % 248;
		c = (c + a) % 248;
	}
	out[0] = (uint8_t)a;
	out[1] = (uint8_t)c;
}

size_t serial_frame(uint8_t *out, uint8_t s, const void *payload, size_t n, bool full)
{
	out[0] = 0xfd;
	out[1] = s;
	out[2] = (uint8_t)n;
	out[3] = (uint8_t)(n >> 8 | (full ? 0x80 : 0));
	if (n)
		memcpy(out + 4, payload, n);
	checks(out + 1, 3 + n, out + 4 + n);
	return 6 + n;
}

static void send_start(struct serial_board *b)
{
	to_bridge(b, (uint8_t[]){0xff, b->nonce, b->nonce ^ 0x7f}, 3);
	b->answer_by = b->now + LAN_MS(500);
}

static void new_session(struct serial_board *b)
{
	b->nonce = (b->nonce + 1) & 0x7f;
	b->synced = b->waiting = b->configured = false;
	b->in_n = 0;
	b->starts++;
	send_start(b);
}

static void send_request(struct serial_board *b)
{
	to_bridge(b, b->req, b->req_n);
	b->answer_by = b->now + LAN_MS(300);
}

static void new_request(struct serial_board *b)
{
	const char *line = NULL;
	if (!b->configured)
		line = b->app.config;
	else if (b->app.tx_next < b->app.tx_n && !b->peer_full)
		line = b->app.tx[b->app.tx_next];
	b->carried = line;
	b->seq = (b->seq + 1) & 0x7f;
	b->rx_full = b->app.deaf;
	b->req_n = serial_frame(b->req, b->seq, line, line ? strlen(line) : 0, b->rx_full);
	b->waiting = true;
	send_request(b);
}

static void app_takes(struct serial_board *b, const uint8_t *line, size_t n)
{
	struct board_app *a = &b->app;
	if (!n)
		return;
	assert(line[n - 1] == '\n');
	if (line[0] == 'n') {
		assert(a->rx_n < BOARD_LINES);
		memcpy(a->rx[a->rx_n], line + 1, n - 2);
		a->rx[a->rx_n++][n - 2] = '\0';
	} else {
		a->control[a->control_n++ % BOARD_LINES] = (char)line[0];
	}
}

/* A frame stands complete in in[]. */
static void answered(struct serial_board *b)
{
	size_t n = (size_t)b->in[2] | (size_t)(b->in[3] & 0x7f) << 8;
	uint8_t want[2];
	checks(b->in + 1, 3 + n, want);
	if (memcmp(want, b->in + 4 + n, 2) != 0 || !b->waiting || b->in[1] != b->seq)
		return;
	assert(!(n && b->rx_full));
	b->waiting = false;
	b->next = b->now + LAN_MS(100);
	b->peer_full = b->in[3] & 0x80;
	if (b->carried && b->configured)
		b->app.tx_next++;
	b->configured = true;
	app_takes(b, b->in + 4, n);
}

static void from_bridge(struct serial_board *b, uint8_t c)
{
	if (c >= 0xf8)
		b->in_n = 0;
	else if (!b->in_n)
		return;
	assert(b->in_n < sizeof b->in);
	b->in[b->in_n++] = c;
	if (b->in[0] == 0xfd) {
		size_t n = b->in_n < 4 ? 0 : (size_t)b->in[2] | (size_t)(b->in[3] & 0x7f) << 8;
		if (n > PBLINK_BUF) {
			b->in_n = 0;
		} else if (b->in_n >= 6 && b->in_n == 6 + n) {
			answered(b);
			b->in_n = 0;
		}
	} else if (b->in_n == 3) {
		bool sound = (b->in[1] ^ b->in[2]) == 0x7f;
		b->in_n = 0;
		if (sound && b->in[0] == 0xfe && b->in[1] == b->nonce) {
			b->synced = true;
		} else if (sound && b->in[0] == 0xfe && b->synced) {
			new_session(b);
		} else if (sound && b->in[0] == 0xfc) {
			b->refusals[b->in[1] & 7]++;
			if (b->in[1] == 1)
				new_session(b);
			else if (b->waiting)
				send_request(b);
		}
	}
}

void serial_board_init(struct serial_board *b, struct pblink *core)
{
	*b = (struct serial_board){.core = core, .now = LAN_SEC(1)};
	b->app.config = BOARD_CFG;
	new_session(b);
}

void serial_board_restart(struct serial_board *b)
{
	b->peer_full = b->dead = false;
	new_session(b);
}

static void take_output(struct serial_board *b)
{
	size_t n;
	const uint8_t *buf;
	while (buf = pblink_serial_pending(b->core, &n), n) {
		uint8_t first = buf[0], hurt[2];
		pblink_serial_sent(b->core, 1);
		size_t k = through(b, first, hurt);
		for (size_t i = 0; i < k && !b->dead; i++)
			from_bridge(b, hurt[i]);
	}
}

void serial_board_run(struct serial_board *b, lan_time how_long)
{
	for (lan_time end = b->now + how_long; b->now < end; b->now += LAN_MS(1)) {
		if (!b->dead) {
			if (!b->synced && b->now >= b->answer_by)
				send_start(b);
			else if (b->waiting && b->now >= b->answer_by)
				send_request(b);
			else if (b->synced && !b->waiting && b->now >= b->next)
				new_request(b);
		}
		take_output(b);
		if (pblink_deadline(b->core) <= b->now)
			pblink_tick(b->core, b->now);
		take_output(b);
	}
}
