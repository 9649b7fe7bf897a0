/*
 * pblink_serial.c - exchanges over a serial line. The original has no serial
 * form; this framing is Lanyard's, kept as small as a byte stream allows.
 *
 * The original's units stay: a length word with bit 7 of its second byte, then
 * the payload. Lengths are at most 200 and payloads are UTF-8, so the bytes
 * F8..FF never occur in them, nor in sequence numbers (7 bits) and check bytes
 * (sums modulo 248): they mark the starts, and a receiver finds its place again at
 * the next one, whatever came before.
 *
 *	FF n n^7F      board: I (re)start; nothing before this counts
 *	FE n n^7F      bridge: I saw start n
 *	FD s word.. payload.. check check      an exchange: the board's half, then
 *	               ours under the same s
 *	FC r r^7F      bridge: not taken, because r
 *
 * Exactly once: the board repeats its half until it has ours; the same s again
 * is answered with the same bytes and taken once; the next s says that our half
 * arrived. Unplugging therefore loses nothing.
 *
 * Refused: lengths over 200, wrong check bytes, frames cut short, exchanges
 * outside of a session. docs/protocols/pblink.md, section 6.
 */
#include "proto/iot/pblink_int.h"

#include <string.h>

#define B_START  0xff
#define B_SEEN   0xfe
#define B_FRAME  0xfd
#define B_REFUSE 0xfc
#define B_MARK   0xf8 /* from here on: never inside anything */

enum refusal { REFUSE_NO_SESSION = 1, REFUSE_LENGTH = 2, REFUSE_CHECK = 3, REFUSE_CUT = 4 };

static void put(struct pblink *p, const uint8_t *buf, size_t n)
{
	if (p->ser.head == p->ser.tail)
		p->ser.head = p->ser.tail = 0;
	if (n > sizeof p->ser.buf - p->ser.tail && p->ser.head) {
		memmove(p->ser.buf, p->ser.buf + p->ser.head, p->ser.tail - p->ser.head);
		p->ser.tail -= p->ser.head;
		p->ser.head = 0;
	}
	if (n > sizeof p->ser.buf - p->ser.tail) {
		pblink_x_count(p, PBLINK_C_tx_overrun); /* the board asks again */
		return;
	}
	memcpy(p->ser.buf + p->ser.tail, buf, n);
	p->ser.tail += n;
}

static void put3(struct pblink *p, uint8_t mark, uint8_t v)
{
	put(p, (uint8_t[]){mark, v, v ^ 0x7f}, 3);
}

/* Two sums after Fletcher. The modulus keeps them below the marks and tells all
 * bytes apart that are none. */
static void check_of(const uint8_t *buf, size_t n, uint8_t out[2])
{
	unsigned a = 1, b = 0;
	for (size_t i = 0; i < n; i++) {
		a = (a + buf[i]) % 248;
		b = (b + a) % 248;
	}
	out[0] = (uint8_t)a;
	out[1] = (uint8_t)b;
}

static void enter(struct pblink *p, enum serial_state s, lan_time now)
{
	p->ser.state = s;
	p->ser.until = s == S_HUNT ? LAN_NEVER : now + p->cfg.payload;
}

static void refuse(struct pblink *p, enum refusal r, enum pblink_counter c, enum lan_err err, lan_time now)
{
	enter(p, S_HUNT, now);
	pblink_x_refuse(p, c, err);
	put3(p, B_REFUSE, (uint8_t)r);
}

static void started(struct pblink *p, lan_time now)
{
	enter(p, S_HUNT, now);
	pblink_x_heard(p, now);
	/* A board that saw no answer says the same start again. */
	if (!p->synced || p->ser.exchanged || p->ser.nonce != p->ser.last_nonce) {
		pblink_x_sync(p, now);
		p->ser.exchanged = p->ser.open = false;
		p->ser.last_nonce = p->ser.nonce;
	}
	put3(p, B_SEEN, p->ser.nonce);
}

/* The frame under way, s and word in front, into `out`; returns its length. */
static size_t assemble(uint8_t *out, uint8_t s, const uint8_t word[2], const uint8_t *payload, size_t n)
{
	out[0] = s;
	out[1] = word[0];
	out[2] = word[1];
	if (n)
		memcpy(out + 3, payload, n);
	check_of(out, 3 + n, out + 3 + n);
	return 3 + n + 2;
}

static void answer(struct pblink *p, lan_time now)
{
	p->ser.last[0] = B_FRAME;
	pblink_x_request(p, now, p->ser.word, p->ser.got, p->ser.want);
	p->ser.last_n = 1 + assemble(p->ser.last + 1, p->ser.seq, p->word, p->out, p->out_n);
	p->ser.last_seq = p->ser.seq;
	p->ser.exchanged = p->ser.open = true;
	put(p, p->ser.last, p->ser.last_n);
}

static void frame_complete(struct pblink *p, lan_time now)
{
	uint8_t whole[3 + PBLINK_BUF + 2];
	size_t n = assemble(whole, p->ser.seq, p->ser.word, p->ser.got, p->ser.want);
	if (memcmp(whole + n - 2, p->ser.check, 2) != 0) {
		refuse(p, REFUSE_CHECK, PBLINK_C_bad_check, LAN_ERR_PROTO, now);
		return;
	}
	enter(p, S_HUNT, now);
	if (!p->synced) {
		refuse(p, REFUSE_NO_SESSION, PBLINK_C_unsynced_frames, LAN_ERR_PROTO, now);
		return;
	}
	if (p->ser.open && p->ser.seq == p->ser.last_seq) {
		pblink_x_heard(p, now);
		pblink_x_count(p, PBLINK_C_repeats);
		put(p, p->ser.last, p->ser.last_n);
		return;
	}
	if (p->ser.open)
		pblink_x_done(p);
	answer(p, now);
}

static void mark(struct pblink *p, lan_time now, uint8_t c)
{
	if (p->ser.state >= S_SEQ)
		pblink_x_refuse(p, PBLINK_C_broken_frame, LAN_ERR_PROTO);
	switch (c) {
	case B_START:
		enter(p, S_SYNC, now);
		break;
	case B_FRAME:
		enter(p, S_SEQ, now);
		break;
	default: /* ours, or nobody's */
		pblink_x_count(p, PBLINK_C_noise_bytes);
		enter(p, S_HUNT, now);
		break;
	}
}

/* The length word is complete. */
static void word_complete(struct pblink *p, lan_time now)
{
	size_t n = pblink_x_length(p->ser.word);
	if (n > PBLINK_BUF) {
		refuse(p, REFUSE_LENGTH, PBLINK_C_bad_length, LAN_ERR_TOOBIG, now);
		return;
	}
	p->ser.want = n;
	p->ser.got_n = 0;
	enter(p, n ? S_DATA : S_CHECK1, now);
}

static void byte(struct pblink *p, lan_time now, uint8_t c)
{
	if (c >= B_MARK) {
		mark(p, now, c);
		return;
	}
	switch (p->ser.state) {
	case S_HUNT:
		pblink_x_count(p, PBLINK_C_noise_bytes);
		break;
	case S_SYNC:
		p->ser.nonce = c;
		enter(p, S_SYNC2, now);
		break;
	case S_SYNC2:
		if (p->ser.nonce < 0x80 && c == (p->ser.nonce ^ 0x7f)) {
			started(p, now);
		} else {
			pblink_x_count(p, PBLINK_C_broken_frame);
			enter(p, S_HUNT, now);
		}
		break;
	case S_SEQ:
		p->ser.seq = c;
		enter(p, S_LOW, now);
		break;
	case S_LOW:
		p->ser.word[0] = c;
		enter(p, S_HIGH, now);
		break;
	case S_HIGH:
		p->ser.word[1] = c;
		word_complete(p, now);
		break;
	case S_DATA:
		p->ser.got[p->ser.got_n++] = c;
		enter(p, p->ser.got_n < p->ser.want ? S_DATA : S_CHECK1, now);
		break;
	case S_CHECK1:
		p->ser.check[0] = c;
		enter(p, S_CHECK2, now);
		break;
	case S_CHECK2:
		p->ser.check[1] = c;
		frame_complete(p, now);
		break;
	}
}

void pblink_serial_input(struct pblink *p, lan_time now, const uint8_t *buf, size_t n)
{
	for (size_t i = 0; i < n; i++)
		byte(p, now, buf[i]);
}

const uint8_t *pblink_serial_pending(const struct pblink *p, size_t *n)
{
	*n = p->ser.tail - p->ser.head;
	return p->ser.buf + p->ser.head;
}

void pblink_serial_sent(struct pblink *p, size_t n)
{
	p->ser.head += n;
}

void pblink_serial_lost(struct pblink *p)
{
	p->ser.head = p->ser.tail = 0;
	enter(p, S_HUNT, 0);
}

void pblink_serial_tick(struct pblink *p, lan_time now)
{
	if (now < p->ser.until)
		return;
	if (p->ser.state >= S_SEQ)
		refuse(p, REFUSE_CUT, PBLINK_C_broken_frame, LAN_ERR_TIMEOUT, now);
	else
		enter(p, S_HUNT, now);
}
