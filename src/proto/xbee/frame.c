/*
 * frame.c - API frames of the XBee 802.15.4: encoding, and finding them in a stream of octets, see xbee.h and
 * sos.md section 3.3.
 *
 *      7E | length 2 | API data | checksum, FF less the sum of the data
 *
 * In mode 1 a 7E may stand anywhere: one that turns out to begin no frame costs itself, and the search goes
 * on with the next one behind it, which may well be inside of what was taken for a frame. In mode 2 a 7E
 * begins a frame and is nothing else, since it is escaped elsewhere: the search goes on where the next one
 * comes.
 */
#include "proto/xbee/xbee.h"

#define START  0x7e
#define ESCAPE 0x7d
#define TURN   0x20
#define HEAD   3 /* start and length */

/* ---- out ----------------------------------------------------------------------------- */

/* The data in front of f->data; its octets, 0: a kind not known. */
static size_t head_of(const struct xbee_frame *f, uint8_t *h)
{
	h[0] = f->api;
	switch (f->api) {
	case XBEE_TX16:
		h[1] = f->frame_id, h[2] = f->addr[1], h[3] = f->addr[0], h[4] = f->options;
		return 5;
	case XBEE_RX16:
		h[1] = f->addr[1], h[2] = f->addr[0], h[3] = f->rssi, h[4] = f->options;
		return 5;
	case XBEE_TX_STATUS:
		h[1] = f->frame_id, h[2] = f->status;
		return 3;
	case XBEE_MODEM_STATUS:
		h[1] = f->status;
		return 2;
	case XBEE_AT:
		h[1] = f->frame_id, h[2] = (uint8_t)f->at[0], h[3] = (uint8_t)f->at[1];
		return 4;
	case XBEE_AT_RESPONSE:
		h[1] = f->frame_id, h[2] = (uint8_t)f->at[0], h[3] = (uint8_t)f->at[1], h[4] = f->status;
		return 5;
	default:
		return 0;
	}
}

static bool has_data(uint8_t api)
{
	return api == XBEE_TX16 || api == XBEE_RX16 || api == XBEE_AT || api == XBEE_AT_RESPONSE;
}

static void put(struct lan_wr *w, int mode, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool turn = mode == 2 && (p[i] == START || p[i] == ESCAPE || p[i] == 0x11 || p[i] == 0x13);
		if (turn)
			lan_wr_u8(w, ESCAPE);
		lan_wr_u8(w, turn ? p[i] ^ TURN : p[i]);
	}
}

static uint8_t sum(const uint8_t *p, size_t n)
{
	uint8_t s = 0;
	while (n--)
		s = (uint8_t)(s + *p++);
	return s;
}

size_t xbee_encode(uint8_t *buf, size_t cap, int mode, const struct xbee_frame *f)
{
	uint8_t head[8], length[2];
	struct lan_wr w = lan_wr_of(buf, cap);
	size_t h = head_of(f, head), n = has_data(f->api) ? f->len : 0;
	if (h == 0 || h + n > XBEE_FRAME_MAX)
		return 0;
	uint8_t check = (uint8_t)(0xff - sum(head, h) - sum(f->data, n));
	lan_put_be16(length, (uint16_t)(h + n));
	lan_wr_u8(&w, START);
	put(&w, mode, length, 2);
	put(&w, mode, head, h);
	put(&w, mode, f->data, n);
	put(&w, mode, &check, 1);
	return w.bad ? 0 : w.off;
}

/* ---- in --------------------------------------------------------------------------------- */

enum what { KNOWN, UNKNOWN, MALFORMED };

static enum what read_frame(const uint8_t *p, size_t n, struct xbee_frame *f)
{
	struct lan_rd r = lan_rd_of(p, n);
	*f = (struct xbee_frame){.api = lan_rd_u8(&r)};
	switch (f->api) {
	case XBEE_TX16:
		f->frame_id = lan_rd_u8(&r);
		f->addr[1] = lan_rd_u8(&r), f->addr[0] = lan_rd_u8(&r);
		f->options = lan_rd_u8(&r);
		break;
	case XBEE_RX16:
		f->addr[1] = lan_rd_u8(&r), f->addr[0] = lan_rd_u8(&r);
		f->rssi = lan_rd_u8(&r);
		f->options = lan_rd_u8(&r);
		break;
	case XBEE_TX_STATUS:
		f->frame_id = lan_rd_u8(&r);
		f->status = lan_rd_u8(&r);
		break;
	case XBEE_MODEM_STATUS:
		f->status = lan_rd_u8(&r);
		break;
	case XBEE_AT:
	case XBEE_AT_RESPONSE:
		f->frame_id = lan_rd_u8(&r);
		f->at[0] = (char)lan_rd_u8(&r), f->at[1] = (char)lan_rd_u8(&r);
		if (f->api == XBEE_AT_RESPONSE)
			f->status = lan_rd_u8(&r);
		break;
	default:
		return UNKNOWN;
	}
	f->len = lan_rd_left(&r);
	if (r.bad || (f->len && !has_data(f->api)))
		return MALFORMED;
	f->data = lan_rd_take(&r, f->len);
	return KNOWN;
}

void xbee_parser_init(struct xbee_parser *p, int mode)
{
	*p = (struct xbee_parser){.mode = mode == 2 ? 2 : 1};
}

/* The first n octets are gone. */
static void discard(struct xbee_parser *p, size_t n)
{
	p->len = (uint16_t)(p->len - n);
	memmove(p->buf, p->buf + n, p->len);
}

/* What begins the buffer begins no frame: on to the next octet that may. */
static void resync(struct xbee_parser *p)
{
	const uint8_t *next = p->mode == 1 && p->len > 1 ? memchr(p->buf + 1, START, p->len - 1u) : NULL;
	size_t n = next ? (size_t)(next - p->buf) : p->len;
	p->noise += n;
	p->escaped = false;
	discard(p, n);
}

/* A frame at the beginning of the buffer. False: more octets are needed. */
static bool find(struct xbee_parser *p, struct xbee_frame *out)
{
	while (p->len >= HEAD) {
		size_t n = lan_get_be16(p->buf + 1);
		if (n == 0 || n > XBEE_FRAME_MAX) {
			p->bad_length++;
			resync(p);
			continue;
		}
		if (p->len < HEAD + n + 1)
			return false;
		if (sum(p->buf + HEAD, n + 1) != 0xff) {
			p->bad_checksum++;
			resync(p);
			continue;
		}
		enum what what = read_frame(p->buf + HEAD, n, out);
		if (what == KNOWN) {
			p->done = (uint16_t)(HEAD + n + 1);
			return true;
		}
		*(what == UNKNOWN ? &p->unknown : &p->bad_length) += 1;
		discard(p, HEAD + n + 1);
		if (p->len && p->buf[0] != START)
			resync(p);
	}
	return false;
}

/* One octet into the buffer, which begins with a 7E and has room while find() wants more. */
static void take(struct xbee_parser *p, uint8_t c)
{
	if (p->mode == 2 && c == START) {
		p->noise += p->len;
		p->len = 0;
		p->escaped = false;
	} else if (p->len == 0 && c != START) {
		p->noise++;
		return;
	} else if (p->mode == 2 && c == ESCAPE && !p->escaped) {
		p->escaped = true;
		return;
	} else if (p->escaped) {
		c ^= TURN;
		p->escaped = false;
	}
	p->buf[p->len++] = c;
}

bool xbee_parse(struct xbee_parser *p, const uint8_t *in, size_t n, size_t *took, struct xbee_frame *out)
{
	*took = 0;
	if (p->done) {
		discard(p, p->done);
		p->done = 0;
		if (p->len && p->buf[0] != START)
			resync(p);
	}
	if (find(p, out))
		return true;
	while (*took < n) {
		take(p, in[(*took)++]);
		if (find(p, out))
			return true;
	}
	return false;
}

bool xbee_parser_inside(const struct xbee_parser *p)
{
	return p->len > p->done;
}

void xbee_parser_silence(struct xbee_parser *p)
{
	discard(p, p->done);
	p->done = 0;
	if (p->len)
		resync(p);
}
