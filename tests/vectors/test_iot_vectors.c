/*
 * test_iot_vectors.c - every captured session of the original against our two
 * cores: our server fed with the captured client's bytes at the captured times,
 * our client fed with the captured server's.
 *
 * Acknowledgements, message lines with their ids and repeats, deliveries, id
 * lines and closed connections have to be the captured ones, except where the
 * table says why ours are better and what they are instead. A reason for a
 * difference that does not show is a failure, too. Keepalives are timers, so
 * only their period is checked.
 *
 *      test_iot_vectors iot.json
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "iot_replay.h"

enum side { SERVER, CLIENT };

/* What ours does differently; NULL: nothing. "..x" means: ends in x. */
struct difference {
	const char *scenario;
	enum side side;
	const char *why;
	const char *acks, *messages, *delivered, *closed, *opening;
};

static const struct difference differences[] = {
	{"ack_lost_mid0_c2s", SERVER, "a repeated 00 is recognised (the original delivers it twice)",
		.delivered = "c0 c1 c2"},
	{"client_restart", SERVER, "line 09 is acknowledged before the original's next poll would have",
		.acks = "#0 00 01 02 03 04 05 06 07 08 09 #1 00 01 02 03 04"},
	{"cut_midline_c2s", SERVER,
		"half a line dies with its connection (the original glues it to the next)",
		.delivered = "c0 c1 c2 c3 c4 c5"},
	{"duplicate_id", CLIENT, "two clients in one capture; ours plays them one after the other",
		.opening = "#0 1 #3 1"},
	{"line_4096_c2s", SERVER, "every copy is acknowledged (the original loses LFs at chunk boundaries)",
		.acks = "#0 00 00 01 01 01"},
	{"long_line_both", CLIENT, "the capture does not list what this application got",
		.delivered = "s0 xxxxxxxxxxxxxxxxx.. s1 xxxxxxxxxxxxxxxxx.."},
	{"overflow_s2c", SERVER, "14 was acknowledged before the connection went: it is not repeated",
		.messages = "..12s18 13s19 14s20 #1 15s21 16s22 17s23 18s24"},
	{"overflow_s2c", CLIENT, "what is acknowledged is delivered (the original's queue holds 20)",
		.delivered = "..s18 s19 s20 s21 s22 s23 s24"},
	{"raw_data_after_id", SERVER, "lines behind the id line are lines, on each connection",
		.acks = "#0 00 #1 01 02", .delivered = "first second third", .closed = "#0"},
	{"raw_dedup_window", SERVER,
		"an id that comes back with other bytes is a new line (a repetition repeats id and bytes)",
		.delivered = "..a126 a127 dup01? dup07? dup08? a128"},
	{"raw_mid0_twice", SERVER, "a restart is a new connection: 00 twice on one is a repetition",
		.delivered = "five zero"},
	{"raw_newline_boundary", SERVER, "a chunk may begin with the LF of the line before",
		.acks = "#0 05 06", .delivered = "abc def"},
	{"server_down_14s", SERVER,
		"the capture lists only what the second process got, and ends before ack 19",
		.acks = "..13 14 15 16 17 18 19",
		.delivered = "c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 c10 c11 c12 c13 c14 c15 c16 c17 c18 c19 c20 c21 "
			     "c22 c23 "
			     "c24 c25"},
	{"server_down_14s", CLIENT, "the recording proxy accepted where no server was",
		.opening = "#0 1 #1 1 #2 1 #3 1"},
};

/* Sessions that were described and not recorded in the file: where each is tested. */
static const struct {
	const char *scenario, *where;
} elsewhere[] = {
	{"ack_lost_mid0_s2c", "sim scenario ack_lost_mid0"},
	{"cut_midline_s2c", "sim scenario cut_midline"},
	{"drop_ack_then_close_s2c", "sim scenario ack_dropped_then_closed"},
	{"half_open", "sim scenarios half_open_client, half_open_server"},
	{"pb_link_i2c", "the tests of the board bridge"},
	{"raw_odd_prefixes", "sim scenario odd_prefixes"},
	{"server_restart", "sim scenarios server_restart, server_restart_sender"},
	{"wrap_both", "sim scenario wrap"},
};

static int number, failed;

static const char *at_end(const char *text, const char *tail)
{
	size_t n = strlen(text), k = strlen(tail);

	return n >= k ? text + n - k : text;
}

/* True: as expected. *differs: and not as captured. */
static bool same(const char *what, const char *captured, const char *instead, const char *ours, bool *differs)
{
	const char *wanted = instead ? instead : captured, *found = ours;

	if (strncmp(wanted, "..", 2) == 0)
		found = at_end(ours, wanted += 2);
	*differs |= strcmp(captured, ours) != 0;
	if (strcmp(wanted, found) == 0)
		return true;
	printf("# %s: expected %s\n# %s:    found %s\n", what, wanted, what, ours);
	return false;
}

static const struct difference *difference_of(const char *name, enum side side)
{
	static const struct difference none;

	for (size_t i = 0; i < sizeof differences / sizeof *differences; i++)
		if (strcmp(differences[i].scenario, name) == 0 && differences[i].side == side)
			return &differences[i];
	return &none;
}

static void check(const json_t *scenario, const char *name, enum side side)
{
	const struct difference *d = difference_of(name, side);
	struct outcome was, is;
	bool differs = false, ok;

	outcome_captured(scenario, side == SERVER, &was);
	outcome_ours(scenario, side == SERVER, &is);
	ok = same("acks", was.acks, d->acks, is.acks, &differs);
	ok &= same("messages", was.messages, d->messages, is.messages, &differs);
	ok &= same("delivered", was.delivered, d->delivered, is.delivered, &differs);
	ok &= same("id lines", was.opening, d->opening, is.opening, &differs) || side == SERVER;
	ok &= side == CLIENT || same("closed", was.closed, d->closed, is.closed, &differs);
	if (is.max_gap > 1.1) {
		printf("# silent for %.1f quarters of the timeout\n", is.max_gap);
		ok = false;
	}
	if (d->why && !differs) {
		printf("# there is nothing to explain\n");
		ok = false;
	}
	printf("%sok %d - %s, our %s: %s%s\n", ok ? "" : "not ", ++number, name,
		side == SERVER ? "server" : "client", d->why ? "explained: " : "reproduced",
		d->why ? d->why : "");
	failed += !ok;
	outcome_fini(&was);
	outcome_fini(&is);
}

static bool is_elsewhere(const char *name)
{
	for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
		if (strcmp(elsewhere[i].scenario, name) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	json_error_t err;
	json_t *file = argc == 2 ? json_load_file(argv[1], JSON_ALLOW_NUL, &err) : NULL, *scenario;
	size_t k;

	if (!file) {
		fprintf(stderr, "test_iot_vectors: %s\n",
			argc == 2 ? err.text : "usage: test_iot_vectors FILE");
		return 2;
	}
	json_array_foreach(json_object_get(file, "scenarios"), k, scenario)
	{
		const char *name = json_string_value(json_object_get(scenario, "name"));

		if (is_elsewhere(name))
			continue;
		check(scenario, name, SERVER);
		if (!json_is_true(json_object_get(json_object_get(scenario, "config"), "scripted_client")))
			check(scenario, name,
				CLIENT); /* a script on the other side is no client to compare with */
	}
	for (k = 0; k < sizeof elsewhere / sizeof *elsewhere; k++)
		printf("# not here: %s - %s\n", elsewhere[k].scenario, elsewhere[k].where);
	printf("1..%d\n", number);
	json_decref(file);
	return failed != 0;
}
