/*
 * config_files.h - what the tests of the daemon's configuration share: files in a
 * folder of their own, the configuration they make, or all that is wrong with
 * them. A header of static functions, for one program each.
 */
#ifndef TEST_CONFIG_FILES_H
#define TEST_CONFIG_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "daemon/config.h"

static char dir[] = "/tmp/lanyard-config-XXXXXX";

static inline const char *path_of(const char *name)
{
	static char path[4][256];
	static unsigned turn;
	char *p = path[turn++ % 4];
	snprintf(p, sizeof path[0], "%s/%s", dir, name);
	return p;
}

static inline const char *write_bytes(const char *name, const char *bytes, size_t n)
{
	const char *path = path_of(name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	return path;
}

static inline const char *write_file(const char *name, const char *text)
{
	return write_bytes(name, text, strlen(text));
}

static inline struct config_set *load(const char *path)
{
	struct config_set *set = NULL;
	struct config_notes errors = {0};
	if (!config_load(path, &set, &errors))
		fail_msg("%s", errors.n ? errors.note[0] : "no reason given");
	assert_int_equal(errors.n, 0);
	return set;
}

/* The complaints about a text, each without the folder in front, joined by newlines. */
static inline char *complaints(const char *name, const char *text, size_t n)
{
	static char all[8192];
	struct config_set *set = NULL;
	struct config_notes errors = {0};
	size_t at = 0;
	const char *path = write_bytes(name, text, n);
	assert_false(config_load(path, &set, &errors));
	assert_null(set);
	all[0] = 0;
	for (size_t i = 0; i < errors.n; i++) {
		const char *e = errors.note[i];
		if (strncmp(e, dir, strlen(dir)) == 0)
			e += strlen(dir) + 1;
		at += (size_t)snprintf(all + at, sizeof all - at, "%s%s", i ? "\n" : "", e);
		assert_true(at < sizeof all);
	}
	config_notes_fini(&errors);
	unlink(path);
	return all;
}

struct golden {
	const char *text, *says;
};

static inline void check_goldens(const struct golden *g, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_string_equal(complaints("x.yaml", g[i].text, strlen(g[i].text)), g[i].says);
}

static inline int make_dir(void **state)
{
	unsetenv("LANYARD_CONFIG");
	return mkdtemp(dir) ? 0 : -1;
}

static inline int remove_dir(void **state)
{
	char command[64];
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

#endif
