/*
 * Unit tests of the daemon's configuration: the words of every complaint and
 * the place it points to, what merging and defaults make of files, that what is
 * printed reads back, and that nothing in a file can make reading it slow.
 */
#include "config_files.h"

#define SERVER "link:\n  - name: boards\n    role: server\n    listen: 127.0.0.1:1\n    "
#define CLIENT "link:\n  - name: up\n    role: client\n    connect: h:1\n    id: me\n    "

static const struct golden goldens[] = {
	{SERVER "timout: 2s\n", "x.yaml:5:5: unknown key \"timout\" (did you mean \"timeout\"?)"},
	{SERVER "max-line: 1K\n", "x.yaml:5:5: unknown key \"max-line\" (did you mean \"max_line\"?)"},
	{"daemon: {colour: red}\n",
		"x.yaml:1:10: unknown key \"colour\" (known here: name, socket, privileges, log, events)"},
	{"links: []\n", "x.yaml:1:1: unknown key \"links\" (did you mean \"link\"?)"},
	{SERVER "\"a\\eb\": 1\n",
		"x.yaml:5:5: unknown key \"a\\x1bb\" (known here: name, role, listen, connect, id, timeout, "
		"expect, only_expected, duplicate, window, max_line, max_queue, max_clients, max_handshakes, "
		"hold_off, retry_min, retry_max, echo, heartbeat)"},
	{SERVER "timeout: 2x\n",
		"x.yaml:5:14: bad timeout \"2x\": expected a duration such as 250ms, 2s or 5m"},
	{SERVER "timeout: 50ms\n", "x.yaml:5:14: bad timeout \"50ms\": allowed is 100ms to 1h"},
	{SERVER "timeout: 9999999999h\n", "x.yaml:5:14: bad timeout \"9999999999h\": allowed is 100ms to 1h"},
	{SERVER "timeout:\n", "x.yaml:5:13: \"timeout\" has no value"},
	{SERVER "timeout: [2s]\n", "x.yaml:5:14: \"timeout\" takes a single value"},
	{SERVER "timeout: 2s\n    timeout: 3s\n", "x.yaml:6:5: \"timeout\" is given twice (first in line 5)"},
	{SERVER "window: 101\n", "x.yaml:5:13: bad window \"101\": allowed is 1 to 100"},
	{SERVER "window: -1\n", "x.yaml:5:13: bad window \"-1\": expected a whole number"},
	{SERVER "window: 010\n", "x.yaml:5:13: bad window \"010\": expected a whole number"},
	{SERVER "max_line: 1G\n", "x.yaml:5:15: bad max_line \"1G\": allowed is 1 to 16M"},
	{SERVER "max_line: big\n",
		"x.yaml:5:15: bad max_line \"big\": expected a size such as 4096, 64K or 1M"},
	{SERVER "max_line: 2M\n", "x.yaml:5:15: max_line is greater than max_queue"},
	{SERVER "echo: on\n", "x.yaml:5:11: bad echo \"on\": expected true or false"},
	{SERVER "duplicate: replce\n", "x.yaml:5:16: bad duplicate \"replce\": did you mean \"replace\"?"},
	{SERVER "duplicate: maybe\n", "x.yaml:5:16: bad duplicate \"maybe\": expected refuse-unless-silent, "
				      "refuse or replace"},
	{SERVER "expect: a\n", "x.yaml:5:13: \"expect\" takes a list of ids: [a, b, c]"},
	{SERVER "expect: [a, \"b\\tc\"]\n",
		"x.yaml:5:17: bad expect \"b\\tc\": an id has no control characters"},
	{SERVER "retry_min: 1s\n",
		"x.yaml:5:5: \"retry_min\" is for links of role client, this one is a server"},
	{CLIENT "expect: [a]\n", "x.yaml:6:5: \"expect\" is for links of role server, this one is a client"},
	{CLIENT "retry_min: 6s\n", "x.yaml:6:16: retry_min is greater than retry_max"},
	{"link:\n- {name: a b, role: server, listen: '1.1.1.1:1'}\n",
		"x.yaml:2:10: bad name \"a b\": a name has 1 to 64 of the characters A-Z a-z 0-9 . _ -"},
	{"link:\n- {name: a, role: sever, listen: '1.1.1.1:1'}\n",
		"x.yaml:2:19: bad role \"sever\": did you mean \"server\"?"},
	{"link:\n- {name: a, role: server}\n",
		"x.yaml:2:3: link \"a\" has no \"listen\" (ADDRESS:PORT, e.g. 127.0.0.1:8123)"},
	{"link:\n- {name: a, role: client, id: x}\n",
		"x.yaml:2:3: link \"a\" has no \"connect\" (HOST:PORT of its server)"},
	{"link:\n- {name: a, role: client, connect: h}\n",
		"x.yaml:2:3: link \"a\" has no \"id\" (the name it gives itself)"},
	{"link:\n- {role: server, listen: '1.1.1.1:1'}\n", "x.yaml:2:3: a link has no \"name\""},
	{"link:\n- {name: a}\n", "x.yaml:2:3: link \"a\" has no \"role\" (server or client)"},
	{"link:\n- {name: a, role: server, listen: 127.0.0.1}\n",
		"x.yaml:2:35: bad listen \"127.0.0.1\": expected ADDRESS:PORT, e.g. 127.0.0.1:8123"},
	{"link:\n- {name: a, role: server, listen: 127.0.0.1:99999}\n",
		"x.yaml:2:35: bad listen \"127.0.0.1:99999\": a port is a number 0 to 65535"},
	{"link:\n- {name: a, role: server, listen: example.org:1}\n",
		"x.yaml:2:35: bad listen \"example.org:1\": listen on a numeric address (0.0.0.0 is all of "
		"this "
		"host)"},
	{"link:\n- name: a\n  role: server\n  listen: ::1:80\n",
		"x.yaml:4:11: bad listen \"::1:80\": an IPv6 address is written in brackets: [ADDRESS]:PORT"},
	{"link:\n- {name: a, role: client, id: x, connect: h:0}\n",
		"x.yaml:2:43: bad connect \"h:0\": the port is a number 1 to 65535"},
	{"link:\n- {name: a, role: server, listen: '1.1.1.1:1'}\n- {name: a, role: server, listen: "
	 "'1.1.1.1:2'}\n",
		"x.yaml:3:10: two links have the name \"a\" (first in line 2)"},
	{"link:\n- {name: a, role: server, listen: '1.1.1.1:1'}\n- {name: b, role: server, listen: "
	 "'1.1.1.1:1'}\n",
		"x.yaml:3:35: two links have the listen \"1.1.1.1:1\" (first in line 2)"},
	{"link: boards\n", "x.yaml:1:7: \"link\" takes a list: each entry begins with \"- name: ...\""},
	{"link:\n- boards\n", "x.yaml:2:3: a link takes keys and values: \"name: ...\""},
	{"daemon: 3\n", "x.yaml:1:9: daemon takes keys and values: \"name: ...\""},
	{"daemon: {socket: run/x}\n", "x.yaml:1:18: bad socket \"run/x\": a path begins with /"},
	{"daemon: {log: {level: loud}}\n",
		"x.yaml:1:23: bad level \"loud\": expected error, warn, info or debug"},
	{"daemon: {events: 1}\n", "x.yaml:1:18: bad events \"1\": allowed is 16 to 1000000"},
	{"hello\n", "x.yaml:1:1: a configuration takes keys and values: \"daemon: ...\""},
	{"daemon: {}\n---\ndaemon: {}\n", "x.yaml:3:1: a second document: only one per file"},
	{"", "x.yaml: empty: expected \"daemon:\", \"link:\", \"channel:\", \"stream:\", \"neighbor:\" or "
	     "\"sensor:\" "
	     "(see "
	     "lanyard.yaml(5))"},
	{"# nothing\n\n   # here\n", "x.yaml: empty: expected \"daemon:\", \"link:\", \"channel:\", "
				     "\"stream:\", \"neighbor:\" or \"sensor:\" (see lanyard.yaml(5))"},
	{"daemon: {name: x\nlink: [\n", "x.yaml:2:5: not valid YAML: did not find expected ',' or '}' while "
					"parsing a flow mapping"},
	{"daemon:\n\tname: x\n", "x.yaml:2:1: not valid YAML: found character that cannot start any token "
				 "while scanning for the next token"},
	{"daemon: {name: caf\xe9}\n", "x.yaml:1:20: not valid YAML: invalid trailing UTF-8 octet"},
	{"\x7f\x45\x4c\x46\x02\x01", "x.yaml:1:1: not valid YAML: control characters are not allowed"},
	{"daemon: {name: x,\n log: {level: inof, form: text}, event: 5}\nlnik: 1\n",
		"x.yaml:2:15: bad level \"inof\": did you mean \"info\"?\n"
		"x.yaml:2:21: unknown key \"form\" (did you mean \"format\"?)\n"
		"x.yaml:2:34: unknown key \"event\" (did you mean \"events\"?)\n"
		"x.yaml:3:1: unknown key \"lnik\" (did you mean \"link\"?)"},
};

static void every_mistake_is_named_where_it_is(void **state)
{
	check_goldens(goldens, sizeof goldens / sizeof *goldens);
}

static void a_nul_byte_is_no_end_of_the_file(void **state)
{
	static const char text[] = "daemon: {name: a}\n\0nonsense";
	assert_string_equal(complaints("x.yaml", text, sizeof text - 1),
		"x.yaml:2:1: not valid YAML: control characters are not allowed");
}

static void what_is_no_readable_file_is_refused(void **state)
{
	struct config_set *set = NULL;
	struct config_notes e = {0};
	char *big = calloc(1, CONFIG_FILE_MAX + 1);
	assert_false(config_load(dir, &set, &e));
	assert_non_null(strstr(e.note[0], ": is a directory, not a file"));
	config_notes_fini(&e);
	assert_false(config_load(path_of("nowhere.yaml"), &set, &e));
	assert_non_null(strstr(e.note[0], "nowhere.yaml: No such file or directory"));
	config_notes_fini(&e);
	assert_false(config_load("/dev/null", &set, &e));
	assert_string_equal(e.note[0], "/dev/null: is not a regular file");
	config_notes_fini(&e);
	memset(big, '#', CONFIG_FILE_MAX + 1);
	assert_string_equal(complaints("x.yaml", big, CONFIG_FILE_MAX + 1), "x.yaml: is larger than 1 MiB");
	big[CONFIG_FILE_MAX - 1] = '\n';
	memcpy(big + CONFIG_FILE_MAX - 12, "\ndaemon: {}\n", 12);
	write_bytes("just.yaml", big, CONFIG_FILE_MAX);
	config_set_free(load(path_of("just.yaml")));
	unlink(path_of("just.yaml"));
	free(big);
}

static void the_number_of_complaints_is_bounded_and_the_rest_counted(void **state)
{
	struct text t = {0};
	struct config_set *set = NULL;
	struct config_notes e = {0};
	text_puts(&t, "daemon:\n");
	for (int i = 0; i < 80; i++)
		text_printf(&t, "  k%d: x\n", i);
	write_bytes("x.yaml", t.p, t.len);
	assert_false(config_load(path_of("x.yaml"), &set, &e));
	assert_int_equal(e.n, CONFIG_NOTES_MAX);
	assert_int_equal(e.more, 80 - CONFIG_NOTES_MAX);
	config_notes_fini(&e);
	text_fini(&t);
}

static double cpu_seconds(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void a_hostile_file_is_refused_quickly(void **state)
{
	struct text deep = {0}, anchors = {0}, bombs = {0};
	double begun = cpu_seconds();
	for (int i = 0; i < 400000; i++)
		text_puts(&deep, "[");
	assert_string_equal(complaints("x.yaml", deep.p, deep.len), "x.yaml:1:17: nested too deeply");
	text_puts(&anchors, "link: [");
	for (int i = 0; i < 50000; i++)
		text_printf(&anchors, "&a%d x,", i);
	text_puts(&anchors, "]");
	assert_non_null(strstr(complaints("x.yaml", anchors.p, anchors.len), "more than 1000 anchors"));
	text_puts(&bombs, "link:\n- &l {name: l, role: server, listen: '1.1.1.1:1'}\n");
	for (int i = 0; i < 1020; i++)
		text_puts(&bombs, "- *l\n");
	assert_non_null(strstr(complaints("x.yaml", bombs.p, bombs.len), "two links have the name \"l\""));
	assert_true(cpu_seconds() - begun < 10);
	text_fini(&deep);
	text_fini(&anchors);
	text_fini(&bombs);
}

static void defaults_are_filled_in_for_each_role(void **state)
{
	const char *path = write_file("x.yaml", "link:\n- {name: s, role: server, listen: '127.0.0.1:1'}\n"
						"- {name: c, role: client, connect: h, id: 7}\n");
	struct config_set *set = load(path);
	const struct config_link *s = &set->config->link[0], *c = &set->config->link[1];
	struct lan_link_config args = config_link_open_args(s);
	assert_int_equal(set->config->link_count, 2);
	assert_string_equal(set->config->daemon->log->level, "info");
	assert_int_equal(*set->config->daemon->events, 4096);
	assert_int_equal(*s->window, 16);
	assert_int_equal(*c->window, 100);
	assert_null(s->retry_min);
	assert_null(c->expect);
	assert_null(c->hold_off);
	assert_string_equal(args.address, "127.0.0.1:1");
	assert_true(args.timeout == LAN_SEC(2) && args.hold_off == LAN_MS(200));
	assert_int_equal(args.max_line, 1 << 20);
	assert_false(args.only_expected || args.heartbeat);
	args = config_link_open_args(c);
	assert_string_equal(args.address, "h");
	assert_string_equal(args.id, "7");
	assert_true(args.retry_min == LAN_MS(20) && args.retry_max == LAN_SEC(5));
	config_set_free(set);
}

static void each_key_reaches_the_link(void **state)
{
	const char *path = write_file("x.yaml",
		"link:\n- {name: s, role: server, listen: '127.0.0.1:1', timeout: 1.5s, expect: [b, a], "
		"only_expected: true, duplicate: replace, window: 7, max_line: 2K, max_queue: 3K, "
		"max_clients: 5, max_handshakes: 6, hold_off: 0, echo: yes, heartbeat: true}\n"
		"- {name: c, role: client, connect: h, id: i, retry_min: 1s, retry_max: 1m}\n");
	struct config_set *set = load(path);
	struct lan_link_config s = config_link_open_args(&set->config->link[0]);
	struct lan_link_config c = config_link_open_args(&set->config->link[1]);
	assert_true(s.timeout == LAN_MS(1500));
	assert_int_equal(s.n_expect, 2);
	assert_string_equal(s.expect[0], "b");
	assert_string_equal(s.expect[1], "a");
	assert_true(s.only_expected && s.heartbeat && *set->config->link[0].echo);
	assert_int_equal(s.dup, LAN_LINK_DUP_REPLACE);
	assert_int_equal(s.window, 7);
	assert_int_equal(s.max_line, 2048);
	assert_int_equal(s.max_queue, 3072);
	assert_int_equal(s.max_clients, 5);
	assert_int_equal(s.max_handshakes, 6);
	assert_true(s.hold_off == LAN_NEVER);
	assert_true(c.retry_min == LAN_SEC(1) && c.retry_max == LAN_SEC(60));
	config_set_free(set);
}

static void what_is_printed_reads_back_as_the_same(void **state)
{
	const char *path =
		write_file("x.yaml", "daemon: {name: n, socket: /tmp/s, log: {format: json}, events: 99}\n"
				     "link:\n- {name: s, role: server, listen: '[::1]:1', expect: [\"true\", "
				     "'1', 'a: b', \"\\xe9\", "
				     "'~']}\n- {name: c, role: client, connect: h, id: 'a #b'}\n");
	struct config_set *a = load(path), *b;
	char *one = config_yaml(a->config), *two;
	assert_non_null(one);
	b = load(write_file("y.yaml", one));
	two = config_yaml(b->config);
	assert_string_equal(one, two);
	assert_int_equal(b->config->link_count, 2);
	for (int i = 0; i < 2; i++)
		assert_true(config_link_same(&a->config->link[i], &b->config->link[i]));
	assert_string_equal(b->config->link[0].expect[3], "\xc3\xa9");
	free(one);
	free(two);
	config_set_free(a);
	config_set_free(b);
}

static void one_changed_value_makes_two_entries_differ(void **state)
{
	static const char *const others[] = {"timeout: 3s", "expect: [a]", "expect: [a, c]", "window: 3",
		"echo: true", "max_line: 2K", "duplicate: refuse"};
	struct config_set *a = load(write_file("x.yaml", SERVER "expect: [a, b]\n")),
			  *same = load(write_file("y.yaml", SERVER "expect: [a, b]\n    timeout: 2s\n"));
	assert_true(config_link_same(&a->config->link[0], &same->config->link[0]));
	config_set_free(same);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		char text[256];
		struct config_set *b;
		snprintf(text, sizeof text, SERVER "%s%s\n", others[i],
			strncmp(others[i], "expect", 6) ? "\n    expect: [a, b]" : "");
		b = load(write_file("y.yaml", text));
		assert_false(config_link_same(&a->config->link[0], &b->config->link[0]));
		config_set_free(b);
	}
	config_set_free(a);
}

static void files_of_conf_d_add_links_and_override_the_daemon(void **state)
{
	struct config_set *set;
	assert_int_equal(mkdir(path_of("conf.d"), 0755), 0);
	write_file("x.yaml", "daemon: {name: first, events: 20, log: {level: warn}}\n" SERVER "\n");
	write_file("conf.d/20.yaml", "daemon: {name: third, log: {format: json}}\n");
	write_file("conf.d/10.yaml",
		"daemon: {name: second}\nlink:\n- {name: more, role: server, listen: '127.0.0.1:2'}\n");
	write_file("conf.d/30.yaml", "# switched off\n");
	write_file("conf.d/.40.yaml", "nonsense\n");
	write_file("conf.d/readme.txt", "nonsense\n");
	set = load(path_of("x.yaml"));
	assert_string_equal(set->config->daemon->name, "third");
	assert_int_equal(*set->config->daemon->events, 20);
	assert_string_equal(set->config->daemon->log->level, "warn");
	assert_string_equal(set->config->daemon->log->format, "json");
	assert_int_equal(set->config->link_count, 2);
	assert_string_equal(set->config->link[1].name, "more");
	assert_int_equal(set->n_files, 4);
	assert_int_equal(set->warnings.n, 1);
	assert_non_null(strstr(set->warnings.note[0], "30.yaml: empty"));
	config_set_free(set);
}

static void two_files_cannot_have_a_link_of_one_name_or_address(void **state)
{
	struct config_set *set = NULL;
	struct config_notes e = {0};
	write_file("conf.d/10.yaml", "link:\n- {name: boards, role: server, listen: '127.0.0.1:2'}\n"
				     "- {name: other, role: server, listen: '127.0.0.1:1'}\n");
	assert_false(config_load(path_of("x.yaml"), &set, &e));
	assert_int_equal(e.n, 2);
	assert_non_null(strstr(e.note[0], "10.yaml: link \"boards\" is in "));
	assert_non_null(strstr(e.note[1], "listens on 127.0.0.1:1 as link \"boards\" does"));
	config_notes_fini(&e);
}

static void errors_of_all_files_are_shown_at_once(void **state)
{
	struct config_set *set = NULL;
	struct config_notes e = {0};
	write_file("x.yaml", "daemon: {nmae: a}\n");
	write_file("conf.d/10.yaml", "daemon: {nmae: b}\n");
	assert_false(config_load(path_of("x.yaml"), &set, &e));
	assert_int_equal(e.n, 2);
	assert_non_null(strstr(e.note[0], "x.yaml:1:10: unknown key \"nmae\" (did you mean \"name\"?)"));
	assert_non_null(strstr(e.note[1], "conf.d/10.yaml:1:10: unknown key"));
	config_notes_fini(&e);
}

static void a_conf_d_that_anybody_may_write_to_is_refused(void **state)
{
	struct config_set *set = NULL;
	struct config_notes e = {0};
	write_file("x.yaml", "daemon: {}\n");
	assert_int_equal(chmod(path_of("conf.d"), 0777), 0);
	assert_false(config_load(path_of("x.yaml"), &set, &e));
	assert_non_null(strstr(e.note[0], "conf.d: anybody may write to this directory"));
	config_notes_fini(&e);
}

static void the_environment_names_a_file_where_the_command_line_does_not(void **state)
{
	struct config_set *set;
	chmod(path_of("conf.d"), 0755);
	unlink(path_of("conf.d/10.yaml"));
	write_file("x.yaml", "daemon: {name: by-env}\n");
	setenv("LANYARD_CONFIG", path_of("x.yaml"), 1);
	set = load(NULL);
	assert_string_equal(set->config->daemon->name, "third");
	assert_string_equal(set->source, path_of("x.yaml"));
	unsetenv("LANYARD_CONFIG");
	config_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_is_named_where_it_is),
		cmocka_unit_test(a_nul_byte_is_no_end_of_the_file),
		cmocka_unit_test(what_is_no_readable_file_is_refused),
		cmocka_unit_test(the_number_of_complaints_is_bounded_and_the_rest_counted),
		cmocka_unit_test(a_hostile_file_is_refused_quickly),
		cmocka_unit_test(defaults_are_filled_in_for_each_role),
		cmocka_unit_test(each_key_reaches_the_link),
		cmocka_unit_test(what_is_printed_reads_back_as_the_same),
		cmocka_unit_test(one_changed_value_makes_two_entries_differ),
		cmocka_unit_test(files_of_conf_d_add_links_and_override_the_daemon),
		cmocka_unit_test(two_files_cannot_have_a_link_of_one_name_or_address),
		cmocka_unit_test(errors_of_all_files_are_shown_at_once),
		cmocka_unit_test(a_conf_d_that_anybody_may_write_to_is_refused),
		cmocka_unit_test(the_environment_names_a_file_where_the_command_line_does_not),
	};
	return cmocka_run_group_tests_name("the configuration of the daemon", tests, make_dir, remove_dir);
}
