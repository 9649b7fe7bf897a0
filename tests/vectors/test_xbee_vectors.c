/*
 * test_xbee_vectors.c - frames and initialisations of XBee modules as captured from the original masters
 * (sos.json: xbee, xbee_init). Frames to send come out octet by octet, in both API modes; streams give the
 * packets the original Python master took from them, in whatever pieces they come; and our modem says to a
 * module what the three masters said.
 *
 *      test_xbee_vectors FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "book.h"
#include "proto/xbee/xbee.h"

enum { FRAME, ESCAPED, PACKETS, TALK };
static const char *const words[] = {
	[FRAME] = "frame", [ESCAPED] = "escaped frame", [PACKETS] = "packets", [TALK] = "talk"};

static struct book book = {.words = words};

static char *hex_of(const uint8_t *p, size_t n)
{
	char *s = malloc(2 * n + 1);
	for (size_t i = 0; i < n; i++)
		sprintf(s + 2 * i, "%02x", p[i]);
	s[2 * n] = '\0';
	return s;
}

/* `text` becomes longer. */
static char *append(char *text, const char *more)
{
	char *out = NULL;
	if (asprintf(&out, "%s%s", text ? text : "", more) < 0)
		abort();
	free(text);
	return out;
}

/* ---- frames out ---------------------------------------------------------------------- */

static void tx(const char *name, const json_t *v)
{
	const json_t *fields = json_object_get(v, "fields");
	struct buf dest = unhex(str_of(fields, "dest")), data = unhex(str_of(fields, "rf_data"));
	struct buf id = unhex(str_of(fields, "frame_id"));
	struct xbee_frame f = {.api = XBEE_TX16,
		.frame_id = id.p[0],
		.addr = {dest.p[1], dest.p[0]},
		.data = data.p,
		.len = data.n};
	uint8_t wire[XBEE_WIRE_MAX];
	size_t n = xbee_encode(wire, sizeof wire, 1, &f);
	book_compare(&book, name, FRAME, str_of(v, "hex"), hex_of(wire, n));
	n = xbee_encode(wire, sizeof wire, 2, &f);
	book_compare(&book, name, ESCAPED, str_of(v, "ap2_form"), hex_of(wire, n));
	struct xbee_parser p;
	struct xbee_frame back;
	size_t took;
	xbee_parser_init(&p, 2);
	bool ok = xbee_parse(&p, wire, n, &took, &back) && took == n && back.api == XBEE_TX16 &&
		  !memcmp(back.addr, f.addr, 2) && back.len == f.len && !memcmp(back.data, f.data, f.len);
	book.entry_ok &= ok;
	free(dest.p), free(data.p), free(id.p);
}

/* ---- streams in ------------------------------------------------------------------------ */

static char *packets_of(const struct buf *b, size_t cut, size_t piece)
{
	char *text, item[2 * XBEE_FRAME_MAX + 32];
	struct xbee_parser p;
	struct xbee_frame f;
	xbee_parser_init(&p, 1);
	text = append(NULL, "");
	for (size_t at = 0; at < b->n;) {
		size_t end = at < cut ? cut : b->n, took;
		if (end > at + piece)
			end = at + piece;
		while (xbee_parse(&p, b->p + at, end - at, &took, &f)) {
			at += took;
			if (f.api != XBEE_RX16)
				continue;
			char *hex = hex_of(f.data, f.len);
			snprintf(item, sizeof item, "%02x:%02x %s ", f.addr[0], f.addr[1], hex);
			free(hex);
			text = append(text, item);
		}
		at += took;
	}
	return text;
}

static char *captured_packets(const json_t *v)
{
	const json_t *list = json_object_get(json_object_get(v, "py_master"), "packets"), *p;
	size_t i;
	char *text = append(NULL, "");
	json_array_foreach(list, i, p)
	{
		char item[300];
		snprintf(item, sizeof item, "%s %s ", str_of(p, "src"), str_of(p, "data"));
		text = append(text, item);
	}
	return text;
}

static void rx(const char *name, const json_t *v)
{
	struct buf b = unhex(str_of(v, "hex"));
	char *want = captured_packets(v);
	book_compare(&book, name, PACKETS, want, packets_of(&b, b.n, b.n));
	book_compare(&book, name, PACKETS, want, packets_of(&b, b.n, 1));
	for (size_t cut = 1; cut < b.n; cut++)
		book_compare(&book, name, PACKETS, want, packets_of(&b, cut, b.n));
	free(want);
	free(b.p);
}

/* ---- initialisation ------------------------------------------------------------------------ */

/* The channel that a captured talk sets, and the whole of it as "> +++ < OK ..". */
static char *captured_talk(const json_t *list, uint8_t *channel)
{
	const json_t *e;
	size_t i;
	char *text = append(NULL, "");
	json_array_foreach(list, i, e)
	{
		char item[64];
		const char *said = str_of(e, "text");
		if (!strncmp(said, "ATCH", 4))
			*channel = (uint8_t)strtoul(said + 4, NULL, 16);
		snprintf(item, sizeof item, "%s %s ", str_of(e, "dir"), str_of(e, "hex"));
		text = append(text, item);
	}
	return text;
}

static char *add(char *text, const char *dir, const uint8_t *p, size_t n)
{
	char item[128], *hex = hex_of(p, n);
	snprintf(item, sizeof item, "%s %s ", dir, hex);
	free(hex);
	return append(text, item);
}

static char *our_talk(uint8_t channel)
{
	struct xbee_config cfg = {.addr = {0x12, 0x34}, .panid = {0xca, 0xfe}, .channel = channel};
	struct xbee_modem *m;
	struct xbee_event ev;
	char *text = append(NULL, "");
	lan_time now = LAN_SEC(1);
	if (xbee_modem_new(&cfg, &m))
		return text;
	xbee_modem_plugged(m, now, true);
	for (int i = 0; i < 100 && xbee_modem_state(m) != XBEE_READY; i++) {
		size_t n;
		const uint8_t *p = xbee_modem_pending(m, &n);
		if (!n) {
			now = xbee_modem_deadline(m);
			xbee_modem_tick(m, now);
			continue;
		}
		text = add(text, "master->xbee", p, n);
		xbee_modem_sent(m, now, n);
		text = add(text, "xbee->master", (const uint8_t *)"OK\r", 3);
		for (int k = 0; k < 3; k++)
			xbee_modem_input(m, now, (const uint8_t *)"OK\r" + k, 1);
	}
	book.entry_ok &= xbee_modem_event(m, &ev) && ev.kind == XBEE_EV_READY;
	xbee_modem_free(m);
	return text;
}

int main(int argc, char **argv)
{
	json_error_t err;
	json_t *file = json_load_file(argc > 1 ? argv[1] : "tests/vectors/sos.json",
		JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &err);
	const json_t *v;
	const char *name;
	size_t i;
	if (!file) {
		printf("Bail out! %s\n", err.text);
		return 1;
	}
	json_array_foreach(json_object_get(file, "xbee"), i, v)
	{
		name = str_of(v, "name");
		book_begin(&book);
		(strcmp(str_of(v, "kind"), "xbee-tx") ? rx : tx)(name, v);
		book_end(&book, name);
	}
	json_object_foreach(json_object_get(file, "xbee_init"), name, v)
	{
		uint8_t channel = 0;
		book_begin(&book);
		char *want = captured_talk(v, &channel);
		book_compare(&book, name, TALK, want, our_talk(channel));
		free(want);
		book_end(&book, name);
	}
	json_decref(file);
	return book_close(&book);
}
