/*
 * sos_text.c - see sos_text.h.
 */
#include "sos_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const types[] = {"CON", "NON", "ACK", "RST"};

static void hex(FILE *f, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%02x", p[i]);
}

char *message_text(const struct coap_msg *m, bool with_token)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	struct coap_options o = coap_options_of(m);

	fprintf(f, "%s %d.%02d %u", types[m->type], m->code >> 5, m->code & 31, m->mid);
	if (with_token) {
		fprintf(f, " token ");
		hex(f, m->token, m->tkl);
	}
	while (coap_options_next(&o)) {
		fprintf(f, " %u=", o.number);
		hex(f, o.value, o.len);
	}
	fprintf(f, " payload ");
	hex(f, m->payload, m->len);
	fclose(f);
	return text;
}

/* Codes stand in the file as "0.02" and as numbers. */
static unsigned code_of(const json_t *o)
{
	const json_t *code = json_object_get(o, "code");
	unsigned class, detail;

	if (json_is_number(code))
		return (unsigned)json_number_value(code);
	return sscanf(json_string_value(code), "%u.%u", &class, &detail) == 2 ? COAP_CODE(class, detail) : 0;
}

char *described_text(const json_t *o, bool with_token)
{
	const json_t *option;
	char *text;
	size_t len, i;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, "%s %d.%02d %d", str_of(o, "type"), code_of(o) >> 5, code_of(o) & 31,
		(int)json_number_value(json_object_get(o, "mid")));
	if (with_token)
		fprintf(f, " token %s", str_of(o, "token"));
	json_array_foreach(json_object_get(o, "options"), i, option)
	{
		fprintf(f, " %d=%s", (int)json_number_value(json_object_get(option, "num")),
			str_of(option, "hex"));
	}
	fprintf(f, " payload %s", str_of(o, "payload"));
	fclose(f);
	return text;
}

char *written_hex(const json_t *o)
{
	static uint8_t out[4096];
	struct buf token = unhex(str_of(o, "token")), payload = unhex(str_of(o, "payload"));
	const json_t *option;
	int type = 0;
	size_t i;

	while (strcmp(types[type], str_of(o, "type")) != 0)
		type++;
	struct coap_wr w = coap_begin(out, sizeof out, (enum coap_type)type, (uint8_t)code_of(o),
		(uint16_t)json_number_value(json_object_get(o, "mid")), token.p, (uint8_t)token.n);
	json_array_foreach(json_object_get(o, "options"), i, option)
	{
		struct buf value = unhex(str_of(option, "hex"));
		coap_put(&w, (uint32_t)json_number_value(json_object_get(option, "num")), value.p, value.n);
		free(value.p);
	}
	coap_put_payload(&w, payload.p, payload.n);
	free(token.p);
	free(payload.p);
	return shown("", out, coap_end(&w));
}

const char *verdict(const struct buf *b, struct coap_msg *m)
{
	static char text[60];
	enum coap_fault f = coap_decode(b->p, b->n, m);
	uint32_t bad = f ? 0 : coap_bad_option(m);

	snprintf(text, sizeof text, "bad option %u", bad);
	return f ? coap_fault_text(f) : bad ? text : "";
}
