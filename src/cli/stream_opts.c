/*
 * stream_opts.c - options, examples and further help of `lanyard stream serve`
 * and `connect` and of `lanyard blob send` and `recv`, for the table of verbs.
 */
#include "cli/stream.h"

#define DIALECTS "serpy1|serpy2"

#define VALUES                                                                                            \
	{"dialect", 0, ARG_CHOICE, "NAME", "the wire: serpy1 or serpy2; needed", DIALECTS},               \
		{"type", 0, ARG_CHOICE, "TYPE",                                                           \
			"what lines to be sent are: str (default), int, float, "                          \
			"bytes; serpy1: object, as JSON",                                                 \
			"str|int|float|bytes|object"},                                                    \
		{"bytes", 0, ARG_CHOICE, "FORM",                                                          \
			"lines of type bytes are text (as they are), hex or base64", "text|hex|base64"},  \
		{"mode", 0, ARG_NUMBER, "MODE", "serpy1: 0 to 5; 1, 3 and 5 are acknowledged (0)", NULL}, \
		{"encoding", 0, ARG_CHOICE, "NAME", "serpy1: of text (utf-8)",                            \
			"ascii|utf-8|latin-1|utf-16"},                                                    \
		{"ack-timeout", 0, ARG_DURATION, "TIME",                                                  \
			"serpy1: report a message that is not acknowledged after this", NULL},            \
		{"resync", 0, ARG_NONE, NULL,                                                             \
			"serpy2: skip bytes that are no message instead of ending the connection", NULL}, \
		{"max-message", 0, ARG_SIZE, "SIZE", "longest message sent or accepted (16M)", NULL},     \
	{                                                                                                 \
		"dir", 0, ARG_FILE, "DIR", "bytes become files in this folder; their paths are printed",  \
			NULL                                                                              \
	}

#define MAX_CONNS                                                                                     \
	{                                                                                             \
		"max-conns", 0, ARG_COUNT, "N", "connections at a time (16384; with --exec 64)", NULL \
	}

const struct opt stream_serve_opts[] = {
	VALUES,
	{"echo", 0, ARG_NONE, NULL, "send every value back to its connection", NULL},
	{"numbered", 0, ARG_NONE, NULL, "lines in and out are CONN, TAB, value: for and from one connection",
		NULL},
	{"exec", 0, ARG_TEXT, "CMD", "a command for each connection: values are its stdin, its lines go back",
		NULL},
	{"full", 0, ARG_CHOICE, "WHAT", "lines of stdin for a connection that is slow (wait)",
		"wait|drop-old|drop-new"},
	MAX_CONNS,
	{0},
};

const struct opt stream_connect_opts[] = {
	VALUES,
	{"reconnect", 0, ARG_NONE, NULL, "connect again, for ever, instead of ending with 1", NULL},
	{"resend", 0, ARG_NONE, NULL, "serpy1: send again what was not acknowledged when a connection ended",
		NULL},
	{"confirm", 0, ARG_DURATION, "TIME",
		"serpy1: ask so often whether all has arrived: fewer are in doubt", NULL},
	{"linger", 0, ARG_DURATION, "TIME", "stay connected so long after all is sent (500ms)", NULL},
	{"rate", 0, ARG_RATE, "N/s", "lines a second, for ends that cannot take more", NULL},
	{0},
};

const struct opt blob_send_opts[] = {
	{"dialect", 0, ARG_CHOICE, "NAME", "the wire (serpy2)", DIALECTS},
	{"name", 0, ARG_TEXT, "NAME", "what the other end should call it (the name of FILE)", NULL},
	{"limit", 0, ARG_RATE, "RATE", "bytes a second at most, e.g. 10M/s", NULL},
	{"linger", 0, ARG_DURATION, "TIME", "wait so long for an answer that only Lanyard gives (500ms)",
		NULL},
	{0},
};

const struct opt blob_recv_opts[] = {
	{"dir", 0, ARG_FILE, "DIR", "where the files go; needed but with --stdout", NULL},
	{"dialect", 0, ARG_CHOICE, "NAME", "the wire (serpy2)", DIALECTS},
	{"stdout", 0, ARG_NONE, NULL, "the bytes to stdout instead, one connection at a time", NULL},
	{"output", 'o', ARG_FILE, "-", "-o - is --stdout", NULL},
	{"max-size", 0, ARG_SIZE, "SIZE", "refuse what is larger", NULL},
	{"max-conns", 0, ARG_COUNT, "N", "connections at a time (16384)", NULL},
	{0},
};

const char *const stream_serve_examples[] = {"lanyard stream serve 127.0.0.1:8000 --dialect serpy2 --echo",
	"a server to try a client against",
	"lanyard stream serve 0.0.0.0:8000 --dialect serpy1 -J | jq -r 'select(.event==\"message\").text'",
	"what clients of serpy say, as JSON events",
	"lanyard stream serve 0.0.0.0:8000 --dialect serpy2 --numbered",
	"type 3, TAB, text to answer connection 3",
	"lanyard stream serve 0.0.0.0:8000 --dialect serpy2 --exec 'while read x; do echo $((x*2)); done' "
	"--type int",
	"a command answers each connection", NULL};

const char *const stream_connect_examples[] = {
	"lanyard stream connect instrument.local:8000 --dialect serpy2 --type int -n 1 <<< 7",
	"send 7, print one answer, end",
	"lanyard stream connect instrument.local:8000 --dialect serpy2 --dir images < requests.txt",
	"blobs that come back are files",
	"lanyard stream connect hub.local:8000 --dialect serpy1 --mode 1 --reconnect --resend < lines.txt",
	"each line acknowledged, through outages",
	"seq 1000 | lanyard stream connect hub.local:8000 --dialect serpy2 --type int --rate 100/s",
	"no faster than the original library reads", NULL};

const char *const blob_send_examples[] = {"lanyard blob send image.raw hub.local:8000",
	"a file to lanyard blob recv, or to a server of serpy2",
	"tar c results | lanyard blob send - hub.local:8000 --name results.tar --limit 5M/s",
	"a pipe, under a name, at 5 MiB a second", NULL};

const char *const blob_recv_examples[] = {"lanyard blob recv 0.0.0.0:8000 --dir incoming",
	"files that are sent here; prints the path of each",
	"lanyard blob recv 0.0.0.0:8000 --stdout -n 1 | tar x", "one, into a pipe", NULL};

const char stream_serve_more[] = "Lines of stdin go to every connection, and wait while there is none. Text "
				 "is printed as it is, control "
				 "characters and binary data as \\xNN. A line that cannot be sent is an "
				 "error with its number, the others go "
				 "on, and the exit status is 7. The wires are not encrypted, and anybody may "
				 "connect: see lanyard-stream(7).";
const char stream_connect_more[] = "Ends when stdin has ended, all is sent (modes 1, 3, 5: acknowledged) and "
				   "--linger is over: the original "
				   "libraries throw away what they have not read when a connection ends. "
				   "With -n it ends after that many "
				   "values. Messages lost for good: exit status 7. See lanyard-stream(7).";
const char blob_send_more[] =
	"Reads FILE twice, because serpy2 puts a checksum first; - and pipes are kept in $TMPDIR meanwhile. "
	"lanyard blob recv confirms that the file is stored; an original library confirms nothing, and takes "
	"at "
	"most 4 GiB.";
const char blob_recv_more[] = "A file appears under its name when it is whole; nothing is overwritten: a "
			      "number is put behind a name that "
			      "is taken. What is cut off, or has a wrong checksum, leaves nothing.";
