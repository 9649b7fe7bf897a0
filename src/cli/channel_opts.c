/*
 * channel_opts.c - options, examples and further help of `lanyard channel send`
 * and `recv`, for the table of verbs.
 */
#include <stddef.h>
#include "cli/channel.h"

#define COMMON                                                                                               \
	{"dialect", 0, ARG_CHOICE, "NAME", "multisock, or sealed (the default with --key-file)",             \
		"multisock|sealed"},                                                                         \
		{"iface", 0, ARG_LIST, "NAME|ADDR",                                                          \
			"interface by name or by address of this host; all; may be repeated", NULL},         \
		{"source", 0, ARG_LIST, "ADDR", "accept datagrams of this address only; may be repeated",    \
			NULL},                                                                               \
		{"ttl", 0, ARG_NUMBER, "N", "routers to pass (1; multisock 32); 0: not beyond this host",    \
			NULL},                                                                               \
		{"key", 0, ARG_TEXT, "K", "multisock: encrypt with this key, 1 to 32 characters", NULL},     \
		{"iv", 0, ARG_TEXT, "V", "multisock: and this passphrase, 1 to 15 characters", NULL},        \
		{"key-file", 0, ARG_FILE, "FILE", "sealed: the group's key (lanyard key generate)", NULL},   \
		{"channel", 0, ARG_TEXT, "NAME", "sealed: name bound into it (the address)", NULL},          \
		{"mode", 0, ARG_CHOICE, "MODE", "sealed: best-effort, ordered or reliable; alike for all",   \
			"best-effort|ordered|reliable"},                                                     \
		{"name", 0, ARG_TEXT, "NAME", "sealed: what others see this member called", NULL},           \
		{"identity", 0, ARG_FILE, "FILE", "sealed: sign with this key (lanyard key identity)",       \
			NULL},                                                                               \
		{"members", 0, ARG_FILE, "FILE", "sealed: only these public keys may speak", NULL},          \
		{"state", 0, ARG_FILE, "DIR", "sealed: remember counters here, so that no replay passes",    \
			NULL},                                                                               \
		{"max-message", 0, ARG_SIZE, "SIZE", "longest message (1M; multisock 4096 received)", NULL}, \
		{"no-loopback", 0, ARG_NONE, NULL, "this host's own members do not hear what is sent",       \
			NULL},                                                                               \
		{"component", 0, ARG_TEXT, "NAME", "log under this name instead of telling on stderr",       \
			NULL},                                                                               \
	{                                                                                                    \
		"log-file", 0, ARG_FILE, "PREFIX", "log also to PREFIX_<date>.log", NULL                     \
	}

const struct opt channel_send_opts[] = {
	COMMON,
	{"form", 0, ARG_CHOICE, "FORM", "multisock: text, bytes or bytearray (whatever keeps it whole)",
		"text|bytes|bytearray"},
	{"object", 0, ARG_NONE, NULL, "multisock: messages are JSON, sent as Python objects", NULL},
	{"stdin-raw", 0, ARG_NONE, NULL, "all of stdin is one message", NULL},
	{"rate", 0, ARG_SIZE, "SIZE", "sealed: bytes a second at most", NULL},
	{"parity", 0, ARG_NUMBER, "N", "sealed: datagrams of parity per 32: repair without asking (0)", NULL},
	{"linger", 0, ARG_DURATION, "TIME", "reliable: wait so long for confirmations without progress (2s)",
		NULL},
	{"no-flow", 0, ARG_NONE, NULL, "reliable: do not wait for confirmations", NULL},
	{0},
};

const struct opt channel_recv_opts[] = {
	COMMON,
	{"raw", 0, ARG_NONE, NULL, "print the bytes of messages and nothing else", NULL},
	{"object", 0, ARG_NONE, NULL, "multisock: messages are Python objects, printed as JSON", NULL},
	{"late", 0, ARG_NUMBER, "N", "reliable: begin with the last N messages of each sender (0)", NULL},
	{"reorder", 0, ARG_DURATION, "TIME", "ordered: how long a gap is waited for (20ms)", NULL},
	{"presence", 0, ARG_NONE, NULL, "print who joined and left, and losses, among the messages", NULL},
	{"silent", 0, ARG_NONE, NULL, "sealed: send nothing: no presence, no repair", NULL},
	{0},
};

const char *const channel_send_examples[] = {"lanyard channel send 239.1.2.3:5000 'Hello world'",
	"the old dialect, readable by everybody",
	"lanyard channel send 224.1.1.1:1234 --key pwd --iv passphrase 'Hello world'",
	"the same, encrypted as multisock does it",
	"lanyard channel send 239.1.2.3:5000 --key-file plant.key --mode reliable < lines.txt",
	"sealed; ends when every receiver has confirmed",
	"lanyard channel send 239.1.2.3:5000 --key-file plant.key --stdin-raw < image.png",
	"a file of up to 1 MiB as one message", NULL};

const char *const channel_recv_examples[] = {"lanyard channel recv 239.1.2.3:5000",
	"what is said, one message a line",
	"lanyard channel recv 239.1.2.3:5000 --key-file plant.key --mode reliable -J | jq -r .text",
	"sealed, nothing lost, as JSON",
	"lanyard channel recv 239.1.2.3:5000 --iface eth0,eth1 -n 1 --timeout 5s",
	"one message, from one of two interfaces, or exit status 6", NULL};

const char channel_send_more[] =
	"Each MESSAGE is one message; without any, each line of stdin is one. multisock is insecure: see "
	"lanyard-channel(7). --key and --iv stand in the list of processes until they were read.";
const char channel_recv_more[] = "Text is printed as it is, control characters and binary data as \\xNN. "
				 "Ends with 6 if --timeout passes "
				 "without a message, or without all of -n.";
