/*
 * coap_body.c - what `lanyard coap` sends and receives: bodies from the command line, a file or stdin, and
 * where those of answers go.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/coap.h"
#include "cli/wait.h"

static int unreadable(const struct cli *cli, const char *path, int error)
{
	return cli_error(cli,
		error == ENOENT   ? EXIT_NOT_FOUND
		: error == EACCES ? EXIT_PERMISSION
				  : EXIT_FAILED,
		NULL, "cannot read %s: %s", path, strerror(error));
}

static int from_file(struct coap_body *b, const struct cli *cli, const char *path, size_t most)
{
	bool in = strcmp(path, "-") == 0;
	FILE *f = in ? stdin : fopen(path, "re");
	if (!f)
		return unreadable(cli, path, errno);
	b->data = malloc(most + 1);
	b->p = b->data;
	b->len = b->data ? fread(b->data, 1, most + 1, f) : 0;
	int error = ferror(f) ? errno : 0;
	if (!in)
		fclose(f);
	if (!b->data)
		return cli_error(cli, EXIT_FAILED, NULL, "out of memory");
	if (error)
		return unreadable(cli, in ? "stdin" : path, error);
	if (b->len > most)
		return cli_error(
			cli, EXIT_USAGE, NULL, "%s has more than %zu bytes", in ? "stdin" : path, most);
	return EXIT_OK;
}

int coap_body(struct coap_body *b, const struct cli *cli, size_t most)
{
	const char *text = cli_opt(cli, "payload"), *path = cli_opt(cli, "file");
	*b = (struct coap_body){.p = ""};
	if (text && path)
		return cli_error(cli, EXIT_USAGE, "leave one of them out", "-e and -f are both the body");
	if (path)
		return from_file(b, cli, path, most);
	b->p = text ? text : "";
	b->len = strlen(b->p);
	return EXIT_OK;
}

void coap_body_fini(struct coap_body *b)
{
	free(b->data);
}

int coap_format(const struct cli *cli, const char *option, int32_t *out)
{
	const char *v = cli_opt(cli, option);
	*out = -1;
	if (!v)
		return EXIT_OK;
	if (*v && strspn(v, "0123456789") == strlen(v) && strlen(v) <= 5 && strtol(v, NULL, 10) <= 65535)
		*out = (int32_t)strtol(v, NULL, 10);
	else
		*out = lan_coap_content_format(v);
	if (*out < 0)
		return cli_error(cli, EXIT_USAGE, "give the number of the registry, e.g. 50",
			"--%s %s: CoAP has no number for this type", option, v);
	return EXIT_OK;
}

enum exit_code coap_exit(unsigned code)
{
	if (code >> 5 < 4)
		return EXIT_OK;
	return code == LAN_COAP_CODE(4, 4)                                  ? EXIT_NOT_FOUND
	       : code == LAN_COAP_CODE(4, 1) || code == LAN_COAP_CODE(4, 3) ? EXIT_PERMISSION
									    : EXIT_FAILED;
}

/* ---- where bodies go --------------------------------------------------------------------------------- */

int coap_sink_open(struct coap_sink *s, const struct cli *cli)
{
	s->file = cli_opt(cli, "output");
	s->fd = -1;
	if (s->file && strcmp(s->file, "-") == 0)
		s->file = NULL;
	if (s->file) {
		s->fd = open(s->file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
		if (s->fd < 0)
			return cli_error(cli, errno == EACCES ? EXIT_PERMISSION : EXIT_FAILED, NULL,
				"cannot write %s: %s", s->file, strerror(errno));
	}
	out_init(&s->out, s->fd < 0 ? STDOUT_FILENO : s->fd);
	return EXIT_OK;
}

bool coap_sink_body(struct coap_sink *s, const void *p, size_t len, bool line)
{
	const char *last = (const char *)p + len - 1;
	/* Not before: what was in the file is lost for an answer, not for an error. */
	if (s->fd >= 0 && !s->begun && ftruncate(s->fd, 0) < 0 && errno != EINVAL)
		s->out.gone = true, s->out.error = errno;
	s->begun = true;
	if (s->out.tty)
		out_foreign(&s->out, p, len);
	else
		out_bytes(&s->out, p, len);
	if ((line && s->fd < 0) || (s->out.tty && len && *last != '\n'))
		out_char(&s->out, '\n');
	out_flush(&s->out);
	return !s->out.gone;
}

int coap_sink_close(struct coap_sink *s, const struct cli *cli)
{
	int rc = EXIT_OK;
	out_drain(&s->out, LAN_NEVER, cli_signals());
	if (s->out.error)
		rc = cli_error(cli, EXIT_FAILED, NULL, "cannot write to %s: %s", s->file ? s->file : "stdout",
			strerror(s->out.error));
	out_fini(&s->out);
	if (s->fd >= 0 && close(s->fd) < 0 && rc == EXIT_OK)
		rc = cli_error(cli, EXIT_FAILED, NULL, "cannot write to %s: %s", s->file, strerror(errno));
	return rc;
}
