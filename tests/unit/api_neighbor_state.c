/*
 * Unit tests of what a node of the neighbour family keeps: its keys and
 * certificates from files, the pins, and the files of sessions. In a folder of
 * its own, removed at the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>
#include <cmocka.h>
#include <lanyard/key.h>
#include "api/key_int.h"
#include "api/neighbor_keys.h"
#include "api/neighbor_state.h"

#define KEY1 "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define KEY2 "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw="
#define HEAD "lanyard-pins 1\n"

static char folder[] = "/tmp/lanyard-neighbor-XXXXXX";
static const uint8_t MAC[6] = {2, 0, 0, 0, 0, 0x0b};
static struct lan_loop *loop;

static int enter(void **state)
{
	return !mkdtemp(folder) || chdir(folder) || lan_crypto_init() || lan_loop_new(&loop);
}

static int leave(void **state)
{
	lan_loop_free(loop);
	char command[64];
	snprintf(command, sizeof command, "rm -r %s", folder);
	return chdir("/") || system(command);
}

static void put(const char *name, const char *text, mode_t mode)
{
	unlink(name);
	FILE *f = fopen(name, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(name, mode), 0);
}

/* --- keys ------------------------------------------------------------------------------- */

static void export_to(const char *secret, const char *name)
{
	char text[LAN_KEY_EXPORT];
	assert_int_equal(lan_key_export(secret, text, NULL), LAN_OK);
	put(name, text, 0644);
}

static enum lan_err load(const char *key, const char *cert, const char *anchor, const char *want)
{
	struct neighbor_keys k = {0};
	const char *why = "";
	enum lan_err e = neighbor_keys_load(key, cert, anchor, &k, &why);
	if (e) {
		assert_null(k.signer);
		if (!strstr(why, want))
			fail_msg("\"%s\" does not say \"%s\"", why, want);
	} else {
		assert_true(!key == !k.signer && !cert == !k.cert && !anchor == !k.anchor.alg);
	}
	neighbor_keys_fini(&k);
	return e;
}

static void both_kinds_of_keys_are_made_exported_certified_and_loaded(void **state)
{
	struct lan_key_signing info;
	assert_int_equal(lan_key_identity("anchor.id", NULL), LAN_OK);
	assert_int_equal(lan_key_identity("leaf.id", NULL), LAN_OK);
	assert_int_equal(lan_key_identity_rsa("anchor.pem", 2048, NULL), LAN_OK);
	assert_int_equal(lan_key_identity_rsa("leaf.pem", 3072, NULL), LAN_OK);
	export_to("anchor.id", "anchor.pub");
	export_to("leaf.id", "leaf.pub");
	export_to("anchor.pem", "anchor-rsa.pub");
	assert_int_equal(lan_key_certify("anchor.id", "leaf.pub", "leaf.cert", NULL), LAN_OK);
	assert_int_equal(lan_key_certify("anchor.pem", "leaf.pem", "leaf-rsa.cert", NULL), LAN_OK);
	assert_int_equal(load("leaf.id", "leaf.cert", "anchor.pub", ""), LAN_OK);
	assert_int_equal(load("leaf.id", "leaf.cert", NULL, ""), LAN_OK);
	assert_int_equal(load("leaf.pem", "leaf-rsa.cert", "anchor-rsa.pub", ""), LAN_OK);
	assert_int_equal(load(NULL, NULL, "anchor-rsa.pub", ""), LAN_OK);
	assert_int_equal(load(NULL, NULL, NULL, ""), LAN_OK);
	assert_int_equal(lan_key_signing("leaf.pem", &info, NULL), LAN_OK);
	assert_string_equal(info.algorithm, "rsasha256");
	assert_int_equal(info.bits, 3072);
	char print[17];
	assert_int_equal(lan_key_signing("leaf.id", &info, NULL), LAN_OK);
	memcpy(print, info.fingerprint, sizeof print);
	assert_int_equal(lan_key_signing("leaf.pub", &info, NULL), LAN_OK);
	assert_string_equal(print, info.fingerprint);
	assert_int_equal(lan_key_certify("anchor.id", "leaf.pub", "leaf.cert", NULL), LAN_ERR_EXISTS);
}

/* After the one above: its files. */
static void keys_that_do_not_belong_together_are_refused(void **state)
{
	const char *why;
	assert_int_equal(lan_key_certify("anchor.pem", "leaf.pub", "x.cert", &why), LAN_ERR_INVAL);
	assert_int_equal(load(NULL, "leaf.cert", NULL, "no key file is given"), LAN_ERR_INVAL);
	assert_int_equal(load("leaf.pem", "leaf.cert", NULL, "the same algorithm"), LAN_ERR_CONFIG);
	assert_int_equal(load("anchor.id", "leaf.cert", "anchor.pub", "lanyard key certify"), LAN_ERR_CONFIG);
	assert_int_equal(load("leaf.id", "leaf.cert", "leaf.pub", "lanyard key certify"), LAN_ERR_CONFIG);
	assert_int_equal(
		load("leaf.id", "leaf.cert", "anchor-rsa.pub", "lanyard key certify"), LAN_ERR_CONFIG);
}

static void key_files_that_are_wrong_or_open_to_others_are_refused_with_a_sentence(void **state)
{
	assert_int_equal(load("none.id", NULL, NULL, "none.id"), LAN_ERR_NOTFOUND);
	assert_int_equal(chmod("leaf.pem", 0640), 0);
	assert_int_equal(load("leaf.pem", NULL, NULL, "chmod 600 'leaf.pem'"), LAN_ERR_PERM);
	assert_int_equal(chmod("leaf.pem", 0600), 0);
	assert_int_equal(chmod("anchor.pub", 0666), 0);
	assert_int_equal(load(NULL, NULL, "anchor.pub", "chmod go-w 'anchor.pub'"), LAN_ERR_PERM);
	assert_int_equal(chmod("anchor.pub", 0644), 0);
	assert_int_equal(load("leaf.pub", NULL, NULL, "chmod 600"), LAN_ERR_PERM);
}

static void wrong_text_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{"", "expected the line \"lanyard-public 1\""},
		{"lanyard-public 2\n", "another version"},
		{"lanyard-identity 1\nseed x\n", "this is an identity"},
		{"-----BEGIN PRIVATE KEY-----\n", "this is PEM"},
		{"lanyard-public 1\n", "expected one line"},
		{"lanyard-public 1\ned25519\n", ":2: expected one line"},
		{"lanyard-public 1\n# c\ned448 " KEY1 "\n", ":3: no such algorithm"},
		{"lanyard-public 1\ned25519 ?" KEY1 "\n", "is not base64"},
		{"lanyard-public 1\ned25519 AAAA\n", "no public key of ed25519"},
		{"lanyard-public 1\nrsasha256 " KEY1 "\n", "no public key of rsasha256"},
		{"lanyard-public 1\ned25519 " KEY1 "\ned25519 " KEY2 "\n", ":3: a second line"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		put("x.pub", row[i].text, 0644);
		assert_int_equal(load(NULL, NULL, "x.pub", row[i].want), LAN_ERR_CONFIG);
	}
	put("x.cert", "lanyard-certificate 1\ned25519 AAAA\n", 0644);
	assert_int_equal(load("leaf.id", "x.cert", NULL, "no signature of ed25519"), LAN_ERR_CONFIG);
	put("x.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0600);
	assert_int_equal(load("x.pem", NULL, NULL, "openssl pkey"), LAN_ERR_CONFIG);
}

/* --- pins --------------------------------------------------------------------------------- */

struct told {
	int failed, asked;
	char why[300];
	struct {
		uint8_t mac[6];
		char text[32];
	} seen[4];
	int n_seen;
	const char *text; /* of the session; NULL: none is to be kept */
};

static void on_failed(void *ctx, enum lan_err e, const char *why)
{
	struct told *t = ctx;
	t->failed++;
	snprintf(t->why, sizeof t->why, "%s", why);
}

static enum lan_err on_session(
	void *ctx, const char *ifname, const uint8_t mac[6], uint8_t **out, size_t *len)
{
	struct told *t = ctx;
	t->asked++;
	if (!t->text)
		return LAN_ERR_NOTFOUND;
	*out = (uint8_t *)strdup(t->text);
	*len = strlen(t->text);
	return LAN_OK;
}

static void on_seen(void *ctx, const uint8_t mac[6], const uint8_t *p, size_t n)
{
	struct told *t = ctx;
	assert_true(t->n_seen < 4 && n < 32);
	memcpy(t->seen[t->n_seen].mac, mac, 6);
	memcpy(t->seen[t->n_seen].text, p, n);
	t->seen[t->n_seen++].text[n] = '\0';
}

static struct neighbor_state *open_state(struct told *t, enum lan_err want, const char *sentence)
{
	struct neighbor_state_config cfg = {.loop = loop,
		.dir = "state",
		.resume = LAN_SEC(60),
		.session = on_session,
		.failed = on_failed,
		.ctx = t};
	struct neighbor_state *s = NULL;
	const char *why = "";
	assert_int_equal(neighbor_state_open(&cfg, &s, &why), want);
	if (!strstr(why, sentence))
		fail_msg("\"%s\" does not say \"%s\"", why, sentence);
	return s;
}

static struct lsoe_key key_of(const char *base64)
{
	static uint8_t octets[32];
	assert_true(lan_secret_decode(base64, strlen(base64), octets, 32));
	return (struct lsoe_key){.alg = LSOE_ALG_ED25519, .len = 32, .key = octets};
}

static void pins_survive_a_restart_and_another_process_is_kept_out(void **state)
{
	struct told t = {0};
	struct neighbor_state *s = open_state(&t, LAN_OK, "");
	struct lsoe_key one = key_of(KEY1);
	assert_int_equal(neighbor_state_pins(s)->n, 0);
	for (uint8_t i = 9; i > 0; i--)
		assert_int_equal(neighbor_state_keep(s, (uint8_t[]){i, 2, 3}, 3, &one), LAN_OK);
	assert_int_equal(neighbor_state_keep(s, (uint8_t[]){5, 2}, 2, &one), LAN_OK);
	struct lsoe_key two = key_of(KEY2); /* rolled */
	assert_int_equal(neighbor_state_keep(s, (uint8_t[]){5, 2, 3}, 3, &two), LAN_OK);
	assert_int_equal(neighbor_state_forget(s, (uint8_t[]){6, 2, 3}, 3), LAN_OK);
	assert_int_equal(neighbor_state_forget(s, (uint8_t[]){6, 2, 3}, 3), LAN_ERR_NOTFOUND);
	open_state(&t, LAN_ERR_EXISTS, "in use by another process");
	neighbor_state_close(s);
	s = open_state(&t, LAN_OK, "");
	const struct neighbor_pins *p = neighbor_state_pins(s);
	assert_int_equal(p->n, 9);
	assert_memory_equal(p->pin[4].id, "\5\2", 2);
	assert_int_equal(p->pin[4].id_len, 2);
	assert_memory_equal(p->pin[5].id, "\5\2\3", 3);
	assert_memory_equal(p->pin[5].key.key, two.key, 32);
	assert_true(p->pin[5].first_seen >= time(NULL) - 60 && p->pin[5].first_seen <= time(NULL));
	assert_memory_equal(p->pin[6].id, "\7\2\3", 3);
	neighbor_state_close(s);
	assert_int_equal(t.failed, 0);
}

static void a_pin_is_on_the_disk_soon_though_the_process_is_killed(void **state)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct told t = {0};
		struct lsoe_key key = {.alg = 15, .len = 32, .key = (uint8_t *)KEY1};
		struct lan_loop *own;
		if (lan_loop_new(&own))
			_exit(1);
		loop = own;
		struct neighbor_state *s = open_state(&t, LAN_OK, "");
		if (neighbor_state_keep(s, (uint8_t *)"killed", 6, &key))
			_exit(2);
		for (int i = 0; i < 20; i++)
			lan_loop_run(own, LAN_MS(50));
		_exit(t.failed ? 3 : 0); /* no close */
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	struct told t = {0};
	struct neighbor_state *s = open_state(&t, LAN_OK, "");
	assert_int_equal(neighbor_state_pins(s)->n, 10);
	neighbor_state_close(s);
}

static void a_broken_line_of_pins_is_named_and_nothing_is_dropped(void **state)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{HEAD "pin 0a ed25519 " KEY1 " 2026-11-21T08:00:00Z\npin 0b ed25519\n",
			"pins:3: expected: pin"},
		{HEAD "pin 0 ed25519 " KEY1 " 2026-11-21T08:00:00Z\n", "pins:2: the id"},
		{HEAD "pin 0g ed25519 " KEY1 " 2026-11-21T08:00:00Z\n", "pins:2: the id"},
		{HEAD "pin 0a ed448 " KEY1 " 2026-11-21T08:00:00Z\n", "no such algorithm"},
		{HEAD "pin 0a ed25519 AAAA 2026-11-21T08:00:00Z\n", "not a public key"},
		{HEAD "pin 0a rsasha256 " KEY1 " 2026-11-21T08:00:00Z\n", "not a public key"},
		{HEAD "pin 0a ed25519 " KEY1 " yesterday\n", "not a time"},
		{HEAD "pin 0a ed25519 " KEY1 " 2026-11-21T08:00:00Z\n# twice\npin 0A ed25519 " KEY2
		      " 2026-11-21T08:00:00Z\n",
			"pins:4: this node stands"},
		{HEAD "pin 0a ed25519 " KEY1 " 2026-11-21T08:00:0", "not a time"}, /* torn */
		{"", "expected the line"},
	};
	struct told t = {0};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		put("state/pins", row[i].text, 0600);
		open_state(&t, LAN_ERR_CONFIG, row[i].want);
	}
	put("state/pins", HEAD, 0606);
	open_state(&t, LAN_ERR_PERM, "chmod go-w");
	unlink("state/pins");
}

static void pins_that_cannot_be_written_are_told(void **state)
{
	struct told t = {0};
	struct neighbor_state *s = open_state(&t, LAN_OK, "");
	struct lsoe_key one = key_of(KEY1);
	assert_int_equal(mkdir("state/pins.new", 0700), 0);
	assert_int_equal(neighbor_state_keep(s, MAC, 6, &one), LAN_OK);
	for (int i = 0; i < 100 && !t.failed; i++)
		lan_loop_run(loop, LAN_MS(20));
	assert_int_equal(t.failed, 1);
	assert_non_null(strstr(t.why, "state/pins"));
	assert_int_equal(rmdir("state/pins.new"), 0);
	neighbor_state_close(s);
}

/* --- sessions --------------------------------------------------------------------------------- */

static void sessions_are_written_after_a_pause_and_found_by_their_interface(void **state)
{
	struct told t = {.text = "first"};
	struct neighbor_state *s = open_state(&t, LAN_OK, "");
	for (int i = 0; i < 1000; i++)
		assert_int_equal(neighbor_state_changed(s, "eth0", MAC), LAN_OK);
	assert_int_equal(t.asked, 0);
	for (int i = 0; i < 100 && !t.asked; i++)
		lan_loop_run(loop, LAN_MS(20));
	assert_int_equal(t.asked, 1); /* once for all */
	t.text = "second";
	assert_int_equal(neighbor_state_changed(s, "a-b", MAC), LAN_OK);
	neighbor_state_close(s); /* does not wait for the pause */
	assert_int_equal(t.asked, 2);
	s = open_state(&t, LAN_OK, "");
	neighbor_state_each(s, "eth0", on_seen, &t);
	assert_int_equal(t.n_seen, 1);
	assert_string_equal(t.seen[0].text, "first");
	assert_memory_equal(t.seen[0].mac, MAC, 6);
	neighbor_state_each(s, "a-b", on_seen, &t);
	assert_int_equal(t.n_seen, 2);
	assert_string_equal(t.seen[1].text, "second");
	neighbor_state_each(s, "b", on_seen, &t);
	assert_int_equal(t.n_seen, 2);
	t.text = NULL;
	assert_int_equal(neighbor_state_changed(s, "a-b", MAC), LAN_OK);
	neighbor_state_close(s);
	assert_int_equal(access("state/session-a-b-02000000000b.state", F_OK), -1);
	assert_int_equal(t.failed, 0);
}

static void a_thousand_sessions_are_written_each_and_not_in_one_turn(void **state)
{
	struct told t = {.text = "x"};
	struct neighbor_state *s = open_state(&t, LAN_OK, "");
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 1000; i++)
			assert_int_equal(neighbor_state_changed(s, "many",
						 (uint8_t[]){2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i}),
				LAN_OK);
	int most = 0;
	for (int i = 0; i < 1000 && t.asked < 1000; i++) {
		int before = t.asked;
		lan_loop_run(loop, LAN_MS(300));
		most = t.asked - before > most ? t.asked - before : most;
	}
	assert_int_equal(t.asked, 1000);
	assert_true(most <= 64);
	t.text = NULL;
	neighbor_state_close(s);
	assert_int_equal(system("rm state/session-many-*"), 0);
}

static void damaged_old_and_foreign_files_of_sessions_are_left_out(void **state)
{
	static const char name[] = "state/session-eth0-02000000000b.state";
	char text[400];
	FILE *f = fopen(name, "r");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof text, f);
	fclose(f);
	for (size_t cut = 0; cut < n; cut += 7) { /* every 7th truncation, and octets changed */
		struct told t = {0};
		struct neighbor_state *s = open_state(&t, LAN_OK, "");
		f = fopen(name, "w");
		text[cut % n] ^= cut % 2;
		fwrite(text, 1, cut % 2 ? n : cut, f);
		text[cut % n] ^= cut % 2;
		fclose(f);
		neighbor_state_each(s, "eth0", on_seen, &t);
		assert_int_equal(t.n_seen, 0);
		assert_int_equal(t.failed, 1);
		assert_non_null(strstr(t.why, "begins afresh"));
		assert_int_equal(access(name, F_OK), -1);
		neighbor_state_close(s);
	}
	static const char other[] = "state/session-eth1-02000000000b.state";
	struct told t = {0};
	f = fopen(other, "w"); /* whole, but of another peer */
	fwrite(text, 1, n, f);
	fclose(f);
	struct neighbor_state *s = open_state(&t, LAN_OK, "");
	neighbor_state_each(s, "eth1", on_seen, &t);
	assert_true(t.n_seen == 0 && t.failed == 1);
	neighbor_state_close(s);
	f = fopen(name, "w");
	fwrite(text, 1, n, f);
	fclose(f);
	struct utimbuf old = {.actime = time(NULL) - 100, .modtime = time(NULL) - 100};
	assert_int_equal(utime(name, &old), 0);
	neighbor_state_close(open_state(&t, LAN_OK, "")); /* swept */
	assert_int_equal(access(name, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_kinds_of_keys_are_made_exported_certified_and_loaded),
		cmocka_unit_test(keys_that_do_not_belong_together_are_refused),
		cmocka_unit_test(key_files_that_are_wrong_or_open_to_others_are_refused_with_a_sentence),
		cmocka_unit_test(wrong_text_is_refused_with_its_line),
		cmocka_unit_test(pins_survive_a_restart_and_another_process_is_kept_out),
		cmocka_unit_test(a_pin_is_on_the_disk_soon_though_the_process_is_killed),
		cmocka_unit_test(a_broken_line_of_pins_is_named_and_nothing_is_dropped),
		cmocka_unit_test(pins_that_cannot_be_written_are_told),
		cmocka_unit_test(sessions_are_written_after_a_pause_and_found_by_their_interface),
		cmocka_unit_test(a_thousand_sessions_are_written_each_and_not_in_one_turn),
		cmocka_unit_test(damaged_old_and_foreign_files_of_sessions_are_left_out),
	};
	return cmocka_run_group_tests(tests, enter, leave);
}
