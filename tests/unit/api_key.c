/*
 * Unit tests of key files through <lanyard/key.h> and the channel's loaders:
 * what is made is read back, what others could read or write is refused, and
 * what is wrong is told with its line. In a folder of its own, removed at the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "api/key_int.h"
#include "proto/channel/seal.h"

#define HOUR LAN_SEC(3600)
#define KEY1 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY2 "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="

static char folder[] = "/tmp/lanyard-key-XXXXXX";

static int enter(void **state)
{
	return !mkdtemp(folder) || chdir(folder) || lan_crypto_init();
}

static int leave(void **state)
{
	static const char *const names[] = {"a.key", "b.key", "me.id", "m.members", "link.key"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(names[i]);
	return chdir("/") || rmdir(folder); /* which also says that nothing else was left there */
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

static char *get(const char *name)
{
	static char text[8192];
	FILE *f = fopen(name, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	return text;
}

static void a_new_key_is_private_and_described_without_its_secret(void **state)
{
	struct lan_key_info info;
	struct chan_keys keys;
	struct stat st;
	umask(0);
	unlink("a.key");
	assert_int_equal(lan_key_generate("a.key", LAN_CIPHER_AES_256_GCM, NULL), LAN_OK);
	assert_int_equal(stat("a.key", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(lan_key_info("a.key", &info, NULL), LAN_OK);
	assert_int_equal(info.cipher, LAN_CIPHER_AES_256_GCM);
	assert_int_equal(info.n, 1);
	assert_int_equal(info.epoch[0].epoch, 1);
	assert_true(info.epoch[0].send_after == 0 && info.epoch[0].accept_until == 0);
	assert_int_equal(lan_key_load("a.key", 5, 1000, &keys, NULL), LAN_OK);
	uint8_t print[32];
	char hex[17];
	lan_blake2b(print, 32, NULL, 0, keys.key[0].key, 32);
	for (size_t i = 0; i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", print[i]);
	assert_string_equal(info.epoch[0].fingerprint, hex);
	assert_true(keys.cipher == LAN_AEAD_AES256GCM && keys.n == 1 && keys.key[0].epoch == 1);
	assert_true(keys.key[0].send_after == 0 && keys.key[0].accept_until == LAN_NEVER);
}

static void nothing_is_ever_overwritten(void **state)
{
	const char *why = "";
	put("a.key", "mine", 0600);
	assert_int_equal(lan_key_generate("a.key", LAN_CIPHER_AES_256_GCM, &why), LAN_ERR_EXISTS);
	assert_non_null(strstr(why, "a.key"));
	assert_int_equal(lan_key_identity("a.key", &why), LAN_ERR_EXISTS);
	assert_string_equal(get("a.key"), "mine");
	assert_int_equal(lan_key_generate("nowhere/a.key", LAN_CIPHER_AES_256_GCM, &why), LAN_ERR_NOTFOUND);
	assert_int_equal(lan_key_generate("b.key", (enum lan_cipher)3, &why), LAN_ERR_INVAL);
	assert_int_equal(lan_key_info("b.key", NULL, &why), LAN_ERR_NOTFOUND);
}

static void a_rotation_adds_an_epoch_and_ends_the_others(void **state)
{
	struct lan_key_info info;
	struct chan_keys before, after;
	put("a.key", "# ours\nlanyard-key 1\ncipher aes-256-gcm\n# first\nepoch 7 " KEY1 "\n# end\n", 0600);
	assert_int_equal(lan_key_load("a.key", 0, 0, &before, NULL), LAN_OK);
	int64_t now = time(NULL);
	assert_int_equal(lan_key_rotate("a.key", HOUR, 2 * HOUR, NULL), LAN_OK);
	assert_int_equal(lan_key_info("a.key", &info, NULL), LAN_OK);
	assert_int_equal(info.n, 2);
	assert_true(info.epoch[0].epoch == 7 && info.epoch[1].epoch == 8);
	assert_in_range(info.epoch[1].send_after, now + 3600, now + 3605);
	assert_true(info.epoch[1].accept_until == 0 && info.epoch[0].send_after == 0);
	assert_true(info.epoch[0].accept_until == info.epoch[1].send_after + 7200);
	assert_int_equal(
		lan_key_load("a.key", LAN_SEC(50), info.epoch[1].send_after - 10, &after, NULL), LAN_OK);
	assert_memory_equal(before.key[0].key, after.key[0].key, 32);
	assert_memory_not_equal(after.key[1].key, after.key[0].key, 32);
	assert_true(after.key[1].send_after == LAN_SEC(60));
	assert_true(after.key[0].accept_until == LAN_SEC(60) + 2 * HOUR);
	assert_true(strstr(get("a.key"), "# ours\nlanyard-key 1\n") == get("a.key"));
	assert_non_null(strstr(get("a.key"), "# first\nepoch 7 " KEY1 " accept-until "));
	assert_non_null(strstr(get("a.key"), "# end\nepoch 8 "));
}

static void epochs_that_are_over_are_dropped_and_eight_are_enough(void **state)
{
	struct lan_key_info info;
	const char *why = "";
	put("a.key",
		"lanyard-key 1\ncipher xchacha20-poly1305\nepoch 1 " KEY1
		" accept-until 2001-01-01T00:00:00Z\nepoch 2 " KEY2 "\n",
		0600);
	for (int i = 0; i < 7; i++)
		assert_int_equal(lan_key_rotate("a.key", 0, HOUR, NULL), LAN_OK);
	assert_int_equal(lan_key_info("a.key", &info, NULL), LAN_OK);
	assert_true(info.n == 8 && info.epoch[0].epoch == 2 && info.epoch[7].epoch == 9);
	char *text = strdup(get("a.key"));
	assert_int_equal(lan_key_rotate("a.key", 0, HOUR, &why), LAN_ERR_LIMIT);
	assert_non_null(strstr(why, "8 epochs"));
	assert_string_equal(get("a.key"), text);
	free(text);
	put("a.key", "lanyard-key 1\ncipher aes-256-gcm\nepoch 4294967295 " KEY1 "\n", 0600);
	assert_int_equal(lan_key_rotate("a.key", 0, HOUR, &why), LAN_ERR_LIMIT);
	assert_int_equal(lan_key_rotate("a.key", LAN_NEVER, 0, &why), LAN_ERR_INVAL);
}

static void rotations_at_the_same_time_do_not_lose_each_other(void **state)
{
	struct lan_key_info info;
	put("a.key", "lanyard-key 1\ncipher aes-256-gcm\nepoch 1 " KEY1 "\n", 0600);
	for (int i = 0; i < 6; i++)
		if (fork() == 0)
			_exit(lan_key_rotate("a.key", 0, HOUR, NULL) != LAN_OK);
	for (int i = 0; i < 6; i++) {
		int status;
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(lan_key_info("a.key", &info, NULL), LAN_OK);
	assert_int_equal(info.n, 7);
}

static void a_rotated_file_keeps_mode_owner_and_its_symbolic_link(void **state)
{
	struct stat st;
	gid_t group = geteuid() == 0 ? 12345 : getegid();
	put("a.key", "lanyard-key 1\ncipher aes-256-gcm\nepoch 1 " KEY1 "\n", 0400);
	assert_int_equal(chown("a.key", geteuid(), group), 0);
	assert_int_equal(symlink("a.key", "link.key"), 0);
	assert_int_equal(lan_key_rotate("link.key", 0, HOUR, NULL), LAN_OK);
	assert_int_equal(lstat("link.key", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat("a.key", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(st.st_gid, group);
	unlink("link.key");
}

static void secrets_that_others_can_read_are_refused(void **state)
{
	static const mode_t open_modes[] = {0640, 0604, 0610, 0660, 0644, 0666, 0700 | 020};
	struct chan_keys keys;
	struct lan_key_info info;
	struct lan_members *members = NULL;
	uint8_t secret[64];
	for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
		const char *why = "";
		char mode[8];
		put("a.key", "lanyard-key 1\ncipher aes-256-gcm\nepoch 1 " KEY1 "\n", open_modes[i]);
		put("me.id", "lanyard-identity 1\nseed " KEY1 "\n", open_modes[i]);
		put("m.members", "crane " KEY1 "\n", open_modes[i]);
		snprintf(mode, sizeof mode, "%04o", (unsigned)open_modes[i]);
		assert_int_equal(lan_key_info("a.key", &info, &why), LAN_ERR_PERM);
		assert_non_null(strstr(why, mode));
		assert_non_null(strstr(why, "chmod 600 'a.key'"));
		assert_int_equal(lan_key_load("a.key", 0, 0, &keys, &why), LAN_ERR_PERM);
		assert_int_equal(lan_key_rotate("a.key", 0, 0, &why), LAN_ERR_PERM);
		assert_int_equal(lan_identity_load("me.id", secret, &why), LAN_ERR_PERM);
		enum lan_err e = lan_members_load("m.members", &members, &why);
		assert_int_equal(e, open_modes[i] & 022 ? LAN_ERR_PERM : LAN_OK);
		if (!e)
			free(members);
	}
	put("a.key", "lanyard-key 1\ncipher aes-256-gcm\nepoch 1 " KEY1 "\n", 0600);
	assert_int_equal(lan_key_info("a.key", &info, NULL), LAN_OK);
	if (geteuid() == 0) {
		const char *why = "";
		assert_int_equal(chown("a.key", 12345, 0), 0);
		assert_int_equal(lan_key_info("a.key", &info, &why), LAN_ERR_PERM);
		assert_non_null(strstr(why, "user 12345"));
	}
	assert_int_equal(lan_key_info(".", &info, NULL), LAN_ERR_CONFIG);
	assert_int_equal(lan_key_info("/dev/zero", &info, NULL), LAN_ERR_CONFIG);
}

static void what_is_wrong_in_a_group_key_is_told_with_its_line(void **state)
{
	static const struct {
		const char *text, *where, *what;
	} rows[] = {
		{"", "a.key:0", "lanyard-key 1"},
		{"lanyard-key 2\n", "a.key:1", "another version"},
		{"lanyard-identity 1\nseed " KEY1 "\n", "a.key:1", "this is an identity"},
		{"lanyard-key 1\n", "a.key:1", "no cipher"},
		{"lanyard-key 1\ncipher aes-128-gcm\n", "a.key:2", "no such cipher"},
		{"lanyard-key 1\ncipher aes-256-gcm\n", "a.key:2", "no epoch"},
		{"lanyard-key 1\ncipher aes-256-gcm\ncipher aes-256-gcm\n", "a.key:3", "second cipher"},
		{"lanyard-key 1\ncipher\n", "a.key:2", "cipher NAME"},
		{"# x\n\nlanyard-key 1\ncipher aes-256-gcm\nepoch 1\n", "a.key:5", "epoch NUMBER KEY"},
		{"lanyard-key 1\ncipher aes-256-gcm\nepoch x " KEY1 "\n", "a.key:3", "number"},
		{"lanyard-key 1\ncipher aes-256-gcm\nepoch 4294967296 " KEY1 "\n", "a.key:3", "number"},
		{"lanyard-key 1\ncipher aes-256-gcm\nepoch -1 " KEY1 "\n", "a.key:3", "number"},
		{"lanyard-key 1\ncipher aes-256-gcm\nepoch 1 AAECAw==\n", "a.key:3", "32 bytes"},
		{"lanyard-key 1\ncipher aes-256-gcm\nepoch 1 " KEY1 "=\n", "a.key:3", "32 bytes"},
		{"lanyard-key 1\ncipher aes-256-gcm\nepoch 2 " KEY1 "\nepoch 2 " KEY2 "\n", "a.key:4",
			"ascend"},
		{"lanyard-key 1\ncipher aes-256-gcm\nepoch 1 " KEY1 " until 2026-01-01T00:00:00Z\n",
			"a.key:3", "expected send-after"},
		{"lanyard-key 1\ncipher aes-256-gcm\nepoch 1 " KEY1 " send-after yesterday\n", "a.key:3",
			"not a time"},
		{"lanyard-key 1\ncipher aes-256-gcm\nepoch 1 " KEY1 " send-after\n", "a.key:3", "not a time"},
		{"lanyard-key 1\ncipher aes-256-gcm\nepoch 1 " KEY1
		 " send-after 2026-01-01T00:00:00Z send-after 2026-01-01T00:00:00Z\n",
			"a.key:3", "twice"},
		{"lanyard-key 1\nwhat 1\n", "a.key:2", "expected cipher or epoch"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct lan_key_info info = {.n = 77};
		const char *why = "";
		put("a.key", rows[i].text, 0600);
		assert_int_equal(lan_key_info("a.key", &info, &why), LAN_ERR_CONFIG);
		if (!strstr(why, rows[i].where) || !strstr(why, rows[i].what))
			fail_msg("row %zu: %s", i, why);
		assert_null(strstr(why, KEY1));
		assert_int_equal(info.n, 77);
		assert_int_equal(lan_key_rotate("a.key", 0, 0, &why), LAN_ERR_CONFIG);
		assert_string_equal(get("a.key"), rows[i].text);
	}
}

static void a_file_that_is_too_long_or_binary_is_refused(void **state)
{
	struct lan_key_info info;
	static char text[(64 << 10) + 2];
	memset(text, '#', sizeof text - 1);
	put("a.key", text, 0600);
	assert_int_equal(lan_key_info("a.key", &info, NULL), LAN_ERR_CONFIG);
	int fd = open("a.key", O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "lanyard-key 1\n\0\n", 16), 16);
	close(fd);
	const char *why = "";
	assert_int_equal(lan_key_info("a.key", &info, &why), LAN_ERR_CONFIG);
	assert_non_null(strstr(why, "not a text file"));
}

static void times_are_rfc_3339_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		int64_t t;
	} good[] = {{"1970-01-01T00:00:01Z", 1}, {"2026-11-21T08:00:00Z", 1795248000},
		{"2026-11-21T10:00:00+02:00", 1795248000}, {"2026-11-20T23:30:00-08:30", 1795248000},
		{"2024-02-29T00:00:00Z", 1709164800}, {"2400-01-01T00:00:00Z", 13569465600}};
	static const char *const bad[] = {"", "2026", "2026-11-21", "2026-11-21T08:00:00",
		"2026-11-21 08:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
		"2026-01-01T00:00:60Z", "2026-01-01T00:00:00z", "2026-01-01T00:00:00+2:00",
		"2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00Zx", "1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00Z", "2026-1-01T00:00:00Z", "+026-01-01T00:00:00Z"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		int64_t t = 0, again = 0;
		char text[KEY_TIME_TEXT];
		assert_true(key_time_parse(good[i].text, &t));
		assert_true(t == good[i].t);
		key_time_print(t, text);
		assert_true(key_time_parse(text, &again) && again == t);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int64_t t = 77;
		if (key_time_parse(bad[i], &t) || t != 77)
			fail_msg("'%s' was taken", bad[i]);
	}
}

static void times_become_the_loops(void **state)
{
	struct chan_keys k;
	put("a.key",
		"lanyard-key 1\ncipher aes-256-gcm\nepoch 1 " KEY1
		" send-after 2026-11-21T08:00:00Z accept-until 2026-11-21T08:00:10Z\nepoch 2 " KEY2
		" send-after 2026-11-21T08:00:05Z\nepoch 3 " KEY2 " send-after 9999-01-01T00:00:00Z\n",
		0600);
	assert_int_equal(lan_key_load("a.key", LAN_SEC(100), 1795248003, &k, NULL), LAN_OK);
	assert_true(k.key[0].send_after == 0 && k.key[0].accept_until == LAN_SEC(107));
	assert_true(k.key[1].send_after == LAN_SEC(102) && k.key[1].accept_until == LAN_NEVER);
	assert_true(k.key[2].send_after > LAN_SEC(1000));
	assert_int_equal(lan_key_load("a.key", LAN_SEC(100), 1795248010, &k, NULL), LAN_OK);
	assert_true(k.key[0].accept_until == 0 && k.key[1].send_after == 0);
}

static void an_identity_speaks_as_the_hash_of_its_public_key(void **state)
{
	char id[17], public_key[45], want[45];
	uint8_t secret[64], seed[32], public_bytes[32], again[64];
	const char *why = "";
	assert_true(lan_secret_decode(KEY1, 44, seed, 32));
	lan_sign_keypair(seed, public_bytes, again);
	put("me.id", "# crane\nlanyard-identity 1\nseed " KEY1 "\n", 0600);
	assert_int_equal(lan_identity_load("me.id", secret, NULL), LAN_OK);
	assert_memory_equal(secret, again, 64);
	assert_int_equal(lan_key_public("me.id", id, public_key, NULL), LAN_OK);
	lan_secret_encode(public_bytes, 32, want);
	assert_string_equal(public_key, want);
	assert_true(strtoull(id, NULL, 16) == chan_sender_of(public_bytes));
	assert_true(strtoull(id, NULL, 16) >> 63);
	put("me.id", "lanyard-key 1\n", 0600);
	assert_int_equal(lan_identity_load("me.id", secret, &why), LAN_ERR_CONFIG);
	assert_non_null(strstr(why, "this is a group key"));
	put("me.id", "lanyard-identity 1\nseed " KEY1 "\nseed " KEY2 "\n", 0600);
	assert_int_equal(lan_identity_load("me.id", secret, &why), LAN_ERR_CONFIG);
	put("me.id", "lanyard-identity 1\n", 0600);
	assert_int_equal(lan_identity_load("me.id", secret, &why), LAN_ERR_CONFIG);
	unlink("me.id");
	assert_int_equal(lan_key_identity("me.id", NULL), LAN_OK);
	assert_int_equal(lan_key_public("me.id", id, public_key, NULL), LAN_OK);
	assert_string_not_equal(public_key, want);
}

static void a_members_file_is_names_and_keys_each_once(void **state)
{
	static const struct {
		const char *text, *where, *what;
	} bad[] = {
		{"", "m.members", "no member"},
		{"# nobody\n", "m.members", "no member"},
		{"crane\n", "m.members:1", "NAME KEY"},
		{"crane " KEY1 " x\n", "m.members:1", "NAME KEY"},
		{"crane AAAA\n", "m.members:1", "32 bytes"},
		{"cr\xff " KEY1 "\n", "m.members:1", "UTF-8"},
		{"crane " KEY1 "\ncrane " KEY2 "\n", "m.members:2", "name stands"},
		{"crane " KEY1 "\n\nlift " KEY1 "\n", "m.members:3", "key stands"},
	};
	struct lan_members *m = NULL;
	put("m.members", "# who\r\ncrane " KEY1 "\r\n\n  lift\t" KEY2, 0644);
	assert_int_equal(lan_members_load("m.members", &m, NULL), LAN_OK);
	assert_int_equal(m->members.n, 2);
	assert_string_equal(m->members.member[0].name, "crane");
	assert_string_equal(m->members.member[1].name, "lift");
	assert_int_equal(m->members.member[1].public_key[31], 63);
	free(m);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const char *why = "";
		m = NULL;
		put("m.members", bad[i].text, 0644);
		assert_int_equal(lan_members_load("m.members", &m, &why), LAN_ERR_CONFIG);
		assert_null(m);
		if (!strstr(why, bad[i].where) || !strstr(why, bad[i].what))
			fail_msg("row %zu: %s", i, why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_key_is_private_and_described_without_its_secret),
		cmocka_unit_test(nothing_is_ever_overwritten),
		cmocka_unit_test(a_rotation_adds_an_epoch_and_ends_the_others),
		cmocka_unit_test(epochs_that_are_over_are_dropped_and_eight_are_enough),
		cmocka_unit_test(rotations_at_the_same_time_do_not_lose_each_other),
		cmocka_unit_test(a_rotated_file_keeps_mode_owner_and_its_symbolic_link),
		cmocka_unit_test(secrets_that_others_can_read_are_refused),
		cmocka_unit_test(what_is_wrong_in_a_group_key_is_told_with_its_line),
		cmocka_unit_test(a_file_that_is_too_long_or_binary_is_refused),
		cmocka_unit_test(times_are_rfc_3339_and_nothing_else),
		cmocka_unit_test(times_become_the_loops),
		cmocka_unit_test(an_identity_speaks_as_the_hash_of_its_public_key),
		cmocka_unit_test(a_members_file_is_names_and_keys_each_once),
	};
	return cmocka_run_group_tests(tests, enter, leave);
}
