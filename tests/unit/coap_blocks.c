/*
 * coap_blocks.c - long bodies of CoAP by blocks, both ways and both roles (RFC 7959), with loss, changes on
 * the way, and tables that are full.
 */
#include "coap_step.h"

static struct coap *a, *b;
static uint8_t body[20000];
static unsigned asked; /* REQUEST events that b's owner saw */

static void fill(void)
{
	for (size_t i = 0; i < sizeof body; i++)
		body[i] = (uint8_t)(i * 7 + i / 251);
}

static void pair(const struct coap_config *ca, const struct coap_config *cb)
{
	step_reset();
	a = step_add(ca);
	b = step_add(cb);
	asked = 0;
	fill();
}

struct answer {
	uint8_t code;
	size_t len;
	const uint8_t *etag;
	uint8_t flip; /* added to the first octet */
	size_t got;   /* of the last request's body */
	uint8_t got_data[20000];
};

/* b's owner answers all that waits. */
static void serve(struct answer *w)
{
	struct coap_event ev;
	uint8_t options[20], own[20000];
	while (coap_event(b, step_now, &ev)) {
		if (ev.kind != COAP_EV_REQUEST)
			continue;
		asked++;
		w->got = ev.msg.len;
		assert_true(ev.msg.len <= sizeof w->got_data);
		if (ev.msg.len)
			memcpy(w->got_data, ev.msg.payload, ev.msg.len);
		struct coap_wr o = coap_begin_options(options, sizeof options);
		if (w->etag)
			coap_put(&o, COAP_ETAG, w->etag, 2);
		coap_put_uint(&o, COAP_CONTENT_FORMAT, 42);
		memcpy(own, body, w->len);
		own[0] = (uint8_t)(own[0] + w->flip);
		struct coap_response r = {.code = w->code,
			.options = options,
			.options_len = coap_end(&o),
			.payload = own,
			.len = w->len};
		assert_int_equal(coap_respond(b, step_now, ev.id, &r), LAN_OK);
		memset(own, 0xee, sizeof own); /* it was borrowed during the call */
	}
}

/* Until nobody has anything to say. Every `lose`-th datagram is lost, time then goes on. */
static void run(struct answer *w, unsigned lose)
{
	unsigned count = 0;
	for (int quiet = 0; quiet < 2;) {
		unsigned n = step_collect();
		static struct step_dgram now[STEP_TRAY];
		memcpy(now, step_tray, n * sizeof *now);
		step_laid = 0;
		for (unsigned i = 0; i < n; i++) {
			if (lose && ++count % lose == 0)
				continue;
			(void)step_give(&now[i]);
			serve(w);
		}
		quiet = n ? 0 : quiet + 1;
		if (!n && lose && coap_ops.deadline(a) != LAN_NEVER && coap_outstanding(a, step_ep(b))) {
			step_to(step_deadline());
			quiet = 0;
		}
	}
}

static void whole(struct coap_event *ev, size_t len)
{
	assert_int_equal(ev->msg.len, len);
	assert_memory_equal(ev->msg.payload, body, len);
}

static void a_long_answer_arrives_whole(void **state)
{
	struct answer w = {.code = COAP_CONTENT, .len = 10000};
	pair(NULL, NULL);
	step_get(a, b, "big");
	run(&w, 0);
	struct coap_event ev = step_event(a, COAP_EV_RESPONSE);
	whole(&ev, 10000);
	uint64_t v;
	assert_true(coap_find_uint(&ev.msg, COAP_CONTENT_FORMAT, &v));
	assert_int_equal(v, 42);
	assert_int_equal(asked, 10);
	assert_true(step_deadline() == LAN_NEVER);
	/* Exactly one block, and one octet more. */
	w.len = 1024;
	step_get(a, b, "big");
	run(&w, 0);
	ev = step_event(a, COAP_EV_RESPONSE);
	whole(&ev, 1024);
	assert_int_equal(asked, 11);
	w.len = 1025;
	step_get(a, b, "big");
	run(&w, 0);
	ev = step_event(a, COAP_EV_RESPONSE);
	whole(&ev, 1025);
	assert_int_equal(asked, 13);
}

static void it_arrives_whole_over_a_line_that_loses_every_third(void **state)
{
	struct answer w = {.code = COAP_CONTENT, .len = 10000};
	pair(NULL, NULL);
	step_get(a, b, "big");
	run(&w, 3);
	struct coap_event ev = step_event(a, COAP_EV_RESPONSE);
	whole(&ev, 10000);
}

static void blocks_are_as_small_as_the_link_or_the_client_wants(void **state)
{
	struct answer w = {.code = COAP_CONTENT, .len = 1000};
	pair(NULL, NULL);
	assert_int_equal(coap_link(b, 1, 100, true), LAN_OK);
	step_get(a, b, "big");
	run(&w, 0);
	struct coap_event ev = step_event(a, COAP_EV_RESPONSE);
	whole(&ev, 1000);
	assert_int_equal(asked, 32); /* of 32 octets: 64 and all options do not fit into 100 */
	struct coap_request r = step_request(b, COAP_GET, "big");
	r.szx = 2;
	pair(NULL, NULL);
	r.to = *step_ep(b);
	step_send(a, &r);
	run(&w, 0);
	ev = step_event(a, COAP_EV_RESPONSE);
	whole(&ev, 1000);
	assert_int_equal(asked, 16);
}

static void a_change_on_the_way_is_noticed(void **state)
{
	static const uint8_t tags[2] = "v1";
	struct answer w = {.code = COAP_CONTENT, .len = 5000, .etag = tags}, *same = &w;
	pair(NULL, NULL);
	step_get(a, b, "big");
	for (int i = 0; i < 4; i++) {
		step_deliver();
		serve(same);
	}
	w.etag = (const uint8_t *)"v2";
	w.flip = 0;
	w.len = 4000;
	run(&w, 0);
	struct coap_event ev = step_event(a, COAP_EV_RESPONSE);
	whole(&ev, 4000);
	assert_true(asked > 5);
	/* Without an ETag of the owner the engine makes one. */
	w = (struct answer){.code = COAP_CONTENT, .len = 5000, .flip = 9};
	step_get(a, b, "big");
	for (int i = 0; i < 4; i++) {
		step_deliver();
		serve(&w);
	}
	w.flip = 0;
	run(&w, 0);
	ev = step_event(a, COAP_EV_RESPONSE);
	whole(&ev, 5000);
	/* Something that changes at every block is given up. */
	step_get(a, b, "big");
	for (int i = 0; i < 40; i++) {
		step_deliver();
		w.flip++;
		serve(&w);
	}
	assert_int_equal(step_event(a, COAP_EV_FAILED).err, LAN_ERR_PROTO);
}

static void a_long_body_is_uploaded_whole_and_handled_once(void **state)
{
	struct answer w = {.code = COAP_CHANGED};
	pair(NULL, NULL);
	struct coap_request r = step_request(b, COAP_PUT, "store");
	r.payload = body;
	r.len = 12345;
	step_send(a, &r);
	run(&w, 4);
	struct coap_event ev = step_event(a, COAP_EV_RESPONSE);
	assert_int_equal(ev.code, COAP_CHANGED);
	assert_int_equal(asked, 1);
	assert_int_equal(w.got, 12345);
	assert_memory_equal(w.got_data, body, 12345);
	r.no_blocks = true;
	uint32_t id;
	assert_int_equal(coap_request(a, step_now, &r, &id), LAN_ERR_TOOBIG);
	r.no_blocks = false;
	r.len = 70000;
	assert_int_equal(coap_request(a, step_now, &r, &id), LAN_ERR_TOOBIG);
}

/* Of an upload that was cancelled: it was as long, and to the same resource. */
static void a_late_block_does_not_get_into_another_body(void **state)
{
	static uint8_t other[3000];
	struct answer w = {.code = COAP_CHANGED};
	pair(NULL, NULL);
	struct coap_request r = step_request(b, COAP_PUT, "store");
	r.payload = body;
	r.len = sizeof other;
	uint32_t id = step_send(a, &r);
	step_deliver();
	step_deliver();
	struct step_dgram late = step_one();
	struct coap_msg m = step_decode(&late);
	struct coap_block k;
	assert_true(coap_block_of(&m, COAP_BLOCK1, &k) && k.num == 1);
	coap_cancel(a, step_now, id, false);
	memset(other, 0x55, sizeof other);
	r.payload = other;
	step_send(a, &r);
	step_deliver(); /* the first block */
	(void)step_give(&late);
	run(&w, 0);
	assert_int_equal(step_event(a, COAP_EV_RESPONSE).code, COAP_CHANGED);
	assert_int_equal(w.got, sizeof other);
	assert_memory_equal(w.got_data, other, sizeof other);
}

static void an_upload_takes_the_servers_smaller_blocks(void **state)
{
	struct coap_config small = {.szx = 3};
	struct answer w = {.code = COAP_CHANGED};
	pair(NULL, &small);
	struct coap_request r = step_request(b, COAP_PUT, "store");
	r.payload = body;
	r.len = 3000;
	step_send(a, &r);
	step_deliver();
	step_deliver();
	struct step_dgram d = step_one();
	struct coap_msg m = step_decode(&d);
	struct coap_block k;
	assert_true(coap_block_of(&m, COAP_BLOCK1, &k));
	assert_int_equal(k.szx, 3);
	assert_int_equal(k.num, 8); /* 1024 octets went ahead */
	(void)step_give(&d);
	run(&w, 0);
	assert_int_equal(step_event(a, COAP_EV_RESPONSE).code, COAP_CHANGED);
	assert_int_equal(w.got, 3000);
	assert_memory_equal(w.got_data, body, 3000);
}

static void a_long_answer_to_what_must_not_be_done_twice_is_kept(void **state)
{
	struct answer w = {.code = COAP_CHANGED, .len = 5000};
	pair(NULL, NULL);
	struct coap_request r = step_request(b, COAP_POST, "rpc");
	r.payload = body;
	r.len = 4000;
	step_send(a, &r);
	run(&w, 5);
	struct coap_event ev = step_event(a, COAP_EV_RESPONSE);
	whole(&ev, 5000);
	assert_int_equal(asked, 1);
	assert_int_equal(w.got, 4000);
	step_send(a, &r);
	run(&w, 0);
	ev = step_event(a, COAP_EV_RESPONSE);
	whole(&ev, 5000);
	assert_int_equal(asked, 2);
}

static struct step_dgram block1(uint16_t mid, uint32_t num, bool more, uint8_t szx, size_t len)
{
	struct step_dgram d = {.from = *step_ep(a), .to = *step_ep(b)};
	struct coap_wr w = coap_begin(d.data, sizeof d.data, COAP_CON, COAP_PUT, mid, (uint8_t *)"t", 1);
	struct coap_block k = {.num = num, .more = more, .szx = szx};
	coap_put_text(&w, COAP_URI_PATH, "u");
	coap_put_block(&w, COAP_BLOCK1, &k);
	coap_put_payload(&w, body + ((size_t)num << (szx + 4)), len);
	d.len = coap_end(&w);
	return d;
}

static uint8_t answer_to(struct step_dgram d)
{
	(void)step_give(&d);
	struct step_dgram r = step_one();
	return step_decode(&r).code;
}

static void uploads_that_do_not_fit_together_are_refused(void **state)
{
	struct coap_config small = {.max_body = 2000};
	pair(NULL, &small);
	assert_int_equal(answer_to(block1(1, 1, true, 2, 64)), COAP_REQUEST_INCOMPLETE); /* no beginning */
	assert_int_equal(answer_to(block1(2, 0, true, 2, 64)), COAP_CONTINUE);
	assert_int_equal(answer_to(block1(3, 2, true, 2, 64)), COAP_REQUEST_INCOMPLETE); /* a gap */
	assert_int_equal(answer_to(block1(4, 1, true, 2, 64)), COAP_REQUEST_INCOMPLETE); /* it is forgotten */
	assert_int_equal(answer_to(block1(5, 0, true, 2, 60)), COAP_BAD_REQUEST);
	assert_int_equal(answer_to(block1(6, 40, true, 2, 64)), COAP_REQUEST_TOO_LARGE);
	assert_int_equal(answer_to(block1(7, 0, true, 2, 64)), COAP_CONTINUE);
	assert_int_equal(answer_to(block1(8, 0, true, 2, 64)), COAP_CONTINUE); /* begun anew */
	assert_int_equal(answer_to(block1(9, 1, true, 2, 64)), COAP_CONTINUE);
	assert_int_equal(answer_to(block1(10, 1, true, 2, 64)), COAP_CONTINUE); /* the same again */
	step_no_event(b);
	step_by(LAN_SEC(93)); /* forgotten */
	assert_int_equal(answer_to(block1(11, 2, true, 2, 64)), COAP_REQUEST_INCOMPLETE);
	assert_int_equal(step_counter(b, refused_big), 1);
	assert_true(step_deadline() == LAN_NEVER);
}

static void the_pool_of_bodies_is_bounded(void **state)
{
	struct coap_config two = {.max_bodies = 2};
	pair(NULL, &two);
	struct coap *e[3];
	for (int i = 0; i < 3; i++) {
		e[i] = step_add(NULL);
		step_by(LAN_SEC(1));
		struct step_dgram d = block1(1, 0, true, 2, 64);
		d.from = *step_ep(e[i]);
		assert_int_equal(answer_to(d), COAP_CONTINUE);
	}
	assert_int_equal(step_counter(b, bodies_evicted), 1);
	struct step_dgram d = block1(2, 1, false, 2, 64);
	d.from = *step_ep(e[0]);
	assert_int_equal(answer_to(d), COAP_REQUEST_INCOMPLETE);
	d.from = *step_ep(e[1]);
	(void)step_give(&d);
	struct coap_event ev = step_event(b, COAP_EV_REQUEST);
	whole(&ev, 128);
	/* A client that fetches more than it has room for. */
	struct answer w = {.code = COAP_CONTENT, .len = 3000};
	struct coap_config one = {.max_bodies = 1, .max_body = 4000, .nstart = 4};
	pair(&one, NULL);
	step_get(a, b, "big");
	step_get(a, b, "big");
	run(&w, 0);
	assert_int_equal(step_event(a, COAP_EV_FAILED).err, LAN_ERR_FULL);
	ev = step_event(a, COAP_EV_RESPONSE);
	whole(&ev, 3000);
	w.len = 4001;
	step_get(a, b, "big");
	run(&w, 0);
	assert_int_equal(step_event(a, COAP_EV_FAILED).err, LAN_ERR_TOOBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_answer_arrives_whole),
		cmocka_unit_test(it_arrives_whole_over_a_line_that_loses_every_third),
		cmocka_unit_test(blocks_are_as_small_as_the_link_or_the_client_wants),
		cmocka_unit_test(a_change_on_the_way_is_noticed),
		cmocka_unit_test(a_long_body_is_uploaded_whole_and_handled_once),
		cmocka_unit_test(a_late_block_does_not_get_into_another_body),
		cmocka_unit_test(an_upload_takes_the_servers_smaller_blocks),
		cmocka_unit_test(a_long_answer_to_what_must_not_be_done_twice_is_kept),
		cmocka_unit_test(uploads_that_do_not_fit_together_are_refused),
		cmocka_unit_test(the_pool_of_bodies_is_bounded),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	step_reset();
	return failed;
}
