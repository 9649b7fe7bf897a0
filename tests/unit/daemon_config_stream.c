/*
 * Unit tests of the configuration of streams: which keys go with which role and
 * dialect, the defaults, that each key reaches the stream, that what is printed
 * reads back, and which change leaves connections alone.
 */
#include <stddef.h>
#include "config_files.h"

#define SERVE   "stream:\n  - name: lab\n    serve: 127.0.0.1:8000\n    dialect: serpy1\n    "
#define CONNECT "stream:\n  - name: lab\n    connect: scope\n    dialect: serpy2\n    "

static const struct golden goldens[] = {
	{"strem: []\n", "x.yaml:1:1: unknown key \"strem\" (did you mean \"stream\"?)"},
	{"stream:\n- {name: a, serve: '127.0.0.1:1'}\n",
		"x.yaml:2:3: stream \"a\" has no \"dialect\" (serpy1 or serpy2)"},
	{"stream:\n- {name: a, dialect: serpy2}\n",
		"x.yaml:2:3: stream \"a\" has neither \"serve\" (ADDRESS:PORT to listen on) nor "
		"\"connect\" (HOST:PORT of its server)"},
	{"stream:\n- {name: a, dialect: serpy2, serve: '127.0.0.1:1', connect: h}\n",
		"x.yaml:2:61: a stream has \"serve\" or \"connect\", not both"},
	{"stream:\n- {dialect: serpy2, connect: h}\n", "x.yaml:2:3: a stream has no \"name\""},
	{"stream:\n- {name: a, dialect: serpy3, connect: h}\n",
		"x.yaml:2:22: bad dialect \"serpy3\": did you mean \"serpy1\"?"},
	{"stream:\n- {name: a, dialect: serpy2, serve: 'localhost:1'}\n",
		"x.yaml:2:37: bad serve \"localhost:1\": listen on a numeric address (0.0.0.0 is all of "
		"this host)"},
	{"stream:\n- {name: a, dialect: serpy2, connect: ':1'}\n",
		"x.yaml:2:39: bad connect \":1\": the host is missing before the port"},
	{SERVE "max_cons: 5\n", "x.yaml:5:5: unknown key \"max_cons\" (did you mean \"max_conns\"?)"},
	{SERVE "retries: 5\n",
		"x.yaml:5:5: \"retries\" is for streams with \"connect\", this one has \"serve\""},
	{SERVE "resend: true\n",
		"x.yaml:5:5: \"resend\" is for streams with \"connect\", this one has \"serve\""},
	{SERVE "resync: true\n",
		"x.yaml:5:5: \"resync\" is for streams of dialect serpy2, this one is serpy1"},
	{CONNECT "max_conns: 5\n",
		"x.yaml:5:5: \"max_conns\" is for streams with \"serve\", this one has \"connect\""},
	{CONNECT "resend: true\n",
		"x.yaml:5:5: \"resend\" is for streams of dialect serpy1, this one is serpy2"},
	{CONNECT "encoding: ascii\n",
		"x.yaml:5:5: \"encoding\" is for streams of dialect serpy1, this one is serpy2"},
	{CONNECT "window: 3\n",
		"x.yaml:5:5: \"window\" is for streams of dialect serpy1, this one is serpy2"},
	{CONNECT "confirm: 3s\n",
		"x.yaml:5:5: \"confirm\" is for streams of dialect serpy1, this one is serpy2"},
	{CONNECT "objects: true\n",
		"x.yaml:5:5: \"objects\" is for streams of dialect serpy1, this one is serpy2"},
	{SERVE "encoding: utf8\n", "x.yaml:5:15: bad encoding \"utf8\": did you mean \"utf-8\"?"},
	{SERVE "full: wait\n", "x.yaml:5:11: bad full \"wait\": expected refuse, drop-old or drop-new"},
	{SERVE "max_message: 2G\n", "x.yaml:5:18: bad max_message \"2G\": allowed is 1 to 1024M"},
	{SERVE "max_events: 1K\n", "x.yaml:5:17: bad max_events \"1K\": allowed is 256K to 1024M"},
	{SERVE "dead_after: 10ms\n", "x.yaml:5:17: bad dead_after \"10ms\": allowed is 0, or 1s to 1h"},
	{SERVE "frame_timeout: 2d\n", "x.yaml:5:20: bad frame_timeout \"2d\": allowed is 0, or 10ms to 24h"},
	{SERVE "window: 1025\n", "x.yaml:5:13: bad window \"1025\": allowed is 1 to 1024"},
	{SERVE "window: 0\n", "x.yaml:5:13: bad window \"0\": allowed is 1 to 1024"},
	{SERVE "echo: maybe\n", "x.yaml:5:11: bad echo \"maybe\": expected true or false"},
	{CONNECT "retry_min: 6s\n", "x.yaml:5:16: retry_min is greater than retry_max"},
	{SERVE "piece: 17M\n", "x.yaml:5:12: piece is greater than max_message"},
	{SERVE "echo: true\n  - {name: lab, connect: h, dialect: serpy2}\n",
		"x.yaml:6:12: two streams have the name \"lab\" (first in line 2)"},
	{SERVE "echo: true\n  - {name: b, serve: '127.0.0.1:8000', dialect: serpy2}\n",
		"x.yaml:6:22: two streams have the serve \"127.0.0.1:8000\" (first in line 3)"},
};

static void every_mistake_in_a_stream_is_named_where_it_is(void **state)
{
	check_goldens(goldens, sizeof goldens / sizeof *goldens);
}

static void defaults_of_streams_are_written_out(void **state)
{
	struct config_set *set = load(write_file("x.yaml",
		"stream:\n"
		"- {name: s1, serve: '0.0.0.0:0', dialect: serpy1}\n"
		"- {name: c2, connect: 'scope:8001', dialect: serpy2, max_message: 100M, frame_timeout: 0, "
		"dead_after: 0}\n"
		"- {name: c1, connect: h, dialect: serpy1}\n"));
	const struct config_stream *c = set->config->stream;
	struct lan_stream_config s1 = config_stream_open_args(&c[0]), c2 = config_stream_open_args(&c[1]),
				 c1 = config_stream_open_args(&c[2]);
	assert_int_equal(set->config->stream_count, 3);
	assert_int_equal(set->warnings.n, 0);
	assert_true(s1.dialect == LAN_STREAM_SERPY1 && c2.dialect == LAN_STREAM_SERPY2);
	assert_string_equal(s1.address, "0.0.0.0:0");
	assert_string_equal(c2.address, "scope:8001");
	assert_true(s1.max_message == 16 << 20 && s1.max_queue == 1 << 20 && s1.max_events == 4 << 20);
	assert_true(s1.max_partial == 64 << 20 && c2.max_partial == 200 << 20);
	assert_true(!s1.pieces && s1.piece == 16 << 20 && c2.piece == 100 << 20);
	assert_true(s1.frame_timeout == LAN_SEC(60) && s1.dead_after == LAN_SEC(20));
	assert_true(c2.frame_timeout == LAN_NEVER && c2.dead_after == LAN_NEVER);
	assert_true(s1.full == LAN_STREAM_FULL_REFUSE && s1.max_conns == 16384);
	assert_string_equal(s1.encoding, "utf-8");
	assert_true(s1.window == 16 && s1.confirm == 0 && !s1.objects && !s1.resync && !s1.resend);
	assert_true(!c1.once && c1.retries == 0 && c1.retry_min == LAN_MS(20) && c1.retry_max == LAN_SEC(5));
	assert_true(!c2.encoding && !c[1].window && !c[1].max_conns && !c[0].retries && c[1].retries);
	assert_false(*c[0].echo);
	config_set_free(set);
}

static void each_key_reaches_the_stream(void **state)
{
	struct config_set *set = load(write_file("x.yaml",
		"stream:\n"
		"- {name: s, serve: '127.0.0.1:8000', dialect: serpy1, encoding: latin-1, max_message: 2K, "
		"pieces: "
		"true, piece: 1K, max_queue: 3K, full: drop-old, max_events: 300K, max_partial: 70K, "
		"frame_timeout: "
		"7s, dead_after: 8s, max_conns: 9, window: 10, confirm: 11s, objects: true, echo: true}\n"
		"- {name: c, connect: h, dialect: serpy1, once: true, retries: 12, retry_min: 13ms, "
		"retry_max: 14s, "
		"resend: true, full: drop-new}\n"
		"- {name: r, connect: h, dialect: serpy2, resync: true}\n"));
	const struct config_stream *c = set->config->stream;
	struct lan_stream_config s = config_stream_open_args(&c[0]), k = config_stream_open_args(&c[1]);
	assert_string_equal(s.encoding, "latin-1");
	assert_true(s.max_message == 2048 && s.pieces && s.piece == 1024 && s.max_queue == 3072);
	assert_true(
		s.full == LAN_STREAM_FULL_DROP_OLD && s.max_events == 300 << 10 && s.max_partial == 70 << 10);
	assert_true(s.frame_timeout == LAN_SEC(7) && s.dead_after == LAN_SEC(8) && s.max_conns == 9);
	assert_true(s.window == 10 && s.confirm == LAN_SEC(11) && s.objects && *c[0].echo);
	assert_true(k.once && k.retries == 12 && k.retry_min == LAN_MS(13) && k.retry_max == LAN_SEC(14));
	assert_true(k.resend && k.full == LAN_STREAM_FULL_DROP_NEW);
	assert_true(config_stream_open_args(&c[2]).resync);
	config_set_free(set);
}

static const char *const others_serve[] = {"encoding: ascii", "max_message: 1K", "pieces: true", "piece: 1K",
	"max_queue: 2M", "full: drop-new", "max_events: 2M", "max_partial: 2M", "frame_timeout: 0",
	"dead_after: 0", "max_conns: 7", "window: 2", "confirm: 1s", "objects: true", "echo: true"};
static const char *const others_connect[] = {
	"once: true", "retries: 1", "retry_min: 1ms", "retry_max: 1m", "resync: true", "echo: true"};

static void check_each(const char *head, const char *const *others, size_t n)
{
	char text[256];
	snprintf(text, sizeof text, "%secho: false\n", head);
	struct config_set *a = load(write_file("x.yaml", text)), *b;
	for (size_t i = 0; i < n; i++) {
		char *one, *two;
		bool is_echo = strcmp(others[i], "echo: true") == 0;
		snprintf(text, sizeof text, "%s%s\n", head, others[i]);
		b = load(write_file("y.yaml", text));
		assert_false(config_entry_same(
			config_stream_keys, &a->config->stream[0], &b->config->stream[0], SIZE_MAX));
		assert_int_equal(config_entry_same(config_stream_keys, &a->config->stream[0],
					 &b->config->stream[0], offsetof(struct config_stream, echo)),
			is_echo);
		one = config_yaml(b->config);
		config_set_free(b);
		b = load(write_file("y.yaml", one));
		two = config_yaml(b->config);
		assert_string_equal(one, two);
		assert_non_null(strstr(one, others[i]));
		free(one);
		free(two);
		config_set_free(b);
	}
	config_set_free(a);
}

static void printed_streams_read_back_as_the_same_and_each_key_counts(void **state)
{
	check_each(SERVE, others_serve, sizeof others_serve / sizeof *others_serve);
	check_each(CONNECT, others_connect, sizeof others_connect / sizeof *others_connect);
}

static void two_files_cannot_have_a_stream_of_one_name_or_one_port(void **state)
{
	struct config_set *set = NULL;
	struct config_notes e = {0};
	assert_int_equal(mkdir(path_of("conf.d"), 0755), 0);
	write_file("x.yaml", SERVE "echo: true\n");
	write_file("conf.d/10.yaml",
		CONNECT "echo: true\n  - {name: b, serve: '127.0.0.1:8000', dialect: serpy2}\n");
	assert_false(config_load(path_of("x.yaml"), &set, &e));
	assert_int_equal(e.n, 2);
	assert_non_null(strstr(e.note[0], "10.yaml: stream \"lab\" is in "));
	assert_non_null(
		strstr(e.note[1], "10.yaml: stream \"b\" listens on 127.0.0.1:8000 as stream \"lab\" does"));
	config_notes_fini(&e);
	unlink(path_of("conf.d/10.yaml"));
	rmdir(path_of("conf.d"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_in_a_stream_is_named_where_it_is),
		cmocka_unit_test(defaults_of_streams_are_written_out),
		cmocka_unit_test(each_key_reaches_the_stream),
		cmocka_unit_test(printed_streams_read_back_as_the_same_and_each_key_counts),
		cmocka_unit_test(two_files_cannot_have_a_stream_of_one_name_or_one_port),
	};
	return cmocka_run_group_tests_name("the configuration of streams", tests, make_dir, remove_dir);
}
