/*
 * Unit tests of <lanyard/channel.h> through the public header: members in one
 * process on the loopback interface of a namespace of their own. The cores have
 * their own tests; here it is the API's promises: configuration and its
 * sentences, views, forms, objects, state, keys read again, closing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <lanyard/channel.h>
#include <lanyard/key.h>
#include "netns.h"

#define GROUP "239.1.2.3:5000"

static struct lan_loop *loop;
static char folder[] = "/tmp/lanyard-channel-XXXXXX";
static char key[64], state[64];
static const char *const lo[] = {"lo"};

struct seen {
	size_t got[LAN_CHANNEL_KEY + 1];
	char text[8192]; /* messages, one a line; binary as its length */
	char sender[24], from[64], name[64], json[512], reason[256];
	uint64_t seq;
	enum lan_err err;
	uint32_t epoch;
};

static void take(struct seen *s, const struct lan_channel_event *ev)
{
	size_t n = strlen(s->text), room = sizeof s->text - n;
	s->got[ev->kind]++;
	assert_true(ev->at > 0 && ev->at <= lan_loop_now(loop));
	assert_string_not_equal(lan_channel_event_name(ev->kind), "");
	if (ev->kind == LAN_CHANNEL_KEY || ev->kind == LAN_CHANNEL_REFUSED)
		snprintf(s->reason, sizeof s->reason, "%s", ev->reason);
	if (ev->kind == LAN_CHANNEL_KEY) {
		s->err = ev->err;
		s->epoch = ev->epoch;
	}
	if (ev->kind != LAN_CHANNEL_MESSAGE)
		return;
	assert_int_equal(((const char *)ev->data)[ev->len], 0);
	if (ev->text)
		snprintf(s->text + n, room, "%.100s\n", (const char *)ev->data);
	else
		snprintf(s->text + n, room, "(%zu)\n", ev->len);
	snprintf(s->sender, sizeof s->sender, "%s", ev->sender);
	snprintf(s->from, sizeof s->from, "%s", ev->from);
	snprintf(s->json, sizeof s->json, "%s", ev->json ? ev->json : "");
	snprintf(s->name, sizeof s->name, "%s", ev->name);
	s->seq = ev->seq;
}

static void pull(struct lan_channel *c, struct seen *s)
{
	struct lan_channel_event ev;
	while (c && lan_channel_event(c, &ev))
		take(s, &ev);
}

/* Run both ends until `s` has had n events of a kind, at most 10 s. */
static void run_until(struct lan_channel *a, struct seen *s, struct lan_channel *b,
	enum lan_channel_event_kind kind, size_t n)
{
	lan_time end = lan_loop_now(loop) + LAN_SEC(10);
	struct seen other = {0};
	while (s->got[kind] < n && lan_loop_now(loop) < end) {
		lan_loop_run(loop, LAN_MS(20));
		pull(a, s);
		pull(b, &other);
	}
	assert_true(s->got[kind] >= n);
}

static void run_for(struct lan_channel *a, struct seen *s, lan_time t)
{
	lan_time end = lan_loop_now(loop) + t;
	while (lan_loop_now(loop) < end) {
		lan_loop_run(loop, LAN_MS(5));
		pull(a, s);
	}
}

static struct lan_channel_config plain(void)
{
	struct lan_channel_config cfg = LAN_CHANNEL_CONFIG_INIT;
	cfg.address = GROUP;
	cfg.ifaces = lo;
	cfg.n_ifaces = 1;
	return cfg;
}

static struct lan_channel_config sealed(void)
{
	struct lan_channel_config cfg = plain();
	cfg.key_file = key;
	return cfg;
}

static struct lan_channel *open_it(struct lan_channel_config cfg)
{
	struct lan_channel *c = NULL;
	const char *why = "";
	enum lan_err e = lan_channel_open(loop, &cfg, &c, &why);
	if (e)
		print_message("%s\n", why);
	assert_int_equal(e, LAN_OK);
	return c;
}

static void refuse(struct lan_channel_config cfg, enum lan_err expect, const char *words)
{
	struct lan_channel *c = NULL;
	const char *why = NULL;
	enum lan_err e = lan_channel_open(loop, &cfg, &c, &why);
	if (e != expect || !why || !strstr(why, words))
		print_message("%s: '%s' should say '%s'\n", lan_err_name(e), why ? why : "(nothing)", words);
	assert_int_equal(e, expect);
	assert_null(c);
	assert_non_null(strstr(why, words));
}

static void every_mistake_in_a_configuration_has_a_sentence_that_names_it(void **unused)
{
	struct lan_channel_config c = plain();
#define WRONG(base, err, words, ...) (c = base(), (__VA_ARGS__), refuse(c, err, words))
	WRONG(plain, LAN_ERR_ADDR, "no address", c.address = NULL);
	WRONG(plain, LAN_ERR_ADDR, "'x' is not a group and port", c.address = "x");
	WRONG(plain, LAN_ERR_ADDR, "not a multicast group", c.address = "192.0.2.1:5000");
	WRONG(plain, LAN_ERR_ADDR, "port 0", c.address = "239.1.2.3:0");
	WRONG(plain, LAN_ERR_INVAL, "no such dialect or mode", c.mode = 9);
	WRONG(plain, LAN_ERR_INVAL, "ttl is 257", c.ttl = 257);
	WRONG(plain, LAN_ERR_INVAL, "best effort only", c.mode = LAN_CHANNEL_ORDERED);
	WRONG(plain, LAN_ERR_INVAL, "'name' belongs to the sealed dialect", c.name = "x");
	WRONG(plain, LAN_ERR_INVAL, "a key without an iv", c.key = "x");
	WRONG(plain, LAN_ERR_INVAL, "longer than 32", c.key = "123456789012345678901234567890123",
		c.iv = "x");
	WRONG(plain, LAN_ERR_INVAL, "max_message is 65508", c.max_message = 65508);
	WRONG(plain, LAN_ERR_INVAL, "needs a key file", c.dialect = LAN_CHANNEL_SEALED);
	WRONG(sealed, LAN_ERR_INVAL, "key file belongs to", c.dialect = LAN_CHANNEL_MULTISOCK);
	WRONG(sealed, LAN_ERR_INVAL, "key and iv are multisock's", c.key = "a", c.iv = "b");
	WRONG(sealed, LAN_ERR_INVAL, "'late' needs the reliable mode", c.late = 1);
	WRONG(sealed, LAN_ERR_INVAL, "parity is 17", c.parity = 17);
	WRONG(sealed, LAN_ERR_INVAL, "history is 5", c.mode = LAN_CHANNEL_RELIABLE, c.history = 5);
	WRONG(sealed, LAN_ERR_INVAL, "objects are multisock's", c.objects = true);
	WRONG(sealed, LAN_ERR_INVAL, "not UTF-8", c.name = "\xff");
	WRONG(sealed, LAN_ERR_NOTFOUND, "/nowhere", c.key_file = "/nowhere");
	WRONG(plain, LAN_ERR_INVAL, "this library's version", c.size = 0);
#undef WRONG
}

static void a_channel_says_what_it_is(void **unused)
{
	struct lan_channel_config cfg = plain();
	struct lan_channel_status st;
	struct lan_channel_iface it;
	struct lan_channel *c = open_it(cfg);
	lan_channel_status(c, &st);
	assert_string_equal(st.address, GROUP);
	assert_int_equal(st.dialect, LAN_CHANNEL_MULTISOCK);
	assert_string_equal(st.security, "insecure: plaintext, no integrity, replay");
	assert_string_equal(st.cipher, "none");
	assert_true(lan_channel_iface(c, 0, &it) && it.joined);
	assert_string_equal(it.name, "lo");
	assert_false(lan_channel_iface(c, 1, &it));
	lan_channel_close(c);
	cfg.key = "pwd";
	cfg.iv = "passphrase";
	c = open_it(cfg);
	lan_channel_status(c, &st);
	assert_string_equal(st.security, "insecure: fixed IV, no integrity, replay");
	lan_channel_close(c);
	c = open_it(sealed());
	lan_channel_status(c, &st);
	assert_int_equal(st.dialect, LAN_CHANNEL_SEALED);
	assert_string_equal(st.security, "sealed: aes-256-gcm");
	assert_int_equal(strlen(st.sender), 16);
	lan_channel_close(c);
}

static void what_is_said_before_the_loop_runs_arrives(void **unused)
{
	struct lan_channel *a = open_it(plain()), *b = open_it(plain());
	struct seen s = {0};
	assert_int_equal(lan_channel_send(a, "hello", 5, 0, NULL), LAN_OK);
	assert_int_equal(lan_channel_send(a, "\xff\x00", 2, 0, NULL), LAN_OK);
	lan_channel_close(a); /* what is queued is tried once more */
	run_until(b, &s, NULL, LAN_CHANNEL_MESSAGE, 2);
	assert_string_equal(s.text, "hello\n(2)\n");
	assert_string_equal(s.sender, s.from);
	lan_channel_close(b);
}

static void a_channel_that_opened_tells_its_interface_without_another_cause(void **unused)
{
	struct lan_channel *c = open_it(plain());
	struct lan_channel_event ev;
	lan_time before = lan_loop_now(loop);
	lan_loop_run(loop, LAN_SEC(5));
	assert_true(lan_channel_event(c, &ev));
	assert_int_equal(ev.kind, LAN_CHANNEL_IFACE);
	assert_string_equal(ev.ifname, "lo");
	assert_true(lan_loop_now(loop) - before < LAN_SEC(4));
	/* and pulling leaves nothing that would keep the loop awake */
	while (lan_channel_event(c, &ev))
		;
	lan_loop_process(loop);
	while (lan_channel_event(c, &ev))
		;
	assert_int_not_equal(lan_loop_timeout(loop), 0);
	lan_channel_close(c);
}

static void forms_are_checked_and_an_empty_message_is_refused_where_it_hurts(void **unused)
{
	struct lan_channel *c = open_it(plain()), *x = open_it(sealed());
	uint64_t seq = 0;
	assert_int_equal(lan_channel_send(c, "", 0, 0, NULL), LAN_ERR_INVAL);
	assert_int_equal(lan_channel_send(c, "\xff", 1, LAN_CHANNEL_TEXT, NULL), LAN_ERR_UTF8);
	assert_int_equal(lan_channel_send(c, "x", 1, 8, NULL), LAN_ERR_INVAL);
	assert_int_equal(lan_channel_send(c, NULL, 1, 0, NULL), LAN_ERR_INVAL);
	assert_int_equal(lan_channel_send(x, "x", 1, LAN_CHANNEL_TEXT, NULL), LAN_ERR_INVAL);
	assert_int_equal(lan_channel_send(x, "", 0, 0, &seq), LAN_OK);
	assert_int_equal(seq, 1);
	assert_int_equal(lan_channel_send_object(x, "1"), LAN_ERR_NOTSUP);
	assert_int_equal(lan_channel_send_object(c, "{"), LAN_ERR_INVAL);
	lan_channel_close(c);
	lan_channel_close(x);
}

static void objects_come_back_as_the_json_they_were_made_of(void **unused)
{
	static const char *const values[] = {"null", "true", "-5", "0.1", "1e+300", "\"\\u0000a\\n\"", "[]",
		"{\"a\":{\"b\":[1,2]}}", "{\"tuple\":[1,{\"base64\":\"/w==\"}]}", "{\"float\":\"-inf\"}",
		"{\"int\":\"-9223372036854775809\"}", "{\"int\":\"340282366920938463463374607431768211456\"}",
		"{\"dict\":[[1,2],[{\"tuple\":[]},null]]}", "{\"dict\":[[\"opaque\",1]]}",
		"9223372036854775807"};
	struct lan_channel_config cfg = plain();
	cfg.objects = true;
	struct lan_channel *a = open_it(plain()), *b = open_it(cfg);
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct seen s = {0};
		assert_int_equal(lan_channel_send_object(a, values[i]), LAN_OK);
		run_until(b, &s, a, LAN_CHANNEL_MESSAGE, 1);
		assert_string_equal(s.json, values[i]);
	}
	struct seen s = {0};
	assert_int_equal(lan_channel_send(a, "not an object!", 14, 0, NULL), LAN_OK);
	run_until(b, &s, a, LAN_CHANNEL_MESSAGE, 1);
	assert_string_equal(s.json, "");
	assert_int_equal(lan_channel_send_object(a, "{\"dict\":[[[],1]]}"), LAN_ERR_INVAL);
	assert_int_equal(lan_channel_send_object(a, "{\"int\":\"12x\"}"), LAN_ERR_INVAL);
	lan_channel_close(a);
	lan_channel_close(b);
}

static void sealed_members_hear_each_other_and_not_the_other_channel_of_the_group(void **unused)
{
	struct lan_channel_config cfg = sealed();
	cfg.name = "mouth";
	struct lan_channel *a = open_it(cfg), *b = open_it(sealed());
	cfg.channel = "another";
	struct lan_channel *c = open_it(cfg);
	struct seen s = {0}, t = {0};
	uint64_t seq = 0;
	run_until(b, &s, a, LAN_CHANNEL_JOINED, 1);
	for (int i = 0; i < 5; i++)
		assert_int_equal(lan_channel_send(a, "hi", 2, 0, &seq), LAN_OK);
	assert_int_equal(seq, 5);
	run_until(b, &s, a, LAN_CHANNEL_MESSAGE, 5);
	assert_int_equal(s.seq, 5);
	assert_string_equal(s.name, "mouth");
	pull(c, &t);
	assert_int_equal(t.got[LAN_CHANNEL_MESSAGE], 0);
	assert_true(t.got[LAN_CHANNEL_REFUSED] > 0);
	struct lan_channel_sender who;
	assert_true(lan_channel_sender(b, 0, &who));
	assert_string_equal(who.id, s.sender);
	assert_true(who.present && who.rx_messages == 5);
	lan_channel_close(a);
	run_until(b, &s, NULL, LAN_CHANNEL_LEFT, 1);
	lan_channel_close(b);
	lan_channel_close(c);
}

static uint64_t first_counter(const char *path)
{
	char text[4096], *at;
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	at = strstr(text, "counter ");
	assert_non_null(at);
	return strtoull(at + 8, NULL, 10);
}

/* The one file of the state directory that ends like this. */
static void state_path(char *out, size_t cap)
{
	DIR *d = opendir(state);
	struct dirent *e;
	assert_non_null(d);
	*out = '\0';
	while ((e = readdir(d)))
		if (strlen(e->d_name) > 6 && strcmp(e->d_name + strlen(e->d_name) - 6, ".state") == 0)
			snprintf(out, cap, "%s/%.100s", state, e->d_name);
	closedir(d);
	assert_string_not_equal(out, "");
}

static void a_restart_begins_behind_every_counter_that_may_have_been_used(void **unused)
{
	struct lan_channel_config cfg = sealed();
	struct lan_channel *b = open_it(sealed()), *a;
	struct seen s = {0};
	char id[24] = "", path[256];
	uint64_t last = 0;
	cfg.state_dir = state;
	for (size_t i = 1; i <= 3; i++) {
		struct lan_channel_status st;
		a = open_it(cfg);
		state_path(path, sizeof path);
		uint64_t limit = first_counter(path);
		assert_true(limit >= last + (1u << 20));
		last = limit;
		lan_channel_status(a, &st);
		if (i > 1)
			assert_string_equal(st.sender, id);
		snprintf(id, sizeof id, "%s", st.sender);
		assert_int_equal(lan_channel_send(a, "x", 1, 0, NULL), LAN_OK);
		run_until(b, &s, a, LAN_CHANNEL_MESSAGE, i);
		lan_channel_close(a);
	}
	cfg.state_dir = state;
	a = open_it(cfg);
	refuse(cfg, LAN_ERR_EXISTS, "in use by another process");
	lan_channel_close(a);
	lan_channel_close(b);
}

static void a_state_file_with_one_bit_changed_is_refused_and_kept(void **unused)
{
	struct lan_channel_config cfg = sealed();
	char path[256], text[512] = "", c;
	cfg.state_dir = state;
	lan_channel_close(open_it(cfg));
	state_path(path, sizeof path);
	int fd = open(path, O_RDWR);
	assert_true(pread(fd, text, sizeof text - 1, 0) > 0);
	assert_non_null(strstr(text, "counter "));
	off_t at =
		strstr(text, "counter ") - text + 12; /* another digit is a digit, too: only the sum knows */
	assert_int_equal(pread(fd, &c, 1, at), 1);
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	refuse(cfg, LAN_ERR_CONFIG, "is damaged");
	refuse(cfg, LAN_ERR_CONFIG, "is damaged");
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	close(fd);
	lan_channel_close(open_it(cfg));
	assert_int_equal(unlink(path), 0);
}

/* How far the state file says that a sender was heard; 0: it says nothing. */
static uint64_t mark_of(const char *sender)
{
	char path[256], line[80], text[4096], *at;
	state_path(path, sizeof path);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	snprintf(line, sizeof line, "mark %s ", sender);
	at = strstr(text, line);
	return at ? strtoull(at + strlen(line), NULL, 10) : 0;
}

static void what_was_heard_before_a_restart_is_a_replay_after_it(void **unused)
{
	struct lan_channel_config cfg = sealed();
	struct lan_channel *a = open_it(sealed()), *b;
	struct lan_channel_status st;
	struct seen s = {0};
	char id[24];
	cfg.state_dir = state;
	b = open_it(cfg);
	lan_channel_status(a, &st);
	snprintf(id, sizeof id, "%s", st.sender);
	assert_int_equal(lan_channel_send(a, "x", 1, 0, NULL), LAN_OK);
	run_for(b, &s, LAN_MS(1600));
	uint64_t first = mark_of(id);
	assert_true(first > 0);
	/* and again while it runs, within a second or two */
	assert_int_equal(lan_channel_send(a, "y", 1, 0, NULL), LAN_OK);
	run_for(b, &s, LAN_MS(2100));
	uint64_t second = mark_of(id);
	assert_true(second > first);
	assert_int_equal(lan_channel_send(a, "z", 1, 0, NULL), LAN_OK);
	run_until(b, &s, a, LAN_CHANNEL_MESSAGE, 3);
	lan_channel_close(b);
	assert_true(mark_of(id) > second);
	lan_channel_close(a);
}

static void a_rotated_key_is_met_and_read_by_itself(void **unused)
{
	char copy[80], command[200];
	snprintf(copy, sizeof copy, "%s/copy.key", folder);
	snprintf(command, sizeof command, "cp -p %s %s", key, copy);
	assert_int_equal(system(command), 0);
	struct lan_channel_config cfg = sealed();
	struct lan_channel *b = open_it(cfg), *a;
	struct seen s = {0};
	/* the sender's file is rotated; the receiver's only when the first datagrams were refused */
	assert_int_equal(lan_key_rotate(copy, 0, LAN_SEC(60), NULL), LAN_OK);
	run_for(b, &s, LAN_MS(1100));
	cfg.key_file = copy;
	a = open_it(cfg);
	assert_int_equal(lan_channel_send(a, "new", 3, 0, NULL), LAN_OK);
	run_until(b, &s, a, LAN_CHANNEL_REFUSED, 1);
	assert_string_equal(s.reason, "epoch");
	assert_int_equal(s.got[LAN_CHANNEL_MESSAGE], 0);
	snprintf(command, sizeof command, "cp -p %s %s", copy, key);
	assert_int_equal(system(command), 0);
	for (int i = 0; i < 40 && !s.got[LAN_CHANNEL_MESSAGE]; i++) {
		assert_int_equal(lan_channel_send(a, "new", 3, 0, NULL), LAN_OK);
		run_for(b, &s, LAN_MS(100));
	}
	assert_true(s.got[LAN_CHANNEL_MESSAGE] > 0);
	assert_true(s.got[LAN_CHANNEL_KEY] > 0);
	lan_channel_close(a);
	lan_channel_close(b);
}

static void a_key_file_that_was_rotated_is_noticed_before_anybody_uses_the_new_epoch(void **unused)
{
	struct lan_channel_status st;
	struct lan_channel *c = open_it(sealed());
	struct seen s = {0};
	lan_channel_status(c, &st);
	uint32_t epoch = st.epoch;
	assert_int_equal(lan_key_rotate(key, 0, LAN_SEC(60), NULL), LAN_OK);
	run_until(c, &s, NULL, LAN_CHANNEL_KEY, 1);
	assert_int_equal(s.err, LAN_OK);
	lan_channel_status(c, &st);
	assert_int_equal(st.epoch, epoch + 1);
	lan_channel_close(c);
}

static void reading_keys_again_that_are_not_there_keeps_the_old_ones(void **unused)
{
	char away[80];
	struct lan_channel *a = open_it(sealed()), *b = open_it(sealed());
	const char *why = NULL;
	struct seen s = {0};
	snprintf(away, sizeof away, "%s.away", key);
	assert_int_equal(rename(key, away), 0);
	assert_int_equal(lan_channel_rekey(b, &why), LAN_ERR_NOTFOUND);
	assert_non_null(strstr(why, key));
	assert_int_equal(rename(away, key), 0);
	assert_int_equal(lan_channel_send(a, "x", 1, 0, NULL), LAN_OK);
	run_until(b, &s, a, LAN_CHANNEL_MESSAGE, 1);
	assert_int_equal(lan_channel_rekey(b, &why), LAN_OK);
	run_until(b, &s, a, LAN_CHANNEL_KEY, 1);
	assert_int_equal(s.err, LAN_OK);
	lan_channel_close(a);
	lan_channel_close(b);
}

static void a_full_queue_is_said_and_so_is_the_room_afterwards(void **unused)
{
	struct lan_channel_config cfg = sealed();
	struct seen s = {0};
	static char big[60000];
	cfg.rate = 2u << 20;
	cfg.max_queue = 256u << 10;
	struct lan_channel *a = open_it(cfg);
	enum lan_err e = LAN_OK;
	for (int i = 0; i < 100 && !e; i++)
		e = lan_channel_send(a, big, sizeof big, 0, NULL);
	assert_int_equal(e, LAN_ERR_FULL);
	assert_true(lan_channel_pending(a) > 0);
	run_until(a, &s, NULL, LAN_CHANNEL_WRITABLE, 1);
	assert_int_equal(lan_channel_send(a, big, sizeof big, 0, NULL), LAN_OK);
	lan_channel_close(a);
}

static void every_counter_has_a_name_of_its_own_and_a_sentence(void **unused)
{
	struct lan_channel *both[] = {open_it(plain()), open_it(sealed())};
	for (size_t k = 0; k < 2; k++) {
		const char *name, *help, *other;
		uint64_t value;
		size_t n = 0;
		for (; lan_channel_counter(both[k], n, &name, &help, &value); n++) {
			assert_true(strlen(help) > 5);
			for (size_t i = 0; i < n; i++) {
				assert_true(lan_channel_counter(both[k], i, &other, &help, &value));
				assert_string_not_equal(name, other);
			}
		}
		assert_true(n > 10);
		lan_channel_close(both[k]);
	}
}

static int setup(void **unused)
{
	return lan_loop_new(&loop) != LAN_OK;
}

static int teardown(void **unused)
{
	lan_loop_free(loop);
	return 0;
}

static int begin(void **unused)
{
	const char *why = "";
	if (!mkdtemp(folder))
		return 1;
	snprintf(key, sizeof key, "%s/group.key", folder);
	snprintf(state, sizeof state, "%s/state", folder);
	return lan_key_generate(key, LAN_CIPHER_AES_256_GCM, &why) != LAN_OK;
}

static int end(void **unused)
{
	char command[100];
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	if (!netns_enter())
		return 0;
	const struct CMUnitTest tests[] = {
		T(every_mistake_in_a_configuration_has_a_sentence_that_names_it),
		T(a_channel_says_what_it_is),
		T(what_is_said_before_the_loop_runs_arrives),
		T(a_channel_that_opened_tells_its_interface_without_another_cause),
		T(forms_are_checked_and_an_empty_message_is_refused_where_it_hurts),
		T(objects_come_back_as_the_json_they_were_made_of),
		T(sealed_members_hear_each_other_and_not_the_other_channel_of_the_group),
		T(a_restart_begins_behind_every_counter_that_may_have_been_used),
		T(a_state_file_with_one_bit_changed_is_refused_and_kept),
		T(what_was_heard_before_a_restart_is_a_replay_after_it),
		T(a_rotated_key_is_met_and_read_by_itself),
		T(a_key_file_that_was_rotated_is_noticed_before_anybody_uses_the_new_epoch),
		T(reading_keys_again_that_are_not_there_keeps_the_old_ones),
		T(a_full_queue_is_said_and_so_is_the_room_afterwards),
		T(every_counter_has_a_name_of_its_own_and_a_sentence),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
