/*
 * import_casand_words.c - the configuration of the C++ masters (casand, sosd) and of the threaded Python one
 * (sosd.py): a statement of words on each line, # begins a comment. Errors have the words of the originals:
 * "unrecognized token 'x'", "duplicate token 'x'", "invalid number of tokens (n)", "missing token/value".
 *
 * What the originals took without meaning it is not taken: a number with letters behind it, a network of
 * 802.15.4 without type, address or PAN.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "cli/import_casand.h"

#define WORDS_MAX 64

struct statement {
	struct casand *c;
	size_t line;
	char *word[WORDS_MAX];
	size_t n; /* may be more than WORDS_MAX: then it is refused */
};

static const char *const usage_http = "http-server [listen ADDR] [port NUM] [threads N]";
static const char *const usage_namespace = "namespace admin|casan|well-known PATH";
static const char *const usage_timer = "timer firsthello|hello|slavettl SECONDS";
static const char *const usage_network = "network ethernet|802.15.4 ...";
static const char *const usage_ethernet = "network ethernet IFACE [mtu BYTES] [ethertype [0x]N]";
static const char *const usage_xbee =
	"network 802.15.4 DEV type xbee addr A:B panid A:B [channel N] [mtu BYTES]";
static const char *const usage_slave = "slave id ID [ttl SECONDS] [mtu BYTES]";

static void unknown(struct statement *s, const char *word, const char *usage)
{
	ini_error(&s->c->im->ini, s->line, "unrecognized token '%.60s' (usage: %s)", word, usage);
}

static void wrong_number(struct statement *s, const char *usage)
{
	ini_error(&s->c->im->ini, s->line, "invalid number of tokens (%zu) (usage: %s)", s->n, usage);
}

/* ---- pairs of a key and its value ------------------------------------------------------------------------
 */

struct pair {
	const char *key, *value; /* NULL: not given */
};

/* Those of the statement from word `from` on; false: said what is wrong. */
static bool take_pairs(struct statement *s, size_t from, struct pair *pairs, const char *usage)
{
	for (size_t i = from; i + 1 < s->n; i += 2) {
		struct pair *p = pairs;
		while (p->key && strcmp(p->key, s->word[i]) != 0)
			p++;
		if (!p->key) {
			unknown(s, s->word[i], usage);
			return false;
		}
		if (p->value) {
			ini_error(&s->c->im->ini, s->line, "duplicate token '%s' (usage: %s)", p->key, usage);
			return false;
		}
		p->value = s->word[i + 1];
	}
	if ((s->n - from) % 2 == 0)
		return true;
	wrong_number(s, usage);
	return false;
}

/* False: said that it is none. */
static bool number_of(struct statement *s, const struct pair *p, uint32_t *out)
{
	*out = 0;
	if (!p->value || casand_number(p->value, false, INT32_MAX, out))
		return true;
	ini_error(&s->c->im->ini, s->line, "%s '%.40s' is not a number", p->key, p->value);
	return false;
}

/* ---- statements ------------------------------------------------------------------------------------------
 */

static void http(struct statement *s)
{
	struct pair p[] = {{"listen", NULL}, {"port", NULL}, {"threads", NULL}, {NULL, NULL}};
	if (!take_pairs(s, 1, p, usage_http))
		return;
	if (p[2].value)
		import_note(
			s->c->im, s->line, "threads", p[2].value, "has no counterpart: there is one loop");
	casand_add_listen(
		s->c, s->line, p[0].value ? p[0].value : "*", p[1].value ? p[1].value : "http", false);
}

static void name_space(struct statement *s)
{
	static const struct {
		const char *word;
		enum casand_namespace ns;
	} known[] = {
		{"admin", NS_ADMIN}, {"casan", NS_CASAN}, {"sos", NS_CASAN}, {"well-known", NS_WELL_KNOWN}};
	if (s->n != 3) {
		wrong_number(s, usage_namespace);
		return;
	}
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strcmp(known[i].word, s->word[1]) != 0)
			continue;
		s->c->sos |= strcmp(s->word[1], "sos") == 0;
		casand_add_uri(s->c, s->line, known[i].ns, s->word[1], s->word[2]);
		return;
	}
	unknown(s, s->word[1], usage_namespace);
}

static void timer(struct statement *s)
{
	static const char *const known[TIMER_N] = {"firsthello", "hello", "slavettl"};
	struct pair p = {NULL, NULL};
	uint32_t n;
	size_t i = 0;
	if (s->n != 3) {
		wrong_number(s, usage_timer);
		return;
	}
	while (i < TIMER_N && strcmp(known[i], s->word[1]) != 0)
		i++;
	if (i == TIMER_N) {
		unknown(s, s->word[1], usage_timer);
		return;
	}
	p = (struct pair){s->word[1], s->word[2]};
	if (!number_of(s, &p, &n))
		return;
	if (s->line == 1)
		import_note(s->c->im, s->line, "timer", NULL,
			"in the first line it was refused by the C++ casand; taken here");
	s->c->timer[i] = n;
}

static void ethernet(struct statement *s)
{
	struct pair p[] = {{"mtu", NULL}, {"ethertype", NULL}, {NULL, NULL}};
	uint32_t mtu;
	if (s->n < 3)
		wrong_number(s, usage_ethernet);
	else if (take_pairs(s, 3, p, usage_ethernet) && number_of(s, &p[0], &mtu))
		casand_add_ethernet(s->c, s->line, s->word[2], mtu, p[1].value);
}

static void radio(struct statement *s)
{
	struct pair p[] = {{"type", NULL}, {"addr", NULL}, {"panid", NULL}, {"channel", NULL}, {"mtu", NULL},
		{NULL, NULL}};
	uint32_t channel, mtu;
	if (s->n < 3) {
		wrong_number(s, usage_xbee);
		return;
	}
	if (!take_pairs(s, 3, p, usage_xbee) || !number_of(s, &p[3], &channel) || !number_of(s, &p[4], &mtu))
		return;
	if (p[0].value && strcmp(p[0].value, "xbee") != 0)
		unknown(s, p[0].value, usage_xbee);
	else if (!p[0].value || !p[1].value || !p[2].value)
		ini_error(&s->c->im->ini, s->line, "missing token/value (usage: %s)", usage_xbee);
	else
		casand_add_xbee(s->c, s->line, s->word[2], p[1].value, p[2].value, channel, mtu);
}

static void network(struct statement *s)
{
	if (s->n < 2)
		ini_error(&s->c->im->ini, s->line, "missing token/value (usage: %s)", usage_network);
	else if (strcmp(s->word[1], "ethernet") == 0)
		ethernet(s);
	else if (strcmp(s->word[1], "802.15.4") == 0)
		radio(s);
	else
		unknown(s, s->word[1], usage_network);
}

static void slave(struct statement *s)
{
	struct pair p[] = {{"id", NULL}, {"ttl", NULL}, {"mtu", NULL}, {NULL, NULL}};
	struct casand_slave one = {.line = s->line};
	if (take_pairs(s, 1, p, usage_slave) && number_of(s, &p[0], &one.id) &&
		number_of(s, &p[1], &one.ttl) && number_of(s, &p[2], &one.mtu))
		casand_add_slave(s->c, &one);
}

static void take_statement(struct statement *s)
{
	static const struct {
		const char *word;
		void (*fn)(struct statement *s);
	} known[] = {{"http-server", http}, {"namespace", name_space}, {"timer", timer}, {"network", network},
		{"slave", slave}};
	if (!s->n)
		return;
	if (s->n > WORDS_MAX) {
		ini_error(&s->c->im->ini, s->line, "invalid number of tokens (%zu)", s->n);
		return;
	}
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(known[i].word, s->word[0]) == 0) {
			known[i].fn(s);
			return;
		}
	unknown(s, s->word[0], "http-server, namespace, timer, network, or slave");
}

/* Cuts the line into words, in place. */
static void split(struct statement *s, char *p)
{
	p[strcspn(p, "#")] = '\0';
	s->n = 0;
	for (;;) {
		while (isspace((unsigned char)*p))
			p++;
		if (!*p)
			return;
		if (s->n < WORDS_MAX)
			s->word[s->n] = p;
		s->n++;
		while (*p && !isspace((unsigned char)*p))
			p++;
		if (*p)
			*p++ = '\0';
	}
}

void import_casand_words(struct import *im, char *text, size_t len)
{
	struct casand c = {.im = im};
	struct statement s = {.c = &c};
	fputs("# Made of a configuration of casand by: lanyard config import\nsensor:\n  - name: casand\n",
		im->yaml);
	for (char *p = text, *end = text + len; p < end && im->ini.n_errors < 50;) {
		char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);
		s.line++;
		p[n] = '\0';
		if (strlen(p) != n) {
			ini_error(&im->ini, s.line, "a NUL");
		} else {
			split(&s, p);
			take_statement(&s);
		}
		p += n + 1;
	}
	casand_write(&c);
	casand_fini(&c);
}
