/*
 * evlog.c - see evlog.h. Entries in memory stand in a list with ids without gaps: all there are, or those
 * that the file does not hold yet. Whoever reads looks into the file first and then into the list.
 */
#include "store/evlog.h"

#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "store/evlog_int.h"

#define SIZE_MEMORY 1000
#define SIZE_FILE   100000
#define PENDING_MAX (4u << 20) /* octets that wait for the disk */

struct evlog {
	struct evlog_db *db; /* NULL: in memory */
	uint32_t size;
	struct evlog_item *first, *last;
	size_t count, octets;
	uint64_t next_id;
};

enum lan_err evlog_open(const char *path, uint32_t size, struct evlog **out, const char **why)
{
	uint64_t oldest, newest = 0;
	struct evlog *e = calloc(1, sizeof *e);
	*why = "out of memory";
	if (!e)
		return LAN_ERR_NOMEM;
	e->size = size ? size : path ? SIZE_FILE : SIZE_MEMORY;
	if (path) {
		enum lan_err err = evlog_db_open(path, e->size, &e->db, why);
		if (err) {
			free(e);
			return err;
		}
		evlog_db_range(e->db, &oldest, &newest);
	}
	e->next_id = newest + 1;
	*why = "";
	*out = e;
	return LAN_OK;
}

static void drop_first(struct evlog *e)
{
	struct evlog_item *i = e->first;
	e->first = i->next;
	if (!e->first)
		e->last = NULL;
	e->count--;
	e->octets -= i->octets;
	free(i);
}

/* What the file holds by now need not stay in memory. */
static void settle(struct evlog *e)
{
	if (!e->db)
		return;
	enum lan_err trouble;
	uint64_t written = evlog_db_written(e->db, &trouble);
	while (e->first && e->first->id <= written)
		drop_first(e);
}

void evlog_close(struct evlog *e)
{
	if (!e)
		return;
	if (e->db)
		evlog_db_close(e->db);
	while (e->first)
		drop_first(e);
	free(e);
}

static struct evlog_item *item_of(const char *src, size_t src_len, const char *msg, size_t msg_len)
{
	size_t octets = sizeof(struct evlog_item) + src_len + msg_len + 2;
	struct evlog_item *i = malloc(octets);
	if (!i)
		return NULL;
	char *text = (char *)(i + 1);
	memcpy(text, src, src_len + 1);
	memcpy(text + src_len + 1, msg, msg_len + 1);
	*i = (struct evlog_item){.src = text, .msg = text + src_len + 1, .octets = octets};
	return i;
}

enum lan_err evlog_add(struct evlog *e, int64_t date_ms, const char *src, const char *msg)
{
	size_t src_len = strlen(src), msg_len = strlen(msg);
	if (src_len > EVLOG_SRC_MAX || msg_len > EVLOG_MSG_MAX)
		return LAN_ERR_TOOBIG;
	if (!lan_utf8_valid(src, src_len) || !lan_utf8_valid(msg, msg_len))
		return LAN_ERR_UTF8;
	settle(e);
	if (e->db && e->octets > PENDING_MAX)
		return LAN_ERR_FULL;
	struct evlog_item *i = item_of(src, src_len, msg, msg_len);
	if (!i)
		return LAN_ERR_NOMEM;
	i->id = e->next_id++;
	i->date_ms = date_ms;
	e->count++;
	e->octets += i->octets;
	struct evlog_item *before = e->last;
	e->last = i;
	if (!e->first)
		e->first = i;
	if (e->db)
		evlog_db_write(e->db, before, i);
	else if (before)
		before->next = i;
	if (!e->db && e->count > e->size)
		drop_first(e);
	return LAN_OK;
}

bool evlog_next(struct evlog *e, int64_t since_ms, uint64_t after, struct evlog_entry *out)
{
	settle(e);
	if (e->db && (!e->first || after + 1 < e->first->id) && evlog_db_next(e->db, since_ms, after, out))
		return true;
	for (const struct evlog_item *i = e->first; i; i = i->next)
		if (i->id > after && i->date_ms >= since_ms) {
			*out = (struct evlog_entry){i->id, i->date_ms, i->src, i->msg};
			return true;
		}
	return false;
}

uint64_t evlog_tail(struct evlog *e, size_t n)
{
	uint64_t newest = e->next_id - 1;
	return newest > n ? newest - n : 0;
}

uint64_t evlog_unwritten(const struct evlog *e, enum lan_err *why)
{
	*why = LAN_OK;
	return e->db ? e->next_id - 1 - evlog_db_written(e->db, why) : 0;
}

enum lan_err evlog_sync(struct evlog *e)
{
	return e->db ? evlog_db_sync(e->db, e->next_id - 1) : LAN_OK;
}
