/*
 * lsoe_play.c - see lsoe_play.h.
 */
#include "lsoe_play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINK 1
#define MANY 400 /* lines of a talk */

static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 10}, mac_b[6] = {2, 0, 0, 0, 0, 11};

/* Nonces are those of the capture, `at` the one that is next; everything else that is random is not. */
struct random {
	uint8_t nonce[8][4];
	unsigned n, at;
};

static void entropy(void *ctx, void *buf, size_t n)
{
	struct random *r = ctx;

	memset(buf, 0x55, n);
	if (n == 4 && r->at < r->n)
		memcpy(buf, r->nonce[r->at], 4);
}

struct node {
	struct random random;
	struct lan_env env;
	struct lsoe *core;
	lan_time now;
	const uint8_t *mac, *peer;
	char *line[MANY]; /* what it sent: "SUMMARY hex", or the summary alone */
	size_t lines;
	bool with_hex;
	struct lsoe_reasm reasm; /* of the peer, to read what it sent */
	struct lsoe_reasm_budget budget;
};

static void node_init(struct node *n, const uint8_t *id, const uint8_t *mac, const uint8_t *peer)
{
	struct lsoe_config cfg = {.dialect = LSOE_01, .id = id, .id_len = LSOE_ID_01};
	struct lsoe_link_config link = {.link = LINK, .hello_to = {1, 0x80, 0xc2, 0, 0, 14}, .mtu = LSOE_MTU};

	n->env = (struct lan_env){.ctx = &n->random, .entropy = entropy};
	n->budget.max = 1 << 20;
	n->mac = mac, n->peer = peer;
	lsoe_reasm_init(&n->reasm);
	memcpy(link.mac, mac, 6);
	if (lsoe_new(&n->env, &cfg, &n->core) || lsoe_link_up(n->core, n->now, &link))
		abort();
}

static void node_fini(struct node *n)
{
	lsoe_reasm_fini(&n->reasm, &n->budget);
	lsoe_free(n->core);
	n->core = NULL;
}

static void forget_lines(struct node *n)
{
	while (n->lines)
		free(n->line[--n->lines]);
}

static void take_down(struct node *n, const uint8_t *buf, size_t len)
{
	struct buf content = {.p = malloc(len), .n = len};
	struct lsoe_pdu pdu = {.type = 200};

	memcpy(content.p, buf, len);
	char *text = lsoe_heard_of(&n->reasm, &n->budget, LSOE_01, &content, &pdu);
	bool quiet = pdu.type == LSOE_HELLO || pdu.type == LSOE_KEEPALIVE;
	if (pdu.type != 200 && !quiet && n->lines < MANY) {
		struct lan_wr w = lan_wr_of(malloc(LSOE_PDU_MAX_01), LSOE_PDU_MAX_01);
		lsoe_pdu_encode(&w, LSOE_01, &pdu, 0, 0);
		char *hex = lsoe_cut(LSOE_01, 0, w.buf, w.off);
		n->line[n->lines++] = n->with_hex ? text_of(text, hex) : strdup(text);
		free(hex);
		free(w.buf);
	}
	free(text);
	free(content.p);
}

/* Everything that is to be sent now; events are pulled too. */
static void drain(struct node *n)
{
	uint8_t to[6], buf[LSOE_MTU];
	struct lsoe_event ev;
	uint32_t link;
	size_t len;

	while (lsoe_ops.want(n->core, &link))
		while ((len = lsoe_ops.output(n->core, n->now, link, to, buf, sizeof buf)))
			take_down(n, buf, len);
	while (lsoe_event(n->core, n->now, &ev))
		;
}

static void pass(struct node *n, lan_time until)
{
	lan_time at;

	while ((at = lsoe_ops.deadline(n->core)) <= until) {
		n->now = at > n->now ? at : n->now;
		lsoe_ops.tick(n->core, n->now);
		drain(n);
	}
	n->now = until > n->now ? until : n->now;
}

static void content_in(struct node *n, const uint8_t *p, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);

	memcpy(exact, p, len);
	(void)lsoe_ops.input(n->core, n->now, LINK, n->peer, exact, len);
	free(exact);
	drain(n);
}

/* A frame off the wire, as the socket filters: for us or a group, without a tag. */
static void frame_in(struct node *n, const char *hex)
{
	struct buf f = unhex(hex);
	bool ours = (f.p[0] & 1) || !memcmp(f.p, n->mac, 6);

	if (ours && f.p[12] == 0x88 && f.p[13] == 0x85)
		content_in(n, f.p + ETHER, f.n - ETHER);
	free(f.p);
}

static void pdu_in(struct node *n, const char *hex)
{
	struct buf pdu = unhex(hex);
	uint8_t buf[64];

	memcpy(buf + 8, pdu.p, pdu.n);
	content_in(n, buf, lsoe_frame_finish(LSOE_01, 0, 0, true, buf, pdu.n));
	free(pdu.p);
}

/* --- cases ---------------------------------------------------------------------------------- */

/* "established session (peer nonce 01020304, peer MAC B)", quiet for some seconds. */
static void establish(struct node *n)
{
	pdu_in(n, "000003");
	pdu_in(n, "0300080100000000");
	pdu_in(n, "010014010203040000000000000000000b000000");
	for (int type = 4; type <= 7; type++) {
		char ack[20];
		snprintf(ack, sizeof ack, "030008%02x00000000", type);
		pdu_in(n, ack);
	}
	for (int i = 1; i <= 5; i++) {
		pass(n, n->now + LAN_SEC(1));
		pdu_in(n, "020003");
	}
	forget_lines(n);
}

static char *joined(char *const *line, size_t n, const char *between)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s%s", i ? between : "", line[i]);
	fclose(f);
	return text;
}

static bool established(struct node *n, lan_time *last_keepalive)
{
	struct lsoe_status s;

	for (size_t i = 0; lsoe_peer(n->core, i, &s); i++)
		if (!memcmp(s.mac, n->peer, 6)) {
			*last_keepalive = s.last_keepalive;
			return s.state == LSOE_ESTABLISHED;
		}
	*last_keepalive = LAN_NEVER;
	return false;
}

/* Counters of the ways in which something is not as usual. */
static bool worth(const char *name)
{
	return !strncmp(name, "drop_", 5) || !strncmp(name, "down_", 5) || !strcmp(name, "error_acks") ||
	       !strcmp(name, "rx_duplicate_open") || !strcmp(name, "tx_error_ack");
}

static char *risen(const struct lsoe_counters *before, const struct lsoe_counters *after)
{
	char *text;
	size_t len, n = 0;
	FILE *f = open_memstream(&text, &len);

	for (int i = 0; i < LSOE_C_N; i++)
		if (after->v[i] > before->v[i] && worth(lsoe_counter_name(i)))
			fprintf(f, "%s%s", n++ ? ", " : "", lsoe_counter_name(i));
	fclose(f);
	return text;
}

struct played play_case(const json_t *e)
{
	static const uint8_t id[LSOE_ID_01] = {[9] = 10};
	static struct node n;
	struct lsoe_counters before;
	const json_t *frames = json_object_get(e, "frames"), *frame;
	struct played p;
	lan_time heard;
	size_t i;

	n = (struct node){.now = LAN_SEC(10)};
	node_init(&n, id, mac_a, mac_b);
	drain(&n);
	if (strncmp(str_of(e, "precondition"), "established", 11) == 0)
		establish(&n);
	before = *lsoe_counters(n.core);
	json_array_foreach(frames, i, frame)
	{
		frame_in(&n, json_string_value(frame));
	}
	p.answers = joined(n.line, n.lines, ", ");
	pass(&n, n.now + LAN_MS(1100)); /* fragments that wait are given up */
	p.counted = risen(&before, lsoe_counters(n.core));
	pdu_in(&n, "020003");
	p.up = established(&n, &heard);
	p.hears = heard == n.now;
	forget_lines(&n);
	node_fini(&n);
	return p;
}

void played_fini(struct played *p)
{
	free(p->answers);
	free(p->counted);
}

/* --- the talk -------------------------------------------------------------------------------- */

struct talk {
	struct node n;
	const char *side;
	char *line[MANY]; /* what the replaced side sent in the capture, as `node.line` */
	size_t lines;
	struct lsoe_reasm reasm;
	struct lsoe_reasm_budget budget;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *sorted(char **line, size_t n)
{
	qsort(line, n, sizeof *line, by_text);
	return joined(line, n, "; ");
}

static void start(struct talk *t)
{
	static const uint8_t id_a[LSOE_ID_01] = "leaf0", id_b[LSOE_ID_01] = "spine3";
	bool is_a = *t->side == 'A';

	if (t->n.core)
		node_fini(&t->n);
	node_init(&t->n, is_a ? id_a : id_b, is_a ? mac_a : mac_b, is_a ? mac_b : mac_a);
	drain(&t->n);
}

/* What the side announced in the capture is announced by ours from then on. */
static void announce(struct node *n, const struct lsoe_pdu *pdu)
{
	struct lsoe_list list = {0};
	struct lsoe_entry e;

	for (size_t at = 0; lsoe_entry_next(&pdu->u.entries, &at, &e);)
		if (lsoe_list_add(&list, pdu->type, &e))
			abort();
	if (lsoe_announce(n->core, n->now, LINK, pdu->type, &list))
		abort();
	drain(n);
}

/* The replaced side's own lines, which are known before they are due: its nonces, and what it announces from
 * the start. A HELLO that is not the first means that it was started again. */
static void look_ahead(struct talk *t, const json_t *items, size_t from)
{
	bool seen[256] = {false};

	for (size_t i = from; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		struct lsoe_pdu pdu = {.type = 200};
		if (strcmp(str_of(item, "from"), t->side) != 0)
			continue;
		for (size_t k = 0; k < json_array_size(json_object_get(item, "frames")); k++) {
			const char *hex =
				json_string_value(json_array_get(json_object_get(item, "frames"), k));
			struct buf content = unhex(hex + 2 * ETHER);
			free(lsoe_heard_of(&t->reasm, &t->budget, LSOE_01, &content, &pdu));
			if (pdu.type >= LSOE_IPV4 && pdu.type <= LSOE_MPLS6 && !seen[pdu.type]) {
				seen[pdu.type] = true;
				announce(&t->n, &pdu);
			}
			if (pdu.type == LSOE_OPEN && t->n.random.n < 8)
				memcpy(t->n.random.nonce[t->n.random.n++], pdu.u.open.nonce, 4);
			free(content.p);
		}
		if (pdu.type == LSOE_HELLO && i > from)
			break;
	}
}

static void its_own(struct talk *t, const json_t *item)
{
	const json_t *frames = json_object_get(item, "frames");
	char *text = NULL;

	for (size_t k = 0; k < json_array_size(frames); k++) {
		const char *hex = json_string_value(json_array_get(frames, k)) + 2 * ETHER;
		struct buf content = unhex(hex);
		struct lsoe_pdu pdu = {.type = 200};
		char *heard = lsoe_heard_of(&t->reasm, &t->budget, LSOE_01, &content, &pdu);
		char *more = text_of(
			text ? text : str_of(item, "summary") + strcspn(str_of(item, "summary"), " ") + 1,
			hex);
		free(text);
		text = more;
		if (pdu.type >= LSOE_IPV4 && pdu.type <= LSOE_MPLS6)
			announce(&t->n, &pdu);
		t->n.random.at += pdu.type == LSOE_OPEN;
		free(heard);
		free(content.p);
	}
	if (strcmp(str_of(item, "pdu"), "HELLO") != 0 && strcmp(str_of(item, "pdu"), "KEEPALIVE") != 0)
		t->line[t->lines++] = text;
	else
		free(text);
}

void play_talk(const json_t *items, const char *side, char **captured, char **ours)
{
	static struct talk t;
	size_t i;
	const json_t *item;
	bool began = false;

	t = (struct talk){.side = side, .budget.max = 1 << 20, .n.with_hex = true};
	lsoe_reasm_init(&t.reasm);
	json_array_foreach(items, i, item)
	{
		lan_time at = LAN_SEC(100) + (lan_time)(json_number_value(json_object_get(item, "t")) * 1e9);
		bool own = strcmp(str_of(item, "from"), side) == 0;
		if (t.n.core)
			pass(&t.n, at);
		t.n.now = at;
		if (own && strcmp(str_of(item, "pdu"), "HELLO") == 0 && (!began || at > LAN_SEC(105))) {
			began = true;
			start(&t);
			look_ahead(&t, items, i);
		}
		if (own)
			its_own(&t, item);
		for (size_t k = 0; !own && t.n.core && k < json_array_size(json_object_get(item, "frames"));
			k++)
			frame_in(&t.n, json_string_value(json_array_get(json_object_get(item, "frames"), k)));
	}
	pass(&t.n, t.n.now + LAN_MS(300));
	*captured = sorted(t.line, t.lines);
	*ours = sorted(t.n.line, t.n.lines);
	forget_lines(&t.n);
	while (t.lines)
		free(t.line[--t.lines]);
	lsoe_reasm_fini(&t.reasm, &t.budget);
	node_fini(&t.n);
}
