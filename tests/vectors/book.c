/*
 * book.c - see book.h.
 */
#include "book.h"

#include <ctype.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "proto/pickle/pickle.h"

/* --- values of the files --------------------------------------------------------- */

const char *str_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

struct buf unhex(const char *hex)
{
	struct buf b = {.p = malloc(strlen(hex) / 2 + 1)};

	/* Two digits at a time, each copied: sscanf would measure all that follows. Up to the dots of what is
	 * cut. */
	for (char two[3] = "", *end; hex[0] && hex[1]; hex += 2) {
		memcpy(two, hex, 2);
		b.p[b.n] = (uint8_t)strtoul(two, &end, 16);
		if (end != two + 2)
			break;
		b.n++;
	}
	return b;
}

/* Bytes as text: hex, or the digest of what is long. */
char *shown(const char *kind, const uint8_t *p, size_t n)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	char *text = malloc(2 * BOOK_LARGE + 100),
	     *at = text + sprintf(text, "%s%s", kind, n > BOOK_LARGE ? "sha256 " : "");

	if (n > BOOK_LARGE) {
		SHA256(p, n, digest);
		p = digest;
		n = sizeof digest;
	}
	*at = 0;
	for (size_t i = 0; i < n; i++)
		at += sprintf(at, "%02x", p[i]);
	return text;
}

char *text_of(const char *a, const char *b)
{
	char *text;

	return asprintf(&text, "%s%s%s", a, b ? " " : "", b ? b : "") < 0 ? NULL : text;
}

/* --- objects: as Python prints them ----------------------------------------------------- */

static void print_string(FILE *f, const struct pickle_token *t)
{
	fprintf(f, t->kind == PICKLE_BYTES ? "b'" : "'");
	for (size_t i = 0; i < t->n; i++)
		fprintf(f, t->kind == PICKLE_TEXT || isprint(t->bytes[i]) ? "%c" : "\\x%02x", t->bytes[i]);
	fprintf(f, "'");
}

static const struct pickle_token *print_value(FILE *f, const struct pickle_token *t)
{
	const struct pickle_token *next = t + 1;
	static const char *const brackets[] = {"()", "[]", "{}"};

	switch (t->kind) {
	case PICKLE_NONE:
		fprintf(f, "None");
		break;
	case PICKLE_BOOL:
		fprintf(f, t->b ? "True" : "False");
		break;
	case PICKLE_INT:
		fprintf(f, "%lld", (long long)t->i);
		break;
	case PICKLE_BIGINT:
		fprintf(f, "big");
		break;
	case PICKLE_FLOAT:
		fprintf(f, "%g", t->f);
		break;
	case PICKLE_TEXT:
	case PICKLE_BYTES:
		print_string(f, t);
		break;
	default:
		fputc(brackets[t->kind - PICKLE_TUPLE][0], f);
		for (size_t i = 0; i < t->n; i++) {
			fprintf(f, i ? ", " : "");
			next = print_value(f, next);
			if (t->kind == PICKLE_DICT) {
				fprintf(f, ": ");
				next = print_value(f, next);
			}
		}
		fprintf(f, t->kind == PICKLE_TUPLE && t->n == 1 ? "," : "");
		fputc(brackets[t->kind - PICKLE_TUPLE][1], f);
	}
	return next;
}

char *pickle_value(const uint8_t *p, size_t n)
{
	struct pickle_tree tree;
	const char *why = "";
	enum lan_err err = pickle_decode(p, n, &tree, &why);
	char *text;
	size_t len;

	if (err)
		return text_of(lan_err_name(err), why);
	if (tree.token->kind == PICKLE_TEXT || tree.token->kind == PICKLE_BYTES) {
		text = shown(tree.token->kind == PICKLE_TEXT ? "text " : "bytes ", tree.token->bytes,
			tree.token->n);
	} else {
		FILE *f = open_memstream(&text, &len);
		print_value(f, tree.token);
		fclose(f);
	}
	pickle_tree_fini(&tree);
	return text;
}

char *object_value(const json_t *o)
{
	const char *repr = str_of(o, "repr"),
		   *hex = str_of(o, "utf8_hex") ? str_of(o, "utf8_hex") : str_of(o, "hex");

	if (str_of(o, "exception"))
		return strdup("exception");
	if (repr)
		return strdup(repr);
	return hex ? text_of(str_of(o, "utf8_hex") ? "text" : "bytes", hex) : strdup(str_of(o, "type"));
}

/* --- comparing ----------------------------------------------------------------------- */

static int all_compared(const struct book *b)
{
	int n = 0;

	for (int i = 0; i < BOOK_WHATS; i++)
		n += b->compared[i];
	return n;
}

void book_compare(struct book *b, const char *name, int what, const char *captured, char *ours)
{
	const struct difference *d = NULL;

	for (size_t i = 0; i < b->n_differences; i++)
		if (strcmp(b->differences[i].name, name) == 0 && b->differences[i].what == what)
			d = &b->differences[i];
	const char *wanted = d ? d->instead : captured;
	bool ok = strcmp(wanted, ours) == 0 && (!d || strcmp(captured, ours) != 0);
	if (!ok)
		printf("# %s: expected %s\n# %s:    found %s\n", b->words[what], wanted, b->words[what],
			ours);
	if (d && ok) {
		printf("# %s: %s, where the original has %.60s: %s\n", b->words[what], d->instead, captured,
			d->why);
		b->explained++;
	}
	b->compared[what]++;
	b->entry_ok &= ok;
	free(ours);
}

void book_begin(struct book *b)
{
	b->entry_ok = true;
	b->before = all_compared(b);
}

void book_end(struct book *b, const char *name)
{
	b->entry_ok &= all_compared(b) > b->before;
	b->failed += !b->entry_ok;
	printf("%sok %d - %s\n", b->entry_ok ? "" : "not ", ++b->number, name);
}

int book_close(struct book *b)
{
	for (int i = 0; i < BOOK_WHATS; i++)
		if (b->compared[i])
			printf("# %s: %d compared\n", b->words[i], b->compared[i]);
	printf("# %d of these not as the original\n", b->explained);
	if (b->explained < (int)b->n_differences)
		b->failed += printf("Bail out! differences that were never met\n");
	printf("1..%d\n", b->number);
	return b->failed != 0;
}
