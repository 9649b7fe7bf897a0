/*
 * import.c - see import.h: which of the originals a file is for, and what all conversions have in common.
 */
#include "cli/import.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

void import_plain(FILE *f, const char *s)
{
	for (size_t n = 0; *s && n < 80; s++, n++)
		fputc(*s >= 0x20 && *s < 0x7f ? *s : '?', f);
}

void import_note(struct import *im, size_t line, const char *what, const char *value, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fprintf(im->warnings, "%s:%zu: ", im->ini.file, line);
	import_plain(im->warnings, what);
	fprintf(im->warnings, ": %s\n", text);
	fputs("    # ", im->yaml);
	import_plain(im->yaml, what);
	if (value) {
		fputs(" = ", im->yaml);
		import_plain(im->yaml, value);
	}
	fprintf(im->yaml, ": %s\n", text);
}

/* Is the first word of the line one of those that begin a statement of the C++ masters? */
static bool is_statement(const char *p, size_t n)
{
	static const char *const words[] = {"http-server", "namespace", "timer", "network", "slave"};
	size_t len = 0;
	while (len < n && !isspace((unsigned char)p[len]) && p[len] != '#')
		len++;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strlen(words[i]) == len && memcmp(p, words[i], len) == 0)
			return true;
	return false;
}

/* One of lsoed has its section, or none at all; a casand.conf has others. */
enum import_kind import_kind_of(const char *text, size_t len)
{
	bool statement = false, lsoed = false, section = false;
	for (const char *p = text, *end = text + len; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p), blank = 0;
		while (blank < n && isspace((unsigned char)p[blank]))
			blank++;
		const char *word = p + blank;
		size_t rest = n - blank;
		if (rest && *word == '[') {
			lsoed |= rest >= 7 && memcmp(word, "[lsoed]", 7) == 0;
			section |= rest < 9 || memcmp(word, "[DEFAULT]", 9) != 0;
		} else {
			statement |= is_statement(word, rest);
		}
		p += n + 1;
	}
	return lsoed || (!section && !statement) ? IMPORT_LSOED
	       : section                         ? IMPORT_CASAND_INI
						 : IMPORT_CASAND_WORDS;
}

bool import_text(struct import *im, char *text, size_t len)
{
	enum import_kind kind = import_kind_of(text, len);
	if (kind == IMPORT_CASAND_WORDS)
		import_casand_words(im, text, len);
	else if (ini_parse(&im->ini, text, len))
		kind == IMPORT_LSOED ? import_lsoed(im) : import_casand_ini(im);
	return im->ini.n_errors == 0;
}

void import_fini(struct import *im)
{
	ini_fini(&im->ini);
}
