/*
 * neighbor_config.c - the options of `lanyard neighbor run` as a configuration:
 * lanyard-neighbor(7). What only L3DL knows is refused with LSOE, so that nobody
 * believes in an option that does nothing. Addresses, MAC addresses and ids are
 * judged by the library, in one place for everybody.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/neighbor.h"

enum { LABEL_MAX = (1 << 20) - 1, AUTH_MAX = 253 };

static int wrong(const struct cli *cli, const char *name, const char *value, const char *range)
{
	return cli_error(cli, EXIT_USAGE, NULL, "--%s %s: %s", name, value, range);
}

static int check_dialect(const struct cli *cli)
{
	static const char *const l3dl[] = {"multi-link", "key-file", "cert-file", "anchor-file", "trust",
		"sign-keepalive", "key-overlap", "auth-failures", "state", "resume", "bgp-asn", "bgp-address",
		"bgp-auth-file", "bgp-gtsm", NULL};
	for (const char *const *name = l3dl; *name; name++)
		if (cli_flag(cli, *name))
			return cli_error(cli, EXIT_USAGE, "leave it out, or choose --dialect l3dl",
				"--%s: lsoe has nothing of that kind", *name);
	return EXIT_OK;
}

/* A whole number up to `max` in any base C knows, all of `text`. */
static bool whole(const char *text, unsigned long max, unsigned long *out)
{
	char *end;
	errno = 0;
	if (*text < '0' || *text > '9')
		return false;
	*out = strtoul(text, &end, 0);
	return !*end && !errno && *out <= max;
}

static int small_numbers(const struct cli *cli, struct lan_neighbor_config *cfg)
{
	const struct {
		const char *name;
		uint32_t *to;
	} fields[] = {{"tries", &cfg->tries}, {"auth-failures", &cfg->auth_failures},
		{"max-peers", &cfg->max_peers}, {"max-half-open", &cfg->max_half_open},
		{"max-prefixes", &cfg->max_prefixes}, {"bgp-asn", &cfg->bgp.asn}};
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		uint64_t v = cli_number(cli, fields[i].name, 0);
		if (v > UINT32_MAX)
			return wrong(cli, fields[i].name, cli_opt(cli, fields[i].name), "at most 4294967295");
		*fields[i].to = (uint32_t)v;
	}
	uint64_t buffer = cli_size(cli, "receive-buffer", 0);
	if (buffer > 1u << 30)
		return wrong(cli, "receive-buffer", cli_opt(cli, "receive-buffer"), "at most 1G");
	cfg->receive_buffer = (uint32_t)buffer;
	return EXIT_OK;
}

static int ethertype(const struct cli *cli, struct lan_neighbor_config *cfg)
{
	const char *v = cli_opt(cli, "ethertype");
	unsigned long n = 0;
	if (v && (!whole(v, 0xffff, &n) || n < 0x600))
		return wrong(cli, "ethertype", v, "not an EtherType: 0x0600 to 0xffff, e.g. 0x8885");
	cfg->ethertype = (uint16_t)n;
	return EXIT_OK;
}

static int attributes(struct neighbor_options *o, const struct cli *cli)
{
	int rc = words_init(&o->attributes, cli, "attribute");
	if (rc != EXIT_OK)
		return rc;
	if (o->attributes.n > sizeof o->attribute)
		return cli_error(cli, EXIT_USAGE, NULL, "more than %zu attributes", sizeof o->attribute);
	for (size_t i = 0; i < o->attributes.n; i++) {
		unsigned long n;
		if (!whole(o->attributes.list[i], 255, &n))
			return wrong(cli, "attribute", o->attributes.list[i], "not a number of 0 to 255");
		o->attribute[i] = (uint8_t)n;
	}
	o->cfg.attributes = o->attribute;
	o->cfg.n_attributes = o->attributes.n;
	return EXIT_OK;
}

/* PREFIX=L[,L..], already copied to `text`; its labels go to the end of o->label. */
static int one_label(
	struct neighbor_options *o, const struct cli *cli, const char *shown, char *text, size_t *used)
{
	struct lan_neighbor_labels *entry = &o->labels[o->cfg.n_labels];
	char *equals = strchr(text, '='), *save, *word;
	if (!equals || equals == text || !equals[1])
		return wrong(cli, "label", shown, "not PREFIX=LABEL[,LABEL..], e.g. 192.0.2.0/24=100");
	*equals = '\0';
	*entry = (struct lan_neighbor_labels){.prefix = text, .labels = o->label + *used};
	for (word = strtok_r(equals + 1, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		unsigned long n;
		if (!whole(word, LABEL_MAX, &n))
			return wrong(cli, "label", shown, "a label is a number of 0 to 1048575");
		o->label[(*used)++] = (uint32_t)n;
		entry->n++;
	}
	o->cfg.n_labels++;
	return EXIT_OK;
}

static int labels(struct neighbor_options *o, const struct cli *cli)
{
	size_t bytes = 0, n = 0, used = 0;
	const char *v;
	int rc = EXIT_OK;
	for (; (v = cli_opt_at(cli, "label", n)); n++)
		bytes += strlen(v) + 1;
	if (n == 0)
		return EXIT_OK;
	o->labels = calloc(n, sizeof *o->labels);
	o->label = calloc(bytes, sizeof *o->label);
	o->label_text = malloc(bytes);
	if (!o->labels || !o->label || !o->label_text)
		return cli_error(cli, EXIT_FAILED, NULL, "out of memory");
	char *at = o->label_text;
	for (size_t i = 0; rc == EXIT_OK && i < n; i++) {
		v = cli_opt_at(cli, "label", i);
		rc = one_label(o, cli, v, memcpy(at, v, strlen(v) + 1), &used);
		at += strlen(v) + 1;
	}
	o->cfg.labels = o->labels;
	return rc;
}

/* The bytes of a file that only its owner can read, without a line end. */
static int bgp_auth(struct neighbor_options *o, const struct cli *cli)
{
	const char *path = cli_opt(cli, "bgp-auth-file");
	struct stat st;
	if (!path)
		return EXIT_OK;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), code = errno;
	if (fd < 0)
		return cli_error(cli,
			code == ENOENT   ? EXIT_NOT_FOUND
			: code == EACCES ? EXIT_PERMISSION
					 : EXIT_FAILED,
			NULL, "cannot read %s: %s", path, strerror(code));
	ssize_t n = read(fd, o->auth, sizeof o->auth);
	bool open_to_all = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077);
	close(fd);
	if (open_to_all)
		return cli_error(
			cli, EXIT_PERMISSION, "chmod 600 it", "%s is a secret, and others can read it", path);
	n -= n > 0 && o->auth[n - 1] == '\n';
	if (n <= 0 || n > AUTH_MAX)
		return wrong(cli, "bgp-auth-file", path, "holds 1 to 253 bytes");
	o->cfg.bgp.auth = o->auth;
	o->cfg.bgp.auth_len = (size_t)n;
	return EXIT_OK;
}

static int bgp(struct neighbor_options *o, const struct cli *cli)
{
	struct lan_neighbor_bgp *b = &o->cfg.bgp;
	int rc = words_init(&o->addresses, cli, "bgp-address");
	for (size_t i = 0; rc == EXIT_OK && i < o->addresses.n; i++) {
		const char *address = o->addresses.list[i], **to = &b->address4;
		if (strchr(address, ':'))
			to = &b->address6;
		if (*to)
			return wrong(cli, "bgp-address", address, "one IPv4 address and one IPv6 address");
		*to = address;
	}
	if (rc == EXIT_OK)
		rc = bgp_auth(o, cli);
	b->gtsm = cli_flag(cli, "bgp-gtsm");
	if (rc == EXIT_OK && b->asn && !b->address4 && !b->address6)
		return cli_error(cli, EXIT_USAGE, "add --bgp-address ADDR/LEN",
			"--bgp-asn %u: a BGP speaker needs an address", (unsigned)b->asn);
	if (rc == EXIT_OK && !b->asn && (b->address4 || b->address6 || b->auth || b->gtsm))
		return cli_error(cli, EXIT_USAGE, "add --bgp-asn N", "a BGP speaker needs its AS number");
	return rc;
}

static void plain(struct lan_neighbor_config *cfg, const struct cli *cli)
{
	cfg->announce = (enum lan_neighbor_announce)cli_choice(cli, "announce", 0);
	cfg->trust = (enum lan_neighbor_trust)cli_choice(cli, "trust", 0);
	cfg->id = cli_opt(cli, "id");
	cfg->hello_to = cli_opt(cli, "hello-to");
	cfg->primary = cli_opt(cli, "primary");
	cfg->report_url = cli_opt(cli, "report");
	cfg->key_file = cli_opt(cli, "key-file");
	cfg->cert_file = cli_opt(cli, "cert-file");
	cfg->anchor_file = cli_opt(cli, "anchor-file");
	cfg->state_dir = cli_opt(cli, "state");
	cfg->hello = cli_duration(cli, "hello", 0);
	cfg->keepalive = cli_duration(cli, "keepalive", 0);
	cfg->dead = cli_duration(cli, "dead", 0);
	cfg->retransmit = cli_duration(cli, "retransmit", 0);
	cfg->reassembly = cli_duration(cli, "reassembly", 0);
	cfg->open_jitter = cli_duration(cli, "open-jitter", 0);
	cfg->measure = cli_duration(cli, "measure", 0);
	cfg->key_overlap = cli_duration(cli, "key-overlap", 0);
	cfg->resume = cli_duration(cli, "resume", 0);
	cfg->no_backoff = cli_flag(cli, "no-backoff");
	cfg->no_measure = cli_flag(cli, "no-measure");
	cfg->multi_link = cli_flag(cli, "multi-link");
	cfg->vendor_to_all = cli_flag(cli, "labels-to-all");
	cfg->link_local = cli_flag(cli, "link-local");
	cfg->sign_keepalive = cli_flag(cli, "sign-keepalive");
}

int neighbor_options(struct neighbor_options *o, const struct cli *cli, int argc, char **argv)
{
	*o = (struct neighbor_options){.cfg = LAN_NEIGHBOR_CONFIG_INIT};
	o->cfg.dialect = (enum lan_neighbor_dialect)cli_choice(cli, "dialect", 0);
	o->cfg.ifaces = (const char *const *)argv;
	o->cfg.n_ifaces = (size_t)argc;
	plain(&o->cfg, cli);
	int rc = o->cfg.dialect == LAN_NEIGHBOR_LSOE ? check_dialect(cli) : EXIT_OK;
	if (rc == EXIT_OK && o->cfg.no_measure && o->cfg.measure)
		rc = cli_error(cli, EXIT_USAGE, "leave one of them out",
			"--measure and --no-measure exclude each other");
	if (rc == EXIT_OK)
		rc = small_numbers(cli, &o->cfg);
	if (rc == EXIT_OK)
		rc = ethertype(cli, &o->cfg);
	if (rc == EXIT_OK)
		rc = attributes(o, cli);
	if (rc == EXIT_OK)
		rc = labels(o, cli);
	if (rc == EXIT_OK)
		rc = words_init(&o->loopbacks, cli, "loopback");
	if (rc == EXIT_OK)
		rc = bgp(o, cli);
	o->cfg.loopbacks = o->loopbacks.list;
	o->cfg.n_loopbacks = o->loopbacks.n;
	return rc;
}

void neighbor_options_fini(struct neighbor_options *o)
{
	words_fini(&o->loopbacks);
	words_fini(&o->attributes);
	words_fini(&o->addresses);
	free(o->labels);
	free(o->label);
	free(o->label_text);
	explicit_bzero(o->auth, sizeof o->auth);
}
