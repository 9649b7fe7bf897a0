/*
 * neighbor_daemon.c - the verbs about the daemon's neighbours that need to know
 * which entry of its configuration is meant: `show [NAME]`, `reset IFACE [MAC]`,
 * `roll NAME`.
 *
 * A router engineer knows interfaces and MAC addresses, the daemon wants the name
 * of an entry: it is looked up in what neighbor.list says. NAME of `show` may be
 * any of the three.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "cli/ctl.h"
#include "cli/neighbor_daemon.h"
#include "cli/text.h"
#include "cli/wait.h"

/* Has the entry an element of `list` whose `field` is this word? */
static bool has(const json_t *entry, const char *list, const char *field, const char *word)
{
	const json_t *e;
	size_t i;
	json_array_foreach(
		json_object_get(entry, list), i, e) if (strcasecmp(ctl_str(e, field), word) == 0) return true;
	return false;
}

/* The arguments of neighbor.show for an entry, if `word` (NULL: whatever) means it or something in it. */
static json_t *show_args(const json_t *entry, const char *word, bool by_name)
{
	const char *name = ctl_str(entry, "name");
	if (!word || (by_name && strcmp(name, word) == 0))
		return json_pack("{s:s}", "name", name);
	if (by_name)
		return NULL;
	if (has(entry, "ifaces", "name", word))
		return json_pack("{s:s,s:s}", "name", name, "ifname", word);
	if (has(entry, "peers", "mac", word))
		return json_pack("{s:s,s:s}", "name", name, "mac", word);
	return NULL;
}

/* Asks for each entry that is meant; the answers go into `shown`. */
static int ask(struct ctl *c, const json_t *entries, const char *word, bool by_name, json_t *shown)
{
	const json_t *entry;
	size_t i;
	int rc = EXIT_OK;
	json_array_foreach(entries, i, entry)
	{
		json_t *args = show_args(entry, word, by_name), *result = NULL;
		if (args && rc == EXIT_OK)
			rc = ctl_call(c, "neighbor.show", args, &result);
		else
			json_decref(args);
		if (result)
			json_array_append_new(shown, result);
	}
	return rc;
}

static void print_shown(struct cli *cli, const json_t *shown)
{
	bool one = json_array_size(shown) == 1;
	json_t *all = json_pack("{s:i,s:O}", "schema", 1, "shown", shown), *result;
	struct out o;
	size_t i;
	if (!text_document(cli, one ? json_array_get(shown, 0) : all, one ? NULL : "shown")) {
		out_init(&o, STDOUT_FILENO);
		json_array_foreach(shown, i, result)
		{
			if (i)
				out_char(&o, '\n');
			neighbor_show_text(&o, cli, result);
		}
		out_drain(&o, LAN_NEVER, cli_signals());
		out_fini(&o);
	}
	json_decref(all);
}

int neighbor_show_main(struct cli *cli, int argc, char **argv)
{
	const char *word = argc ? argv[0] : NULL;
	json_t *list = NULL, *shown = json_array();
	struct ctl c;
	int rc = ctl_open(&c, cli);
	if (rc == EXIT_OK)
		rc = ctl_call(&c, "neighbor.list", NULL, &list);
	const json_t *entries = json_object_get(list, "neighbors");
	if (rc == EXIT_OK)
		rc = ask(&c, entries, word, true, shown);
	if (rc == EXIT_OK && word && !json_array_size(shown))
		rc = ask(&c, entries, word, false, shown);
	if (rc == EXIT_OK && word && !json_array_size(shown))
		rc = cli_error(cli, EXIT_NOT_FOUND, "see what there is: lanyard neighbor list",
			"no entry, interface or neighbour named \"%s\"", word);
	else if (rc == EXIT_OK && !json_array_size(shown) && cli->mode == MODE_TEXT)
		cli_say(cli, "no neighbours are configured (see lanyard.yaml(5); lanyard config show)");
	else if (rc == EXIT_OK)
		print_shown(cli, shown);
	json_decref(list);
	json_decref(shown);
	ctl_close(&c);
	return rc;
}

/* The one entry that has the interface; NULL after having said why not. */
static const char *entry_with(const struct cli *cli, const json_t *entries, const char *ifname, int *rc)
{
	const char *wanted = cli_opt(cli, "name"), *found = NULL;
	const json_t *entry;
	size_t i, n = 0;
	json_array_foreach(entries, i, entry)
	{
		if ((wanted && strcmp(ctl_str(entry, "name"), wanted) != 0) ||
			!has(entry, "ifaces", "name", ifname))
			continue;
		found = ctl_str(entry, "name");
		n++;
	}
	if (n == 1)
		return found;
	*rc = n ? cli_error(cli, EXIT_USAGE, "say which with --name NAME",
			  "%zu entries of the configuration use %s", n, ifname)
		: cli_error(cli, EXIT_NOT_FOUND, "see what there is: lanyard neighbor list",
			  "no entry of the configuration uses an interface \"%s\"", ifname);
	return NULL;
}

/* Neither has an answer that says more than that it was done. */
static int finish(const struct cli *cli, int rc, json_t *result)
{
	if (rc == EXIT_OK)
		text_document(cli, result, NULL);
	json_decref(result);
	return rc;
}

int neighbor_reset_main(struct cli *cli, int argc, char **argv)
{
	json_t *list = NULL, *result = NULL;
	struct ctl c;
	int rc = ctl_open(&c, cli);
	if (rc == EXIT_OK)
		rc = ctl_call(&c, "neighbor.list", NULL, &list);
	const char *name =
		rc == EXIT_OK ? entry_with(cli, json_object_get(list, "neighbors"), argv[0], &rc) : NULL;
	if (name)
		rc = ctl_call(&c, "neighbor.reset",
			json_pack("{s:s,s:s,s:s*}", "name", name, "ifname", argv[0], "mac",
				argc > 1 ? argv[1] : NULL),
			&result);
	json_decref(list);
	ctl_close(&c);
	return finish(cli, rc, result);
}

/* The daemon reads the files, from where it stands. */
static char *absolute(const char *path)
{
	char *full = path ? realpath(path, NULL) : NULL;
	return full || !path ? full : strdup(path);
}

int neighbor_roll_main(struct cli *cli, int argc, char **argv)
{
	char *key = absolute(cli_opt(cli, "key-file")), *cert = absolute(cli_opt(cli, "cert-file"));
	json_t *result = NULL,
	       *args = json_pack("{s:s,s:s*,s:s*}", "name", argv[0], "key_file", key, "cert_file", cert);
	int rc = ctl_once(cli, "neighbor.roll", args, &result);
	free(key);
	free(cert);
	return finish(cli, rc, result);
}
