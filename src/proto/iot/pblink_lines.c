/*
 * pblink_lines.c - the lines of both directions and their queues.
 *
 * From the board: payloads are taken as a stream and cut at LF. The
 * configuration is known by its '[' (no header looks like that), so that a
 * board which restarted unnoticed still configures; it is acted on when it
 * arrives and never queued, and so it cannot be held up by lines before it.
 * Other lines wait in `rx`, whole and checked.
 *
 * To the board: one line per exchange, control lines before lines of the
 * server, because a board restarts its partner when it misses `k` for 4 s.
 *
 * Refused, with a counter and an event each: lines before a configuration, bad
 * headers, lines over 200 bytes, payloads sent in spite of bit 7.
 * docs/protocols/pblink.md, sections 4 and 5.
 */
#include "proto/iot/pblink_int.h"

#include <string.h>

/* ---- lines from the board -------------------------------------------- */

static void configure(struct pblink *p, lan_time now, const char *line, size_t n)
{
	const char *reason;
	enum lan_err e = pblink_settings_parse(line, n, &p->fresh, &reason);
	if (e) {
		pblink_x_count(p, PBLINK_C_config_refused);
		pblink_x_event(p, PBLINK_ERROR, e, reason);
		return;
	}
	/* A board that restarted unnoticed has been told nothing. */
	pblink_x_forget_told(p);
	p->settings = p->fresh;
	p->have_settings = p->configured = p->config_new = true;
	if (p->up)
		pblink_x_come_alive(p, now);
	pblink_x_count(p, PBLINK_C_configs);
	pblink_x_event(p, PBLINK_CONFIG, LAN_OK, "");
}

/* A whole line stands at rx_line..tail, with its LF. Keep it or take it back. */
static void take_line(struct pblink *p, lan_time now)
{
	const char *line = (const char *)lan_ring_at(&p->rx, p->rx_line);
	size_t n = (size_t)(p->rx.tail - p->rx_line) - 1;
	bool keep = false;
	pblink_x_trace(p, now, LAN_TRACE_RX, "line", line, n);
	if (n && line[0] == '[')
		configure(p, now, line, n);
	else if (!p->configured)
		pblink_x_refuse(p, PBLINK_C_line_unconfigured, LAN_ERR_CONFIG);
	else if (!n || line[0] < '0' || line[0] > '3')
		pblink_x_refuse(p, PBLINK_C_line_header, LAN_ERR_PROTO);
	else if (n == 1)
		pblink_x_refuse(p, PBLINK_C_line_empty, LAN_ERR_PROTO);
	else
		keep = true;
	if (keep) {
		pblink_x_count(p, PBLINK_C_rx_lines);
		p->rx_line = p->rx.tail;
	} else {
		p->rx.tail = p->rx_line;
	}
}

static void take_byte(struct pblink *p, lan_time now, uint8_t c)
{
	if (p->rx_skip) {
		p->rx_skip = c != '\n';
		return;
	}
	*lan_ring_at(&p->rx, p->rx.tail) = c;
	lan_ring_commit(&p->rx, 1);
	if (c == '\n') {
		take_line(p, now);
	} else if (p->rx.tail - p->rx_line >= PBLINK_BUF) {
		p->rx.tail = p->rx_line;
		p->rx_skip = true;
		pblink_x_refuse(p, PBLINK_C_line_long, LAN_ERR_TOOBIG);
	}
}

/* Would a payload of the longest kind not fit any more? */
static bool rx_full(const struct pblink *p)
{
	return pblink_rx_waiting(p) + PBLINK_BUF > p->cfg.rx_bytes;
}

static void take_payload(struct pblink *p, lan_time now, const uint8_t *payload, size_t n)
{
	uint8_t *room;
	/* The ring has room for one payload beyond what bit 7 promises, so that
	 * a board which started again can always configure. */
	if (lan_ring_room(&p->rx, n, &room)) {
		pblink_x_refuse(p, PBLINK_C_rx_overrun, LAN_ERR_FULL);
		return;
	}
	for (size_t i = 0; i < n; i++)
		take_byte(p, now, payload[i]);
}

size_t pblink_rx_waiting(const struct pblink *p)
{
	return (size_t)(p->rx_line - p->rx.head);
}

bool pblink_line(const struct pblink *p, struct pblink_line *out)
{
	size_t n = pblink_rx_waiting(p);
	if (!n || p->config_new)
		return false;
	const char *at = (const char *)lan_ring_at(&p->rx, p->rx.head);
	const char *end = memchr(at, '\n', n);
	unsigned flags = (unsigned)(at[0] - '0');
	*out = (struct pblink_line){
		.text = at + 1, .len = (size_t)(end - at) - 1, .qos = flags & 2, .wait = flags & 1};
	return true;
}

void pblink_line_done(struct pblink *p)
{
	struct pblink_line l;
	if (pblink_line(p, &l))
		lan_ring_drop(&p->rx, l.len + 2);
}

/* ---- lines for the board --------------------------------------------- */

enum lan_err pblink_send(struct pblink *p, const char *line, size_t len)
{
	if (len > PBLINK_LINE_MAX) {
		pblink_x_refuse(p, PBLINK_C_tx_too_long, LAN_ERR_TOOBIG);
		return LAN_ERR_TOOBIG;
	}
	uint8_t *to;
	enum lan_err e = lan_ring_room(&p->tx, 2 + len, &to);
	if (e)
		return e;
	to[0] = (uint8_t)len;
	to[1] = (uint8_t)(len >> 8);
	memcpy(to + 2, line, len);
	lan_ring_commit(&p->tx, 2 + len);
	return LAN_OK;
}

bool pblink_tx_room(const struct pblink *p)
{
	return lan_ring_len(&p->tx) + 2 + PBLINK_LINE_MAX <= p->cfg.tx_bytes;
}

size_t pblink_tx_waiting(const struct pblink *p)
{
	return lan_ring_len(&p->tx);
}

size_t pblink_purge(struct pblink *p)
{
	size_t n = pblink_rx_waiting(p) + lan_ring_len(&p->tx);
	/* The unfinished line stays: it came after what is forgotten. */
	lan_ring_drop(&p->rx, pblink_rx_waiting(p));
	lan_ring_drop(&p->tx, lan_ring_len(&p->tx));
	if (p->out_kind == OUT_LINE)
		p->out_kind = OUT_NONE;
	p->out_again = false;
	return n;
}

void pblink_server(struct pblink *p, lan_time now, bool up)
{
	/* What is on its way counts as told. */
	int8_t told = p->out_kind == OUT_STATE ? p->out[0] == 'u' : p->told;
	if (up != p->up)
		p->flapped = told == (int8_t)up;
	p->up = up;
	if (up && p->configured && !p->alive)
		pblink_x_come_alive(p, now);
}

void pblink_bad(struct pblink *p, enum pblink_bad what)
{
	p->bad = what == PBLINK_BAD_NETWORK ? 'b' : 's';
}

static size_t put_number(char *at, uint64_t v)
{
	char digits[20];
	size_t n = 0;
	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	for (size_t i = 0; i < n; i++)
		at[i] = digits[n - 1 - i];
	return n;
}

void pblink_report(struct pblink *p, uint32_t connects, uint64_t mem_free)
{
	char *t = p->report;
	size_t n = 0;
	t[n++] = '[';
	n += put_number(t + n, connects);
	t[n++] = ',';
	t[n++] = ' ';
	n += put_number(t + n, p->r_no++);
	t[n++] = ',';
	t[n++] = ' ';
	n += put_number(t + n, mem_free);
	t[n++] = ']';
	p->report_n = n;
}

static void compose(struct pblink *p, enum pblink_out kind, char hdr, const void *text, size_t n)
{
	p->out[0] = (uint8_t)hdr;
	if (n)
		memcpy(p->out + 1, text, n);
	p->out[1 + n] = '\n';
	p->out_n = n + 2;
	p->out_kind = kind;
}

/* What the board is sent next, if anything. */
static void choose(struct pblink *p)
{
	p->out_kind = OUT_NONE;
	p->out_n = 0;
	if (!p->configured)
		return;
	if (p->bad) {
		compose(p, OUT_BAD, p->bad, NULL, 0);
	} else if (p->flapped) {
		compose(p, OUT_STATE, p->up ? 'd' : 'u', NULL, 0);
	} else if (p->told != (int8_t)p->up && (p->up || p->told >= 0)) {
		compose(p, OUT_STATE, p->up ? 'u' : 'd', NULL, 0);
	} else if (p->report_n) {
		compose(p, OUT_REPORT, 'r', p->report, p->report_n);
	} else if (p->k_due) {
		compose(p, OUT_KEEPALIVE, 'k', NULL, 0);
	} else if (lan_ring_len(&p->tx) && !p->config_new) {
		const uint8_t *rec = lan_ring_at(&p->tx, p->tx.head);
		compose(p, OUT_LINE, 'n', rec + 2, (size_t)rec[0] | (size_t)rec[1] << 8);
	}
}

void pblink_x_done(struct pblink *p)
{
	switch (p->out_kind) {
	case OUT_NONE:
		break;
	case OUT_BAD:
		p->bad = 0;
		break;
	case OUT_STATE:
		p->told = p->out[0] == 'u';
		p->flapped = p->flapped && p->told == (int8_t)p->up;
		break;
	case OUT_KEEPALIVE:
		p->k_due = false;
		break;
	case OUT_REPORT:
		p->report_n = 0;
		break;
	case OUT_LINE:
		lan_ring_drop(&p->tx, p->out_n); /* two bytes of length for header and LF */
		break;
	}
	if (p->out_kind == OUT_LINE)
		pblink_x_count(p, PBLINK_C_tx_lines);
	else if (p->out_kind != OUT_NONE)
		pblink_x_count(p, PBLINK_C_tx_control);
	pblink_x_count(p, PBLINK_C_exchanges);
	p->out_kind = OUT_NONE;
	p->out_n = 0;
}

void pblink_x_request(struct pblink *p, lan_time now, const uint8_t word[2], const uint8_t *payload, size_t n)
{
	pblink_x_heard(p, now);
	p->peer_full = word[1] & 0x80;
	if (n)
		take_payload(p, now, payload, n);
	if (p->out_kind == OUT_LINE)
		p->out_again = true;
	choose(p);
	if (p->peer_full && p->out_n) {
		pblink_x_count(p, PBLINK_C_tx_held_off);
		p->out_kind = OUT_NONE;
		p->out_n = 0;
	}
	if (p->out_kind == OUT_LINE && p->out_again) {
		pblink_x_count(p, PBLINK_C_tx_again);
		p->out_again = false;
	}
	bool full = rx_full(p);
	if (full)
		pblink_x_count(p, PBLINK_C_rx_held_off);
	p->word[0] = (uint8_t)p->out_n;
	p->word[1] = (uint8_t)(p->out_n >> 8 | (full ? 0x80 : 0));
}
