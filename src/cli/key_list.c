/*
 * key_list.c - `lanyard key list` and `lanyard key watch`: the key files of a
 * folder, and what happens to them. A file that is refused is listed with the
 * reason: that is what one looks for.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "api/key_int.h"
#include "cli/key.h"
#include "cli/out.h"
#include "cli/out_json.h"
#include "cli/text.h"
#include "cli/wait.h"

const char *key_folder(char *buf, size_t cap)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	if (geteuid() == 0 || (!(config && *config) && !(home && *home)))
		snprintf(buf, cap, "/etc/lanyard/keys");
	else if (config && *config)
		snprintf(buf, cap, "%s/lanyard/keys", config);
	else
		snprintf(buf, cap, "%s/.config/lanyard/keys", home);
	return buf;
}

static int no_folder(const struct cli *cli, const char *folder)
{
	int code = errno;
	return cli_error(cli,
		code == ENOENT || code == ENOTDIR ? EXIT_NOT_FOUND
		: code == EACCES                  ? EXIT_PERMISSION
						  : EXIT_FAILED,
		code == ENOENT ? "make it with mkdir -m 700, or name another one" : NULL,
		"cannot look into %s: %s", folder, strerror(code));
}

/* A file of the folder as an element of the list; NULL: not a key file. */
static json_t *entry(const char *folder, const char *name)
{
	char path[PATH_MAX];
	const char *why = "";
	struct stat st;
	enum lan_err e;
	if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path || stat(path, &st) ||
		!S_ISREG(st.st_mode))
		return NULL;
	json_t *doc = key_document(path, &e, &why);
	if (doc) {
		json_object_del(doc, "schema");
		return doc;
	}
	return e == LAN_ERR_PROTO || e == LAN_ERR_NOTFOUND
		       ? NULL
		       : json_pack("{s:s,s:s,s:s}", "file", path, "kind", "refused", "reason", why);
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void row(struct table *t, const json_t *key)
{
	const char *file = json_string_value(json_object_get(key, "file"));
	const char *kind = json_string_value(json_object_get(key, "kind"));
	const char *cipher = json_string_value(json_object_get(key, "cipher"));
	const char *id = json_string_value(json_object_get(key, "id"));
	const char *reason = json_string_value(json_object_get(key, "reason"));
	const char *algorithm = json_string_value(json_object_get(key, "algorithm"));
	const char *print = json_string_value(json_object_get(key, "fingerprint"));
	const json_t *epochs = json_object_get(key, "epochs"), *epoch;
	size_t i;
	table_cell(t, BOLD, "%s", file ? file : "");
	table_cell(t, reason ? RED : PLAIN, "%s", kind ? kind : "");
	if (reason)
		table_cell(t, RED, "%s", reason);
	else if (id)
		table_cell(t, PLAIN, "%s, speaks as %s", algorithm, id);
	else if (!cipher)
		table_cell(t, PLAIN, "%s%s%s", algorithm, print ? ", fingerprint " : "", print ? print : "");
	if (reason || !cipher)
		return;
	long long sent = -1;
	json_array_foreach(epochs, i, epoch)
	{
		const char *state = json_string_value(json_object_get(epoch, "state"));
		if (state && strcmp(state, "sent") == 0)
			sent = (long long)json_integer_value(json_object_get(epoch, "epoch"));
	}
	if (sent >= 0)
		table_cell(t, PLAIN, "%s, sends with epoch %lld of %zu", cipher, sent, i);
	else
		table_cell(t, YELLOW, "%s, %zu epochs, none to be sent with yet", cipher, i);
}

static void print_list(const struct cli *cli, const json_t *keys)
{
	static const char *const head[] = {"FILE", "KIND", "WHAT"};
	const json_t *key;
	struct table t;
	struct out o;
	size_t i;
	out_init(&o, STDOUT_FILENO);
	table_init(&t, 3, 0);
	for (i = 0; i < 3; i++)
		table_cell(&t, DIM, "%s", head[i]);
	json_array_foreach(keys, i, key) row(&t, key);
	table_print(&t, &o, cli_color(cli, STDOUT_FILENO));
	out_drain(&o, LAN_NEVER, cli_signals());
	out_fini(&o);
}

int key_list_main(struct cli *cli, int argc, char **argv)
{
	char place[PATH_MAX];
	const char *folder = argc ? argv[0] : key_folder(place, sizeof place);
	struct dirent **files;
	int n = scandir(folder, &files, visible, alphasort);
	if (n < 0)
		return no_folder(cli, folder);
	json_t *keys = json_array();
	for (int i = 0; i < n; i++) {
		json_t *key = entry(folder, files[i]->d_name);
		if (key)
			json_array_append_new(keys, key);
		free(files[i]);
	}
	free(files);
	json_t *result = json_pack("{s:i,s:s,s:o}", "schema", 1, "folder", folder, "keys", keys);
	if (!text_document(cli, result, "keys")) {
		if (json_array_size(keys) == 0)
			cli_say(cli, "no key files in %s (lanyard key generate makes one)", folder);
		else
			print_list(cli, keys);
	}
	json_decref(result);
	return EXIT_OK;
}

static void print_change(
	const struct cli *cli, struct out *o, const char *folder, const char *name, bool removed)
{
	char path[PATH_MAX], when[KEY_TIME_TEXT];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	json_t *key = removed ? NULL : entry(folder, name);
	const char *kind = key ? json_string_value(json_object_get(key, "kind")) : NULL;
	const char *reason = key ? json_string_value(json_object_get(key, "reason")) : NULL;
	const char *event = removed ? "removed" : reason ? "refused" : "changed";
	key_time_print(time(NULL), when);
	if (cli->mode == MODE_TEXT) {
		out_printf(o, "%s %s ", when, event);
		out_foreign(o, path, strlen(path));
		if (reason || kind)
			out_printf(o, " (%s)", reason ? reason : kind);
		out_char(o, '\n');
	} else {
		json_t *line = json_pack("{s:i,s:s,s:s,s:s,s:s*,s:s*}", "schema", 1, "time", when, "event",
			event, "file", path, "kind", kind, "reason", reason);
		char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
		if (text)
			out_printf(o, "%s\n", text);
		free(text);
		json_decref(line);
	}
	json_decref(key);
}

/* One read's worth of changes. False: enough were printed. */
static bool print_changes(const struct cli *cli, struct out *o, int fd, const char *folder, uint64_t *left)
{
	_Alignas(struct inotify_event) char buf[4096];
	ssize_t n = read(fd, buf, sizeof buf);
	for (ssize_t at = 0; at < n && *left;) {
		const struct inotify_event *ev = (const struct inotify_event *)(buf + at);
		bool removed = ev->mask & (IN_DELETE | IN_MOVED_FROM);
		if (ev->len && ev->name[0] != '.') {
			print_change(cli, o, folder, ev->name, removed);
			(*left)--;
		}
		at += (ssize_t)(sizeof *ev + ev->len);
	}
	return *left > 0 && out_drain(o, LAN_NEVER, cli_signals());
}

int key_watch_main(struct cli *cli, int argc, char **argv)
{
	char place[PATH_MAX];
	const char *folder = argc ? argv[0] : key_folder(place, sizeof place);
	uint64_t wanted = cli_number(cli, "count", 0), left = wanted ? wanted : UINT64_MAX;
	lan_time limit = cli_duration(cli, "timeout", 0), end = limit ? cli_now() + limit : LAN_NEVER;
	int rc = EXIT_OK, fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct out o;
	if (fd < 0 || inotify_add_watch(fd, folder,
			      IN_ONLYDIR | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
				      IN_ATTRIB) < 0) {
		rc = no_folder(cli, folder);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	cli_detail(cli, "watching %s", folder);
	out_init(&o, STDOUT_FILENO);
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int n = cli_poll(&p, 1, cli_ms_until(end));
		if (cli_signals()) {
			rc = EXIT_INTERRUPTED;
			break;
		}
		if (n == 0 && cli_now() >= end) {
			rc = wanted ? cli_error(cli, EXIT_TIMEOUT, NULL, "--timeout %s is over",
					      cli_opt(cli, "timeout"))
				    : EXIT_OK;
			break;
		}
		if (n > 0 && !print_changes(cli, &o, fd, folder, &left))
			break;
	}
	out_drain(&o, LAN_NEVER, cli_signals());
	out_fini(&o);
	close(fd);
	return rc;
}
