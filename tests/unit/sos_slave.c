/*
 * sos_slave.c - the slave's automaton stepped by hand: every row of the table of docs/protocols/sos.md,
 * section 2.1, its times, both epochs, mtu and lists, and what a slave does not let happen.
 */
#include "sos_slave.h"

/* ---- waiting --------------------------------------------------------------------------------------------
 */

static void without_a_master_discover_goes_to_everybody_in_growing_steps(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	make(&b, &cfg);
	assert_string_equal(discovers(&b, 76000, -1),
		"0 1000 3000 6000 10000 15000 21000 28000 36000 45000 55000 65000 75000");
	assert_int_equal(state(&b), SOS_WAITING_UNKNOWN);
	assert_true(event(&b, SOS_SLAVE_EV_STATE));
	assert_int_equal(b.ev.was, SOS_COLDSTART);
	assert_int_equal(b.ev.state, SOS_WAITING_UNKNOWN);
	sos_slave_free(b.s);
}

static void a_hello_makes_it_ask_that_master_for_30_s_then_everybody_again(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	make(&b, &cfg);
	discovers(&b, 2500, -1);
	hello(&b, 5, 123);
	assert_int_equal(state(&b), SOS_WAITING_KNOWN);
	assert_string_equal(discovers(&b, 20000, 5), "3500 5500 8500 12500 17500");
	hello(&b, 6, 124); /* another master: the timer goes on */
	assert_string_equal(discovers(&b, 32499, 6), "23500 30500");
	assert_string_equal(discovers(&b, 36000, -1), "32500 33500 35500");
	assert_int_equal(state(&b), SOS_WAITING_UNKNOWN);
	assert_false(status(&b).have_master);
	sos_slave_free(b.s);
}

static void who_waits_answers_nobody(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	make(&b, &cfg);
	discovers(&b, 10, -1);
	get(&b, 5, "t1", -1, 1);
	assert_false(sent(&b));
	hello(&b, 5, 1);
	get(&b, 5, "t1", -1, 2);
	assert_false(sent(&b));
	assert_int_equal(counter(&b, SOS_SLAVE_C_drop_waiting), 2);
	assert_false(event(&b, SOS_SLAVE_EV_REQUEST));
	sos_slave_free(b.s);
}

static void a_discover_that_is_late_is_sent_once_not_for_each_that_was_missed(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	make(&b, &cfg);
	discovers(&b, 10, -1);
	b.now += LAN_SEC(3600);
	sos_slave_ops.tick(b.s, b.now);
	assert_true(sent_discover(&b, -1));
	assert_false(sent(&b));
	assert_true(sos_slave_ops.deadline(b.s) > b.now);
	sos_slave_free(b.s);
}

/* ---- associated -----------------------------------------------------------------------------------------
 */

static void associate(struct bench *b, uint8_t from, uint32_t ttl)
{
	quiet(b);
	if (state(b) == SOS_COLDSTART)
		sos_slave_ops.tick(b->s, b->now);
	assoc(b, from, ttl, 111);
	while (sent(b) && b->msg.type != COAP_ACK)
		;
	assert_int_equal(b->msg.code, COAP_CONTENT);
	assert_int_equal(state(b), SOS_RUNNING);
}

static void an_assoc_request_is_answered_by_the_list_and_renewed_at_halving_times(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	make(&b, &cfg);
	associate(&b, 5, 60);
	assert_int_equal(b.msg.mid, 77);
	assert_int_equal(b.to.addr[1], 5);
	assert_true(payload_is(&b, "<t1>;title=\"Desk temp\";rt=\"celsius\";obs,<led>,<a/b>;rt=\"x\""));
	assert_int_equal(status(&b).mtu, 111);
	assert_int_equal(status(&b).expires, b.now + LAN_SEC(60));
	assert_string_equal(discovers(&b, 59999, 5), "30000 45000 52500 56250 58125 59062 59562");
	assert_int_equal(state(&b), SOS_RENEW);
	assert_string_equal(discovers(&b, 61500, -1), "60000 61000");
	assert_int_equal(state(&b), SOS_WAITING_UNKNOWN);
	assert_int_equal(status(&b).mtu, MTU);
	assert_int_equal(counter(&b, SOS_SLAVE_C_expired), 1);
	sos_slave_free(b.s);
}

static void an_assoc_request_in_waiting_known_may_come_from_anybody(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	make(&b, &cfg);
	discovers(&b, 10, -1);
	hello(&b, 5, 123);
	associate(&b, 6, 60);
	assert_int_equal(status(&b).master.addr[1], 6);
	assert_int_equal(status(&b).hello, 0);
	sos_slave_free(b.s);
}

static void a_renewal_starts_the_ttl_again_and_a_repeated_request_is_answered_again(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	make(&b, &cfg);
	associate(&b, 5, 60);
	assert_string_equal(discovers(&b, 31000, 5), "30000");
	assert_int_equal(state(&b), SOS_RENEW);
	associate(&b, 5, 60);
	assert_int_equal(status(&b).expires, b.now + LAN_SEC(60));
	associate(&b, 5, 60);
	associate(&b, 5, 60);
	assert_string_equal(discovers(&b, 62000, 5), "61000");
	assert_int_equal(counter(&b, SOS_SLAVE_C_tx_assoc_answer), 4);
	sos_slave_free(b.s);
}

static void another_master_s_request_does_not_take_an_associated_slave(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	make(&b, &cfg);
	associate(&b, 5, 60);
	assoc(&b, 6, 60, 111);
	assert_false(sent(&b));
	get(&b, 6, "t1", -1, 3);
	assert_false(sent(&b));
	assert_int_equal(status(&b).master.addr[1], 5);
	assert_int_equal(counter(&b, SOS_SLAVE_C_drop_other_master), 2);
	sos_slave_free(b.s);
}

static void the_hello_id_of_its_master_is_learnt_and_its_change_is_a_restart(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	make(&b, &cfg);
	associate(&b, 5, 60);
	hello(&b, 5, 123);
	hello(&b, 5, 123);
	assert_int_equal(state(&b), SOS_RUNNING);
	assert_int_equal(status(&b).hello, 123);
	assert_int_equal(status(&b).mtu, 111); /* S5: the original would say 127 */
	hello(&b, 5, 124);
	assert_int_equal(state(&b), SOS_WAITING_KNOWN);
	assert_int_equal(status(&b).mtu, MTU);
	assert_false(sent(&b));
	assert_string_equal(discovers(&b, 1500, 5), "1000");
	sos_slave_free(b.s);
}

static void the_hello_of_another_master_is_followed(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	make(&b, &cfg);
	associate(&b, 5, 60);
	hello(&b, 5, 123);
	hello(&b, 6, 123);
	assert_int_equal(state(&b), SOS_WAITING_KNOWN);
	assert_string_equal(discovers(&b, 1500, 6), "1000");
	sos_slave_free(b.s);
	cfg.compat = true; /* right after an association the original only notes whom to answer to */
	cfg.n_resources = 2;
	make(&b, &cfg);
	associate(&b, 5, 60);
	hello(&b, 6, 123);
	assert_int_equal(state(&b), SOS_RUNNING);
	assert_int_equal(status(&b).master.addr[1], 6);
	assert_int_equal(status(&b).mtu, MTU);
	sos_slave_free(b.s);
}

static void what_is_malformed_or_of_no_epoch_of_ours_changes_a_counter_alone(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	make(&b, &cfg);
	associate(&b, 5, 60);
	hear_bytes(&b, 5, (const uint8_t *)"\x81\x01\x00", 3);
	assert_int_equal(counter(&b, SOS_SLAVE_C_drop_format), 1);
	hear(&b, 5, &(struct sos_control){.kind = SOS_HELLO, .epoch = SOS_EPOCH_SOS, .hello = 3}, 1);
	assert_int_equal(counter(&b, SOS_SLAVE_C_drop_epoch), 1);
	assoc(&b, 5, 0, 111); /* a ttl of nothing */
	assert_int_equal(counter(&b, SOS_SLAVE_C_drop_control), 1);
	hear(&b, 8, &(struct sos_control){.kind = SOS_DISCOVER, .slave = 3, .mtu = 127},
		1); /* another slave */
	assert_int_equal(state(&b), SOS_RUNNING);
	assert_false(sent(&b));
	sos_slave_free(b.s);
}

static void a_network_that_came_back_begins_with_discover(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	make(&b, &cfg);
	associate(&b, 5, 60);
	sos_slave_network(b.s, b.now, 2, false); /* not ours */
	assert_int_equal(state(&b), SOS_RUNNING);
	sos_slave_network(b.s, b.now, 1, false);
	assert_int_equal(state(&b), SOS_COLDSTART);
	assert_int_equal(sos_slave_ops.deadline(b.s), LAN_NEVER);
	b.now += LAN_SEC(100);
	sos_slave_ops.tick(b.s, b.now);
	assert_false(sent(&b));
	sos_slave_network(b.s, b.now, 1, true);
	assert_true(sent_discover(&b, -1));
	sos_slave_free(b.s);
}

/* ---- epochs ---------------------------------------------------------------------------------------------
 */

static void who_speaks_both_epochs_settles_on_the_first_master_it_hears(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	cfg.epochs[SOS_EPOCH_SOS] = cfg.epochs[SOS_EPOCH_CASAN] = true;
	make(&b, &cfg);
	sos_slave_ops.tick(b.s, b.now);
	assert_true(sent_discover(&b, -1));
	assert_int_equal(b.ctl.epoch, SOS_EPOCH_CASAN);
	assert_true(sent_discover(&b, -1));
	assert_int_equal(b.ctl.epoch, SOS_EPOCH_SOS);
	assert_false(sent(&b));
	hear(&b, 5, &(struct sos_control){.kind = SOS_HELLO, .epoch = SOS_EPOCH_SOS, .hello = 3}, 1);
	hear(&b, 5, &(struct sos_control){.kind = SOS_HELLO, .epoch = SOS_EPOCH_CASAN, .hello = 3}, 1);
	assert_int_equal(status(&b).epoch, SOS_EPOCH_SOS);
	assert_string_equal(discovers(&b, 1500, 5), "1000");
	assert_int_equal(b.ctl.epoch, 0); /* nothing more was sent */
	hear(&b, 5,
		&(struct sos_control){
			.kind = SOS_ASSOC_REQUEST, .epoch = SOS_EPOCH_SOS, .ttl = 60, .mtu = 127},
		8);
	assert_int_equal(state(&b), SOS_RUNNING);
	sos_slave_free(b.s);
}

/* ---- lists and mtu --------------------------------------------------------------------------------------
 */

static const struct sos_resource many[] = {{.path = "a", .title = "0123456789"},
	{.path = "b", .title = "0123456789"}, {.path = "c", .title = "0123456789"},
	{.path = "d", .title = "0123456789"}, {.path = "e", .title = "0123456789"},
	{.path = "f", .title = "0123456789"}};

static void a_list_that_does_not_fit_is_cut_behind_an_entry_and_its_length_is_said(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	uint64_t v;
	(void)state_;
	cfg.resources = many, cfg.n_resources = 6;
	make(&b, &cfg);
	associate(&b, 5, 60);
	assert_true(b.n <= 100);
	assert_true(
		payload_is(&b, "<a>;title=\"0123456789\",<b>;title=\"0123456789\",<c>;title=\"0123456789\""));
	assert_true(coap_find_uint(&b.msg, COAP_CONTENT_FORMAT, &v) && v == 40);
	assert_true(coap_find_uint(&b.msg, COAP_SIZE2, &v) && v == 6 * 22 + 5);
	sos_slave_free(b.s);
}

/* What the AssocAnswer of a slave with these resources says as ETag; 0: nothing. */
static uint32_t tag_of(const struct sos_resource *r, size_t n, bool compat)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	const uint8_t *v;
	size_t len;
	cfg.resources = r, cfg.n_resources = n, cfg.compat = compat;
	make(&b, &cfg);
	associate(&b, 5, 60);
	bool has = coap_find(&b.msg, COAP_ETAG, 0, &v, &len);
	uint32_t tag = has && len == 4 ? lan_get_be32(v) : 0;
	assert_true(!has || tag);
	sos_slave_free(b.s);
	return tag;
}

static void a_list_that_is_cut_says_which_it_is(void **state_)
{
	struct sos_resource other[6];
	(void)state_;
	memcpy(other, many, sizeof other);
	assert_true(tag_of(many, 6, false) && tag_of(many, 6, false) == tag_of(other, 6, false));
	other[5].rt = "z"; /* behind the cut */
	assert_true(tag_of(other, 6, false) && tag_of(other, 6, false) != tag_of(many, 6, false));
	assert_int_equal(tag_of(many, 2, false), 0);
	assert_int_equal(tag_of(many, 6, true), 0);
}

static void in_compat_the_list_is_cut_as_the_original_cuts_it(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	uint64_t v;
	(void)state_;
	cfg.resources = many, cfg.n_resources = 6, cfg.compat = true;
	make(&b, &cfg);
	associate(&b, 5, 60);
	assert_true(payload_is(&b, "<a>;title=\"0123456789\";rt=\"\",<b>;title=\"0123456789\";rt=\"\","
				   "<c>;title=\"0123456789\";rt=\"\","));
	assert_true(coap_find_uint(&b.msg, COAP_CONTENT_FORMAT, &v) && v == 0);
	assert_false(coap_find_uint(&b.msg, COAP_SIZE2, &v));
	sos_slave_free(b.s);
}

/* What is sent of a list whose first entry has so many octets; the room is 94. */
static size_t sent_of(size_t first)
{
	static char title[100];
	struct bench b;
	struct sos_slave_config cfg = usual();
	struct sos_resource two[] = {{.path = "a", .title = title}, {.path = "b"}};
	memset(title, 'x', sizeof title);
	title[first - strlen("<a>;title=\"\";rt=\"\"")] = 0;
	cfg.resources = two, cfg.n_resources = 2, cfg.compat = true;
	make(&b, &cfg);
	associate(&b, 5, 60);
	size_t n = b.msg.len;
	assert_true(n <= first || b.msg.payload[first] == ',');
	sos_slave_free(b.s);
	return n;
}

static void the_original_cuts_at_these_lengths(void **state_)
{
	(void)state_;
	assert_int_equal(sent_of(91), 92); /* its comma is there, the next entry is not */
	assert_int_equal(sent_of(92), 92); /* no room for a comma */
	assert_int_equal(sent_of(93), 93);
	assert_int_equal(sent_of(94), 0); /* no room for a NUL behind it */
}

static void a_mtu_that_is_none_is_not_taken(void **state_)
{
	struct bench b;
	struct sos_slave_config cfg = usual();
	(void)state_;
	make(&b, &cfg);
	sos_slave_ops.tick(b.s, b.now);
	assoc(&b, 5, 60, 128);
	assert_int_equal(status(&b).mtu, 127);
	assoc(&b, 5, 60, 12); /* absurd, but said: messages stay long enough to be messages */
	assert_int_equal(status(&b).mtu, 12);
	quiet(&b);
	get(&b, 5, "t1", -1, 9);
	assert_true(event(&b, SOS_SLAVE_EV_REQUEST));
	say(&b, COAP_CONTENT, "21.5", false);
	assert_true(sent(&b));
	assert_true(payload_is(&b, "21.5"));
	sos_slave_free(b.s);
}

static void what_cannot_be_a_slave_is_refused(void **state_)
{
	struct sos_slave *s;
	struct sos_slave_config cfg = usual();
	static const char *const bad[] = {"", "/a", "a/", "a//b", "a b", "a>b", "a\"b", NULL};
	(void)state_;
	cfg.id = 0x80000000u;
	assert_int_equal(sos_slave_new(&env, &cfg, &s), LAN_ERR_INVAL);
	cfg = usual(), cfg.mtu = 70;
	assert_int_equal(sos_slave_new(&env, &cfg, &s), LAN_ERR_INVAL);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct sos_resource r = {.path = bad[i]};
		cfg = usual(), cfg.resources = &r, cfg.n_resources = 1;
		assert_int_equal(sos_slave_new(&env, &cfg, &s), LAN_ERR_INVAL);
	}
	struct sos_resource twice[] = {{.path = "a"}, {.path = "a"}};
	cfg = usual(), cfg.resources = twice, cfg.n_resources = 2;
	assert_int_equal(sos_slave_new(&env, &cfg, &s), LAN_ERR_INVAL);
	cfg = usual(), cfg.compat = true; /* a/b: the original knows one segment */
	assert_int_equal(sos_slave_new(&env, &cfg, &s), LAN_ERR_INVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_master_discover_goes_to_everybody_in_growing_steps),
		cmocka_unit_test(a_hello_makes_it_ask_that_master_for_30_s_then_everybody_again),
		cmocka_unit_test(who_waits_answers_nobody),
		cmocka_unit_test(a_discover_that_is_late_is_sent_once_not_for_each_that_was_missed),
		cmocka_unit_test(an_assoc_request_is_answered_by_the_list_and_renewed_at_halving_times),
		cmocka_unit_test(an_assoc_request_in_waiting_known_may_come_from_anybody),
		cmocka_unit_test(a_renewal_starts_the_ttl_again_and_a_repeated_request_is_answered_again),
		cmocka_unit_test(another_master_s_request_does_not_take_an_associated_slave),
		cmocka_unit_test(the_hello_id_of_its_master_is_learnt_and_its_change_is_a_restart),
		cmocka_unit_test(the_hello_of_another_master_is_followed),
		cmocka_unit_test(what_is_malformed_or_of_no_epoch_of_ours_changes_a_counter_alone),
		cmocka_unit_test(a_network_that_came_back_begins_with_discover),
		cmocka_unit_test(who_speaks_both_epochs_settles_on_the_first_master_it_hears),
		cmocka_unit_test(a_list_that_does_not_fit_is_cut_behind_an_entry_and_its_length_is_said),
		cmocka_unit_test(a_list_that_is_cut_says_which_it_is),
		cmocka_unit_test(in_compat_the_list_is_cut_as_the_original_cuts_it),
		cmocka_unit_test(the_original_cuts_at_these_lengths),
		cmocka_unit_test(a_mtu_that_is_none_is_not_taken),
		cmocka_unit_test(what_cannot_be_a_slave_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
