/*
 * coap_opts.c - options, examples and further help of `lanyard coap`, for the table of verbs.
 */
#include <stddef.h>
#include "cli/coap.h"

#define OPT_COMMON                                                                                          \
	{"accept", 'a', ARG_TEXT, "TYPE", "the form wanted of the answer: a media type or its number",      \
		NULL},                                                                                      \
		{"output", 'o', ARG_FILE, "FILE", "bodies go there instead of stdout", NULL},               \
		{"block", 0, ARG_CHOICE, "N", "longest block sent and asked for (1024)",                    \
			"32|64|128|256|512|1024"},                                                          \
		{"option", 0, ARG_TEXT, "N=VALUE",                                                          \
			"a further option: text, or 0xHEX; may be repeated (1 If-Match, 4 ETag ..)", NULL}, \
	{                                                                                                   \
		"net", 0, ARG_TEXT, "NET",                                                                  \
			"a network and its settings, e.g. xbee:ttyUSB0,panid=ca:fe; may be repeated", NULL  \
	}
#define OPT_NON                                                                                         \
	{                                                                                               \
		"non", 0, ARG_NONE, NULL, "non-confirmable: sent once, whether it arrives or not", NULL \
	}
#define OPT_BODY                                                                                         \
	{"payload", 'e', ARG_TEXT, "TEXT", "the body", NULL},                                            \
		{"file", 'f', ARG_FILE, "FILE", "the body is in this file; - is stdin", NULL},           \
	{                                                                                                \
		"content-format", 't', ARG_TEXT, "TYPE", "what the body is: a media type or its number", \
			NULL                                                                             \
	}

const struct opt coap_ask_opts[] = {OPT_BODY, OPT_COMMON, OPT_NON, {0}};
const struct opt coap_observe_opts[] = {OPT_BODY, OPT_COMMON, {0}};
const struct opt coap_discover_opts[] = {
	{"net", 0, ARG_TEXT, "NET", "a network and its settings; may be repeated", NULL}, {0}};

const char *const coap_get_examples[] = {"lanyard coap get coap://[::1]/temperature",
	"the value of a resource, as it comes", "sudo lanyard coap get coap+eth://eth0/02:00:00:00:00:0b/t1",
	"from a sensor on the same cable, without IP", "lanyard coap get coap://plc.local/log -o log.bin",
	"a large body, by blocks, into a file", "lanyard coap get coap://127.0.0.1/t1 -j | jq -r .payload",
	"the same for programs", NULL};
const char *const coap_put_examples[] = {"lanyard coap put coap://127.0.0.1/led -e on", "set a value",
	"lanyard coap put coap://127.0.0.1/firmware -f image.bin -t application/octet-stream",
	"a file, by blocks", NULL};
const char *const coap_post_examples[] = {
	"jq -n '{a:1}' | lanyard coap post coap://127.0.0.1/log -f - -t application/json",
	"what is on stdin, as JSON", NULL};
const char *const coap_delete_examples[] = {
	"lanyard coap delete coap://127.0.0.1/log/7", "remove a resource", NULL};
const char *const coap_observe_examples[] = {"lanyard coap observe coap://127.0.0.1/temperature",
	"each new value on a line, until it is stopped",
	"lanyard coap observe coap://127.0.0.1/temperature -n 3 -J", "three values, as JSON", NULL};
const char *const coap_discover_examples[] = {"lanyard coap discover plc.local", "the resources of a host",
	"sudo lanyard coap discover coap+eth://eth0/02:00:00:00:00:0b", "those of a station on the cable",
	NULL};

const char coap_more[] =
	"URI is coap://HOST[:PORT]/PATH, coap+eth://IFACE/MAC/PATH (needs root or CAP_NET_RAW) or "
	"coap+xbee://DEVICE/A:B/PATH. An answer of class 4 or 5 is an error: exit status 3 for 4.04, 5 for "
	"4.01 "
	"and 4.03, else 1; no answer: 6. See lanyard-coap(1).";
