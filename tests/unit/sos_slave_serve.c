/*
 * sos_slave_serve.c - what an associated slave answers: its resources and their lists, observation as RFC
 * 7641 has it and as the original does, and a plain server without a master.
 */
#include "sos_slave.h"

static void ready(struct bench *b, const struct sos_slave_config *cfg)
{
	make(b, cfg);
	sos_slave_ops.tick(b->s, b->now);
	if (cfg->id)
		assoc(b, 5, 3600, 111);
	quiet(b);
	while (sos_slave_event(b->s, b->now, &b->ev))
		;
}

/* The answer to a GET that the core gives itself. */
static void ask(struct bench *b, const char *path)
{
	get(b, 5, path, -1, 500);
	assert_false(event(b, SOS_SLAVE_EV_REQUEST));
	assert_true(sent(b));
	assert_int_equal(b->msg.mid, 500);
}

static uint32_t observe_of(const struct bench *b)
{
	uint64_t v;
	return coap_find_uint(&b->msg, COAP_OBSERVE, &v) ? (uint32_t)v : UINT32_MAX;
}

static void requests_find_their_resource_by_the_whole_path(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	ready(&b, &cfg);
	get(&b, 5, "a/b", -1, 1);
	assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
	assert_int_equal(b.ev.resource, 2);
	say(&b, COAP_CONTENT, "x", false);
	assert_true(sent(&b));
	assert_int_equal(b.msg.type, COAP_ACK);
	assert_int_equal(b.to.addr[1], 5);
	ask(&b, "a");
	assert_int_equal(b.msg.code, COAP_NOT_FOUND);
	ask(&b, "t1/x");
	assert_int_equal(b.msg.code, COAP_NOT_FOUND);
	ask(&b, "");
	assert_int_equal(b.msg.code, COAP_NOT_FOUND);
	sos_slave_free(b.s);
	cfg.compat = true, cfg.n_resources = 2; /* the first segment is enough for the original */
	ready(&b, &cfg);
	get(&b, 5, "t1/x", -1, 1);
	assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
	assert_int_equal(b.ev.resource, 0);
	sos_slave_free(b.s);
}

static void lists_are_answered_by_the_core(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	uint64_t v;
	(void)state_;
	cfg.n_resources = 2;
	ready(&b, &cfg);
	ask(&b, "resources");
	assert_true(payload_is(&b, "<t1>;title=\"Desk temp\";rt=\"celsius\";obs,<led>"));
	assert_true(coap_find_uint(&b.msg, COAP_CONTENT_FORMAT, &v) && v == 0);
	ask(&b, ".well-known/core");
	assert_true(payload_is(&b, "</t1>;title=\"Desk temp\";rt=\"celsius\";obs,</led>"));
	assert_true(coap_find_uint(&b.msg, COAP_CONTENT_FORMAT, &v) && v == 40);
	sos_slave_free(b.s);
}

static void a_long_list_comes_by_blocks(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	struct coap_block block;
	char text[256] = "";
	size_t n = 0;
	(void)state_;
	ready(&b, &cfg);
	for (uint32_t i = 0; i < 8; i++) {
		uint8_t buf[64];
		struct coap_wr w =
			coap_begin(buf, sizeof buf, COAP_CON, COAP_GET, (uint16_t)(600 + i), NULL, 0);
		coap_put_text(&w, COAP_URI_PATH, ".well-known");
		coap_put_text(&w, COAP_URI_PATH, "core");
		coap_put_block(&w, COAP_BLOCK2, &(struct coap_block){.num = i, .szx = 1});
		hear_bytes(&b, 5, buf, coap_end(&w));
		assert_false(event(&b, SOS_SLAVE_EV_REQUEST));
		assert_true(sent(&b));
		assert_true(coap_block_of(&b.msg, COAP_BLOCK2, &block));
		memcpy(text + n, b.msg.payload, b.msg.len);
		n += b.msg.len;
		if (!block.more)
			break;
	}
	assert_string_equal(text, "</t1>;title=\"Desk temp\";rt=\"celsius\";obs,</led>,</a/b>;rt=\"x\"");
	sos_slave_free(b.s);
}

static void an_observer_is_told_of_changes_without_acknowledgement_and_in_order(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	ready(&b, &cfg);
	get(&b, 5, "t1", 0, 1);
	assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
	assert_true(b.ev.req.observing);
	say(&b, COAP_CONTENT, "20", true);
	assert_true(sent(&b));
	uint32_t first = observe_of(&b);
	assert_true(first < 1u << 24);
	b.now += LAN_SEC(1);
	sos_slave_changed(b.s, b.now, 0);
	assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
	assert_true(b.ev.req.notifying);
	assert_int_equal(b.ev.resource, 0);
	say(&b, COAP_CONTENT, "21", true);
	assert_true(sent(&b));
	assert_int_equal(b.msg.type, COAP_NON);
	assert_int_equal(b.msg.tkl, 2);
	assert_true(payload_is(&b, "21"));
	assert_true(observe_of(&b) > first);
	get(&b, 5, "t1", -1, 2); /* a plain GET ends nothing */
	assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
	say(&b, COAP_CONTENT, "21", false);
	quiet(&b);
	sos_slave_changed(b.s, b.now, 0);
	assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
	sos_slave_free(b.s);
}

static void what_is_not_observable_is_answered_and_not_observed(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	ready(&b, &cfg);
	get(&b, 5, "led", 0, 1);
	assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
	say(&b, COAP_CONTENT, "0", true);
	assert_true(sent(&b));
	assert_int_equal(observe_of(&b), UINT32_MAX);
	sos_slave_changed(b.s, b.now, 1);
	assert_false(event(&b, SOS_SLAVE_EV_REQUEST));
	sos_slave_free(b.s);
}

/* `con` of 40 notifications to an observer with this token. */
static size_t confirmable(const char *token, size_t tkl)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	uint8_t buf[64], ack[4];
	size_t con = 0;
	ready(&b, &cfg);
	struct coap_wr w =
		coap_begin(buf, sizeof buf, COAP_CON, COAP_GET, 7, (const uint8_t *)token, (uint8_t)tkl);
	coap_put_uint(&w, COAP_OBSERVE, 0);
	coap_put_text(&w, COAP_URI_PATH, "t1");
	hear_bytes(&b, 5, buf, coap_end(&w));
	assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
	say(&b, COAP_CONTENT, "20", true);
	quiet(&b);
	for (int i = 0; i < 40; i++) {
		b.now += LAN_SEC(1);
		sos_slave_changed(b.s, b.now, 0);
		assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
		say(&b, COAP_CONTENT, "21", true);
		assert_true(sent(&b));
		con += b.msg.type == COAP_CON;
		coap_empty(ack, COAP_ACK, b.msg.mid);
		if (b.msg.type == COAP_CON)
			hear_bytes(&b, 5, ack, sizeof ack);
	}
	sos_slave_free(b.s);
	return con;
}

static void only_an_observer_whose_token_is_no_text_is_asked_to_confirm(void **state_)
{
	(void)state_;
	assert_int_equal(confirmable("\xff\x01", 2), 2);
	assert_int_equal(confirmable("bla", 3), 0); /* as the original master, which would never do it */
	assert_int_equal(confirmable("caf\xc3\xa9", 5), 0);
}

static void in_compat_notifications_are_acks_to_the_one_observer(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	uint16_t mid;
	(void)state_;
	cfg.compat = true, cfg.n_resources = 2;
	ready(&b, &cfg);
	get(&b, 5, "t1", 0, 1);
	assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
	say(&b, COAP_CONTENT, "20", true);
	assert_true(sent(&b));
	assert_int_equal(observe_of(&b), 2);
	for (uint32_t i = 3; i < 6; i++) {
		sos_slave_changed(b.s, b.now, 0);
		assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
		say(&b, COAP_CONTENT, "21", true);
		assert_true(sent(&b));
		assert_int_equal(b.msg.type, COAP_ACK);
		assert_int_equal(observe_of(&b), i);
		mid = b.msg.mid;
		assert_int_not_equal(mid, 1);
	}
	get(&b, 5, "t1", -1, 2);
	assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
	say(&b, COAP_CONTENT, "21", false);
	quiet(&b);
	sos_slave_changed(b.s, b.now, 0);
	assert_false(event(&b, SOS_SLAVE_EV_REQUEST));
	sos_slave_free(b.s);
}

static void observers_end_with_the_association_but_not_with_a_renewal(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	ready(&b, &cfg);
	get(&b, 5, "t1", 0, 1);
	assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
	say(&b, COAP_CONTENT, "20", true);
	assoc(&b, 5, 3600, 111);
	assert_int_equal(coap_observers(sos_slave_coap(b.s), 1), 1);
	hello(&b, 5, 1);
	hello(&b, 5, 2);
	assert_int_equal(coap_observers(sos_slave_coap(b.s), 1), 0);
	sos_slave_free(b.s);
}

static void an_answer_may_come_later_but_not_after_the_master_is_gone(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	struct coap_response r = {.code = COAP_CONTENT, .payload = "x", .len = 1};
	(void)state_;
	ready(&b, &cfg);
	get(&b, 5, "t1", -1, 1);
	assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
	uint32_t id = b.ev.req.id;
	assert_false(sent(&b));
	b.now += LAN_MS(200);
	sos_slave_ops.tick(b.s, b.now);
	assert_true(sent(&b)); /* acknowledged for now */
	assert_int_equal(b.msg.code, COAP_EMPTY);
	assert_int_equal(sos_slave_respond(b.s, b.now, id, &r), LAN_OK);
	assert_true(sent(&b));
	assert_int_equal(b.msg.type, COAP_CON);
	assert_int_equal(sos_slave_respond(b.s, b.now, id, &r), LAN_ERR_NOTFOUND);
	get(&b, 5, "t1", -1, 2);
	assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
	sos_slave_network(b.s, b.now, 1, false);
	assert_int_equal(sos_slave_respond(b.s, b.now, b.ev.req.id, &r), LAN_ERR_NOTFOUND);
	sos_slave_free(b.s);
}

static void a_request_that_waited_while_its_master_went_makes_no_observer(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	ready(&b, &cfg);
	get(&b, 5, "t1", 0, 1);
	sos_slave_network(b.s, b.now, 1, false);
	sos_slave_network(b.s, b.now, 1, true);
	assert_false(event(&b, SOS_SLAVE_EV_REQUEST));
	assert_int_equal(coap_observers(sos_slave_coap(b.s), 1), 0);
	sos_slave_free(b.s);
}

static void requests_never_answered_take_no_room_once_their_master_is_gone(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	cfg.coap.max_incoming = 4;
	ready(&b, &cfg);
	for (uint16_t i = 0; i < 20; i++) {
		get(&b, 5, "t1", -1, (uint16_t)(100 + i));
		assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
		sos_slave_network(b.s, b.now, 1, false);
		sos_slave_network(b.s, b.now, 1, true);
		assoc(&b, 5, 3600, 111);
		quiet(&b);
	}
	sos_slave_free(b.s);
}

static void without_an_id_it_is_a_server_for_everybody(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	cfg.id = 0;
	ready(&b, &cfg);
	assert_false(sent(&b)); /* no Discover */
	get(&b, 9, "t1", -1, 1);
	assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
	say(&b, COAP_CONTENT, "20", false);
	assert_true(sent(&b));
	assert_int_equal(b.to.addr[1], 9);
	ask(&b, ".well-known/core");
	assert_int_equal(b.msg.code, COAP_CONTENT);
	ask(&b, "resources"); /* a name of the slaves' */
	assert_int_equal(b.msg.code, COAP_NOT_FOUND);
	sos_slave_free(b.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_find_their_resource_by_the_whole_path),
		cmocka_unit_test(lists_are_answered_by_the_core),
		cmocka_unit_test(a_long_list_comes_by_blocks),
		cmocka_unit_test(an_observer_is_told_of_changes_without_acknowledgement_and_in_order),
		cmocka_unit_test(what_is_not_observable_is_answered_and_not_observed),
		cmocka_unit_test(only_an_observer_whose_token_is_no_text_is_asked_to_confirm),
		cmocka_unit_test(in_compat_notifications_are_acks_to_the_one_observer),
		cmocka_unit_test(observers_end_with_the_association_but_not_with_a_renewal),
		cmocka_unit_test(an_answer_may_come_later_but_not_after_the_master_is_gone),
		cmocka_unit_test(a_request_that_waited_while_its_master_went_makes_no_observer),
		cmocka_unit_test(requests_never_answered_take_no_room_once_their_master_is_gone),
		cmocka_unit_test(without_an_id_it_is_a_server_for_everybody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
