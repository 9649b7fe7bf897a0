/*
 * coap_observe.c - observers and observed resources of CoAP stepped by hand (RFC 7641), and what the slaves
 * of SOS do differently (docs/protocols/sos.md, sections 9 and 14).
 */
#include "coap_step.h"

static struct coap *a, *b;

static void pair(const struct coap_config *ca, const struct coap_config *cb)
{
	step_reset();
	a = step_add(ca);
	b = step_add(cb);
}

static void tell(const struct coap_event *ev, const char *text)
{
	struct coap_response r = {
		.code = COAP_CONTENT, .payload = text, .len = strlen(text), .observe = true, .resource = 7};
	assert_int_equal(coap_respond(b, step_now, ev->id, &r), LAN_OK);
}

/* a observes b's resource 7, whose state is `text`. */
static uint32_t observe(const char *text)
{
	struct coap_request r = step_request(b, COAP_GET, "temp");
	r.observe = true;
	uint32_t id = step_send(a, &r);
	step_deliver();
	struct coap_event ev = step_event(b, COAP_EV_REQUEST);
	assert_true(ev.observing);
	assert_false(ev.notifying);
	tell(&ev, text);
	step_deliver();
	ev = step_event(a, COAP_EV_RESPONSE);
	assert_int_equal(ev.id, id);
	assert_true(ev.observing);
	step_is(&ev, text);
	return id;
}

static void change(const char *text)
{
	coap_changed(b, step_now, 7);
	struct coap_event ev = step_event(b, COAP_EV_REQUEST);
	assert_true(ev.notifying);
	assert_int_equal(ev.resource, 7);
	char path[20];
	assert_int_equal(coap_path(&ev.msg, COAP_URI_PATH, path, sizeof path), LAN_OK);
	assert_string_equal(path, "temp");
	tell(&ev, text);
}

static void a_change_is_told_to_who_observes(void **state)
{
	pair(NULL, NULL);
	uint32_t id = observe("1");
	assert_int_equal(coap_observers(b, 7), 1);
	change("2");
	struct step_dgram d = step_one();
	assert_int_equal(step_decode(&d).type, COAP_NON);
	(void)step_give(&d);
	struct coap_event ev = step_event(a, COAP_EV_NOTIFY);
	assert_int_equal(ev.id, id);
	assert_true(ev.observing);
	step_is(&ev, "2");
	(void)step_give(&d); /* a copy */
	step_no_event(a);
	assert_int_equal(step_counter(a, drop_stale), 1);
	step_silence();
}

static void changes_that_come_out_of_order_or_round_the_end_of_numbers(void **state)
{
	pair(NULL, NULL);
	observe("0");
	change("1");
	struct step_dgram one = step_one();
	change("2");
	struct step_dgram two = step_one();
	(void)step_give(&two);
	(void)step_give(&one);
	struct coap_event ev = step_event(a, COAP_EV_NOTIFY);
	step_is(&ev, "2");
	step_no_event(a);
	/* After 128 s any number is newer; then the numbers go round. */
	static const struct {
		uint32_t value;
		bool newer;
	} then[] = {{0xffffff, true}, {1, true}, {0xfffffe, false}, {1, false}, {2, true}};
	struct coap_msg m = step_decode(&two);
	step_now += LAN_SEC(129);
	for (unsigned i = 0; i < sizeof then / sizeof *then; i++) {
		struct step_dgram d = two;
		struct coap_wr w = coap_begin(d.data, sizeof d.data, COAP_NON, COAP_CONTENT,
			(uint16_t)(m.mid + 1 + i), m.token, m.tkl);
		coap_put_uint(&w, COAP_OBSERVE, then[i].value);
		coap_put_payload(&w, "x", 1);
		d.len = coap_end(&w);
		(void)step_give(&d);
		if (then[i].newer)
			assert_int_equal(step_event(a, COAP_EV_NOTIFY).observe_value, then[i].value);
		else
			step_no_event(a);
	}
}

static void one_of_so_many_is_confirmed_and_silence_ends_it(void **state)
{
	struct coap_config cfg = {.confirm_every = 3, .ack_timeout = LAN_SEC(1)};
	pair(NULL, &cfg);
	observe("0");
	for (unsigned i = 0; i < 6; i++) {
		change("x");
		struct step_dgram d = step_one();
		assert_int_equal(step_decode(&d).type, i % 3 == 2 ? COAP_CON : COAP_NON);
		(void)step_give(&d);
		step_deliver();
		(void)step_event(a, COAP_EV_NOTIFY);
	}
	change("y");
	step_drop();
	change("y");
	step_drop();
	change("a"); /* confirmable, and lost */
	struct step_dgram first = step_one();
	change("b"); /* takes its place: nothing more on the way until it is time */
	step_silence();
	step_to(coap_ops.deadline(b));
	struct step_dgram second = step_one();
	assert_int_equal(step_decode(&second).type, COAP_CON);
	assert_int_not_equal(step_decode(&second).mid, step_decode(&first).mid);
	assert_int_equal(second.data[second.len - 1], 'b');
	for (unsigned i = 0; i < 3; i++) {
		step_to(coap_ops.deadline(b));
		assert_int_equal(step_collect(), 1);
		step_laid = 0;
	}
	step_to(coap_ops.deadline(b));
	step_silence();
	struct coap_event ev = step_event(b, COAP_EV_UNOBSERVED);
	assert_int_equal(ev.resource, 7);
	assert_int_equal(coap_observers(b, 7), 0);
	assert_int_equal(step_counter(b, observers_lost), 1);
	assert_true(coap_ops.deadline(b) == LAN_NEVER);
}

static void an_acknowledgement_lets_the_newer_state_out(void **state)
{
	struct coap_config cfg = {.confirm_every = 1};
	pair(NULL, &cfg);
	observe("0");
	change("1");
	struct step_dgram d = step_one();
	change("2");
	step_silence();
	(void)step_give(&d);
	step_deliver(); /* the ACK */
	d = step_one();
	assert_int_equal(d.data[d.len - 1], '2');
	(void)step_give(&d);
	struct coap_event ev = step_event(a, COAP_EV_NOTIFY);
	step_is(&ev, "2");
	step_deliver();
	assert_true(coap_ops.deadline(b) == LAN_NEVER);
}

static void who_forgot_is_reset_and_removed(void **state)
{
	pair(NULL, NULL);
	uint32_t id = observe("0");
	coap_cancel(a, step_now, id, false);
	change("1");
	step_deliver();
	struct step_dgram d = step_one();
	assert_int_equal(step_decode(&d).type, COAP_RST);
	(void)step_give(&d);
	(void)step_event(b, COAP_EV_UNOBSERVED);
	assert_int_equal(coap_observers(b, 7), 0);
	step_no_event(a);
	/* With a word: GET with Observe 1. */
	id = observe("2");
	coap_cancel(a, step_now, id, true);
	step_deliver();
	struct coap_event ev = step_event(b, COAP_EV_UNOBSERVED);
	ev = step_event(b, COAP_EV_REQUEST);
	assert_true(ev.deregister);
	step_respond(b, ev.id, COAP_CONTENT, "2");
	step_deliver();
	step_no_event(a);
	assert_int_equal(coap_outstanding(a, step_ep(b)), 0);
	assert_true(step_deadline() == LAN_NEVER);
}

static void it_registers_again_when_the_state_is_stale(void **state)
{
	pair(NULL, NULL);
	uint32_t id = observe("0");
	lan_time at = step_deadline();
	assert_true(at >= step_now + LAN_SEC(65) && at <= step_now + LAN_SEC(75));
	assert_int_equal(coap_outstanding(a, step_ep(b)), 0);
	step_to(at);
	step_deliver();
	struct coap_event ev = step_event(b, COAP_EV_REQUEST);
	assert_true(ev.observing);
	tell(&ev, "1");
	assert_int_equal(coap_observers(b, 7), 1); /* the same, not a second one */
	step_deliver();
	ev = step_event(a, COAP_EV_NOTIFY);
	assert_int_equal(ev.id, id);
	step_is(&ev, "1");
	step_to(step_deadline()); /* and nobody answers this time */
	for (unsigned i = 0; i < 20 && step_deadline() != LAN_NEVER; i++) {
		step_drop();
		step_to(step_deadline());
	}
	ev = step_event(a, COAP_EV_FAILED);
	assert_int_equal(ev.err, LAN_ERR_TIMEOUT);
	assert_true(step_deadline() == LAN_NEVER);
}

static void an_error_ends_it(void **state)
{
	pair(NULL, NULL);
	observe("0");
	coap_changed(b, step_now, 7);
	struct coap_event ev = step_event(b, COAP_EV_REQUEST);
	step_respond(b, ev.id, COAP_NOT_FOUND, "");
	step_deliver();
	ev = step_event(a, COAP_EV_NOTIFY);
	assert_int_equal(ev.code, COAP_NOT_FOUND);
	assert_false(ev.observing);
	(void)step_event(b, COAP_EV_UNOBSERVED);
	observe("0");
	coap_unobserve(b, step_now, 7, COAP_NOT_FOUND);
	step_deliver();
	ev = step_event(a, COAP_EV_NOTIFY);
	assert_int_equal(ev.code, COAP_NOT_FOUND);
	assert_int_equal(coap_observers(b, 7), 0);
	assert_true(step_deadline() == LAN_NEVER);
}

static void what_cannot_be_observed_is_a_plain_answer(void **state)
{
	struct coap_config cfg = {.max_observers = 1};
	pair(NULL, &cfg);
	struct coap *e = step_add(NULL);
	struct coap_request r = step_request(b, COAP_GET, "temp");
	r.observe = true;
	step_send(a, &r);
	step_deliver();
	step_respond(b, step_event(b, COAP_EV_REQUEST).id, COAP_CONTENT, "0");
	step_deliver();
	struct coap_event ev = step_event(a, COAP_EV_RESPONSE);
	assert_false(ev.observing);
	observe("1");
	step_send(e, &r); /* one too many */
	step_deliver();
	ev = step_event(b, COAP_EV_REQUEST);
	tell(&ev, "1");
	step_deliver();
	assert_false(step_event(e, COAP_EV_RESPONSE).observing);
	assert_int_equal(step_counter(b, refused_observer), 1);
	assert_int_equal(coap_observers(b, 7), 1);
}

static uint8_t long_state[3000];

static void tell_long(const struct coap_event *ev, char first)
{
	memset(long_state, first, sizeof long_state);
	struct coap_response r = {.code = COAP_CONTENT,
		.payload = long_state,
		.len = sizeof long_state,
		.observe = true,
		.resource = 7};
	assert_int_equal(coap_respond(b, step_now, ev->id, &r), LAN_OK);
}

static void run_long(char first)
{
	struct coap_event ev;
	while (step_deliver())
		while (coap_event(b, step_now, &ev))
			tell_long(&ev, first);
}

static void a_long_state_is_fetched_behind_its_first_block(void **state)
{
	pair(NULL, NULL);
	struct coap_request r = step_request(b, COAP_GET, "temp");
	r.observe = true;
	step_send(a, &r);
	run_long('a');
	struct coap_event ev = step_event(a, COAP_EV_RESPONSE);
	assert_true(ev.observing);
	assert_int_equal(ev.msg.len, 3000);
	assert_int_equal(ev.msg.payload[2999], 'a');
	assert_int_equal(coap_observers(b, 7), 1);
	coap_changed(b, step_now, 7);
	ev = step_event(b, COAP_EV_REQUEST);
	tell_long(&ev, 'b');
	step_deliver(); /* the notification is there; its second block is asked for */
	coap_changed(b, step_now, 7);
	ev = step_event(b, COAP_EV_REQUEST);
	tell_long(&ev, 'c'); /* and overtaken */
	run_long('c');
	ev = step_event(a, COAP_EV_NOTIFY);
	assert_int_equal(ev.msg.len, 3000);
	assert_int_equal(ev.msg.payload[0], 'c');
	assert_int_equal(ev.msg.payload[2999], 'c');
	assert_true(ev.observing);
	step_no_event(a);
	assert_int_equal(coap_observers(b, 7), 1);
}

static void slaves_of_sos_notify_in_acknowledgements(void **state)
{
	struct coap_config master = {.sos_client = true}, slave = {.sos_server = true};
	pair(&master, &slave);
	struct coap_request r = step_request(b, COAP_GET, "temp");
	r.observe = true;
	r.token = (const uint8_t *)"bla";
	r.tkl = 3;
	step_send(a, &r);
	step_deliver();
	struct coap_event ev = step_event(b, COAP_EV_REQUEST);
	tell(&ev, "0");
	struct step_dgram d = step_one();
	struct coap_msg m = step_decode(&d);
	uint64_t v = 0;
	assert_true(coap_find_uint(&m, COAP_OBSERVE, &v));
	assert_int_equal(v, 2);
	(void)step_give(&d);
	(void)step_event(a, COAP_EV_RESPONSE);
	change("1");
	d = step_one();
	m = step_decode(&d);
	assert_int_equal(m.type, COAP_ACK);
	assert_true(coap_find_uint(&m, COAP_OBSERVE, &v));
	assert_int_equal(v, 3);
	(void)step_give(&d);
	ev = step_event(a, COAP_EV_NOTIFY);
	step_is(&ev, "1");
	/* One whose MID is that of a request of ours: told from the answer by its token. */
	step_get(a, b, "other");
	struct step_dgram req = step_one();
	change("2");
	d = step_one();
	lan_put_be16(d.data + 2, step_decode(&req).mid);
	(void)step_give(&d);
	ev = step_event(a, COAP_EV_NOTIFY);
	step_is(&ev, "2");
	step_no_event(a);
	(void)step_give(&req);
	step_respond(b, step_event(b, COAP_EV_REQUEST).id, COAP_CONTENT, "o");
	step_deliver();
	ev = step_event(a, COAP_EV_RESPONSE);
	step_is(&ev, "o");
	/* Any other client does not believe it. */
	pair(NULL, &slave);
	observe("0");
	change("1");
	step_deliver();
	step_no_event(a);
	assert_int_equal(step_counter(a, drop_unmatched), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_is_told_to_who_observes),
		cmocka_unit_test(changes_that_come_out_of_order_or_round_the_end_of_numbers),
		cmocka_unit_test(one_of_so_many_is_confirmed_and_silence_ends_it),
		cmocka_unit_test(an_acknowledgement_lets_the_newer_state_out),
		cmocka_unit_test(who_forgot_is_reset_and_removed),
		cmocka_unit_test(it_registers_again_when_the_state_is_stale),
		cmocka_unit_test(an_error_ends_it),
		cmocka_unit_test(what_cannot_be_observed_is_a_plain_answer),
		cmocka_unit_test(a_long_state_is_fetched_behind_its_first_block),
		cmocka_unit_test(slaves_of_sos_notify_in_acknowledgements),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	step_reset();
	return failed;
}
