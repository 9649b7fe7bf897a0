/*
 * blob.h - what `lanyard blob send` and `lanyard blob recv` share: what two
 * Lanyard ends say to each other about a file, in STR messages of JSON that no
 * original ever sees (docs/protocols/serpy-blob.md), and where the bytes come from.
 */
#ifndef LAN_CLI_BLOB_H
#define LAN_CLI_BLOB_H

#include "cli/stream.h"

#define BLOB_FRAME_MAX UINT32_MAX /* what one frame of serpy2 carries */
#define BLOB_PART      (1u << 30) /* a larger file goes in parts of this */

enum talk_kind {
	TALK_NONE = 0, /* a message about something else */
	TALK_WHO,      /* "blob?": the answer to lan_stream_ask */
	TALK_BLOB,     /* "blob": name, size, parts (0: it has come already, whole) */
	TALK_STORED,   /* "stored": name, size */
	TALK_REFUSED   /* "refused": why */
};

struct talk {
	enum talk_kind kind;
	bool named;      /* there is a name; else the receiver finds one */
	char text[1024]; /* name, or why */
	uint64_t size, parts;
};

/* What a message says; TALK_NONE if it is none of these. */
void talk_read(const struct lan_stream_value *v, struct talk *t);
LAN_WUR enum lan_err talk_send(struct lan_stream *s, uint64_t conn, const struct talk *t);

/* A file, or a pipe kept in an unlinked file. */
struct source {
	int fd;
	uint64_t size;
	char name[STORE_NAME]; /* last component of its path */
};

/* EXIT_OK, or another code after having said why. */
int source_open(struct source *src, const struct cli *cli, const char *path);
void source_close(struct source *src);
/* n bytes at `at`, all of them; 0, or an errno (EIO: the file got shorter). */
int source_read(const struct source *src, uint64_t at, void *buf, size_t n);

#endif
