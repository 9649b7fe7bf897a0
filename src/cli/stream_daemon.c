/*
 * stream_daemon.c - `lanyard stream send NAME [VALUE..]`: values to a stream of
 * the daemon, to one connection of a server or to all. Without VALUE each line
 * of stdin is one.
 *
 * What a value is says --type; it is checked here, so that a line which is no
 * number is an error with its number and the others go on.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cli/daemon_send.h"

static bool refused(struct daemon_send *s, const char *hint, const char *why)
{
	daemon_send_refused(s, hint, why);
	return false;
}

static bool add_str(struct daemon_send *s, json_t *args, const char *data, size_t n)
{
	json_t *text = memchr(data, '\0', n) ? NULL : json_stringn(data, n);
	if (!text)
		return refused(
			s, "--type bytes sends it as it is", "is not text: not UTF-8, or with a NUL inside");
	json_object_set_new(args, "value", text);
	return true;
}

/* A copy that ends with a NUL; NULL if there is one inside, or no memory. */
static char *word_of(const char *data, size_t n)
{
	return memchr(data, '\0', n) ? NULL : strndup(data, n);
}

static bool add_int(struct daemon_send *s, json_t *args, const char *data, size_t n)
{
	char *word = word_of(data, n), *end = word;
	long long i;
	errno = 0;
	i = word ? strtoll(word, &end, 10) : 0;
	bool whole = word && end != word && !*end, fits = !errno;
	free(word);
	if (!whole)
		return refused(s, "--type str sends it as it is", "is not a whole number");
	if (!fits)
		return refused(s, "the wire has 64 bits for one; send it as text (--type str)",
			"is a whole number that is too large");
	json_object_set_new(args, "value", json_integer(i));
	return true;
}

static bool add_float(struct daemon_send *s, json_t *args, const char *data, size_t n)
{
	char *word = word_of(data, n), *end = word;
	double f = word ? strtod(word, &end) : 0;
	bool whole = word && end != word && !*end;
	free(word);
	if (!whole)
		return refused(s, "--type str sends it as it is", "is not a number");
	json_object_set_new(args, "value",
		isfinite(f) ? json_real(f)
			    : json_string(isnan(f) ? "nan"
					  : f < 0  ? "-inf"
						   : "inf"));
	return true;
}

static bool add_object(struct daemon_send *s, json_t *args, const char *data, size_t n)
{
	json_t *object = json_loadb(data, n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	if (!object)
		return refused(s, NULL, "is not JSON");
	json_object_set_new(args, "value", object);
	return true;
}

static bool add_value(struct daemon_send *s, json_t *args, const char *data, size_t n)
{
	const struct cli *cli = s->ctl.cli;
	const char *type = cli_opt(cli, "type");
	type = type ? type : "str";
	json_object_set_new(args, "type", json_string(type));
	if (cli_opt(cli, "conn"))
		json_object_set_new(args, "conn", json_integer((json_int_t)cli_number(cli, "conn", 0)));
	if (cli_opt(cli, "mode"))
		json_object_set_new(args, "mode", json_integer((json_int_t)cli_number(cli, "mode", 0)));
	if (strcmp(type, "bytes") == 0) {
		daemon_send_base64(args, data, n);
		return true;
	}
	return strcmp(type, "int") == 0      ? add_int(s, args, data, n)
	       : strcmp(type, "float") == 0  ? add_float(s, args, data, n)
	       : strcmp(type, "object") == 0 ? add_object(s, args, data, n)
					     : add_str(s, args, data, n);
}

int stream_send_main(struct cli *cli, int argc, char **argv)
{
	struct daemon_send s = {.family = "stream", .name = argv[0], .verb = "stream.send", .add = add_value};
	return daemon_send(&s, cli, argc - 1, argv + 1, cli_flag(cli, "stdin-raw"));
}
