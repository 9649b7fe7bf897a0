/*
 * coap_exchange.c - requests and responses of CoAP between engines stepped by hand (RFC 7252 sections 4 and
 * 5).
 */
#include "coap_step.h"

static struct coap *a, *b;

static void pair(const struct coap_config *ca, const struct coap_config *cb)
{
	step_reset();
	a = step_add(ca);
	b = step_add(cb);
}

static void a_request_is_answered_in_its_acknowledgement(void **state)
{
	pair(NULL, NULL);
	uint32_t id = step_get(a, b, "t1");
	struct step_dgram d = step_one();
	assert_int_equal(step_decode(&d).type, COAP_CON);
	assert_int_equal(step_give(&d), LAN_OK);
	struct coap_event ev = step_event(b, COAP_EV_REQUEST);
	assert_int_equal(ev.code, COAP_GET);
	assert_true(ev.con);
	char path[20];
	assert_int_equal(coap_path(&ev.msg, COAP_URI_PATH, path, sizeof path), LAN_OK);
	assert_string_equal(path, "t1");
	step_respond(b, ev.id, COAP_CONTENT, "21.5");
	d = step_one();
	assert_int_equal(step_decode(&d).type, COAP_ACK);
	(void)step_give(&d);
	ev = step_event(a, COAP_EV_RESPONSE);
	assert_int_equal(ev.id, id);
	assert_int_equal(ev.code, COAP_CONTENT);
	assert_false(ev.observing);
	step_is(&ev, "21.5");
	step_no_event(a);
	assert_true(step_deadline() == LAN_NEVER);
}

static void it_is_repeated_with_doubling_pauses_and_then_given_up(void **state)
{
	struct coap_config cfg = {.ack_random_pct = 0};
	pair(&cfg, NULL);
	lan_time start = step_now, first = 0, last = step_now;
	struct step_dgram d0, d;
	step_get(a, b, "t1");
	d0 = step_one();
	for (unsigned i = 0; i < 4; i++) {
		lan_time at = step_deadline();
		step_to(at - 1);
		step_silence();
		step_to(at);
		d = step_one();
		assert_int_equal(d.len, d0.len);
		assert_memory_equal(d.data, d0.data, d.len);
		if (!i)
			first = at - start;
		else
			assert_true(at - last == first << i);
		last = at;
	}
	assert_true(first >= LAN_SEC(2) && first <= LAN_SEC(3));
	lan_time at = step_deadline();
	assert_true(at - last == first << 4);
	step_to(at);
	struct coap_event ev = step_event(a, COAP_EV_FAILED);
	assert_int_equal(ev.err, LAN_ERR_TIMEOUT);
	step_silence();
	assert_int_equal(step_counter(a, tx_retransmit), 4);
	assert_true(step_deadline() == LAN_NEVER);
}

static void give_up_comes_when_it_was_asked_for(void **state)
{
	pair(NULL, NULL);
	struct coap_request r = step_request(b, COAP_GET, "x");
	r.give_up = LAN_SEC(1);
	r.tag = 77;
	lan_time start = step_now;
	step_send(a, &r);
	step_drop();
	assert_true(step_deadline() == start + LAN_SEC(1));
	step_to(start + LAN_SEC(1));
	struct coap_event ev = step_event(a, COAP_EV_FAILED);
	assert_int_equal(ev.tag, 77);
}

static void what_waits_is_sent_at_once_when_the_link_is_back(void **state)
{
	struct coap_config cfg = {.ack_random_pct = 0};
	pair(&cfg, NULL);
	step_get(a, b, "t1");
	step_drop();
	step_to(step_deadline()); /* 2 s */
	step_drop();
	lan_time later = step_deadline(); /* 4 s on */
	coap_hurry(a, step_now, step_ep(b)->link + 1);
	assert_true(step_deadline() == later);
	coap_hurry(a, step_now, step_ep(b)->link);
	assert_true(step_deadline() <= step_now);
	step_to(step_now);
	step_deliver();
	struct coap_event ev = step_event(b, COAP_EV_REQUEST);
	step_respond(b, ev.id, COAP_CONTENT, "21.5");
	step_deliver();
	(void)step_event(a, COAP_EV_RESPONSE);
}

static void a_slow_answer_comes_separately(void **state)
{
	pair(NULL, NULL);
	step_get(a, b, "slow");
	step_deliver();
	struct coap_event ev = step_event(b, COAP_EV_REQUEST);
	assert_true(step_deadline() == step_now + LAN_MS(200));
	step_by(LAN_MS(200));
	struct step_dgram d = step_one();
	assert_int_equal(d.len, 4);
	assert_int_equal(step_decode(&d).type, COAP_ACK);
	(void)step_give(&d);
	step_by(LAN_SEC(30));
	step_silence();
	step_respond(b, ev.id, COAP_CONTENT, "late");
	struct step_dgram con = step_one();
	assert_int_equal(step_decode(&con).type, COAP_CON);
	step_by(LAN_SEC(3)); /* it was lost */
	d = step_one();
	assert_memory_equal(d.data, con.data, con.len);
	(void)step_give(&d);
	ev = step_event(a, COAP_EV_RESPONSE);
	step_is(&ev, "late");
	struct step_dgram ack = step_one();
	assert_int_equal(step_decode(&ack).type, COAP_ACK);
	(void)step_give(&con); /* again: acknowledged, not told */
	step_no_event(a);
	d = step_one();
	assert_memory_equal(d.data, ack.data, ack.len);
	(void)step_give(&d);
	assert_true(step_deadline() == LAN_NEVER);
}

static void a_repeated_unsafe_request_is_done_once(void **state)
{
	pair(NULL, NULL);
	struct coap_request r = step_request(b, COAP_POST, "do");
	step_send(a, &r);
	struct step_dgram d = step_one();
	(void)step_give(&d);
	(void)step_give(&d);
	struct coap_event ev = step_event(b, COAP_EV_REQUEST);
	step_no_event(b);
	step_silence();
	step_respond(b, ev.id, COAP_CHANGED, "done");
	struct step_dgram answer = step_one();
	step_by(LAN_SEC(200));
	(void)step_give(&d);
	step_no_event(b);
	struct step_dgram again = step_tray[step_collect() - 1];
	assert_int_equal(again.len, answer.len);
	assert_memory_equal(again.data, answer.data, again.len);
	step_drop();
	step_by(LAN_SEC(48));
	(void)step_give(&d);
	(void)step_event(b, COAP_EV_REQUEST);
	assert_int_equal(step_counter(b, rx_duplicate), 2);
}

static void a_request_without_confirmation_is_answered_without(void **state)
{
	pair(NULL, NULL);
	struct coap_request r = step_request(b, COAP_GET, "x");
	r.non = true;
	step_send(a, &r);
	struct step_dgram d = step_one();
	assert_int_equal(step_decode(&d).type, COAP_NON);
	(void)step_give(&d);
	(void)step_give(&d);
	struct coap_event ev = step_event(b, COAP_EV_REQUEST);
	step_no_event(b);
	assert_false(ev.con);
	step_by(LAN_SEC(1));
	step_silence();
	step_respond(b, ev.id, COAP_CONTENT, "y");
	d = step_one();
	assert_int_equal(step_decode(&d).type, COAP_NON);
	(void)step_give(&d);
	ev = step_event(a, COAP_EV_RESPONSE);
	step_is(&ev, "y");
	step_silence();
}

static void one_request_at_a_time_leaves_for_an_endpoint(void **state)
{
	pair(NULL, NULL);
	struct coap *e = step_add(NULL);
	uint32_t first = step_get(a, b, "1"), second = step_get(a, b, "2");
	step_get(a, b, "3");
	step_get(a, e, "4");
	assert_int_equal(step_collect(), 2);
	assert_int_equal(coap_outstanding(a, step_ep(b)), 3);
	step_deliver();
	struct coap_event ev = step_event(b, COAP_EV_REQUEST);
	step_respond(b, ev.id, COAP_CONTENT, "one");
	(void)step_event(e, COAP_EV_REQUEST);
	step_deliver();
	assert_int_equal(step_event(a, COAP_EV_RESPONSE).id, first);
	step_deliver();
	ev = step_event(b, COAP_EV_REQUEST);
	coap_cancel(a, step_now, second, false);
	assert_int_equal(step_collect(), 1); /* the third goes out at once */
	assert_int_equal(coap_outstanding(a, step_ep(b)), 1);
	coap_forget(a, step_now, step_ep(b));
	assert_int_equal(step_event(a, COAP_EV_FAILED).err, LAN_ERR_CLOSED);
	assert_int_equal(coap_outstanding(a, step_ep(b)), 0);
}

static void answers_match_by_endpoint_token_and_number(void **state)
{
	pair(NULL, NULL);
	struct coap *e = step_add(NULL);
	step_get(a, b, "x");
	struct step_dgram d = step_one(), wrong;
	(void)step_give(&d);
	step_respond(b, step_event(b, COAP_EV_REQUEST).id, COAP_CONTENT, "true");
	struct step_dgram good = step_one();
	wrong = good; /* from elsewhere */
	wrong.from = *step_ep(e);
	assert_int_equal(step_give(&wrong), LAN_ERR_PROTO);
	assert_int_equal(step_counter(a, drop_endpoint), 1);
	wrong = good; /* another token */
	wrong.data[5] ^= 1;
	assert_int_equal(step_give(&wrong), LAN_ERR_PROTO);
	wrong = good; /* another MID */
	wrong.data[3] ^= 1;
	assert_int_equal(step_give(&wrong), LAN_ERR_PROTO);
	assert_int_equal(step_counter(a, drop_unmatched), 2);
	step_silence();
	step_no_event(a);
	(void)step_give(&good);
	struct coap_event ev = step_event(a, COAP_EV_RESPONSE);
	step_is(&ev, "true");
}

static void pings_and_resets(void **state)
{
	struct coap_config quiet = {.no_server = true};
	pair(NULL, &quiet);
	uint32_t id;
	assert_int_equal(coap_ping(a, step_now, step_ep(b), 5, &id), LAN_OK);
	struct step_dgram d = step_one();
	assert_int_equal(d.len, 4);
	(void)step_give(&d);
	step_deliver();
	struct coap_event ev = step_event(a, COAP_EV_RESPONSE);
	assert_int_equal(ev.id, id);
	assert_int_equal(ev.code, 0);
	assert_int_equal(ev.tag, 5);
	step_get(a, b, "x"); /* b serves nothing */
	step_deliver();
	step_deliver();
	assert_int_equal(step_event(a, COAP_EV_FAILED).err, LAN_ERR_RESET);
	/* A response nobody asked for. */
	struct coap_wr w = coap_begin(d.data, sizeof d.data, COAP_CON, COAP_CONTENT, 9, (uint8_t *)"zz", 2);
	d.len = coap_end(&w);
	assert_int_equal(step_give(&d), LAN_ERR_PROTO);
	d = step_one();
	assert_int_equal(step_decode(&d).type, COAP_RST);
	assert_int_equal(step_decode(&d).mid, 9);
}

static enum lan_err raw(
	struct step_dgram *d, enum coap_type type, uint8_t code, uint16_t number, const char *value)
{
	*d = (struct step_dgram){.from = *step_ep(a), .to = *step_ep(b)};
	struct coap_wr w = coap_begin(d->data, sizeof d->data, type, code, 700, (uint8_t *)"t", 1);
	if (number)
		coap_put_text(&w, number, value);
	d->len = coap_end(&w);
	return step_give(d);
}

static void what_is_not_understood_is_refused_as_the_rfc_says(void **state)
{
	pair(NULL, NULL);
	struct step_dgram d;
	assert_int_equal(raw(&d, COAP_CON, COAP_GET, 2049, "x"), LAN_ERR_PROTO);
	d = step_one();
	assert_int_equal(step_decode(&d).code, COAP_BAD_OPTION);
	assert_int_equal(step_decode(&d).type, COAP_ACK);
	assert_int_equal(raw(&d, COAP_NON, COAP_GET, 2049, "x"), LAN_ERR_PROTO);
	step_silence();
	assert_int_equal(raw(&d, COAP_CON, COAP_GET, COAP_PROXY_URI, "coap://x/"), LAN_ERR_PROTO);
	d = step_one();
	assert_int_equal(step_decode(&d).code, COAP_PROXYING_NOT_SUPPORTED);
	assert_int_equal(raw(&d, COAP_CON, 30, 0, NULL), LAN_ERR_PROTO);
	d = step_one();
	assert_int_equal(step_decode(&d).code, COAP_METHOD_NOT_ALLOWED);
	assert_int_equal(raw(&d, COAP_ACK, COAP_GET, 0, NULL), LAN_ERR_PROTO);
	assert_int_equal(raw(&d, COAP_RST, COAP_CONTENT, 0, NULL), LAN_ERR_PROTO);
	step_silence();
	assert_int_equal(raw(&d, COAP_CON, COAP_GET, 2048, "x"), LAN_OK); /* elective */
	assert_int_equal(step_event(b, COAP_EV_REQUEST).code, COAP_GET);
	d.len = 6; /* cut off behind the token: options of garbage */
	d.data[5] = 0xf1;
	assert_int_equal(step_give(&d), LAN_ERR_PROTO);
	d = step_one();
	assert_int_equal(step_decode(&d).type, COAP_RST);
	d.data[0] = 0x80;
	d.to = *step_ep(b);
	d.from = *step_ep(a);
	assert_int_equal(step_give(&d), LAN_ERR_PROTO);
	step_silence();
}

static void a_request_to_everybody_is_answered_by_whoever_can(void **state)
{
	pair(NULL, NULL);
	struct coap *e = step_add(NULL), *f = step_add(NULL);
	struct coap_request r = step_request(b, COAP_GET, "x");
	r.to = (struct lan_ep){.link = 1};
	r.give_up = LAN_SEC(5);
	uint32_t id = step_send(a, &r);
	step_deliver();
	struct coap_event ev = step_event(b, COAP_EV_REQUEST);
	assert_true(ev.group);
	step_respond(b, ev.id, COAP_CONTENT, "b");
	step_respond(e, step_event(e, COAP_EV_REQUEST).id, COAP_NOT_FOUND, "");
	step_respond(f, step_event(f, COAP_EV_REQUEST).id, COAP_CONTENT, "f");
	step_silence();
	step_by(LAN_MS(500));
	assert_int_equal(step_deliver(), 2);
	for (int i = 0; i < 2; i++) {
		ev = step_event(a, COAP_EV_RESPONSE);
		assert_int_equal(ev.id, id);
		assert_true(ev.observing);
		assert_int_equal(ev.msg.payload[0], ev.from.addr[5] == 1 ? 'b' : 'f');
	}
	step_by(LAN_SEC(5));
	assert_int_equal(step_event(a, COAP_EV_FAILED).err, LAN_ERR_TIMEOUT);
	assert_true(step_deadline() == LAN_NEVER);
	struct step_dgram d;
	(void)raw(&d, COAP_CON, COAP_GET, 0, NULL);
	step_drop();
	d.to = (struct lan_ep){.link = 1};
	(void)step_give(&d);
	step_silence();
	assert_int_equal(step_counter(b, drop_group), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_answered_in_its_acknowledgement),
		cmocka_unit_test(it_is_repeated_with_doubling_pauses_and_then_given_up),
		cmocka_unit_test(give_up_comes_when_it_was_asked_for),
		cmocka_unit_test(what_waits_is_sent_at_once_when_the_link_is_back),
		cmocka_unit_test(a_slow_answer_comes_separately),
		cmocka_unit_test(a_repeated_unsafe_request_is_done_once),
		cmocka_unit_test(a_request_without_confirmation_is_answered_without),
		cmocka_unit_test(one_request_at_a_time_leaves_for_an_endpoint),
		cmocka_unit_test(answers_match_by_endpoint_token_and_number),
		cmocka_unit_test(pings_and_resets),
		cmocka_unit_test(what_is_not_understood_is_refused_as_the_rfc_says),
		cmocka_unit_test(a_request_to_everybody_is_answered_by_whoever_can),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	step_reset();
	return failed;
}
