/*
 * coap.h - what the files of `lanyard coap` share: the request as it was asked for, the answer as it is
 * printed. `lanyard sensor get` and its like, which go through the daemon, use the same words.
 */
#ifndef LAN_CLI_COAP_H
#define LAN_CLI_COAP_H

#include <lanyard/coap.h>
#include <jansson.h>
#include "cli/out.h"
#include "cli/verb.h"

/* The body of a request: -e TEXT, -f FILE or -f - (stdin). */
struct coap_body {
	char *data; /* owned if from a file */
	const char *p;
	size_t len;
};
/* EXIT_OK, or another code after having said why; coap_body_fini either way. */
int coap_body(struct coap_body *b, const struct cli *cli, size_t most);
void coap_body_fini(struct coap_body *b);

/* -t and --accept: a number, or a media type; -1 if not given. EXIT_OK, or EXIT_USAGE after having said so.
 */
int coap_format(const struct cli *cli, const char *option, int32_t *out);

/* What an answer of class 4 or 5 makes the program end with. */
enum exit_code coap_exit(unsigned code);
/* The answer as a JSON object (api/coap_json.h), and from whom. New. */
json_t *coap_answer_json(const struct lan_coap_event *ev);

/* A list of resources (api/coap_json.h) as a table. */
void coap_links_table(struct out *o, bool color, const json_t *links);

/* Where bodies go: stdout, or the file of -o. */
struct coap_sink {
	struct out out;
	int fd; /* of the file; -1: stdout */
	bool begun;
	const char *file;
};
int coap_sink_open(struct coap_sink *s, const struct cli *cli);
/* A whole body; on a terminal its end is a line's end. False: the reader is gone. */
bool coap_sink_body(struct coap_sink *s, const void *p, size_t len, bool line);
int coap_sink_close(struct coap_sink *s, const struct cli *cli);

extern const struct opt coap_ask_opts[], coap_observe_opts[], coap_discover_opts[];
extern const char *const coap_get_examples[], *const coap_put_examples[],
						      *const coap_post_examples[],
							      *const coap_delete_examples[],
								      *const coap_observe_examples[],
									      *const coap_discover_examples[];
extern const char coap_more[];

#endif
