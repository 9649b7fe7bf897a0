/*
 * neighbor_pins.c - the file of learned keys: see neighbor_state.h.
 *
 *      # Keys learned of neighbours. lanyard-neighbor(7)
 *      lanyard-pins 1
 *      pin 0000000000000000000b ed25519 v34Ib5FfyUkjQmGqeaT6C2CZbPLQnsh+PJiwbiyi538= 2026-11-21T08:00:00Z
 *
 * Refused, with the line: what is not understood, a node that stands there
 * twice. Nothing is left out silently: a pin that is lost would let a stranger
 * take the node's place.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/key_int.h"
#include "api/neighbor_state.h"
#include "base/base64.h"

#define MAGIC    "lanyard-pins 1"
#define FILE_MAX (24u << 20) /* all pins with the longest keys */

void neighbor_pins_fini(struct neighbor_pins *p)
{
	for (size_t i = 0; i < p->n; i++)
		lsoe_key_fini(&p->pin[i].key);
	free(p->pin);
	*p = (struct neighbor_pins){0};
}

static int compare(const struct neighbor_pin *p, const uint8_t *id, uint8_t id_len)
{
	size_t n = p->id_len < id_len ? p->id_len : id_len;
	int c = memcmp(p->id, id, n);
	return c ? c : (int)p->id_len - (int)id_len;
}

/* Where it is, or would be. */
static size_t find(const struct neighbor_pins *p, const uint8_t *id, uint8_t id_len, bool *there)
{
	size_t low = 0, high = p->n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (compare(&p->pin[mid], id, id_len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*there = low < p->n && compare(&p->pin[low], id, id_len) == 0;
	return low;
}

static enum lan_err grow(struct neighbor_pins *p)
{
	if (p->n == NEIGHBOR_PINS_MAX)
		return LAN_ERR_LIMIT;
	if (p->n < p->cap)
		return LAN_OK;
	size_t cap = p->cap ? p->cap * 2 : 16;
	struct neighbor_pin *pin = realloc(p->pin, cap * sizeof *pin);
	if (!pin)
		return LAN_ERR_NOMEM;
	p->pin = pin;
	p->cap = cap;
	return LAN_OK;
}

enum lan_err neighbor_pins_set(
	struct neighbor_pins *p, const uint8_t *id, uint8_t id_len, const struct lsoe_key *key, int64_t now)
{
	bool there;
	size_t at = find(p, id, id_len, &there);
	if (there)
		return lsoe_key_set(&p->pin[at].key, key->alg, key->key, key->len);
	struct lsoe_key copy = {0};
	enum lan_err e = grow(p);
	if (!e)
		e = lsoe_key_set(&copy, key->alg, key->key, key->len);
	if (e)
		return e;
	memmove(&p->pin[at + 1], &p->pin[at], (p->n - at) * sizeof *p->pin);
	p->pin[at] = (struct neighbor_pin){.id_len = id_len, .key = copy, .first_seen = now};
	memcpy(p->pin[at].id, id, id_len);
	p->n++;
	return LAN_OK;
}

bool neighbor_pins_remove(struct neighbor_pins *p, const uint8_t *id, uint8_t id_len)
{
	bool there;
	size_t at = find(p, id, id_len, &there);
	if (!there)
		return false;
	lsoe_key_fini(&p->pin[at].key);
	p->n--;
	memmove(&p->pin[at], &p->pin[at + 1], (p->n - at) * sizeof *p->pin);
	return true;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

bool neighbor_id_parse(const char *text, uint8_t out[LSOE_ID_MAX], uint8_t *len)
{
	size_t n = 0;
	while (*text) {
		if (n && (*text == ':' || *text == '-' || *text == ' '))
			text++;
		int high = nibble(text[0]), low = high < 0 ? -1 : nibble(text[1]);
		if (low < 0 || n == LSOE_ID_MAX)
			return false;
		out[n++] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	*len = (uint8_t)n;
	return n > 0;
}

static const char *take_line(struct key_lines *l, struct neighbor_pins *p)
{
	uint8_t id[LSOE_ID_MAX], id_len, octets[LSOE_KEY_MAX + 3];
	struct lsoe_key key = {.key = octets};
	size_t n = 0;
	int64_t seen;
	bool there;
	if (l->n != 5 || strcmp(l->word[0], "pin") != 0)
		return "expected: pin ID ALGORITHM KEY TIME";
	if (!neighbor_id_parse(l->word[1], id, &id_len))
		return "the id is not 1 to 255 octets of hexadecimal digits";
	if (!(key.alg = key_algorithm_of(l->word[2])))
		return "no such algorithm; there are ed25519 and rsasha256";
	size_t len = strlen(l->word[3]);
	if (len > LSOE_KEY_MAX / 3 * 4 + 4 || lan_base64_decode(l->word[3], len, octets, &n) ||
		!lan_public_ok(key.alg, octets, n))
		return "not a public key of this algorithm in base64";
	if (!key_time_parse(l->word[4], &seen))
		return "not a time; it is written as 2026-11-21T08:00:00Z";
	find(p, id, id_len, &there);
	if (there)
		return "this node stands in the file already; remove the line that is wrong";
	key.len = (uint16_t)n;
	enum lan_err e = neighbor_pins_set(p, id, id_len, &key, seen);
	return e == LAN_ERR_LIMIT ? "more than 16384 pins" : e ? "out of memory" : NULL;
}

enum lan_err neighbor_pins_read(const char *path, struct neighbor_pins *out, const char **why)
{
	struct neighbor_pins p = {0};
	struct key_text t;
	enum lan_err e = key_read(path, false, FILE_MAX, &t, why);
	if (e == LAN_ERR_NOTFOUND) {
		*out = p;
		return LAN_OK;
	}
	if (e)
		return e;
	struct key_lines l = {.path = path, .at = t.text};
	e = key_magic(&l, MAGIC, why);
	while (!e && key_line(&l)) {
		const char *what = take_line(&l, &p);
		if (what)
			e = key_why(why, LAN_ERR_CONFIG, "%s:%u: %s", path, l.number, what);
	}
	key_text_free(&t);
	if (e)
		neighbor_pins_fini(&p);
	else
		*out = p;
	return e;
}

char *neighbor_pins_text(const struct neighbor_pins *p, size_t *n)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, n);
	if (!f)
		return NULL;
	fprintf(f, "# Keys learned of neighbours. lanyard-neighbor(7)\n" MAGIC "\n");
	for (size_t i = 0; i < p->n; i++) {
		const struct neighbor_pin *pin = &p->pin[i];
		char key[LSOE_KEY_MAX / 3 * 4 + 8], when[KEY_TIME_TEXT];
		fprintf(f, "pin ");
		for (size_t k = 0; k < pin->id_len; k++)
			fprintf(f, "%02x", pin->id[k]);
		lan_base64_encode(pin->key.key, pin->key.len, key);
		key[lan_base64_len(pin->key.len)] = '\0';
		key_time_print(pin->first_seen, when);
		fprintf(f, " %s %s %s\n", key_algorithm_name(pin->key.alg), key, when);
	}
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}
