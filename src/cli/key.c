/*
 * key.c - `lanyard key generate|rotate|identity|public|export|certify|show`: key files
 * made and looked at, never their secrets. lanyard-key(1).
 */
#include "cli/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "api/key_int.h"
#include "cli/out.h"
#include "cli/text.h"
#include "cli/wait.h"

int key_failed(const struct cli *cli, enum lan_err e, const char *why)
{
	enum exit_code code = e == LAN_ERR_NOTFOUND ? EXIT_NOT_FOUND
			      : e == LAN_ERR_PERM   ? EXIT_PERMISSION
						    : EXIT_FAILED;
	return cli_error(cli, code, NULL, "%s", why);
}

static void set_time(json_t *to, const char *name, int64_t t)
{
	char text[KEY_TIME_TEXT];
	if (t) {
		key_time_print(t, text);
		json_object_set_new(to, name, json_string(text));
	}
}

/* "sent" (the one), "accepted", "later" (its time has not come), "over". */
static const char *state_of(const struct lan_key_info *info, size_t i, int64_t now)
{
	size_t sent = info->n;
	for (size_t k = 0; k < info->n; k++)
		if (info->epoch[k].send_after <= now)
			sent = k;
	if (info->epoch[i].accept_until && info->epoch[i].accept_until <= now)
		return "over";
	return i == sent ? "sent" : info->epoch[i].send_after > now ? "later" : "accepted";
}

static json_t *group_document(const char *path, enum lan_err *e, const char **why)
{
	struct lan_key_info info;
	*e = lan_key_info(path, &info, why);
	if (*e)
		return NULL;
	json_t *epochs = json_array();
	for (size_t i = 0; i < info.n; i++) {
		const struct lan_key_epoch *from = &info.epoch[i];
		json_t *epoch = json_pack("{s:I,s:s,s:s}", "epoch", (json_int_t)from->epoch, "fingerprint",
			from->fingerprint, "state", state_of(&info, i, time(NULL)));
		set_time(epoch, "send_after", from->send_after);
		set_time(epoch, "accept_until", from->accept_until);
		json_array_append_new(epochs, epoch);
	}
	return json_pack("{s:i,s:s,s:s,s:s,s:o}", "schema", 1, "file", path, "kind", "group", "cipher",
		lan_cipher_name(info.cipher), "epochs", epochs);
}

/* Of what signs: the id it speaks as on channels, if it can, and what neighbours know it by. */
static json_t *signing_document(const char *path, enum key_kind kind, enum lan_err *e, const char **why)
{
	static const char *const word[] = {
		[KEY_IDENTITY] = "identity", [KEY_RSA] = "rsa", [KEY_PUBLIC] = "public"};
	struct lan_key_signing info;
	char id[17], public_key[KEY_BASE64 + 1];
	*e = lan_key_signing(path, &info, why);
	if (!*e && kind == KEY_IDENTITY)
		*e = lan_key_public(path, id, public_key, why);
	if (*e)
		return NULL;
	json_t *doc = json_pack("{s:i,s:s,s:s}", "schema", 1, "file", path, "kind", word[kind]);
	if (kind == KEY_IDENTITY) {
		json_object_set_new(doc, "id", json_string(id));
		json_object_set_new(doc, "public_key", json_string(public_key));
	}
	json_object_set_new(doc, "algorithm", json_string(info.algorithm));
	json_object_set_new(doc, "bits", json_integer(info.bits));
	json_object_set_new(doc, "fingerprint", json_string(info.fingerprint));
	return doc;
}

static json_t *certificate_document(const char *path, enum lan_err *e, const char **why)
{
	uint8_t alg, *sig;
	uint16_t len;
	*e = key_cert_load(path, &alg, &sig, &len, why);
	if (*e)
		return NULL;
	free(sig);
	return json_pack("{s:i,s:s,s:s,s:s}", "schema", 1, "file", path, "kind", "certificate", "algorithm",
		key_algorithm_name(alg));
}

json_t *key_document(const char *path, enum lan_err *e, const char **why)
{
	enum key_kind kind;
	*e = key_kind_of(path, &kind, why);
	if (*e)
		return NULL;
	if (kind == KEY_GROUP)
		return group_document(path, e, why);
	if (kind == KEY_OTHER) {
		*e = key_why(why, LAN_ERR_PROTO, "%s: none of the key files lanyard-key(1) tells of", path);
		return NULL;
	}
	return kind == KEY_CERT ? certificate_document(path, e, why) : signing_document(path, kind, e, why);
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));
	return s ? s : "-";
}

static void show_group(struct out *o, bool color, const json_t *doc)
{
	static const char *const head[] = {"EPOCH", "STATE", "FINGERPRINT", "SEND AFTER", "ACCEPT UNTIL"};
	const json_t *epoch;
	struct table t;
	size_t i;
	out_printf(o, "%s: group key, %s\n\n", text_of(doc, "file"), text_of(doc, "cipher"));
	table_init(&t, 5, 1u);
	for (i = 0; i < 5; i++)
		table_cell(&t, DIM, "%s", head[i]);
	json_array_foreach(json_object_get(doc, "epochs"), i, epoch)
	{
		const char *state = text_of(epoch, "state");
		table_cell(&t, BOLD, "%lld", (long long)json_integer_value(json_object_get(epoch, "epoch")));
		table_cell(&t, strcmp(state, "sent") == 0 ? GREEN : PLAIN, "%s", state);
		table_cell(&t, PLAIN, "%s", text_of(epoch, "fingerprint"));
		table_cell(&t, PLAIN, "%s", text_of(epoch, "send_after"));
		table_cell(&t, PLAIN, "%s", text_of(epoch, "accept_until"));
	}
	table_print(&t, o, color);
}

static void show_signing(struct out *o, const json_t *doc)
{
	const char *kind = text_of(doc, "kind");
	out_printf(o, "%s: %s\n\n", text_of(doc, "file"),
		strcmp(kind, "rsa") == 0      ? "RSA key"
		: strcmp(kind, "public") == 0 ? "public key"
					      : kind);
	if (json_object_get(doc, "id"))
		out_printf(o, "speaks as    %s\npublic key   %s\n", text_of(doc, "id"),
			text_of(doc, "public_key"));
	out_printf(o, "algorithm    %s", text_of(doc, "algorithm"));
	if (json_object_get(doc, "bits"))
		out_printf(o, ", %lld bits\nfingerprint  %s",
			(long long)json_integer_value(json_object_get(doc, "bits")),
			text_of(doc, "fingerprint"));
	out_char(o, '\n');
}

/* Tell what the file is now. */
static int tell(struct cli *cli, const char *path)
{
	enum lan_err e;
	const char *why = "";
	struct out o;
	json_t *doc = key_document(path, &e, &why);
	if (!doc)
		return key_failed(cli, e, why);
	if (!text_document(cli, doc, NULL)) {
		out_init(&o, STDOUT_FILENO);
		if (strcmp(text_of(doc, "kind"), "group") == 0)
			show_group(&o, cli_color(cli, STDOUT_FILENO), doc);
		else
			show_signing(&o, doc);
		out_drain(&o, LAN_NEVER, cli_signals());
		out_fini(&o);
	}
	json_decref(doc);
	return EXIT_OK;
}

int key_generate_main(struct cli *cli, int argc, char **argv)
{
	const char *cipher = cli_opt(cli, "cipher"), *why = "";
	enum lan_err e = lan_key_generate(argv[0],
		cipher && strcmp(cipher, lan_cipher_name(LAN_CIPHER_AES_256_GCM)) == 0
			? LAN_CIPHER_AES_256_GCM
			: LAN_CIPHER_XCHACHA20_POLY1305,
		&why);
	return e ? key_failed(cli, e, why) : tell(cli, argv[0]);
}

int key_rotate_main(struct cli *cli, int argc, char **argv)
{
	const char *why = "";
	enum lan_err e = lan_key_rotate(
		argv[0], cli_duration(cli, "lead", 0), cli_duration(cli, "overlap", LAN_SEC(3600)), &why);
	return e ? key_failed(cli, e, why) : tell(cli, argv[0]);
}

int key_show_main(struct cli *cli, int argc, char **argv)
{
	return tell(cli, argv[0]);
}

int key_identity_main(struct cli *cli, int argc, char **argv)
{
	const char *why = "", *rsa = cli_opt(cli, "rsa");
	enum lan_err e = rsa ? lan_key_identity_rsa(argv[0], (unsigned)strtoul(rsa, NULL, 10), &why)
			     : lan_key_identity(argv[0], &why);
	return e ? key_failed(cli, e, why) : tell(cli, argv[0]);
}

int key_public_main(struct cli *cli, int argc, char **argv)
{
	const char *why = "", *name = argc > 1 ? argv[1] : NULL;
	char id[17], public_key[KEY_BASE64 + 1];
	struct out o;
	if (name && strpbrk(name, " \t\r\n#"))
		return cli_error(
			cli, EXIT_USAGE, NULL, "'%s' is no name of a member: no blanks and no #", name);
	enum lan_err e = lan_key_public(argv[0], id, public_key, &why);
	if (e)
		return key_failed(cli, e, why);
	json_t *doc = json_pack("{s:i,s:s,s:s,s:s}", "schema", 1, "name", name ? name : id, "id", id,
		"public_key", public_key);
	if (!text_document(cli, doc, NULL)) {
		out_init(&o, STDOUT_FILENO);
		out_printf(&o, "%s %s\n", name ? name : id, public_key);
		out_drain(&o, LAN_NEVER, cli_signals());
		out_fini(&o);
	}
	json_decref(doc);
	return EXIT_OK;
}

int key_export_main(struct cli *cli, int argc, char **argv)
{
	char text[LAN_KEY_EXPORT];
	struct lan_key_signing info;
	const char *why = "";
	struct out o;
	enum lan_err e = lan_key_export(argv[0], text, &why);
	if (!e)
		e = lan_key_signing(argv[0], &info, &why);
	if (e)
		return key_failed(cli, e, why);
	json_t *doc = json_pack("{s:i,s:s,s:i,s:s,s:s}", "schema", 1, "algorithm", info.algorithm, "bits",
		(int)info.bits, "fingerprint", info.fingerprint, "text", text);
	if (!text_document(cli, doc, NULL)) {
		out_init(&o, STDOUT_FILENO);
		out_printf(&o, "%s", text);
		out_drain(&o, LAN_NEVER, cli_signals());
		out_fini(&o);
	}
	json_decref(doc);
	return EXIT_OK;
}

int key_certify_main(struct cli *cli, int argc, char **argv)
{
	const char *why = "", *anchor = cli_opt(cli, "anchor"), *to = cli_opt(cli, "output");
	if (!anchor || !to)
		return cli_error(cli, EXIT_USAGE, NULL, "lanyard key certify needs %s",
			anchor ? "--output, the file to make" : "--anchor, the secret key that signs");
	enum lan_err e = lan_key_certify(anchor, argv[0], to, &why);
	return e ? key_failed(cli, e, why) : tell(cli, to);
}
