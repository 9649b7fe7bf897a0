/*
 * fuzz_casand_conf.c - configurations of the originals under any text: statements of casand and sosd,
 * sections of the Python master and of lsoed.
 *
 * Checked: it ends; the same text gives the same; what is accepted is printable text whose quotes are closed
 * on their line, so that nothing of the file gets out of its value; every error has the name of the file.
 */
#include <stdlib.h>
#include <string.h>
#include "cli/import.h"
#include "fuzz_script.h"

struct outcome {
	char *errors, *yaml, *warnings;
	size_t n[3];
	bool ok;
};

static struct outcome convert(const uint8_t *data, size_t size)
{
	struct outcome o = {0};
	struct import im = {.ini = {.file = "casand.conf"}};
	char *text = malloc(size + 1);
	memcpy(text, data, size);
	im.ini.errors = open_memstream(&o.errors, &o.n[0]);
	im.yaml = open_memstream(&o.yaml, &o.n[1]);
	im.warnings = open_memstream(&o.warnings, &o.n[2]);
	o.ok = import_text(&im, text, size);
	fclose(im.ini.errors);
	fclose(im.yaml);
	fclose(im.warnings);
	import_fini(&im);
	free(text);
	return o;
}

static void drop(struct outcome *o)
{
	free(o->errors);
	free(o->yaml);
	free(o->warnings);
}

/* Outside of comments each quote has its other. */
static void check_line(const char *line, size_t n)
{
	bool quoted = false;
	for (size_t i = 0; i < n && (quoted || line[i] != '#'); i++) {
		FUZZ_CHECK((unsigned char)line[i] >= 0x20 && line[i] != 0x7f, "octet %02x",
			(unsigned char)line[i]);
		quoted ^= line[i] == '\'';
	}
	FUZZ_CHECK(!quoted, "an open quote: %.*s", (int)n, line);
}

static void check_lines(const char *text, void (*fn)(const char *line, size_t n))
{
	for (size_t n; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		fn(text, n);
	}
}

static void check_named(const char *line, size_t n)
{
	FUZZ_CHECK(n > 12 && strncmp(line, "casand.conf:", 12) == 0, "no file: %.*s", (int)n, line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome a = convert(data, size), b = convert(data, size);
	FUZZ_CHECK(a.ok == b.ok && a.n[0] == b.n[0] && a.n[1] == b.n[1] && a.n[2] == b.n[2] &&
			   memcmp(a.yaml, b.yaml, a.n[1]) == 0,
		"the same text gives something else");
	FUZZ_CHECK(strlen(a.yaml) == a.n[1] && strlen(a.errors) == a.n[0], "a NUL in what is printed");
	FUZZ_CHECK(a.ok == (a.n[0] == 0), "errors and yet accepted, or none and refused");
	if (a.ok)
		check_lines(a.yaml, check_line);
	/* A name of the file may be in a value: an error may go over lines only where the text of it does. */
	if (!memchr(data, '\r', size) && !memchr(data, '\v', size))
		check_lines(a.warnings, check_named);
	drop(&a);
	drop(&b);
	return 0;
}
