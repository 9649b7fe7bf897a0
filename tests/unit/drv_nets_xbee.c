/*
 * Unit tests of the driver of messages (drv/nets.h) over radios: `lanyard lab xbee` plays the modules, on
 * pseudo terminals, at the speed of real lines; a core that echoes is at the other end.
 *
 *      unit-drv_nets_xbee LANYARD
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <cmocka.h>
#include <signal.h>
#include "drv_nets_end.h"

static const char *lanyard;
static struct toy *a, *b;
static char dir[64];
static FILE *commands;
static pid_t lab;

/* Until it is so, or not within `most`; how long it took. */
#define WITHIN(most, cond)                                              \
	({                                                              \
		lan_time begin_ = lan_loop_now(loop);                   \
		while (!(cond) && lan_loop_now(loop) < begin_ + (most)) \
			lan_loop_run(loop, LAN_MS(5));                  \
		if (!(cond))                                            \
			fail_msg("not within " #most ": " #cond);       \
		lan_loop_now(loop) - begin_;                            \
	})

static void order(const char *text)
{
	fprintf(commands, "%s\n", text);
	fflush(commands);
}

/* Two modules, at dir/0 and dir/1. */
static void lab_start(const char *baud)
{
	int in[2], out[2];
	char link0[80], link1[80], line[200];
	snprintf(link0, sizeof link0, "%s/0", dir);
	snprintf(link1, sizeof link1, "%s/1", dir);
	assert_int_equal(pipe(in) | pipe(out), 0);
	lab = fork();
	if (lab == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execl(lanyard, lanyard, "lab", "xbee", "-q", "--seed", "1", "--baud", baud, "--link", link0,
			"--link", link1, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	commands = fdopen(in[1], "w");
	FILE *said = fdopen(out[0], "r");
	for (int i = 0; i < 2; i++)
		assert_non_null(fgets(line, sizeof line, said));
	fclose(said);
}

static void lab_stop(void)
{
	int status;
	order("quit");
	assert_int_equal(waitpid(lab, &status, 0), lab);
	fclose(commands);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void add(struct toy *t, unsigned i, const char *addr, const char *more)
{
	char text[200];
	snprintf(text, sizeof text, "xbee:%s/%u,addr=%s%s", dir, i, addr, more);
	toy_add(t, 1, text);
}

static int set_up_all(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/lanyard-xbee-XXXXXX");
	return mkdtemp(dir) && lan_loop_new(&loop) == LAN_OK ? 0 : -1;
}

static int tear_down_all(void **state)
{
	(void)state;
	lan_loop_free(loop);
	return rmdir(dir);
}

static int begin(const char *baud, const char *more)
{
	lab_start(baud);
	a = toy_new();
	b = toy_new();
	add(a, 0, "12:34", more);
	add(b, 1, "45:67", more);
	/* Twice the guard time, and eight commands. */
	lan_time took = WITHIN(LAN_SEC(6), a->link[1].up && b->link[1].up);
	assert_true(took > LAN_SEC(2));
	print_message("# initialised in %u ms\n", (unsigned)(took / LAN_MS(1)));
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	return begin("57600", ",baud=57600");
}

static int tear_down(void **state)
{
	(void)state;
	toy_free(a);
	toy_free(b);
	lab_stop();
	return 0;
}

static void exchange(const char *text)
{
	unsigned had = a->heard;
	b->echo = true;
	toy_say(a, 1, "45:67", text, strlen(text));
	(void)WITHIN(LAN_SEC(2), a->heard > had);
	assert_int_equal(a->last.n, strlen(text));
	assert_memory_equal(a->last.data, text, strlen(text));
}

static uint64_t counter(struct toy *t, const char *which)
{
	const char *name, *help;
	uint64_t value;
	for (size_t i = 0; lan_nets_counter(t->nets, 1, i, &name, &help, &value); i++)
		if (!strcmp(name, which))
			return value;
	fail_msg("no counter %s", which);
	return 0;
}

static void packets_carry_messages_and_what_becomes_of_them_is_told(void **state)
{
	char text[102];
	struct lan_ep all = {.link = 1};
	for (size_t n = 1; n <= 100; n += 33) {
		memset(text, 0x7e, n);
		text[n] = '\0';
		exchange(text);
	}
	assert_string_equal(toy_from(a), "45:67");
	assert_string_equal(toy_from(b), "12:34");
	assert_in_range(lan_nets_rssi(a->nets, &a->last.ep), 40, 70);
	assert_int_equal(lan_nets_rssi(a->nets, &all), 0);
	assert_int_equal(a->groups + b->groups, 0);
	unsigned had = b->heard;
	b->echo = false;
	toy_say_ep(a, &all, "everybody", 9);
	(void)WITHIN(LAN_SEC(2), b->heard == had + 1 && b->groups == 1);
	toy_say(a, 1, "45:67", text, 101);
	(void)WITHIN(LAN_SEC(1), a->unsent == 1);
	assert_int_equal(a->why, LAN_ERR_TOOBIG);
	toy_say(a, 1, "99:99", "nobody", 6);
	(void)WITHIN(LAN_SEC(1), a->unsent == 2);
	assert_int_equal(a->why, LAN_ERR_UNREACH);
	lan_nets_text(a->nets, &a->unsent_to, text, sizeof text);
	assert_string_equal(text, "99:99");
	assert_int_equal(counter(a, "tx_acked"), 5);
	/* At 100 % loss each is told; at 30 % nearly all arrive, and none twice. */
	order("loss 100%");
	settle();
	toy_say(a, 1, "45:67", "lost", 4);
	(void)WITHIN(LAN_SEC(1), a->unsent == 3);
	order("loss 30%");
	settle();
	had = b->heard;
	unsigned lost = a->unsent;
	for (int i = 0; i < 40; i++)
		toy_say(a, 1, "45:67", "some", 4);
	(void)WITHIN(LAN_SEC(5), counter(a, "tx_acked") + a->unsent - lost == 45);
	assert_in_range(b->heard - had, 30, 40);
}

static void a_stick_that_is_pulled_and_plugged_again_is_back_within_a_second(void **state)
{
	exchange("before");
	for (int round = 0; round < 2; round++) {
		unsigned lost = b->unsent;
		order("unplug 0");
		(void)WITHIN(LAN_SEC(1), !a->link[1].up);
		assert_int_equal(a->link[1].err, LAN_ERR_CLOSED);
		toy_say(b, 1, "12:34", "anybody?", 8);
		(void)WITHIN(LAN_SEC(1), b->unsent == lost + 1);
		toy_say(a, 1, "45:67", "hello?", 6);
		(void)WITHIN(LAN_SEC(1), a->why == LAN_ERR_UNREACH);
		a->why = LAN_OK;
		for (int i = 0; round && i < 200; i++) /* long enough for the pauses to grow */
			lan_loop_run(loop, LAN_MS(10));
		order("plug 0");
		lan_time took = WITHIN(LAN_SEC(1), a->link[1].up);
		print_message("# back after %u ms\n", (unsigned)(took / LAN_MS(1)));
		exchange("after");
	}
}

static void a_module_that_restarts_and_a_line_that_is_noisy_do_no_harm(void **state)
{
	order("noise 0 7e00737e000d81");
	order("noise 1 ffffff7e");
	settle();
	exchange("through noise");
	order("reset 0");
	(void)WITHIN(LAN_SEC(1), !a->link[1].up);
	assert_int_equal(a->link[1].err, LAN_ERR_RESET);
	(void)WITHIN(LAN_SEC(2), a->link[1].up);
	exchange("after it");
}

/* The very settings that were saved: no initialisation when the program starts again. */
static void a_second_program_finds_the_module_as_it_should_be(void **state)
{
	toy_free(a);
	a = toy_new();
	add(a, 0, "12:34", ",baud=57600");
	lan_time took = WITHIN(LAN_SEC(1), a->link[1].up);
	print_message("# ready after %u ms\n", (unsigned)(took / LAN_MS(1)));
	exchange("once more");
}

static int set_up_escaped(void **state)
{
	(void)state;
	return begin("0", ",api=2");
}

static void escaped_frames_go_through_at_full_speed(void **state)
{
	uint8_t msg[60];
	struct lan_ep to;
	unsigned sent = 0;
	for (size_t i = 0; i < sizeof msg; i++)
		msg[i] = (uint8_t)(i % 5 ? "~}\x11\x13"[i % 5 - 1] : (int)i);
	b->echo = true;
	assert_int_equal(lan_nets_ep(a->nets, 1, "45:67", &to), LAN_OK);
	lan_time until = lan_loop_now(loop) + LAN_SEC(10);
	while (a->heard < 2000 && lan_loop_now(loop) < until) {
		while (sent < 2000 && sent - a->heard < 10)
			toy_say_ep(a, &to, msg, sizeof msg), sent++;
		lan_loop_run(loop, LAN_MS(10));
	}
	assert_int_equal(a->heard, 2000);
	assert_memory_equal(a->last.data, msg, sizeof msg);
	assert_int_equal(a->unsent + b->unsent, 0);
}

static void a_device_that_is_not_there_is_waited_for_or_refused(void **state)
{
	char text[200];
	a = toy_new();
	snprintf(text, sizeof text, "xbee:%s/0,addr=12:34", dir);
	assert_int_equal(toy_try(a, 1, text, false), LAN_ERR_NOTFOUND);
	assert_int_equal(toy_try(a, 1, text, true), LAN_OK);
	WAIT(a->link[1].told == 1);
	assert_int_equal(a->link[1].err, LAN_ERR_NOTFOUND);
	assert_int_equal(toy_try(a, 2, "xbee:/dev/null,addr=12:34", false), LAN_ERR_NOTSUP);
	toy_free(a);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(packets_carry_messages_and_what_becomes_of_them_is_told),
		T(a_stick_that_is_pulled_and_plugged_again_is_back_within_a_second),
		T(a_module_that_restarts_and_a_line_that_is_noisy_do_no_harm),
		T(a_second_program_finds_the_module_as_it_should_be),
		cmocka_unit_test_setup_teardown(
			escaped_frames_go_through_at_full_speed, set_up_escaped, tear_down),
		cmocka_unit_test(a_device_that_is_not_there_is_waited_for_or_refused),
	};
	lanyard = argc > 1 ? argv[1] : "build/lanyard";
	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
