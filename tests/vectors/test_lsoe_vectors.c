/*
 * test_lsoe_vectors.c - every captured frame of lsoed, and every one that was
 * sent into it, against ours: checksums; frames taken apart, described as the
 * file describes them and put together again to the same octets; the malformed
 * ones played into a node; the captured talk with ours in the place of each of
 * the two lsoeds, in which it must say the same. Frames of L3DL, which has no
 * second implementation, are those of the specification's own encoder.
 *
 * Where ours does something else - where the original exits or goes deaf - the table
 * says what and why; a reason for a difference that does not show is a failure.
 *
 *      test_lsoe_vectors lsoe.json
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lsoe_play.h"
#include "proto/lsoe/checksum.h"

enum what { CHECKSUM, DECODED, SUMMARY, AGAIN, CODEC, SURVIVES, ANSWERS, HEARS, COUNTED, TALK };

static const char *const words[] = {"checksum", "decoded", "summary", "sent again", "codecs", "survives",
	"answers", "hears what follows", "counted", "talk"};

static const struct difference differences[] = {
#include "lsoe_differences.inc"
};

/* What the codecs make of the malformed cases, frame by frame (docs/protocols/lsoe.md, section 5). A case
 * that is not here is a failure. */
static const struct {
	const char *name, *heard, *counted;
} reactions[] = {
#include "lsoe_reactions.inc"
};

/* The L3DL frames of the file in words. */
static const struct {
	const char *name, *summary;
} l3dl[] = {
	{"l3dl_hello", "HELLO"},
	{"l3dl_open", "OPEN nonce=deadbeef id=000002000000000a00000002 attributes=07 serial=0"},
	{"l3dl_ack_open", "ACK of OPEN etc=0x0000 hint=0"},
	{"l3dl_ack_conflict_warning", "ACK of IPV4 etc=0x1002 hint=1"},
	{"l3dl_keepalive", "KEEPALIVE"},
	{"l3dl_ipv4_announce", "IPV4 count=2 serial=1 +primary 10.0.0.1/30 +loopback overlay 192.0.2.7/32"},
	{"l3dl_ipv4_withdraw", "IPV4 count=1 serial=2 -10.0.0.1/30"},
	{"l3dl_ipv6_announce", "IPV6 count=1 serial=3 +primary 2001:db8::1/64"},
	{"l3dl_mplsv4_announce", "MPLSV4 count=1 serial=4 +10.9.9.1/32 label 100"},
	{"l3dl_vendor", "VENDOR 6869"},
	{"l3dl_ulpc_bgp", "ULPC AS65001 10.0.0.1/30 GTSM"},
	{"l3dl_ipv4_300_two_datagrams", "IPV4 count=300 serial=9"},
};

static struct book book = {.words = words,
	.differences = differences,
	.n_differences = sizeof differences / sizeof *differences};

static void check_checksum(const json_t *e)
{
	struct buf b = unhex(str_of(e, "input_with_zero_checksum"));
	const char *name = str_of(e, "name");
	char text[16];

	book_begin(&book);
	for (int i = 0; i < 3; i++) { /* whatever stands in the field */
		snprintf(text, sizeof text, "0x%08x", lsoe_checksum(b.p, b.n, 4));
		book_compare(&book, name, CHECKSUM, str_of(e, "checksum"), strdup(text));
		snprintf(text, sizeof text, "0x%08x", lsoe_checksum_octets(b.p, b.n, 4));
		book_compare(&book, name, CHECKSUM, str_of(e, "checksum"), strdup(text));
		memset(b.p + 4, 0x55 << i, 4);
	}
	free(b.p);
	book_end(&book, name);
}

static char *joined(char *a, const char *between, const char *b)
{
	char *text = NULL;

	if (asprintf(&text, "%s%s%s", a ? a : "", a ? between : "", b) < 0)
		abort();
	free(a);
	return text;
}

struct heard {
	char *contents; /* of the frames, hex joined by blanks */
	char *all;      /* what the codecs made of each, joined by ", " */
	char *text;     /* of the last */
	char *again;    /* the last PDU as we write it: "nothing" if there was none */
	char *decoded;
};

/* Our encoding of what we understood; to be called while the views are good. */
static void encode(struct heard *h, enum lsoe_dialect d, uint16_t tsn, const struct lsoe_pdu *pdu)
{
	static uint8_t out[LSOE_PDU_MAX_01];
	struct lan_wr w = lan_wr_of(out, sizeof out);

	lsoe_pdu_encode(&w, d, pdu, pdu->sig_type, pdu->sig_len);
	free(h->again);
	free(h->decoded);
	h->again = lsoe_cut(d, tsn, out, w.off);
	h->decoded = lsoe_decoded(pdu, w.off);
}

static struct heard hear(const json_t *frames, enum lsoe_dialect d)
{
	struct lsoe_reasm_budget budget = {.max = 1 << 20};
	struct heard h = {.again = strdup("nothing"), .decoded = strdup("nothing")};
	struct lsoe_reasm r;
	const json_t *frame;
	size_t i;

	lsoe_reasm_init(&r);
	json_array_foreach(frames, i, frame)
	{
		const char *text = json_string_value(frame) + 2 * ETHER;
		bool tagged = strncmp(text - 4, "8100", 4) == 0;
		struct buf content = unhex(text + (tagged ? 8 : 0));
		struct lsoe_pdu pdu = {.type = 200};
		free(h.text);
		h.text = lsoe_heard_of(&r, &budget, d, &content, &pdu);
		h.all = joined(h.all, ", ", h.text);
		h.contents = joined(h.contents, " ", text);
		if (pdu.type != 200)
			encode(&h, d, d == LSOE_L3DL ? lan_get_be16(content.p + 1) : 0, &pdu);
		free(content.p);
	}
	lsoe_reasm_fini(&r, &budget);
	return h;
}

static void heard_fini(struct heard *h)
{
	free(h->contents);
	free(h->all);
	free(h->text);
	free(h->again);
	free(h->decoded);
}

static void check_capture(const json_t *e, size_t number)
{
	struct heard h = hear(json_object_get(e, "frames"), LSOE_01);
	const char *summary = strchr(str_of(e, "summary"), ' ') + 1;
	char name[80];

	snprintf(name, sizeof name, "captured %02zu %s of %s", number, str_of(e, "pdu"), str_of(e, "from"));
	book_begin(&book);
	book_compare(&book, name, SUMMARY, summary, strdup(h.text));
	book_compare(&book, name, AGAIN, h.contents, strdup(h.again));
	book_end(&book, name);
	heard_fini(&h);
}

static void check_vector(const json_t *e)
{
	struct heard h = hear(json_object_get(e, "frames"), LSOE_01);
	char *decoded = json_dumps(json_object_get(e, "decoded"), JSON_COMPACT | JSON_SORT_KEYS);
	const char *name = str_of(e, "name");

	book_begin(&book);
	book_compare(&book, name, DECODED, decoded, strdup(h.decoded));
	book_compare(&book, name, AGAIN, h.contents, strdup(h.again));
	book_end(&book, name);
	free(decoded);
	heard_fini(&h);
}

static void check_l3dl(const json_t *e)
{
	struct heard h = hear(json_object_get(e, "frames"), LSOE_L3DL);
	const char *name = str_of(e, "name"), *summary = "a case without its words";

	for (size_t i = 0; i < sizeof l3dl / sizeof *l3dl; i++)
		if (strcmp(l3dl[i].name, name) == 0)
			summary = l3dl[i].summary;
	book_begin(&book);
	book_compare(&book, name, SUMMARY, summary, strdup(h.text));
	book_compare(&book, name, AGAIN, h.contents, strdup(h.again));
	book_end(&book, name);
	heard_fini(&h);
}

/* What lsoed answered, joined. */
static char *captured_answers(const json_t *lsoed)
{
	const json_t *answer;
	char *text = NULL;
	size_t i;

	json_array_foreach(json_object_get(lsoed, "answers"), i, answer)
	{
		const char *one = json_string_value(answer);
		text = joined(text, ", ", strncmp(one, "OPEN", 4) == 0 ? "OPEN" : one);
	}
	return text ? text : strdup("");
}

/* Nonce and id of our OPENs are none of lsoed's. */
static char *without_nonce(const char *answers)
{
	char *text = strdup(answers), *at = strstr(text, "OPEN nonce");

	if (at)
		at[4] = 0;
	return text;
}

static const char *fate(const json_t *v, const char *yes, const char *no, const char *unknown)
{
	return json_is_true(v) ? yes : json_is_false(v) ? no : unknown;
}

static void check_malformed(const json_t *e)
{
	struct heard h = hear(json_object_get(e, "frames"), LSOE_01);
	struct played p = play_case(e);
	const json_t *lsoed = json_object_get(e, "lsoed");
	const char *name = str_of(e, "name"), *heard = "a case without its reaction", *counted = heard;
	char *answers = captured_answers(lsoed);

	for (size_t i = 0; i < sizeof reactions / sizeof *reactions; i++)
		if (strcmp(reactions[i].name, name) == 0)
			heard = reactions[i].heard, counted = reactions[i].counted;
	book_begin(&book);
	book_compare(&book, name, CODEC, heard, strdup(h.all));
	book_compare(&book, name, COUNTED, counted, strdup(p.counted));
	book_compare(&book, name, SURVIVES, fate(json_object_get(lsoed, "survives"), "yes", "exits", "?"),
		strdup("yes"));
	book_compare(&book, name, ANSWERS, answers, without_nonce(p.answers));
	book_compare(&book, name, HEARS,
		fate(json_object_get(lsoed, "hears_next_keepalive"), "yes", "deaf", "exits"),
		strdup(p.hears ? "yes" : "deaf"));
	book_end(&book, name);
	free(answers);
	played_fini(&p);
	heard_fini(&h);
}

static void check_talk(const json_t *items, const char *side)
{
	char *captured, *ours, *name = text_of("the captured talk with ours in place of", side);

	play_talk(items, side, &captured, &ours);
	book_begin(&book);
	book_compare(&book, side, TALK, captured, ours);
	book_end(&book, name);
	free(captured);
	free(name);
}

int main(int argc, char **argv)
{
	json_error_t err = {.text = ""};
	json_t *file = argc == 2 ? json_load_file(argv[1], 0, &err) : NULL, *e;
	size_t i;

	if (!file) {
		fprintf(stderr, "test_lsoe_vectors: %s\n",
			argc == 2 ? err.text : "usage: test_lsoe_vectors FILE");
		return 2;
	}
	json_array_foreach(json_object_get(file, "checksum"), i, e)
	{
		check_checksum(e);
	}
	json_array_foreach(json_object_get(json_object_get(file, "capture_sequence"), "items"), i, e)
	{
		check_capture(e, i);
	}
	json_array_foreach(json_object_get(file, "vectors"), i, e)
	{
		check_vector(e);
	}
	json_array_foreach(json_object_get(json_object_get(file, "l3dl_unverified"), "items"), i, e)
	{
		check_l3dl(e);
	}
	json_array_foreach(json_object_get(file, "malformed_and_edge"), i, e)
	{
		check_malformed(e);
	}
	check_talk(json_object_get(json_object_get(file, "capture_sequence"), "items"), "A");
	check_talk(json_object_get(json_object_get(file, "capture_sequence"), "items"), "B");
	json_decref(file);
	return book_close(&book);
}
