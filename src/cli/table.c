/*
 * table.c - every verb of the command line: words, options, help, examples,
 * function. The order is that of the help. To add a verb: a row here, its
 * function, its tests; help, completion and synopses follow by themselves, and
 * a test compares the synopses of the man pages with this table.
 */
#include "cli/channel.h"
#include "cli/coap.h"
#include "cli/neighbor.h"
#include "cli/neighbor_dump.h"
#include "cli/sensor_daemon.h"
#include "cli/sensor_master.h"
#include "cli/sensor_device.h"
#include "cli/stream.h"
#include "cli/verb.h"

const struct opt cli_globals[] = {
	{"json", 'j', ARG_NONE, NULL, "one JSON document on stdout", NULL},
	{"jsonl", 'J', ARG_NONE, NULL, "one JSON object a line", NULL},
	{"quiet", 'q', ARG_NONE, NULL, "only errors on stderr", NULL},
	{"verbose", 'v', ARG_NONE, NULL, "more on stderr; counters that are zero, too", NULL},
	{"color", 0, ARG_CHOICE, "WHEN", "auto, always or never; NO_COLOR is honoured", "auto|always|never"},
	{"socket", 's', ARG_FILE, "PATH", "control socket of the daemon ($LANYARD_SOCKET)", NULL},
	{"config", 'c', ARG_FILE, "FILE", "configuration file ($LANYARD_CONFIG), for config check", NULL},
	{"timeout", 0, ARG_DURATION, "TIME", "give up after this time (exit status 6)", NULL},
	{"count", 'n', ARG_COUNT, "N", "end after N lines received, or events", NULL},
	{"help", 'h', ARG_NONE, NULL, "this help", NULL},
	{"version", 0, ARG_NONE, NULL, "the version", NULL},
	{0},
};

#define OPT_DIALECT                                                                              \
	{                                                                                        \
		"dialect", 0, ARG_CHOICE, "NAME", "the wire: micropython-iot", "micropython-iot" \
	}
#define OPT_WIRE_TIMEOUT                                                                                   \
	{                                                                                                  \
		"timeout", 0, ARG_DURATION, "TIME",                                                        \
			"T of the wire: no byte for this long is an outage; alike on both ends (2s)", NULL \
	}
#define OPT_NO_QOS                                                                                  \
	{                                                                                           \
		"no-qos", 0, ARG_NONE, NULL, "send each line once, whether it arrives or not", NULL \
	}
#define OPT_NO_WAIT                                                                                      \
	{                                                                                                \
		"no-wait", 0, ARG_NONE, NULL,                                                            \
			"send on before the acknowledgement: fast; an outage may change the order", NULL \
	}
#define OPT_WINDOW                                                                                         \
	{                                                                                                  \
		"window", 0, ARG_COUNT, "N", "with --no-wait: lines under way to one peer, 1 to 100", NULL \
	}
#define OPT_LINE                                                                            \
	{                                                                                   \
		"max-line", 0, ARG_SIZE, "SIZE", "longest line sent or accepted (1M)", NULL \
	}

static const struct opt serve_opts[] = {
	{"listen", 0, ARG_ADDR, "ADDR:PORT", "where to listen (0.0.0.0:8123); port 0 takes a free one", NULL},
	OPT_WIRE_TIMEOUT,
	{"expect", 0, ARG_LIST, "ID,ID..", "clients to wait for; lines for them are kept until they come",
		NULL},
	{"only-expected", 0, ARG_NONE, NULL, "refuse clients that are not expected", NULL},
	{"duplicate", 0, ARG_CHOICE, "POLICY",
		"a second client with an id that is up: refuse-unless-silent (the old one, for T/2), refuse, "
		"replace",
		"refuse-unless-silent|refuse|replace"},
	{"echo", 0, ARG_NONE, NULL, "send every line back to its client", NULL},
	OPT_NO_QOS,
	OPT_NO_WAIT,
	OPT_WINDOW,
	OPT_LINE,
	{"for", 0, ARG_DURATION, "TIME", "end after this time", NULL},
	OPT_DIALECT,
	{0},
};

static const char *const serve_examples[] = {"lanyard link serve",
	"print who connects and what they say; type ID, TAB, text to answer",
	"lanyard link serve --echo --listen 127.0.0.1:8123", "a server to try a client against",
	"lanyard link serve --expect 1,2,3,4 -J | jq -r 'select(.event==\"message\").line'",
	"the lines of four boards, as JSON events", "printf '1\\tgo\\n' | lanyard link serve --expect 1 -n 1",
	"send a line to board 1 when it comes, print its answer, end", NULL};

static const struct opt connect_opts[] = {
	{"id", 0, ARG_TEXT, "ID", "the name of this client; needed", NULL},
	OPT_WIRE_TIMEOUT,
	OPT_NO_QOS,
	OPT_NO_WAIT,
	OPT_WINDOW,
	OPT_LINE,
	{"stay", 0, ARG_NONE, NULL, "stay connected and go on printing after the end of stdin", NULL},
	{"give-up", 0, ARG_NONE, NULL, "end with 1 if the first attempt to connect fails", NULL},
	{"for", 0, ARG_DURATION, "TIME", "end after this time, with 6 if something was left to do", NULL},
	OPT_DIALECT,
	{0},
};

static const char *const connect_examples[] = {"lanyard link connect hub.local:8123 --id 1",
	"type lines; what the server sends is printed; Ctrl-D ends",
	"lanyard link connect hub.local:8123 --id 1 < lines.txt",
	"send a file, in order; ends when all of it is acknowledged",
	"echo ping | lanyard link connect hub.local --id 1 -n 1 --for 10s",
	"send, wait for one answer, at most 10 seconds",
	"lanyard link connect hub.local --id 1 --stay < /dev/null", "only listen", NULL};

static const struct opt bridge_opts[] = {
	{"serial", 0, ARG_FILE, "DEV", "the board is on this serial line", NULL},
	{"baud", 0, ARG_COUNT, "N", "its speed (115200)", NULL},
	{"wait-device", 0, ARG_NONE, NULL, "a serial device that is not there yet is waited for", NULL},
	{"i2c", 0, ARG_FILE, "BUS", "the board is on this I2C bus, /dev/i2c-N, at address 0x12", NULL},
	{"syn", 0, ARG_TEXT, "CHIP:LINE", "with --i2c: the GPIO line the board drives, e.g. gpiochip0:17",
		NULL},
	{"ack", 0, ARG_TEXT, "CHIP:LINE", "with --i2c: the GPIO line this host drives", NULL},
	{"rst", 0, ARG_TEXT, "CHIP:LINE", "with --i2c: the line the board resets its partner with, if wired",
		NULL},
	{"server", 0, ARG_ADDR, "HOST:PORT", "instead of the server the board configures", NULL},
	{"id", 0, ARG_TEXT, "ID", "instead of the id the board configures", NULL},
	{"give-up", 0, ARG_NONE, NULL,
		"a first attempt to connect that fails is told to the board, and was the only one", NULL},
	{"for", 0, ARG_DURATION, "TIME", "end after this time", NULL},
	{0},
};
static const char *const bridge_examples[] = {"lanyard link bridge --serial /dev/ttyACM0",
	"the board configures id and server itself; print what passes",
	"lanyard link bridge --serial /dev/board --wait-device --server hub.local:8123 --id 7 -J",
	"for a board that should not know its server; events as JSON",
	"lanyard link bridge --i2c /dev/i2c-1 --syn gpiochip0:17 --ack gpiochip0:27",
	"a Pyboard with micropython-iot's pb_link, this host in the place of the ESP8266", NULL};

static const char *const list_examples[] = {"lanyard link list", "links and their peers",
	"lanyard link list -j | jq '.links[].peers[] | select(.up|not) .id'", "who is missing", NULL};

static const char *const show_examples[] = {"lanyard link show boards",
	"everything about a link: peers, counters, what happened last", "lanyard link show boards/1",
	"... about one of its peers", NULL};

static const char *const watch_examples[] = {"lanyard link watch", "what happens on all links",
	"lanyard link watch boards/1 -J -n 10", "the next ten events of one board, as JSON", NULL};

static const struct opt send_opts[] = {OPT_NO_QOS, OPT_NO_WAIT, {0}};
static const char *const send_examples[] = {"lanyard link send boards/1 'led on'",
	"returns when the board has acknowledged it", "lanyard link send boards/1 --timeout 5s < lines.txt",
	"each line is one message; 5 seconds for all of them", NULL};

static const char *const channel_list_examples[] = {"lanyard channel list", "channels and their security",
	"lanyard channel list -j | jq '.channels[] | select(.security|startswith(\"insecure\")).name'",
	"which ones are not safe", NULL};
static const char *const channel_show_examples[] = {"lanyard channel show plant",
	"who is on it, since when, what was lost, repaired, refused and why",
	"lanyard channel show plant -j | jq '.members[] | select(.present).name'",
	"who is there, for programs", NULL};
static const char *const channel_watch_examples[] = {"lanyard channel watch", "what happens on all channels",
	"lanyard channel watch plant -J | jq -c 'select(.event==\"lost\")'", "losses on one, as JSON", NULL};

static const struct opt stream_send_opts[] = {
	{"conn", 0, ARG_COUNT, "N", "to this connection of a server alone, not to all", NULL},
	{"type", 0, ARG_CHOICE, "TYPE", "what a VALUE is (str)", "str|int|float|bytes|object"},
	{"mode", 0, ARG_CHOICE, "MODE", "serpy1: as the original's mode (0); 1, 3 and 5 are acknowledged",
		"0|1|2|3|4|5"},
	{"stdin-raw", 0, ARG_NONE, NULL, "all of stdin is one value", NULL},
	{0},
};
static const char *const stream_list_examples[] = {"lanyard stream list",
	"streams, how busy and how safe they are",
	"lanyard stream list -j | jq '.streams[] | select(.lost>0) | {name,lost}'", "who lost messages",
	NULL};
static const char *const stream_show_examples[] = {"lanyard stream show scope",
	"who is connected since when, what waits, what was lost, and why connections ended",
	"lanyard stream show scope -j | jq '.conns[].peer'", "who is connected, for programs", NULL};
static const char *const stream_watch_examples[] = {"lanyard stream watch", "what happens on all streams",
	"lanyard stream watch scope -J | jq -c 'select(.event==\"message\").value'", "values of one, as JSON",
	NULL};
static const char *const stream_send_examples[] = {"lanyard stream send scope 'MEASURE 1'",
	"one text, to everybody connected to it", "lanyard stream send scope --conn 3 --type float 1.5 2.5",
	"two numbers for one connection", "lanyard stream send plotter --mode 1 < lines.txt",
	"each line is one message, acknowledged by the peer (serpy1)", NULL};
static const char stream_send_more[] =
	"Ends when the daemon has queued everything: 0; some of it: 7. What became of messages that the peer "
	"acknowledges tell the events acked, expired and lost (stream watch). A client's queue is kept until "
	"it is "
	"connected; a server without connections is an error (3).";

static const struct opt neighbor_reset_opts[] = {
	{"name", 0, ARG_TEXT, "NAME", "of this entry, where more than one uses the interface", NULL},
	{0},
};
static const struct opt neighbor_roll_opts[] = {
	{"key-file", 0, ARG_FILE, "FILE", "the secret key to sign with from now on", NULL},
	{"cert-file", 0, ARG_FILE, "FILE", "the anchor's signature of it", NULL},
	{0},
};
static const char *const neighbor_list_examples[] = {"lanyard neighbor list",
	"who is at the other end of each link", "lanyard neighbor list -j | jq '.neighbors[].peers[].id'",
	"their ids, for programs", NULL};
static const char *const neighbor_show_examples[] = {"lanyard neighbor show",
	"every interface and neighbour: what was heard, what was sent, what is missing",
	"lanyard neighbor show fabric -j | jq -r '.neighbor.peers[] | select(.why!=\"\") | .mac+\": \"+.why'",
	"who is not established, and why not", NULL};
static const char *const neighbor_watch_examples[] = {"lanyard neighbor watch",
	"neighbours and addresses that come and go",
	"lanyard neighbor watch fabric -J | jq -c 'select(.event==\"neighbor\")'", "sessions only, as JSON",
	NULL};
static const char *const neighbor_reset_examples[] = {"lanyard neighbor reset eth0",
	"begin anew with everybody on a link, also with who is held back",
	"lanyard neighbor reset eth0 02:00:00:00:00:0b", "with one neighbour", NULL};
static const char *const neighbor_roll_examples[] = {"lanyard neighbor roll fabric --key-file new.id",
	"tell all neighbours of a new key, and sign with it", NULL};

static const char *const check_examples[] = {"lanyard config check /etc/lanyard/lanyard.yaml",
	"says what is wrong and where, or ends with 0", NULL};
static const char *const config_show_examples[] = {
	"lanyard config show > lanyard.yaml", "what is in force with all defaults, ready to be edited", NULL};
static const char *const import_examples[] = {"lanyard config import lsoed.conf > lanyard.yaml",
	"what has no counterpart is a comment there, and a warning", NULL};
static const char *const reload_examples[] = {
	"lanyard config reload", "links that did not change keep their connections", NULL};

static const struct opt since_opts[] = {
	{"since", 0, ARG_TEXT, "WHEN",
		"2026-03-01T12:00:00Z, a time back from now (5m), or a sequence number", NULL},
	{0},
};
static const char *const event_list_examples[] = {
	"lanyard event list --since 5m", "what happened during the last five minutes", NULL};
static const char *const event_watch_examples[] = {
	"lanyard event watch --since 1h -J", "the last hour, and then everything as it happens", NULL};
static const char *const stats_examples[] = {"lanyard stats",
	"counters that are not zero, with their reasons",
	"lanyard stats -j | jq '.stats[] | select(.value>0)'", "the same for programs", NULL};
static const char *const status_examples[] = {
	"lanyard", "the same: a status on one screen", "lanyard status -j", "for programs", NULL};

static const struct opt impair_opts[] = {
	{"loss", 0, ARG_TEXT, "P", "lose a line (packet, frame): 10% or 0.5%", NULL},
	{"delay", 0, ARG_TEXT, "TIME", "each is late by this, in order", NULL},
	{"jitter", 0, ARG_TEXT, "TIME", "... give or take this", NULL},
	{"dup", 0, ARG_TEXT, "P", "send one twice", NULL},
	{"reorder", 0, ARG_TEXT, "P", "send one after its successor", NULL},
	{"cut", 0, ARG_TEXT, "P", "relay: close the connection inside a line", NULL},
	{"cut-with", 0, ARG_CHOICE, "HOW", "relay: how it is closed (either)", "fin|rst|either"},
	{"blackhole", 0, ARG_TEXT, "P[:TIME]", "relay: nothing passes for a while (3s), the connection stays",
		NULL},
	{"half-open", 0, ARG_TEXT, "P", "relay: close one side, leave the other open", NULL},
	{"swallow-close", 0, ARG_TEXT, "P", "relay: lose a line and the connection with it", NULL},
	{"rule", 0, ARG_TEXT, "RULE", "relay: DIR:KIND:MID:COUNT:ACTION[:ARG]; may be repeated", NULL},
	{"only", 0, ARG_CHOICE, "DIR", "relay: chance touches this direction only", "c2s|s2c|both"},
	{"unit", 0, ARG_CHOICE, "WHAT", "relay: what is lost, doubled, cut (line)", "line|chunk"},
	{"spare", 0, ARG_TEXT, "N", "relay: never lose the first N units of a client (1: its id)", NULL},
	{"buffer", 0, ARG_TEXT, "SIZE", "relay: bytes held per direction before the sender waits (2M)", NULL},
	{"max-conns", 0, ARG_TEXT, "N", "relay: connections at a time (4096)", NULL},
	{"seed", 0, ARG_TEXT, "N", "same seed and same traffic: same faults", NULL},
	{0},
};
static const char *const impair_examples[] = {
	"lanyard lab impair 127.0.0.1:9123 127.0.0.1:8123 --loss 10% --seed 1",
	"clients that connect to 9123 reach 8123, but one line in ten is lost",
	"lanyard lab impair eth0 --loss 5%", "five packets in a hundred never arrive through eth0",
	"lanyard lab impair veth0 veth1 --delay 20ms --reorder 5%",
	"a wire between two interfaces that hurts frames", NULL};

static const struct opt xbee_opts[] = {
	{"sticks", 0, ARG_TEXT, "N", "so many modules (1)", NULL},
	{"link", 0, ARG_TEXT, "PATH", "the next module is found here; may be repeated", NULL},
	{"loss", 0, ARG_TEXT, "P", "lose a packet, or its acknowledgement: 10% or 0.5%", NULL},
	{"delay", 0, ARG_TEXT, "TIME", "each packet is late by this", NULL},
	{"baud", 0, ARG_TEXT, "N", "speed of the serial lines (9600); 0: lines and air take no time", NULL},
	{"seed", 0, ARG_TEXT, "N", "same seed and same traffic: same losses", NULL},
	{0},
};
static const char *const xbee_examples[] = {
	"lanyard lab xbee --link /tmp/stick0 --link /tmp/stick1 --loss 10%",
	"two modules, as /tmp/stick0 and /tmp/stick1; a tenth of what they say is lost",
	"lanyard lab xbee --sticks 3 --baud 0", "three modules that take no time; their terminals are told",
	NULL};

static const struct opt key_generate_opts[] = {
	{"cipher", 0, ARG_CHOICE, "NAME", "xchacha20-poly1305, or aes-256-gcm: faster with hardware for it",
		"xchacha20-poly1305|aes-256-gcm"},
	{0},
};
static const struct opt key_rotate_opts[] = {
	{"lead", 0, ARG_DURATION, "TIME",
		"send with the new epoch from so long on (0s): time to distribute the file", NULL},
	{"overlap", 0, ARG_DURATION, "TIME", "accept the old ones for so long after that (1h)", NULL},
	{0},
};
static const char *const key_generate_examples[] = {"lanyard key generate plant.key",
	"a key for a new group; copy it to every member, by a way you trust", NULL};
static const char *const key_rotate_examples[] = {"lanyard key rotate plant.key --lead 1h --overlap 1d",
	"a new epoch that is sent with in an hour: until then, distribute the file", NULL};
static const char *const key_show_examples[] = {"lanyard key show plant.key",
	"epochs, times and fingerprints, never the secrets: compare these",
	"lanyard key show me.id -j | jq -r .id", "the id that a signing member speaks as", NULL};
static const char *const key_list_examples[] = {
	"lanyard key list", "the key files of this host, and what is wrong with them", NULL};
static const char *const key_watch_examples[] = {
	"lanyard key watch -J", "each change of a key file, as JSON", NULL};
static const char *const key_identity_examples[] = {"lanyard key identity me.id",
	"a signing key for this member", "lanyard key identity router.pem --rsa 3072",
	"an RSA key, for neighbours that know no other", NULL};
static const struct opt key_identity_opts[] = {
	{"rsa", 0, ARG_CHOICE, "BITS", "an RSA key in PEM instead of Ed25519: for neighbours only",
		"2048|3072|4096"},
	{0},
};
static const char *const key_export_examples[] = {
	"lanyard key export anchor.id > anchor.pub", "what neighbours are judged by", NULL};
static const char *const key_pins_examples[] = {"lanyard key pins /var/lib/lanyard/fabric",
	"whose keys a neighbour's state directory holds, and since when", NULL};
static const char *const key_forget_examples[] = {
	"lanyard key forget /var/lib/lanyard/fabric 00:00:02:00:00:00:00:0b:00:00:00:03",
	"let the node with this id come with another key", NULL};
static const struct opt key_certify_opts[] = {
	{"anchor", 0, ARG_FILE, "FILE", "the secret key of the anchor", NULL},
	{"output", 'o', ARG_FILE, "FILE", "the certificate, made anew", NULL},
	{0},
};
static const char *const key_certify_examples[] = {
	"lanyard key certify leaf1.pub --anchor anchor.id -o leaf1.cert",
	"let the node with this key speak where the anchor is trusted", NULL};
static const char *const key_public_examples[] = {
	"lanyard key public me.id crane-7 >> plant.members", "allow this member to speak", NULL};

static const char *const help_examples[] = {"lanyard help link", "the verbs of an object",
	"lanyard help link serve", "one verb, examples first", NULL};

static const char link_more[] =
	"Lines are UTF-8 without CR and NUL; an empty line cannot be sent. A line that cannot be sent is an "
	"error "
	"with its number, the others go on, and the exit status is 7. The wire is not encrypted and an id is "
	"believed: see lanyard-link(7). --timeout is the T of the wire here; --for limits the time of the "
	"whole.";

const struct object cli_objects[] = {
	{"link", "Links: lines of text between a server and its clients, kept through outages."},
	{"channel", "Channels: messages to a group of programs, by multicast."},
	{"stream", "Streams: typed messages over TCP, with programs of serpy and serpy2."},
	{"blob", "Files over a stream."},
	{"neighbor", "Neighbours: who is at the other end of each Ethernet link, and is it alive?"},
	{"sensor", "Sensors and actuators without IP, paired over Ethernet and radio."},
	{"coap", "CoAP requests, over UDP, Ethernet and radio."},
	{"key", "Key files of sealed channels."},
	{"config", "The configuration of the daemon."},
	{"event", "What happened in the daemon."},
	{"stats", "Counters of the daemon, its links, channels, streams, neighbours and sensors."},
	{"status", "The daemon on one screen."},
	{"lab", "A bad network on purpose."},
	{"help", "Help."},
	{"version", "The version."},
	{0},
};

const struct verb cli_verbs[] = {
	{"link", "serve", "", 0, 0, WORD_NONE,
		"a server: print lines received as ID, TAB, line; send those of stdin", link_more, serve_opts,
		serve_examples, link_serve_main, false},
	{"link", "connect", "HOST:PORT --id ID", 1, 1, WORD_HOST,
		"a client: send the lines of stdin, print those received", link_more, connect_opts,
		connect_examples, link_connect_main, false},
	{"link", "bridge", "--serial DEV | --i2c BUS --syn CHIP:LINE --ack CHIP:LINE", 0, 0, WORD_NONE,
		"a board without a network becomes a client, through this host",
		"Prints the lines that pass: board or server, TAB, line. Lines to the board have at most 198 "
		"bytes; longer ones of the server are dropped and reported. WLAN name and password in the "
		"board's configuration are ignored. Runs until it is stopped.",
		bridge_opts, bridge_examples, bridge_main, false},
	{"link", "list", "", 0, 0, WORD_NONE, "links of the daemon and their peers", NULL, NULL,
		list_examples, link_list_main, true},
	{"link", "show", "NAME", 1, 1, WORD_LINK, "one link or peer: state, counters, recent events", NULL,
		NULL, show_examples, link_show_main, false},
	{"link", "watch", "[NAME]", 0, 1, WORD_LINK, "lines and connection events as they happen", NULL, NULL,
		watch_examples, link_watch_main, false},
	{"link", "send", "NAME [LINE..]", 1, -1, WORD_LINK,
		"send lines (those of stdin without LINE) to a peer of the daemon",
		"Ends when all lines are acknowledged: 0; some of them: 7. A line not acknowledged in time "
		"stays queued "
		"in the daemon; sending it again would deliver it twice.",
		send_opts, send_examples, link_send_main, false},
	{"channel", "send", "GROUP:PORT|NAME [MESSAGE..]", 1, -1, WORD_CHANNEL,
		"say messages (the lines of stdin without MESSAGE) to a group", channel_send_more,
		channel_send_opts, channel_send_examples, channel_send_main, false},
	{"channel", "recv", "GROUP:PORT|NAME", 1, 1, WORD_CHANNEL,
		"print what is said in a group, one message a line", channel_recv_more, channel_recv_opts,
		channel_recv_examples, channel_recv_main, false},
	{"channel", "list", "", 0, 0, WORD_NONE, "channels of the daemon, how safe and how busy they are",
		NULL, NULL, channel_list_examples, channel_list_main, true},
	{"channel", "show", "NAME", 1, 1, WORD_CHANNEL,
		"one channel of the daemon: who is on it, interfaces, counters, recent events", NULL, NULL,
		channel_show_examples, channel_show_main, false},
	{"channel", "watch", "[NAME]", 0, 1, WORD_CHANNEL,
		"messages and what else happens on channels of the daemon", NULL, NULL,
		channel_watch_examples, channel_watch_main, false},
	{"stream", "serve", "ADDR:PORT --dialect NAME", 1, 1, WORD_NONE,
		"a server: print values received, send the lines of stdin", stream_serve_more,
		stream_serve_opts, stream_serve_examples, stream_serve_main, false},
	{"stream", "connect", "HOST:PORT --dialect NAME", 1, 1, WORD_STREAM_HOST,
		"a client: send the lines of stdin, print values received", stream_connect_more,
		stream_connect_opts, stream_connect_examples, stream_connect_main, false},
	{"stream", "list", "", 0, 0, WORD_NONE, "streams of the daemon, how safe and how busy they are", NULL,
		NULL, stream_list_examples, stream_list_main, true},
	{"stream", "show", "NAME", 1, 1, WORD_STREAM,
		"one stream of the daemon: connections, counters, recent events", NULL, NULL,
		stream_show_examples, stream_show_main, false},
	{"stream", "watch", "[NAME]", 0, 1, WORD_STREAM,
		"values and what else happens on streams of the daemon", NULL, NULL, stream_watch_examples,
		stream_watch_main, false},
	{"stream", "send", "NAME [VALUE..]", 1, -1, WORD_STREAM,
		"send values (the lines of stdin without VALUE) through a stream of the daemon",
		stream_send_more, stream_send_opts, stream_send_examples, stream_send_main, false},
	{"blob", "send", "FILE|- HOST:PORT", 2, 2, WORD_FILE_HOST, "send a file, or stdin", blob_send_more,
		blob_send_opts, blob_send_examples, blob_send_main, false},
	{"blob", "recv", "ADDR:PORT --dir DIR|--stdout", 1, 1, WORD_NONE, "receive files into a folder",
		blob_recv_more, blob_recv_opts, blob_recv_examples, blob_recv_main, false},
	{"neighbor", "run", "IFACE..", 1, -1, WORD_IFACE,
		"find the neighbours on interfaces, exchange addresses, watch that they live",
		neighbor_run_more, neighbor_run_opts, neighbor_run_examples, neighbor_run_main, false},
	{"neighbor", "list", "", 0, 0, WORD_NONE, "neighbours of the daemon, one a row", NULL, NULL,
		neighbor_list_examples, neighbor_list_main, true},
	{"neighbor", "show", "[NAME]", 0, 1, WORD_NEIGHBOR,
		"interfaces and neighbours: what was heard and sent last, and what is missing",
		"NAME is an entry of the configuration, an interface, or the MAC address of a neighbour; "
		"without "
		"it all are shown.",
		NULL, neighbor_show_examples, neighbor_show_main, false},
	{"neighbor", "watch", "[NAME]", 0, 1, WORD_NEIGHBOR, "what happens, as it happens", NULL, NULL,
		neighbor_watch_examples, neighbor_watch_main, false},
	{"neighbor", "reset", "IFACE [MAC]", 1, 2, WORD_IFACE, "end sessions of the daemon and begin anew",
		NULL, neighbor_reset_opts, neighbor_reset_examples, neighbor_reset_main, false},
	{"neighbor", "roll", "NAME", 1, 1, WORD_NEIGHBOR, "have the daemon sign with another key (l3dl)",
		"Without --key-file the files of the configuration are read again. The daemon reads them, "
		"with "
		"its own rights.",
		neighbor_roll_opts, neighbor_roll_examples, neighbor_roll_main, false},
	{"neighbor", "capture", "IFACE..", 1, -1, WORD_IFACE,
		"frames of the family as they pass, in both directions, as pcapng or printed",
		neighbor_capture_more, neighbor_capture_opts, neighbor_capture_examples,
		neighbor_capture_main, false},
	{"neighbor", "decode", "FILE|-", 1, 1, WORD_FILE, "print the frames of the family in a capture",
		neighbor_decode_more, neighbor_decode_opts, neighbor_decode_examples, neighbor_decode_main,
		false},
	{"sensor", "master", "--net NET.. [--slave ID..] | -c FILE", 0, 0, WORD_NONE,
		"a master: pair sensors over Ethernet and radio, show them to the web", sensor_master_more,
		sensor_master_opts, sensor_master_examples, sensor_master_main, false},
	{"sensor", "list", "", 0, 0, WORD_NONE, "slaves of the daemon's masters, one a row", NULL, NULL,
		sensor_list_examples, sensor_list_main, true},
	{"sensor", "show", "[ID]", 0, 1, WORD_SLAVE, "one slave, or a master as a whole: what is missing",
		NULL, sensor_name_opts, sensor_show_examples, sensor_show_main, false},
	{"sensor", "watch", "[ID]", 0, 1, WORD_SLAVE, "what happens, as it happens", NULL, sensor_name_opts,
		sensor_watch_examples, sensor_watch_main, false},
	{"sensor", "get", "ID PATH", 2, 2, WORD_SLAVE, "the value of a slave's resource", NULL,
		sensor_get_opts, sensor_get_examples, sensor_get_main, false},
	{"sensor", "put", "ID PATH [VALUE]", 2, 3, WORD_SLAVE, "set a slave's resource", NULL,
		sensor_put_opts, sensor_put_examples, sensor_put_main, false},
	{"sensor", "post", "ID PATH [VALUE]", 2, 3, WORD_SLAVE, "hand something to a slave's resource", NULL,
		sensor_put_opts, sensor_post_examples, sensor_post_main, false},
	{"sensor", "delete", "ID PATH", 2, 2, WORD_SLAVE, "remove a slave's resource", NULL,
		sensor_observe_opts, sensor_delete_examples, sensor_delete_main, false},
	{"sensor", "observe", "ID PATH", 2, 2, WORD_SLAVE, "each new value of a slave's resource", NULL,
		sensor_observe_opts, sensor_observe_examples, sensor_observe_main, false},
	{"sensor", "log", "", 0, 0, WORD_NONE, "the event log of a master", NULL, sensor_log_opts,
		sensor_log_examples, sensor_log_main, false},
	{"sensor", "poke", "ID|all", 1, 1, WORD_SLAVE, "have a slave associate anew", NULL, sensor_name_opts,
		sensor_poke_examples, sensor_poke_main, false},
	{"coap", "get", "URI", 1, 1, WORD_URI, "the value of a resource", coap_more, coap_ask_opts,
		coap_get_examples, coap_get_main, false},
	{"coap", "put", "URI", 1, 1, WORD_URI, "set a resource", coap_more, coap_ask_opts, coap_put_examples,
		coap_put_main, false},
	{"coap", "post", "URI", 1, 1, WORD_URI, "hand something to a resource", coap_more, coap_ask_opts,
		coap_post_examples, coap_post_main, false},
	{"coap", "delete", "URI", 1, 1, WORD_URI, "remove a resource", coap_more, coap_ask_opts,
		coap_delete_examples, coap_delete_main, false},
	{"coap", "observe", "URI", 1, 1, WORD_URI, "each new value of a resource", coap_more,
		coap_observe_opts, coap_observe_examples, coap_observe_main, false},
	{"coap", "discover", "HOST|URI", 1, 1, WORD_URI, "the resources of a host", NULL, coap_discover_opts,
		coap_discover_examples, coap_discover_main, false},
	{"sensor", "device", "--net NET [--id N] --resource PATH=WHAT..", 0, 0, WORD_NONE,
		"a slave: this machine's values on Ethernet, radio or UDP", sensor_device_more,
		sensor_device_opts, sensor_device_examples, sensor_device_main, false},
	{"key", "generate", "FILE", 1, 1, WORD_FILE, "make the key of a new group", NULL, key_generate_opts,
		key_generate_examples, key_generate_main, false},
	{"key", "rotate", "FILE", 1, 1, WORD_FILE, "add an epoch to a group key", NULL, key_rotate_opts,
		key_rotate_examples, key_rotate_main, false},
	{"key", "show", "FILE", 1, 1, WORD_FILE, "what a key file says, without its secrets", NULL, NULL,
		key_show_examples, key_show_main, false},
	{"key", "list", "[DIR]", 0, 1, WORD_FILE, "the key files in a folder", NULL, NULL, key_list_examples,
		key_list_main, true},
	{"key", "watch", "[DIR]", 0, 1, WORD_FILE, "changes of the key files in a folder", NULL, NULL,
		key_watch_examples, key_watch_main, false},
	{"key", "identity", "FILE", 1, 1, WORD_FILE, "make a member's or node's own signing key", NULL,
		key_identity_opts, key_identity_examples, key_identity_main, false},
	{"key", "public", "FILE [NAME]", 1, 2, WORD_FILE, "a member's line for a members file", NULL, NULL,
		key_public_examples, key_public_main, false},
	{"key", "export", "FILE", 1, 1, WORD_FILE, "the public half of a signing key, as a file", NULL, NULL,
		key_export_examples, key_export_main, false},
	{"key", "certify", "PUBLIC --anchor FILE --output FILE", 1, 1, WORD_FILE,
		"sign a node's public key with an anchor's", NULL, key_certify_opts, key_certify_examples,
		key_certify_main, false},
	{"key", "pins", "DIR", 1, 1, WORD_FILE, "the keys of neighbours that were learned", NULL, NULL,
		key_pins_examples, key_pins_main, false},
	{"key", "forget", "DIR ID..", 2, -1, WORD_FILE, "forget learned keys: a router was replaced", NULL,
		NULL, key_forget_examples, key_forget_main, false},
	{"config", "check", "[FILE]", 0, 1, WORD_FILE, "check a configuration without using it", NULL, NULL,
		check_examples, config_check_main, false},
	{"config", "show", "", 0, 0, WORD_NONE, "the configuration in force, defaults filled in", NULL, NULL,
		config_show_examples, config_show_main, true},
	{"config", "reload", "", 0, 0, WORD_NONE,
		"read the configuration again; if it is wrong the old one stays", NULL, NULL, reload_examples,
		config_reload_main, false},
	{"config", "import", "FILE", 1, 1, WORD_FILE,
		"a configuration of lsoed (INI) as one of lanyardd, on stdout", NULL, NULL, import_examples,
		config_import_main, false},
	{"event", "list", "", 0, 0, WORD_NONE, "what happened; -n N the newest N", NULL, since_opts,
		event_list_examples, event_list_main, true},
	{"event", "watch", "", 0, 0, WORD_NONE, "everything as it happens", NULL, since_opts,
		event_watch_examples, event_watch_main, false},
	{"stats", "list", "", 0, 0, WORD_NONE, "counters with their reasons; -v those at zero, too", NULL,
		NULL, stats_examples, stats_list_main, true},
	{"status", "", "", 0, 0, WORD_NONE, "the daemon on one screen (lanyard alone does the same)", NULL,
		NULL, status_examples, status_main, false},
	{"lab", "impair", "ADDR:PORT HOST:PORT | IFACE [IFACE]", 1, 2, WORD_HOST,
		"a relay that hurts lines, an interface or a wire that hurts packets",
		"While it runs, stdin takes: loss P, delay TIME and so on, any option above without its "
		"dashes; rule RULE, "
		"cut now [rst], half-open now [client|server], blackhole TIME, pause, resume, stats, quit.",
		impair_opts, impair_examples, lab_impair_main, false},
	{"lab", "xbee", "", 0, 0, WORD_NONE, "radio modules (XBee) on pseudo terminals that share one air",
		"While it runs, stdin takes: unplug N, plug N, reset N, noise N HEX, loss P, delay TIME, "
		"stats, quit.",
		xbee_opts, xbee_examples, lab_xbee_main, false},
	{"help", "", "[OBJECT [VERB]]", 0, 2, WORD_OBJECT, "help about everything, an object, a verb", NULL,
		NULL, help_examples, help_main, false},
	{"version", "", "", 0, 0, WORD_NONE, "the version", NULL, NULL, NULL, version_main, false},
	{0},
};
