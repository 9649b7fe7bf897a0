/*
 * pblink_i2c.c - exchanges over the original's wires: the board is I2C slave
 * 0x12 and starts them by raising `syn`; we are master, answer with `ack` and
 * do the transfers. Optionally `rst`, with which the board resets its partner.
 *
 * One exchange, syn and ack as levels:
 *	syn 1, read word, ack 1, syn 0, ack 0     and the same for a payload
 *	ack 1, syn 1, write word, ack 0, syn 0    and the same for ours
 *
 * Where the original waits for ever in an interrupt handler, here every wait
 * ends: a payload that was announced and does not come is taken as none, which
 * is what a board that reset with data pending needs to get going again (Q25);
 * any other level or transfer that fails ends the exchange and the session, and
 * the board, which gives up after 1 s on its side, synchronises once.
 *
 * The core never waits itself: it asks the driver for levels and transfers, one
 * transfer at a time. docs/protocols/pblink.md, section 2.
 */
#include "proto/iot/pblink_int.h"

/* How long ack stays low between our two halves: the board polls for it. */
#define SETTLE LAN_MS(2)
/* A slave that was not ready yet: the original saw this too. */
#define RETRY_AFTER LAN_MS(5)
#define TRIES       3

static void set_ack(struct pblink *p, bool level)
{
	if (p->i2c.ack != level) {
		p->i2c.ack = level;
		p->i2c.ack_said = false;
	}
}

static bool transferring(enum i2c_state s)
{
	return s == I2C_RD_WORD || s == I2C_RD_DATA || s == I2C_WR_WORD || s == I2C_WR_DATA;
}

/* The one place where the state changes; what the board sees follows from it. */
static void enter(struct pblink *p, enum i2c_state s, lan_time now)
{
	p->i2c.state = s;
	p->i2c.asked = p->i2c.again = false;
	p->i2c.tries = 0;
	p->i2c.until = now + p->cfg.level;
	switch (s) {
	case I2C_UNSYNCED:
	case I2C_GOT_WORD:
	case I2C_GOT_DATA:
	case I2C_ASK_WORD:
	case I2C_ASK_DATA:
		set_ack(p, true);
		break;
	case I2C_IDLE:
	case I2C_WANT_DATA:
	case I2C_SETTLE:
	case I2C_SENT_WORD:
	case I2C_SENT_DATA:
		set_ack(p, false);
		break;
	case I2C_RD_WORD:
	case I2C_RD_DATA:
	case I2C_WR_WORD:
	case I2C_WR_DATA:
	case I2C_DRAIN:
		break;
	}
	if (s == I2C_UNSYNCED || s == I2C_IDLE || s == I2C_DRAIN || transferring(s))
		p->i2c.until = LAN_NEVER;
	else if (s == I2C_WANT_DATA)
		p->i2c.until = now + p->cfg.payload;
	else if (s == I2C_SETTLE)
		p->i2c.until = now + SETTLE;
}

/* Give the exchange and the session up. A transfer under way is waited for. */
static void give_up(struct pblink *p, const char *reason, lan_time now)
{
	bool busy = p->i2c.state == I2C_DRAIN || (transferring(p->i2c.state) && p->i2c.asked);
	pblink_x_reset(p, reason);
	enter(p, busy ? I2C_DRAIN : I2C_UNSYNCED, now);
	set_ack(p, true);
}

/* What the levels mean in the present state. Called until nothing changes, for
 * the level may already be what the next state waits for. */
static bool step(struct pblink *p, lan_time now)
{
	bool syn = p->i2c.syn;
	switch (p->i2c.state) {
	case I2C_UNSYNCED:
		if (syn || p->i2c.rst)
			return false;
		enter(p, I2C_IDLE, now);
		pblink_x_heard(p, now);
		pblink_x_sync(p, now);
		return true;
	case I2C_IDLE:
		if (syn)
			enter(p, I2C_RD_WORD, now);
		return syn;
	case I2C_GOT_WORD:
		if (syn)
			return false;
		enter(p, p->i2c.want ? I2C_WANT_DATA : I2C_SETTLE, now);
		if (!p->i2c.want)
			pblink_x_request(p, now, p->i2c.word, NULL, 0);
		return true;
	case I2C_WANT_DATA:
		if (syn)
			enter(p, I2C_RD_DATA, now);
		return syn;
	case I2C_GOT_DATA:
		if (!syn)
			enter(p, I2C_SETTLE, now);
		return !syn;
	case I2C_ASK_WORD:
		if (syn)
			enter(p, I2C_WR_WORD, now);
		return syn;
	case I2C_SENT_WORD:
		if (syn)
			return false;
		enter(p, p->out_n ? I2C_ASK_DATA : I2C_IDLE, now);
		if (!p->out_n)
			pblink_x_done(p);
		return true;
	case I2C_ASK_DATA:
		if (syn)
			enter(p, I2C_WR_DATA, now);
		return syn;
	case I2C_SENT_DATA:
		if (syn)
			return false;
		pblink_x_done(p);
		enter(p, I2C_IDLE, now);
		return true;
	case I2C_RD_WORD:
	case I2C_RD_DATA:
	case I2C_WR_WORD:
	case I2C_WR_DATA:
	case I2C_SETTLE:
	case I2C_DRAIN:
		return false;
	}
	return false;
}

static void settle(struct pblink *p, lan_time now)
{
	while (step(p, now))
		;
}

void pblink_i2c_init(struct pblink *p)
{
	p->i2c.syn = true;
	enter(p, I2C_UNSYNCED, 0);
	p->i2c.ack = true;
	p->i2c.ack_said = false;
}

void pblink_i2c_syn(struct pblink *p, lan_time now, bool level)
{
	p->i2c.syn = level;
	settle(p, now);
}

void pblink_i2c_rst(struct pblink *p, lan_time now, bool level)
{
	p->i2c.rst = !level; /* active low */
	if (p->i2c.rst)
		give_up(p, "the board pulled reset", now);
	settle(p, now);
}

/* The board's word is here. */
static void got_word(struct pblink *p, lan_time now)
{
	p->i2c.want = pblink_x_length(p->i2c.word);
	if (p->i2c.want > PBLINK_BUF) {
		pblink_x_refuse(p, PBLINK_C_bad_length, LAN_ERR_TOOBIG);
		give_up(p, "a length over 200", now);
		return;
	}
	enter(p, I2C_GOT_WORD, now);
}

static void failed(struct pblink *p, lan_time now)
{
	if (++p->i2c.tries < TRIES) {
		p->i2c.again = true;
		p->i2c.until = now + RETRY_AFTER;
		return;
	}
	pblink_x_refuse(p, PBLINK_C_bus_error, LAN_ERR_IO);
	give_up(p, "a transfer failed", now);
}

void pblink_i2c_done(struct pblink *p, lan_time now, enum lan_err result, const uint8_t *buf, size_t n)
{
	if (p->i2c.state == I2C_DRAIN) {
		enter(p, I2C_UNSYNCED, now);
		settle(p, now);
		return;
	}
	if (!transferring(p->i2c.state) || !p->i2c.asked)
		return;
	p->i2c.asked = false;
	bool word = p->i2c.state == I2C_RD_WORD, data = p->i2c.state == I2C_RD_DATA;
	if (result || (word && n != 2) || (data && n != p->i2c.want)) {
		failed(p, now);
	} else if (word) {
		p->i2c.word[0] = buf[0];
		p->i2c.word[1] = buf[1];
		got_word(p, now);
	} else if (data) {
		enter(p, I2C_GOT_DATA, now);
		pblink_x_request(p, now, p->i2c.word, buf, n);
	} else {
		enter(p, p->i2c.state == I2C_WR_WORD ? I2C_SENT_WORD : I2C_SENT_DATA, now);
	}
	settle(p, now);
}

void pblink_i2c_tick(struct pblink *p, lan_time now)
{
	if (now < p->i2c.until)
		return;
	if (p->i2c.again) {
		p->i2c.again = false;
		p->i2c.until = LAN_NEVER;
	} else if (p->i2c.state == I2C_SETTLE) {
		enter(p, I2C_ASK_WORD, now);
	} else if (p->i2c.state == I2C_WANT_DATA) {
		pblink_x_count(p, PBLINK_C_no_payload);
		pblink_x_event(p, PBLINK_ERROR, LAN_ERR_PROTO, pblink_counter_help(PBLINK_C_no_payload));
		enter(p, I2C_SETTLE, now);
		pblink_x_request(p, now, p->i2c.word, NULL, 0);
	} else {
		pblink_x_refuse(p, PBLINK_C_level_timeout, LAN_ERR_TIMEOUT);
		give_up(p, "a level did not change in time", now);
	}
	settle(p, now);
}

bool pblink_i2c_act(struct pblink *p, struct pblink_act *out)
{
	if (!p->i2c.ack_said) {
		p->i2c.ack_said = true;
		*out = (struct pblink_act){.kind = PBLINK_ACT_ACK, .level = p->i2c.ack};
		return true;
	}
	if (!transferring(p->i2c.state) || p->i2c.asked || p->i2c.again)
		return false;
	p->i2c.asked = true;
	switch (p->i2c.state) {
	case I2C_RD_WORD:
		*out = (struct pblink_act){.kind = PBLINK_ACT_READ, .n = 2};
		return true;
	case I2C_RD_DATA:
		*out = (struct pblink_act){.kind = PBLINK_ACT_READ, .n = p->i2c.want};
		return true;
	case I2C_WR_WORD:
		*out = (struct pblink_act){.kind = PBLINK_ACT_WRITE, .n = 2, .buf = p->word};
		return true;
	default:
		*out = (struct pblink_act){.kind = PBLINK_ACT_WRITE, .n = p->out_n, .buf = p->out};
		return true;
	}
}
