/*
 * serpy_pieces.c - messages that are longer than anybody wants to hold, and
 * blobs: they come in pieces, they go out in pieces, and what cannot be completed
 * is said.
 */
#include "serpy_few.h"

static const struct serpy_config
	pieces1 = {.dialect = SERPY1, .server = true, .pieces = true, .piece = 1000, .max_message = 4000},
	pieces2 = {.dialect = SERPY2, .server = true, .pieces = true, .piece = 1000, .max_message = 4000};

static uint8_t big[300000];

static void fill(void)
{
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (uint8_t)(i * i >> 7);
}

/* Pull pieces until none is left; they are big[*at..]. True: the last was whole. */
static bool pull_pieces(uint64_t *at, uint64_t total)
{
	bool last = false;

	while (!last && step_pull(&st, &ev)) {
		assert_int_equal(ev.kind, SERPY_PIECE);
		assert_int_equal(ev.err, LAN_OK);
		assert_int_equal(ev.value.type, SERPY_BYTES);
		assert_int_equal(ev.offset, *at);
		assert_true(ev.total == total || (ev.last && ev.total == *at + ev.value.len));
		assert_memory_equal(ev.value.data, big + *at, ev.value.len);
		*at += ev.value.len;
		last = ev.last;
	}
	return last;
}

static void long_bytes_come_in_pieces_in_any_cut(void **state)
{
	static uint8_t f[sizeof big + 14];
	static const size_t cuts[] = {1, 7, 999, 4096, sizeof f};

	for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
		size_t all = cuts[c] == 1 ? frame(f, 0x81, big, 5000) : frame(f, 0x81, big, sizeof big);
		uint64_t at = 0;
		bool last = false;
		begin(pieces2);
		uint32_t conn = up();
		for (size_t fed = 0; fed < all;) {
			size_t k = all - fed < cuts[c] ? all - fed : cuts[c];
			assert_false(last);
			fed += step_feed(&st, conn, f + fed, k);
			last = pull_pieces(&at, all - 14);
		}
		assert_true(last);
		assert_int_equal(at, all - 14);
		feed_frame(conn, 0x21, "and on", 6);
		expect_message("and on");
		assert_true(step_count(&st, SERPY_C_rx_pieces) > 1);
		end();
	}
}

static void bytes_up_to_a_piece_are_one_message(void **state)
{
	begin(pieces2);
	uint32_t conn = up();
	feed_frame(conn, 0x81, big, 1000);
	expect(SERPY_MESSAGE);
	assert_int_equal(ev.value.len, 1000);
	feed_frame(conn, 0x81, big, 1001);
	uint64_t at = 0;
	assert_true(pull_pieces(&at, 1001));
	assert_int_equal(at, 1001);
	end();
}

static void pieces_of_a_wrong_sum_are_worthless_and_the_stream_goes_on(void **state)
{
	uint8_t f[5014];
	size_t n = frame(f, 0x81, big, 5000);

	f[6]++;
	begin(pieces2);
	uint32_t conn = up();
	feed(conn, f, n);
	uint64_t seen = 0;
	do {
		expect(SERPY_PIECE);
		seen += ev.value.len;
	} while (!ev.last);
	assert_int_equal(ev.err, LAN_ERR_PROTO);
	assert_int_equal(ev.value.len, 0);
	assert_true(seen <= 5000);
	assert_int_equal(step_count(&st, SERPY_C_rx_checksum), 1);
	feed_frame(conn, 0x21, "and on", 6);
	while (step_pull(&st, &ev) && ev.kind == SERPY_DAMAGED)
		;
	assert_int_equal(ev.kind, SERPY_MESSAGE);
	assert_false(closed(conn));
	end();
}

static void pieces_whose_connection_ends_are_worthless(void **state)
{
	uint8_t f[5014];

	frame(f, 0x81, big, 5000);
	begin(pieces2);
	uint32_t conn = up();
	feed(conn, f, 3000);
	expect(SERPY_PIECE);
	assert_false(ev.last);
	step_lose(&st, conn, LAN_ERR_RESET);
	do
		expect(SERPY_PIECE);
	while (!ev.last);
	assert_int_equal(ev.err, LAN_ERR_RESET);
	assert_int_equal(ev.value.len, 0);
	expect(SERPY_DOWN);
	expect_nothing();
	end();
}

static void text_longer_than_a_message_ends_the_connection_even_with_pieces(void **state)
{
	begin(pieces2);
	uint32_t conn = up();
	uint8_t f[5014], text[5000];
	memset(text, 'x', sizeof text);
	step_feed(&st, conn, f, frame(f, 0x21, text, sizeof text));
	expect_down(SERPY_C_end_too_long);
	assert_true(closed(conn));
	end();
}

static void base85_up_to_a_piece_is_one_message(void **state)
{
	char text[1300];

	for (int mode = 2; mode <= 3; mode++) {
		size_t n = (size_t)sprintf(text, "\001SETMODE%d\x1f", mode), head = n;
		memset(text + n, '0', 1250);
		n += 1250;
		if (mode == 3)
			text[n++] = 0x04;
		text[n++] = 0x1f;
		for (size_t cut = head; cut < n; cut++) {
			begin(pieces1);
			uint32_t conn = up();
			feed(conn, text, cut);
			expect_nothing();
			feed(conn, text + cut, n - cut);
			expect(SERPY_MESSAGE);
			assert_int_equal(ev.value.len, 1000);
			end();
		}
	}
}

static void base85_comes_in_pieces_of_unknown_total(void **state)
{
	char text[15100];
	uint64_t at = 0;
	bool last = false;
	size_t n = (size_t)sprintf(text, SETMODE("2"));

	for (int i = 0; i < 3000; i++)
		n += (size_t)sprintf(text + n, "00000"); /* four zeros */
	text[n++] = 0x1f;
	memset(big, 0, sizeof big);
	begin(pieces1);
	uint32_t conn = up();
	for (size_t fed = 0; fed < n;) {
		fed += step_feed(&st, conn, text + fed, n - fed < 777 ? n - fed : 777);
		last = pull_pieces(&at, SERPY_UNKNOWN);
	}
	assert_true(last);
	assert_int_equal(at, 12000);
	FEED(conn, "VPaz\x1f");
	expect_message("abc");
	fill();
	end();
}

static void base85_that_turns_bad_in_a_later_piece_ends_it_and_the_connection(void **state)
{
	char text[9000];
	size_t n = (size_t)sprintf(text, SETMODE("2"));

	for (int i = 0; i < 1500; i++)
		n += (size_t)sprintf(text + n, "00000");
	text[n - 3] = ' ';
	text[n++] = 0x1f;
	begin(pieces1);
	uint32_t conn = up();
	step_feed(&st, conn, text, n / 2);
	expect(SERPY_PIECE);
	assert_false(ev.last);
	expect_nothing();
	step_feed(&st, conn, text + n / 2, n - n / 2);
	do
		expect(SERPY_PIECE);
	while (!ev.last);
	assert_int_equal(ev.err, LAN_ERR_PROTO);
	assert_int_equal(ev.value.len, 0);
	expect_down(SERPY_C_end_base85);
	assert_true(closed(conn));
	end();
}

/* --- blobs out -------------------------------------------------------------------------- */

static uint32_t sum_of(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	while (n--)
		sum += *p++;
	return sum;
}

static void a_blob_leaves_as_one_frame_however_it_is_written(void **state)
{
	static uint8_t want[100014], got[100014];
	uint64_t token = 0;
	const char *why;
	size_t n = frame(want, 0x81, big, 100000), have = 0, put = 0;

	begin((struct serpy_config){.dialect = SERPY2, .server = true, .max_queue = 8192});
	uint32_t conn = up();
	assert_int_equal(
		serpy_blob_begin(st.s, st.now, 1, 100000, sum_of(big, 100000), NULL, &token, &why), LAN_OK);
	assert_int_equal(token, 1);
	assert_int_equal(try_to_say(1, 0, "x", 0, NULL), LAN_ERR_AGAIN);
	while (put < 100000) {
		size_t took = 0, some = 100000 - put < 3000 ? 100000 - put : 3000;
		enum lan_err e = serpy_blob_write(st.s, st.now, 1, big + put, some, &took);
		put += took;
		if (e == LAN_OK && took == some)
			continue;
		assert_true(e == LAN_OK || e == LAN_ERR_FULL);
		assert_true(put - have < 20000); /* constant memory */
		have += step_take(&st, conn, got + have, 5000);
		while (step_pull(&st, &ev))
			assert_true(ev.kind == SERPY_WRITABLE || ev.kind == SERPY_SENT);
	}
	have += step_take(&st, conn, got + have, sizeof got - have);
	assert_int_equal(serpy_blob_end(st.s, st.now, 1), LAN_OK);
	assert_int_equal(have, n);
	assert_memory_equal(got, want, n);
	bool sent = false;
	while (step_pull(&st, &ev))
		sent |= ev.kind == SERPY_SENT && ev.token == 1;
	assert_true(sent);
	say(1, 0, "next");
	assert_int_equal(serpy_pending(st.s), 1);
	end();
}

static void a_blob_holds_its_application_to_its_size(void **state)
{
	const char *why;
	size_t took;

	begin((struct serpy_config){.dialect = SERPY2, .server = true});
	up();
	assert_int_equal(serpy_blob_begin(st.s, st.now, 1, 1ull << 32, 0, NULL, NULL, &why), LAN_ERR_TOOBIG);
	assert_int_equal(serpy_blob_begin(st.s, st.now, 1, SERPY_UNKNOWN, 0, NULL, NULL, &why) != LAN_OK, 1);
	assert_int_equal(serpy_blob_begin(st.s, st.now, 7, 10, 0, NULL, NULL, &why), LAN_ERR_NOTFOUND);
	assert_int_equal(serpy_blob_begin(st.s, st.now, 1, 10, sum_of(big, 10), NULL, NULL, &why), LAN_OK);
	assert_int_equal(serpy_blob_begin(st.s, st.now, 1, 10, 0, NULL, NULL, &why), LAN_ERR_AGAIN);
	assert_int_equal(serpy_blob_write(st.s, st.now, 1, big, 11, &took), LAN_ERR_TOOBIG);
	assert_int_equal(serpy_blob_write(st.s, st.now, 1, big, 9, &took), LAN_OK);
	assert_int_equal(serpy_blob_end(st.s, st.now, 1), LAN_ERR_INVAL);
	assert_int_equal(serpy_blob_write(st.s, st.now, 1, big + 9, 1, &took), LAN_OK);
	assert_int_equal(serpy_blob_end(st.s, st.now, 1), LAN_OK);
	end();
}

static void a_blob_of_unknown_size_ends_when_it_is_ended(void **state)
{
	struct serpy_how how = {.mode = 3};
	const char *why;
	size_t took;
	uint64_t token;

	begin((struct serpy_config){.dialect = SERPY1, .server = true});
	uint32_t conn = up();
	assert_int_equal(serpy_blob_begin(st.s, st.now, 1, SERPY_UNKNOWN, 0, &how, &token, &why), LAN_OK);
	EXPECT_SENT(conn, SETMODE("3"));
	FEED(conn, ACKMODCG);
	expect_nothing();
	for (int i = 0; i < 5; i++) /* "hello" in pieces that are no groups of four */
		assert_int_equal(serpy_blob_write(st.s, st.now, 1, &"hello"[i], 1, &took), LAN_OK);
	assert_int_equal(serpy_blob_end(st.s, st.now, 1), LAN_OK);
	EXPECT_SENT(conn, "Xk~0{Zv\x04\x1f");
	FEED(conn, ACKEOT);
	bool acked = false;
	while (step_pull(&st, &ev))
		acked |= ev.kind == SERPY_ACKED && ev.token == token;
	assert_true(acked);
	end();
}

static void a_connection_that_ends_under_a_blob_ends_the_blob(void **state)
{
	const char *why;
	size_t took;

	begin((struct serpy_config){.dialect = SERPY2}); /* a client: its queue outlives the connection */
	uint32_t conn = up();
	assert_int_equal(
		serpy_blob_begin(st.s, st.now, 0, 1000, sum_of(big, 1000), NULL, NULL, &why), LAN_OK);
	assert_int_equal(serpy_blob_write(st.s, st.now, 0, big, 600, &took), LAN_OK);
	step_take(&st, conn, taken, 300);
	step_lose(&st, conn, LAN_ERR_RESET);
	expect(SERPY_DOWN);
	expect(SERPY_LOST);
	assert_int_equal(ev.lost, 1);
	assert_int_equal(ev.doubled, 0);
	expect_nothing();
	assert_int_equal(serpy_blob_write(st.s, st.now, 0, big + 600, 400, &took), LAN_ERR_CLOSED);
	say(0, 0, "next");
	step_wait(&st, LAN_SEC(6));
	conn = step_open(&st);
	uint8_t want[18];
	expect_sent(conn, want, frame(want, 0x21, "next", 4));
	end();
}

/* --- without a copy ------------------------------------------------------------------------ */

static unsigned released;

static void release(void *ctx)
{
	released++;
	assert_ptr_equal(ctx, &released);
}

/* As the caller of the core has to. */
static unsigned collect(void)
{
	void (*fn)(void *ctx);
	void *ctx;

	while (serpy_released(st.s, &fn, &ctx))
		fn(ctx);
	return released;
}

static enum lan_err send_ref(uint64_t id, size_t n)
{
	const char *why;

	return serpy_send_ref(st.s, st.now, id, big, n, release, &released, NULL, &why);
}

static void lent_bytes_are_released_once_whatever_becomes_of_them(void **state)
{
	enum { SENT, LOST, DROPPED, FINISHED, FREED, ENDS };
	static uint8_t want[200014];
	size_t n = frame(want, 0x81, big, 200000);

	for (int how = SENT; how < ENDS; how++) {
		released = 0;
		begin((struct serpy_config){.dialect = SERPY2, .server = true});
		uint32_t conn = up();
		assert_int_equal(send_ref(1, 200000), LAN_OK);
		step_wants(&st);
		assert_int_equal(collect(), 0);
		if (how == SENT || how == FINISHED) {
			if (how == FINISHED)
				assert_int_equal(serpy_finish(st.s, st.now, 1), LAN_OK);
			expect_sent(conn, want, n);
			expect(SERPY_SENT);
			assert_int_equal(ev.token, 1);
			assert_int_equal(collect(), 1);
		} else {
			step_take(&st, conn, NULL, 100);
		}
		if (how == LOST)
			step_lose(&st, conn, LAN_ERR_RESET);
		if (how == DROPPED)
			assert_int_equal(serpy_drop(st.s, st.now, 1), LAN_OK);
		if (how != FREED)
			while (step_pull(&st, &ev))
				;
		if (how != FREED)
			assert_int_equal(collect(), 1);
		serpy_give_up(st.s);
		assert_int_equal(collect(), 1);
		end();
	}
}

static void lent_bytes_that_are_not_taken_stay_with_their_owner(void **state)
{
	released = 0;
	begin((struct serpy_config){.dialect = SERPY2, .server = true, .max_queue = 1000});
	up();
	assert_int_equal(send_ref(9, 100), LAN_ERR_NOTFOUND);
	assert_int_equal(send_ref(1, 5000), LAN_OK); /* always, into an empty queue */
	assert_int_equal(send_ref(1, 5000), LAN_ERR_FULL);
	assert_int_equal(collect(), 0);
	serpy_give_up(st.s);
	assert_int_equal(collect(), 1);
	end();
	begin((struct serpy_config){.dialect = SERPY1, .server = true});
	up();
	assert_int_equal(send_ref(1, 100), LAN_ERR_NOTSUP);
	assert_int_equal(collect(), 1);
	end();
}

static void lent_bytes_go_again_on_the_next_connection_if_they_were_not_sent_whole(void **state)
{
	static uint8_t want[200014];
	size_t n = frame(want, 0x81, big, 200000);

	released = 0;
	begin((struct serpy_config){.dialect = SERPY2});
	uint32_t conn = up();
	assert_int_equal(send_ref(0, 200000), LAN_OK);
	step_take(&st, conn, NULL, n - 1);
	step_lose(&st, conn, LAN_ERR_RESET);
	expect(SERPY_DOWN);
	expect_nothing();
	assert_int_equal(collect(), 0);
	step_wait(&st, LAN_SEC(6));
	conn = step_open(&st);
	expect_sent(conn, want, n);
	assert_int_equal(collect(), 1);
	serpy_give_up(st.s);
	assert_int_equal(collect(), 1);
	end();
}

static int setup(void **state)
{
	fill();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_bytes_come_in_pieces_in_any_cut),
		cmocka_unit_test(bytes_up_to_a_piece_are_one_message),
		cmocka_unit_test(pieces_of_a_wrong_sum_are_worthless_and_the_stream_goes_on),
		cmocka_unit_test(pieces_whose_connection_ends_are_worthless),
		cmocka_unit_test(text_longer_than_a_message_ends_the_connection_even_with_pieces),
		cmocka_unit_test(base85_up_to_a_piece_is_one_message),
		cmocka_unit_test(base85_comes_in_pieces_of_unknown_total),
		cmocka_unit_test(base85_that_turns_bad_in_a_later_piece_ends_it_and_the_connection),
		cmocka_unit_test(a_blob_leaves_as_one_frame_however_it_is_written),
		cmocka_unit_test(a_blob_holds_its_application_to_its_size),
		cmocka_unit_test(a_blob_of_unknown_size_ends_when_it_is_ended),
		cmocka_unit_test(a_connection_that_ends_under_a_blob_ends_the_blob),
		cmocka_unit_test(lent_bytes_are_released_once_whatever_becomes_of_them),
		cmocka_unit_test(lent_bytes_that_are_not_taken_stay_with_their_owner),
		cmocka_unit_test(lent_bytes_go_again_on_the_next_connection_if_they_were_not_sent_whole),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
