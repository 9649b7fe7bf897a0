/*
 * test_multisock_vectors.c - every captured datagram of the original against our
 * multisock core, both ways: what was sent is sent again and has to be the same
 * to the byte, what came in has to come out the same. With objects the pickles,
 * too, are compared to the byte, and the values as Python prints them.
 *
 * Where ours does something else - the original's exceptions, its garbage - the
 * table says what and why; a reason for a difference that does not show is a
 * failure. Each entry of the file is a test.
 *
 *      test_multisock_vectors multisock.json
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "book.h"
#include "proto/channel/multisock.h"
#include "proto/pickle/pickle.h"

enum what { SENT, RECEIVED, VALUE, PICKLE };

static const struct difference differences[] = {
	{"plain-bytes-0", SENT, "LAN_ERR_INVAL", "an empty datagram would stop receivers of the original"},
	{"plain-bytes-0", RECEIVED, "plain ", "an empty message (the original hands out no pair)"},
	{"plain-bytes-65508", SENT, "LAN_ERR_TOOBIG", "longer than a datagram"},
	{"plain-str", SENT, "48656c6c6f20776f726c6421", "text is sent as UTF-8 (the original wants bytes)"},
	{"obj-plain-sample-class", PICKLE, "LAN_ERR_NOTSUP a class or function is named",
		"classes are only shown"},
	{"obj-plain-sample-class", VALUE, "LAN_ERR_NOTSUP a class or function is named",
		"classes are only shown"},
	{"obj-plain-sample-class", SENT, "nothing to send", "classes are only shown"},
	{"obj-plain-sample-class", RECEIVED, "LAN_ERR_NOTSUP a class or function is named",
		"classes are only shown"},
	{"enc-str-utf8-fails", SENT, "2f436976797142536678326230673574337345514f413d3d0a",
		"padded by bytes, which every receiver takes"},
	{"enc-str-utf8-fails2", SENT, "7270324a323171765451756249354d537872492f6a513d3d0a",
		"padded by bytes, which every receiver takes"},
	{"enc-bytes-ff1", RECEIVED, "refused short_binary", "the original's receiver dies of it"},
	{"enc-str-48480", SENT, "LAN_ERR_TOOBIG", "longer than a datagram"},
	{"enc-str-48500", SENT, "LAN_ERR_TOOBIG", "longer than a datagram"},
	{"badparam-ctor", SENT, "LAN_ERR_INVAL", "the key or passphrase can never work"},
	{"badparam", SENT, "LAN_ERR_INVAL",
		"the key or passphrase can never work: said at once, not at the first message"},
	{"in-plain-empty", RECEIVED, "plain ", "an empty message (the original hands out no pair)"},
	{"in-plain-trunc", RECEIVED, "refused oversize", "longer than the buffer: refused, not cut"},
	{"in-enc-pad0", RECEIVED, "refused padding", "padding is 1 to 16 equal bytes"},
	{"in-enc-pad17", RECEIVED, "refused padding", "padding is 1 to 16 equal bytes"},
	{"in-enc-pad255", RECEIVED, "refused padding", "padding is 1 to 16 equal bytes"},
	{"in-enc-pad20-two-blocks", RECEIVED, "refused padding", "padding is 1 to 16 equal bytes"},
	{"in-enc-one-block-bad-utf8", RECEIVED, "refused short_binary", "the original's receiver dies of it"},
	{"in-enc-malformed-newline", RECEIVED, "refused no_ciphertext", "the original's receiver dies of it"},
	{"in-enc-malformed-notb64", RECEIVED, "refused no_ciphertext", "the original's receiver dies of it"},
	{"in-enc-malformed-5chars", RECEIVED, "refused base64_length", "the original's receiver dies of it"},
	{"in-enc-malformed-ct17", RECEIVED, "refused block_length", "the original's receiver dies of it"},
	{"in-enc-malformed-ct-zero16", RECEIVED, "refused padding", "padding is 1 to 16 equal bytes"},
	{"in-enc-malformed-missing1pad", RECEIVED, "refused base64_padding",
		"the original's receiver dies of it"},
	{"in-enc-malformed-missing2pad", RECEIVED, "refused base64_padding",
		"the original's receiver dies of it"},
	{"in-enc-malformed-plaintext", RECEIVED, "refused base64_padding",
		"the original's receiver dies of it"},
	{"in-enc-malformed-plaintext-b64like", RECEIVED, "refused padding", "padding is 1 to 16 equal bytes"},
	{"in-enc-wrongkey-64", RECEIVED, "refused padding", "the original hands out an empty text"},
	{"in-enc-truncated-by-bufsize", RECEIVED, "refused oversize",
		"longer than the buffer: refused, not cut"},
	{"in-obj-not-b64", RECEIVED, "base64_length", "the original's receiver dies of it"},
	{"in-obj-b64-not-pickle", RECEIVED, "LAN_ERR_PROTO nothing in the memo where something is fetched",
		"the original's receiver dies of it"},
	{"in-obj-empty", RECEIVED, "LAN_ERR_PROTO it ends too early", "an empty message is no object"},
	{"in-obj-unknown-class", RECEIVED, "LAN_ERR_NOTSUP a class or function is named",
		"never looked for (the original imports what it is told to)"},
};

static const char *const words[] = {"sent", "received", "value", "pickle"};
static struct book book = {.words = words,
	.differences = differences,
	.n_differences = sizeof differences / sizeof *differences};

/* --- values of the file ---------------------------------------------------------- */

/* The bytes an entry's `input` stands for. */
static struct buf input_of(const json_t *input)
{
	const char *hex = str_of(input, "hex") ? str_of(input, "hex") : str_of(input, "utf8_hex");
	bool is_text = json_object_get(input, "len_chars");

	if (hex)
		return unhex(hex);
	struct buf b = {
		.n = (size_t)json_integer_value(json_object_get(input, is_text ? "len_chars" : "len"))};
	b.p = malloc(b.n);
	for (size_t i = 0; i < b.n; i++)
		b.p[i] = is_text ? 'q' : (uint8_t)(7 * i);
	return b;
}

/* What the original handed out, as `shown` would say it; encrypted channels tell text from bytes. */
static char *result_of(const json_t *r, bool plain)
{
	const char *type = r ? str_of(r, "type") : "", *hex;
	bool is_text = type && strcmp(type, "str") == 0;
	char *text;

	if (!r || str_of(r, "exception"))
		return strdup("exception");
	if ((hex = str_of(r, "sha256")) || (hex = str_of(r, "utf8_sha256")))
		return asprintf(&text, "%ssha256 %s",
			       plain     ? "plain "
			       : is_text ? "text "
					 : "bytes ",
			       hex) < 0
			       ? NULL
			       : text;
	if ((hex = str_of(r, "hex")) || (hex = str_of(r, "utf8_hex")))
		return asprintf(&text, "%s%s",
			       plain     ? "plain "
			       : is_text ? "text "
					 : "bytes ",
			       hex) < 0
			       ? NULL
			       : text;
	return strdup(type);
}

/* --- our side ------------------------------------------------------------------------ */

static uint8_t letters[16];

static void entropy(void *ctx, void *buf, size_t n)
{
	/* The core makes letters as 'a' + byte % 26. */
	for (size_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] = (uint8_t)(letters[i % 16] - 'a' + 26 * 4);
}

static enum lan_err open_core(const json_t *e, uint32_t bufsize, struct msock **m)
{
	static const struct lan_env env = {.entropy = entropy};
	struct msock_config cfg = {
		.key = str_of(e, "key"), .iv = str_of(e, "passphrase"), .bufsize = bufsize};

	return msock_new(&env, &cfg, m);
}

/* The datagram of a message, or the error's name. */
static char *send_through(const json_t *e, const uint8_t *p, size_t n, unsigned form, struct buf *datagram)
{
	struct msock *m;
	enum lan_err err = open_core(e, 0, &m);

	*datagram = (struct buf){.p = malloc(MSOCK_DATAGRAM_MAX)};
	if (err)
		return text_of(lan_err_name(err), NULL);
	err = msock_send(m, 0, p, n, form);
	if (!err)
		datagram->n = msock_ops.output(m, 0, datagram->p, MSOCK_DATAGRAM_MAX);
	msock_free(m);
	return err ? text_of(lan_err_name(err), NULL) : shown("", datagram->p, datagram->n);
}

/* The message of a datagram in `out`; NULL, or why there is none. */
static char *receive_through(const json_t *e, const uint8_t *p, size_t n, struct buf *out, bool *text)
{
	struct lan_from from = {.port = 1234};
	uint32_t bufsize = (uint32_t)json_integer_value(json_object_get(e, "bufsize"));
	struct chan_event ev;
	struct msock *m;
	char *why = NULL;

	*out = (struct buf){0};
	if (open_core(e, bufsize ? bufsize : MSOCK_DATAGRAM_MAX, &m))
		return strdup("no core");
	uint8_t *copy = malloc(n + 1);
	memcpy(copy, p, n);
	(void)!msock_ops.input(m, LAN_SEC(1), &from, copy, n);
	while (msock_event(m, &ev)) {
		if (ev.kind == CHAN_REFUSED)
			why = text_of("refused", ev.reason);
		if (ev.kind != CHAN_MESSAGE)
			continue;
		*out = (struct buf){malloc(ev.len + 1), ev.len};
		if (ev.len)
			memcpy(out->p, ev.data, ev.len);
		*text = ev.text || (memchr(out->p, 0, ev.len) && lan_utf8_valid(out->p, ev.len));
	}
	free(copy);
	msock_free(m);
	return why || out->p ? why : strdup("nothing");
}

static char *received(const json_t *e, const uint8_t *p, size_t n)
{
	struct buf b;
	bool text = false;
	char *why = receive_through(e, p, n, &b, &text);

	if (!why)
		why = shown(!str_of(e, "key") ? "plain " : text ? "text " : "bytes ", b.p, b.n);
	free(b.p);
	return why;
}

/* --- objects: as Python prints them ----------------------------------------------------- */

/* A pickle read and written again. */
static char *rewritten(const uint8_t *p, size_t n, struct buf *out)
{
	struct pickle_tree tree;
	const char *why = "";
	enum lan_err err = pickle_decode(p, n, &tree, &why);

	*out = (struct buf){0};
	if (err)
		return text_of(lan_err_name(err), why);
	out->n = pickle_encode(tree.token, tree.n, NULL, 0);
	out->p = malloc(out->n);
	out->n = pickle_encode(tree.token, tree.n, out->p, out->n);
	pickle_tree_fini(&tree);
	return shown("", out->p, out->n);
}

static char *object_received(const json_t *e, const uint8_t *p, size_t n)
{
	struct buf b;
	bool text;
	size_t len;
	const char *why;
	char *result = receive_through(e, p, n, &b, &text);

	if (!result && msock_base64_decode(b.p, b.n, &len, &why))
		result = strdup(why);
	if (!result)
		result = pickle_value(b.p, len);
	free(b.p);
	return result;
}

/* --- entries ---------------------------------------------------------------------------- */

static void check_send(const json_t *e, const char *name)
{
	const json_t *input = json_object_get(e, "input");
	const char *type = input ? str_of(input, "type") : "bytes", *hex = str_of(e, "datagram_hex");
	const char *padded = str_of(e, "padded_plaintext_hex");
	struct buf in = input ? input_of(input) : (struct buf){calloc(1, 1), 1}, datagram;
	unsigned form = strcmp(type, "str") == 0     ? MSOCK_TEXT
			: strcmp(type, "bytes") == 0 ? MSOCK_BYTES
						     : MSOCK_BYTEARRAY;
	char *captured;

	memset(letters, 'x', sizeof letters);
	if (form == MSOCK_BYTEARRAY && padded) {
		struct buf p = unhex(padded);
		memcpy(letters, p.p, sizeof letters);
		free(p.p);
	}
	if (str_of(e, "datagram_sha256"))
		captured = text_of("sha256", str_of(e, "datagram_sha256"));
	else
		captured = strdup(hex ? hex : str_of(e, "error"));
	book_compare(&book, name, SENT, captured, send_through(e, in.p, in.n, form, &datagram));
	if (hex || str_of(e, "datagram_sha256")) {
		/* what was captured, not what we made of it */
		struct buf was = hex ? unhex(hex) : datagram;
		char *handed = result_of(json_object_get(e, "library_recv"), !str_of(e, "key"));
		book_compare(&book, name, RECEIVED, handed, received(e, was.p, was.n));
		free(handed);
		if (hex)
			free(was.p);
	}
	free(captured);
	free(datagram.p);
	free(in.p);
}

static void check_send_object(const json_t *e, const char *name)
{
	struct buf pickle = unhex(str_of(e, "pickle_hex")), was = unhex(str_of(e, "datagram_hex")), ours,
		   datagram;
	char *input = object_value(json_object_get(e, "input"));
	char *got = object_value(json_object_get(e, "library_recv"));

	book_compare(&book, name, VALUE, input, pickle_value(pickle.p, pickle.n));
	book_compare(&book, name, PICKLE, str_of(e, "pickle_hex"), rewritten(pickle.p, pickle.n, &ours));
	if (ours.p) {
		uint8_t *text = malloc(ours.n * 2 + 4);
		size_t n = msock_base64_encode(ours.p, ours.n, false, text);
		book_compare(&book, name, SENT, str_of(e, "datagram_hex"),
			send_through(e, text, n, MSOCK_BYTES, &datagram));
		free(datagram.p);
		free(text);
	} else
		book_compare(&book, name, SENT, str_of(e, "datagram_hex"), strdup("nothing to send"));
	book_compare(&book, name, RECEIVED, got, object_received(e, was.p, was.n));
	free(input);
	free(got);
	free(pickle.p);
	free(was.p);
	free(ours.p);
}

static void check_receive(const json_t *e, const char *name, bool object)
{
	struct buf in = unhex(str_of(e, "datagram_hex"));
	const json_t *result = json_object_get(e, "library_result");
	char *captured = object ? object_value(result) : result_of(result, !str_of(e, "key"));

	book_compare(&book, name, RECEIVED, captured,
		object ? object_received(e, in.p, in.n) : received(e, in.p, in.n));
	free(captured);
	free(in.p);
}

static void check(const json_t *e)
{
	const char *name = str_of(e, "name"), *op = str_of(e, "op");

	book_begin(&book);
	if (strcmp(op, "send") == 0 || strcmp(op, "Crypter()") == 0)
		check_send(e, name);
	else if (strcmp(op, "send_object") == 0)
		check_send_object(e, name);
	else if (strcmp(op, "recv") == 0 || strcmp(op, "recv_object") == 0)
		check_receive(e, name, op[4]);
	book_end(&book, name);
}

int main(int argc, char **argv)
{
	json_error_t err;
	json_t *file = argc == 2 ? json_load_file(argv[1], JSON_ALLOW_NUL, &err) : NULL, *e;
	size_t k;

	if (!file || lan_crypto_init()) {
		fprintf(stderr, "test_multisock_vectors: %s\n",
			argc == 2 ? err.text : "usage: test_multisock_vectors FILE");
		return 2;
	}
	json_array_foreach(json_object_get(file, "vectors"), k, e)
	{
		check(e);
	}
	json_decref(file);
	return book_close(&book);
}
