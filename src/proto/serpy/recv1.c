/*
 * recv1.c - the wire of serpy, received: section 1.3.
 *
 * A block ends with 0x1F; one that begins with 0x01 is a control word. In modes
 * 1, 3 and 5 a message is all blocks up to 0x04, joined; what comes behind the
 * 0x04 begins the next. Acknowledged is what the application pulls. Where the
 * original's decoder dies and leaves the connection open and deaf, ours ends it
 * with a reason.
 */
#include "proto/serpy/out.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "proto/serpy/base85.h"

#define END_OF_BLOCK   0x1f
#define END_OF_MESSAGE 0x04
#define CONTROL        0x01

#define SETMODE "\x01SETMODE"
#define ACKMODCG \
	"\x01"   \
	"ACKMODCG"
#define ACKEOT \
	"\x01" \
	"ACKEOT!!"
#define WORD_LEN 9 /* of the two answers */

static bool is_base85(uint8_t mode)
{
	return mode >= 2;
}

void recv1_fini(struct serpy_conn *c)
{
	if (c->rx.acc)
		free(c->rx.acc->buf);
	free(c->rx.acc);
	c->rx.acc = NULL;
}

/* --- values ------------------------------------------------------------------------------------- */

static struct serpy_event event_of(const struct serpy_conn *c, enum serpy_event_kind kind)
{
	return (struct serpy_event){.kind = kind, .conn = c->id, .peer = c->name, .mode = c->rx.mode};
}

/* A whole message: n bytes at p, in memory that may be written, one byte beyond included. */
static enum recv_step deliver(
	struct serpy *s, lan_time now, struct serpy_conn *c, uint8_t *p, uint32_t n, struct serpy_event *ev)
{
	if (base85_decoded(n) > s->cfg.max_message || (!is_base85(c->rx.mode) && n > s->cfg.max_message))
		return recv_end(s, now, c, SERPY_C_end_too_long, LAN_ERR_TOOBIG);
	if (is_base85(c->rx.mode)) {
		if (base85_decode(p, n, p))
			return recv_end(s, now, c, SERPY_C_end_base85, LAN_ERR_PROTO);
		n = (uint32_t)base85_decoded(n);
	}
	p[n] = 0;
	c->rx_messages++;
	serpy_count(s, SERPY_C_rx_messages);
	*ev = event_of(c, SERPY_MESSAGE);
	ev->value = (struct serpy_value){
		.type = c->rx.mode >= 4 ? SERPY_OBJECT : SERPY_BYTES, .data = p, .len = n};
	return RECV_EVENT;
}

/* Section 1.2: one for each end of message. Never fails for a full queue: it goes before what waits. */
static enum lan_err acknowledge(struct serpy *s, struct serpy_conn *c, const char *word)
{
	struct serpy_out *o;
	char text[WORD_LEN + 1];
	if (c->state != CONN_OPEN)
		return LAN_OK; /* nobody is there any more */
	enum lan_err e = c->out ? LAN_OK : serpy_out_of(s, c->id, &o);
	memcpy(text, word, WORD_LEN);
	text[WORD_LEN] = END_OF_BLOCK;
	if (!e)
		e = out_control(c, text, sizeof text);
	if (!e)
		conn_want(s, c, WANT_SEND_BIT);
	return e;
}

enum recv_step recv1_ack(struct serpy *s, lan_time now, struct serpy_conn *c)
{
	if (acknowledge(s, c, ACKEOT))
		return recv_end(s, now, c, SERPY_C_end_memory, LAN_ERR_NOMEM);
	serpy_count(s, SERPY_C_tx_acks);
	return RECV_EVENT;
}

/* --- messages of several blocks ------------------------------------------------------------------- */

static enum lan_err gather(struct serpy_conn *c, const uint8_t *p, uint32_t n)
{
	struct serpy_acc *a = c->rx.acc;
	if (!a && !(a = c->rx.acc = calloc(1, sizeof *a)))
		return LAN_ERR_NOMEM;
	if (a->cap < a->len + n + 1) {
		uint64_t cap = (uint64_t)a->len + n + 1;
		cap += cap / 2;
		uint8_t *buf = cap < UINT32_MAX ? realloc(a->buf, cap) : NULL;
		if (!buf)
			return LAN_ERR_NOMEM;
		a->buf = buf;
		a->cap = (uint32_t)cap;
	}
	if (n)
		memcpy(a->buf + a->len, p, n);
	a->len += n;
	return LAN_OK;
}

/* What the last message left in the accumulator was handed out. */
static void clear_handed(struct serpy_conn *c)
{
	struct serpy_acc *a = c->rx.acc;
	if (!a || !a->handed)
		return;
	memmove(a->buf, a->buf + a->handed, a->len - a->handed);
	a->len -= a->handed;
	a->handed = 0;
	if (!a->len)
		recv1_fini(c);
}

/* A block of n bytes at p in an acknowledged mode. */
static enum recv_step acked_block(
	struct serpy *s, lan_time now, struct serpy_conn *c, uint8_t *p, uint32_t n, struct serpy_event *ev)
{
	uint8_t *eot = memchr(p, END_OF_MESSAGE, n);
	uint32_t have = c->rx.acc ? c->rx.acc->len : 0, left = eot ? (uint32_t)(eot - p) : n;
	uint64_t bound = (uint64_t)s->cfg.max_message + s->cfg.max_message / 4 + 16;
	if ((uint64_t)have + n > bound)
		return recv_end(s, now, c, SERPY_C_end_too_long, LAN_ERR_TOOBIG);
	if (!eot || have || left + 1 < n) {
		if (gather(c, p, left))
			return recv_end(s, now, c, SERPY_C_end_memory, LAN_ERR_NOMEM);
	}
	if (!eot)
		return RECV_MORE;
	if (memchr(eot + 1, END_OF_MESSAGE, n - left - 1))
		return recv_end(s, now, c, SERPY_C_end_two_ends, LAN_ERR_PROTO);
	if (recv1_ack(s, now, c) == RECV_END)
		return RECV_END;
	if (!have && left + 1 == n)
		return deliver(s, now, c, p, left, ev);
	/* The message is in the accumulator; a place for its NUL, then what begins the next. */
	uint32_t message = c->rx.acc->len;
	if (gather(c, (const uint8_t *)"", 1) || gather(c, eot + 1, n - left - 1))
		return recv_end(s, now, c, SERPY_C_end_memory, LAN_ERR_NOMEM);
	c->rx.acc->handed = message + 1;
	return deliver(s, now, c, c->rx.acc->buf, message, ev);
}

/* --- control words --------------------------------------------------------------------------------- */

static bool is_word(const uint8_t *p, uint32_t n, const char *word)
{
	return n == WORD_LEN && memcmp(p, word, WORD_LEN) == 0;
}

/* Only the last character counts; in UTF-16 that is two bytes. */
static enum recv_step set_mode(
	struct serpy *s, lan_time now, struct serpy_conn *c, const uint8_t *p, uint32_t n)
{
	uint8_t digit = p[n - 1] == 0 && n > 10 && s->encoding == ENCODING_UTF16 ? p[n - 2] : p[n - 1];
	if (n <= sizeof SETMODE - 1 || digit < '0' || digit >= '0' + SERPY_MODES)
		return recv_end(s, now, c, SERPY_C_end_setmode, LAN_ERR_PROTO);
	c->rx.mode = (uint8_t)(digit - '0');
	c->rx.announced = true;
	if (acknowledge(s, c, ACKMODCG))
		return recv_end(s, now, c, SERPY_C_end_memory, LAN_ERR_NOMEM);
	return RECV_MORE;
}

static enum recv_step take_ack(struct serpy *s, lan_time now, struct serpy_conn *c, struct serpy_event *ev)
{
	uint64_t token;
	bool known = out_ack(s, c, &token);
	serpy_count(s, known ? SERPY_C_rx_acks : SERPY_C_rx_stray_acks);
	out_pump(s, now, c);
	if (!token)
		return RECV_MORE;
	*ev = event_of(c, SERPY_ACKED);
	ev->token = token;
	return RECV_EVENT;
}

/* A word that is none: section 1.3, rule 1. */
static enum recv_step foreign_word(
	struct serpy *s, lan_time now, struct serpy_conn *c, uint8_t *p, uint32_t n, struct serpy_event *ev)
{
	enum serpy_encoding text = s->encoding == ENCODING_UTF16 ? ENCODING_UTF8 : s->encoding;
	if (SERPY_MODE_ACKED(c->rx.mode) || !encoding_valid(text, p, n))
		return recv_end(s, now, c, SERPY_C_end_control, LAN_ERR_PROTO);
	enum recv_step step = deliver(s, now, c, p + 1, n - 1, ev);
	if (step == RECV_EVENT && c->rx.mode == 0 && lan_utf8_valid(ev->value.data, ev->value.len))
		ev->value.type = SERPY_STR; /* in another encoding it stays bytes */
	return step;
}

static enum recv_step control(
	struct serpy *s, lan_time now, struct serpy_conn *c, uint8_t *p, uint32_t n, struct serpy_event *ev)
{
	if (n >= sizeof SETMODE - 1 && memcmp(p, SETMODE, sizeof SETMODE - 1) == 0)
		return set_mode(s, now, c, p, n);
	if (is_word(p, n, ACKEOT))
		return take_ack(s, now, c, ev);
	if (is_word(p, n, ACKMODCG)) {
		out_mode_acked(s, now, c);
		out_pump(s, now, c);
		return RECV_MORE;
	}
	return foreign_word(s, now, c, p, n, ev);
}

/* --- blocks ------------------------------------------------------------------------------------------ */

/* A block of mode 0 that seems to be a message of mode 1. In UTF-16 every text has an even length. */
bool recv1_looks_stale(const struct serpy *s, const uint8_t *p, size_t n)
{
	return p[n - 1] == END_OF_MESSAGE && !(s->encoding == ENCODING_UTF16 && n % 2 == 0);
}

/* Section 3.6: an original that connected again believes in the mode it had. An end of message that nobody
 * announced is acknowledged all the same, else it would wait for ever. */
static enum recv_step stale(
	struct serpy *s, lan_time now, struct serpy_conn *c, uint8_t *p, uint32_t n, struct serpy_event *ev)
{
	if (recv1_ack(s, now, c) == RECV_END)
		return RECV_END;
	enum recv_step step = deliver(s, now, c, p, n - 1, ev);
	ev->stale = step == RECV_EVENT;
	serpy_count(s, SERPY_C_rx_stale);
	return step;
}

static enum recv_step block(
	struct serpy *s, lan_time now, struct serpy_conn *c, uint8_t *p, uint32_t n, struct serpy_event *ev)
{
	if (!n)
		return RECV_MORE;
	if (p[0] == CONTROL)
		return control(s, now, c, p, n, ev);
	if (SERPY_MODE_ACKED(c->rx.mode))
		return acked_block(s, now, c, p, n, ev);
	if (c->rx.mode == 0 && !c->rx.announced && recv1_looks_stale(s, p, n))
		return stale(s, now, c, p, n, ev);
	return deliver(s, now, c, p, n, ev);
}

/* Is a block of so many bytes, whatever is still to come, longer than what is handed out whole? The same for
 * an unfinished and a finished one, so that it does not depend on how a stream is cut. */
static bool for_pieces(const struct serpy *s, const struct serpy_conn *c, const uint8_t *p, uint32_t n)
{
	uint8_t mode = c->rx.mode;
	if (!s->cfg.pieces || mode > 3 || (n && p[0] == CONTROL) || (c->rx.acc && c->rx.acc->len))
		return false;
	size_t whole = is_base85(mode) ? base85_encoded(s->cfg.piece) : s->cfg.piece;
	return n > whole + SERPY_MODE_ACKED(mode);
}

/* No message of the mode has so long a block, nor any control word. */
static bool too_long(const struct serpy *s, const struct serpy_conn *c, uint32_t n)
{
	uint64_t factor = is_base85(c->rx.mode) ? 5 : 4;
	return n > s->cfg.max_message * factor / 4 + 16;
}

/* How long an unfinished block may be before it comes in pieces, or ends the connection. */
static enum recv_step unfinished(struct serpy *s, lan_time now, struct serpy_conn *c, struct serpy_event *ev)
{
	uint32_t n = in_have(&c->in);
	if (for_pieces(s, c, c->in.buf + c->in.head, n)) {
		recv1_begin_pieces(c);
		return recv1_piece(s, now, c, ev);
	}
	if (too_long(s, c, n))
		return recv_end(s, now, c, SERPY_C_end_too_long, LAN_ERR_TOOBIG);
	c->in.need = 0;
	c->in.scan = n;
	return RECV_MORE;
}

enum recv_step recv1_next(struct serpy *s, lan_time now, struct serpy_conn *c, struct serpy_event *ev)
{
	clear_handed(c);
	for (;;) {
		if (c->rx.piecing)
			return recv1_piece(s, now, c, ev);
		uint32_t n = in_have(&c->in);
		if (!n)
			return RECV_MORE;
		uint8_t *p = c->in.buf + c->in.head,
			*eob = memchr(p + c->in.scan, END_OF_BLOCK, n - c->in.scan);
		if (!eob)
			return unfinished(s, now, c, ev);
		n = (uint32_t)(eob - p);
		if (for_pieces(s, c, p, n)) {
			recv1_begin_pieces(c);
			continue;
		}
		if (too_long(s, c, n))
			return recv_end(s, now, c, SERPY_C_end_too_long, LAN_ERR_TOOBIG);
		c->in.head += n + 1;
		c->in.scan = c->in.need = 0;
		enum recv_step step = block(s, now, c, p, n, ev);
		if (step != RECV_MORE)
			return step;
	}
}
