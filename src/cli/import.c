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

/* Is the first word one of these? */
static bool is_word(const char *p, size_t n, const char *const *words)
{
	size_t len = 0;
	while (len < n && !isspace((unsigned char)p[len]) && p[len] != '#' && p[len] != ']')
		len++;
	for (; *words; words++)
		if (strlen(*words) == len && memcmp(p, *words, len) == 0)
			return true;
	return false;
}

static void look_at(const char *line, size_t n, bool *lsoed, bool *section, bool *statement)
{
	static const char *const statements[] = {
		"http-server", "namespace", "timer", "network", "slave", NULL};
	static const char *const sections[] = {
		"timers", "evlog", "namespace", "http", "network", "slave", NULL};
	static const char *const other[] = {"lsoed", NULL};
	if (n && *line == '[') {
		*lsoed |= is_word(line + 1, n - 1, other);
		*section |= is_word(line + 1, n - 1, sections);
	} else {
		*statement |= is_word(line, n, statements);
	}
}

/* One of lsoed has its section, or what nobody knows; a casand.conf has sections or statements of its own. */
enum import_kind import_kind_of(const char *text, size_t len)
{
	bool statement = false, lsoed = false, section = false;
	for (const char *p = text, *end = text + len; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p), blank = 0;
		while (blank < n && isspace((unsigned char)p[blank]))
			blank++;
		look_at(p + blank, n - blank, &lsoed, &section, &statement);
		p += n + 1;
	}
	return lsoed       ? IMPORT_LSOED
	       : section   ? IMPORT_CASAND_INI
	       : statement ? IMPORT_CASAND_WORDS
			   : IMPORT_LSOED;
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
