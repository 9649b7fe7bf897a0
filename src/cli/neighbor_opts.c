/*
 * neighbor_opts.c - options, examples and further help of `lanyard neighbor run`,
 * for the table of verbs.
 */
#include <stddef.h>
#include "cli/neighbor.h"

const struct opt neighbor_run_opts[] = {
	{"dialect", 0, ARG_CHOICE, "NAME", "lsoe (the wire of lsoed, the default) or l3dl", "lsoe|l3dl"},
	{"id", 0, ARG_TEXT, "HEX", "of this node: lsoe 10 octets, l3dl 1 to 255 (made of the machine's id)",
		NULL},
	{"hello", 0, ARG_DURATION, "TIME", "pause between HELLOs (60s)", NULL},
	{"keepalive", 0, ARG_DURATION, "TIME", "pause between KEEPALIVEs (1s)", NULL},
	{"dead", 0, ARG_DURATION, "TIME", "silence after which a neighbour is gone (60s; l3dl 30s)", NULL},
	{"ethertype", 0, ARG_TEXT, "NUMBER", "0x8885 (lsoe), 0x88b5 (l3dl)", NULL},
	{"hello-to", 0, ARG_TEXT, "MAC", "nearest-bridge (the default), non-tpmr, broadcast or a MAC address",
		NULL},
	{"announce", 0, ARG_CHOICE, "WHICH",
		"addresses announced on a link: its own (the default), all, none", "own|all|none"},
	{"loopback", 0, ARG_LIST, "IFACE",
		"announce the addresses of this interface as loopback on every link; globs; may be repeated",
		NULL},
	{"link-local", 0, ARG_NONE, NULL, "announce fe80:: addresses, too", NULL},
	{"primary", 0, ARG_TEXT, "ADDR", "the address marked primary (the only one of a link)", NULL},
	{"label", 0, ARG_TEXT, "PREFIX=L,L..", "MPLS labels accepted for a prefix; may be repeated", NULL},
	{"labels-to-all", 0, ARG_NONE, NULL,
		"lsoe: labels also to neighbours that are not Lanyard: lsoed dies of them", NULL},
	{"attribute", 0, ARG_LIST, "N", "an attribute of this node, 0 to 255; may be repeated", NULL},
	{"retransmit", 0, ARG_DURATION, "TIME", "first pause before sending again (1s)", NULL},
	{"tries", 0, ARG_COUNT, "N", "transmissions without an answer until a session ends (3)", NULL},
	{"no-backoff", 0, ARG_NONE, NULL, "the pause stays the same instead of doubling", NULL},
	{"reassembly", 0, ARG_DURATION, "TIME", "how long fragments wait for the rest (1s)", NULL},
	{"open-jitter", 0, ARG_DURATION, "TIME", "delay OPENs by up to this (not at all)", NULL},
	{"measure", 0, ARG_DURATION, "TIME", "pause between measurements with other ends of Lanyard (10s)",
		NULL},
	{"no-measure", 0, ARG_NONE, NULL, "do not measure loss and round trip", NULL},
	{"report", 0, ARG_TEXT, "URL", "POST every change there, as lsoed does", NULL},
	{"multi-link", 0, ARG_NONE, NULL, "l3dl: HELLOs go on when there is a neighbour", NULL},
	{"key-file", 0, ARG_FILE, "FILE", "l3dl: sign with this secret key", NULL},
	{"cert-file", 0, ARG_FILE, "FILE", "l3dl: the anchor's signature of that key", NULL},
	{"anchor-file", 0, ARG_FILE, "FILE", "l3dl: the anchor's public key", NULL},
	{"trust", 0, ARG_CHOICE, "WHOM",
		"l3dl: any (the default), tofu: signed only, the first key is kept; "
		"anchor: keys the anchor signed",
		"any|tofu|anchor"},
	{"sign-keepalive", 0, ARG_NONE, NULL, "l3dl: sign KEEPALIVEs, and want them signed", NULL},
	{"key-overlap", 0, ARG_DURATION, "TIME", "l3dl: how long an old key is accepted (30s)", NULL},
	{"auth-failures", 0, ARG_COUNT, "N", "l3dl: then a neighbour is left alone (8)", NULL},
	{"state", 0, ARG_FILE, "DIR", "l3dl: keep known keys, and what resuming needs, here", NULL},
	{"resume", 0, ARG_DURATION, "TIME", "l3dl: how long a lost neighbour can resume (60s)", NULL},
	{"bgp-asn", 0, ARG_COUNT, "N", "l3dl: tell neighbours of a BGP speaker with this number", NULL},
	{"bgp-address", 0, ARG_LIST, "ADDR/LEN", "l3dl: and where it is reached: one IPv4, one IPv6", NULL},
	{"bgp-auth-file", 0, ARG_FILE, "FILE", "l3dl: and its authentication data, at most 253 bytes", NULL},
	{"bgp-gtsm", 0, ARG_NONE, NULL, "l3dl: and that it wants GTSM", NULL},
	{"max-peers", 0, ARG_COUNT, "N", "sessions on one link (1024)", NULL},
	{"max-half-open", 0, ARG_COUNT, "N", "of these not established (64)", NULL},
	{"max-prefixes", 0, ARG_COUNT, "N", "a neighbour announces at most (65536)", NULL},
	{"receive-buffer", 0, ARG_SIZE, "SIZE", "of each socket (256K)", NULL},
	{0},
};

const char *const neighbor_run_examples[] = {"sudo lanyard neighbor run eth0",
	"who is at the other end of this cable, and which addresses it has",
	"sudo lanyard neighbor run 'eth*' '!eth7' --loopback lo1 -J",
	"all of them but one, those that come later too; as JSON events",
	"sudo lanyard neighbor run eth0 -n 1 --timeout 5s", "is there anybody? 0 yes, 6 no, and why not",
	"sudo lanyard neighbor run 'swp*' --dialect l3dl --key-file me.id --trust tofu --state lanyard-state",
	"the successor, signed; keys once seen are kept", NULL};

const char neighbor_run_more[] =
	"IFACE is a name or a glob; !NAME takes out again. An interface that is not there is waited for. "
	"Each "
	"event is a line on stdout. With -n it ends when that many neighbours came up and said what they "
	"announce. SIGINT, SIGTERM and SIGHUP end it. Needs root or CAP_NET_RAW. lsoe and unsigned l3dl "
	"believe whoever is on the link: see lanyard-neighbor(7).";
