/*
 * bytes.h - reading and writing wire bytes, with sticky failure.
 *
 * A reader is parsed straight through and asked once, at the end, whether all
 * of it was there; a writer likewise. After the first failure every further
 * call fails and returns zeros, so no partial result can look whole. Only these
 * functions index into wire bytes. Formats of fixed length on a hot path check
 * that length once and then use the straight loads and stores at the end.
 */
#ifndef LAN_BASE_BYTES_H
#define LAN_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct lan_rd {
	const uint8_t *buf;
	size_t len, off;
	bool bad;
};

static inline struct lan_rd lan_rd_of(const void *buf, size_t len)
{
	return (struct lan_rd){.buf = buf, .len = len};
}

static inline size_t lan_rd_left(const struct lan_rd *r)
{
	return r->bad ? 0 : r->len - r->off;
}

/* The next n bytes as a view, or NULL (and failed for good) if not all there. */
static inline const uint8_t *lan_rd_take(struct lan_rd *r, size_t n)
{
	if (r->bad || n > r->len - r->off) {
		r->bad = true;
		return NULL;
	}
	r->off += n;
	return r->buf + r->off - n;
}

/* Up to and including the next `byte`; NULL without failing if there is none yet. */
static inline const uint8_t *lan_rd_until(struct lan_rd *r, uint8_t byte, size_t *n)
{
	const uint8_t *at =
		r->bad || r->off == r->len ? NULL : memchr(r->buf + r->off, byte, r->len - r->off);
	if (!at)
		return NULL;
	*n = (size_t)(at - (r->buf + r->off)) + 1;
	return lan_rd_take(r, *n);
}

static inline uint8_t lan_rd_u8(struct lan_rd *r)
{
	const uint8_t *p = lan_rd_take(r, 1);
	return p ? p[0] : 0;
}

static inline uint16_t lan_rd_be16(struct lan_rd *r)
{
	const uint8_t *p = lan_rd_take(r, 2);
	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t lan_rd_be32(struct lan_rd *r)
{
	const uint8_t *p = lan_rd_take(r, 4);
	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint64_t lan_rd_be64(struct lan_rd *r)
{
	uint64_t hi = lan_rd_be32(r);
	return hi << 32 | lan_rd_be32(r);
}

/* A reader over the next n bytes only: bounds nested structures. */
static inline struct lan_rd lan_rd_sub(struct lan_rd *r, size_t n)
{
	const uint8_t *p = lan_rd_take(r, n);
	return (struct lan_rd){.buf = p, .len = p ? n : 0, .bad = !p};
}

struct lan_wr {
	uint8_t *buf;
	size_t len, off;
	bool bad;
};

static inline struct lan_wr lan_wr_of(void *buf, size_t len)
{
	return (struct lan_wr){.buf = buf, .len = len};
}

/* Room for n bytes, or NULL (and failed for good). */
static inline uint8_t *lan_wr_room(struct lan_wr *w, size_t n)
{
	if (w->bad || n > w->len - w->off) {
		w->bad = true;
		return NULL;
	}
	w->off += n;
	return w->buf + w->off - n;
}

static inline void lan_wr_bytes(struct lan_wr *w, const void *p, size_t n)
{
	uint8_t *to = lan_wr_room(w, n);
	if (to && n)
		memcpy(to, p, n);
}

static inline void lan_wr_u8(struct lan_wr *w, uint8_t v)
{
	lan_wr_bytes(w, &v, 1);
}

static inline void lan_wr_be16(struct lan_wr *w, uint16_t v)
{
	lan_wr_bytes(w, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

static inline void lan_wr_be32(struct lan_wr *w, uint32_t v)
{
	lan_wr_be16(w, (uint16_t)(v >> 16));
	lan_wr_be16(w, (uint16_t)v);
}

static inline void lan_wr_be64(struct lan_wr *w, uint64_t v)
{
	lan_wr_be32(w, (uint32_t)(v >> 32));
	lan_wr_be32(w, (uint32_t)v);
}

/* Straight stores and loads: the caller has checked that the bytes are there. */
static inline void lan_put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8), p[1] = (uint8_t)v;
}

static inline void lan_put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24), p[1] = (uint8_t)(v >> 16), p[2] = (uint8_t)(v >> 8), p[3] = (uint8_t)v;
}

static inline void lan_put_be64(uint8_t *p, uint64_t v)
{
	p[0] = (uint8_t)(v >> 56), p[1] = (uint8_t)(v >> 48), p[2] = (uint8_t)(v >> 40);
	p[3] = (uint8_t)(v >> 32), p[4] = (uint8_t)(v >> 24), p[5] = (uint8_t)(v >> 16);
	p[6] = (uint8_t)(v >> 8), p[7] = (uint8_t)v;
}

static inline uint16_t lan_get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t lan_get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t lan_get_be64(const uint8_t *p)
{
	return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 | (uint64_t)p[3] << 32 |
	       (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 | (uint64_t)p[6] << 8 | p[7];
}

#endif
