/*
 * config.c - from files to one checked configuration.
 *
 * The main file is -c, $LANYARD_CONFIG or /etc/lanyard/lanyard.yaml; beside it
 * conf.d/ *.yaml in lexical order. Later files override the keys of `daemon`
 * one by one and add to the lists. If neither the default file nor its
 * conf.d exists, the built-in configuration serves one link on loopback. All
 * files are looked at before giving up, so that one run shows every error.
 *
 * Refused: what is not a regular file or a pipe, files over 1 MiB, an empty
 * main file, a conf.d that anybody may write to.
 */
#include "daemon/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/units.h"

static const char built_in[] = "link:\n  - {name: boards, role: server, listen: '127.0.0.1:8123'}\n";

void config_note(struct config_notes *n, const char *fmt, ...)
{
	struct text t = {0};
	va_list ap;
	if (n->n == CONFIG_NOTES_MAX) {
		n->more++;
		return;
	}
	va_start(ap, fmt);
	text_vprintf(&t, fmt, ap);
	va_end(ap);
	n->note[n->n] = text_take(&t);
	if (n->note[n->n])
		n->n++;
	else
		n->more++;
}

void config_notes_fini(struct config_notes *n)
{
	for (size_t i = 0; i < n->n; i++)
		free(n->note[i]);
	*n = (struct config_notes){0};
}

#define SECTIONS_MAX 5

struct load {
	struct config_set *set;
	struct config_notes *errors;
	size_t *file_of[SECTIONS_MAX]; /* of each list: which of set->files each entry came from */
	bool bad;
};

static void fail(struct load *l, const char *file, const char *what)
{
	config_note(l->errors, "%s: %s", file, what);
	l->bad = true;
}

/* The whole file with a NUL behind it, or NULL and *what says why. */
static char *slurp(const char *path, size_t *len, const char **what)
{
	struct stat st;
	char *buf = NULL;
	ssize_t got = 0;
	size_t n = 0;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	*what = NULL;
	if (fd < 0 || fstat(fd, &st) < 0)
		*what = strerror(errno);
	else if (S_ISDIR(st.st_mode))
		*what = "is a directory, not a file";
	else if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		*what = "is not a regular file";
	else if (!(buf = malloc(CONFIG_FILE_MAX + 2)))
		*what = "out of memory";
	if (!*what) {
		fcntl(fd, F_SETFL, 0);
		while (n <= CONFIG_FILE_MAX && (got = read(fd, buf + n, CONFIG_FILE_MAX + 1 - n)) != 0) {
			if (got < 0 && errno == EINTR)
				continue;
			if (got < 0) {
				*what = strerror(errno);
				break;
			}
			n += (size_t)got;
		}
	}
	if (!*what && n > CONFIG_FILE_MAX)
		*what = "is larger than 1 MiB";
	if (fd >= 0)
		close(fd);
	if (*what) {
		free(buf);
		return NULL;
	}
	buf[n] = 0;
	*len = n;
	return buf;
}

static void take_text(char **to, char **from)
{
	char *old = *to;
	if (!*from)
		return;
	*to = *from;
	*from = old;
}

/* Later wins, key by key; what loses stays in `from` and is freed with it. */
static void merge_daemon(struct config_daemon **to, struct config_daemon **from)
{
	struct config_daemon *t = *to, *f = *from;
	if (!t || !f) {
		if (f) {
			*to = f;
			*from = NULL;
		}
		return;
	}
	take_text(&t->name, &f->name);
	take_text(&t->socket, &f->socket);
	take_text(&t->privileges, &f->privileges);
	if (f->events) {
		uint32_t *old = t->events;
		t->events = f->events;
		f->events = old;
	}
	if (t->log && f->log) {
		take_text(&t->log->level, &f->log->level);
		take_text(&t->log->format, &f->log->format);
	} else if (f->log) {
		t->log = f->log;
		f->log = NULL;
	}
}

/* The entries of one list move behind those that are there; `from` is left with empty ones. */
static bool merge_list(
	struct load *l, const struct config_key *k, size_t **file_of, struct config *from, size_t file)
{
	char **to_at = (char **)((char *)l->set->config + k->offset), *entries;
	char *from_at = *(char **)((char *)from + k->offset);
	uint32_t *have = (uint32_t *)((char *)l->set->config + k->count_offset);
	uint32_t more = *(uint32_t *)((char *)from + k->count_offset);
	size_t n = (size_t)*have + more, *files;
	if (!more)
		return true;
	entries = realloc(*to_at, n * k->size);
	if (entries)
		*to_at = entries;
	files = realloc(*file_of, n * sizeof *files);
	if (files)
		*file_of = files;
	if (!entries || !files)
		return false;
	memcpy(entries + *have * k->size, from_at, more * k->size);
	memset(from_at, 0, more * k->size);
	while (*have < n)
		files[(*have)++] = file;
	return true;
}

static bool merge_lists(struct load *l, struct config *from, size_t file)
{
	size_t i = 0;
	for (const struct config_key *k = config_top_keys; k->name; k++)
		if (k->kind == CONFIG_MAPS && !merge_list(l, k, &l->file_of[i++], from, file))
			return false;
	return true;
}

/* *secret: becomes true if there is one in the text. */
static void load_text(
	struct load *l, const char *file, const char *yaml, size_t len, bool may_be_empty, bool *secret)
{
	bool empty;
	struct config *c;
	if (!config_lint(file, yaml, len, l->errors, &empty)) {
		l->bad = true;
		return;
	}
	if (empty) {
		if (may_be_empty)
			config_note(&l->set->warnings, "%s: empty, nothing configured by it", file);
		else
			fail(l, file,
				"empty: expected \"daemon:\", \"link:\", \"channel:\", \"stream:\", "
				"\"neighbor:\" or \"sensor:\" (see lanyard.yaml(5))");
		return;
	}
	c = config_parse(file, yaml, len, l->errors);
	if (!c) {
		l->bad = true;
		return;
	}
	for (uint32_t i = 0; i < c->channel_count; i++)
		*secret |= config_channel_secret(&c->channel[i]);
	merge_daemon(&l->set->config->daemon, &c->daemon);
	if (!merge_lists(l, c, l->set->n_files - 1))
		fail(l, file, "out of memory");
	config_free(c);
}

static void load_file(struct load *l, const char *path, bool may_be_empty)
{
	struct stat st;
	const char *what;
	size_t len = 0;
	bool secret = false;
	char **files = realloc(l->set->files, (l->set->n_files + 1) * sizeof *files);
	char *copy = strdup(path), *yaml;
	if (files)
		l->set->files = files;
	if (!files || !copy) {
		free(copy);
		fail(l, path, "out of memory");
		return;
	}
	files[l->set->n_files++] = copy;
	yaml = slurp(path, &len, &what);
	if (!yaml) {
		fail(l, path, what);
		return;
	}
	load_text(l, path, yaml, len, may_be_empty, &secret);
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IWOTH))
		config_note(&l->set->warnings, "%s: anybody may write to this file (chmod o-w)", path);
	if (secret && stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH))
		config_note(&l->set->warnings, "%s: anybody may read the key in this file (chmod o-r)", path);
	free(yaml);
}

static int is_yaml(const struct dirent *d)
{
	size_t n = strlen(d->d_name);
	return d->d_name[0] != '.' && n > 5 && strcmp(d->d_name + n - 5, ".yaml") == 0;
}

/* Byte order whatever the locale, so that a reload sorts as the start did. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* The conf.d beside `main_path`. Returns the number of files found. */
static size_t load_conf_d(struct load *l, const char *main_path)
{
	struct dirent **names = NULL;
	struct stat st;
	struct text dir = {0}, path = {0};
	const char *slash = strrchr(main_path, '/');
	int n = 0;
	text_printf(&dir, "%.*sconf.d", slash ? (int)(slash - main_path + 1) : 0, main_path);
	if (stat(text_str(&dir), &st) == 0 && S_ISDIR(st.st_mode)) {
		if (st.st_mode & S_IWOTH)
			fail(l, text_str(&dir), "anybody may write to this directory (chmod o-w)");
		else if ((n = scandir(text_str(&dir), &names, is_yaml, by_name)) < 0)
			fail(l, text_str(&dir), strerror(errno));
	}
	for (int i = 0; i < n; i++) {
		text_clear(&path);
		text_printf(&path, "%s/%s", text_str(&dir), names[i]->d_name);
		load_file(l, text_str(&path), true);
		free(names[i]);
	}
	free(names);
	text_fini(&path);
	text_fini(&dir);
	return n > 0 ? (size_t)n : 0;
}

struct section {
	const struct config_key *maps;
	const char *entries;
	uint32_t n;
	const size_t *file_of;
};

static const char *text_at(const struct section *s, uint32_t i, const struct config_key *k)
{
	return *(char *const *)(s->entries + i * s->maps->size + k->offset);
}

/* One key of two entries of different files. */
static void check_pair(
	struct load *l, const struct section *s, uint32_t i, uint32_t j, const struct config_distinct *d)
{
	const struct config_key *k = config_key_named(s->maps->sub, d->key),
				*name = config_key_named(s->maps->sub, "name");
	const char *a = text_at(s, j, k), *b = text_at(s, i, k), *what = s->maps->entry->name;
	const char *fa = l->set->files[s->file_of[j]], *fb = l->set->files[s->file_of[i]];
	if (!a || !b || strcmp(a, b) != 0 || config_may_repeat(k, b))
		return;
	if (k == name)
		config_note(l->errors, "%s: %s \"%s\" is in %s already", fb, what, b, fa);
	else
		config_note(l->errors, "%s: %s \"%s\" %s %s as %s \"%s\" does (%s)", fb, what,
			text_at(s, i, name), d->verb, b, what, text_at(s, j, name), fa);
	l->bad = true;
}

/* What two entries of different files may not have in common beside a key. */
static void check_clash(struct load *l, const struct section *s, uint32_t i, uint32_t j)
{
	const struct config_key *name = config_key_named(s->maps->sub, "name");
	struct text t = {0};
	const char *what =
		s->maps->entry->clash(s->entries + j * s->maps->size, s->entries + i * s->maps->size, &t);
	if (what) {
		config_note(l->errors, "%s: %s \"%s\" claims %s as %s \"%s\" does (%s)",
			l->set->files[s->file_of[i]], s->maps->entry->name, text_at(s, i, name), what,
			s->maps->entry->name, text_at(s, j, name), l->set->files[s->file_of[j]]);
		l->bad = true;
	}
	text_fini(&t);
}

/* Between files; within one file config_lint has looked. Quadratic in at most some thousands. */
static void check_section(struct load *l, const struct section *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		for (uint32_t j = 0; j < i; j++) {
			if (s->file_of[i] == s->file_of[j])
				continue;
			for (const struct config_distinct *d = s->maps->entry->distinct; d->key; d++)
				check_pair(l, s, i, j, d);
			if (s->maps->entry->clash)
				check_clash(l, s, i, j);
		}
	if (s->n > s->maps->max) {
		config_note(l->errors, "%s: more than %llu %ss", l->set->source,
			(unsigned long long)s->maps->max, s->maps->entry->name);
		l->bad = true;
	}
}

/* A neighbor and a sensor, in whatever files: both would get the frames of both. */
static void check_frames(struct load *l, const struct section *neighbors, const struct section *sensors)
{
	struct text t = {0};
	for (uint32_t i = 0; i < sensors->n; i++)
		for (uint32_t j = 0; j < neighbors->n; j++) {
			const struct config_sensor *s = &l->set->config->sensor[i];
			const struct config_neighbor *b = &l->set->config->neighbor[j];
			const char *what = config_frames_meet(b, s, &t);
			if (!what)
				continue;
			config_note(l->errors,
				"%s: sensor \"%s\" claims %s as neighbor \"%s\" does (%s): each would get "
				"the other's frames; give the neighbor, and those it is to meet, another, "
				"e.g. \"ethertype: 0x88b6\"",
				l->set->files[sensors->file_of[i]], s->name, what, b->name,
				l->set->files[neighbors->file_of[j]]);
			l->bad = true;
		}
	text_fini(&t);
}

static void check_across_files(struct load *l)
{
	const char *c = (const char *)l->set->config;
	size_t i = 0, entries = 0;
	struct section neighbors = {0}, sensors = {0};
	for (const struct config_key *k = config_top_keys; k->name; k++) {
		if (k->kind != CONFIG_MAPS)
			continue;
		struct section s = {k, *(char *const *)(c + k->offset),
			*(const uint32_t *)(c + k->count_offset), l->file_of[i++]};
		check_section(l, &s);
		entries += s.n;
		if (k->entry == &config_neighbor_entry)
			neighbors = s;
		if (k->entry == &config_sensor_entry)
			sensors = s;
	}
	check_frames(l, &neighbors, &sensors);
	if (!entries)
		config_note(&l->set->warnings,
			"%s: no link, no channel, no stream, no neighbor and no sensor is configured",
			l->set->source);
}

/* A host name is nearly always a valid name; if not, the program's will do. */
static char *own_name(void)
{
	char host[65] = "", buf[64];
	static const struct config_key name = {"name", CONFIG_NAME};
	if (gethostname(host, sizeof host - 1) != 0 || config_check(&name, host, buf, sizeof buf))
		return strdup("lanyard");
	return strdup(host);
}

static bool fill_links(struct config_set *set, const struct config_key *maps)
{
	for (uint32_t i = 0; i < set->config->link_count; i++) {
		struct config_link *k = &set->config->link[i];
		if (!config_fill(k, maps->sub, config_role_of(maps, k)) || !config_link_fill(k))
			return false;
		if (k->only_expected && *k->only_expected && !k->expect_count)
			config_note(&set->warnings,
				"link \"%s\": only_expected without expect: nobody can connect", k->name);
	}
	return true;
}

static bool fill_channels(struct config_set *set, const struct config_key *maps)
{
	for (uint32_t i = 0; i < set->config->channel_count; i++) {
		struct config_channel *c = &set->config->channel[i];
		if (!config_fill(c, maps->sub, config_role_of(maps, c)) ||
			!config_channel_fill(c, set->config->daemon))
			return false;
	}
	return true;
}

static bool fill_streams(struct config_set *set, const struct config_key *maps)
{
	for (uint32_t i = 0; i < set->config->stream_count; i++) {
		struct config_stream *s = &set->config->stream[i];
		if (!config_fill(s, maps->sub, config_role_of(maps, s)) || !config_stream_fill(s))
			return false;
	}
	return true;
}

static bool fill_neighbors(struct config_set *set, const struct config_key *maps)
{
	for (uint32_t i = 0; i < set->config->neighbor_count; i++) {
		struct config_neighbor *n = &set->config->neighbor[i];
		if (!config_fill(n, maps->sub, config_role_of(maps, n)) || !config_neighbor_fill(n))
			return false;
	}
	return true;
}

static bool fill_sensors(struct config_set *set, const struct config_key *maps)
{
	for (uint32_t i = 0; i < set->config->sensor_count; i++) {
		struct config_sensor *s = &set->config->sensor[i];
		if (!config_fill(s, maps->sub, config_role_of(maps, s)))
			return false;
		if (!s->slaves_count && strcmp(s->unlisted, "ignore") == 0)
			config_note(&set->warnings,
				"sensor \"%s\": no slaves, and unlisted ones are ignored: nobody is served",
				s->name);
	}
	return true;
}

static bool fill(struct config_set *set)
{
	struct config *c = set->config;
	if (!config_fill(c, config_top_keys, CONFIG_ANY))
		return false;
	if (!c->daemon->name && !(c->daemon->name = own_name()))
		return false;
	return fill_links(set, config_key_named(config_top_keys, "link")) &&
	       fill_channels(set, config_key_named(config_top_keys, "channel")) &&
	       fill_streams(set, config_key_named(config_top_keys, "stream")) &&
	       fill_neighbors(set, config_key_named(config_top_keys, "neighbor")) &&
	       fill_sensors(set, config_key_named(config_top_keys, "sensor"));
}

static bool load_sources(struct load *l, const char *path)
{
	struct stat st;
	const char *env = getenv("LANYARD_CONFIG");
	const char *main_path = path ? path : env && *env ? env : CONFIG_DEFAULT_FILE;
	bool secret = false, found = path || (env && *env) || stat(main_path, &st) == 0 || errno != ENOENT;
	l->set->source = strdup(main_path);
	l->set->config = calloc(1, sizeof *l->set->config);
	if (!l->set->source || !l->set->config)
		return false;
	if (found)
		load_file(l, main_path, false);
	if (load_conf_d(l, main_path) == 0 && !found) {
		free(l->set->source);
		l->set->source = strdup("built-in");
		if (!l->set->source)
			return false;
		load_text(l, "built-in", built_in, sizeof built_in - 1, false, &secret);
	}
	return true;
}

bool config_load(const char *path, struct config_set **out, struct config_notes *errors)
{
	struct load l = {.set = calloc(1, sizeof *l.set), .errors = errors};
	bool enough = l.set && load_sources(&l, path);
	if (enough && !l.bad)
		check_across_files(&l);
	if (enough && !l.bad)
		enough = fill(l.set);
	if (!enough)
		config_note(errors, "out of memory");
	for (size_t i = 0; i < SECTIONS_MAX; i++)
		free(l.file_of[i]);
	if (!enough || l.bad) {
		config_set_free(l.set);
		return false;
	}
	*out = l.set;
	return true;
}

void config_set_free(struct config_set *s)
{
	if (!s)
		return;
	config_free(s->config);
	for (size_t i = 0; i < s->n_files; i++)
		free(s->files[i]);
	free(s->files);
	free(s->source);
	config_notes_fini(&s->warnings);
	free(s);
}
