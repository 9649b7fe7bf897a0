/*
 * sos_master.c - the master's core stepped by hand, message by message: Hello, association, renewal, expiry,
 * moves, whose answer an answer is, the policy for who is not listed (docs/protocols/sos.md,
 * sections 2.2, 2.3 and 15).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "proto/sos/master.h"
#include "proto/sos/seal.h"

static uint64_t rng;

static void entropy(void *ctx, void *buf, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] = (uint8_t)((rng = rng * 6364136223846793005u + 1) >> 56);
}

struct bench {
	struct sos_master *m;
	lan_time now;
	struct lan_ep to; /* of the last message out */
	uint8_t out[1600];
	struct coap_msg msg; /* the last message out, decoded */
	struct sos_master_event ev;
};

static struct lan_ep at(uint8_t last)
{
	return (struct lan_ep){.link = 1, .len = 6, .addr = {2, 0, 0, 0, 0, last}};
}

static void make(struct bench *b, const struct sos_master_config *cfg)
{
	struct lan_env env = {.entropy = entropy};
	*b = (struct bench){.now = LAN_SEC(100)};
	rng = 7;
	assert_int_equal(sos_master_new(&env, cfg, &b->m), LAN_OK);
	assert_int_equal(sos_master_link(b->m, b->now, 1, 1518, 20, true), LAN_OK);
}

static void list(struct bench *b, uint32_t id, uint32_t ttl, const uint8_t *key)
{
	struct sos_member_config c = {.id = id, .ttl = ttl, .key = key};
	assert_int_equal(sos_master_add(b->m, b->now, &c), LAN_OK);
}

/* The next message out; false: none. */
static bool sent(struct bench *b)
{
	size_t n = sos_master_ops.output(b->m, b->now, &b->to, b->out, sizeof b->out);
	if (n && b->out[0] != SOS_SEALED)
		assert_int_equal(coap_decode(b->out, n, &b->msg), COAP_FAULT_OK);
	return n > 0;
}

static void quiet(struct bench *b)
{
	while (sent(b))
		;
}

static void pass(struct bench *b, lan_time by)
{
	for (lan_time end = b->now + by; b->now < end;) {
		lan_time at = sos_master_ops.deadline(b->m);
		b->now = at > b->now && at < end ? at : end;
		sos_master_ops.tick(b->m, b->now);
	}
}

static void hear(struct bench *b, uint8_t from, const uint8_t *p, size_t n)
{
	struct lan_ep ep = at(from);
	(void)sos_master_ops.input(b->m, b->now, &ep, false, p, n);
}

static void discover(struct bench *b, uint8_t from, uint32_t id, uint32_t mtu)
{
	uint8_t buf[64];
	struct sos_control c = {.kind = SOS_DISCOVER, .slave = id, .mtu = mtu};
	hear(b, from, buf, sos_control_write(buf, sizeof buf, 1, &c));
}

/* An ACK to the last message out. */
static void answer(struct bench *b, uint8_t from, uint8_t code, const char *payload)
{
	uint8_t buf[256];
	struct coap_wr w = coap_begin(buf, sizeof buf, COAP_ACK, code, b->msg.mid, b->msg.token, b->msg.tkl);
	coap_put_payload(&w, payload, strlen(payload));
	hear(b, from, buf, coap_end(&w));
}

static bool event(struct bench *b, enum sos_master_event_kind kind)
{
	while (sos_master_event(b->m, b->now, &b->ev))
		if (b->ev.kind == kind)
			return true;
	return false;
}

static void drain(struct bench *b)
{
	while (sos_master_event(b->m, b->now, &b->ev))
		;
}

static bool is_assoc_request(struct bench *b, uint8_t to)
{
	struct sos_control c;
	struct lan_ep want = at(to);
	return !sos_control_read(&b->msg, &c) && c.kind == SOS_ASSOC_REQUEST &&
	       !memcmp(b->to.addr, want.addr, 6);
}

static void associate(struct bench *b, uint8_t from, uint32_t id)
{
	discover(b, from, id, 1518);
	do
		assert_true(sent(b));
	while (!is_assoc_request(b, from));
	answer(b, from, COAP_CONTENT, "<t1>;title=\"x\",<t2>");
	drain(b);
	struct sos_member_status s;
	assert_int_equal(sos_master_find(b->m, id, &s), LAN_OK);
	assert_int_equal(s.state, SOS_ASSOCIATED);
}

static uint32_t get(struct bench *b, uint32_t id, const char *path, uint64_t tag)
{
	uint8_t options[64];
	struct coap_wr w = coap_begin_options(options, sizeof options);
	coap_put_text(&w, COAP_URI_PATH, path);
	struct coap_request r = {
		.code = COAP_GET, .options = options, .options_len = coap_end(&w), .tag = tag};
	uint32_t req;
	assert_int_equal(sos_master_request(b->m, b->now, id, &r, &req), LAN_OK);
	return req;
}

/* ---- sentences ---------------------------------------------------------------------- */

static void says_hello_in_both_epochs_first_within_firsthello_then_each_interval(void **state)
{
	struct sos_master_config cfg = {.hello_id = 384};
	struct bench b;
	(void)state;
	make(&b, &cfg);
	pass(&b, LAN_SEC(3));
	for (int e = 0; e < 2; e++) {
		struct sos_control c;
		assert_true(sent(&b));
		assert_int_equal(b.to.len, 0);
		assert_int_equal(sos_control_read(&b.msg, &c), LAN_OK);
		assert_int_equal(c.kind, SOS_HELLO);
		assert_int_equal(c.epoch, e);
		assert_int_equal(c.hello, 385); /* shaken off: whoever took a number without knowing why */
	}
	for (int e = 0; e < 2; e++) {
		struct sos_control c;
		assert_true(sent(&b));
		assert_int_equal(sos_control_read(&b.msg, &c), LAN_OK);
		assert_int_equal(c.hello, 384);
	}
	assert_false(sent(&b));
	pass(&b, LAN_SEC(6));
	assert_false(sent(&b));
	pass(&b, LAN_SEC(4));
	assert_true(sent(&b) && sent(&b));
	assert_false(sent(&b));
	sos_master_free(b.m);
}

static void a_listed_slave_is_asked_again_until_it_answers(void **state)
{
	struct bench b;
	(void)state;
	make(&b, &(struct sos_master_config){0});
	list(&b, 169, 60, NULL);
	discover(&b, 5, 169, 200);
	assert_true(sent(&b));
	assert_true(is_assoc_request(&b, 5));
	struct sos_control c;
	assert_int_equal(sos_control_read(&b.msg, &c), LAN_OK);
	assert_int_equal(c.ttl, 60);
	assert_int_equal(c.mtu, 200);
	uint16_t mid = b.msg.mid;
	pass(&b, LAN_MS(1600));
	do
		assert_true(sent(&b));
	while (!is_assoc_request(&b, 5));
	assert_int_equal(b.msg.mid, mid);
	answer(&b, 5, COAP_CONTENT, "<t1>,");
	assert_true(event(&b, SOS_MASTER_EV_STATE));
	assert_int_equal(b.ev.state, SOS_ASSOCIATING);
	assert_true(event(&b, SOS_MASTER_EV_STATE));
	assert_int_equal(b.ev.state, SOS_ASSOCIATED);
	assert_string_equal(b.ev.reason, "associated");
	assert_true(sos_master_has(b.m, 169, "t1", 2));
	assert_false(sos_master_has(b.m, 169, "t", 1));
	sos_master_free(b.m);
}

static void an_association_ends_after_its_time_and_requests_fail(void **state)
{
	struct bench b;
	(void)state;
	make(&b, &(struct sos_master_config){0});
	list(&b, 169, 60, NULL);
	associate(&b, 5, 169);
	pass(&b, LAN_SEC(55));
	uint32_t id = get(&b, 169, "t1", 42);
	pass(&b, LAN_SEC(4));
	assert_false(event(&b, SOS_MASTER_EV_FAILED));
	pass(&b, LAN_SEC(2));
	assert_true(event(&b, SOS_MASTER_EV_STATE));
	assert_string_equal(b.ev.reason, "expired");
	assert_true(event(&b, SOS_MASTER_EV_FAILED));
	assert_int_equal(b.ev.id, id);
	assert_int_equal(b.ev.tag, 42);
	struct coap_request r = {.code = COAP_GET};
	assert_int_equal(sos_master_request(b.m, b.now, 169, &r, &id), LAN_ERR_CLOSED);
	assert_false(sos_master_has(b.m, 169, "t1", 2));
	sos_master_free(b.m);
}

static void a_discover_while_associated_renews(void **state)
{
	struct bench b;
	struct sos_member_status s;
	(void)state;
	make(&b, &(struct sos_master_config){0});
	list(&b, 169, 60, NULL);
	associate(&b, 5, 169);
	pass(&b, LAN_SEC(30));
	associate(&b, 5, 169);
	assert_int_equal(sos_master_find(b.m, 169, &s), LAN_OK);
	assert_int_equal(s.renewals, 1);
	pass(&b, LAN_SEC(45));
	assert_int_equal(sos_master_find(b.m, 169, &s), LAN_OK);
	assert_int_equal(s.state, SOS_ASSOCIATED);
	sos_master_free(b.m);
}

/* An AssocAnswer with the beginning of a list, as a slave of ours gives it; etag NULL: it says none. */
static void answer_cut(struct bench *b, uint8_t from, const char *etag)
{
	uint8_t buf[128];
	do
		assert_true(sent(b));
	while (!is_assoc_request(b, from));
	struct coap_wr w =
		coap_begin(buf, sizeof buf, COAP_ACK, COAP_CONTENT, b->msg.mid, b->msg.token, b->msg.tkl);
	if (etag)
		coap_put(&w, COAP_ETAG, etag, strlen(etag));
	coap_put_uint(&w, COAP_CONTENT_FORMAT, 40);
	coap_put_uint(&w, COAP_SIZE2, 9);
	coap_put_payload(&w, "<t1>", 4);
	hear(b, from, buf, coap_end(&w));
	drain(b);
}

/* Is the list asked for (and given), after an answer that was cut? */
static bool asks_for_list(struct bench *b, uint8_t from, const char *etag, const char *list)
{
	const uint8_t *v;
	size_t n;
	discover(b, from, 169, 1518);
	answer_cut(b, from, etag);
	while (sent(b))
		if (coap_find(&b->msg, COAP_URI_PATH, 1, &v, &n) && n == 4 && !memcmp(v, "core", 4)) {
			answer(b, from, list ? COAP_CONTENT : COAP_NOT_FOUND, list ? list : "");
			drain(b);
			return true;
		}
	return false;
}

static void the_rest_of_a_list_is_read_when_it_may_be_another(void **state)
{
	struct bench b;
	struct sos_member_status s;
	(void)state;
	make(&b, &(struct sos_master_config){0});
	list(&b, 169, 60, NULL);
	assert_true(asks_for_list(&b, 5, "aaaa", "<t1>,<t2>"));
	for (int i = 0; i < 3; i++) {
		pass(&b, LAN_SEC(30));
		assert_false(asks_for_list(&b, 5, "aaaa", NULL));
	}
	assert_false(asks_for_list(&b, 6, "aaaa", NULL)); /* it moved, and is the same */
	assert_int_equal(sos_master_find(b.m, 169, &s), LAN_OK);
	assert_string_equal(s.resources, "<t1>,<t2>");
	pass(&b, LAN_SEC(1));
	assert_true(asks_for_list(&b, 6, "bbbb", "<t1>,<t3>"));
	assert_int_equal(sos_master_find(b.m, 169, &s), LAN_OK);
	assert_string_equal(s.resources, "<t1>,<t3>");
	pass(&b, LAN_SEC(1));
	assert_true(asks_for_list(&b, 6, "cccc", NULL)); /* it could not be read .. */
	pass(&b, LAN_SEC(1));
	assert_true(asks_for_list(&b, 6, "cccc", "<t1>,<t4>")); /* ..so it is asked for again */
	pass(&b, LAN_SEC(1));
	assert_true(asks_for_list(&b, 6, NULL, "<t1>,<t5>"));
	pass(&b, LAN_SEC(1));
	assert_true(asks_for_list(&b, 6, NULL, "<t1>,<t5>")); /* it does not say which it is */
	pass(&b, LAN_SEC(1));
	assert_true(asks_for_list(&b, 6, "dddd", "<t1>,<t6>"));
	pass(&b, LAN_SEC(61));
	assert_true(asks_for_list(&b, 6, "dddd", "<t1>,<t6>")); /* it was gone, and with it its list */
	sos_master_free(b.m);
}

static void a_move_is_followed_when_the_new_place_answers(void **state)
{
	struct bench b;
	struct sos_member_status s;
	struct lan_ep old = at(5);
	(void)state;
	make(&b, &(struct sos_master_config){0});
	list(&b, 169, 60, NULL);
	associate(&b, 5, 169);
	pass(&b, LAN_SEC(1));
	discover(&b, 6, 169, 1518);
	assert_int_equal(sos_master_find(b.m, 169, &s), LAN_OK);
	assert_memory_equal(s.ep.addr, old.addr, 6);
	associate(&b, 6, 169);
	assert_int_equal(sos_master_find(b.m, 169, &s), LAN_OK);
	assert_int_equal(s.ep.addr[5], 6);
	assert_int_equal(s.moves, 1);
	sos_master_free(b.m);
}

static void one_request_is_on_its_way_and_the_queue_has_an_end(void **state)
{
	struct bench b;
	uint32_t id;
	(void)state;
	make(&b, &(struct sos_master_config){.queue = 2});
	list(&b, 169, 60, NULL);
	associate(&b, 5, 169);
	quiet(&b);
	for (int i = 0; i < 3; i++)
		get(&b, 169, "t1", (uint64_t)i);
	struct coap_request r = {.code = COAP_GET};
	assert_int_equal(sos_master_request(b.m, b.now, 169, &r, &id), LAN_ERR_FULL);
	for (uint64_t i = 0; i < 3; i++) {
		assert_true(sent(&b));
		assert_false(sent(&b));
		answer(&b, 5, COAP_CONTENT, "21");
		assert_true(event(&b, SOS_MASTER_EV_RESPONSE));
		assert_int_equal(b.ev.tag, i);
		assert_memory_equal(b.ev.coap.msg.payload, "21", 2);
	}
	sos_master_free(b.m);
}

static void an_answer_of_another_slave_is_no_answer(void **state)
{
	struct bench b;
	(void)state;
	make(&b, &(struct sos_master_config){0});
	list(&b, 1, 60, NULL);
	list(&b, 2, 60, NULL);
	associate(&b, 5, 1);
	associate(&b, 6, 2);
	quiet(&b);
	get(&b, 1, "t1", 1);
	assert_true(sent(&b));
	answer(&b, 6, COAP_CONTENT, "wrong");
	assert_false(event(&b, SOS_MASTER_EV_RESPONSE));
	b.msg.token[0] ^= 1;
	answer(&b, 5, COAP_CONTENT, "wrong");
	assert_false(event(&b, SOS_MASTER_EV_RESPONSE));
	b.msg.token[0] ^= 1;
	answer(&b, 5, COAP_CONTENT, "right");
	assert_true(event(&b, SOS_MASTER_EV_RESPONSE));
	assert_memory_equal(b.ev.coap.msg.payload, "right", 5);
	sos_master_free(b.m);
}

static void a_stranger_is_not_answered_whatever_it_sends(void **state)
{
	struct bench b;
	uint8_t buf[32];
	(void)state;
	make(&b, &(struct sos_master_config){0});
	list(&b, 1, 60, NULL);
	associate(&b, 5, 1);
	quiet(&b);
	struct coap_wr w = coap_begin(buf, sizeof buf, COAP_CON, COAP_CONTENT, 7, (const uint8_t *)"ab", 2);
	coap_put_uint(&w, COAP_OBSERVE, 3);
	hear(&b, 9, buf, coap_end(&w));
	assert_false(sent(&b));
	assert_int_equal(sos_master_counter(b.m, SOS_MASTER_C_drop_unknown), 1);
	/* A slave of ours tells what nobody here asked for: another program of this host did, perhaps, and it
	 * has the same MAC address. */
	hear(&b, 5, buf, coap_end(&w));
	assert_false(sent(&b));
	assert_int_equal(sos_master_counter(b.m, SOS_MASTER_C_drop_unknown), 1);
	sos_master_free(b.m);
}

static void a_flood_of_discovers_from_elsewhere_does_not_shut_the_slave_out(void **state)
{
	struct bench b;
	struct sos_member_status s;
	(void)state;
	make(&b, &(struct sos_master_config){0});
	list(&b, 169, 60, NULL);
	associate(&b, 5, 169);
	pass(&b, LAN_SEC(30));
	for (int i = 0; i < 1000; i++)
		discover(&b, (uint8_t)(100 + i % 100), 169, 1518);
	associate(&b, 5, 169); /* where it is: goes first */
	assert_int_equal(sos_master_find(b.m, 169, &s), LAN_OK);
	assert_int_equal(s.ep.addr[5], 5);
	assert_int_equal(s.moves, 0);
	sos_master_free(b.m);
}

static void who_is_not_listed_is_ignored_listed_or_admitted(void **state)
{
	struct bench b;
	struct sos_member_status s;
	(void)state;
	make(&b, &(struct sos_master_config){0});
	discover(&b, 5, 77, 0);
	quiet(&b);
	assert_true(event(&b, SOS_MASTER_EV_REFUSED));
	assert_int_equal(sos_master_find(b.m, 77, &s), LAN_ERR_NOTFOUND);
	sos_master_free(b.m);

	make(&b, &(struct sos_master_config){.unlisted = SOS_UNLISTED_LIST, .max_candidates = 4});
	for (uint32_t id = 77; id < 97; id++)
		discover(&b, (uint8_t)id, id, 0);
	quiet(&b);
	assert_true(event(&b, SOS_MASTER_EV_CANDIDATE));
	assert_int_equal(sos_master_find(b.m, 77, &s), LAN_OK);
	assert_int_equal(s.state, SOS_INACTIVE);
	assert_false(sos_master_member(b.m, 4, &s));
	assert_int_equal(sos_master_counter(b.m, SOS_MASTER_C_drop_candidates), 16);
	list(&b, 77, 60, NULL);
	associate(&b, 77, 77);
	sos_master_free(b.m);

	make(&b, &(struct sos_master_config){.unlisted = SOS_UNLISTED_ADMIT});
	associate(&b, 5, 77);
	sos_master_free(b.m);
}

static void a_slave_with_a_key_has_to_prove_it(void **state)
{
	static const uint8_t key[SOS_KEY] = {1, 2, 3};
	struct bench b;
	struct sos_member_status s;
	(void)state;
	make(&b, &(struct sos_master_config){0});
	list(&b, 169, 60, key);
	discover(&b, 5, 169, 1518);
	assert_false(sent(&b));
	assert_int_equal(sos_master_counter(b.m, SOS_MASTER_C_drop_key), 1);

	uint8_t buf[128], sealed[256];
	struct sos_control c = {
		.kind = SOS_DISCOVER, .slave = 169, .mtu = 1518, .keyed = true, .nonce = {9, 9}};
	sos_proof(c.proof, key, &c, c.nonce, NULL, 169);
	hear(&b, 5, buf, sos_control_write(buf, sizeof buf, 1, &c));
	assert_true(sent(&b));
	struct sos_control r;
	assert_int_equal(sos_control_read(&b.msg, &r), LAN_OK);
	assert_true(r.keyed);
	uint8_t want[SOS_PROOF];
	sos_proof(want, key, &r, c.nonce, r.nonce, 169);
	assert_memory_equal(want, r.proof, sizeof want);

	answer(&b, 5, COAP_CONTENT, "<forged>"); /* not sealed */
	drain(&b);
	assert_int_equal(sos_master_find(b.m, 169, &s), LAN_OK);
	assert_int_equal(s.state, SOS_ASSOCIATING);

	struct sos_seal *seal;
	assert_int_equal(sos_seal_new(&seal), LAN_OK);
	sos_seal_begin(seal, key, 169, c.nonce, r.nonce, false);
	struct coap_wr w = coap_begin(buf, sizeof buf, COAP_ACK, COAP_CONTENT, b.msg.mid, NULL, 0);
	coap_put_payload(&w, "<t1>", 4);
	size_t n = sos_seal_close(seal, buf, coap_end(&w), sealed, sizeof sealed);
	hear(&b, 5, sealed, n);
	drain(&b);
	assert_int_equal(sos_master_find(b.m, 169, &s), LAN_OK);
	assert_int_equal(s.state, SOS_ASSOCIATED);
	get(&b, 169, "t1", 1);
	assert_true(sent(&b));
	assert_int_equal(b.out[0], SOS_SEALED);
	sos_seal_free(seal);
	sos_master_free(b.m);
}

static void an_observation_is_made_again_when_the_slave_comes_back(void **state)
{
	struct bench b;
	uint32_t id;
	uint8_t options[16], buf[64];
	(void)state;
	make(&b, &(struct sos_master_config){0});
	list(&b, 169, 60, NULL);
	struct coap_wr w = coap_begin_options(options, sizeof options);
	coap_put_text(&w, COAP_URI_PATH, "t1");
	struct coap_request r = {
		.code = COAP_GET, .observe = true, .options = options, .options_len = coap_end(&w), .tag = 3};
	assert_int_equal(sos_master_request(b.m, b.now, 169, &r, &id), LAN_OK);
	for (int boot = 0; boot < 3; boot++) {
		associate(&b, (uint8_t)(5 + boot), 169);
		uint64_t v;
		do
			assert_true(sent(&b));
		while (b.msg.code != COAP_GET);
		assert_true(coap_find_uint(&b.msg, COAP_OBSERVE, &v));
		assert_int_equal(v, 0);
		w = coap_begin(buf, sizeof buf, COAP_ACK, COAP_CONTENT, b.msg.mid, b.msg.token, b.msg.tkl);
		coap_put_uint(&w, COAP_OBSERVE, 2);
		coap_put_payload(&w, "a", 1);
		hear(&b, (uint8_t)(5 + boot), buf, coap_end(&w));
		assert_true(event(&b, SOS_MASTER_EV_RESPONSE));
		assert_int_equal(b.ev.id, id);
		assert_true(b.ev.coap.observing);
		/* the original's notification: an ACK with a MID of its own */
		w = coap_begin(buf, sizeof buf, COAP_ACK, COAP_CONTENT, 2, b.msg.token, b.msg.tkl);
		coap_put_uint(&w, COAP_OBSERVE, 3);
		coap_put_payload(&w, "b", 1);
		hear(&b, (uint8_t)(5 + boot), buf, coap_end(&w));
		assert_true(event(&b, SOS_MASTER_EV_RESPONSE));
		assert_int_equal(b.ev.coap.kind, COAP_EV_NOTIFY);
		assert_memory_equal(b.ev.coap.msg.payload, "b", 1);
		pass(&b, LAN_SEC(1));
	}
	sos_master_cancel(b.m, b.now, id);
	sos_master_free(b.m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_hello_in_both_epochs_first_within_firsthello_then_each_interval),
		cmocka_unit_test(a_listed_slave_is_asked_again_until_it_answers),
		cmocka_unit_test(an_association_ends_after_its_time_and_requests_fail),
		cmocka_unit_test(a_discover_while_associated_renews),
		cmocka_unit_test(the_rest_of_a_list_is_read_when_it_may_be_another),
		cmocka_unit_test(a_move_is_followed_when_the_new_place_answers),
		cmocka_unit_test(one_request_is_on_its_way_and_the_queue_has_an_end),
		cmocka_unit_test(an_answer_of_another_slave_is_no_answer),
		cmocka_unit_test(a_stranger_is_not_answered_whatever_it_sends),
		cmocka_unit_test(a_flood_of_discovers_from_elsewhere_does_not_shut_the_slave_out),
		cmocka_unit_test(who_is_not_listed_is_ignored_listed_or_admitted),
		cmocka_unit_test(a_slave_with_a_key_has_to_prove_it),
		cmocka_unit_test(an_observation_is_made_again_when_the_slave_comes_back),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
