/*
 * neighbor_dump.c - frames of the neighbour family, printed: see neighbor_dump.h.
 */
#include "cli/neighbor_dump.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/neighbor_pdu.h"
#include "cli/wait.h"
#include "cli/words.h"

#define PATIENCE LAN_SEC(5)

#define OPT_ETHERTYPE                                                                      \
	{                                                                                  \
		"ethertype", 0, ARG_LIST, "E,E..",                                         \
			"EtherTypes that carry it (0x8885, 0x88b5); may be repeated", NULL \
	}
#define OPT_DIALECT                                                                                  \
	{                                                                                            \
		"dialect", 0, ARG_CHOICE, "NAME", "lsoe or l3dl; auto tells by the checksum (auto)", \
			"auto|lsoe|l3dl"                                                             \
	}

const struct opt neighbor_capture_opts[] = {
	{"write", 'w', ARG_FILE, "FILE",
		"write pcapng there; - is stdout, as without -w if stdout is no terminal", NULL},
	{"print", 0, ARG_NONE, NULL, "print frames, also if stdout is no terminal, also beside -w FILE",
		NULL},
	OPT_ETHERTYPE,
	OPT_DIALECT,
	{0},
};

const struct opt neighbor_decode_opts[] = {
	OPT_DIALECT,
	OPT_ETHERTYPE,
	{0},
};

const char *const neighbor_capture_examples[] = {"lanyard neighbor capture eth0",
	"what passes on a link, one frame a line", "lanyard neighbor capture eth0 eth1 -w lan.pcapng",
	"keep it, for Wireshark or for later",
	"lanyard neighbor capture eth0 -w - | lanyard neighbor decode - -v", "every field, as frames come",
	"ssh switch lanyard neighbor capture swp1 -w - | wireshark -k -i -",
	"look into a link of another machine", NULL};
const char *const neighbor_decode_examples[] = {"lanyard neighbor decode lan.pcapng",
	"the frames of a capture, one a line", "lanyard neighbor decode lan.pcapng -J | jq 'select(.fault)'",
	"frames with a fault, as JSON", "tcpdump -i eth0 -w - | lanyard neighbor decode -",
	"what another program captures, as it comes", NULL};
const char neighbor_capture_more[] = "Ends after -n frames, after --timeout, or with Ctrl-C, and says how "
				     "many frames there were. A file that "
				     "is there already is not overwritten. Interfaces become promiscuous "
				     "while it runs. Root or CAP_NET_RAW "
				     "is needed.";
const char neighbor_decode_more[] =
	"Reads pcapng and pcap, - is stdin. Says of each frame what is wrong with it. A file that is cut off "
	"is "
	"shown up to there (7), one that is malformed, too (1), with the offset and what is wrong. -v prints "
	"every field.";

/* One number of an EtherType. */
static int ethertype(struct ndump *d, const char *text)
{
	char *end;
	unsigned long v = strtoul(text, &end, 0);
	if (!*text || *end || v < 0x600 || v > 0xffff)
		return cli_error(d->cli, EXIT_USAGE, "an EtherType is a number from 0x0600 to 0xffff",
			"--ethertype: '%s' is none", text);
	if (d->cfg.n_ethertypes == NWIRE_TYPES)
		return cli_error(d->cli, EXIT_USAGE, NULL, "--ethertype: more than %d", NWIRE_TYPES);
	d->cfg.ethertypes[d->cfg.n_ethertypes++] = (uint16_t)v;
	return EXIT_OK;
}

static int ethertypes(struct ndump *d)
{
	struct words w;
	int rc = words_init(&w, d->cli, "ethertype");
	if (rc == EXIT_OK && w.n == 0 && cli_opt(d->cli, "ethertype"))
		rc = ethertype(d, "");
	for (size_t i = 0; rc == EXIT_OK && i < w.n; i++)
		rc = ethertype(d, w.list[i]);
	words_fini(&w);
	return rc;
}

int ndump_begin(struct ndump *d, struct cli *cli)
{
	lan_time lasts = cli_duration(cli, "timeout", LAN_NEVER);
	const char *dialect = cli_opt(cli, "dialect");
	*d = (struct ndump){.cli = cli, .want = cli_number(cli, "count", 0)};
	d->ends = lasts == LAN_NEVER ? LAN_NEVER : cli_now() + lasts;
	out_init(&d->out, STDOUT_FILENO);
	int rc = ethertypes(d);
	if (rc != EXIT_OK)
		return rc;
	d->cfg.forced = dialect && strcmp(dialect, "auto") != 0;
	d->cfg.dialect = dialect && strcmp(dialect, "l3dl") == 0 ? LSOE_L3DL : LSOE_01;
	if (nwire_new(&d->cfg, &d->wire) != LAN_OK)
		return cli_error(cli, EXIT_FAILED, NULL, "out of memory");
	cli_signals_init();
	return EXIT_OK;
}

void ndump_end(struct ndump *d)
{
	nwire_free(d->wire);
	out_fini(&d->out);
}

bool ndump_enough(const struct ndump *d)
{
	return d->want && d->frames >= d->want;
}

static void print(struct ndump *d, const struct nview *v)
{
	switch (d->cli->mode) {
	case MODE_JSON:
		out_text(&d->out, d->frames == 1 ? "{\"schema\":1,\"frames\":[\n" : ",\n");
		nview_json(&d->out, v);
		return;
	case MODE_JSONL:
		nview_json(&d->out, v);
		out_char(&d->out, '\n');
		return;
	case MODE_TEXT:
		nview_line(&d->out, v, d->cli->verbose > 0);
		if (d->cli->verbose > 0)
			nview_fields(&d->out, v);
	}
}

void ndump_frame(struct ndump *d, const struct ndump_frame *f)
{
	struct nwire_frame wire;
	nwire_read(d->wire, f->iface, f->at, f->p, f->n, &wire);
	if (!wire.family) {
		d->others++;
		return;
	}
	d->frames++;
	d->wrong += wire.fault || (wire.have_pdu && wire.pdu_fault);
	print(d, &(struct nview){.number = d->frames + d->others,
			 .at = f->at,
			 .ifname = f->ifname,
			 .way = f->way,
			 .length = f->length,
			 .captured = (uint32_t)f->n,
			 .f = &wire});
}

void ndump_account(struct ndump *d)
{
	size_t unfinished = nwire_unfinished(d->wire);
	if (d->cli->mode == MODE_JSON)
		out_printf(&d->out, "%s\n],\"others\":%llu,\"wrong\":%llu,\"unfinished\":%zu}\n",
			d->frames ? "" : "{\"schema\":1,\"frames\":[", (unsigned long long)d->others,
			(unsigned long long)d->wrong, unfinished);
	if (!d->out.gone)
		out_drain(&d->out, cli_signals() ? cli_now() + PATIENCE : LAN_NEVER, cli_signals());
	cli_detail(d->cli, "%llu frame%s, %llu with a fault; %llu of other protocols",
		(unsigned long long)d->frames, d->frames == 1 ? "" : "s", (unsigned long long)d->wrong,
		(unsigned long long)d->others);
	if (unfinished)
		cli_say(d->cli, "of %zu PDU%s not everything came", unfinished, unfinished == 1 ? "" : "s");
}

int ndump_verdict(const struct ndump *d)
{
	if (d->out.no_memory)
		return cli_error(d->cli, EXIT_FAILED, NULL, "out of memory");
	if (d->out.error)
		return cli_error(d->cli, EXIT_FAILED, NULL, "cannot write to standard output: %s",
			strerror(d->out.error));
	return EXIT_OK;
}
