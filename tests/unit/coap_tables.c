/*
 * coap_tables.c - tables of the engine of CoAP that are full, challenges (RFC 9175), and what else is
 * bounded: what does not fit is refused and counted, and everything else goes on.
 */
#include "coap_step.h"

static struct coap *a, *b;

static void pair(const struct coap_config *ca, const struct coap_config *cb)
{
	step_reset();
	a = step_add(ca);
	b = step_add(cb);
}

static void requests_that_are_too_many_are_refused(void **state)
{
	struct coap_config cfg = {.max_requests = 2};
	pair(&cfg, NULL);
	struct coap_request r = step_request(b, COAP_GET, "x");
	uint32_t id, first = step_send(a, &r);
	step_send(a, &r);
	assert_int_equal(coap_request(a, step_now, &r, &id), LAN_ERR_FULL);
	assert_int_equal(coap_ping(a, step_now, step_ep(b), 0, &id), LAN_ERR_FULL);
	coap_cancel(a, step_now, first, false);
	id = step_send(a, &r);
	assert_int_not_equal(id, first);
	coap_cancel(a, step_now, first, false); /* over: nothing happens */
	assert_int_equal(coap_outstanding(a, step_ep(b)), 2);
}

static void endpoints_with_open_requests_are_not_forgotten(void **state)
{
	struct coap_config cfg = {.max_peers = 2};
	pair(&cfg, NULL);
	struct coap *e = step_add(NULL), *f = step_add(NULL);
	struct coap_request r = step_request(f, COAP_GET, "x");
	uint32_t id;
	uint16_t mid = coap_next_mid(a, step_ep(f));
	step_get(a, b, "x");
	step_get(a, e, "x");
	assert_int_equal(coap_request(a, step_now, &r, &id), LAN_ERR_FULL);
	assert_true(coap_next_mid(a, step_ep(f)) != 0); /* of a counter for all that found no place */
	coap_forget(a, step_now, step_ep(b));
	assert_int_equal(step_event(a, COAP_EV_FAILED).err, LAN_ERR_CLOSED);
	step_send(a, &r);
	(void)mid;
}

static void requests_to_us_that_are_too_many_are_refused(void **state)
{
	struct coap_config many = {.nstart = 9}, few = {.max_incoming = 2};
	pair(&many, &few);
	for (int i = 0; i < 3; i++)
		step_get(a, b, "x");
	struct coap_request r = step_request(b, COAP_GET, "x");
	r.non = true;
	step_send(a, &r);
	step_deliver();
	step_deliver();
	assert_int_equal(step_event(a, COAP_EV_RESPONSE).code, COAP_UNAVAILABLE);
	assert_int_equal(step_counter(b, refused_busy), 1);
	assert_int_equal(step_counter(b, drop_full), 1);
	for (int i = 0; i < 2; i++)
		step_respond(b, step_event(b, COAP_EV_REQUEST).id, COAP_CONTENT, "y");
	step_deliver();
	(void)step_event(a, COAP_EV_RESPONSE);
	(void)step_event(a, COAP_EV_RESPONSE);
	assert_int_equal(coap_respond(b, step_now, 77, &(struct coap_response){.code = COAP_CONTENT}),
		LAN_ERR_NOTFOUND);
}

static void the_oldest_remembered_request_gives_way(void **state)
{
	struct coap_config two = {.max_dedup = 2};
	pair(NULL, &two);
	struct step_dgram d[3];
	for (int i = 0; i < 3; i++) {
		struct coap_request r = step_request(b, COAP_POST, "x");
		step_send(a, &r);
		d[i] = step_one();
		(void)step_give(&d[i]);
		step_respond(b, step_event(b, COAP_EV_REQUEST).id, COAP_CHANGED, "");
		step_deliver();
		(void)step_event(a, COAP_EV_RESPONSE);
	}
	assert_int_equal(step_counter(b, dedup_evicted), 1);
	(void)step_give(&d[2]);
	step_no_event(b);
	(void)step_give(&d[0]); /* forgotten */
	(void)step_event(b, COAP_EV_REQUEST);
}

static void datagrams_wait_in_a_bounded_queue(void **state)
{
	struct coap_config cfg = {.datagram = 100, .max_incoming = 1, .max_requests = 1};
	pair(&cfg, NULL);
	uint8_t raw[90] = {0x50};
	unsigned n = 0;
	while (coap_send_raw(a, step_now, step_ep(b), raw, sizeof raw) == LAN_OK)
		n++;
	assert_true(n >= 4 && n < 20);
	assert_false(coap_ops.open(a));
	uint32_t id = step_get(a, b, "x"); /* waits for room */
	unsigned out = step_collect();
	assert_int_equal(out, n);
	step_laid = 0;
	assert_true(coap_ops.open(a));
	assert_true(step_deadline() == step_now + LAN_MS(1));
	step_by(LAN_MS(1));
	step_deliver();
	step_respond(b, step_event(b, COAP_EV_REQUEST).id, COAP_CONTENT, "y");
	step_deliver();
	assert_int_equal(step_event(a, COAP_EV_RESPONSE).id, id);
	/* Round and round: the queue wraps. */
	for (unsigned i = 0; i < 100; i++) {
		for (unsigned k = 0; k < 2 + i % 3; k++)
			if (coap_send_raw(a, step_now, step_ep(b), raw, 1 + (i * 7 + k) % 90) != LAN_OK)
				fail();
		assert_int_equal(step_collect(), 2 + i % 3);
		for (unsigned k = 0; k < 2 + i % 3; k++)
			assert_int_equal(step_tray[k].len, 1 + (i * 7 + k) % 90);
		step_laid = 0;
	}
}

static void what_the_network_did_not_take_is_said(void **state)
{
	pair(NULL, NULL);
	step_get(a, b, "x");
	while (step_deadline() != LAN_NEVER) {
		step_drop();
		coap_ops.unsent(a, step_now, step_ep(b), LAN_ERR_UNREACH);
		step_to(step_deadline());
	}
	assert_int_equal(step_event(a, COAP_EV_FAILED).err, LAN_ERR_UNREACH);
	struct coap_request r = step_request(b, COAP_GET, "x");
	r.non = true;
	step_send(a, &r);
	step_drop();
	coap_ops.unsent(a, step_now, step_ep(b), LAN_ERR_UNREACH);
	assert_int_equal(step_event(a, COAP_EV_FAILED).err, LAN_ERR_UNREACH);
}

static const char long_text[] = "a long answer, more than three times as long as the question: "
				"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static void a_large_answer_goes_to_who_proves_its_address(void **state)
{
	struct coap_config echo = {.echo = true};
	pair(NULL, &echo);
	step_get(a, b, "x");
	step_deliver();
	step_respond(b, step_event(b, COAP_EV_REQUEST).id, COAP_CONTENT, long_text);
	struct step_dgram d = step_one();
	struct coap_msg m = step_decode(&d);
	assert_int_equal(m.code, COAP_UNAUTHORIZED);
	(void)step_give(&d);
	step_deliver(); /* again, with the value */
	step_respond(b, step_event(b, COAP_EV_REQUEST).id, COAP_CONTENT, long_text);
	step_deliver();
	struct coap_event ev = step_event(a, COAP_EV_RESPONSE);
	step_is(&ev, long_text);
	step_get(a, b, "x"); /* it is known now */
	step_deliver();
	step_respond(b, step_event(b, COAP_EV_REQUEST).id, COAP_CONTENT, long_text);
	step_deliver();
	(void)step_event(a, COAP_EV_RESPONSE);
	assert_int_equal(step_counter(b, refused_echo), 1);
	/* Short answers need no proof, and links can be trusted. */
	pair(NULL, &echo);
	step_get(a, b, "x");
	step_deliver();
	step_respond(b, step_event(b, COAP_EV_REQUEST).id, COAP_CONTENT, "short");
	step_deliver();
	assert_int_equal(step_event(a, COAP_EV_RESPONSE).code, COAP_CONTENT);
	assert_int_equal(coap_link(b, 1, 0, true), LAN_OK);
	step_get(a, b, "x");
	step_deliver();
	step_respond(b, step_event(b, COAP_EV_REQUEST).id, COAP_CONTENT, long_text);
	step_deliver();
	assert_int_equal(step_event(a, COAP_EV_RESPONSE).code, COAP_CONTENT);
	assert_int_equal(step_counter(b, refused_echo), 0);
}

static void what_is_not_safe_is_done_once_although_it_is_challenged(void **state)
{
	struct coap_config echo = {.echo = true};
	pair(NULL, &echo);
	struct coap_request r = step_request(b, COAP_POST, "x");
	step_send(a, &r);
	step_deliver();
	step_respond(b, step_event(b, COAP_EV_REQUEST).id, COAP_CHANGED, long_text);
	step_deliver(); /* the challenge */
	struct step_dgram proof = step_one();
	struct step_dgram forged = proof;
	forged.data[forged.len - 1] ^= 1;
	(void)step_give(&proof);
	step_no_event(b);
	step_deliver();
	struct coap_event ev = step_event(a, COAP_EV_RESPONSE);
	step_is(&ev, long_text);
	/* Another's value proves nothing, nor does one that is old. */
	pair(NULL, &echo);
	step_get(a, b, "x");
	step_deliver();
	step_respond(b, step_event(b, COAP_EV_REQUEST).id, COAP_CONTENT, long_text);
	step_deliver();
	proof = step_one();
	step_by(LAN_SEC(70));
	step_drop();
	(void)step_give(&proof);
	step_respond(b, step_event(b, COAP_EV_REQUEST).id, COAP_CONTENT, long_text);
	struct step_dgram d = step_one();
	assert_int_equal(step_decode(&d).code, COAP_UNAUTHORIZED);
}

static void old_encodings_of_slaves_are_read(void **state)
{
	struct coap_config sos = {.sos_client = true};
	pair(&sos, NULL);
	step_get(a, b, "x");
	struct step_dgram d = step_one();
	(void)step_give(&d);
	step_respond(b, step_event(b, COAP_EV_REQUEST).id, COAP_CONTENT, "y");
	d = step_one();
	/* An ETag-like elective option of 13 octets, its length not reduced by 13 (S1), then nothing. */
	struct coap_msg m = step_decode(&d);
	struct coap_wr w = coap_begin(d.data, sizeof d.data, COAP_ACK, COAP_CONTENT, m.mid, m.token, m.tkl);
	d.len = coap_end(&w);
	memcpy(d.data + d.len, "\x8d\x0d/aaaaaaaaaaaa", 15);
	d.len += 15;
	assert_int_equal(step_give(&d), LAN_OK);
	assert_int_equal(step_event(a, COAP_EV_RESPONSE).code, COAP_CONTENT);
	pair(NULL, NULL);
	assert_int_equal(step_give(&d), LAN_ERR_PROTO);
}

static void limits_of_the_configuration(void **state)
{
	static const struct coap_config bad[] = {{.szx = 7}, {.datagram = COAP_DATAGRAM + 1},
		{.datagram = 20}, {.max_requests = UINT32_MAX}, {.max_body = UINT32_MAX},
		{.ack_timeout = LAN_NEVER}};
	struct lan_env env = {.ctx = &step_ends[0], .entropy = step_entropy};
	struct coap *c = NULL;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(coap_new(&env, &bad[i], &c), LAN_ERR_INVAL);
	assert_null(c);
	pair(NULL, NULL);
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(coap_link(a, i, 100, false), LAN_OK);
	assert_int_equal(coap_link(a, 64, 100, false), LAN_ERR_LIMIT);
	assert_int_equal(coap_link(a, 63, 100, false), LAN_OK);
	struct coap_request r = step_request(b, 0, "x");
	uint32_t id;
	assert_int_equal(coap_request(a, step_now, &r, &id), LAN_ERR_INVAL);
	r.code = COAP_CONTENT;
	assert_int_equal(coap_request(a, step_now, &r, &id), LAN_ERR_INVAL);
	assert_true(coap_memory(a) < 2 << 20);
	for (unsigned i = 0; i < COAP_C_N; i++)
		assert_true(coap_counter_name(i)[0] && coap_counter_help(i)[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_that_are_too_many_are_refused),
		cmocka_unit_test(endpoints_with_open_requests_are_not_forgotten),
		cmocka_unit_test(requests_to_us_that_are_too_many_are_refused),
		cmocka_unit_test(the_oldest_remembered_request_gives_way),
		cmocka_unit_test(datagrams_wait_in_a_bounded_queue),
		cmocka_unit_test(what_the_network_did_not_take_is_said),
		cmocka_unit_test(a_large_answer_goes_to_who_proves_its_address),
		cmocka_unit_test(what_is_not_safe_is_done_once_although_it_is_challenged),
		cmocka_unit_test(old_encodings_of_slaves_are_read),
		cmocka_unit_test(limits_of_the_configuration),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	step_reset();
	return failed;
}
