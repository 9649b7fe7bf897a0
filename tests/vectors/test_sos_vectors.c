/*
 * test_sos_vectors.c - every message of CoAP that was captured from the originals, made by their codecs or
 * given to them, against ours: what is described is written to the same octets and read as the originals read
 * it; what their encoders wrote wrongly is read as it was meant; malformed ones are refused for the reason
 * that stands beside them; control messages are recognised; lists of resources are taken and searched; frames
 * give up their message.
 *
 * Where ours does something else a table says what and why; a reason for a difference that does not show is a
 * failure.
 *
 *      test_sos_vectors FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "proto/coap/linkformat.h"
#include "proto/sos/frame.h"
#include "proto/xbee/xbee.h"
#include "sos_text.h"

enum what {
	ENCODED,
	DECODED,
	TAKEN,
	FAULT,
	PY_READS,
	C_READS,
	SLAVE_READS,
	PY_WRITES,
	C_WRITES,
	SLAVE_WRITES,
	CONTROL,
	LIST,
	COUNT,
	FOUND,
	FRAME
};

static const char *const words[] = {"encoded", "decoded", "taken by", "refused", "read by py", "read by c",
	"read by the slave", "written by py", "written by c", "written by the slave", "control", "list",
	"links", "found", "frame"};

static const struct difference differences[] = {
#include "sos_differences.inc"
};

/* Why the malformed cases are refused; "" if they are not. A case that is not here is a failure. */
static const struct {
	const char *name, *why;
} refused[] = {
#include "sos_refused.inc"
};

static struct book book = {.words = words,
	.differences = differences,
	.n_differences = sizeof differences / sizeof *differences};

static const char *const originals[] = {"py_master", "c_master", "slave"};

/* --- codec ---------------------------------------------------------------------------------- */

/* Who takes it, of three: "py c slave". */
static char *takers(bool py, bool c, bool slave)
{
	char *text = NULL;

	if (asprintf(&text, "%s%s%s", py ? "py " : "", c ? "c " : "", slave ? "slave" : "") < 0)
		abort();
	return text;
}

static bool takes(const json_t *decoders, const char *who)
{
	return strcmp(str_of(json_object_get(decoders, who), "result"), "accept") == 0;
}

static void check_taken(const json_t *e, const char *name, bool ours)
{
	const json_t *d = json_object_get(e, "decoders");
	char *captured = takers(takes(d, "py_master"), takes(d, "c_master"), takes(d, "slave"));

	book_compare(&book, name, TAKEN, captured, takers(ours, ours, ours));
	free(captured);
}

/* What the three read, where all of us read something. */
static void check_readings(const json_t *e, const char *name, const struct coap_msg *m)
{
	for (int who = 0; who < 3; who++) {
		const json_t *d = json_object_get(json_object_get(e, "decoders"), originals[who]);
		if (strcmp(str_of(d, "result"), "accept") != 0)
			continue;
		char *captured = described_text(d, who == 0);
		if (who == 2 && m->len) /* it takes the octet behind the datagram for payload (S3) */
			captured[strlen(captured) - 2] = 0;
		book_compare(&book, name, PY_READS + who, captured, message_text(m, who == 0));
		free(captured);
	}
}

/* What an original's encoder made of the case, as we read it; "cannot" if it made nothing. An error of
 * setting an option did not keep the slave's from writing all the same. */
static char *theirs(const char *written, const char *hex)
{
	static uint8_t scratch[4096];
	struct coap_msg m;

	if (strncmp(written, "EXC", 3) == 0)
		return strdup("cannot");
	if (strncmp(written, "OPTERR", 6) == 0)
		written = strchr(written, ' ') + 1;
	struct buf b = unhex(strcmp(written, "same") == 0 ? hex : written);
	if (coap_decode(b.p, b.n, &m) && coap_decode_s1(b.p, b.n, scratch, &m)) {
		free(b.p);
		return strdup("not read");
	}
	char *text = message_text(&m, true);
	free(b.p);
	return text;
}

static void check_written(const json_t *e, const char *name)
{
	const json_t *fields = json_object_get(e, "fields");
	char *meant = described_text(fields, true);

	for (int who = 0; who < 3; who++) {
		char *read = theirs(str_of(json_object_get(e, "encoders"), originals[who]), str_of(e, "hex"));
		if (strcmp(read, "cannot") != 0)
			book_compare(&book, name, PY_WRITES + who, meant, read);
		else
			free(read);
	}
	book_compare(&book, name, ENCODED, str_of(e, "hex"), written_hex(fields));
	free(meant);
}

/* A message to the control path, and what a Discover says. */
static char *control_text(bool control, bool discover, long slave, long mtu)
{
	char *text = NULL;

	if (asprintf(&text, discover ? "%s slave %ld mtu %ld" : "%s", control ? "control" : "other", slave,
		    mtu) < 0)
		abort();
	return text;
}

static char *our_control(const struct coap_msg *m)
{
	struct sos_control c;

	if (sos_control_read(m, &c))
		return control_text(true, false, 0, 0);
	return control_text(c.kind != SOS_OTHER, c.kind == SOS_DISCOVER, c.slave, c.mtu);
}

static void check_control(const json_t *e, const char *name, const struct coap_msg *m)
{
	const json_t *py = json_object_get(json_object_get(e, "decoders"), "py_master"),
		     *discover = json_object_get(py, "discover");

	if (!json_object_get(py, "is_ctrl"))
		return;
	char *captured = control_text(json_is_true(json_object_get(py, "is_ctrl")), json_is_object(discover),
		(long)json_number_value(json_object_get(discover, "slave")),
		(long)json_number_value(json_object_get(discover, "mtu")));
	book_compare(&book, name, CONTROL, captured, our_control(m));
	free(captured);
}

static void check_codec(const json_t *e)
{
	struct buf b = unhex(str_of(e, "hex"));
	const char *name = str_of(e, "name"), *expected = "a case without its reaction";
	bool malformed = strcmp(str_of(e, "kind"), "coap-malformed") == 0;
	struct coap_msg m;

	book_begin(&book);
	const char *why = verdict(&b, &m);
	for (size_t i = 0; malformed && i < sizeof refused / sizeof *refused; i++)
		if (strcmp(refused[i].name, name) == 0)
			expected = refused[i].why;
	if (malformed)
		book_compare(&book, name, FAULT, expected, strdup(why));
	check_taken(e, name, !*why);
	if (coap_decode(b.p, b.n, &m) == COAP_FAULT_OK) {
		check_readings(e, name, &m);
		check_control(e, name, &m);
	}
	if (json_object_get(e, "fields")) {
		char *described = described_text(json_object_get(e, "fields"), true);
		book_compare(&book, name, DECODED, described, message_text(&m, true));
		free(described);
		check_written(e, name);
	}
	free(b.p);
	book_end(&book, name);
}

/* --- lists of resources --------------------------------------------------------------------------- */

static char *list_text(const char *p, size_t n)
{
	struct coap_links l = coap_links_of(p, n);
	struct coap_link link;
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	while (coap_links_next(&l, &link))
		fprintf(f, "<%.*s>%.*s\n", (int)link.target_len, link.target, (int)link.params_len,
			link.params);
	fclose(f);
	return text;
}

static char *captured_list(const json_t *py)
{
	const json_t *link;
	char *text;
	size_t len, i;
	FILE *f = open_memstream(&text, &len);

	json_array_foreach(json_object_get(py, "list"), i, link)
	{
		fprintf(f, "%s\n", json_string_value(link));
	}
	fclose(f);
	return text;
}

static void check_found(const char *name, const json_t *find, const struct buf *b)
{
	const char *path;
	json_t *yes;

	json_object_foreach((json_t *)find, path, yes)
	{
		struct coap_links l = coap_links_of((const char *)b->p, b->n);
		struct coap_link link;
		bool found = false;
		while (coap_links_next(&l, &link))
			found |= coap_link_is(&link, path, strlen(path));
		book_compare(
			&book, name, FOUND, json_is_true(yes) ? "yes" : "no", strdup(found ? "yes" : "no"));
	}
}

static void check_list(const json_t *e)
{
	struct buf b = unhex(str_of(e, "payload_hex"));
	const json_t *py = json_object_get(e, "py_master");
	const char *name = str_of(e, "name"), *c = str_of(e, "c_master");
	bool py_takes = json_is_true(json_object_get(py, "ok")), c_takes = strncmp(c, "RES ok", 6) == 0;
	size_t n, at;
	char count[20];

	book_begin(&book);
	bool ours = coap_links_ok((const char *)b.p, b.n, &n, &at);
	char *captured = takers(py_takes, c_takes, false);
	book_compare(&book, name, TAKEN, captured, takers(ours, ours, false));
	free(captured);
	if (ours && c_takes) {
		snprintf(count, sizeof count, "%zu", n);
		book_compare(&book, name, COUNT, count,
			strndup(strstr(c, "n=") + 2, strspn(strstr(c, "n=") + 2, "0123456789")));
	}
	if (ours && json_object_get(py, "list") && json_array_size(json_object_get(py, "list")) == n) {
		char *list = captured_list(py);
		book_compare(&book, name, LIST, list, list_text((const char *)b.p, b.n));
		check_found(name, json_object_get(py, "find"), &b);
		free(list);
	}
	free(b.p);
	book_end(&book, name);
}

/* --- frames -------------------------------------------------------------------------------------- */

#define ETHER      14
#define RADIO_HEAD 9
#define RADIO_FCS  2

/* The message in a frame, as its driver finds it; n 0: none. */
static struct buf message_in(const char *l2, struct buf *frame, struct xbee_parser *parser)
{
	struct buf none = {0};
	struct xbee_frame f;
	size_t took;

	if (strcmp(l2, "ethernet") == 0) {
		size_t n = sos_frame_get(frame->p + ETHER, frame->n - ETHER);
		return n ? (struct buf){frame->p + ETHER + SOS_FRAME_PREFIX, n} : none;
	}
	if (strcmp(l2, "802.15.4") == 0)
		return (struct buf){frame->p + RADIO_HEAD, frame->n - RADIO_HEAD - RADIO_FCS};
	xbee_parser_init(parser, 1);
	if (!xbee_parse(parser, frame->p, frame->n, &took, &f))
		return none;
	return f.api == XBEE_RX16 || f.api == XBEE_TX16 ? (struct buf){(uint8_t *)f.data, f.len} : none;
}

/* The content of an Ethernet frame again: length, message, padding. */
static void check_content(const char *name, const struct buf *frame, const struct buf *message)
{
	uint8_t *again = calloc(1, frame->n);

	memcpy(again, frame->p, ETHER);
	sos_frame_put(again + ETHER, message->n);
	memcpy(again + ETHER + SOS_FRAME_PREFIX, message->p, message->n);
	char *captured = shown("", frame->p, frame->n);
	book_compare(&book, name, FRAME, captured, shown("", again, frame->n));
	free(captured);
	free(again);
}

/* "casan/discover": and the message is written again from what it says alone. */
static void check_kind(const char *name, const char *kind, const struct coap_msg *m, const struct buf *b)
{
	static const char *const kinds[] = {
		[SOS_HELLO] = "hello", [SOS_DISCOVER] = "discover", [SOS_ASSOC_REQUEST] = "assoc-request"};
	struct sos_control c;
	char text[40] = "wrong";
	uint8_t out[128];

	if (!strchr(kind, '/'))
		return;
	if (!sos_control_read(m, &c) && c.kind) {
		snprintf(text, sizeof text, "%s/%s", sos_epoch_name(c.epoch), kinds[c.kind]);
		char *captured = shown("", b->p, b->n);
		book_compare(&book, name, ENCODED, captured,
			shown("", out, sos_control_write(out, sizeof out, m->mid, &c)));
		free(captured);
	}
	book_compare(&book, name, CONTROL, kind, strdup(text));
}

static void check_frame(const json_t *e, size_t number)
{
	const json_t *coap = json_object_get(json_object_get(e, "decoded"), "coap");
	struct buf frame = unhex(str_of(e, "hex"));
	struct xbee_parser parser;
	struct buf b = message_in(str_of(e, "l2"), &frame, &parser);
	struct coap_msg m;
	char name[100];

	snprintf(name, sizeof name, "frame %03zu %s", number, str_of(e, "name"));
	book_begin(&book);
	if (!coap) {
		book_compare(&book, name, FRAME, "no message", strdup(b.n ? "a message" : "no message"));
	} else if (coap_decode(b.p, b.n, &m)) {
		book_compare(&book, name, DECODED, "a message",
			strdup(coap_fault_text(coap_decode(b.p, b.n, &m))));
	} else {
		char *described = described_text(coap, true), *captured = shown("", b.p, b.n);
		book_compare(&book, name, DECODED, described, message_text(&m, true));
		book_compare(&book, name, ENCODED, captured, written_hex(coap));
		check_kind(name, str_of(coap, "kind"), &m, &b);
		free(described);
		free(captured);
	}
	if (strcmp(str_of(e, "l2"), "ethernet") == 0)
		check_content(name, &frame, &b);
	free(frame.p);
	book_end(&book, name);
}

int main(int argc, char **argv)
{
	json_error_t err = {.text = ""};
	json_t *file = argc == 2 ? json_load_file(argv[1], JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &err)
				 : NULL,
	       *e;
	size_t i;

	if (!file) {
		fprintf(stderr, "test_sos_vectors: %s\n",
			argc == 2 ? err.text : "usage: test_sos_vectors FILE");
		return 2;
	}
	json_array_foreach(json_object_get(file, "codec"), i, e)
	{
		check_codec(e);
	}
	json_array_foreach(json_object_get(file, "resource_lists"), i, e)
	{
		check_list(e);
	}
	json_array_foreach(json_object_get(file, "frames"), i, e)
	{
		check_frame(e, i);
	}
	json_decref(file);
	return book_close(&book);
}
