/*
 * lsoe_core.c - cores of neighbours stepped by hand, frame by frame: what the campaign of the simulator found
 * once is kept here as a sentence each (docs/protocols/lsoe.md, sections 1.7 to 1.9, 2.3 and 2.8).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proto/lsoe/frame.h"
#include "proto/lsoe/lsoe.h"

static const uint8_t all[6] = {1, 0x80, 0xc2, 0, 0, 0xe};
static const uint8_t macs[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
static const uint8_t stranger[6] = {2, 0, 0, 0, 0, 9};

struct side {
	struct lsoe *n;
	uint64_t rng;
	unsigned ups, downs, ulpcs, selfs;
	unsigned sent[256]; /* PDUs of each type */
	bool labels;        /* sent some */
};

struct pair {
	struct side s[2];
	enum lsoe_dialect d;
	lan_time now;
	int drop_from, drop_type; /* frames of this type from this side are lost; -1: none */
};

static void entropy(void *ctx, void *buf, size_t n)
{
	struct side *s = ctx;

	for (size_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] = (uint8_t)((s->rng = s->rng * 6364136223846793005u + 1) >> 56);
}

static void up(struct pair *p, int i, uint32_t link, const uint8_t mac[6])
{
	struct lsoe_link_config c = {.link = link, .mtu = 1500};

	memcpy(c.mac, mac, 6);
	memcpy(c.hello_to, all, 6);
	assert_int_equal(lsoe_link_up(p->s[i].n, p->now, &c), LAN_OK);
}

static void make(struct pair *p, enum lsoe_dialect d)
{
	*p = (struct pair){.d = d, .now = LAN_SEC(10), .drop_from = -1};
	for (int i = 0; i < 2; i++) {
		uint8_t id[10] = {1, (uint8_t)i};
		struct lan_env env = {.ctx = &p->s[i], .entropy = entropy};
		struct lsoe_config cfg = {
			.dialect = d, .id = id, .id_len = 10, .measure = LAN_NEVER, .max_half_open = 4096};

		p->s[i].rng = (uint64_t)i + 1;
		assert_int_equal(lsoe_new(&env, &cfg, &p->s[i].n), LAN_OK);
		up(p, i, 1, macs[i]);
	}
}

static void end(struct pair *p)
{
	lsoe_free(p->s[0].n);
	lsoe_free(p->s[1].n);
}

static void pull(struct pair *p, int i)
{
	struct lsoe_event ev;

	while (lsoe_event(p->s[i].n, p->now, &ev)) {
		p->s[i].ups += ev.kind == LSOE_EV_UP;
		p->s[i].downs += ev.kind == LSOE_EV_DOWN;
		p->s[i].ulpcs += ev.kind == LSOE_EV_ULPC;
		p->s[i].selfs += ev.kind == LSOE_EV_SELF;
	}
}

static void look(struct side *s, enum lsoe_dialect d, const struct lsoe_frame *f)
{
	struct lsoe_pdu pdu;
	struct lsoe_entry e;
	size_t at = 0;

	if (lsoe_pdu_decode(d, f->payload, f->len, &pdu) == LSOE_PDU_none && pdu.type >= LSOE_MPLS4 &&
		pdu.type <= LSOE_MPLS6)
		while (lsoe_entry_next(&pdu.u.entries, &at, &e))
			s->labels |= e.n_labels > 0;
}

/* Frames of both until nobody has any. */
static void talk(struct pair *p)
{
	uint8_t buf[1500], to[6];
	uint32_t link;
	bool more = true;
	size_t n;

	while (more) {
		more = false;
		for (int i = 0; i < 2; i++)
			while (lsoe_ops.want(p->s[i].n, &link))
				while ((n = lsoe_ops.output(p->s[i].n, p->now, link, to, buf, sizeof buf))) {
					struct lsoe_frame f;

					more = true;
					assert_int_equal(lsoe_frame_decode(p->d, buf, n, &f), LSOE_FRAME_OK);
					p->s[i].sent[f.number ? 254 : f.payload[0]]++;
					look(&p->s[i], p->d, &f);
					if (p->drop_from == i && p->drop_type == f.payload[0])
						continue;
					if (to[0] & 1 || memcmp(to, macs[1 - i], 6) == 0)
						(void)!lsoe_ops.input(
							p->s[1 - i].n, p->now, 1, macs[i], buf, n);
				}
	}
	pull(p, 0);
	pull(p, 1);
}

static void pass(struct pair *p, lan_time d)
{
	for (lan_time until = p->now + d; p->now < until;) {
		p->now += LAN_MS(10);
		lsoe_ops.tick(p->s[0].n, p->now);
		lsoe_ops.tick(p->s[1].n, p->now);
		talk(p);
	}
}

static void input_from(struct pair *p, int i, const uint8_t mac[6], const struct lsoe_pdu *pdu)
{
	uint8_t buf[400];
	size_t header = p->d == LSOE_01 ? 8 : 12;
	struct lan_wr w = lan_wr_of(buf + header, 300);

	lsoe_pdu_encode(&w, p->d, pdu, 0, 0);
	(void)!lsoe_ops.input(
		p->s[i].n, p->now, 1, mac, buf, lsoe_frame_finish(p->d, 0, 0, true, buf, w.off));
}

static struct lsoe_pdu open_of(const uint8_t *id, uint8_t nonce)
{
	struct lsoe_pdu pdu = {.type = LSOE_OPEN, .u.open = {.nonce = {nonce}, .id = id, .id_len = 10}};

	return pdu;
}

static void announce(struct pair *p, int i, uint8_t type, uint8_t last)
{
	uint8_t addr[16] = {10, 0, 0, last}, labels[3] = {0, 1, 1};
	struct lsoe_entry e = {.addr = addr,
		.prefix = 24,
		.labels = type >= LSOE_MPLS4 ? labels : NULL,
		.n_labels = type >= LSOE_MPLS4};
	struct lsoe_list l = {0};

	assert_int_equal(lsoe_list_add(&l, type, &e), LAN_OK);
	assert_int_equal(lsoe_announce(p->s[i].n, p->now, 1, type, &l), LAN_OK);
}

static uint8_t heard(struct pair *p, int i, uint8_t type)
{
	const struct lsoe_list *l = lsoe_heard(p->s[i].n, 1, macs[1 - i], type);
	struct lsoe_entry e;
	size_t at = 0;

	return l && lsoe_list_next(l, type, &at, &e) ? e.addr[3] : 0;
}

static void test_established(void **state)
{
	for (int d = 0; d < 2; d++) {
		struct pair p;
		make(&p, (enum lsoe_dialect)d);
		announce(&p, 0, LSOE_IPV4, 7);
		announce(&p, 1, LSOE_MPLS4, 8);
		talk(&p);
		assert_int_equal(p.s[0].ups + p.s[1].ups, 2);
		assert_int_equal(heard(&p, 1, LSOE_IPV4), 7);
		assert_int_equal(heard(&p, 0, LSOE_MPLS4), 8);
		end(&p);
	}
}

static void test_known(void **state)
{
	for (int d = 0; d < 2; d++) {
		struct pair p;
		uint8_t known[4][6];

		make(&p, (enum lsoe_dialect)d);
		assert_int_equal(lsoe_ops.known(p.s[0].n, 1, known, 4), 0);
		input_from(&p, 0, stranger, &(struct lsoe_pdu){.type = LSOE_HELLO});
		talk(&p);
		assert_int_equal(lsoe_ops.known(p.s[0].n, 1, known, 4), 1);
		assert_memory_equal(known[0], macs[1], 6);
		assert_int_equal(lsoe_ops.known(p.s[0].n, 1, known, 0), 0);
		assert_int_equal(lsoe_ops.known(p.s[0].n, 2, known, 4), 0);
		lsoe_link_down(p.s[0].n, p.now, 1, false);
		assert_int_equal(lsoe_ops.known(p.s[0].n, 1, known, 4), 0);
		end(&p);
	}
}

static void test_open_again(void **state)
{
	uint8_t id[10] = {5};
	struct lsoe_pdu open = open_of(id, 77);
	struct pair p;

	make(&p, LSOE_01);
	talk(&p);
	input_from(&p, 0, stranger, &open);
	talk(&p);
	unsigned acks = p.s[0].sent[LSOE_ACK];
	p.now += LAN_MS(50);
	input_from(&p, 0, stranger, &open);
	talk(&p);
	assert_int_equal(p.s[0].sent[LSOE_ACK], acks + 1);
	end(&p);
}

static void test_forged_opens(void **state)
{
	uint8_t id[10] = {5};
	struct pair p;

	make(&p, LSOE_01);
	announce(&p, 1, LSOE_IPV4, 9);
	talk(&p);
	pass(&p, LAN_SEC(5));
	for (uint8_t i = 0; i < 50; i++) {
		struct lsoe_pdu open = open_of(id, (uint8_t)(100 + i));

		input_from(&p, 0, macs[1], &open);
		pass(&p, LAN_MS(20));
	}
	assert_true(p.s[0].sent[LSOE_OPEN] < 10);
	pass(&p, LAN_SEC(20));
	assert_int_equal(heard(&p, 0, LSOE_IPV4), 9);
	assert_int_equal(p.s[0].ups, p.s[0].downs + 1);
	end(&p);
}

/* A neighbour with one nonce for all its life is somebody else after a forged OPEN. It insists. */
static void test_one_nonce(void **state)
{
	uint8_t id[10] = {5};
	struct lsoe_pdu hello = {.type = LSOE_HELLO}, keepalive = {.type = LSOE_KEEPALIVE};
	struct lsoe_pdu own = open_of(id, 77), forged = open_of(id, 78);
	struct lsoe_pdu ack = {.type = LSOE_ACK, .u.ack = {.type = LSOE_OPEN}};
	struct pair p;

	make(&p, LSOE_01);
	lsoe_link_down(p.s[1].n, p.now, 1, true);
	input_from(&p, 0, stranger, &hello);
	talk(&p);
	input_from(&p, 0, stranger, &ack);
	input_from(&p, 0, stranger, &own);
	talk(&p);
	assert_int_equal(p.s[0].ups, 1);
	pass(&p, LAN_SEC(5));
	input_from(&p, 0, stranger, &forged);
	talk(&p);
	input_from(&p, 0, stranger, &ack); /* of the OPEN that answers the forged one */
	unsigned acks = p.s[0].sent[LSOE_ACK];
	input_from(&p, 0, stranger, &own);
	talk(&p);
	input_from(&p, 0, stranger, &own); /* doubled by the network */
	talk(&p);
	assert_int_equal(p.s[0].sent[LSOE_ACK], acks);
	for (int i = 0; i < 3 && p.s[0].sent[LSOE_ACK] == acks; i++) {
		input_from(&p, 0, stranger, &keepalive);
		pass(&p, LAN_SEC(1));
		input_from(&p, 0, stranger, &own);
		talk(&p);
	}
	assert_true(p.s[0].sent[LSOE_ACK] > acks);
	input_from(&p, 0, stranger, &ack);
	pass(&p, LAN_MS(20));
	assert_int_equal(p.s[0].ups, p.s[0].downs + 1);
	end(&p);
}

static void test_held_back(void **state)
{
	struct lsoe_pdu hello = {.type = LSOE_HELLO};
	struct pair p;

	make(&p, LSOE_01);
	p.drop_from = 1;
	p.drop_type = LSOE_HELLO;
	talk(&p);
	/* more answers are due than were asked for: 64 are free, each frame counts for one */
	for (unsigned i = 0; i < 400; i++) {
		uint8_t mac[6] = {2, 1, 1, 1, (uint8_t)(i >> 8), (uint8_t)i};

		input_from(&p, 0, mac, &hello);
	}
	p.drop_from = -1;
	talk(&p);
	pass(&p, LAN_SEC(9));
	assert_int_equal(p.s[0].ups, 1);
	for (int i = 0; i < 100; i++) /* all are given up */
		pass(&p, LAN_SEC(1));
	struct lsoe_status st;
	assert_true(lsoe_peer(p.s[0].n, 0, &st));
	assert_false(lsoe_peer(p.s[0].n, 1, &st));
	end(&p);
}

static void test_late_ack(void **state)
{
	struct lsoe_pdu ack = {.type = LSOE_ACK, .u.ack = {.type = LSOE_IPV4}};
	struct pair p;

	make(&p, LSOE_01);
	talk(&p);
	pass(&p, LAN_SEC(1));
	p.drop_from = 1;
	p.drop_type = LSOE_ACK;
	announce(&p, 0, LSOE_IPV4, 1);
	pass(&p, LAN_MS(1500)); /* sent twice, and so acknowledged twice */
	announce(&p, 0, LSOE_IPV4, 2);
	input_from(&p, 0, macs[1], &ack);
	p.drop_from = 0; /* the new list is lost, if it is sent already */
	p.drop_type = LSOE_IPV4;
	talk(&p);
	input_from(&p, 0, macs[1], &ack);
	p.drop_from = -1;
	pass(&p, LAN_SEC(5));
	assert_int_equal(heard(&p, 1, LSOE_IPV4), 2);
	end(&p);
}

static void test_gone_link(void **state)
{
	struct pair p;

	make(&p, LSOE_01);
	talk(&p);
	lsoe_link_down(p.s[0].n, p.now, 1, true);
	up(&p, 0, 1, macs[0]);
	struct lsoe_event ev;
	assert_true(lsoe_event(p.s[0].n, p.now, &ev));
	assert_int_equal(ev.kind, LSOE_EV_DOWN);
	pass(&p, LAN_SEC(2));
	assert_int_equal(p.s[0].ups, 2);
	end(&p);
}

static void test_ulpc(void **state)
{
	struct lsoe_ulpc u = {.asn = 64512, .have4 = true, .addr4 = {10, 0, 0, 1}, .prefix4 = 31};
	struct pair p;

	make(&p, LSOE_L3DL);
	assert_int_equal(lsoe_ulpc_set(p.s[0].n, p.now, &u), LAN_OK);
	talk(&p);
	assert_int_equal(p.s[1].ulpcs, 1);
	assert_int_equal(lsoe_reset(p.s[0].n, p.now, 1, NULL), LAN_OK);
	pass(&p, LAN_SEC(10));
	assert_int_equal(p.s[1].ulpcs, p.s[1].ups);
	assert_true(p.s[1].ups >= 2);
	end(&p);
}

static void test_labels(void **state)
{
	uint8_t id[10] = {5};
	struct lsoe_pdu open = open_of(id, 3), ack = {.type = LSOE_ACK, .u.ack = {.type = LSOE_OPEN}};
	struct pair p;

	make(&p, LSOE_01);
	lsoe_link_down(p.s[1].n, p.now, 1, true);
	announce(&p, 0, LSOE_MPLS4, 8);
	talk(&p);
	input_from(&p, 0, stranger, &open);
	talk(&p);
	input_from(&p, 0, stranger, &ack);
	talk(&p);
	assert_int_equal(p.s[0].sent[LSOE_MPLS4], 1);
	assert_false(p.s[0].labels);
	end(&p);
}

/* Links 1 and 2 of one node on one cable. */
static void test_ourself(void **state)
{
	uint8_t buf[1500], to[6];
	struct lsoe_status st;
	uint32_t link;
	size_t n, selfs = 0;
	struct pair p;

	make(&p, LSOE_01);
	up(&p, 0, 2, stranger);
	for (int turns = 0; turns < 10; turns++)
		while (lsoe_ops.want(p.s[0].n, &link))
			while ((n = lsoe_ops.output(p.s[0].n, p.now, link, to, buf, sizeof buf)))
				(void)!lsoe_ops.input(
					p.s[0].n, p.now, 3 - link, link == 1 ? macs[0] : stranger, buf, n);
	for (size_t i = 0; lsoe_peer(p.s[0].n, i, &st); i++)
		selfs += st.state == LSOE_OURSELF;
	assert_int_equal(selfs, 2);
	end(&p);
}

int main(void)
{
#define SENTENCE(text, fn)                    \
	{                                     \
		.name = text, .test_func = fn \
	}
	static const struct CMUnitTest tests[] = {
		SENTENCE("who hear each other's HELLO are established, and hear each other's lists",
			test_established),
		SENTENCE("those and nobody else are named to be spared in a flood", test_known),
		SENTENCE("an OPEN that comes again is acknowledged again", test_open_again),
		SENTENCE("fifty forged OPENs in a second make no storm, and both agree soon after",
			test_forged_opens),
		SENTENCE("a neighbour with one nonce for ever gets its session back after a forged OPEN",
			test_one_nonce),
		SENTENCE("an OPEN held back in a flood is sent later, and strangers are forgotten",
			test_held_back),
		SENTENCE("the ACK of a list that was sent twice is not taken for that of the next",
			test_late_ack),
		SENTENCE("a link that is gone and comes again says DOWN before UP", test_gone_link),
		SENTENCE("BGP parameters are told in each session", test_ulpc),
		SENTENCE("who is not Lanyard gets no labels", test_labels),
		SENTENCE("both ends of a cable to ourselves know it", test_ourself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
