/*
 * sos_slave_key.c - a slave with a key and a master of ours beside it, both made of the functions of seal.h:
 * who is believed, what is sealed, what is of no use a second time (docs/protocols/sos.md, section 17).
 */
#include "sos_slave.h"

static const uint8_t key[SOS_KEY] = "a key of thirty-two octets.....", other_key[SOS_KEY] = "another one";

struct talk {
	struct bench b;
	struct sos_control heard; /* the last Discover */
	struct sos_control asked; /* the last AssocRequest */
	struct sos_seal *seal,
		*before; /* the master's: of the session that begins or has begun, and before */
	uint8_t nonce;
};

static void begin(struct talk *t)
{
	struct sos_slave_config cfg = usual();
	cfg.key = key;
	*t = (struct talk){.nonce = 1};
	make(&t->b, &cfg);
	assert_int_equal(sos_seal_new(&t->seal), LAN_OK);
	assert_int_equal(sos_seal_new(&t->before), LAN_OK);
	sos_slave_ops.tick(t->b.s, t->b.now);
}

static void end(struct talk *t)
{
	sos_slave_free(t->b.s);
	sos_seal_free(t->seal);
	sos_seal_free(t->before);
}

static bool discovered(struct talk *t, int to)
{
	if (!sent_discover(&t->b, to))
		return false;
	t->heard = t->b.ctl;
	return true;
}

/* The request that answers the last Discover, proved with `k`. */
static void make_request(struct talk *t, const uint8_t *k)
{
	struct sos_control c = {.kind = SOS_ASSOC_REQUEST, .ttl = 60, .mtu = 111, .keyed = true};
	memset(c.nonce, t->nonce++, sizeof c.nonce);
	sos_proof(c.proof, k, &c, t->heard.nonce, c.nonce, 169);
	t->asked = c;
	struct sos_seal *was = t->seal;
	t->seal = t->before, t->before = was;
	sos_seal_begin(t->seal, k, 169, t->heard.nonce, c.nonce, true);
}

static void ask(struct talk *t, uint8_t from)
{
	hear(&t->b, from, &t->asked, 77);
}

/* The next message out is sealed for us; it is opened into b.msg. */
static bool sealed(struct talk *t)
{
	static uint8_t inside[1600];
	if (!sent(&t->b) || t->b.out[0] != SOS_SEALED)
		return false;
	size_t n = sos_seal_open(t->seal, t->b.out, t->b.n, inside, sizeof inside);
	if (!n)
		n = sos_seal_open(t->before, t->b.out, t->b.n, inside, sizeof inside);
	return n && coap_decode(inside, n, &t->b.msg) == COAP_FAULT_OK;
}

static void associated(struct talk *t, uint8_t from)
{
	assert_true(discovered(t, -1));
	make_request(t, key);
	ask(t, from);
	assert_true(sealed(t));
	assert_int_equal(t->b.msg.code, COAP_CONTENT);
	assert_int_equal(state(&t->b), SOS_RUNNING);
}

/* CON GET t1 in the seal; the octets, which can be sent again. */
static size_t sealed_get(struct talk *t, uint16_t mid, uint8_t *out, size_t cap)
{
	uint8_t buf[64];
	struct coap_wr w = coap_begin(buf, sizeof buf, COAP_CON, COAP_GET, mid, NULL, 0);
	coap_put_text(&w, COAP_URI_PATH, "t1");
	return sos_seal_close(t->seal, buf, coap_end(&w), out, cap);
}

static bool answers(struct talk *t, const uint8_t *p, size_t n)
{
	hear_bytes(&t->b, 5, p, n);
	if (!event(&t->b, SOS_SLAVE_EV_REQUEST))
		return false;
	say(&t->b, COAP_CONTENT, "21.5", false);
	return sealed(t) && payload_is(&t->b, "21.5");
}

static void each_discover_has_a_nonce_of_its_own_and_proves_the_key(void **state_)
{
	struct talk t;
	uint8_t proof[SOS_PROOF], nonce[SOS_NONCE];
	(void)state_;
	begin(&t);
	assert_true(discovered(&t, -1));
	assert_true(t.heard.keyed);
	sos_proof(proof, key, &t.heard, t.heard.nonce, NULL, 169);
	assert_memory_equal(proof, t.heard.proof, SOS_PROOF);
	memcpy(nonce, t.heard.nonce, sizeof nonce);
	step(&t.b, 1000);
	assert_true(discovered(&t, -1));
	assert_memory_not_equal(nonce, t.heard.nonce, SOS_NONCE);
	end(&t);
}

static void who_proves_the_key_is_answered_in_the_seal_from_then_on(void **state_)
{
	struct talk t;
	uint8_t p[128];
	(void)state_;
	begin(&t);
	associated(&t, 5);
	assert_true(answers(&t, p, sealed_get(&t, 1, p, sizeof p)));
	get(&t.b, 5, "t1", -1, 2); /* not sealed */
	assert_false(event(&t.b, SOS_SLAVE_EV_REQUEST));
	assert_false(sent(&t.b));
	assert_int_equal(counter(&t.b, SOS_SLAVE_C_drop_sealed), 1);
	end(&t);
}

static void a_sealed_message_is_taken_once_and_only_whole(void **state_)
{
	struct talk t;
	uint8_t p[128];
	(void)state_;
	begin(&t);
	associated(&t, 5);
	size_t n = sealed_get(&t, 1, p, sizeof p);
	p[n - 1] ^= 1;
	assert_false(answers(&t, p, n));
	p[n - 1] ^= 1;
	assert_true(answers(&t, p, n));
	assert_false(answers(&t, p, n));
	assert_int_equal(counter(&t.b, SOS_SLAVE_C_drop_sealed), 2);
	end(&t);
}

static void who_does_not_prove_the_key_is_refused(void **state_)
{
	struct talk t;
	(void)state_;
	begin(&t);
	assert_true(discovered(&t, -1));
	assoc(&t.b, 5, 60, 111); /* says nothing of a key */
	make_request(&t, other_key);
	ask(&t, 5);
	make_request(&t, key);
	t.asked.ttl++; /* not what was proved */
	ask(&t, 5);
	assert_false(sent(&t.b));
	assert_int_equal(state(&t.b), SOS_WAITING_UNKNOWN);
	assert_int_equal(counter(&t.b, SOS_SLAVE_C_drop_key), 3);
	end(&t);
}

static void a_lost_answer_is_given_again_but_the_session_does_not_begin_again(void **state_)
{
	struct talk t;
	uint8_t p[128];
	(void)state_;
	begin(&t);
	associated(&t, 5);
	lan_time expires = status(&t.b).expires;
	size_t n = sealed_get(&t, 1, p, sizeof p);
	t.b.now += LAN_SEC(5);
	ask(&t, 5); /* repeated, or replayed */
	assert_true(sealed(&t));
	assert_int_equal(t.b.msg.type, COAP_ACK);
	assert_int_equal(status(&t.b).expires, expires);
	assert_true(answers(&t, p, n));
	ask(&t, 6); /* by another */
	assert_false(sent(&t.b));
	end(&t);
}

static void a_master_that_heard_one_discover_twice_may_ask_twice(void **state_)
{
	struct talk t;
	uint8_t p[128];
	(void)state_;
	begin(&t);
	associated(&t, 5);
	struct sos_control first = t.asked;
	make_request(&t, key);
	ask(&t, 5);
	assert_true(sealed(&t));
	hear(&t.b, 5, &first, 77); /* that session is over for good: its counters would begin again */
	assert_false(sent(&t.b));
	assert_true(answers(&t, p, sealed_get(&t, 1, p, sizeof p)));
	make_request(&t, key); /* the session is in use: no more of this Discover */
	ask(&t, 5);
	assert_false(sent(&t.b));
	end(&t);
}

static void a_request_of_an_earlier_session_is_of_no_use(void **state_)
{
	struct talk t;
	(void)state_;
	begin(&t);
	associated(&t, 5);
	struct sos_control old = t.asked;
	assert_true(step(&t.b, 30000));
	assert_true(discovered(&t, 5));
	make_request(&t, key);
	ask(&t, 5);
	assert_true(sealed(&t));
	lan_time expires = status(&t.b).expires;
	hear(&t.b, 5, &old, 77);
	assert_false(sent(&t.b));
	assert_int_equal(status(&t.b).expires, expires);
	end(&t);
}

static void a_request_that_crossed_a_discover_is_taken_and_so_is_the_one_after(void **state_)
{
	struct talk t;
	(void)state_;
	begin(&t);
	assert_true(discovered(&t, -1));
	make_request(&t, key);
	step(&t.b, 1000);
	struct sos_control first = t.asked;
	assert_true(discovered(&t, -1));
	hear(&t.b, 5, &first, 77);
	assert_true(sealed(&t));
	make_request(&t, key);
	ask(&t, 5);
	assert_true(sealed(&t));
	end(&t);
}

static void what_was_on_its_way_when_a_session_was_renewed_still_arrives(void **state_)
{
	struct talk t;
	uint8_t p[128];
	(void)state_;
	begin(&t);
	associated(&t, 5);
	size_t n = sealed_get(&t, 1, p, sizeof p);
	assert_true(step(&t.b, 30000));
	assert_true(discovered(&t, 5));
	make_request(&t, key);
	ask(&t, 5);
	assert_true(sealed(&t));
	assert_true(answers(&t, p, n)); /* sealed by the old, and answered by it */
	n = sealed_get(&t, 2, p, sizeof p);
	assert_true(answers(&t, p, n));
	end(&t);
}

static void a_hello_only_makes_it_send_a_discover_now_and_then(void **state_)
{
	struct talk t;
	(void)state_;
	begin(&t);
	hello(&t.b, 6, 1); /* while it waits, it goes on asking everybody */
	assert_true(discovered(&t, -1));
	step(&t.b, 1000);
	associated(&t, 5);
	hello(&t.b, 5, 123);
	assert_false(sent(&t.b));
	for (uint32_t i = 0; i < 100; i++) {
		hello(&t.b, 5, 200 + i);
		hello(&t.b, 6, 200 + i);
	}
	assert_true(discovered(&t, 5));
	assert_false(sent(&t.b));
	assert_int_equal(state(&t.b), SOS_RUNNING);
	t.b.now += LAN_SEC(6);
	hello(&t.b, 6, 7);
	assert_true(discovered(&t, 6)); /* a master with the key that moved there is heard */
	make_request(&t, key);
	ask(&t, 6);
	assert_true(sealed(&t));
	assert_int_equal(status(&t.b).master.addr[1], 6);
	end(&t);
}

static void both_ends_of_an_association_end_by_its_ttl_alone(void **state_)
{
	struct talk t;
	(void)state_;
	begin(&t);
	associated(&t, 5);
	while (step(&t.b, 60000) && state(&t.b) != SOS_WAITING_UNKNOWN)
		quiet(&t.b);
	assert_int_equal(ms_of(&t.b), 60000);
	assert_true(discovered(&t, -1));
	uint8_t p[128];
	assert_false(answers(&t, p, sealed_get(&t, 1, p, sizeof p)));
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_discover_has_a_nonce_of_its_own_and_proves_the_key),
		cmocka_unit_test(who_proves_the_key_is_answered_in_the_seal_from_then_on),
		cmocka_unit_test(a_sealed_message_is_taken_once_and_only_whole),
		cmocka_unit_test(who_does_not_prove_the_key_is_refused),
		cmocka_unit_test(a_lost_answer_is_given_again_but_the_session_does_not_begin_again),
		cmocka_unit_test(a_master_that_heard_one_discover_twice_may_ask_twice),
		cmocka_unit_test(a_request_of_an_earlier_session_is_of_no_use),
		cmocka_unit_test(a_request_that_crossed_a_discover_is_taken_and_so_is_the_one_after),
		cmocka_unit_test(what_was_on_its_way_when_a_session_was_renewed_still_arrives),
		cmocka_unit_test(a_hello_only_makes_it_send_a_discover_now_and_then),
		cmocka_unit_test(both_ends_of_an_association_end_by_its_ttl_alone),
	};
	return lan_crypto_init() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
