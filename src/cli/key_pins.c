/*
 * key_pins.c - `lanyard key pins` and `lanyard key forget`: the keys that a
 * neighbour entry has learned and keeps in its state directory. Listing reads the
 * file as it is; forgetting takes the directory's lock, because whoever has it
 * would write the key back. lanyard-key(1).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "api/key_int.h"
#include "api/neighbor_state.h"
#include "cli/key.h"
#include "cli/out.h"
#include "cli/text.h"
#include "cli/wait.h"

static void id_text(const struct neighbor_pin *p, char out[3 * LSOE_ID_MAX + 1])
{
	size_t n = 0;
	for (size_t i = 0; i < p->id_len; i++)
		n += (size_t)snprintf(out + n, 4, "%s%02x", i ? ":" : "", p->id[i]);
}

static json_t *document(const char *dir, const struct neighbor_pins *pins)
{
	json_t *list = json_array();
	for (size_t i = 0; i < pins->n; i++) {
		const struct neighbor_pin *p = &pins->pin[i];
		char id[3 * LSOE_ID_MAX + 1], when[KEY_TIME_TEXT], print[17];
		id_text(p, id);
		key_time_print(p->first_seen, when);
		lsoe_key_fingerprint(&p->key, print);
		json_array_append_new(list,
			json_pack("{s:s,s:s,s:s,s:s}", "id", id, "algorithm", key_algorithm_name(p->key.alg),
				"fingerprint", print, "first_seen", when));
	}
	return json_pack("{s:i,s:s,s:o}", "schema", 1, "folder", dir, "pins", list);
}

static void print_pins(const struct cli *cli, const json_t *pins)
{
	static const char *const head[] = {"ID", "ALGORITHM", "FINGERPRINT", "FIRST SEEN"};
	static const char *const name[] = {"id", "algorithm", "fingerprint", "first_seen"};
	const json_t *pin;
	struct table t;
	struct out o;
	size_t i;
	out_init(&o, STDOUT_FILENO);
	table_init(&t, 4, 0);
	for (i = 0; i < 4; i++)
		table_cell(&t, DIM, "%s", head[i]);
	json_array_foreach(pins, i, pin)
	{
		for (size_t k = 0; k < 4; k++)
			table_cell(
				&t, k ? PLAIN : BOLD, "%s", json_string_value(json_object_get(pin, name[k])));
	}
	table_print(&t, &o, cli_color(cli, STDOUT_FILENO));
	out_drain(&o, LAN_NEVER, cli_signals());
	out_fini(&o);
}

static int no_folder(const struct cli *cli, const char *dir)
{
	struct stat st;
	if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
		return EXIT_OK;
	return cli_error(cli, errno == EACCES ? EXIT_PERMISSION : EXIT_NOT_FOUND,
		"it is what --state or state-dir names", "there is no state directory %s", dir);
}

int key_pins_main(struct cli *cli, int argc, char **argv)
{
	char path[PATH_MAX];
	const char *why = "";
	struct neighbor_pins pins = {0};
	int rc = no_folder(cli, argv[0]);
	if (rc)
		return rc;
	snprintf(path, sizeof path, "%s/pins", argv[0]);
	enum lan_err e = neighbor_pins_read(path, &pins, &why);
	if (e)
		return key_failed(cli, e, why);
	json_t *doc = document(argv[0], &pins);
	if (!text_document(cli, doc, "pins")) {
		if (pins.n)
			print_pins(cli, json_object_get(doc, "pins"));
		else
			cli_say(cli, "no keys were learned in %s", argv[0]);
	}
	json_decref(doc);
	neighbor_pins_fini(&pins);
	return EXIT_OK;
}

/* --- forget ----------------------------------------------------------------------------------- */

struct outcome {
	enum lan_err err;
	char why[300];
};

static void failed(void *ctx, enum lan_err e, const char *why)
{
	struct outcome *o = ctx;
	o->err = e;
	snprintf(o->why, sizeof o->why, "%s", why);
}

static enum lan_err no_session(
	void *ctx, const char *ifname, const uint8_t mac[6], uint8_t **out, size_t *len)
{
	return LAN_ERR_NOTFOUND;
}

/* All of them or none. */
static int forget(struct cli *cli, struct neighbor_state *s, const char *dir, int n, char **ids)
{
	uint8_t id[LSOE_ID_MAX], len;
	for (int i = 0; i < n; i++) {
		bool there = false;
		const struct neighbor_pins *p = neighbor_state_pins(s);
		if (!neighbor_id_parse(ids[i], id, &len))
			return cli_error(
				cli, EXIT_USAGE, NULL, "'%s' is no id: octets in hexadecimal", ids[i]);
		for (size_t k = 0; k < p->n && !there; k++)
			there = p->pin[k].id_len == len && memcmp(p->pin[k].id, id, len) == 0;
		if (!there)
			return cli_error(cli, EXIT_NOT_FOUND, "lanyard key pins lists them",
				"no key of %s was learned in %s", ids[i], dir);
	}
	for (int i = 0; i < n; i++)
		if (neighbor_id_parse(ids[i], id, &len))
			(void)!neighbor_state_forget(s, id, len); /* named twice: gone already */
	return EXIT_OK;
}

int key_forget_main(struct cli *cli, int argc, char **argv)
{
	struct outcome o = {0};
	struct lan_loop *loop = NULL;
	struct neighbor_state *s = NULL;
	const char *why = "out of memory";
	int rc = no_folder(cli, argv[0]);
	if (rc)
		return rc;
	enum lan_err e = lan_loop_new(&loop);
	struct neighbor_state_config cfg = {.loop = loop,
		.dir = argv[0],
		.resume = LAN_SEC(3600),
		.session = no_session,
		.failed = failed,
		.ctx = &o};
	if (!e)
		e = neighbor_state_open(&cfg, &s, &why);
	if (e == LAN_ERR_EXISTS)
		rc = cli_error(cli, EXIT_FAILED, "stop it first, or it would write the key back",
			"%s is in use by a running node", argv[0]);
	else if (e)
		rc = key_failed(cli, e, why);
	else
		rc = forget(cli, s, argv[0], argc - 1, argv + 1);
	neighbor_state_close(s); /* writes */
	lan_loop_free(loop);
	return !rc && o.err ? key_failed(cli, o.err, o.why) : rc;
}
