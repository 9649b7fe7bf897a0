/*
 * Unit tests of pdu.h. Every type of both dialects is read, written again to the
 * same octets, and fails into every buffer that is too small; every truncation
 * is refused, whether or not the lengths of the PDU say so too, and every octet
 * too many. Then each fault on its own, on both sides of its bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proto/lsoe/pdu.h"

#define OLD  LSOE_01
#define L3DL LSOE_L3DL

struct sample {
	enum lsoe_dialect d;
	const char *hex; /* blanks for the eye */
};

static const struct sample samples[] = {
	{OLD, "00 0003"},
	{OLD, "02 0003"},
	{OLD, "01 0014 01020304 0000000000000000000b 00 0000"},
	{OLD, "01 0019 01020304 0000000000000000000b 02 0709 0003 616263"},
	{OLD, "03 0008 01 0000 0000"},
	{OLD, "03 0008 04 1001 1234"},
	{OLD, "03 0008 ff 3002 0000"},
	{OLD, "04 0005 0000"},
	{OLD, "04 0011 0002 80 0a000001 1e 40 7f000001 08"},
	{OLD, "05 0017 0001 00 20010db8000000000000000000000001 40"},
	{OLD, "06 000c 0001 80 00 0a010101 20"},
	{OLD, "06 0012 0001 80 02 000640 000651 0a010101 20"},
	{OLD, "07 002b 0002 00 00 fe800000000000000000000000000001 80 00 00 00000000000000000000000000000000 "
	      "00"},
	{OLD, "ff 0008 00003039 01"},
	{OLD, "ff 000d 00003039 01 68656c6c6f"},
	{L3DL, "00 00000000 00 0000"},
	{L3DL, "02 00000000 00 0000"},
	{L3DL, "02 00000000 0f 0002 abcd"},
	{L3DL, "01 00000019 deadbeef 0c 000002000000000a00000002 00 00 0000 00000000 00 0000"},
	{L3DL, "01 0000000e deadbeef 00 01 07 00 0000 00000005 00 0000"},
	{L3DL, "01 00000016 deadbeef 01 aa 00 0f 0004 01020304 0002 c0c1 00000000 0f 0002 5152"},
	{L3DL, "01 00000011 deadbeef 00 00 08 0002 0102 0000 00000000 08 0001 51"},
	{L3DL, "03 00000005 01 0000 0000 00 0000"},
	{L3DL, "03 00000005 09 2004 ffff 0f 0001 77"},
	{L3DL, "04 00000007 000000 00000001 00 0000"},
	{L3DL, "04 00000013 000002 00000001 e0 0a000001 1e 10 c0000207 20 00 0000"},
	{L3DL, "05 00000019 000001 00000003 e0 20010db8000000000000000000000001 40 00 0000"},
	{L3DL, "06 00000011 000001 00000004 a0 01 000641 0a090901 20 00 0000"},
	{L3DL, "07 0000001a 000001 00000004 a0 00 20010db8000000000000000000000001 40 00 0000"},
	{L3DL, "08 0000000a 0f 0003 010203 0002 c0c1 0f 0002 5152"},
	{L3DL, "08 00000006 08 0001 01 0000 00 0000"},
	{L3DL, "09 00000013 01 03 01 06 0000fde9 02 07 0a000001 1e 05 04 8000 00 0000"},
	{L3DL, "09 00000021 01 03 01 06 0000fde9 03 13 20010db8000000000000000000000001 40 04 06 6b657931 00 "
	       "0000"},
	{L3DL, "ff 00000009 00000000 00003039 01 00 0000"},
	{L3DL, "ff 0000000b 00000005 00003039 01 6869 00 0000"},
};
#define SAMPLES (sizeof samples / sizeof *samples)

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	int used;

	for (unsigned octet; sscanf(hex, "%2x%n", &octet, &used) == 1; hex += used)
		out[n++] = (uint8_t)octet;
	return n;
}

/* The octets alone on the heap, so that the sanitizer sees every look behind them. */
static enum lsoe_pdu_fault decode(enum lsoe_dialect d, const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	struct lsoe_pdu pdu, untouched;

	memcpy(copy, p, n);
	memset(&pdu, 0x5a, sizeof pdu);
	memcpy(&untouched, &pdu, sizeof pdu);
	enum lsoe_pdu_fault f = lsoe_pdu_decode(d, copy, n, &pdu);
	if (f)
		assert_memory_equal(&pdu, &untouched, sizeof pdu);
	free(copy);
	return f;
}

static enum lsoe_pdu_fault fault_of(enum lsoe_dialect d, const char *hex)
{
	uint8_t p[512];

	return decode(d, p, unhex(hex, p));
}

static size_t encode(enum lsoe_dialect d, const struct lsoe_pdu *pdu, uint8_t *to, size_t cap)
{
	struct lan_wr w = lan_wr_of(to, cap);

	lsoe_pdu_encode(&w, d, pdu, pdu->sig_type, pdu->sig_len);
	return w.bad ? 0 : w.off;
}

/* Lengths put right for a payload that was cut or grew by `by`; the trailer's too. */
static void mend(enum lsoe_dialect d, uint8_t *p, int by)
{
	if (d == OLD)
		lan_put_be16(p + 1, (uint16_t)(lan_get_be16(p + 1) + by));
	else
		lan_put_be32(p + 1, lan_get_be32(p + 1) + (uint32_t)by);
}

static void every_type_comes_out_as_it_went_in(void **state)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		uint8_t p[256], again[256];
		struct lsoe_pdu pdu;
		size_t n = unhex(samples[i].hex, p);
		enum lsoe_pdu_fault f = lsoe_pdu_decode(samples[i].d, p, n, &pdu);
		if (f)
			fail_msg("%s: %s", samples[i].hex, lsoe_pdu_fault_text(f));
		assert_int_equal(pdu.type, p[0]);
		assert_int_equal(encode(samples[i].d, &pdu, again, sizeof again), n);
		assert_int_equal(pdu.signed_len + pdu.sig_len, n);
		if (pdu.sig_len)
			assert_memory_equal(pdu.sig, p + pdu.signed_len, pdu.sig_len);
		memset(p + pdu.signed_len, 0, pdu.sig_len); /* what is to be signed, then zeros */
		assert_memory_equal(again, p, n);
		for (size_t cap = 0; cap < n; cap++) {
			uint8_t *small = malloc(cap ? cap : 1);
			assert_int_equal(encode(samples[i].d, &pdu, small, cap), 0);
			free(small);
		}
	}
}

static void it_is_written_behind_what_is_there(void **state)
{
	uint8_t p[64], expect[64];
	struct lsoe_pdu pdu;
	struct lan_wr w = lan_wr_of(p, sizeof p);
	size_t n = unhex("04 00000007 000000 00000001 00 0000", expect);

	assert_int_equal(lsoe_pdu_decode(L3DL, expect, n, &pdu), LSOE_PDU_none);
	lan_wr_bytes(&w, "12345", 5);
	lsoe_pdu_encode(&w, L3DL, &pdu, 0, 0);
	assert_int_equal(w.off, 5 + n);
	assert_memory_equal(p + 5, expect, n);
}

static void every_truncation_is_refused(void **state)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		enum lsoe_dialect d = samples[i].d;
		uint8_t p[256], cut[256];
		size_t n = unhex(samples[i].hex, p), head = d == OLD ? 3 : 5, tail = 0;
		if (d == L3DL)
			tail = n - head - lan_get_be32(p + 1);
		for (size_t k = 0; k < n; k++)
			assert_int_not_equal(decode(d, p, k), LSOE_PDU_none);
		/* the PDU's length says so too; a VENDOR's data has no length of its own */
		for (size_t k = head; k < n - tail; k++) {
			memcpy(cut, p, k);
			memcpy(cut + k, p + n - tail, tail);
			mend(d, cut, (int)(k + tail) - (int)n);
			enum lsoe_pdu_fault f = decode(d, cut, k + tail);
			bool vendor = p[0] == LSOE_VENDOR && k >= head + (d == OLD ? 5 : 9);
			if ((f == LSOE_PDU_none) != vendor)
				fail_msg("%s cut to %zu: %s", samples[i].hex, k, lsoe_pdu_fault_text(f));
		}
	}
}

static void every_octet_too_many_is_refused(void **state)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		enum lsoe_dialect d = samples[i].d;
		uint8_t p[256], more[256];
		size_t n = unhex(samples[i].hex, p), head = d == OLD ? 3 : 5, tail = 0;
		if (d == L3DL)
			tail = n - head - lan_get_be32(p + 1);
		p[n] = 0;
		assert_int_equal(decode(d, p, n + 1), LSOE_PDU_length);
		memcpy(more, p, n - tail);
		more[n - tail] = 0;
		memcpy(more + n - tail + 1, p + n - tail, tail);
		mend(d, more, 1);
		enum lsoe_pdu_fault f = decode(d, more, n + 1);
		bool open = d == OLD && p[0] == LSOE_OPEN && n == 20;
		if ((f == LSOE_PDU_none) != (open || p[0] == LSOE_VENDOR))
			fail_msg("%s and 00: %s", samples[i].hex, lsoe_pdu_fault_text(f));
	}
}

/* What is taken after a change of one octet must still come out the same. */
static void no_changed_octet_is_taken_for_something_else(void **state)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		enum lsoe_dialect d = samples[i].d;
		uint8_t p[256], again[256];
		size_t n = unhex(samples[i].hex, p);
		for (size_t at = 0; at < n; at++)
			for (unsigned v = 1; v < 256; v++) {
				struct lsoe_pdu pdu;
				p[at] ^= (uint8_t)v;
				if (!lsoe_pdu_decode(d, p, n, &pdu)) {
					size_t k = encode(d, &pdu, again, sizeof again);
					bool flags = p[0] == LSOE_ULPC;
					bool open = d == OLD && p[0] == LSOE_OPEN && !pdu.u.open.auth_len;
					if (!flags && !open) {
						assert_int_equal(k, n);
						assert_memory_equal(again, p, pdu.signed_len);
					}
				}
				p[at] ^= (uint8_t)v;
			}
	}
}

static void fields_are_where_they_belong(void **state)
{
	uint8_t p[256];
	struct lsoe_pdu u;

	assert_false(lsoe_pdu_decode(OLD, p, unhex(samples[3].hex, p), &u));
	assert_memory_equal(u.u.open.nonce, "\1\2\3\4", 4);
	assert_true(u.u.open.id == p + 7 && u.u.open.id_len == 10);
	assert_true(u.u.open.attrs == p + 18 && u.u.open.n_attrs == 2);
	assert_true(u.u.open.auth == p + 22 && u.u.open.auth_len == 3);

	assert_false(lsoe_pdu_decode(L3DL, p, unhex(samples[20].hex, p), &u));
	assert_memory_equal(u.u.open.nonce, "\xde\xad\xbe\xef", 4);
	assert_true(u.u.open.id == p + 10 && u.u.open.id_len == 1 && u.u.open.n_attrs == 0);
	assert_true(u.u.open.auth_type == 15 && u.u.open.key == p + 15 && u.u.open.key_len == 4);
	assert_true(u.u.open.cert == p + 21 && u.u.open.cert_len == 2 && u.u.open.serial == 0);
	assert_true(u.sig_type == 15 && u.sig_len == 2 && u.sig == p + 30);

	assert_false(lsoe_pdu_decode(L3DL, p, unhex(samples[23].hex, p), &u));
	assert_true(u.u.ack.type == 9 && u.u.ack.etype == 2 && u.u.ack.code == 4 && u.u.ack.hint == 0xffff);

	assert_false(lsoe_pdu_decode(L3DL, p,
		unhex("09 0000003a 01 05 05 04 7fff 03 13 20010db8000000000000000000000001 40 02 07 0a000001 "
		      "1e "
		      "04 14 000102030405060708090a0b0c0d0e0f1011 01 06 0000fde9 00 0000",
			p),
		&u));
	assert_true(u.u.ulpc.asn == 65001 && u.u.ulpc.have4 && u.u.ulpc.have6 && !u.u.ulpc.gtsm);
	assert_true(u.u.ulpc.prefix4 == 30 && u.u.ulpc.prefix6 == 64 && u.u.ulpc.auth_len == 18);
	assert_memory_equal(u.u.ulpc.addr4, "\x0a\0\0\1", 4);

	assert_false(lsoe_pdu_decode(L3DL, p, unhex(samples[SAMPLES - 1].hex, p), &u));
	assert_true(u.u.vendor.serial == 5 && u.u.vendor.enterprise == 12345 && u.u.vendor.type == 1);
	assert_true(u.u.vendor.len == 2 && u.u.vendor.data == p + 14);
}

static void entries_are_walked_and_impossible_ones_passed_over(void **state)
{
	uint8_t p[256], again[64];
	struct lsoe_pdu u;
	struct lsoe_entry e;
	size_t at = 0;

	/* 32 and 33 of IPv4; the entry between two good ones is counted and skipped */
	size_t n = unhex("04 0017 0003 80 0a000001 20 00 0a000002 21 40 0a000003 00", p);
	assert_false(lsoe_pdu_decode(OLD, p, n, &u));
	assert_true(u.u.entries.count == 3 && u.u.entries.bad == 1);
	assert_true(lsoe_entry_next(&u.u.entries, &at, &e));
	assert_true(e.flags == LSOE_F_PRIMARY && e.prefix == 32 && e.addr == p + 6 && !e.labels);
	assert_true(lsoe_entry_next(&u.u.entries, &at, &e));
	assert_true(e.flags == LSOE_F_LOOPBACK && e.prefix == 0 && e.addr[3] == 3);
	assert_false(lsoe_entry_next(&u.u.entries, &at, &e));
	assert_false(lsoe_entry_next(&u.u.entries, &at, &e));
	assert_int_equal(encode(OLD, &u, again, sizeof again), n);

	n = unhex("07 00000036 000002 00000001 30 01 000641 00000000000000000000000000000001 80 a0 02 fffff0 "
		  "00001f 00000000000000000000000000000002 81 00 0000",
		p);
	assert_int_equal(lsoe_pdu_decode(L3DL, p, n, &u), LSOE_PDU_none);
	assert_int_equal(u.u.entries.bad, 1);
	at = 0;
	assert_true(lsoe_entry_next(&u.u.entries, &at, &e));
	assert_true(e.flags == (LSOE_F_WITHDRAW | LSOE_F_LOOPBACK) && e.n_labels == 1);
	assert_int_equal(lsoe_label(e.labels), 100);
	assert_false(lsoe_entry_next(&u.u.entries, &at, &e));
	assert_int_equal(lsoe_label((const uint8_t *)"\xff\xff\xff"), 0xfffff);
}

static void an_entry_is_written_as_its_size_says(void **state)
{
	static const uint8_t labels[6] = {0, 6, 64, 0, 6, 81}, addr[16] = {10, 1, 1, 1};
	static const size_t size[] = {6, 18, 7, 19};

	for (uint8_t type = 4; type <= 7; type++)
		for (uint8_t n = 0; n <= 2; n++) {
			uint8_t p[64] = {0};
			struct lan_wr w = lan_wr_of(p, sizeof p);
			struct lsoe_entry e = {.addr = addr, .prefix = 24, .labels = labels, .n_labels = n};
			lsoe_entry_encode(&w, L3DL, type, &e);
			assert_int_equal(w.off, size[type - 4] + (type >= 6 ? 3u * n : 0));
			assert_int_equal(lsoe_entry_size(type, n), w.off);
			assert_int_equal(p[w.off - 1], 24);
		}
}

static void each_fault_has_its_name(void **state)
{
	static const struct {
		enum lsoe_dialect d;
		const char *hex;
		enum lsoe_pdu_fault fault;
	} cases[] = {
		{OLD, "", LSOE_PDU_truncated},
		{OLD, "02 00", LSOE_PDU_truncated},
		{OLD, "02 0004", LSOE_PDU_length},
		{OLD, "02 0002", LSOE_PDU_length},
		{OLD, "c8 0003", LSOE_PDU_type},
		{OLD, "08 0003", LSOE_PDU_type},
		{OLD, "09 0005 0100", LSOE_PDU_type},
		{OLD, "00 0004 78", LSOE_PDU_payload},
		{OLD, "02 0004 00", LSOE_PDU_payload},
		{OLD, "01 0007 00000001", LSOE_PDU_truncated},
		{OLD, "01 0018 00000001 0000000000000000000b 00 0000 6a756e6b", LSOE_PDU_none},
		{OLD, "01 0016 00000001 0000000000000000000b 00 0001 6a75", LSOE_PDU_trailing},
		{OLD, "01 0014 00000001 0000000000000000000b 01 0000", LSOE_PDU_truncated},
		{OLD, "03 0008 09 0000 0000", LSOE_PDU_ack},
		{OLD, "03 0008 00 0000 0000", LSOE_PDU_ack},
		{OLD, "03 0008 02 0000 0000", LSOE_PDU_ack},
		{OLD, "03 0008 03 0000 0000", LSOE_PDU_ack},
		{OLD, "03 0008 04 0001 0000", LSOE_PDU_ack},
		{OLD, "03 0008 04 0000 0001", LSOE_PDU_ack},
		{OLD, "03 0008 04 4001 0000", LSOE_PDU_ack},
		{OLD, "03 0008 04 1063 0000", LSOE_PDU_ack},
		{OLD, "03 0008 04 1000 0000", LSOE_PDU_ack},
		{OLD, "03 0008 04 1003 0000", LSOE_PDU_ack},
		{OLD, "03 0008 04 3002 ffff", LSOE_PDU_none},
		{OLD, "04 0011 0001 00 0a000001 18 00 0a000001 18", LSOE_PDU_trailing},
		{OLD, "04 0004 00", LSOE_PDU_truncated},
		{OLD, "04 000b 0002 00 0a000001 18", LSOE_PDU_truncated},
		{OLD, "06 000c 0001 80 01 0a010101 20", LSOE_PDU_truncated},
		{OLD, "ff 0007 00003039", LSOE_PDU_truncated},
		{L3DL, "02 00000000 00", LSOE_PDU_truncated},
		{L3DL, "02 00000001 00 0000", LSOE_PDU_truncated},
		{L3DL, "02 00000004 00 0000", LSOE_PDU_length},
		{L3DL, "02 ffffffff 00 0000", LSOE_PDU_length},
		{L3DL, "02 00000000 00 0001 00", LSOE_PDU_signature},
		{L3DL, "02 00000000 0f 0000", LSOE_PDU_signature},
		{L3DL, "00 00000000 0f 0001 00", LSOE_PDU_signature},
		{L3DL, "02 00000000 0f 0002 00", LSOE_PDU_length},
		{L3DL, "02 00000000 0f 0001 00 00", LSOE_PDU_length},
		{L3DL, "02 00000001 aa 00 0000", LSOE_PDU_payload},
		{L3DL, "0a 00000000 00 0000", LSOE_PDU_type},
		{L3DL, "01 0000000d deadbeef 00 00 0f 0000 00000000 00 0000", LSOE_PDU_truncated},
		{L3DL, "01 0000000f deadbeef 00 00 0f 0000 0000 00000000 00 0000", LSOE_PDU_auth},
		{L3DL, "01 0000000e deadbeef 00 00 00 0001 aa 00000000 00 0000", LSOE_PDU_auth},
		{L3DL, "03 00000005 08 1005 0000 00 0000", LSOE_PDU_ack},
		{L3DL, "03 00000005 08 1004 0000 00 0000", LSOE_PDU_none},
		{L3DL, "03 00000005 0a 0000 0000 00 0000", LSOE_PDU_ack},
		{L3DL, "04 00000008 000000 00000001 00 00 0000", LSOE_PDU_trailing},
		{L3DL, "04 0000000d ffffff 00000001 e0 0a000001 1e 00 0000", LSOE_PDU_truncated},
		{L3DL, "08 00000006 00 0001 01 0000 00 0000", LSOE_PDU_auth},
		{L3DL, "08 00000005 0f 0000 0000 00 0000", LSOE_PDU_auth},
		/* upper layer 2; no attribute; twice the same; unknown; short; too long; ASN 0; no address;
		 * /33 */
		{L3DL, "09 0000000f 02 02 01 06 0000fde9 02 07 0a000001 1e 00 0000", LSOE_PDU_ulpc},
		{L3DL, "09 00000002 01 00 00 0000", LSOE_PDU_ulpc},
		{L3DL, "09 00000015 01 03 01 06 0000fde9 01 06 0000fde9 02 07 0a000001 1e 00 0000",
			LSOE_PDU_ulpc},
		{L3DL, "09 00000012 01 03 01 06 0000fde9 02 07 0a000001 1e 06 03 00 00 0000", LSOE_PDU_ulpc},
		{L3DL, "09 00000011 01 03 01 06 0000fde9 02 07 0a000001 1e 04 02 00 0000", LSOE_PDU_ulpc},
		{L3DL, "09 00000011 01 03 01 06 0000fde9 02 07 0a000001 1e 04 01 00 0000", LSOE_PDU_ulpc},
		{L3DL, "09 0000000f 01 02 01 05 00fde9 02 08 0a000001 1e00 00 0000", LSOE_PDU_ulpc},
		{L3DL, "09 0000000f 01 02 01 06 0000fde9 02 09 0a000001 1e 00 0000", LSOE_PDU_truncated},
		{L3DL, "09 0000000f 01 02 01 06 00000000 02 07 0a000001 1e 00 0000", LSOE_PDU_ulpc},
		{L3DL, "09 0000000c 01 02 01 06 0000fde9 05 04 8000 00 0000", LSOE_PDU_ulpc},
		{L3DL, "09 0000000f 01 02 01 06 0000fde9 02 07 0a000001 21 00 0000", LSOE_PDU_ulpc},
		{L3DL, "09 0000000f 01 02 01 06 0000fde9 02 07 0a000001 20 00 0000", LSOE_PDU_none},
		{L3DL, "09 00000010 01 02 01 06 0000fde9 02 07 0a000001 1e 00 00 0000", LSOE_PDU_trailing},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum lsoe_pdu_fault f = fault_of(cases[i].d, cases[i].hex);
		if (f != cases[i].fault)
			fail_msg("%s: %s, not %s", cases[i].hex, lsoe_pdu_fault_text(f),
				lsoe_pdu_fault_text(cases[i].fault));
	}
}

static void keys_and_signatures_have_a_largest_size(void **state)
{
	static uint8_t p[4096];
	struct lsoe_pdu u, again;

	for (int over = 0; over < 2; over++) {
		u = (struct lsoe_pdu){.type = LSOE_NEWKEY,
			.u.newkey = {.type = 8, .key = p, .key_len = (uint16_t)(LSOE_KEY_MAX + over)}};
		struct lan_wr w = lan_wr_of(p + 2000, 2000);
		lsoe_pdu_encode(&w, L3DL, &u, 0, 0);
		assert_int_equal(
			lsoe_pdu_decode(L3DL, p + 2000, w.off, &again), over ? LSOE_PDU_auth : LSOE_PDU_none);
		u = (struct lsoe_pdu){.type = LSOE_OPEN,
			.u.open = {.auth_type = 8, .key = p, .key_len = (uint16_t)(LSOE_KEY_MAX + over)}};
		w = lan_wr_of(p + 2000, 2000);
		lsoe_pdu_encode(&w, L3DL, &u, 0, 0);
		assert_int_equal(
			lsoe_pdu_decode(L3DL, p + 2000, w.off, &again), over ? LSOE_PDU_auth : LSOE_PDU_none);
		u.u.open.key_len = 1;
		u.u.open.cert = p, u.u.open.cert_len = (uint16_t)(LSOE_SIG_MAX + over);
		w = lan_wr_of(p + 2000, 2000);
		lsoe_pdu_encode(&w, L3DL, &u, 0, 0);
		assert_int_equal(
			lsoe_pdu_decode(L3DL, p + 2000, w.off, &again), over ? LSOE_PDU_auth : LSOE_PDU_none);
		u = (struct lsoe_pdu){.type = LSOE_KEEPALIVE};
		w = lan_wr_of(p, sizeof p);
		lsoe_pdu_encode(&w, L3DL, &u, 8, (uint16_t)(LSOE_SIG_MAX + over));
		assert_int_equal(
			lsoe_pdu_decode(L3DL, p, w.off, &again), over ? LSOE_PDU_signature : LSOE_PDU_none);
	}
}

static void a_pdu_longer_than_its_length_field_is_not_written(void **state)
{
	static uint8_t entries[1u << 20], out[(1u << 20) + 64];
	struct lsoe_pdu u = {.type = LSOE_IPV4, .u.entries = {.type = LSOE_IPV4, .p = entries}}, again;

	u.u.entries.count = (65535 - 5) / 6;
	u.u.entries.len = u.u.entries.count * 6;
	assert_int_equal(encode(OLD, &u, out, sizeof out), 5 + u.u.entries.len);
	assert_false(lsoe_pdu_decode(OLD, out, 5 + u.u.entries.len, &again));
	assert_int_equal(again.u.entries.count, 10921);
	u.u.entries.count++;
	u.u.entries.len += 6;
	assert_int_equal(encode(OLD, &u, out, sizeof out), 0);
	u.u.entries.count = (LSOE_PDU_MAX_L3DL - 15) / 6;
	u.u.entries.len = u.u.entries.count * 6;
	size_t n = encode(L3DL, &u, out, sizeof out);
	assert_int_equal(n, 15 + u.u.entries.len);
	assert_false(lsoe_pdu_decode(L3DL, out, n, &again));
	assert_int_equal(again.u.entries.count, u.u.entries.count);
	u.u.entries.count++;
	u.u.entries.len += 6;
	assert_int_equal(encode(L3DL, &u, out, sizeof out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_comes_out_as_it_went_in),
		cmocka_unit_test(it_is_written_behind_what_is_there),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_octet_too_many_is_refused),
		cmocka_unit_test(no_changed_octet_is_taken_for_something_else),
		cmocka_unit_test(fields_are_where_they_belong),
		cmocka_unit_test(entries_are_walked_and_impossible_ones_passed_over),
		cmocka_unit_test(an_entry_is_written_as_its_size_says),
		cmocka_unit_test(each_fault_has_its_name),
		cmocka_unit_test(keys_and_signatures_have_a_largest_size),
		cmocka_unit_test(a_pdu_longer_than_its_length_field_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
