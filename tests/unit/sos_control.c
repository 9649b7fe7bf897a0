/*
 * Unit tests of sos/control.h: control messages of both epochs as they stand in the specification, what is no
 * control message and what is a wrong one, nonce and proof, and the negotiation of the mtu.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "proto/sos/control.h"

#define PATH "\xbb.well-known"
#define CASAN       \
	PATH "\x05" \
	     "casan"
#define SOS         \
	PATH "\x03" \
	     "sos"

/* A message of a type and code with some path and queries: "a|b" each. */
static size_t make(
	uint8_t *buf, size_t cap, enum coap_type type, uint8_t code, const char *path, const char *queries)
{
	struct coap_wr w = coap_begin(buf, cap, type, code, 7, NULL, 0);

	for (size_t n; *path; path += n + (path[n] != 0)) {
		n = strcspn(path, "|");
		coap_put(&w, COAP_URI_PATH, path, n);
	}
	for (size_t n; *queries; queries += n + (queries[n] != 0)) {
		n = strcspn(queries, "|");
		coap_put(&w, COAP_URI_QUERY, queries, n);
	}
	return coap_end(&w);
}

static enum lan_err read_it(const uint8_t *buf, size_t n, struct sos_control *c)
{
	struct coap_msg m;

	memset(c, 0x5a, sizeof *c);
	assert_int_equal(coap_decode(buf, n, &m), COAP_FAULT_OK);
	enum lan_err e = sos_control_read(&m, c);
	if (e) {
		struct sos_control untouched;
		memset(&untouched, 0x5a, sizeof untouched);
		assert_memory_equal(c, &untouched, sizeof untouched);
	}
	return e;
}

static void messages_are_those_of_the_specification(void **state)
{
	static const struct {
		struct sos_control c;
		const char *octets;
	} messages[] = {
		{{.kind = SOS_HELLO, .hello = 384}, "\x50\x02\x12\x34" CASAN "\x49hello=384"},
		{{.kind = SOS_HELLO, .epoch = SOS_EPOCH_SOS, .hello = 0},
			"\x50\x02\x12\x34" SOS "\x47hello=0"},
		{{.kind = SOS_DISCOVER, .slave = 169, .mtu = 127},
			"\x50\x02\x12\x34" CASAN "\x49slave=169\x07mtu=127"},
		{{.kind = SOS_DISCOVER, .slave = 1}, "\x50\x02\x12\x34" CASAN "\x47slave=1"},
		{{.kind = SOS_DISCOVER, .slave = SOS_ID_MAX, .mtu = SOS_ID_MAX},
			"\x50\x02\x12\x34" CASAN "\x4d\x03slave=2147483647\x0d\x01mtu=2147483647"},
		{{.kind = SOS_ASSOC_REQUEST, .ttl = 60, .mtu = 111},
			"\x40\x02\x12\x34" CASAN "\x46ttl=60\x07mtu=111"},
		{{.kind = SOS_ASSOC_REQUEST, .epoch = SOS_EPOCH_SOS, .ttl = 3600, .mtu = 0},
			"\x40\x02\x12\x34" SOS "\x48ttl=3600\x05mtu=0"},
		{{.kind = SOS_DISCOVER,
			 .slave = 5,
			 .mtu = 9,
			 .keyed = true,
			 .nonce = {0, 1, 0x23, 0xab, 4, 5, 6, 0xff},
			 .proof = {0xde, 0xad}},
			"\x50\x02\x12\x34" CASAN "\x47slave=5\x05mtu=9\x0d\x05n=000123ab040506ff"
			"\x0d\x05p=dead000000000000"},
		{{.kind = SOS_ASSOC_REQUEST, .ttl = 1, .mtu = 2, .keyed = true, .nonce = {1}, .proof = {2}},
			"\x40\x02\x12\x34" CASAN "\x45ttl=1\x05mtu=2\x0d\x05n=0100000000000000"
			"\x0d\x05p=0200000000000000"},
	};

	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
		uint8_t buf[128];
		size_t n = strlen(messages[i].octets + 4) + 4;
		struct sos_control c;
		assert_int_equal(sos_control_write(buf, sizeof buf, 0x1234, &messages[i].c), n);
		assert_memory_equal(buf, messages[i].octets, n);
		assert_int_equal(read_it(buf, n, &c), LAN_OK);
		assert_int_equal(c.kind, messages[i].c.kind);
		assert_int_equal(c.epoch, messages[i].c.epoch);
		assert_int_equal(c.hello, messages[i].c.hello);
		assert_int_equal(c.slave, messages[i].c.slave);
		assert_int_equal(c.mtu, messages[i].c.mtu);
		assert_int_equal(c.ttl, messages[i].c.ttl);
		assert_int_equal(c.keyed, messages[i].c.keyed);
		assert_memory_equal(c.nonce, messages[i].c.nonce, SOS_NONCE);
		assert_memory_equal(c.proof, messages[i].c.proof, SOS_PROOF);
		for (size_t cap = 0; cap < n; cap++)
			assert_int_equal(sos_control_write(buf, cap, 0x1234, &messages[i].c), 0);
		if (c.kind != SOS_ASSOC_REQUEST)
			continue;
		assert_int_equal(sos_assoc_options(buf, sizeof buf, &messages[i].c), n - COAP_HEADER);
		assert_memory_equal(buf, messages[i].octets + COAP_HEADER, n - COAP_HEADER);
		assert_int_equal(sos_assoc_options(buf, n - COAP_HEADER - 1, &messages[i].c), 0);
	}
	uint8_t buf[64];
	assert_int_equal(sos_control_write(buf, 64, 1, &(struct sos_control){.kind = SOS_ASSOC_ANSWER}), 0);
	assert_int_equal(sos_control_write(buf, 64, 1, &(struct sos_control){.kind = SOS_OTHER}), 0);
	assert_string_equal(sos_epoch_name(SOS_EPOCH_CASAN), "casan");
	assert_string_equal(sos_epoch_name(SOS_EPOCH_SOS), "sos");
	assert_string_equal(sos_epoch_name(SOS_EPOCHS), "");
}

static void what_is_no_control_message_is_other(void **state)
{
	static const struct {
		enum coap_type type;
		uint8_t code;
		const char *path, *queries;
	} others[] = {
		{COAP_NON, COAP_GET, ".well-known|casan", "hello=1"},
		{COAP_CON, COAP_GET, ".well-known|casan", ""},
		{COAP_NON, COAP_PUT, ".well-known|casan", "hello=1"},
		{COAP_ACK, COAP_POST, ".well-known|casan", "hello=1"},
		{COAP_RST, COAP_POST, ".well-known|casan", "hello=1"},
		{COAP_ACK, COAP_CONTENT, "", ""},
		{COAP_NON, COAP_POST, "", "hello=1"},
		{COAP_NON, COAP_POST, ".well-known", "hello=1"},
		{COAP_NON, COAP_POST, "casan|.well-known", "hello=1"},
		{COAP_NON, COAP_POST, "casan", "hello=1"},
		{COAP_NON, COAP_POST, ".well-known|casan|x", "slave=169|mtu=127"},
		{COAP_NON, COAP_POST, "x|.well-known|casan", "slave=169|mtu=127"},
		{COAP_NON, COAP_POST, ".well-known|core", "slave=169|mtu=127"},
		{COAP_NON, COAP_POST, ".well-known|casa", "slave=169|mtu=127"},
		{COAP_NON, COAP_POST, ".well-known|casanx", "slave=169|mtu=127"},
		{COAP_NON, COAP_POST, ".well-known|CASAN", "slave=169|mtu=127"},
		{COAP_NON, COAP_POST, ".well-known/casan", "slave=169|mtu=127"},
	};

	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		uint8_t buf[128];
		struct sos_control c;
		size_t n = make(
			buf, sizeof buf, others[i].type, others[i].code, others[i].path, others[i].queries);
		assert_int_equal(read_it(buf, n, &c), LAN_OK);
		assert_int_equal(c.kind, SOS_OTHER);
	}
}

#define HEX "0123456789abcdef"

static void a_wrong_control_message_is_refused(void **state)
{
	static const struct {
		enum coap_type type;
		const char *queries;
		enum sos_kind kind; /* OTHER: refused */
	} messages[] = {
		{COAP_NON, "", SOS_OTHER},
		{COAP_CON, "", SOS_OTHER},
		{COAP_NON, "hello=1", SOS_HELLO},
		{COAP_NON, "hello=2147483647", SOS_HELLO},
		{COAP_NON, "hello=0001", SOS_HELLO},
		{COAP_NON, "hello=2147483648", SOS_OTHER},
		{COAP_NON, "hello=99999999999999999999999", SOS_OTHER},
		{COAP_NON, "hello=", SOS_OTHER},
		{COAP_NON, "hello", SOS_OTHER},
		{COAP_NON, "hello=-1", SOS_OTHER},
		{COAP_NON, "hello=+1", SOS_OTHER},
		{COAP_NON, "hello= 1", SOS_OTHER},
		{COAP_NON, "hello=1 ", SOS_OTHER},
		{COAP_NON, "hello=1x", SOS_OTHER},
		{COAP_NON, "hello=0x1", SOS_OTHER},
		{COAP_NON, "Hello=1", SOS_OTHER},
		{COAP_CON, "hello=1", SOS_OTHER},
		{COAP_NON, "hello=1|hello=1", SOS_OTHER},
		{COAP_NON, "hello=1|x", SOS_OTHER},
		{COAP_NON, "hello=1|slave=2", SOS_OTHER},
		{COAP_NON, "hello=1|n=" HEX "|p=" HEX, SOS_OTHER},
		{COAP_NON, "slave=1", SOS_DISCOVER},
		{COAP_NON, "slave=1|mtu=0", SOS_DISCOVER},
		{COAP_NON, "mtu=127|slave=1", SOS_DISCOVER},
		{COAP_NON, "mtu=127", SOS_OTHER},
		{COAP_NON, "slave=0|mtu=127", SOS_OTHER},
		{COAP_NON, "slave=-5|mtu=127", SOS_OTHER},
		{COAP_NON, "slave=2147483648|mtu=127", SOS_OTHER},
		{COAP_NON, "slave=1|mtu=-1", SOS_OTHER},
		{COAP_NON, "slave=1|slave=2", SOS_OTHER},
		{COAP_NON, "slave=1|mtu=1|mtu=1", SOS_OTHER},
		{COAP_NON, "slave=1|ttl=1", SOS_OTHER},
		{COAP_CON, "slave=1|mtu=127", SOS_OTHER},
		{COAP_CON, "ttl=60|mtu=127", SOS_ASSOC_REQUEST},
		{COAP_CON, "mtu=127|ttl=60", SOS_ASSOC_REQUEST},
		{COAP_CON, "ttl=60|mtu=0", SOS_ASSOC_REQUEST},
		{COAP_CON, "ttl=0|mtu=127", SOS_OTHER},
		{COAP_CON, "ttl=60", SOS_OTHER},
		{COAP_CON, "mtu=127", SOS_OTHER},
		{COAP_CON, "assoc=30000", SOS_OTHER},
		{COAP_NON, "ttl=60|mtu=127", SOS_OTHER},
		{COAP_NON, "slave=1|n=" HEX "|p=" HEX, SOS_DISCOVER},
		{COAP_NON, "p=" HEX "|n=" HEX "|slave=1|mtu=2", SOS_DISCOVER},
		{COAP_CON, "ttl=1|mtu=2|n=" HEX "|p=" HEX, SOS_ASSOC_REQUEST},
		{COAP_NON, "slave=1|n=" HEX, SOS_OTHER},
		{COAP_NON, "slave=1|p=" HEX, SOS_OTHER},
		{COAP_NON, "slave=1|p=" HEX "|p=" HEX, SOS_OTHER},
		{COAP_NON, "slave=1|n=" HEX "0|p=" HEX, SOS_OTHER},
		{COAP_NON, "slave=1|n=0123456789abcde|p=" HEX, SOS_OTHER},
		{COAP_NON, "slave=1|n=0123456789abcdeg|p=" HEX, SOS_OTHER},
		{COAP_NON, "slave=1|n=0123456789ABCDEF|p=" HEX, SOS_OTHER},
		{COAP_NON, "slave=1|n=|p=", SOS_OTHER},
	};

	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
		for (int epoch = 0; epoch < SOS_EPOCHS; epoch++) {
			uint8_t buf[200];
			struct sos_control c;
			size_t n = make(buf, sizeof buf, messages[i].type, COAP_POST,
				epoch ? ".well-known|sos" : ".well-known|casan", messages[i].queries);
			enum lan_err e = read_it(buf, n, &c);
			if (e != (messages[i].kind ? LAN_OK : LAN_ERR_PROTO))
				print_message("%s\n", messages[i].queries);
			assert_int_equal(e, messages[i].kind ? LAN_OK : LAN_ERR_PROTO);
			if (e)
				continue;
			assert_int_equal(c.kind, messages[i].kind);
			assert_int_equal(c.epoch, epoch);
			assert_int_equal(c.keyed, strstr(messages[i].queries, "n=") != NULL);
		}
}

static void options_around_the_path_do_no_harm(void **state)
{
	uint8_t buf[200];
	struct sos_control c;

	for (int odd = 0; odd < 2; odd++) {
		struct coap_wr w =
			coap_begin(buf, sizeof buf, COAP_NON, COAP_POST, 1, (const uint8_t *)"tok", 3);
		coap_put_text(&w, COAP_URI_HOST, "m");
		coap_put_text(&w, 8, "elective");
		coap_put_text(&w, COAP_URI_PATH, ".well-known");
		coap_put_text(&w, COAP_URI_PATH, "sos");
		if (odd)
			coap_put_text(&w, 13, "critical, and nobody knows it");
		coap_put_text(&w, COAP_URI_QUERY, "slave=7");
		coap_put_uint(&w, COAP_ACCEPT_SOS, 40);
		coap_put_payload(&w, "payload", 7);
		assert_int_equal(read_it(buf, coap_end(&w), &c), odd ? LAN_ERR_PROTO : LAN_OK);
		if (!odd)
			assert_int_equal(c.slave, 7);
	}
}

static void the_mtu_is_negotiated(void **state)
{
	/* the network's, the slave's configuration, what it announced: what the master gives */
	static const uint32_t master[][4] = {
		{111, 0, 127, 111}, /* radio */
		{1518, 0, 1536, 1518},
		{1518, 0, 200, 200}, /* a small buffer */
		{1518, 0, 0, 1518},
		{1518, 100, 200, 100},
		{1518, 100, 60, 60},
		{111, 200, 127, 111},
		{111, 111, 111, 111},
		{111, 80, 0, 80},
	};
	/* the slave's own, what it is given: what it takes */
	static const uint32_t slave[][3] = {
		{127, 111, 111}, {127, 127, 127}, {127, 128, 127}, {127, 0, 127}, {127, 1, 1}};

	for (size_t i = 0; i < sizeof master / sizeof *master; i++)
		assert_int_equal(sos_mtu_master(master[i][0], master[i][1], master[i][2]), master[i][3]);
	for (size_t i = 0; i < sizeof slave / sizeof *slave; i++)
		assert_int_equal(sos_mtu_slave(slave[i][0], slave[i][1]), slave[i][2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_those_of_the_specification),
		cmocka_unit_test(what_is_no_control_message_is_other),
		cmocka_unit_test(a_wrong_control_message_is_refused),
		cmocka_unit_test(options_around_the_path_do_no_harm),
		cmocka_unit_test(the_mtu_is_negotiated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
